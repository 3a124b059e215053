"""The built-in event store: it has each call once, as soon as it was answered, whatever kills the server; `cairn rebuild` makes it again."""

import datetime
import json
import re
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from server import CAIRN, Server, run, until
from test_metrics import scrape

KILLS = 4


def records(cairn):
    """How many records the store has, by the figures."""
    return int(re.search(r'^cairn_events_records\{store="events"\} (\d+)$', scrape(cairn), re.M).group(1))


def rebuild(cairn, *args, check=True):
    """Runs `cairn rebuild`; what it says, and its numbers: before, from the journal, from event history, from log files, found."""
    done = cairn.cairn("rebuild", *args, check=check)
    patterns = [r"^([\d,]+) records? before$", r"^  ([\d,]+) from the journal$", r"^  ([\d,]+) from event history$",
                r"^  ([\d,]+) from [\d,]+ log files? of trails$", r"^([\d,]+) records? found$"]
    found = [re.search(pattern, done.out, re.M) for pattern in patterns]
    assert all(found), done
    return done, [int(match.group(1).replace(",", "")) for match in found]


def parts(cairn):
    return sorted((cairn.data / "objects/data/lake").rglob("*.*"))


def test_a_call_is_there_once_it_was_answered(new_cairn):
    cairn = new_cairn()
    ct = cairn.client("cloudtrail")
    ct.describe_trails()
    before = until(lambda: records(cairn), "the first record is there")
    for _ in range(50):
        ct.describe_trails()
    # The consumer of the journal is told at once; nobody waits for it here but this test.
    assert until(lambda: records(cairn) >= before + 50, "the store has the calls")
    assert records(cairn) == before + 50
    status = json.loads(cairn.cairn("status", "--json").out)
    store, = status["EventStores"]
    assert store["Store"] == "events" and store["Records"] >= before + 50 and store["JsonBytes"] > 10_000
    assert "events" in [consumer["Name"] for consumer in status["Consumers"]]
    assert re.search(r"^  Events +\d+ records in ", cairn.cairn("status").out, re.M)


def test_lookups_with_an_older_start_go_on_in_the_store(new_cairn):
    cairn = new_cairn()
    ct = cairn.client("cloudtrail")
    for _ in range(7):
        ct.describe_trails()
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1_000)
    for config in [{"PageSize": 50}, {"PageSize": 3}]:
        by = [{"AttributeKey": "EventName", "AttributeValue": "DescribeTrails"}]
        pages = ct.get_paginator("lookup_events").paginate(StartTime=start, LookupAttributes=by, PaginationConfig=config)
        events = [event["EventId"] for page in pages for event in page["Events"]]
        assert len(events) == len(set(events)) == 7


def test_sigkill_loses_and_repeats_nothing(new_cairn):
    cairn = new_cairn()
    stop = threading.Event()

    def load(number):
        n = 0
        while not stop.is_set():
            try:
                cairn.client("s3", connect_timeout=50 + number).create_bucket(Bucket=f"bucket-{number}-{n}")
                n += 1
            except (BotoCoreError, ClientError, OSError):
                time.sleep(0.05)

    for kill in range(KILLS):
        stop.clear()
        threads = [threading.Thread(target=load, args=(number + 10 * kill,)) for number in range(3)]
        for thread in threads:
            thread.start()
        if kill == 1:
            # Parts of an earlier run, so that a start has something to merge and clear.
            until(lambda: records(cairn) > 100, "there is something to be killed in")
        else:
            time.sleep(0.5)
        cairn.kill()
        stop.set()
        for thread in threads:
            thread.join(60)
        cairn.start()
        if kill == 2:
            cairn.restart()
    assert cairn.stop() == 0
    done, (before, journal, history, files, found) = rebuild(cairn)
    assert before == found == journal and before > 100 and history == files == 0, done
    assert "The event store was made again." in done.out
    cairn.start()
    assert records(cairn) >= before


def test_damage_is_told_before_anything_is_lost(new_cairn):
    cairn = new_cairn()
    for _ in range(30):
        cairn.client("cloudtrail").describe_trails()
    running = cairn.cairn("rebuild", check=False)
    assert running.code == 1 and "a server is running" in running.err
    assert cairn.stop() == 0
    for path in parts(cairn):
        path.write_bytes(b"damaged")
    done, (before, journal, *_) = rebuild(cairn, check=False)
    assert done.code == 1 and "nothing was changed" in done.err and "--force" in done.err, done
    assert [path.read_bytes() for path in parts(cairn)] == [b"damaged"] * len(parts(cairn)), "the old store is as it was"
    done, (before, journal, *_, found) = rebuild(cairn, "--force")
    assert before == journal == found, done
    assert rebuild(cairn)[1][0] == found
    cairn.start()
    assert records(cairn) >= found


def test_log_files_and_history_have_what_the_journal_gave_up(new_cairn):
    cairn = new_cairn()
    cairn.bucket_for_trails("trail-logs")
    cairn.trail("audit", "trail-logs")
    for _ in range(20):
        cairn.client("cloudtrail").describe_trails()
    cairn.flush()
    assert cairn.stop() == 0
    # The same records from several places are there once.
    done, (before, journal, history, files, found) = rebuild(cairn)
    assert before == found == journal + history + files, done
    assert re.search(r"from [1-9]\d* log files? of trails", done.out), done


def test_backups_have_it(new_cairn, tmp_path):
    cairn = new_cairn()
    for _ in range(20):
        cairn.client("cloudtrail").describe_trails()
    cairn.restart()
    assert len(parts(cairn)) == 2
    before = records(cairn)
    cairn.cairn("backup", str(tmp_path / "backup"))
    other = Server(tmp_path / "other")
    run([CAIRN, "restore", str(tmp_path / "backup"), "--data-dir", str(other.data)], other.base_env())
    for name in ["CAIRN_ROOT_ACCESS_KEY_ID", "CAIRN_ROOT_SECRET_ACCESS_KEY"]:
        other.settings[name] = cairn.settings[name]
    other.start()
    try:
        until(lambda: records(other) >= before, "the restored store has the records")
    finally:
        assert other.stop() == 0
    _, (before, journal, _, _, found) = rebuild(other)
    assert before == journal == found


def test_it_can_be_off(new_cairn):
    cairn = new_cairn(env={"CAIRN_EVENT_STORE": "off"})
    ct = cairn.client("cloudtrail")
    ct.describe_trails()
    assert "cairn_events_" not in scrape(cairn)
    assert json.loads(cairn.cairn("status", "--json").out)["EventStores"] == []
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1_000)
    assert ct.lookup_events(StartTime=start)["Events"]
    assert cairn.stop() == 0
    off = cairn.cairn("rebuild", check=False)
    assert off.code == 1 and "event_store" in off.err
    cairn.start()


@pytest.mark.parametrize("days", ["0", "4000", "ten"])
def test_a_wrong_retention_is_refused(tmp_path, days):
    done = run([CAIRN, "serve", "--data-dir", str(tmp_path / "d"), "--events-retention-days", days], {"PATH": "/bin"}, check=False)
    assert done.code == 1 and "events_retention_days" in done.err
