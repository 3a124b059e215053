"""`cairn query` on a terminal: a shell with history, completion, cancelling, and errors that show the place."""

import fcntl
import json
import os
import pty
import re
import select
import stat
import struct
import termios
import time

import pytest

from server import CAIRN, DEADLINE, Failed

PROMPT = "cairn> "
# What a terminal is told besides text: colours, movements, modes.
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Shell:
    """A process on a terminal of its own."""

    def __init__(self, home, *args, env=None, columns=400):
        self.seen = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.clear()
            os.environ.update({"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "xterm", **(env or {})})
            os.execv(CAIRN, [CAIRN, "query", *map(str, args)])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

    def until(self, text):
        """Everything up to and with the text, without what steers the terminal; the rest waits."""
        end = time.monotonic() + DEADLINE
        while True:
            plain = STEERING.sub("", self.seen)
            if text in plain:
                before, self.seen = plain.split(text, 1)
                return before + text
            if time.monotonic() > end or not self.more(end):
                raise Failed(f"{text!r} did not come; there is {plain!r}")

    def more(self, end):
        ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
        try:
            new = os.read(self.terminal, 65536) if ready else b""
        except OSError:
            new = b""
        self.seen += new.decode(errors="replace")
        return bool(new)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def ask(self, line, end="\n"):
        """Types a line at a prompt and returns all that is shown until the next prompt. `end`: comes with the answer, behind the last time
        that the line (and the prompt before it) is drawn; a line of its own is drawn until its line break."""
        self.type(line + "\r")
        shown = self.until(end)
        return shown + self.until(PROMPT)

    def leave(self):
        self.type("\x04")
        end = time.monotonic() + DEADLINE
        while self.more(end):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    records = [
        {"eventVersion": "1.08", "eventTime": f"2026-01-01T00:00:{number % 60:02}Z", "eventName": name, "eventID": f"e{number}",
         "eventSource": "s3.amazonaws.com", "awsRegion": "us-east-1"}
        for number, name in enumerate(["GetObject"] * 3 + ["PutObject"] * 2 + ["Bücher日本"] + ["List"] * 94)
    ]
    (folder / "a.json").write_text(json.dumps({"Records": records}))
    return folder


def test_statements_history_and_errors(logs, tmp_path):
    shell = Shell(tmp_path, "--from", logs)
    shell.until("Tables: events")
    shell.until(PROMPT)
    answer = shell.ask("SELECT eventName, count(*) AS n FROM events WHERE eventName LIKE '%Object' GROUP BY 1 ORDER BY 2;")
    assert re.search(r"PutObject +2\r\n.*GetObject +3\r\n.*2 rows from 100 records \(", answer, re.S), answer
    # Several lines are one statement.
    answer = shell.ask("SELECT eventName\rFROM events\rWHERE eventName LIKE 'B%';", "1 row from")
    assert "Bücher日本" in answer, answer
    # The caret stands under what is wrong.
    answer = shell.ask("SELECT evntName FROM events;")
    lines = [line.rstrip() for line in answer.split("\r\n")]
    at = next(number for number, line in enumerate(lines) if line.startswith("line 1:8: "))
    assert "Did you mean 'eventName'?" in lines[at], answer
    assert lines[at + 1] == "  SELECT evntName FROM events" and lines[at + 2] == "         ^", answer
    # Commands.
    assert "eventName " in shell.ask("\\d events") and "events" in shell.ask("\\d")
    shell.ask("\\o json")
    assert '{"n":100}' in shell.ask("SELECT count(*) AS n FROM events;")
    shell.ask("\\timing")
    assert "rows from" not in shell.ask("SELECT eventID FROM events LIMIT 2;")
    assert "there is no command \\x" in shell.ask("\\x")
    assert "A statement ends with a semicolon" in shell.ask("help")
    # Ctrl-C clears what is typed.
    shell.type("SELECT nothing\x03")
    shell.until("^C")
    shell.until(PROMPT)
    # The arrow brings back what was asked, and it can be changed: `help`, `\x` and then the statement before them.
    shell.type("\x1b[A\x1b[A\x1b[A")
    shell.type("\x1b[D\x7f3")
    answer = shell.ask("")
    assert answer.count('{"eventID"') == 3, answer
    # Tab completes names.
    shell.type("SELECT max(eventN\t) AS last FRO\t event\t\x7f\x7f\x7f\x7f\x7f")
    shell.ask("events;", '{"last":"PutObject"}')
    assert shell.leave() == 0

    history = tmp_path / ".local/state/cairn/query_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "SELECT eventName\\nFROM events\\nWHERE" in history.read_text()
    # The next shell knows what this one was asked.
    again = Shell(tmp_path, "--from", logs)
    again.until(PROMPT)
    again.type("\x1b[A")
    assert "last" in again.ask("")
    assert again.leave() == 0


def test_a_query_that_runs_is_cancelled(logs, tmp_path):
    shell = Shell(tmp_path, "--from", logs)
    shell.until(PROMPT)
    forever = "SELECT count(*) FROM events a, events b, events c, events d, events e WHERE a.eventID || b.eventID = c.eventID || d.eventID || e.eventID || 'x';"
    shell.type(forever + "\r")
    # While a line is read the key is a key; while a query runs the terminal makes an interrupt of it.
    end = time.monotonic() + DEADLINE
    while not termios.tcgetattr(shell.terminal)[3] & termios.ISIG:
        assert time.monotonic() < end
        time.sleep(0.01)
    shell.type("\x03")
    shell.until("cancelled")
    shell.until(PROMPT)
    # The shell lives.
    assert "100" in shell.ask("SELECT count(*) FROM events;")
    assert shell.leave() == 0


def test_a_server_is_asked(cairn, tmp_path):
    cairn.client("sts").get_caller_identity()
    env = {**cairn.base_env(), **cairn.settings, "HOME": str(tmp_path), "TERM": "xterm"}
    env.pop("XDG_STATE_HOME", None)
    shell = Shell(tmp_path, env=env)
    shell.until(PROMPT)
    assert re.search(r"events", shell.ask("\\d"))
    assert re.search(r"eventTime +timestamp\(3\)", shell.ask("\\d events"))
    answer = shell.ask("SELECT eventName FROM events WHERE eventName = 'GetCallerIdentity';")
    assert "GetCallerIdentity" in answer and "1 row from" in answer, answer
    answer = shell.ask("SELECT eventName,\r  nothing FROM events;", "\r\n    ^")
    assert re.search(r"line 2:3: .*\r\n    nothing FROM events\r\n    \^", answer), answer
    # Titles come even without rows.
    assert "eventSource" in shell.ask("SELECT eventSource FROM events WHERE eventName = 'Nothing';").split(";")[-1]
    assert shell.leave() == 0
