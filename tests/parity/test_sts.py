"""STS with boto3 and the CLI: sessions of roles, users, federated users and OpenID Connect; what they may do, and their records."""

import base64
import hashlib
import json
import subprocess
import time
from datetime import datetime, timezone

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

import mfa
from server import ACCOUNT, Server, error_of, free

ISSUER = "idp.example.com/tenant"


@pytest.fixture(scope="module")
def cairn(tmp_path_factory):
    """A server that knows an issuer's keys."""
    folder = tmp_path_factory.mktemp("cairn")
    (folder / "keys").mkdir()
    server = Server(folder, env={"CAIRN_OIDC_KEYS": str(folder / "keys")}).start()
    yield server
    if server.running:
        assert server.stop() == 0, server.log.read_text()[-4000:]
    free(folder / "data")


def allow(*actions, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": condition} if condition else {})}]})


def trust(principal, *actions, condition=None):
    statement = {"Effect": "Allow", "Principal": principal, "Action": list(actions) or ["sts:AssumeRole"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": condition} if condition else {})}]})


def role_of(cairn, name, trusted, policy=None, **settings):
    iam = cairn.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, **settings)["Role"]["Arn"]
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return arn


def client_of(cairn, service, credentials):
    return boto3.client(
        service, endpoint_url=cairn.endpoint, region_name="us-east-1", aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


def user_client(cairn, name, service="sts", policy=None):
    key, secret = cairn.user(name)
    if policy:
        cairn.client("iam").put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    return cairn.client(service, key=key, secret=secret)


def record_of(cairn, event_id_of, name):
    """The newest record of an event of this name whose request this answers."""
    wanted = event_id_of["ResponseMetadata"]["RequestId"]
    pages = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])
    found = [json.loads(event["CloudTrailEvent"]) for event in pages["Events"]]
    return next(record for record in found if record["requestID"] == wanted)


def test_a_roles_session_may_what_the_role_may(cairn, name):
    sts = user_client(cairn, f"{name}-u")
    user = f"arn:aws:iam::{ACCOUNT}:user/{name}-u"
    role = role_of(cairn, name, trust({"AWS": user}), allow("s3:CreateBucket", "s3:ListAllMyBuckets"))
    answer = sts.assume_role(RoleArn=role, RoleSessionName="work", DurationSeconds=900)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/work"
    role_id = cairn.client("iam").get_role(RoleName=name)["Role"]["RoleId"]
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:work", "Arn": session}
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA") and len(credentials["SecretAccessKey"]) == 40
    left = (credentials["Expiration"] - datetime.now(timezone.utc)).total_seconds()
    assert 880 < left < 902
    identity = client_of(cairn, "sts", credentials).get_caller_identity()
    assert (identity["Arn"], identity["UserId"], identity["Account"]) == (session, f"{role_id}:work", ACCOUNT)
    s3 = client_of(cairn, "s3", credentials)
    s3.create_bucket(Bucket=name)
    denied = error_of(s3.delete_bucket, Bucket=name)
    assert denied[:2] == ("AccessDenied", 403) and session in denied[2] and "s3:DeleteBucket" in denied[2]
    # What a session policy does not name is not allowed, whatever the role may.
    less = sts.assume_role(RoleArn=role, RoleSessionName="less", Policy=allow("s3:ListAllMyBuckets"))
    assert 1 <= less["PackedPolicySize"] <= 20
    s3 = client_of(cairn, "s3", less["Credentials"])
    s3.list_buckets()
    assert "session policy" in error_of(s3.create_bucket, Bucket=f"{name}-2")[2]
    # With another token, or without one, nothing.
    wrong = {**credentials, "SessionToken": less["Credentials"]["SessionToken"]}
    assert error_of(client_of(cairn, "sts", wrong).get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    bare = boto3.client("sts", endpoint_url=cairn.endpoint, region_name="us-east-1", aws_access_key_id=credentials["AccessKeyId"],
                        aws_secret_access_key=credentials["SecretAccessKey"])
    assert error_of(bare.get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    # The record says who began it, and which key it has; the session's own say whose it is.
    record = record_of(cairn, answer, "AssumeRole")
    assert record["userIdentity"]["arn"] == user and record["readOnly"] is True
    assert record["requestParameters"] == {"roleArn": role, "roleSessionName": "work", "durationSeconds": 900}
    elements = record["responseElements"]
    assert elements["credentials"]["accessKeyId"] == credentials["AccessKeyId"]
    assert elements["credentials"]["sessionToken"] == credentials["SessionToken"] and "secretAccessKey" not in elements["credentials"]
    assert elements["assumedRoleUser"] == {"assumedRoleId": f"{role_id}:work", "arn": session}
    assert record["resources"] == [{"ARN": role, "accountId": ACCOUNT, "type": "AWS::IAM::Role"}]
    who = record_of(cairn, identity, "GetCallerIdentity")["userIdentity"]
    assert (who["type"], who["principalId"], who["accessKeyId"]) == ("AssumedRole", f"{role_id}:work", credentials["AccessKeyId"])
    assert who["sessionContext"]["sessionIssuer"] == {"type": "Role", "principalId": role_id, "arn": role, "accountId": ACCOUNT, "userName": name}


def test_who_may_not(cairn, name):
    sts = user_client(cairn, f"{name}-u")
    user = f"arn:aws:iam::{ACCOUNT}:user/{name}-u"
    other = role_of(cairn, f"{name}-o", trust({"Service": "ec2.amazonaws.com"}))
    role = role_of(cairn, name, trust({"AWS": user}, condition={"StringEquals": {"sts:ExternalId": "x7"}}))
    missing = f"arn:aws:iam::{ACCOUNT}:role/{name}-none"
    for arn, more in [(other, {}), (missing, {}), (role, {}), (role, {"ExternalId": "x8"})]:
        text = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        assert error_of(sts.assume_role, RoleArn=arn, RoleSessionName="work", **more) == ("AccessDenied", 403, text)
    assert sts.assume_role(RoleArn=role, RoleSessionName="work", ExternalId="x7")
    code, status, text = error_of(sts.assume_role, RoleArn=role, RoleSessionName="work", ExternalId="x7", DurationSeconds=7200)
    assert (code, status, text) == ("ValidationError", 400, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    root = cairn.client("sts")
    assert error_of(root.assume_role, RoleArn=role, RoleSessionName="work")[2] == "Roles may not be assumed by root accounts."
    code, status, text = error_of(sts.assume_role, RoleArn=role, RoleSessionName="work", ExternalId="x7", Policy="{")
    assert (code, status) == ("MalformedPolicyDocument", 400)
    code, status, text = error_of(sts.assume_role, RoleArn=role, RoleSessionName="a b")
    assert (code, status) == ("ValidationError", 400) and "roleSessionName" in text


def test_a_chain_with_tags_and_a_source_identity(cairn, name):
    sts = user_client(cairn, f"{name}-u")
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    first = role_of(cairn, f"{name}-1", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}-u"}, *actions), allow("sts:*"), MaxSessionDuration=7200)
    second = role_of(cairn, f"{name}-2", trust({"AWS": first}, *actions),
                     allow("s3:ListAllMyBuckets", StringEquals={"aws:PrincipalTag/Cost": "7", "aws:SourceIdentity": "jane"}), MaxSessionDuration=7200)
    tags = [{"Key": "Cost", "Value": "7"}, {"Key": "Team", "Value": "red"}]
    answer = sts.assume_role(RoleArn=first, RoleSessionName="one", Tags=tags, TransitiveTagKeys=["Cost"], SourceIdentity="jane", DurationSeconds=7200)
    assert answer["SourceIdentity"] == "jane"
    chained = client_of(cairn, "sts", answer["Credentials"])
    code, _, text = error_of(chained.assume_role, RoleArn=second, RoleSessionName="two", DurationSeconds=7200)
    assert (code, text) == ("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
    answer = chained.assume_role(RoleArn=second, RoleSessionName="two")
    listed = client_of(cairn, "s3", answer["Credentials"]).list_buckets()
    record = record_of(cairn, chained.assume_role(RoleArn=second, RoleSessionName="two"), "AssumeRole")
    assert record["userIdentity"]["sessionContext"]["sourceIdentity"] == "jane" and listed


def test_a_second_factor(cairn, name):
    iam = cairn.client("iam")
    sts = user_client(cairn, name, policy=allow("s3:ListAllMyBuckets", Bool={"aws:MultiFactorAuthPresent": "true"}))
    phone = mfa.Phone(iam, name).enable(iam, name)
    role = role_of(cairn, f"{name}-r", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"}, condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    assert error_of(sts.assume_role, RoleArn=role, RoleSessionName="work")[0] == "AccessDenied"
    code, status, text = error_of(sts.get_session_token, SerialNumber=phone.serial, TokenCode="000000")
    assert (code, status) == ("AccessDenied", 403) and "invalid MFA one time pass code" in text
    shown = phone.show().split()[1]
    with_factor = sts.get_session_token(SerialNumber=phone.serial, TokenCode=shown, DurationSeconds=900)
    without = sts.get_session_token()
    client_of(cairn, "s3", with_factor["Credentials"]).list_buckets()
    assert error_of(client_of(cairn, "s3", without["Credentials"]).list_buckets)[0] == "AccessDenied"
    # IAM only with a second factor.
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    client_of(cairn, "iam", with_factor["Credentials"]).list_users()
    assert error_of(client_of(cairn, "iam", without["Credentials"]).list_users)[0] == "AccessDenied"
    own = client_of(cairn, "sts", with_factor["Credentials"])
    own.assume_role(RoleArn=role, RoleSessionName="work")
    assert error_of(own.get_session_token) == ("AccessDenied", 403, "Cannot call GetSessionToken with session credentials")
    record = record_of(cairn, with_factor, "GetSessionToken")
    assert "tokenCode" not in record["requestParameters"] and shown not in json.dumps(record)
    identity = own.get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    who = record_of(cairn, identity, "GetCallerIdentity")["userIdentity"]
    assert who["type"] == "IAMUser" and who["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"


def test_a_federated_user(cairn, name):
    sts = user_client(cairn, name, policy=allow("sts:GetFederationToken", "s3:ListAllMyBuckets"))
    answer = sts.get_federation_token(Name="carol", Policy=allow("s3:*"), DurationSeconds=900)
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/carol"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:carol", "Arn": arn}
    s3 = client_of(cairn, "s3", answer["Credentials"])
    s3.list_buckets()
    assert error_of(s3.create_bucket, Bucket=name)[0] == "AccessDenied"
    bare = sts.get_federation_token(Name="carol")
    assert error_of(client_of(cairn, "s3", bare["Credentials"]).list_buckets)[0] == "AccessDenied"
    other = user_client(cairn, f"{name}-2")
    code, _, text = error_of(other.get_federation_token, Name="carol")
    assert code == "AccessDenied" and text.endswith(f"sts:GetFederationToken on resource: {arn}")


def test_sessions_outlive_a_restart(cairn, name):
    sts = user_client(cairn, name)
    credentials = sts.get_session_token()["Credentials"]
    cairn.restart()
    assert client_of(cairn, "sts", credentials).get_caller_identity()["Arn"].endswith(f":user/{name}")
    root = cairn.client("sts")
    assert root.get_access_key_info(AccessKeyId=credentials["AccessKeyId"])["Account"] == ACCOUNT
    assert root.get_access_key_info(AccessKeyId=cairn.key)["Account"] == ACCOUNT
    assert error_of(root.decode_authorization_message, EncodedMessage="abcd") == ("InvalidAuthorizationMessageException", 400, "Message is not valid")


class Issuer:
    """Somebody who signs tokens with a key of his own, by openssl."""

    def __init__(self, folder):
        self.key = folder / "issuer.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        out = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True).stdout
        self.modulus = bytes.fromhex(out.decode().strip().split("=")[1])

    def key_set(self):
        return json.dumps({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": part(self.modulus), "e": "AQAB"}]})

    def token(self, **claims):
        now = int(time.time())
        claims = {"iss": f"https://{ISSUER}", "sub": "repo:acme/site", "aud": "app", "iat": now, "exp": now + 60, **claims}
        signed = f"{part(json.dumps({'alg': 'RS256', 'kid': 'k1'}))}.{part(json.dumps(claims))}"
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True, capture_output=True)
        return f"{signed}.{part(done.stdout)}"


def part(content):
    content = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_a_token_of_an_identity_provider(cairn, name, tmp_path):
    issuer = Issuer(tmp_path)
    (cairn.folder / "keys" / f"{ISSUER.replace('/', '_')}.json").write_text(issuer.key_set())
    iam = cairn.client("iam")
    provider = iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["app"])["OpenIDConnectProviderArn"]
    condition = {"StringEquals": {f"{ISSUER}:aud": "app"}, "StringLike": {f"{ISSUER}:sub": "repo:acme/*"}}
    role = role_of(cairn, name, trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", condition=condition), allow("s3:ListAllMyBuckets"))
    stranger = boto3.client("sts", endpoint_url=cairn.endpoint, region_name="us-east-1",
                            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
    asking = {"RoleArn": role, "RoleSessionName": "job"}
    answer = stranger.assume_role_with_web_identity(**asking, WebIdentityToken=issuer.token())
    assert (answer["Provider"], answer["Audience"], answer["SubjectFromWebIdentityToken"]) == (provider, "app", "repo:acme/site")
    client_of(cairn, "s3", answer["Credentials"]).list_buckets()
    record = record_of(cairn, answer, "AssumeRoleWithWebIdentity")
    who = record["userIdentity"]
    assert (who["type"], who["principalId"], who["identityProvider"]) == ("WebIdentityUser", f"{provider}:app:repo:acme/site", provider)
    assert "webIdentityToken" not in record["requestParameters"]
    assert record["responseElements"]["credentials"]["accessKeyId"] == answer["Credentials"]["AccessKeyId"]

    def refused(token):
        return error_of(stranger.assume_role_with_web_identity, **asking, WebIdentityToken=token)

    assert refused(issuer.token(aud="other")) == ("InvalidIdentityToken", 400, "Incorrect token audience")
    assert refused(issuer.token(exp=int(time.time()) - 400))[:2] == ("ExpiredTokenException", 400)
    assert refused(issuer.token(sub="repo:evil/site")) == ("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    assert refused(issuer.token(iss="https://x.example.com"))[2] == "No OpenIDConnect provider found in your account for https://x.example.com"
    assert refused("abcdef")[0] == "InvalidIdentityToken"
    other = tmp_path / "other"
    other.mkdir()
    assert refused(Issuer(other).token())[0] == "InvalidIdentityToken"

    # As in a runner: the CLI finds the token by itself.
    (tmp_path / "token").write_text(issuer.token())
    env = {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_SESSION_NAME": "runner"}
    done = cairn.sh("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; aws sts get-caller-identity --query Arn --output text", env=env)
    assert done.out.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/runner"


def test_the_cli_assumes_roles_by_profile(cairn, name):
    key, secret = cairn.user(f"{name}-u")
    role = role_of(cairn, name, trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}-u"}))
    folder = cairn.home / ".aws"
    folder.mkdir(exist_ok=True)
    (folder / "credentials").write_text(f"[base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    (folder / "config").write_text(f"[profile work]\nrole_arn = {role}\nsource_profile = base\nrole_session_name = cli\nregion = us-east-1\n")
    done = cairn.sh("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; aws --profile work sts get-caller-identity --query Arn --output text")
    assert done.out.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/cli"


DSIG = "http://www.w3.org/2000/09/xmldsig#"
AWS_SAML = "https://signin.aws.amazon.com/saml"


class SamlProvider:
    """An identity provider that signs responses with openssl. What it signs it writes canonically, so that nothing has to be rewritten."""

    def __init__(self, folder):
        self.folder, self.entity = folder, "https://idp.example/metadata"
        self.key, self.certificate = folder / "saml.pem", folder / "saml.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=idp", "-days", "2", "-keyout", self.key,
                        "-out", self.certificate], check=True, capture_output=True)

    def metadata(self):
        lines = self.certificate.read_text().strip().splitlines()[1:-1]
        padding = f"<!-- {'x' * 1000} -->"
        return (f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.entity}">{padding}<md:IDPSSODescriptor '
                f'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DSIG}">'
                f'<ds:X509Data><ds:X509Certificate>{"".join(lines)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>'
                f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/>'
                f'</md:IDPSSODescriptor></md:EntityDescriptor>')

    def response(self, subject="carol", issued=0, tamper=lambda text: text, **attributes):
        at = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))  # noqa: E731
        said = "".join(f'<saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/{name}"><saml:AttributeValue>{value}</saml:AttributeValue>'
                       f'</saml:Attribute>' for name, value in attributes.items())
        head = (f'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" IssueInstant="{at(issued)}" Version="2.0">'
                f'<saml:Issuer>{self.entity}</saml:Issuer>')
        rest = (f'<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">{subject}</saml:NameID>'
                f'<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
                f'NotOnOrAfter="{at(issued + 300)}" Recipient="{AWS_SAML}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>'
                f'<saml:Conditions><saml:AudienceRestriction><saml:Audience>{AWS_SAML}</saml:Audience></saml:AudienceRestriction></saml:Conditions>'
                f'<saml:AttributeStatement>{said}</saml:AttributeStatement></saml:Assertion>')
        digest = base64.b64encode(hashlib.sha256((head + rest).encode()).digest()).decode()
        info = (f'<ds:SignedInfo xmlns:ds="{DSIG}"><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">'
                f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>'
                f'<ds:Reference URI="#_a"><ds:Transforms><ds:Transform Algorithm="{DSIG}enveloped-signature"></ds:Transform>'
                f'<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms>'
                f'<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
                f'<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>')
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=info.encode(), check=True, capture_output=True)
        signature = (f'<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{base64.b64encode(done.stdout).decode()}</ds:SignatureValue>'
                     f'</ds:Signature>')
        text = (f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r" Version="2.0"><samlp:Status><samlp:StatusCode '
                f'Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{head}{signature}{rest}</samlp:Response>')
        return base64.b64encode(tamper(text).encode()).decode()


def test_a_response_of_a_saml_provider(cairn, name, tmp_path):
    idp = SamlProvider(tmp_path)
    provider = cairn.client("iam").create_saml_provider(Name=name, SAMLMetadataDocument=idp.metadata())["SAMLProviderArn"]
    condition = {"StringEquals": {"saml:aud": AWS_SAML, "saml:sub_type": "transient"}}
    role = role_of(cairn, f"{name}-saml", trust({"Federated": provider}, "sts:AssumeRoleWithSAML", condition=condition),
                   allow("s3:ListAllMyBuckets"))
    stranger = boto3.client("sts", endpoint_url=cairn.endpoint, region_name="us-east-1",
                            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
    said = {"Role": f"{role},{provider}", "RoleSessionName": "carol", "SessionDuration": "900"}
    asking = {"RoleArn": role, "PrincipalArn": provider}
    answer = stranger.assume_role_with_saml(**asking, SAMLAssertion=idp.response(**said))
    assert (answer["Subject"], answer["SubjectType"], answer["Issuer"], answer["Audience"]) == ("carol", "transient", idp.entity, AWS_SAML)
    assert answer["AssumedRoleUser"]["Arn"].endswith(f"assumed-role/{name}-saml/carol")
    client_of(cairn, "s3", answer["Credentials"]).list_buckets()
    record = record_of(cairn, answer, "AssumeRoleWithSAML")
    who = record["userIdentity"]
    assert (who["type"], who["userName"], who["identityProvider"]) == ("SAMLUser", "carol", provider)
    assert idp.entity not in json.dumps(record["requestParameters"]), "the response is a secret as long as it is good"

    def refused(assertion, **more):
        return error_of(stranger.assume_role_with_saml, **{**asking, **more}, SAMLAssertion=assertion)[:2]

    denied, invalid = ("AccessDenied", 403), ("InvalidIdentityToken", 400)
    assert refused(idp.response(**{**said, "Role": f"{role}-other,{provider}"})) == denied
    assert refused(idp.response(**said), RoleArn=f"{role}-other") == denied
    assert refused(idp.response(**said), PrincipalArn=f"{provider}-other") == invalid
    assert refused(idp.response(**said, tamper=lambda text: text.replace(">carol<", ">root<"))) == invalid
    assert refused(idp.response(**said, issued=-600)) == ("ExpiredTokenException", 400)
    (tmp_path / "other").mkdir()
    assert refused(SamlProvider(tmp_path / "other").response(**said)) == invalid
    assert refused(base64.b64encode(b"<a/>").decode()) == invalid
