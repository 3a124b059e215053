//! What is around event data stores and queries: channels, policies, dashboards, sample queries.

use std::sync::Arc;

use base::time::DAY_MS;
use ports::lake::NewRecord;
use ports::{AccessRequest, AuditChannels, ChannelError, EventStores, Sent, StoreId};
use serde_json::{Value, json};

use super::tests::{make, ok, refused};
use crate::CloudTrail;
use crate::testing::{World, call};

const ACCOUNT: &str = "123456789012";

async fn audit_store(ct: &Arc<CloudTrail>, name: &str) -> (String, String) {
    let selectors = json!([{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["ActivityAuditLog"]}]}]);
    let input = json!({"Name": name, "AdvancedEventSelectors": selectors, "TerminationProtectionEnabled": false});
    make(ct, input).await
}

fn channel(name: &str, store: &str) -> Value {
    json!({"Name": name, "Source": "Custom", "Destinations": [{"Type": "EVENT_DATA_STORE", "Location": store}]})
}

#[tokio::test]
async fn a_channel_lives() {
    let world = World::new();
    let ct = world.open().await;
    let (store, _) = audit_store(&ct, "outside").await;
    let (events, _) = make(&ct, json!({"Name": "events"})).await;
    let made = ok(&ct, "CreateChannel", channel("app", &store)).await;
    let arn = made["ChannelArn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:cloudtrail:us-east-1:123456789012:channel/"), "{arn}");
    let id = arn.rsplit('/').next().unwrap();
    refused(&ct, "CreateChannel", channel("app", &store), "ChannelAlreadyExistsException").await;
    let mut other = channel("other", &store);
    other["Source"] = json!("Nobody");
    refused(&ct, "CreateChannel", other, "InvalidSourceException").await;
    let mut partner = channel("okta", &store);
    partner["Source"] = json!("OktaSystemLogEvents");
    let made = ok(&ct, "CreateChannel", partner.clone()).await;
    partner["Name"] = json!("okta-2");
    refused(&ct, "CreateChannel", partner, "ChannelMaxLimitExceededException: OktaSystemLogEvents").await;
    ok(&ct, "DeleteChannel", json!({"Channel": made["ChannelArn"]})).await;
    refused(&ct, "CreateChannel", channel("x", &events), "InvalidEventDataStoreCategoryException").await;
    refused(&ct, "CreateChannel", channel("x", "audit"), "EventDataStoreARNInvalidException").await;
    let mut service = channel("x", &store);
    service["Destinations"][0]["Type"] = json!("AWS_SERVICE");
    refused(&ct, "CreateChannel", service, "InvalidParameterException").await;

    let shown = json!({"ChannelArn": arn, "Name": "app", "Source": "Custom",
        "Destinations": [{"Type": "EVENT_DATA_STORE", "Location": store}]});
    for named in [&arn, id] {
        assert_eq!(ok(&ct, "GetChannel", json!({"Channel": named})).await, shown);
    }
    let renamed = ok(&ct, "UpdateChannel", json!({"Channel": id, "Name": "app-2"})).await;
    assert_eq!(renamed["Name"], "app-2");
    assert_eq!(ok(&ct, "ListChannels", json!({})).await, json!({"Channels": [{"ChannelArn": arn, "Name": "app-2"}]}));
    ok(&ct, "AddTags", json!({"ResourceId": arn, "TagsList": [{"Key": "a", "Value": "b"}]})).await;
    let tags = ok(&ct, "ListTags", json!({"ResourceIdList": [arn]})).await;
    assert_eq!(tags["ResourceTagList"][0]["TagsList"], json!([{"Key": "a", "Value": "b"}]));

    refused(&ct, "DeleteEventDataStore", json!({"EventDataStore": store}), "ChannelExistsForEDSException").await;
    ok(&ct, "DeleteChannel", json!({"Channel": id})).await;
    refused(&ct, "GetChannel", json!({"Channel": id}), "ChannelNotFoundException").await;
    refused(&ct, "GetChannel", json!({"Channel": "app"}), "ChannelARNInvalidException").await;
    ok(&ct, "DeleteEventDataStore", json!({"EventDataStore": store})).await;
}

#[tokio::test]
async fn policies_are_kept_as_they_are() {
    let world = World::new();
    let ct = world.open().await;
    let (store, _) = make(&ct, json!({"Name": "audit"})).await;
    let one = json!({"ResourceArn": store});
    refused(&ct, "GetResourcePolicy", one.clone(), "ResourcePolicyNotFoundException").await;
    refused(&ct, "DeleteResourcePolicy", one.clone(), "ResourcePolicyNotFoundException").await;
    let text = lets_cloudtrail(&store, "cloudtrail:StartQuery");
    let put = json!({"ResourceArn": store, "ResourcePolicy": text});
    assert_eq!(ok(&ct, "PutResourcePolicy", put.clone()).await, put);
    assert_eq!(ok(&ct, "GetResourcePolicy", one.clone()).await, put);
    refused(
        &ct,
        "PutResourcePolicy",
        json!({"ResourceArn": store, "ResourcePolicy": "{}"}),
        "ResourcePolicyNotValidException",
    )
    .await;
    let trail = json!({"ResourceArn": "arn:aws:cloudtrail:us-east-1:123456789012:trail/x", "ResourcePolicy": text});
    refused(&ct, "PutResourcePolicy", trail, "ResourceTypeNotSupportedException").await;
    refused(&ct, "GetResourcePolicy", json!({"ResourceArn": "x"}), "ResourceARNNotValidException").await;
    let absent = format!("{}ffff", &store[..store.len() - 4]);
    refused(&ct, "GetResourcePolicy", json!({"ResourceArn": absent}), "ResourceNotFoundException").await;
    ok(&ct, "DeleteResourcePolicy", one.clone()).await;
    refused(&ct, "GetResourcePolicy", one, "ResourcePolicyNotFoundException").await;
}

fn policy(effect: &str, principal: Value, action: &str, arn: &str) -> Value {
    json!({"Effect": effect, "Principal": principal, "Action": action, "Resource": arn})
}

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn lets_cloudtrail(arn: &str, action: &str) -> String {
    document(&[policy("Allow", json!({"Service": "cloudtrail.amazonaws.com"}), action, arn)])
}

#[tokio::test]
async fn a_store_whose_policy_denies_is_not_queried() {
    let world = World::new();
    let ct = world.open().await;
    let (store, id) = make(&ct, json!({"Name": "audit"})).await;
    let text = document(&[policy("Deny", json!("*"), "cloudtrail:StartQuery", &store)]);
    ok(&ct, "PutResourcePolicy", json!({"ResourceArn": store, "ResourcePolicy": text})).await;
    let ask = json!({"QueryStatement": format!("SELECT 1 FROM {id}")});
    refused(&ct, "StartQuery", ask, "AccessDeniedException: explicit deny").await;
}

/// Opens a channel as a user of the account.
async fn open(ct: &CloudTrail, arn: &str, word: Option<&str>) -> Result<ports::AuditChannel, ChannelError> {
    let mut call = call("us-east-1");
    call.caller = ports::Caller::User {
        account: ACCOUNT.into(),
        user_id: "AIDAX".into(),
        user_name: "app".into(),
        arn: "arn:aws:iam::123456789012:user/app".into(),
        access_key_id: "AKIAX".into(),
    };
    let context = call.context(&[]);
    let action = "cloudtrail-data:PutAuditEvents";
    let request = AccessRequest { caller: &call.caller, action, resource: arn, context: &context };
    AuditChannels::open(ct, &request, word).await
}

#[tokio::test]
async fn events_come_in_through_a_channel() {
    let world = World::new();
    world.event_stores.create(&StoreId::events(), 3_653).await.unwrap();
    let ct = world.open().await;
    let (store, store_id) = audit_store(&ct, "outside").await;
    let made = ok(&ct, "CreateChannel", channel("app", &store)).await;
    let arn = made["ChannelArn"].as_str().unwrap().to_owned();
    let opened = open(&ct, &arn, None).await.unwrap();
    assert_eq!((opened.arn.as_str(), opened.account.as_str()), (arn.as_str(), ACCOUNT));
    let stores = vec![StoreId::parse(&store_id).unwrap()];
    assert_eq!(opened.stores, stores);
    let record = NewRecord::new(r#"{"eventID":"e-1"}"#);
    let sent = Sent { records: vec![("e-1".to_owned(), record.clone())], error: Some("InvalidData".to_owned()) };
    ct.keep(&opened, sent).await.unwrap();
    for store in [&stores[0], &StoreId::events()] {
        assert_eq!(world.event_stores.stores.lock().unwrap()[store].1, std::slice::from_ref(&record), "{store}");
    }
    world.clock.advance(5_000);
    ct.keep(&opened, Sent { records: Vec::new(), error: Some("FieldTooLong".to_owned()) }).await.unwrap();
    let status = ok(&ct, "GetChannel", json!({"Channel": arn})).await["IngestionStatus"].clone();
    let expected = json!({"LatestIngestionSuccessTime": "2026-03-01T12:00:00Z", "LatestIngestionSuccessEventID": "e-1",
        "LatestIngestionErrorCode": "FieldTooLong", "LatestIngestionAttemptTime": "2026-03-01T12:00:05Z",
        "LatestIngestionAttemptEventID": "e-1"});
    assert_eq!(status, expected);

    // A policy that asks for a word wants to hear it.
    let mut allow = policy("Allow", json!({"AWS": ACCOUNT}), "cloudtrail-data:PutAuditEvents", &arn);
    allow["Principal"] = json!({"AWS": "arn:aws:iam::123456789012:user/app"});
    allow["Condition"] = json!({"StringEquals": {"cloudtrail:ExternalId": "sesame"}});
    ok(&ct, "PutResourcePolicy", json!({"ResourceArn": arn, "ResourcePolicy": document(&[allow])})).await;
    assert!(matches!(open(&ct, &arn, None).await, Err(ChannelError::Denied)));
    assert!(matches!(open(&ct, &arn, Some("open")).await, Err(ChannelError::Denied)));
    assert!(open(&ct, &arn, Some("sesame")).await.is_ok());
    let deny = policy("Deny", json!({"AWS": ACCOUNT}), "cloudtrail-data:PutAuditEvents", &arn);
    ok(&ct, "PutResourcePolicy", json!({"ResourceArn": arn, "ResourcePolicy": document(&[deny])})).await;
    assert!(matches!(open(&ct, &arn, Some("sesame")).await, Err(ChannelError::Denied)));
    assert!(matches!(open(&ct, "channel", None).await, Err(ChannelError::Invalid)));
    ok(&ct, "DeleteChannel", json!({"Channel": arn})).await;
    assert!(matches!(open(&ct, &arn, None).await, Err(ChannelError::NotFound)));
}

#[tokio::test]
async fn a_dashboard_lives_and_is_refreshed() {
    let world = World::new();
    let ct = world.open().await;
    let (store, id) = make(&ct, json!({"Name": "audit"})).await;
    let widget = json!({"QueryStatement": format!("SELECT 1 FROM {id}"), "QueryParameters": ["$StartTime$", "$EndTime$"],
        "ViewProperties": {"Height": "2", "View": "Table"}});
    let create = json!({"Name": "overview", "Widgets": [widget],
        "RefreshSchedule": {"Frequency": {"Unit": "HOURS", "Value": 6}, "Status": "ENABLED"}});
    let made = ok(&ct, "CreateDashboard", create.clone()).await;
    let arn = "arn:aws:cloudtrail:us-east-1:123456789012:dashboard/overview";
    assert_eq!((&made["DashboardArn"], &made["Type"]), (&json!(arn), &json!("CUSTOM")));
    let alias = made["Widgets"][0]["QueryAlias"].as_str().unwrap().to_owned();
    refused(&ct, "CreateDashboard", create, "ConflictException").await;
    for (widget, expected) in [
        (json!({"QueryStatement": "DROP x", "ViewProperties": {}}), "InvalidQueryStatementException: Expected"),
        (
            json!({"QueryStatement": "SELECT 1 FROM events", "ViewProperties": {}}),
            "InvalidQueryStatementException: built-in",
        ),
        (
            json!({"QueryStatement": format!("SELECT 1 FROM {id}"), "QueryParameters": ["$X$"], "ViewProperties": {}}),
            "InvalidQueryStatementException: $X$",
        ),
    ] {
        refused(&ct, "CreateDashboard", json!({"Name": "x-1", "Widgets": [widget]}), expected).await;
    }
    for (schedule, expected) in [
        (json!({"Frequency": {"Unit": "HOURS", "Value": 5}}), "1, 6, 12 or 24"),
        (json!({"Frequency": {"Unit": "DAYS", "Value": 2}}), "must be 1"),
        (json!({"Frequency": {"Unit": "DAYS", "Value": 1}, "TimeOfDay": "24:00"}), "TimeOfDay"),
        (json!({"Status": "ENABLED"}), "Frequency is required"),
    ] {
        let expected = format!("InvalidParameterException: {expected}");
        refused(&ct, "CreateDashboard", json!({"Name": "x-1", "RefreshSchedule": schedule}), &expected).await;
    }

    // Without the store's policy nothing is read on CloudTrail's behalf.
    let one = json!({"DashboardId": "overview"});
    ok(&ct, "StartDashboardRefresh", one.clone()).await;
    let shown = ok(&ct, "GetDashboard", one.clone()).await;
    assert!(shown["LastRefreshFailureReason"].as_str().unwrap().contains("resource policy"), "{shown}");
    let text = lets_cloudtrail(&store, "cloudtrail:StartQuery");
    ok(&ct, "PutResourcePolicy", json!({"ResourceArn": store, "ResourcePolicy": text})).await;
    let times =
        json!({"DashboardId": arn, "QueryParameterValues": {"$StartTime$": "2026-01-01", "$EndTime$": "2026-02-01"}});
    let refresh = ok(&ct, "StartDashboardRefresh", times).await["RefreshId"].clone();
    let described = ok(&ct, "DescribeQuery", json!({"QueryAlias": alias, "RefreshId": refresh})).await;
    assert_eq!(described["QueryString"], format!("SELECT 1 FROM {id}"));
    let shown = ok(&ct, "GetDashboard", one.clone()).await;
    assert_eq!((&shown["LastRefreshId"], &shown["LastRefreshFailureReason"]), (&refresh, &Value::Null));
    while world.query_engine.ran.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.query_engine.ran.lock().unwrap()[0].1, ["'2026-01-01'", "'2026-02-01'"]);
    refused(&ct, "StartDashboardRefresh", json!({"DashboardId": "nothing"}), "ResourceNotFoundException").await;

    // By its schedule it is refreshed if its own policy lets that.
    world.clock.advance(6 * 3_600_000);
    ct.catch_up().await.unwrap();
    let shown = ok(&ct, "GetDashboard", one.clone()).await;
    assert!(shown["LastRefreshFailureReason"].as_str().unwrap().contains("of the dashboard"), "{shown}");
    let text = lets_cloudtrail(arn, "cloudtrail:StartDashboardRefresh");
    ok(&ct, "PutResourcePolicy", json!({"ResourceArn": arn, "ResourcePolicy": text})).await;
    world.clock.advance(DAY_MS);
    ct.catch_up().await.unwrap();
    let shown = ok(&ct, "GetDashboard", one.clone()).await;
    assert_ne!(shown["LastRefreshId"], refresh);
    assert_eq!(shown["LastRefreshFailureReason"], Value::Null);

    ok(&ct, "UpdateDashboard", json!({"DashboardId": "overview", "TerminationProtectionEnabled": true})).await;
    refused(&ct, "DeleteDashboard", one.clone(), "ConflictException: termination protection").await;
    ok(&ct, "UpdateDashboard", json!({"DashboardId": "overview", "TerminationProtectionEnabled": false})).await;
    let listed = ok(&ct, "ListDashboards", json!({"NamePrefix": "over"})).await;
    assert_eq!(listed, json!({"Dashboards": [{"DashboardArn": arn, "Type": "CUSTOM"}]}));
    assert_eq!(ok(&ct, "ListDashboards", json!({"Type": "MANAGED"})).await, json!({"Dashboards": []}));
    ok(&ct, "DeleteDashboard", one.clone()).await;
    refused(&ct, "GetDashboard", one, "ResourceNotFoundException").await;
}

#[tokio::test]
async fn sample_queries_are_found_page_by_page() {
    let world = World::new();
    let ct = world.open().await;
    let first = ok(&ct, "SearchSampleQueries", json!({"SearchPhrase": "security", "MaxResults": 2})).await;
    assert_eq!(first["SearchResults"].as_array().unwrap().len(), 2);
    let again = json!({"SearchPhrase": "security", "MaxResults": 2, "NextToken": first["NextToken"]});
    let second = ok(&ct, "SearchSampleQueries", again).await;
    assert_ne!(first["SearchResults"], second["SearchResults"]);
    refused(&ct, "SearchSampleQueries", json!({"SearchPhrase": "x", "NextToken": "zzzz"}), "InvalidParameterException")
        .await;
}
