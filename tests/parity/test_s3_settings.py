"""What a bucket is set to: each setting round-trips as AWS has it, what can be enforced is, and what cannot be kept is refused clearly."""

import json

import pytest
from server import ACCOUNT, error_of

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
PUBLIC_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{}/*"}],
}


def blocked(value):
    return dict(BlockPublicAcls=value, IgnorePublicAcls=value, BlockPublicPolicy=value, RestrictPublicBuckets=value)


def own(s3, bucket, ownership):
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]})


def test_encryption(cairn, s3, bucket):
    plain = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    get = lambda: s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert get() == [plain]
    cairn.aws(["s3api", "put-bucket-encryption", "--bucket", bucket, "--server-side-encryption-configuration",
               '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"},"BucketKeyEnabled":true}]}'])
    assert get() == [{**plain, "BucketKeyEnabled": True}]
    kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"}}]}
    # As on AWS, the key is looked for when it is used.
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=kms)
    assert get() == [{**kms["Rules"][0], "BucketKeyEnabled": False}]
    code, status, text = error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"x")
    assert (code, status) == ("KMS.NotFoundException", 400) and "alias/mine" in text
    s3.delete_bucket_encryption(Bucket=bucket)
    assert get() == [plain]


def test_public_access_block(s3, bucket):
    get = lambda: s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    policy = json.dumps(PUBLIC_POLICY).replace("{}", bucket)
    assert get() == blocked(True)
    assert error_of(s3.put_bucket_policy, Bucket=bucket, Policy=policy)[:2] == ("AccessDenied", 403)
    part = {**blocked(False), "BlockPublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=part)
    assert get() == part
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    s3.delete_public_access_block(Bucket=bucket)
    assert error_of(s3.get_public_access_block, Bucket=bucket)[:2] == ("NoSuchPublicAccessBlockConfiguration", 404)


def test_nobody_without_a_signature_gets_in_whatever_is_public(cairn, s3, bucket):
    own(s3, bucket, "ObjectWriter")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(PUBLIC_POLICY).replace("{}", bucket))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert cairn.get(f"/{bucket}/k")[0] == 403


def test_ownership_and_lists(s3, bucket):
    get = lambda: s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    grants = lambda **of: [(g["Grantee"].get("URI", "me"), g["Permission"]) for g in of["Grants"]]
    mine = [("me", "FULL_CONTROL")]
    assert get() == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    refused = ("AccessControlListNotSupported", 400)
    assert error_of(s3.put_bucket_acl, Bucket=bucket, ACL="public-read")[:2] == refused
    assert error_of(s3.put_object, Bucket=bucket, Key="k", ACL="private")[:2] == refused
    s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    assert error_of(s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")[:2] == refused

    own(s3, bucket, "BucketOwnerPreferred")
    assert get() == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    code, status, text = error_of(s3.put_bucket_acl, Bucket=bucket, ACL="public-read")
    assert (code, status) == ("AccessDenied", 403) and "BlockPublicAcls" in text
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked(False))
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert grants(**s3.get_bucket_acl(Bucket=bucket)) == [*mine, (ALL_USERS, "READ")]
    assert error_of(own, s3, bucket, "BucketOwnerEnforced")[:2] == ("InvalidBucketAclWithObjectOwnership", 400)
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    assert grants(**s3.get_bucket_acl(Bucket=bucket)) == mine

    s3.put_object_acl(Bucket=bucket, Key="k", GrantRead=f'uri="{ALL_USERS}"', GrantFullControl=f'id={s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]}')
    assert grants(**s3.get_object_acl(Bucket=bucket, Key="k")) == [*mine, (ALL_USERS, "READ")]
    # What was read is written back, as `aws s3api get-object-acl` and `put-object-acl` do.
    whole = s3.get_object_acl(Bucket=bucket, Key="k")
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy={"Grants": whole["Grants"], "Owner": whole["Owner"]})
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Grants"] == whole["Grants"]
    code, status, text = error_of(s3.put_object_acl, Bucket=bucket, Key="k", GrantRead="id=somebody")
    assert (code, status) == ("NotImplemented", 501) and "canned" in text
    s3.put_object(Bucket=bucket, Key="k", Body=b"again")
    assert grants(**s3.get_object_acl(Bucket=bucket, Key="k")) == mine
    own(s3, bucket, "BucketOwnerEnforced")
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert error_of(s3.get_bucket_ownership_controls, Bucket=bucket)[:2] == ("OwnershipControlsNotFoundError", 404)


@pytest.mark.parametrize("acl", ["private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "log-delivery-write",
                                 "bucket-owner-read", "bucket-owner-full-control"])
def test_canned_lists_round_trip(s3, name, acl):
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_acl(Bucket=name, ACL=acl)
    count = {"public-read-write": 3, "log-delivery-write": 3, "private": 1, "bucket-owner-read": 1, "bucket-owner-full-control": 1}.get(acl, 2)
    assert len(s3.get_bucket_acl(Bucket=name)["Grants"]) == count


def test_a_bucket_is_made_with_owner_and_list(s3, name):
    assert error_of(s3.create_bucket, Bucket=name, ACL="public-read")[:2] == ("InvalidBucketAclWithObjectOwnership", 400)
    s3.create_bucket(Bucket=name, ACL="log-delivery-write", ObjectOwnership="ObjectWriter")
    assert len(s3.get_bucket_acl(Bucket=name)["Grants"]) == 3


RULES = [{"ID": "app", "AllowedOrigins": ["https://*.example.org"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-*"],
          "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}]


def test_cors_is_kept_and_answered(cairn, s3, bucket):
    assert error_of(s3.get_bucket_cors, Bucket=bucket)[:2] == ("NoSuchCORSConfiguration", 404)
    ask = {"Origin": "https://a.example.org", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-date"}
    preflight = lambda bucket=bucket, **change: cairn.http("OPTIONS", f"/{bucket}/k", headers={**ask, **change})
    status, _, body = preflight()
    assert status == 403 and b"AccessForbidden" in body and b"CORS is not enabled for this bucket" in body
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
    status, headers, _ = preflight()
    assert status == 200
    told = {name: value for name, value in headers.items() if name.startswith("access-control-")}
    assert told == {
        "access-control-allow-origin": "https://a.example.org",
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-amz-date",
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "60",
        "access-control-allow-credentials": "true",
    }
    assert preflight(Origin="https://evil.org")[0] == 403
    assert preflight(**{"Access-Control-Request-Method": "DELETE"})[0] == 403
    assert preflight(**{"Access-Control-Request-Method": "BREW"})[0] == 400
    assert preflight(**{"Access-Control-Request-Headers": "x-other"})[0] == 403
    # Who asks does not learn which buckets there are.
    assert preflight("no-such-bucket-here")[::2][0] == 403
    # The requests themselves, signed and not.
    status, headers, _ = cairn.signed("PUT", f"/{bucket}/k", b"x", {"Origin": "https://a.example.org"})
    assert (status, headers["access-control-allow-origin"]) == (200, "https://a.example.org")
    status, headers, _ = cairn.get(f"/{bucket}/k", {"Origin": "https://a.example.org"})
    assert (status, headers["access-control-allow-origin"]) == (403, "https://a.example.org")
    assert "access-control-allow-origin" not in cairn.signed("GET", f"/{bucket}/k", headers={"Origin": "https://evil.org"})[1]
    code, _, text = error_of(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": [{**RULES[0], "AllowedMethods": ["PATCH"]}]})
    assert code == "InvalidRequest" and "PATCH" in text
    s3.delete_bucket_cors(Bucket=bucket)
    assert preflight()[0] == 403


def test_notifications_are_kept(s3, bucket):
    get = lambda: {k: v for k, v in s3.get_bucket_notification_configuration(Bucket=bucket).items() if k != "ResponseMetadata"}
    put = lambda **configuration: s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert get() == {}
    topic = {"Id": "t", "TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:topic", "Events": ["s3:ObjectCreated:*"],
             "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "logs/"}]}}}
    queue = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue", "Events": ["s3:ObjectRemoved:*"]}
    function = {"Id": "f", "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "Events": ["s3:ObjectTagging:Put"]}
    put(TopicConfigurations=[topic], QueueConfigurations=[queue], LambdaFunctionConfigurations=[function], EventBridgeConfiguration={})
    kept = get()
    assert kept["QueueConfigurations"][0].pop("Id")
    assert kept == {"TopicConfigurations": [topic], "QueueConfigurations": [queue], "LambdaFunctionConfigurations": [function],
                    "EventBridgeConfiguration": {}}
    for change, text in (({"Events": ["s3:Nothing"]}, "not supported"), ({"TopicArn": "topic"}, "ARN is not well formed")):
        code, status, said = error_of(put, TopicConfigurations=[{**topic, **change}])
        assert (code, status) == ("InvalidArgument", 400) and text in said
    put()
    assert get() == {}


def test_replication_is_kept(s3, bucket, name):
    copies = f"{name}-copies"
    s3.create_bucket(Bucket=copies)
    rule = {"ID": "r", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{copies}"}}
    configuration = {"Role": f"arn:aws:iam::{ACCOUNT}:role/copy", "Rules": [rule]}
    put = lambda: s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration)
    assert error_of(s3.get_bucket_replication, Bucket=bucket)[:2] == ("ReplicationConfigurationNotFoundError", 404)
    assert error_of(put)[0] == "InvalidRequest"
    for one in (bucket, copies):
        s3.put_bucket_versioning(Bucket=one, VersioningConfiguration={"Status": "Enabled"})
    put()
    assert s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"] == configuration
    s3.delete_bucket_replication(Bucket=bucket)
    assert error_of(s3.get_bucket_replication, Bucket=bucket)[1] == 404


LISTED = {
    "inventory": {"Id": "a", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"}, "OptionalFields": ["Size"],
                  "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::somewhere", "Format": "CSV"}}},
    "analytics": {"Id": "a", "StorageClassAnalysis": {}, "Filter": {"Prefix": "p"}},
    "metrics": {"Id": "a", "Filter": {"Tag": {"Key": "k", "Value": "v"}}},
    "intelligent_tiering": {"Id": "a", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]},
}


@pytest.mark.parametrize("kind", LISTED)
def test_listed_configurations(s3, bucket, kind):
    title = "".join(word.title() for word in kind.split("_"))
    call = lambda verb, plural="", **kwargs: getattr(s3, f"{verb}_bucket_{kind}_configuration{plural}")(Bucket=bucket, **kwargs)
    document = LISTED[kind]
    assert error_of(call, "get", Id="a")[:2] == ("NoSuchConfiguration", 404)
    call("put", Id="a", **{f"{title}Configuration": document})
    assert call("get", Id="a")[f"{title}Configuration"] == document
    listed = call("list", "s")
    assert (listed[f"{title}ConfigurationList"], listed["IsTruncated"]) == ([document], False)
    assert error_of(call, "put", Id="b", **{f"{title}Configuration": document})[0] == "IdMismatch"
    call("delete", Id="a")
    assert error_of(call, "delete", Id="a")[:2] == ("NoSuchConfiguration", 404)


def test_payer_acceleration_and_websites(s3, bucket):
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"
    site = {"IndexDocument": {"Suffix": "index.html"}}
    code, status, text = error_of(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=site)
    assert (code, status) == ("NotImplemented", 501) and "web server" in text
    assert error_of(s3.get_bucket_website, Bucket=bucket)[:2] == ("NoSuchWebsiteConfiguration", 404)
    assert s3.delete_bucket_website(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_settings_outlive_a_restart(new_cairn):
    cairn = new_cairn()
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_cors(Bucket="kept", CORSConfiguration={"CORSRules": RULES})
    s3.delete_public_access_block(Bucket="kept")
    cairn.restart()
    s3 = cairn.client("s3")
    assert s3.get_bucket_cors(Bucket="kept")["CORSRules"] == RULES
    assert error_of(s3.get_public_access_block, Bucket="kept")[1] == 404
