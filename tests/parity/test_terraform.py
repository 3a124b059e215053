"""Terraform: apply, an empty second plan, a change, an empty plan again, destroy."""

import pytest

from server import ACCOUNT
from terraform import Terraform

TEXT = """
variable "stage" { default = "one" }

locals { two = var.stage == "two" }

data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "logs" {
  bucket        = "terraform-trail-logs"
  force_destroy = true
  tags          = { stage = var.stage, team = "audit" }
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id
  versioning_configuration { status = local.two ? "Suspended" : "Enabled" }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "AWSCloudTrailAclCheck"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = aws_s3_bucket.logs.arn
      },
      {
        Sid       = "AWSCloudTrailWrite"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.logs.arn}/*"
        Condition = { StringEquals = { "s3:x-amz-acl" = "bucket-owner-full-control" } }
      },
    ], local.two ? [{
        Sid       = "More"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
        Action    = ["s3:GetObject", "s3:ListBucket"]
        Resource  = [aws_s3_bucket.logs.arn, "${aws_s3_bucket.logs.arn}/*"]
    }] : [])
  })
}

resource "aws_s3_bucket" "content" {
  bucket_prefix = "terraform-content-"
  force_destroy = true
}

resource "aws_cloudtrail" "plain" {
  name                       = "plain"
  s3_bucket_name             = aws_s3_bucket_policy.logs.bucket
  is_multi_region_trail      = local.two
  enable_log_file_validation = true
  enable_logging             = !local.two
  s3_key_prefix              = "plain"
  tags                       = local.two ? { stage = "two" } : { stage = "one", gone = "later" }
}

resource "aws_cloudtrail" "basic" {
  name                          = "basic"
  s3_bucket_name                = aws_s3_bucket_policy.logs.bucket
  include_global_service_events = false

  event_selector {
    read_write_type                  = local.two ? "WriteOnly" : "All"
    include_management_events        = true
    exclude_management_event_sources = ["kms.amazonaws.com"]

    data_resource {
      type   = "AWS::S3::Object"
      values = ["${aws_s3_bucket.content.arn}/", "${aws_s3_bucket.content.arn}/images/"]
    }
    data_resource {
      type   = "AWS::Lambda::Function"
      values = ["arn:aws:lambda"]
    }
  }
  event_selector {
    read_write_type           = "ReadOnly"
    include_management_events = false
    data_resource {
      type   = "AWS::DynamoDB::Table"
      values = ["arn:aws:dynamodb"]
    }
  }
}

resource "aws_cloudtrail" "advanced" {
  name                          = "advanced"
  s3_bucket_name                = aws_s3_bucket_policy.logs.bucket
  is_multi_region_trail         = true
  include_global_service_events = true

  advanced_event_selector {
    name = "management events, written"
    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
    field_selector {
      field  = "readOnly"
      equals = ["false"]
    }
  }
  advanced_event_selector {
    name = "objects"
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field       = "resources.ARN"
      starts_with = ["${aws_s3_bucket.content.arn}/"]
    }
    field_selector {
      field           = "eventName"
      not_starts_with = local.two ? ["List", "Get"] : ["List"]
    }
  }
}

resource "aws_iam_user" "alice" {
  name = "terraform-alice"
  path = "/team/"
  tags = { stage = var.stage }
}

resource "aws_iam_access_key" "alice" {
  user   = aws_iam_user.alice.name
  status = local.two ? "Inactive" : "Active"
}

output "account" { value = data.aws_caller_identity.me.account_id }
"""


@pytest.mark.timeout(900)
def test_apply_change_and_destroy(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path / "tf", TEXT)
    first = terraform.apply()
    assert f'account = "{ACCOUNT}"' in first.out
    terraform.nothing_to_do()
    ct, iam, s3 = cairn.client("cloudtrail"), cairn.client("iam"), cairn.client("s3")
    assert ct.get_trail_status(Name="plain")["IsLogging"] is True
    assert len(ct.get_event_selectors(TrailName="basic")["EventSelectors"]) == 2
    assert s3.get_bucket_versioning(Bucket="terraform-trail-logs")["Status"] == "Enabled"
    cairn.flush()

    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    assert ct.get_trail_status(Name="plain")["IsLogging"] is False
    assert ct.get_trail(Name="plain")["Trail"]["IsMultiRegionTrail"] is True
    arn = ct.get_trail(Name="plain")["Trail"]["TrailARN"]
    assert ct.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"] == [{"Key": "stage", "Value": "two"}]
    assert iam.list_user_tags(UserName="terraform-alice")["Tags"] == [{"Key": "stage", "Value": "two"}]
    assert iam.list_access_keys(UserName="terraform-alice")["AccessKeyMetadata"][0]["Status"] == "Inactive"

    done = terraform.destroy(stage="two")
    assert "Destroy complete!" in done.out
    assert ct.list_trails()["Trails"] == [] and iam.list_users()["Users"] == [] and s3.list_buckets()["Buckets"] == []
