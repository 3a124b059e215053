"""A call that matches a metric filter flips its alarm and reaches the subscriber: trail, log group, filter, metric, alarm, topic, queue, with
real sign-ins and calls; and the same made by Terraform, for an organization, under a key."""

import json
import time

import pytest

from accounts import first, member
from browser import Browser
from mfa import Phone
from server import ACCOUNT, trail_policy, until
from terraform import Terraform

ROOT_PASSWORD = "Root-Password-1"
SETTINGS = {"env": {"CAIRN_ROOT_PASSWORD": ROOT_PASSWORD}}
PASSWORD = "Correct-Horse-1"
GROUP = "/aws/cloudtrail/alarms"


def role_for_logs(cairn, name, group=GROUP):
    """The role by which CloudTrail writes into a log group, as its user guide has it."""
    iam = cairn.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
                                                     "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                                                   "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:log-stream:*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=json.dumps(may))
    return arn


@pytest.fixture(scope="module")
def watched(cairn):
    """A trail that delivers to a log group with the filters and alarms of the benchmark, a topic behind them, and a queue that hears."""
    logs, sns, sqs = cairn.client("logs"), cairn.client("sns"), cairn.client("sqs")
    logs.create_log_group(logGroupName=GROUP)
    [group] = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    bucket = cairn.bucket_for_trails("alarms-of-calls")
    cairn.client("cloudtrail").create_trail(Name="alarms", S3BucketName=bucket, IsMultiRegionTrail=True,
                                            CloudWatchLogsLogGroupArn=group["arn"], CloudWatchLogsRoleArn=role_for_logs(cairn, "trail-to-logs"))
    cairn.client("cloudtrail").start_logging(Name="alarms")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                                                      "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    cairn.cairn("apply", "cis", "--log-group", GROUP, "--topic", topic, "--region", "us-east-1")
    return sqs, queue


def rings(watched, alarm, seconds=60):
    """Waits until the queue has heard that the alarm went off; other alarms' words are kept for nobody."""
    sqs, queue = watched
    end = time.monotonic() + seconds
    heard = []
    while time.monotonic() < end:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            envelope = json.loads(message["Body"])
            said = json.loads(envelope["Message"])
            heard.append(said["AlarmName"])
            if said["AlarmName"] == alarm:
                assert said["NewStateValue"] == "ALARM" and envelope["Subject"].startswith(f'ALARM: "{alarm}"')
                return said
    raise AssertionError(f"{alarm} did not ring; {heard} did")


def state(cairn, alarm):
    [found] = cairn.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return found["StateValue"]


def person(cairn, name, phone=False):
    iam = cairn.client("iam")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    return Phone(iam, name).enable(iam, name) if phone else None


# In this order: an alarm rings once, so each is looked at before the call that sets it off.

def test_keys_deletion(cairn, watched):
    kms = cairn.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key)
    assert state(cairn, "cis-disable-or-delete-cmk") != "ALARM"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    said = rings(watched, "cis-disable-or-delete-cmk")
    assert said["AWSAccountId"] == ACCOUNT and said["Trigger"]["MetricName"]


def test_sign_in_without_a_second_factor(cairn, watched):
    phone = person(cairn, "with-phone", phone=True)
    browser = Browser(cairn)
    assert browser.sign_in("with-phone", PASSWORD) == 200
    assert browser.submit(code=phone.show().split()[1]) == 303
    cairn.flush()
    assert state(cairn, "cis-no-mfa-console-signin") != "ALARM", "a sign-in with a second factor is none without"
    person(cairn, "without-phone")
    assert Browser(cairn).sign_in("without-phone", PASSWORD) == 303
    rings(watched, "cis-no-mfa-console-signin")


def test_failed_sign_ins(cairn, watched):
    person(cairn, "forgetful")
    assert Browser(cairn).sign_in("forgetful", PASSWORD) == 303
    assert state(cairn, "cis-console-signin-failure") != "ALARM"
    for _ in range(2):
        assert Browser(cairn).sign_in("forgetful", "wrong") == 401
    rings(watched, "cis-console-signin-failure")


def test_use_of_root(cairn, watched):
    """Root has called all along; what it may not have done is ring for a user's call."""
    [alarm] = cairn.client("cloudwatch").describe_alarms(AlarmNames=["cis-root-usage"])["MetricAlarms"]
    cairn.client("cloudwatch").set_alarm_state(AlarmName="cis-root-usage", StateValue="OK", StateReason="looked at")
    root = Browser(cairn)
    root.get("/.cairn/signin?kind=root")
    assert root.submit(account=ACCOUNT, password=ROOT_PASSWORD) == 303
    until(lambda: state(cairn, "cis-root-usage") == "ALARM", "root's call is noticed")
    assert alarm["AlarmActions"]


def test_the_trail_says_when_it_delivered(cairn, watched):
    status = cairn.client("cloudtrail").get_trail_status(Name="alarms")
    assert status["LatestCloudWatchLogsDeliveryTime"] and "LatestCloudWatchLogsDeliveryError" not in status
    streams = cairn.client("logs").describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == [f"{ACCOUNT}_CloudTrail_us-east-1"]


TEXT = """
data "aws_caller_identity" "me" {}

resource "aws_kms_key" "trail" {
  deletion_window_in_days = 7
  policy                  = jsonencode(%(key_policy)s)
}

resource "aws_cloudwatch_log_group" "trail" {
  name              = "/terraform/organization-trail"
  retention_in_days = 90
}

resource "aws_iam_role" "trail" {
  name = "terraform-organization-trail"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "trail" {
  name = "write"
  role = aws_iam_role.trail.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.trail.arn}:*" }]
  })
}

resource "aws_s3_bucket" "trail" {
  bucket        = "terraform-organization-trail"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "trail" {
  bucket = aws_s3_bucket.trail.id
  policy = jsonencode(%(policy)s)
}

resource "aws_sns_topic" "files" {
  name = "terraform-organization-trail"
}

resource "aws_sns_topic_policy" "files" {
  arn = aws_sns_topic.files.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "sns:Publish", Resource = aws_sns_topic.files.arn }]
  })
}

resource "aws_cloudtrail" "organization" {
  depends_on                 = [aws_s3_bucket_policy.trail, aws_iam_role_policy.trail, aws_sns_topic_policy.files]
  name                       = "terraform-organization"
  s3_bucket_name             = aws_s3_bucket.trail.id
  is_organization_trail      = true
  is_multi_region_trail      = true
  enable_log_file_validation = true
  kms_key_id                 = aws_kms_key.trail.arn
  cloud_watch_logs_group_arn = "${aws_cloudwatch_log_group.trail.arn}:*"
  cloud_watch_logs_role_arn  = aws_iam_role.trail.arn
  sns_topic_name             = aws_sns_topic.files.name
}
"""
KEY_POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"},
    {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Resource": "*",
     "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"]}]}


@pytest.mark.timeout(900)
def test_terraform_makes_an_organizations_trail_with_a_key_a_log_group_and_a_topic(cairn, tmp_path):
    other = member(cairn, first(cairn), "of-the-organization")
    cairn.client("organizations").enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    policy = trail_policy("terraform-organization-trail")
    policy["Statement"].append({"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
                                "Resource": "arn:aws:s3:::terraform-organization-trail/AWSLogs/*",
                                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}})
    terraform = Terraform(cairn, tmp_path / "tf", TEXT % {"key_policy": json.dumps(KEY_POLICY), "policy": json.dumps(policy)})
    terraform("apply", "-auto-approve")
    assert terraform("plan", "-detailed-exitcode", check=False).code == 0
    other.client("iam").create_user(UserName="in-the-member")
    logs = cairn.client("logs")

    def heard():
        found = logs.filter_log_events(logGroupName="/terraform/organization-trail", filterPattern="{ $.eventName = CreateUser }")["events"]
        return [event for event in found if f'"recipientAccountId":"{other.id}"' in event["message"]]

    [event] = until(heard, "the member's call is in the organization's log group")
    assert event["logStreamName"].endswith(f"_{other.id}_CloudTrail_us-east-1") and event["logStreamName"].startswith("o-")
    cairn.flush()
    keys = [entry["Key"] for entry in cairn.client("s3").list_objects_v2(Bucket="terraform-organization-trail").get("Contents", [])]
    assert any(f"/{other.id}/CloudTrail/us-east-1/" in key for key in keys), keys
    assert "Destroy complete!" in terraform.destroy().out
    assert "terraform-organization" not in [trail["Name"] for trail in cairn.client("cloudtrail").list_trails()["Trails"]]
