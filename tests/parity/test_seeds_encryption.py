"""Encryption as the documents that people follow ask for it. Without KMS, SSE-KMS is refused in words that say so, and nothing is changed
by a call that was refused; SSE-S3 is there always."""

import pytest

from server import ACCOUNT, trail_policy
from terraform import Terraform
import json

SHOES = "vinashoes-cloudtrail-logs-ap-southeast-1"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
# What S3 and CloudTrail say.
NO_KEY = "there is no KMS here; ask for AES256, or for no encryption by name"
NO_TRAIL_KEY = f"KMS key {KEY} does not exist"


def refused(done, code, text):
    assert done.code != 0 and f"({code})" in done.err and text in done.err, done


def log_bucket(cairn, bucket):
    cairn.aws(f"s3 mb s3://{bucket}")
    cairn.aws(["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(trail_policy(bucket))])


@pytest.mark.parametrize("rule", [{"SSEAlgorithm": "aws:kms"}, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}, {"SSEAlgorithm": "aws:kms:dsse"}])
def test_002_sse_kms_for_the_bucket(cairn, name, rule):
    """`Use SSE-KMS encryption for S3 bucket`; 003: `Server-side encryption (SSE-S3 or SSE-KMS)`."""
    cairn.aws(f"s3 mb s3://{name}")
    configuration = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    done = cairn.aws(["s3api", "put-bucket-encryption", "--bucket", name, "--server-side-encryption-configuration", json.dumps(configuration)],
                     check=False)
    refused(done, "KMS.NotFoundException", NO_KEY)
    assert rule.get("KMSMasterKeyID", "alias/aws/s3") in done.err
    still = cairn.aws(f"s3api get-bucket-encryption --bucket {name}").json["ServerSideEncryptionConfiguration"]["Rules"]
    assert still == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]


def test_002_sse_kms_for_one_object(cairn, name):
    cairn.aws(f"s3 mb s3://{name}")
    for more in ["", f" --sse-kms-key-id {KEY}"]:
        refused(cairn.aws(f"s3 cp - s3://{name}/log.json.gz --sse aws:kms{more}", stdin="log", check=False), "KMS.NotFoundException", NO_KEY)
    assert cairn.aws(f"s3 ls s3://{name} --recursive", check=False).out == ""
    cairn.aws(f"s3 cp - s3://{name}/log.json.gz --sse AES256", stdin="log")
    assert cairn.aws(f"s3api head-object --bucket {name} --key log.json.gz").json["ServerSideEncryption"] == "AES256"


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
    cairn.flush()
    key = cairn.aws(f"s3 ls s3://{SHOES}/AWSLogs/{ACCOUNT}/CloudTrail/ --recursive").out.split()[-1]
    assert cairn.aws(f"s3api head-object --bucket {SHOES} --key {key}").json["ServerSideEncryption"] == "AES256"
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


TEXT = """
resource "aws_s3_bucket" "logs" {
  bucket        = "terraform-kms-logs"
  force_destroy = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = "%(key)s"
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode(%(policy)s)
}

resource "aws_cloudtrail" "logs" {
  name           = "terraform-kms"
  s3_bucket_name = aws_s3_bucket_policy.logs.bucket
  kms_key_id     = "%(key)s"
}
"""


@pytest.mark.timeout(900)
def test_terraform_is_told_so_too(cairn, tmp_path):
    """`apply` fails with both texts, and what it made goes away again."""
    text = TEXT % {"key": KEY, "policy": json.dumps(trail_policy("terraform-kms-logs"))}
    terraform = Terraform(cairn, tmp_path / "tf", text)
    done = terraform("apply", "-auto-approve", check=False)
    # Terraform breaks lines and puts bars before them.
    said = " ".join(done.err.replace("│", " ").split())
    assert done.code == 1, done
    assert "KMS.NotFoundException" in said and f"Invalid keyId '{KEY}': {NO_KEY}" in said, done
    assert "KmsKeyNotFoundException" in said and NO_TRAIL_KEY in said, done
    assert "Destroy complete!" in terraform.destroy().out
    assert cairn.aws("cloudtrail list-trails").json == {"Trails": []}
    assert "terraform-kms-logs" not in cairn.aws("s3 ls").out
