"""Queries by the real AWS CLI: asked, read page by page, listed, cancelled, delivered and proved."""

import csv
import datetime
import gzip
import hashlib
import io
import json
import shutil

import pytest
import rsa

from server import ACCOUNT, AWS, error_of, run, trail_policy, until

OVER = ("FINISHED", "FAILED", "CANCELLED", "TIMED_OUT")


@pytest.fixture(scope="module")
def store(cairn):
    """An event data store that has seen ten calls of one user. Its UUID."""
    made = cairn.client("cloudtrail").create_event_data_store(Name="queries-parity")
    key, secret = cairn.user("lake-user", admin=True)
    for _ in range(10):
        cairn.client("iam", key=key, secret=secret).list_users()
    return made["EventDataStoreArn"].split("/")[1]


def start(cairn, statement, **more):
    words = ["cloudtrail", "start-query", "--query-statement", statement]
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", value]
    return cairn.aws(words).json["QueryId"]


def over(cairn, query):
    """What describe-query says once the query is over and delivered."""
    ct = cairn.client("cloudtrail")

    def look():
        described = ct.describe_query(QueryId=query)
        return described["QueryStatus"] in OVER and described.get("DeliveryStatus") != "PENDING" and described

    return until(look, f"the query {query} is over")


def rows(cairn, query):
    """All rows, as dictionaries."""
    ct, found, more = cairn.client("cloudtrail"), [], {}
    while True:
        page = ct.get_query_results(QueryId=query, **more)
        found += [{name: value for column in row for name, value in column.items()} for row in page["QueryResultRows"]]
        if "NextToken" not in page:
            return found
        more = {"NextToken": page["NextToken"]}


def test_ones_own_call_is_in_the_next_query(cairn, store):
    query = start(cairn, f"SELECT eventName, COUNT(*) AS calls FROM {store} WHERE userIdentity.userName = 'lake-user' GROUP BY eventName")
    described = over(cairn, query)
    assert described["QueryStatus"] == "FINISHED", described
    assert described["QueryStatistics"]["EventsScanned"] > 0
    assert rows(cairn, query) == [{"eventName": "ListUsers", "calls": "10"}]
    page = cairn.aws(f"cloudtrail get-query-results --query-id {query}").json
    assert page["QueryStatistics"]["TotalResultsCount"] == page["QueryStatistics"]["ResultsCount"] == 1


def test_a_result_comes_in_pages(cairn, store):
    query = start(cairn, f"SELECT eventID FROM {store} WHERE userIdentity.userName = 'lake-user'")
    over(cairn, query)
    ct = cairn.client("cloudtrail")
    first = ct.get_query_results(QueryId=query, MaxQueryResults=4)
    second = ct.get_query_results(QueryId=query, MaxQueryResults=100, NextToken=first["NextToken"])
    seen = [row[0]["eventID"] for row in first["QueryResultRows"] + second["QueryResultRows"]]
    assert (len(first["QueryResultRows"]), len(set(seen))) == (4, 10) and "NextToken" not in second


def test_what_cannot_run_is_refused_with_its_place(cairn, store):
    ct = cairn.client("cloudtrail")
    code, status, message = error_of(ct.start_query, QueryStatement=f"SELECT eventNam FROM {store}")
    assert (code, status) == ("InvalidQueryStatementException", 400)
    assert "line 1:8" in message and "eventName" in message, message
    assert error_of(ct.start_query, QueryStatement=f"DELETE FROM {store}")[0] == "InvalidQueryStatementException"
    absent = store[:-4] + "0000"
    assert error_of(ct.start_query, QueryStatement=f"SELECT 1 FROM {absent}")[0] == "EventDataStoreNotFoundException"
    assert error_of(ct.describe_query, QueryId=absent)[0] == "QueryIdNotFoundException"
    nowhere = f"SELECT 1 FROM {store}"
    assert error_of(ct.start_query, QueryStatement=nowhere, DeliveryS3Uri="s3://no-such-bucket-parity")[0] == "S3BucketDoesNotExistException"


def test_queries_are_listed_and_cancelled(cairn, store):
    ct = cairn.client("cloudtrail")
    query = start(cairn, f"SELECT COUNT(*) FROM {store}")
    over(cairn, query)
    listed = cairn.aws(f"cloudtrail list-queries --event-data-store {store} --query-status FINISHED").json["Queries"]
    assert query in [one["QueryId"] for one in listed]
    assert error_of(ct.cancel_query, QueryId=query)[0] == "InactiveQueryException"
    long = start(cairn, f"SELECT COUNT(*) FROM {store} a, {store} b, {store} c, {store} d, {store} e, {store} f, {store} g")
    answer = ct.cancel_query(QueryId=long)
    assert answer["QueryStatus"] in ("CANCELLED", "RUNNING")
    assert over(cairn, long)["QueryStatus"] == "CANCELLED"


def delivered(cairn, store, bucket):
    """A delivered result: the folder of its files, and the files."""
    cairn.client("s3").create_bucket(Bucket=bucket)
    cairn.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(trail_policy(bucket)))
    statement = f"SELECT eventName, userIdentity.userName, errorCode FROM {store} WHERE userIdentity.userName = 'lake-user'"
    query = start(cairn, statement, delivery_s3_uri=f"s3://{bucket}/lake")
    described = over(cairn, query)
    assert described["DeliveryStatus"] == "SUCCESS", described
    s3 = cairn.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y/%m/%d")
    folder = keys[0].rsplit("/", 1)[0]
    assert folder.startswith(f"lake/AWSLogs/{ACCOUNT}/CloudTrail-Lake/Query/") and folder.endswith(query)
    assert day in folder or datetime.datetime.now(datetime.timezone.utc).hour in (0, 23)
    return folder, {key.rsplit("/", 1)[1]: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def prove(cairn, files):
    """The documented steps of a custom validation. Source: user guide, "Custom implementations of CloudTrail query result file
    integrity validation"."""
    sign = json.loads(files["result_sign.json"])
    for file in sign["files"]:
        assert hashlib.sha256(files[file["fileName"]]).hexdigest() == file["fileHashValue"], "a file was altered"
    when = datetime.datetime.strptime(sign["queryCompleteTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    minute = datetime.timedelta(minutes=1)
    keys = cairn.client("cloudtrail").list_public_keys(StartTime=when - minute, EndTime=when + minute)["PublicKeyList"]
    key = next(key for key in keys if key["Fingerprint"] == sign["publicKeyFingerprint"])
    text = " ".join(file["fileHashValue"] for file in sign["files"]).encode()
    public = rsa.PublicKey.load_pkcs1(key["Value"], "DER")
    assert rsa.verify(text, bytes.fromhex(sign["hashSignature"]), public) == "SHA-256"


def test_a_delivered_result_proves_itself(cairn, store, name, tmp_path):
    folder, files = delivered(cairn, store, name)
    assert sorted(files) == ["result_1.csv.gz", "result_sign.json"]
    table = list(csv.reader(io.StringIO(gzip.decompress(files["result_1.csv.gz"]).decode())))
    assert table[0] == ["eventName", "userName", "errorCode"] and table[1:] == [["ListUsers", "lake-user", ""]] * 10
    prove(cairn, files)
    altered = {**files, "result_1.csv.gz": files["result_1.csv.gz"] + b"x"}
    with pytest.raises(AssertionError, match="altered"):
        prove(cairn, altered)
    sign = json.loads(files["result_sign.json"])
    sign["files"][0]["fileHashValue"] = hashlib.sha256(altered["result_1.csv.gz"]).hexdigest()
    with pytest.raises(rsa.VerificationError):
        prove(cairn, {**altered, "result_sign.json": json.dumps(sign).encode()})
    verify = verifier(cairn)
    if verify is None:
        return
    assert "Successfully validated" in verify("--s3-bucket", name, "--s3-prefix", folder).out
    local = tmp_path / "export"
    local.mkdir()
    for file, content in files.items():
        (local / file).write_bytes(content)
    assert verify("--local-export-path", str(local)).code == 0
    (local / "result_1.csv.gz").write_bytes(altered["result_1.csv.gz"])
    assert verify("--local-export-path", str(local)).code != 0


def verifier(cairn):
    """`aws cloudtrail verify-query-results`, of the first AWS CLI here that has it (version 2); None without one."""
    for aws in (AWS, shutil.which("aws"), "/usr/bin/aws", "/usr/local/bin/aws"):
        if aws is None:
            continue
        try:
            tried = run([aws, "cloudtrail", "verify-query-results"], cairn.aws_env(), check=False)
        except OSError:
            continue
        if "--s3-bucket or --local-export-path" in tried.out + tried.err:
            return lambda *words: run([aws, "cloudtrail", "verify-query-results", *words], cairn.aws_env(), check=False)
    return None


def test_a_bucket_that_refuses_is_told_before(cairn, store, bucket):
    ct = cairn.client("cloudtrail")
    statement = f"SELECT 1 FROM {store}"
    refused = error_of(ct.start_query, QueryStatement=statement, DeliveryS3Uri=f"s3://{bucket}")
    assert refused[0] == "InsufficientS3BucketPolicyException"


def test_results_survive_a_restart(new_cairn):
    cairn = new_cairn()
    store = cairn.client("cloudtrail").create_event_data_store(Name="lasting")["EventDataStoreArn"].split("/")[1]
    cairn.client("cloudtrail").describe_trails()
    query = start(cairn, f"SELECT eventName FROM {store} WHERE eventName = 'DescribeTrails'")
    over(cairn, query)
    before = rows(cairn, query)
    assert before == [{"eventName": "DescribeTrails"}]
    cairn.restart()
    assert rows(cairn, query) == before
    again = start(cairn, f"SELECT eventName FROM {store} WHERE eventName = 'DescribeTrails'")
    over(cairn, again)
    assert rows(cairn, again) == before


def test_samples_are_found_and_run(cairn, store):
    found = cairn.aws(["cloudtrail", "search-sample-queries", "--search-phrase", "console logins without MFA"]).json["SearchResults"]
    assert found[0]["Name"] == "Console sign-ins without MFA" and 0 < found[0]["Relevance"] <= 1
    ct, seen, more = cairn.client("cloudtrail"), [], {}
    for phrase in ("security", "activity", "s3", "error", "event", "iam", "role", "investigate", "agent"):
        seen += ct.search_sample_queries(SearchPhrase=phrase)["SearchResults"]
    statements = {one["Name"]: one["SQL"] for one in seen}
    assert len(statements) >= 20
    for title, statement in statements.items():
        query = ct.start_query(QueryStatement=statement)["QueryId"]
        described = over(cairn, query)
        assert described["QueryStatus"] == "FINISHED", (title, described)
