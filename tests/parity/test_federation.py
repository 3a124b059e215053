"""Event data stores as Iceberg tables, by the real AWS CLI and pyiceberg: enabled, read over S3, followed, protected, disabled."""

import json
import re
import time

import pytest
from botocore.exceptions import ClientError
from pyiceberg.table import StaticTable

from server import ACCOUNT, error_of, until
from test_import import generate, import_
from test_lake_queries import over, rows, start

BUCKET = f"aws-cloudtrail-lake-federation-{ACCOUNT}-us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/federation"
EVENTS = 3000
EXPIRE = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}


def federation(cairn, store):
    found = cairn.aws(f"cloudtrail get-event-data-store --event-data-store {store}").json
    return found["FederationStatus"], found.get("FederationRoleArn")


def enable(cairn, store):
    made = cairn.aws(f"cloudtrail enable-federation --event-data-store {store} --federation-role-arn {ROLE}").json
    assert (made["FederationStatus"], made["FederationRoleArn"]) == ("ENABLING", ROLE)
    assert made["EventDataStoreArn"].endswith(store)
    until(lambda: federation(cairn, store) == ("ENABLED", ROLE), f"{store} is federated")


def create(cairn, name, *more):
    words = ["cloudtrail", "create-event-data-store", "--name", name, "--no-termination-protection-enabled", *more]
    return cairn.aws(words).json["EventDataStoreArn"].split("/")[1]


def table(cairn, store, key=None, secret=None):
    """The table, as a reader opens it that has nothing but S3."""
    hint = cairn.client("s3", key=key, secret=secret).get_object(Bucket=BUCKET, Key=f"{store}/metadata/version-hint.text")
    version = hint["Body"].read().decode()
    return StaticTable.from_metadata(
        f"s3://{BUCKET}/{store}/metadata/v{version}.metadata.json",
        {
            "s3.endpoint": cairn.endpoint,
            "s3.region": "us-east-1",
            "s3.access-key-id": key or cairn.key,
            "s3.secret-access-key": secret or cairn.secret,
            "s3.force-virtual-addressing": "false",
        },
    )


def counted(cairn, store, count):
    """The table once it has so many rows."""
    def look():
        found = table(cairn, store)
        return found.current_snapshot().summary["total-records"] == str(count) and found

    found = until(look, f"the table of {store} has {count} rows")
    assert found.scan(selected_fields=("eventid",)).to_arrow().num_rows == count
    return found


@pytest.fixture(scope="module")
def store(cairn, tmp_path_factory):
    """A federated store with generated records, and the summary of what is in them."""
    made = create(cairn, "federated", "--retention-period", "3653", "--no-start-ingestion")
    folder = tmp_path_factory.mktemp("generated")
    summary = generate(cairn, folder, "--records", str(EVENTS), "--days", "5", "--seed", "3", "--attack")
    assert import_(cairn, folder, "--into", made)["recordsKept"] == summary["records"]
    enable(cairn, made)
    return made, folder, summary["records"]


def answer(cairn, statement):
    query = start(cairn, statement)
    assert over(cairn, query)["QueryStatus"] == "FINISHED"
    return rows(cairn, query)


def test_the_table_has_what_queries_answer(cairn, store):
    store, folder, count = store
    found = counted(cairn, store, count).scan().to_arrow().to_pylist()
    asked = answer(cairn, "SELECT eventID, eventTime, eventName, eventSource, userIdentity.arn AS arn, userIdentity.type AS type, "
                          "errorCode, readOnly, element_at(requestParameters, 'bucketName') AS bucket, "
                          f"cardinality(resources) AS resources, eventJson FROM {store}")
    def of_table(row):
        who = row["useridentity"] or {}
        named = dict(row["requestparameters"] or [])
        return (row["eventid"], row["eventtime"].strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], row["eventname"], row["eventsource"],
                who.get("arn"), who.get("type"), row["errorcode"],
                None if row["readonly"] is None else str(row["readonly"]).lower(),
                # pyiceberg makes empty lists of null ones.
                named.get("bucketName"), len(row["resources"] or []), row["eventjson"])

    def of_query(row):
        number = row.get("resources") or 0
        return (row["eventID"], row["eventTime"], row["eventName"], row["eventSource"], row.get("arn"), row.get("type"),
                row.get("errorCode"), row.get("readOnly"), row.get("bucket"), int(number), row["eventJson"])

    blank = lambda row: tuple(None if value == "" else value for value in row)  # noqa: E731
    mine, theirs = sorted(map(repr, map(of_table, found))), sorted(map(repr, map(blank, map(of_query, asked))))
    assert mine == theirs
    with_tls = [row for row in found if row["tlsdetails"]]
    assert with_tls
    for row in with_tls:
        assert json.loads(row["eventjson"])["tlsDetails"]["tlsVersion"] == row["tlsdetails"]["tlsversion"]


def test_readers_leave_out_what_they_need_not(cairn, store):
    store, _, count = store
    found = counted(cairn, store, count)
    some = found.scan(row_filter="eventname = 'ConsoleLogin'", selected_fields=("eventname", "eventtime")).to_arrow()
    expected = answer(cairn, f"SELECT count(*) AS n FROM {store} WHERE eventName = 'ConsoleLogin'")
    assert some.num_rows == int(expected[0]["n"]) > 0
    # Bounds in the manifests are enough to see that there is nothing.
    assert list(found.scan(row_filter="eventtime < '2000-01-01T00:00:00'").plan_files()) == []
    assert list(found.scan(row_filter="awsregion = 'zz-nowhere-1'").plan_files()) == []
    assert list(found.scan(row_filter="eventversion is null").plan_files()) == []


def test_the_table_follows_its_store(cairn, tmp_path, name):
    store = create(cairn, name, "--retention-period", "3653", "--no-start-ingestion")
    enable(cairn, store)
    empty = counted(cairn, store, 0)
    first = generate(cairn, tmp_path / "a", "--records", "200", "--seed", "1")["records"]
    import_(cairn, tmp_path / "a", "--into", store)
    old = counted(cairn, store, first)
    second = generate(cairn, tmp_path / "b", "--records", "300", "--seed", "2")["records"]
    import_(cairn, tmp_path / "b", "--into", store)
    new = counted(cairn, store, first + second)
    ids = new.scan(selected_fields=("eventid",)).to_arrow().column(0).to_pylist()
    assert sorted(ids) == sorted(row["eventID"] for row in answer(cairn, f"SELECT eventID FROM {store}"))
    # Who began to read an older snapshot reads it to its end.
    assert [old.scan().to_arrow().num_rows, empty.scan().to_arrow().num_rows] == [first, 0]
    assert new.current_snapshot().summary["total-records"] == str(first + second)


def test_calls_are_in_it_after_a_while(cairn, name):
    store = create(cairn, name)
    enable(cairn, store)
    key, secret = cairn.user(name, admin=True)
    for _ in range(3):
        cairn.client("iam", key=key, secret=secret).list_users()

    def look():
        time.sleep(1)
        rows = table(cairn, store).scan(row_filter="eventname = 'ListUsers'").to_arrow().to_pylist()
        return [row for row in rows if row["useridentity"]["username"] == name]

    found = until(look, "the calls are in the table", seconds=150)
    assert len(found) == 3 and {row["eventsource"] for row in found} == {"iam.amazonaws.com"}


def test_it_survives_a_kill(new_cairn, tmp_path):
    cairn = new_cairn()
    store = create(cairn, "killed", "--retention-period", "3653", "--no-start-ingestion")
    count = generate(cairn, tmp_path / "a", "--records", "500", "--seed", "1")["records"]
    import_(cairn, tmp_path / "a", "--into", store)
    cairn.aws(f"cloudtrail enable-federation --event-data-store {store} --federation-role-arn {ROLE}")
    cairn.kill()
    cairn.start()
    until(lambda: federation(cairn, store) == ("ENABLED", ROLE), "it is federated")
    counted(cairn, store, count)


def test_readers_need_permission_and_nobody_writes(cairn, store, name):
    store = store[0]
    key, secret = cairn.user(name)
    nobody, root = cairn.client("s3", key=key, secret=secret), cairn.client("s3")
    hint = {"Bucket": BUCKET, "Key": f"{store}/metadata/version-hint.text"}
    assert error_of(nobody.get_object, **hint)[0] == "AccessDenied"
    cairn.client("iam").attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert table(cairn, store, key, secret).current_snapshot() is not None
    for refused in (
        lambda: nobody.put_object(**hint, Body=b"1"),
        lambda: root.put_object(**hint, Body=b"1"),
        lambda: root.delete_object(**hint),
        lambda: root.delete_bucket(Bucket=BUCKET),
        lambda: root.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}),
        lambda: root.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
        lambda: root.create_bucket(Bucket=BUCKET.replace("us-east-1", "us-east-2")),
        lambda: root.copy_object(Bucket=BUCKET, Key="copy", CopySource=hint),
        lambda: root.create_multipart_upload(Bucket=BUCKET, Key="parts"),
        lambda: root.put_object_tagging(**hint, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
        lambda: root.put_object_legal_hold(**hint, LegalHold={"Status": "ON"}),
        lambda: root.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [EXPIRE]}),
    ):
        code, status, text = error_of(refused)
        assert (code, status) == ("AccessDenied", 403) and "explicit deny in a resource-based policy" in text, text
    [one] = root.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": hint["Key"]}]})["Errors"]
    assert (one["Key"], one["Code"]) == (hint["Key"], "AccessDenied")
    assert root.get_object(**hint)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert BUCKET in [bucket["Name"] for bucket in root.list_buckets()["Buckets"]]


def test_disabled_it_is_gone(cairn, name, tmp_path):
    store = create(cairn, name, "--retention-period", "3653", "--no-start-ingestion")
    count = generate(cairn, tmp_path / "a", "--records", "100", "--seed", "1")["records"]
    import_(cairn, tmp_path / "a", "--into", store)
    enable(cairn, store)
    counted(cairn, store, count)
    ct, s3 = cairn.client("cloudtrail"), cairn.client("s3")
    refused = error_of(ct.delete_event_data_store, EventDataStore=store)
    assert refused[:2] == ("EventDataStoreFederationEnabledException", 400), refused
    again = error_of(ct.enable_federation, EventDataStore=store, FederationRoleArn=ROLE)
    assert again[:2] == ("EventDataStoreFederationEnabledException", 400), again
    made = cairn.aws(f"cloudtrail disable-federation --event-data-store {store}").json
    assert made["FederationStatus"] == "DISABLING" and "FederationRoleArn" not in made
    until(lambda: federation(cairn, store) == ("DISABLED", None), "it is not federated any more")
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{store}/")["KeyCount"] == 0
    assert len(answer(cairn, f"SELECT eventID FROM {store}")) == count
    assert ct.disable_federation(EventDataStore=store)["FederationStatus"] == "DISABLED"
    enable(cairn, store)
    counted(cairn, store, count)
    ct.disable_federation(EventDataStore=store)
    until(lambda: federation(cairn, store)[0] == "DISABLED", "it is not federated any more")
    ct.delete_event_data_store(EventDataStore=store)
    inactive = error_of(ct.enable_federation, EventDataStore=store, FederationRoleArn=ROLE)
    assert inactive[0] == "InactiveEventDataStoreException"


def test_refusals(cairn, name):
    ct, store = cairn.client("cloudtrail"), create(cairn, name)

    def refused(role=ROLE, where=store):
        return error_of(ct.enable_federation, EventDataStore=where, FederationRoleArn=role)

    for role in ("federation", f"arn:aws:iam::{ACCOUNT}:user/a", f"arn:aws:s3::{ACCOUNT}:role/a"):
        code, status, text = refused(role)
        assert (code, status) == ("InvalidParameterException", 400) and text.startswith("FederationRoleArn must be"), text
    foreign = refused("arn:aws:iam::999999999999:role/a")
    assert foreign == ("AccessDeniedException", 400, "Cross-account pass role is not allowed."), foreign
    assert refused(where=store[:-4] + "0000")[0] == "EventDataStoreNotFoundException"
    assert refused(where="nothing")[0] == "EventDataStoreARNInvalidException"
    assert error_of(ct.disable_federation, EventDataStore=store[:-4] + "0000")[0] == "EventDataStoreNotFoundException"
    key, secret = cairn.user(name)
    with pytest.raises(ClientError, match="cloudtrail:EnableFederation"):
        cairn.client("cloudtrail", key=key, secret=secret).enable_federation(EventDataStore=store, FederationRoleArn=ROLE)
    assert federation(cairn, store) == ("DISABLED", None)


def test_it_is_recorded(cairn, store):
    store = store[0]
    found = cairn.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "EnableFederation"}])
    records = [json.loads(event["CloudTrailEvent"]) for event in found["Events"]]
    record = next(record for record in records if store in json.dumps(record["requestParameters"]) and "errorCode" not in record)
    assert record["requestParameters"] == {"eventDataStore": store, "federationRoleArn": ROLE}
    answered = record["responseElements"]
    assert answered["federationStatus"] == "ENABLING" and re.search(store, answered["eventDataStoreArn"])
    assert record["managementEvent"] is True and record["readOnly"] is False
