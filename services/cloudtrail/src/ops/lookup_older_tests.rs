//! LookupEvents beyond the 90 days of event history: what is in the built-in event store is found by the same rules, once, page by page.

use std::sync::Arc;

use base::Env;
use base::time::DAY_MS;
use journal::{Journal, ReadLimit};
use ports::lake::NewRecord;
use ports::{EventStores, StoreId};
use serde_json::{Value, json};
use worker::Consumer;

use crate::testing::{START_MS, World, run};
use crate::{CloudTrail, Deps, History};

const EAST: &str = "us-east-1";

/// A management event so many days before the world begins.
fn event(id: &str, days: i64, name: &str, who: &str) -> String {
    let time = base::Timestamp::from_ms(START_MS - days * DAY_MS).iso8601_secs();
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","userName":"{who}","accessKeyId":"AKIA{who}"}},"eventTime":"{time}","eventSource":"cloudtrail.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","requestParameters":{{"name":"audit","other":"{id}"}},"eventID":"{id}","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"eventCategory":"Management"}}"#
    )
}

/// A service over a store that has some old events; the last 90 days are in history too, as they came by the journal.
async fn with_old(world: &World, old: &[String]) -> Arc<CloudTrail> {
    let env = Env { rng: Arc::new(testkit::SeededRng::new(1)), ..world.deps().env };
    let (state, objects) = (Arc::new(state::Memory::new()), Arc::new(objects::Memory::new()));
    let stores = eventstore::Stores::open(env, state, objects, eventstore::Options::default()).await.unwrap();
    let old: Vec<NewRecord> = old.iter().map(|json| NewRecord::new(json.clone())).collect();
    stores.append(&StoreId::events(), old).await.unwrap();
    let journal: Arc<dyn Journal> = Arc::new(world.journal.reopen());
    let entries = journal.read(journal.first(), ReadLimit::default()).unwrap();
    let mut events = eventstore::Events::open(Arc::clone(&stores), journal, None).unwrap();
    events.take(&entries).await.unwrap();
    let deps = Deps { event_stores: Some(stores), ..world.deps() };
    let ct = CloudTrail::new(deps).await.unwrap();
    let mut history = History::open(Arc::clone(&ct.history)).await.unwrap();
    history.take(&entries).await.unwrap();
    ct
}

/// The identifiers that a lookup finds, page by page.
async fn pages(world: &World, ct: &Arc<CloudTrail>, mut input: Value) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let page = run(ct, EAST, "LookupEvents", input.clone()).await.unwrap();
        let ids = page["Events"].as_array().unwrap().iter().map(|event| event["EventId"].as_str().unwrap().to_owned());
        pages.push(ids.collect());
        // Time goes on while somebody reads.
        world.clock.advance(60_000);
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => return pages,
        }
    }
}

fn since(days: i64) -> Value {
    json!({"StartTime": START_MS - days * DAY_MS})
}

#[tokio::test]
async fn an_older_start_reaches_further() {
    let world = World::new();
    world.record(&event("young", 1, "CreateTrail", "alice")).await;
    world.record(&event("aged", 89, "StartLogging", "bob")).await;
    let mut old: Vec<String> = (0..5).map(|n| event(&format!("old-{n}"), 91 + n, "CreateTrail", "alice")).collect();
    old.push(event("ancient", 2_000, "DeleteTrail", "bob"));
    // Neither of the region nor a management event.
    old.push(event("west", 95, "CreateTrail", "alice").replace(EAST, "eu-west-1"));
    old.push(event("data", 95, "CreateTrail", "alice").replace(r#""Management""#, r#""Data""#));
    // In history's time: history has what the server saw itself.
    old.push(event("imported", 50, "CreateTrail", "alice"));
    let ct = with_old(&world, &old).await;
    let all = async |input: Value| pages(&world, &ct, input).await.concat();
    assert_eq!(all(json!({})).await, ["aged", "young"], "no start: 90 days, in the order of the journal");
    assert_eq!(all(since(89)).await, ["aged", "young"]);
    assert_eq!(all(since(93)).await, ["aged", "young", "old-0", "old-1", "old-2"]);
    let found = ["aged", "young", "old-0", "old-1", "old-2", "old-3", "old-4", "ancient"];
    assert_eq!(all(since(3_000)).await, found);
    for size in 1..=8 {
        let mut input = since(3_000);
        input["MaxResults"] = size.into();
        let pages = pages(&world, &ct, input).await;
        assert_eq!(pages.concat(), found, "{size}");
        let size = usize::try_from(size).unwrap();
        assert!(pages.iter().all(|page| page.len() <= size), "{pages:?}");
    }
    let mut between = since(3_000);
    between["EndTime"] = (START_MS - 94 * DAY_MS).into();
    assert_eq!(all(between).await, ["old-3", "old-4", "ancient"]);
}

#[tokio::test]
async fn attributes_mean_what_they_mean_in_history() {
    let world = World::new();
    let old = [event("one", 100, "CreateTrail", "alice"), event("two", 101, "DeleteTrail", "bob")];
    let ct = with_old(&world, &old).await;
    for (key, value, expected) in [
        ("EventId", "one", vec!["one"]),
        ("EventName", "DeleteTrail", vec!["two"]),
        ("ReadOnly", "false", vec!["one", "two"]),
        ("ReadOnly", "true", vec![]),
        ("Username", "bob", vec!["two"]),
        ("ResourceType", "AWS::CloudTrail::Trail", vec!["one", "two"]),
        ("ResourceName", "audit", vec!["one", "two"]),
        // A text inside the request, but not the name of a resource.
        ("ResourceName", "one", vec![]),
        ("EventSource", "cloudtrail.amazonaws.com", vec!["one", "two"]),
        ("AccessKeyId", "AKIAalice", vec!["one"]),
    ] {
        let mut input = since(200);
        input["LookupAttributes"] = json!([{"AttributeKey": key, "AttributeValue": value}]);
        assert_eq!(pages(&world, &ct, input).await.concat(), expected, "{key} {value}");
    }
}
