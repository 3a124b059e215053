"""The load of the crash runs: clients that call one after the other, try again as SDKs do, and remember what they were answered."""

import collections
import hashlib
import http.client
import random
import threading
import time
import xml.etree.ElementTree as ElementTree

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

# A pause after each call, so that the check does not take longer than the load.
PACE_SECONDS = 0.004
# Attempts at one thing, as many as an SDK's standard mode makes.
ATTEMPTS = 3
# Every part of an upload but the last has at least so many bytes. S3 user guide, "Multipart upload limits".
PART_BYTES_MIN = 5 * 1024 * 1024
VERSIONED_KEYS = 4

# One answered attempt: what a record of it must say, and which selectors it meets.
Answered = collections.namedtuple("Answered", "request name region bucket write")

JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"
TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."


def md5(content):
    return hashlib.md5(content).hexdigest()


class Upload:
    """A multipart upload, as far as it was acknowledged."""

    def __init__(self, key):
        # number -> (entity tag, size)
        self.key, self.parts, self.doubtful = key, {}, set()

    def etag(self):
        whole = b"".join(bytes.fromhex(self.parts[number][0]) for number in sorted(self.parts))
        return f"{md5(whole)}-{len(self.parts)}"


class Client(threading.Thread):
    """Calls one after the other on one connection."""

    def __init__(self, cairn, seed, number, up, end):
        super().__init__(daemon=True)
        self.cairn, self.number, self.up, self.end_of_load = cairn, number, up, end
        self.random = random.Random(f"{seed} {number}")
        self.credentials = Credentials(cairn.key, cairn.secret)
        self.connection = None
        self.answered, self.lost, self.unavailable = [], 0, 0
        # Objects of the bucket `content`: key -> entity tag. `doubtful`: those of which the last change was not answered.
        self.written, self.removed, self.doubtful = {}, set(), set()
        # Keys of the bucket `versioned`: key -> [(version, entity tag; None for a delete marker)] in order; and what may be there too.
        self.versions, self.may_be_there = collections.defaultdict(list), collections.defaultdict(set)
        self.uploads, self.completed, self.failure = {}, 0, None

    def run(self):
        try:
            while not self.end_of_load.is_set():
                if self.up.wait(0.2):
                    self.one()
                    time.sleep(PACE_SECONDS)
        except Exception as failure:
            self.failure = failure

    def one(self):
        kinds = {"identity": 4, "trails": 3, "buckets": 2, "tag": 2, "denied": 2, "put": 4, "get": 2, "delete": 2, "version": 3, "upload": 4}
        kind = self.random.choices(list(kinds), list(kinds.values()))[0]
        getattr(self, kind)()

    # Management events.

    def identity(self):
        self.call("GetCallerIdentity", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", {"content-type": FORM}, "sts", self.region())

    def trails(self):
        self.call("ListTrails", "POST", "/", b"{}", {"content-type": JSON, "x-amz-target": TARGET + "ListTrails"}, "cloudtrail", self.region())

    def denied(self):
        self.call("GetTrail", "POST", "/", b'{"Name":"no-such-trail"}', {"content-type": JSON, "x-amz-target": TARGET + "GetTrail"}, "cloudtrail")

    def buckets(self):
        self.call("ListBuckets", "GET", "/")

    def tag(self):
        tags = f"<Tagging><TagSet><Tag><Key>k</Key><Value>{self.key()}</Value></Tag></TagSet></Tagging>".encode()
        self.call("PutBucketTagging", "PUT", "/tagged?tagging=", tags, write=True)

    # Objects.

    def put(self):
        key = self.key()
        content = key.encode() * self.random.choice([1, 20, 800])
        self.doubtful.add(key)
        if self.data("PutObject", "PUT", f"/content/{key}", content)[0] == 200:
            self.written[key] = md5(content)
            self.doubtful.discard(key)

    def get(self):
        if self.written:
            key = self.random.choice(list(self.written))
            status, _, content = self.data("GetObject", "GET", f"/content/{key}")
            assert status in (200, None), (key, status)
            assert status is None or "-" in self.written[key] or md5(content) == self.written[key], key

    def delete(self):
        if self.written:
            key = self.random.choice(list(self.written))
            del self.written[key]
            self.doubtful.add(key)
            if self.data("DeleteObject", "DELETE", f"/content/{key}")[0] == 204:
                self.removed.add(key)
                self.doubtful.discard(key)

    def version(self):
        key = f"t{self.number}-{self.random.randrange(VERSIONED_KEYS)}"
        content = None if self.random.random() < 0.25 else self.key().encode()
        etag = None if content is None else md5(content)
        # An attempt that was not answered may have made a version too.
        self.may_be_there[key].add(etag)
        name, method = ("DeleteObject", "DELETE") if content is None else ("PutObject", "PUT")
        status, headers, _ = self.data(name, method, f"/versioned/{key}", content or b"", bucket="versioned")
        if status in (200, 204):
            self.versions[key].append((headers["x-amz-version-id"], etag))

    # Multipart uploads: what was acknowledged is there after a kill; completing is all or nothing.

    def upload(self):
        open_ = [id_ for id_, upload in self.uploads.items() if not upload.doubtful]
        if not open_ or self.random.random() < 0.1:
            key = self.key()
            status, _, body = self.data("CreateMultipartUpload", "POST", f"/content/{key}?uploads=")
            if status == 200:
                self.uploads[tag_text(body, "UploadId")] = Upload(key)
            return
        id_ = self.random.choice(open_)
        upload = self.uploads[id_]
        sizes = [size for _, size in upload.parts.values()]
        if not sizes or sizes == [PART_BYTES_MIN]:
            self.part(id_, upload)
        elif self.random.random() < 0.1:
            upload.doubtful.add("abort")
            if self.data("AbortMultipartUpload", "DELETE", f"/content/{upload.key}?uploadId={id_}")[0] in (204, 404):
                del self.uploads[id_]
        else:
            self.complete(id_, upload)

    def part(self, id_, upload):
        number = len(upload.parts) + 1
        large = not upload.parts and self.random.random() < 0.05
        content = self.key().encode()
        content = (content * (PART_BYTES_MIN // len(content) + 1))[:PART_BYTES_MIN] if large else content
        status, headers, _ = self.data("UploadPart", "PUT", f"/content/{upload.key}?partNumber={number}&uploadId={id_}", content)
        if status == 200:
            assert headers["etag"].strip('"') == md5(content)
            upload.parts[number] = (md5(content), len(content))

    def complete(self, id_, upload):
        parts = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, (etag, _) in sorted(upload.parts.items()))
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        upload.doubtful.add("complete")
        status, _, answer = self.data("CompleteMultipartUpload", "POST", f"/content/{upload.key}?uploadId={id_}", body)
        # An attempt that was not answered may have completed it; the next one then finds no upload, and the object must be there.
        if status == 404 or status == 200 and b"<Error>" not in answer:
            self.written[upload.key] = upload.etag()
            del self.uploads[id_]
            self.completed += 1
        else:
            assert status is None, (status, answer)

    # One thing, tried until it is answered.

    def key(self):
        return f"t{self.number}-{self.random.randrange(10**9)}"

    def region(self):
        return self.random.choice(["us-east-1", "eu-west-1"])

    def data(self, name, method, path, body=b"", bucket="content"):
        write = name not in ("GetObject", "ListParts")
        return self.call(name, method, path, body, bucket=bucket, write=write)

    def call(self, *args, **kwargs):
        """Returns (status, headers, body) of the first attempt that was answered; the status is None if none was."""
        for attempt in range(ATTEMPTS):
            answer = self.attempt(*args, **kwargs)
            if answer[0] is not None:
                return answer
            time.sleep(self.random.uniform(0, 0.05 * 2**attempt))
            if not self.up.wait(5):
                break
        return None, {}, b""

    def attempt(self, name, method, path, body=b"", headers=None, service="s3", region="us-east-1", bucket=None, write=False):
        try:
            host = self.cairn.host
            request = AWSRequest(method, f"http://{host}{path}", data=body, headers={"host": host, **(headers or {})})
            (S3SigV4Auth if service == "s3" else SigV4Auth)(self.credentials, service, region).add_auth(request)
            if self.connection is None or self.connection.at != host:
                self.connection = http.client.HTTPConnection(host, timeout=30)
                self.connection.at = host
            self.connection.request(method, path, body, dict(request.headers.items()))
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            self.lost += 1
            return None, {}, b""
        headers = {key.lower(): value for key, value in response.getheaders()}
        request_id = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
        if response.status >= 500:
            self.unavailable += 1
            return None, {}, b""
        assert request_id, (name, response.status)
        self.answered.append(Answered(request_id, name, region, bucket, write))
        return response.status, headers, content


def tag_text(xml, tag):
    return next(element.text for element in ElementTree.fromstring(xml).iter() if element.tag.endswith(tag))
