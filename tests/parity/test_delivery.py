"""What trails deliver: each call in exactly one log file of each trail that selects it, in AWS's layout."""

import json
import re

import pytest

import logs
from server import ACCOUNT, error_of, trail_policy, until


def request_id(answer):
    return answer["ResponseMetadata"]["RequestId"]


@pytest.fixture
def cairn(new_cairn):
    return new_cairn()


def test_each_call_in_one_file_of_each_trail_that_selects_it(cairn):
    s3, sts = cairn.client("s3"), cairn.client("sts")
    for bucket in ["all-logs", "one-logs", "write-logs", "data-logs", "content"]:
        cairn.bucket_for_trails(bucket)
    cairn.trail("all", "all-logs", IsMultiRegionTrail=True, S3KeyPrefix="some/prefix")
    cairn.client("cloudtrail", "eu-west-1").create_trail(Name="one", S3BucketName="one-logs", IncludeGlobalServiceEvents=False)
    cairn.client("cloudtrail", "eu-west-1").start_logging(Name="one")
    cairn.trail("write", "write-logs", IsMultiRegionTrail=True, start=False)
    cairn.trail("data", "data-logs", start=False)
    ct = cairn.client("cloudtrail")
    ct.put_event_selectors(TrailName="write", EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}])
    ct.put_event_selectors(TrailName="data", AdvancedEventSelectors=[{"Name": "d", "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::content/in/"]}, {"Field": "readOnly", "Equals": ["false"]}]}])
    ct.start_logging(Name="write")
    ct.start_logging(Name="data")

    eu = cairn.client("cloudtrail", "eu-west-1")
    asked = {
        "read": request_id(ct.describe_trails()),
        "write": request_id(s3.put_bucket_tagging(Bucket="content", Tagging={"TagSet": []})),
        "eu read": request_id(eu.list_trails()),
        "eu write": request_id(eu.put_event_selectors(TrailName="one", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}])),
        "global": request_id(cairn.client("iam", "eu-west-1").list_users()),
        "sts": request_id(sts.get_caller_identity()),
        "put in": request_id(s3.put_object(Bucket="content", Key="in/k", Body=b"hello")),
        "put out": request_id(s3.put_object(Bucket="content", Key="out/k", Body=b"hello")),
        "get in": request_id(s3.get_object(Bucket="content", Key="in/k")),
        "delete in": request_id(s3.delete_object(Bucket="content", Key="in/k")),
    }
    cairn.flush()
    cairn.flush()
    selected = {
        "all-logs": {"read", "write", "eu read", "eu write", "global", "sts"},
        "one-logs": {"eu read", "eu write"},
        "write-logs": {"write", "eu write"},
        "data-logs": {"put in", "delete in"},
    }
    for bucket, expected in selected.items():
        found = logs.by_request(s3, bucket)
        got = {name for name, id_ in asked.items() if id_ in found}
        assert got == expected, (bucket, got ^ expected)
        assert all(len(found[asked[name]]) == 1 for name in expected), bucket
        ids = [record["eventID"] for hits in found.values() for _, record in hits]
        assert len(ids) == len(set(ids)), bucket
    for key in logs.log_keys(s3, "all-logs"):
        match = logs.LOG_NAME.fullmatch(key)
        assert match and match["prefix"] == "some/prefix" and match["account"] == ACCOUNT and match["region"] == match["in_name"], key
    regions = {logs.LOG_NAME.fullmatch(key)["region"] for key in logs.log_keys(s3, "all-logs")}
    assert regions == {"us-east-1", "eu-west-1"}
    for key, record in logs.records(s3, "all-logs"):
        assert record["awsRegion"] == logs.LOG_NAME.fullmatch(key)["region"]


def test_what_a_record_holds(cairn):
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("logs")
    arn = cairn.trail("trail", "logs")
    ct.put_event_selectors(TrailName="trail", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True,
                           "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::content/"]}]}])
    s3.create_bucket(Bucket="content")
    answers = {
        "created": cairn.client("iam").create_user(UserName="alice", Tags=[{"Key": "k", "Value": "v"}]),
        "updated": ct.update_trail(Name="trail", EnableLogFileValidation=True),
        "listed": ct.list_trails(),
        "put": s3.put_object(Bucket="content", Key="ü k", Body=b"hello"),
        "got": s3.get_object(Bucket="content", Key="ü k", Range="bytes=0-1"),
        "bucket": s3.create_bucket(Bucket="content-2"),
    }
    key, secret = cairn.user("bob", admin=True)
    answers["by bob"] = cairn.client("s3", key=key, secret=secret).list_buckets()
    refused = error_of(ct.get_trail, Name="no-such-trail")
    cairn.flush()
    found = logs.by_request(s3, "logs")
    record = {name: found[request_id(answer)][0][1] for name, answer in answers.items()}

    for name, each in record.items():
        assert each["eventVersion"] == "1.11" and each["eventType"] == "AwsApiCall" and each["recipientAccountId"] == ACCOUNT
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each["eventTime"])
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each["eventID"])
        assert each["sourceIPAddress"] == "127.0.0.1" and "Boto3" in each["userAgent"]
        assert each["eventCategory"] == ("Data" if name in ("put", "got") else "Management")
        assert each["managementEvent"] is (name not in ("put", "got"))
        assert each["readOnly"] is (name in ("listed", "got", "by bob")), name
    root = record["created"]["userIdentity"]
    assert root == {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT, "accessKeyId": cairn.key}
    bob = record["by bob"]["userIdentity"]
    assert bob["type"] == "IAMUser" and bob["userName"] == "bob" and bob["arn"].endswith(":user/bob") and bob["principalId"].startswith("AIDA")
    created = record["created"]
    assert (created["eventSource"], created["eventName"], created["awsRegion"]) == ("iam.amazonaws.com", "CreateUser", "us-east-1")
    assert created["requestParameters"]["userName"] == "alice"
    assert created["responseElements"]["user"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert record["updated"]["requestParameters"] == {"name": "trail", "enableLogFileValidation": True}
    assert record["updated"]["responseElements"]["trailARN"] == arn
    assert record["listed"]["responseElements"] is None
    put = record["put"]
    assert put["requestParameters"]["bucketName"] == "content" and put["requestParameters"]["key"] == "ü k"
    assert put["additionalEventData"]["bytesTransferredIn"] == 5 and put["additionalEventData"]["SignatureVersion"] == "SigV4"
    assert put["additionalEventData"]["AuthenticationMethod"] == "AuthHeader"
    assert {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::content/ü k"} in put["resources"]
    assert {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::content"} in put["resources"]
    assert record["got"]["additionalEventData"]["bytesTransferredOut"] == 2
    assert record["bucket"]["requestParameters"]["bucketName"] == "content-2"
    errors = [each for hits in found.values() for _, each in hits if each.get("errorCode") == "TrailNotFoundException"]
    assert len(errors) == 1 and errors[0]["errorMessage"] == refused[2] and errors[0]["requestParameters"] == {"name": "no-such-trail"}
    head = s3.head_object(Bucket="logs", Key=logs.log_keys(s3, "logs")[0])
    assert head["ContentType"] == "application/json" and head["ContentEncoding"] == "gzip"


def test_delivery_goes_on_by_itself(new_cairn):
    cairn = new_cairn(delivery="1s", digest="1s")
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("logs")
    cairn.trail("trail", "logs")
    asked = request_id(ct.list_trails())
    until(lambda: asked in logs.by_request(s3, "logs"), "the call is in a log file")
    until(lambda: any(digest["logFiles"] for _, digest in logs.digests(s3, "logs")), "a digest names log files")
    status = ct.get_trail_status(Name="trail")
    assert status["LatestDeliveryTime"] and status["LatestDigestDeliveryTime"] and "LatestDeliveryError" not in status
    assert "AWSLogs" in s3.list_objects_v2(Bucket="logs", Delimiter="/")["CommonPrefixes"][0]["Prefix"]


def test_stopped_trails_get_nothing_more(cairn):
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("logs")
    cairn.trail("trail", "logs")
    before = request_id(ct.list_trails())
    ct.stop_logging(Name="trail")
    between = request_id(ct.list_trails())
    ct.start_logging(Name="trail")
    after = request_id(ct.list_trails())
    cairn.flush()
    found = logs.by_request(s3, "logs")
    assert [id_ in found for id_ in (before, between, after)] == [True, False, True]
    logs.check_digests(s3, "logs", "trail")


def test_a_bucket_that_vanishes_holds_up_nobody(new_cairn):
    cairn = new_cairn(delivery="1s", digest="1h")
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    for bucket in ["gone", "fine"]:
        cairn.bucket_for_trails(bucket)
        cairn.trail(f"{bucket}-trail", bucket)
    cairn.flush()
    for key in logs.keys(s3, "gone"):
        s3.delete_object(Bucket="gone", Key=key)
    for attempt in range(20):
        # A delivery may have come between.
        for key in logs.keys(s3, "gone"):
            s3.delete_object(Bucket="gone", Key=key)
        try:
            s3.delete_bucket(Bucket="gone")
            break
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "BucketNotEmpty"
    asked = request_id(ct.list_trails())
    until(lambda: ct.get_trail_status(Name="gone-trail").get("LatestDeliveryError") == "NoSuchBucket", "the error shows")
    assert ct.get_trail_status(Name="gone-trail")["LatestDeliveryAttemptTime"]
    until(lambda: asked in logs.by_request(s3, "fine"), "the other trail goes on")
    assert "LatestDeliveryError" not in ct.get_trail_status(Name="fine-trail")
    done = cairn.cairn("flush", check=False)
    assert done.code == 1 and "gone-trail" in done.err, done
    cairn.restart()
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("gone")
    until(lambda: asked in logs.by_request(s3, "gone"), "what waited is delivered")
    until(lambda: not ct.get_trail_status(Name="gone-trail").get("LatestDeliveryError"), "the error is gone")
    assert len(logs.by_request(s3, "gone")[asked]) == 1


def test_a_bucket_that_forbids(cairn):
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("logs")
    cairn.trail("trail", "logs")
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps(trail_policy("logs", write=False)))
    asked = request_id(ct.list_trails())
    assert cairn.cairn("flush", check=False).code == 1
    assert ct.get_trail_status(Name="trail")["LatestDeliveryError"] == "AccessDenied"
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps(trail_policy("logs")))
    until(lambda: cairn.cairn("flush", check=False).code == 0, "delivered after the policy allows it")
    assert len(logs.by_request(s3, "logs")[asked]) == 1
    logs.check_digests(s3, "logs", "trail")
