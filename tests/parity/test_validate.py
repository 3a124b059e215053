"""The real `aws cloudtrail validate-logs` accepts what trails deliver, and reports whatever is done to it."""

import datetime
import gzip

import pytest

import logs
from validation import validate


@pytest.fixture(scope="module")
def delivered(cairn):
    """A stopped trail with several log files in several digests, and a saved copy of its bucket."""
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("trail-logs")
    arn = cairn.trail("trail", "trail-logs")
    for _ in range(4):
        ct.list_trails()
        cairn.flush()
    ct.list_trails()
    ct.stop_logging(Name="trail")
    cairn.flush()
    saved = {}
    for key in logs.keys(s3, "trail-logs"):
        got = s3.get_object(Bucket="trail-logs", Key=key)
        saved[key] = {"Body": got["Body"].read(), "Metadata": got["Metadata"], "ContentType": got["ContentType"],
                      "ContentEncoding": got.get("ContentEncoding", "")}
    return arn, saved


@pytest.fixture
def bucket_as_delivered(cairn, delivered):
    """The bucket, put back as it was afterwards."""
    arn, saved = delivered
    s3 = cairn.client("s3")
    yield arn
    for key in logs.keys(s3, "trail-logs"):
        if key not in saved:
            s3.delete_object(Bucket="trail-logs", Key=key)
    for key, content in saved.items():
        s3.put_object(Bucket="trail-logs", Key=key, **content)


def put_back(s3, key, content, **change):
    s3.put_object(Bucket="trail-logs", Key=key, **{**content, **change})


def test_all_is_valid(cairn, delivered):
    arn, saved = delivered
    digests, files = validate(cairn, arn).all_valid()
    assert digests == sum("CloudTrail-Digest" in key for key in saved) >= 5
    assert files == len(saved) - digests >= 4
    assert logs.check_digests(cairn.client("s3"), "trail-logs", "trail") == (digests, files)


def test_a_digest_without_log_files_is_valid(cairn):
    ct = cairn.client("cloudtrail", "eu-north-1")
    cairn.bucket_for_trails("empty-logs")
    arn = cairn.trail("empty", "empty-logs", "eu-north-1")
    cairn.flush()
    cairn.flush()
    ct.stop_logging(Name="empty")
    cairn.flush()
    digests, _ = validate(cairn, arn, "eu-north-1").all_valid()
    assert digests >= 2
    assert any(not digest["logFiles"] for _, digest in logs.digests(cairn.client("s3"), "empty-logs"))


def test_other_regions_of_a_multi_region_trail(cairn):
    cairn.bucket_for_trails("multi-logs")
    arn = cairn.trail("multi", "multi-logs", "eu-south-1", IsMultiRegionTrail=True, S3KeyPrefix="pre/fix")
    for region in ["sa-east-1", "us-east-1"]:
        cairn.client("cloudtrail", region).list_trails()
    cairn.flush()
    for region in ["eu-south-1", "sa-east-1", "us-east-1"]:
        digests, files = validate(cairn, arn, region, s3_prefix="pre/fix").all_valid()
        assert digests >= 1
    # A second chain after a pause: a gap is told, and nothing is invalid.
    ct = cairn.client("cloudtrail", "eu-south-1")
    ct.stop_logging(Name="multi")
    ct.start_logging(Name="multi")
    ct.list_trails()
    cairn.flush()
    validate(cairn, arn, "eu-south-1").all_valid()


def log(saved, n):
    return [key for key in saved if "CloudTrail-Digest" not in key][n]


def digest(saved, n):
    return [key for key in saved if "CloudTrail-Digest" in key][n]


def alter_log(s3, saved):
    key = log(saved, 1)
    text = gzip.decompress(saved[key]["Body"]).replace(b"127.0.0.1", b"127.0.0.2", 1)
    put_back(s3, key, saved[key], Body=gzip.compress(text))
    return key, "hash value doesn't match"


def delete_log(s3, saved):
    key = log(saved, 1)
    s3.delete_object(Bucket="trail-logs", Key=key)
    return key, "INVALID: not found"


def swap_logs(s3, saved):
    one, two = log(saved, 0), log(saved, 1)
    put_back(s3, one, saved[two])
    put_back(s3, two, saved[one])
    return one, "hash value doesn't match"


def junk_log(s3, saved):
    key = log(saved, 2)
    put_back(s3, key, saved[key], Body=b"not gzip")
    return key, "INVALID: invalid format"


def alter_digest(s3, saved):
    key = digest(saved, 1)
    text = gzip.decompress(saved[key]["Body"]).replace(b'"trail-logs"', b'"trail-lags"', 1)
    put_back(s3, key, saved[key], Body=gzip.compress(text))
    return key, "INVALID"


def alter_signature(s3, saved):
    key = digest(saved, -1)
    metadata = dict(saved[key]["Metadata"])
    text = metadata["signature"]
    metadata["signature"] = ("0" if text[0] != "0" else "1") + text[1:]
    put_back(s3, key, saved[key], Metadata=metadata)
    return key, "signature verification failed"


def delete_digest(s3, saved):
    key = digest(saved, 2)
    s3.delete_object(Bucket="trail-logs", Key=key)
    return key, "INVALID: not found"


def swap_digests(s3, saved):
    one, two = digest(saved, 1), digest(saved, 2)
    put_back(s3, one, saved[two])
    put_back(s3, two, saved[one])
    return one, "INVALID"


@pytest.mark.parametrize("harm", [alter_log, delete_log, swap_logs, junk_log, alter_digest, alter_signature, delete_digest, swap_digests])
def test_harm_is_reported(cairn, delivered, bucket_as_delivered, harm):
    key, said = harm(cairn.client("s3"), delivered[1])
    verdict = validate(cairn, bucket_as_delivered)
    lines = [line for line in verdict.out.splitlines() if key in line]
    assert verdict.code == 1 and any(said in line for line in lines), verdict


def test_what_was_put_back_is_valid_again(cairn, delivered):
    validate(cairn, delivered[0]).all_valid()


def test_by_name_of_bucket_as_the_guide_shows(cairn, delivered):
    start = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = cairn.aws(f"cloudtrail validate-logs --trail-arn {delivered[0]} --s3-bucket trail-logs --start-time {start}")
    assert "digest files valid" in done.out and "log files valid" in done.out
