"""`cairn validate` beside the real `aws cloudtrail validate-logs`: the same lines for what both see, and what only ours sees."""

import datetime
import gzip
import json
import time

import pytest

import logs
from server import until
from test_validate import (alter_digest, alter_log, alter_signature, bucket_as_delivered, delete_digest, delete_log,  # noqa: F401
                           delivered, digest, junk_log, log, put_back, swap_digests, swap_logs)

HOUR = datetime.timedelta(hours=1)
FORM = "%Y-%m-%dT%H:%M:%SZ"


def times():
    now = datetime.datetime.now(datetime.timezone.utc)
    return ["--start-time", (now - HOUR).strftime(FORM), "--end-time", (now + HOUR).strftime(FORM)]


def both(cairn, arn, *more):
    """What AWS's command and ours say of the same."""
    words = ["--trail-arn", arn, *times(), *more]
    theirs = cairn.aws(["cloudtrail", "validate-logs", *words, "--region", "us-east-1"], check=False)
    ours = cairn.cairn("validate", *words, "--region", "us-east-1", check=False)
    return theirs, ours


def problems(cairn, arn, *more):
    done = cairn.cairn("validate", "--trail-arn", arn, "--json", *more, check=False)
    said = done.json
    assert done.code == said["exitCode"] == (0 if said["valid"] else 1), done
    return {(problem["kind"], problem["key"]) for problem in said["problems"]}, said


@pytest.mark.parametrize("more", [[], ["--verbose"]])
def test_the_same_words_for_what_is_valid(cairn, delivered, more):
    theirs, ours = both(cairn, delivered[0], *more)
    assert (ours.code, ours.err) == (theirs.code, theirs.err) == (0, "")
    assert ours.out == theirs.out


@pytest.mark.parametrize("harm", [alter_log, delete_log, swap_logs, junk_log, alter_digest, alter_signature, delete_digest, swap_digests])
def test_the_same_words_for_what_both_see(cairn, delivered, bucket_as_delivered, harm):
    harm(cairn.client("s3"), delivered[1])
    theirs, ours = both(cairn, delivered[0], "--verbose")
    assert theirs.code == ours.code == 1
    assert ours.err == theirs.err
    assert ours.out == theirs.out


def append_bytes(s3, saved):
    key = log(saved, 1)
    put_back(s3, key, saved[key], Body=saved[key]["Body"] + b"more")
    return "log-bytes", key


def cut_trailer(s3, saved):
    key = log(saved, 1)
    put_back(s3, key, saved[key], Body=saved[key]["Body"][:-3])
    return "log-bytes", key


def copy_digest(s3, saved):
    key = digest(saved, 1)
    copy = key.replace(".json.gz", "_copy.json.gz")
    put_back(s3, copy, saved[key])
    return "digest-moved", copy


def other_algorithm(s3, saved):
    key = digest(saved, 1)
    put_back(s3, key, saved[key], Metadata={**saved[key]["Metadata"], "signature-algorithm": "none"})
    return "digest-algorithm", key


def plant_object(s3, saved):
    key = log(saved, 1).rsplit("/", 1)[0] + "/notes.json"
    s3.put_object(Bucket="trail-logs", Key=key, Body=b"{}")
    return "object-unknown", key


@pytest.mark.parametrize("harm", [append_bytes, cut_trailer, copy_digest, other_algorithm, plant_object])
def test_what_the_other_does_not_see(cairn, delivered, bucket_as_delivered, harm):
    expected = harm(cairn.client("s3"), delivered[1])
    theirs, ours = both(cairn, delivered[0])
    assert theirs.code == 0 and "INVALID" not in theirs.out + theirs.err, theirs
    assert ours.code == 1 and expected[1] in ours.err, ours
    assert expected in problems(cairn, delivered[0])[0]


def test_a_cut_off_tail(cairn):
    """The newest digest and its log file are gone. The chain that is left is whole; the trail's status tells."""
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("tail-logs")
    arn = cairn.trail("tail", "tail-logs")
    for _ in range(2):
        time.sleep(6)
        ct.list_trails()
        cairn.flush()
    assert problems(cairn, arn)[0] == set()
    newest = logs.digest_keys(s3, "tail-logs")[-1]
    for file in [newest, *[entry["s3Object"] for entry in json.loads(gzip.decompress(
            s3.get_object(Bucket="tail-logs", Key=newest)["Body"].read()))["logFiles"]]]:
        s3.delete_object(Bucket="tail-logs", Key=file)
    theirs, ours = both(cairn, arn)
    assert theirs.code == 0 and "INVALID" not in theirs.out + theirs.err, theirs
    assert ours.code == 1 and "the trail delivered a digest at" in ours.err, ours


def test_a_copy_in_a_folder(cairn, delivered, tmp_path):
    arn, saved = delivered
    (tmp_path / "keys.json").write_text(cairn.aws(["cloudtrail", "list-public-keys", *times()]).out)
    for key, content in saved.items():
        path = tmp_path / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content["Body"])
        if "CloudTrail-Digest" in key:
            # As `aws s3api head-object --query Metadata` prints it.
            path.with_name(path.name + ".metadata.json").write_text(json.dumps(content["Metadata"]))
    words = ["validate", "--folder", str(tmp_path / "copy"), "--public-keys", str(tmp_path / "keys.json")]
    done = cairn.cairn(*words)
    files = sum("CloudTrail-Digest" not in key for key in saved)
    assert f"{files}/{files} log files valid" in done.out
    (tmp_path / "copy" / log(saved, 0)).write_bytes(b"changed")
    assert cairn.cairn(*words, check=False).code == 1


def test_with_a_state_only_what_is_new_is_read(cairn, delivered, tmp_path):
    state = str(tmp_path / "state")
    files = sum("CloudTrail-Digest" not in key for key in delivered[1])
    first = problems(cairn, delivered[0], "--state", state)[1]
    second = problems(cairn, delivered[0], "--state", state)[1]
    assert (first["logFilesRemembered"], second["logFilesRemembered"], second["contentBytes"]) == (0, files, 0)
    assert problems(cairn, delivered[0], "--state", state, "--full")[1]["logFilesRemembered"] == 0


def test_what_cannot_be_checked_is_told(cairn, tmp_path):
    for words, said in [
        (["--trail-arn", "nonsense"], "Invalid trail ARN provided: nonsense"),
        (["--trail-arn", "arn:aws:cloudtrail:us-east-1:123456789012:trail/absent"], "absent"),
        (["s3://no-such-bucket-here"], "NoSuchBucket"),
        (["--folder", str(tmp_path / "absent")], "there is no folder"),
        ([], "name what to validate"),
        (["s3://b", "--start-time", "2026-01-02", "--end-time", "2026-01-01"], "start-time must occur before end-time"),
    ]:
        done = cairn.cairn("validate", *words, check=False)
        assert done.code == 2 and said in done.err, done


def test_the_server_validates_by_itself(new_cairn):
    cairn = new_cairn(env={"CAIRN_VALIDATION_INTERVAL": "1s"})
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("own-logs")
    arn = cairn.trail("own", "own-logs")
    ct.list_trails()
    cairn.flush()

    def found(valid):
        status = json.loads(cairn.json_call("Cairn_20261101.GetStatus", {}, "cairn")[2])
        rows = [row for row in status["Validation"] if row["Trail"] == arn and row["DigestsChecked"] > 0]
        return rows and rows[0]["Valid"] is valid and rows[0]

    row = until(lambda: found(True), "the trail is found valid")
    assert row["FilesChecked"] >= 1 and row["Problems"] == [] and row["CheckedAt"] > 0
    key = logs.log_keys(s3, "own-logs")[0]
    s3.put_object(Bucket="own-logs", Key=key, Body=b"changed")
    row = until(lambda: found(False), "the change is found")
    assert row["ProblemCount"] == 1 and key in row["Problems"][0] and "INVALID: invalid format" in row["Problems"][0]
    time.sleep(3)
    assert cairn.log.read_text().count("is not as it was") == 1, "a problem is logged once"
    cairn.restart()
    until(lambda: found(False), "it is found again after a restart")
