"""`cairn tail`: filters, both forms, and a server that goes away and comes back."""

import json
import subprocess
import threading

from server import CAIRN, error_of, until


class Tail:
    """A `cairn tail` that runs."""

    def __init__(self, cairn, *args):
        self.process = subprocess.Popen([CAIRN, "tail", *args], env={**cairn.base_env(), **cairn.settings},
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines, self.said = [], []
        for stream, into in [(self.process.stdout, self.lines), (self.process.stderr, self.said)]:
            threading.Thread(target=lambda s=stream, i=into: i.extend(iter(s.readline, "")), daemon=True).start()

    def records(self):
        return [json.loads(line) for line in list(self.lines)]

    def end(self):
        self.process.terminate()
        self.process.wait(30)


def past(cairn, *args):
    """What is recorded and matches, at once."""
    out = cairn.cairn("tail", "--since", "1h", "--no-follow", *args).out
    return [json.loads(line) for line in out.splitlines()]


def test_filters(cairn):
    key, secret = cairn.user("tail-alice")
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="tail-bucket")
    s3.put_object(Bucket="tail-bucket", Key="some/key", Body=b"x")
    assert error_of(cairn.client("s3", key=key, secret=secret).get_object, Bucket="tail-bucket", Key="some/key")[0] == "AccessDenied"
    assert error_of(s3.get_object, Bucket="tail-nowhere", Key="k")[0] == "NoSuchBucket"

    def names(*args):
        return {record["eventName"] for record in past(cairn, *args)}

    everything = names()
    assert {"CreateUser", "CreateAccessKey", "CreateBucket", "PutObject", "GetObject"} <= everything
    assert names("--event-name", "PutObject") == {"PutObject"}
    assert names("--event-name", "create*", "--event-source", "iam") == {"CreateUser", "CreateAccessKey"}
    assert names("--event-name", "PutObject", "--event-name", "CreateUser") == {"PutObject", "CreateUser"}
    assert names("--user", "tail-alice") == names("--user", key) == {"GetObject"}
    assert names("--error") == {"GetObject"}
    assert {record["errorCode"] for record in past(cairn, "--error", "NoSuch*")} == {"NoSuchBucket"}
    assert {record["errorCode"] for record in past(cairn, "--error")} == {"AccessDenied", "NoSuchBucket"}
    assert names("--resource", "tail-bucket") >= {"CreateBucket", "PutObject"} and "CreateUser" not in names("--resource", "tail-bucket")
    assert names("--resource", "arn:aws:s3:::tail-bucket/some/*") == {"PutObject", "GetObject"}
    assert names("--read-only") & {"PutObject", "CreateBucket"} == set() and "GetObject" in names("--read-only")
    assert "PutObject" in names("--write-only") and "GetObject" not in names("--write-only")
    assert names("--source-ip", "127.0.0.*") == names() and names("--source-ip", "10.*") == set()
    assert past(cairn, "--event-name", "NoSuchName") == []


def test_raw_records_are_unchanged_and_short_lines_are_short(cairn):
    cairn.client("iam").create_user(UserName="short-lines")
    raw = past(cairn, "--event-name", "CreateUser", "--resource", "short-lines")
    assert len(raw) == 1 and raw[0]["requestParameters"] == {"userName": "short-lines"}
    env = {"COLUMNS": "100"}
    done = cairn.cairn("tail", "--since", "1h", "--no-follow", "--short", "--resource", "short-lines", env=env)
    day, line = done.out.splitlines()
    assert day == f"── {raw[0]['eventTime'][:10]} UTC ──" and "\x1b" not in done.out
    assert line.split() == [raw[0]["eventTime"][11:19], "root", "iam", "CreateUser", "short-lines", "127.0.0.1", "ok"]
    error_of(cairn.client("iam").get_user, UserName="no-such-user")
    done = cairn.cairn("tail", "--since", "1h", "--no-follow", "--short", "--color", "always", "--error", "NoSuchEntity*")
    assert "\x1b[1;31mNoSuchEntity" in done.out


def test_mistakes_are_explained(cairn):
    for args, said in [(["--since", "yesterday"], "write 10m"), (["--read-only", "--write-only"], "cannot be used with"),
                       (["--short", "--json"], "cannot be used with")]:
        done = cairn.cairn("tail", *args, check=False)
        assert done.code != 0 and said in done.err, done


def test_a_restart_loses_and_repeats_nothing(new_cairn):
    # A port that stays the same, as in real life.
    cairn = new_cairn()
    cairn.settings["CAIRN_LISTEN"] = cairn.host
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="data")
    tail = Tail(cairn, "--event-name", "PutObject", "--event-name", "GetObject")
    done = []
    try:
        n = 0

        def put():
            nonlocal n
            key = f"key-{n}"
            n += 1
            cairn.client("s3").put_object(Bucket="data", Key=key, Body=b"x")
            done.append(key)

        def seen():
            return [record["requestParameters"]["key"] for record in tail.records()]

        def first():
            put()
            return seen()

        until(first, "it follows")
        start = done.index(seen()[0])
        for how in ["stop", "kill", "stop"]:
            for _ in range(5):
                put()
            # What comes right before the end, and right after the start, is what would be lost.
            if how == "stop":
                assert cairn.stop() == 0
            else:
                cairn.kill()
            cairn.start()
            for _ in range(5):
                put()
        until(lambda: done[-1] in seen(), "it follows again")
        assert seen() == done[start:]
        assert sum("went away" in line for line in tail.said) == sum("is back" in line for line in tail.said) >= 1
    finally:
        tail.end()


def test_another_journal_is_noticed(new_cairn, tmp_path):
    cairn = new_cairn()
    cairn.settings["CAIRN_LISTEN"] = cairn.host
    for n in range(20):
        error_of(cairn.client("iam").get_user, UserName=f"no-{n}")
    tail = Tail(cairn, "--since", "1h")
    try:
        until(lambda: len(tail.lines) >= 20, "it shows what was")
        assert cairn.stop() == 0
        cairn.data.rename(tmp_path / "old")
        cairn.start()
        until(lambda: any("it is another one" in line for line in tail.said), "it is told")
        until(lambda: error_of(cairn.client("iam").get_user, UserName="new-one") and
              any("new-one" in line for line in list(tail.lines)), "it goes on")
    finally:
        tail.end()


def test_no_server(new_cairn):
    cairn = new_cairn()
    assert cairn.stop() == 0
    done = cairn.cairn("tail", check=False)
    assert done.code == 1 and "start it with cairn serve" in done.err
