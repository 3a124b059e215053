"""Terraform on what IAM keeps of an account: apply, an empty second plan, a change, an empty plan again, destroy."""

from pathlib import Path

from server import error_of
from terraform import Terraform

KEYS = Path(__file__).resolve().parents[2] / "services/iam/src/testing"

TEXT = f"""
variable "stage" {{ default = "one" }}

locals {{ two = var.stage == "two" }}

resource "aws_iam_account_alias" "alias" {{
  account_alias = local.two ? "acme-two" : "acme-one"
}}

resource "aws_iam_account_password_policy" "strict" {{
  minimum_password_length        = local.two ? 16 : 12
  require_lowercase_characters   = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_symbols                = local.two
  allow_users_to_change_password = true
  max_password_age               = local.two ? 30 : null
  password_reuse_prevention      = 3
}}

resource "aws_iam_openid_connect_provider" "git" {{
  url             = "https://token.actions.example.com"
  client_id_list  = local.two ? ["sts.amazonaws.com", "more"] : ["sts.amazonaws.com"]
  thumbprint_list = [local.two ? "{"b" * 40}" : "{"a" * 40}"]
  tags            = {{ stage = var.stage }}
}}

resource "aws_iam_saml_provider" "idp" {{
  name                   = "idp"
  saml_metadata_document = <<-XML
    <?xml version="1.0"?>
    <EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${{var.stage}}">
      <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><!-- {"x" * 1000} --></IDPSSODescriptor>
    </EntityDescriptor>
  XML
  tags                   = {{ stage = var.stage }}
}}

resource "aws_iam_user" "alice" {{
  name = "alice-of-terraform"
}}

resource "aws_iam_user_login_profile" "alice" {{
  user                    = aws_iam_user.alice.name
  password_length         = 20
  password_reset_required = true
}}

resource "aws_iam_user_ssh_key" "alice" {{
  username   = aws_iam_user.alice.name
  encoding   = "PEM"
  public_key = file("{KEYS}/pub.pem")
  status     = local.two ? "Inactive" : "Active"
}}

resource "aws_iam_signing_certificate" "alice" {{
  user_name        = aws_iam_user.alice.name
  certificate_body = file("{KEYS}/cert.pem")
}}

resource "aws_iam_service_specific_credential" "alice" {{
  user_name    = aws_iam_user.alice.name
  service_name = "codecommit.amazonaws.com"
  status       = local.two ? "Inactive" : "Active"
}}

resource "aws_iam_server_certificate" "site" {{
  name             = "site"
  path             = local.two ? "/two/" : "/one/"
  certificate_body = file("{KEYS}/cert.pem")
  private_key      = file("{KEYS}/key.pem")
  tags             = {{ stage = var.stage }}
}}

resource "aws_iam_virtual_mfa_device" "phone" {{
  virtual_mfa_device_name = "phone-of-terraform"
  tags                    = {{ stage = var.stage }}
}}

data "aws_iam_policy" "admin" {{
  name = "AdministratorAccess"
}}

data "aws_iam_account_alias" "alias" {{
  depends_on = [aws_iam_account_alias.alias]
}}

data "aws_iam_principal_policy_simulation" "alice" {{
  policy_source_arn = aws_iam_user.alice.arn
  action_names      = ["s3:GetObject"]
}}

output "alias" {{ value = data.aws_iam_account_alias.alias.account_alias }}
output "allowed" {{ value = data.aws_iam_principal_policy_simulation.alice.all_allowed }}
output "admin" {{ value = data.aws_iam_policy.admin.arn }}
"""


def test_an_account_by_terraform(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path / "tf", TEXT)
    iam = cairn.client("iam")
    assert "allowed = false" in terraform.apply().out
    terraform.nothing_to_do()
    assert iam.list_account_aliases()["AccountAliases"] == ["acme-one"]
    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    assert iam.get_account_password_policy()["PasswordPolicy"]["MaxPasswordAge"] == 30
    terraform.destroy(stage="two")
    assert iam.list_account_aliases()["AccountAliases"] == []
    assert error_of(iam.get_account_password_policy)[0] == "NoSuchEntity"
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
