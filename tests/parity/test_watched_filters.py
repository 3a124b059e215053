"""Metric filters and alarms as handbooks print them, each with a call that must set its alarm off and one that must not: by the AWS CLI and
boto3, on a log group into which the calls are put."""

import json
import time

import pytest

from server import until

ROOT = '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }'
ROOT_CALL = {"userIdentity": {"type": "Root"}, "eventName": "GetUser", "eventType": "AwsApiCall"}
ROOT_MISS = {"userIdentity": {"type": "Root", "invokedBy": "support.amazonaws.com"}, "eventName": "GetUser", "eventType": "AwsApiCall"}


def wide(names, source=None):
    either = " || ".join(f"($.eventName = {name})" for name in names.split())
    return f"{{ {either} }}" if source is None else f"{{ ($.eventSource = {source}) && ({either}) }}"


def lines(names, source=None):
    """The same, as it stands in documents: a condition on a line."""
    if source is None:
        return "{\n" + " ||\n".join(f"  ($.eventName = {name})" for name in names.split()) + "\n}"
    either = " ||\n".join(f"    ($.eventName = {name})" for name in names.split())
    return f"{{\n  ($.eventSource = {source}) &&\n  (\n{either}\n  )\n}}"


IAM = ("DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy PutUserPolicy CreatePolicy DeletePolicy AttachRolePolicy "
       "DetachRolePolicy AttachUserPolicy DetachUserPolicy AttachGroupPolicy DetachGroupPolicy")
AT_LEAST_ONE = {"Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}

# Name, pattern, a call that sets the alarm off, one that does not, the alarm, how many calls it takes.
FILTERS = {
    "root-account-usage": (ROOT, ROOT_CALL, ROOT_MISS, AT_LEAST_ONE, 1),
    "unauthorized-two-codes": ('{ $.errorCode = "AccessDenied" || $.errorCode = "UnauthorizedOperation" }',
                               {"errorCode": "AccessDenied"}, {"errorCode": "AccessDeniedException"},
                               {"Threshold": 5, "ComparisonOperator": "GreaterThanThreshold"}, 6),
    "unauthorized-wildcards": ('{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
                               {"errorCode": "Client.UnauthorizedOperation"}, {"errorCode": "UnauthorizedOperationX"},
                               {"Threshold": 5, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}, 5),
    "unauthorized-access": ('{ ($.errorCode = "*UnauthorizedAccess*") || ($.errorCode = "AccessDenied*") }',
                            {"errorCode": "Client.UnauthorizedAccess.X"}, {"errorCode": "Client.UnauthorizedOperation"}, AT_LEAST_ONE, 1),
    "sign-in-without-mfa": ('{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }',
                            {"eventName": "ConsoleLogin", "additionalEventData": {"MFAUsed": "No"}},
                            {"eventName": "ConsoleLogin", "additionalEventData": {"MFAUsed": "Yes"}}, AT_LEAST_ONE, 1),
    "sign-in-that-does-not-say": ('{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }',
                                  {"eventName": "ConsoleLogin", "userIdentity": {"type": "IAMUser"}},
                                  {"eventName": "CheckMfa"}, AT_LEAST_ONE, 1),
    "failed-logins": ('{ ($.errorCode = "SigninFailure") || ($.errorMessage = "Failed authentication") }',
                      {"eventName": "ConsoleLogin", "errorMessage": "Failed authentication"},
                      {"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Success"}},
                      {"Threshold": 3, "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 3, "DatapointsToAlarm": 2}, 4),
    "iam-five": ("{ $.eventName = AttachUserPolicy || $.eventName = DetachUserPolicy || $.eventName = PutUserPolicy || $.eventName = CreatePolicy || $.eventName = DeletePolicy }",
                 {"eventName": "AttachUserPolicy"}, {"eventName": "AttachRolePolicy"}, AT_LEAST_ONE, 1),
    "iam-four": (wide("CreatePolicy DeletePolicy AttachRolePolicy DetachRolePolicy"), {"eventName": "CreatePolicy"}, {"eventName": "GetPolicy"}, AT_LEAST_ONE, 1),
    "iam-all": (wide(IAM), {"eventName": "DetachGroupPolicy"}, {"eventName": "ListPolicies"}, AT_LEAST_ONE, 1),
    "iam-lines": (lines(IAM + " CreatePolicyVersion DeletePolicyVersion"), {"eventName": "CreatePolicyVersion"}, {"eventName": "GetPolicyVersion"}, AT_LEAST_ONE, 1),
    "security-groups": (wide("AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress RevokeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup"),
                        {"eventName": "RevokeSecurityGroupEgress"}, {"eventName": "DescribeSecurityGroups"}, AT_LEAST_ONE, 1),
    "trails": (lines("CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging"), {"eventName": "StopLogging"}, {"eventName": "GetTrail"}, AT_LEAST_ONE, 1),
    "keys": (lines("DisableKey ScheduleKeyDeletion", "kms.amazonaws.com"), {"eventSource": "kms.amazonaws.com", "eventName": "DisableKey"},
             {"eventSource": "other.amazonaws.com", "eventName": "DisableKey"}, AT_LEAST_ONE, 1),
    "config": (lines("StopConfigurationRecorder DeleteDeliveryChannel PutDeliveryChannel PutConfigurationRecorder", "config.amazonaws.com"),
               {"eventSource": "config.amazonaws.com", "eventName": "StopConfigurationRecorder"}, {"eventSource": "config.amazonaws.com", "eventName": "StartConfigurationRecorder"}, AT_LEAST_ONE, 1),
}


@pytest.fixture(scope="module")
def group(cairn):
    cairn.aws(["logs", "create-log-group", "--log-group-name", "/aws/cloudtrail/handbook"])
    cairn.aws(["logs", "create-log-stream", "--log-group-name", "/aws/cloudtrail/handbook", "--log-stream-name", "calls"])
    return "/aws/cloudtrail/handbook"


@pytest.mark.parametrize("title", FILTERS)
def test_the_right_call_sets_the_alarm_off_and_a_near_miss_does_not(cairn, group, title):
    pattern, call, miss, alarm, count = FILTERS[title]
    logs, watch = cairn.client("logs"), cairn.client("cloudwatch")
    cairn.aws(["logs", "put-metric-filter", "--log-group-name", group, "--filter-name", title, "--filter-pattern", pattern,
               "--metric-transformations", f"metricName={title},metricNamespace=Security,metricValue=1"])
    [kept] = logs.describe_metric_filters(logGroupName=group, filterNamePrefix=title)["metricFilters"]
    assert kept["filterPattern"] == pattern
    found = logs.test_metric_filter(filterPattern=pattern, logEventMessages=[json.dumps(miss), json.dumps(call)])["matches"]
    assert [match["eventMessage"] for match in found] == [json.dumps(call)]
    watch.put_metric_alarm(**{"AlarmName": title, "Namespace": "Security", "MetricName": title, "Statistic": "Sum", "Period": 300,
                              "EvaluationPeriods": 1, "TreatMissingData": "notBreaching", **alarm})

    def state():
        return watch.describe_alarms(AlarmNames=[title])["MetricAlarms"][0]["StateValue"]

    def put(event, times, at):
        logs.put_log_events(logGroupName=group, logStreamName="calls", logEvents=[{"timestamp": at, "message": json.dumps(event)}] * times)

    now = int(time.time() * 1000)
    put(miss, 10, now)
    if count > 1:
        put(call, count - 1, now)
    put({"eventName": "Other"}, 1, now)
    assert state() != "ALARM"
    if alarm.get("DatapointsToAlarm") == 2:
        # Enough in one span of five minutes is not enough: it takes two of three.
        put(call, 1, now)
        time.sleep(1)
        assert state() != "ALARM"
        put(call, count, now - 300_000)
    else:
        put(call, 1, now)
    until(lambda: state() == "ALARM", f"{title} goes off")
    logs.delete_metric_filter(logGroupName=group, filterName=title)
    watch.delete_alarms(AlarmNames=[title])
