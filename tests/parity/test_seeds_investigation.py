"""Who did what to a bucket, as the documents that people follow ask it: of the event history, and of the log files.

`Event history: 90 days` is a matter of months; the unit test `sealed_history_is_found_after_a_restart_and_dropped_after_90_days` in
services/cloudtrail/src/ops/tests.rs goes through them: an event is found on day 89 and gone on day 91."""

import json

import pytest

import logs
from server import trail_policy


@pytest.fixture
def trail(cairn, name):
    """A trail, and the bucket with its files."""
    bucket = f"{name}-logs"
    cairn.aws(f"s3 mb s3://{bucket}")
    cairn.aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(trail_policy(bucket))])
    cairn.aws(f"cloudtrail create-trail --name {name} --s3-bucket-name {bucket}")
    cairn.aws(f"cloudtrail start-logging --name {name}")
    yield bucket
    cairn.aws(f"cloudtrail delete-trail --name {name}")


def look_up(cairn, event, bucket):
    """The events of that name that are about that bucket, newest first: (event, its record)."""
    asked = f"cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue={event}"
    found = [(event, json.loads(event["CloudTrailEvent"])) for event in cairn.aws(asked).json["Events"]]
    return [(event, record) for event, record in found if record["requestParameters"]["bucketName"] == bucket]


def in_log_file(cairn, bucket, record):
    """That very record, as a log file of the trail has it."""
    cairn.flush()
    found = [other for _, other in logs.records(cairn.client("s3"), bucket) if other["eventID"] == record["eventID"]]
    assert found == [record]


def test_001_a_bucket_deletion_that_failed_is_recorded(cairn, trail):
    """`SCENARIO 2: User cố DELETE bucket nhưng THẤT BẠI (Access Denied)`: CloudTrail records `DeleteBucket FAILED - AccessDenied`."""
    cairn.aws("s3 mb s3://production-app-data")
    cairn.aws("iam create-user --user-name john.doe")
    made = cairn.aws("iam create-access-key --user-name john.doe").json["AccessKey"]
    refused = cairn.aws("s3api delete-bucket --bucket production-app-data", key=made["AccessKeyId"], secret=made["SecretAccessKey"], check=False)
    assert refused.code != 0 and "(AccessDenied) when calling the DeleteBucket operation" in refused.err, refused
    assert "production-app-data" in cairn.aws("s3 ls").out
    [(event, record)] = look_up(cairn, "DeleteBucket", "production-app-data")
    assert (event["Username"], event["AccessKeyId"], event["ReadOnly"]) == ("john.doe", made["AccessKeyId"], "false")
    assert record["errorCode"] == "AccessDenied" and "s3:DeleteBucket" in record["errorMessage"] and record["responseElements"] is None
    assert record["userIdentity"]["type"] == "IAMUser" and record["userIdentity"]["userName"] == "john.doe" and record["sourceIPAddress"]
    in_log_file(cairn, trail, record)
    # `Ai đã xóa S3 bucket này?` Who did it in the end is told apart.
    cairn.aws("s3 rb s3://production-app-data")
    done, failed = look_up(cairn, "DeleteBucket", "production-app-data")
    assert "errorCode" not in done[1] and done[1]["userIdentity"]["type"] == "Root" and failed[1] == record


def test_002_bucket_operations_are_looked_up(cairn, trail):
    """`S3 Operations: CreateBucket, DeleteBucket, PutBucketPolicy, DeleteBucketPolicy`, each by its name."""
    bucket = "looked-up"
    policy = trail_policy(bucket)
    for command in [["create-bucket"], ["put-bucket-policy", "--policy", json.dumps(policy)], ["delete-bucket-policy"], ["delete-bucket"]]:
        cairn.aws(["s3api", command[0], "--bucket", bucket, *command[1:]])
    times = []
    for name in ["CreateBucket", "PutBucketPolicy", "DeleteBucketPolicy", "DeleteBucket"]:
        [(event, record)] = look_up(cairn, name, bucket)
        assert event["EventName"] == record["eventName"] == name and event["EventSource"] == "s3.amazonaws.com"
        assert event["ReadOnly"] == "false" and record["managementEvent"] is True and "errorCode" not in record
        assert {"ResourceType": "AWS::S3::Bucket", "ResourceName": bucket} in event["Resources"]
        if name == "PutBucketPolicy":
            assert record["requestParameters"]["bucketPolicy"] == policy
        times.append(record["eventTime"])
        last = record
    assert times == sorted(times)
    in_log_file(cairn, trail, last)
