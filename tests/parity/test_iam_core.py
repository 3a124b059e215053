"""IAM with boto3 and the CLI: users, groups, roles, policies of all kinds, instance profiles, keys; and that policies are obeyed."""

import json

import pytest

from server import ACCOUNT, error_of

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def policy(*actions, effect="Allow", resource="*"):
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": list(actions), "Resource": resource}]}


def trust(**principal):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}


EC2 = trust(Service="ec2.amazonaws.com")


@pytest.fixture
def iam(cairn):
    return cairn.client("iam")


def test_groups_and_their_members(iam, name):
    group = iam.create_group(GroupName=name, Path="/team/")["Group"]
    assert group["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/team/{name}" and group["GroupId"].startswith("AGPA")
    assert error_of(iam.create_group, GroupName=name.upper()) == ("EntityAlreadyExists", 409, f"Group with name {name.upper()} already exists.")
    users = [f"{name}-{number}" for number in range(5)]
    for user in users:
        iam.create_user(UserName=user)
        iam.add_user_to_group(GroupName=name, UserName=user)
    pages = list(iam.get_paginator("get_group").paginate(GroupName=name, PaginationConfig={"PageSize": 2}))
    assert [user["UserName"] for page in pages for user in page["Users"]] == users and len(pages) == 3
    assert pages[0]["Group"] == group
    assert [found["GroupName"] for found in iam.list_groups_for_user(UserName=users[0])["Groups"]] == [name]
    assert error_of(iam.delete_group, GroupName=name) == ("DeleteConflict", 409, "Cannot delete entity, must remove users from group first.")
    assert error_of(iam.delete_user, UserName=users[0]) == ("DeleteConflict", 409, "Cannot delete entity, must remove users from group first.")
    iam.update_group(GroupName=name, NewGroupName=f"{name}-new", NewPath="/")
    for user in users:
        iam.remove_user_from_group(GroupName=f"{name}-new", UserName=user)
        iam.delete_user(UserName=user)
    iam.delete_group(GroupName=f"{name}-new")
    assert error_of(iam.get_group, GroupName=name) == ("NoSuchEntity", 404, f"The group with name {name} cannot be found.")


def test_a_roles_life(iam, name):
    tags = [{"Key": "a", "Value": "1"}]
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(EC2), Path="/p/", Description="d", Tags=tags)["Role"]
    assert made["AssumeRolePolicyDocument"] == EC2 and made["RoleId"].startswith("AROA") and made["Tags"] == tags
    shown = iam.get_role(RoleName=name)["Role"]
    assert shown["MaxSessionDuration"] == 3600 and shown["RoleLastUsed"] == {} and shown["Description"] == "d"
    assert "Tags" not in next(role for role in iam.list_roles(PathPrefix="/p/")["Roles"] if role["RoleName"] == name)
    iam.update_role(RoleName=name, MaxSessionDuration=7200, Description="e")
    assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 7200
    code, status, text = error_of(iam.update_role, RoleName=name, MaxSessionDuration=43201)
    assert (code, status) == ("ValidationError", 400) and "maxSessionDuration" in text
    assert iam.update_role_description(RoleName=name, Description="f")["Role"]["Description"] == "f"
    assert error_of(iam.create_role, RoleName=f"{name}x", AssumeRolePolicyDocument="{")[:2] == ("MalformedPolicyDocument", 400)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust(AWS=ACCOUNT)))
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == trust(AWS=ACCOUNT)
    code, status, text = error_of(iam.update_assume_role_policy, RoleName=name, PolicyDocument=json.dumps(policy("sts:AssumeRole")))
    assert (code, status, text) == ("MalformedPolicyDocument", 400, "Has prohibited field Resource")
    iam.tag_role(RoleName=name, Tags=[{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}]
    iam.untag_role(RoleName=name, TagKeys=["a"])
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=ADMIN)
    assert iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ADMIN}
    iam.delete_role_permissions_boundary(RoleName=name)
    iam.delete_role(RoleName=name)
    assert error_of(iam.get_role, RoleName=name) == ("NoSuchEntity", 404, f"The role with name {name} cannot be found.")


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_inline_policies(iam, name, kind):
    more = {"AssumeRolePolicyDocument": json.dumps(EC2)} if kind == "role" else {}
    holder = {f"{kind.title()}Name": name}
    getattr(iam, f"create_{kind}")(**holder, **more)
    put, get, remove, names = (getattr(iam, f"{verb}_{kind}_polic{end}") for verb, end in
                               [("put", "y"), ("get", "y"), ("delete", "y"), ("list", "ies")])
    document = policy("s3:GetObject", "s3:ListBucket")
    for number in range(3):
        put(**holder, PolicyName=f"p{number}", PolicyDocument=json.dumps(document, indent=2))
    assert get(**holder, PolicyName="p1")["PolicyDocument"] == document
    page = names(**holder, MaxItems=2)
    assert page["PolicyNames"] == ["p0", "p1"] and page["IsTruncated"]
    assert names(**holder, Marker=page["Marker"])["PolicyNames"] == ["p2"]
    assert error_of(put, **holder, PolicyName="bad", PolicyDocument=json.dumps({**document, "Version": "2020-01-01"}))[:2] == ("MalformedPolicyDocument", 400)
    missing = ("NoSuchEntity", 404, f"The {kind} policy with name no cannot be found.")
    assert error_of(get, **holder, PolicyName="no") == missing == error_of(remove, **holder, PolicyName="no")
    conflict = ("DeleteConflict", 409, "Cannot delete entity, must delete policies first.")
    assert error_of(getattr(iam, f"delete_{kind}"), **holder) == conflict
    for number in range(3):
        remove(**holder, PolicyName=f"p{number}")
    getattr(iam, f"delete_{kind}")(**holder)


def test_managed_policies_and_versions(iam, name):
    made = iam.create_policy(PolicyName=name, Path="/p/", Description="d", PolicyDocument=json.dumps(policy("s3:*")))["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/p/{name}" and made["DefaultVersionId"] == "v1" and made["IsAttachable"] is True
    assert made["AttachmentCount"] == made["PermissionsBoundaryUsageCount"] == 0 and "Description" not in made and "Tags" not in made
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert shown["Description"] == "d" and shown["Tags"] == []
    for number in range(2, 6):
        version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(policy("sqs:*")), SetAsDefault=number == 3)["PolicyVersion"]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{number}", number == 3)
    code, status, text = error_of(iam.create_policy_version, PolicyArn=arn, PolicyDocument=json.dumps(policy("sqs:*")))
    assert (code, status) == ("LimitExceeded", 409) and text.startswith("A managed policy can have up to 5 versions.")
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v5", "v4", "v3", "v2", "v1"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]["Document"] == policy("sqs:*")
    assert error_of(iam.delete_policy_version, PolicyArn=arn, VersionId="v3") == ("DeleteConflict", 409, "Cannot delete the default version of a policy.")
    assert error_of(iam.set_default_policy_version, PolicyArn=arn, VersionId="5")[:2] == ("ValidationError", 400)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v5")
    for number in (1, 2, 3, 4):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "A", "Value": "2"}, {"Key": "a", "Value": "1"}]
    assert name in [found["PolicyName"] for found in iam.list_policies(Scope="Local", PathPrefix="/p/")["Policies"]]
    iam.delete_policy(PolicyArn=arn)
    assert error_of(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", 404, f"Policy {arn} was not found.")


def test_attachments_are_counted(iam, name):
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy("s3:*")))["Policy"]["Arn"]
    iam.create_user(UserName=name, PermissionsBoundary=arn)
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(EC2))
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (3, 1)
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [entities["PolicyUsers"][0]["UserName"], entities["PolicyGroups"][0]["GroupName"], entities["PolicyRoles"][0]["RoleName"]] == [name] * 3
    only = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert [len(only[kind]) for kind in ("PolicyUsers", "PolicyGroups", "PolicyRoles")] == [1, 0, 0]
    assert [found["Arn"] for found in iam.list_policies(OnlyAttached=True, Scope="Local")["Policies"]] == [arn]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [{"PolicyName": name, "PolicyArn": arn}]
    assert error_of(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
    assert error_of(iam.delete_role, RoleName=name) == ("DeleteConflict", 409, "Cannot delete entity, must detach all policies first.")
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    iam.detach_group_policy(GroupName=name, PolicyArn=arn)
    iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    assert error_of(iam.detach_role_policy, RoleName=name, PolicyArn=arn) == ("NoSuchEntity", 404, f"Policy {arn} was not found.")
    iam.delete_user_permissions_boundary(UserName=name)
    iam.delete_policy(PolicyArn=arn)
    iam.delete_user(UserName=name), iam.delete_group(GroupName=name), iam.delete_role(RoleName=name)


def test_aws_policies_are_there(iam):
    found = [policy for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for policy in page["Policies"]]
    assert len(found) > 1000 and len({policy["Arn"] for policy in found}) == len(found)
    document = iam.get_policy_version(PolicyArn=ADMIN, VersionId=iam.get_policy(PolicyArn=ADMIN)["Policy"]["DefaultVersionId"])
    assert document["PolicyVersion"]["Document"]["Statement"][0]["Action"] == "*"
    assert error_of(iam.delete_policy, PolicyArn=ADMIN)[:2] == ("AccessDenied", 403)


def test_instance_profiles(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(EC2))
    made = iam.create_instance_profile(InstanceProfileName=name, Tags=[{"Key": "a", "Value": "1"}])["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}" and made["Roles"] == []
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    shown = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [role["RoleName"] for role in shown["Roles"]] == [name] and shown["Roles"][0]["AssumeRolePolicyDocument"] == EC2
    assert [p["InstanceProfileName"] for p in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]] == [name]
    quota = ("LimitExceeded", 409, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    assert error_of(iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=name) == quota
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=name)


def test_service_linked_roles(iam):
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com", Description="d")["Role"]
    assert role["Path"] == "/aws-service-role/ecs.amazonaws.com/" and role["RoleName"] == "AWSServiceRoleForECS"
    assert error_of(iam.delete_role, RoleName="AWSServiceRoleForECS")[:2] == ("UnmodifiableEntity", 400)
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_the_cli_reads_documents(cairn, name):
    def aws(command, *more):
        return cairn.aws(["iam", command, "--role-name", name, *more])

    made = aws("create-role", "--assume-role-policy-document", json.dumps(EC2)).json["Role"]
    assert made["AssumeRolePolicyDocument"] == EC2
    aws("put-role-policy", "--policy-name", "p", "--policy-document", json.dumps(policy("s3:*")))
    assert aws("get-role-policy", "--policy-name", "p").json["PolicyDocument"] == policy("s3:*")
    aws("delete-role-policy", "--policy-name", "p")
    aws("delete-role")


def test_policies_are_obeyed(cairn, iam, name):
    iam.create_user(UserName=name, Path="/me/")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    mine = cairn.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    code, status, text = error_of(mine.list_users)
    assert (code, status) == ("AccessDenied", 403)
    assert text.startswith(f"User: arn:aws:iam::{ACCOUNT}:user/me/{name} is not authorized to perform: iam:ListUsers on resource: ")
    assert text.endswith("because no identity-based policy allows the iam:ListUsers action")
    own = policy("iam:GetUser", "iam:ListAccessKeys", resource=f"arn:aws:iam::{ACCOUNT}:user/me/${{aws:username}}")
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(own))
    assert mine.get_user()["User"]["UserName"] == name
    assert mine.list_access_keys()["AccessKeyMetadata"][0]["AccessKeyId"] == key["AccessKeyId"]
    assert error_of(mine.list_users)[0] == "AccessDenied"
    iam.create_group(GroupName=name)
    iam.attach_group_policy(GroupName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    iam.add_user_to_group(GroupName=name, UserName=name)
    assert name in [user["UserName"] for user in mine.list_users()["Users"]]
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy("iam:GetUser")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    assert "permissions boundary" in error_of(mine.list_users)[2]
    assert mine.get_user()["User"]["UserName"] == name


def test_all_of_it_is_there_after_a_restart(cairn, iam, name):
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy("s3:*")))["Policy"]["Arn"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(EC2))
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    cairn.restart()
    iam = cairn.client("iam")
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [{"PolicyName": name, "PolicyArn": arn}]
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == EC2
