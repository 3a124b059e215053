"""`cairn lookup`: who, what and when for anything that records name."""

import json

import pytest
from botocore.exceptions import ClientError


def lookup(cairn, text, *args, code=0):
    done = cairn.cairn("lookup", text, "--json", *args, check=False)
    assert done.code == code, repr(done)
    return json.loads(done.out)


def names(ranking):
    return [one["Value"] for one in ranking["Top"]]


@pytest.fixture(scope="module")
def world(cairn):
    iam, s3 = cairn.client("iam"), cairn.client("s3")
    iam.create_user(UserName="lookup-alice")
    key = iam.create_access_key(UserName="lookup-alice")["AccessKey"]
    s3.create_bucket(Bucket="lookup-bucket")
    hers = cairn.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    for _ in range(3):
        with pytest.raises(ClientError, match="AccessDenied"):
            hers.delete_bucket(Bucket="lookup-bucket")
    return key["AccessKeyId"]


def test_an_access_key_tells_its_story(cairn, world):
    found = lookup(cairn, world)
    summary, records = found["Summary"], found["Records"]
    # Newest first; those of one second in any order.
    times = [record["eventTime"] for record in records]
    assert times == sorted(times, reverse=True)
    assert sorted(record["eventName"] for record in records) == ["CreateAccessKey"] + ["DeleteBucket"] * 3
    assert (summary["Records"], summary["Failed"], summary["IsWhole"]) == (4, 3, True)
    assert summary["FirstTime"] <= summary["LastTime"]
    assert names(summary["Events"]) == ["s3:DeleteBucket", "iam:CreateAccessKey"]
    assert names(summary["ErrorCodes"]) == ["AccessDenied"]
    assert "access key of the caller" in names(summary["MatchedAs"])


def test_buckets_users_addresses_events(cairn, world):
    assert {"CreateBucket", "DeleteBucket"} <= {one["eventName"] for one in lookup(cairn, "lookup-bucket")["Records"]}
    alice = lookup(cairn, "lookup-alice")
    assert {"CreateUser", "CreateAccessKey", "DeleteBucket"} <= {one["eventName"] for one in alice["Records"]}
    as_user = lookup(cairn, "lookup-alice", "--as", "user")
    assert {one["eventName"] for one in as_user["Records"]} == {"DeleteBucket"}
    one = alice["Records"][0]
    assert [found["eventID"] for found in lookup(cairn, one["eventID"])["Records"]] == [one["eventID"]]
    assert one["eventID"] in [found["eventID"] for found in lookup(cairn, one["requestID"], "--as", "request")["Records"]]
    arn = as_user["Records"][0]["userIdentity"]["arn"]
    assert "DeleteBucket" in [found["eventName"] for found in lookup(cairn, arn)["Records"]]
    address = lookup(cairn, "127.0.0.1", "--limit", "1")
    assert address["Kind"] == "SourceIpAddress" and len(address["Records"]) == 1 and address["Summary"]["Records"] > 4


def test_looking_does_not_change_what_is_seen(cairn, world):
    before = lookup(cairn, "lookup-bucket")["Summary"]
    after = lookup(cairn, "lookup-bucket")["Summary"]
    assert (after["LookedUp"], after["Records"]) == (before["LookedUp"] + 1, before["Records"])


def test_the_page(cairn, world):
    page = cairn.cairn("lookup", world, "--color", "never").out
    assert page.splitlines()[0] == f"{world}  access key"
    for part in ["4 records", "3 failed", "First seen", "Last seen", "s3:DeleteBucket (3)", "TIME (UTC)", "AccessDenied"]:
        assert part in page, page
    nothing = cairn.cairn("lookup", "nobody-is-called-so", check=False)
    assert nothing.code == 1 and "No record names it" in nothing.out
    assert lookup(cairn, world, "--until", "2020-01-01T00:00:00Z", code=1)["Records"] == []
    bad = cairn.cairn("lookup", world, "--since", "soon", check=False)
    assert bad.code == 1 and "--since" in repr(bad)
    absent = cairn.cairn("lookup", world, "--store", "nowhere", check=False)
    assert absent.code == 1 and "There is no event store nowhere" in repr(absent)


def test_only_who_may_looks(cairn, world):
    iam = cairn.client("iam")
    key = iam.create_access_key(UserName="lookup-alice")["AccessKey"]
    env = {"CAIRN_ROOT_ACCESS_KEY_ID": key["AccessKeyId"], "CAIRN_ROOT_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    done = cairn.cairn("lookup", world, check=False, env=env)
    assert done.code == 1 and "AccessDenied" in repr(done)
