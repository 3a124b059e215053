"""Terraform's KMS resources: apply, an empty second plan, a change, an empty plan again, destroy."""

from terraform import Terraform

TEXT = """
variable "stage" { default = "one" }

data "aws_caller_identity" "me" {}

resource "aws_kms_key" "app" {
  description             = "of stage ${var.stage}"
  deletion_window_in_days = 7
  enable_key_rotation     = var.stage == "one"
  tags                    = { stage = var.stage }
}

resource "aws_kms_alias" "app" {
  name          = "alias/terraform/app"
  target_key_id = var.stage == "one" ? aws_kms_key.app.key_id : aws_kms_key.other.key_id
}

resource "aws_kms_key" "other" {
  deletion_window_in_days = 7
}

resource "aws_kms_key" "signing" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 7
}

resource "aws_kms_key_policy" "app" {
  key_id = aws_kms_key.app.id
  policy = jsonencode({
    Version = "2012-10-17"
    Id      = var.stage
    Statement = [{
      Sid       = "Enable IAM User Permissions"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_grant" "app" {
  name              = "terraform"
  key_id            = aws_kms_key.app.key_id
  grantee_principal = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:user/someone"
  operations        = ["Encrypt", "Decrypt", "GenerateDataKey"]
  constraints { encryption_context_equals = { stage = "test" } }
}

resource "aws_kms_ciphertext" "secret" {
  key_id    = aws_kms_key.other.key_id
  plaintext = "hidden"
}

data "aws_kms_key" "app" {
  key_id     = "alias/terraform/app"
  depends_on = [aws_kms_alias.app]
}
"""


def test_keys_aliases_policies_and_grants(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path, TEXT)
    terraform.apply()
    terraform.nothing_to_do()
    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    kms = cairn.client("kms")
    alias = kms.describe_key(KeyId="alias/terraform/app")["KeyMetadata"]
    assert alias["KeyState"] == "Enabled"
    terraform.destroy(stage="two")
    assert all(name["AliasName"] != "alias/terraform/app" for name in kms.list_aliases()["Aliases"])
    assert kms.describe_key(KeyId=alias["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
