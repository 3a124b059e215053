"""CloudWatch with the AWS CLI and boto3: data, statistics, alarms, dashboards, pictures; all three protocols."""

import datetime
import json
import struct
import time

import boto3
import pytest
from botocore.config import Config

from server import ACCOUNT, error_of, until

DASHBOARD = json.dumps({"widgets": [
    {"type": "metric", "properties": {"metrics": [["Security", "RootAccountUsageCount"]], "region": "us-east-1", "title": "Security Events"}}]}, indent=2)

# The protocols differ.
DENIED = ("AccessDenied", "AccessDeniedException")


@pytest.fixture
def cloudwatch(cairn):
    return cairn.client("cloudwatch")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def alarm_of(cloudwatch, name):
    found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    [alarm] = found["MetricAlarms"] + found["CompositeAlarms"]
    return alarm


def state(cloudwatch, name):
    return alarm_of(cloudwatch, name)["StateValue"]


def put(cloudwatch, namespace, name, value=1.0, **more):
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": name, "Value": value, **more}])


# The seeds' alarms: name, metric, threshold, comparison, how many calls are a near miss.
SEED_ALARMS = [
    ("Security-RootAccountUsage", "RootAccountUsageCount", 1, "GreaterThanOrEqualToThreshold", 0),
    ("Security-UnauthorizedAccess", "UnauthorizedApiCallCount", 5, "GreaterThanThreshold", 5),
]


@pytest.mark.parametrize("name, metric, threshold, comparison, miss", SEED_ALARMS)
def test_the_seeds_alarms(cairn, cloudwatch, name, metric, threshold, comparison, miss):
    cairn.aws(["cloudwatch", "put-metric-alarm", "--alarm-name", name, "--alarm-description", "Root account được sử dụng", "--namespace", "Security",
               "--metric-name", metric, "--statistic", "Sum", "--period", "300", "--evaluation-periods", "1", "--threshold", str(threshold),
               "--comparison-operator", comparison, "--treat-missing-data", "notBreaching"])
    put(cloudwatch, "Security", "Another")
    # All at one time, so that a new span of five minutes does not begin in between.
    at = now()
    for _ in range(miss):
        put(cloudwatch, "Security", metric, Timestamp=at)
    assert state(cloudwatch, name) != "ALARM"
    put(cloudwatch, "Security", metric, Timestamp=at)
    alarm = alarm_of(cloudwatch, name)
    assert alarm["StateValue"] == "ALARM" and alarm["AlarmDescription"] == "Root account được sử dụng"
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 datapoint [")
    assert alarm["AlarmArn"] == f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}"
    shown = cloudwatch.describe_alarms_for_metric(Namespace="Security", MetricName=metric)["MetricAlarms"]
    assert [one["AlarmName"] for one in shown] == [name]
    cairn.aws(["cloudwatch", "delete-alarms", "--alarm-names", name])
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_two_out_of_three(cloudwatch, name):
    cloudwatch.put_metric_alarm(AlarmName=name, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=3, DatapointsToAlarm=2,
                                Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold")
    minute = now().replace(second=0, microsecond=0)
    put(cloudwatch, name, "m", Timestamp=minute - datetime.timedelta(minutes=1))
    assert state(cloudwatch, name) != "ALARM"
    put(cloudwatch, name, "m", Timestamp=now())
    assert state(cloudwatch, name) == "ALARM"


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_protocols(cairn, name, protocol, monkeypatch):
    """botocore speaks each of the three that the model names, one at a time."""
    from botocore.loaders import Loader
    load = Loader.load_service_model

    def only(self, service, kind, *rest, **more):
        model = load(self, service, kind, *rest, **more)
        if kind == "service-2":
            model = json.loads(json.dumps(model))
            model["metadata"].update(protocol=protocol, protocols=[protocol])
        return model

    monkeypatch.setattr(Loader, "load_service_model", only)
    client = boto3.Session(cairn.key, cairn.secret, region_name="us-east-1").client("cloudwatch", endpoint_url=cairn.endpoint, config=Config(retries={"max_attempts": 0}))
    put(client, name, "m", 2.5, Dimensions=[{"Name": "Host", "Value": "a b"}], Unit="Seconds")
    found = client.get_metric_statistics(Namespace=name, MetricName="m", Dimensions=[{"Name": "Host", "Value": "a b"}], Period=60,
                                         StartTime=now() - datetime.timedelta(minutes=5), EndTime=now() + datetime.timedelta(minutes=1),
                                         Statistics=["Average", "SampleCount"])["Datapoints"]
    assert [(one["Average"], one["SampleCount"], one["Unit"]) for one in found] == [(2.5, 1.0, "Seconds")]
    assert client.list_metrics(Namespace=name)["Metrics"] == [{"Namespace": name, "MetricName": "m", "Dimensions": [{"Name": "Host", "Value": "a b"}]}]
    client.put_metric_alarm(AlarmName=name, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=0.5,
                            ComparisonOperator="GreaterThanThreshold", Tags=[{"Key": "k", "Value": "v"}])
    alarm = alarm_of(client, name)
    assert alarm["Threshold"] == 0.5 and isinstance(alarm["AlarmConfigurationUpdatedTimestamp"], datetime.datetime) and alarm["ActionsEnabled"] is True
    assert client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    assert error_of(client.get_dashboard, DashboardName="none") == ("ResourceNotFound", 404, "Dashboard none does not exist")
    assert error_of(client.delete_alarms, AlarmNames=["none"])[:2] == ("ResourceNotFound", 404)
    code, status, _ = error_of(client.put_metric_data, Namespace=name, MetricData=[{"MetricName": "m", "Value": float("nan")}])
    assert (code, status) == ("InvalidParameterValue", 400)
    assert error_of(client.describe_alarms, NextToken="?")[:2] == ("InvalidNextToken", 400)
    client.delete_alarms(AlarmNames=[name])


def test_metric_data_and_math(cloudwatch, name):
    end = now().replace(second=0, microsecond=0) + datetime.timedelta(minutes=1)
    start = end - datetime.timedelta(minutes=5)
    for minute in range(5):
        at = start + datetime.timedelta(minutes=minute)
        cloudwatch.put_metric_data(Namespace=name, MetricData=[
            {"MetricName": "calls", "Timestamp": at, "Values": [1.0, 2.0], "Counts": [8, 2]},
            {"MetricName": "errors", "Timestamp": at, "StatisticValues": {"SampleCount": 2, "Sum": minute, "Minimum": 0, "Maximum": minute}}])
    stat = lambda metric, stat: {"Metric": {"Namespace": name, "MetricName": metric}, "Period": 60, "Stat": stat}
    found = cloudwatch.get_metric_data(StartTime=start, EndTime=end, ScanBy="TimestampAscending", MetricDataQueries=[
        {"Id": "m1", "MetricStat": stat("errors", "Sum"), "ReturnData": False},
        {"Id": "m2", "MetricStat": stat("calls", "SampleCount"), "ReturnData": False},
        {"Id": "e1", "Expression": "100 * m1 / m2", "Label": "errors in per cent, at most ${MAX}"},
        {"Id": "p", "MetricStat": stat("calls", "p90")},
        {"Id": "s", "Expression": f"SUM(SEARCH('{{{name}}} MetricName=\"calls\"', 'Sum', 60))"}])["MetricDataResults"]
    shown = {one["Id"]: (one["Label"], one["Values"]) for one in found}
    assert shown == {"e1": ("errors in per cent, at most 40", [0, 10, 20, 30, 40]), "p": ("calls", [2] * 5), "s": ("s", [12] * 5)}
    assert error_of(cloudwatch.get_metric_data, StartTime=start, EndTime=end, MetricDataQueries=[{"Id": "e1", "Expression": "m9 + 1"}]) == (
        "ValidationError", 400, "Error in expression 'e1': Undefined variable 'm9'")


def test_composite_alarms_and_history(cairn, cloudwatch, name):
    for child in "ab":
        cloudwatch.put_metric_alarm(AlarmName=f"{name}-{child}", Namespace=name, MetricName=child, Statistic="Sum", Period=60, EvaluationPeriods=1,
                                    Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold")
    cairn.aws(["cloudwatch", "put-composite-alarm", "--alarm-name", name, "--alarm-rule", f"ALARM({name}-a) AND ALARM({name}-b)"])
    assert state(cloudwatch, name) == "OK"
    put(cloudwatch, name, "a")
    assert state(cloudwatch, name) == "OK"
    put(cloudwatch, name, "b")
    assert state(cloudwatch, name) == "ALARM"
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [one["HistorySummary"] for one in history] == ["Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK"]
    assert json.loads(history[0]["HistoryData"])["newState"]["stateReasonData"]["triggeringAlarms"][0]["state"]["value"] == "ALARM"
    code, _, text = error_of(cloudwatch.delete_alarms, AlarmNames=[f"{name}-a"])
    assert (code, text) == ("ValidationError", f"Cannot delete {name}-a as there are composite alarm(s) depending on it: [{name}]")
    cloudwatch.set_alarm_state(AlarmName=f"{name}-b", StateValue="OK", StateReason="by hand")
    assert state(cloudwatch, name) == "OK"
    cloudwatch.delete_alarms(AlarmNames=[name, f"{name}-a", f"{name}-b"])
    assert len(cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="ConfigurationUpdate")["AlarmHistoryItems"]) == 2


def test_pages_of_alarms(cloudwatch, name):
    names = [f"{name}-{n:02}" for n in range(7)]
    for one in names:
        cloudwatch.put_metric_alarm(AlarmName=one, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
                                    ComparisonOperator="GreaterThanThreshold")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=name, PaginationConfig={"PageSize": 3})
    sizes = [[alarm["AlarmName"] for alarm in page["MetricAlarms"]] for page in pages]
    assert [len(page) for page in sizes] == [3, 3, 1] and sum(sizes, []) == names
    cloudwatch.delete_alarms(AlarmNames=names)


def test_dashboards(cairn, cloudwatch, tmp_path):
    name = "security-monitoring"
    (tmp_path / "dashboard.json").write_text(DASHBOARD)
    out = cairn.aws(["cloudwatch", "put-dashboard", "--dashboard-name", name, "--dashboard-body", f"file://{tmp_path}/dashboard.json"]).json
    assert out["DashboardValidationMessages"] == []
    assert cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] == DASHBOARD
    [entry] = cloudwatch.list_dashboards(DashboardNamePrefix="security")["DashboardEntries"]
    assert (entry["DashboardArn"], entry["Size"]) == (f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}", len(DASHBOARD.encode()))
    code, status, text = error_of(cloudwatch.put_dashboard, DashboardName=name, DashboardBody='{"widgets":[{"type":"metric","properties":{}}]}')
    assert (code, status) == ("InvalidParameterInput", 400)
    assert text.startswith("The dashboard body is invalid, there are 3 validation errors:") and "Should have required property 'metrics'" in text
    cairn.aws(["cloudwatch", "delete-dashboards", "--dashboard-names", name])
    assert error_of(cloudwatch.get_dashboard, DashboardName=name)[0] == "ResourceNotFound"


def test_a_picture(cloudwatch, name, tmp_path):
    end = now()
    for minute in range(40):
        at = end - datetime.timedelta(minutes=minute)
        cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "calls", "Timestamp": at, "Value": 20 + (minute * 7) % 13},
                                                              {"MetricName": "errors", "Timestamp": at, "Value": (minute * 5) % 7}])
    widget = {"width": 700, "height": 350, "title": "Security events", "start": "-PT1H", "stat": "Sum", "period": 60,
              "metrics": [[name, "calls", {"label": "calls, at most ${MAX}"}], [".", "errors", {"color": "#d62728"}]],
              "annotations": {"horizontal": [{"label": "too many", "value": 30, "fill": "above"}]}}
    png = cloudwatch.get_metric_widget_image(MetricWidget=json.dumps(widget))["MetricWidgetImage"]
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (700, 350)
    (tmp_path / "widget.png").write_bytes(png)
    assert error_of(cloudwatch.get_metric_widget_image, MetricWidget="{}")[0] == "ValidationError"


def test_a_restart_loses_nothing(new_cairn):
    own_cairn = new_cairn()
    cloudwatch = own_cairn.client("cloudwatch")
    put(cloudwatch, "N", "m", 3.0)
    cloudwatch.put_metric_alarm(AlarmName="a", Namespace="N", MetricName="m", Statistic="Sum", Period=300, EvaluationPeriods=1, Threshold=3,
                                ComparisonOperator="GreaterThanOrEqualToThreshold")
    put(cloudwatch, "N", "m", 4.0)
    for stop in (own_cairn.kill, own_cairn.stop):
        stop()
        own_cairn.start()
        cloudwatch = own_cairn.client("cloudwatch")
        found = cloudwatch.get_metric_statistics(Namespace="N", MetricName="m", Period=3600, StartTime=now() - datetime.timedelta(hours=1),
                                                 EndTime=now() + datetime.timedelta(minutes=1), Statistics=["Sum"])["Datapoints"]
        assert sum(one["Sum"] for one in found) == 7.0
        assert state(cloudwatch, "a") == "ALARM"


def test_missing_data_by_the_minute(cloudwatch, name):
    """A new alarm without data is evaluated within seconds."""
    for how, expected in [("notBreaching", "OK"), ("breaching", "ALARM"), ("missing", "INSUFFICIENT_DATA"), ("ignore", "INSUFFICIENT_DATA")]:
        cloudwatch.put_metric_alarm(AlarmName=f"{name}-{how}", Namespace=name, MetricName="none", Statistic="Sum", Period=60, EvaluationPeriods=1,
                                    Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData=how)
        until(lambda: state(cloudwatch, f"{name}-{how}") == expected, f"{how} is {expected}", 10)
    time.sleep(1)
    assert state(cloudwatch, f"{name}-missing") == "INSUFFICIENT_DATA"


def test_who_may(cairn, cloudwatch, name):
    key, secret = cairn.user(name)
    client = boto3.Session(key, secret, region_name="us-east-1").client("cloudwatch", endpoint_url=cairn.endpoint, config=Config(retries={"max_attempts": 0}))
    code, _, text = error_of(client.describe_alarms)
    assert code in DENIED and "cloudwatch:DescribeAlarms" in text


def test_an_alarm_reaches_a_queue(cairn, cloudwatch, name):
    """Data, alarm, topic, queue: the message that AWS sends, at once."""
    sns, sqs = cairn.client("sns"), cairn.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    cloudwatch.put_metric_alarm(AlarmName=name, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
                                ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[topic], AlarmDescription="it happens")
    began = time.monotonic()
    put(cloudwatch, name, "m")
    [received] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    took = time.monotonic() - began
    envelope = json.loads(received["Body"])
    assert envelope["Subject"] == f'ALARM: "{name}" in US East (N. Virginia)'
    message = json.loads(envelope["Message"])
    alarm = alarm_of(cloudwatch, name)
    assert {key: message[key] for key in ("AlarmName", "AlarmDescription", "AWSAccountId", "NewStateValue", "OldStateValue", "NewStateReason", "Region", "AlarmArn")} == {
        "AlarmName": name, "AlarmDescription": "it happens", "AWSAccountId": ACCOUNT, "NewStateValue": "ALARM", "OldStateValue": "INSUFFICIENT_DATA",
        "NewStateReason": alarm["StateReason"], "Region": "US East (N. Virginia)", "AlarmArn": alarm["AlarmArn"]}
    assert took < 5, f"it took {took:.3f} s"
    history = lambda: cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
    [action] = until(history, "the action is in the history")
    assert action["HistorySummary"] == f"Successfully executed action {topic}"
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_alarms_of_ones_own(cairn, cloudwatch, name):
    """A policy that names alarms counts for each that a call names; conditions see tags and namespaces."""
    for one, team in ((f"{name}-mine", "audit"), (f"{name}-yours", "web")):
        cloudwatch.put_metric_alarm(AlarmName=one, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
                                    ComparisonOperator="GreaterThanThreshold", Tags=[{"Key": "team", "Value": team}])
    key, secret = cairn.user(name)
    cairn.client("iam").put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "cloudwatch:DeleteAlarms", "Resource": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}-mine"},
        {"Effect": "Allow", "Action": "cloudwatch:SetAlarmState", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "audit"}}},
        {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": {"StringEquals": {"cloudwatch:namespace": name}}}]}))
    client = cairn.client("cloudwatch", key=key, secret=secret)
    put(client, name, "m")
    assert error_of(put, client, f"{name}-other", "m")[0] in DENIED
    client.set_alarm_state(AlarmName=f"{name}-mine", StateValue="OK", StateReason="r")
    assert error_of(client.set_alarm_state, AlarmName=f"{name}-yours", StateValue="OK", StateReason="r")[0] in DENIED
    assert error_of(client.delete_alarms, AlarmNames=[f"{name}-mine", f"{name}-yours"])[0] in DENIED
    client.delete_alarms(AlarmNames=[f"{name}-mine"])
    cloudwatch.delete_alarms(AlarmNames=[f"{name}-yours"])
