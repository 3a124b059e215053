"""Accounts of an organization as tests use them: made in the server's first account, entered by the role that is made with them."""

import itertools
import json

import boto3
from botocore.config import Config

from server import ACCOUNT

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ENTRANCE = "OrganizationAccountAccessRole"
NUMBERS = itertools.count(1)


def client_of(cairn, service, credentials, region="us-east-1"):
    """A client with temporary credentials, as STS gives them."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=cairn.endpoint,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def assume(sts, role, name="test", **settings):
    return sts.assume_role(RoleArn=role, RoleSessionName=name, **settings)["Credentials"]


class Account:
    """An account and a user in it who may do everything."""

    def __init__(self, cairn, account, key=None, secret=None):
        self.cairn, self.id, self.key, self.secret = cairn, account, key, secret

    def client(self, service, region="us-east-1", **config):
        return self.cairn.client(service, region=region, key=self.key, secret=self.secret, **config)

    def aws(self, command, **settings):
        return self.cairn.aws(command, key=self.key, secret=self.secret, **settings)

    def user(self, name, policy=None):
        """A user of this account with a policy of its own, and the key: somebody to call as."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if policy:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Account(self.cairn, self.id, key["AccessKeyId"], key["SecretAccessKey"])


def organize(cairn):
    """The organization of the server's first account, made if there is none; its client."""
    organizations = cairn.client("organizations")
    try:
        organizations.create_organization(FeatureSet="ALL")
    except organizations.exceptions.AlreadyInOrganizationException:
        pass
    return organizations


def first(cairn, name="administrator"):
    """The server's first account with a user who may do everything: root cannot assume roles."""
    key, secret = cairn.user(f"{name}-{next(NUMBERS)}", admin=True)
    return Account(cairn, ACCOUNT, key, secret)


def member(cairn, administrator, name):
    """A new account of the organization, with a user who may do everything in it."""
    organizations = organize(cairn)
    made = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
    status = organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED", status
    account = status["AccountId"]
    entered = assume(administrator.client("sts"), f"arn:aws:iam::{account}:role/{ENTRANCE}")
    iam = client_of(cairn, "iam", entered)
    iam.create_user(UserName="administrator")
    iam.attach_user_policy(UserName="administrator", PolicyArn=ADMINISTRATOR)
    key = iam.create_access_key(UserName="administrator")["AccessKey"]
    return Account(cairn, account, key["AccessKeyId"], key["SecretAccessKey"])
