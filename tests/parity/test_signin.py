"""Signing in on a page, as a browser does it, and what CloudTrail tells of it."""

import json
import urllib.parse

import pytest

from browser import SIGN_IN, Browser
from mfa import Phone
from server import ACCOUNT, until

ROOT_PASSWORD = "Root-Password-1"
SETTINGS = {"env": {"CAIRN_ROOT_PASSWORD": ROOT_PASSWORD}}
PASSWORD = "Correct-Horse-1"
WRONG = "Your authentication information is incorrect."


def client(server, session, service):
    return session.client(service, endpoint_url=server.endpoint)


def events(server, name, count, **matching):
    """The last records of this name, oldest first, without what differs from run to run."""
    cloudtrail = server.client("cloudtrail")

    def found():
        page = cloudtrail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], MaxResults=50)
        records = [json.loads(event["CloudTrailEvent"]) for event in page["Events"]]
        records = [record for record in records if all(record["userIdentity"].get(k) == v for k, v in matching.items())]
        return records[:count][::-1] if len(records) >= count else None

    return until(found, f"{count} events {name}")


def shape(record):
    record = dict(record)
    for varying in ("eventID", "eventTime"):
        assert record.pop(varying)
    return record


def expected(name, identity, outcome, additional, account=ACCOUNT, error=None):
    return {
        "eventVersion": "1.11", "userIdentity": identity, "eventSource": "signin.amazonaws.com", "eventName": name,
        "awsRegion": "us-east-1", "sourceIPAddress": "127.0.0.1", "userAgent": "parity browser",
        **({"errorMessage": error} if error else {}),
        "requestParameters": None, "responseElements": {name: outcome}, "additionalEventData": additional, "readOnly": False,
        "eventType": "AwsConsoleSignIn", "managementEvent": True, "recipientAccountId": account, "eventCategory": "Management",
    }


@pytest.fixture
def browser(cairn):
    return Browser(cairn)


@pytest.fixture
def user(cairn, name):
    """A user with a password who may everything."""
    iam = cairn.client("iam")
    made = iam.create_user(UserName=name)["User"]
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return made


def login_data(cairn, mfa="No", **more):
    return {"LoginTo": cairn.endpoint + SIGN_IN, "MobileVersion": "No", **more, "MFAUsed": mfa}


def proved(user):
    return {"type": "IAMUser", "principalId": user["UserId"], "arn": user["Arn"], "accountId": ACCOUNT, "userName": user["UserName"]}


def claimed(user):
    return {"type": "IAMUser", "principalId": user["UserId"], "accountId": ACCOUNT, "accessKeyId": "", "userName": user["UserName"]}


ROOT = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT, "accessKeyId": ""}


def is_without_mfa(record):
    """`{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }`, of the CIS benchmark."""
    return record["eventName"] == "ConsoleLogin" and record["additionalEventData"]["MFAUsed"] != "Yes"


def test_a_user_signs_in_and_calls(cairn, browser, user):
    assert browser.sign_in(user["UserName"], PASSWORD) == 303
    assert browser.headers["location"] == SIGN_IN
    [record] = events(cairn, "ConsoleLogin", 1, userName=user["UserName"])
    assert shape(record) == expected("ConsoleLogin", proved(user), "Success", login_data(cairn))
    assert is_without_mfa(record)
    browser.get()
    assert user["UserName"] in browser.page and "You are signed in" in browser.page
    session = browser.session()
    assert client(cairn, session, "sts").get_caller_identity()["Arn"] == user["Arn"]
    bucket = f"{user['UserName']}-console"
    client(cairn, session, "s3").create_bucket(Bucket=bucket)
    [call] = events(cairn, "CreateBucket", 1, userName=user["UserName"])
    assert call["sessionCredentialFromConsole"] == "true"
    attributes = call["userIdentity"]["sessionContext"]["attributes"]
    assert attributes == {"creationDate": record["eventTime"], "mfaAuthenticated": "false"}
    assert cairn.client("iam").get_user(UserName=user["UserName"])["User"]["PasswordLastUsed"]
    browser.get()
    assert browser.submit("/.cairn/signout") == 303
    assert browser.send("POST", "/.cairn/credentials", headers={"x-cairn-console": "1"}) == 401


def test_a_second_factor_is_wanted_and_recorded(cairn, browser, user):
    phone = Phone(cairn.client("iam"), user["UserName"]).enable(cairn.client("iam"), user["UserName"])
    assert browser.sign_in(user["UserName"], PASSWORD) == 200
    assert "Code of your MFA device" in browser.page
    [checked] = events(cairn, "CheckMfa", 1, userName=user["UserName"])
    assert shape(checked) == expected("CheckMfa", claimed(user), "Success", {"MfaType": "Virtual MFA"})
    assert browser.submit(SIGN_IN, code="000000") == 401
    assert browser.submit(SIGN_IN, code=phone.show().split()[1]) == 303
    failed, record = events(cairn, "ConsoleLogin", 2, userName=user["UserName"])
    assert shape(failed) == expected("ConsoleLogin", claimed(user), "Failure", login_data(cairn, "Yes"), error="Failed authentication")
    assert shape(record) == expected("ConsoleLogin", proved(user), "Success", login_data(cairn, "Yes", MFAIdentifier=phone.serial))
    assert not is_without_mfa(record)
    client(cairn, browser.session(), "iam").create_group(GroupName=user["UserName"])
    [call] = events(cairn, "CreateGroup", 1, userName=user["UserName"])
    assert call["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"


def test_what_is_wrong_has_one_answer(cairn, browser, user, name):
    assert browser.sign_in(user["UserName"], "wrong") == 401
    assert WRONG in browser.page and PASSWORD not in browser.page
    [record] = events(cairn, "ConsoleLogin", 1, userName=user["UserName"])
    assert shape(record) == expected("ConsoleLogin", claimed(user), "Failure", login_data(cairn), error="Failed authentication")
    nobody = f"{name}-my-password-by-mistake"
    assert browser.sign_in(nobody, "wrong") == 401
    assert WRONG in browser.page
    hidden = {"type": "IAMUser", "accountId": ACCOUNT, "accessKeyId": "", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    [record] = events(cairn, "ConsoleLogin", 1, userName=hidden["userName"])
    assert shape(record) == expected(
        "ConsoleLogin", hidden, "Failure", login_data(cairn), error="No username found in supplied account")
    assert browser.sign_in(user["UserName"], PASSWORD, account="999999999999") == 401
    [record] = events(cairn, "ConsoleLogin", 1, type="Unknown")
    assert record["errorMessage"] == "Failed authentication"
    log = cairn.log.read_text()
    assert PASSWORD not in log and nobody not in log


def test_root_signs_in_if_it_has_a_password(cairn, browser, new_cairn):
    browser.get(SIGN_IN + "?kind=root")
    assert browser.submit(account=ACCOUNT, password="wrong") == 401
    assert browser.submit(account=ACCOUNT, password=ROOT_PASSWORD) == 303
    failed, record = events(cairn, "ConsoleLogin", 2, type="Root")
    assert shape(failed) == expected("ConsoleLogin", ROOT, "Failure", login_data(cairn), error="Failed authentication")
    assert shape(record) == expected("ConsoleLogin", ROOT, "Success", login_data(cairn))
    assert client(cairn, browser.session(), "sts").get_caller_identity()["Arn"] == ROOT["arn"]
    without = new_cairn()
    other = Browser(without)
    other.get(SIGN_IN + "?kind=root")
    assert other.submit(account=ACCOUNT, password=ROOT_PASSWORD) == 401


def test_the_account_may_be_named_by_its_alias(cairn, browser, user):
    iam = cairn.client("iam")
    iam.create_account_alias(AccountAlias="acme-audit")
    assert browser.sign_in(user["UserName"], PASSWORD, account="acme-audit") == 303
    assert Browser(cairn).sign_in(user["UserName"], PASSWORD, account="1234-5678-9012") == 303
    iam.delete_account_alias(AccountAlias="acme-audit")


def test_another_password_is_chosen_at_the_first_time(cairn, browser, user):
    cairn.client("iam").update_login_profile(UserName=user["UserName"], PasswordResetRequired=True)
    assert browser.sign_in(user["UserName"], PASSWORD) == 200
    assert "Password change required" in browser.page
    assert browser.send("POST", "/.cairn/credentials", headers={"x-cairn-console": "1"}) == 401
    browser.get()
    assert browser.submit(SIGN_IN, old=PASSWORD, new="short", again="short") == 400
    assert "minimum length" in browser.page
    new = "Another-Horse-2"
    assert browser.submit(SIGN_IN, old=PASSWORD, new=new, again=new) == 303
    failed, record = events(cairn, "PasswordUpdated", 2, userName=user["UserName"])
    assert failed["responseElements"] == {"PasswordUpdated": "Failure"} and "minimum length" in failed["errorMessage"]
    assert record["responseElements"] == {"PasswordUpdated": "Success"} and record["userIdentity"] == proved(user)
    [login] = events(cairn, "ConsoleLogin", 1, userName=user["UserName"])
    assert login["responseElements"] == {"ConsoleLogin": "Success"}
    assert client(cairn, browser.session(), "sts").get_caller_identity()["Arn"] == user["Arn"]
    assert Browser(cairn).sign_in(user["UserName"], PASSWORD) == 401
    assert Browser(cairn).sign_in(user["UserName"], new) == 303


def test_a_role_is_taken_on_and_left(cairn, browser, user, name):
    iam = cairn.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                                                     "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert browser.sign_in(user["UserName"], PASSWORD) == 303
    assert browser.get(f"/.cairn/switchrole?account={ACCOUNT}&roleName={role['RoleName']}") == 200
    assert browser.submit("/.cairn/switchrole", account=ACCOUNT, roleName=role["RoleName"], displayName="Admin") == 303
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/{user['UserName']}"
    [record] = events(cairn, "SwitchRole", 1, arn=arn)
    identity = {"type": "AssumedRole", "principalId": f"{role['RoleId']}:{user['UserName']}", "arn": arn, "accountId": ACCOUNT}
    data = {"SwitchFrom": user["Arn"], "RedirectTo": cairn.endpoint + SIGN_IN, "DisplayName": "Admin"}
    assert shape(record) == expected("SwitchRole", identity, "Success", data)
    session = browser.session()
    assert client(cairn, session, "sts").get_caller_identity()["Arn"] == arn
    client(cairn, session, "iam").create_group(GroupName=f"{name}-by-role")
    [call] = events(cairn, "CreateGroup", 1, arn=arn)
    assert call["sessionCredentialFromConsole"] == "true"
    browser.get()
    assert "Admin" in browser.page
    assert browser.submit("/.cairn/exitrole") == 303
    [record] = events(cairn, "ExitRole", 1, arn=arn)
    assert record["responseElements"] == {"ExitRole": "Success"}
    assert client(cairn, browser.session(), "sts").get_caller_identity()["Arn"] == user["Arn"]
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=json.dumps(trust).replace("Allow", "Deny"))
    browser.get("/.cairn/switchrole")
    assert browser.submit("/.cairn/switchrole", account=ACCOUNT, roleName=role["RoleName"]) == 403
    assert "Invalid information in one or more fields." in browser.page
    [record] = events(cairn, "SwitchRole", 1, userName=user["UserName"])
    assert record["responseElements"] == {"SwitchRole": "Failure"} and "sts:AssumeRole" in record["errorMessage"]


def test_a_role_of_another_account_has_the_event_there(cairn, browser, user, name):
    organizations = cairn.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    request = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]["Id"]

    def made():
        status = organizations.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"]
        return status["AccountId"] if status["State"] == "SUCCEEDED" else None

    member = until(made, "the account is made")
    assert browser.sign_in(user["UserName"], PASSWORD) == 303
    browser.get("/.cairn/switchrole")
    assert browser.submit("/.cairn/switchrole", account=member, roleName="OrganizationAccountAccessRole") == 303
    session = browser.session()
    assert client(cairn, session, "sts").get_caller_identity()["Account"] == member
    lookup = client(cairn, session, "cloudtrail").lookup_events
    by_name = [{"AttributeKey": "EventName", "AttributeValue": "SwitchRole"}]
    [event] = until(lambda: lookup(LookupAttributes=by_name)["Events"], "the event in the member's account")
    record = json.loads(event["CloudTrailEvent"])
    assert record["recipientAccountId"] == record["userIdentity"]["accountId"] == member
    assert record["additionalEventData"]["SwitchFrom"] == user["Arn"]
    # Nobody of the member's account has a password, and root has none either.
    other = Browser(cairn)
    assert other.sign_in(user["UserName"], PASSWORD, account=member) == 401
    other.get(SIGN_IN + "?kind=root")
    assert other.submit(account=f"{name}@example.com", password=ROOT_PASSWORD) == 401
    [event] = until(lambda: lookup(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ConsoleLogin"}])["Events"][1:], "both")
    assert json.loads(event["CloudTrailEvent"])["errorMessage"] == "No username found in supplied account"


def test_a_broker_signs_somebody_in(cairn, browser, user, name):
    key = cairn.client("iam").create_access_key(UserName=user["UserName"])["AccessKey"]
    sts = cairn.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    everything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    given = sts.get_federation_token(Name=name, Policy=everything)["Credentials"]
    shown = {"sessionId": given["AccessKeyId"], "sessionKey": given["SecretAccessKey"], "sessionToken": given["SessionToken"]}
    federation = "/.cairn/federation?Action=getSigninToken&Session=" + urllib.parse.quote(json.dumps(shown))
    assert browser.get(federation) == 200
    token = json.loads(browser.page)["SigninToken"]
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/{name}"
    [record] = events(cairn, "GetSigninToken", 1, arn=arn)
    assert record["responseElements"] == {"GetSigninToken": "Success"}
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == user["UserName"]
    destination = urllib.parse.quote(cairn.endpoint + SIGN_IN)
    link = f"/.cairn/federation?Action=login&Issuer=example.com&Destination={destination}&SigninToken={token}"
    assert browser.get(link) == 200
    [record] = events(cairn, "ConsoleLogin", 1, arn=arn)
    assert record["userIdentity"]["type"] == "FederatedUser"
    assert record["additionalEventData"] == login_data(cairn)
    assert client(cairn, browser.session(), "sts").get_caller_identity()["Arn"] == arn
    assert Browser(cairn).get(link) == 400
    shown["sessionKey"] = "wrong"
    federation = "/.cairn/federation?Action=getSigninToken&Session=" + urllib.parse.quote(json.dumps(shown))
    assert browser.get(federation) == 400
    log = cairn.log.read_text()
    assert given["SecretAccessKey"] not in log and token not in log


def test_pages_are_in_the_way_of_no_bucket(cairn, s3):
    for bucket in ("signin", "cairn"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="signin", Body=b"x")
        assert s3.get_object(Bucket=bucket, Key="signin")["Body"].read() == b"x"
    s3.put_object(Bucket="signin", Key=".cairn/signin", Body=b"object")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "signin", "Key": ".cairn/signin"})
    status, headers, body = cairn.get(url.removeprefix(cairn.endpoint))
    assert (status, body) == (200, b"object")
    # What is in buckets runs as of an origin of its own.
    assert headers["content-security-policy"].startswith("sandbox ") and "allow-same-origin" not in headers["content-security-policy"]
    name, port = "signin.localhost", cairn.host.rsplit(":", 1)[1]
    status, _, body = cairn.http("GET", "/.cairn/signin", headers={"host": f"{name}:{port}"})
    assert status == 403 and b"AccessDenied" in body


def test_pages_are_protected(cairn):
    status, headers, body = cairn.get(SIGN_IN)
    assert status == 200 and b"<script" not in body
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")


def test_guessing_ends_and_does_not_tell(cairn, name):
    iam = cairn.client("iam")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    browser = Browser(cairn)
    for _ in range(21):
        assert browser.sign_in(name, "wrong") == 401
    assert browser.sign_in(name, PASSWORD) == 401
    assert WRONG in browser.page
