"""Terraform's resources of IAM: apply, an empty second plan, a change, an empty plan again, destroy."""

import pytest

from server import ACCOUNT
from terraform import Terraform

TEXT = """
variable "stage" { default = "one" }

locals { two = var.stage == "two" }

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = local.two ? ["ec2.amazonaws.com", "lambda.amazonaws.com"] : ["ec2.amazonaws.com"]
    }
  }
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.one.arn]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = local.two ? ["s3:GetObject", "s3:ListBucket"] : ["s3:GetObject"]
    resources = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]
  }
}

resource "aws_iam_user" "one" {
  name                 = local.two ? "terraform-renamed" : "terraform-one"
  path                 = "/terraform/"
  permissions_boundary = local.two ? null : aws_iam_policy.read.arn
  force_destroy        = true
  # The provider tags by the new name before it renames.
  tags = { team = "audit" }
}

resource "aws_iam_access_key" "one" {
  user   = aws_iam_user.one.name
  status = local.two ? "Inactive" : "Active"
}

resource "aws_iam_user_policy" "one" {
  name   = "own"
  user   = aws_iam_user.one.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user_policy_attachment" "one" {
  user       = aws_iam_user.one.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_group" "all" {
  name = "terraform-all"
  path = local.two ? "/two/" : "/"
}

resource "aws_iam_group_membership" "all" {
  name  = "members"
  group = aws_iam_group.all.name
  users = [aws_iam_user.one.name]
}

resource "aws_iam_group_policy" "all" {
  name   = "own"
  group  = aws_iam_group.all.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_group_policy_attachment" "all" {
  group      = aws_iam_group.all.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_group" "more" { name = "terraform-more" }

resource "aws_iam_user_group_membership" "more" {
  user   = aws_iam_user.one.name
  groups = [aws_iam_group.more.name]
}

resource "aws_iam_policy" "read" {
  name        = "terraform-read"
  path        = "/terraform/"
  description = "reads"
  policy      = data.aws_iam_policy_document.read.json
  tags        = { stage = var.stage }
}

resource "aws_iam_role" "machine" {
  name                  = "terraform-machine"
  path                  = "/terraform/"
  description           = "of ${var.stage}"
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  max_session_duration  = local.two ? 7200 : 3600
  permissions_boundary  = local.two ? aws_iam_policy.read.arn : null
  force_detach_policies = true
  tags                  = local.two ? { stage = "two" } : { stage = "one", gone = "later" }
}

resource "aws_iam_role_policy" "machine" {
  name   = "own"
  role   = aws_iam_role.machine.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy_attachment" "machine" {
  role       = aws_iam_role.machine.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_instance_profile" "machine" {
  name = "terraform-machine"
  role = aws_iam_role.machine.name
  tags = { stage = var.stage }
}

resource "aws_iam_service_linked_role" "ecs" {
  aws_service_name = "ecs.amazonaws.com"
  description      = "of ${var.stage}"
}

data "aws_iam_policy" "admin" { name = "AdministratorAccess" }

output "admin" { value = data.aws_iam_policy.admin.arn }
"""


@pytest.mark.timeout(900)
def test_resources_of_iam(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path / "tf", TEXT)
    iam = cairn.client("iam")
    for stage, user in [("one", "terraform-one"), ("two", "terraform-renamed")]:
        terraform.apply(stage=stage)
        terraform.nothing_to_do(stage=stage)
        shown = iam.get_user(UserName=user)["User"]
        assert shown["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/terraform/{user}"
        assert {tag["Key"]: tag["Value"] for tag in shown["Tags"]} == {"team": "audit"}
        assert sorted(group["GroupName"] for group in iam.list_groups_for_user(UserName=user)["Groups"]) == ["terraform-all", "terraform-more"]
        assert iam.get_role(RoleName="terraform-machine")["Role"]["Description"] == f"of {stage}"
    terraform.destroy(stage="two")
    assert iam.list_users()["Users"] == iam.list_groups()["Groups"] == iam.list_policies(Scope="Local")["Policies"] == []
    assert iam.list_instance_profiles()["InstanceProfiles"] == iam.list_roles()["Roles"] == []
