"""`cairn backup` under load and of a stopped server, `cairn restore`, and what the restored server does."""

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from logs import check_digests
from server import CAIRN, Server, error_of, run, until
from validation import validate

BIG = 300_000


class Load:
    """Calls of a few threads, each remembered once it was answered."""

    def __init__(self, cairn, threads=3):
        self.cairn, self.stop, self.answered, self.lock = cairn, False, [], threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, thread):
        s3 = self.cairn.client("s3", retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=60 + thread)
        n = 0
        while not self.stop:
            key = f"load/{thread}/{n % 40:03}"
            body = f"{thread}-{n} ".encode() * (BIG // 8 if n % 5 == 0 else 10)
            answer = s3.put_object(Bucket="data", Key=key, Body=body)
            if n % 7 == 0:
                s3.delete_object(Bucket="data", Key=f"load/{thread}/{(n + 13) % 40:03}")
            with self.lock:
                self.answered.append(answer["ResponseMetadata"]["RequestId"])
            n += 1

    def so_far(self):
        with self.lock:
            return list(self.answered)

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join(60)


def prepare(cairn):
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="data")
    cairn.bucket_for_trails("trail-logs")
    arn = cairn.trail("audit", "trail-logs")
    selectors = [{"ReadWriteType": "All", "IncludeManagementEvents": True,
                  "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::data/"]}]}]
    cairn.client("cloudtrail").put_event_selectors(TrailName="audit", EventSelectors=selectors)
    for n in range(20):
        s3.put_object(Bucket="data", Key=f"fixed/{n}", Body=f"{n}.".encode() * (BIG if n % 3 == 0 else 5))
    cairn.flush()
    return arn


def restored(cairn, backup, folder):
    """A server over what `cairn restore` made, with the first one's root key."""
    other = Server(folder)
    done = run([CAIRN, "restore", str(backup), "--data-dir", str(other.data)], other.base_env())
    assert "all are what the backup's list says" in done.out
    for name in ["CAIRN_ROOT_ACCESS_KEY_ID", "CAIRN_ROOT_SECRET_ACCESS_KEY"]:
        other.settings[name] = cairn.settings[name]
    other.key, other.secret = cairn.key, cairn.secret
    return other.start()


def check_fixed(server):
    s3 = server.client("s3")
    for n in range(20):
        body = s3.get_object(Bucket="data", Key=f"fixed/{n}")["Body"].read()
        assert body == f"{n}.".encode() * (BIG if n % 3 == 0 else 5), n


def request_ids(server):
    server.flush()
    from logs import records
    return {record.get("requestID") for _, record in records(server.client("s3"), "trail-logs", "AWSLogs/")}


def test_under_load_then_restored_and_continued(new_cairn, tmp_path):
    cairn = new_cairn()
    arn = prepare(cairn)
    load = Load(cairn)
    try:
        until(lambda: len(load.so_far()) > 60, "there is load")
        before = load.so_far()
        backup = tmp_path / "backup"
        done = cairn.cairn("backup", str(backup))
        until(lambda: len(load.so_far()) > len(before) + 20, "the load goes on after it")
    finally:
        load.end()
    assert "every record up to journal entry" in done.out
    manifest = json.loads((backup / "manifest.json").read_text())
    assert manifest["while_running"] and manifest["has_objects"] and not manifest["left_out"]
    # Its list is one that anybody can check.
    run(["sha256sum", "--check", "--strict", "--quiet", "files.sha256"], {"PATH": os.environ["PATH"]}, cwd=backup)
    assert oct(backup.stat().st_mode & 0o777) == "0o700"
    assert {path.stat().st_mode & 0o777 for path in backup.rglob("*") if path.is_file()} == {0o600}
    # The copy of the tables in the data folder went with the hold.
    until(lambda: not list(cairn.data.glob("state.sqlite.copy-*")), "the copy of the tables is removed")

    other = restored(cairn, backup, tmp_path / "other")
    try:
        check_fixed(other)
        # Every object that is listed can be read: nothing that the tables name is missing.
        s3 = other.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket="data"):
            for item in page.get("Contents", []):
                assert len(s3.get_object(Bucket="data", Key=item["Key"])["Body"].read()) == item["Size"], item
        # Every call answered before the backup began has its record, once.
        ids = request_ids(other)
        missing = [request for request in before if request not in ids]
        assert not missing, f"{len(missing)} of {len(before)} records are missing"
        # It goes on: new calls, new files, one chain of digests over old and new.
        files_before = check_digests(s3, "trail-logs", "audit")
        s3.put_object(Bucket="data", Key="after", Body=b"restored")
        other.flush()
        files_after = check_digests(s3, "trail-logs", "audit")
        assert files_after > files_before
        validate(other, arn).all_valid()
        # Trails can still be changed, and their changes are heeded.
        other.client("cloudtrail").stop_logging(Name="audit")
        other.client("cloudtrail").start_logging(Name="audit")
        answer = s3.put_object(Bucket="data", Key="again", Body=b"x")
        assert answer["ResponseMetadata"]["RequestId"] in request_ids(other)
        assert other.cairn("status", check=False).code == 0
    finally:
        assert other.stop() == 0


def test_trail_changes_beside_a_backup_are_whole_or_absent(new_cairn, tmp_path):
    """A trail that is made while a backup begins is in both the tables and the journal's copy, or in neither."""
    cairn = new_cairn()
    cairn.bucket_for_trails("trail-logs")
    ct = cairn.client("cloudtrail")
    stop = threading.Event()

    def make():
        n = 0
        while not stop.is_set() and n < 400:
            name = f"trail-{n % 5}"
            try:
                ct.create_trail(Name=name, S3BucketName="trail-logs")
                ct.start_logging(Name=name)
                ct.delete_trail(Name=name)
            except Exception:  # noqa: BLE001 - a trail of an earlier round
                pass
            n += 1

    maker = threading.Thread(target=make)
    maker.start()
    try:
        for n in range(3):
            cairn.cairn("backup", str(tmp_path / f"b{n}"))
    finally:
        stop.set()
        maker.join(60)
    for n in range(3):
        other = restored(cairn, tmp_path / f"b{n}", tmp_path / f"other{n}")
        try:
            there = {trail["Name"] for trail in other.client("cloudtrail").list_trails()["Trails"]}
            cloudtrail = other.client("cloudtrail")
            for name in there:
                cloudtrail.delete_trail(Name=name)
            arn = other.trail("audit", "trail-logs")
            cloudtrail.list_trails()
            other.flush()
            validate(other, arn).all_valid()
            status = json.loads(other.cairn("status", "--json", check=False).out)
            assert [trail["Name"] for trail in status["Trails"]] == ["audit"], status["Trails"]
        finally:
            assert other.stop() == 0


def test_of_a_stopped_server_and_incremental(new_cairn, tmp_path):
    cairn = new_cairn()
    prepare(cairn)
    one, two = tmp_path / "one", tmp_path / "two"
    assert cairn.stop() == 0
    cairn.cairn("backup", str(one))
    assert not json.loads((one / "manifest.json").read_text())["while_running"]
    cairn.start()
    cairn.client("s3").put_object(Bucket="data", Key="new", Body=b"n" * BIG)
    done = cairn.cairn("backup", str(two), "--base", str(one))
    linked = [path for path in one.rglob("*") if path.is_file() and path.stat().st_nlink == 2]
    objects = [path for path in linked if path.is_relative_to(one / "data/objects")]
    assert len(objects) >= 7 and f" {len(linked)} of them linked" in done.out, (done, linked)
    # Each is whole without the other.
    shutil.rmtree(one)
    other = restored(cairn, two, tmp_path / "other")
    try:
        check_fixed(other)
        assert other.client("s3").get_object(Bucket="data", Key="new")["Body"].read() == b"n" * BIG
    finally:
        assert other.stop() == 0


def test_without_secrets(tmp_path):
    cairn = Server(tmp_path / "cairn")
    del cairn.settings["CAIRN_ROOT_ACCESS_KEY_ID"], cairn.settings["CAIRN_ROOT_SECRET_ACCESS_KEY"]
    cairn.start()
    done = cairn.cairn("backup", str(tmp_path / "b"), "--without-secrets")
    assert "Left out: " in done.out and "root-credentials" in done.out
    assert cairn.stop() == 0
    names = {path.name for path in (tmp_path / "b/data").iterdir()}
    assert names == {"journal", "state.sqlite"}
    done = run([CAIRN, "restore", str(tmp_path / "b"), "--data-dir", str(tmp_path / "new")], cairn.base_env())
    assert "made without" in done.out and "root-credentials" in done.out
    # Its first start is refused, and leaves no new keys that would be taken for the old ones.
    cairn.settings["CAIRN_DATA_DIR"] = str(tmp_path / "new")
    process = cairn.spawn(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and b"the host key" in err and b"restore the file" in err
    assert not [path for path in (tmp_path / "new").iterdir() if path.name in ("root-credentials", "host-key", "metrics-token")]


def test_refusals_say_what_to_do(new_cairn, tmp_path):
    cairn = new_cairn()
    backup = tmp_path / "backup"
    cairn.cairn("backup", str(backup))

    def refused(said, *args, env=None):
        done = cairn.cairn(*args, check=False, env=env)
        assert done.code == 1 and said in done.err, done

    refused("is there already", "backup", str(backup))
    refused("lies in the data folder", "backup", str(cairn.data / "x"))
    refused("is not a data folder", "backup", str(tmp_path / "y"), env={"CAIRN_DATA_DIR": str(tmp_path)})
    refused("it is no backup", "backup", str(tmp_path / "y"), "--base", str(tmp_path / "nothing"))
    refused("root key", "backup", str(tmp_path / "y"), env={"CAIRN_ROOT_ACCESS_KEY_ID": "AKIASOMEBODYELSE"})
    refused("is there already", "restore", str(backup), env={"CAIRN_DATA_DIR": str(cairn.data)})
    refused("never finished", "restore", str(cairn.data), env={"CAIRN_DATA_DIR": str(tmp_path / "z")})
    assert not list(tmp_path.glob("z*")), "nothing is left of it"


@pytest.fixture
def a_backup(new_cairn, tmp_path):
    cairn = new_cairn()
    prepare(cairn)
    backup = tmp_path / "backup"
    cairn.cairn("backup", str(backup))
    return cairn, backup


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm, said", [
    (lambda b: flip(next(p for p in sorted((b / "data/objects").rglob("*")) if p.is_file())), "is not what was backed up"),
    (lambda b: flip(next((b / "data/journal").iterdir())), "is not what was backed up"),
    (lambda b: flip(b / "data/state.sqlite"), "is not what was backed up"),
    (lambda b: next(p for p in (b / "data/objects").rglob("*") if p.is_file()).unlink(), "No such file"),
    (lambda b: (b / "data/objects/data/extra").write_text("x"), "somebody added it"),
    (lambda b: flip(b / "files.sha256"), "it was changed"),
    (lambda b: (b / "manifest.json").unlink(), "never finished"),
    (lambda b: (b / "manifest.json").write_text("{}"), "use a newer one"),
])
def test_a_damaged_backup_is_not_restored(a_backup, tmp_path, harm, said):
    cairn, backup = a_backup
    assert ": whole: " in cairn.cairn("restore", str(backup), "--check", env={"CAIRN_DATA_DIR": str(tmp_path / "new")}).out
    harm(backup)
    done = cairn.cairn("restore", str(backup), check=False, env={"CAIRN_DATA_DIR": str(tmp_path / "new")})
    assert done.code == 1 and said in done.err, done
    assert not list(tmp_path.glob("new*")), "nothing is left of it, no keys either"


def test_interrupted_leaves_an_unfinished_folder(new_cairn, tmp_path):
    cairn = new_cairn()
    prepare(cairn)
    s3 = cairn.client("s3")
    for n in range(30):
        s3.put_object(Bucket="data", Key=f"large/{n}", Body=os.urandom(4 << 20))
    backup = tmp_path / "backup"
    unfinished = tmp_path / "backup.unfinished"
    process = subprocess.Popen([CAIRN, "backup", str(backup)], env={**cairn.base_env(), **cairn.settings})
    until(lambda: (unfinished / "data/objects").exists() or process.poll() is not None, "it copies")
    process.kill()
    process.wait(60)
    assert unfinished.exists() and not backup.exists()
    done = cairn.cairn("restore", str(unfinished), check=False, env={"CAIRN_DATA_DIR": str(tmp_path / "new")})
    assert done.code == 1 and "never finished" in done.err
    # The hold went with the client: the server tidies up, and the next attempt starts anew.
    until(lambda: not list(cairn.data.glob("state.sqlite.copy-*")), "the hold ends")
    done = cairn.cairn("backup", str(backup))
    assert "did not finish" in done.err and backup.exists() and not unfinished.exists()


def test_a_server_that_stops_meanwhile_spoils_the_backup(new_cairn, tmp_path):
    cairn = new_cairn()
    prepare(cairn)
    s3 = cairn.client("s3")
    for n in range(40):
        s3.put_object(Bucket="data", Key=f"large/{n}", Body=os.urandom(4 << 20))
    backup = tmp_path / "backup"
    process = subprocess.Popen([CAIRN, "backup", str(backup)], env={**cairn.base_env(), **cairn.settings},
                               stderr=subprocess.PIPE, text=True)
    until(lambda: (tmp_path / "backup.unfinished/data/objects").exists() or process.poll() is not None, "it copies")
    cairn.kill()
    err = process.communicate(timeout=60)[1]
    if process.returncode != 0:
        assert "the server stopped while its files were being copied" in err and not backup.exists()
    cairn.start()
    assert error_of(cairn.client("s3").get_object, Bucket="data", Key="none")[0] == "NoSuchKey"


def test_what_goes_while_a_backup_runs_is_in_it(new_cairn, tmp_path):
    """Objects that are deleted while files are copied stay until the hold ends, and go then."""
    cairn = new_cairn()
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="x", Body=b"x" * BIG)
    cairn.bucket_for_trails("trail-logs")
    cairn.trail("audit", "trail-logs")
    for n in range(8):
        cairn.flush()
        cairn.cairn("backup", str(tmp_path / f"b{n}"))
    outbox = Path(cairn.data / "objects/data/delivery/outbox")
    left = lambda: [path for path in outbox.rglob("*") if path.is_file()]  # noqa: E731
    until(lambda: not left(), "the outbox is empty")
