"""Every operation of CloudTrail by the real AWS CLI: those that no other test drives, pages, and what is refused with which code."""

import json
import re
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import get_session

from server import ACCOUNT
from test_lake_imports import ended, source, start_import, store as import_store
from test_lake_queries import over, start

HERE = Path(__file__).parent
ABSENT = "00000000-0000-4000-8000-000000000000"
# Answered by name and recorded (test_unwritten.py has one more).
UNWRITTEN = {
    "put-insight-selectors": ["--trail-name", "t", "--insight-selectors", '[{"InsightType":"ApiCallRateInsight"}]'],
    "list-insights-data": ["--insight-source", f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/t", "--data-type", "InsightsEvents"],
    "list-insights-metric-data": ["--event-source", "s3.amazonaws.com", "--event-name", "GetObject", "--insight-type", "ApiCallRateInsight"],
}


def ct(cairn, *words, **more):
    """The answer of `aws cloudtrail …`."""
    return cairn.aws(["cloudtrail", *words], **more).json


def code(cairn, *words):
    """The error code that `aws cloudtrail …` shows."""
    done = cairn.aws(["cloudtrail", *words], check=False)
    assert done.code in (254, 255), done
    return re.search(r"An error occurred \((\w+)\)", done.err)[1]


def pages(cairn, member, *words, size=1):
    """The items of all pages, each asked for with the token of the one before."""
    found, token = [], []
    while True:
        page = ct(cairn, *words, "--max-results", str(size), *token)
        assert len(page[member]) <= size
        found += page[member]
        if not page.get("NextToken"):
            return found
        token = ["--next-token", page["NextToken"]]
        assert len(found) < 1000


@pytest.fixture(scope="module")
def stores(cairn):
    """The ARNs of three event data stores."""
    made = [ct(cairn, "create-event-data-store", "--name", f"cli-store-{number}", "--no-termination-protection-enabled") for number in range(3)]
    return [one["EventDataStoreArn"] for one in made]


def test_every_operation_is_driven_by_the_cli():
    """What this suite says to the CLI names each operation of the models."""
    text = "\n".join(path.read_text() for path in sorted(HERE.glob("*.py")))
    for service in ("cloudtrail", "cloudtrail-data"):
        for operation in get_session().get_service_model(service).operation_names:
            command = xform_name(operation, "-")
            said = [rf"{service} {command}\b", rf'"{service}", "{command}"', rf'\b(?:ct|code|pages)\(cairn, (?:"\w+", )?"{command}"', rf'"{command}": \[']
            assert re.search("|".join(said), text), f"nothing says aws {service} {command}"


def test_stores_come_in_pages(cairn, stores):
    listed = pages(cairn, "EventDataStores", "list-event-data-stores")
    assert [one["EventDataStoreArn"] for one in listed] == sorted({one["EventDataStoreArn"] for one in listed})
    assert set(stores) <= {one["EventDataStoreArn"] for one in listed}
    assert code(cairn, "list-event-data-stores", "--next-token", "nothing") == "InvalidNextTokenException"


def test_channels_come_and_go(cairn, stores):
    audit = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["ActivityAuditLog"]}]}]
    store = ct(cairn, "create-event-data-store", "--name", "cli-audit", "--advanced-event-selectors", json.dumps(audit))["EventDataStoreArn"]
    destinations = json.dumps([{"Type": "EVENT_DATA_STORE", "Location": store}])
    made = [ct(cairn, "create-channel", "--name", f"cli-{number}", "--source", "Custom", "--destinations", destinations)["ChannelArn"] for number in range(3)]
    assert sorted(one["ChannelArn"] for one in pages(cairn, "Channels", "list-channels")) == sorted(made)
    assert code(cairn, "list-channels", "--next-token", "nothing") == "InvalidNextTokenException"
    assert code(cairn, "create-channel", "--name", "cli-0", "--source", "Custom", "--destinations", destinations) == "ChannelAlreadyExistsException"
    elsewhere = json.dumps([{"Type": "EVENT_DATA_STORE", "Location": stores[0]}])
    assert code(cairn, "create-channel", "--name", "cli-wrong", "--source", "Custom", "--destinations", elsewhere) == "InvalidEventDataStoreCategoryException"
    sent = cairn.aws(["cloudtrail-data", "put-audit-events", "--channel-arn", made[0], "--audit-events", '[{"id":"1","eventData":"{}"}]']).json
    assert sent["successful"] == [] and sent["failed"][0]["errorCode"]
    for arn in made:
        assert cairn.aws(["cloudtrail", "delete-channel", "--channel", arn]).out == ""
    assert code(cairn, "get-channel", "--channel", made[0]) == "ChannelNotFoundException"
    assert ct(cairn, "list-channels")["Channels"] == []


def test_dashboards_come_in_pages(cairn):
    for number in range(3):
        ct(cairn, "create-dashboard", "--name", f"cli-{number}")
    listed = pages(cairn, "Dashboards", "list-dashboards", "--type", "CUSTOM")
    assert [one["DashboardArn"].rsplit("/", 1)[1] for one in listed] == ["cli-0", "cli-1", "cli-2"]
    assert code(cairn, "create-dashboard", "--name", "cli-0") == "ConflictException"
    assert code(cairn, "get-dashboard", "--dashboard-id", "cli-9") == "ResourceNotFoundException"
    assert code(cairn, "list-dashboards", "--next-token", "nothing") == "InvalidNextTokenException"
    for number in range(3):
        cairn.aws(["cloudtrail", "delete-dashboard", "--dashboard-id", f"cli-{number}"])
    assert ct(cairn, "list-dashboards")["Dashboards"] == []


def test_queries_are_cancelled_and_come_in_pages(cairn, stores):
    store = stores[0].split("/")[1]
    names = [start(cairn, f"SELECT {number} AS n FROM {store} LIMIT 1") for number in range(3)]
    for query in names:
        over(cairn, query)
    cross = " CROSS JOIN ".join(f"events e{number}" for number in range(9))
    long = start(cairn, f"SELECT COUNT(*) FROM {cross}")
    cancelled = ct(cairn, "cancel-query", "--query-id", long)
    assert cancelled["QueryId"] == long and cancelled["QueryStatus"] in ("CANCELLED", "RUNNING")
    assert over(cairn, long)["QueryStatus"] == "CANCELLED"
    assert code(cairn, "cancel-query", "--query-id", long) == "InactiveQueryException"
    assert code(cairn, "cancel-query", "--query-id", ABSENT) == "QueryIdNotFoundException"
    listed = pages(cairn, "Queries", "list-queries", "--event-data-store", store)
    assert sorted(one["QueryId"] for one in listed) == sorted(names)
    soon = ["--start-time", "2020-01-01T00:00:00Z", "--end-time", "2020-01-02T00:00:00Z"]
    assert ct(cairn, "list-queries", "--event-data-store", store, *soon)["Queries"] == []
    backwards = ["--start-time", "2020-01-02T00:00:00Z", "--end-time", "2020-01-01T00:00:00Z"]
    assert code(cairn, "list-queries", "--event-data-store", store, *backwards) == "InvalidDateRangeException"
    assert code(cairn, "list-queries", "--event-data-store", store, "--next-token", "nothing") == "InvalidNextTokenException"
    assert code(cairn, "list-queries", "--event-data-store", ABSENT) == "EventDataStoreNotFoundException"
    assert code(cairn, "get-query-results", "--query-id", ABSENT) == "QueryIdNotFoundException"
    assert code(cairn, "describe-query", "--query-id", ABSENT) == "QueryIdNotFoundException"
    assert code(cairn, "describe-query") == "InvalidParameterException"
    assert code(cairn, "start-query", "--query-statement", f"DROP TABLE {store}") == "InvalidQueryStatementException"
    assert code(cairn, "start-query", "--query-statement", f"SELECT 1 FROM {ABSENT}") == "EventDataStoreNotFoundException"


def test_results_come_in_pages(cairn):
    query = start(cairn, "SELECT eventID FROM events LIMIT 5")
    over(cairn, query)
    found, token = [], []
    while True:
        page = ct(cairn, "get-query-results", "--query-id", query, "--max-query-results", "2", *token)
        found += [row[0]["eventID"] for row in page["QueryResultRows"]]
        if not page.get("NextToken"):
            break
        token = ["--next-token", page["NextToken"]]
    assert len(found) == len(set(found)) == 5
    assert code(cairn, "get-query-results", "--query-id", query, "--next-token", "nothing") == "InvalidNextTokenException"


def test_samples_come_in_pages(cairn):
    everything = ct(cairn, "search-sample-queries", "--search-phrase", "console sign-ins users")["SearchResults"]
    found = pages(cairn, "SearchResults", "search-sample-queries", "--search-phrase", "console sign-ins users", size=2)
    assert found == everything[:len(found)] and len(found) > 2
    assert code(cairn, "search-sample-queries", "--search-phrase", "console", "--next-token", "nothing") == "InvalidParameterException"


def test_a_question_becomes_sql(cairn):
    made = ct(cairn, "generate-query", "--event-data-stores", "events", "--prompt", "who created buckets today")
    assert "CreateBucket" in made["QueryStatement"] and made["QueryAlias"]
    query = ct(cairn, "start-query", "--query-alias", made["QueryAlias"])["QueryId"]
    assert over(cairn, query)["QueryStatus"] == "FINISHED"
    assert code(cairn, "generate-query", "--event-data-stores", "events", "--prompt", "colourless green ideas") == "GenerateResponseException"
    assert code(cairn, "generate-query", "--event-data-stores", ABSENT, "--prompt", "who created buckets") == "EventDataStoreNotFoundException"


def test_federation_is_refused_and_can_be_ended(cairn, stores):
    role = f"arn:aws:iam::{ACCOUNT}:role/federation"
    assert code(cairn, "enable-federation", "--event-data-store", ABSENT, "--federation-role-arn", role) == "EventDataStoreNotFoundException"
    shown = ct(cairn, "disable-federation", "--event-data-store", stores[0])
    assert shown == {"EventDataStoreArn": stores[0], "FederationStatus": "DISABLED"}
    assert code(cairn, "disable-federation", "--event-data-store", ABSENT) == "EventDataStoreNotFoundException"


def test_insights_of_a_trail_that_has_none(cairn, name):
    cairn.trail(name, cairn.bucket_for_trails(name))
    assert code(cairn, "get-insight-selectors", "--trail-name", name) == "InsightNotEnabledException"
    assert code(cairn, "get-insight-selectors", "--trail-name", "nothing-of-this-name") == "TrailNotFoundException"
    assert code(cairn, "get-insight-selectors") == "InvalidParameterException"


@pytest.mark.parametrize("command", UNWRITTEN)
def test_unwritten_ones_are_refused_by_name(cairn, command):
    done = cairn.aws(["cloudtrail", command, *UNWRITTEN[command]], check=False)
    assert done.code in (254, 255) and "NotImplemented" in done.err, done


def test_imports_come_in_pages(cairn):
    cairn.client("s3").create_bucket(Bucket="cli-imports")
    for number in range(3):
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/01/01/damaged-{number}.json.gz"
        cairn.client("s3").put_object(Bucket="cli-imports", Key=key, Body=b"damaged")
    arn = import_store(cairn, "cli-imports")
    ids = []
    for _ in range(3):
        ids.append(start_import(cairn, arn, "s3://cli-imports/"))
        assert ended(cairn, ids[-1])["ImportStatus"] == "FAILED"
    # The CLI asks for one page after the other by itself; --no-paginate shows one.
    listed = ct(cairn, "list-imports", "--destination", arn, "--page-size", "1")["Imports"]
    assert sorted(one["ImportId"] for one in listed) == sorted(ids)
    one = ct(cairn, "list-imports", "--destination", arn, "--max-items", "1")
    rest = ct(cairn, "list-imports", "--destination", arn, "--starting-token", one["NextToken"])
    assert [*one["Imports"], *rest["Imports"]] == listed
    failures = ct(cairn, "list-import-failures", "--import-id", ids[0], "--page-size", "2")["Failures"]
    assert sorted(one["Location"][-14:] for one in failures) == [f"aged-{n}.json.gz" for n in range(3)]
    assert code(cairn, "list-import-failures", "--import-id", ids[0], "--next-token", "nothing", "--no-paginate") == "InvalidNextTokenException"
    assert code(cairn, "list-imports", "--next-token", "nothing", "--no-paginate") == "InvalidNextTokenException"
    shown = ct(cairn, "get-import", "--import-id", ids[0])
    assert shown["ImportStatistics"]["FailedEntries"] == 3 and shown["Destinations"] == [arn]
    assert code(cairn, "get-import", "--import-id", ABSENT) == "ImportNotFoundException"
    assert code(cairn, "stop-import", "--import-id", ids[0]) == "InvalidParameterException"
    assert code(cairn, "start-import", "--import-id", ABSENT) == "ImportNotFoundException"
    assert code(cairn, "start-import", "--import-source", source("s3://cli-imports/")) == "InvalidParameterException"


def test_stores_are_stopped_deleted_and_restored(cairn, stores):
    store = stores[2]
    of = ["--event-data-store", store]
    assert cairn.aws(["cloudtrail", "stop-event-data-store-ingestion", *of]).out == ""
    assert ct(cairn, "get-event-data-store", *of)["Status"] == "STOPPED_INGESTION"
    assert code(cairn, "stop-event-data-store-ingestion", *of) == "InvalidEventDataStoreStatusException"
    cairn.aws(["cloudtrail", "start-event-data-store-ingestion", *of])
    assert code(cairn, "start-event-data-store-ingestion", *of) == "InvalidEventDataStoreStatusException"
    ct(cairn, "update-event-data-store", *of, "--termination-protection-enabled")
    assert code(cairn, "delete-event-data-store", *of) == "EventDataStoreTerminationProtectedException"
    assert ct(cairn, "update-event-data-store", *of, "--no-termination-protection-enabled", "--retention-period", "90")["RetentionPeriod"] == 90
    # Fewer than seven days the CLI itself refuses.
    assert code(cairn, "update-event-data-store", *of, "--retention-period", "3654") == "ValidationException"
    cairn.aws(["cloudtrail", "delete-event-data-store", *of])
    assert ct(cairn, "get-event-data-store", *of)["Status"] == "PENDING_DELETION"
    assert code(cairn, "update-event-data-store", *of, "--retention-period", "90") == "InactiveEventDataStoreException"
    assert code(cairn, "start-query", "--query-statement", f"SELECT 1 FROM {store.split('/')[1]}") == "InactiveEventDataStoreException"
    assert ct(cairn, "restore-event-data-store", *of)["Status"] == "ENABLED"
    assert code(cairn, "restore-event-data-store", *of) == "InvalidEventDataStoreStatusException"
    for command in ("get-event-data-store", "delete-event-data-store", "restore-event-data-store", "stop-event-data-store-ingestion",
                    "start-event-data-store-ingestion", "update-event-data-store", "get-event-configuration"):
        assert code(cairn, command, "--event-data-store", ABSENT) == "EventDataStoreNotFoundException", command


def test_tags_and_policies(cairn, stores):
    arn = stores[1]
    assert code(cairn, "add-tags", "--resource-id", arn[:-4] + "0000", "--tags-list", "Key=a,Value=b") == "ResourceNotFoundException"
    assert code(cairn, "add-tags", "--resource-id", arn, "--tags-list", "Key=aws:a,Value=b") == "InvalidTagParameterException"
    many = [f"Key=k{number},Value=v" for number in range(51)]
    assert code(cairn, "add-tags", "--resource-id", arn, "--tags-list", *many) == "TagsLimitExceededException"
    cairn.aws(["cloudtrail", "add-tags", "--resource-id", arn, "--tags-list", "Key=a,Value=b", "Key=c,Value=d"])
    cairn.aws(["cloudtrail", "remove-tags", "--resource-id", arn, "--tags-list", "Key=a"])
    assert ct(cairn, "list-tags", "--resource-id-list", arn)["ResourceTagList"] == [{"ResourceId": arn, "TagsList": [{"Key": "c", "Value": "d"}]}]
    assert code(cairn, "put-resource-policy", "--resource-arn", arn, "--resource-policy", "no JSON") == "ResourcePolicyNotValidException"
    assert code(cairn, "get-resource-policy", "--resource-arn", arn) == "ResourcePolicyNotFoundException"
    assert code(cairn, "delete-resource-policy", "--resource-arn", arn) == "ResourcePolicyNotFoundException"
    assert code(cairn, "put-resource-policy", "--resource-arn", f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/t",
                "--resource-policy", "{}") == "ResourceTypeNotSupportedException"


def test_what_the_cli_does_is_recorded(cairn, stores):
    """Changes as changes, looks as looks, refusals with their codes."""
    done = code(cairn, "delete-event-data-store", "--event-data-store", ABSENT)
    asked = "SELECT eventName, readOnly, errorCode FROM events WHERE eventName = 'DeleteEventDataStore' ORDER BY eventTime DESC LIMIT 1"
    query = start(cairn, asked)
    over(cairn, query)
    (row,) = ct(cairn, "get-query-results", "--query-id", query)["QueryResultRows"]
    assert row == [{"eventName": "DeleteEventDataStore"}, {"readOnly": "false"}, {"errorCode": done}]
