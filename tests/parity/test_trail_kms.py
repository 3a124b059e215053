"""Trails with a key of KMS: what is checked, what is encrypted, and what a disabled key does; with the CLI, boto3 and Terraform."""

import json

import pytest

import logs
from server import ACCOUNT, error_of, trail_policy, until
from terraform import Terraform
from validation import validate


def key_policy(trail=None, cloudtrail=True):
    """As CloudTrail's user guide has it."""
    statements = [{"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}]
    if cloudtrail:
        condition = {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"}}
        if trail:
            condition["StringEquals"] = {"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{trail}"}
        statements += [
            {"Sid": "Encrypt", "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:GenerateDataKey*",
             "Resource": "*", "Condition": condition},
            {"Sid": "Describe", "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:DescribeKey",
             "Resource": "*"},
        ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_the_key_is_checked(cairn, name):
    kms, ct = cairn.client("kms"), cairn.client("cloudtrail")
    bucket = cairn.bucket_for_trails(f"{name}-logs")

    def refusal(key):
        return error_of(ct.create_trail, Name=name, S3BucketName=bucket, KmsKeyId=key)

    closed = kms.create_key(Policy=key_policy(cloudtrail=False))["KeyMetadata"]
    code, status, text = refusal(closed["Arn"])
    assert (code, status) == ("InsufficientEncryptionPolicyException", 400)
    assert text == f"Insufficient permissions to access S3 bucket {bucket} or KMS key {closed['Arn']}."
    other = kms.create_key(Policy=key_policy(trail="another"))["KeyMetadata"]["KeyId"]
    assert refusal(other)[0] == "InsufficientEncryptionPolicyException"
    assert refusal("alias/none")[0] == "KmsKeyNotFoundException"
    assert refusal("11111111-2222-3333-4444-555555555555")[0] == "KmsKeyNotFoundException"
    far = cairn.client("kms", "eu-west-1").create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    assert refusal(far)[0] == "KmsKeyNotFoundException"
    pair = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT", Policy=key_policy())["KeyMetadata"]["Arn"]
    assert refusal(pair)[0] == "InvalidKmsKeyIdException"
    good = kms.create_key(Policy=key_policy(trail=name))["KeyMetadata"]
    kms.disable_key(KeyId=good["KeyId"])
    assert refusal(good["KeyId"])[0] == "KmsException"
    kms.enable_key(KeyId=good["KeyId"])
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=good["KeyId"])
    for named in (good["KeyId"], good["Arn"], f"alias/{name}", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/{name}"):
        assert ct.create_trail(Name=name, S3BucketName=bucket, KmsKeyId=named)["KmsKeyId"] == good["Arn"]
        assert ct.get_trail(Name=name)["Trail"]["KmsKeyId"] == good["Arn"]
        assert "KmsKeyId" not in ct.update_trail(Name=name, KmsKeyId="")
        assert "KmsKeyId" not in ct.describe_trails(trailNameList=[name])["trailList"][0]
        assert ct.update_trail(Name=name, KmsKeyId=named)["KmsKeyId"] == good["Arn"]
        ct.delete_trail(Name=name)


def test_files_and_digests_are_encrypted_and_a_disabled_key_holds_them_up(cairn, name):
    kms, ct, s3 = cairn.client("kms"), cairn.client("cloudtrail"), cairn.client("s3")
    bucket = cairn.bucket_for_trails(f"{name}-logs")
    key = kms.create_key(Policy=key_policy(trail=name))["KeyMetadata"]["Arn"]
    arn = cairn.trail(name, bucket, KmsKeyId=key)
    ct.list_trails()
    cairn.flush()
    before = logs.keys(s3, bucket)
    assert logs.log_keys(s3, bucket) and logs.digest_keys(s3, bucket)
    kms.disable_key(KeyId=key)
    ct.list_trails()
    cairn.cairn("flush", check=False)
    status = ct.get_trail_status(Name=name)
    assert status["LatestDeliveryError"] == "KMS.DisabledException", status
    assert logs.keys(s3, bucket) == before
    kms.enable_key(KeyId=key)
    cairn.flush()
    until(lambda: "LatestDeliveryError" not in ct.get_trail_status(Name=name), "delivery goes on")
    for one in logs.keys(s3, bucket):
        shown = s3.head_object(Bucket=bucket, Key=one)
        assert (shown["ServerSideEncryption"], shown["SSEKMSKeyId"]) == ("aws:kms", key), one
    found = [record["eventName"] for _, record in logs.records(s3, bucket)]
    assert "DisableKey" in found and found.count("ListTrails") >= 2
    assert validate(cairn, arn).all_valid()[1] == len(logs.log_keys(s3, bucket))
    used = [record for _, record in logs.records(s3, bucket) if record["eventName"] == "GenerateDataKey"
            and record["userIdentity"].get("invokedBy") == "cloudtrail.amazonaws.com"]
    assert used, "what CloudTrail does with the key is recorded"
    ct.delete_trail(Name=name)


def test_the_key_of_an_event_data_store(cairn, name):
    kms, ct = cairn.client("kms"), cairn.client("cloudtrail")
    closed = kms.create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    # There is no trail whose ARN the context could have.
    assert error_of(ct.create_event_data_store, Name=name, KmsKeyId=closed)[0] == "InsufficientEncryptionPolicyException"
    policy = json.loads(key_policy(cloudtrail=False))
    policy["Statement"].append({"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
                                "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"})
    key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    made = ct.create_event_data_store(Name=name, KmsKeyId=key, TerminationProtectionEnabled=False)
    assert made["KmsKeyId"] == key
    assert ct.get_event_data_store(EventDataStore=made["EventDataStoreArn"])["KmsKeyId"] == key
    ct.delete_event_data_store(EventDataStore=made["EventDataStoreArn"])


TEXT = """
resource "aws_kms_key" "logs" {
  description             = "for log files"
  deletion_window_in_days = 7
  policy                  = jsonencode(%(key)s)
}

resource "aws_s3_bucket" "logs" {
  bucket        = "terraform-trail-kms"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode(%(policy)s)
}

resource "aws_cloudtrail" "logs" {
  name                       = "terraform-trail-kms"
  s3_bucket_name             = aws_s3_bucket_policy.logs.bucket
  kms_key_id                 = aws_kms_key.logs.arn
  enable_log_file_validation = true
}
"""


@pytest.mark.timeout(900)
def test_terraform(cairn, tmp_path):
    text = TEXT % {"key": key_policy(trail="terraform-trail-kms"), "policy": json.dumps(trail_policy("terraform-trail-kms"))}
    terraform = Terraform(cairn, tmp_path / "tf", text)
    terraform.apply()
    terraform.nothing_to_do()
    shown = cairn.aws("cloudtrail get-trail --name terraform-trail-kms").json["Trail"]
    assert shown["KmsKeyId"].startswith(f"arn:aws:kms:us-east-1:{ACCOUNT}:key/")
    terraform.destroy()
