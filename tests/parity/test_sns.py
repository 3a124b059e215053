"""SNS with the AWS CLI, boto3 and Terraform: subscribers that confirm and verify, and such that hang, fail, redirect or lie; and crashes."""

import base64
import hashlib
import http.server
import json
import subprocess
import threading
import time
import urllib.request

import pytest

from server import ACCOUNT, error_of, until
from terraform import Terraform


class Subscriber:
    """Endpoints by path: what they were sent, and what they say (a status, a redirect, or nothing at all)."""

    def __init__(self):
        self.got = []
        self.say = {}
        self.free = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body, time.time()))
                say = outer.say.get(self.path.split("?")[0], 200)
                if say == "hang":
                    outer.free.wait(60)
                    say = 200
                self.send_response(say if isinstance(say, int) else 302)
                if not isinstance(say, int):
                    self.send_header("location", say)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, path):
        return [(headers, body) for at, headers, body, _ in list(self.got) if at.split("?")[0] == path]

    def messages(self, path):
        return [json.loads(body)["Message"] for headers, body in self.at(path) if headers["x-amz-sns-message-type"] == "Notification"]

    def confirm(self, path):
        """Opens the link, as whoever is at the endpoint does."""
        asked = until(lambda: [b for h, b in self.at(path) if h["x-amz-sns-message-type"] == "SubscriptionConfirmation"], "a question")
        with urllib.request.urlopen(json.loads(asked[-1])["SubscribeURL"]) as answer:
            return answer.read().decode()


@pytest.fixture
def subscriber():
    one = Subscriber()
    yield one
    one.free.set()
    one.server.shutdown()


@pytest.fixture
def sns(cairn):
    return cairn.client("sns")


@pytest.fixture
def topic(sns, name):
    return sns.create_topic(Name=name)["TopicArn"]


def queue_of(cairn, name, topic, **attributes):
    """A queue that the topic may send to; its URL and ARN."""
    sqs = cairn.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, arn


def received(cairn, url, count):
    sqs, found = cairn.client("sqs"), []

    def more():
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1)
        for message in got.get("Messages", []):
            found.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= count

    until(more, f"{count} messages")
    return found


def verify(body, certificate, tmp_path):
    """The steps of "Verifying the signatures of Amazon SNS messages", with openssl."""
    keys = {"Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]}
    names = keys.get(body["Type"], ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"])
    text = "".join(f"{name}\n{body[name]}\n" for name in names if name in body)
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "text").write_bytes(text.encode())
    (tmp_path / "signature").write_bytes(base64.b64decode(body["Signature"]))
    public = subprocess.run(["openssl", "x509", "-in", "cert.pem", "-pubkey", "-noout"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "key.pem").write_bytes(public.stdout)
    digest = {"1": "-sha1", "2": "-sha256"}[body["SignatureVersion"]]
    done = subprocess.run(["openssl", "dgst", digest, "-verify", "key.pem", "-signature", "signature", "text"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, (done, text)


def test_the_seeds_commands(cairn):
    """The topic of the first seed document, made, subscribed to and removed as it says."""
    region = "ap-southeast-1"
    out = cairn.aws("sns create-topic --name vinashoes-security-alerts", region=region).json
    arn = f"arn:aws:sns:{region}:{ACCOUNT}:vinashoes-security-alerts"
    assert out == {"TopicArn": arn}
    done = cairn.aws(f"sns subscribe --topic-arn {arn} --protocol email --notification-endpoint security@example.org", region=region)
    assert done.json == {"SubscriptionArn": "pending confirmation"}
    done = cairn.aws(f"sns subscribe --topic-arn {arn} --protocol sms --notification-endpoint +84987654321", region=region)
    assert done.json["SubscriptionArn"].startswith(arn + ":")
    script = f"""
        SUBSCRIPTION_ARN=$(aws sns list-subscriptions-by-topic --topic-arn {arn} --query 'Subscriptions[?Protocol==`sms`]|[0].SubscriptionArn' --output text)
        if [ "$SUBSCRIPTION_ARN" != "None" ]; then
          aws sns unsubscribe --subscription-arn $SUBSCRIPTION_ARN
        fi
        aws sns delete-topic --topic-arn {arn}
    """
    cairn.sh(script, region=region)
    assert cairn.aws("sns list-topics", region=region).json == {"Topics": []}
    event = cairn.client("cloudtrail", region).lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTopic"}])
    record = json.loads(event["Events"][0]["CloudTrailEvent"])
    assert record["eventSource"] == "sns.amazonaws.com" and record["responseElements"] == {"topicArn": arn}


def test_what_a_topic_shows(sns, topic):
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    policy = json.loads(shown.pop("Policy"))
    assert policy["Id"] == "__default_policy_ID" and policy["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    assert json.loads(shown.pop("EffectiveDeliveryPolicy"))["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    assert shown == {"TopicArn": topic, "Owner": ACCOUNT, "DisplayName": "", "SubscriptionsPending": "0", "SubscriptionsConfirmed": "0",
                     "SubscriptionsDeleted": "0"}
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "stage", "Value": "test"}])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "stage", "Value": "test"}]
    assert error_of(sns.publish, TopicArn=topic, Message="") == ("InvalidParameter", 400, "Invalid parameter: Empty message")
    assert error_of(sns.publish, TopicArn=topic + "x", Message="m") == ("NotFound", 404, "Topic does not exist")
    assert error_of(sns.publish, TopicArn="t", Message="m")[2] == "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"


@pytest.mark.parametrize("version", ["1", "2"])
def test_endpoints_confirm_and_verify(cairn, sns, topic, subscriber, tmp_path, version):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue=version)
    subscribed = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + "/a", ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    assert f"<SubscriptionArn>{subscribed}</SubscriptionArn>" in subscriber.confirm("/a")
    question = json.loads(subscriber.at("/a")[0][1])
    certificate = urllib.request.urlopen(question["SigningCertURL"]).read()
    assert question["SigningCertURL"].rsplit("/", 1)[1].startswith("SimpleNotificationService-")
    verify(question, certificate, tmp_path)
    attributes = {"who": {"DataType": "String", "StringValue": "me"}, "n": {"DataType": "Number", "StringValue": "7"}}
    sent = sns.publish(TopicArn=topic, Subject="Hello", Message="wörld\n\"quoted\"", MessageAttributes=attributes)["MessageId"]
    headers, body = until(lambda: subscriber.at("/a")[1:], "the message")[0]
    assert {name: headers[name] for name in headers if name.startswith("x-amz") or name in ("content-type", "user-agent")} == {
        "x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": sent, "x-amz-sns-topic-arn": topic,
        "x-amz-sns-subscription-arn": subscribed, "content-type": "text/plain; charset=UTF-8",
        "user-agent": "Amazon Simple Notification Service Agent"}
    message = json.loads(body)
    assert list(message) == ["Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
                             "SigningCertURL", "UnsubscribeURL", "MessageAttributes"]
    assert message["MessageAttributes"] == {"n": {"Type": "Number", "Value": "7"}, "who": {"Type": "String", "Value": "me"}}
    assert message["SignatureVersion"] == version
    verify(message, certificate, tmp_path)
    with urllib.request.urlopen(message["UnsubscribeURL"]) as answer:
        assert answer.status == 200
    farewell = json.loads(until(lambda: subscriber.at("/a")[2:], "the farewell")[0][1])
    assert farewell["Type"] == "UnsubscribeConfirmation"
    verify(farewell, certificate, tmp_path)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    asked = [{"AttributeKey": "EventName", "AttributeValue": "ConfirmSubscription"}]
    record = json.loads(cairn.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"][0]["CloudTrailEvent"])
    assert record["requestParameters"]["topicArn"] == topic and record.get("errorCode") is None


def test_raw_delivery_and_policies_of_delivery(sns, topic, subscriber):
    policy = {"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 2}, "requestPolicy": {"headerContentType": "application/json"}}
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + "/raw",
                  Attributes={"RawMessageDelivery": "true", "DeliveryPolicy": json.dumps(policy)})
    subscriber.confirm("/raw")
    subscriber.say["/raw"] = 500
    sns.publish(TopicArn=topic, Message='{"a":1}')
    until(lambda: len(subscriber.at("/raw")) == 4, "three tries")
    headers, body = subscriber.at("/raw")[-1]
    assert body == b'{"a":1}' and headers["content-type"] == "application/json" and headers["x-amz-sns-rawdelivery"] == "true"
    time.sleep(0.5)
    assert len(subscriber.at("/raw")) == 4


def test_bad_subscribers_hold_up_nobody(cairn, sns, topic, subscriber, name):
    """One hangs, one fails, one redirects to it, one refuses: the good one gets everything at once, and so does the queue."""
    dead, dead_arn = queue_of(cairn, name + "-dead", topic)
    for path in ("/hang", "/fail", "/redirect", "/refuse", "/good"):
        redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn})} if path == "/refuse" else {}
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + path, Attributes=redrive)
        subscriber.confirm(path)
    url, arn = queue_of(cairn, name, topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    subscriber.say.update({"/hang": "hang", "/fail": 503, "/redirect": subscriber.url + "/nowhere", "/refuse": 403})
    began = time.monotonic()
    for number in range(30):
        sns.publish(TopicArn=topic, Message=str(number))
    published = time.monotonic() - began
    until(lambda: len(subscriber.messages("/good")) == 30, "all messages", 10)
    assert sorted(map(int, subscriber.messages("/good"))) == list(range(30))
    assert published < 10, published
    assert {json.loads(one["Body"])["Message"] for one in received(cairn, url, 30)} == {str(number) for number in range(30)}
    assert {json.loads(one["Body"])["Message"] for one in received(cairn, dead, 30)} == {str(number) for number in range(30)}
    assert subscriber.at("/nowhere") == [], "redirects are not followed"
    subscriber.free.set()
    until(lambda: set(subscriber.messages("/hang")) >= {str(number) for number in range(30)}, "what hung")


def test_filters(cairn, sns, topic, name):
    url, arn = queue_of(cairn, name, topic)
    body_url, body_arn = queue_of(cairn, name + "-body", topic)
    policy = {"store": ["example"], "price": [{"numeric": [">=", 100]}], "kind": [{"anything-but": {"prefix": "test"}}]}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": json.dumps(policy), "RawMessageDelivery": "true"})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=body_arn, Attributes={
        "FilterPolicy": json.dumps({"detail": {"severity": ["HIGH"]}}), "FilterPolicyScope": "MessageBody", "RawMessageDelivery": "true"})

    def publish(message, store, price, kind):
        sns.publish(TopicArn=topic, Message=message, MessageAttributes={
            "store": {"DataType": "String", "StringValue": store}, "price": {"DataType": "Number", "StringValue": price},
            "kind": {"DataType": "String", "StringValue": kind}})

    publish("cheap", "example", "99.99", "order")
    publish("elsewhere", "other", "100", "order")
    publish("test", "example", "100", "testing")
    publish('{"detail":{"severity":"HIGH"}}', "example", "100.00", "order")
    got = received(cairn, url, 1)
    assert [one["Body"] for one in got] == ['{"detail":{"severity":"HIGH"}}']
    assert got[0]["MessageAttributes"]["price"] == {"StringValue": "100.00", "DataType": "Number"}
    assert [one["Body"] for one in received(cairn, body_url, 1)] == ['{"detail":{"severity":"HIGH"}}']
    wrong = error_of(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn + "x", Attributes={"FilterPolicy": '{"a":"b"}'})
    assert wrong == ("InvalidParameter", 400, 'Invalid parameter: Attributes Reason: FilterPolicy: "a" must be an object or an array')


def test_fifo(cairn, sns, name):
    topic = sns.create_topic(Name=name + ".fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    url, arn = queue_of(cairn, name + ".fifo", topic, FifoQueue="true")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    first = sns.publish(TopicArn=topic, Message="0", MessageGroupId="g")
    assert sns.publish(TopicArn=topic, Message="0", MessageGroupId="g")["MessageId"] == first["MessageId"]
    entries = [{"Id": str(n), "Message": str(n), "MessageGroupId": "g"} for n in range(1, 10)]
    done = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    numbers = [first["SequenceNumber"]] + [one["SequenceNumber"] for one in done["Successful"]]
    assert numbers == sorted(numbers) and len(set(numbers)) == 10 and done["Failed"] == []
    assert [one["Body"] for one in received(cairn, url, 10)] == [str(n) for n in range(10)]


def test_other_accounts_need_the_policy(cairn, sns, topic, name):
    key, secret = cairn.user(name)
    other = cairn.client("sns", key=key, secret=secret)
    code, status, text = error_of(other.publish, TopicArn=topic, Message="m")
    assert (code, status) == ("AuthorizationError", 403), (code, text)
    assert "is not authorized to perform: SNS:Publish on resource: " + topic in text
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"},
                                                      "Action": "SNS:Publish", "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    assert other.publish(TopicArn=topic, Message="m")["MessageId"]


def test_slack_and_pagerduty(sns, topic, subscriber):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + "/slack?cairn-format=slack")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + "/pd?cairn-format=pagerduty&cairn-routing-key=K")
    sns.publish(TopicArn=topic, Subject="Root used", Message="by <somebody>")
    slack = json.loads(until(lambda: subscriber.at("/slack"), "slack")[0][1])
    assert slack == {"text": "*Root used*\nby &lt;somebody&gt;"}
    event = json.loads(until(lambda: subscriber.at("/pd"), "pagerduty")[0][1])
    assert (event["routing_key"], event["event_action"], event["payload"]["summary"]) == ("K", "trigger", "Root used")
    assert all("cairn" not in path for path, *_ in subscriber.got)


def test_functions_and_mail(new_cairn, subscriber, tmp_path):
    import socketserver

    mails = []

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = b""
                    while (line := self.rfile.readline()) != b".\r\n":
                        text += line
                    mails.append(text.decode())
                    self.wfile.write(b"250 taken\r\n")
                elif word == b"QUIT":
                    return self.wfile.write(b"221 bye\r\n")
                else:
                    self.wfile.write(b"250 ok\r\n")

    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp)
    mail.daemon_threads = True
    threading.Thread(target=mail.serve_forever, daemon=True).start()
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    sms = tmp_path / "sms.toml"
    sms.write_text(f'url = "{subscriber.url}/sms"\nbody = \'{{"to":"{{phone}}","text":"{{message}}"}}\'\n'
                   '[headers]\ncontent-type = "application/json"\nauthorization = "Bearer x"\n')
    cairn = new_cairn(env={"CAIRN_FUNCTIONS": f"{function}={subscriber.url}/function", "CAIRN_SMTP_HOST": "127.0.0.1", "CAIRN_SMTP_TLS": "off",
                           "CAIRN_SMTP_PORT": str(mail.server_address[1]), "CAIRN_SMTP_FROM": "cairn@example.org", "CAIRN_SMS_FILE": str(sms)})
    sns = cairn.client("sns")
    topic = sns.create_topic(Name="t", Attributes={"DisplayName": "Alerts"})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+84987654321")
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="security@example.org")

    def text_of(mail):
        import email
        message = email.message_from_string(mail)
        return message, message.get_payload(decode=True).decode()

    message, text = text_of(until(lambda: mails, "the question")[0])
    assert message["To"] == "security@example.org" and message["Subject"] == "AWS Notification - Subscription Confirmation"
    link = next(line for line in text.splitlines() if "ConfirmSubscription" in line)
    assert urllib.request.urlopen(link).status == 200
    sns.publish(TopicArn=topic, Subject="S", Message="m")
    message, text = text_of(until(lambda: mails[1:], "the mail")[0])
    assert message["Subject"] == "S" and text.startswith("m") and "Action=Unsubscribe" in text
    assert message["From"] == "Alerts <cairn@example.org>"
    event = json.loads(until(lambda: subscriber.at("/function"), "the function")[0][1])
    assert event["Records"][0]["Sns"]["Message"] == "m" and event["Records"][0]["EventSource"] == "aws:sns"
    headers, body = until(lambda: subscriber.at("/sms"), "the text message")[0]
    assert json.loads(body) == {"to": "+84987654321", "text": "Alerts> m"} and headers["authorization"] == "Bearer x"
    mail.shutdown()


def test_a_crash_loses_no_pending_delivery(new_cairn, subscriber):
    cairn = new_cairn()
    sns = cairn.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 60, "backoffFunction": "linear"}}
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + "/x", Attributes={"DeliveryPolicy": json.dumps(policy)})
    subscriber.confirm("/x")
    subscriber.say["/x"] = 500
    answered = [sns.publish(TopicArn=topic, Message=str(number)) and str(number) for number in range(200)]
    cairn.kill()
    subscriber.say["/x"] = 200
    before = len(subscriber.got)
    cairn.start()
    until(lambda: {json.loads(body)["Message"] for _, _, body, _ in subscriber.got[before:]} >= set(answered), "all that was answered")
    cairn.restart()
    count = len(subscriber.got)
    time.sleep(2)
    assert len(subscriber.got) == count, "what was delivered is not delivered again"


def feedback_role(cairn, name):
    """A role that SNS may assume and that may write into log groups."""
    iam = cairn.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutMetricFilter", "logs:PutRetentionPolicy"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=json.dumps(policy))
    return role


def test_delivery_status(cairn, sns, topic, subscriber, name):
    role = feedback_role(cairn, name)
    for family in ["HTTP", "SQS"]:
        cairn.aws(f"sns set-topic-attributes --topic-arn {topic} --attribute-name {family}SuccessFeedbackRoleArn --attribute-value {role}")
        cairn.aws(f"sns set-topic-attributes --topic-arn {topic} --attribute-name {family}FailureFeedbackRoleArn --attribute-value {role}")
        sns.set_topic_attributes(TopicArn=topic, AttributeName=f"{family}SuccessFeedbackSampleRate", AttributeValue="100")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["HTTPSuccessFeedbackRoleArn"] == role
    url, arn = queue_of(cairn, name, topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    # No policy lets the topic send to this one.
    closed = cairn.client("sqs").create_queue(QueueName=name + "-closed")["QueueUrl"].rsplit("/", 1)[1]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn.rsplit(":", 1)[0] + ":" + closed)
    for path in ["/good", "/bad"]:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + path)
        subscriber.confirm(path)
    subscriber.say["/bad"] = 403
    message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
    logs = cairn.client("logs")

    def events(group, count):
        def found():
            try:
                got = logs.filter_log_events(logGroupName=group, filterPattern='{ $.notification.messageId = "' + message + '" }')["events"]
            except logs.exceptions.ResourceNotFoundException:
                return None
            return len(got) >= count and [json.loads(one["message"]) for one in got]
        return {one["delivery"]["destination"]: one for one in until(found, f"{count} events in {group}")}

    group = f"sns/us-east-1/{ACCOUNT}/{name}"
    good, bad = events(group, 2), events(group + "/Failure", 2)
    assert set(good) == {arn, subscriber.url + "/good"} and {one["status"] for one in good.values()} == {"SUCCESS"}
    assert set(bad) == {arn + "-closed", subscriber.url + "/bad"} and {one["status"] for one in bad.values()} == {"FAILURE"}
    for one in [*good.values(), *bad.values()]:
        assert set(one) == {"notification", "delivery", "status"}
        assert one["notification"]["messageMD5Sum"] == hashlib.md5(b"hello").hexdigest()
        assert one["notification"]["topicArn"] == topic and len(one["notification"]["timestamp"]) == len("2026-01-02 03:04:05.678")
        assert one["delivery"]["attempts"] == 1 and one["delivery"]["dwellTimeMs"] >= 0
    assert [good[arn]["delivery"]["statusCode"], good[subscriber.url + "/good"]["delivery"]["statusCode"]] == [200, 200]
    sent = received(cairn, url, 1)[0]
    assert json.loads(good[arn]["delivery"]["providerResponse"])["sqsMessageId"] == sent["MessageId"]
    assert bad[subscriber.url + "/bad"]["delivery"]["statusCode"] == 403
    refused = bad[arn + "-closed"]["delivery"]
    assert refused["statusCode"] == 403 and json.loads(refused["providerResponse"])["ErrorCode"] == "AccessDenied"


def test_a_topic_under_a_key(new_cairn, subscriber):
    cairn = new_cairn()
    sns, kms = cairn.client("sns"), cairn.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    policy = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 100, "backoffFunction": "linear"}}
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url + "/x", Attributes={"DeliveryPolicy": json.dumps(policy)})
    subscriber.confirm("/x")
    subscriber.say["/x"] = 500
    secret = "nobody-may-read-this-on-the-disk"
    sns.publish(TopicArn=topic, Message=secret, Subject="subject-" + secret)
    # A topic without a key beside it: so one sees that the search finds what lies there.
    plain = sns.create_topic(Name="plain")["TopicArn"]
    sns.subscribe(TopicArn=plain, Protocol="http", Endpoint=subscriber.url + "/y", Attributes={"DeliveryPolicy": json.dumps(policy)})
    subscriber.confirm("/y")
    subscriber.say["/y"] = 500
    sns.publish(TopicArn=plain, Message="anybody-may-read-this")
    until(lambda: len(subscriber.at("/x")) > 2 and len(subscriber.at("/y")) > 2, "attempts")
    cairn.kill()
    bytes_kept = b"".join(path.read_bytes() for path in cairn.data.rglob("*") if path.is_file())
    assert b"anybody-may-read-this" in bytes_kept
    assert secret.encode() not in bytes_kept
    cairn.start()
    sns, kms = cairn.client("sns"), cairn.client("kms")
    subscriber.say["/x"] = 200
    until(lambda: secret in subscriber.messages("/x")[-1:], "the message")
    count = len(subscriber.at("/x"))
    kms.disable_key(KeyId=key)
    assert error_of(sns.publish, TopicArn=topic, Message="m") == ("KMSDisabled", 400, f"{key} is disabled.")
    kms.enable_key(KeyId=key)
    sns.publish(TopicArn=topic, Message="m")
    until(lambda: len(subscriber.at("/x")) > count, "the next message")
    # Another principal needs the key.
    user = cairn.user("publisher")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:*", "Resource": "*"}]}
    cairn.client("iam").put_user_policy(UserName="publisher", PolicyName="sns", PolicyDocument=json.dumps(allow))
    theirs = cairn.client("sns", key=user[0], secret=user[1])
    code, _, text = error_of(theirs.publish, TopicArn=topic, Message="m")
    assert code == "KMSAccessDenied" and "kms:GenerateDataKey" in text, text
    events = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GenerateDataKey"}])
    records = [json.loads(one["CloudTrailEvent"]) for one in events["Events"]]
    assert all(one["requestParameters"]["encryptionContext"] == {"aws:sns:topicArn": topic} for one in records)
    assert records[-1]["userIdentity"]["invokedBy"] == "sns.amazonaws.com"


TERRAFORM = """
variable "stage" { default = "one" }

resource "aws_sns_topic" "alerts" {
  name              = "terraform-alerts"
  display_name      = "of stage ${var.stage}"
  signature_version = 2
  delivery_policy   = jsonencode({ http = { defaultHealthyRetryPolicy = { minDelayTarget = 1, maxDelayTarget = 20, numRetries = 5 } } })
  tags              = { stage = var.stage }
}

resource "aws_sns_topic" "ordered" {
  name                        = "terraform-ordered.fifo"
  fifo_topic                  = true
  content_based_deduplication = true
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AWSCloudTrailSNSPolicy"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "SNS:Publish"
      Resource  = aws_sns_topic.alerts.arn
    }]
  })
}

resource "aws_sqs_queue" "alerts" { name = "terraform-alerts" }

resource "aws_sqs_queue" "dead" { name = "terraform-dead" }

resource "aws_sqs_queue_policy" "alerts" {
  queue_url = aws_sqs_queue.alerts.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.alerts.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.alerts.arn } }
    }]
  })
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn            = aws_sns_topic.alerts.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.alerts.arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ severity = ["high", { prefix = var.stage }] })
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn })
}

resource "aws_sns_topic_subscription" "body" {
  topic_arn           = aws_sns_topic.alerts.arn
  protocol            = "lambda"
  endpoint            = "arn:aws:lambda:us-east-1:123456789012:function:f"
  filter_policy       = jsonencode({ detail = { eventName = ["ConsoleLogin"] } })
  filter_policy_scope = "MessageBody"
}

resource "aws_sns_topic_subscription" "endpoint" {
  topic_arn              = aws_sns_topic.alerts.arn
  protocol               = "http"
  endpoint               = "ENDPOINT/terraform"
  endpoint_auto_confirms = true
}
"""


@pytest.mark.timeout(900)
def test_terraform(cairn, subscriber, tmp_path):
    terraform = Terraform(cairn, tmp_path, TERRAFORM.replace("ENDPOINT", subscriber.url))
    confirming = threading.Thread(target=subscriber.confirm, args=("/terraform",))
    confirming.start()
    terraform.apply()
    confirming.join()
    terraform.nothing_to_do()
    terraform.apply(stage="two")
    terraform.nothing_to_do(stage="two")
    terraform.destroy(stage="two")
    assert not [one for one in cairn.client("sns").list_topics()["Topics"] if "terraform" in one["TopicArn"]]
