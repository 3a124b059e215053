"""Event data stores by the real AWS CLI and boto3: what is set is what is shown, and what AWS refuses is refused."""

import json

import pytest

from server import ACCOUNT, error_of


@pytest.fixture
def ct(cairn):
    return cairn.client("cloudtrail")


@pytest.fixture
def store(cairn, name):
    """An event data store that goes away again: a region has room for ten. Its ARN."""
    made = cairn.aws(f"cloudtrail create-event-data-store --name {name} --no-termination-protection-enabled").json
    yield made["EventDataStoreArn"]
    ct = cairn.client("cloudtrail")
    if ct.get_event_data_store(EventDataStore=made["EventDataStoreArn"])["Status"] != "PENDING_DELETION":
        ct.update_event_data_store(EventDataStore=made["EventDataStoreArn"], TerminationProtectionEnabled=False)
        ct.delete_event_data_store(EventDataStore=made["EventDataStoreArn"])


def test_a_stores_life(cairn, ct, store, name):
    made = ct.get_event_data_store(EventDataStore=store)
    identifier = store.split("/")[1]
    assert store == f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/{identifier}"
    assert (made["Name"], made["Status"], made["RetentionPeriod"]) == (name, "ENABLED", 366)
    assert made["AdvancedEventSelectors"] == [{
        "Name": "Default management events", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
    assert made["MultiRegionEnabled"] and not made["OrganizationEnabled"]
    assert made["BillingMode"] == "EXTENDABLE_RETENTION_PRICING" and made["FederationStatus"] == "DISABLED"

    def get():
        return cairn.aws(f"cloudtrail get-event-data-store --event-data-store {identifier}").json

    assert get()["EventDataStoreArn"] == store
    listed = cairn.aws("cloudtrail list-event-data-stores").json["EventDataStores"]
    assert store in [one["EventDataStoreArn"] for one in listed]
    selectors = [{"Name": "s3", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]},
                                                   {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]}]
    cairn.aws(["cloudtrail", "update-event-data-store", "--event-data-store", identifier, "--name", name + "-2",
               "--retention-period", "90", "--no-multi-region-enabled", "--termination-protection-enabled",
               "--advanced-event-selectors", json.dumps(selectors)])
    changed = get()
    assert (changed["Name"], changed["RetentionPeriod"], changed["MultiRegionEnabled"]) == (name + "-2", 90, False)
    assert changed["AdvancedEventSelectors"] == selectors
    cairn.aws(f"cloudtrail stop-event-data-store-ingestion --event-data-store {store}")
    assert get()["Status"] == "STOPPED_INGESTION"
    cairn.aws(f"cloudtrail start-event-data-store-ingestion --event-data-store {store}")

    refused = error_of(ct.delete_event_data_store, EventDataStore=store)
    assert refused[:2] == ("EventDataStoreTerminationProtectedException", 400)
    cairn.aws(f"cloudtrail update-event-data-store --event-data-store {store} --no-termination-protection-enabled")
    cairn.aws(f"cloudtrail delete-event-data-store --event-data-store {store}")
    assert get()["Status"] == "PENDING_DELETION"
    assert error_of(ct.update_event_data_store, EventDataStore=store, Name="other")[0] == "InactiveEventDataStoreException"
    assert cairn.aws(f"cloudtrail restore-event-data-store --event-data-store {store}").json["Status"] == "ENABLED"


def test_tags_of_a_store(cairn, store):
    cairn.aws(f"cloudtrail add-tags --resource-id {store} --tags-list Key=team,Value=audit Key=env,Value=prod")
    cairn.aws(f"cloudtrail remove-tags --resource-id {store} --tags-list Key=env")
    listed = cairn.aws(f"cloudtrail list-tags --resource-id-list {store}").json
    assert listed["ResourceTagList"] == [{"ResourceId": store, "TagsList": [{"Key": "team", "Value": "audit"}]}]


def test_refusals(cairn, ct, store, name):
    def refused(**settings):
        return error_of(ct.create_event_data_store, Name=settings.pop("Name", name + "-x"), **settings)[0]

    assert refused(Name=name) == "EventDataStoreAlreadyExistsException"
    assert refused(KmsKeyId="alias/none") == "KmsKeyNotFoundException"
    assert refused(OrganizationEnabled=True) == "OrganizationsNotInUseException"
    assert refused(BillingMode="FIXED_RETENTION_PRICING", RetentionPeriod=3000) == "InvalidParameterException"
    bad = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "resources.ARN", "Equals": ["x"]}]}]
    assert refused(AdvancedEventSelectors=bad) == "InvalidEventSelectorsException"
    absent = store[:-4] + "0000"
    assert error_of(ct.get_event_data_store, EventDataStore=absent)[:2] == ("EventDataStoreNotFoundException", 400)
    assert error_of(ct.get_event_data_store, EventDataStore="nothing")[0] == "EventDataStoreARNInvalidException"
    elsewhere = cairn.client("cloudtrail", "eu-west-1")
    assert error_of(elsewhere.get_event_data_store, EventDataStore=store)[0] == "EventDataStoreNotFoundException"


def test_a_region_has_room_for_ten(cairn, name):
    ct = cairn.client("cloudtrail", "eu-central-1")
    for number in range(10):
        ct.create_event_data_store(Name=f"{name}-{number}", TerminationProtectionEnabled=False)
    refused = error_of(ct.create_event_data_store, Name=f"{name}-10")
    assert refused[0] == "EventDataStoreMaxLimitExceededException"
    pages = ct.get_paginator("list_event_data_stores") if ct.can_paginate("list_event_data_stores") else None
    assert pages is None or len([one for page in pages.paginate() for one in page["EventDataStores"]]) == 10
    first = ct.list_event_data_stores(MaxResults=6)
    second = ct.list_event_data_stores(MaxResults=6, NextToken=first["NextToken"])
    assert (len(first["EventDataStores"]), len(second["EventDataStores"])) == (6, 4) and "NextToken" not in second


def test_event_configuration(cairn, ct, store):
    shown = cairn.aws(f"cloudtrail get-event-configuration --event-data-store {store}").json
    assert shown == {"EventDataStoreArn": store, "MaxEventSize": "Standard", "ContextKeySelectors": []}
    cairn.aws(f"cloudtrail put-event-configuration --event-data-store {store} --max-event-size Large")
    assert ct.get_event_configuration(EventDataStore=store)["MaxEventSize"] == "Large"
    enrich = [{"Type": "TagContext", "Equals": ["team"]}]
    refused = error_of(ct.put_event_configuration, EventDataStore=store, MaxEventSize="Large", ContextKeySelectors=enrich)
    assert refused[0] == "UnsupportedOperationException"


def test_stores_survive_a_restart(new_cairn):
    cairn = new_cairn()
    made = cairn.client("cloudtrail").create_event_data_store(Name="lasting", RetentionPeriod=30)
    before = cairn.client("cloudtrail").get_event_data_store(EventDataStore=made["EventDataStoreArn"])
    cairn.restart()
    after = cairn.client("cloudtrail").get_event_data_store(EventDataStore=made["EventDataStoreArn"])
    assert {**before, "ResponseMetadata": None} == {**after, "ResponseMetadata": None}
