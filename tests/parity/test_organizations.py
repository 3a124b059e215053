"""Organizations: the tree of accounts, policies on it, invitations, delegation, tags; with the CLI, boto3 and Terraform."""

import json

import pytest

from server import ACCOUNT, error_of
from terraform import Terraform

SCP = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}]})


@pytest.fixture(scope="module")
def org(cairn):
    """The client, with an organization of all features."""
    client = cairn.client("organizations")
    code, status, text = error_of(client.describe_organization)
    assert (code, status, text) == ("AWSOrganizationsNotInUseException", 400, "Your account is not a member of an organization.")
    client.create_organization()
    assert error_of(client.create_organization)[0] == "AlreadyInOrganizationException"
    return client


@pytest.fixture
def root(org):
    return org.list_roots()["Roots"][0]["Id"]


def account(org, name):
    status = org.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
    status = org.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED" and status["CompletedTimestamp"] >= status["RequestedTimestamp"]
    return status["AccountId"]


def reason_of(call, **kwargs):
    """The code of a refusal and its reason."""
    with pytest.raises(call.__self__.exceptions.ClientError) as caught:
        call(**kwargs)
    return caught.value.response["Error"]["Code"], caught.value.response.get("Reason")


def test_an_organization(cairn, org, root):
    shown = org.describe_organization()["Organization"]
    assert shown["FeatureSet"] == "ALL" and shown["MasterAccountId"] == ACCOUNT
    assert shown["Arn"] == f"arn:aws:organizations::{ACCOUNT}:organization/{shown['Id']}"
    assert shown["MasterAccountArn"] == f"arn:aws:organizations::{ACCOUNT}:account/{shown['Id']}/{ACCOUNT}"
    first = org.list_roots()["Roots"][0]
    assert first["Name"] == "Root" and first["Arn"] == f"arn:aws:organizations::{ACCOUNT}:root/{shown['Id']}/{root}"
    assert cairn.aws("organizations describe-organization").json["Organization"]["Id"] == shown["Id"]
    assert org.describe_account(AccountId=ACCOUNT)["Account"]["Paths"] == [f"{shown['Id']}/{root}/{ACCOUNT}/"]


def test_how_a_request_for_an_account_ended_is_recorded(cairn, org, name):
    made = account(org, name)
    again = org.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
    assert again["State"] == "FAILED", again
    where = [{"AttributeKey": "EventName", "AttributeValue": "CreateAccountResult"}]
    found = cairn.client("cloudtrail").lookup_events(LookupAttributes=where)["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in found]
    of = {record["serviceEventDetails"]["createAccountStatus"].get("accountId"): record for record in records}
    record = of[made]
    status = record["serviceEventDetails"]["createAccountStatus"]
    assert (status["state"], status["accountName"]) == ("SUCCEEDED", "****")
    assert record["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
    assert record["sourceIPAddress"] == record["userAgent"] == "AWS Internal"
    told = {key: record[key] for key in ["eventSource", "awsRegion", "eventType", "readOnly", "recipientAccountId", "requestParameters"]}
    assert told == {"eventSource": "organizations.amazonaws.com", "awsRegion": "us-east-1", "eventType": "AwsServiceEvent",
                    "readOnly": False, "recipientAccountId": ACCOUNT, "requestParameters": None}
    failed = [record["serviceEventDetails"]["createAccountStatus"] for record in records]
    [failed] = [status for status in failed if status["id"] == again["Id"]]
    assert (failed["state"], failed["failureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS") and "accountId" not in failed


def test_accounts_in_units(org, root, name):
    unit = org.create_organizational_unit(ParentId=root, Name=name, Tags=[{"Key": "a", "Value": "1"}])["OrganizationalUnit"]
    assert unit["Id"].startswith(f"ou-{root[2:]}-") and unit["Arn"].endswith(f"/{unit['Id']}") and unit["Name"] == name
    inner = org.create_organizational_unit(ParentId=unit["Id"], Name="inner")["OrganizationalUnit"]["Id"]
    made = account(org, name)
    shown = org.describe_account(AccountId=made)["Account"]
    assert (shown["Name"], shown["Email"], shown["Status"], shown["JoinedMethod"]) == (name, f"{name}@example.com", "ACTIVE", "CREATED")
    org.move_account(AccountId=made, SourceParentId=root, DestinationParentId=inner)
    assert org.list_parents(ChildId=made)["Parents"] == [{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}]
    assert org.list_children(ParentId=inner, ChildType="ACCOUNT")["Children"] == [{"Id": made, "Type": "ACCOUNT"}]
    assert [one["Id"] for one in org.list_accounts_for_parent(ParentId=inner)["Accounts"]] == [made]
    assert error_of(org.delete_organizational_unit, OrganizationalUnitId=unit["Id"])[0] == "OrganizationalUnitNotEmptyException"
    assert org.list_tags_for_resource(ResourceId=unit["Id"])["Tags"] == [{"Key": "a", "Value": "1"}]
    org.untag_resource(ResourceId=unit["Id"], TagKeys=["a"])
    org.tag_resource(ResourceId=made, Tags=[{"Key": "b", "Value": ""}])
    assert org.list_tags_for_resource(ResourceId=unit["Id"])["Tags"] == []
    org.close_account(AccountId=made)
    assert org.describe_account(AccountId=made)["Account"]["Status"] == "SUSPENDED"
    org.remove_account_from_organization(AccountId=made)
    assert error_of(org.describe_account, AccountId=made)[::2] == (
        "AccountNotFoundException", "You specified an account that doesn't exist.")
    for one in (inner, unit["Id"]):
        org.delete_organizational_unit(OrganizationalUnitId=one)


def test_lists_come_in_pages(org, root, name):
    parent = org.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
    made = {org.create_organizational_unit(ParentId=parent, Name=str(n))["OrganizationalUnit"]["Id"] for n in range(25)}
    pages = org.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent, PaginationConfig={"PageSize": 10})
    pages = [[unit["Id"] for unit in page["OrganizationalUnits"]] for page in pages]
    assert [len(page) for page in pages] == [10, 10, 5] and set(sum(pages, [])) == made
    assert reason_of(org.list_organizational_units_for_parent, ParentId=parent, NextToken="x") == ("InvalidInputException", "INVALID_NEXT_TOKEN")


def test_policies(cairn, org, root, name):
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    assert error_of(org.enable_policy_type, RootId=root, PolicyType="SERVICE_CONTROL_POLICY")[0] == "PolicyTypeAlreadyEnabledException"
    made = org.create_policy(Name=name, Description="d", Type="SERVICE_CONTROL_POLICY", Content=SCP)["Policy"]
    assert made["Content"] == SCP and made["PolicySummary"]["AwsManaged"] is False
    policy = made["PolicySummary"]["Id"]
    assert made["PolicySummary"]["Arn"].endswith(f"/service_control_policy/{policy}")
    org.attach_policy(PolicyId=policy, TargetId=root)
    assert reason_of(org.attach_policy, PolicyId=policy, TargetId=root)[0] == "DuplicatePolicyAttachmentException"
    listed = cairn.aws(f"organizations list-policies-for-target --target-id {root} --filter SERVICE_CONTROL_POLICY").json["Policies"]
    assert {one["Name"]: one["Arn"] for one in listed}["FullAWSAccess"] == "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    assert [(one["TargetId"], one["Type"]) for one in org.list_targets_for_policy(PolicyId=policy)["Targets"]] == [(root, "ROOT")]
    assert error_of(org.delete_policy, PolicyId=policy)[0] == "PolicyInUseException"
    org.detach_policy(PolicyId=policy, TargetId=root)
    assert reason_of(org.detach_policy, PolicyId="p-FullAWSAccess", TargetId=root) == (
        "ConstraintViolationException", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    assert error_of(org.update_policy, PolicyId=policy, Content="{}")[0] == "MalformedPolicyDocumentException"
    org.delete_policy(PolicyId=policy)
    org.disable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    assert error_of(org.describe_policy, PolicyId=policy)[::2] == ("PolicyNotFoundException", "You specified a policy that doesn't exist.")


def test_an_effective_tag_policy(org, root, name):
    org.enable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    content = json.dumps({"tags": {"team": {"tag_key": {"@@assign": "Team"}}}})
    policy = org.create_policy(Name=name, Description="", Type="TAG_POLICY", Content=content)["Policy"]["PolicySummary"]["Id"]
    org.attach_policy(PolicyId=policy, TargetId=ACCOUNT)
    effective = org.describe_effective_policy(PolicyType="TAG_POLICY")["EffectivePolicy"]
    assert json.loads(effective["PolicyContent"]) == {"tags": {"team": {"tag_key": "Team"}}} and effective["TargetId"] == ACCOUNT
    org.disable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    org.delete_policy(PolicyId=policy)
    assert error_of(org.describe_effective_policy, PolicyType="TAG_POLICY")[0] == "EffectivePolicyNotFoundException"


def test_invitations(org, name):
    made = account(org, name)
    org.remove_account_from_organization(AccountId=made)
    sent = org.invite_account_to_organization(Target={"Id": made, "Type": "ACCOUNT"}, Notes="come")["Handshake"]
    assert sent["State"] == "OPEN" and (sent["ExpirationTimestamp"] - sent["RequestedTimestamp"]).days == 15
    assert {"Id": made, "Type": "ACCOUNT"} in sent["Parties"] and {"Value": "come", "Type": "NOTES"} in sent["Resources"]
    listed = org.list_handshakes_for_organization(Filter={"ActionType": "INVITE"})["Handshakes"]
    assert sent["Id"] in [one["Id"] for one in listed]
    assert error_of(org.accept_handshake, HandshakeId=sent["Id"])[::2] == (
        "AccessDeniedException", "You don't have permissions to access this resource.")
    assert org.cancel_handshake(HandshakeId=sent["Id"])["Handshake"]["State"] == "CANCELED"
    assert error_of(org.cancel_handshake, HandshakeId=sent["Id"])[0] == "HandshakeAlreadyInStateException"


def test_delegation(org, name):
    made, service = account(org, name), "cloudtrail.amazonaws.com"
    assert reason_of(org.register_delegated_administrator, AccountId=made, ServicePrincipal=service) == (
        "ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED")
    org.enable_aws_service_access(ServicePrincipal=service)
    assert [one["ServicePrincipal"] for one in org.list_aws_service_access_for_organization()["EnabledServicePrincipals"]] == [service]
    org.register_delegated_administrator(AccountId=made, ServicePrincipal=service)
    assert [one["Id"] for one in org.list_delegated_administrators(ServicePrincipal=service)["DelegatedAdministrators"]] == [made]
    assert [one["ServicePrincipal"] for one in org.list_delegated_services_for_account(AccountId=made)["DelegatedServices"]] == [service]
    org.deregister_delegated_administrator(AccountId=made, ServicePrincipal=service)
    org.disable_aws_service_access(ServicePrincipal=service)
    org.remove_account_from_organization(AccountId=made)


def test_it_outlives_the_server(cairn, org, root):
    before = org.describe_organization()["Organization"]
    cairn.restart()
    org = cairn.client("organizations")
    assert org.describe_organization()["Organization"] == before and org.list_roots()["Roots"][0]["Id"] == root


TEXT = """
variable "stage" { default = "one" }

locals { two = var.stage == "two" }

resource "aws_organizations_organization" "this" {
  aws_service_access_principals = ["cloudtrail.amazonaws.com"]
  enabled_policy_types          = local.two ? ["SERVICE_CONTROL_POLICY", "TAG_POLICY"] : ["SERVICE_CONTROL_POLICY"]
  feature_set                   = "ALL"
}

resource "aws_organizations_organizational_unit" "team" {
  name      = local.two ? "Crew" : "Team"
  parent_id = aws_organizations_organization.this.roots[0].id
  tags      = { stage = var.stage }
}

resource "aws_organizations_account" "log" {
  name      = "Log archive"
  email     = "log@example.com"
  parent_id = local.two ? aws_organizations_organization.this.roots[0].id : aws_organizations_organizational_unit.team.id
  role_name = "Admin"
  tags      = { stage = var.stage }
  lifecycle { ignore_changes = [role_name] }
}

resource "aws_organizations_policy" "deny" {
  name        = "deny"
  description = var.stage
  content     = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Deny", Action = "s3:*", Resource = "*" }] })
  depends_on  = [aws_organizations_organization.this]
}

resource "aws_organizations_policy_attachment" "deny" {
  policy_id = aws_organizations_policy.deny.id
  target_id = aws_organizations_organizational_unit.team.id
}

resource "aws_organizations_delegated_administrator" "trails" {
  account_id        = aws_organizations_account.log.id
  service_principal = "cloudtrail.amazonaws.com"
}

resource "aws_organizations_resource_policy" "this" {
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Readers"
      Effect    = "Allow"
      Principal = { AWS = aws_organizations_account.log.id }
      Action    = local.two ? ["organizations:ListAccounts", "organizations:ListRoots"] : ["organizations:ListAccounts"]
      Resource  = "*"
    }]
  })
}
"""


@pytest.mark.timeout(900)
def test_terraform(new_cairn, tmp_path):
    cairn = new_cairn()
    terraform = Terraform(cairn, tmp_path / "terraform", TEXT)
    terraform.apply()
    terraform.nothing_to_do()
    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    org = cairn.client("organizations")
    assert {one["Type"] for one in org.list_roots()["Roots"][0]["PolicyTypes"]} == {"SERVICE_CONTROL_POLICY", "TAG_POLICY"}
    terraform.destroy(stage="two")
    assert error_of(org.describe_organization)[0] == "AWSOrganizationsNotInUseException"
