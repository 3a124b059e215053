"""Bucket policies as people feel them: an audit bucket that nobody but its auditor reads, with the real AWS CLI."""

import json

import logs
import pytest
from server import ACCOUNT, error_of, trail_policy

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def arn(user):
    return f"arn:aws:iam::{ACCOUNT}:user/{user}"


def both(bucket):
    return [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def audit_policy(bucket, auditor):
    """CloudTrail writes, the auditor reads, and nobody but the auditor, root and services does anything."""
    policy = trail_policy(bucket)
    policy["Statement"] += [
        {"Sid": "Reads", "Effect": "Allow", "Principal": {"AWS": arn(auditor)}, "Action": ["s3:GetObject", "s3:ListBucket"],
         "Resource": both(bucket)},
        {"Sid": "NobodyElse", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both(bucket),
         "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [arn(auditor), ROOT]}, "Bool": {"aws:PrincipalIsAWSService": "false"}}},
    ]
    return policy


class Bucket:
    """A bucket, and people of each kind."""

    def __init__(self, cairn, name):
        self.cairn, self.name = cairn, name
        self.admin, self.auditor = f"{name}-admin", f"{name}-auditor"
        self.keys = {self.admin: cairn.user(self.admin, admin=True), self.auditor: cairn.user(self.auditor)}
        self.s3 = cairn.client("s3")
        self.s3.create_bucket(Bucket=name)
        self.s3.put_object(Bucket=name, Key="k", Body=b"secret")

    def policy(self, *statements):
        self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))

    def client(self, user):
        return self.cairn.client("s3", key=self.keys[user][0], secret=self.keys[user][1])

    def aws(self, user, *words, check=False):
        key, secret = self.keys.get(user, (None, None))
        return self.cairn.aws(list(words), key=key, secret=secret, check=check)

    def refused(self, user, *words):
        done = self.aws(user, *words)
        assert done.code != 0, done
        return done.err


@pytest.fixture
def audit(cairn, name):
    return Bucket(cairn, name)


def test_an_audit_bucket_that_only_the_auditor_reads(cairn, audit, tmp_path):
    bucket, admin, auditor = audit.name, audit.admin, audit.auditor
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(audit_policy(bucket, auditor)))
    cairn.aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", f"file://{policy}"])
    data = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]
    cairn.trail(f"{bucket}-trail", bucket, start=False)
    cairn.client("cloudtrail").put_event_selectors(TrailName=f"{bucket}-trail", EventSelectors=data)
    cairn.client("cloudtrail").start_logging(Name=f"{bucket}-trail")

    # AdministratorAccess is of no use here.
    denied = f"User: {arn(admin)} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::{bucket}/k\" " \
        "with an explicit deny in a resource-based policy"
    said = audit.refused(admin, "s3api", "get-object", "--bucket", bucket, "--key", "k", str(tmp_path / "k"))
    assert "An error occurred (AccessDenied) when calling the GetObject operation: " + denied in said
    for words in [
        ("s3api", "list-objects-v2", "--bucket", bucket),
        ("s3api", "delete-object", "--bucket", bucket, "--key", "k"),
        ("s3api", "put-object", "--bucket", bucket, "--key", "new"),
        ("s3api", "delete-bucket-policy", "--bucket", bucket),
        ("s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Suspended"),
        ("s3", "rb", f"s3://{bucket}"),
    ]:
        assert "(AccessDenied)" in audit.refused(admin, *words), words
    assert "(403)" in audit.refused(admin, "s3api", "head-object", "--bucket", bucket, "--key", "k")
    several = audit.aws(admin, "s3api", "delete-objects", "--bucket", bucket, "--delete", "Objects=[{Key=k},{Key=none}]", check=True).json
    assert [(item["Key"], item["Code"]) for item in several["Errors"]] == [("k", "AccessDenied"), ("none", "AccessDenied")]
    assert "Deleted" not in several

    # The auditor has no other policy than the bucket's.
    assert cairn.client("iam").list_attached_user_policies(UserName=auditor)["AttachedPolicies"] == []
    assert audit.aws(auditor, "s3", "cp", f"s3://{bucket}/k", "-", check=True).out == "secret"
    assert "k" in [item["Key"] for item in audit.aws(auditor, "s3api", "list-objects-v2", "--bucket", bucket, check=True).json["Contents"]]
    said = audit.refused(auditor, "s3", "rm", f"s3://{bucket}/k")
    assert "is not authorized to perform: s3:DeleteObject" in said and "because no identity-based policy allows" in said
    assert "(AccessDenied)" in audit.refused(auditor, "s3api", "put-object", "--bucket", bucket, "--key", "k")
    assert "(AccessDenied)" in audit.refused(auditor, "s3api", "get-bucket-policy", "--bucket", bucket)

    # CloudTrail still delivers, and what was denied is in what it delivered.
    cairn.flush()
    status = cairn.client("cloudtrail").get_trail_status(Name=f"{bucket}-trail")
    assert "LatestDeliveryError" not in status and "LatestDigestDeliveryError" not in status
    reader = audit.client(auditor)
    found = [record for _, record in logs.records(reader, bucket)]
    mine = [record for record in found if record["userIdentity"].get("userName") == admin]
    refused = {record["eventName"] for record in mine if record.get("errorCode") == "AccessDenied"}
    assert {"GetObject", "DeleteObject", "DeleteObjects", "PutObject", "DeleteBucketPolicy", "PutBucketVersioning", "DeleteBucket", "HeadObject"} <= refused
    assert any(record.get("errorMessage") == denied for record in mine)
    assert logs.digest_keys(reader, bucket)

    # Root is no auditor's user, but is named; the trail's files are still there.
    assert audit.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"


def test_root_is_denied_but_never_locked_out(cairn, audit):
    audit.policy({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both(audit.name)})
    for words in [("get-object-tagging", "--key", "k"), ("list-objects-v2",), ("delete-object", "--key", "k")]:
        assert "with an explicit deny in a resource-based policy" in audit.refused("root", "s3api", words[0], "--bucket", audit.name, *words[1:])
    assert "(AccessDenied)" in audit.refused(audit.admin, "s3api", "put-bucket-policy", "--bucket", audit.name, "--policy", "{}")
    read = json.loads(cairn.aws(["s3api", "get-bucket-policy", "--bucket", audit.name]).json["Policy"])
    read["Statement"][0]["Action"] = "s3:DeleteObject"
    cairn.aws(["s3api", "put-bucket-policy", "--bucket", audit.name, "--policy", json.dumps(read)])
    cairn.aws(["s3api", "list-objects-v2", "--bucket", audit.name])
    cairn.aws(["s3api", "delete-bucket-policy", "--bucket", audit.name])
    cairn.aws(["s3api", "delete-object", "--bucket", audit.name, "--key", "k"])


def test_insecure_transport_is_refused(cairn, audit):
    audit.policy({"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both(audit.name),
                  "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    assert cairn.endpoint.startswith("http://")
    said = audit.refused("root", "s3api", "head-bucket", "--bucket", audit.name)
    assert "(403)" in said
    assert "with an explicit deny" in audit.refused(audit.admin, "s3api", "list-objects-v2", "--bucket", audit.name)


def test_every_object_of_a_call_is_asked_about(audit, name):
    """Copies ask about their source, DeleteObjects about each key, versions about the action on versions."""
    s3, admin = audit.s3, audit.client(audit.admin)
    other = f"{name}-other"
    s3.create_bucket(Bucket=other)
    for key in ("open", "locked"):
        s3.put_object(Bucket=audit.name, Key=key, Body=b"x")
    deny = {"Effect": "Deny", "Principal": {"AWS": arn(audit.admin)}}
    audit.policy({**deny, "Action": ["s3:GetObject", "s3:DeleteObject"], "Resource": f"arn:aws:s3:::{audit.name}/locked"})
    copy = lambda key: admin.copy_object(Bucket=other, Key=key, CopySource=f"{audit.name}/{key}")
    assert error_of(copy, "locked")[:2] == ("AccessDenied", 403)
    copy("open")
    upload = admin.create_multipart_upload(Bucket=other, Key="parts")["UploadId"]
    part = dict(Bucket=other, Key="parts", UploadId=upload, PartNumber=1)
    assert error_of(admin.upload_part_copy, CopySource=f"{audit.name}/locked", **part)[0] == "AccessDenied"
    admin.upload_part_copy(CopySource=f"{audit.name}/open", **part)
    done = admin.delete_objects(Bucket=audit.name, Delete={"Objects": [{"Key": "locked"}, {"Key": "open"}]})
    assert [item["Key"] for item in done["Deleted"]] == ["open"] and [item["Key"] for item in done["Errors"]] == ["locked"]

    # A prefix given by the policy alone is enough for DeleteObjects, too.
    auditor = audit.client(audit.auditor)
    audit.policy({"Effect": "Allow", "Principal": {"AWS": arn(audit.auditor)}, "Action": ["s3:DeleteObject", "s3:GetObjectVersion"],
                  "Resource": f"arn:aws:s3:::{audit.name}/mine/*"})
    s3.put_bucket_versioning(Bucket=audit.name, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=audit.name, Key="mine/1", Body=b"x")["VersionId"]
    assert error_of(auditor.get_object, Bucket=audit.name, Key="mine/1")[0] == "AccessDenied"
    assert auditor.get_object(Bucket=audit.name, Key="mine/1", VersionId=version)["Body"].read() == b"x"
    done = auditor.delete_objects(Bucket=audit.name, Delete={"Objects": [{"Key": "mine/1"}, {"Key": "locked"}, {"Key": "mine/1", "VersionId": version}]})
    assert [item["Key"] for item in done["Deleted"]] == ["mine/1"]
    assert [(item["Key"], item.get("VersionId")) for item in done["Errors"]] == [("locked", None), ("mine/1", version)]
    assert error_of(auditor.delete_object, Bucket=audit.name, Key="mine/1", VersionId=version)[0] == "AccessDenied"
    # Who may not list does not learn what is not there.
    another = version[:-1] + ("1" if version[-1] == "0" else "0")
    assert error_of(auditor.get_object, Bucket=audit.name, Key="mine/1", VersionId=another)[1] in (400, 404)
    audit.policy({"Effect": "Allow", "Principal": {"AWS": arn(audit.auditor)}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{audit.name}/*"})
    assert error_of(auditor.get_object, Bucket=audit.name, Key="absent")[:2] == ("AccessDenied", 403)
    assert error_of(s3.get_object, Bucket=audit.name, Key="absent")[:2] == ("NoSuchKey", 404)


def test_conditions_on_listing_and_on_what_a_body_says(audit):
    s3, auditor = audit.s3, audit.client(audit.auditor)
    mine = {"Effect": "Allow", "Principal": {"AWS": arn(audit.auditor)}}
    audit.policy(
        {**mine, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{audit.name}", "Condition": {"StringEquals": {"s3:prefix": "home/${aws:username}/"}}},
        {**mine, "Action": "s3:PutObjectTagging", "Resource": f"arn:aws:s3:::{audit.name}/*",
         "Condition": {"StringEquals": {"s3:RequestObjectTag/Team": "audit"}}},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{audit.name}/*",
         "Condition": {"StringEquals": {"s3:ExistingObjectTag/Team": "audit"}}},
    )
    auditor.list_objects_v2(Bucket=audit.name, Prefix=f"home/{audit.auditor}/")
    assert error_of(auditor.list_objects_v2, Bucket=audit.name, Prefix="home/else/")[0] == "AccessDenied"
    assert error_of(auditor.list_objects_v2, Bucket=audit.name)[0] == "AccessDenied"
    tag = lambda value: auditor.put_object_tagging(Bucket=audit.name, Key="k", Tagging={"TagSet": [{"Key": "Team", "Value": value}]})
    assert error_of(tag, "sales")[0] == "AccessDenied"
    assert s3.get_object(Bucket=audit.name, Key="k")["Body"].read() == b"secret"
    tag("audit")
    assert error_of(s3.get_object, Bucket=audit.name, Key="k")[0] == "AccessDenied"


def test_nobody_gets_in_by_a_policy(cairn, audit):
    audit.policy({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{audit.name}/*",
                  "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}})
    status, _, body = cairn.get(f"/{audit.name}/k")
    assert status == 403 and b"<Code>AccessDenied</Code>" in body
    status, _, body = cairn.http("POST", f"/{audit.name}?delete", b"<Delete><Object><Key>k</Key></Object></Delete>")
    assert status == 403 and b"<Code>AccessDenied</Code>" in body
    assert audit.client(audit.auditor).get_object(Bucket=audit.name, Key="k")["Body"].read() == b"secret"
