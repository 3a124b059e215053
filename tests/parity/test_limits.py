"""What the server takes of its callers: rates, guessing, the disk's reserve, and what is left of a flood in records and log."""

import json
import re
import signal

import pytest
from server import error_of, until

LIMITED = {"CAIRN_RATE_LIMIT": "20", "CAIRN_RATE_BURST": "20"}
RETRIES = {"total_max_attempts": 10, "mode": "standard"}


def metric(cairn, name):
    token = (cairn.data / "metrics-token").read_text()
    text = cairn.get("/metrics", {"authorization": f"Bearer {token}"})[2].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


def events(cairn, name):
    cloudtrail = cairn.client("cloudtrail", retries=RETRIES)
    pages = cloudtrail.get_paginator("lookup_events").paginate(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]


def exhaust(call):
    """Calls until it is refused for the rate; returns the refusal."""
    for _ in range(1000):
        try:
            call()
        except Exception as error:
            response = error.response
            return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]
    raise AssertionError("was never refused")


def test_each_protocol_says_it_in_its_own_words(new_cairn):
    cairn = new_cairn(env=LIMITED)
    for service, call, expected in [
        ("cloudtrail", "list_trails", ("ThrottlingException", 400, "Rate exceeded")),
        ("iam", "list_users", ("Throttling", 400, "Rate exceeded")),
        ("s3", "list_buckets", ("SlowDown", 503, "Please reduce your request rate.")),
        ("ec2", "describe_regions", ("RequestLimitExceeded", 503, "Request limit exceeded.")),
        ("lambda", "list_functions", ("ThrottlingException", 429, "Rate exceeded")),
    ]:
        client = cairn.client(service)

        def one():
            try:
                getattr(client, call)()
            except client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ("NotImplemented", "NotImplementedException"):
                    raise

        assert exhaust(one) == expected, service


def test_a_client_that_backs_off_succeeds_and_others_are_not_held_up(new_cairn):
    cairn = new_cairn(env=LIMITED)
    iam = cairn.client("iam", retries=RETRIES)
    key, secret = cairn.user("other", admin=True)
    for n in range(60):
        iam.create_user(UserName=f"user{n}")
    assert metric(cairn, "cairn_throttled_total") > 0
    # Somebody else has a rate of their own.
    exhaust(cairn.client("iam").list_users)
    assert cairn.client("iam", key=key, secret=secret).list_users()["Users"]


def test_throttled_calls_are_recorded_and_a_flood_of_them_together(new_cairn):
    cairn = new_cairn(env=LIMITED)
    iam = cairn.client("iam")
    refused = 0
    for _ in range(400):
        try:
            iam.list_users()
        except iam.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "Throttling"
            refused += 1
    assert refused > 100
    # What was summed up is written at the latest when the server stops.
    cairn.settings.update({"CAIRN_RATE_LIMIT": "off"})
    cairn.settings.pop("CAIRN_RATE_BURST")
    cairn.restart()
    own = [record for record in events(cairn, "ListUsers") if record.get("errorCode") == "Throttling"]
    summed = events(cairn, "ThrottledCalls")
    assert all(record["errorMessage"] == "Rate exceeded" and record["userIdentity"]["type"] == "Root" for record in own + summed)
    assert 10 <= len(own) < refused / 2
    assert all(record["eventType"] == "AwsServiceEvent" for record in summed)
    assert len(own) + sum(int(record["additionalEventData"]["throttledCalls"]) for record in summed) == refused


def test_guessing_is_limited_and_whoever_knows_is_let_through(new_cairn):
    cairn = new_cairn()
    before = metric(cairn, "cairn_records_written_total")
    codes = []
    for n in range(600):
        status, _, body = cairn.signed("GET", "/", service="s3", secret=f"guess{n}")
        codes.append(re.search(b"<Code>(.*?)</Code>", body)[1].decode())
    assert codes[0] == "SignatureDoesNotMatch" and codes[-1] == "SlowDown", (codes[0], codes[-1])
    throttled = codes.count("SlowDown")
    assert throttled >= 100
    # Without a signature neither.
    assert cairn.http("GET", "/nobody")[0] == 503
    # The same address with the right key.
    assert cairn.client("s3").list_buckets()["Buckets"] == []
    # The flood left few records: those before the limit.
    written = metric(cairn, "cairn_records_written_total") - before
    assert written <= 600 - throttled + 2, (written, throttled)
    cairn.restart()
    summed = events(cairn, "ThrottledCalls")
    assert [record["sourceIPAddress"] for record in summed] == ["127.0.0.1"] * len(summed)
    assert sum(int(record["additionalEventData"]["throttledCalls"]) for record in summed) == throttled + 1
    assert all(record["userIdentity"]["type"] == "Unknown" for record in summed)


def test_below_the_reserve_nothing_grows_and_the_rest_goes_on(new_cairn):
    cairn = new_cairn()
    iam, s3 = cairn.client("iam"), cairn.client("s3")
    iam.create_user(UserName="there")
    s3.create_bucket(Bucket="there")
    s3.put_object(Bucket="there", Key="k", Body=b"body")
    cairn.settings["CAIRN_DISK_RESERVE"] = "10000TiB"
    cairn.restart()
    iam, s3 = cairn.client("iam"), cairn.client("s3")
    for call, given in [(iam.create_user, {"UserName": "new"}), (s3.put_object, {"Bucket": "there", "Key": "new", "Body": b"b"})]:
        code, status, message = error_of(call, **given)
        assert (code, status) == ("ServiceUnavailable", 503) and "disk is nearly full" in message
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["there"]
    assert s3.get_object(Bucket="there", Key="k")["Body"].read() == b"body"
    assert cairn.get("/readyz")[0] == 200
    # What makes room is let through.
    s3.delete_object(Bucket="there", Key="k")
    iam.delete_user(UserName="there")
    assert metric(cairn, "cairn_calls_refused_disk_total") == 2
    refused = [record for record in events(cairn, "CreateUser") if record.get("errorCode") == "ServiceUnavailable"]
    assert len(refused) == 1 and refused[0]["requestParameters"] == {"userName": "new"}


def test_the_log_is_json_with_who_and_what_and_without_secrets(new_cairn):
    cairn = new_cairn(env={"CAIRN_LOG_FORMAT": "json", "CAIRN_LOG": "info,gateway=debug"})
    token = "A-SESSION-TOKEN-THAT-NOBODY-MUST-SEE"
    error_of(cairn.client("iam").get_user, UserName="nobody")
    headers = {"x-amz-security-token": token, "x-amz-target": "CloudTrail_20131101.ListTrails", "content-type": "application/x-amz-json-1.1"}
    assert cairn.signed("POST", "/", b"{}", headers, "cloudtrail")[0] == 400
    key, secret = cairn.user("known")

    def lines():
        text = cairn.log.read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    failed = until(lambda: [line for line in lines() if line.get("operation") == "GetUser"], "the failure is logged")[0]
    assert failed["service"] == "iam.amazonaws.com" and failed["principal"].endswith(":root") and failed["code"] == "NoSuchEntity"
    assert failed["source_ip"] == "127.0.0.1" and re.fullmatch("[0-9a-f-]{36}", failed["request_id"]) and failed["status"] == 404
    text = cairn.log.read_text()
    for hidden in (token, cairn.secret, secret, "Signature="):
        assert hidden not in text
    assert "\x1b[" not in text


def test_lines_for_people_have_no_colours_in_a_file_and_an_open_port_is_warned_of(new_cairn):
    cairn = new_cairn(env={"CAIRN_LISTEN": "0.0.0.0:0"})
    text = cairn.log.read_text()
    assert "is not encrypted" in text and "\x1b[" not in text
    # Without TLS there is nothing to read again; a hangup ends nothing all the same.
    cairn.process.send_signal(signal.SIGHUP)
    assert cairn.get("/healthz")[0] == 200


@pytest.mark.parametrize("setting, text, expected", [
    ("CAIRN_RATE_LIMIT", "fast", "rate_limit"), ("CAIRN_DISK_RESERVE", "lots", "disk_reserve"), ("CAIRN_LOG_FORMAT", "xml", "log_format"),
])
def test_mistakes_in_settings_are_named(cairn, setting, text, expected):
    done = cairn.cairn("env", check=False, env={setting: text})
    assert done.code == 1 and expected in done.err, done
