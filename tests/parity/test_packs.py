"""`cairn apply`: packs of metric filters and alarms, made through the public operations; and filter patterns as AWS was seen to have them."""

import json
import time
import tomllib
from pathlib import Path

import pytest

from server import error_of, until

PACKS = Path(__file__).parent.parent.parent / "packs"
# Parts of a pack that depend on who uses it, as they are by default.
DEFAULTS = ("--region", "us-east-1")


def pack(name):
    return tomllib.loads((PACKS / f"{name}.toml").read_text())


@pytest.fixture
def logs(cairn):
    return cairn.client("logs")


@pytest.fixture
def alarms(cairn):
    return cairn.client("cloudwatch")


@pytest.fixture
def group(logs, name):
    logs.create_log_group(logGroupName=f"/packs/{name}")
    logs.create_log_stream(logGroupName=f"/packs/{name}", logStreamName="one")
    yield f"/packs/{name}"
    logs.delete_log_group(logGroupName=f"/packs/{name}")


def filters(logs, group):
    pages = logs.get_paginator("describe_metric_filters").paginate(logGroupName=group)
    return {one["filterName"]: one for page in pages for one in page["metricFilters"]}


def made(alarms, prefix):
    pages = alarms.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    return {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}


@pytest.mark.parametrize("edition", ["1.2", "2.0", "3.0", "5.0"])
def test_cis_is_applied_once_and_removed(cairn, logs, alarms, group, edition):
    wanted = {f"cis-{one['name']}": one for one in pack("cis")["filter"] if edition in one["controls"]}
    arguments = ("apply", "cis", "--log-group", group, "--version", edition, *DEFAULTS)
    dry = cairn.cairn(*arguments, "--dry-run")
    assert f"{2 * len(wanted)} of {2 * len(wanted)} would change" in dry.out
    assert filters(logs, group) == {} and made(alarms, "cis-") == {}

    first = cairn.cairn(*arguments, "--topic", "arn:aws:sns:us-east-1:123456789012:alerts")
    assert f"{2 * len(wanted)} of {2 * len(wanted)} changed" in first.out
    there = filters(logs, group)
    assert {name: one["filterPattern"] for name, one in there.items()} == {name: one["pattern"] for name, one in wanted.items()}
    for name, alarm in made(alarms, "cis-").items():
        transformation = there[name]["metricTransformations"][0]
        assert (alarm["Namespace"], alarm["MetricName"]) == (transformation["metricNamespace"], transformation["metricName"])
        assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Sum", 300, 1.0)
        assert alarm["AlarmActions"] == ["arn:aws:sns:us-east-1:123456789012:alerts"]
        assert wanted[name]["controls"][edition] in alarm["AlarmDescription"]

    # Again, also without the topic: nothing changes.
    assert f"0 of {2 * len(wanted)} changed" in cairn.cairn(*arguments).out
    # Somebody's changes are put right, others' filters are left alone.
    logs.put_metric_filter(logGroupName=group, filterName="mine", filterPattern="ERROR", metricTransformations=[
        {"metricName": "Mine", "metricNamespace": "Mine", "metricValue": "1"}])
    logs.put_metric_filter(logGroupName=group, filterName="cis-root-usage", filterPattern="ERROR", metricTransformations=there["cis-root-usage"]["metricTransformations"])
    assert f"1 of {2 * len(wanted)} changed" in cairn.cairn(*arguments).out
    assert filters(logs, group)["cis-root-usage"]["filterPattern"] == wanted["cis-root-usage"]["pattern"]

    cairn.cairn("apply", "cis", "--log-group", group, "--remove")
    assert list(filters(logs, group)) == ["mine"] and made(alarms, "cis-") == {}


@pytest.mark.parametrize("name", ["cis", "security", "critical"])
def test_the_right_call_goes_off_and_a_near_miss_does_not(cairn, logs, alarms, group, name):
    written = pack(name)
    arguments = ("apply", name, "--log-group", group)
    cairn.cairn(*arguments)
    edition = written.get("default_version")
    wanted = [one for one in written["filter"] if edition is None or edition in one["controls"]]
    there = filters(logs, group)
    assert len(there) == len(wanted)
    for one in wanted:
        applied = there[f"{written['prefix']}{one['name']}"]
        matches = logs.test_metric_filter(filterPattern=applied["filterPattern"], logEventMessages=[one["near_miss"], one["example"]])["matches"]
        assert [match["eventMessage"] for match in matches] == [one["example"]], one["name"]
    # One event of the first filter reaches its metric and its alarm.
    first = wanted[0]
    alarm = f"{written['prefix']}{first['name']}"
    now = int(time.time() * 1000)
    count = int(first.get("alarm", {}).get("threshold", 1))
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=[{"timestamp": now, "message": first["example"]}] * count)
    until(lambda: alarms.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "ALARM", f"{alarm} goes off")
    cairn.cairn(*arguments, "--remove")
    assert filters(logs, group) == {}


def test_parameters_only_and_files(cairn, logs, group, tmp_path):
    cairn.cairn("apply", "critical", "--log-group", group, "--only", "cross-region-calls", "--set", "home_regions=eu-west-1,eu-central-1")
    [(name, one)] = filters(logs, group).items()
    assert name == "critical-cross-region-calls" and '$.awsRegion != "eu-central-1"' in one["filterPattern"]
    cairn.cairn("apply", "critical", "--log-group", group, "--remove")
    own = tmp_path / "ours.toml"
    own.write_text("""
title = "Ours"
namespace = "Ours"
prefix = "ours-"
[[filter]]
name = "table-dropped"
title = "A table was deleted"
pattern = '{ $.eventName = DeleteTable }'
""")
    cairn.cairn("apply", str(own), "--log-group", group)
    assert filters(logs, group)["ours-table-dropped"]["filterPattern"] == "{ $.eventName = DeleteTable }"
    cairn.cairn("apply", str(own), "--log-group", group, "--remove")


def test_what_cannot_be_applied_says_why(cairn, group):
    def fails(*arguments):
        done = cairn.cairn("apply", *arguments, check=False)
        assert done.code == 1
        return done.err
    assert "neither a pack (cis, critical, security) nor a file" in fails("nothing", "--log-group", group)
    assert "1.2, 1.3" in fails("cis", "--log-group", group, "--version", "9")
    assert "no trail of us-east-1 delivers to a log group" in fails("cis")
    assert "us-east-1 has no log group /none" in fails("cis", "--log-group", "/none")
    assert "home_regions" in fails("critical", "--log-group", group, "--set", "regions=x")


# As the service answered: a pattern, messages, which of them match.
SEEN = [
    ("{ $.v = 1 }", ['{"v":1}', '{"v":1.0}', '{"v":1e0}', '{"v":"1"}', '{"v":"1.0"}', '{"v":1,"v":2}', '{"v":2,"v":1}', '[{"v":1}]'], [1, 2, 3, 4, 7]),
    ("{ $.v = * }", ['{}', '{"v":null}', '{"v":true}', '{"v":""}', '{"v":0}', '{"v":[]}'], [4, 5]),
    ("{ $.v IS NULL }", ['{}', '{"v":null}', '{"v":"null"}', '{"v":[1,null]}'], [2, 4]),
    ("?ERROR ?ARGUMENTS REQUEST", ["INFO REQUEST", "ERROR ARGUMENTS"], [1]),
    ("[w1=ERROR, w2]", ["ERROR request failed", "ERROR", 'ERROR "two words"'], [1, 3]),
]


@pytest.mark.parametrize("pattern, messages, matching", SEEN)
def test_patterns_match_as_the_service_was_seen_to(logs, pattern, messages, matching):
    matches = logs.test_metric_filter(filterPattern=pattern, logEventMessages=messages)["matches"]
    assert [match["eventNumber"] for match in matches] == matching


def test_fields_are_extracted(logs):
    line = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534 extra'
    [match] = logs.test_metric_filter(filterPattern="[ip, ..., status, bytes]", logEventMessages=[line])["matches"]
    assert match["extractedValues"] == {"$ip": "127.0.0.1", "$2": "-", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
                                        "$5": "GET /index.html HTTP/1.0", "$6": "404", "$status": "1534", "$bytes": "extra"}
    [match] = logs.test_metric_filter(filterPattern="{ $.a = 1 }", logEventMessages=[json.dumps({"a": 1})])["matches"]
    assert match["extractedValues"] == {}


@pytest.mark.parametrize("pattern, message", [
    ("ERR*", "Invalid character(s) in term '*'"),
    ("%hello!%", "Invalid character(s) in term '%hello!'"),
    ("%[abc%", "Failed to compile regular expression."),
    ("{ $.v == 1 }", "Invalid metric filter pattern"),
    ('{ $.v > "Alpha" }', "Invalid character(s) in term '\"Alpha\"'"),
    ("[word, word]", "Duplicate field 'word'"),
    ("{ $.a = %x% && $.b = %y% && $.c = %z% }", "Your input has exceeded the maximum of 2 regular expressions per filter pattern."),
])
def test_what_is_no_pattern_is_answered_in_aws_words(logs, pattern, message):
    assert error_of(logs.test_metric_filter, filterPattern=pattern, logEventMessages=["x"]) == ("InvalidParameterException", 400, message)
