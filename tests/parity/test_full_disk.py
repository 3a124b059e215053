"""A full disk: calls are refused, none is half done, and all goes on when there is room again."""

import os
import subprocess

import pytest
from server import Server, error_of, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")

DISK_MIB = 24


@pytest.fixture
def small_disk(tmp_path):
    """A server whose data folder is a file system of its own."""
    server = Server(tmp_path / "cairn")
    server.data.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(server.data)], check=True)
    try:
        yield server.start()
        if server.running:
            assert server.stop() == 0
    finally:
        if server.running:
            server.kill()
        subprocess.run(["umount", str(server.data)], check=True)


def fill(path):
    with open(path, "wb") as file:
        size = 1 << 20
        while size:
            try:
                os.write(file.fileno(), b"x" * size)
            except OSError:
                size //= 2


def test_a_full_disk_refuses_calls_and_recovers(small_disk):
    cairn = small_disk
    sts, iam = cairn.client("sts"), cairn.client("iam")
    iam.create_user(UserName="before")
    filler = cairn.data / "filler"
    fill(filler)

    def refused():
        try:
            sts.get_caller_identity()
            return False
        except sts.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
            return True

    # What the journal had set aside is used up first.
    until(refused, "calls are refused")
    assert cairn.get("/readyz")[0] == 503
    code, status, _ = error_of(iam.create_user, UserName="during")
    assert (code, status) == ("ServiceUnavailable", 503)

    filler.unlink()
    # Nobody has to call for the server to notice.
    until(lambda: cairn.get("/readyz")[0] == 200, "the server is ready again")
    identity = until(lambda: answered(sts.get_caller_identity), "calls are answered again")
    assert identity["Arn"].endswith(":root")
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["before"]
    iam.create_user(UserName="after")

    # Each answered call has its record; the refused one may have one that says that it was interrupted, never one of success.
    events = cairn.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}])["Events"]
    good = [event for event in events if '"errorCode"' not in event["CloudTrailEvent"]]
    assert len(good) == 2, events
    cairn.restart()
    assert [user["UserName"] for user in cairn.client("iam").list_users()["Users"]] == ["after", "before"]


def answered(call):
    try:
        return call()
    except Exception:
        return None
