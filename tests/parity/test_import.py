"""`cairn generate` and `cairn import`: known data in, the same answers out; again, damaged, late, watched."""

import gzip
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from server import CAIRN

RECORDS = 4000


def generate(cairn, into, *args):
    return json.loads(cairn.cairn("generate", "--into", str(into), "--json", *args).out)


def import_(cairn, source, *args, code=0):
    done = cairn.cairn("import", str(source), "--json", *args, check=False)
    assert done.code == code, repr(done)
    return json.loads(done.out)


def logs(folder):
    return sorted(path for path in Path(folder).rglob("*.json.gz") if "/CloudTrail/" in str(path))


def stored_records(folder):
    for path in logs(folder):
        yield from json.loads(gzip.decompress(path.read_bytes()))["Records"]


@pytest.fixture(scope="module")
def world(cairn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    args = ["--records", str(RECORDS), "--days", "3", "--attack", "--digests", "trail-logs"]
    return folder, generate(cairn, folder, *args)


def test_the_same_seed_gives_the_same_files(cairn, world, tmp_path):
    folder, summary = world
    args = ["--records", str(RECORDS), "--days", "3", "--attack", "--digests", "trail-logs"]
    assert generate(cairn, tmp_path / "again", *args) == summary
    for path in logs(folder):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes()


def test_the_summary_counts_what_is_in_the_files(world):
    folder, summary = world
    records = list(stored_records(folder))
    assert len(records) == summary["records"] == RECORDS
    logins = [record for record in records if record["eventName"] == "ConsoleLogin"]
    without = [
        record
        for record in logins
        if record["additionalEventData"]["MFAUsed"] == "No"
        and record["responseElements"]["ConsoleLogin"] == "Success"
        and record["userIdentity"]["type"] != "AssumedRole"
    ]
    assert len(without) == summary["logins"]["without_mfa"]
    ids = {record["eventID"] for record in records}
    assert {one for step in summary["attack"] for one in step["event_ids"]} <= ids


def test_everything_is_imported_once(cairn, world):
    folder, summary = world
    first = import_(cairn, folder)
    assert first["whole"]
    assert (first["recordsRead"], first["recordsKept"]) == (RECORDS, RECORDS)
    assert first["filesSeen"] == first["filesNamed"] == summary["files"]
    assert first["digestsRead"] == summary["digests"]
    again = import_(cairn, folder)
    assert (again["filesKnown"], again["recordsRead"]) == (summary["files"], 0)
    # From another folder on they are other files to the server, and no new records.
    below = import_(cairn, folder / "AWSLogs")
    assert (below["filesKnown"], below["recordsRead"]) == (summary["files"], 0)


def test_a_copy_brings_nothing_new(cairn, world, tmp_path):
    folder, summary = world
    shutil.copytree(folder, tmp_path / "copy")
    copy = import_(cairn, tmp_path / "copy")
    assert (copy["filesRead"], copy["recordsDuplicate"], copy["recordsKept"]) == (summary["files"], RECORDS, 0)


def test_damaged_and_missing_files_are_listed(cairn, tmp_path):
    generate(cairn, tmp_path, "--records", "600", "--days", "1", "--seed", "7", "--digests", "trail-logs")
    files = logs(tmp_path)
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[: len(whole) // 2])
    late = files[1].read_bytes()
    files[1].unlink()
    report = import_(cairn, tmp_path, code=1)
    assert (report["filesFailed"], report["filesMissing"]) == (1, 1)
    assert report["failures"][0]["key"].endswith(files[0].name)
    assert "gzip" in report["failures"][0]["why"]
    assert report["missing"][0].endswith(files[1].name)
    files[0].write_bytes(whole)
    files[1].write_bytes(late)
    report = import_(cairn, tmp_path)
    assert (report["filesRead"], report["filesFailed"], report["filesMissing"]) == (2, 0, 0)


def test_filters(cairn, world, tmp_path):
    folder, summary = world
    account, count = next(iter(summary["by_account"].items()))
    shutil.copytree(folder, tmp_path / "copy")
    report = import_(cairn, tmp_path / "copy", "--member-account", account)
    assert report["recordsRead"] - report["recordsLeftOut"] == count
    report = import_(cairn, tmp_path / "copy", "--start-time", "2025-01-02", "--end-time", "2025-01-02T23:59:59Z")
    assert report["recordsRead"] - report["recordsLeftOut"] == summary["by_day"]["2025-01-02"]


def test_a_bucket_of_the_server(cairn, world, tmp_path):
    _, summary = world
    generate(cairn, tmp_path, "--records", "500", "--days", "1", "--seed", "9")
    cairn.aws("s3api create-bucket --bucket imported-logs")
    cairn.aws(["s3", "sync", str(tmp_path), "s3://imported-logs/copied/"])
    report = import_(cairn, "s3://imported-logs/copied/AWSLogs/")
    assert (report["recordsRead"], report["recordsKept"]) == (500, 500)
    assert import_(cairn, "s3://imported-logs/copied/AWSLogs/")["recordsRead"] == 0


def test_watching_finds_what_comes_later(cairn, tmp_path):
    (tmp_path / "in").mkdir()
    command = [CAIRN, "import", str(tmp_path / "in"), "--json", "--watch", "1"]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**cairn.base_env(), **cairn.settings})
    try:
        assert json.loads(watching.stdout.readline())["filesSeen"] == 0
        (tmp_path / "in/new.json").write_text('{"Records":[{"eventID":"watched","eventTime":"2025-01-01T00:00:00Z"}]}')
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if json.loads(watching.stdout.readline())["recordsKept"] == 1:
                break
        else:
            pytest.fail("the new file was not imported")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=30) == 0
    finally:
        watching.kill()


def test_what_cannot_be_is_said(cairn, tmp_path):
    def refused(*args):
        done = cairn.cairn("import", *args, check=False)
        assert done.code == 1, repr(done)
        return done.err

    (tmp_path / "one.json").write_text('{"Records":[{"a":1}]}')
    assert "nowhere" in refused(str(tmp_path / "nowhere"))
    assert "There is no event store nothing" in refused(str(tmp_path), "--into", "nothing")
    assert "--start-time" in refused(str(tmp_path), "--start-time", "2025-02-01", "--end-time", "2025-01-01")


def test_a_server_that_is_killed_loses_and_repeats_nothing(new_cairn, tmp_path):
    """Whenever it is killed: the same command completes the import, and a copy of all files then has nothing new."""
    server = new_cairn()
    summary = generate(server, tmp_path / "in", "--records", "20000", "--days", "2", "--seed", "3")
    command = [CAIRN, "import", str(tmp_path / "in"), "--json"]
    env = {**server.base_env(), **server.settings}
    importing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        time.sleep(0.3)
        server.kill()
        server.start()
        importing.communicate(timeout=120)
    finally:
        importing.kill()
    report = import_(server, tmp_path / "in")
    assert report["filesSeen"] == summary["files"]
    shutil.copytree(tmp_path / "in", tmp_path / "copy")
    copy = import_(server, tmp_path / "copy")
    assert (copy["recordsRead"], copy["recordsDuplicate"], copy["recordsKept"]) == (20000, 20000, 0)
