"""SIGKILL at random moments under load, while buckets vanish and return, policies come and go, digests are written, keys rotate
and uploads are under way. Whatever was answered is in exactly one log file of each trail that selects it, each log file is in
exactly one digest, what was written can be read, and `validate-logs` finds nothing wrong.

The load and its seed: CAIRN_CRASH_ROUNDS (60), CAIRN_CRASH_SEED (the time). The checks read through S3 and the API alone.
"""

import gzip
import json
import os
import random
import subprocess
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import crash_checker as checker
from crash_checker import Trail
from crash_load import Answered, Client
from server import CAIRN, trail_policy, until
from validation import validate

ROUNDS = int(os.environ.get("CAIRN_CRASH_ROUNDS", "60"))
SEED = int(os.environ.get("CAIRN_CRASH_SEED", str(int(time.time()))))
THREADS = 4
# The longest that a round runs before its kill.
ROUND_SECONDS_MAX = 1.0
# The rounds between two kills that come before the server is ready, in the middle of its recovery.
EARLY_EVERY = 5
# The rounds between two kills in the middle of a flush, which cuts files and writes digests.
FLUSH_EVERY = 4
# A bucket is gone, or closed to CloudTrail, for some rounds out of so many.
CYCLE = 12
# Calls that LookupEvents is asked for.
LOOKUPS = 30



TRAILS = [
    Trail("multi", "shared-logs", lambda call, region: call.bucket is None, regions=("us-east-1", "eu-west-1")),
    Trail("data", "shared-logs", lambda call, region: call.bucket == "content"),
    Trail("single", "single-logs", lambda call, region: call.bucket is None and region == "eu-west-1", regions=("eu-west-1",), home="eu-west-1"),
    Trail("writes", "muted-logs", lambda call, region: call.bucket is None and call.write and region == "us-east-1"),
    Trail("gone", "gone-logs", lambda call, region: call.bucket is not None or region == "us-east-1", prefix="some/prefix"),
]


def s3_data(*buckets):
    return [{"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{bucket}/" for bucket in buckets]}]


SELECTORS = {
    "data": {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": s3_data("content")}]},
    "writes": {"AdvancedEventSelectors": [{"Name": "w", "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["false"]}]}]},
    "gone": {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": s3_data("content", "versioned")}]},
}


def settings():
    """Keys rotate every few seconds, if the server can be told so."""
    text = subprocess.run([CAIRN, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    return {"CAIRN_DIGEST_KEY_LIFETIME": "20s"} if "--digest-key-lifetime" in text else {}


def prepare(cairn):
    """Buckets and trails; returns the trails' ARNs."""
    s3 = cairn.client("s3")
    for bucket in ["content", "tagged", "versioned"]:
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    arns = {}
    for bucket in sorted({trail.bucket for trail in TRAILS}):
        cairn.bucket_for_trails(bucket)
    for trail in TRAILS:
        more = {"IsMultiRegionTrail": True} if trail.name == "multi" else {}
        more |= {"S3KeyPrefix": trail.prefix} if trail.prefix else {}
        arns[trail.name] = cairn.trail(trail.name, trail.bucket, trail.home, start=False, **more)
        cloudtrail = cairn.client("cloudtrail", trail.home)
        if trail.name in SELECTORS:
            cloudtrail.put_event_selectors(TrailName=trail.name, **SELECTORS[trail.name])
        cloudtrail.start_logging(Name=trail.name)
    return arns


class Saboteur:
    """Takes a bucket away and a policy, and gives both back."""

    def __init__(self, cairn):
        self.cairn, self.is_gone, self.is_muted, self.times = cairn, False, False, 0
        # What was in the bucket each time that it went.
        self.kept = {}

    def s3(self):
        return self.cairn.client("s3")

    def tried(self, work):
        """The server runs, but may still be busy with what it recovers."""
        def attempt():
            try:
                work()
                return True
            except (BotoCoreError, ClientError) as error:
                code = getattr(error, "response", {}).get("Error", {}).get("Code")
                if code in (None, "BucketNotEmpty", "ServiceUnavailable", "SlowDown"):
                    return False
                raise
        until(attempt, "S3 answers")

    def turn(self, number):
        step = number % CYCLE
        if step == 2:
            self.tried(lambda: self.s3().delete_bucket_policy(Bucket="muted-logs"))
            self.is_muted = True
        elif step == 7:
            self.unmute()
        elif step == 4:
            self.tried(self.remove)
            self.is_gone, self.times = True, self.times + 1
        elif step == 9:
            self.restore()

    def remove(self):
        s3 = self.s3()
        checker.copy(s3, "gone-logs", self.kept)
        for key in checker.listing(s3, "gone-logs"):
            # What came since the copy stays, and so the bucket does.
            if key in self.kept:
                s3.delete_object(Bucket="gone-logs", Key=key)
        s3.delete_bucket(Bucket="gone-logs")

    def unmute(self):
        if self.is_muted:
            self.tried(lambda: self.s3().put_bucket_policy(Bucket="muted-logs", Policy=json.dumps(trail_policy("muted-logs"))))
        self.is_muted = False

    def restore(self):
        if self.is_gone:
            self.tried(lambda: self.cairn.bucket_for_trails("gone-logs"))
        self.is_gone = False


def crash(cairn, chance, clients, up, saboteur):
    """All rounds; returns how many kills came during recovery and during a flush."""
    early = flushes = 0
    for number in range(ROUNDS):
        up.set()
        saboteur.turn(number)
        # Not a wait for something: the moment of the kill.
        time.sleep(chance.uniform(0.05, ROUND_SECONDS_MAX))
        if chance.random() < 0.2:
            up.clear()
        if number % FLUSH_EVERY == 0:
            flush = subprocess.Popen([CAIRN, "flush"], env={**cairn.base_env(), **cairn.settings}, stdout=-3, stderr=-3)
            time.sleep(chance.uniform(0, 0.2))
            flushes += 1
        cairn.kill()
        if number % FLUSH_EVERY == 0:
            flush.wait(60)
        up.clear()
        if number % EARLY_EVERY == 0:
            cairn.process = cairn.spawn(stdout=-3, stderr=-3)
            time.sleep(chance.uniform(0, 0.25))
            cairn.kill()
            early += 1
        cairn.start()
    up.set()
    time.sleep(0.5)
    return early, flushes


@pytest.mark.timeout(600 + 6 * ROUNDS)
def test_nothing_answered_is_lost_or_doubled(new_cairn, capsys):
    chance = random.Random(SEED)
    started = time.monotonic()
    cairn = new_cairn(delivery="1s", digest="2s", env=settings())
    arns = prepare(cairn)
    up, end = threading.Event(), threading.Event()
    clients = [Client(cairn, SEED, number, up, end) for number in range(THREADS)]
    [client.start() for client in clients]
    saboteur = Saboteur(cairn)
    try:
        early, flushes = crash(cairn, chance, clients, up, saboteur)
    finally:
        end.set()
        [client.join() for client in clients]
    failures = [client.failure for client in clients if client.failure]
    assert not failures, (failures, f"seed {SEED}")
    loaded = time.monotonic() - started
    saboteur.unmute()
    saboteur.restore()
    cairn.check_log()

    for trail in TRAILS:
        cairn.client("cloudtrail", trail.home).stop_logging(Name=trail.name)
    until(lambda: cairn.cairn("flush", check=False).code == 0, "everything is delivered", 120 + ROUNDS)
    report = check(cairn, clients, saboteur.kept, arns, chance)
    with capsys.disabled():
        print(f"\nseed {SEED}: {ROUNDS + early} kills ({early} during recovery, {flushes} during a flush) in {loaded:.0f} s; "
              f"the bucket went {saboteur.times} times; {sum(client.lost for client in clients)} calls cut off, "
              f"{sum(client.unavailable for client in clients)} refused with 5xx; {report}; "
              f"checked in {time.monotonic() - started - loaded:.0f} s")


def check(cairn, clients, kept, arns, chance):
    s3, cloudtrail = cairn.client("s3"), cairn.client("cloudtrail")
    answered = [call for client in clients for call in client.answered]
    copies = {bucket: checker.copy(s3, bucket) for bucket in {trail.bucket for trail in TRAILS}}
    for key, content in kept.items():
        assert copies["gone-logs"].setdefault(key, content) == content, f"{key} came back with other bytes"
    for bucket, files in copies.items():
        checker.no_file_is_left_over([trail for trail in TRAILS if trail.bucket == bucket], files)
    # Which region an event belongs to is what its record in the trail of all regions says.
    regions = {request: records[0]["awsRegion"] for request, records in checker.records_of(TRAILS[0], copies["shared-logs"]).items()}
    found = checker.every_answer_has_its_record(TRAILS, copies, answered, regions)

    counts, verdicts, digests = {}, {}, []
    for trail in TRAILS:
        named, count = checker.files_of(trail, copies[trail.bucket])
        counts[trail.name] = (count, len(named))
        digests += [digest for key, digest in checker.split(copies[trail.bucket])[1].items() if f"_{trail.name}_" in key]
        if trail.name != "gone":
            valid = [validate(cairn, arns[trail.name], region).all_valid() for region in trail.regions]
            assert sum(files for _, files in valid) == len(named), (trail.name, valid, counts)
            verdicts[trail.name] = valid
    keys = checker.keys_are_published(cloudtrail, digests)
    management = [record for records in found["multi"].values() for record in records if record["awsRegion"] == "us-east-1"]
    checker.history_knows(cloudtrail, chance.sample(management, min(LOOKUPS, len(management))))

    everything = checker.listing(s3, "content")
    for client in clients:
        checker.objects_are_there(s3, client, everything)
        checker.uploads_are_whole(s3, client, everything)
    versions = checker.versions_are_there(s3, clients)
    objects = sum(len(client.written) for client in clients)
    assert len(answered) > ROUNDS * 5
    return (f"{len(answered)} calls answered; digests and files: {counts}; validate-logs: {verdicts}; {keys} keys; {objects} objects, "
            f"{sum(client.completed for client in clients)} of them uploads in parts, {sum(len(client.uploads) for client in clients)} uploads open; "
            f"{versions} versions")


def test_the_checker_notices_what_is_wrong(new_cairn):
    """Files of a whole run without a crash, damaged one way at a time."""
    cairn = new_cairn(delivery="1h", digest="1h")
    prepare(cairn)
    trail = next(trail for trail in TRAILS if trail.name == "data")
    answered = []
    for number in range(6):
        answer = cairn.client("s3").put_object(Bucket="content", Key=f"k{number}", Body=b"x")
        answered.append(Answered(answer["ResponseMetadata"]["RequestId"], "PutObject", "us-east-1", "content", True))
        if number in (1, 3):
            cairn.flush()
    cairn.flush()
    whole = checker.copy(cairn.client("s3"), "shared-logs")
    trails = [trail for trail in TRAILS if trail.bucket == "shared-logs"]

    def verify(files, answered=answered):
        checker.no_file_is_left_over(trails, files)
        checker.every_answer_has_its_record([trail], {"shared-logs": files}, answered, {})

    verify(whole)
    logs = sorted(checker.files_of(trail, whole)[0])
    digests = sorted(key for key in whole if "/CloudTrail-Digest/" in key and "_data_" in key)
    assert len(logs) == 3 and len(digests) >= 3
    content = json.loads(gzip.decompress(whole[logs[0]]))
    shorter = gzip.compress(json.dumps({"Records": content["Records"][1:]}).encode())
    stray = logs[0].replace(".json.gz", "x.json.gz")
    for what, files in {
        "is not there": {key: value for key, value in whole.items() if key != logs[1]},
        "other bytes": {**whole, logs[0]: shorter},
        "which is not there": {key: value for key, value in whole.items() if key != digests[1]},
        "in no digest": {**whole, stray: whole[logs[0]]},
        "is in two digests": {**whole, "AWSLogs" + digests[-1].removeprefix("AWSLogs"): with_files_of(whole, digests[-1], digests)},
    }.items():
        with pytest.raises(AssertionError, match=what):
            verify(files)
    with pytest.raises(AssertionError, match="missing"):
        verify(whole, [*answered, Answered("0000000000000000", "PutObject", "us-east-1", "content", True)])
    with pytest.raises(AssertionError, match="not selected"):
        verify(whole, [call._replace(bucket=None) for call in answered])


def with_files_of(files, key, others):
    """A digest that names the files of all the others too."""
    digest = json.loads(gzip.decompress(files[key]))
    for other in others:
        if other != key:
            digest["logFiles"] += json.loads(gzip.decompress(files[other]))["logFiles"]
    return gzip.compress(json.dumps(digest).encode())
