"""GenerateQuery: questions in English become statements that run."""

import pytest
from botocore.exceptions import ClientError

from test_lake_queries import over, rows

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


def test_a_question_becomes_a_query_that_runs(cairn):
    key, secret = cairn.user("generate-alice")
    cairn.client("s3").create_bucket(Bucket="generate-bucket")
    hers = cairn.client("s3", key=key, secret=secret)
    for _ in range(3):
        with pytest.raises(ClientError, match="AccessDenied"):
            hers.delete_bucket(Bucket="generate-bucket")
    ct = cairn.client("cloudtrail")
    made = ct.generate_query(EventDataStores=["events"], Prompt="who deleted the bucket generate-bucket today")
    assert "eventName IN ('DeleteBucket', 'DeleteBuckets')" in made["QueryStatement"]
    for ask in [{"QueryAlias": made["QueryAlias"]}, {"QueryStatement": made["QueryStatement"]}]:
        query = ct.start_query(**ask)["QueryId"]
        described = over(cairn, query)
        assert described["QueryStatus"] == "FINISHED", described
        assert [row["errorCode"] for row in rows(cairn, query)] == ["AccessDenied"] * 3
    assert ct.describe_query(QueryAlias=made["QueryAlias"])["Prompt"] == "who deleted the bucket generate-bucket today"


def test_what_is_not_understood_is_refused(cairn):
    with pytest.raises(ClientError, match="GenerateResponseException.*colourless, green") as refused:
        cairn.client("cloudtrail").generate_query(EventDataStores=["events"], Prompt="colourless green ideas")
    assert refused.value.response["Error"]["Code"] == "GenerateResponseException"


@pytest.mark.parametrize("prompt", PROMPTS)
def test_what_is_generated_runs(cairn, prompt):
    ct = cairn.client("cloudtrail")
    made = ct.generate_query(EventDataStores=["events"], Prompt=prompt)
    described = over(cairn, ct.start_query(QueryAlias=made["QueryAlias"])["QueryId"])
    assert described["QueryStatus"] == "FINISHED", (made["QueryStatement"], described)
