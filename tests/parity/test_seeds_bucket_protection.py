"""What the documents that people follow say of protecting the log bucket: encryption, access logging, who may come near it."""

import json
import re

from server import ACCOUNT, error_of

LOGS = "production-cerpac-cloudtrail-logs"
SHOES = "vinashoes-cloudtrail-logs-ap-southeast-1"


def trail_policy(bucket):
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "AWSCloudTrailAclCheck", "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
             "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
            {"Sid": "AWSCloudTrailWrite", "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
             "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}},
        ],
    })


def test_003_bucket_for_long_term_storage(cairn):
    """Versioning, encryption (SSE-S3), access logging, a bucket policy for authorized personnel only; log structure."""
    aws = lambda *words, **more: cairn.aws(["s3api", *words], **more)
    aws("create-bucket", "--bucket", LOGS)
    aws("put-bucket-versioning", "--bucket", LOGS, "--versioning-configuration", "Status=Enabled")
    aws("put-bucket-encryption", "--bucket", LOGS, "--server-side-encryption-configuration",
        '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}')
    aws("put-bucket-policy", "--bucket", LOGS, "--policy", trail_policy(LOGS))
    aws("put-public-access-block", "--bucket", LOGS, "--public-access-block-configuration",
        "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true")

    access = f"{LOGS}-access"
    aws("create-bucket", "--bucket", access)
    aws("put-bucket-policy", "--bucket", access, "--policy", json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
                       "Resource": f"arn:aws:s3:::{access}/*", "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}],
    }))
    aws("put-bucket-logging", "--bucket", LOGS, "--bucket-logging-status",
        json.dumps({"LoggingEnabled": {"TargetBucket": access, "TargetPrefix": "audit-log-reads/"}}))

    assert aws("get-bucket-versioning", "--bucket", LOGS).json["Status"] == "Enabled"
    rules = aws("get-bucket-encryption", "--bucket", LOGS).json["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert aws("get-bucket-logging", "--bucket", LOGS).json["LoggingEnabled"]["TargetBucket"] == access
    assert aws("get-bucket-policy-status", "--bucket", LOGS).json["PolicyStatus"]["IsPublic"] is False

    # The trail's files are encrypted where they lie, and who reads them is tracked.
    cairn.aws(["cloudtrail", "create-trail", "--name", "audit", "--s3-bucket-name", LOGS, "--is-multi-region-trail", "--enable-log-file-validation"])
    cairn.aws("cloudtrail start-logging --name audit")
    cairn.flush()
    listed = aws("list-objects-v2", "--bucket", LOGS).json["Contents"]
    keys = [item["Key"] for item in listed if item["Key"].endswith(".json.gz") and "/CloudTrail/" in item["Key"]]
    place = rf"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/\d{{4}}/\d\d/\d\d/{ACCOUNT}_CloudTrail_us-east-1_\d{{8}}T\d{{4}}Z_\w+\.json\.gz"
    assert keys and all(re.fullmatch(place, key) for key in keys)
    assert aws("head-object", "--bucket", LOGS, "--key", keys[0]).json["ServerSideEncryption"] == "AES256"
    cairn.aws(["s3", "cp", f"s3://{LOGS}/{keys[0]}", str(cairn.folder / "log.json.gz")])
    cairn.flush()
    read = cairn.sh(f"aws s3 cp s3://{access}/audit-log-reads/ read --recursive --quiet && cat read/*", cwd=cairn.folder).out
    assert [line for line in read.splitlines() if "REST.GET.OBJECT" in line and keys[0] in line], read


def test_003_encryption_at_rest_s3(cairn):
    """`[x] Encryption at rest (S3)`: nothing of a log lies in the data folder in clear."""
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="at-rest")
    words = b"what an auditor would search the disk for"
    s3.put_object(Bucket="at-rest", Key="small", Body=words)
    s3.put_object(Bucket="at-rest", Key="large", Body=words * 10_000)
    for path in cairn.data.rglob("*"):
        if path.is_file():
            assert words not in path.read_bytes(), path


def test_000_encryption_with_kms_is_refused_clearly_until_there_is_kms(cairn):
    """`Encryption: Enable KMS encryption` is optional there; it says what to do instead."""
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket=SHOES)
    kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    code, status, text = error_of(s3.put_bucket_encryption, Bucket=SHOES, ServerSideEncryptionConfiguration=kms)
    assert (code, status) == ("KMS.NotFoundException", 400) and "AES256" in text
    code, _, _ = error_of(s3.put_object, Bucket=SHOES, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
    assert code == "KMS.NotFoundException"


def test_001_restrict_access_to_the_logs_bucket(cairn):
    """`Restrict access to CloudTrail logs bucket`: no public policy, no list, no stranger, no user without leave."""
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="restricted-logs")
    s3.put_object(Bucket="restricted-logs", Key="AWSLogs/log", Body=b"x")
    public = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                      "Resource": "arn:aws:s3:::restricted-logs/*"}]}
    assert error_of(s3.put_bucket_policy, Bucket="restricted-logs", Policy=json.dumps(public))[:2] == ("AccessDenied", 403)
    assert error_of(s3.put_bucket_acl, Bucket="restricted-logs", ACL="public-read")[0] == "AccessControlListNotSupported"
    assert error_of(s3.put_object_acl, Bucket="restricted-logs", Key="AWSLogs/log", ACL="public-read")[0] == "AccessControlListNotSupported"
    assert cairn.get("/restricted-logs/AWSLogs/log")[0] == 403
    iam = cairn.client("iam")
    iam.create_user(UserName="intern")
    key = iam.create_access_key(UserName="intern")["AccessKey"]
    theirs = cairn.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert error_of(theirs.get_object, Bucket="restricted-logs", Key="AWSLogs/log")[:2] == ("AccessDenied", 403)
    assert error_of(theirs.put_public_access_block, Bucket="restricted-logs",
                    PublicAccessBlockConfiguration={"BlockPublicPolicy": False})[:2] == ("AccessDenied", 403)
