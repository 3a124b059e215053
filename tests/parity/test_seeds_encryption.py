"""Encryption as the documents that people follow ask for it: SSE-KMS for buckets, objects and trails, SSE-S3 always. A key that is not
there is refused in words that say so, and nothing is changed by a call that was refused."""

import pytest

from server import ACCOUNT, trail_policy
import json

SHOES = "vinashoes-cloudtrail-logs-ap-southeast-1"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
# What CloudTrail says.
NO_TRAIL_KEY = f"KMS key {KEY} does not exist"


def refused(done, code, text):
    assert done.code != 0 and f"({code})" in done.err and text in done.err, done


def log_bucket(cairn, bucket):
    cairn.aws(f"s3 mb s3://{bucket}")
    cairn.aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(trail_policy(bucket))])


def a_key(cairn):
    """A key that trails may encrypt with, as CloudTrail's user guide has its policy."""
    kms = cairn.client("kms")
    arn = kms.create_key(Description="logs")["KeyMetadata"]["Arn"]
    policy = json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    policy["Statement"].append({"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Resource": "*",
                                "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"]})
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(policy))
    return arn


@pytest.mark.parametrize("algorithm, named", [("aws:kms", False), ("aws:kms", True), ("aws:kms:dsse", False)])
def test_002_sse_kms_for_the_bucket(cairn, name, algorithm, named):
    """`Use SSE-KMS encryption for S3 bucket`; 003: `Server-side encryption (SSE-S3 or SSE-KMS)`."""
    cairn.aws(f"s3 mb s3://{name}")
    key = a_key(cairn) if named else None
    rule = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if named else {})}
    configuration = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    cairn.aws(["s3api", "put-bucket-encryption", "--bucket", name, "--server-side-encryption-configuration", json.dumps(configuration)])
    still = cairn.aws(f"s3api get-bucket-encryption --bucket {name}").json["ServerSideEncryptionConfiguration"]["Rules"]
    assert still == [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": False}]
    cairn.aws(f"s3 cp - s3://{name}/log.json.gz", stdin="log")
    head = cairn.aws(f"s3api head-object --bucket {name} --key log.json.gz").json
    assert head["ServerSideEncryption"] == algorithm and (key is None or head["SSEKMSKeyId"] == key)
    assert cairn.aws(f"s3 cp s3://{name}/log.json.gz -").out == "log"


def test_002_sse_kms_for_one_object(cairn, name):
    cairn.aws(f"s3 mb s3://{name}")
    done = cairn.aws(f"s3 cp - s3://{name}/log.json.gz --sse aws:kms --sse-kms-key-id {KEY}", stdin="log", check=False)
    refused(done, "KMS.NotFoundException", KEY)
    assert cairn.aws(f"s3 ls s3://{name} --recursive", check=False).out == ""
    for more, algorithm in [("--sse AES256", "AES256"), ("--sse aws:kms", "aws:kms"), (f"--sse aws:kms --sse-kms-key-id {a_key(cairn)}", "aws:kms")]:
        cairn.aws(f"s3 cp - s3://{name}/log.json.gz {more}", stdin="log")
        assert cairn.aws(f"s3api head-object --bucket {name} --key log.json.gz").json["ServerSideEncryption"] == algorithm


def test_001_encrypt_logs_with_kms(cairn):
    """`Encrypt logs with KMS (SSE-KMS)`; 000: `KMS Encryption: Optional: Enable để encrypt logs`, and without it it goes on."""
    log_bucket(cairn, SHOES)
    create = f"cloudtrail create-trail --name vinashoes-audit-trail --s3-bucket-name {SHOES}"
    refused(cairn.aws(f"{create} --kms-key-id {KEY}", check=False), "KmsKeyNotFoundException", NO_TRAIL_KEY)
    assert cairn.aws("cloudtrail describe-trails").json == {"trailList": []}
    cairn.aws(create)
    cairn.aws("cloudtrail start-logging --name vinashoes-audit-trail")
    refused(cairn.aws(f"cloudtrail update-trail --name vinashoes-audit-trail --kms-key-id {KEY}", check=False), "KmsKeyNotFoundException",
            NO_TRAIL_KEY)
    assert "KmsKeyId" not in cairn.aws("cloudtrail get-trail --name vinashoes-audit-trail").json["Trail"]
    key_arn = None
    for algorithm in ["AES256", "aws:kms"]:
        cairn.flush()
        key = cairn.aws(f"s3 ls s3://{SHOES}/AWSLogs/{ACCOUNT}/CloudTrail/ --recursive").out.strip().splitlines()
        key = sorted(key)[-1].split()[-1]
        head = cairn.aws(f"s3api head-object --bucket {SHOES} --key {key}").json
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (algorithm, key_arn)
        if key_arn is None:
            key_arn = a_key(cairn)
            cairn.aws(f"cloudtrail update-trail --name vinashoes-audit-trail --kms-key-id {key_arn}")
    assert cairn.aws("cloudtrail get-trail --name vinashoes-audit-trail").json["Trail"]["KmsKeyId"] == key_arn
    cairn.aws("cloudtrail delete-trail --name vinashoes-audit-trail")


def test_003_encryption_at_rest_s3(cairn):
    """`[x] Encryption at rest (S3)`: nothing of a log lies in the data folder in clear."""
    words = "what an auditor would search the disk for"
    cairn.aws("s3 mb s3://at-rest")
    cairn.aws("s3 cp - s3://at-rest/small", stdin=words)
    cairn.aws("s3 cp - s3://at-rest/large", stdin=words * 10_000)
    assert cairn.aws("s3 cp s3://at-rest/large -").out == words * 10_000
    looked = 0
    for path in cairn.data.rglob("*"):
        if path.is_file():
            assert words.encode() not in path.read_bytes(), path
            looked += 1
    assert looked
