"""Log files that a bucket takes late, keys that change and regions where nothing happens, before the real `validate-logs`."""

import gzip
import json
import re
import time

import logs
from server import trail_policy, until
from validation import validate


def let_files_in(cairn, bucket, allowed):
    """The bucket's policy takes digests, and log files if allowed."""
    policy = trail_policy(bucket)
    if not allowed:
        policy["Statement"].append({
            "Sid": "NoLogFiles", "Effect": "Deny", "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/*/CloudTrail/*"})
    cairn.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_late_files_are_valid_in_the_second_pass(new_cairn):
    cairn = new_cairn(delivery="1s", digest="1s")
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("late-logs")
    arn = cairn.trail("late", "late-logs")
    ct.list_trails()
    until(lambda: logs.digest_keys(s3, "late-logs"), "the first digest")
    let_files_in(cairn, "late-logs", False)
    ct.list_trails()
    until(lambda: ct.get_trail_status(Name="late").get("LatestDeliveryError") == "AccessDenied", "a refusal")
    seen = len(logs.log_keys(s3, "late-logs"))
    before = len(logs.digest_keys(s3, "late-logs"))
    # Digests go on without the files that wait.
    until(lambda: len(logs.digest_keys(s3, "late-logs")) >= before + 4, "digests")
    assert len(logs.log_keys(s3, "late-logs")) == seen
    let_files_in(cairn, "late-logs", True)
    cairn.flush()
    ct.stop_logging(Name="late")
    cairn.flush()
    assert "LatestDeliveryError" not in ct.get_trail_status(Name="late")
    backfills = [key for key in logs.digest_keys(s3, "late-logs") if key.endswith("_backfill.json.gz")]
    assert backfills and len(logs.log_keys(s3, "late-logs")) > seen
    head = s3.head_object(Bucket="late-logs", Key=backfills[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", head["Metadata"]["backfill-generation-timestamp"])
    verdict = validate(cairn, arn)
    digests, files = verdict.all_valid()
    assert verdict.counts("backfill digest") == (len(backfills), len(backfills)), verdict
    assert logs.check_digests(s3, "late-logs", "late") == (digests + len(backfills), files)

    # The second pass sees what is done to a late file and to a backfill digest.
    digest = json.loads(logs.read(s3, "late-logs", backfills[-1]))
    late = digest["logFiles"][0]["s3Object"]
    text = logs.read(s3, "late-logs", late)
    s3.put_object(Bucket="late-logs", Key=late, Body=gzip.compress(text.replace(b"127.0.0.1", b"127.0.0.2")))
    verdict = validate(cairn, arn)
    assert verdict.code == 1 and re.search(re.escape(late) + r"\s+INVALID: hash value doesn't match", verdict.out), verdict
    s3.put_object(Bucket="late-logs", Key=late, Body=gzip.compress(text))
    s3.delete_object(Bucket="late-logs", Key=backfills[-1])
    if len(backfills) == 1:
        assert validate(cairn, arn).counts("backfill digest") == (0, 0)


def test_keys_that_follow_one_another(new_cairn):
    cairn = new_cairn(delivery="1s", digest="1s", env={"CAIRN_DIGEST_KEY_LIFETIME": "5s"})
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    cairn.bucket_for_trails("key-logs")
    arn = cairn.trail("keys", "key-logs")

    def fingerprints():
        ct.list_trails()
        return {digest["digestPublicKeyFingerprint"] for _, digest in logs.digests(s3, "key-logs")}

    until(lambda: len(fingerprints()) >= 2, "a second key")
    cairn.kill()
    cairn.start()
    s3, ct = cairn.client("s3"), cairn.client("cloudtrail")
    until(lambda: len(fingerprints()) >= 3, "a third key")
    ct.stop_logging(Name="keys")
    cairn.flush()
    digests, _ = validate(cairn, arn).all_valid()
    assert digests >= 3
    now = time.time()
    keys = ct.list_public_keys(StartTime=now - 3600, EndTime=now + 3600)["PublicKeyList"]
    keys.sort(key=lambda key: key["ValidityStartTime"])
    assert fingerprints() <= {key["Fingerprint"] for key in keys}
    overlaps = [one["ValidityEndTime"] > two["ValidityStartTime"] for one, two in zip(keys, keys[1:])]
    assert any(overlaps), keys
    assert ct.list_public_keys(StartTime=now - 7200, EndTime=now - 7100)["PublicKeyList"] == []


def test_regions_where_nothing_happens(new_cairn):
    cairn = new_cairn(delivery="1s", digest="2s")
    s3 = cairn.client("s3")
    cairn.bucket_for_trails("quiet-logs")
    arn = cairn.trail("quiet", "quiet-logs", IsMultiRegionTrail=True)
    quiet = "AWSLogs/123456789012/CloudTrail-Digest/ap-south-2/"
    until(lambda: len(logs.keys(s3, "quiet-logs", quiet)) >= 2, "digests of a quiet region")
    cairn.client("cloudtrail").stop_logging(Name="quiet")
    cairn.flush()
    digests, files = validate(cairn, arn, "ap-south-2").all_valid()
    assert digests >= 2 and files == 0
