"""Requests that are not what they claim are refused with AWS's codes, in each protocol's words."""

import datetime
import re

import botocore.auth
import pytest

from server import error_of, fetch

JSON, QUERY, S3 = "cloudtrail", "sts", "s3"
CALL = {JSON: "describe_trails", QUERY: "get_caller_identity", S3: "list_buckets"}


def at(monkeypatch, **delta):
    """botocore signs as if it were then."""
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: then.replace(tzinfo=None))


@pytest.mark.parametrize("service, code, status", [
    (JSON, "InvalidSignatureException", 400), (QUERY, "SignatureDoesNotMatch", 403), (S3, "SignatureDoesNotMatch", 403),
])
def test_wrong_secret(cairn, service, code, status):
    client = cairn.client(service, key=cairn.key, secret="wrong" * 8)
    assert error_of(getattr(client, CALL[service]))[:2] == (code, status)


@pytest.mark.parametrize("service, code, status", [
    (JSON, "UnrecognizedClientException", 400), (QUERY, "InvalidClientTokenId", 403), (S3, "InvalidAccessKeyId", 403),
])
def test_unknown_key(cairn, service, code, status):
    client = cairn.client(service, key="AKIAXXXXXXXXXXXXXXXX", secret="wrong" * 8)
    assert error_of(getattr(client, CALL[service]))[:2] == (code, status)


@pytest.mark.parametrize("minutes", [-16, 16])
@pytest.mark.parametrize("service, code, status", [
    (JSON, "InvalidSignatureException", 400), (QUERY, "SignatureDoesNotMatch", 403), (S3, "RequestTimeTooSkewed", 403),
])
def test_clocks_that_disagree(cairn, monkeypatch, service, code, status, minutes):
    at(monkeypatch, minutes=minutes)
    assert error_of(getattr(cairn.client(service), CALL[service]))[:2] == (code, status)


@pytest.mark.parametrize("minutes", [-13, 13])
def test_clocks_that_agree_well_enough(cairn, monkeypatch, minutes):
    at(monkeypatch, minutes=minutes)
    for service in (JSON, QUERY, S3):
        getattr(cairn.client(service), CALL[service])()


def body(text):
    def alter(request):
        request.data = text
    return alter


def header(name, value):
    def alter(request):
        del request.headers[name]
        if value is not None:
            request.headers[name] = value(request.headers) if callable(value) else value
    return alter


def authorization(old, new):
    def alter(request):
        text = request.headers["Authorization"]
        altered = re.sub(old, new, text)
        assert altered != text
        del request.headers["Authorization"]
        request.headers["Authorization"] = altered
    return alter


def path(text):
    def alter(request):
        request.url = request.url + text
    return alter


ALTERED = {
    "the body, S3": (S3, body(b"other"), "XAmzContentSHA256Mismatch", 400),
    "the body, JSON": (JSON, body(b'{"a":1}'), "InvalidSignatureException", 400),
    "the body, Query": (QUERY, body(b"Action=GetSessionToken&Version=2011-06-15"), "SignatureDoesNotMatch", 403),
    "the path": (S3, path("x"), "SignatureDoesNotMatch", 403),
    "the query": (S3, path("?acl"), "SignatureDoesNotMatch", 403),
    "a signed header": (S3, header("x-amz-meta-a", "2"), "SignatureDoesNotMatch", 403),
    "a header that is not signed": (S3, header("x-amz-meta-new", "2"), "AccessDenied", 403),
    "no signature, S3": (S3, header("Authorization", None), "AccessDenied", 403),
    "no signature, JSON": (JSON, header("Authorization", None), "MissingAuthenticationTokenException", 400),
    "no signature, Query": (QUERY, header("Authorization", None), "MissingAuthenticationToken", 403),
    "no date": (JSON, header("X-Amz-Date", None), "IncompleteSignatureException", 400),
    "another region's scope": (S3, authorization("/us-east-1/", "/eu-west-1/"), "SignatureDoesNotMatch", 403),
    "a region that is none, S3": (S3, authorization("/us-east-1/", "/moon-1/"), "AuthorizationHeaderMalformed", 400),
    "another day's scope": (S3, authorization(r"/\d{8}/", "/20200101/"),
                            "AuthorizationHeaderMalformed", 400),
    "another terminator": (S3, authorization("aws4_request", "aws5_request"), "AuthorizationHeaderMalformed", 400),
    "Signature Version 2": (S3, header("Authorization", "AWS AKIAXXXXXXXXXXXXXXXX:abc="), "InvalidRequest", 400),
    "a bearer": (S3, header("Authorization", "Bearer abc"), "InvalidArgument", 400),
    "half a header": (JSON, header("Authorization", "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/cloudtrail/aws4_request"),
                      "IncompleteSignatureException", 400),
    "a token that is none": (S3, header("x-amz-security-token", "nonsense"), None, None),
}


@pytest.mark.parametrize("case", ALTERED)
def test_altered_after_signing(cairn, case):
    service, alter, code, status = ALTERED[case]
    if service == S3:
        cairn.client("s3").create_bucket(Bucket="altered-requests")
        got = cairn.signed("PUT", "/altered-requests/key", b"body", {"x-amz-meta-a": "1"}, alter=alter)
    elif service == QUERY:
        form = {"content-type": "application/x-www-form-urlencoded"}
        got = cairn.signed("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", form, "sts", alter=alter)
    else:
        got = cairn.json_call("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DescribeTrails", {}, "cloudtrail", alter=alter)
    if code is None:
        assert got[0] in (400, 403), got
    else:
        assert got[0] == status and code.encode() in got[2] + got[1].get("x-amzn-errortype", "").encode(), got


def test_a_signature_for_another_service_does_not_open_this_one(cairn):
    target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DescribeTrails"
    status, _, answer = cairn.json_call(target, {}, "iam")
    assert status == 400 and b"InvalidSignatureException" in answer, answer
    short = "CloudTrail_20131101.DescribeTrails"
    assert cairn.json_call(short, {}, "cloudtrail")[0] == 200, "what Smithy's SDKs send"


def test_presigned_urls_end(cairn, bucket, s3, monkeypatch):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    presign = lambda **more: s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, **more)  # noqa: E731
    assert fetch(presign(ExpiresIn=60))[0] == 200
    with monkeypatch.context() as context:
        at(context, minutes=-10)
        old, fine = presign(ExpiresIn=60), presign(ExpiresIn=3600)
    status, text = fetch(old)
    assert status == 403 and b"<Code>AccessDenied</Code>" in text and b"Request has expired" in text
    assert fetch(fine)[0] == 200
    with monkeypatch.context() as context:
        at(context, minutes=30)
        early = presign(ExpiresIn=60)
    assert fetch(early)[0] == 403
    status, text = fetch(presign(ExpiresIn=604801))
    assert status == 400 and b"AuthorizationQueryParametersError" in text
    status, text = fetch(presign(ExpiresIn=60) + "&extra=1")
    assert status == 403 and b"SignatureDoesNotMatch" in text
    status, text = fetch(presign(ExpiresIn=60), "PUT", b"x")
    assert status == 403 and b"SignatureDoesNotMatch" in text


def test_refused_requests_are_recorded_without_anyones_name(cairn):
    client = cairn.client("sts", key=cairn.key, secret="wrong" * 8)
    error_of(client.get_caller_identity)
    asked = [{"AttributeKey": "EventName", "AttributeValue": "GetCallerIdentity"}]
    events = cairn.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
    refused = [event["CloudTrailEvent"] for event in events if "SignatureDoesNotMatch" in event["CloudTrailEvent"]]
    assert refused and '"type":"Root"' not in refused[0].replace(" ", "")
