"""The trail operations: what is set is what is shown, and what AWS refuses is refused."""

import datetime
import json

import pytest

from server import ACCOUNT, error_of, trail_policy


@pytest.fixture
def ct(cairn):
    return cairn.client("cloudtrail")


@pytest.fixture
def trail_bucket(cairn, name):
    return cairn.bucket_for_trails(name)


@pytest.fixture
def trail(cairn, name, trail_bucket):
    """A trail that goes away again: a region has room for five."""
    cairn.trail(name, trail_bucket, start=False)
    yield name
    ct = cairn.client("cloudtrail")
    if any(t["Name"] == name for t in ct.describe_trails(includeShadowTrails=False)["trailList"]):
        ct.delete_trail(Name=name)


def arn_of(name, region="us-east-1"):
    return f"arn:aws:cloudtrail:{region}:{ACCOUNT}:trail/{name}"


def test_a_trails_life(cairn, ct, name, trail_bucket):
    made = ct.create_trail(Name=name, S3BucketName=trail_bucket, S3KeyPrefix="logs", IsMultiRegionTrail=True,
                           EnableLogFileValidation=True, TagsList=[{"Key": "team", "Value": "audit"}])
    arn = arn_of(name)
    expected = {
        "Name": name, "S3BucketName": trail_bucket, "S3KeyPrefix": "logs", "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True, "TrailARN": arn, "LogFileValidationEnabled": True, "IsOrganizationTrail": False,
    }
    made.pop("ResponseMetadata")
    assert made == expected
    shown = {**expected, "HomeRegion": "us-east-1", "HasCustomEventSelectors": False, "HasInsightSelectors": False}
    assert ct.get_trail(Name=name)["Trail"] == ct.get_trail(Name=arn)["Trail"] == shown
    assert ct.describe_trails(trailNameList=[name])["trailList"] == [shown]
    assert {"TrailARN": arn, "Name": name, "HomeRegion": "us-east-1"} in ct.list_trails()["Trails"]

    elsewhere = cairn.client("cloudtrail", "eu-central-1")
    assert elsewhere.describe_trails()["trailList"] == [shown], "a multi-region trail has a shadow in each region"
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert elsewhere.get_trail(Name=arn)["Trail"] == shown
    assert error_of(elsewhere.stop_logging, Name=arn)[0] == "InvalidHomeRegionException"
    assert error_of(elsewhere.get_trail, Name=name)[0] == "TrailNotFoundException"

    assert ct.get_trail_status(Name=name)["IsLogging"] is False
    ct.start_logging(Name=name)
    status = ct.get_trail_status(Name=name)
    assert status["IsLogging"] is True and status["StartLoggingTime"] and "StopLoggingTime" not in status
    assert status["TimeLoggingStarted"].endswith("Z") and "T" in status["TimeLoggingStarted"]
    ct.stop_logging(Name=name)
    status = ct.get_trail_status(Name=name)
    assert status["IsLogging"] is False and status["StopLoggingTime"] >= status["StartLoggingTime"]

    updated = ct.update_trail(Name=name, S3KeyPrefix="other", IsMultiRegionTrail=False, EnableLogFileValidation=False)
    assert (updated["S3KeyPrefix"], updated["IsMultiRegionTrail"], updated["LogFileValidationEnabled"]) == ("other", False, False)
    assert elsewhere.describe_trails()["trailList"] == []
    ct.delete_trail(Name=arn)
    assert error_of(ct.get_trail, Name=name)[:2] == ("TrailNotFoundException", 400)
    assert error_of(ct.get_trail_status, Name=name)[0] == "TrailNotFoundException"


def test_the_cli_shows_what_a_trail_is(cairn, trail):
    cairn.aws(f"cloudtrail start-logging --name {trail}")
    shown = cairn.aws(f"cloudtrail get-trail-status --name {trail}").json
    assert shown["IsLogging"] is True
    assert cairn.aws(f"cloudtrail describe-trails --trail-name-list {trail} --query trailList[0].TrailARN --output text").out.strip() == arn_of(trail)
    selectors = cairn.aws(f"cloudtrail get-event-selectors --trail-name {trail}").json
    assert selectors == {"TrailARN": arn_of(trail), "EventSelectors": [
        {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}]}


BASIC = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "ExcludeManagementEventSources": ["kms.amazonaws.com"],
          "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::a/", "arn:aws:s3:::b/prefix"]},
                            {"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]},
                            {"Type": "AWS::DynamoDB::Table", "Values": [f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/User"]}]}]
ADVANCED = [
    {"Name": "management", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["false"]},
                                              {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]},
    {"Name": "data", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                                        {"Field": "eventName", "NotStartsWith": ["List"]},
                                        {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::a/"], "NotEndsWith": [".tmp"]}]},
]


def test_event_selectors(ct, trail):
    put = ct.put_event_selectors(TrailName=trail, EventSelectors=BASIC)
    assert put["TrailARN"] == arn_of(trail) and put["EventSelectors"] == BASIC
    assert ct.get_event_selectors(TrailName=trail)["EventSelectors"] == BASIC
    assert ct.get_trail(Name=trail)["Trail"]["HasCustomEventSelectors"] is True
    put = ct.put_event_selectors(TrailName=trail, AdvancedEventSelectors=ADVANCED)
    got = ct.get_event_selectors(TrailName=arn_of(trail))
    assert got["AdvancedEventSelectors"] == put["AdvancedEventSelectors"] == ADVANCED and "EventSelectors" not in got


def field(name, **conditions):
    return {"Field": name, **conditions}


CATEGORY = field("eventCategory", Equals=["Management"])
DATA = [field("eventCategory", Equals=["Data"]), field("resources.type", Equals=["AWS::S3::Object"])]
WRONG_SELECTORS = {
    "both kinds": {"EventSelectors": BASIC, "AdvancedEventSelectors": ADVANCED},
    "neither kind": {},
    "six basic ones": {"EventSelectors": BASIC * 6},
    "a type that is none": {"EventSelectors": [{"DataResources": [{"Type": "AWS::No::Thing", "Values": ["x"]}]}]},
    "a bucket without slash": {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bucket"]}]}]},
    "a source that cannot be left out": {"EventSelectors": [{"ExcludeManagementEventSources": ["s3.amazonaws.com"]}]},
    "no category": {"AdvancedEventSelectors": [{"FieldSelectors": [field("readOnly", Equals=["true"])]}]},
    "a category that is none": {"AdvancedEventSelectors": [{"FieldSelectors": [field("eventCategory", Equals=["Other"])]}]},
    "data without a type": {"AdvancedEventSelectors": [{"FieldSelectors": DATA[:1]}]},
    "a field that is none": {"AdvancedEventSelectors": [{"FieldSelectors": [CATEGORY, field("colour", Equals=["blue"])]}]},
    "readOnly neither true nor false": {"AdvancedEventSelectors": [{"FieldSelectors": [CATEGORY, field("readOnly", Equals=["maybe"])]}]},
    "no condition": {"AdvancedEventSelectors": [{"FieldSelectors": [CATEGORY, field("readOnly")]}]},
}


@pytest.mark.parametrize("case", WRONG_SELECTORS)
def test_wrong_selectors(ct, trail, case):
    before = ct.get_event_selectors(TrailName=trail)["EventSelectors"]
    assert error_of(ct.put_event_selectors, TrailName=trail, **WRONG_SELECTORS[case])[:2] == ("InvalidEventSelectorsException", 400)
    assert ct.get_event_selectors(TrailName=trail)["EventSelectors"] == before


def test_tags(ct, trail):
    arn = arn_of(trail)
    ct.add_tags(ResourceId=arn, TagsList=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ct.add_tags(ResourceId=arn, TagsList=[{"Key": "a", "Value": "3"}])
    tags = lambda: ct.list_tags(ResourceIdList=[arn])["ResourceTagList"]  # noqa: E731
    assert tags() == [{"ResourceId": arn, "TagsList": [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]}]
    ct.remove_tags(ResourceId=arn, TagsList=[{"Key": "a"}])
    assert tags()[0]["TagsList"] == [{"Key": "b", "Value": "2"}]
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    assert error_of(ct.add_tags, ResourceId=arn, TagsList=many)[0] == "TagsLimitExceededException"
    assert error_of(ct.add_tags, ResourceId=arn_of("no-such-trail"), TagsList=many[:1])[0] == "ResourceNotFoundException"
    assert error_of(ct.list_tags, ResourceIdList=["nonsense"])[0] == "CloudTrailARNInvalidException"


CREATE = {
    "a bucket that is not there": ({"S3BucketName": "no-such-bucket-x"}, "S3BucketDoesNotExistException"),
    "a bucket without a policy": ({"S3BucketName": "trails-without-policy"}, "InsufficientS3BucketPolicyException"),
    "a bucket that denies": ({"S3BucketName": "trails-denied"}, "InsufficientS3BucketPolicyException"),
    "a bucket's name that is none": ({"S3BucketName": "No_Bucket"}, "InvalidS3BucketNameException"),
    "a prefix too long": ({"S3KeyPrefix": "p" * 201}, "InvalidS3PrefixException"),
    "a name too short": ({"Name": "ab"}, "InvalidTrailNameException"),
    "a name too long": ({"Name": "a" * 129}, "InvalidTrailNameException"),
    "a name with a blank": ({"Name": "a b c"}, "InvalidTrailNameException"),
    "a name with two dots": ({"Name": "a..b"}, "InvalidTrailNameException"),
    "a name like an address": ({"Name": "10.0.0.1"}, "InvalidTrailNameException"),
    "multi-region without global": ({"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False}, "InvalidParameterCombinationException"),
    "a topic that is not there": ({"SnsTopicName": "no-topic"}, "InsufficientSnsTopicPolicyException"),
    "a role that is not there": ({"CloudWatchLogsLogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:no:*",
                                       "CloudWatchLogsRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}, "InvalidCloudWatchLogsRoleArnException"),
    "a key that is not there": ({"KmsKeyId": "alias/no-key"}, "KmsKeyNotFoundException"),
    "an organization that is not there": ({"IsOrganizationTrail": True}, "OrganizationsNotInUseException"),
    "a tag twice": ({"TagsList": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "InvalidTagParameterException"),
    "an AWS tag": ({"TagsList": [{"Key": "aws:a", "Value": "1"}]}, "InvalidTagParameterException"),
}


@pytest.fixture(scope="module")
def refusing_buckets(cairn):
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="trails-without-policy")
    s3.create_bucket(Bucket="trails-denied")
    s3.put_bucket_policy(Bucket="trails-denied", Policy=json.dumps(trail_policy("trails-denied", write=False)))
    return cairn.bucket_for_trails("trails-fine")


@pytest.mark.parametrize("case", CREATE)
def test_trails_that_cannot_be(ct, refusing_buckets, case):
    wrong, code = CREATE[case]
    got = error_of(ct.create_trail, **{"Name": "refused", "S3BucketName": refusing_buckets, **wrong})
    assert got[:2] == (code, 400), got
    assert "refused" not in [trail["Name"] for trail in ct.list_trails()["Trails"]]


@pytest.mark.parametrize("call, wrong, code", [
    ("get_trail", {"Name": "no-such-trail"}, "TrailNotFoundException"),
    ("delete_trail", {"Name": "no-such-trail"}, "TrailNotFoundException"),
    ("start_logging", {"Name": "no-such-trail"}, "TrailNotFoundException"),
    ("update_trail", {"Name": "no-such-trail"}, "TrailNotFoundException"),
    ("get_event_selectors", {"TrailName": "no-such-trail"}, "TrailNotFoundException"),
    ("get_trail", {"Name": "a$b"}, "InvalidTrailNameException"),
    ("get_trail", {"Name": "arn:aws:cloudtrail:us-east-1:999999999999:trail/x-y"}, "AccessDeniedException"),
    ("get_trail", {"Name": "arn:aws:s3:::bucket"}, "CloudTrailARNInvalidException"),
    ("get_insight_selectors", {"TrailName": "no-such-trail"}, "TrailNotFoundException"),
])
def test_refusals(ct, call, wrong, code):
    assert error_of(getattr(ct, call), **wrong)[:2] == (code, 400)


def test_a_name_is_taken_once_and_a_region_has_five(cairn, refusing_buckets):
    ct = cairn.client("cloudtrail", "ap-south-1")
    for number in range(5):
        ct.create_trail(Name=f"five-{number}", S3BucketName=refusing_buckets)
    assert error_of(ct.create_trail, Name="five-0", S3BucketName=refusing_buckets)[0] == "TrailAlreadyExistsException"
    assert error_of(ct.create_trail, Name="five-5", S3BucketName=refusing_buckets)[0] == "MaximumNumberOfTrailsExceededException"
    listed = [trail["Name"] for page in ct.get_paginator("list_trails").paginate() for trail in page["Trails"]]
    assert {f"five-{number}" for number in range(5)} <= set(listed)
    for number in range(5):
        ct.delete_trail(Name=f"five-{number}")


def test_public_keys(ct, trail):
    ct.start_logging(Name=trail)
    now = datetime.datetime.now(datetime.timezone.utc)
    found = ct.list_public_keys(StartTime=now - datetime.timedelta(hours=1), EndTime=now)["PublicKeyList"]
    assert found and found[0]["Fingerprint"] and found[0]["Value"][:1] == b"\x30", "PKCS#1 DER"
    assert found[0]["ValidityStartTime"] <= now <= found[0]["ValidityEndTime"]
    assert error_of(ct.list_public_keys, StartTime=now, EndTime=now - datetime.timedelta(days=1))[0] == "InvalidTimeRangeException"
