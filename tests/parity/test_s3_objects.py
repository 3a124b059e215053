"""Objects and buckets through boto3: what is written is what is read."""

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
import zlib

import pytest

from server import error_of, trail_policy


def put(s3, bucket, key, body=b"0123456789", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **more)


def test_metadata_and_headers_come_back(s3, bucket):
    given = {
        "ContentType": "text/x-test", "CacheControl": "no-cache", "ContentDisposition": "inline", "ContentEncoding": "identity",
        "ContentLanguage": "de", "Metadata": {"colour": "blue", "size": "4"}, "StorageClass": "STANDARD",
    }
    put(s3, bucket, "k", **given)
    head = s3.head_object(Bucket=bucket, Key="k")
    given.pop("StorageClass")
    assert {name: head[name] for name in given} == given
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseCacheControl="x")
    assert (got["ContentType"], got["CacheControl"], got["Metadata"]) == ("a/b", "x", given["Metadata"])
    assert got["ETag"] == f'"{hashlib.md5(b"0123456789").hexdigest()}"' and got["AcceptRanges"] == "bytes"


@pytest.mark.parametrize("range_, status, body, content_range", [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
    ("bytes=-100", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
    ("bytes=nonsense", 200, b"0123456789", None),
    ("bytes=0-1,4-5", 200, b"0123456789", None),
])
def test_ranges(s3, bucket, range_, status, body, content_range):
    put(s3, bucket, "k")
    got = s3.get_object(Bucket=bucket, Key="k", Range=range_)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == status
    assert (got["Body"].read(), got.get("ContentRange")) == (body, content_range)


def test_conditions_on_reading(s3, bucket):
    etag = put(s3, bucket, "k")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    get = lambda **more: s3.get_object(Bucket=bucket, Key="k", **more)["Body"].read()  # noqa: E731
    assert get(IfMatch=etag) == get(IfNoneMatch='"other"') == get(IfUnmodifiedSince=modified) == b"0123456789"
    assert error_of(get, IfMatch='"other"')[:2] == ("PreconditionFailed", 412)
    assert error_of(get, IfNoneMatch=etag)[:2] == ("304", 304)
    assert error_of(get, IfModifiedSince=modified)[:2] == ("304", 304)
    assert error_of(s3.head_object, Bucket=bucket, Key="k", IfMatch='"other"')[:2] == ("412", 412)


def test_conditions_on_writing(s3, bucket):
    etag = put(s3, bucket, "k", IfNoneMatch="*")["ETag"]
    assert error_of(put, s3, bucket, "k", IfNoneMatch="*")[:2] == ("PreconditionFailed", 412)
    assert error_of(put, s3, bucket, "k", IfMatch='"other"')[:2] == ("PreconditionFailed", 412)
    put(s3, bucket, "k", b"next", IfMatch=etag)
    assert error_of(put, s3, bucket, "absent", IfMatch=etag)[:2] == ("NoSuchKey", 404)


def test_of_many_writers_that_want_to_be_first_one_is(cairn, s3, bucket):
    won, lost = [], []

    def write(number):
        try:
            put(s3, bucket, "lock", str(number).encode(), IfNoneMatch="*")
            won.append(number)
        except s3.exceptions.ClientError as error:
            lost.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(won) == 1 and set(lost) <= {"PreconditionFailed", "ConditionalRequestConflict"}, (won, lost)
    assert s3.get_object(Bucket=bucket, Key="lock")["Body"].read() == str(won[0]).encode()


def test_copies(s3, bucket):
    put(s3, bucket, "from ü", Metadata={"a": "1"}, ContentType="x/y", Tagging="t=1")
    source = {"Bucket": bucket, "Key": "from ü"}
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == s3.head_object(Bucket=bucket, Key="to")["ETag"]
    head = s3.head_object(Bucket=bucket, Key="to")
    assert (head["Metadata"], head["ContentType"]) == ({"a": "1"}, "x/y")
    assert s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"b": "2"}
    assert error_of(s3.copy_object, Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "to"})[0] == "InvalidRequest"
    assert error_of(s3.copy_object, Bucket=bucket, Key="x", CopySource={"Bucket": bucket, "Key": "no"})[0] == "NoSuchKey"
    wrong = error_of(s3.copy_object, Bucket=bucket, Key="x", CopySource=source, CopySourceIfMatch='"other"')
    assert wrong[:2] == ("PreconditionFailed", 412)


def test_object_tags(s3, bucket):
    put(s3, bucket, "k", Tagging="a=1&b=two%20words")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two words"}]
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "c", "Value": ""}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_bucket_tags_and_policy(s3, bucket):
    assert error_of(s3.get_bucket_tagging, Bucket=bucket)[:2] == ("NoSuchTagSet", 404)
    tags = [{"Key": "team", "Value": "audit"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    assert error_of(s3.get_bucket_policy, Bucket=bucket)[:2] == ("NoSuchBucketPolicy", 404)
    policy = json.dumps(trail_policy(bucket), indent=3)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)
    assert error_of(s3.put_bucket_policy, Bucket=bucket, Policy="{}")[:2] == ("MalformedPolicy", 400)
    s3.delete_bucket_policy(Bucket=bucket)
    assert error_of(s3.get_bucket_policy, Bucket=bucket)[0] == "NoSuchBucketPolicy"


CHECKSUMS = {
    "CRC32": lambda body: base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode(),
    "SHA1": lambda body: base64.b64encode(hashlib.sha1(body).digest()).decode(),
    "SHA256": lambda body: base64.b64encode(hashlib.sha256(body).digest()).decode(),
    # Of b"checked", computed once by the reference implementations.
    "CRC32C": None,
    "CRC64NVME": None,
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_checksums_are_verified_stored_and_given_back(cairn, s3, bucket, algorithm):
    body = b"checked"
    value = CHECKSUMS[algorithm](body) if CHECKSUMS[algorithm] else crc(algorithm, body)
    header = f"x-amz-checksum-{algorithm.lower()}"
    status, headers, answer = cairn.signed("PUT", f"/{bucket}/k", body, {header: value})
    assert (status, headers.get(header)) == (200, value), answer
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == value
    status, _, answer = cairn.signed("PUT", f"/{bucket}/k", b"altered", {header: value})
    assert status == 400 and b"BadDigest" in answer
    status, _, answer = cairn.signed("PUT", f"/{bucket}/k", b"altered", {header: "nonsense"})
    assert status == 400 and b"InvalidRequest" in answer


def crc(algorithm, body):
    """CRC32C (Castagnoli) and CRC64NVME, bit by bit: reflected polynomials 0x82F63B78 and 0x9A6C9329AC4BC9B5."""
    bits, polynomial = (32, 0x82F63B78) if algorithm == "CRC32C" else (64, 0x9A6C9329AC4BC9B5)
    value = mask = (1 << bits) - 1
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ mask).to_bytes(bits // 8, "big")).decode()


def test_crc_of_the_tests_own():
    """The check values of the CRC catalogue for "123456789"."""
    assert base64.b64decode(crc("CRC32C", b"123456789")).hex() == "e3069283"
    assert base64.b64decode(crc("CRC64NVME", b"123456789")).hex() == "ae8b14860a799888"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_sdk_checksums(s3, bucket, algorithm):
    put(s3, bucket, "k", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"0123456789" and got[f"Checksum{algorithm}"] == CHECKSUMS[algorithm](b"0123456789")


def test_content_md5(cairn, bucket):
    good = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    assert cairn.signed("PUT", f"/{bucket}/k", b"x", {"content-md5": good})[0] == 200
    status, _, body = cairn.signed("PUT", f"/{bucket}/k", b"y", {"content-md5": good})
    assert status == 400 and b"BadDigest" in body
    status, _, body = cairn.signed("PUT", f"/{bucket}/k", b"y", {"content-md5": "junk"})
    assert status == 400 and b"InvalidDigest" in body


def test_versions(s3, bucket):
    before = put(s3, bucket, "k", b"before")
    assert "VersionId" not in before
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    one, two = (put(s3, bucket, "k", body)["VersionId"] for body in [b"one", b"two"])
    read = lambda **more: s3.get_object(Bucket=bucket, Key="k", **more)["Body"].read()  # noqa: E731
    assert (read(), read(VersionId=one), read(VersionId="null")) == (b"two", b"one", b"before")
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    assert deleted["DeleteMarker"] is True
    assert error_of(read)[:2] == ("NoSuchKey", 404)
    assert error_of(read, VersionId=deleted["VersionId"])[:2] == ("MethodNotAllowed", 405)
    listed = s3.list_object_versions(Bucket=bucket)
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [(two, False), (one, False), ("null", False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(deleted["VersionId"], True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=deleted["VersionId"])
    assert read() == b"two"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert put(s3, bucket, "k", b"null again").get("VersionId") in (None, "null")
    assert read(VersionId="null") == b"null again"
    assert error_of(s3.delete_bucket, Bucket=bucket)[:2] == ("BucketNotEmpty", 409)
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def test_delete_many(s3, bucket):
    for number in range(5):
        put(s3, bucket, f"k{number}")
    asked = [{"Key": f"k{number}"} for number in range(4)] + [{"Key": "absent"}]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": asked})
    assert sorted(entry["Key"] for entry in done["Deleted"]) == ["absent", "k0", "k1", "k2", "k3"]
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k4"}], "Quiet": True})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_multipart_step_by_step(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ContentType="a/b", Metadata={"m": "1"})["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    parts = [bytes([number]) * (5 << 20) for number in (1, 2)] + [b"end"]
    etags = [s3.upload_part(**at, PartNumber=number, Body=body)["ETag"] for number, body in enumerate(parts, 1)]
    listed = s3.list_parts(**at, MaxParts=2)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2] and listed["IsTruncated"]
    rest = s3.list_parts(**at, PartNumberMarker=listed["NextPartNumberMarker"])
    assert [part["Size"] for part in rest["Parts"]] == [3]
    assert [entry["UploadId"] for entry in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    numbered = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    complete = lambda parts: s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})  # noqa: E731
    assert error_of(complete, numbered[::-1])[0] == "InvalidPartOrder"
    assert error_of(complete, [{"PartNumber": 1, "ETag": '"0"'}])[0] == "InvalidPart"
    done = complete(numbered)
    whole = hashlib.md5(b"".join(bytes.fromhex(etag.strip('"')) for etag in etags)).hexdigest()
    assert done["ETag"] == f'"{whole}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(parts) and got["Metadata"] == {"m": "1"} and got["ContentType"] == "a/b"
    part = s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    assert part["Body"].read() == b"end" and part["PartsCount"] == 3
    assert error_of(s3.list_parts, **at)[:2] == ("NoSuchUpload", 404)


def test_multipart_abandoned_and_too_small(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etags = [s3.upload_part(**at, PartNumber=number, Body=b"tiny")["ETag"] for number in (1, 2)]
    numbered = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    assert error_of(s3.complete_multipart_upload, **at, MultipartUpload={"Parts": numbered})[0] == "EntityTooSmall"
    s3.abort_multipart_upload(**at)
    assert error_of(s3.upload_part, **at, PartNumber=3, Body=b"x")[:2] == ("NoSuchUpload", 404)


def test_parts_that_are_copies(s3, bucket):
    put(s3, bucket, "source", b"a" * (6 << 20))
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    source = {"Bucket": bucket, "Key": "source"}
    one = s3.upload_part_copy(**at, PartNumber=1, CopySource=source, CopySourceRange="bytes=0-5242879")
    two = s3.upload_part(**at, PartNumber=2, Body=b"b")
    parts = [{"PartNumber": 1, "ETag": one["CopyPartResult"]["ETag"]}, {"PartNumber": 2, "ETag": two["ETag"]}]
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 5242881


def test_odd_keys(s3, bucket):
    odd = ["a b", "a+b", "ü/ö", "a//b", "/lead", "trail/", "a%20b", "q?x=1&y", "#", "日本語", "..", "a/../b", "'\"<>&", "~.-_!*()", "x" * 1024]
    for key in odd:
        put(s3, bucket, key, key.encode())
    for key in odd:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(odd, key=lambda key: key.encode())


def test_buckets_in_host_names(cairn, name, monkeypatch):
    real = socket.getaddrinfo

    def local(host, *args, **kwargs):
        return real("127.0.0.1" if str(host).endswith("localhost") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", local)
    port = cairn.endpoint.rsplit(":", 1)[1]
    s3 = cairn.client("s3", endpoint=f"http://localhost:{port}", s3={"addressing_style": "virtual"})
    s3.create_bucket(Bucket=name)
    answer = put(s3, name, "a/b")
    assert answer["ETag"]
    assert s3.get_object(Bucket=name, Key="a/b")["Body"].read() == b"0123456789"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=name)["Contents"]] == ["a/b"]
    url = s3.generate_presigned_url("get_object", {"Bucket": name, "Key": "a/b"})
    assert url.startswith(f"http://{name}.localhost:{port}/a/b?")
    path = url.split(str(port), 1)[1]
    assert cairn.get(path, {"Host": f"{name}.localhost:{port}"})[2] == b"0123456789"


def test_a_body_with_a_trailing_checksum(cairn, s3, bucket):
    """What SDKs send over TLS: unsigned chunks, and the checksum after them."""

    def send(key, value):
        body = b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:" + value.encode() + b"\r\n\r\n"
        headers = {"content-encoding": "aws-chunked", "x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": "11",
                   "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-length": str(len(body))}
        return cairn.signed("PUT", f"/{bucket}/{key}", body, headers)

    good = CHECKSUMS["CRC32"](b"hello world")
    status, _, answer = send("good", good)
    assert status == 200, answer
    got = s3.get_object(Bucket=bucket, Key="good", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello world" and got["ChecksumCRC32"] == good
    assert "ContentEncoding" not in got or got["ContentEncoding"] == ""
    status, _, answer = send("bad", CHECKSUMS["CRC32"](b"hello"))
    assert status == 400 and b"BadDigest" in answer
    assert error_of(s3.get_object, Bucket=bucket, Key="bad")[0] == "NoSuchKey"


@pytest.mark.parametrize("altered", [False, True])
def test_signed_chunks(cairn, s3, bucket, altered):
    """Source: S3 API reference, "Signature calculations for the authorization header: transferring payload in multiple chunks"."""
    chunks, sent = [b"a" * 65536, b"b" * 10_000, b""], bytearray()
    size = sum(len(chunk) + len(f"{len(chunk):x};chunk-signature={'0' * 64}") + 4 for chunk in chunks)
    empty = hashlib.sha256(b"").hexdigest()

    def fill(request):
        """Signs the chunks, each with the signature before it, once the head is signed."""
        text = request.headers["Authorization"]
        date = request.headers["X-Amz-Date"]
        scope = text.split("Credential=")[1].split(",")[0].split("/", 1)[1]
        before = text.split("Signature=")[1]
        key = ("AWS4" + cairn.secret).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        for chunk in chunks:
            parts = ["AWS4-HMAC-SHA256-PAYLOAD", date, scope, before, empty, hashlib.sha256(chunk).hexdigest()]
            before = hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
            sent.extend(f"{len(chunk):x};chunk-signature={before}\r\n".encode() + chunk + b"\r\n")
        if altered:
            sent[sent.index(b"bbb")] = ord("c")
        request.data = bytes(sent)

    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(sum(map(len, chunks))),
               "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "content-length": str(size)}
    status, _, answer = cairn.signed("PUT", f"/{bucket}/k", b"", headers, alter=fill)
    assert len(sent) == size
    if altered:
        assert status == 403 and b"SignatureDoesNotMatch" in answer, answer
        assert error_of(s3.get_object, Bucket=bucket, Key="k")[0] == "NoSuchKey"
    else:
        assert status == 200, answer
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(chunks)


def test_dates_have_whole_seconds(cairn, s3, bucket):
    """RFC 9110 knows no fractions; listings show `.000Z`, as S3 does."""
    whole = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    for at in range(3):
        s3.put_object(Bucket=bucket, Key=f"k{at}", Body=b"x", StorageClass="GLACIER")
        s3.restore_object(Bucket=bucket, Key=f"k{at}", RestoreRequest={"Days": 1})
        for method, query, more in (("GET", "", {}), ("HEAD", "", {}), ("GET", "?attributes", {"x-amz-object-attributes": "ETag"})):
            status, headers, _ = cairn.signed(method, f"/{bucket}/k{at}{query}", headers=more)
            assert status == 200 and re.fullmatch(whole, headers["last-modified"]), headers
            if not query:
                assert re.fullmatch(f'expiry-date="{whole}", rule-id="r"', headers["x-amz-expiration"])
                assert re.fullmatch(f'ongoing-request="false", expiry-date="{whole}"', headers["x-amz-restore"])
        # Who sends the date back has the object unchanged.
        since = headers["last-modified"]
        assert cairn.signed("GET", f"/{bucket}/k{at}", headers={"if-modified-since": since})[0] == 304
        assert cairn.signed("GET", f"/{bucket}/k{at}", headers={"if-unmodified-since": since})[0] == 200
    for query in ("?list-type=2", "?versions", ""):
        body = cairn.signed("GET", f"/{bucket}{query}")[2].decode()
        dates = re.findall("<LastModified>(.*?)</LastModified>", body)
        assert len(dates) == 3 and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", date) for date in dates), dates
