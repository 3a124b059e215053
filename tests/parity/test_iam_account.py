"""What IAM keeps of an account besides users, groups, roles and policies: its alias, passwords, identity providers, certificates, reports; and
the policy simulator."""

import csv
import io
import json
from pathlib import Path

import pytest

from server import ACCOUNT, error_of, until

KEYS = Path(__file__).resolve().parents[2] / "services/iam/src/testing"
CERTIFICATE = (KEYS / "cert.pem").read_text()
PRIVATE_KEY = (KEYS / "key.pem").read_text()
OTHER_KEY = (KEYS / "ec.pem").read_text()
PUBLIC_KEY = (KEYS / "pub.pem").read_text()
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
METADATA = (
    '<?xml version="1.0"?><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com">'
    f'<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><!-- {"x" * 1000} --></IDPSSODescriptor></EntityDescriptor>'
)


@pytest.fixture
def iam(cairn):
    return cairn.client("iam")


@pytest.fixture
def user(iam, name):
    iam.create_user(UserName=name)
    return name


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_the_alias(cairn):
    assert cairn.aws("iam list-account-aliases").json == {"AccountAliases": []}
    cairn.aws("iam create-account-alias --account-alias acme-corp")
    assert cairn.aws("iam list-account-aliases").json == {"AccountAliases": ["acme-corp"]}
    wrong = cairn.aws("iam delete-account-alias --account-alias other", check=False)
    assert "(NoSuchEntity)" in wrong.err
    cairn.aws("iam delete-account-alias --account-alias acme-corp")
    assert "(ValidationError)" in cairn.aws("iam create-account-alias --account-alias Acme--", check=False).err


def test_the_password_policy(cairn):
    missing = cairn.aws("iam get-account-password-policy", check=False)
    assert f"(NoSuchEntity) when calling the GetAccountPasswordPolicy operation: The Password Policy with domain name {ACCOUNT} cannot be found." in missing.err
    cairn.aws("iam update-account-password-policy --minimum-password-length 14 --require-symbols --require-numbers --max-password-age 90 "
              "--password-reuse-prevention 5 --allow-users-to-change-password")
    shown = cairn.aws("iam get-account-password-policy").json["PasswordPolicy"]
    assert shown == {
        "MinimumPasswordLength": 14, "RequireSymbols": True, "RequireNumbers": True, "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False, "AllowUsersToChangePassword": True, "ExpirePasswords": True, "MaxPasswordAge": 90,
        "PasswordReusePrevention": 5,
    }
    cairn.aws("iam delete-account-password-policy")
    assert "(NoSuchEntity)" in cairn.aws("iam delete-account-password-policy", check=False).err
    assert "(ValidationError)" in cairn.aws("iam update-account-password-policy --minimum-password-length 200", check=False).err


def test_login_profiles(cairn, iam, user):
    assert error_of(iam.create_login_profile, UserName=user, Password="short")[:2] == ("PasswordPolicyViolation", 400)
    made = iam.create_login_profile(UserName=user, Password="First-Password-1", PasswordResetRequired=True)["LoginProfile"]
    assert made["UserName"] == user and made["PasswordResetRequired"]
    assert iam.get_login_profile(UserName=user)["LoginProfile"] == made
    assert error_of(iam.create_login_profile, UserName=user, Password="First-Password-1")[:2] == ("EntityAlreadyExists", 409)
    assert error_of(iam.delete_user, UserName=user) == ("DeleteConflict", 409, "Cannot delete entity, must delete login profile first.")
    key = iam.create_access_key(UserName=user)["AccessKey"]
    mine = cairn.client("iam", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    change = {"OldPassword": "First-Password-1", "NewPassword": "Second-Password-2"}
    assert error_of(mine.change_password, **change)[0] == "AccessDenied"
    iam.update_account_password_policy(AllowUsersToChangePassword=True, PasswordReusePrevention=3)
    mine.change_password(**change)
    mine.get_account_password_policy()
    assert error_of(mine.change_password, OldPassword="Second-Password-2", NewPassword="First-Password-1")[0] == "PasswordPolicyViolation"
    iam.delete_account_password_policy()
    assert error_of(mine.change_password, OldPassword="Second-Password-2", NewPassword="Third-Password-3")[0] == "AccessDenied"
    allowed = policy(allow("iam:ChangePassword", "arn:aws:iam::*:user/${aws:username}"))
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=allowed)
    mine.change_password(OldPassword="Second-Password-2", NewPassword="Third-Password-3")
    assert error_of(iam.change_password, **change)[0] == "InvalidUserType"
    iam.delete_login_profile(UserName=user)
    assert error_of(iam.get_login_profile, UserName=user) == ("NoSuchEntity", 404, f"Login Profile for User {user} cannot be found.")


def test_passwords_are_in_no_record(cairn, iam, user):
    bucket = cairn.bucket_for_trails(f"passwords-{user}")
    cairn.trail(f"passwords-{user}", bucket)
    iam.create_login_profile(UserName=user, Password="Very-Secret-1")
    iam.update_login_profile(UserName=user, Password="Very-Secret-2")
    iam.upload_server_certificate(ServerCertificateName=user, CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY)
    made = iam.create_service_specific_credential(UserName=user, ServiceName="codecommit.amazonaws.com")
    cairn.flush()
    events = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "iam.amazonaws.com"}])
    text = json.dumps(events["Events"], default=str)
    assert "UploadServerCertificate" in text and "CreateLoginProfile" in text
    for secret in ["Very-Secret", PRIVATE_KEY.split("\n")[1], made["ServiceSpecificCredential"]["ServicePassword"]]:
        assert secret not in text


def test_oidc_providers(cairn, iam, name):
    url = f"https://{name}.example.com"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40])["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{name}.example.com"
    assert error_of(iam.create_open_id_connect_provider, Url=url)[:2] == ("EntityAlreadyExists", 409)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="more")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == (f"{name}.example.com", ["sts.amazonaws.com", "more"], ["b" * 40])
    assert shown["Tags"] == [{"Key": "a", "Value": "1"}]
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert error_of(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)[:2] == ("NoSuchEntity", 404)


def test_saml_providers(iam, name):
    arn = iam.create_saml_provider(Name=name, SAMLMetadataDocument=METADATA)["SAMLProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:saml-provider/{name}"
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == METADATA
    assert error_of(iam.create_saml_provider, Name=name, SAMLMetadataDocument=METADATA)[:2] == ("EntityAlreadyExists", 409)
    assert error_of(iam.update_saml_provider, SAMLProviderArn=arn, SAMLMetadataDocument="x" * 1000)[:2] == ("InvalidInput", 400)
    assert arn in [listed["Arn"] for listed in iam.list_saml_providers()["SAMLProviderList"]]
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert error_of(iam.delete_saml_provider, SAMLProviderArn=arn)[:2] == ("NoSuchEntity", 404)


def test_server_certificates(iam, name):
    upload = {"ServerCertificateName": name, "CertificateBody": CERTIFICATE, "PrivateKey": PRIVATE_KEY}
    made = iam.upload_server_certificate(**upload, Path="/web/")["ServerCertificateMetadata"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:server-certificate/web/{name}" and made["ServerCertificateId"].startswith("ASCA")
    shown = iam.get_server_certificate(ServerCertificateName=name)["ServerCertificate"]
    assert shown["CertificateBody"] == CERTIFICATE.rstrip("\n") and shown["ServerCertificateMetadata"] == made
    assert error_of(iam.upload_server_certificate, **upload)[:2] == ("EntityAlreadyExists", 409)
    assert error_of(iam.upload_server_certificate, **{**upload, "PrivateKey": OTHER_KEY})[:2] == ("KeyPairMismatch", 400)
    assert error_of(iam.upload_server_certificate, **{**upload, "CertificateBody": "x"})[:2] == ("MalformedCertificate", 400)
    iam.delete_server_certificate(ServerCertificateName=name)
    assert error_of(iam.get_server_certificate, ServerCertificateName=name)[:2] == ("NoSuchEntity", 404)


def test_keys_and_certificates_of_users(iam, user):
    key = iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=PUBLIC_KEY)["SSHPublicKey"]
    assert len(key["Fingerprint"]) == 47 and key["Status"] == "Active"
    ssh = iam.get_ssh_public_key(UserName=user, SSHPublicKeyId=key["SSHPublicKeyId"], Encoding="SSH")["SSHPublicKey"]["SSHPublicKeyBody"]
    assert ssh.startswith("ssh-rsa ")
    assert error_of(iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody=ssh)[:2] == ("DuplicateSSHPublicKey", 400)
    iam.update_ssh_public_key(UserName=user, SSHPublicKeyId=key["SSHPublicKeyId"], Status="Inactive")
    assert iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"][0]["Status"] == "Inactive"
    certificate = iam.upload_signing_certificate(UserName=user, CertificateBody=CERTIFICATE)["Certificate"]
    assert iam.list_signing_certificates(UserName=user)["Certificates"] == [certificate]
    password = iam.create_service_specific_credential(UserName=user, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert password["ServiceUserName"] == f"{user}-at-{ACCOUNT}" and password["ServicePassword"]
    assert error_of(iam.create_service_specific_credential, UserName=user, ServiceName="s3.amazonaws.com")[:2] == ("NotSupportedService", 404)
    assert error_of(iam.delete_user, UserName=user)[:2] == ("DeleteConflict", 409)
    iam.delete_ssh_public_key(UserName=user, SSHPublicKeyId=key["SSHPublicKeyId"])
    iam.delete_signing_certificate(UserName=user, CertificateId=certificate["CertificateId"])
    iam.delete_service_specific_credential(UserName=user, ServiceSpecificCredentialId=password["ServiceSpecificCredentialId"])
    iam.delete_user(UserName=user)


def test_the_summary_and_everything(cairn, iam, user):
    summary = cairn.aws("iam get-account-summary").json["SummaryMap"]
    assert summary["Users"] >= 1 and summary["UsersQuota"] == 5000 and summary["AccountMFAEnabled"] == 0
    iam.attach_user_policy(UserName=user, PolicyArn=ADMIN)
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=policy(allow("s3:*")))
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1})
    pages = list(pages)
    users = [one for page in pages for one in page["UserDetailList"]]
    mine = next(one for one in users if one["UserName"] == user)
    assert mine["UserPolicyList"][0]["PolicyDocument"]["Statement"] == [allow("s3:*")]
    assert mine["AttachedManagedPolicies"] == [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]
    admin = [one for page in pages for one in page["Policies"] if one["Arn"] == ADMIN]
    assert len(admin) == 1 and admin[0]["PolicyVersionList"][0]["IsDefaultVersion"] and len(pages) > 1


def test_the_credential_report(cairn, user):
    assert cairn.aws("iam get-credential-report", check=False).err.count("(ReportNotPresent)") == 1
    cairn.client("iam").create_access_key(UserName=user)
    assert cairn.aws("iam generate-credential-report").json["State"] == "STARTED"
    until(lambda: cairn.aws("iam generate-credential-report").json["State"] == "COMPLETE", "the report is made")
    report = cairn.client("iam").get_credential_report()
    rows = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    assert rows[0]["user"] == "<root_account>" and rows[0]["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    mine = next(row for row in rows if row["user"] == user)
    assert mine["password_enabled"] == "false" and mine["access_key_1_active"] == "true" and mine["access_key_1_last_used_date"] == "N/A"
    assert len(mine) == 22


def test_who_uses_what(cairn, iam, user):
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=policy(allow(["s3:*", "sqs:Send*"])))
    arn = f"arn:aws:iam::{ACCOUNT}:user/{user}"
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    report = iam.get_service_last_accessed_details(JobId=job)
    assert report["JobStatus"] == "COMPLETED"
    assert [one["ServiceNamespace"] for one in report["ServicesLastAccessed"]] == ["s3", "sqs"]
    granting = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["s3", "ec2"])["PoliciesGrantingServiceAccess"]
    assert granting == [
        {"ServiceNamespace": "ec2", "Policies": []},
        {"ServiceNamespace": "s3", "Policies": [{"PolicyName": "own", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": user}]},
    ]


def test_the_simulator(cairn, iam, user):
    home = allow("s3:GetObject", "arn:aws:s3:::home/${aws:username}/*")
    tagged = allow("s3:PutObject", Condition={"StringEquals": {"s3:RequestObjectTag/a": "b"}})
    deny = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=policy(home, tagged, deny))
    arn = f"arn:aws:iam::{ACCOUNT}:user/{user}"
    results = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        ResourceArns=[f"arn:aws:s3:::home/{user}/x", "arn:aws:s3:::home/other/x"])["EvaluationResults"]
    decisions = [(one["EvalActionName"].split(":")[1], one["EvalResourceName"].split("/")[1] == user, one["EvalDecision"]) for one in results]
    assert decisions == [
        ("GetObject", True, "allowed"), ("GetObject", False, "implicitDeny"), ("PutObject", True, "implicitDeny"),
        ("PutObject", False, "implicitDeny"), ("DeleteObject", True, "explicitDeny"), ("DeleteObject", False, "explicitDeny"),
    ]
    assert results[2]["MissingContextValues"] == ["s3:requestobjecttag/a"]
    assert [one["SourcePolicyId"] for one in results[0]["MatchedStatements"]] == [f"user_{user}_own"]
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"]
    assert keys == ["aws:username", "s3:RequestObjectTag/a"]
    done = cairn.aws(["iam", "simulate-custom-policy", "--policy-input-list", policy(allow("dynamodb:*", Condition={
        "DateGreaterThan": {"aws:CurrentTime": "2018-08-16T12:00:00Z"}})), "--action-names", "dynamodb:CreateBackup",
        "--context-entries", "ContextKeyName=aws:CurrentTime,ContextKeyValues=2019-04-25T11:00:00Z,ContextKeyType=date"])
    assert done.json["EvaluationResults"][0]["EvalDecision"] == "allowed"


def test_aws_policies_are_there(iam):
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS")
    names = [one["PolicyName"] for page in pages for one in page["Policies"]]
    assert len(names) > 1000 and {"ReadOnlyAccess", "SecurityAudit", "AmazonS3ReadOnlyAccess", "AWSCloudTrail_FullAccess"} <= set(names)
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert "s3:Get*" in document["Statement"][0]["Action"]


def test_it_stays_after_a_restart(new_cairn, name):
    cairn = new_cairn()
    iam = cairn.client("iam")
    iam.create_account_alias(AccountAlias="stays-here")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password="First-Password-1")
    arn = iam.create_saml_provider(Name=name, SAMLMetadataDocument=METADATA)["SAMLProviderArn"]
    cairn.restart()
    iam = cairn.client("iam")
    assert iam.list_account_aliases()["AccountAliases"] == ["stays-here"]
    assert iam.get_login_profile(UserName=name)["LoginProfile"]["UserName"] == name
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == METADATA
