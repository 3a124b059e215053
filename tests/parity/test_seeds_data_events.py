"""Data events of S3, as the documents that people follow ask for them. Each test is named after its document and step."""

import json
from collections import Counter

import logs
from server import trail_policy

REGION = "ap-southeast-1"
IMAGES, ARTIFACTS, OTHER = "vinashoes-product-images", "vinashoes-cicd-artifacts", "vinashoes-newsletter"
TRACKED = {"GetObject", "PutObject", "DeleteObject"}


def log_bucket(cairn, bucket, region):
    cairn.aws(f"s3 mb s3://{bucket}", region=region)
    cairn.aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(trail_policy(bucket))], region=region)
    return bucket


def select(cairn, trail, values, region, check=True):
    selectors = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [{"Type": "AWS::S3::Object", "Values": values}]}]
    return cairn.aws(["cloudtrail", "put-event-selectors", "--trail-name", trail, "--event-selectors", json.dumps(selectors)],
                     region=region, check=check)


def shown(cairn, trail, region):
    return cairn.aws(f"cloudtrail get-event-selectors --trail-name {trail}", region=region).json["EventSelectors"]


def data_events(cairn, bucket):
    return [record for _, record in logs.records(cairn.client("s3"), bucket) if record["eventCategory"] == "Data"]


def put_get_delete(cairn, bucket, region):
    """What the document tracks, once each."""
    at = f"--bucket {bucket} --key folder/shoe.png"
    (cairn.folder / "shoe.png").write_text("image")
    cairn.aws(f"s3api put-object {at} --body shoe.png", region=region, cwd=cairn.folder)
    cairn.aws(f"s3api get-object {at} fetched.png", region=region, cwd=cairn.folder)
    cairn.aws(f"s3api delete-object {at}", region=region)


def test_000_data_events_of_the_critical_buckets(cairn):
    """`S3 Resources: arn:aws:s3:::vinashoes-product-images/*`: read and write events of two buckets, and of no other.

    The API takes what ARNs begin with. As it is written there, `/*` would select objects whose keys begin with an asterisk, so it
    is refused, with what to write instead; with the slash alone it selects what the document means."""
    logs_bucket = log_bucket(cairn, "vinashoes-data-event-logs", REGION)
    cairn.aws(f"cloudtrail create-trail --name vinashoes-audit-trail --s3-bucket-name {logs_bucket} --is-multi-region-trail", region=REGION)
    before = shown(cairn, "vinashoes-audit-trail", REGION)
    as_written = [f"arn:aws:s3:::{IMAGES}/*", f"arn:aws:s3:::{ARTIFACTS}/*"]
    refused = select(cairn, "vinashoes-audit-trail", as_written, REGION, check=False)
    assert refused.code != 0 and "InvalidEventSelectorsException" in refused.err, refused
    assert f"Value {as_written[0]} for DataResources.Values is invalid" in refused.err and "arn:aws:s3:::BUCKET/" in refused.err, refused
    assert shown(cairn, "vinashoes-audit-trail", REGION) == before and before[0]["DataResources"] == []

    meant = [value.removesuffix("*") for value in as_written]
    select(cairn, "vinashoes-audit-trail", meant, REGION)
    assert shown(cairn, "vinashoes-audit-trail", REGION)[0]["DataResources"] == [{"Type": "AWS::S3::Object", "Values": meant}]
    cairn.aws("cloudtrail start-logging --name vinashoes-audit-trail", region=REGION)
    for bucket in (IMAGES, ARTIFACTS, OTHER):
        cairn.aws(f"s3 mb s3://{bucket}", region=REGION)
        put_get_delete(cairn, bucket, REGION)
        cairn.aws(f"s3api list-objects-v2 --bucket {bucket}", region=REGION)
    cairn.flush()
    found = data_events(cairn, logs_bucket)
    listings = [record for record in found if record["eventName"] == "ListObjects"]
    assert [record["resources"][0] for record in listings] == \
        [{"type": "AWS::S3::Object", "ARNPrefix": f"arn:aws:s3:::{bucket}/"} for bucket in (IMAGES, ARTIFACTS)]
    found = [record for record in found if record not in listings]
    assert Counter((record["requestParameters"]["bucketName"], record["eventName"]) for record in found) == \
        {(bucket, name): 1 for bucket in (IMAGES, ARTIFACTS) for name in TRACKED}
    for record in found:
        bucket = record["requestParameters"]["bucketName"]
        assert record["requestParameters"]["key"] == "folder/shoe.png" and record["managementEvent"] is False
        assert record["readOnly"] is (record["eventName"] == "GetObject")
        assert {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/folder/shoe.png"} in record["resources"]
    cairn.aws("cloudtrail delete-trail --name vinashoes-audit-trail", region=REGION)


def test_002_data_events_must_be_enabled_and_can_be_of_all_buckets(cairn):
    """`Data events are not logged by default`; `Can log all buckets or specific buckets`: with `arn:aws:s3`, of those named nowhere."""
    region = "us-east-1"
    logs_bucket = log_bucket(cairn, "all-buckets-logs", region)
    cairn.aws(f"cloudtrail create-trail --name my-trail --s3-bucket-name {logs_bucket}")
    cairn.aws("cloudtrail start-logging --name my-trail")
    cairn.aws("s3 mb s3://named-nowhere")
    cairn.aws("s3 cp - s3://named-nowhere/report.csv", stdin="a,b")
    cairn.aws("s3api get-object --bucket named-nowhere --key report.csv by-default", cwd=cairn.folder)
    cairn.flush()
    assert logs.log_keys(cairn.client("s3"), logs_bucket) and data_events(cairn, logs_bucket) == []

    select(cairn, "my-trail", ["arn:aws:s3"], region)
    cairn.aws("s3 mb s3://made-later")
    cairn.aws("s3 cp - s3://made-later/report.csv", stdin="a,b")
    cairn.aws("s3api get-object --bucket named-nowhere --key report.csv enabled", cwd=cairn.folder)
    cairn.flush()
    found = Counter((record["requestParameters"]["bucketName"], record["eventName"]) for record in data_events(cairn, logs_bucket)
                    if record["eventName"] in TRACKED and record["requestParameters"]["bucketName"] != logs_bucket)
    assert found == {("named-nowhere", "GetObject"): 1, ("made-later", "PutObject"): 1}
    cairn.aws("cloudtrail delete-trail --name my-trail")
