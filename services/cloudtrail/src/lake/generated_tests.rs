//! GenerateQuery by the API, and what StartQuery makes of its alias.

use base::time::DAY_MS;
use serde_json::json;

use crate::lake::tests::{make, ok, refused};
use crate::testing::World;

#[tokio::test]
async fn a_question_becomes_a_statement_under_an_alias() {
    let world = World::new();
    let ct = world.open().await;
    let (arn, store) = make(&ct, json!({"Name": "audit", "TerminationProtectionEnabled": false})).await;
    for named in [&arn, &store] {
        let ask = json!({"EventDataStores": [named], "Prompt": "top 3 users today"});
        let made = ok(&ct, "GenerateQuery", ask).await;
        let statement = made["QueryStatement"].as_str().unwrap();
        assert!(statement.contains(&format!("FROM {store}\n")), "{statement}");
        assert!(statement.contains("eventTime >= '2026-03-01 00:00:00'"), "{statement}");
        assert_eq!(made["EventDataStoreOwnerAccountId"], "123456789012");
        let alias = made["QueryAlias"].as_str().unwrap();
        assert!(alias.starts_with("AWSCloudTrail-"), "{alias}");
        // The engine of these tests does not know the statement: it got as far as there.
        refused(&ct, "StartQuery", json!({"QueryAlias": alias}), "InvalidQueryStatementException").await;
        let with = json!({"QueryAlias": alias, "QueryParameters": [store]});
        refused(&ct, "StartQuery", with, "InvalidParameterException: has no parameters").await;
    }
    let events = ok(&ct, "GenerateQuery", json!({"EventDataStores": ["events"], "Prompt": "errors by user"})).await;
    assert!(events["QueryStatement"].as_str().unwrap().contains("FROM events\n"));
}

#[tokio::test]
async fn what_no_query_can_be_made_of_is_refused() {
    let world = World::new();
    let ct = world.open().await;
    let (_, store) = make(&ct, json!({"Name": "audit", "TerminationProtectionEnabled": false})).await;
    let ask = |store: &str, prompt: &str| json!({"EventDataStores": [store], "Prompt": prompt});
    let check = async |input, expected: &str| refused(&ct, "GenerateQuery", input, expected).await;
    check(ask(&store, "colourless green ideas"), "GenerateResponseException: Not understood: colourless, green, ideas")
        .await;
    check(ask(&store, "please show me"), "GenerateResponseException: nothing of what to look for").await;
    check(ask("ee54f254-e4d5-4e0c-8f5b-0123456789ab", "errors"), "EventDataStoreNotFoundException").await;
    check(ask("audit", "errors"), "EventDataStoreARNInvalidException").await;
    check(json!({"EventDataStores": [store, "events"], "Prompt": "errors"}), "InvalidParameterException: exactly one")
        .await;
    ok(&ct, "DeleteEventDataStore", json!({"EventDataStore": store})).await;
    check(ask(&store, "errors"), "InactiveEventDataStoreException").await;
}

#[tokio::test]
async fn an_alias_lasts_for_a_month() {
    let world = World::new();
    let ct = world.open().await;
    let (_, store) = make(&ct, json!({"Name": "audit"})).await;
    let made = ok(&ct, "GenerateQuery", json!({"EventDataStores": [store], "Prompt": "errors by user"})).await;
    let ask = json!({"QueryAlias": made["QueryAlias"]});
    world.clock.advance(30 * DAY_MS);
    ct.catch_up().await.unwrap();
    refused(&ct, "StartQuery", ask.clone(), "InvalidQueryStatementException").await;
    world.clock.advance(DAY_MS);
    refused(&ct, "StartQuery", ask.clone(), "InvalidParameterException: There is no query alias").await;
    ct.catch_up().await.unwrap();
    for table in [crate::rows::GENERATED, crate::rows::GENERATED_BY_TIME] {
        let left = state::State::scan(&world.state, table, state::Range::all(), 10).await.unwrap();
        assert!(left.is_empty(), "{table}");
    }
}
