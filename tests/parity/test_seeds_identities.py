"""Identities as the documents have them: the clean-up of CloudTrail's role in its order and out of it, and what makes their filters match."""

import json

from server import error_of

ROLE = "CloudTrail_CloudWatchLogs_Role"
POLICY = "arn:aws:iam::aws:policy/service-role/AWSCloudTrail_CloudWatchLogs_Role"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def record_of(cairn, name):
    events = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    return json.loads(events[0]["CloudTrailEvent"])


def test_000_the_role_is_removed_in_the_order_of_the_document(cairn):
    cairn.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    cairn.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=POLICY)
    out_of_order = cairn.aws(f"iam delete-role --role-name {ROLE}", check=False)
    assert "(DeleteConflict) when calling the DeleteRole operation: Cannot delete entity, must detach all policies first." in out_of_order.err
    assert record_of(cairn, "DeleteRole")["errorCode"] == "DeleteConflictException"
    cairn.sh(f"""
# Detach policies
aws iam detach-role-policy --role-name {ROLE} --policy-arn {POLICY}

# Xóa role
aws iam delete-role --role-name {ROLE}
""")
    again = cairn.aws(f"iam delete-role --role-name {ROLE}", check=False)
    assert f"(NoSuchEntity) when calling the DeleteRole operation: The role with name {ROLE} cannot be found." in again.err
    detached = cairn.aws(f"iam detach-role-policy --role-name {ROLE} --policy-arn {POLICY}", check=False)
    assert "(NoSuchEntity)" in detached.err


def test_000_whatever_hangs_on_an_entity_must_go_first(cairn, name):
    iam = cairn.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]}))
    assert error_of(iam.delete_role, RoleName=name) == ("DeleteConflict", 409, "Cannot delete entity, must delete policies first.")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    assert error_of(iam.delete_instance_profile, InstanceProfileName=name)[0] == "DeleteConflict"
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    assert error_of(iam.delete_role, RoleName=name)[2] == "Cannot delete entity, must remove roles from instance profile first."
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=name)
    iam.create_user(UserName=name)
    iam.create_group(GroupName=name)
    iam.add_user_to_group(UserName=name, GroupName=name)
    assert error_of(iam.delete_user, UserName=name)[2] == "Cannot delete entity, must remove users from group first."
    assert error_of(iam.delete_group, GroupName=name)[0] == "DeleteConflict"
    iam.remove_user_from_group(UserName=name, GroupName=name)
    iam.delete_group(GroupName=name)
    iam.delete_user(UserName=name)


def test_003_calls_that_the_filters_look_for(cairn, name):
    """Root, an unauthorized call, a change of IAM and the deletion of a key, as the patterns of the documents name them."""
    cairn.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}))
    change = record_of(cairn, "CreatePolicy")
    assert (change["userIdentity"]["type"], change["eventType"]) == ("Root", "AwsApiCall") and "invokedBy" not in change["userIdentity"]
    key, secret = cairn.user(name)
    assert error_of(cairn.client("iam", key=key, secret=secret).list_roles)[0] == "AccessDenied"
    refused = record_of(cairn, "ListRoles")
    assert refused["errorCode"] == "AccessDenied" and refused["errorMessage"].endswith(
        "because no identity-based policy allows the iam:ListRoles action")
    kms = cairn.client("kms")
    made = kms.create_key()["KeyMetadata"]
    kms.disable_key(KeyId=made["KeyId"])
    kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
    deletion = record_of(cairn, "ScheduleKeyDeletion")
    assert deletion["eventSource"] == "kms.amazonaws.com" and deletion["resources"][0]["ARN"] == made["Arn"]
