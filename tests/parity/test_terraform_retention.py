"""Terraform: what keeps and removes objects. Apply, an empty second plan, a change, an empty plan again, destroy."""

import datetime

import pytest

from terraform import Terraform

TEXT = """
variable "stage" { default = "one" }

locals { two = var.stage == "two" }

resource "aws_s3_bucket" "vault" {
  bucket              = "terraform-vault"
  object_lock_enabled = true
  force_destroy       = true
}

resource "aws_s3_bucket_object_lock_configuration" "vault" {
  bucket = aws_s3_bucket.vault.id
  rule {
    default_retention {
      mode  = "GOVERNANCE"
      days  = local.two ? null : 1
      years = local.two ? 7 : null
    }
  }
}

resource "aws_s3_object" "held" {
  bucket                        = aws_s3_bucket.vault.id
  key                           = "held.txt"
  content                       = "kept"
  force_destroy                 = true
  checksum_algorithm            = "CRC32"
  object_lock_mode              = "GOVERNANCE"
  object_lock_retain_until_date = local.two ? "2098-01-01T00:00:00Z" : "2097-01-01T00:00:00Z"
  object_lock_legal_hold_status = local.two ? "OFF" : "ON"
  depends_on                    = [aws_s3_bucket_object_lock_configuration.vault]
}

resource "aws_s3_bucket" "late" {
  bucket        = "terraform-late"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "late" {
  bucket = aws_s3_bucket.late.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_object_lock_configuration" "late" {
  bucket = aws_s3_bucket_versioning.late.bucket
  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = 30
    }
  }
}

resource "aws_s3_bucket" "logs" {
  bucket        = "terraform-lifecycle"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id
  versioning_configuration {
    status     = local.two ? "Suspended" : "Enabled"
    mfa_delete = local.two ? "Disabled" : null
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket                                 = aws_s3_bucket.logs.id
  transition_default_minimum_object_size = local.two ? "varies_by_storage_class" : "all_storage_classes_128K"

  rule {
    id     = "archive"
    status = "Enabled"
    filter {}
    transition {
      days          = 90
      storage_class = "GLACIER"
    }
    expiration { days = local.two ? 2557 : 365 }
    noncurrent_version_expiration {
      noncurrent_days           = 30
      newer_noncurrent_versions = 3
    }
    abort_incomplete_multipart_upload { days_after_initiation = 7 }
  }

  rule {
    id     = "prefix"
    status = local.two ? "Disabled" : "Enabled"
    filter { prefix = "tmp/" }
    expiration { date = "2090-01-01T00:00:00Z" }
  }

  rule {
    id     = "tag"
    status = "Enabled"
    filter {
      tag {
        key   = "class"
        value = "short"
      }
    }
    expiration { days = 7 }
  }

  rule {
    id     = "and"
    status = "Enabled"
    filter {
      and {
        prefix                   = "logs/"
        tags                     = { team = "audit", stage = var.stage }
        object_size_greater_than = 500
        object_size_less_than    = 64000
      }
    }
    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }
    transition {
      days          = 60
      storage_class = "DEEP_ARCHIVE"
    }
  }

  rule {
    id     = "markers"
    status = "Enabled"
    filter { prefix = "" }
    expiration { expired_object_delete_marker = true }
    noncurrent_version_transition {
      noncurrent_days = 30
      storage_class   = "STANDARD_IA"
    }
  }
}
"""


@pytest.mark.timeout(900)
def test_apply_change_and_destroy(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path / "tf", TEXT)
    terraform.apply()
    terraform.nothing_to_do()
    s3 = cairn.client("s3")
    shown = s3.get_object_lock_configuration(Bucket="terraform-vault")["ObjectLockConfiguration"]
    assert shown["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 1}
    assert s3.get_object_legal_hold(Bucket="terraform-vault", Key="held.txt")["LegalHold"]["Status"] == "ON"
    assert len(s3.get_bucket_lifecycle_configuration(Bucket="terraform-lifecycle")["Rules"]) == 5

    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    shown = s3.get_object_lock_configuration(Bucket="terraform-vault")["ObjectLockConfiguration"]
    assert shown["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Years": 7}
    assert s3.get_object_retention(Bucket="terraform-vault", Key="held.txt")["Retention"]["RetainUntilDate"].year == 2098
    versioning = s3.get_bucket_versioning(Bucket="terraform-lifecycle")
    assert (versioning["Status"], versioning["MFADelete"]) == ("Suspended", "Disabled")
    # Seven years, which have two leap days at most.
    s3.put_object(Bucket="terraform-lifecycle", Key="AWSLogs/log", Body=b"x")
    head = s3.head_object(Bucket="terraform-lifecycle", Key="AWSLogs/log")
    _, date, _, rule, _ = head["Expiration"].split('"')
    date = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)
    written = head["LastModified"]
    assert rule == "archive" and date >= written.replace(year=written.year + 7, day=min(written.day, 28))
    assert date >= written + datetime.timedelta(days=7 * 365 + 2)

    done = terraform.destroy(stage="two")
    assert "Destroy complete!" in done.out
    assert s3.list_buckets()["Buckets"] == []
