"""The figures at /metrics: who may see them, that they are in the form that Prometheus reads, and that each one is documented."""

import json
import re
import stat
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from server import error_of, until

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/metrics.md"
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (NaN|[+-]Inf|-?[0-9.e+-]+)')


def scrape(cairn, token=None):
    token = token or (cairn.data / "metrics-token").read_text()
    status, headers, body = cairn.get("/metrics", {"authorization": f"Bearer {token}"})
    assert status == 200, body
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return body.decode()


def strictly(text):
    """Holds the text against the format, and returns {family: (kind, {sample: value})}."""
    assert text.endswith("\n")
    families, current, helped = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert len(line.split(" ", 3)) == 4, line
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current == helped and current not in families, line
            assert kind in ("counter", "gauge", "histogram"), line
            assert (kind == "counter") == current.endswith("_total"), line
            families[current] = (kind, {})
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            name, labels, value = found.groups()
            kind, samples = families[current]
            names = {current + suffix for suffix in ("_bucket", "_sum", "_count")} if kind == "histogram" else {current}
            assert name in names, line
            assert (name, labels) not in samples, line
            samples[name, labels] = float(value)
    assert list(families) == sorted(families)
    for name, (kind, samples) in families.items():
        if kind == "histogram":
            buckets = [value for (sample, _), value in samples.items() if sample.endswith("_bucket")]
            assert buckets and all(value >= 0 for value in buckets), name
    # The reference implementation reads the same.
    read = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name.removesuffix("_total") for name in families} == set(read)
    for family in read.values():
        assert family.documentation, family.name
        if family.type == "histogram":
            check_histogram(family)
    return families


def check_histogram(family):
    series = {}
    for sample in family.samples:
        key = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        series.setdefault(key, {})[sample.name.removeprefix(family.name), sample.labels.get("le")] = sample.value
    for values in series.values():
        buckets = [(float(le), value) for (name, le), value in values.items() if name == "_bucket"]
        assert buckets == sorted(buckets) and buckets[-1][0] == float("inf")
        assert [value for _, value in buckets] == sorted(value for _, value in buckets)
        assert buckets[-1][1] == values["_count", None]


def value(families, name, **labels):
    """The sum of a family's samples that have these labels."""
    _, samples = families[name]
    wanted = [f'{label}="{text}"' for label, text in labels.items()]
    return sum(value for (_, found), value in samples.items() if all(text in (found or "") for text in wanted))


def test_only_the_token_opens_the_figures(cairn):
    path = cairn.data / "metrics-token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = path.read_text()
    assert len(token) >= 32
    for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer "}, {"authorization": f"Bearer {token[:-1]}"},
                    {"authorization": f"Bearer {token}x"}):
        status, answer, body = cairn.get("/metrics", headers)
        assert status == 401 and answer["www-authenticate"].startswith("Bearer") and b"cairn_" not in body, headers
    assert value(strictly(scrape(cairn)), "cairn_metrics_refused_total") >= 5
    assert token not in cairn.log.read_text()
    cairn.restart()
    scrape(cairn, token)


def test_a_bucket_may_be_called_metrics(cairn):
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="metrics")
    s3.put_object(Bucket="metrics", Key="k", Body=b"b")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="metrics")["Contents"]] == ["k"]
    assert cairn.signed("GET", "/metrics")[0] == 200


def test_figures_are_well_formed_and_count(cairn, name):
    before = strictly(scrape(cairn))
    iam = cairn.client("iam")
    iam.create_user(UserName=name)
    error_of(iam.create_user, UserName=name)
    error_of(cairn.client("iam", key="AKIANOBODYNOBODYNOBO", secret="s" * 20).list_users)
    key, secret = cairn.user(name + "-weak")
    error_of(cairn.client("sqs", key=key, secret=secret).list_queues)
    after = strictly(scrape(cairn))

    def grew(family, **labels):
        return value(after, family, **labels) - (value(before, family, **labels) if family in before else 0)

    assert grew("cairn_calls_total", service="iam", kind="write", outcome="success") == 3
    assert grew("cairn_calls_total", service="iam", kind="write", outcome="client_error") == 1
    assert grew("cairn_calls_total", service="iam", kind="read", outcome="unauthenticated") == 1
    assert grew("cairn_calls_total", service="sqs", outcome="denied") == 1
    # A BEGIN and a FINISH for what changes something, a FINISH for the rest.
    assert grew("cairn_records_written_total") == 6
    assert grew("cairn_journal_entries_total") == 6 + 4
    assert grew("cairn_journal_end_entry") == 6 + 4
    assert value(after, "cairn_ready") == 1
    assert value(after, "process_resident_memory_bytes") > 1 << 20
    assert value(after, "cairn_disk_size_bytes") > value(after, "cairn_disk_free_bytes") > 0
    until(lambda: value(strictly(scrape(cairn)), "cairn_consumer_lag_entries") == 0, "the consumers have caught up")


def test_scrapes_are_no_calls(cairn):
    first = value(strictly(scrape(cairn)), "cairn_journal_end_entry")
    assert value(strictly(scrape(cairn)), "cairn_journal_end_entry") == first


def test_nothing_of_a_caller_is_a_label(cairn, name):
    error_of(cairn.client("iam").get_user, UserName=name + "-of-a-caller")
    cairn.json_call(f"Nobody_{name}.Nothing", {}, "nobody" + name)
    text = scrape(cairn)
    assert name not in text and cairn.key not in text


def test_the_guide_lists_every_figure_and_no_other(cairn, name):
    cairn.client("iam").create_user(UserName=name)
    documented = re.findall(r"^\| `([a-z_]+)` \|", GUIDE.read_text(), re.MULTILINE)
    assert documented == sorted(set(documented)), "in order, each once"
    shown = list(strictly(scrape(cairn)))
    assert set(shown) <= set(documented), set(shown) - set(documented)
    sometimes = {name for name in documented if "once there is" in row(name)}
    assert set(documented) - set(shown) <= sometimes, set(documented) - set(shown)


def row(name):
    return next(line for line in GUIDE.read_text().splitlines() if line.startswith(f"| `{name}` |"))


def test_the_rules_of_the_guide_name_figures_that_exist(cairn):
    text = GUIDE.read_text()
    rules = text[text.index("```yaml\ngroups:"):]
    names = set(re.findall(r"\b(cairn_[a-z_]+|process_[a-z_]+)\b", rules))
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))
    plain = {re.sub("_(bucket|sum|count)$", "", rule) if rule not in documented else rule for rule in names}
    assert names and plain <= documented, plain - documented
