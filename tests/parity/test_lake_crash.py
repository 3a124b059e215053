"""SIGKILL while records come by calls, by audit events (each makes a part, so that merging never ends) and by an import: what was
answered is in the stores exactly once, what was imported too, and what is too old is not seen.

The kills: CAIRN_LAKE_KILLS (5), CAIRN_LAKE_SEED (the time).
"""

import datetime
import gzip
import json
import os
import random
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from server import ACCOUNT
from test_import import generate
from test_lake_around import AUDIT, event
from test_lake_imports import OVER, ended, ids, start_import, store, upload, written
from test_lake_queries import over, rows, start

KILLS = int(os.environ.get("CAIRN_LAKE_KILLS", "5"))
SEED = int(os.environ.get("CAIRN_LAKE_SEED", str(int(time.time()))))
# The longest that a round runs: the stores are merged every five seconds.
ROUND_SECONDS_MAX = 7.0


class Load(threading.Thread):
    """Calls until it is told to stop; remembers what was answered."""

    def __init__(self, cairn, number, channel):
        super().__init__()
        # A client of its own; one call is one call.
        self.s3 = cairn.client("s3", connect_timeout=50 + number)
        self.audit = cairn.client("cloudtrail-data", connect_timeout=50 + number)
        self.number, self.channel, self.ended = number, channel, threading.Event()
        self.calls, self.events = set(), set()

    def run(self):
        n = 0
        while not self.ended.is_set():
            n += 1
            try:
                answer = self.s3.create_bucket(Bucket=f"crash-{self.number}-{n}")
                self.calls.add(answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"])
                answer = self.audit.put_audit_events(channelArn=self.channel, auditEvents=[{"id": "a", "eventData": event(f"{self.number}-{n}")}])
                self.events.update(one["eventID"] for one in answer["successful"])
            except (BotoCoreError, ClientError, OSError):
                time.sleep(0.05)


def counted(cairn, statement):
    """What a statement with two columns says."""
    query = start(cairn, statement)
    assert over(cairn, query)["QueryStatus"] == "FINISHED", statement
    return {key: int(n) for key, n in (tuple(row.values()) for row in rows(cairn, query))}


def test_sigkill_loses_and_repeats_nothing(new_cairn, tmp_path):
    print(f"CAIRN_LAKE_SEED={SEED}")
    chance = random.Random(SEED)
    cairn = new_cairn()
    ct = cairn.client("cloudtrail")
    audit = ct.create_event_data_store(Name="crash-audit", AdvancedEventSelectors=AUDIT)["EventDataStoreArn"]
    channel = ct.create_channel(Name="crash", Source="Custom", Destinations=[{"Type": "EVENT_DATA_STORE", "Location": audit}])["ChannelArn"]
    own = ct.create_event_data_store(Name="crash-own")["EventDataStoreArn"]
    folder = tmp_path / "logs"
    generate(cairn, folder, "--records", "8000", "--days", "4", "--seed", "12")
    upload(cairn, folder, "crash-import")
    imported = store(cairn, "crash-imported")
    import_id = start_import(cairn, imported, "s3://crash-import/")
    calls, events = set(), set()
    for kill in range(KILLS):
        loads = [Load(cairn, number + 10 * kill, channel) for number in range(3)]
        for load in loads:
            load.start()
        # Not a wait for something: the moment of the kill.
        time.sleep(chance.uniform(0.2, ROUND_SECONDS_MAX))
        if chance.random() < 0.3:
            # What is in memory is sealed, and the kill meets the next start's work.
            cairn.process.terminate()
            cairn.process.wait(60)
        else:
            cairn.kill()
        for load in loads:
            load.ended.set()
        for load in loads:
            load.join(60)
            calls |= load.calls
            events |= load.events
        cairn.start()
    assert len(calls) > 50 and len(events) > 50, (len(calls), len(events))

    for place in ("events", own.split("/")[1]):
        by_event = counted(cairn, f"SELECT eventID, count(*) AS n FROM {place} WHERE eventName = 'CreateBucket' GROUP BY eventID")
        assert set(by_event.values()) == {1}, [item for item in by_event.items() if item[1] != 1][:5]
        by_request = counted(cairn, f"SELECT requestID, count(*) AS n FROM {place} WHERE eventName = 'CreateBucket' GROUP BY requestID")
        assert set(by_request.values()) == {1}
        missing = calls - set(by_request)
        assert not missing, f"{len(missing)} of {len(calls)} answered calls are not in {place}"
    audited = counted(cairn, f"SELECT eventID, count(*) AS n FROM {audit.split('/')[1]} GROUP BY eventID")
    assert set(audited.values()) == {1} and not events - set(audited)

    if cairn.client("cloudtrail").get_import(ImportId=import_id)["ImportStatus"] in OVER:
        print("the import was over before the last kill")
    done = ended(cairn, import_id)
    assert done["ImportStatus"] == "COMPLETED", done
    assert ids(cairn, imported) == written(folder)


def aged(days, number):
    """A record of so many days ago."""
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    return {"eventVersion": "1.11", "eventID": f"aged-{days}-{number}", "eventTime": then.strftime("%Y-%m-%dT%H:%M:%SZ"), "eventSource": "app.example.com",
            "eventName": "Old" if days > 7 else "Young", "awsRegion": "us-east-1", "eventCategory": "Management", "recipientAccountId": ACCOUNT}


def test_what_is_too_old_is_not_seen_and_all_else_is(new_cairn):
    """Old and young records share files, and so parts; the retention becomes a week, and the server is killed at once."""
    cairn = new_cairn()
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    s3.create_bucket(Bucket="aged")
    expected = set()
    for number, days in enumerate([(400, 30, 6), (8, 9, 10), (1, 2, 3), (7.1, 6.9), (1000,)]):
        records = [aged(age, number) for age in days]
        expected |= {record["eventID"] for record in records if record["eventName"] == "Young"}
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/01/01/{ACCOUNT}_CloudTrail_us-east-1_20260101T0000Z_{number:016}.json.gz"
        s3.put_object(Bucket="aged", Key=key, Body=gzip.compress(json.dumps({"Records": records}).encode()))
    arn = store(cairn, "aged")
    everything = ended(cairn, start_import(cairn, arn, "s3://aged/"))
    assert everything["ImportStatus"] == "COMPLETED" and len(ids(cairn, arn)) == 12
    ct.update_event_data_store(EventDataStore=arn, RetentionPeriod=7)
    assert ids(cairn, arn) == sorted(expected)
    for _ in range(3):
        cairn.kill()
        cairn.start()
        assert ids(cairn, arn) == sorted(expected)
    # What is too old comes in again and is not seen; the young are there once.
    other = store(cairn, "aged-short")
    cairn.client("cloudtrail").update_event_data_store(EventDataStore=other, RetentionPeriod=7)
    ended(cairn, start_import(cairn, other, "s3://aged/"))
    cairn.kill()
    cairn.start()
    assert ids(cairn, other) == sorted(expected)
    assert counted(cairn, f"SELECT eventName, count(*) AS n FROM {other.split('/')[1]} GROUP BY eventName") == {"Young": len(expected)}
