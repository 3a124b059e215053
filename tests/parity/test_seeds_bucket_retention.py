"""Steps from the documents that people follow for the bucket that keeps a trail's files: versioning, Object Lock, MFA Delete, and
how long files stay where. Each test is named after its document and step."""

import datetime
import json

import pytest

import logs
from mfa import Phone
from server import ACCOUNT, Failed, error_of, until

PAST = "2020-01-01T00:00:00Z"
# Log files are small, and by default nothing below 128 KB is moved: rules that archive them name a size.
ANY_SIZE = {"And": {"Prefix": "AWSLogs/", "ObjectSizeGreaterThan": 0}}
# Seven years have two leap days at most.
SEVEN_YEARS_DAYS = 7 * 365 + 2


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


def put_lifecycle(cairn, bucket, folder, *rules):
    (folder / "lifecycle.json").write_text(json.dumps({"Rules": rules}))
    cairn.aws(f"s3api put-bucket-lifecycle-configuration --bucket {bucket} --lifecycle-configuration file://lifecycle.json", cwd=folder)


def lifecycle(cairn, bucket, folder, *rules):
    """Sets rules, and returns what is shown of them."""
    put_lifecycle(cairn, bucket, folder, *rules)
    return cairn.aws(f"s3api get-bucket-lifecycle-configuration --bucket {bucket}").json["Rules"]


def head(cairn, bucket, key):
    return cairn.aws(["s3api", "head-object", "--bucket", bucket, "--key", key]).json


def expiry(shown):
    """When the header `x-amz-expiration` says that an object goes, by which rule, and when it was written."""
    _, date, _, rule, _ = shown["Expiration"].split('"')
    read = lambda text: datetime.datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)
    return read(date), rule, read(shown["LastModified"])


def moved(cairn, bucket, folder, rule, kind="GLACIER"):
    """Repeats a rule that moves with a date that is past, and sees all that it names move."""
    past = {key: value for key, value in rule.items() if key in ("ID", "Status", "Filter")}
    put_lifecycle(cairn, bucket, folder, {**past, "Transitions": [{"Date": PAST, "StorageClass": kind}]})
    listed = lambda: cairn.client("s3").list_objects_v2(Bucket=bucket, Prefix="AWSLogs/")["Contents"]
    until(lambda: {item["StorageClass"] for item in listed()} == {kind}, f"the files are in {kind}")


def expired(cairn, bucket, folder, rule):
    """Repeats a rule that deletes with a date that is past, and sees the files go."""
    assert files(cairn, bucket), "they are young"
    past = {key: value for key, value in rule.items() if key in ("ID", "Status", "Filter")}
    put_lifecycle(cairn, bucket, folder, {**past, "Expiration": {"Date": PAST}})
    until(lambda: not files(cairn, bucket), "old files are deleted")


def test_000_ninety_days_in_s3(cairn, log_bucket, tmp_path):
    """Retention: 90 days in S3."""
    rule = {"ID": "ninety-days", "Status": "Enabled", "Filter": {"Prefix": "AWSLogs/"}, "Expiration": {"Days": 90}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    date, by, written = expiry(head(cairn, log_bucket, files(cairn, log_bucket)[0]))
    assert (date - written).days in (90, 91) and by == "ninety%2Ddays"


def test_000_old_logs_move_to_cheaper_storage_after_thirty_days(cairn, log_bucket, tmp_path):
    """`S3: Chuyển sang lưu trữ rẻ hơn sau 30 ngày`, and 90 days in all; with a date that is past the files are in Glacier, and are read
    again after a restore, unharmed."""
    key = files(cairn, log_bucket)[0]
    at = ["--bucket", log_bucket, "--key", key]
    cairn.aws(["s3api", "get-object", *at, "before"], cwd=tmp_path)
    rule = {"ID": "cheaper", "Status": "Enabled", "Filter": ANY_SIZE, "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
            "Expiration": {"Days": 90}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    shown = head(cairn, log_bucket, key)
    assert "StorageClass" not in shown, "it is young"
    date, by, written = expiry(shown)
    assert (date - written).days in (90, 91) and by == "cheaper"
    moved(cairn, log_bucket, tmp_path, rule)
    assert head(cairn, log_bucket, key)["StorageClass"] == "GLACIER"
    refused = cairn.aws(["s3api", "get-object", *at, "archived"], cwd=tmp_path, check=False)
    assert refused.code != 0 and "(InvalidObjectState)" in refused.err, refused
    cairn.aws(["s3api", "restore-object", *at, "--restore-request", '{"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}'])
    cairn.aws(["s3api", "get-object", *at, "after"], cwd=tmp_path)
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes() != b""


def test_001_mfa_delete_on_the_log_bucket(cairn, log_bucket):
    """Enable S3 MFA Delete on the log bucket: files go only with a code, and the trail goes on writing."""
    s3, iam = cairn.client("s3"), cairn.client("iam")
    phone = Phone(iam, "root-account-mfa-device").enable(iam, ACCOUNT)
    cairn.aws(["s3api", "put-bucket-versioning", "--bucket", log_bucket, "--versioning-configuration", "Status=Enabled,MFADelete=Enabled",
               "--mfa", phone.show()])
    assert cairn.aws(f"s3api get-bucket-versioning --bucket {log_bucket}").json == {"Status": "Enabled", "MFADelete": "Enabled"}
    rules = '{"Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 365}}]}'
    refused = cairn.aws(["s3api", "put-bucket-lifecycle-configuration", "--bucket", log_bucket, "--lifecycle-configuration", rules], check=False)
    assert refused.code != 0 and "(InvalidBucketState)" in refused.err, refused
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
    """`Use S3 lifecycle policies to archive/delete old logs`; then with dates that are past: archived, then gone."""
    rule = {"ID": "archive-then-delete", "Status": "Enabled", "Filter": ANY_SIZE,
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}],
            "Expiration": {"Days": 365}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    moved(cairn, log_bucket, tmp_path, rule, "STANDARD_IA")
    moved(cairn, log_bucket, tmp_path, rule, "GLACIER")
    expired(cairn, log_bucket, tmp_path, rule)


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


def test_002_a_lock_that_ran_out_is_a_lock_no_more(cairn, name):
    """Write once, read many, until the date that was said: before it nobody deletes, after it the version can go."""
    cairn.aws(f"s3api create-bucket --bucket {name} --object-lock-enabled-for-bucket")
    now = lambda: datetime.datetime.now(datetime.timezone.utc)
    # Longer on a machine where the lock has run out before the first call was answered.
    for seconds in (6, 20, 60):
        ends = now().replace(microsecond=0) + datetime.timedelta(seconds=seconds)
        put = cairn.aws(["s3api", "put-object", "--bucket", name, "--key", f"log-{seconds}", "--object-lock-mode", "COMPLIANCE",
                         "--object-lock-retain-until-date", ends.strftime("%Y-%m-%dT%H:%M:%SZ")], check=False)
        if put.code == 0:
            delete = ["s3api", "delete-object", "--bucket", name, "--key", f"log-{seconds}", "--version-id", put.json["VersionId"]]
            refused = cairn.aws([*delete, "--bypass-governance-retention"], check=False)
            if now() < ends:
                break
        else:
            assert "The retain until date must be in the future!" in put.err and now() > ends, put
    else:
        raise Failed("no call was answered within a minute")
    assert refused.code != 0 and "object protected by object lock" in refused.err, refused
    until(lambda: now() > ends, "the date is past", seconds + 5)
    cairn.aws(delete)
    gone = cairn.aws([*delete[:1], "head-object", *delete[2:]], check=False)
    assert gone.code != 0 and "404" in gone.err, gone


def test_003_long_term_storage(cairn, log_bucket, tmp_path):
    """`Transition to S3 Glacier after 90 days`; `Retain logs for 7+ years`: then with dates that are past. In a bucket with versions what
    expires is hidden, and kept as long again."""
    cairn.aws(f"s3api put-bucket-versioning --bucket {log_bucket} --versioning-configuration Status=Enabled")
    rule = {"ID": "cloudtrail-retention", "Status": "Enabled", "Filter": ANY_SIZE,
            "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}], "Expiration": {"Days": SEVEN_YEARS_DAYS},
            "NoncurrentVersionExpiration": {"NoncurrentDays": SEVEN_YEARS_DAYS}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    kept = files(cairn, log_bucket)
    date, by, written = expiry(head(cairn, log_bucket, kept[0]))
    # The 28th, as the 29th of February is not in every year.
    assert date >= written.replace(year=written.year + 7, day=min(written.day, 28)) and by == "cloudtrail%2Dretention"
    assert date >= written + datetime.timedelta(days=SEVEN_YEARS_DAYS)
    moved(cairn, log_bucket, tmp_path, rule)
    expired(cairn, log_bucket, tmp_path, rule)
    versions = cairn.aws(f"s3api list-object-versions --bucket {log_bucket} --prefix AWSLogs/").json
    assert set(kept) <= {v["Key"] for v in versions["Versions"] if v["StorageClass"] == "GLACIER"}
    assert set(kept) <= {marker["Key"] for marker in versions["DeleteMarkers"]}


def test_003_versioning_protects_against_deletion_and_modification(cairn, log_bucket, tmp_path):
    """`Versioning Enabled: Protects against accidental deletion or modification`."""
    cairn.aws(f"s3api put-bucket-versioning --bucket {log_bucket} --versioning-configuration Status=Enabled")
    assert cairn.aws(f"s3api get-bucket-versioning --bucket {log_bucket}").json["Status"] == "Enabled"
    key = files(cairn, log_bucket)[0]
    at = f"--bucket {log_bucket} --key {key}"
    cairn.aws(f"s3api get-object {at} as-written", cwd=tmp_path)
    (tmp_path / "forged").write_text('{"Records": []}')

    # Modified: the forgery is what is read, the file is what its version is read for.
    cairn.aws(f"s3 cp forged s3://{log_bucket}/{key}", cwd=tmp_path)
    cairn.aws(f"s3api get-object {at} latest", cwd=tmp_path)
    assert (tmp_path / "latest").read_bytes() == (tmp_path / "forged").read_bytes()
    versions = cairn.aws(f"s3api list-object-versions --bucket {log_bucket} --prefix {key}").json["Versions"]
    assert [version["IsLatest"] for version in versions] == [True, False]
    first = versions[1]["VersionId"]
    cairn.aws(f"s3api get-object {at} --version-id {first} earlier", cwd=tmp_path)
    assert (tmp_path / "earlier").read_bytes() == (tmp_path / "as-written").read_bytes() != b""

    # Deleted: a marker hides it; without the forgery and the marker it is there again.
    marker = cairn.aws(f"s3api delete-object {at}").json
    assert marker["DeleteMarker"] is True and key not in files(cairn, log_bucket)
    for version in (marker["VersionId"], versions[0]["VersionId"]):
        cairn.aws(f"s3api delete-object {at} --version-id {version}")
    cairn.aws(f"s3api get-object {at} again", cwd=tmp_path)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "as-written").read_bytes()


def test_003_intelligent_tiering(cairn, log_bucket, tmp_path):
    """`Use S3 Intelligent-Tiering for automatic cost optimization`: as a class that is asked for, as the bucket's configuration, and as a
    rule that moves log files there."""
    cairn.aws(f"s3 cp - s3://{log_bucket}/tiered --storage-class INTELLIGENT_TIERING", stdin="x")
    assert head(cairn, log_bucket, "tiered")["StorageClass"] == "INTELLIGENT_TIERING"
    assert cairn.aws(f"s3 cp s3://{log_bucket}/tiered -").out == "x"
    configuration = {"Id": "archive", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
    named = f"--bucket {log_bucket} --id archive"
    cairn.aws(["s3api", "put-bucket-intelligent-tiering-configuration", *named.split(), "--intelligent-tiering-configuration", json.dumps(configuration)])
    shown = cairn.aws(f"s3api get-bucket-intelligent-tiering-configuration {named}").json
    assert shown["IntelligentTieringConfiguration"] == configuration
    listed = cairn.aws(f"s3api list-bucket-intelligent-tiering-configurations --bucket {log_bucket}").json
    assert listed["IntelligentTieringConfigurationList"] == [configuration]
    cairn.aws(f"s3api delete-bucket-intelligent-tiering-configuration {named}")
    gone = cairn.aws(f"s3api get-bucket-intelligent-tiering-configuration {named}", check=False)
    assert gone.code != 0 and "(NoSuchConfiguration)" in gone.err, gone

    rule = {"ID": "tiering", "Status": "Enabled", "Filter": ANY_SIZE, "Transitions": [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}]}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    moved(cairn, log_bucket, tmp_path, rule, "INTELLIGENT_TIERING")
    key = files(cairn, log_bucket)[0]
    assert {"Key": key, "StorageClass": "INTELLIGENT_TIERING"} in cairn.aws(
        f"s3api list-objects-v2 --bucket {log_bucket} --prefix AWSLogs/ --query Contents[].{{Key:Key,StorageClass:StorageClass}}").json
    assert cairn.aws(f"s3 cp s3://{log_bucket}/{key} file.json.gz", cwd=tmp_path).code == 0, "it is read without a restore"


def test_004_delete_logs_older_than_thirty_days(cairn, log_bucket, tmp_path):
    """A lifecycle policy that deletes logs older than 30 days; then the same with a date that is past, to see it happen."""
    rule = {"ID": "thirty-days", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    assert lifecycle(cairn, log_bucket, tmp_path, rule) == [rule]
    expired(cairn, log_bucket, tmp_path, rule)
