"""Encryption at rest: what answers say of it, what lies in the data folder, and what becomes of a lost or rotated host key."""

import os
import re
import secrets
import stat

import pytest
from server import error_of

WORDS = b"the words that nobody may find in the folder "
SIZES = {"small": 200, "medium": 100_000, "large": 3_000_000}


def words(size):
    return (WORDS * (size // len(WORDS) + 1))[:size]


def files_with(folder, text):
    found = []
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                with open(os.path.join(path, name), "rb") as file:
                    if text in file.read():
                        found.append(os.path.join(path, name))
            except FileNotFoundError:
                pass
    return found


def test_nothing_of_an_object_lies_in_clear_in_the_data_folder(new_cairn):
    cairn = new_cairn()
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="secret-bucket")
    for key, size in SIZES.items():
        assert s3.put_object(Bucket="secret-bucket", Key=key, Body=words(size))["ServerSideEncryption"] == "AES256"
    upload = s3.create_multipart_upload(Bucket="secret-bucket", Key="parts")
    assert upload["ServerSideEncryption"] == "AES256"
    parts = []
    for number in (1, 2):
        part = s3.upload_part(Bucket="secret-bucket", Key="parts", UploadId=upload["UploadId"], PartNumber=number, Body=words(5 << 20))
        assert part["ServerSideEncryption"] == "AES256"
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = s3.complete_multipart_upload(
        Bucket="secret-bucket", Key="parts", UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
    )
    assert done["ServerSideEncryption"] == "AES256"
    copied = s3.copy_object(Bucket="secret-bucket", Key="copy", CopySource="secret-bucket/parts")
    assert copied["ServerSideEncryption"] == "AES256"
    assert files_with(cairn.data, WORDS[:20]) == []
    cairn.stop()
    assert files_with(cairn.data, WORDS[:20]) == []
    # The search finds what is there: names are not content.
    assert files_with(cairn.data, b"secret-bucket") != []
    cairn.start()
    s3 = cairn.client("s3")
    for key, size in {**SIZES, "parts": 2 * (5 << 20), "copy": 2 * (5 << 20)}.items():
        whole = words(size) if key in SIZES else words(5 << 20) * 2
        got = s3.get_object(Bucket="secret-bucket", Key=key)
        assert got["ServerSideEncryption"] == "AES256"
        assert got["Body"].read() == whole
        assert s3.head_object(Bucket="secret-bucket", Key=key)["ServerSideEncryption"] == "AES256"
        for first, last in ((0, 0), (size // 2, size // 2 + 70_000), (max(0, size - 66_000), size - 1)):
            piece = s3.get_object(Bucket="secret-bucket", Key=key, Range=f"bytes={first}-{last}")["Body"].read()
            assert piece == whole[first : last + 1]


def test_what_can_be_asked_for(s3, bucket):
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    for algorithm in ("aws:kms", "aws:kms:dsse"):
        put = dict(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption=algorithm)
        assert s3.put_object(**put)["ServerSideEncryption"] == algorithm
        code, status, text = error_of(s3.put_object, **put, SSEKMSKeyId="alias/none")
        assert (code, status) == ("KMS.NotFoundException", 400) and "alias/none" in text
    customer = dict(SSECustomerAlgorithm="AES256", SSECustomerKey=secrets.token_bytes(32))
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **customer)[:2] == ("NotImplemented", 501)


def test_the_host_key_is_the_owners_alone(cairn):
    path = cairn.data / "host-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())


@pytest.fixture
def stopped(new_cairn):
    """A server with an object, stopped."""
    cairn = new_cairn()
    cairn.client("s3").create_bucket(Bucket="bkt")
    cairn.client("s3").put_object(Bucket="bkt", Key="old", Body=words(100_000))
    cairn.stop()
    return cairn


def refusal(cairn):
    """What the server says that does not start."""
    process = cairn.spawn(stdout=-1, stderr=-1)
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    return (out + err).decode()


def test_a_lost_or_wrong_host_key_keeps_the_server_from_starting(stopped):
    path = stopped.data / "host-key"
    text = path.read_text()
    path.unlink()
    said = refusal(stopped)
    assert "restore the file" in said and str(path) in said
    assert not path.exists()
    path.write_text("0" * 64 + "\n")
    said = refusal(stopped)
    assert "is not among those given" in said and "operations.md" in said
    path.write_text("nonsense")
    assert "line 1 is not a key" in refusal(stopped)
    path.write_text(text)
    stopped.start()
    assert stopped.client("s3").get_object(Bucket="bkt", Key="old")["Body"].read() == words(100_000)


def test_a_host_key_is_rotated_by_adding_a_line(stopped):
    path = stopped.data / "host-key"
    first = path.read_text()
    second = secrets.token_hex(32) + "\n"
    path.write_text(first + second)
    stopped.start()
    s3 = stopped.client("s3")
    s3.put_object(Bucket="bkt", Key="new", Body=words(100_000))
    for key in ("old", "new"):
        assert s3.get_object(Bucket="bkt", Key=key)["Body"].read() == words(100_000)
    stopped.stop()
    path.write_text(first)
    assert "is not among those given" in refusal(stopped)
    # Elsewhere, and in another order.
    elsewhere = stopped.folder / "elsewhere"
    elsewhere.write_text("# newest last\n" + second + first)
    path.unlink()
    stopped.settings["CAIRN_HOST_KEY_FILE"] = str(elsewhere)
    stopped.start()
    assert stopped.client("s3").get_object(Bucket="bkt", Key="new")["Body"].read() == words(100_000)
    assert not path.exists()


def test_damage_is_told_and_not_handed_out(stopped):
    blobs = [os.path.join(path, name) for path, _, names in os.walk(stopped.data / "objects" / "data" / "s3e") for name in names]
    assert len(blobs) == 1
    with open(blobs[0], "r+b") as file:
        file.seek(70_000)
        byte = file.read(1)
        file.seek(70_000)
        file.write(bytes([byte[0] ^ 1]))
    stopped.start()
    s3 = stopped.client("s3")
    # The first chunk is whole, and may be read.
    assert s3.get_object(Bucket="bkt", Key="old", Range="bytes=0-65535")["Body"].read() == words(65_536)
    for more in ({"Range": "bytes=65536-65536"}, {}):
        code, status, text = error_of(s3.get_object, Bucket="bkt", Key="old", **more)
        assert (code, status, text) == ("InternalError", 500, "We encountered an internal error. Please try again.")
    assert [line for line in stopped.log.read_text().splitlines() if "ERROR" in line and "bkt" in line and "old" in line and "damaged" in line]


def test_damage_behind_the_start_of_an_answer_is_in_the_log_and_the_figures(new_cairn):
    cairn = new_cairn()
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="bkt")
    s3.put_object(Bucket="bkt", Key="a/large", Body=words(8_000_000))
    blobs = [os.path.join(path, name) for path, _, names in os.walk(cairn.data / "objects" / "data" / "s3e") for name in names]
    with open(blobs[0], "r+b") as file:
        file.seek(7_500_000)
        byte = file.read(1)
        file.seek(7_500_000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(Exception, match="(?i)incomplete|broken|ended|read"):
        s3.get_object(Bucket="bkt", Key="a/large")["Body"].read()
    said = [line for line in cairn.log.read_text().splitlines() if "ERROR" in line]
    assert len(said) == 1 and "bkt" in said[0] and "a/large" in said[0] and "damaged" in said[0], said
    token = (cairn.data / "metrics-token").read_text()
    assert b"\ncairn_damaged_reads_total 1\n" in cairn.get("/metrics", {"authorization": f"Bearer {token}"})[2]
