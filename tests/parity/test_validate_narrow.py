"""`cairn validate` of copies, of a part of a trail, and with files that are given by mistake."""

import json
import os
import shutil

import pytest

from server import CAIRN, run
from test_validate import delivered  # noqa: F401
from test_validate_command import problems, times


@pytest.fixture(scope="module")
def made(cairn, delivered, tmp_path_factory):
    """A copy of the bucket with metadata, the public keys, and the trail's status."""
    arn, saved = delivered
    folder = tmp_path_factory.mktemp("made")
    (folder / "keys.json").write_text(cairn.aws(["cloudtrail", "list-public-keys", *times()]).out)
    (folder / "status.json").write_text(cairn.aws(["cloudtrail", "get-trail-status", "--name", arn]).out)
    for key, content in saved.items():
        path = folder / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content["Body"])
        if "CloudTrail-Digest" in key:
            path.with_name(path.name + ".metadata.json").write_text(json.dumps(content["Metadata"]))
    return folder


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made"


def validate(folder, *more, timeout=60):
    """Without a server and its settings: what a copy is for."""
    argv = [CAIRN, "validate", "--folder", "copy", "--public-keys", "keys.json", *more]
    return run(argv, {"PATH": os.environ["PATH"]}, check=False, cwd=folder, timeout=timeout)


def test_a_state_in_the_folder_where_one_is(copy):
    """A bare name has no folder in it."""
    for remembered in [False, True]:
        done = validate(copy, "--state", "state.bin", "--json")
        assert done.code == 0 and (done.json["logFilesRemembered"] > 0) is remembered, done
    assert (copy / "state.bin").read_text().startswith("cairn validate 1\n")
    # With everything read again the newest digests are still known.
    newest = max((copy / "copy").glob("AWSLogs/*/CloudTrail-Digest/us-east-1/*/*/*/*.json.gz"))
    newest.unlink()
    done = validate(copy, "--state", "state.bin", "--full", "--json")
    assert done.code == 1 and [problem["kind"] for problem in done.json["problems"]] == ["tail-missing"], done


def test_a_file_that_is_no_state_is_left_alone(copy):
    keys = (copy / "keys.json").read_bytes()
    for more in [[], ["--full"]]:
        done = validate(copy, "--state", "keys.json", *more)
        assert done.code == 2 and "is not a file that cairn validate wrote" in done.err and "--state" in done.err, done
        assert (copy / "keys.json").read_bytes() == keys
    assert validate(copy, "--state", "state.bin").code == 0
    (copy / "state.bin").write_text("cairn validate 1\nsum 0\n")
    done = validate(copy, "--state", "state.bin")
    assert done.code == 0 and "everything is read again" in done.err, done
    assert "everything is read again" not in validate(copy, "--state", "state.bin").err


def test_keys_that_may_only_be_read(copy):
    """Also out of a pipe: cairn validate --public-keys <(aws cloudtrail list-public-keys …)."""
    os.mkfifo(copy / "pipe")
    script = f'cat keys.json > pipe & "{CAIRN}" validate --folder copy --public-keys pipe; code=$?; wait; exit $code'
    done = run(["bash", "-c", script], {"PATH": os.environ["PATH"]}, check=False, cwd=copy, timeout=60)
    assert done.code == 0, done


def test_all_digests_of_a_copy_are_gone(copy):
    shutil.rmtree(next((copy / "copy").glob("AWSLogs/*/CloudTrail-Digest")))
    done = validate(copy, "--trail-status", "status.json")
    assert done.code == 1 and "INVALID: the trail delivered a digest at" in done.err and "there is none" in done.err, done
    done = validate(copy, "--trail-status", "status.json", "--json")
    assert [problem["kind"] for problem in done.json["problems"]] == ["tail-missing"], done
    done = validate(copy)
    assert done.code == 2 and "nothing is proved" in done.err and "--prefix" in done.err, done


def test_all_digests_of_a_copy_are_damaged(copy):
    for path in (copy / "copy").glob("AWSLogs/*/CloudTrail-Digest/**/*.json.gz"):
        path.write_bytes(b"damaged")
    done = validate(copy)
    assert done.code == 1 and "INVALID: invalid format" in done.err, done


def test_what_is_no_file_is_not_waited_for(copy):
    path = min((copy / "copy").glob("AWSLogs/*/CloudTrail/us-east-1/*/*/*/*.json.gz"))
    path.unlink()
    os.mkfifo(path)
    done = validate(copy)
    assert done.code == 1 and "is not a regular file" in done.err, done
    path.unlink()
    path.symlink_to("/dev/zero")
    done = validate(copy)
    assert done.code == 2 and "leads out of the folder" in done.err, done
    path.unlink()
    digest = min((copy / "copy").glob("AWSLogs/*/CloudTrail-Digest/us-east-1/*/*/*/*.json.gz"))
    digest.unlink()
    os.mkfifo(digest)
    done = validate(copy)
    assert done.code == 1 and "is not a regular file" in done.err, done


def test_json_is_one_object_whatever_happens(cairn, copy):
    for words in [["--folder", str(copy / "absent")], [], ["--trail-arn", "nonsense"], ["s3://no-such-bucket-here"],
                  ["s3://b", "--start-time", "2026-01-02", "--end-time", "2026-01-01"]]:
        done = cairn.cairn("validate", "--json", *words, check=False)
        said = done.json
        assert done.code == said["exitCode"] == 2 and said["valid"] is False and len(said["unchecked"]) == 1, done
        assert said["unchecked"][0] in done.err and said["v"] == 1 and said["digests"] == {"valid": 0, "invalid": 0}
    # A state that cannot be written is told in it too.
    (copy / "folder").mkdir()
    (copy / "folder/state.new").mkdir()
    done = validate(copy, "--state", "folder/state", "--json")
    assert done.code == done.json["exitCode"] == 2 and "writing folder/state" in done.json["unchecked"][0], done


def test_a_region_alone_and_planted_objects(new_cairn):
    cairn = new_cairn(env={"CAIRN_DIGEST_REGIONS": "active"})
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("narrow-logs")
    arn = cairn.trail("narrow", "narrow-logs", IsMultiRegionTrail=True)
    cairn.client("cloudtrail", "eu-west-1").list_trails()
    cairn.flush()
    for region in ["us-east-1", "eu-west-1"]:
        assert problems(cairn, arn, "--region", region)[0] == set()
    # No events there, hence no digests: nothing is proved, and nothing is wrong.
    done = cairn.cairn("validate", "--trail-arn", arn, "--region", "sa-east-1", check=False)
    assert done.code == 2 and "INVALID" not in done.err, done
    # The status is of the trail's own account.
    done = cairn.cairn("validate", "--trail-arn", arn, "--member-account", "210987654321", check=False)
    assert done.code == 2 and "INVALID" not in done.err, done
    assert problems(cairn, arn, "--member-account", "123456789012")[0] == set()

    planted = {f"AWSLogs/123456789012/{folder}/notes.json" for folder in ["CloudTrail", "CloudTrail-Digest"]}
    for key in planted:
        s3.put_object(Bucket="narrow-logs", Key=key, Body=b"{}")
    assert problems(cairn, arn)[0] == {("object-unknown", key) for key in planted}
    assert problems(cairn, arn, "--region", "us-east-1")[0] == set()
    ct.stop_logging(Name="narrow")
