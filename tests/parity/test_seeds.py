"""Command lines from the documents that people follow, as they stand there: trails, selectors, look-up, validation, buckets.

What needs CloudWatch Logs, SNS, Insights or CloudTrail Lake is tested with the services that bring it.
"""

import json

import pytest

import logs
from validation import validate

ACCOUNT = "123456789012"
REGION = "ap-southeast-1"
SHOES = "vinashoes-cloudtrail-logs-ap-southeast-1"

SHOES_POLICY = """
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "AWSCloudTrailAclCheck",
      "Effect": "Allow",
      "Principal": {
        "Service": "cloudtrail.amazonaws.com"
      },
      "Action": "s3:GetBucketAcl",
      "Resource": "arn:aws:s3:::vinashoes-cloudtrail-logs-ap-southeast-1"
    },
    {
      "Sid": "AWSCloudTrailWrite",
      "Effect": "Allow",
      "Principal": {
        "Service": "cloudtrail.amazonaws.com"
      },
      "Action": "s3:PutObject",
      "Resource": "arn:aws:s3:::vinashoes-cloudtrail-logs-ap-southeast-1/*",
      "Condition": {
        "StringEquals": {
          "s3:x-amz-acl": "bucket-owner-full-control"
        }
      }
    }
  ]
}
"""


@pytest.mark.parametrize("versioned, prefix", [(False, "audit-logs"), (True, "audit-logs/")])
def test_set_up_and_clean_up_of_a_shop(new_cairn, tmp_path, versioned, prefix):
    """An audit trail of all regions with a key prefix, validation and data events, and the steps that remove it.

    The document writes the prefix with a slash. As CloudTrail adds one itself, its keys are then `audit-logs//AWSLogs/…`."""
    cairn = new_cairn()
    (tmp_path / "policy.json").write_text(SHOES_POLICY.strip())

    def sh(script, **more):
        return cairn.sh(script, cwd=tmp_path, region=REGION, **more)

    sh("aws s3 mb s3://vinashoes-cloudtrail-logs-ap-southeast-1 --region ap-southeast-1")
    sh(f"aws s3api put-bucket-policy --bucket {SHOES} --policy file://policy.json")
    if versioned:
        sh(f"aws s3api put-bucket-versioning --bucket {SHOES} --versioning-configuration Status=Enabled")
    made = sh(f"""aws cloudtrail create-trail --name vinashoes-audit-trail --s3-bucket-name {SHOES} --s3-key-prefix {prefix} \
        --is-multi-region-trail --enable-log-file-validation""").json
    assert made["TrailARN"] == f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/vinashoes-audit-trail" and made["S3KeyPrefix"] == prefix
    selectors = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [
        {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::vinashoes-product-images/", "arn:aws:s3:::vinashoes-cicd-artifacts/"]},
        {"Type": "AWS::DynamoDB::Table", "Values": [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}" for table in ("User", "Product", "Order")]}]}]
    sh(f"aws cloudtrail put-event-selectors --trail-name vinashoes-audit-trail --event-selectors '{json.dumps(selectors)}'")
    sh("aws cloudtrail start-logging --name vinashoes-audit-trail")
    sh("aws s3 mb s3://vinashoes-product-images")
    sh("echo image | aws s3 cp - s3://vinashoes-product-images/shoe.png")
    # All regions: what is called elsewhere is in the same bucket.
    cairn.sh("aws s3 mb s3://vinashoes-frankfurt", region="eu-central-1")
    cairn.flush()
    # How much is stored is what the document has people look at every week.
    listed = sh(f"aws s3 ls s3://{SHOES} --recursive --summarize").out
    lines, _, summary = listed.partition("\nTotal Objects: ")
    sizes = {line.split()[3]: int(line.split()[2]) for line in lines.splitlines()}
    assert summary.split() == [str(len(sizes)), "Total", "Size:", str(sum(sizes.values()))] and all(sizes.values()), listed
    place = f"{prefix}/AWSLogs/{ACCOUNT}/CloudTrail"
    assert all(key.startswith(place) for key in sizes), listed
    for region in (REGION, "eu-central-1"):
        assert [key for key in sizes if key.startswith(f"{place}/{region}/")], listed
    events = [(record["awsRegion"], record["eventName"]) for _, record in logs.records(cairn.client("s3"), SHOES, f"{place}/eu-central-1/")]
    assert ("eu-central-1", "CreateBucket") in events
    verdict = sh(f"aws cloudtrail validate-logs --trail-arn {made['TrailARN']} --start-time $(date -u -d '1 hour ago' +%FT%TZ)").out
    assert "digest files valid" in verdict and "INVALID" not in verdict

    sh("aws cloudtrail stop-logging --name vinashoes-audit-trail")
    sh("aws cloudtrail delete-trail --name vinashoes-audit-trail")
    sh("aws s3 rm s3://vinashoes-cloudtrail-logs-ap-southeast-1 --recursive")
    versions = """aws s3api delete-objects --bucket vinashoes-cloudtrail-logs-ap-southeast-1 --delete "$(aws s3api list-object-versions --bucket vinashoes-cloudtrail-logs-ap-southeast-1 --query='{Objects: Versions[].{Key:Key,VersionId:VersionId}}')\""""
    deleted = sh(versions, check=versioned)
    if versioned:
        markers = versions.replace("Versions[]", "DeleteMarkers[]")
        sh(markers)
    else:
        # Nothing is left to delete: as on AWS, the CLI is told so (Objects is null), and the bucket goes all the same.
        assert deleted.code != 0
    assert sh("aws s3 rb s3://vinashoes-cloudtrail-logs-ap-southeast-1").out == f"remove_bucket: {SHOES}\n"


CHAPTER = r"""
# Create trail
aws cloudtrail create-trail \
  --name my-trail \
  --s3-bucket-name my-cloudtrail-logs \
  --include-global-service-events \
  --is-multi-region-trail

# Start logging
aws cloudtrail start-logging \
  --name my-trail

# Get trail status
aws cloudtrail get-trail-status \
  --name my-trail

# List trails
aws cloudtrail describe-trails

# Get trail
aws cloudtrail get-trail \
  --name my-trail

# Put event selectors (enable data events)
aws cloudtrail put-event-selectors \
  --trail-name my-trail \
  --event-selectors '[
    {
      "ReadWriteType": "All",
      "IncludeManagementEvents": true,
      "DataResources": [
        {
          "Type": "AWS::S3::Object",
          "Values": ["arn:aws:s3:::my-bucket/"]
        }
      ]
    }
  ]'

# Look up events
aws cloudtrail lookup-events \
  --lookup-attributes AttributeKey=Username,AttributeValue=alice \
  --start-time 2024-01-01T00:00:00Z \
  --end-time 2024-01-31T23:59:59Z

# Get event selectors
aws cloudtrail get-event-selectors \
  --trail-name my-trail

# Stop logging
aws cloudtrail stop-logging \
  --name my-trail

# Delete trail
aws cloudtrail delete-trail \
  --name my-trail
"""


def test_a_chapter_on_api_auditing(cairn):
    cairn.bucket_for_trails("my-cloudtrail-logs")
    out = cairn.sh("set -euo pipefail\n" + CHAPTER).out
    assert '"IsLogging": true' in out and '"arn:aws:s3:::my-bucket/"' in out and '"Events": []' in out
    assert cairn.aws("cloudtrail describe-trails").json == {"trailList": []}


def test_recent_events_of_a_service(cairn):
    """The document writes the attribute's keys in lower case, which no CLI takes; in the CLI's own spelling it works."""
    cairn.aws("ec2 describe-instances", check=False)
    asked = "aws cloudtrail lookup-events --lookup-attributes {}=EventSource,{}=ec2.amazonaws.com --max-results 10"
    refused = cairn.sh(asked.format("attributeKey", "attributeValue"), check=False)
    assert refused.code != 0 and "attributeKey" in refused.err
    events = cairn.sh(asked.format("AttributeKey", "AttributeValue")).json["Events"]
    assert [event["EventName"] for event in events] == ["DescribeInstances"]


def test_validation_by_arn_and_start(cairn):
    """`aws cloudtrail validate-logs --trail-arn … --start-time …`, and the DeleteBucket record of the same document."""
    cairn.bucket_for_trails("validated-logs")
    arn = cairn.trail("validated", "validated-logs")
    cairn.aws("s3 mb s3://my-important-bucket")
    cairn.aws("s3 rb s3://my-important-bucket")
    cairn.flush()
    out = cairn.sh(f"aws cloudtrail validate-logs --trail-arn {arn} --start-time 2024-01-01T00:00:00Z").out
    assert "INVALID" not in out and "log files valid" in out
    found = cairn.aws("cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=DeleteBucket").json["Events"]
    record = json.loads(found[0]["CloudTrailEvent"])
    assert record["requestParameters"]["bucketName"] == "my-important-bucket" and record["responseElements"] is None
    assert record["readOnly"] is False and {"ARN": "arn:aws:s3:::my-important-bucket", "accountId": ACCOUNT, "type": "AWS::S3::Bucket"} in record["resources"]
    cairn.client("cloudtrail").delete_trail(Name="validated")


def test_a_production_trail_with_a_versioned_bucket(cairn):
    """Multi-region, validated, its bucket versioned, the log files of each region where the document shows them."""
    bucket, home = "production-cerpac-cloudtrail-logs", "eu-west-2"
    cairn.bucket_for_trails(bucket, home)
    cairn.aws(f"s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled", region=home)
    arn = cairn.aws(f"""cloudtrail create-trail --name production-cerpac-audit-trail --s3-bucket-name {bucket} --is-multi-region-trail
        --enable-log-file-validation""", region=home).json["TrailARN"]
    cairn.aws("cloudtrail start-logging --name production-cerpac-audit-trail", region=home)
    regions = {home, "us-east-1", "sa-east-1"}
    for region in regions:
        cairn.aws("s3 ls", region=region)
    cairn.flush()
    for region in regions:
        _, files = validate(cairn, arn, region).all_valid()
        assert files > 0, region
    listed = [line.split()[-1] for line in cairn.aws(f"s3 ls s3://{bucket} --recursive", region=home).out.splitlines()]
    found = [logs.LOG_NAME.fullmatch(key) for key in listed if "/CloudTrail/" in key]
    assert {place["region"] for place in found} == regions and {(place["prefix"], place["account"]) for place in found} == {(None, ACCOUNT)}
    cairn.aws("cloudtrail delete-trail --name production-cerpac-audit-trail", region=home)


def test_activity_for_a_lab(cairn):
    """Lines that make events; run twice, the second says that the policy is there."""
    lines = """
   # Create some S3 activity (safe, generates CloudTrail events)
   aws s3 mb s3://cloudmart-test-$(date +%s) 2>/dev/null || echo "Bucket creation attempted"
   aws s3 ls > /dev/null 2>&1
   # Create an IAM policy (generates IAM change event)
   aws iam create-policy --policy-name CloudMart-Test-Policy --policy-document '{
     "Version": "2012-10-17",
     "Statement": [{
       "Effect": "Allow",
       "Action": "s3:GetObject",
       "Resource": "*"
     }]
   }' 2>/dev/null || echo "Policy creation attempted - may already exist"
"""
    out = cairn.sh(lines).out
    assert "make_bucket: cloudmart-test-" in out and "policy/CloudMart-Test-Policy" in out and "attempted" not in out
    assert "Policy creation attempted - may already exist" in cairn.sh(lines).out
    asked = "cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=CreatePolicy"
    record = json.loads(cairn.aws(asked).json["Events"][0]["CloudTrailEvent"])
    assert record["requestParameters"]["policyName"] == "CloudMart-Test-Policy"
