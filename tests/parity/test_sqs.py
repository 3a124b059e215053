"""SQS with the AWS CLI and boto3: queues and what they show, messages and who sees them when, dead letters, and both protocols."""

import hashlib
import json
import threading
import time
import urllib.parse

import pytest

from server import ACCOUNT, error_of, until


@pytest.fixture
def sqs(cairn):
    return cairn.client("sqs")


@pytest.fixture
def url(sqs, name):
    return sqs.create_queue(QueueName=name)["QueueUrl"]


def attributes(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


def arn_of(sqs, url):
    return attributes(sqs, url, "QueueArn")["QueueArn"]


def take(sqs, url, **more):
    return sqs.receive_message(QueueUrl=url, **{"MaxNumberOfMessages": 10, **more}).get("Messages", [])


def test_the_guides_example(cairn, name, tmp_path):
    out = cairn.sh(f"""
        set -e
        sqs() {{ aws sqs --endpoint-url {cairn.endpoint} "$@"; }}
        url=$(sqs create-queue --queue-name {name} --query QueueUrl --output text)
        sqs send-message --queue-url "$url" --message-body hello \\
            --message-attributes 'kind={{DataType=String,StringValue=test}}' > sent.json
        sqs receive-message --queue-url "$url" --message-attribute-names All > got.json
        handle=$(python3 -c 'import json; print(json.load(open("got.json"))["Messages"][0]["ReceiptHandle"])')
        sqs delete-message --queue-url "$url" --receipt-handle "$handle"
        python3 -c 'import json; m = json.load(open("got.json"))["Messages"][0]; print(m["Body"], m["MessageAttributes"]["kind"]["StringValue"])'
        sqs get-queue-attributes --queue-url "$url" --attribute-names ApproximateNumberOfMessages --query Attributes --output text
        """, cwd=tmp_path)
    assert out.out.split() == ["hello", "test", "0"]


def test_what_a_queue_shows(cairn, sqs, url, name):
    assert url == f"{cairn.endpoint}/{ACCOUNT}/{name}"
    shown = attributes(sqs, url)
    assert abs(int(shown.pop("CreatedTimestamp")) - time.time()) < 60
    assert abs(int(shown.pop("LastModifiedTimestamp")) - time.time()) < 60
    assert shown == {
        "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "0",
        "DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30"}
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert url in sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]
    elsewhere = cairn.client("sqs", region="eu-west-1")
    assert error_of(elsewhere.get_queue_url, QueueName=name)[0] == "AWS.SimpleQueueService.NonExistentQueue"
    sqs.tag_queue(QueueUrl=url, Tags={"a": "b", "c": "d"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["c"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}


def test_refusals_in_aws_words(cairn, sqs, url, name):
    gone = f"{cairn.endpoint}/{ACCOUNT}/none"
    assert error_of(sqs.send_message, QueueUrl=gone, MessageBody="x") == (
        "AWS.SimpleQueueService.NonExistentQueue", 400, "The specified queue does not exist.")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.purge_queue(QueueUrl=gone)
    assert error_of(sqs.create_queue, QueueName=name, Attributes={"DelaySeconds": "1"}) == (
        "QueueAlreadyExists", 400, "A queue already exists with the same name and a different value for attribute DelaySeconds")
    assert error_of(sqs.create_queue, QueueName="a b")[0] == "InvalidParameterValue"
    assert error_of(sqs.create_queue, QueueName="a.fifo")[0] == "InvalidParameterValue"
    assert error_of(sqs.create_queue, QueueName="a", Attributes={"Nothing": "1"})[0] == "InvalidAttributeName"
    assert error_of(sqs.set_queue_attributes, QueueUrl=url, Attributes={"VisibilityTimeout": "43201"}) == (
        "InvalidAttributeValue", 400, "Invalid value for the parameter VisibilityTimeout.")
    assert error_of(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)[2] == (
        "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.")
    assert error_of(sqs.delete_message, QueueUrl=url, ReceiptHandle="x")[0] == "ReceiptHandleIsInvalid"
    assert error_of(sqs.send_message_batch, QueueUrl=url, Entries=[])[0] == "AWS.SimpleQueueService.EmptyBatchRequest"
    sqs.purge_queue(QueueUrl=url)
    assert error_of(sqs.purge_queue, QueueUrl=url)[0] == "AWS.SimpleQueueService.PurgeQueueInProgress"
    sqs.delete_queue(QueueUrl=url)
    assert error_of(sqs.create_queue, QueueName=name)[0] == "AWS.SimpleQueueService.QueueDeletedRecently"


def test_digests_are_those_that_boto_makes(sqs, url):
    """boto3 checks the digest of what it sends and receives by itself; those of attributes are checked here."""
    given = {
        "text": {"DataType": "String", "StringValue": "välue"}, "number": {"DataType": "Number.int", "StringValue": "42"},
        "bytes": {"DataType": "Binary.png", "BinaryValue": b"\x00\x01\xff"}}

    def digest(all):
        hash = hashlib.md5()
        for key in sorted(all):
            value = all[key]
            raw = value["BinaryValue"] if "BinaryValue" in value else value["StringValue"].encode()
            for part in (key.encode(), value["DataType"].encode()):
                hash.update(len(part).to_bytes(4, "big") + part)
            hash.update((b"\x02" if "BinaryValue" in value else b"\x01") + len(raw).to_bytes(4, "big") + raw)
        return hash.hexdigest()

    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="böse\n", MessageAttributes=given, MessageSystemAttributes=trace)
    assert sent["MD5OfMessageBody"] == hashlib.md5("böse\n".encode()).hexdigest()
    assert sent["MD5OfMessageAttributes"] == digest(given)
    assert sent["MD5OfMessageSystemAttributes"] == digest(trace)
    [got] = take(sqs, url, MessageAttributeNames=["All"], AttributeNames=["All"], VisibilityTimeout=0)
    assert (got["MessageAttributes"], got["MD5OfMessageAttributes"]) == (given, digest(given))
    system = got["Attributes"]
    assert system["SenderId"] == ACCOUNT and system["ApproximateReceiveCount"] == "1"
    assert system["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    [got] = take(sqs, url, MessageAttributeNames=["te*", "num.*", "number"], MessageSystemAttributeNames=["SentTimestamp"])
    assert list(got["MessageAttributes"]) == ["number"] and list(got["Attributes"]) == ["SentTimestamp"]
    assert got["MD5OfMessageAttributes"] == digest({"number": given["number"]})


def test_large_messages(sqs, url):
    body = "x" * (1 << 20)
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert take(sqs, url)[0]["Body"] == body
    code, status, text = error_of(sqs.send_message, QueueUrl=url, MessageBody=body + "x")
    assert (code, status) == ("InvalidParameterValue", 400) and "shorter than 1048576 bytes" in text
    entries = [{"Id": str(number), "MessageBody": "x" * (1 << 19)} for number in range(3)]
    assert error_of(sqs.send_message_batch, QueueUrl=url, Entries=entries)[0] == "AWS.SimpleQueueService.BatchRequestTooLong"


def test_a_receiver_waits_and_is_woken(cairn, sqs, url):
    got = []
    waiting = threading.Thread(target=lambda: got.extend(take(cairn.client("sqs"), url, WaitTimeSeconds=20)))
    waiting.start()
    time.sleep(0.5)
    begun = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    waiting.join(10)
    assert [message["Body"] for message in got] == ["x"] and time.monotonic() - begun < 2
    begun = time.monotonic()
    assert take(sqs, url, WaitTimeSeconds=1) == [] and 0.9 < time.monotonic() - begun < 5
    # What becomes visible by itself wakes too.
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"], VisibilityTimeout=1)
    assert take(sqs, url, WaitTimeSeconds=10)[0]["Body"] == "x"


def test_fifo(sqs, name):
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    shown = attributes(sqs, url)
    assert {key: shown[key] for key in ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")} == {
        "FifoQueue": "true", "ContentBasedDeduplication": "true", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}
    sent = [sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId="g") for number in range(5)]
    assert sorted(one["SequenceNumber"] for one in sent) == [one["SequenceNumber"] for one in sent]
    again = sqs.send_message(QueueUrl=url, MessageBody="0", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (sent[0]["MessageId"], sent[0]["SequenceNumber"])
    first = take(sqs, url, MaxNumberOfMessages=2, AttributeNames=["All"])
    assert [one["Body"] for one in first] == ["0", "1"] and first[0]["Attributes"]["MessageGroupId"] == "g"
    assert take(sqs, url) == []
    done = sqs.delete_message_batch(QueueUrl=url, Entries=[
        {"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(first)])
    assert len(done["Successful"]) == 2 and "Failed" not in done or done["Failed"] == []
    assert [one["Body"] for one in take(sqs, url)] == ["2", "3", "4"]
    assert error_of(sqs.send_message, QueueUrl=url, MessageBody="x")[0] == "MissingParameter"
    assert error_of(sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g", DelaySeconds=1)[0] == "InvalidParameterValue"


def test_dead_letters(sqs, name):
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = arn_of(sqs, dead)
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": 1}
    url = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "0"})["QueueUrl"]
    assert json.loads(attributes(sqs, url)["RedrivePolicy"]) == redrive
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert len(take(sqs, url)) == 1 and take(sqs, url) == []
    [letter] = take(sqs, dead, AttributeNames=["All"], VisibilityTimeout=0)
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, url)
    task = sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    assert task

    def done():
        [found] = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
        return found["Status"] == "COMPLETED" and found

    assert until(done, "the task is done")["ApproximateNumberOfMessagesMoved"] == 1
    assert take(sqs, url)[0]["Body"] == "poison"


def test_who_may(cairn, sqs, url, name):
    key, secret = cairn.user(f"{name}-user")
    theirs = cairn.client("sqs", key=key, secret=secret)
    code, status, text = error_of(theirs.send_message, QueueUrl=url, MessageBody="x")
    assert (code, status) == ("AccessDenied", 403) and f"sqs:sendmessage on resource: arn:aws:sqs:us-east-1:{ACCOUNT}:{name}" in text
    sqs.add_permission(QueueUrl=url, Label="all", AWSAccountIds=[ACCOUNT], Actions=["ReceiveMessage"])
    policy = json.loads(attributes(sqs, url)["Policy"])
    assert policy["Statement"] == [{
        "Sid": "all", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "SQS:ReceiveMessage",
        "Resource": arn_of(sqs, url)}]
    sqs.remove_permission(QueueUrl=url, Label="all")
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}-user"}, "Action": "sqs:SendMessage",
        "Resource": arn_of(sqs, url)}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    theirs.send_message(QueueUrl=url, MessageBody="x")
    assert error_of(theirs.receive_message, QueueUrl=url)[0] == "AccessDenied"


def test_under_a_key(cairn, sqs, name):
    kms = cairn.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    url = sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    shown = attributes(sqs, url)
    assert (shown["KmsMasterKeyId"], shown["KmsDataKeyReusePeriodSeconds"], shown["SqsManagedSseEnabled"]) == (key, "300", "false")
    sqs.send_message(QueueUrl=url, MessageBody="secret")
    assert take(sqs, url)[0]["Body"] == "secret"
    other = sqs.create_queue(QueueName=f"{name}-other", Attributes={"KmsMasterKeyId": "alias/none-such"})["QueueUrl"]
    assert error_of(sqs.send_message, QueueUrl=other, MessageBody="x")[0] == "KMS.NotFoundException"


def test_the_query_protocol(cairn, sqs, url, name):
    def query(path, **pairs):
        body = urllib.parse.urlencode({"Version": "2012-11-05", **pairs}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        status, _, answer = cairn.signed("POST", path, body, headers=headers, service="sqs")
        return status, answer.decode()

    path = f"/{ACCOUNT}/{name}"
    pairs = {"MessageAttribute.1.Name": "a", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "b"}
    done = query(path, Action="SendMessage", MessageBody="hello", **pairs)
    status, text = done
    assert status == 200, text
    assert text.startswith('<SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><SendMessageResult>')
    assert f"<MD5OfMessageBody>{hashlib.md5(b'hello').hexdigest()}</MD5OfMessageBody>" in text
    text = query(path, Action="ReceiveMessage", **{"AttributeName.1": "All", "MessageAttributeName.1": "All"})[1]
    assert "<Message><MessageId>" in text and "<Body>hello</Body>" in text
    assert "<Attribute><Name>SenderId</Name><Value>" in text
    assert "<MessageAttribute><Name>a</Name><Value><StringValue>b</StringValue><DataType>String</DataType></Value></MessageAttribute>" in text
    text = query("/", Action="CreateQueue", QueueName=f"{name}-2", **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "7"})[1]
    assert f"<QueueUrl>{cairn.endpoint}/{ACCOUNT}/{name}-2</QueueUrl>" in text
    assert attributes(sqs, f"{url}-2", "DelaySeconds") == {"DelaySeconds": "7"}
    refused = query(f"/{ACCOUNT}/none", Action="PurgeQueue")
    assert refused[0] == 400 and "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in refused[1]


def test_messages_outlive_a_crash(new_cairn):
    cairn = new_cairn()
    sqs = cairn.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for number in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    [got] = take(sqs, url, MaxNumberOfMessages=1, VisibilityTimeout=600)
    [gone] = take(sqs, url, MaxNumberOfMessages=1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=gone["ReceiptHandle"])
    cairn.kill()
    cairn.start()
    sqs = cairn.client("sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    shown = attributes(sqs, url)
    assert (shown["ApproximateNumberOfMessages"], shown["ApproximateNumberOfMessagesNotVisible"]) == ("18", "1")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "0"
