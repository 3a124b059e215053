"""Operations that nobody has written yet are refused by name and recorded; secrets are recorded nowhere."""

import base64
import gzip
import json
import re
import secrets

import pytest

import logs
from server import error_of

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

# Shell words, the event source, the event name, and a request parameter that must be in the record.
CALLS = {
    "ec2": ("ec2 run-instances --image-id ami-12345678 --instance-type t3.micro --count 2", "RunInstances", '"imageId":"ami-12345678"'),
    "dynamodb": ('dynamodb create-table --table-name t --attribute-definitions AttributeName=a,AttributeType=S '
                 '--key-schema AttributeName=a,KeyType=HASH --billing-mode PAY_PER_REQUEST', "CreateTable", '"tableName":"t"'),
    "ecs": ("ecs update-service --service web --desired-count 3", "UpdateService", '"desiredCount":3'),
    "lambda": ("lambda create-function --function-name f --role arn:aws:iam::123456789012:role/r --handler a.b --runtime python3.12 "
               "--code S3Bucket=bucket,S3Key=k", "CreateFunction20150331", '"functionName":"f"'),
    "logs": ("logs create-delivery --delivery-source-name s --delivery-destination-arn arn:aws:logs:us-east-1:123456789012:delivery-destination:d",
             "CreateDelivery", '"deliverySourceName":"s"'),
    "monitoring": ("cloudwatch start-otel-enrichment", "StartOTelEnrichment", "null"),
    "events": ("events put-rule --name r --schedule-expression 'rate(1 day)'", "PutRule", '"name":"r"'),
    "organizations": ("organizations create-gov-cloud-account --email g@example.com --account-name g", "CreateGovCloudAccount",
                      '"accountName":"HIDDEN_DUE_TO_SECURITY_REASONS"'),
    "ssm": ("ssm delete-parameter --name p", "DeleteParameter", '"name":"p"'),
    "states": ("stepfunctions stop-execution --execution-arn arn:aws:states:us-east-1:123456789012:execution:a:b", "StopExecution", "a:b"),
    "config": ("configservice delete-config-rule --config-rule-name r", "DeleteConfigRule", '"configRuleName":"r"'),
    "guardduty": ("guardduty create-detector --enable", "CreateDetector", '"enable":true'),
    "athena": ("athena create-data-catalog --name c --type GLUE", "CreateDataCatalog", '"name":"c"'),
    "s3": ("s3api put-bucket-abac --bucket unwritten-b --abac-status Status=Enabled",
           "PutBucketAbac", '"bucketName":"unwritten-b"'),
    "iam": ("iam enable-organizations-root-sessions", "EnableOrganizationsRootSessions", "null"),
    "cloudtrail": ("""cloudtrail put-insight-selectors --trail-name t-t --insight-selectors '[{"InsightType":"ApiCallRateInsight"}]'""",
                   "PutInsightSelectors", '"trailName":"t-t"'),
}


@pytest.fixture(scope="module")
def refused(cairn):
    """Each call made once, all before the first look-up."""
    return {service: cairn.aws(call, check=False) for service, (call, _, _) in CALLS.items()}


@pytest.mark.parametrize("service", CALLS)
def test_refused_by_name_and_recorded(cairn, refused, service):
    call, name, parameter = CALLS[service]
    done = refused[service]
    operation = re.sub(r"\d+$", "", name)
    assert done.code not in (0, 1) and "NotImplemented" in done.err and operation in done.err, done
    asked = [{"AttributeKey": "EventName", "AttributeValue": name}]
    events = cairn.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
    assert len(events) == 1, (call, events)
    event = events[0]
    record = json.loads(event["CloudTrailEvent"])
    assert event["EventSource"] == f"{service}.amazonaws.com"
    assert record["errorCode"].startswith("NotImplemented") and record["readOnly"] is False and record["eventType"] == "AwsApiCall"
    assert parameter in json.dumps(record["requestParameters"], separators=(",", ":"), ensure_ascii=False)


def test_unwritten_data_events_are_recorded(cairn, name):
    bucket = cairn.bucket_for_trails(name)
    cairn.trail(name, bucket, start=False)
    selectors = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": [kind]}]}
                 for kind in ("AWS::DynamoDB::Table", "AWS::Lambda::Function")]
    cairn.client("cloudtrail").put_event_selectors(TrailName=name, AdvancedEventSelectors=selectors)
    cairn.client("cloudtrail").start_logging(Name=name)
    done = cairn.aws(["dynamodb", "put-item", "--table-name", "orders", "--item", '{"id":{"S":"1"}}'], check=False)
    assert "PutItem" in done.err and "NotImplemented" in done.err
    done = cairn.aws("lambda invoke --function-name fun /dev/null", check=False)
    assert "Invoke" in done.err and "NotImplemented" in done.err
    cairn.flush()
    found = {record["eventName"]: record for _, record in logs.records(cairn.client("s3"), bucket)}
    assert set(found) == {"PutItem", "Invoke"}, set(found)
    assert found["PutItem"]["eventCategory"] == "Data" and found["PutItem"]["managementEvent"] is False
    assert found["PutItem"]["requestParameters"]["tableName"] == "orders"


def test_secrets_are_nowhere_in_the_data_folder(cairn, name):
    """Each secret is sent where the service expects one, and then looked for in every file, packed ones unpacked."""
    secret = {n: "S3cr3t" + secrets.token_hex(12) for n in ["string", "password", "parameter", "plaintext", "environment", "key"]}
    error_of(cairn.client("iam").create_login_profile, UserName=name, Password=secret["password"])
    error_of(cairn.client("ssm").put_parameter, Name="p", Value=secret["parameter"], Type="SecureString")
    error_of(cairn.client("kms").encrypt, KeyId="k", Plaintext=secret["plaintext"].encode())
    error_of(cairn.client("secretsmanager").create_secret, Name="s", SecretString=secret["string"])
    bucket = cairn.bucket_for_trails(f"{name}-b")
    cairn.trail(name, bucket)
    _, user_secret = cairn.user(f"{name}-u")
    error_of(cairn.client("iam").change_password, OldPassword=secret["key"], NewPassword=secret["environment"])
    cairn.flush()
    cairn.restart()

    needles = {n: text.encode() for n, text in secret.items()}
    needles["plaintext in base64"] = base64.b64encode(secret["plaintext"].encode())
    looked = 0
    for path in sorted(p for p in cairn.data.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        looked += 1
        for what, needle in needles.items():
            assert needle not in content, f"{what} is in {path.relative_to(cairn.data)}"
        if "state" not in path.name:
            assert user_secret.encode() not in content, f"a new user's secret key is in {path.relative_to(cairn.data)}"
    assert looked > 3
    assert not any(text.encode() in cairn.log.read_bytes() for text in secret.values())
    for event, parameters in [("CreateLoginProfile", {"userName": name, "password": HIDDEN}), ("CreateSecret", {"name": "s", "secretString": HIDDEN}),
                              ("PutParameter", {"name": "p", "value": HIDDEN, "type": "SecureString"})]:
        asked = [{"AttributeKey": "EventName", "AttributeValue": event}]
        record = json.loads(cairn.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"][0]["CloudTrailEvent"])
        shown = record["requestParameters"]
        shown.pop("clientRequestToken", None)
        assert shown == parameters
