"""Event data stores under a key of KMS: what is checked, what lies on disk, what a disabled key hides and what comes meanwhile."""

import json

from server import ACCOUNT, error_of, until
from test_federation import BUCKET, enable, table
from test_lake_queries import over, rows, start
from test_lookup_command import lookup

USE = ["kms:GenerateDataKey", "kms:Decrypt"]


def key_policy(cloudtrail=True):
    """CloudTrail user guide, "Configure AWS KMS key policies for CloudTrail": event data stores."""
    statements = [{"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}]
    if cloudtrail:
        condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT},
                     "StringLike": {"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/*"}}
        statements.append({"Sid": "Lake", "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": USE,
                           "Resource": "*", "Condition": condition})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def create(cairn, name, *more):
    words = ["cloudtrail", "create-event-data-store", "--name", name, "--no-termination-protection-enabled", *more]
    return cairn.aws(words).json["EventDataStoreArn"].split("/")[1]


def beginnings(cairn, store):
    """How the files of a store begin."""
    files = [path for path in (cairn.data / "objects" / "data" / "lake" / store).rglob("*") if path.is_file()]
    return [path.read_bytes()[:4] for path in files]


def asked(cairn, store, statement):
    described = over(cairn, start(cairn, statement.format(store=store)))
    return described["QueryStatus"], described.get("ErrorMessage", "")


COUNT = "SELECT COUNT(*) AS n FROM {store} WHERE eventName = 'ListGroups'"


def count(cairn, store):
    query = start(cairn, COUNT.format(store=store))
    assert over(cairn, query)["QueryStatus"] == "FINISHED"
    return int(rows(cairn, query)[0]["n"])


def test_the_key_is_checked(cairn, name):
    kms, ct = cairn.client("kms"), cairn.client("cloudtrail")

    def refusal(key):
        return error_of(ct.create_event_data_store, Name=name, KmsKeyId=key)[0]

    closed = kms.create_key(Policy=key_policy(cloudtrail=False))["KeyMetadata"]["Arn"]
    assert refusal(closed) == "InsufficientEncryptionPolicyException"
    far = cairn.client("kms", "eu-west-1").create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    assert refusal(far) == "KmsKeyNotFoundException"
    good = kms.create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=good)
    assert refusal(good) == "KmsException"
    kms.enable_key(KeyId=good)
    store = create(cairn, name, "--kms-key-id", good)
    assert ct.get_event_data_store(EventDataStore=store)["KmsKeyId"] == good
    other = kms.create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    code, _, text = error_of(ct.update_event_data_store, EventDataStore=store, KmsKeyId=other)
    assert code == "InvalidParameterException" and "cannot be removed or changed" in text


def test_a_store_is_as_open_as_its_key(new_cairn, name):
    cairn = new_cairn()
    kms, iam = cairn.client("kms"), cairn.client("iam")
    key = kms.create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    store, plain = create(cairn, "under", "--kms-key-id", key), create(cairn, "plain")
    iam.list_groups()
    assert (count(cairn, store), count(cairn, plain)) == (1, 1)
    cairn.restart()
    kms, iam = cairn.client("kms"), cairn.client("iam")
    assert set(beginnings(cairn, store)) == {b"CRNE"}
    assert b"CRNE" not in beginnings(cairn, plain) and b"PAR1" in beginnings(cairn, plain)
    assert count(cairn, store) == 1
    assert lookup(cairn, "ListGroups", "--store", store, "--as", "event-name")["Records"]

    # What a disabled key hides; other stores do not care.
    kms.disable_key(KeyId=key)
    iam.list_groups()
    status, why = asked(cairn, store, COUNT)
    assert status == "FAILED" and f"DisabledException: {key} is disabled." in why and store in why
    refused = cairn.cairn("lookup", "ListGroups", "--store", store, check=False)
    assert refused.code != 0 and "DisabledException" in refused.err
    assert count(cairn, plain) == 2
    # What comes meanwhile is kept, over a stop and a start, and not in clear.
    cairn.restart()
    kms, iam = cairn.client("kms"), cairn.client("iam")
    assert set(beginnings(cairn, store)) == {b"CRNE"}
    assert asked(cairn, store, COUNT)[0] == "FAILED"
    kms.enable_key(KeyId=key)
    assert count(cairn, store) == 2
    # So does a policy that does not let CloudTrail any more.
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=key_policy(cloudtrail=False))
    status, why = asked(cairn, store, COUNT)
    assert status == "FAILED" and "AccessDeniedException" in why
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=key_policy())
    assert count(cairn, store) == 2
    # Who used the key, and for what.
    seen = cairn.aws("cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=Decrypt").json["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in seen]
    ours = [record for record in records if record["userIdentity"].get("invokedBy") == "cloudtrail.amazonaws.com"]
    assert ours and all(record["resources"][0]["ARN"] == key for record in ours)
    assert {record.get("errorCode") for record in ours} == {None, "DisabledException", "AccessDenied"}


def test_a_store_gets_a_key_later(new_cairn):
    cairn = new_cairn()
    store = create(cairn, "later")
    cairn.client("iam").list_groups()
    cairn.restart()
    assert b"PAR1" in beginnings(cairn, store)
    key = cairn.client("kms").create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    cairn.aws(f"cloudtrail update-event-data-store --event-data-store {store} --kms-key-id {key}")
    until(lambda: set(beginnings(cairn, store)) == {b"CRNE"}, "what was there is under the key")
    assert count(cairn, store) == 1


def test_its_table_is_under_the_key(new_cairn):
    cairn = new_cairn()
    kms = cairn.client("kms")
    key = kms.create_key(Policy=key_policy())["KeyMetadata"]["Arn"]
    store = create(cairn, "federated", "--kms-key-id", key)
    cairn.client("iam").list_groups()
    cairn.restart()
    enable(cairn, store)
    listed = cairn.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=store)["Contents"]
    for one in listed:
        shown = cairn.client("s3").head_object(Bucket=BUCKET, Key=one["Key"])
        assert (shown["ServerSideEncryption"], shown["SSEKMSKeyId"]) == ("aws:kms", key), one["Key"]
    assert table(cairn, store).scan().to_arrow().num_rows > 0
    cairn.client("kms").disable_key(KeyId=key)
    assert error_of(cairn.client("s3").get_object, Bucket=BUCKET, Key=listed[0]["Key"])[0] == "KMS.DisabledException"
