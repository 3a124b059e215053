"""Reads what trails delivered, through S3 alone."""

import gzip
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor

from server import ACCOUNT

LOG_NAME = re.compile(
    r"(?:(?P<prefix>.+)/)?AWSLogs/(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/(?P<day>\d{4}/\d\d/\d\d)/"
    r"\d{12}_CloudTrail_(?P<in_name>[a-z0-9-]+)_\d{8}T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz")


def keys(s3, bucket, prefix=""):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def log_keys(s3, bucket, prefix=""):
    return [key for key in keys(s3, bucket, prefix) if "/CloudTrail/" in key]


def digest_keys(s3, bucket, prefix=""):
    return [key for key in keys(s3, bucket, prefix) if "/CloudTrail-Digest/" in key]


def read(s3, bucket, key):
    return gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def records(s3, bucket, prefix=""):
    """Every record of every log file: (key, record)."""
    with ThreadPoolExecutor(4) as pool:
        names = log_keys(s3, bucket, prefix)
        for key, body in zip(names, pool.map(lambda key: read(s3, bucket, key), names)):
            for record in json.loads(body)["Records"]:
                yield key, record


def by_request(s3, bucket, prefix=""):
    """requestID -> [(key, record)]"""
    found = {}
    for key, record in records(s3, bucket, prefix):
        found.setdefault(record.get("requestID"), []).append((key, record))
    return found


def digests(s3, bucket, prefix=""):
    return [(key, json.loads(read(s3, bucket, key))) for key in digest_keys(s3, bucket, prefix)]


def check_digests(s3, bucket, trail, prefix=""):
    """Each log file in exactly one digest of the trail, with its true hash; returns how many digests and files."""
    seen = {}
    found = [(key, digest) for key, digest in digests(s3, bucket, prefix) if f"_{trail}_" in key]
    for key, digest in found:
        assert digest["awsAccountId"] == ACCOUNT and digest["digestS3Object"] == key, key
        for entry in digest["logFiles"]:
            assert entry["s3Bucket"] == bucket
            seen.setdefault(entry["s3Object"], []).append(key)
            body = s3.get_object(Bucket=bucket, Key=entry["s3Object"])["Body"].read()
            assert hashlib.sha256(gzip.decompress(body)).hexdigest() == entry["hashValue"], entry
    twice = {log: where for log, where in seen.items() if len(where) != 1}
    assert not twice, f"log files in several digests: {twice}"
    missing = set(log_keys(s3, bucket, prefix)) - set(seen)
    assert not missing, f"log files in no digest: {sorted(missing)[:5]} of {len(missing)}"
    return len(found), len(seen)
