"""The tour of README.md does what it says: its shell blocks run in order, in one shell, in an empty folder."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from server import AWS, CAIRN, Failed, until

README = Path(__file__).resolve().parents[2] / "README.md"
# The block that starts the server holds one of these: for the tour it runs beside the shell, on the tour's folder.
STARTS_THE_SERVER = re.compile(r"^\s*(make run|(\S*/)?cairn serve)\b.*$", re.M)


def blocks():
    text = README.read_text()
    tour = re.search(r"<!-- tour:start -->(.*?)<!-- tour:end -->", text, re.S)
    assert tour, "README.md has no tour"
    return re.findall(r"^```(?:sh|bash|shell)\n(.*?)^```", tour[1], re.S | re.M)


def answer(out, header):
    """The lines below a header, as long as they have as many columns."""
    lines = out.splitlines()
    at = lines.index(header) + 1
    rows = [line.split(",") for line in lines[at:]]
    ends = next(number for number, row in enumerate(rows) if len(row) != header.count(",") + 1)
    return rows[:ends]


def answers_are_right(out):
    """The three questions, held against what `cairn generate` says that it wrote."""
    steps = re.findall(r"^ *\d+\. (\S+) (\S+) (\S+): ", out, re.M)
    assert len(steps) == 27, out
    times = [row[0] for row in answer(out, "eventTime,userName,sourceIPAddress")]
    assert times == sorted(times, reverse=True) and "2025-01-16 13:14:00.000" in times, out
    refused = [int(row[1]) for row in answer(out, "arn,refused")]
    assert len(refused) == 5 and refused == sorted(refused, reverse=True) and refused[-1] > 0, out
    did = {(row[0], row[2]) for row in answer(out, "first,recipientAccountId,eventName,times")}
    # What only reads was not asked for, and what was done twice is there once.
    for time, _, name in steps:
        if name in ("CreateUser", "CreateLoginProfile", "StopLogging", "DeleteDetector", "DeleteTrail"):
            assert (f"{time[:10]} {time[11:19]}.000", name) in did, (time, name, did)


@pytest.mark.timeout(600)
def test_the_tour(tmp_path):
    script = [STARTS_THE_SERVER.sub("", block) for block in blocks()]
    assert any(line.strip() for block in script for line in block.splitlines()), "the tour has no commands"
    data = tmp_path / "cairn-data"
    (tmp_path / "bin").mkdir()
    for name, target in {"cairn": CAIRN, "aws": AWS}.items():
        (tmp_path / "bin" / name).symlink_to(target)
    env = {"PATH": f"{tmp_path / 'bin'}:{Path(CAIRN).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8", "AWS_PAGER": "",
           "CAIRN_LISTEN": "127.0.0.1:0", "CAIRN_DATA_DIR": str(data)}
    work = tmp_path / "work"
    work.mkdir()
    log = tmp_path / "server.log"
    with open(log, "wb") as out:
        server = subprocess.Popen([CAIRN, "serve"], env=env, cwd=work, stdout=out, stderr=out)
    try:
        def ready():
            if server.poll() is not None:
                raise Failed(log.read_text())
            return (data / "endpoint").exists() and (data / "endpoint").read_text()

        until(ready, "the server listens")
        done = subprocess.run(["bash", "-c", "set -euo pipefail\n" + "\n".join(script)], env=env, cwd=work, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=500)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log.read_text()[-2000:]}"
        answers_are_right(done.stdout)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
