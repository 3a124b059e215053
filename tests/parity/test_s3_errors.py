"""S3's refusals: a table of what is asked and the code and status that come back."""

import pytest

from server import error_of

POLICY = '{"Version":"2012-10-17","Statement":[]}'


def bucket_of(function, **fixed):
    return lambda s3, made: error_of(getattr(s3, function), **{"Bucket": made, **fixed})


TABLE = {
    "get of no bucket": (bucket_of("get_object", Bucket="no-such-bucket-x", Key="k"), "NoSuchBucket", 404),
    "put into no bucket": (bucket_of("put_object", Bucket="no-such-bucket-x", Key="k", Body=b""), "NoSuchBucket", 404),
    "list of no bucket": (bucket_of("list_objects_v2", Bucket="no-such-bucket-x"), "NoSuchBucket", 404),
    "old list of no bucket": (bucket_of("list_objects", Bucket="no-such-bucket-x"), "NoSuchBucket", 404),
    "versions of no bucket": (bucket_of("list_object_versions", Bucket="no-such-bucket-x"), "NoSuchBucket", 404),
    "head of no bucket": (bucket_of("head_bucket", Bucket="no-such-bucket-x"), "404", 404),
    "delete of no bucket": (bucket_of("delete_bucket", Bucket="no-such-bucket-x"), "NoSuchBucket", 404),
    "location of no bucket": (bucket_of("get_bucket_location", Bucket="no-such-bucket-x"), "NoSuchBucket", 404),
    "policy of no bucket": (bucket_of("get_bucket_policy", Bucket="no-such-bucket-x"), "NoSuchBucket", 404),
    "versioning of no bucket": (bucket_of("get_bucket_versioning", Bucket="no-such-bucket-x"), "NoSuchBucket", 404),
    "upload to no bucket": (bucket_of("create_multipart_upload", Bucket="no-such-bucket-x", Key="k"), "NoSuchBucket", 404),
    "get of no key": (bucket_of("get_object", Key="absent"), "NoSuchKey", 404),
    "head of no key": (bucket_of("head_object", Key="absent"), "404", 404),
    "tags of no key": (bucket_of("get_object_tagging", Key="absent"), "NoSuchKey", 404),
    "get of no version": (bucket_of("get_object", Key="k", VersionId="0" * 32), "NoSuchVersion", 404),
    "bucket owned by you": (bucket_of("create_bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}),
                            "BucketAlreadyOwnedByYou", 409),
    "bucket name in capitals": (bucket_of("create_bucket", Bucket="Capitals"), "InvalidBucketName", 400),
    "bucket name too short": (bucket_of("create_bucket", Bucket="ab"), "InvalidBucketName", 400),
    "bucket name with underscore": (bucket_of("create_bucket", Bucket="a_b_c"), "InvalidBucketName", 400),
    "bucket name like an address": (bucket_of("create_bucket", Bucket="10.0.0.1"), "InvalidBucketName", 400),
    "bucket not empty": (bucket_of("delete_bucket"), "BucketNotEmpty", 409),
    "range past the end": (bucket_of("get_object", Key="k", Range="bytes=99-"), "InvalidRange", 416),
    "etag does not match": (bucket_of("get_object", Key="k", IfMatch='"x"'), "PreconditionFailed", 412),
    "no tags": (bucket_of("get_bucket_tagging"), "NoSuchTagSet", 404),
    "no policy": (bucket_of("get_bucket_policy"), "NoSuchBucketPolicy", 404),
    "policy that is no JSON": (bucket_of("put_bucket_policy", Policy="nonsense"), "MalformedPolicy", 400),
    "policy without statements": (bucket_of("put_bucket_policy", Policy=POLICY), "MalformedPolicy", 400),
    "no upload": (bucket_of("list_parts", Key="k", UploadId="nonsense"), "NoSuchUpload", 404),
    "abort of no upload": (bucket_of("abort_multipart_upload", Key="k", UploadId="nonsense"), "NoSuchUpload", 404),
    "part number too high": (bucket_of("upload_part", Key="k", UploadId="x", PartNumber=10001, Body=b""), "InvalidArgument", 400),
    "key too long": (bucket_of("put_object", Key="x" * 1025, Body=b""), "KeyTooLongError", 400),
    "versioning neither on nor off": (bucket_of("put_bucket_versioning", VersioningConfiguration={"Status": "On"}),
                                      "MalformedXML", 400),
    "a region that is none": (bucket_of("create_bucket", Bucket="region-none",
                                        CreateBucketConfiguration={"LocationConstraint": "moon-1"}),
                              "InvalidLocationConstraint", 400),
    "another region's location": (bucket_of("create_bucket", Bucket="region-other",
                                            CreateBucketConfiguration={"LocationConstraint": "us-west-2"}),
                                  "IllegalLocationConstraintException", 400),
    "tag twice": (bucket_of("put_object_tagging", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "1"}] * 2}), "InvalidTag", 400),
    "a bucket not mine": (bucket_of("get_object", Key="k", ExpectedBucketOwner="999999999999"), "AccessDenied", 403),
    "metadata too large": (bucket_of("put_object", Key="k", Body=b"", Metadata={"a": "x" * 3000}), "MetadataTooLarge", 400),
    "max keys below zero": (bucket_of("list_objects_v2", MaxKeys=-1), "InvalidArgument", 400),
    "a token that is none": (bucket_of("list_objects_v2", ContinuationToken="nonsense"), "InvalidArgument", 400),
    "not written yet": (bucket_of("get_bucket_metadata_configuration"), "NotImplemented", 501),
}


@pytest.fixture(scope="module")
def made(cairn):
    s3 = cairn.client("s3", "eu-west-1")
    s3.create_bucket(Bucket="errors-are-asked-here", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="errors-are-asked-here", Key="k", Body=b"0123456789")
    return "errors-are-asked-here"


@pytest.mark.parametrize("case", TABLE)
def test_refusal(cairn, made, case):
    ask, code, status = TABLE[case]
    got = ask(cairn.client("s3", "eu-west-1", parameter_validation=False), made)
    assert got[:2] == (code, status), got


def test_a_bucket_of_ones_own_again_in_us_east_1(cairn, name):
    """us-east-1 alone answers 200. Source: S3 API reference, "CreateBucket", errors."""
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)


def test_a_refusal_says_what_and_where(cairn, made):
    status, headers, body = cairn.signed("GET", f"/{made}/absent", region="eu-west-1")
    assert status == 404 and headers["content-type"] == "application/xml"
    text = body.decode()
    for part in ["<Code>NoSuchKey</Code>", "<Key>absent</Key>", f"<RequestId>{headers['x-amz-request-id']}</RequestId>", "<HostId>"]:
        assert part in text, text
    status, _, body = cairn.signed("GET", f"/{made}?location=", region="eu-west-1")
    assert (status, b"eu-west-1" in body) == (200, True)


def test_deleting_what_is_not_there_is_fine(cairn, made):
    assert cairn.signed("DELETE", f"/{made}/absent", region="eu-west-1")[0] == 204


def test_an_unknown_canned_list_is_refused_with_a_text(cairn, bucket):
    done = cairn.aws(["s3api", "put-bucket-acl", "--bucket", bucket, "--acl", "foo"], check=False)
    assert done.code != 0 and "An error occurred (InvalidArgument) when calling the PutBucketAcl operation: x-amz-acl must name" in done.err
    done = cairn.aws(["s3api", "put-object", "--bucket", bucket, "--key", "k", "--acl", "foo"], check=False)
    assert "(InvalidArgument)" in done.err and "Traceback" not in done.err
