"""Listing: the three operations page through a bucket, with and without a delimiter, and agree with one another."""

import pytest

KEYS = sorted([f"a/{n}" for n in range(7)] + [f"b/c/{n}" for n in range(5)] + ["b/d", "e", "f g", "ü/x", "z"], key=str.encode)


@pytest.fixture(scope="module")
def filled(cairn):
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="listing-keys")
    s3.put_bucket_versioning(Bucket="listing-keys", VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        s3.put_object(Bucket="listing-keys", Key=key, Body=key.encode())
    return "listing-keys"


def expected(prefix="", delimiter=None, after=""):
    contents, prefixes = [], []
    for key in KEYS:
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix):]
        if delimiter and delimiter in rest:
            common = prefix + rest.split(delimiter)[0] + delimiter
            if common not in prefixes and common.encode() > after.encode():
                prefixes.append(common)
        elif key.encode() > after.encode():
            contents.append(key)
    return contents, prefixes


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("prefix, delimiter", [("", None), ("", "/"), ("b/", "/"), ("a/", None), ("none", "/"), ("", "c/")])
def test_pages_add_up(s3, filled, operation, size, prefix, delimiter):
    asked = {"Prefix": prefix, **({"Delimiter": delimiter} if delimiter else {})}
    contents, prefixes, pages = [], [], 0
    field = "Versions" if operation == "list_object_versions" else "Contents"
    for page in s3.get_paginator(operation).paginate(Bucket=filled, PaginationConfig={"PageSize": size}, **asked):
        here = [entry["Key"] for entry in page.get(field, [])]
        common = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert len(here) + len(common) <= size
        contents += here
        prefixes += common
        pages += 1
    assert (contents, prefixes) == expected(prefix, delimiter)
    assert pages == max(1, -(-(len(contents) + len(prefixes)) // size))


def test_what_a_page_says(s3, filled):
    page = s3.list_objects_v2(Bucket=filled, MaxKeys=2, Delimiter="/", FetchOwner=True)
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"], page["Name"], page["Delimiter"]) == (2, 2, True, filled, "/")
    page = s3.list_objects_v2(Bucket=filled, StartAfter="e", FetchOwner=True)
    assert [entry["Key"] for entry in page["Contents"]] == ["f g", "z", "ü/x"]
    entry = page["Contents"][0]
    assert entry["Size"] == 3 and entry["StorageClass"] == "STANDARD" and entry["Owner"]["ID"] and entry["ETag"]
    old = s3.list_objects(Bucket=filled, Marker="e")
    assert [entry["Key"] for entry in old["Contents"]] == ["f g", "z", "ü/x"]
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=0)["KeyCount"] == 0


def test_buckets_are_listed_by_name(s3, filled):
    for name in ["listing-b", "listing-a", "listing-c"]:
        s3.create_bucket(Bucket=name)
    listed = s3.list_buckets(Prefix="listing-")
    assert [entry["Name"] for entry in listed["Buckets"]] == ["listing-a", "listing-b", "listing-c", filled]
    page = s3.list_buckets(Prefix="listing-", MaxBuckets=3)
    rest = s3.list_buckets(Prefix="listing-", MaxBuckets=3, ContinuationToken=page["ContinuationToken"])
    assert [entry["Name"] for entry in rest["Buckets"]] == [filled]
