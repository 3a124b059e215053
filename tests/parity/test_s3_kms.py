"""Objects under keys of KMS with boto3 and the CLI: who may, what a disabled key does, what is recorded, and what lies in the data folder."""

import json
import urllib.request

import pytest
from accounts import first, member
from server import ACCOUNT, error_of, trail_policy, until

WORDS = b"the words that nobody may find in the folder "


@pytest.fixture(scope="module")
def kms(cairn):
    return cairn.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def read(s3, bucket, key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def events(cairn, name, key):
    """The records of a use of a key, newest first."""
    found = cairn.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])
    records = [json.loads(event["CloudTrailEvent"]) for page in found for event in page["Events"]]
    return [record for record in records if key in json.dumps(record.get("resources"))]


def test_objects_under_a_key_of_ones_own(s3, bucket, key):
    alias = f"alias/{bucket}"
    # By ARN and by identifier, and what is shown is the ARN.
    for named in (key, key.split("/")[-1]):
        put = s3.put_object(Bucket=bucket, Key="k", Body=WORDS, ServerSideEncryption="aws:kms", SSEKMSKeyId=named)
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["ServerSideEncryption"], got["SSEKMSKeyId"], got["Body"].read()) == ("aws:kms", key, WORDS)
    assert read(s3, bucket, "k", Range="bytes=4-8") == WORDS[4:9]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], "BucketKeyEnabled" in head) == ("aws:kms", key, False)
    assert s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"])["ObjectSize"] == len(WORDS)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert urllib.request.urlopen(url).read() == WORDS
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=alias)[:2] == (
        "KMS.NotFoundException", 400)


def test_the_key_of_s3(s3, kms, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=WORDS, ServerSideEncryption="aws:kms")
    managed = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert (put["SSEKMSKeyId"], managed["KeyManager"]) == (managed["Arn"], "AWS")
    assert read(s3, bucket, "k") == WORDS


def test_copies_and_parts(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=WORDS, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    copied = s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/k")
    assert copied["ServerSideEncryption"] == "AES256"
    copied = s3.copy_object(Bucket=bucket, Key="other", CopySource=f"{bucket}/plain", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert (copied["ServerSideEncryption"], copied["SSEKMSKeyId"]) == ("aws:kms", key)
    begun = s3.create_multipart_upload(Bucket=bucket, Key="parts", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert (begun["ServerSideEncryption"], begun["SSEKMSKeyId"]) == ("aws:kms", key)
    upload = dict(Bucket=bucket, Key="parts", UploadId=begun["UploadId"])
    large = WORDS * ((5 << 20) // len(WORDS) + 1)
    first = s3.upload_part(**upload, PartNumber=1, Body=large)
    assert (first["ServerSideEncryption"], first["SSEKMSKeyId"]) == ("aws:kms", key)
    second = s3.upload_part_copy(**upload, PartNumber=2, CopySource=f"{bucket}/other")
    parts = [{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 2, "ETag": second["CopyPartResult"]["ETag"]}]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert (done["ServerSideEncryption"], done["SSEKMSKeyId"]) == ("aws:kms", key)
    for name, expected in (("plain", WORDS), ("other", WORDS), ("parts", large + WORDS)):
        assert read(s3, bucket, name) == expected


def test_a_disabled_key(s3, kms, bucket, key):
    put = dict(Bucket=bucket, Key="k", Body=WORDS, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    s3.put_object(**put)
    kms.disable_key(KeyId=key)
    expected = ("KMS.DisabledException", 400, f"{key} is disabled.")
    assert error_of(s3.get_object, Bucket=bucket, Key="k") == expected
    assert error_of(s3.put_object, **put) == expected
    assert error_of(s3.copy_object, Bucket=bucket, Key="copy", CopySource=f"{bucket}/k") == expected
    assert s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == key
    kms.enable_key(KeyId=key)
    assert read(s3, bucket, "k") == WORDS
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert error_of(s3.get_object, Bucket=bucket, Key="k")[:2] == ("KMS.KMSInvalidStateException", 400)
    s3.delete_object(Bucket=bucket, Key="k")


def test_who_may_not_use_the_key_does_not_read(cairn, s3, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=WORDS, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    iam = cairn.client("iam")
    user = f"u-{bucket}"
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    allow = lambda *statements: iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]}))
    allow({"Action": "s3:*"})
    made = iam.create_access_key(UserName=user)["AccessKey"]
    theirs = cairn.client("s3", key=made["AccessKeyId"], secret=made["SecretAccessKey"])
    code, status, text = error_of(theirs.get_object, Bucket=bucket, Key="k")
    assert (code, status) == ("AccessDenied", 403)
    assert text.startswith(f"User: {arn} is not authorized to perform: kms:Decrypt on resource: {key} because"), text
    code, status, text = error_of(theirs.put_object, Bucket=bucket, Key="mine", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert (code, status) == ("AccessDenied", 403) and "kms:GenerateDataKey" in text
    assert theirs.head_object(Bucket=bucket, Key="k")["ContentLength"] == len(WORDS)
    # S3's own key is for everybody who may use S3.
    theirs.put_object(Bucket=bucket, Key="mine", Body=b"x", ServerSideEncryption="aws:kms")
    assert read(theirs, bucket, "mine") == b"x"
    # Only by way of S3, and only for this object.
    condition = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com",
                                  "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/k"}}
    allow({"Action": "s3:*"}, {"Action": "kms:Decrypt", "Resource": key, "Condition": condition})
    assert read(theirs, bucket, "k") == WORDS
    s3.put_object(Bucket=bucket, Key="second", Body=WORDS, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert error_of(theirs.get_object, Bucket=bucket, Key="second")[:2] == ("AccessDenied", 403)


def test_a_bucket_policy_asks_for_the_key(cairn, s3, bucket, key):
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    statements = [
        {**deny, "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}},
        {**deny, "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}}},
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    put = dict(Bucket=bucket, Key="k", Body=WORDS)
    for more in ({}, {"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms"}):
        assert error_of(s3.put_object, **put, **more)[:2] == ("AccessDenied", 403)
    s3.put_object(**put, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)


def test_the_buckets_default_and_bucket_keys(cairn, s3, bucket, key):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    for name in ("a", "b", "c"):
        put = s3.put_object(Bucket=bucket, Key=name, Body=WORDS)
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", key, True)
    for name in ("a", "b", "c"):
        assert read(s3, bucket, name) == WORDS
    assert s3.head_object(Bucket=bucket, Key="a")["BucketKeyEnabled"] is True
    until(lambda: events(cairn, "Decrypt", key), "the record of Decrypt")
    for name in ("GenerateDataKey", "Decrypt"):
        (record,) = events(cairn, name, key)
        assert record["requestParameters"]["encryptionContext"] == {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}


def test_uses_are_recorded(cairn, s3, bucket, key):
    cairn.aws(["s3", "cp", "-", f"s3://{bucket}/k", "--sse", "aws:kms", "--sse-kms-key-id", key], stdin="words")
    assert cairn.aws(["s3", "cp", f"s3://{bucket}/k", "-"]).out == "words"
    until(lambda: events(cairn, "Decrypt", key), "the record of Decrypt")
    for name in ("GenerateDataKey", "Decrypt"):
        (record,) = events(cairn, name, key)
        assert record["eventSource"] == "kms.amazonaws.com"
        assert record["userIdentity"]["invokedBy"] == "s3.amazonaws.com"
        assert (record["sourceIPAddress"], record["userAgent"]) == ("s3.amazonaws.com", "s3.amazonaws.com")
        assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]
        assert record["requestParameters"]["encryptionContext"] == {"aws:s3:arn": f"arn:aws:s3:::{bucket}/k"}


def test_nothing_lies_in_clear_and_a_start_reads_it_again(new_cairn):
    cairn = new_cairn()
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="bkt")
    for name, size in (("small", 200), ("large", 300_000)):
        s3.put_object(Bucket="bkt", Key=name, Body=(WORDS * (size // len(WORDS) + 1)), ServerSideEncryption="aws:kms")
    cairn.stop()
    for path in cairn.data.rglob("*"):
        assert not path.is_file() or WORDS[:20] not in path.read_bytes(), path
    cairn.start()
    s3 = cairn.client("s3")
    for name, size in (("small", 200), ("large", 300_000)):
        assert read(s3, "bkt", name) == WORDS * (size // len(WORDS) + 1)


def test_a_trail_into_a_bucket_under_a_key(new_cairn):
    """Log files are written as CloudTrail under the key's policy; both validators, and `cairn rebuild`, read them; a disabled key holds them
    up and loses none."""
    cairn = new_cairn(env={"CAIRN_VALIDATION_INTERVAL": "1s"})
    s3, kms, trails = cairn.client("s3"), cairn.client("kms"), cairn.client("cloudtrail")
    trail = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/sealed"
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}]}
    key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="logs")
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps(trail_policy("logs")))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="logs", ServerSideEncryptionConfiguration={"Rules": [rule]})
    trails.create_trail(Name="sealed", S3BucketName="logs", EnableLogFileValidation=True)
    trails.start_logging(Name="sealed")
    cairn.cairn("flush", check=False)
    # Nobody said that CloudTrail may use the key.
    error = until(lambda: trails.get_trail_status(Name="sealed").get("LatestDeliveryError"), "an error of delivery")
    assert error == "KMS.AccessDeniedException"
    policy["Statement"].append({"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:GenerateDataKey*",
                                "Resource": "*", "Condition": {"StringEquals": {"aws:SourceArn": trail}}})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    listed = lambda: [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="logs", Prefix="AWSLogs/")
                      for item in page.get("Contents", []) if item["Key"].endswith(".gz")]
    until(lambda: cairn.cairn("flush", check=False).code == 0 and listed(), "log files")
    assert all(s3.head_object(Bucket="logs", Key=name)["SSEKMSKeyId"] == key for name in listed())
    # More than a validator's first digest.
    cairn.flush()
    cairn.flush()
    made = [record for record in events(cairn, "GenerateDataKey", key) if not record.get("errorCode")]
    assert made[0]["userIdentity"] == {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
    words = ["--trail-arn", trail, "--start-time", "2020-01-01T00:00:00Z"]
    assert "INVALID" not in cairn.aws(["cloudtrail", "validate-logs", *words, "--region", "us-east-1"]).out
    done = cairn.cairn("validate", *words, "--region", "us-east-1")
    assert done.code == 0, done

    def own():
        status = json.loads(cairn.json_call("Cairn_20261101.GetStatus", {}, "cairn")[2])
        return [row for row in status["Validation"] if row["Trail"] == trail and row["FilesChecked"] > 0]

    (row,) = until(own, "the server has validated the trail itself")
    assert row["Valid"] and row["Problems"] == []
    kms.disable_key(KeyId=key)
    before = len(listed())
    cairn.cairn("flush", check=False)
    until(lambda: trails.get_trail_status(Name="sealed").get("LatestDeliveryError") == "KMS.DisabledException", "the key's error")
    assert len(listed()) == before
    kms.enable_key(KeyId=key)
    until(lambda: cairn.cairn("flush", check=False).code == 0 and len(listed()) > before, "what waited")
    cairn.stop()
    done = cairn.cairn("rebuild")
    assert done.code == 0 and "not read" not in done.out, done
    cairn.start()


def test_keys_of_other_accounts(new_cairn):
    """A name without an account is of the caller's account; a key of another account needs the word of both."""
    cairn = new_cairn()
    other = member(cairn, first(cairn), "keys-of-others")
    theirs, ours = other.client("s3"), cairn.client("s3")
    theirs.create_bucket(Bucket="their-bucket")
    put = theirs.put_object(Bucket="their-bucket", Key="k", Body=WORDS, ServerSideEncryption="aws:kms")
    assert f":{other.id}:key/" in put["SSEKMSKeyId"]
    assert read(theirs, "their-bucket", "k") == WORDS
    kms = cairn.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = dict(Bucket="their-bucket", Key="sealed", Body=WORDS, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    code, status, text = error_of(theirs.put_object, **sealed)
    assert (code, status) == ("AccessDenied", 403) and "kms:GenerateDataKey" in text
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{other.id}:root"},
                                "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert theirs.put_object(**sealed)["SSEKMSKeyId"] == key
    assert read(theirs, "their-bucket", "sealed") == WORDS
    # What another account may read by the bucket's policy, it reads only with the key.
    everybody = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "s3:GetObject",
                 "Resource": "arn:aws:s3:::their-bucket/*"}
    theirs.put_bucket_policy(Bucket="their-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [everybody]}))
    assert read(ours, "their-bucket", "sealed") == WORDS
    code, status, text = error_of(ours.get_object, Bucket="their-bucket", Key="k")
    assert (code, status) == ("AccessDenied", 403) and "kms:Decrypt" in text
