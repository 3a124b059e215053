"""Terraform's `aws_s3_bucket_*` resources: apply, an empty second plan, a change, an empty plan again, destroy."""

import pytest

from terraform import Terraform

TEXT = """
variable "stage" { default = "one" }

locals { two = var.stage == "two" }

data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "trail" {
  bucket        = "terraform-settings-trail"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "trail" {
  bucket = aws_s3_bucket.trail.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket" "copies" {
  bucket        = "terraform-settings-copies"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "copies" {
  bucket = aws_s3_bucket.copies.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket" "access" {
  bucket        = "terraform-settings-access"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "access" {
  bucket = aws_s3_bucket.access.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Logs"
      Effect    = "Allow"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.access.arn}/*"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.me.account_id } }
    }]
  })
}

resource "aws_s3_bucket_server_side_encryption_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
    bucket_key_enabled = local.two
  }
}

resource "aws_s3_bucket_public_access_block" "trail" {
  bucket                  = aws_s3_bucket.trail.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = !local.two
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "copies" {
  bucket = aws_s3_bucket.copies.id
  rule { object_ownership = local.two ? "ObjectWriter" : "BucketOwnerPreferred" }
}

resource "aws_s3_bucket_ownership_controls" "trail" {
  bucket = aws_s3_bucket.trail.id
  rule { object_ownership = "BucketOwnerEnforced" }
}

resource "aws_s3_bucket_acl" "copies" {
  depends_on = [aws_s3_bucket_ownership_controls.copies]
  bucket     = aws_s3_bucket.copies.id
  acl        = local.two ? "log-delivery-write" : "private"
}

resource "aws_s3_bucket_logging" "trail" {
  depends_on    = [aws_s3_bucket_policy.access]
  bucket        = aws_s3_bucket.trail.id
  target_bucket = aws_s3_bucket.access.id
  target_prefix = local.two ? "two/" : "one/"

  dynamic "target_object_key_format" {
    for_each = local.two ? [1] : []
    content {
      partitioned_prefix { partition_date_source = "EventTime" }
    }
  }
}

resource "aws_s3_bucket_notification" "trail" {
  bucket      = aws_s3_bucket.trail.id
  eventbridge = local.two

  queue {
    queue_arn     = "arn:aws:sqs:us-east-1:${data.aws_caller_identity.me.account_id}:logs"
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = local.two ? "two/" : "AWSLogs/"
    filter_suffix = ".gz"
  }
}

resource "aws_s3_bucket_replication_configuration" "trail" {
  depends_on = [aws_s3_bucket_versioning.trail, aws_s3_bucket_versioning.copies]
  bucket     = aws_s3_bucket.trail.id
  role       = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/copies"

  rule {
    id       = "copies"
    status   = local.two ? "Disabled" : "Enabled"
    priority = 1
    filter { prefix = "AWSLogs/" }
    delete_marker_replication { status = "Disabled" }
    destination {
      bucket        = aws_s3_bucket.copies.arn
      storage_class = "STANDARD_IA"
    }
  }
}

resource "aws_s3_bucket_inventory" "trail" {
  bucket                   = aws_s3_bucket.trail.id
  name                     = "all"
  included_object_versions = "All"
  optional_fields          = ["Size", "EncryptionStatus"]
  schedule { frequency = local.two ? "Weekly" : "Daily" }
  destination {
    bucket {
      format     = "CSV"
      bucket_arn = aws_s3_bucket.access.arn
      prefix     = "inventory"
    }
  }
}

resource "aws_s3_bucket_analytics_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id
  name   = "classes"
  filter { prefix = local.two ? "two/" : "one/" }
}

resource "aws_s3_bucket_metric" "trail" {
  bucket = aws_s3_bucket.trail.id
  name   = "whole"
  filter { prefix = local.two ? "two/" : "one/" }
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id
  name   = "archive"
  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = local.two ? 125 : 90
  }
}

resource "aws_s3_bucket_cors_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id
  cors_rule {
    allowed_methods = local.two ? ["GET"] : ["GET", "HEAD"]
    allowed_origins = ["https://audit.example.org"]
    expose_headers  = ["ETag"]
    max_age_seconds = 300
  }
}

resource "aws_s3_bucket_request_payment_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id
  payer  = local.two ? "Requester" : "BucketOwner"
}

resource "aws_s3_bucket_accelerate_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id
  status = local.two ? "Suspended" : "Enabled"
}
"""


# Twenty-one resources, five times over.
@pytest.mark.timeout(1500)
def test_bucket_settings(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path / "tf", TEXT)
    s3 = cairn.client("s3")
    terraform.apply()
    terraform.nothing_to_do()
    assert s3.get_bucket_logging(Bucket="terraform-settings-trail")["LoggingEnabled"]["TargetPrefix"] == "one/"
    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    assert s3.get_bucket_logging(Bucket="terraform-settings-trail")["LoggingEnabled"]["TargetPrefix"] == "two/"
    assert len(s3.get_bucket_acl(Bucket="terraform-settings-copies")["Grants"]) == 3
    terraform.destroy(stage="two")
    assert s3.list_buckets()["Buckets"] == []
