"""Large objects pass through without being held, and without holding up others."""

import hashlib
import os
import threading
import time

import pytest

MIB = 1 << 20
SIZE = (1024 if os.environ.get("CAIRN_SLOW") == "1" else 256) * MIB
# What the server may take beyond its idle size while a large object passes.
EXTRA_MAX = 150 * MIB


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file that is mostly holes, so that making it costs nothing; some blocks are random."""
    path = tmp_path_factory.mktemp("large") / "large.bin"
    with open(path, "wb") as file:
        file.truncate(SIZE)
        for at in range(0, SIZE, 64 * MIB):
            file.seek(at + 12345)
            file.write(os.urandom(MIB))
    yield path
    path.unlink()


def sha256(read):
    digest = hashlib.sha256()
    while piece := read(4 * MIB):
        digest.update(piece)
    return digest.hexdigest()


def memory(process, field):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ":"))


class Others:
    """Someone else's small calls, all the while."""

    def __init__(self, cairn):
        self.cairn, self.slowest, self.count, self.end, self.failure = cairn, 0, 0, False, None

    def __enter__(self):
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end = True
        self.thread.join()

    def work(self):
        sts = self.cairn.client("sts")
        while not self.end:
            start = time.monotonic()
            try:
                sts.get_caller_identity()
            except Exception as failure:
                self.failure = failure
                return
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.count += 1


@pytest.mark.timeout(900)
def test_a_large_object_streams(cairn, large, name, capsys):
    s3 = cairn.client("s3", request_checksum_calculation="when_required", response_checksum_validation="when_required",
                      read_timeout=300)
    s3.create_bucket(Bucket=name)
    for _ in range(20):
        cairn.client("sts").get_caller_identity()
    idle = memory(cairn.process, "VmRSS")
    with open(f"/proc/{cairn.process.pid}/clear_refs", "w") as clear:
        clear.write("5")
    with Others(cairn) as others:
        with open(large, "rb") as body:
            want = sha256(body.read)
            body.seek(0)
            s3.put_object(Bucket=name, Key="whole", Body=body)
        s3.upload_file(str(large), name, "parts")
        for key in ["whole", "parts"]:
            answer = s3.get_object(Bucket=name, Key=key)
            assert answer["ContentLength"] == SIZE
            assert sha256(answer["Body"].read) == want, key
        s3.copy({"Bucket": name, "Key": "whole"}, name, "copy")
    assert s3.head_object(Bucket=name, Key="copy")["ContentLength"] == SIZE
    peak = memory(cairn.process, "VmHWM")
    with capsys.disabled():
        print(f"\n{SIZE >> 20} MiB: idle {idle >> 20} MiB, peak {peak >> 20} MiB; {others.count} other calls, slowest {others.slowest:.2f} s")
    assert others.failure is None
    assert peak - idle < EXTRA_MAX
    assert others.count > 10 and others.slowest < 10
