"""Trails of an organization: files and digests of every member, shadows in member accounts, delegated administrators; with the CLI and Terraform."""

import json
import re

import pytest

import accounts
import logs
from server import ACCOUNT, error_of, trail_policy
from terraform import Terraform
from validation import validate

SERVICE = "cloudtrail.amazonaws.com"


@pytest.fixture(scope="module")
def organization(cairn):
    """Its identifier, and two of its members; CloudTrail is trusted."""
    organizations = accounts.organize(cairn)
    administrator = accounts.first(cairn)
    members = [accounts.member(cairn, administrator, name) for name in ("trail-one", "trail-two")]
    ct = cairn.client("cloudtrail")
    cairn.bucket_for_trails("before-trust")
    code, status, text = error_of(ct.create_trail, Name="early", S3BucketName="before-trust", IsOrganizationTrail=True)
    assert (code, status) == ("CloudTrailAccessNotEnabledException", 400) and text.endswith(f"AWS account ID: {ACCOUNT}")
    code = error_of(members[0].client("cloudtrail").create_trail, Name="early", S3BucketName="before-trust", IsOrganizationTrail=True)[0]
    assert code == "NotOrganizationMasterAccountException"
    organizations.enable_aws_service_access(ServicePrincipal=SERVICE)
    return organizations.describe_organization()["Organization"]["Id"], members


def test_files_and_digests_of_every_member(cairn, organization):
    identifier, members = organization
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    bucket = cairn.bucket_for_trails("org-trail-logs")
    made = cairn.aws(f"cloudtrail create-trail --name all --s3-bucket-name {bucket} --is-organization-trail --is-multi-region-trail "
                     "--enable-log-file-validation --s3-key-prefix p").json
    arn = made["TrailARN"]
    assert made["IsOrganizationTrail"] and arn == f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/all"
    ct.start_logging(Name="all")
    for _ in range(2):
        for region in ("us-east-1", "eu-west-1"):
            for member in members:
                member.client("s3", region).list_buckets()
                member.client("cloudtrail", region).describe_trails()
        cairn.flush()
    for member in members:
        found = list(logs.records(s3, bucket, f"p/AWSLogs/{identifier}/{member.id}/"))
        assert found and all(record["recipientAccountId"] == member.id for _, record in found)
        assert {record["awsRegion"] for _, record in found} == {"us-east-1", "eu-west-1"}
        assert {"DescribeTrails", "ListBuckets"} <= {record["eventName"] for _, record in found}
        for key, _ in found:
            assert re.fullmatch(rf"p/AWSLogs/{identifier}/{member.id}/CloudTrail/[a-z0-9-]+/\d{{4}}/\d\d/\d\d/{member.id}_CloudTrail_[^/]+", key)
        for region in ("us-east-1", "eu-west-1"):
            digests, files = validate(cairn, arn, region, account_id=member.id).all_valid()
            assert digests >= 2 and files >= 2
    assert logs.log_keys(s3, bucket, f"p/AWSLogs/{identifier}/{ACCOUNT}/")
    assert validate(cairn, arn, account_id=ACCOUNT).all_valid()[1] >= 1
    assert not logs.keys(s3, bucket, f"p/AWSLogs/{ACCOUNT}/")
    # Each record in one file, and each file in one digest.
    ids = [record["eventID"] for _, record in logs.records(s3, bucket)]
    assert len(ids) == len(set(ids))
    listed = [entry["s3Object"] for _, digest in logs.digests(s3, bucket) for entry in digest["logFiles"]]
    assert sorted(listed) == sorted(logs.log_keys(s3, bucket))
    # Somebody changes a member's file.
    key = logs.log_keys(s3, bucket, f"p/AWSLogs/{identifier}/{members[0].id}/CloudTrail/us-east-1/")[0]
    s3.delete_object(Bucket=bucket, Key=key)
    verdict = validate(cairn, arn, account_id=members[0].id)
    assert verdict.code != 0 and key in verdict.out and "INVALID" in verdict.out, verdict
    assert validate(cairn, arn, account_id=members[1].id).all_valid()
    ct.delete_trail(Name="all")
    cairn.flush()


def test_members_see_the_trail_and_leave_it_alone(cairn, organization, name):
    _, (member, _) = organization
    bucket = cairn.bucket_for_trails(f"{name}-logs")
    arn = cairn.trail(name, bucket, IsOrganizationTrail=True)
    ct = member.client("cloudtrail")
    shown = ct.get_trail(Name=arn)["Trail"]
    assert shown["IsOrganizationTrail"] and shown["TrailARN"] == arn and shown["S3BucketName"] == bucket
    assert shown == cairn.client("cloudtrail").get_trail(Name=name)["Trail"]
    assert arn in [trail["TrailARN"] for trail in ct.describe_trails()["trailList"]]
    assert arn in [trail["TrailARN"] for trail in ct.list_trails()["Trails"]]
    assert ct.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert ct.get_trail_status(Name=arn)["IsLogging"] is True
    assert ct.get_event_selectors(TrailName=arn)["TrailARN"] == arn
    assert error_of(ct.get_trail, Name=name)[0] == "TrailNotFoundException"
    for operation in ("stop-logging", "start-logging", "delete-trail", "update-trail"):
        done = member.aws(f"cloudtrail {operation} --name {arn}", check=False)
        assert "NotOrganizationMasterAccountException" in done.err, done
    assert cairn.client("cloudtrail").get_trail_status(Name=name)["IsLogging"] is True
    cairn.client("cloudtrail").delete_trail(Name=name)
    assert error_of(ct.get_trail, Name=arn)[0] == "TrailNotFoundException"


def test_a_delegated_administrator(cairn, organization, name):
    identifier, (member, other) = organization
    bucket = cairn.bucket_for_trails(f"{name}-logs")
    cairn.aws(f"cloudtrail register-organization-delegated-admin --member-account-id {member.id}")
    done = cairn.aws(f"cloudtrail register-organization-delegated-admin --member-account-id {member.id}", check=False)
    assert "AccountRegisteredException" in done.err
    delegated = cairn.client("organizations").list_delegated_administrators(ServicePrincipal=SERVICE)["DelegatedAdministrators"]
    assert [one["Id"] for one in delegated] == [member.id]
    ct = member.client("cloudtrail")
    arn = ct.create_trail(Name=name, S3BucketName=bucket, IsOrganizationTrail=True)["TrailARN"]
    assert arn == f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{name}"
    ct.start_logging(Name=arn)
    other.client("cloudtrail").list_trails()
    ct.stop_logging(Name=arn)
    cairn.flush()
    s3 = cairn.client("s3")
    assert "ListTrails" in {record["eventName"] for _, record in logs.records(s3, bucket, f"AWSLogs/{identifier}/{other.id}/")}
    # The call that stops the trail is its last record: that of the account that made it.
    assert "StopLogging" in {record["eventName"] for _, record in logs.records(s3, bucket, f"AWSLogs/{identifier}/{member.id}/")}
    ct.delete_trail(Name=arn)
    cairn.aws(f"cloudtrail deregister-organization-delegated-admin --delegated-admin-account-id {member.id}")
    done = cairn.aws(f"cloudtrail deregister-organization-delegated-admin --delegated-admin-account-id {member.id}", check=False)
    assert "AccountNotRegisteredException" in done.err
    for account, code in ((ACCOUNT, "CannotDelegateManagementAccountException"), ("999999999999", "AccountNotFoundException")):
        assert error_of(cairn.client("cloudtrail").register_organization_delegated_admin, MemberAccountId=account)[0] == code


def test_who_joins_is_recorded(cairn, organization, name):
    identifier, _ = organization
    bucket = cairn.bucket_for_trails(f"{name}-logs")
    cairn.trail(name, bucket, IsOrganizationTrail=True)
    late = accounts.member(cairn, accounts.first(cairn), name)
    cairn.flush()
    late.client("cloudtrail").list_trails()
    cairn.flush()
    found = {record["eventName"] for _, record in logs.records(cairn.client("s3"), bucket, f"AWSLogs/{identifier}/{late.id}/")}
    assert "ListTrails" in found
    cairn.client("cloudtrail").delete_trail(Name=name)


def test_an_event_data_store_of_the_organization(cairn, organization, name):
    ct = cairn.client("cloudtrail")
    store = ct.create_event_data_store(Name=name, OrganizationEnabled=True, TerminationProtectionEnabled=False)
    assert store["OrganizationEnabled"] is True
    arn = store["EventDataStoreArn"]
    assert ct.get_event_data_store(EventDataStore=arn)["OrganizationEnabled"] is True
    assert ct.update_event_data_store(EventDataStore=arn, OrganizationEnabled=False)["OrganizationEnabled"] is False
    ct.delete_event_data_store(EventDataStore=arn)


TEXT = """
resource "aws_s3_bucket" "logs" {
  bucket        = "terraform-org-logs"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode(%(policy)s)
}

resource "aws_cloudtrail" "all" {
  name                       = "terraform-org"
  s3_bucket_name             = aws_s3_bucket_policy.logs.bucket
  is_organization_trail      = true
  is_multi_region_trail      = true
  enable_log_file_validation = true
}

resource "aws_cloudtrail_organization_delegated_admin_account" "member" {
  account_id = "%(member)s"
}
"""


@pytest.mark.timeout(900)
def test_terraform(cairn, organization, tmp_path):
    _, (_, member) = organization
    text = TEXT % {"policy": json.dumps(trail_policy("terraform-org-logs")), "member": member.id}
    terraform = Terraform(cairn, tmp_path / "tf", text)
    terraform.apply()
    terraform.nothing_to_do()
    shown = cairn.aws("cloudtrail get-trail --name terraform-org").json["Trail"]
    assert shown["IsOrganizationTrail"] is True
    terraform.destroy()
