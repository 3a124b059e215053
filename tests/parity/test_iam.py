"""IAM users, their keys and what they may do, and STS."""

import json

import pytest

from server import ACCOUNT, error_of

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
def iam(cairn):
    return cairn.client("iam")


def test_a_users_life(cairn, iam, name):
    made = iam.create_user(UserName=name, Path="/team/", Tags=[{"Key": "a", "Value": "1"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/{name}" and made["UserId"].startswith("AIDA") and made["Path"] == "/team/"
    shown = iam.get_user(UserName=name)["User"]
    assert {**made, "Tags": shown["Tags"]} == shown
    assert shown["Tags"] == [{"Key": "a", "Value": "1"}]
    assert name in [user["UserName"] for user in iam.list_users(PathPrefix="/team/")["Users"]]
    assert name not in [user["UserName"] for user in iam.list_users(PathPrefix="/other/")["Users"]]
    assert error_of(iam.create_user, UserName=name.upper())[:2] == ("EntityAlreadyExists", 409)
    iam.attach_user_policy(UserName=name, PolicyArn=ADMIN)
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]
    assert error_of(iam.delete_user, UserName=name)[:2] == ("DeleteConflict", 409)
    iam.detach_user_policy(UserName=name, PolicyArn=ADMIN)
    assert error_of(iam.detach_user_policy, UserName=name, PolicyArn=ADMIN)[:2] == ("NoSuchEntity", 404)
    assert error_of(iam.attach_user_policy, UserName=name, PolicyArn="arn:aws:iam::aws:policy/No")[:2] == ("NoSuchEntity", 404)
    iam.delete_user(UserName=name)
    code, status, text = error_of(iam.get_user, UserName=name)
    assert (code, status, text) == ("NoSuchEntity", 404, f"The user with name {name} cannot be found.")


def test_users_are_listed_in_pages(iam, name):
    names = [f"{name}-{number}" for number in range(5)]
    for user in names:
        iam.create_user(UserName=user, Path=f"/{name}/")
    pages = iam.get_paginator("list_users").paginate(PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 2})
    pages = [[user["UserName"] for user in page["Users"]] for page in pages]
    assert [len(page) for page in pages] == [2, 2, 1] and sum(pages, []) == names


def test_keys(cairn, iam, name):
    iam.create_user(UserName=name)
    one, two = (iam.create_access_key(UserName=name)["AccessKey"] for _ in range(2))
    assert one["AccessKeyId"].startswith("AKIA") and len(one["SecretAccessKey"]) == 40 and one["Status"] == "Active"
    assert error_of(iam.create_access_key, UserName=name)[:2] == ("LimitExceeded", 409)
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert {key["AccessKeyId"] for key in listed} == {one["AccessKeyId"], two["AccessKeyId"]}
    as_user = cairn.client("sts", key=one["AccessKeyId"], secret=one["SecretAccessKey"])
    assert as_user.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    iam.update_access_key(UserName=name, AccessKeyId=one["AccessKeyId"], Status="Inactive")
    assert error_of(as_user.get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    s3 = cairn.client("s3", key=one["AccessKeyId"], secret=one["SecretAccessKey"])
    assert error_of(s3.list_buckets)[:2] == ("InvalidAccessKeyId", 403)
    iam.update_access_key(UserName=name, AccessKeyId=one["AccessKeyId"], Status="Active")
    as_user.get_caller_identity()
    iam.delete_access_key(UserName=name, AccessKeyId=one["AccessKeyId"])
    assert error_of(as_user.get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    assert error_of(iam.delete_access_key, UserName=name, AccessKeyId=one["AccessKeyId"])[:2] == ("NoSuchEntity", 404)
    assert error_of(iam.delete_user, UserName=name)[:2] == ("DeleteConflict", 409)


def test_who_am_i(cairn, name):
    key, secret = cairn.user(name, admin=True)
    assert cairn.client("iam", key=key, secret=secret).get_user()["User"]["UserName"] == name
    assert cairn.client("iam").get_user()["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_identity_of_root(cairn):
    assert cairn.aws("sts get-caller-identity").json == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}


def test_a_user_may_nothing_until_a_policy_says_so(cairn, iam, name):
    key, secret = cairn.user(name)
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    identity = cairn.aws("sts get-caller-identity", key=key, secret=secret).json
    assert identity["Arn"] == arn and identity["UserId"].startswith("AIDA")
    denied = {
        "s3api list-buckets": ("AccessDenied", "s3:ListAllMyBuckets"),
        f"s3api create-bucket --bucket {name}": ("AccessDenied", "s3:CreateBucket"),
        "cloudtrail describe-trails": ("AccessDeniedException", "cloudtrail:DescribeTrails"),
        "iam list-users": ("AccessDenied", "iam:ListUsers"),
        "ec2 describe-instances": ("UnauthorizedOperation", "ec2:DescribeInstances"),
        "dynamodb list-tables": ("AccessDeniedException", "dynamodb:ListTables"),
        "lambda list-functions": ("AccessDeniedException", "lambda:ListFunctions"),
    }
    for command, (code, action) in denied.items():
        done = cairn.aws(command, check=False, key=key, secret=secret)
        assert done.code not in (0, 1) and f"({code})" in done.err, done
        assert f"User: {arn} is not authorized to perform: {action}" in done.err, done
    iam.attach_user_policy(UserName=name, PolicyArn=ADMIN)
    cairn.aws(f"s3 mb s3://{name}", key=key, secret=secret)
    cairn.aws("cloudtrail describe-trails", key=key, secret=secret)
    iam.detach_user_policy(UserName=name, PolicyArn=ADMIN)
    assert error_of(cairn.client("s3", key=key, secret=secret).list_buckets)[:2] == ("AccessDenied", 403)


def test_denied_calls_leave_a_record(cairn, name):
    key, secret = cairn.user(name)
    code, status, text = error_of(cairn.client("cloudtrail", key=key, secret=secret).stop_logging, Name="any-trail")
    assert (code, status) == ("AccessDeniedException", 400)
    events = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": name}])["Events"]
    record = json.loads(next(event for event in events if event["EventName"] == "StopLogging")["CloudTrailEvent"])
    assert (record["errorCode"], record["errorMessage"]) == ("AccessDenied", text)
    assert record["userIdentity"]["userName"] == name and record["userIdentity"]["accessKeyId"] == key
    assert record["requestParameters"] == {"name": "any-trail"} and record["responseElements"] is None


@pytest.mark.parametrize("call, wrong, code", [
    ("create_user", {"UserName": "bad name"}, "ValidationError"),
    ("create_user", {"UserName": "x" * 65}, "ValidationError"),
    ("create_user", {"UserName": "p", "Path": "no-slash"}, "ValidationError"),
    ("get_user", {"UserName": "absent"}, "NoSuchEntity"),
    ("create_access_key", {"UserName": "absent"}, "NoSuchEntity"),
    ("delete_user", {"UserName": "absent"}, "NoSuchEntity"),
    ("list_access_keys", {"UserName": "absent"}, "NoSuchEntity"),
    ("list_attached_user_policies", {"UserName": "absent"}, "NoSuchEntity"),
    ("list_users", {"MaxItems": 0}, "ValidationError"),
    ("update_access_key", {"UserName": "absent", "AccessKeyId": "AKIAXXXXXXXXXXXXXXXX", "Status": "Off"}, "ValidationError"),
])
def test_refusals(cairn, call, wrong, code):
    iam = cairn.client("iam", parameter_validation=False)
    assert error_of(getattr(iam, call), **wrong)[0] == code
