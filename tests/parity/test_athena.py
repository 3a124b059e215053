"""Athena by the real AWS CLI: the table and the statements of the guides as they are written, results as CSV, what fails and why."""

import csv
import io
import json

import pytest

from server import ACCOUNT, error_of, until

CREATE = """-- Create table from CloudTrail logs in S3
CREATE EXTERNAL TABLE cloudtrail_logs (
eventVersion STRING,
userIdentity STRUCT<
type: STRING,
principalId: STRING,
arn: STRING,
accountId: STRING,
userName: STRING,
invokedBy: STRING
>,
eventTime STRING,
eventSource STRING,
eventName STRING,
awsRegion STRING,
sourceIPAddress STRING,
userAgent STRING,
requestParameters STRING,
responseElements STRING,
errorCode STRING,
errorMessage STRING
)
ROW FORMAT SERDE 'com.amazon.emr.hive.serde.CloudTrailSerde'
LOCATION 's3://my-cloudtrail-bucket/AWSLogs/123456789012/CloudTrail/';
"""

BY_USER = """-- Find all actions by a specific user
SELECT eventTime, eventName, sourceIPAddress
FROM cloudtrail_logs
WHERE userIdentity.userName = 'alice'
ORDER BY eventTime DESC
LIMIT 100;"""

DELETED = """-- Find all S3 bucket deletions
SELECT eventTime,
userIdentity.userName,
requestParameters,
sourceIPAddress
FROM cloudtrail_logs
WHERE eventName = 'DeleteBucket'
ORDER BY eventTime DESC;"""

FAILED = """-- Find all failed API calls
SELECT eventTime, eventName, errorCode, errorMessage
FROM cloudtrail_logs
WHERE errorCode IS NOT NULL
ORDER BY eventTime DESC
LIMIT 50;"""

LOGINS = """-- Find console logins
SELECT eventTime,
userIdentity.userName,
sourceIPAddress,
responseElements
FROM cloudtrail_logs
WHERE eventName = 'ConsoleLogin'
ORDER BY eventTime DESC;"""

WHO_DELETED = """-- Query in CloudWatch Logs Insights hoặc Athena
SELECT eventTime, userIdentity.userName, userIdentity.arn,
sourceIPAddress, requestParameters
FROM cloudtrail_logs
WHERE eventName = 'DeleteBucket' -- hoặc TerminateInstances, DeleteTable, etc.
AND requestParameters LIKE '%my-resource-name%'
ORDER BY eventTime DESC;"""

LOGINS_OF_A_YEAR = """SELECT
  eventtime,
  useridentity.username,
  sourceipaddress,
  errorcode
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin'
  AND errorcode IS NOT NULL
  AND year = '2025'
ORDER BY eventtime DESC;
"""

RESULTS = "athena-results-parity"


def start(cairn, statement, **more):
    words = ["athena", "start-query-execution", "--query-string", statement]
    words += ["--result-configuration", f"OutputLocation=s3://{RESULTS}/out/"]
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", value]
    return cairn.aws(words).json["QueryExecutionId"]


def over(cairn, query):
    athena = cairn.client("athena")

    def look():
        shown = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        return shown["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") and shown

    return until(look, f"the query {query} is over")


def rows(cairn, statement):
    """The rows of a statement, as get-query-results gives them."""
    query = start(cairn, statement)
    shown = over(cairn, query)
    assert shown["Status"]["State"] == "SUCCEEDED", shown
    page = cairn.aws(f"athena get-query-results --query-execution-id {query}").json
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in page["ResultSet"]["Rows"]]


@pytest.fixture(scope="module")
def table(cairn):
    """The guide's table, after alice deleted a bucket and failed at another."""
    cairn.client("s3").create_bucket(Bucket=RESULTS)
    key, secret = cairn.user("alice", admin=True)
    s3 = cairn.client("s3", key=key, secret=secret)
    s3.create_bucket(Bucket="my-resource-name-parity")
    s3.delete_bucket(Bucket="my-resource-name-parity")
    assert error_of(s3.delete_bucket, Bucket="no-such-bucket-parity")[0] == "NoSuchBucket"
    shown = over(cairn, start(cairn, CREATE))
    assert (shown["Status"]["State"], shown["StatementType"]) == ("SUCCEEDED", "DDL"), shown
    return "cloudtrail_logs"


def test_the_statements_of_the_guides_run_as_written(cairn, table):
    found = rows(cairn, BY_USER)
    assert found[0] == ["eventTime".lower(), "eventname", "sourceipaddress"]
    assert {"CreateBucket", "DeleteBucket"} <= {row[1] for row in found[1:]}
    deleted = rows(cairn, DELETED)
    assert len(deleted) == 3 and all(row[1] == "alice" for row in deleted[1:])
    assert ["DeleteBucket", "NoSuchBucket"] in [row[1:3] for row in rows(cairn, FAILED)[1:]]
    assert len(rows(cairn, LOGINS)) == 1
    who = rows(cairn, WHO_DELETED)
    assert len(who) == 2 and who[1][2].endswith("user/alice") and "my-resource-name-parity" in who[1][4]
    assert len(rows(cairn, LOGINS_OF_A_YEAR)) == 1


def test_a_result_is_a_csv_of_the_caller(cairn, table):
    query = start(cairn, f"SELECT eventname, errorcode FROM {table} WHERE eventname = 'DeleteBucket' ORDER BY errorcode NULLS FIRST")
    location = over(cairn, query)["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{RESULTS}/out/{query}.csv"
    text = cairn.client("s3").get_object(Bucket=RESULTS, Key=f"out/{query}.csv")["Body"].read().decode()
    assert text == '"eventname","errorcode"\n"DeleteBucket",\n"DeleteBucket","NoSuchBucket"\n'
    assert len(list(csv.reader(io.StringIO(text)))) == 3
    listed = cairn.aws("athena list-query-executions --work-group primary").json["QueryExecutionIds"]
    assert listed[0] == query
    cairn.restart()
    assert over(cairn, query)["Status"]["State"] == "SUCCEEDED"


def test_what_fails_says_where(cairn, table):
    athena = cairn.client("athena")
    code, status, message = error_of(athena.start_query_execution, QueryString="SELEC 1", ResultConfiguration={"OutputLocation": f"s3://{RESULTS}/"})
    assert (code, status) == ("InvalidRequestException", 400) and "line 1:1" in message
    shown = over(cairn, start(cairn, f"SELECT eventnam FROM {table}"))
    assert shown["Status"]["State"] == "FAILED"
    assert "line 1:8" in shown["Status"]["StateChangeReason"] and "eventname" in shown["Status"]["StateChangeReason"]
    assert error_of(athena.start_query_execution, QueryString="SELECT 1")[0] == "InvalidRequestException"
    # Who may do everything but write there.
    key, secret = cairn.user("athena-nobody", admin=True)
    cairn.client("s3").create_bucket(Bucket="athena-closed-parity")
    cairn.client("s3").put_bucket_policy(Bucket="athena-closed-parity", Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/athena-nobody"}, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::athena-closed-parity/*"}]}))
    theirs = cairn.client("athena", key=key, secret=secret)
    closed = {"OutputLocation": "s3://athena-closed-parity/"}
    code, _, message = error_of(theirs.start_query_execution, QueryString="SELECT 1", ResultConfiguration=closed)
    assert code == "InvalidRequestException" and "Access denied when writing output" in message


def test_tables_and_the_work_group_are_shown(cairn, table):
    assert ["cloudtrail_logs"] in rows(cairn, "SHOW TABLES")
    found = cairn.aws(f"athena get-table-metadata --catalog-name AwsDataCatalog --database-name default --table-name {table}").json
    assert found["TableMetadata"]["Columns"][0] == {"Name": "eventversion", "Type": "string"}
    cairn.aws(["athena", "update-work-group", "--work-group", "primary", "--configuration-updates",
               f"ResultConfigurationUpdates={{OutputLocation=s3://{RESULTS}/group/}}"])
    query = cairn.aws(["athena", "start-query-execution", "--query-string", f"SELECT COUNT(*) FROM {table}"]).json["QueryExecutionId"]
    assert over(cairn, query)["ResultConfiguration"]["OutputLocation"] == f"s3://{RESULTS}/group/{query}.csv"
