"""Server access logs: who may be the target, what a line says, and that each request is in them once."""

import re

import pytest
from server import ACCOUNT, error_of

# As the documentation of the format gives it to those who parse it: 27 fields, three in quotes, one in brackets.
FIELDS = ["owner", "bucket", "time", "ip", "requester", "request_id", "operation", "key", "uri", "status", "error", "sent", "size", "total",
          "turn_around", "referrer", "agent", "version", "host_id", "signature", "cipher", "auth", "host", "tls", "arn", "acl", "region"]
FIELD = re.compile(r'"((?:[^"])*)"|\[([^\]]*)\]|(\S+)')


def parse(text):
    lines = []
    for line in text.splitlines():
        values = [next(filter(None, match.groups()), "") for match in FIELD.finditer(line)]
        assert len(values) == len(FIELDS), line
        lines.append(dict(zip(FIELDS, values)))
    return lines


def policy(target, source):
    return """{"Version":"2012-10-17","Statement":[{"Sid":"S3ServerAccessLogsPolicy","Effect":"Allow",
      "Principal":{"Service":"logging.s3.amazonaws.com"},"Action":["s3:PutObject"],"Resource":"arn:aws:s3:::%s/*",
      "Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::%s"},"StringEquals":{"aws:SourceAccount":"%s"}}}]}""" % (target, source, ACCOUNT)


@pytest.fixture
def target(s3, bucket):
    name = f"{bucket}-logs"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, bucket))
    return name


def log_to(s3, bucket, target, **more):
    enabled = {"TargetBucket": target, "TargetPrefix": "access/", **more}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})


def lines(s3, target):
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=target).get("Contents", [])]
    return keys, [line for key in keys for line in parse(s3.get_object(Bucket=target, Key=key)["Body"].read().decode())]


def test_who_may_be_the_target(s3, bucket, target, name):
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    for wrong in ("there-is-no-such-bucket", bucket):
        code, status, _ = error_of(log_to, s3, bucket, wrong)
        assert (code, status) == ("InvalidTargetBucketForLogging", 400)
    log_to(s3, bucket, target)
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {"TargetBucket": target, "TargetPrefix": "access/"}
    dated = {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}
    log_to(s3, bucket, target, TargetObjectKeyFormat=dated)
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetObjectKeyFormat"] == dated
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_requests_are_logged_line_by_line(cairn, s3, bucket, target):
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    log_to(s3, bucket, target)
    s3.put_object(Bucket=bucket, Key="a b", Body=b"hello")
    s3.get_object(Bucket=bucket, Key="a b")["Body"].read()
    s3.get_object(Bucket=bucket, Key="a b", Range="bytes=0-1")["Body"].read()
    error_of(s3.get_object, Bucket=bucket, Key="none")
    s3.list_objects_v2(Bucket=bucket, Prefix="a")
    s3.get_bucket_versioning(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="a b")
    assert cairn.get(f"/{bucket}/a%20b")[0] == 403
    s3.put_object(Bucket=target, Key="mine", Body=b"not logged")
    s3.delete_object(Bucket=target, Key="mine")
    cairn.flush()
    keys, found = lines(s3, target)
    assert all(re.fullmatch(r"access/\d{4}(-\d\d){5}-[0-9A-F]{16}", key) for key in keys)
    seen = [(line["operation"], line["key"], line["uri"], line["status"], line["error"]) for line in found]
    assert seen == [
        ("REST.PUT.LOGGING_STATUS", "-", f"PUT /{bucket}?logging HTTP/1.1", "200", "-"),
        ("REST.PUT.OBJECT", "a%20b", f"PUT /{bucket}/a%20b HTTP/1.1", "200", "-"),
        ("REST.GET.OBJECT", "a%20b", f"GET /{bucket}/a%20b HTTP/1.1", "200", "-"),
        ("REST.GET.OBJECT", "a%20b", f"GET /{bucket}/a%20b HTTP/1.1", "206", "-"),
        ("REST.GET.OBJECT", "none", f"GET /{bucket}/none HTTP/1.1", "404", "NoSuchKey"),
        ("REST.GET.BUCKET", "-", f"GET /{bucket}?list-type=2&encoding-type=url&prefix=a HTTP/1.1", "200", "-"),
        ("REST.GET.VERSIONING", "-", f"GET /{bucket}?versioning HTTP/1.1", "200", "-"),
        ("REST.DELETE.OBJECT", "a%20b", f"DELETE /{bucket}/a%20b HTTP/1.1", "204", "-"),
        ("REST.GET.OBJECT", "a%20b", f"GET /{bucket}/a%20b HTTP/1.1", "403", "AccessDenied"),
    ]
    put, anonymous = found[1], found[-1]
    owner = s3.get_bucket_acl(Bucket=target)["Owner"]["ID"]
    assert {name: put[name] for name in ("owner", "bucket", "ip", "requester", "size", "signature", "auth", "host", "region")} == {
        "owner": owner, "bucket": bucket, "ip": "127.0.0.1", "requester": owner, "size": "5", "signature": "SigV4", "auth": "AuthHeader",
        "host": cairn.host, "region": "us-east-1"}
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", put["time"]) and "Boto3" in put["agent"]
    assert (anonymous["requester"], anonymous["auth"]) == ("-", "-")
    # The logger's own writing is not logged, and what is flushed is not written again.
    cairn.flush()
    assert lines(s3, target)[0] == keys


def test_sizes_of_what_was_read_in_part_and_lines_of_each_object_that_was_deleted(cairn, s3, bucket, target):
    log_to(s3, bucket, target)
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")["Body"].read()
    s3.head_object(Bucket=bucket, Key="k")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "none"}, {"Key": "bad", "VersionId": "x"}], "Quiet": True})
    cairn.flush()
    _, found = lines(s3, target)
    seen = [(line["operation"], line["key"], line["status"], line["error"], line["sent"], line["size"], line["version"]) for line in found[1:]]
    assert seen == [
        ("REST.PUT.OBJECT", "k", "200", "-", "-", "10", "-"),
        ("REST.GET.OBJECT", "k", "206", "-", "3", "10", "-"),
        ("REST.HEAD.OBJECT", "k", "200", "-", "-", "10", "-"),
        ("REST.POST.MULTI_OBJECT_DELETE", "-", "200", "-", found[4]["sent"], "-", "-"),
        ("BATCH.DELETE.OBJECT", "k", "204", "-", "-", "-", "-"),
        ("BATCH.DELETE.OBJECT", "none", "204", "-", "-", "-", "-"),
        ("BATCH.DELETE.OBJECT", "bad", "400", "InvalidArgument", "-", "-", "x"),
    ]
    assert len({line["request_id"] for line in found[4:]}) == 1


def test_a_target_has_no_default_retention_and_no_requester_pays(s3, bucket, target):
    s3.put_bucket_request_payment(Bucket=target, RequestPaymentConfiguration={"Payer": "Requester"})
    code, status, text = error_of(log_to, s3, bucket, target)
    assert (code, status) == ("InvalidTargetBucketForLogging", 400) and "Requester Pays" in text
    s3.put_bucket_request_payment(Bucket=target, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket=target, ObjectLockConfiguration=rule)
    code, status, text = error_of(log_to, s3, bucket, target)
    assert (code, status) == ("InvalidTargetBucketForLogging", 400) and "retention" in text


def test_each_request_is_there_once_over_crashes(new_cairn):
    cairn = new_cairn()
    s3 = cairn.client("s3")
    for name in ("src", "logs"):
        s3.create_bucket(Bucket=f"{name}-bucket")
    s3.put_bucket_policy(Bucket="logs-bucket", Policy=policy("logs-bucket", "src-bucket"))
    log_to(s3, "src-bucket", "logs-bucket")
    for life in range(4):
        for number in range(10):
            cairn.client("s3").put_object(Bucket="src-bucket", Key=f"k{life}-{number}", Body=b"x")
        if life % 2:
            cairn.flush()
        cairn.kill()
        cairn.start()
    cairn.flush()
    _, found = lines(cairn.client("s3"), "logs-bucket")
    wanted = sorted(f"k{life}-{number}" for life in range(4) for number in range(10))
    assert sorted(line["key"] for line in found if line["operation"] == "REST.PUT.OBJECT") == wanted


def test_a_target_by_list_and_logs_by_date(cairn, s3, bucket):
    target = f"{bucket}-by-list"
    s3.create_bucket(Bucket=target, ObjectOwnership="BucketOwnerPreferred", ACL="log-delivery-write")
    log_to(s3, bucket, target, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
    s3.head_bucket(Bucket=bucket)
    cairn.flush()
    keys, found = lines(s3, target)
    assert re.fullmatch(rf"access/{ACCOUNT}/us-east-1/{bucket}/\d{{4}}/\d\d/\d\d/\d{{4}}-\d\d-\d\d-00-00-00-[0-9A-F]{{16}}", keys[0])
    assert found[-1]["operation"] == "REST.HEAD.BUCKET"
