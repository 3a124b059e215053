"""SIGKILL at random moments under load. Whatever was answered is in exactly one log file of each trail that selects it, each log
file is in exactly one digest, what was written can be read, and `validate-logs` finds nothing wrong.

The load and its seed: CAIRN_CRASH_ROUNDS (50), CAIRN_CRASH_SEED (the time). The checks read through S3 and the API alone.
"""

import collections
import http.client
import os
import random
import threading
import time

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import logs
from server import until
from validation import validate

ROUNDS = int(os.environ.get("CAIRN_CRASH_ROUNDS", "50"))
SEED = int(os.environ.get("CAIRN_CRASH_SEED", str(int(time.time()))))
THREADS = 4
# The longest that a round runs before its kill.
ROUND_SECONDS_MAX = 1.5
# The rounds between two kills that come before the server is ready, in the middle of its recovery.
EARLY_EVERY = 5
# A pause after each call, so that the check does not take longer than the load.
PACE_SECONDS = 0.004

Answered = collections.namedtuple("Answered", "request name region data")


class Client(threading.Thread):
    """Calls one after the other on one connection, and remembers each answer."""

    def __init__(self, cairn, number, up, end):
        super().__init__(daemon=True)
        self.cairn, self.number, self.up, self.end_of_load = cairn, number, up, end
        self.random = random.Random(f"{SEED} {number}")
        self.credentials = Credentials(cairn.key, cairn.secret)
        self.connection = None
        self.answered, self.lost, self.unavailable = [], 0, 0
        self.written, self.removed, self.doubtful = {}, set(), set()
        self.failure = None

    def run(self):
        try:
            while not self.end_of_load.is_set():
                if self.up.wait(0.2):
                    self.one()
                    time.sleep(PACE_SECONDS)
        except Exception as failure:
            self.failure = failure

    def one(self):
        kind = self.random.choice(["identity", "identity", "trails", "trails eu", "buckets", "tag", "put", "put", "get", "delete", "denied"])
        key = f"t{self.number}/{self.random.randrange(10**9)}"
        json_type = "application/x-amz-json-1.1"
        target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails"
        if kind == "identity":
            form = {"content-type": "application/x-www-form-urlencoded"}
            region = self.random.choice(["us-east-1", "eu-west-1"])
            self.call("GetCallerIdentity", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", form, "sts", region)
        elif kind == "trails":
            self.call("ListTrails", "POST", "/", b"{}", {"content-type": json_type, "x-amz-target": target}, "cloudtrail")
        elif kind == "trails eu":
            self.call("ListTrails", "POST", "/", b"{}", {"content-type": json_type, "x-amz-target": target}, "cloudtrail", "eu-west-1")
        elif kind == "denied":
            self.call("GetTrail", "POST", "/", b'{"Name":"no-such-trail"}', {"content-type": json_type, "x-amz-target": target.replace("ListTrails", "GetTrail")}, "cloudtrail")
        elif kind == "buckets":
            self.call("ListBuckets", "GET", "/")
        elif kind == "tag":
            tags = f"<Tagging><TagSet><Tag><Key>k</Key><Value>{key}</Value></Tag></TagSet></Tagging>".encode()
            self.call("PutBucketTagging", "PUT", "/tagged?tagging=", tags)
        elif kind == "put":
            self.doubtful.add(key)
            if self.call("PutObject", "PUT", f"/content/{key}", key.encode(), data=True) == 200:
                self.written[key] = True
                self.doubtful.discard(key)
        elif self.written:
            old = self.random.choice(list(self.written))
            if kind == "get":
                assert self.call("GetObject", "GET", f"/content/{old}", data=True) in (200, None), old
            else:
                del self.written[old]
                self.removed.add(old)
                if self.call("DeleteObject", "DELETE", f"/content/{old}", data=True) != 204:
                    self.removed.discard(old)
                    self.doubtful.add(old)

    def call(self, name, method, path, body=b"", headers=None, service="s3", region="us-east-1", data=False):
        """Returns the status, or None if no whole answer came."""
        try:
            host = self.cairn.host
            request = AWSRequest(method, f"http://{host}{path}", data=body, headers={"host": host, **(headers or {})})
            (S3SigV4Auth if service == "s3" else SigV4Auth)(self.credentials, service, region).add_auth(request)
            if self.connection is None or self.connection.at != host:
                self.connection = http.client.HTTPConnection(host, timeout=30)
                self.connection.at = host
            self.connection.request(method, path, body, dict(request.headers.items()))
            response = self.connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            self.lost += 1
            return None
        request_id = response.getheader("x-amzn-requestid") or response.getheader("x-amz-request-id")
        if response.status >= 500:
            self.unavailable += 1
            return None
        assert request_id, (name, response.status)
        self.answered.append(Answered(request_id, name, region, data))
        return response.status


@pytest.mark.timeout(1200)
def test_nothing_answered_is_lost_or_doubled(new_cairn, capsys):
    chance = random.Random(SEED)
    started = time.monotonic()
    cairn = new_cairn(delivery="1s", digest="2s")
    s3 = cairn.client("s3")
    for bucket in ["content", "tagged"]:
        s3.create_bucket(Bucket=bucket)
    arns = {}
    for name, region, settings in [("multi", "us-east-1", {"IsMultiRegionTrail": True}), ("single", "eu-west-1", {}), ("data", "us-east-1", {})]:
        cairn.bucket_for_trails(f"{name}-logs")
        arns[name] = cairn.trail(name, f"{name}-logs", region, start=name != "data", **settings)
    ct = cairn.client("cloudtrail")
    ct.put_event_selectors(TrailName="data", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": [
        {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::content/"]}]}])
    ct.start_logging(Name="data")

    up, end = threading.Event(), threading.Event()
    clients = [Client(cairn, number, up, end) for number in range(THREADS)]
    [client.start() for client in clients]
    early = 0
    for number in range(ROUNDS):
        up.set()
        # Not a wait for something: the moment of the kill.
        time.sleep(chance.uniform(0.05, ROUND_SECONDS_MAX))
        up.clear() if chance.random() < 0.2 else None
        cairn.kill()
        up.clear()
        if number % EARLY_EVERY == 0:
            cairn.process = cairn.spawn(stdout=-3, stderr=-3)
            time.sleep(chance.uniform(0, 0.25))
            cairn.kill()
            early += 1
        cairn.start()
    up.set()
    time.sleep(0.5)
    end.set()
    [client.join() for client in clients]
    assert not [client.failure for client in clients if client.failure], [client.failure for client in clients]
    loaded = time.monotonic() - started

    cairn.flush()
    for name, region in [("multi", "us-east-1"), ("single", "eu-west-1"), ("data", "us-east-1")]:
        cairn.client("cloudtrail", region).stop_logging(Name=name)
    until(lambda: cairn.cairn("flush", check=False).code == 0, "everything is delivered")

    answered = [call for client in clients for call in client.answered]
    s3 = cairn.client("s3")
    found = {name: logs.by_request(s3, f"{name}-logs") for name in arns}
    for name, calls in found.items():
        ids = collections.Counter(record["eventID"] for hits in calls.values() for _, record in hits)
        assert not [id_ for id_, count in ids.items() if count != 1], f"{name}: eventIDs that come twice"
        twice = {id_: [key for key, _ in hits] for id_, hits in calls.items() if id_ is not None and len(hits) != 1}
        assert not twice, f"{name}: calls in two files: {list(twice.items())[:3]}"
    missing = collections.Counter()
    for call in answered:
        wanted = {"data"} if call.data else {"multi"}
        if call.name == "ListTrails" and call.region == "eu-west-1":
            wanted.add("single")
        for name in arns:
            hits = found[name].get(call.request)
            if name == "single" and not call.data and name not in wanted:
                record = found["multi"].get(call.request)
                wanted |= {"single"} if record and record[0][1]["awsRegion"] == "eu-west-1" else set()
            if (name in wanted) != bool(hits):
                missing[(name, call.name, call.region, "missing" if name in wanted else "not selected")] += 1
    assert not missing, (missing, f"seed {SEED}")

    counts = {name: logs.check_digests(s3, f"{name}-logs", name) for name in arns}
    verdicts = {}
    for name, region in [("multi", "us-east-1"), ("multi", "eu-west-1"), ("single", "eu-west-1"), ("data", "us-east-1")]:
        verdicts[f"{name} {region}"] = validate(cairn, arns[name], region).all_valid()
    assert verdicts["single eu-west-1"] == counts["single"] and verdicts["data us-east-1"] == counts["data"]
    assert verdicts["multi us-east-1"][1] + verdicts["multi eu-west-1"][1] == counts["multi"][1], (verdicts, counts)

    there = set(logs.keys(s3, "content"))
    doubtful = {key for client in clients for key in client.doubtful}
    for client in clients:
        assert set(client.written) <= there, f"written and not there: {list(set(client.written) - there)[:3]}"
        assert not (client.removed - doubtful) & there, "removed and still there"
    written = [key for client in clients for key in client.written]
    for key in chance.sample(written, min(100, len(written))):
        assert s3.get_object(Bucket="content", Key=key)["Body"].read() == key.encode()
    with capsys.disabled():
        print(f"\nseed {SEED}: {ROUNDS + early} kills ({early} during recovery) in {loaded:.0f} s; {len(answered)} calls answered, "
              f"{sum(client.lost for client in clients)} cut off, {sum(client.unavailable for client in clients)} refused with 5xx; "
              f"digests and files: {counts}; validate-logs: {verdicts}; {len(written)} objects; "
              f"checked in {time.monotonic() - started - loaded:.0f} s")
    assert len(answered) > ROUNDS * 5
