"""The AWS CLI's S3 commands, as people type them."""

import hashlib
import os

import pytest

from server import fetch

MIB = 1 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "small.txt").write_text("a small file\n")
    (folder / "large.bin").write_bytes(os.urandom(20 * MIB))
    (folder / "tree/a/b").mkdir(parents=True)
    for path in ["one.txt", "a/two.txt", "a/b/three with space.txt", "a/b/vier-ü.txt"]:
        (folder / "tree" / path).write_text(path)
    return folder


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_make_fill_empty_and_remove_a_bucket(cairn, name, folder, tmp_path):
    assert cairn.aws(f"s3 mb s3://{name}").out == f"make_bucket: {name}\n"
    assert name in cairn.aws("s3 ls").out
    cairn.aws(["s3", "cp", folder / "small.txt", f"s3://{name}/"])
    listing = cairn.aws(f"s3 ls s3://{name}").out.split()
    assert listing[-2:] == ["13", "small.txt"]
    cairn.aws(["s3", "cp", f"s3://{name}/small.txt", tmp_path / "down.txt"])
    assert (tmp_path / "down.txt").read_text() == "a small file\n"
    assert cairn.aws(f"s3 cp s3://{name}/small.txt -").out == "a small file\n"

    refused = cairn.aws(f"s3 rb s3://{name}", check=False)
    assert refused.code == 1 and "BucketNotEmpty" in refused.err, refused
    cairn.aws(f"s3 rm s3://{name} --recursive")
    assert cairn.aws(f"s3 rb s3://{name}").out == f"remove_bucket: {name}\n"
    gone = cairn.aws(f"s3 ls s3://{name}", check=False)
    assert gone.code != 0 and "NoSuchBucket" in gone.err, gone


def test_a_large_file_goes_in_parts(cairn, bucket, s3, folder, tmp_path):
    cairn.aws(["s3", "cp", folder / "large.bin", f"s3://{bucket}/large.bin", "--no-progress"])
    head = s3.head_object(Bucket=bucket, Key="large.bin")
    assert head["ContentLength"] == 20 * MIB
    assert head["ETag"].endswith('-3"'), "three parts of 8 MiB at most"
    cairn.aws(["s3", "cp", f"s3://{bucket}/large.bin", tmp_path / "large.bin", "--no-progress"])
    assert digest(tmp_path / "large.bin") == digest(folder / "large.bin")
    cairn.aws(f"s3 cp s3://{bucket}/large.bin s3://{bucket}/copy.bin --no-progress")
    assert s3.head_object(Bucket=bucket, Key="copy.bin")["ContentLength"] == 20 * MIB


def test_sync_both_ways(cairn, bucket, folder, tmp_path):
    first = cairn.aws(["s3", "sync", folder / "tree", f"s3://{bucket}/tree"])
    assert first.out.count("upload:") == 4
    assert cairn.aws(["s3", "sync", folder / "tree", f"s3://{bucket}/tree"]).out == "", "nothing has changed"
    cairn.aws(["s3", "sync", f"s3://{bucket}/tree", tmp_path / "tree"])
    assert (tmp_path / "tree/a/b/vier-ü.txt").read_text() == "a/b/vier-ü.txt"
    (tmp_path / "tree/one.txt").unlink()
    done = cairn.aws(["s3", "sync", tmp_path / "tree", f"s3://{bucket}/tree", "--delete"])
    assert "delete: " in done.out and "one.txt" in done.out
    summary = cairn.aws(f"s3 ls s3://{bucket} --recursive --summarize").out
    assert "Total Objects: 3" in summary
    cairn.aws(f"s3 mv s3://{bucket}/tree/a/two.txt s3://{bucket}/moved.txt")
    assert cairn.aws(f"s3 ls s3://{bucket}/").out.split()[-1] == "moved.txt"
    cairn.aws(f"s3 rb s3://{bucket} --force")


def test_presigned_urls(cairn, bucket, s3):
    s3.put_object(Bucket=bucket, Key="a/b c.txt", Body=b"shared")
    presign = ["s3", "presign", f"s3://{bucket}/a/b c.txt", "--expires-in", "60"]
    # The CLI signs with Signature Version 2 where AWS once took it; Cairn, as AWS for new buckets, does not.
    status, body = fetch(cairn.aws(presign).out.strip())
    assert status == 400 and b"<Code>InvalidRequest</Code>" in body and b"AWS4-HMAC-SHA256" in body, body
    url = cairn.aws(presign, region="eu-central-1").out.strip()
    assert fetch(url) == (200, b"shared")
    status, body = fetch(url.replace("Expires=60", "Expires=61"))
    assert status == 403 and b"SignatureDoesNotMatch" in body
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "put"}, ExpiresIn=60)
    assert fetch(put, "PUT", b"by URL", {"Content-Type": ""})[0] == 200
    assert s3.get_object(Bucket=bucket, Key="put")["Body"].read() == b"by URL"


def test_s3api_shows_what_s3_did(cairn, name, folder):
    made = cairn.aws(f"s3api create-bucket --bucket {name} --region eu-west-1 "
                     "--create-bucket-configuration LocationConstraint=eu-west-1", region="eu-west-1").json
    assert name in made["Location"]
    assert cairn.aws(f"s3api get-bucket-location --bucket {name}").json == {"LocationConstraint": "eu-west-1"}
    put = cairn.aws(["s3api", "put-object", "--bucket", name, "--key", "k", "--body", folder / "small.txt"]).json
    assert put["ETag"] == f'"{hashlib.md5((folder / "small.txt").read_bytes()).hexdigest()}"'
    assert cairn.aws(f"s3api head-bucket --bucket {name}").json["BucketRegion"] == "eu-west-1"
    listed = cairn.aws(f"s3api list-objects-v2 --bucket {name} --query Contents[].Key").json
    assert listed == ["k"]
