"""`cairn status`: what it shows, its exit codes, its JSON; and the documents that the command makes of itself."""

import json
import os
import re
import subprocess

import pytest
from server import CAIRN, run, trail_policy, until

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def status(cairn, *args, check=False, **kwargs):
    return cairn.cairn("status", *args, check=check, **kwargs)


def test_healthy(cairn):
    cairn.bucket_for_trails("status-logs")
    cairn.trail("audit", "status-logs", IsMultiRegionTrail=True)
    cairn.trail("southern", "status-logs", region="eu-south-1", EnableLogFileValidation=False, start=False)
    cairn.flush()
    done = status(cairn)
    assert done.code == 0 and "● healthy" in done.out and cairn.endpoint in done.out, done
    assert "\x1b" not in done.out, "no colours where nobody looks"
    lines = done.out.splitlines()
    audit = next(line for line in lines if line.startswith("  audit"))
    assert "us-east-1 (all)" in audit and "s ago" in audit and audit.endswith("status-logs")
    southern = next(line for line in lines if line.startswith("  southern"))
    assert "eu-south-1 " in southern and "never" in southern
    for consumer in ["delivery", "history"]:
        assert any(line.startswith(f"  {consumer}") and line.endswith("ok") for line in lines), done


def test_json_has_all_of_it(cairn):
    seen = status(cairn, "--json").json
    assert seen["Reachable"] and seen["Healthy"] and seen["Ready"] and seen["Recording"] == {"On": True, "Waiting": False}
    assert seen["AccountId"] == "123456789012" and seen["Problems"] == []
    assert seen["Journal"]["Entries"] > 5 and seen["Journal"]["BytesOnDisk"] > 0 and seen["Journal"]["OldestEventTime"]
    assert {consumer["Name"] for consumer in seen["Consumers"]} >= {"delivery", "history"}
    assert seen["Disk"]["JournalBytes"] > 0 and seen["Disk"]["TablesBytes"] > 0 and seen["Disk"]["FreeBytes"] > 0


def test_colours_and_widths(cairn):
    coloured = status(cairn, "--color", "always").out
    assert "\x1b[32m● healthy\x1b[0m" in coloured
    assert "\x1b" not in status(cairn, "--color", "never").out
    for width in [80, 100, 140]:
        out = status(cairn, env={"COLUMNS": str(width)}).out
        assert max(len(line) for line in out.splitlines()) <= width, out
    # On a terminal: colours, unless NO_COLOR says otherwise.
    for env, expected in [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]:
        script = f"script -qec '{CAIRN} status' /dev/null"
        done = run(["sh", "-c", script], {**cairn.base_env(), **cairn.settings, "TERM": "xterm", **env}, check=False)
        assert ("\x1b[32m" in done.out) == expected, (env, done)
        assert "● healthy" in ESCAPE.sub("", done.out)


def test_a_bucket_that_refuses(new_cairn):
    cairn = new_cairn()
    cairn.bucket_for_trails("refusing-logs")
    cairn.trail("audit", "refusing-logs")
    cairn.client("s3").put_bucket_policy(Bucket="refusing-logs", Policy=json.dumps(trail_policy("refusing-logs", write=False)))
    cairn.cairn("flush", check=False)
    done = until(lambda: (d := status(cairn)).code == 1 and d, "it is told")
    assert "Trail audit: no log file reaches the bucket refusing-logs" in " ".join(done.out.split()), done
    assert "Let the bucket's policy allow cloudtrail.amazonaws.com" in " ".join(done.out.split())
    seen = status(cairn, "--json").json
    assert not seen["Healthy"] and len(seen["Problems"]) == 1 and seen["Problems"][0]["Do"]
    assert seen["Backlogs"][0]["Trail"].endswith(":trail/audit") and seen["Backlogs"][0]["Files"] >= 1
    cairn.client("s3").put_bucket_policy(Bucket="refusing-logs", Policy=json.dumps(trail_policy("refusing-logs")))
    cairn.flush()
    assert status(cairn).code == 0


def test_recording_switched_off(new_cairn):
    cairn = new_cairn(env={"CAIRN_RECORDING": "off"})
    done = status(cairn)
    assert done.code == 1 and "Nothing is recorded" in done.out


def test_not_reachable(new_cairn, tmp_path):
    cairn = new_cairn()
    wrong = status(cairn, env={"CAIRN_ROOT_SECRET_ACCESS_KEY": "somebody else's secret"})
    assert wrong.code == 2 and "The root key that this command has is not the server's" in wrong.err, wrong
    assert cairn.stop() == 0
    for args in [[], ["--json"]]:
        done = status(cairn, *args)
        assert done.code == 2 and "start it with cairn serve" in done.err, done
    assert done.json["Reachable"] is False
    nothing = run([CAIRN, "status"], {"PATH": os.environ["PATH"], "CAIRN_DATA_DIR": str(tmp_path / "none")}, check=False)
    assert nothing.code == 2 and "start the server first" in nothing.err


def test_watch_goes_on(cairn):
    process = subprocess.Popen([CAIRN, "status", "--json", "--watch", "1"], env={**cairn.base_env(), **cairn.settings},
                               stdout=subprocess.PIPE, text=True)
    try:
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
    finally:
        process.terminate()
        process.wait(30)
    assert first["Healthy"] and second["AskedAt"] > first["AskedAt"]


def test_env_of_other_shells(cairn):
    assert f"set -gx AWS_ENDPOINT_URL {cairn.endpoint}" in cairn.cairn("env", "--shell", "fish").out
    assert f"$env:AWS_ENDPOINT_URL = '{cairn.endpoint}'" in cairn.cairn("env", "--shell", "powershell").out


def test_config_shows_what_is_in_force(cairn, tmp_path):
    (tmp_path / "cairn.toml").write_text('host_names = "a.example"\nlog = "warn"\n')
    done = cairn.cairn("config", "--config", str(tmp_path / "cairn.toml"), "--log", "debug")
    assert 'host_names = "a.example"' in done.out and 'log = "debug"' in done.out and '# digest_interval' not in done.out
    assert cairn.secret not in done.out and "root_secret_access_key is set; it is not shown" in done.out
    assert cairn.cairn("config", "--log-file", "x", check=False).code == 2


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", None), ("fish", None), ("powershell", None), ("elvish", None)])
def test_completions(cairn, tmp_path, shell, check):
    script = tmp_path / "completions"
    script.write_text(cairn.cairn("completions", shell).out)
    assert "backup" in script.read_text()
    if check:
        run([*check, str(script)], {"PATH": os.environ["PATH"]})


def test_bash_completes(cairn, tmp_path):
    script = tmp_path / "completions"
    script.write_text(cairn.cairn("completions", "bash").out)
    ask = f'. {script}; COMP_WORDS=(cairn tail --ev); COMP_CWORD=2; _cairn cairn --ev tail; echo "${{COMPREPLY[@]}}"'
    assert run(["bash", "-c", ask], {"PATH": os.environ["PATH"]}).out.split() == ["--event-name", "--event-source", "--event-store", "--events-retention-days"]


def test_manual_pages(cairn, tmp_path):
    cairn.cairn("man", "--out", str(tmp_path / "man"))
    names = {path.name for path in (tmp_path / "man").iterdir()}
    assert {"cairn.1", "cairn-serve.1", "cairn-backup.1", "cairn-tail.1"} <= names
    assert ".TH" in cairn.cairn("man").out
