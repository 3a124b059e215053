"""Object Lock and MFA Delete: what nobody removes, with the AWS CLI and boto3."""

import datetime
import json

import pytest

from mfa import Phone, code, now
from server import ACCOUNT, error_of

PROTECTED = ("AccessDenied", 403, "Access Denied because object protected by object lock.")


def later(**delta):
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(**delta)


@pytest.fixture
def locked(s3, name):
    s3.create_bucket(Bucket=f"{name}-locked", ObjectLockEnabledForBucket=True)
    return f"{name}-locked"


def write(s3, bucket, key="k", body=b"x", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **more)["VersionId"]


def test_the_configuration(s3, locked, bucket):
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    shown = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert shown == {"ObjectLockEnabled": "Enabled"}
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Years": 7}}}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=default)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == default
    suspend = {"Status": "Suspended"}
    assert error_of(s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration=suspend)[:2] == ("InvalidBucketState", 409)
    assert error_of(s3.get_object_lock_configuration, Bucket=bucket)[:2] == ("ObjectLockConfigurationNotFoundError", 404)
    put = s3.put_object_lock_configuration
    code, status, text = error_of(put, Bucket=bucket, ObjectLockConfiguration=default)
    assert (code, status) == ("InvalidBucketState", 409) and text.startswith("Versioning must be 'Enabled'")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(Bucket=bucket, ObjectLockConfiguration=default)
    both = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Years": 7, "Days": 1}}}
    assert error_of(put, Bucket=bucket, ObjectLockConfiguration=both)[0] == "MalformedXML"
    none = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 0}}}
    assert error_of(put, Bucket=bucket, ObjectLockConfiguration=none)[0] == "InvalidArgument"


def test_retention_and_legal_hold(s3, locked, bucket):
    until = later(days=1)
    id = write(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until, ObjectLockLegalHoldStatus="ON")
    for answer in [s3.head_object(Bucket=locked, Key="k"), s3.get_object(Bucket=locked, Key="k", VersionId=id)]:
        assert (answer["ObjectLockMode"], answer["ObjectLockRetainUntilDate"], answer["ObjectLockLegalHoldStatus"]) == \
            ("GOVERNANCE", until, "ON")
    assert s3.get_object_retention(Bucket=locked, Key="k")["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "ON"}
    bypass = {"Bucket": locked, "Key": "k", "VersionId": id, "BypassGovernanceRetention": True}
    assert error_of(s3.delete_object, **bypass) == PROTECTED
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
    assert error_of(s3.delete_object, Bucket=locked, Key="k", VersionId=id) == PROTECTED
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": later(hours=1)}
    assert error_of(s3.put_object_retention, Bucket=locked, Key="k", Retention=shorter) == PROTECTED
    s3.put_object_retention(Bucket=locked, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(days=2)})
    s3.put_object_retention(Bucket=locked, Key="k", Retention=shorter, BypassGovernanceRetention=True)
    s3.delete_object(**bypass)
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": later(hours=-1)}
    write(s3, locked)
    assert error_of(s3.put_object_retention, Bucket=locked, Key="k", Retention=past) == \
        ("InvalidArgument", 400, "The retain until date must be in the future!")
    for ask in [s3.get_object_retention, s3.get_object_legal_hold]:
        assert error_of(ask, Bucket=locked, Key="k")[:2] == ("NoSuchObjectLockConfiguration", 404)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    missing = ("InvalidRequest", 400, "Bucket is missing Object Lock Configuration")
    assert error_of(s3.get_object_retention, Bucket=bucket, Key="k") == missing
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"", ObjectLockLegalHoldStatus="ON") == missing
    assert error_of(s3.put_object, Bucket=locked, Key="k", Body=b"", ObjectLockMode="GOVERNANCE")[:2] == ("InvalidArgument", 400)


def test_the_default_is_given_to_every_new_version(s3, locked):
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=default)
    id = write(s3, locked)
    made = s3.head_object(Bucket=locked, Key="k")
    left = made["ObjectLockRetainUntilDate"] - made["LastModified"]
    assert made["ObjectLockMode"] == "COMPLIANCE" and abs(left - datetime.timedelta(days=1)) < datetime.timedelta(minutes=1)
    # Without a version, a marker hides it; that can be taken away again.
    marker = s3.delete_object(Bucket=locked, Key="k")
    assert marker["DeleteMarker"] is True
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=locked, Key="k")["Body"].read() == b"x"
    done = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": id}]}, BypassGovernanceRetention=True)
    assert done["Errors"][0]["Code"] == "AccessDenied" and done["Errors"][0]["Message"] == PROTECTED[2]


def test_what_is_written_without_a_digest_is_not_locked(cairn, s3, locked):
    headers = {"x-amz-object-lock-legal-hold": "ON", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    status, _, body = cairn.signed("PUT", f"/{locked}/k", b"x", headers)
    assert status == 400 and b"Content-MD5 OR x-amz-checksum- HTTP header is required" in body, body


def test_compliance_holds_against_root_rb_force_and_lifecycle(cairn, s3, locked):
    """The bucket stays and the object is read, whatever the account's own key asks for."""
    until = later(days=1)
    id = write(s3, locked, "evidence", b"as it was", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    for more in [{}, {"BypassGovernanceRetention": True}]:
        assert error_of(s3.delete_object, Bucket=locked, Key="evidence", VersionId=id, **more) == PROTECTED
        weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": later(days=2)}
        assert error_of(s3.put_object_retention, Bucket=locked, Key="evidence", Retention=weaker, **more) == PROTECTED
        assert error_of(s3.put_object_retention, Bucket=locked, Key="evidence", Retention={}, **more) == PROTECTED
    assert error_of(s3.delete_bucket, Bucket=locked)[:2] == ("BucketNotEmpty", 409)
    forced = cairn.aws(f"s3 rb s3://{locked} --force", check=False)
    assert forced.code != 0 and "BucketNotEmpty" in forced.err, forced
    cairn.aws(f"s3 rm s3://{locked} --recursive")
    rules = [{"ID": "all", "Status": "Enabled", "Filter": {}, "Expiration": {"Date": datetime.datetime(2020, 1, 1)},
              "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}]
    s3.put_bucket_lifecycle_configuration(Bucket=locked, LifecycleConfiguration={"Rules": rules})
    cairn.restart()
    s3 = cairn.client("s3")
    assert s3.get_object(Bucket=locked, Key="evidence", VersionId=id)["Body"].read() == b"as it was"
    assert s3.get_object_retention(Bucket=locked, Key="evidence", VersionId=id)["Retention"]["Mode"] == "COMPLIANCE"


def test_log_files_are_locked_as_the_bucket_says(cairn, s3, name):
    """CloudTrail's own files are given the bucket's default, and nobody removes them."""
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2557}}}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=default)
    cairn.bucket_for_trails(name)
    cairn.trail(name, name)
    s3.list_buckets()
    cairn.flush()
    versions = s3.list_object_versions(Bucket=name, Prefix="AWSLogs/")["Versions"]
    files = [version for version in versions if version["Key"].endswith(".gz")]
    assert files
    for file in files:
        where = {"Bucket": name, "Key": file["Key"], "VersionId": file["VersionId"]}
        assert s3.get_object_retention(**where)["Retention"]["Mode"] == "COMPLIANCE"
        assert error_of(s3.delete_object, **where, BypassGovernanceRetention=True) == PROTECTED


def test_governance_is_set_aside_by_saying_so(cairn, s3, locked):
    id = write(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1))
    key, secret = cairn.user(locked, admin=True)
    admin = cairn.client("s3", key=key, secret=secret)
    assert error_of(admin.delete_object, Bucket=locked, Key="k", VersionId=id) == PROTECTED
    admin.delete_object(Bucket=locked, Key="k", VersionId=id, BypassGovernanceRetention=True)


def test_the_cli(cairn, s3, name):
    """The commands of the user guide."""
    cairn.aws(f"s3api create-bucket --bucket {name} --object-lock-enabled-for-bucket")
    cairn.aws(["s3api", "put-object-lock-configuration", "--bucket", name, "--object-lock-configuration",
               '{ "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": 1 }}}'])
    shown = cairn.aws(f"s3api get-object-lock-configuration --bucket {name}").json
    assert shown["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 1}
    cairn.aws(f"s3 cp - s3://{name}/k", stdin="hello")
    cairn.aws(f"s3api put-object-legal-hold --bucket {name} --key k --legal-hold Status=ON")
    until = later(days=30).strftime("%Y-%m-%dT%H:%M:%S")
    cairn.aws(["s3api", "put-object-retention", "--bucket", name, "--key", "k", "--retention",
               json.dumps({"Mode": "GOVERNANCE", "RetainUntilDate": until})])
    shown = cairn.aws(f"s3api get-object-retention --bucket {name} --key k").json["Retention"]
    assert shown["Mode"] == "GOVERNANCE" and shown["RetainUntilDate"].startswith(until)
    id = s3.head_object(Bucket=name, Key="k")["VersionId"]
    delete = f"s3api delete-object --bucket {name} --key k --version-id {id} --bypass-governance-retention"
    refused = cairn.aws(delete, check=False)
    assert refused.code != 0 and "object protected by object lock" in refused.err, refused
    cairn.aws(f"s3api put-object-legal-hold --bucket {name} --key k --legal-hold Status=OFF")
    cairn.aws(delete)


# MFA Delete.


@pytest.fixture
def phone(cairn, name):
    iam = cairn.client("iam")
    return Phone(iam, name).enable(iam, ACCOUNT)


def test_versions_go_only_with_a_code(cairn, s3, bucket, phone):
    status = {"Status": "Enabled", "MFADelete": "Enabled"}
    required = ("AccessDenied", 403, "Mfa Authentication must be used for this request")
    assert error_of(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=status) == required
    key, secret = cairn.user(bucket, admin=True)
    admin = cairn.client("s3", key=key, secret=secret)
    wrong = f"{phone.serial} 000000"
    assert error_of(admin.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=status, MFA=wrong)[:2] == ("AccessDenied", 403)
    assert error_of(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=status, MFA=wrong)[:2] == ("AccessDenied", 403)
    used = phone.show()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=status, MFA=used)
    shown = s3.get_bucket_versioning(Bucket=bucket)
    assert (shown["Status"], shown["MFADelete"]) == ("Enabled", "Enabled")

    id = write(s3, bucket)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert error_of(s3.delete_object, Bucket=bucket, Key="k", VersionId=id) == required
    assert error_of(s3.delete_object, Bucket=bucket, Key="k", VersionId=id, MFA=used)[:2] == ("AccessDenied", 403), "used before"
    several = {"Objects": [{"Key": "k", "VersionId": id}, {"Key": "other"}]}
    done = s3.delete_objects(Bucket=bucket, Delete=several)
    assert [error["Code"] for error in done["Errors"]] == ["AccessDenied"] and done["Deleted"][0]["Key"] == "other"
    rules = {"Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]}
    assert error_of(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=rules)[:2] == ("InvalidBucketState", 409)
    assert error_of(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}) == required
    both = {"Objects": [{"Key": "k", "VersionId": id}, {"Key": "k", "VersionId": marker}]}
    done = s3.delete_objects(Bucket=bucket, Delete=both, MFA=phone.show())
    assert len(done["Deleted"]) == 2 and "Errors" not in done


def test_codes_and_seeds_are_in_no_record(cairn, s3, bucket, name):
    iam = cairn.client("iam")
    phone = Phone(iam, f"{name}-recorded").enable(iam, ACCOUNT)
    assert phone.picture.startswith(b"\x89PNG")
    shown = phone.show()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"}, MFA=shown)
    trails = cairn.client("cloudtrail")
    records = []
    for page in trails.get_paginator("lookup_events").paginate():
        records += [event["CloudTrailEvent"] for event in page["Events"]]
    text = "\n".join(records)
    made = [json.loads(record) for record in records if "CreateVirtualMFADevice" in record and phone.serial in record]
    assert made, "the history knows of the device"
    assert phone.seed not in text and shown not in text and shown.split()[1] not in text.replace(ACCOUNT, "")
    hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"
    device = made[0]["responseElements"]["virtualMFADevice"]
    assert device["base32StringSeed"] == hidden and device["qRCodePNG"] == hidden
    log = cairn.log.read_text()
    assert phone.seed not in log and shown not in log


def test_a_devices_life(cairn, name):
    iam = cairn.client("iam")
    iam.create_user(UserName=name)
    phone = Phone(iam, name)
    assert phone.serial == f"arn:aws:iam::{ACCOUNT}:mfa/{name}" and len(phone.seed) == 64
    assert error_of(iam.create_virtual_mfa_device, VirtualMFADeviceName=name)[:2] == ("EntityAlreadyExists", 409)
    codes = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000001"}
    assert error_of(iam.enable_mfa_device, UserName=name, SerialNumber=phone.serial, **codes) == \
        ("InvalidAuthenticationCode", 403, "Authentication code for device is not valid.")
    listed = iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]
    assert phone.serial in [device["SerialNumber"] for device in listed]
    phone.enable(iam, name)
    assert [device["SerialNumber"] for device in iam.list_mfa_devices(UserName=name)["MFADevices"]] == [phone.serial]
    listed = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert [device["User"]["UserName"] for device in listed if device["SerialNumber"] == phone.serial] == [name]
    assert error_of(iam.delete_virtual_mfa_device, SerialNumber=phone.serial)[:2] == ("DeleteConflict", 409)
    assert error_of(iam.delete_user, UserName=name)[:2] == ("DeleteConflict", 409)
    at = now() + 5
    iam.resync_mfa_device(UserName=name, SerialNumber=phone.serial, AuthenticationCode1=code(phone.seed, at),
                          AuthenticationCode2=code(phone.seed, at + 1))
    iam.deactivate_mfa_device(UserName=name, SerialNumber=phone.serial)
    iam.delete_virtual_mfa_device(SerialNumber=phone.serial)
    assert error_of(iam.deactivate_mfa_device, UserName=name, SerialNumber=phone.serial)[:2] == ("NoSuchEntity", 404)
    iam.delete_user(UserName=name)


def test_the_cli_writes_the_seed_and_the_picture(cairn, name, tmp_path):
    for method in ["Base32StringSeed", "QRCodePNG"]:
        out = tmp_path / method
        cairn.aws(["iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", f"{name}-{method}", "--outfile", out,
                   "--bootstrap-method", method])
        assert out.stat().st_size >= 64
