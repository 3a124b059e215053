"""`cairn query` reads the Parquet that DuckDB writes, and DuckDB reads what `cairn query` writes."""

import json
import subprocess
from datetime import date, datetime, timedelta, timezone

import duckdb
import pytest

from server import CAIRN


class Answer:
    def __init__(self, done):
        self.code, self.raw, self.err = done.returncode, done.stdout, done.stderr.decode()

    @property
    def rows(self):
        assert self.code == 0, self.err
        return [json.loads(line) for line in self.raw.decode().splitlines()]


def query(*args, sql=None):
    return Answer(subprocess.run([CAIRN, "query", *map(str, args)], input=(sql or "").encode(), capture_output=True, timeout=120))


def ask(source, sql, *args):
    return query("--from", source, "--output", "json", *args, sql=sql).rows


@pytest.fixture(scope="module")
def db():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def records(count):
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return [
        {
            "eventVersion": "1.08",
            "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::012345678901:user/u{number % 7}", "userName": f"u{number % 7}",
                             "sessionContext": {"attributes": {"creationDate": "2026-01-01T00:00:00Z", "mfaAuthenticated": "false"}}},
            "eventTime": (begin + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "s3.amazonaws.com",
            "eventName": ["GetObject", "PutObject", "日本\"'"][number % 3],
            "awsRegion": "us-east-1",
            "requestParameters": {"bucketName": f"b{number % 5}", "maxKeys": number} if number % 4 else None,
            "readOnly": number % 3 == 0,
            "resources": [{"accountId": "012345678901", "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::b{number % 5}"}],
            "recipientAccountId": "012345678901",
            "eventID": f"f85bd3a4-1c5e-4b8c-9d2f-{number:012}",
        }
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    (folder / "trail.json").write_text(json.dumps({"Records": records(500)}))
    return folder


QUESTION = """
    SELECT eventName, userIdentity.userName AS who, element_at(requestParameters, 'bucketName') AS bucket,
           element_at(resources, 1).arn AS resource, recipientAccountId, count(*) AS n, min(eventTime) AS first, max(eventID) AS last,
           count_if(readOnly) AS reads
    FROM events GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4"""


def test_types_go_into_parquet(logs, db, tmp_path):
    out = tmp_path / "out.parquet"
    sql = """SELECT eventTime, eventName, readOnly, count(*) OVER () AS n, 1.5e0 AS d, CAST(12.25 AS decimal(10,2)) AS money,
                    date '2026-01-01' AS day, requestParameters, resources, userIdentity.sessionContext.attributes AS attributes,
                    ARRAY[1, NULL, 3] AS list, map(ARRAY['a'], ARRAY[2]) AS m, eventTime AT TIME ZONE 'UTC' AS zoned, NULL AS nothing,
                    interval '3' day AS three, eventName FROM events ORDER BY eventID"""
    told = query("--from", logs, "--into", out, sql=sql)
    assert told.code == 0 and told.raw == b"" and "500 rows from 500 records (" in told.err, told.err
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    described = {name: kind for name, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM '{out}'").fetchall()}
    assert described == {
        "eventTime": "TIMESTAMP", "eventName": "VARCHAR", "readOnly": "BOOLEAN", "n": "BIGINT", "d": "DOUBLE", "money": "DECIMAL(10,2)", "day": "DATE",
        "requestParameters": "VARCHAR",
        "resources": 'STRUCT(accountId VARCHAR, "type" VARCHAR, arn VARCHAR, ARNPrefix VARCHAR)[]',
        "attributes": "STRUCT(creationDate TIMESTAMP, mfaAuthenticated VARCHAR)",
        "list": "BIGINT[]", "m": "MAP(VARCHAR, BIGINT)", "zoned": "TIMESTAMP WITH TIME ZONE", "nothing": "VARCHAR",
        "three": "VARCHAR", "eventName_1": "VARCHAR",
    }
    rows = db.execute(f"SELECT * REPLACE (epoch_ms(zoned) AS zoned) FROM '{out}'").fetchall()
    for row, record in zip(rows, records(500), strict=True):
        time = datetime.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%SZ")
        parameters = json.loads(row[7]) if row[7] else None
        assert row[:7] == (time, record["eventName"], record["readOnly"], 500, 1.5, row[5], date(2026, 1, 1))
        assert str(row[5]) == "12.25" and parameters == record["requestParameters"]
        resource = record["resources"][0]
        assert row[8] == [{"accountId": resource["accountId"], "type": resource["type"], "arn": resource["ARN"], "ARNPrefix": None}]
        assert row[9] == {"creationDate": datetime(2026, 1, 1), "mfaAuthenticated": "false"}
        assert row[10] == [1, None, 3] and row[11] == {"a": 2} and row[12] == time.replace(tzinfo=timezone.utc).timestamp() * 1000
        assert row[13] is None and row[14] == "3 00:00:00.000" and row[15] == record["eventName"]


def test_what_is_written_can_be_asked_again(logs, tmp_path):
    expected = ask(logs, QUESTION)
    whole = tmp_path / "whole.parquet"
    assert query("--from", logs, "--into", whole, sql="SELECT * FROM events").code == 0
    assert ask(whole, QUESTION) == expected
    # Without the records' own text, its columns say the same.
    plain = tmp_path / "plain.parquet"
    columns = "eventVersion, userIdentity, eventTime, eventSource, eventName, awsRegion, requestParameters, readOnly, resources, recipientAccountId, eventID"
    assert query("--from", logs, "--into", plain, sql=f"SELECT {columns} FROM events").code == 0
    assert ask(plain, QUESTION) == expected
    # The same through a pipe.
    piped = query("--from", logs, "--output", "parquet", sql="SELECT eventID FROM events")
    (tmp_path / "piped.parquet").write_bytes(piped.raw)
    assert ask(tmp_path / "piped.parquet", "SELECT count(*) AS n, max(eventid) AS last FROM piped") == [
        {"n": 500, "last": records(500)[-1]["eventID"]}
    ]


@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip", "lz4_raw", "uncompressed"])
def test_duckdbs_records_are_events(logs, db, tmp_path, compression):
    expected = ask(logs, QUESTION)
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps(record) + "\n" for record in records(500)))
    # As DuckDB guesses the types, in capitals, in several groups of rows; and the whole text beside nothing else.
    db.execute(f"CREATE OR REPLACE TABLE t AS SELECT * FROM read_json_auto('{lines}')")
    names = [row[0] for row in db.execute("DESCRIBE t").fetchall()]
    renamed = ", ".join(f'"{name}" AS "{name.upper()}"' for name in names)
    guessed = tmp_path / "guessed.parquet"
    db.execute(f"COPY (SELECT {renamed} FROM t) TO '{guessed}' (FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE 100)")
    assert ask(guessed, QUESTION) == expected
    whole = tmp_path / "text.parquet"
    db.execute(f"COPY (SELECT json FROM read_ndjson_objects('{lines}')) TO '{whole}' (FORMAT parquet, COMPRESSION {compression})")
    assert ask(whole, QUESTION) == expected
    # Beside log files they are one table.
    (tmp_path / "lines.jsonl").unlink()
    assert ask(tmp_path, "SELECT count(*) AS n FROM events") == [{"n": 1000}]
    # In Athena's dialect they have its columns.
    assert ask(guessed, "SELECT count(*) AS n FROM cloudtrail_logs WHERE year = '2026' AND eventname = 'GetObject'", "--dialect", "athena") == [{"n": 167}]


def test_any_file_is_a_table(db, tmp_path):
    sums = tmp_path / "Monthly sums.parquet"
    db.execute(f"""COPY (SELECT range AS "Key", 'k' || range AS Name, range % 2 = 0 AS even, range * 1.5 AS x, [range, NULL] AS list,
            {{'a': range, 'B': 'x'}} AS s, MAP {{'k': range}} AS m, DATE '2026-01-01' + range::INTEGER AS day,
            TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (range) SECOND AS at, TIMESTAMPTZ '2026-01-01 00:00:00+01' AS zoned,
            uuid_text::UUID AS id, range::UTINYINT AS tiny, range::UBIGINT AS big, CASE WHEN range > 2 THEN NULL ELSE 'v' END AS n,
            'abc'::BLOB AS raw, 1.25::DECIMAL(9,2) AS money
        FROM range(200), (SELECT 'f85bd3a4-1c5e-4b8c-9d2f-0123456789ab' AS uuid_text)) TO '{sums}' (ROW_GROUP_SIZE 2048)""")
    [row] = ask(sums, "SELECT * FROM monthly_sums WHERE key = 3")
    assert row == {
        "key": 3, "name": "k3", "even": False, "x": row["x"], "list": "[3, null]", "s": "{a=3, b=x}", "m": "{k=3}", "day": "2026-01-04",
        "at": "2026-01-01 00:00:03.000", "zoned": "2025-12-31 23:00:00.000 UTC", "id": "f85bd3a4-1c5e-4b8c-9d2f-0123456789ab",
        "tiny": 3, "big": 3, "n": None, "raw": "61 62 63", "money": 1.25,
    }, row
    assert float(row["x"]) == 4.5
    assert ask(sums, "SELECT count(*) AS n, sum(key) AS k, count(DISTINCT s.b) AS b FROM Monthly_Sums WHERE even AND at < timestamp '2026-01-01 00:01:40'") == [
        {"n": 50, "k": sum(range(0, 100, 2)), "b": 1}
    ]
    # Only what is asked for is read.
    few, all_of_it = (query("--from", sums, sql=f"SELECT {what} FROM monthly_sums").err for what in ("tiny", "*"))
    assert few.startswith("200 rows from 200 records (") and few != all_of_it
    # A name of one's own, and tables side by side.
    db.execute(f"COPY (SELECT range AS key, 'other' AS label FROM range(3)) TO '{tmp_path / 'labels.parquet'}'")
    joined = query("--from", f"a={sums}", "--from", tmp_path / "labels.parquet", "--output", "json",
                   sql="SELECT name, label FROM a JOIN labels USING (key) ORDER BY 1")
    assert joined.rows == [{"name": f"k{number}", "label": "other"} for number in range(3)]
    wrong = query("--from", sums, sql="SELECT nme FROM monthly_sums")
    assert wrong.code == 1 and "line 1:8: Column 'nme' cannot be resolved. Did you mean 'name'?\n  SELECT nme FROM monthly_sums\n         ^\n" in wrong.err, wrong.err
    assert "does not exist" in query("--from", sums, sql="SELECT 1 FROM events").err


def test_files_with_the_same_columns_are_one_table(db, tmp_path):
    folder = tmp_path / "Parts"
    for month in (1, 2):
        (folder / f"month={month}").mkdir(parents=True)
        db.execute(f"COPY (SELECT {month} * 10 + range AS v FROM range(3)) TO '{folder}/month={month}/data.parquet'")
    db.execute(f"COPY (SELECT 'x' AS w) TO '{folder}/other.parquet'")
    assert ask(folder, "SELECT count(*) AS n, sum(v) AS s FROM parts") == [{"n": 6, "s": 96}]
    assert ask(folder, "SELECT w FROM other") == [{"w": "x"}]
    two = query("--from", f"t={folder}", sql="SELECT 1")
    assert two.code == 1 and "has 2 tables with different columns (parts, other)" in two.err, two.err


def test_damaged_files_are_named(logs, db, tmp_path):
    good = tmp_path / "good.parquet"
    db.execute(f"COPY (SELECT range AS v, repeat('x', 100) || range AS text FROM range(20000)) TO '{good}' (COMPRESSION zstd)")
    whole = good.read_bytes()
    bad = tmp_path / "bad.parquet"
    for content, why in [
        (b"", "no Parquet file: it does not begin with PAR1"),
        (b"hello, this is text", "no Parquet file: it does not begin with PAR1"),
        (whole[: len(whole) // 2], "damaged, or no Parquet file"),
        (whole[:-8] + b"\xff\xff\xff\x7fPAR1", "damaged, or no Parquet file"),
    ]:
        bad.write_bytes(content)
        told = query("--from", bad, sql="SELECT count(*) FROM bad")
        assert told.code == 1 and f"{bad}: {why}" in told.err, told.err
    # Of a folder the rest is answered, and the file is named.
    told = query("--from", tmp_path, sql="SELECT count(*) AS n FROM good")
    assert told.code == 2 and told.raw == b"n\n20000\n" and f"{bad}: damaged" in told.err, told.err
    # Its columns are readable and its rows are not.
    broken = bytearray(whole)
    for at in range(100, len(whole) // 2):
        broken[at] = 0xA5
    bad.write_bytes(broken)
    told = query("--from", bad, sql="SELECT sum(v), max(text) FROM bad")
    assert told.code == 1 and str(bad) in told.err and "panicked" not in told.err, told.err


def test_a_failed_query_leaves_the_file_as_it_was(logs, tmp_path):
    out = tmp_path / "out.csv"
    assert query("--from", logs, "--into", out, sql="SELECT count(*) AS n FROM events").code == 0
    before = out.read_text()
    assert before == "n\n500\n"
    assert query("--from", logs, "--into", out, sql="SELECT CAST(eventName AS bigint) FROM events").code == 1
    assert query("--from", logs, "--into", out, sql="SELECT 1; SELECT 2").code == 1
    assert out.read_text() == before and [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_servers_answers_are_text(cairn, db, tmp_path):
    cairn.client("sts").get_caller_identity()
    out = tmp_path / "out.parquet"
    sql = "SELECT eventName, readOnly, count(*) AS n FROM events WHERE eventName = 'GetCallerIdentity' GROUP BY 1, 2"
    told = cairn.cairn("query", sql, "--into", str(out))
    assert "1 row from" in told.err, told
    assert db.execute(f"SELECT * FROM '{out}'").fetchall() == [("GetCallerIdentity", "true", "1")]
    cairn.cairn("query", "SELECT eventName AS a, 1 AS b FROM events WHERE eventName = 'Nothing'", "--into", str(out))
    assert db.execute(f"SELECT * FROM '{out}'").fetchall() == []
    assert [row[0] for row in db.execute(f"DESCRIBE SELECT * FROM '{out}'").fetchall()] == ["a", "b"]
