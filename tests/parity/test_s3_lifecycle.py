"""Lifecycle rules, storage classes and restores, with the AWS CLI and boto3. Rules have dates that are past, so that nothing waits
for a day to go by."""

import datetime
import json

import pytest

from server import error_of, until

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


def put(s3, bucket, *rules, **more):
    rules = [{"Status": "Enabled", "Filter": {"Prefix": ""}, **rule} for rule in rules]
    return s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules}, **more)


def get(s3, bucket):
    return s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def keys(s3, bucket):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_rules_come_back_as_they_were_given(s3, bucket):
    assert error_of(get, s3, bucket)[:2] == ("NoSuchLifecycleConfiguration", 404)
    rules = [
        {"ID": "everything", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 2557},
         "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}]},
        {"ID": "tag", "Status": "Disabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Date": PAST}},
        {"ID": "and", "Status": "Enabled", "Expiration": {"Days": 1},
         "Filter": {"And": {"Prefix": "p/", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}],
                            "ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 64000}}},
        {"ID": "size", "Status": "Enabled", "Filter": {"ObjectSizeGreaterThan": 1}, "Expiration": {"Days": 1}},
        {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
         "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "STANDARD_IA", "NewerNoncurrentVersions": 1}],
         "NoncurrentVersionExpiration": {"NoncurrentDays": 90, "NewerNoncurrentVersions": 10}},
        {"ID": "marker", "Status": "Enabled", "Prefix": "legacy/", "Expiration": {"ExpiredObjectDeleteMarker": True}},
    ]
    done = s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert done["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    found = get(s3, bucket)
    assert found["Rules"] == rules and found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    put(s3, bucket, {"Expiration": {"Days": 1}}, TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    found = get(s3, bucket)
    assert found["Rules"][0]["ID"] and found["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert error_of(get, s3, bucket)[:2] == ("NoSuchLifecycleConfiguration", 404)


@pytest.mark.parametrize("rule, code, text", [
    ({}, "InvalidRequest", "At least one action needs to be specified in a rule"),
    ({"Expiration": {"Days": 0}}, "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
    ({"Expiration": {"Date": PAST + datetime.timedelta(hours=1)}}, "InvalidArgument", "'Date' must be at midnight GMT"),
    ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML", ""),
    ({"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}, "InvalidArgument",
     "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'"),
    ({"Transitions": [{"Days": 90, "StorageClass": "GLACIER"}], "Expiration": {"Days": 90}}, "InvalidArgument",
     "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition action"),
    ({"Status": "On", "Expiration": {"Days": 1}}, "MalformedXML", ""),
])
def test_rules_that_make_no_sense(s3, bucket, rule, code, text):
    found = error_of(put, s3, bucket, rule)
    assert found[:2] == (code, 400) and text in found[2]


def test_expiry_and_its_header(s3, bucket):
    for key in ["logs/one", "logs/two", "other"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    put(s3, bucket, {"ID": "far away", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}})
    written = s3.put_object(Bucket=bucket, Key="logs/three", Body=b"x")["Expiration"]
    for said in [written, s3.head_object(Bucket=bucket, Key="logs/one")["Expiration"]]:
        assert said.startswith('expiry-date="') and said.endswith(' 00:00:00 GMT", rule-id="far%20away"'), said
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="other")
    put(s3, bucket, {"Filter": {"Prefix": "logs/"}, "Expiration": {"Date": PAST}})
    until(lambda: keys(s3, bucket) == ["other"], "what is past is gone")


def test_versions_are_hidden_then_removed(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    id = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    put(s3, bucket, {"Expiration": {"Date": PAST}})
    until(lambda: s3.list_object_versions(Bucket=bucket).get("DeleteMarkers"), "a delete marker")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=id)["Body"].read() == b"x"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=id)
    put(s3, bucket, {"Expiration": {"ExpiredObjectDeleteMarker": True}})
    until(lambda: "DeleteMarkers" not in s3.list_object_versions(Bucket=bucket), "the marker of nothing is gone")


def test_glacier_is_restored_before_it_is_read(s3, bucket):
    body = b"x" * 200_000
    s3.put_object(Bucket=bucket, Key="big", Body=body)
    s3.put_object(Bucket=bucket, Key="small", Body=b"x")
    put(s3, bucket, {"Transitions": [{"Date": PAST, "StorageClass": "GLACIER"}]})
    until(lambda: s3.head_object(Bucket=bucket, Key="big").get("StorageClass") == "GLACIER", "the move")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="small"), "too small to be moved by default"
    for read in [lambda: s3.get_object(Bucket=bucket, Key="big"),
                 lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/big")]:
        assert error_of(read)[:2] == ("InvalidObjectState", 403)
    try:
        s3.get_object(Bucket=bucket, Key="big")
    except s3.exceptions.InvalidObjectState as error:
        assert error.response["StorageClass"] == "GLACIER"
    assert error_of(s3.restore_object, Bucket=bucket, Key="small", RestoreRequest={"Days": 1}) == \
        ("InvalidObjectState", 403, "Restore is not allowed for the object's current storage class")
    request = {"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}
    first = s3.restore_object(Bucket=bucket, Key="big", RestoreRequest=request)
    again = s3.restore_object(Bucket=bucket, Key="big", RestoreRequest={"Days": 3})
    assert [done["ResponseMetadata"]["HTTPStatusCode"] for done in (first, again)] == [202, 200]
    restored = s3.head_object(Bucket=bucket, Key="big")["Restore"]
    assert restored.startswith('ongoing-request="false", expiry-date="') and "00:00:00 GMT" in restored
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == body
    listed = s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])["Contents"]
    shown = {item["Key"]: item for item in listed}
    assert shown["big"]["StorageClass"] == "GLACIER" and shown["big"]["RestoreStatus"]["IsRestoreInProgress"] is False
    assert "RestoreStatus" not in shown["small"] and "RestoreStatus" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    # Out of the archive for good.
    s3.copy_object(Bucket=bucket, Key="big", CopySource=f"{bucket}/big", StorageClass="STANDARD")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="big")


@pytest.mark.parametrize("kind", ["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
                                  "DEEP_ARCHIVE", "GLACIER_IR"])
def test_every_class_is_taken(s3, bucket, kind):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass=kind)
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == kind
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["StorageClass", "ObjectSize"])
    assert attributes["StorageClass"] == kind and attributes["ObjectSize"] == 1
    if kind in ["GLACIER", "DEEP_ARCHIVE"]:
        assert error_of(s3.get_object, Bucket=bucket, Key="k")[:2] == ("InvalidObjectState", 403)
    else:
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_uploads_say_when_they_are_given_up(s3, bucket):
    put(s3, bucket, {"ID": "parts", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}})
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert begun["AbortRuleId"] == "parts" and begun["AbortDate"].hour == 0
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=begun["UploadId"])
    assert (listed["AbortRuleId"], listed["AbortDate"]) == (begun["AbortRuleId"], begun["AbortDate"])


def test_completing_twice_is_completing_once(s3, bucket):
    id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="k", UploadId=id, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    first, again = (s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=id, MultipartUpload=parts) for _ in range(2))
    assert first["ETag"] == again["ETag"]
    other = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    assert error_of(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=other) == \
        ("InvalidRequest", 400, "You must specify at least one part")


def test_the_cli(cairn, s3, bucket, tmp_path):
    """The commands of the user guide."""
    (tmp_path / "lifecycle.json").write_text(json.dumps({"Rules": [{
        "ID": "Move to Glacier after sixty days (objects in logs/2015/)", "Filter": {"Prefix": "logs/2015/"}, "Status": "Enabled",
        "Transitions": [{"Date": "2015-11-10T00:00:00.000Z", "StorageClass": "GLACIER"}],
        "Expiration": {"Date": "2015-11-11T00:00:00.000Z"}}]}))
    cairn.aws(f"s3api put-bucket-lifecycle-configuration --bucket {bucket} --lifecycle-configuration file://lifecycle.json", cwd=tmp_path)
    shown = cairn.aws(f"s3api get-bucket-lifecycle-configuration --bucket {bucket}").json
    assert shown["Rules"][0]["ID"].startswith("Move to Glacier")
    cairn.aws(f"s3 cp - s3://{bucket}/archive.txt --storage-class GLACIER", stdin="hello")
    warned = cairn.aws(f"s3 cp s3://{bucket}/archive.txt -", check=False)
    assert warned.code != 0, warned
    cairn.aws(["s3api", "restore-object", "--bucket", bucket, "--key", "archive.txt", "--restore-request", "Days=25,GlacierJobParameters={Tier=Standard}"])
    assert cairn.aws(f"s3 cp s3://{bucket}/archive.txt -").out == "hello"
    cairn.aws(f"s3api delete-bucket-lifecycle --bucket {bucket}")
