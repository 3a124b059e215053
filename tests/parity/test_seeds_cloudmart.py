"""The trail of a lab that people follow: its bucket, its prefix, what it logs and what it does not, and how one sees that it logs."""

import json

import pytest

import logs
from server import ACCOUNT, trail_policy
from validation import validate

TRAIL = "CloudMart-Audit-Trail"
BUCKET = f"cloudmart-audit-logs-{ACCOUNT}"
# Not the region of IAM's events: `Enable for all regions (REQUIRED for IAM events)`.
HOME = "eu-central-1"


def create(cairn, bucket, prefix="audit/", check=True):
    return cairn.aws(["cloudtrail", "create-trail", "--name", TRAIL, "--s3-bucket-name", bucket, "--s3-key-prefix", prefix,
                      "--is-multi-region-trail", "--enable-log-file-validation"], region=HOME, check=check)


def put_policy(cairn, bucket, prefix=None):
    """The bucket policy of CloudTrail's user guide: with a prefix it lets the trail write under that alone."""
    policy = trail_policy(bucket)
    if prefix:
        policy["Statement"][1]["Resource"] = f"arn:aws:s3:::{bucket}/{prefix}/AWSLogs/{ACCOUNT}/*"
    cairn.aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(policy)], region=HOME)


@pytest.mark.parametrize("policy", ["none", "of another prefix"])
def test_004_the_bucket_policy_must_allow_cloudtrail_writes(cairn, name, policy):
    """`CloudTrail not logging? Verify S3 bucket policy allows CloudTrail writes`: a bucket that does not is refused at once."""
    cairn.aws(f"s3 mb s3://{name}", region=HOME)
    if policy != "none":
        put_policy(cairn, name, "other")
    refused = create(cairn, name, check=False)
    assert refused.code != 0 and "(InsufficientS3BucketPolicyException)" in refused.err, refused
    assert f"Incorrect S3 bucket policy is detected for bucket: {name}" in refused.err
    assert cairn.aws("cloudtrail list-trails", region=HOME).json == {"Trails": []}
    assert "Contents" not in cairn.aws(f"s3api list-objects-v2 --bucket {name} --output json", region=HOME).out, "nothing was written"


def test_004_step_1_create_cloudtrail_for_cloudmart(cairn):
    """The configuration as the lab gives it, prefix `audit/` with its slash, and `Verification Steps: Check CloudTrail is logging`.

    CloudTrail puts a slash between prefix and `AWSLogs`, whatever the prefix ends with: of `audit/` keys are `audit//AWSLogs/…`."""
    aws = lambda words, **more: cairn.aws(words, region=HOME, **more)
    assert aws("sts get-caller-identity").json["Account"] == ACCOUNT
    aws(f"s3 mb s3://{BUCKET}")
    put_policy(cairn, BUCKET, "audit/")
    made = create(cairn, BUCKET).json
    assert (made["S3KeyPrefix"], made["IsMultiRegionTrail"], made["LogFileValidationEnabled"], made["IncludeGlobalServiceEvents"]) == \
        ("audit/", True, True, True)
    # Management events: read and write; data events and Insights: disabled.
    assert aws(f"cloudtrail get-event-selectors --trail-name {TRAIL}").json["EventSelectors"] == \
        [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}]
    shown = aws(f"cloudtrail describe-trails --trail-name-list {TRAIL}").json["trailList"][0]
    assert (shown["HasCustomEventSelectors"], shown["HasInsightSelectors"]) == (False, False)
    assert aws(f"cloudtrail get-trail-status --name {TRAIL}").json["IsLogging"] is False
    aws(f"cloudtrail start-logging --name {TRAIL}")

    aws("s3 mb s3://cloudmart-orders")
    aws("s3 ls")
    aws("s3 cp - s3://cloudmart-orders/1.json", stdin="{}")
    aws("iam create-user --user-name cloudmart-clerk")
    cairn.aws("s3 ls", region="ap-northeast-1")
    cairn.flush()

    status = aws(f"cloudtrail get-trail-status --name {TRAIL}").json
    assert status["IsLogging"] is True and status["LatestDeliveryTime"] and status["LatestDigestDeliveryTime"], status
    assert not {"LatestDeliveryError", "LatestDigestDeliveryError"} & set(status), status
    listed = [line.split()[-1] for line in aws(f"s3 ls s3://{BUCKET} --recursive").out.splitlines()]
    files = [key for key in listed if "/CloudTrail/" in key]
    assert all(key.startswith(f"audit//AWSLogs/{ACCOUNT}/CloudTrail") for key in listed), listed
    assert {logs.LOG_NAME.fullmatch(key)["region"] for key in files} == {HOME, "us-east-1", "ap-northeast-1"}
    records = [record for _, record in logs.records(cairn.client("s3"), BUCKET)]
    assert {"CreateBucket", "ListBuckets", "CreateUser"} <= {record["eventName"] for record in records}
    assert {record["eventCategory"] for record in records} == {"Management"}
    for region in {HOME, "us-east-1"}:
        digests, valid = validate(cairn, made["TrailARN"], region).all_valid()
        assert digests > 0 and valid > 0
    aws(f"cloudtrail delete-trail --name {TRAIL}")
