"""The SQL of the guides as it is written there, on records whose answers are known because the test wrote them."""

import gzip
import json
from pathlib import Path

import pytest

from server import ACCOUNT
from test_athena import rows as athena_rows
from test_athena import RESULTS, over as athena_over, start as athena_start
from test_lake_imports import ended, start_import, store
from test_lake_queries import over, rows, start

STATEMENTS = Path(__file__).with_name("seeds_sql.txt")
BUCKET = "seeds-sql"


def statements():
    """Name -> text, as the file has them."""
    found = {}
    for block in STATEMENTS.read_text().split("== ")[1:]:
        head, text = block.split("\n", 1)
        found[head.strip()] = text.strip("\n")
    return found


def record(number, name, user="dora", source="ec2.amazonaws.com", time=None, **more):
    identity = {"type": "IAMUser", "principalId": f"AIDA{user.upper()}", "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}", "accountId": ACCOUNT, "userName": user}
    return {"eventVersion": "1.11", "userIdentity": identity, "eventTime": time or f"2025-02-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z",
            "eventSource": source, "eventName": name, "awsRegion": "us-east-1", "sourceIPAddress": f"198.51.100.{number % 250}", "userAgent": "aws-cli/2",
            "eventID": f"seed-{number:05}-{name}", "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": ACCOUNT,
            "eventCategory": "Management", **more}


def deletion(number, bucket, user):
    return record(number, "DeleteBucket", user, "s3.amazonaws.com", requestParameters={"bucketName": bucket}, responseElements=None)


def login(number, user, failed=False, time=None):
    more = {"errorCode": "Failed authentication", "errorMessage": "Failed authentication"} if failed else {}
    return record(number, "ConsoleLogin", user, "signin.amazonaws.com", time, responseElements={"ConsoleLogin": "Failure" if failed else "Success"}, **more)


ALICE = [record(number, "DescribeInstances", "alice") for number in range(130)]
DENIED = [record(1000 + number, "RunInstances", "dora", errorCode="AccessDenied", errorMessage=f"no {number}") for number in range(60)]
DELETED = [deletion(2000, "my-resource-name-1", "erin"), deletion(2001, "other", "frank"), deletion(2002, "x-my-resource-name", "frank"), deletion(2003, "my-resource", "erin")]
LOGINS = [login(3000 + number, "gina", failed=number % 4 == 3) for number in range(24)]
# Another year's failure; it comes after the others.
LOGINS.append(login(4000, "gina", failed=True, time="2026-01-05T00:00:00Z"))
# Noise that no statement asks for.
NOISE = [record(5000 + number, "ListUsers", "hugo", "iam.amazonaws.com") for number in range(300)]
ALL = ALICE + DENIED + DELETED + LOGINS + NOISE


def newest(records):
    return sorted(records, key=lambda record: record["eventTime"], reverse=True)


def of(record, *paths):
    """Members as Athena's results have them."""
    row = []
    for path in paths:
        value = record
        for step in path.split("."):
            value = (value or {}).get(step)
        row.append(json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else value)
    return row


@pytest.fixture(scope="module")
def world(cairn, tmp_path_factory):
    """All records in the built-in store, and in an event data store, whose UUID it is."""
    folder = tmp_path_factory.mktemp("seeds")
    for number in range(5):
        day = folder / f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2025/02/0{number + 1}"
        day.mkdir(parents=True)
        some = json.dumps({"Records": ALL[number::5]}, separators=(",", ":")).encode()
        (day / f"{ACCOUNT}_CloudTrail_us-east-1_2025020{number + 1}T0000Z_{number:016}.json.gz").write_bytes(gzip.compress(some))
    done = json.loads(cairn.cairn("import", str(folder), "--json").out)
    assert done["recordsKept"] == len(ALL) and done["whole"], done
    for bucket in (BUCKET, RESULTS):
        cairn.client("s3").create_bucket(Bucket=bucket)
    cairn.aws(["s3", "cp", "--recursive", "--quiet", str(folder), f"s3://{BUCKET}"])
    arn = store(cairn, "seeds-sql")
    assert ended(cairn, start_import(cairn, arn, f"s3://{BUCKET}/AWSLogs/"))["ImportStatus"] == "COMPLETED"
    made = athena_over(cairn, athena_start(cairn, statements()["the table"]))
    assert made["Status"]["State"] == "SUCCEEDED", made
    return arn.split("/")[1]


FAILED = [record for record in ALL if "errorCode" in record]
ANSWERS = {
    "all actions of a user": ([newest(ALICE)[:100], ["eventTime", "eventName", "sourceIPAddress"]]),
    "deletions of buckets": [newest(DELETED), ["eventTime", "userIdentity.userName", "requestParameters", "sourceIPAddress"]],
    "failed calls": [newest(FAILED)[:50], ["eventTime", "eventName", "errorCode", "errorMessage"]],
    "console logins": [newest(LOGINS), ["eventTime", "userIdentity.userName", "sourceIPAddress", "responseElements"]],
    "who deleted my resource": [
        newest([record for record in DELETED if "my-resource-name" in record["requestParameters"]["bucketName"]]),
        ["eventTime", "userIdentity.userName", "userIdentity.arn", "sourceIPAddress", "requestParameters"]],
    "failed logins of a year": [
        newest([record for record in LOGINS if "errorCode" in record and record["eventTime"].startswith("2025")]),
        ["eventTime", "userIdentity.userName", "sourceIPAddress", "errorCode"]],
}


def test_every_statement_is_asked():
    assert set(statements()) == {*ANSWERS, "the table", "logins, by Lake"}


@pytest.mark.parametrize("which", ANSWERS)
def test_athena(cairn, world, which):
    records, paths = ANSWERS[which]
    head, *found = athena_rows(cairn, statements()[which])
    assert head == [path.rsplit(".", 1)[-1].lower() for path in paths]
    # No answer is empty, and not all records are in it.
    assert 0 < len(records) < len(ALL)
    assert found == [of(record, *paths) for record in records]


def test_lake(cairn, world):
    """The guide's script puts the ID of its own store where this puts ours."""
    text = statements()["logins, by Lake"]
    assert text.count("abc123f4-5678-90ab-cdef-EXAMPLE") == 1
    query = start(cairn, text.replace("abc123f4-5678-90ab-cdef-EXAMPLE", world))
    assert over(cairn, query)["QueryStatus"] == "FINISHED"
    time = lambda record: record["eventTime"].replace("T", " ").replace("Z", ".000")  # noqa: E731
    assert rows(cairn, query) == [
        {"eventTime": time(record), "eventName": "ConsoleLogin", "userName": "gina", "sourceIPAddress": record["sourceIPAddress"]}
        for record in newest(LOGINS)[:20]]
