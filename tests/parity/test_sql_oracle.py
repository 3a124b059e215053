"""Generated queries have the answers that DuckDB gives on the same records."""

import json
import math
import os
import subprocess
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from sql_generator import Generator, load, records

SEED = int(os.environ.get("CAIRN_SQL_SEED", "7"))
QUERIES = int(os.environ.get("CAIRN_SQL_QUERIES", "300"))
RECORDS = 1500
# Queries that one or the other refuses (a number that overflows, say) say nothing; there may be few of them.
REFUSED_MAX = QUERIES // 10


@pytest.fixture(scope="module")
def ask_program():
    """The example of crate `lake` beside the server; built if it is not there."""
    built = Path(os.environ["CAIRN_BIN"]).parent / "examples" / "ask"
    if not built.exists():
        root = Path(__file__).parents[2]
        subprocess.run(["cargo", "build", "--quiet", "-p", "lake", "--example", "ask"], cwd=root, check=True)
        built = root / "target" / "debug" / "examples" / "ask"
    return built


def shown(value):
    """A value of DuckDB's as Trino prints it; numbers that are not whole stay numbers."""
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case float() | Decimal():
            return float(value)
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03}"
        case date():
            return value.isoformat()
        case list():
            return "[" + ", ".join("null" if one is None else str(shown(one)) for one in value) + "]"
        case dict():
            return "{" + ", ".join(f"{key}={'null' if one is None else shown(one)}" for key, one in value.items()) + "}"
        case _:
            return str(value)


def same(ours, theirs):
    if isinstance(theirs, float) and ours is not None:
        ours = float(ours)
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(ours) and math.isnan(theirs))
    return ours == theirs


def key(row):
    """Rows in an order that does not hang on the last digits of a number."""
    return [(value is None, f"{float(value):.6e}" if number else str(value)) for value, number in row]


def ordered(rows, numbers):
    return sorted(rows, key=lambda row: key(zip(row, (number and value is not None for value, number in zip(row, numbers)))))


def differs(answer, theirs, in_order):
    """What is different, or None."""
    ours, numbers = answer["rows"], [False] * len(answer["types"])
    for row in theirs:
        numbers = [number or isinstance(value, float) for number, value in zip(numbers, row)]
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, not {len(theirs)}"
    if not in_order:
        ours, theirs = ordered(ours, numbers), ordered(theirs, numbers)
    for a, b in zip(ours, theirs):
        if len(a) != len(b) or not all(map(same, a, b)):
            return f"{a}\n  not {b}"
    return None


def test_answers_are_duckdbs(ask_program, tmp_path):
    rows = records(SEED, RECORDS)
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    load(connection, rows, tmp_path / "lowered.jsonl")
    generator = Generator(SEED)
    queries = [generator.query() for _ in range(QUERIES)]
    asked = "".join(json.dumps({"sql": trino}) + "\n" for trino, _, _ in queries)
    done = subprocess.run([ask_program, tmp_path / "records.jsonl"], input=asked, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(queries)

    wrong, refused = [], []
    for (trino, duck, in_order), answer in zip(queries, answers):
        try:
            theirs = [[shown(value) for value in row] for row in connection.execute(duck).fetchall()]
        except duckdb.Error as error:
            refused.append(f"DuckDB: {error}\n  {duck}")
            continue
        if "error" in answer:
            refused.append(f"Cairn: {answer['error']}\n  {trino}")
            continue
        difference = differs(answer, theirs, in_order)
        if difference:
            wrong.append(f"Cairn:  {trino}\nDuckDB: {duck}\n  {difference}")
    assert not wrong, f"{len(wrong)} of {QUERIES} differ (seed {SEED}):\n\n" + "\n\n".join(wrong[:20])
    assert len(refused) <= REFUSED_MAX, f"{len(refused)} of {QUERIES} were refused:\n\n" + "\n\n".join(refused[:20])
