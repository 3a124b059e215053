"""Steps from the documents that people follow for the bucket that keeps a trail's files: versioning, Object Lock, MFA Delete, and
how long files stay where. Each test is named after its document and step."""

import datetime
import json

import pytest

import logs
from mfa import Phone
from server import ACCOUNT, error_of, until

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture
def log_bucket(cairn, name):
    """A bucket with a trail's files in it."""
    cairn.bucket_for_trails(name)
    cairn.trail(name, name)
    cairn.client("s3").list_buckets()
    cairn.flush()
    assert files(cairn, name)
    yield name
    cairn.client("cloudtrail").delete_trail(Name=name)


def files(cairn, bucket):
    return logs.log_keys(cairn.client("s3"), bucket, "AWSLogs/")


def lifecycle(cairn, bucket, folder, *rules):
    (folder / "lifecycle.json").write_text(json.dumps({"Rules": rules}))
    cairn.aws(f"s3api put-bucket-lifecycle-configuration --bucket {bucket} --lifecycle-configuration file://lifecycle.json", cwd=folder)
    return cairn.aws(f"s3api get-bucket-lifecycle-configuration --bucket {bucket}").json["Rules"]


def test_000_ninety_days_in_s3(cairn, log_bucket, tmp_path):
    """Retention: 90 days in S3."""
    rule = {"ID": "ninety-days", "Status": "Enabled", "Filter": {"Prefix": "AWSLogs/"}, "Expiration": {"Days": 90}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    head = cairn.client("s3").head_object(Bucket=log_bucket, Key=files(cairn, log_bucket)[0])
    date = datetime.datetime.strptime(head["Expiration"].split('"')[1], "%a, %d %b %Y %H:%M:%S GMT")
    days = (date.replace(tzinfo=datetime.timezone.utc) - head["LastModified"]).days
    assert days in (90, 91) and 'rule-id="ninety%2Ddays"' in head["Expiration"]


def test_000_old_logs_move_to_cheaper_storage(cairn, log_bucket, tmp_path):
    """Log lifecycle: old logs go to Glacier; they are read again after a restore, unharmed."""
    s3 = cairn.client("s3")
    key = files(cairn, log_bucket)[0]
    before = s3.get_object(Bucket=log_bucket, Key=key)["Body"].read()
    # Log files are small: by default nothing below 128 KB is moved, so the rule names a size.
    rule = {"ID": "cheaper", "Status": "Enabled", "Filter": {"And": {"Prefix": "AWSLogs/", "ObjectSizeGreaterThan": 0}},
            "Transitions": [{"Date": "2020-01-01T00:00:00Z", "StorageClass": "GLACIER"}]}
    lifecycle(cairn, log_bucket, tmp_path, rule)
    until(lambda: s3.head_object(Bucket=log_bucket, Key=key).get("StorageClass") == "GLACIER", "the file is in Glacier")
    assert error_of(s3.get_object, Bucket=log_bucket, Key=key)[:2] == ("InvalidObjectState", 403)
    cairn.aws(["s3api", "restore-object", "--bucket", log_bucket, "--key", key, "--restore-request", '{"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}'])
    assert s3.get_object(Bucket=log_bucket, Key=key)["Body"].read() == before


def test_001_mfa_delete_on_the_log_bucket(cairn, log_bucket):
    """Enable S3 MFA Delete on the log bucket: files go only with a code, and the trail goes on writing."""
    s3, iam = cairn.client("s3"), cairn.client("iam")
    phone = Phone(iam, "root-account-mfa-device").enable(iam, ACCOUNT)
    cairn.aws(["s3api", "put-bucket-versioning", "--bucket", log_bucket, "--versioning-configuration", "Status=Enabled,MFADelete=Enabled",
               "--mfa", phone.show()])
    assert cairn.aws(f"s3api get-bucket-versioning --bucket {log_bucket}").json == {"Status": "Enabled", "MFADelete": "Enabled"}
    before = len(files(cairn, log_bucket))
    s3.list_buckets()
    cairn.flush()
    assert len(files(cairn, log_bucket)) > before
    version = next(v for v in s3.list_object_versions(Bucket=log_bucket, Prefix="AWSLogs/")["Versions"] if v["Key"] in files(cairn, log_bucket))
    delete = ["s3api", "delete-object", "--bucket", log_bucket, "--key", version["Key"], "--version-id", version["VersionId"]]
    refused = cairn.aws(delete, check=False)
    assert refused.code != 0 and "Mfa Authentication must be used for this request" in refused.err, refused
    cairn.aws([*delete, "--mfa", phone.show()])
    assert error_of(s3.head_object, Bucket=log_bucket, Key=version["Key"], VersionId=version["VersionId"])[1] == 404


def test_001_archive_and_delete_old_logs(cairn, log_bucket, tmp_path):
    """Use S3 lifecycle policies to archive/delete old logs."""
    rule = {"ID": "archive-then-delete", "Status": "Enabled", "Filter": {"Prefix": ""},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}],
            "Expiration": {"Days": 365}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]


def test_002_object_lock_for_immutability(cairn, name):
    """Use S3 object lock: write once, read many; prevents deletion. The trail's files are locked, whoever deletes."""
    s3 = cairn.client("s3")
    cairn.aws(f"s3api create-bucket --bucket {name} --object-lock-enabled-for-bucket")
    cairn.aws(["s3api", "put-object-lock-configuration", "--bucket", name, "--object-lock-configuration",
               "ObjectLockEnabled=Enabled,Rule={DefaultRetention={Mode=COMPLIANCE,Years=7}}"])
    cairn.bucket_for_trails(name)
    cairn.trail(name, name)
    s3.list_buckets()
    cairn.flush()
    key = files(cairn, name)[0]
    head = s3.head_object(Bucket=name, Key=key)
    assert head["ObjectLockMode"] == "COMPLIANCE" and head["ObjectLockRetainUntilDate"].year == head["LastModified"].year + 7
    refused = cairn.aws(["s3api", "delete-object", "--bucket", name, "--key", key, "--version-id", head["VersionId"],
                         "--bypass-governance-retention"], check=False)
    assert refused.code != 0 and "object protected by object lock" in refused.err, refused
    # To overwrite one is to add a version: the first is as it was.
    before = s3.get_object(Bucket=name, Key=key)["Body"].read()
    s3.put_object(Bucket=name, Key=key, Body=b"forged")
    assert s3.get_object(Bucket=name, Key=key, VersionId=head["VersionId"])["Body"].read() == before
    cairn.client("cloudtrail").delete_trail(Name=name)


def test_003_long_term_storage(cairn, log_bucket, tmp_path):
    """Versioning enabled; transition to Glacier after 90 days; logs retained for seven years and more."""
    cairn.aws(f"s3api put-bucket-versioning --bucket {log_bucket} --versioning-configuration Status=Enabled")
    assert cairn.aws(f"s3api get-bucket-versioning --bucket {log_bucket}").json["Status"] == "Enabled"
    rule = {"ID": "cloudtrail-retention", "Status": "Enabled", "Filter": {"Prefix": "AWSLogs/"},
            "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}], "Expiration": {"Days": 2555},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 2555}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    # Versioning protects against accidental deletion.
    s3, key = cairn.client("s3"), files(cairn, log_bucket)[0]
    marker = s3.delete_object(Bucket=log_bucket, Key=key)
    assert marker["DeleteMarker"] and key not in files(cairn, log_bucket)
    s3.delete_object(Bucket=log_bucket, Key=key, VersionId=marker["VersionId"])
    assert key in files(cairn, log_bucket)


def test_004_delete_logs_older_than_thirty_days(cairn, log_bucket, tmp_path):
    """A lifecycle policy that deletes logs older than 30 days; then the same with a date that is past, to see it happen."""
    rule = {"ID": "thirty-days", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    assert files(cairn, log_bucket), "they are young"
    rule["Expiration"] = {"Date": PAST.strftime("%Y-%m-%dT%H:%M:%SZ")}
    lifecycle(cairn, log_bucket, tmp_path, rule)
    until(lambda: not files(cairn, log_bucket), "old files are deleted")
