"""`cairn explain`: which statement decided a recorded call, as it was decided then."""

import json

from server import error_of


def event_of(cairn, name, **where):
    found = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in found]
    return next(r for r in records if all(r["userIdentity"].get(k) == v for k, v in where.items()))


def test_which_statement_decided(new_cairn):
    cairn = new_cairn()
    iam = cairn.client("iam")
    key, secret = cairn.user("reader")
    reader = lambda service: cairn.client(service, key=key, secret=secret)  # noqa: E731
    policy = {"Version": "2012-10-17", "Statement": [
        {"Sid": "Look", "Effect": "Allow", "Action": "cloudtrail:Describe*", "Resource": "*"},
        {"Sid": "NoKeys", "Effect": "Deny", "Action": "kms:ListKeys", "Resource": "*"}]}
    iam.put_user_policy(UserName="reader", PolicyName="Readers", PolicyDocument=json.dumps(policy))

    reader("cloudtrail").describe_trails()
    said = cairn.cairn("explain", event_of(cairn, "DescribeTrails", userName="reader")["eventID"]).out
    assert "cloudtrail:DescribeTrails" in said and "allowed" in said and "statement 1 (Look) of Readers" in said, said

    assert error_of(reader("kms").list_keys)[0] == "AccessDeniedException"
    denied = event_of(cairn, "ListKeys", userName="reader")["eventID"]
    said = cairn.cairn("explain", denied).out
    assert "explicit deny in a" in said and "statement 2 (NoKeys) of Readers" in said and "AccessDenied" in said, said

    assert error_of(reader("iam").list_users)[0] == "AccessDenied"
    said = cairn.cairn("explain", event_of(cairn, "ListUsers", userName="reader")["eventID"]).out
    assert "no identity-based policy allows it" in said, said

    # What was decided stays what it was when the policy goes, and over a restart.
    iam.delete_user_policy(UserName="reader", PolicyName="Readers")
    cairn.restart()
    told = json.loads(cairn.cairn("explain", "--json", denied).out)
    assert told["Decisions"] == [{"Action": "kms:ListKeys", "Resource": "*", "Effect": "ExplicitDeny",
                                  "Layer": "identity-based policy", "Policy": "Readers", "Statement": 2, "Sid": "NoKeys"}]
    assert told["Record"]["eventID"] == denied

    root = event_of(cairn, "DeleteUserPolicy")["eventID"]
    assert "root of an account needs no policy" in cairn.cairn("explain", root).out
    done = cairn.cairn("explain", "0a0a0a0a-0000-0000-0000-000000000000", check=False)
    assert done.code == 1 and "EventNotFoundException" in done.err, done
