"""Who hands a role over to a service must be allowed iam:PassRole on it, for that service, with boto3."""

import json
import secrets

import pytest

from accounts import client_of
from server import ACCOUNT, error_of

TRUST = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def allow(actions, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


class Caller:
    """A user who may do everything but pass roles, and what else a test allows."""

    def __init__(self, cairn):
        self.cairn, self.name = cairn, f"passer-{secrets.token_hex(4)}"
        self.key, self.secret = cairn.user(self.name)
        self.arn = f"arn:aws:iam::{ACCOUNT}:user/{self.name}"

    def may(self, *statements):
        every = {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [every, *statements]}
        self.cairn.client("iam").put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=json.dumps(policy))

    def client(self, service):
        return self.cairn.client(service, key=self.key, secret=self.secret)

    def denied(self, role, why="because no identity-based policy allows the iam:PassRole action"):
        return f"User: {self.arn} is not authorized to perform: iam:PassRole on resource: {role} {why}"


@pytest.fixture
def caller(cairn):
    made = Caller(cairn)
    made.may()
    return made


@pytest.fixture
def watched(cairn):
    """A log group, a bucket and a role for a trail; the settings of the trail."""
    name = f"passed-{secrets.token_hex(4)}"
    cairn.client("logs").create_log_group(logGroupName=name)
    iam = cairn.client("iam")
    role = iam.create_role(RoleName=name, Path="/service-role/", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [allow("logs:*")]}))
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}:*"
    bucket = cairn.bucket_for_trails(f"{name}-bucket")
    return dict(Name=name, S3BucketName=bucket, CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role)


def records_of(cairn, name, user):
    found = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in found]
    return [record for record in records if record["userIdentity"].get("userName") == user]


def test_a_trail_takes_a_role_that_its_maker_may_pass(cairn, caller, watched):
    cloudtrail, role = caller.client("cloudtrail"), watched["CloudWatchLogsRoleArn"]
    text = caller.denied(role)
    assert error_of(cloudtrail.create_trail, **watched) == ("AccessDeniedException", 400, text)
    [record] = records_of(cairn, "CreateTrail", caller.name)
    assert (record["errorCode"], record["errorMessage"]) == ("AccessDenied", text)
    assert record["requestParameters"]["cloudWatchLogsRoleArn"] == role
    assert record["responseElements"] is None
    said = cairn.cairn("explain", record["eventID"]).out
    assert "iam:PassRole" in said and role in said, said

    # For another service, or another role, is not enough.
    for statement in [allow("iam:PassRole", StringEquals={"iam:PassedToService": "ec2.amazonaws.com"}),
                      allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/other-*")]:
        caller.may(statement)
        assert error_of(cloudtrail.create_trail, **watched) == ("AccessDeniedException", 400, text)
    with pytest.raises(cloudtrail.exceptions.TrailNotFoundException):
        cloudtrail.get_trail(Name=watched["Name"])

    # What the trail is may be a condition too, and a denial wins.
    trail = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{watched['Name']}"
    deny = {**allow("iam:PassRole", ArnLike={"iam:AssociatedResourceArn": trail}), "Effect": "Deny"}
    caller.may(allow("iam:PassRole"), deny)
    assert error_of(cloudtrail.create_trail, **watched)[2] == caller.denied(role, "with an explicit deny in an identity-based policy")

    # The role is named with its path.
    caller.may(allow("iam:PassRole", role, StringEquals={"iam:PassedToService": "cloudtrail.amazonaws.com"}))
    assert cloudtrail.create_trail(**watched)["CloudWatchLogsRoleArn"] == role

    # With temporary credentials too, although they can call nothing of IAM.
    session = client_of(cairn, "cloudtrail", caller.client("sts").get_session_token()["Credentials"])
    again = dict(Name=watched["Name"], CloudWatchLogsLogGroupArn=watched["CloudWatchLogsLogGroupArn"], CloudWatchLogsRoleArn=role)
    session.update_trail(**again)

    # Changes without a role, and taking it away, pass nothing.
    caller.may()
    cloudtrail.update_trail(Name=watched["Name"], IncludeGlobalServiceEvents=True)
    assert error_of(cloudtrail.update_trail, **again)[2] == text
    cloudtrail.update_trail(Name=watched["Name"], CloudWatchLogsLogGroupArn="", CloudWatchLogsRoleArn="")


def test_roles_of_other_accounts_are_never_passed(cairn, caller, watched):
    caller.may(allow("iam:PassRole"))
    foreign = {**watched, "CloudWatchLogsRoleArn": "arn:aws:iam::999999999999:role/theirs"}
    for cloudtrail in [caller.client("cloudtrail"), cairn.client("cloudtrail")]:
        assert error_of(cloudtrail.create_trail, **foreign) == ("AccessDeniedException", 400, "Cross-account pass role is not allowed.")


def test_each_service_refuses_in_its_own_words(cairn, caller, watched):
    role, name = watched["CloudWatchLogsRoleArn"], watched["Name"]
    iam = cairn.client("iam")
    iam.create_instance_profile(InstanceProfileName=name)
    topic = cairn.client("sns").create_topic(Name=name)["TopicArn"]
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket=f"{name}-copy")
    for bucket in [watched["S3BucketName"], f"{name}-copy"]:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    replication = {"Role": role, "Rules": [{"Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""},
                                            "DeleteMarkerReplication": {"Status": "Disabled"},
                                            "Destination": {"Bucket": f"arn:aws:s3:::{name}-copy"}}]}
    stream = dict(Name=name, FirehoseArn=f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d", RoleArn=role, OutputFormat="json")
    add = dict(InstanceProfileName=name, RoleName=name)
    calls = [
        ("iam", "ec2", lambda c: c.add_role_to_instance_profile(**add), ("AccessDenied", 403)),
        ("cloudwatch", "streams.metrics.cloudwatch", lambda c: c.put_metric_stream(**stream), ("AccessDenied", 400)),
        ("sns", "sns", lambda c: c.set_topic_attributes(TopicArn=topic, AttributeName="SQSFailureFeedbackRoleArn", AttributeValue=role),
         ("AuthorizationError", 403)),
        ("sns", "sns", lambda c: c.create_topic(Name=f"{name}-2", Attributes={"HTTPSuccessFeedbackRoleArn": role}),
         ("AuthorizationError", 403)),
        ("s3", "s3", lambda c: c.put_bucket_replication(Bucket=watched["S3BucketName"], ReplicationConfiguration=replication),
         ("AccessDenied", 403)),
    ]
    for service, principal, call, expected in calls:
        caller.may(allow("iam:PassRole", StringNotEquals={"iam:PassedToService": f"{principal}.amazonaws.com"}))
        code, status, text = error_of(call, caller.client(service))
        assert (code, status) == expected, (service, code, status, text)
        # A call that names the role without its path is told of it so.
        named = role.replace("service-role/", "") if service == "iam" else role
        assert text.replace('"', "") == caller.denied(named), (service, text)
        caller.may(allow("iam:PassRole", role, StringEquals={"iam:PassedToService": f"{principal}.amazonaws.com"}))
        call(caller.client(service))
    # A filter for a stream that is not there: first of all the role must be one that may be passed.
    caller.may()
    put = dict(logGroupName=name, filterName="f", filterPattern="", roleArn=role,
               destinationArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s")
    assert error_of(caller.client("logs").put_subscription_filter, **put) == ("AccessDeniedException", 400, caller.denied(role))
    caller.may(allow("iam:PassRole", StringEquals={"iam:PassedToService": "logs.amazonaws.com"}))
    assert error_of(caller.client("logs").put_subscription_filter, **put)[0] == "InvalidParameterException"


def test_roles_in_maps_and_documents_are_asked_about_too(cairn, caller, watched):
    role, name = watched["CloudWatchLogsRoleArn"], watched["Name"]
    topic = cairn.client("sns").create_topic(Name=name)["TopicArn"]
    stream = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
    application = f"arn:aws:sns:us-east-1:{ACCOUNT}:app/GCM/{name}"
    policy = json.dumps({"RoleArn": role, "DestinationArn": stream, "FilterPattern": ""})
    calls = [
        ("sns", lambda c: c.set_sms_attributes(attributes={"DeliveryStatusIAMRole": role})),
        ("sns", lambda c: c.create_platform_application(Name=name, Platform="GCM",
                                                        Attributes={"PlatformCredential": "k", "SuccessFeedbackRoleArn": role})),
        ("sns", lambda c: c.set_platform_application_attributes(PlatformApplicationArn=application, Attributes={"FailureFeedbackRoleArn": role})),
        ("sns", lambda c: c.subscribe(TopicArn=topic, Protocol="firehose", Attributes={"SubscriptionRoleArn": role},
                                      Endpoint=f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d")),
        ("sns", lambda c: c.set_subscription_attributes(SubscriptionArn=f"{topic}:2b3c4d5e-0000-4000-8000-000000000000",
                                                        AttributeName="SubscriptionRoleArn", AttributeValue=role)),
        ("logs", lambda c: c.put_account_policy(policyName=name, policyType="SUBSCRIPTION_FILTER_POLICY", scope="ALL", policyDocument=policy)),
        ("logs", lambda c: c.put_destination(destinationName=name, targetArn=stream, roleArn=role)),
        ("athena", lambda c: c.update_work_group(WorkGroup="primary", ConfigurationUpdates={"ExecutionRole": role})),
    ]
    for service, call in calls:
        text = error_of(call, caller.client(service))[2]
        assert text.replace('"', "") == caller.denied(role), (service, text)
