"""A trail that hands its events to a log group and tells a topic of its log files, with boto3 and Terraform."""

import json
import secrets
import time

import pytest

from server import ACCOUNT, error_of, until
from terraform import Terraform

TRUST = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def role(cairn, name, group, trust=TRUST):
    iam = cairn.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:log-stream:*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=json.dumps(allow))
    return arn


def group_arn(name):
    return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}:*"


def test_events_are_in_the_log_group_at_once(cairn):
    logs, iam, cloudtrail = cairn.client("logs"), cairn.client("iam"), cairn.client("cloudtrail")
    name = f"watched-{secrets.token_hex(4)}"
    logs.create_log_group(logGroupName=name)
    bucket = cairn.bucket_for_trails(f"{name}-bucket")
    arn = role(cairn, name, name)
    cairn.trail(name, bucket, CloudWatchLogsLogGroupArn=group_arn(name), CloudWatchLogsRoleArn=arn, IsMultiRegionTrail=True)
    shown = cloudtrail.get_trail(Name=name)["Trail"]
    assert (shown["CloudWatchLogsLogGroupArn"], shown["CloudWatchLogsRoleArn"]) == (group_arn(name), arn)
    user = f"u-{secrets.token_hex(4)}"
    begun = time.monotonic()
    iam.create_user(UserName=user)

    def found():
        events = logs.filter_log_events(logGroupName=name, filterPattern=f'{{ $.requestParameters.userName = "{user}" }}')["events"]
        return [event for event in events if json.loads(event["message"])["eventName"] == "CreateUser"]

    [event] = until(found, "the event is in the group")
    assert time.monotonic() - begun < 5
    assert event["logStreamName"] == f"{ACCOUNT}_CloudTrail_us-east-1"
    assert until(lambda: "LatestCloudWatchLogsDeliveryTime" in cloudtrail.get_trail_status(Name=name), "the status says so")
    # The end of the trail is in the group too.
    cloudtrail.stop_logging(Name=name)
    assert until(lambda: logs.filter_log_events(logGroupName=name, filterPattern='{ $.eventName = "StopLogging" }')["events"], "StopLogging")
    # A role that may no longer write is told of, and what was missed comes when it may again.
    cloudtrail.start_logging(Name=name)
    iam.delete_role_policy(RoleName=name, PolicyName="write")
    other = f"u-{secrets.token_hex(4)}"
    iam.create_user(UserName=other)
    assert until(lambda: cloudtrail.get_trail_status(Name=name).get("LatestCloudWatchLogsDeliveryError"), "the error is told")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=json.dumps(allow))
    pattern = f'{{ $.requestParameters.userName = "{other}" && $.eventName = "CreateUser" }}'
    assert until(lambda: logs.filter_log_events(logGroupName=name, filterPattern=pattern)["events"], "what was missed")


def test_settings_are_refused_in_aws_words(cairn):
    cloudtrail = cairn.client("cloudtrail")
    name = f"refused-{secrets.token_hex(4)}"
    bucket = cairn.bucket_for_trails(f"{name}-bucket")
    cairn.client("logs").create_log_group(logGroupName=name)
    stranger = role(cairn, f"{name}-stranger", name, {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    idle = role(cairn, f"{name}-idle", "another")

    def refused(**settings):
        return error_of(cloudtrail.create_trail, Name=name, S3BucketName=bucket, **settings)

    group, role_arn = "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"
    bad_group, bad_role = "InvalidCloudWatchLogsLogGroupArnException", "InvalidCloudWatchLogsRoleArnException"
    assert refused(**{group: group_arn(name)}) == (bad_role, 400, "You must specify a role ARN as well as a log group.")
    assert refused(**{group: group_arn(name), role_arn: stranger}) == (
        bad_role, 400, "Access denied. Check the trust relationships for your role.")
    assert refused(**{group: group_arn(name), role_arn: idle}) == (bad_group, 400, "Access denied. Check the permissions for your role.")
    assert refused(**{group: group_arn("none"), role_arn: idle}) == (
        bad_group, 400, "Check the log group ARN: CloudTrail can't validate it.")
    assert refused(SnsTopicName="none") == (
        "InsufficientSnsTopicPolicyException", 400, "SNS Topic does not exist or the topic policy is incorrect!")


def test_a_topic_hears_of_log_files(cairn):
    sns, sqs, cloudtrail = cairn.client("sns"), cairn.client("sqs"), cairn.client("cloudtrail")
    name = f"told-{secrets.token_hex(4)}"
    bucket = cairn.bucket_for_trails(f"{name}-bucket")
    topic = sns.create_topic(Name=name)["TopicArn"]
    assert error_of(cloudtrail.create_trail, Name=name, S3BucketName=bucket, SnsTopicName=name)[0] == "InsufficientSnsTopicPolicyException"
    allow = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "SNS:Publish", "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(allow))
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    cairn.trail(name, bucket, SnsTopicName=name)
    assert cloudtrail.get_trail(Name=name)["Trail"]["SnsTopicARN"] == topic
    cairn.client("iam").list_users()
    cairn.flush()
    [message] = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), "the topic tells the queue")
    told = json.loads(json.loads(message["Body"])["Message"])
    assert told["s3Bucket"] == bucket
    for key in told["s3ObjectKey"]:
        cairn.client("s3").head_object(Bucket=bucket, Key=key)
    assert "LatestNotificationTime" in cloudtrail.get_trail_status(Name=name)


TEXT = """
data "aws_caller_identity" "me" {}

resource "aws_s3_bucket" "trail" {
  bucket        = "terraform-watched"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "trail" {
  bucket = aws_s3_bucket.trail.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:GetBucketAcl", Resource = aws_s3_bucket.trail.arn },
      { Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "s3:PutObject", Resource = "${aws_s3_bucket.trail.arn}/*" },
    ]
  })
}

resource "aws_cloudwatch_log_group" "trail" {
  name = "terraform-watched"
}

resource "aws_iam_role" "trail" {
  name = "terraform-watched"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "cloudtrail.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "trail" {
  role = aws_iam_role.trail.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.trail.arn}:*" }]
  })
}

resource "aws_cloudtrail" "trail" {
  name                       = "terraform-watched"
  s3_bucket_name             = aws_s3_bucket.trail.id
  is_multi_region_trail      = true
  cloud_watch_logs_group_arn = "${aws_cloudwatch_log_group.trail.arn}:*"
  cloud_watch_logs_role_arn  = aws_iam_role.trail.arn
  depends_on                 = [aws_s3_bucket_policy.trail, aws_iam_role_policy.trail]
}
"""


@pytest.mark.timeout(900)
def test_terraform(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path, TEXT)
    terraform.apply()
    terraform.nothing_to_do()
    terraform.destroy()
