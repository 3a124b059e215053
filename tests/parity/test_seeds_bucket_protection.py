"""What the documents that people follow say of protecting the log bucket: access logging, who may come near it, whose trails write to it."""

import json
import re

from server import ACCOUNT

LOGS = "production-cerpac-cloudtrail-logs"


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


def test_001_restrict_access_to_the_logs_bucket(cairn, tmp_path):
    """`Restrict access to CloudTrail logs bucket`: no public policy, no list, no stranger, no user without leave."""
    aws = lambda words, **more: cairn.aws(words.split() if isinstance(words, str) else words, cwd=tmp_path, **more)
    bucket = "restricted-logs"

    def refused(done, code):
        assert done.code != 0 and f"({code})" in done.err, done

    aws(f"s3 mb s3://{bucket}")
    aws(f"s3 cp - s3://{bucket}/AWSLogs/log", stdin="x")
    public = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                      "Resource": f"arn:aws:s3:::{bucket}/*"}]}
    refused(aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(public)], check=False), "AccessDenied")
    refused(aws(f"s3api put-bucket-acl --bucket {bucket} --acl public-read", check=False), "AccessControlListNotSupported")
    refused(aws(f"s3api put-object-acl --bucket {bucket} --key AWSLogs/log --acl public-read", check=False), "AccessControlListNotSupported")
    read = f"s3api get-object --bucket {bucket} --key AWSLogs/log stolen"
    refused(aws(f"{read} --no-sign-request", check=False), "AccessDenied")

    aws("iam create-user --user-name intern")
    made = aws("iam create-access-key --user-name intern").json["AccessKey"]
    theirs = {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"], "check": False}
    refused(aws(read, **theirs), "AccessDenied")
    refused(aws(f"s3api put-public-access-block --bucket {bucket} --public-access-block-configuration BlockPublicPolicy=false", **theirs),
            "AccessDenied")
    assert not (tmp_path / "stolen").exists() or (tmp_path / "stolen").read_bytes() == b""
    aws(read)
    assert (tmp_path / "stolen").read_text() == "x"


def test_003_cross_account_logging(cairn):
    """`Cross-Account Logging: Send logs to separate security account`. There is one account here, so the half of it that is the bucket's:
    its policy lets in the trails that `aws:SourceArn` names, those of other accounts and ours, and no others."""
    bucket = "security-account-logs"
    cairn.aws(f"s3 mb s3://{bucket}")
    create = f"cloudtrail create-trail --name member-trail --s3-bucket-name {bucket}"
    theirs = "arn:aws:cloudtrail:us-east-1:111122223333:trail/member-trail"
    ours = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/member-trail"

    def let_in(*arns):
        policy = json.loads(trail_policy(bucket))
        for statement in policy["Statement"]:
            statement.setdefault("Condition", {}).setdefault("StringEquals", {})["aws:SourceArn"] = list(arns)
        policy["Statement"][1]["Resource"] = [f"arn:aws:s3:::{bucket}/AWSLogs/{arn.split(':')[4]}/*" for arn in arns]
        cairn.aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(policy)])
        assert json.loads(cairn.aws(f"s3api get-bucket-policy --bucket {bucket} --query Policy --output text").out) == policy

    let_in(theirs)
    refused = cairn.aws(create, check=False)
    assert refused.code != 0 and "(InsufficientS3BucketPolicyException)" in refused.err, refused
    let_in(theirs, ours)
    cairn.aws(create)
    cairn.aws("cloudtrail start-logging --name member-trail")
    cairn.flush()
    assert f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/" in cairn.aws(f"s3 ls s3://{bucket} --recursive").out
    # Another trail of ours is not named.
    refused = cairn.aws(create.replace("member-trail", "another"), check=False)
    assert refused.code != 0 and "(InsufficientS3BucketPolicyException)" in refused.err, refused
    cairn.aws("cloudtrail delete-trail --name member-trail")


def test_003_access_analyzer_is_refused_clearly(cairn):
    """`S3 Access Analyzer: Monitor who accesses audit logs`: there is none, and it says so. What of it there is here:
    `get-bucket-policy-status` says whether a bucket is public, and its access logs who came."""
    for command, operation in [("create-analyzer --analyzer-name audit --type ACCOUNT", "CreateAnalyzer"), ("list-analyzers", "ListAnalyzers")]:
        refused = cairn.aws(f"accessanalyzer {command}", check=False)
        assert refused.code != 0 and f"when calling the {operation} operation" in refused.err, refused
        assert "UnknownOperationException" in refused.err and "known to Cairn" in refused.err, refused
