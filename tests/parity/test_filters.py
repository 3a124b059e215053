"""`cairn filters`: what a pattern would have matched, and metric filters over events that came before them."""

import datetime
import json
import time

import pytest

from server import until

HOUR_MS = 3_600_000


@pytest.fixture
def group(cairn, name):
    logs = cairn.client("logs")
    logs.create_log_group(logGroupName=f"/filters/{name}")
    logs.create_log_stream(logGroupName=f"/filters/{name}", logStreamName="s")
    return f"/filters/{name}"


def now_ms():
    return int(time.time() * 1000)


def put(cairn, group, at, texts):
    events = [{"timestamp": at + n, "message": text} for n, text in enumerate(texts)]
    cairn.client("logs").put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def put_filter(cairn, group, metric, pattern="ERROR", name="errors", **more):
    cairn.client("logs").put_metric_filter(
        logGroupName=group, filterName=name, filterPattern=pattern,
        metricTransformations=[{"metricName": metric, "metricNamespace": "Filters", "metricValue": "1", **more}])


def backfill(cairn, group, *args, days="1"):
    said = cairn.cairn("filters", "backfill", "--log-group-name", group, "--filter-name", "errors", "--days", days, "--json", *args)
    return json.loads(said.out)


def sums(cairn, metric, at, statistic="Sum"):
    """What the metric has in the ten minutes around a moment, by the minute: its values in order."""
    around = datetime.datetime.fromtimestamp(at / 60_000 // 1 * 60, datetime.timezone.utc)
    got = cairn.client("cloudwatch").get_metric_statistics(
        Namespace="Filters", MetricName=metric, Period=60, Statistics=[statistic],
        StartTime=around - datetime.timedelta(minutes=5), EndTime=around + datetime.timedelta(minutes=5))
    return [point[statistic] for point in sorted(got["Datapoints"], key=lambda point: point["Timestamp"])]


def test_a_preview(cairn, group):
    put(cairn, group, now_ms() - HOUR_MS, ["ERROR disk", "fine", "ERROR net\x1b[31m"])
    ask = ["filters", "preview", "--log-group-name", group, "--filter-pattern", "ERROR", "--days", "2"]
    said = cairn.cairn(*ask).out
    assert "would have matched 2 of 3 events in the last 2 days" in said and "ERROR disk" in said and "\x1b" not in said, said
    told = json.loads(cairn.cairn(*ask, "--json").out)
    assert (told["EventsSearched"], told["EventsMatched"], told["Complete"]) == (3, 2, True)
    assert [sample["Message"] for sample in told["Samples"]] == ["ERROR net\x1b[31m", "ERROR disk"]
    wrong = cairn.cairn("filters", "preview", "--log-group-name", group, "--filter-pattern", "{ $.a = ", check=False)
    assert wrong.code == 1 and "InvalidParameterException" in wrong.err, wrong
    wrong = cairn.cairn("filters", "preview", "--log-group-name", "/filters/none", "--filter-pattern", "", check=False)
    assert wrong.code == 1 and "ResourceNotFoundException" in wrong.err, wrong


def test_past_events_are_counted_once(new_cairn):
    cairn = new_cairn()
    logs, group, metric = cairn.client("logs"), "/filters/past", "past"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    at = now_ms() - 2 * HOUR_MS
    at -= at % 60_000
    put(cairn, group, at, ["ERROR a", "ERROR b", "fine"])
    put(cairn, group, at + 60_000, ["fine"])
    put_filter(cairn, group, metric, defaultValue=0.0, unit="Count")
    # Of the same minute, and counted as it comes.
    put(cairn, group, at + 10, ["ERROR c"])
    until(lambda: sums(cairn, metric, at) == [1.0], "it is counted")

    dry = backfill(cairn, group, "--dry-run")
    assert dry == {"EventsSearched": 4, "EventsMatched": 2, "Values": 2, "Defaults": 1, "NothingLeft": False}
    assert sums(cairn, metric, at) == [1.0]
    assert backfill(cairn, group) == dry
    assert sums(cairn, metric, at) == [3.0, 0.0] and sums(cairn, metric, at, "SampleCount") == [3.0, 1.0]

    # Nothing is counted twice: again, after a crash, over more days, with the filter made anew.
    again = ["filters", "backfill", "--log-group-name", group, "--filter-name", "errors", "--days", "1"]
    assert "was counted before" in cairn.cairn(*again).out
    cairn.kill()
    cairn.start()
    assert backfill(cairn, group)["NothingLeft"] and backfill(cairn, group, days="30")["Values"] == 0
    cairn.client("logs").delete_metric_filter(logGroupName=group, filterName="errors")
    missing = cairn.cairn(*again, check=False)
    assert missing.code == 1 and "ResourceNotFoundException" in missing.err, missing
    put_filter(cairn, group, metric)
    assert backfill(cairn, group)["NothingLeft"]
    assert sums(cairn, metric, at) == [3.0, 0.0]
    # Another metric has none of them yet.
    put_filter(cairn, group, "other")
    assert backfill(cairn, group)["Values"] == 3 and sums(cairn, "other", at) == [3.0]


def test_no_alarm_fires_for_what_is_past(cairn, group, name):
    watch, at = cairn.client("cloudwatch"), now_ms()
    put(cairn, group, at - 2 * HOUR_MS, ["ERROR old"])
    put(cairn, group, at, ["ERROR new"])
    put_filter(cairn, group, name)
    watch.put_metric_alarm(AlarmName=name, Namespace="Filters", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=3,
                           DatapointsToAlarm=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
                           TreatMissingData="notBreaching")
    said = cairn.cairn("filters", "backfill", "--log-group-name", group, "--filter-name", "errors", "--days", "1").out
    assert "put 1 value" in said and "were left out, because alarms look at them" in said, said
    assert sums(cairn, name, at - 2 * HOUR_MS) == [1.0] and sums(cairn, name, at) == []
    flips = watch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert not [flip for flip in flips if "to ALARM" in flip["HistorySummary"]], flips
    # Without the alarm they are put too.
    watch.delete_alarms(AlarmNames=[name])
    assert backfill(cairn, group)["Values"] == 1 and sums(cairn, name, at) == [1.0]


def test_permissions(cairn, group, name):
    put(cairn, group, now_ms() - HOUR_MS, ["ERROR"])
    put_filter(cairn, group, name)
    key, secret = cairn.user(name)
    iam = cairn.client("iam")

    def allowed(*actions):
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))

    def call(operation, **asked):
        status, _, body = cairn.json_call(f"Cairn_20261101.{operation}", {"LogGroupName": group, "Days": 1, **asked}, "cairn",
                                          key=key, secret=secret)
        return status, json.loads(body)

    preview = lambda: call("PreviewMetricFilter", FilterPattern="ERROR")  # noqa: E731
    fill = lambda: call("BackfillMetricFilter", FilterName="errors")  # noqa: E731
    allowed("cairn:*")
    assert preview()[0] == fill()[0] == 400 and "logs:FilterLogEvents" in preview()[1]["message"]
    allowed("cairn:PreviewMetricFilter", "logs:*")
    assert preview()[1]["EventsMatched"] == 1 and fill()[0] == 400
    allowed("cairn:*", "logs:FilterLogEvents")
    assert "logs:PutMetricFilter" in fill()[1]["message"]
    allowed("cairn:*", "logs:FilterLogEvents", "logs:PutMetricFilter")
    assert fill()[1]["Values"] == 1
