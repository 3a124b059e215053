"""What a stranger can find out about trails and objects, through S3 and the API alone: copies of the buckets, held against what
the clients were answered. Every check raises AssertionError and says what is wrong."""

import collections
import gzip
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

from server import ACCOUNT


class Trail:
    """A trail, where its files are, and which calls it selects."""

    def __init__(self, name, bucket, selects, prefix="", regions=("us-east-1",), home="us-east-1"):
        self.name, self.bucket, self.selects, self.prefix, self.regions, self.home = name, bucket, selects, prefix, regions, home


def listing(s3, bucket):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"]: item for page in pages for item in page.get("Contents", [])}


def copy(s3, bucket, into=None):
    """Every object of a bucket: key -> bytes. Adds to `into`, where the bytes of a key must not have been others."""
    into = {} if into is None else into
    keys = list(listing(s3, bucket))
    with ThreadPoolExecutor(4) as pool:
        for key, content in zip(keys, pool.map(lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read(), keys)):
            assert into.setdefault(key, content) == content, f"{key} was written twice with different bytes"
    return into


def split(files):
    """Log files and digests of a copy, read."""
    logs, digests = {}, {}
    for key, content in files.items():
        if "/CloudTrail-Digest/" in key:
            digests[key] = json.loads(gzip.decompress(content))
        elif "/CloudTrail/" in key:
            logs[key] = gzip.decompress(content)
    return logs, digests


def files_of(trail, files):
    """The log files that the digests of a trail name, with their contents; and how many digests. Checks what a chain promises."""
    logs, digests = split(files)
    ours = {key: digest for key, digest in digests.items() if f"_{trail.name}_" in key.rsplit("/", 1)[1]}
    named, linked = {}, set()
    for key, digest in ours.items():
        assert digest["awsAccountId"] == ACCOUNT and digest["digestS3Object"] == key, key
        assert key.startswith(f"{trail.prefix}/AWSLogs/" if trail.prefix else "AWSLogs/"), f"{key} is in the wrong place"
        for entry in digest["logFiles"]:
            log = entry["s3Object"]
            assert log not in named, f"{trail.name}: {log} is in two digests"
            assert log in logs, f"{trail.name}: {log} is named by {key} and is not there"
            assert hashlib.sha256(logs[log]).hexdigest() == entry["hashValue"], f"{trail.name}: {log} has other bytes than its digest says"
            named[log] = logs[log]
        before = digest["previousDigestS3Object"]
        if before is not None:
            assert before in ours, f"{trail.name}: {key} follows {before}, which is not there"
            assert hashlib.sha256(gzip.decompress(files[before])).hexdigest() == digest["previousDigestHashValue"], f"{trail.name}: {before} has other bytes"
            assert chain_of(before) == chain_of(key), f"{trail.name}: {key} follows {before}, which is of another chain"
            assert before not in linked, f"{trail.name}: two digests follow {before}"
            linked.add(before)
    starts = sorted(key for key, digest in ours.items() if digest["previousDigestS3Object"] is None)
    # Files that came later than their digest are in backfill digests, which are a chain of their own.
    assert sorted(map(chain_of, starts)) == sorted(set(map(chain_of, ours))), f"{trail.name}: chains begin with {starts}"
    return named, len(ours)


def chain_of(key):
    """The region of a digest, and whether it is a backfill digest."""
    return key.split("/CloudTrail-Digest/")[1].split("/")[0], key.endswith("_backfill.json.gz")


def no_file_is_left_over(trails, files):
    """Each log file of a bucket is in a digest of exactly one of the trails that write there."""
    logs, _ = split(files)
    seen = collections.Counter(key for trail in trails for key in files_of(trail, files)[0])
    assert not [key for key, count in seen.items() if count != 1], "log files of two trails"
    missing = set(logs) - set(seen)
    assert not missing, f"log files in no digest: {sorted(missing)[:5]} of {len(missing)}"


def records_of(trail, files):
    """requestID -> [record] of all log files of a trail. No event comes twice."""
    named, _ = files_of(trail, files)
    found, events = collections.defaultdict(list), collections.Counter()
    for content in named.values():
        for record in json.loads(content)["Records"]:
            events[record["eventID"]] += 1
            found[record.get("requestID")].append(record)
    twice = [event for event, count in events.items() if count != 1]
    assert not twice, f"{trail.name}: events that come twice: {twice[:5]} of {len(twice)}"
    many = [request for request, records in found.items() if request is not None and len(records) != 1]
    assert not many, f"{trail.name}: calls with several records: {many[:5]} of {len(many)}"
    return found


def every_answer_has_its_record(trails, copies, answered, regions):
    """`copies`: bucket -> copy. `regions`: request -> the region of its event. Returns trail -> requestID -> [record]."""
    found = {trail.name: records_of(trail, copies[trail.bucket]) for trail in trails}
    wrong = collections.Counter()
    examples = []
    for call in answered:
        for trail in trails:
            wanted = trail.selects(call, regions.get(call.request, call.region))
            there = found[trail.name].get(call.request)
            if wanted != bool(there):
                wrong[(trail.name, call.name, call.region, "missing" if wanted else "not selected")] += 1
                examples.append(call)
            elif there:
                assert there[0]["eventName"] == call.name, (call, there)
    assert not wrong, (dict(wrong), examples[:3])
    return found


def objects_are_there(s3, client, everything):
    """What a client was told of its objects is so. `everything`: the listing of the bucket `content`."""
    for key, etag in client.written.items():
        assert key in everything, f"written and not there: {key}"
        assert everything[key]["ETag"].strip('"') == etag, f"{key} has other bytes than were written"
    back = (client.removed - client.doubtful) & set(everything)
    assert not back, f"removed and still there: {sorted(back)[:3]}"


def uploads_are_whole(s3, client, everything):
    """An upload that was not completed has every part that was acknowledged; one of which that is not known is whole or open."""
    for id_, upload in client.uploads.items():
        item = everything.get(upload.key)
        if item is not None:
            assert "complete" in upload.doubtful, f"{upload.key} is there and was never completed"
            assert item["ETag"].strip('"') == upload.etag(), f"{upload.key} was completed with other parts"
            continue
        try:
            parts = s3.list_parts(Bucket="content", Key=upload.key, UploadId=id_).get("Parts", [])
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchUpload" and "abort" in upload.doubtful, (upload.key, error)
            continue
        there = {part["PartNumber"]: (part["ETag"].strip('"'), part["Size"]) for part in parts}
        for number, part in upload.parts.items():
            assert there.get(number) == part, f"part {number} of {upload.key} was acknowledged and is {there.get(number)}"


def versions_are_there(s3, clients):
    """Every acknowledged version is there, in order, and nothing that nobody wrote."""
    found = collections.defaultdict(list)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket="versioned"):
        items = [(item, item["ETag"].strip('"')) for item in page.get("Versions", [])] + [(item, None) for item in page.get("DeleteMarkers", [])]
        for item, etag in items:
            found[item["Key"]].append((item["LastModified"], item["IsLatest"], item["VersionId"], etag))
    count = 0
    for client in clients:
        for key, made in client.versions.items():
            there = {version: etag for _, _, version, etag in found[key]}
            assert len(there) == len(found[key]), f"{key}: a version is listed twice"
            for version, etag in made:
                assert version in there and there[version] == etag, f"{key}: version {version} was acknowledged and is {there.get(version)}"
            strange = set(there.values()) - client.may_be_there[key]
            assert not strange, f"{key}: versions that nobody wrote: {strange}"
            assert sum(latest for _, latest, _, _ in found[key]) == 1, f"{key} has not one latest version"
            # S3 lists the versions of a key from the newest to the oldest; each kind is in a list of its own.
            order = [version for version, etag in made if etag is not None]
            listed = [version for _, _, version, etag in found[key] if etag is not None and version in set(order)]
            assert listed == order[::-1], f"{key}: the versions are listed in another order than they were made"
            count += len(made)
    return count


def keys_are_published(cloudtrail, digests):
    """Every digest was signed with a key that ListPublicKeys names, asked for all times: without them it names only those that are
    valid now. Returns how many keys signed."""
    keys, token, ever = {}, {}, {"StartTime": 0, "EndTime": time.time() + 60}
    while True:
        page = cloudtrail.list_public_keys(**ever, **token)
        keys.update({key["Fingerprint"]: key for key in page["PublicKeyList"]})
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    used = {digest["digestPublicKeyFingerprint"] for digest in digests}
    assert used <= set(keys), f"digests signed with unknown keys: {used - set(keys)}"
    return len(used)


def history_knows(cloudtrail, records):
    """LookupEvents finds each of these management events once."""
    for record in records:
        found = cloudtrail.lookup_events(LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": record["eventID"]}])["Events"]
        assert [json.loads(event["CloudTrailEvent"]) for event in found] == [record], (record["eventID"], len(found))
