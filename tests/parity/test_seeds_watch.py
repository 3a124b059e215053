"""What handbooks and labs have people build to watch a trail, as they print it: filters, alarms, dashboards and saved searches, by the AWS CLI,
boto3 and Terraform, set off by real calls."""

import json

import pytest

from server import ACCOUNT, until
from terraform import Terraform
from test_alarms_of_calls import role_for_logs

ROOT = '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }'
LAB = "CloudMart/Security"
LAB_FILTERS = {
    "CloudMart-Root-Account-Usage": ("RootAccountUsage", ROOT),
    "CloudMart-Failed-Logins": ("FailedLogins", '{ ($.errorCode = "SigninFailure") || ($.errorMessage = "Failed authentication") }'),
    "CloudMart-IAM-Changes": ("IAMChanges", "{ ($.eventName = CreatePolicy) || ($.eventName = DeletePolicy) || ($.eventName = AttachRolePolicy) "
                                            "|| ($.eventName = DetachRolePolicy) }"),
}
# Name: comparison, threshold, periods, how many of them.
LAB_ALARMS = {
    "CloudMart-Root-Account-Usage": ("GreaterThanOrEqualToThreshold", 1, 1, 1),
    "CloudMart-Failed-Logins": ("GreaterThanThreshold", 3, 3, 2),
    "CloudMart-IAM-Changes": ("GreaterThanOrEqualToThreshold", 1, 1, 1),
}
LAB_QUERIES = {
    "Recent Activity": "fields @timestamp, userIdentity.userName, eventName, sourceIPAddress\n"
                       '| filter userIdentity.type != "AWSService"\n| sort @timestamp desc\n| limit 20',
    "IAM Activity": "fields @timestamp, eventName, userIdentity.userName, requestParameters\n"
                    "| filter eventName like /Policy|Role|User/\n| sort @timestamp desc\n| limit 20",
}
LAB_POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
HANDBOOK_DASHBOARD = r"""{
  "widgets": [
    {
      "type": "metric",
      "properties": {
        "metrics": [
          ["Security", "RootAccountUsageCount"],
          [".", "UnauthorizedApiCallCount"],
          [".", "IAMPolicyChangeCount"]
        ],
        "period": 300,
        "stat": "Sum",
        "region": "ap-southeast-1",
        "title": "Security Events"
      }
    },
    {
      "type": "log",
      "properties": {
        "query": "SOURCE '/aws/cloudtrail/vinashoes-audit'\n| fields @timestamp, sourceIPAddress, userIdentity.type, eventName\n| filter eventName like /Delete/\n| sort @timestamp desc\n| limit 20",
        "region": "ap-southeast-1",
        "title": "Recent Delete Operations"
      }
    }
  ]
}
"""


def lab_dashboard():
    """Three widgets, as the console writes what the lab has people click together."""
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:"
    names = [metric for metric, _ in LAB_FILTERS.values()]
    number = {"view": "singleValue", "metrics": [[LAB, name] for name in names], "stat": "Sum", "period": 86_400, "region": "us-east-1",
              "title": "24-Hour Security Events"}
    line = {"view": "timeSeries", "stacked": False, "metrics": [[LAB, "FailedLogins"], [LAB, "IAMChanges"]], "stat": "Sum", "period": 3_600,
            "region": "us-east-1", "title": "Security Event Timeline"}
    alarms = {"title": "Security Alert Status", "alarms": [arn + name for name in LAB_ALARMS]}
    kinds = [("metric", number), ("metric", line), ("alarm", alarms)]
    return json.dumps({"widgets": [{"type": kind, "x": 0, "y": 6 * at, "width": 12, "height": 6, "properties": properties}
                                   for at, (kind, properties) in enumerate(kinds)]})


def test_the_lab(cairn):
    """A trail with a log group, filters, alarms and a dashboard; then its calls, of which one is what an alarm waits for."""
    logs, watch, sns, sqs = (cairn.client(name) for name in ("logs", "cloudwatch", "sns", "sqs"))
    group = "/cloudmart/cloudtrail"
    logs.create_log_group(logGroupName=group)
    [shown] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    bucket = cairn.bucket_for_trails("cloudmart-audit")
    cairn.client("cloudtrail").create_trail(Name="CloudMart-Audit-Trail", S3BucketName=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=True,
                                            CloudWatchLogsLogGroupArn=shown["arn"],
                                            CloudWatchLogsRoleArn=role_for_logs(cairn, "CloudMart-CloudTrail-Role", group))
    cairn.client("cloudtrail").start_logging(Name="CloudMart-Audit-Trail")
    topic = sns.create_topic(Name="CloudMart-Alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="cloudmart")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:cloudmart"
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                                                      "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    # A user does what the lab does: root would set the first alarm off all the time.
    key, secret = cairn.user("cloudmart", admin=True)
    for name, (metric, pattern) in LAB_FILTERS.items():
        cairn.aws(["logs", "put-metric-filter", "--log-group-name", group, "--filter-name", name, "--filter-pattern", pattern,
                   "--metric-transformations", f"metricName={metric},metricNamespace={LAB},metricValue=1"])
    for name, (comparison, threshold, periods, points) in LAB_ALARMS.items():
        cairn.aws(["cloudwatch", "put-metric-alarm", "--alarm-name", name, "--namespace", LAB, "--metric-name", LAB_FILTERS[name][0],
                   "--statistic", "Sum", "--period", "300", "--evaluation-periods", str(periods), "--datapoints-to-alarm", str(points),
                   "--threshold", str(threshold), "--comparison-operator", comparison, "--treat-missing-data", "notBreaching",
                   "--alarm-actions", topic])
    cairn.aws(["cloudwatch", "put-dashboard", "--dashboard-name", "CloudMart-Security-Monitor", "--dashboard-body", lab_dashboard()])
    assert watch.get_dashboard(DashboardName="CloudMart-Security-Monitor")["DashboardBody"] == lab_dashboard()
    for name, query in LAB_QUERIES.items():
        cairn.aws(["logs", "put-query-definition", "--name", name, "--query-string", query, "--log-group-names", group])
    kept = {one["name"]: one["queryString"] for one in logs.describe_query_definitions()["queryDefinitions"]}
    assert kept == LAB_QUERIES

    def state(name):
        return watch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]

    # A near miss: calls of IAM and S3 that change no policy. It is in the log group before what follows is done.
    cairn.sh("aws iam list-policies --max-items 1 && aws s3 mb s3://cloudmart-test-1 && aws s3 ls", key=key, secret=secret)
    until(lambda: logs.filter_log_events(logGroupName=group, filterPattern='{ $.requestParameters.bucketName = "cloudmart-test-1" }')["events"],
          "the near miss has arrived")
    assert state("CloudMart-IAM-Changes") != "ALARM"
    cairn.aws(["iam", "create-policy", "--policy-name", "CloudMart-Test-Policy", "--policy-document", LAB_POLICY], key=key, secret=secret)
    until(lambda: state("CloudMart-IAM-Changes") == "ALARM", "the alarm goes off")
    [message] = until(lambda: [json.loads(json.loads(message["Body"])["Message"])
                               for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10).get("Messages", [])
                               if "CloudMart-IAM-Changes" in message["Body"]], "the topic's subscriber is told")
    assert message["NewStateValue"] == "ALARM" and message["Trigger"]["Namespace"] == LAB
    # One call, and not the near miss too.
    assert "datapoints [1.0 (" in message["NewStateReason"], message["NewStateReason"]
    assert state("CloudMart-Failed-Logins") != "ALARM"
    assert "IAMChanges" in [metric["MetricName"] for metric in watch.list_metrics(Namespace=LAB)["Metrics"]]


def test_the_handbooks_dashboard(cairn, tmp_path):
    region, name = "ap-southeast-1", "Vinashoes-Security-Monitoring"
    (tmp_path / "dashboard.json").write_text(HANDBOOK_DASHBOARD)
    done = cairn.aws(["cloudwatch", "put-dashboard", "--dashboard-name", name, "--dashboard-body", f"file://{tmp_path}/dashboard.json"], region=region)
    assert done.json["DashboardValidationMessages"] == []
    assert cairn.client("cloudwatch", region).get_dashboard(DashboardName=name)["DashboardBody"] == HANDBOOK_DASHBOARD
    cairn.aws(["cloudwatch", "delete-dashboards", "--dashboard-names", name], region=region)
    assert name not in [entry["DashboardName"] for entry in cairn.client("cloudwatch", region).list_dashboards()["DashboardEntries"]]


IAM_CHANGES = ("DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy PutUserPolicy CreatePolicy DeletePolicy "
               "AttachRolePolicy DetachRolePolicy AttachUserPolicy DetachUserPolicy AttachGroupPolicy DetachGroupPolicy")
GROUP_CHANGES = ("AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress RevokeSecurityGroupEgress "
                 "CreateSecurityGroup DeleteSecurityGroup")


def by_name(names):
    return "{ " + " || ".join(f"($.eventName = {name})" for name in names.split()) + " }"


# Resource: filter, pattern, metric, a call that it is for, a near miss.
TERRAFORM_FILTERS = {
    "root_login": ("RootAccountUsage", ROOT, "RootAccountUsageCount", {"userIdentity": {"type": "Root"}, "eventType": "AwsApiCall"},
                   {"userIdentity": {"type": "Root"}, "eventType": "AwsServiceEvent"}),
    "iam_changes": ("IAMPolicyChanges", by_name(IAM_CHANGES), "IAMPolicyChangeCount", {"eventName": "PutGroupPolicy"}, {"eventName": "GetGroupPolicy"}),
    "unauthorized_api": ("UnauthorizedAPICalls", '{ ($.errorCode = "*UnauthorizedAccess*") || ($.errorCode = "AccessDenied*") }',
                         "UnauthorizedAPICallCount", {"errorCode": "AccessDeniedException"}, {"errorCode": "NoSuchBucket"}),
    "sg_changes": ("SecurityGroupChanges", by_name(GROUP_CHANGES), "SecurityGroupChangeCount", {"eventName": "DeleteSecurityGroup"},
                   {"eventName": "DescribeSecurityGroups"}),
}


def terraform_text():
    yield 'resource "aws_cloudwatch_log_group" "cloudtrail" {\n  name = "/terraform/handbook"\n}\n'
    for resource, (name, pattern, metric, *_) in TERRAFORM_FILTERS.items():
        yield (f'resource "aws_cloudwatch_log_metric_filter" "{resource}" {{\n  name = "{name}"\n  pattern = {json.dumps(pattern)}\n'
               "  log_group_name = aws_cloudwatch_log_group.cloudtrail.name\n  metric_transformation {\n"
               f'    name = "{metric}"\n    namespace = "CloudTrailMetrics"\n    value = "1"\n  }}\n}}\n')


@pytest.mark.timeout(900)
def test_the_handbooks_filters_by_terraform(cairn, tmp_path):
    terraform = Terraform(cairn, tmp_path / "tf", "\n".join(terraform_text()))
    terraform("apply", "-auto-approve")
    assert terraform("plan", "-detailed-exitcode", check=False).code == 0
    logs = cairn.client("logs")
    shown = {one["filterName"]: one for one in logs.describe_metric_filters(logGroupName="/terraform/handbook")["metricFilters"]}
    for name, pattern, metric, call, miss in TERRAFORM_FILTERS.values():
        assert shown[name]["filterPattern"] == pattern
        assert shown[name]["metricTransformations"] == [{"metricName": metric, "metricNamespace": "CloudTrailMetrics", "metricValue": "1", "unit": "None"}]
        found = logs.test_metric_filter(filterPattern=pattern, logEventMessages=[json.dumps(miss), json.dumps(call)])["matches"]
        assert [match["eventNumber"] for match in found] == [2]
    assert "Destroy complete!" in terraform.destroy().out
    assert logs.describe_metric_filters(metricNamespace="CloudTrailMetrics", metricName="IAMPolicyChangeCount")["metricFilters"] == []
