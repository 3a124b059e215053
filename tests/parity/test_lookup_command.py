"""`cairn lookup`: who, what and when for anything that records name; and questions in English as SQL."""

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
    events = [record["eventName"] for record in records]
    assert events == ["DeleteBucket"] * 3 + ["CreateAccessKey"], events
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
    assert after["LookedUp"] > before["LookedUp"] - 1 and after["Records"] == before["Records"]
    assert after["LookedUp"] == before["LookedUp"] + 1


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


def test_a_question_becomes_a_query_that_runs(cairn, world):
    ct = cairn.client("cloudtrail")
    made = ct.generate_query(EventDataStores=["events"], Prompt="who deleted the bucket lookup-bucket today")
    assert "eventName IN ('DeleteBucket', 'DeleteBuckets')" in made["QueryStatement"]
    for ask in [{"QueryAlias": made["QueryAlias"]}, {"QueryStatement": made["QueryStatement"]}]:
        query = ct.start_query(**ask)["QueryId"]
        while ct.describe_query(QueryId=query)["QueryStatus"] in ("QUEUED", "RUNNING"):
            pass
        described = ct.describe_query(QueryId=query)
        assert described["QueryStatus"] == "FINISHED", described
        rows = ct.get_query_results(QueryId=query)["QueryResultRows"]
        assert len(rows) == 3 and {"errorCode": "AccessDenied"} in rows[0], rows
    assert ct.describe_query(QueryAlias=made["QueryAlias"])["Prompt"] == "who deleted the bucket lookup-bucket today"
    with pytest.raises(ClientError, match="GenerateResponseException.*colourless, green") as refused:
        ct.generate_query(EventDataStores=["events"], Prompt="colourless green ideas")
    assert refused.value.response["Error"]["Code"] == "GenerateResponseException"


PROMPTS = """How many errors were logged during the past week for each service?
What are my top errors in the past month?
which users signed in to the console without MFA yesterday
show all events by user alice in the last 3 days
calls per day in the last two weeks
denied calls by source IP
policy changes before 2026-02-01
users with more than 100 errors today
how many different users deleted buckets this year
number of S3 data events per bucket today
latest 20 events
which roles were assumed yesterday
who read the secret 'prod/db' since yesterday""".splitlines()


@pytest.mark.parametrize("prompt", PROMPTS)
def test_what_is_generated_runs(cairn, prompt):
    ct = cairn.client("cloudtrail")
    made = ct.generate_query(EventDataStores=["events"], Prompt=prompt)
    query = ct.start_query(QueryAlias=made["QueryAlias"])["QueryId"]
    while ct.describe_query(QueryId=query)["QueryStatus"] in ("QUEUED", "RUNNING"):
        pass
    described = ct.describe_query(QueryId=query)
    assert described["QueryStatus"] == "FINISHED", (made["QueryStatement"], described)
