"""Tools that know nothing of Cairn read what it delivers: the AWS CLI fetches, DuckDB, jq and zcat read, validate-logs judges."""

import json
import shutil
import subprocess
from pathlib import Path

import duckdb
import jq
import pytest

from validation import validate


@pytest.fixture(scope="module")
def fetched(cairn, tmp_path_factory):
    """A folder with everything that a trail delivered, fetched by the AWS CLI, and the trail's ARN."""
    ct = cairn.client("cloudtrail")
    cairn.bucket_for_trails("stranger-logs")
    arn = cairn.trail("stranger", "stranger-logs", IsMultiRegionTrail=True)
    ct.put_event_selectors(TrailName="stranger", EventSelectors=[{
        "ReadWriteType": "All", "IncludeManagementEvents": True,
        "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::stranger-data/"]}]}])
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="stranger-data")
    for number in range(5):
        s3.put_object(Bucket="stranger-data", Key=f"kéy \"{number}\"", Body=b"x")
    cairn.client("iam").create_user(UserName="stranger")
    cairn.client("cloudtrail", "eu-west-1").list_trails()
    cairn.flush()
    ct.stop_logging(Name="stranger")
    cairn.flush()
    folder = tmp_path_factory.mktemp("strangers")
    cairn.aws(["s3", "sync", "s3://stranger-logs", folder])
    return arn, folder


def files(folder, part):
    return sorted(path for path in Path(folder).rglob("*.json.gz") if f"/{part}/" in str(path))


def test_duckdb_reads_log_files(fetched):
    _, folder = fetched
    db = duckdb.connect()
    path = f"{folder}/AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz"
    events = f"(SELECT unnest(Records, recursive := false) AS r FROM read_json('{path}', maximum_object_size = 100000000))"
    named = dict(db.sql(f"SELECT r.eventName, count(*) FROM {events} GROUP BY 1").fetchall())
    assert named["PutObject"] == 5 and named["CreateUser"] == 1 and named["StopLogging"] == 1, named
    ids = db.sql(f"SELECT count(*), count(DISTINCT r.eventID) FROM {events}").fetchall()[0]
    assert ids[0] == ids[1] > 8
    # Times are times, flags are flags, and the members of one kind of event are columns.
    one = db.sql(f"SELECT CAST(r.eventTime AS TIMESTAMP) > TIMESTAMP '2020-01-01', r.readOnly, r.userIdentity.type "
                 f"FROM {events} WHERE r.eventName = 'CreateUser'").fetchall()[0]
    assert one == (True, False, "Root")
    key = db.sql(f"SELECT r.requestParameters.key FROM {events} WHERE r.eventName = 'PutObject' ORDER BY 1").fetchall()[0]
    assert key == ('kéy "0"',)
    regions = db.sql(f"SELECT DISTINCT r.awsRegion FROM {events} ORDER BY 1").fetchall()
    assert ("eu-west-1",) in regions and ("us-east-1",) in regions


def test_duckdb_reads_digests(fetched):
    _, folder = fetched
    db = duckdb.connect()
    path = f"{folder}/AWSLogs/*/CloudTrail-Digest/*/*/*/*/*.json.gz"
    named = db.sql(f"SELECT unnest(logFiles).s3Object FROM read_json('{path}') WHERE len(logFiles) > 0").fetchall()
    assert {name for name, in named} == {str(path.relative_to(folder)) for path in files(folder, "CloudTrail")}


def test_jq_reads_both(fetched):
    _, folder = fetched
    import gzip
    names = []
    for path in files(folder, "CloudTrail"):
        names += jq.compile(".Records[] | .eventName").input_text(gzip.decompress(path.read_bytes()).decode()).all()
    assert names.count("PutObject") == 5
    for path in files(folder, "CloudTrail-Digest"):
        digest = gzip.decompress(path.read_bytes()).decode()
        assert jq.compile("[.digestS3Object, (.logFiles | type)]").input_text(digest).first() == [str(path.relative_to(folder)), "array"]


def test_zcat_unpacks_all(fetched):
    _, folder = fetched
    for path in files(folder, "CloudTrail") + files(folder, "CloudTrail-Digest"):
        done = subprocess.run([shutil.which("zcat") or "gzip", *([] if shutil.which("zcat") else ["-dc"]), path],
                              capture_output=True, check=True)
        assert isinstance(json.loads(done.stdout), dict) and done.stderr == b"", path


def test_validate_logs_finds_all_valid(cairn, fetched):
    arn, _ = fetched
    for region in ["us-east-1", "eu-west-1"]:
        digests, found = validate(cairn, arn, region).all_valid()
        assert digests >= 1 and found >= 1
