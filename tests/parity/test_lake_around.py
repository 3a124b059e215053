"""Channels and audit events, policies and dashboards by the real AWS CLI."""

import base64
import hashlib
import json

import pytest

from server import ACCOUNT, error_of, until

AUDIT = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["ActivityAuditLog"]}]}]


@pytest.fixture(scope="module")
def audit_store(cairn):
    """The ARN of an event data store for events of applications."""
    made = cairn.aws(["cloudtrail", "create-event-data-store", "--name", "audit-parity", "--advanced-event-selectors", json.dumps(AUDIT)])
    return made.json["EventDataStoreArn"]


@pytest.fixture
def channel(cairn, audit_store, name):
    made = cairn.aws(["cloudtrail", "create-channel", "--name", name, "--source", "Custom", "--destinations",
                      json.dumps([{"Type": "EVENT_DATA_STORE", "Location": audit_store}])]).json
    yield made["ChannelArn"]
    cairn.client("cloudtrail").delete_channel(Channel=made["ChannelArn"])


def event(number, **more):
    return json.dumps({"version": "1", "userIdentity": {"type": "User", "principalId": "u-1", "details": {"team": "x"}},
                       "eventSource": "app.example.com", "eventName": "Approve", "eventTime": "2026-03-01T11:59:58",
                       "UID": str(number), "recipientAccountId": ACCOUNT, **more})


def test_a_channels_life(cairn, audit_store, channel, name):
    ct = cairn.client("cloudtrail")
    shown = cairn.aws(f"cloudtrail get-channel --channel {channel}").json
    assert shown == {"ChannelArn": channel, "Name": name, "Source": "Custom",
                     "Destinations": [{"Type": "EVENT_DATA_STORE", "Location": audit_store}]}
    assert {"ChannelArn": channel, "Name": name} in cairn.aws("cloudtrail list-channels").json["Channels"]
    assert cairn.aws(f"cloudtrail update-channel --channel {channel} --name {name}-2").json["Name"] == name + "-2"
    destinations = [{"Type": "EVENT_DATA_STORE", "Location": audit_store}]
    assert error_of(ct.create_channel, Name=name, Source="Nobody", Destinations=destinations)[0] == "InvalidSourceException"
    assert error_of(ct.get_channel, Channel=channel[:-4] + "0000")[0] == "ChannelNotFoundException"
    ct.update_event_data_store(EventDataStore=audit_store, TerminationProtectionEnabled=False)
    assert error_of(ct.delete_event_data_store, EventDataStore=audit_store)[0] == "ChannelExistsForEDSException"


def test_audit_events_are_taken_one_by_one(cairn, channel):
    good, checked = event(1), event(2)
    checksum = base64.b64encode(hashlib.sha256(checked.encode()).digest()).decode()
    events = [
        {"id": "a", "eventData": good},
        {"id": "b", "eventData": checked, "eventDataChecksum": checksum},
        {"id": "c", "eventData": good, "eventDataChecksum": checksum},
        {"id": "d", "eventData": "{"},
        {"id": "e", "eventData": event(3, recipientAccountId="999999999999")},
        {"id": "f", "eventData": event(4, eventName=None)},
        {"id": "g", "eventData": event(5, eventName="x" * 2000)},
    ]
    answer = cairn.aws(["cloudtrail-data", "put-audit-events", "--channel-arn", channel, "--audit-events", json.dumps(events)]).json
    assert [one["id"] for one in answer["successful"]] == ["a", "b"]
    assert {one["id"]: one["errorCode"] for one in answer["failed"]} == {
        "c": "InvalidChecksum", "d": "InvalidData", "e": "InvalidRecipient", "f": "FieldNotFound", "g": "FieldTooLong"}
    status = cairn.client("cloudtrail").get_channel(Channel=channel)["IngestionStatus"]
    assert status["LatestIngestionSuccessEventID"] == answer["successful"][1]["eventID"]
    assert status["LatestIngestionErrorCode"] == "InvalidChecksum"

    data = cairn.client("cloudtrail-data")
    same = [{"id": "a", "eventData": good}, {"id": "a", "eventData": checked}]
    assert error_of(data.put_audit_events, channelArn=channel, auditEvents=same)[0] == "DuplicatedAuditEventId"
    one = [{"id": "a", "eventData": good}]
    assert error_of(data.put_audit_events, channelArn=channel[:-4] + "0000", auditEvents=one)[0] == "ChannelNotFound"
    assert error_of(data.put_audit_events, channelArn="arn:aws:s3:::x", auditEvents=one)[0] == "InvalidChannelARN"


def test_audit_events_are_queried(cairn, audit_store, channel):
    ct, data = cairn.client("cloudtrail"), cairn.client("cloudtrail-data")
    content = event(77, requestParameters={"order": "77"})
    checksum = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    answer = data.put_audit_events(channelArn=channel, auditEvents=[{"id": "x", "eventData": content, "eventDataChecksum": checksum}])
    store = audit_store.split("/")[1]
    statement = (f"SELECT eventID, eventCategory, json_extract_scalar(eventData, '$.requestParameters.order') AS ordered, eventJsonChecksum "
                 f"FROM {store} WHERE json_extract_scalar(eventData, '$.UID') = '77'")
    query = ct.start_query(QueryStatement=statement)["QueryId"]
    until(lambda: ct.describe_query(QueryId=query)["QueryStatus"] == "FINISHED", "the query is over")
    rows = ct.get_query_results(QueryId=query)["QueryResultRows"]
    assert rows == [[{"eventID": answer["successful"][0]["eventID"]}, {"eventCategory": "ActivityAuditLog"}, {"ordered": "77"},
                     {"eventJsonChecksum": checksum}]]


def test_a_policy_may_ask_for_a_word(cairn, channel):
    key, secret = cairn.user("channel-user", admin=True)
    data = cairn.client("cloudtrail-data", key=key, secret=secret)
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/channel-user"}, "Resource": channel,
        "Action": "cloudtrail-data:PutAuditEvents", "Condition": {"StringEquals": {"cloudtrail:ExternalId": "sesame"}}}]}
    cairn.aws(["cloudtrail", "put-resource-policy", "--resource-arn", channel, "--resource-policy", json.dumps(policy)])
    shown = cairn.aws(f"cloudtrail get-resource-policy --resource-arn {channel}").json
    assert json.loads(shown["ResourcePolicy"]) == policy and shown["ResourceArn"] == channel
    one = [{"id": "a", "eventData": event(9)}]
    assert error_of(data.put_audit_events, channelArn=channel, auditEvents=one)[0] == "ChannelInsufficientPermission"
    assert data.put_audit_events(channelArn=channel, auditEvents=one, externalId="sesame")["failed"] == []
    cairn.aws(f"cloudtrail delete-resource-policy --resource-arn {channel}")
    ct = cairn.client("cloudtrail")
    assert error_of(ct.get_resource_policy, ResourceArn=channel)[0] == "ResourcePolicyNotFoundException"
    assert error_of(ct.put_resource_policy, ResourceArn=channel, ResourcePolicy="{}")[0] == "ResourcePolicyNotValidException"


def test_a_denial_in_a_stores_policy_holds(cairn, audit_store):
    key, secret = cairn.user("denied-user", admin=True)
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/denied-user"}, "Resource": audit_store,
        "Action": ["cloudtrail:GetEventDataStore", "cloudtrail:StartQuery"]}]}
    ct = cairn.client("cloudtrail")
    ct.put_resource_policy(ResourceArn=audit_store, ResourcePolicy=json.dumps(policy))
    denied = cairn.client("cloudtrail", key=key, secret=secret)
    assert error_of(denied.get_event_data_store, EventDataStore=audit_store)[0] == "AccessDeniedException"
    ct.delete_resource_policy(ResourceArn=audit_store)
    assert denied.get_event_data_store(EventDataStore=audit_store)["EventDataStoreArn"] == audit_store


def test_a_dashboards_life(cairn, name):
    ct = cairn.client("cloudtrail")
    store = ct.create_event_data_store(Name=name)["EventDataStoreArn"]
    statement = f"SELECT COUNT(*) AS calls FROM {store.split('/')[1]} WHERE eventTime > ? AND eventTime < ?"
    widget = {"QueryStatement": statement, "QueryParameters": ["$StartTime$", "$EndTime$"], "ViewProperties": {"Height": "2", "View": "Table"}}
    made = cairn.aws(["cloudtrail", "create-dashboard", "--name", name, "--widgets", json.dumps([widget])]).json
    assert made["Type"] == "CUSTOM" and made["DashboardArn"].endswith(f"dashboard/{name}")
    alias = made["Widgets"][0]["QueryAlias"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "cloudtrail:StartQuery", "Resource": store}]}
    cairn.aws(f"cloudtrail start-dashboard-refresh --dashboard-id {name}")
    assert "resource policy" in cairn.aws(f"cloudtrail get-dashboard --dashboard-id {name}").json["LastRefreshFailureReason"]
    ct.put_resource_policy(ResourceArn=store, ResourcePolicy=json.dumps(policy))
    times = {"$StartTime$": "2020-01-01", "$EndTime$": "2040-01-01"}
    refresh = cairn.aws(["cloudtrail", "start-dashboard-refresh", "--dashboard-id", name, "--query-parameter-values", json.dumps(times)]).json["RefreshId"]
    described = until(lambda: (found := ct.describe_query(QueryAlias=alias, RefreshId=refresh))["QueryStatus"] == "FINISHED" and found, "the widget's query is over")
    row = ct.get_query_results(QueryId=described["QueryId"])["QueryResultRows"][0]
    assert int(row[0]["calls"]) > 0
    schedule = {"Frequency": {"Unit": "HOURS", "Value": 6}, "Status": "ENABLED"}
    changed = cairn.aws(["cloudtrail", "update-dashboard", "--dashboard-id", name, "--refresh-schedule", json.dumps(schedule)]).json
    assert changed["RefreshSchedule"] == schedule
    listed = cairn.aws(f"cloudtrail list-dashboards --name-prefix {name}").json["Dashboards"]
    assert listed == [{"DashboardArn": made["DashboardArn"], "Type": "CUSTOM"}]
    cairn.aws(f"cloudtrail delete-dashboard --dashboard-id {name}")
    assert error_of(ct.get_dashboard, DashboardId=name)[0] == "ResourceNotFoundException"
