"""Accounts are tenants: nothing of one is visible to another, or can be changed by it, without permission; each attempt is in the records
of the account that made it."""

import gzip
import json

import pytest
from botocore.exceptions import ClientError

from accounts import ENTRANCE, assume, client_of, first, member, organize
from server import Failed, error_of, trail_policy, until

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


class Estate:
    """One of everything in an account, for others to try."""

    def __init__(self, account, name):
        self.account, self.name = account, name
        s3, iam, kms, trails = (account.client(service) for service in ("s3", "iam", "kms", "cloudtrail"))
        self.bucket = f"{name}-files"
        s3.create_bucket(Bucket=self.bucket)
        s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(trail_policy(self.bucket)))
        s3.put_object(Bucket=self.bucket, Key="secret", Body=b"secret")
        self.version = s3.create_multipart_upload(Bucket=self.bucket, Key="parts")["UploadId"]
        iam.create_user(UserName=f"{name}-user")
        self.role = iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.policy = iam.create_policy(PolicyName=f"{name}-policy", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
        self.key = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=self.key)
        self.alias = f"arn:aws:kms:us-east-1:{account.id}:alias/{name}"
        self.ciphertext = kms.encrypt(KeyId=self.key, Plaintext=b"secret")["CiphertextBlob"]
        self.trail = trails.create_trail(Name=name, S3BucketName=self.bucket)["TrailARN"]
        trails.start_logging(Name=self.trail)
        self.store = trails.create_event_data_store(Name=name, TerminationProtectionEnabled=False)["EventDataStoreArn"]
        self.channel = f"arn:aws:cloudtrail:us-east-1:{account.id}:channel/ee54f254-e4d5-4e0c-8f5b-0123456789ab"

    def untouched(self):
        """Everything is as it was made."""
        s3, iam, kms, trails = (self.account.client(service) for service in ("s3", "iam", "kms", "cloudtrail"))
        assert s3.get_object(Bucket=self.bucket, Key="secret")["Body"].read() == b"secret"
        assert {one["Key"] for one in s3.list_objects_v2(Bucket=self.bucket)["Contents"] if not one["Key"].startswith("AWSLogs")} == {"secret"}
        assert "Versioning" not in s3.get_bucket_versioning(Bucket=self.bucket)
        assert iam.get_user(UserName=f"{self.name}-user")["User"]["UserName"] == f"{self.name}-user"
        assert iam.list_attached_role_policies(RoleName=f"{self.name}-role")["AttachedPolicies"] == []
        assert iam.get_policy(PolicyArn=self.policy)["Policy"]["DefaultVersionId"] == "v1"
        assert kms.describe_key(KeyId=self.key)["KeyMetadata"]["KeyState"] == "Enabled"
        assert kms.list_grants(KeyId=self.key)["Grants"] == []
        assert kms.decrypt(CiphertextBlob=self.ciphertext)["Plaintext"] == b"secret"
        assert trails.get_trail_status(Name=self.trail)["IsLogging"] is True
        assert trails.get_event_data_store(EventDataStore=self.store)["Status"] == "ENABLED"


def attempts(intruder, estate):
    """What somebody of another account may try: a name and a call. None may succeed."""
    s3, iam, kms, trails, sts = (intruder.client(service) for service in ("s3", "iam", "kms", "cloudtrail", "sts"))
    bucket, key, name = estate.bucket, estate.key, estate.name
    at = {"Bucket": bucket}
    return {
        "HeadBucket": lambda: s3.head_bucket(**at),
        "ListObjectsV2": lambda: s3.list_objects_v2(**at),
        "ListObjectVersions": lambda: s3.list_object_versions(**at),
        "ListMultipartUploads": lambda: s3.list_multipart_uploads(**at),
        "GetObject": lambda: s3.get_object(**at, Key="secret"),
        "HeadObject": lambda: s3.head_object(**at, Key="secret"),
        "GetObjectTagging": lambda: s3.get_object_tagging(**at, Key="secret"),
        "PutObject": lambda: s3.put_object(**at, Key="mine", Body=b"x"),
        "PutObject over": lambda: s3.put_object(**at, Key="secret", Body=b"x"),
        "CopyObject from": lambda: s3.copy_object(Bucket=f"{intruder.id}-own", Key="copy", CopySource={"Bucket": bucket, "Key": "secret"}),
        "CopyObject to": lambda: s3.copy_object(**at, Key="copy", CopySource={"Bucket": f"{intruder.id}-own", "Key": "own"}),
        "DeleteObject": lambda: s3.delete_object(**at, Key="secret"),
        "UploadPart": lambda: s3.upload_part(**at, Key="parts", UploadId=estate.version, PartNumber=1, Body=b"x"),
        "AbortMultipartUpload": lambda: s3.abort_multipart_upload(**at, Key="parts", UploadId=estate.version),
        "DeleteBucket": lambda: s3.delete_bucket(**at),
        "CreateBucket again": lambda: s3.create_bucket(**at),
        "GetBucketPolicy": lambda: s3.get_bucket_policy(**at),
        "PutBucketPolicy": lambda: s3.put_bucket_policy(**at, Policy=json.dumps(trail_policy(bucket))),
        "DeleteBucketPolicy": lambda: s3.delete_bucket_policy(**at),
        "PutBucketVersioning": lambda: s3.put_bucket_versioning(**at, VersioningConfiguration={"Status": "Enabled"}),
        "GetBucketAcl": lambda: s3.get_bucket_acl(**at),
        "PutBucketTagging": lambda: s3.put_bucket_tagging(**at, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
        "GetUser": lambda: iam.get_user(UserName=f"{name}-user"),
        "DeleteUser": lambda: iam.delete_user(UserName=f"{name}-user"),
        "CreateAccessKey": lambda: iam.create_access_key(UserName=f"{name}-user"),
        "CreateLoginProfile": lambda: iam.create_login_profile(UserName=f"{name}-user", Password="Str0ng!enough"),
        "GetRole": lambda: iam.get_role(RoleName=f"{name}-role"),
        "UpdateAssumeRolePolicy": lambda: iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=json.dumps(TRUST)),
        "AttachRolePolicy": lambda: iam.attach_role_policy(RoleName=f"{name}-role", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "GetPolicy": lambda: iam.get_policy(PolicyArn=estate.policy),
        "GetPolicyVersion": lambda: iam.get_policy_version(PolicyArn=estate.policy, VersionId="v1"),
        "CreatePolicyVersion": lambda: iam.create_policy_version(PolicyArn=estate.policy, PolicyDocument=json.dumps(POLICY), SetAsDefault=True),
        "DeletePolicy": lambda: iam.delete_policy(PolicyArn=estate.policy),
        "AttachUserPolicy of theirs": lambda: iam.attach_user_policy(UserName="administrator", PolicyArn=estate.policy),
        "AssumeRole": lambda: sts.assume_role(RoleArn=estate.role, RoleSessionName="test"),
        "DescribeKey": lambda: kms.describe_key(KeyId=key),
        "DescribeKey by alias": lambda: kms.describe_key(KeyId=estate.alias),
        "Encrypt": lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        "Decrypt": lambda: kms.decrypt(KeyId=key, CiphertextBlob=estate.ciphertext),
        "Decrypt unnamed": lambda: kms.decrypt(CiphertextBlob=estate.ciphertext),
        "GenerateDataKey": lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        "ReEncrypt": lambda: kms.re_encrypt(SourceKeyId=key, CiphertextBlob=estate.ciphertext, DestinationKeyId=key),
        "GetKeyPolicy": lambda: kms.get_key_policy(KeyId=key, PolicyName="default"),
        "PutKeyPolicy": lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{}"),
        "CreateGrant": lambda: kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{intruder.id}:root", Operations=["Decrypt"]),
        "DisableKey": lambda: kms.disable_key(KeyId=key),
        "ScheduleKeyDeletion": lambda: kms.schedule_key_deletion(KeyId=key),
        "CreateAlias": lambda: kms.create_alias(AliasName="alias/stolen", TargetKeyId=key),
        "GetTrail": lambda: trails.get_trail(Name=estate.trail),
        "GetTrailStatus": lambda: trails.get_trail_status(Name=estate.trail),
        "StopLogging": lambda: trails.stop_logging(Name=estate.trail),
        "UpdateTrail": lambda: trails.update_trail(Name=estate.trail, S3KeyPrefix="x"),
        "DeleteTrail": lambda: trails.delete_trail(Name=estate.trail),
        "PutEventSelectors": lambda: trails.put_event_selectors(TrailName=estate.trail, EventSelectors=[{"ReadWriteType": "ReadOnly"}]),
        "AddTags": lambda: trails.add_tags(ResourceId=estate.trail, TagsList=[{"Key": "a", "Value": "b"}]),
        "GetEventDataStore": lambda: trails.get_event_data_store(EventDataStore=estate.store),
        "UpdateEventDataStore": lambda: trails.update_event_data_store(EventDataStore=estate.store, RetentionPeriod=7),
        "DeleteEventDataStore": lambda: trails.delete_event_data_store(EventDataStore=estate.store),
        "StopEventDataStoreIngestion": lambda: trails.stop_event_data_store_ingestion(EventDataStore=estate.store),
        "GetChannel": lambda: trails.get_channel(Channel=estate.channel),
    }


def refusal(name, call):
    """How a call was refused, as it must be."""
    try:
        answer = call()
    except ClientError as error:
        return error.response
    raise Failed(f"{name} succeeded: {answer}")


@pytest.fixture(scope="module")
def administrator(cairn):
    return first(cairn)


@pytest.fixture(scope="module")
def tenants(cairn, administrator):
    """Two member accounts."""
    return member(cairn, administrator, "first-tenant"), member(cairn, administrator, "second-tenant")


def requests_of(account):
    """The request identifiers that LookupEvents shows an account, with the accounts that the records are for."""
    trails, found = account.client("cloudtrail"), {}
    for page in trails.get_paginator("lookup_events").paginate():
        for event in page["Events"]:
            record = json.loads(event["CloudTrailEvent"])
            found[record.get("requestID")] = record
    return found


def test_no_attempt_to_cross_succeeds_and_each_is_recorded_where_it_came_from(cairn, tenants):
    estates = [Estate(tenant, name) for tenant, name in zip(tenants, ("alpha-estate", "bravo-estate"))]
    for tenant in tenants:
        s3 = tenant.client("s3")
        s3.create_bucket(Bucket=f"{tenant.id}-own")
        s3.put_object(Bucket=f"{tenant.id}-own", Key="own", Body=b"own")
        trails = tenant.client("cloudtrail")
        # Data events are in no event history: a trail has them.
        trails.put_event_selectors(
            TrailName="alpha-estate" if tenant is tenants[0] else "bravo-estate",
            EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True,
                             "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}])
    tried = {tenant.id: {} for tenant in tenants}
    for intruder, estate in zip(tenants, reversed(estates)):
        calls = attempts(intruder, estate)
        assert len(calls) >= 50
        for name, call in calls.items():
            answer = refusal(name, call)
            assert answer["ResponseMetadata"]["HTTPStatusCode"] < 500, (name, answer)
            tried[intruder.id][answer["ResponseMetadata"]["RequestId"]] = name
    for estate in estates:
        estate.untouched()
    cairn.flush()
    for tenant, estate in zip(tenants, estates):
        seen = requests_of(tenant)
        seen.update(delivered(tenant, estate.bucket))
        missing = {name for request, name in tried[tenant.id].items() if request not in seen}
        assert not missing, missing
        assert all(record["recipientAccountId"] == tenant.id for record in seen.values())
        for request, name in tried[tenant.id].items():
            assert seen[request].get("errorCode"), (name, seen[request])
            assert seen[request]["userIdentity"]["accountId"] == tenant.id


def delivered(account, bucket):
    """The records that a trail of the account put into its bucket, by request."""
    s3, found = account.client("s3"), {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"AWSLogs/{account.id}/CloudTrail/"):
        for one in page.get("Contents", []):
            if one["Key"].endswith(".json.gz"):
                body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
                for record in json.loads(gzip.decompress(body))["Records"]:
                    found[record.get("requestID")] = record
    return found


def test_lists_show_what_is_ones_own(tenants):
    one, two = tenants
    for service, operation, member_name, make in [
        ("s3", "list_buckets", "Buckets", lambda client, name: client.create_bucket(Bucket=name)),
        ("iam", "list_users", "Users", lambda client, name: client.create_user(UserName=name)),
        ("kms", "list_aliases", "Aliases", lambda client, name: client.create_alias(
            AliasName=f"alias/{name}", TargetKeyId=client.create_key()["KeyMetadata"]["KeyId"])),
        ("cloudtrail", "list_event_data_stores", "EventDataStores", lambda client, name: client.create_event_data_store(
            Name=name, TerminationProtectionEnabled=False)),
    ]:
        make(one.client(service), f"only-{one.id}")
        shown = [json.dumps(getattr(tenant.client(service), operation)()[member_name], default=str) for tenant in tenants]
        assert f"only-{one.id}" in shown[0] and f"only-{one.id}" not in shown[1], service


def test_the_same_name_in_two_accounts(tenants):
    for tenant in tenants:
        tenant.client("iam").create_role(RoleName="same", AssumeRolePolicyDocument=json.dumps(TRUST))
    roles = [tenant.client("iam").get_role(RoleName="same")["Role"] for tenant in tenants]
    assert roles[0]["Arn"] != roles[1]["Arn"] and roles[0]["RoleId"] != roles[1]["RoleId"]
    tenants[0].client("iam").delete_role(RoleName="same")
    tenants[1].client("iam").get_role(RoleName="same")


def test_what_both_accounts_permit_is_permitted_and_recorded_in_both(cairn, tenants):
    one, two = tenants
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{two.id}:root"}, "Action": "sts:AssumeRole"}]}
    role = one.client("iam").create_role(RoleName="for-two", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sts = two.client("sts")
    answer = sts.assume_role(RoleArn=role, RoleSessionName="visit")
    request = answer["ResponseMetadata"]["RequestId"]
    visitor = client_of(cairn, "sts", answer["Credentials"])
    assert visitor.get_caller_identity()["Arn"] == f"arn:aws:sts::{one.id}:assumed-role/for-two/visit"
    assert error_of(client_of(cairn, "iam", answer["Credentials"]).list_users)[0] == "AccessDenied"
    mine, theirs = requests_of(two)[request], requests_of(one)[request]
    assert mine["sharedEventID"] == theirs["sharedEventID"] and mine["eventID"] != theirs["eventID"]
    assert (mine["recipientAccountId"], theirs["recipientAccountId"]) == (two.id, one.id)
    assert mine["userIdentity"]["type"] == "IAMUser" and theirs["userIdentity"]["type"] == "AWSAccount"
    assert theirs["userIdentity"]["accountId"] == two.id
    session = mine["responseElements"]["credentials"]["accessKeyId"]
    done = [record for record in requests_of(one).values() if record["userIdentity"].get("accessKeyId") == session]
    assert done and all(record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role for record in done)
    # A bucket: its policy and the visitor's own both say yes.
    s3 = one.client("s3")
    s3.create_bucket(Bucket="shared-of-one")
    s3.put_object(Bucket="shared-of-one", Key="k", Body=b"shared")
    assert error_of(two.client("s3").get_object, Bucket="shared-of-one", Key="k")[0] == "AccessDenied"
    s3.put_bucket_policy(Bucket="shared-of-one", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": two.id}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shared-of-one/*"}]}))
    assert two.client("s3").get_object(Bucket="shared-of-one", Key="k")["Body"].read() == b"shared"
    weak = two.user("weak")
    assert error_of(weak.client("s3").get_object, Bucket="shared-of-one", Key="k")[0] == "AccessDenied"
    # A key: likewise.
    key = one.client("kms").create_key()["KeyMetadata"]["Arn"]
    policy = json.loads(one.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{two.id}:root"}, "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"})
    one.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    sealed = two.client("kms").encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    assert two.client("kms").decrypt(KeyId=key, CiphertextBlob=sealed)["Plaintext"] == b"p"
    assert error_of(two.client("kms").disable_key, KeyId=key)[0] == "AccessDeniedException"


def test_control_policies_bind_members_and_not_the_manager(cairn, administrator, tenants):
    organizations = organize(cairn)
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["cloudtrail:StopLogging", "kms:CreateKey"], "Resource": "*"}]}
    made = organizations.create_policy(Name="keep", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(deny))["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=made, TargetId=tenants[0].id)
    code, _, text = error_of(tenants[0].client("kms").create_key)
    assert code == "AccessDeniedException" and text.endswith("with an explicit deny in a service control policy"), text
    tenants[1].client("kms").create_key()
    administrator.client("kms").create_key()
    organizations.detach_policy(PolicyId=made, TargetId=tenants[0].id)
    tenants[0].client("kms").create_key()


def test_an_account_that_is_closed_lets_nobody_in(cairn, administrator, name):
    account = member(cairn, administrator, name)
    account.client("s3").list_buckets()
    organize(cairn).close_account(AccountId=account.id)
    assert error_of(account.client("iam").list_users)[0] == "InvalidClientTokenId"
    assert error_of(administrator.client("sts").assume_role, RoleArn=f"arn:aws:iam::{account.id}:role/{ENTRANCE}", RoleSessionName="test")[0] == "AccessDenied"


def test_what_is_of_the_first_account_alone(cairn, tenants):
    one = tenants[0]
    assert error_of(one.client("athena").list_work_groups)[0] in ("AccessDenied", "AccessDeniedException")
    flush = cairn.signed("POST", "/", b"{}", {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Cairn_20251001.Flush"},
                         "cairn", key=one.key, secret=one.secret)
    assert flush[0] in (400, 403, 404), flush


def test_accounts_are_there_after_a_crash(new_cairn):
    cairn = new_cairn()
    account = member(cairn, first(cairn), "survivor")
    account.client("s3").create_bucket(Bucket="survivors-bucket")
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    sealed = account.client("kms").encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    entered = assume(first(cairn).client("sts"), f"arn:aws:iam::{account.id}:role/{ENTRANCE}")
    cairn.kill()
    cairn.start()
    again = type(account)(cairn, account.id, account.key, account.secret)
    assert [one["Name"] for one in again.client("s3").list_buckets()["Buckets"]] == ["survivors-bucket"]
    assert again.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"
    assert client_of(cairn, "sts", entered).get_caller_identity()["Account"] == account.id
    until(lambda: [event for event in again.client("cloudtrail").lookup_events()["Events"] if event["EventName"] == "CreateBucket"], "history of the member")
