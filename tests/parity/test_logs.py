"""CloudWatch Logs with the AWS CLI, boto3 and Terraform: groups, streams, events, filters, policies, exports, crashes."""

import base64
import datetime
import gzip
import http.server
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import terraform
from server import ACCOUNT, error_of, until

DAY_MS = 86_400_000
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:ship"
SETTINGS = {"env": {"CAIRN_FUNCTIONS": f"{FUNCTION}=http://127.0.0.1:9/nobody"}}


@pytest.fixture
def client(cairn):
    return cairn.client("logs")


@pytest.fixture
def group(client, name):
    client.create_log_group(logGroupName=f"/parity/{name}")
    client.create_log_stream(logGroupName=f"/parity/{name}", logStreamName="s")
    return f"/parity/{name}"


def now_ms():
    return int(time.time() * 1000)


def put(client, group, texts, stream="s", at=None):
    at = at or now_ms()
    return client.put_log_events(logGroupName=group, logStreamName=stream,
                                 logEvents=[{"timestamp": at + n, "message": text} for n, text in enumerate(texts)])


def texts(answer):
    return [event["message"] for event in answer["events"]]


def test_the_guides_example(cairn):
    out = cairn.sh("""
        set -e
        aws logs create-log-group --log-group-name /guide/app
        aws logs put-retention-policy --log-group-name /guide/app --retention-in-days 30
        aws logs create-log-stream --log-group-name /guide/app --log-stream-name web-1
        aws logs put-log-events --log-group-name /guide/app --log-stream-name web-1 \\
            --log-events timestamp=$(date +%s000),message='ERROR disk full' timestamp=$(date +%s001),message='all is well' > /dev/null
        aws logs filter-log-events --log-group-name /guide/app --filter-pattern ERROR --query 'events[].message' --output text
        aws logs get-log-events --log-group-name /guide/app --log-stream-name web-1 --query 'events[].message' --output text
        """)
    assert "ERROR disk full" in out.out.splitlines()[0] and out.out.count("all is well") == 1


def test_groups(client, group):
    shown = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert shown["arn"] == f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*"
    assert shown["logGroupArn"] == shown["arn"][:-2] and shown["logGroupClass"] == "STANDARD" and shown["metricFilterCount"] == 0
    assert "retentionInDays" not in shown and shown["storedBytes"] == 0
    assert error_of(client.create_log_group, logGroupName=group) == (
        "ResourceAlreadyExistsException", 400, "The specified log group already exists")
    assert error_of(client.put_retention_policy, logGroupName=group, retentionInDays=2)[0] == "InvalidParameterException"
    client.put_retention_policy(logGroupName=group, retentionInDays=14)
    assert client.describe_log_groups(logGroupNamePattern=group[2:])["logGroups"][0]["retentionInDays"] == 14
    client.delete_retention_policy(logGroupName=group)
    arn = shown["logGroupArn"]
    client.tag_resource(resourceArn=arn, tags={"team": "blue", "stage": "prod"})
    client.untag_log_group(logGroupName=group, tags=["stage"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == client.list_tags_log_group(logGroupName=group)["tags"] == {"team": "blue"}
    assert group in [one["logGroupName"] for one in client.list_log_groups(logGroupNamePattern="^/parity")["logGroups"]]
    client.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=True)
    assert error_of(client.delete_log_group, logGroupName=group)[0] == "ValidationException"
    client.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=False)
    client.delete_log_group(logGroupName=group)
    assert error_of(client.describe_log_streams, logGroupName=group) == (
        "ResourceNotFoundException", 400, "The specified log group does not exist.")


def test_batches(client, group):
    now = now_ms()
    assert "chronological" in error_of(client.put_log_events, logGroupName=group, logStreamName="s", logEvents=[
        {"timestamp": now, "message": "a"}, {"timestamp": now - 1, "message": "b"}])[2]
    said = client.put_log_events(logGroupName=group, logStreamName="s", logEvents=[
        {"timestamp": now - 14 * DAY_MS - 60_000, "message": "too old"}, {"timestamp": now - 14 * DAY_MS + 60_000, "message": "old"}])
    assert said["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    said = client.put_log_events(logGroupName=group, logStreamName="s", logEvents=[
        {"timestamp": now, "message": "now"}, {"timestamp": now + 3 * 3_600_000, "message": "too new"}])
    assert said["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1} and said["nextSequenceToken"]
    assert texts(client.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)) == ["old", "now"]
    assert error_of(client.put_log_events, logGroupName=group, logStreamName="none", logEvents=[{"timestamp": now, "message": "x"}]) == (
        "ResourceNotFoundException", 400, "The specified log stream does not exist.")
    stream = client.describe_log_streams(logGroupName=group)["logStreams"][0]
    assert stream["lastEventTimestamp"] == now and stream["firstEventTimestamp"] == now - 14 * DAY_MS + 60_000
    assert client.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["storedBytes"] == len("oldnow") + 2 * 26


def test_reading_on(client, group):
    put(client, group, [f"{n}" for n in range(25)])
    seen, token = [], None
    while True:
        more = {"nextToken": token} if token else {}
        page = client.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, limit=10, **more)
        seen += texts(page)
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert seen == [f"{n}" for n in range(25)]
    last = client.get_log_events(logGroupName=group, logStreamName="s", limit=5)
    assert texts(last) == [f"{n}" for n in range(20, 25)]
    before = client.get_log_events(logGroupName=group, logStreamName="s", limit=5, nextToken=last["nextBackwardToken"])
    assert texts(before) == [f"{n}" for n in range(15, 20)]
    # New events come behind the forward token.
    put(client, group, ["new"], at=now_ms() + 1000)
    assert texts(client.get_log_events(logGroupName=group, logStreamName="s", nextToken=last["nextForwardToken"])) == ["new"]


def test_searching_a_group(client, group):
    client.create_log_stream(logGroupName=group, logStreamName="t")
    at = now_ms() - 60_000
    put(client, group, [json.dumps({"n": n, "who": "eve" if n % 3 else "bob"}) for n in range(30)], at=at)
    put(client, group, [json.dumps({"n": n, "who": "eve"}) for n in range(100, 110)], stream="t", at=at)
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern='{ $.who = "eve" && $.n > 5 }', PaginationConfig={"PageSize": 7})
    events = [event for page in pages for event in page["events"]]
    assert len(events) == 10 + len([n for n in range(6, 30) if n % 3]) and {event["logStreamName"] for event in events} == {"s", "t"}
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
    assert len({event["eventId"] for event in events}) == len(events)
    assert error_of(client.filter_log_events, logGroupName=group, filterPattern="{ $.a = ")[0] == "InvalidParameterException"


def test_metric_filters(client, group):
    pattern = '{ ($.errorCode = "*UnauthorizedAccess*") || ($.errorCode = "AccessDenied*") }'
    transformation = {"metricName": "Unauthorized", "metricNamespace": "Security", "metricValue": "1", "defaultValue": 0.0}
    client.put_metric_filter(logGroupName=group, filterName="f", filterPattern=pattern, metricTransformations=[transformation])
    shown = client.describe_metric_filters(logGroupName=group)["metricFilters"][0]
    assert shown["filterPattern"] == pattern and shown["metricTransformations"] == [transformation]
    by_metric = client.describe_metric_filters(metricName="Unauthorized", metricNamespace="Security")["metricFilters"]
    assert [one["filterName"] for one in by_metric if one["logGroupName"] == group] == ["f"]
    assert client.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 1
    found = client.test_metric_filter(filterPattern=pattern, logEventMessages=[
        '{"errorCode": "AccessDeniedException"}', '{"errorCode": "None"}', '{"errorCode": "Client.UnauthorizedAccess"}'])["matches"]
    assert [one["eventNumber"] for one in found] == [1, 3]
    assert error_of(client.put_metric_filter, logGroupName=group, filterName="g", filterPattern="{ $.a =",
                    metricTransformations=[transformation])[0] == "InvalidParameterException"
    for n in range(99):
        client.put_metric_filter(logGroupName=group, filterName=f"f{n}", filterPattern="", metricTransformations=[
            {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}])
    assert error_of(client.put_metric_filter, logGroupName=group, filterName="more", filterPattern="",
                    metricTransformations=[transformation])[0] == "LimitExceededException"
    client.delete_metric_filter(logGroupName=group, filterName="f")
    assert error_of(client.delete_metric_filter, logGroupName=group, filterName="f")[0] == "ResourceNotFoundException"


def test_what_matches_is_a_metric(cairn, client, group, name):
    client.put_metric_filter(logGroupName=group, filterName="f", filterPattern='{ $.eventName = "DeleteTrail" }', metricTransformations=[
        {"metricName": name, "metricNamespace": "Security", "metricValue": "$.size", "defaultValue": 0.0, "unit": "Count"}])
    put(client, group, ['{"eventName": "DeleteTrail", "size": 3}', '{"eventName": "GetTrail", "size": 9}', '{"eventName": "DeleteTrail", "size": 4}'])
    now = datetime.datetime.now(datetime.timezone.utc)

    def statistics():
        points = cairn.client("cloudwatch").get_metric_statistics(
            Namespace="Security", MetricName=name, StartTime=now - datetime.timedelta(minutes=5), EndTime=now + datetime.timedelta(minutes=5),
            Period=600, Statistics=["Sum", "SampleCount"])["Datapoints"]
        return sum(point["Sum"] for point in points) == 7 and sum(point["SampleCount"] for point in points) == 2

    until(statistics, "the metric has both matches")


def test_subscribers_are_told(new_cairn):
    got, fails = [], [2]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            fails[0] -= 1
            if fails[0] < 0:
                got.append(json.loads(body))
            self.send_response(500 if fails[0] >= 0 else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cairn = new_cairn(env={"CAIRN_FUNCTIONS": f"{FUNCTION}=http://127.0.0.1:{server.server_port}/ship"})
        client = cairn.client("logs")
        client.create_log_group(logGroupName="g")
        client.create_log_stream(logGroupName="g", logStreamName="s")
        asked = {"logGroupName": "g", "filterName": "ship", "filterPattern": "ERROR"}
        assert error_of(client.put_subscription_filter, **asked, destinationArn=FUNCTION.replace("ship", "none"))[2].startswith(
            "Could not execute the lambda function.")
        kinesis = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
        assert error_of(client.put_subscription_filter, **asked, destinationArn=kinesis)[2] == (
            "destinationArn for vendor kinesis cannot be used without roleArn")
        client.put_subscription_filter(**asked, destinationArn=FUNCTION)
        shown = client.describe_subscription_filters(logGroupName="g")["subscriptionFilters"][0]
        assert shown["distribution"] == "ByLogStream" and shown["destinationArn"] == FUNCTION
        put(client, "g", ["ERROR one", "fine", "ERROR two"])
        until(lambda: got, "the function is told, at the third attempt")
        message = json.loads(gzip.decompress(base64.b64decode(got[0]["awslogs"]["data"])))
        assert [event["message"] for event in message["logEvents"]] == ["ERROR one", "ERROR two"]
        assert message["messageType"] == "DATA_MESSAGE" and message["owner"] == ACCOUNT and message["subscriptionFilters"] == ["ship"]
        # What nobody takes outlives a restart.
        fails[0] = 1_000_000
        put(client, "g", ["ERROR three"])
        assert cairn.stop() == 0
        fails[0] = 0
        cairn.start()
        until(lambda: len(got) == 2, "what waited is told")
        server.shutdown()


def test_the_seeds_commands(cairn):
    group = "/aws/cloudtrail/vinashoes-audit"
    filters = {
        "RootAccountUsage": '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }',
        "UnauthorizedApiCalls": '{ $.errorCode = "AccessDenied" || $.errorCode = "UnauthorizedOperation" }',
        "IAMPolicyChanges": "{ $.eventName = AttachUserPolicy || $.eventName = DetachUserPolicy || $.eventName = PutUserPolicy "
                            "|| $.eventName = CreatePolicy || $.eventName = DeletePolicy }",
    }
    cairn.aws(["logs", "create-log-group", "--log-group-name", group])
    for name, pattern in filters.items():
        cairn.aws(["logs", "put-metric-filter", "--log-group-name", group, "--filter-name", name, "--filter-pattern", pattern,
                   "--metric-transformations", f"metricName={name}Count,metricNamespace=Security,metricValue=1"])
    shown = cairn.client("logs").describe_metric_filters(logGroupName=group)["metricFilters"]
    assert {one["filterName"]: one["filterPattern"] for one in shown} == filters
    for name in filters:
        cairn.aws(["logs", "delete-metric-filter", "--log-group-name", group, "--filter-name", name])
    cairn.aws(["logs", "delete-log-group", "--log-group-name", group])


def test_policies_and_queries(client, group, name):
    document = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "es.amazonaws.com"}, "Action": ["logs:PutLogEvents", "logs:CreateLogStream"],
        "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*"}]})
    client.put_resource_policy(policyName=name, policyDocument=document)
    shown = [one for one in client.describe_resource_policies()["resourcePolicies"] if one["policyName"] == name]
    assert shown[0]["policyDocument"] == document
    assert error_of(client.put_resource_policy, policyName="bad", policyDocument="{")[0] == "InvalidParameterException"
    client.delete_resource_policy(policyName=name)
    assert error_of(client.delete_resource_policy, policyName=name)[0] == "ResourceNotFoundException"
    made = client.put_query_definition(name=f"{name}/errors", queryString="fields @timestamp\n| limit 20", logGroupNames=[group])
    shown = client.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    assert [one["queryString"] for one in shown] == ["fields @timestamp\n| limit 20"]
    assert client.delete_query_definition(queryDefinitionId=made["queryDefinitionId"])["success"]


def test_who_may(cairn, client, group, name):
    key, secret = cairn.user(name)
    user = cairn.client("logs", key=key, secret=secret)
    iam = cairn.client("iam")

    def allow(*statements):
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))

    assert error_of(put, user, group, ["x"])[0] == "AccessDeniedException"
    # The resource of CloudTrail's own role policy.
    allow({"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
           "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:log-stream:s*"})
    put(user, group, ["x"])
    user.create_log_stream(logGroupName=group, logStreamName="s2")
    assert error_of(user.create_log_stream, logGroupName=group, logStreamName="t")[0] == "AccessDeniedException"
    assert error_of(user.describe_log_streams, logGroupName=group)[0] == "AccessDeniedException"
    allow({"Effect": "Allow", "Action": "logs:*", "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*"})
    user.describe_log_streams(logGroupIdentifier=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}")
    assert texts(user.filter_log_events(logGroupName=group)) == ["x"]
    assert error_of(user.describe_log_groups)[0] == "AccessDeniedException"


def test_exports(cairn, client, group, name):
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket=name)
    put(client, group, ["one", "two"], at=1000 * (now_ms() // 1000) - 60_000)
    asked = {"logGroupName": group, "from": now_ms() - DAY_MS, "to": now_ms(), "destination": name, "destinationPrefix": "p"}
    assert error_of(client.create_export_task, **asked)[0] == "InvalidParameterException"
    principal = {"Service": "logs.us-east-1.amazonaws.com"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{name}",
         "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}},
        {"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*",
         "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": ACCOUNT},
                       "ArnLike": {"aws:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:*"}}}]}))
    task = client.create_export_task(**asked)["taskId"]
    until(lambda: client.describe_export_tasks(taskId=task)["exportTasks"][0]["status"]["code"] == "COMPLETED", "the export is over")
    lines = gzip.decompress(s3.get_object(Bucket=name, Key=f"p/{task}/s/000000.gz")["Body"].read()).decode().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two"] and lines[0].split(" ")[0].endswith(".000Z")


def test_live_tail(cairn, client, group):
    tail = cairn.client("logs", inject_host_prefix=False, read_timeout=30)
    answer = tail.start_live_tail(logGroupIdentifiers=[f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"], logEventFilterPattern="ERROR")
    events = iter(answer["responseStream"])
    start = next(events)
    assert start["sessionStart"]["logEventFilterPattern"] == "ERROR"
    put(client, group, ["ERROR one", "fine", "ERROR two"])
    seen = []
    while len(seen) < 2:
        seen += next(events)["sessionUpdate"]["sessionResults"]
    assert [event["message"] for event in seen] == ["ERROR one", "ERROR two"] and seen[0]["logStreamName"] == "s"
    answer["responseStream"].close()


def test_a_key_of_kms(cairn, client, name):
    kms = cairn.client("kms")
    key = kms.create_key()["KeyMetadata"]
    group = f"/sealed/{name}"
    assert error_of(client.create_log_group, logGroupName=group, kmsKeyId=key["Arn"])[0] == "AccessDeniedException"
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    policy["Statement"].append({"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"}, "Resource": "*",
                                "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                                "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"}}})
    kms.put_key_policy(KeyId=key["KeyId"], Policy=json.dumps(policy))
    client.create_log_group(logGroupName=group, kmsKeyId=key["Arn"])
    client.create_log_stream(logGroupName=group, logStreamName="s")
    put(client, group, ["a-text-that-is-sealed"])
    assert client.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["kmsKeyId"] == key["Arn"]
    kms.disable_key(KeyId=key["KeyId"])
    assert error_of(put, client, group, ["b"])[0] == "InvalidParameterException"
    kms.enable_key(KeyId=key["KeyId"])
    cairn.restart()
    kms, client = cairn.client("kms"), cairn.client("logs")
    assert texts(client.filter_log_events(logGroupName=group)) == ["a-text-that-is-sealed"]
    kms.disable_key(KeyId=key["KeyId"])
    assert error_of(client.filter_log_events, logGroupName=group)[0] == "InvalidParameterException"
    kms.enable_key(KeyId=key["KeyId"])
    for path in cairn.data.rglob("*"):
        assert not path.is_file() or b"a-text-that-is-sealed" not in path.read_bytes(), path


def test_events_outlive_a_kill(new_cairn):
    cairn = new_cairn()
    client = cairn.client("logs")
    client.create_log_group(logGroupName="g")
    for n in range(4):
        client.create_log_stream(logGroupName="g", logStreamName=f"s{n}")
    answered = []

    def writer(number):
        own = cairn.client("logs")
        for n in range(10_000):
            text = f"{number}-{n}"
            try:
                put(own, "g", [text], stream=f"s{number}")
            except Exception:
                return
            answered.append(text)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(writer, number) for number in range(4)]
        until(lambda: len(answered) > 200, "some events are answered")
        cairn.kill()
        for job in jobs:
            job.result()
    cairn.start()
    client = cairn.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(logGroupName="g")
    found = [event["message"] for page in pages for event in page["events"]]
    assert len(found) == len(set(found)) and set(answered) <= set(found)
    for number in range(4):
        own = texts(client.get_log_events(logGroupName="g", logStreamName=f"s{number}", startFromHead=True))
        assert [int(text.split("-")[1]) for text in own] == sorted(int(text.split("-")[1]) for text in own)


TERRAFORM = """
resource "aws_kms_key" "k" {{
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [
      {{ Effect = "Allow", Principal = {{ AWS = "arn:aws:iam::{account}:root" }}, Action = "kms:*", Resource = "*" }},
      {{ Effect = "Allow", Principal = {{ Service = "logs.us-east-1.amazonaws.com" }}, Action = "kms:*", Resource = "*" }},
    ]
  }})
}}

resource "aws_cloudwatch_log_group" "cloudtrail" {{
  name              = "/tf/cloudtrail"
  retention_in_days = var.days
  kms_key_id        = aws_kms_key.k.arn
  tags              = {{ team = "blue" }}
}}

variable "days" {{
  default = 90
}}

resource "aws_cloudwatch_log_group" "rare" {{
  name_prefix     = "/tf/rare-"
  log_group_class = "INFREQUENT_ACCESS"
  skip_destroy    = false
}}

resource "aws_cloudwatch_log_stream" "s" {{
  name           = "s"
  log_group_name = aws_cloudwatch_log_group.cloudtrail.name
}}

resource "aws_cloudwatch_log_metric_filter" "root_login" {{
  name           = "RootAccountUsage"
  pattern        = "{{ $.userIdentity.type = \\"Root\\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \\"AwsServiceEvent\\" }}"
  log_group_name = aws_cloudwatch_log_group.cloudtrail.name
  metric_transformation {{
    name          = "RootAccountUsageCount"
    namespace     = "CloudTrailMetrics"
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }}
}}

resource "aws_cloudwatch_log_metric_filter" "by_user" {{
  name           = "by-user"
  pattern        = "{{ $.eventName = \\"DeleteTrail\\" }}"
  log_group_name = aws_cloudwatch_log_group.cloudtrail.name
  metric_transformation {{
    name       = "Deletes"
    namespace  = "CloudTrailMetrics"
    value      = "1"
    dimensions = {{ user = "$.userIdentity.userName" }}
  }}
}}

data "aws_iam_policy_document" "es" {{
  statement {{
    actions   = ["logs:PutLogEvents", "logs:CreateLogStream"]
    resources = ["arn:aws:logs:*"]
    principals {{
      type        = "Service"
      identifiers = ["es.amazonaws.com"]
    }}
  }}
}}

resource "aws_cloudwatch_log_resource_policy" "p" {{
  policy_name     = "tf"
  policy_document = data.aws_iam_policy_document.es.json
}}

resource "aws_cloudwatch_log_subscription_filter" "ship" {{
  name            = "ship"
  log_group_name  = aws_cloudwatch_log_group.cloudtrail.name
  filter_pattern  = "{{ $.errorCode = * }}"
  destination_arn = "{function}"
}}

resource "aws_cloudwatch_query_definition" "q" {{
  name            = "tf/errors"
  log_group_names = [aws_cloudwatch_log_group.cloudtrail.name]
  query_string    = "fields @timestamp, @message\\n| sort @timestamp desc\\n| limit 20\\n"
}}

data "aws_cloudwatch_log_groups" "all" {{
  log_group_name_prefix = "/tf/cloudtrail"
  depends_on            = [aws_cloudwatch_log_group.cloudtrail]
}}

output "arns" {{
  value = data.aws_cloudwatch_log_groups.all.arns
}}
"""


@pytest.mark.timeout(900)
def test_terraform(cairn, client, tmp_path):
    tf = terraform.Terraform(cairn, tmp_path / "tf", TERRAFORM.format(account=ACCOUNT, function=FUNCTION))
    tf.apply()
    tf.nothing_to_do()
    shown = client.describe_log_groups(logGroupNamePrefix="/tf/cloudtrail")["logGroups"][0]
    assert shown["retentionInDays"] == 90 and shown["metricFilterCount"] == 2
    tf.apply(days=30)
    tf.nothing_to_do(days=30)
    assert client.describe_log_groups(logGroupNamePrefix="/tf/cloudtrail")["logGroups"][0]["retentionInDays"] == 30
    tf.destroy(days=30)
    assert client.describe_log_groups(logGroupNamePrefix="/tf/")["logGroups"] == []
