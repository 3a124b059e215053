"""Imports of log files from a bucket into event data stores by the real AWS CLI: whole, again, with damaged files, stopped, cut off."""

import gzip
import json
import re
import time

import pytest

from server import until
from test_import import generate, logs
from test_lake_queries import over, rows, start

ROLE = "arn:aws:iam::123456789012:role/import"
OVER = ("COMPLETED", "FAILED", "STOPPED")


def source(uri):
    return json.dumps({"S3": {"S3LocationUri": uri, "S3BucketRegion": "us-east-1", "S3BucketAccessRoleArn": ROLE}})


def upload(cairn, folder, bucket):
    cairn.aws(f"s3 mb s3://{bucket}")
    cairn.aws(["s3", "cp", "--recursive", "--quiet", str(folder), f"s3://{bucket}"])


def store(cairn, name):
    made = cairn.aws(["cloudtrail", "create-event-data-store", "--name", name, "--retention-period", "3653", "--no-start-ingestion"]).json
    assert made["Status"] in ("CREATED", "STOPPED_INGESTION"), made
    return made["EventDataStoreArn"]


def start_import(cairn, arn, uri):
    return cairn.aws(["cloudtrail", "start-import", "--destinations", arn, "--import-source", source(uri)]).json["ImportId"]


def ended(cairn, import_id):
    def look():
        found = cairn.client("cloudtrail").get_import(ImportId=import_id)
        return found["ImportStatus"] in OVER and found

    return until(look, f"the import {import_id} is over")


def ids(cairn, arn):
    """The event IDs that a store has, each as often as it is there."""
    query = start(cairn, f"SELECT eventID FROM {arn.split('/')[1]}")
    assert over(cairn, query)["QueryStatus"] == "FINISHED"
    return sorted(row["eventID"] for row in rows(cairn, query))


def written(folder):
    """The event IDs that are in files."""
    return sorted(record["eventID"] for path in logs(folder) for record in json.loads(gzip.decompress(path.read_bytes()))["Records"])


@pytest.fixture(scope="module")
def month(cairn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("month")
    summary = generate(cairn, folder, "--records", "3000", "--days", "10", "--seed", "5", "--attack")
    upload(cairn, folder, "import-month")
    return folder, summary


def test_a_bucket_is_imported_once(cairn, month):
    folder, summary = month
    arn = store(cairn, "imports-once")
    done = ended(cairn, start_import(cairn, arn, "s3://import-month/"))
    assert done["ImportStatus"] == "COMPLETED" and done["Destinations"] == [arn]
    assert done["ImportStatistics"]["EventsCompleted"] == 3000 and done["ImportStatistics"]["FilesCompleted"] == summary["files"]
    assert ids(cairn, arn) == written(folder)
    # Again, and from further down: nothing is there twice.
    ended(cairn, start_import(cairn, arn, "s3://import-month/"))
    ended(cairn, start_import(cairn, arn, "s3://import-month/AWSLogs/"))
    assert ids(cairn, arn) == written(folder)
    listed = cairn.aws(["cloudtrail", "list-imports", "--destination", arn]).json["Imports"]
    assert len(listed) == 3 and {entry["ImportStatus"] for entry in listed} == {"COMPLETED"}
    assert cairn.aws(["cloudtrail", "list-imports", "--import-status", "FAILED", "--destination", arn]).json["Imports"] == []


def test_damaged_files_are_listed_and_taken_once_they_are_whole(cairn, month):
    folder, _ = month
    bucket, s3 = "import-damaged", cairn.client("s3")
    upload(cairn, folder, bucket)
    path = logs(folder)[3]
    key = str(path.relative_to(folder))
    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes()[:-20])
    arn = store(cairn, "imports-damaged")
    import_id = start_import(cairn, arn, f"s3://{bucket}/")
    failed = ended(cairn, import_id)
    assert failed["ImportStatus"] == "FAILED" and failed["ImportStatistics"]["FailedEntries"] == 1
    (failure,) = cairn.aws(["cloudtrail", "list-import-failures", "--import-id", import_id]).json["Failures"]
    assert failure["Location"].endswith(key) and failure["Status"] == "FAILED" and failure["ErrorType"] and failure["ErrorMessage"], failure
    missing = set(written(folder)) - set(ids(cairn, arn))
    assert missing
    # Tried again once the file is as it was.
    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    again = cairn.aws(["cloudtrail", "start-import", "--import-id", import_id]).json
    assert again["ImportId"] == import_id
    assert ended(cairn, import_id)["ImportStatus"] == "COMPLETED"
    assert ids(cairn, arn) == written(folder)


def test_a_time_range_is_kept_to(cairn, month):
    folder, _ = month
    arn = store(cairn, "imports-range")
    started = cairn.aws(["cloudtrail", "start-import", "--destinations", arn, "--import-source", source("s3://import-month/"),
                         "--start-event-time", "2025-01-03T00:00:00Z", "--end-event-time", "2025-01-04T00:00:00Z"]).json
    assert ended(cairn, started["ImportId"])["ImportStatus"] == "COMPLETED"
    query = start(cairn, f"SELECT min(eventTime) AS first, max(eventTime) AS last, count(*) AS n FROM {arn.split('/')[1]}")
    over(cairn, query)
    (row,) = rows(cairn, query)
    assert "2025-01-03 00:00:00" <= row["first"] < row["last"] <= "2025-01-04 00:00:00.000" and int(row["n"]) > 100, row


def test_what_cannot_be_imported_is_refused(cairn):
    def refused(*words):
        done = cairn.aws(["cloudtrail", *words], check=False)
        assert done.code != 0
        return re.search(r"\((\w+)\)", done.err)[1]

    arn = store(cairn, "imports-refused")
    nowhere = arn.rsplit("/", 1)[0] + "/00000000-0000-4000-8000-000000000000"
    assert refused("start-import", "--destinations", nowhere, "--import-source", source("s3://import-month/")) == "EventDataStoreNotFoundException"
    assert refused("start-import", "--destinations", arn, "--import-source", source("s3://no-such-bucket-anywhere/")) == "InvalidImportSourceException"
    assert refused("get-import", "--import-id", "00000000-0000-4000-8000-000000000000") == "ImportNotFoundException"
    assert refused("stop-import", "--import-id", "00000000-0000-4000-8000-000000000000") == "ImportNotFoundException"


def test_an_import_that_is_killed_goes_on_and_loses_nothing(new_cairn, tmp_path):
    cairn = new_cairn()
    folder = tmp_path / "logs"
    generate(cairn, folder, "--records", "6000", "--days", "4", "--seed", "9")
    upload(cairn, folder, "import-killed")
    arn = store(cairn, "imports-killed")
    import_id = start_import(cairn, arn, "s3://import-killed/")
    cut = 0
    for pause in (0.05, 0.15, 0.3, 0.5):
        # Not a wait for something: the moment of the kill.
        time.sleep(pause)
        cairn.kill()
        cairn.start()
        cut += cairn.client("cloudtrail").get_import(ImportId=import_id)["ImportStatus"] not in OVER
    done = ended(cairn, import_id)
    assert done["ImportStatus"] == "COMPLETED", done
    assert ids(cairn, arn) == written(folder), f"cut off {cut} times"
