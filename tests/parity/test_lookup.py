"""LookupEvents: by each attribute, in pages, newest first, and at once."""

import datetime
import json

import pytest

from server import error_of


@pytest.fixture(scope="module")
def made(cairn):
    """Calls to look for: by a user of their own, in two regions."""
    key, secret = cairn.user("lookup-user", admin=True)
    s3 = cairn.client("s3", key=key, secret=secret)
    ct = cairn.client("cloudtrail", key=key, secret=secret)
    s3.create_bucket(Bucket="lookup-bucket")
    for _ in range(7):
        ct.describe_trails()
    cairn.client("cloudtrail", "eu-west-1", key=key, secret=secret).list_trails()
    s3.put_object(Bucket="lookup-bucket", Key="k", Body=b"")
    last = s3.delete_bucket_policy(Bucket="lookup-bucket")["ResponseMetadata"]
    return {"key": key, "last": last["RequestId"], "client": ct}


def look(cairn, key, value, region="us-east-1", **more):
    ct = cairn.client("cloudtrail", region)
    pages = ct.get_paginator("lookup_events").paginate(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], **more)
    return [event for page in pages for event in page["Events"]]


def names(events):
    return [event["EventName"] for event in events]


def test_what_was_just_answered_is_found_first(cairn, made):
    events = look(cairn, "Username", "lookup-user")
    assert names(events) == ["DeleteBucketPolicy"] + ["DescribeTrails"] * 7 + ["CreateBucket"]
    event = events[0]
    record = json.loads(event["CloudTrailEvent"])
    assert record["requestID"] == made["last"] and record["eventID"] == event["EventId"]
    assert (event["ReadOnly"], event["AccessKeyId"], event["EventSource"], event["Username"]) == ("false", made["key"], "s3.amazonaws.com", "lookup-user")
    assert {"ResourceType": "AWS::S3::Bucket", "ResourceName": "lookup-bucket"} in event["Resources"]
    assert event["EventTime"].strftime("%Y-%m-%dT%H:%M:%SZ") == record["eventTime"]


@pytest.mark.parametrize("key", ["EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"])
def test_each_attribute(cairn, made, key):
    every = look(cairn, "Username", "lookup-user")
    newest = every[0]
    value, has = {
        "EventId": (newest["EventId"], lambda e: e["EventId"] == newest["EventId"]),
        "EventName": ("DeleteBucketPolicy", lambda e: e["EventName"] == "DeleteBucketPolicy"),
        "ReadOnly": ("false", lambda e: e["ReadOnly"] == "false"),
        "Username": ("lookup-user", lambda e: e["Username"] == "lookup-user"),
        "ResourceType": ("AWS::S3::Bucket", lambda e: "AWS::S3::Bucket" in str(e["Resources"])),
        "ResourceName": ("lookup-bucket", lambda e: "lookup-bucket" in str(e["Resources"])),
        "EventSource": ("s3.amazonaws.com", lambda e: e["EventSource"] == "s3.amazonaws.com"),
        "AccessKeyId": (made["key"], lambda e: e["AccessKeyId"] == made["key"]),
    }[key]
    found = look(cairn, key, value)
    assert all(has(event) for event in found)
    ids = {event["EventId"] for event in found}
    assert {event["EventId"] for event in every if has(event)} <= ids
    assert look(cairn, key, "true" if key == "ReadOnly" else "no-such-thing") == [] or key == "ReadOnly"


def test_pages(cairn, made):
    pages = list(cairn.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "DescribeTrails"}], PaginationConfig={"PageSize": 3}))
    sizes = [len(page["Events"]) for page in pages]
    assert sum(sizes) >= 7 and all(size == 3 for size in sizes[:2])
    ids = [event["EventId"] for page in pages for event in page["Events"]]
    assert len(ids) == len(set(ids))
    times = [event["EventTime"] for page in pages for event in page["Events"]]
    assert times == sorted(times, reverse=True)


def test_regions_and_times(cairn, made):
    assert names(look(cairn, "Username", "lookup-user", "eu-west-1")) == ["ListTrails"]
    assert "ListTrails" not in names(look(cairn, "Username", "lookup-user"))
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    assert len(look(cairn, "Username", "lookup-user", StartTime=now - hour, EndTime=now + hour)) == 9
    assert look(cairn, "Username", "lookup-user", EndTime=now - hour) == []
    assert look(cairn, "Username", "lookup-user", StartTime=now + hour) == []


def test_data_events_are_not_in_the_event_history(cairn, made):
    assert look(cairn, "EventName", "PutObject") == []


def test_the_history_outlives_the_server(cairn, made):
    before = [event["EventId"] for event in look(cairn, "Username", "lookup-user")]
    cairn.restart()
    assert [event["EventId"] for event in look(cairn, "Username", "lookup-user")] == before
    done = cairn.aws("cloudtrail lookup-events --lookup-attributes AttributeKey=Username,AttributeValue=lookup-user --max-items 2").json
    assert [event["EventId"] for event in done["Events"]] == before[:2]
    assert done["Events"][0]["ReadOnly"] == "false"


@pytest.mark.parametrize("wrong, code", [
    ({"LookupAttributes": [{"AttributeKey": "Colour", "AttributeValue": "blue"}]}, ("InvalidLookupAttributesException", "ValidationException")),
    ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2}, ("InvalidLookupAttributesException",)),
    ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": ""}]}, ("InvalidLookupAttributesException", "ValidationException")),
    ({"MaxResults": 51}, ("InvalidMaxResultsException", "ValidationException")),
    ({"MaxResults": 0}, ("InvalidMaxResultsException", "ValidationException")),
    ({"NextToken": "nonsense"}, ("InvalidNextTokenException",)),
    ({"StartTime": 2e9, "EndTime": 1e9}, ("InvalidTimeRangeException",)),
    ({"EventCategory": "other"}, ("InvalidEventCategoryException", "ValidationException")),
])
def test_refusals(cairn, wrong, code):
    ct = cairn.client("cloudtrail", parameter_validation=False)
    got = error_of(ct.lookup_events, **wrong)
    assert got[0] in code and got[1] == 400, got
