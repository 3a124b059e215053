//! Queries by the API, over an engine that knows one sort of statement.

use std::sync::Arc;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base::time::DAY_MS;
use flate2::read::GzDecoder;
use ports::BucketError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Read;

use super::row::QueryStatus;
use crate::CloudTrail;
use crate::lake::tests::{make, ok, refused};
use crate::testing::{World, run};

async fn start(ct: &Arc<CloudTrail>, statement: &str) -> String {
    let started = ok(ct, "StartQuery", json!({"QueryStatement": statement})).await;
    started["QueryId"].as_str().unwrap().to_owned()
}

/// What DescribeQuery says once the query is over and its result delivered.
async fn over(ct: &Arc<CloudTrail>, id: &str) -> Value {
    loop {
        let described = ok(ct, "DescribeQuery", json!({"QueryId": id})).await;
        let running = described["QueryStatus"] == "RUNNING" || described["DeliveryStatus"] == "PENDING";
        // A cancelled query says so before it has ended.
        if !running && ct.lake.queries.running_now(id).is_none() {
            return described;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_result_comes_page_by_page() {
    let world = World::new();
    let ct = world.open().await;
    let (_, store) = make(&ct, json!({"Name": "audit"})).await;
    let id = start(&ct, &format!("SELECT 2500 FROM {store}")).await;
    let described = over(&ct, &id).await;
    assert_eq!(described["QueryStatus"], "FINISHED");
    let statistics = json!({"EventsMatched": 2_500, "EventsScanned": 10, "BytesScanned": 1_000,
        "ExecutionTimeInMillis": 0, "CreationTime": "2026-03-01T12:00:00Z"});
    assert_eq!(described["QueryStatistics"], statistics);

    let (mut input, mut seen, mut sizes) = (json!({"QueryId": id, "EventDataStore": store}), Vec::new(), Vec::new());
    loop {
        let page = ok(&ct, "GetQueryResults", input.clone()).await;
        let rows = page["QueryResultRows"].as_array().unwrap().clone();
        assert_eq!(page["QueryStatistics"]["ResultsCount"], rows.len());
        assert_eq!(page["QueryStatistics"]["TotalResultsCount"], 2_500);
        sizes.push(rows.len());
        seen.extend(rows);
        if page["NextToken"].is_null() {
            break;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
    assert_eq!(sizes, [1_000, 1_000, 500]);
    assert_eq!(seen[2_499], json!([{"number": "2499"}, {"nothing": ""}]));
    let few = ok(&ct, "GetQueryResults", json!({"QueryId": id, "MaxQueryResults": 3})).await;
    assert_eq!(few["QueryResultRows"].as_array().unwrap().len(), 3);
    let other = start(&ct, &format!("SELECT 1 FROM {store}")).await;
    over(&ct, &other).await;
    let mixed = json!({"QueryId": other, "NextToken": few["NextToken"]});
    refused(&ct, "GetQueryResults", mixed, "InvalidNextTokenException").await;

    // A week later it is forgotten, with its rows.
    let rows = world.objects.clone();
    assert!(!objects::Objects::list(&rows, "lake-results/", None, 10).await.unwrap().is_empty());
    world.clock.advance(7 * DAY_MS + 1);
    ct.catch_up().await.unwrap();
    refused(&ct, "DescribeQuery", json!({"QueryId": id}), "QueryIdNotFoundException").await;
    assert!(objects::Objects::list(&rows, "lake-results/", None, 10).await.unwrap().is_empty());
    for table in [crate::rows::QUERIES_BY_STORE, crate::rows::QUERIES_BY_TIME, crate::rows::QUERIES_OPEN] {
        let left = state::State::scan(&world.state, table, state::Range::all(), 10).await.unwrap();
        assert!(left.is_empty(), "{table}");
    }
}

#[tokio::test]
async fn what_cannot_run_is_refused() {
    let world = World::new();
    let ct = world.open().await;
    let (_, store) = make(&ct, json!({"Name": "audit", "TerminationProtectionEnabled": false})).await;
    let ask = |statement: &str| json!({"QueryStatement": statement});
    refused(&ct, "StartQuery", ask("DROP x"), "InvalidQueryStatementException: line 1:1: Expected: SELECT").await;
    refused(&ct, "StartQuery", ask("SELECT 1 FROM nowhere"), "InvalidQueryStatementException: line 1:15").await;
    let absent = "SELECT 1 FROM ee54f254-e4d5-4e0c-8f5b-0123456789ab";
    refused(&ct, "StartQuery", ask(absent), "EventDataStoreNotFoundException: ee54f254").await;
    refused(&ct, "StartQuery", json!({}), "InvalidParameterException").await;
    let with = |name: &str, value: &str| {
        let mut input = ask("SELECT 1 FROM events");
        input[name] = json!(value);
        input
    };
    refused(&ct, "StartQuery", with("EventDataStoreOwnerAccountId", "999999999999"), "EventDataStoreNotFoundException")
        .await;
    refused(&ct, "StartQuery", with("DeliveryS3Uri", "s3://none/x"), "S3BucketDoesNotExistException").await;
    refused(&ct, "StartQuery", with("DeliveryS3Uri", "s3://No/x"), "InvalidS3BucketNameException").await;
    world.buckets.refuse("logs", Some(BucketError::AccessDenied));
    refused(&ct, "StartQuery", with("DeliveryS3Uri", "s3://logs"), "InsufficientS3BucketPolicyException").await;
    refused(
        &ct,
        "DescribeQuery",
        json!({"QueryId": "ee54f254-e4d5-4e0c-8f5b-0123456789ab"}),
        "QueryIdNotFoundException",
    )
    .await;
    ok(&ct, "DeleteEventDataStore", json!({"EventDataStore": store})).await;
    let pending = format!("SELECT 1 FROM {store}");
    refused(&ct, "StartQuery", ask(&pending), "InactiveEventDataStoreException").await;
    refused(&ct, "ListQueries", json!({"EventDataStore": store}), "InactiveEventDataStoreException").await;
}

#[tokio::test]
async fn ten_run_at_a_time_and_can_be_cancelled() {
    let world = World::new();
    let ct = world.open().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(start(&ct, "SELECT FOREVER FROM events").await);
    }
    while world.query_engine.ran.lock().unwrap().len() < 10 {
        tokio::task::yield_now().await;
    }
    let eleventh = json!({"QueryStatement": "SELECT 1 FROM events"});
    refused(&ct, "StartQuery", eleventh.clone(), "MaxConcurrentQueriesException").await;
    assert_eq!(ok(&ct, "GetQueryResults", json!({"QueryId": ids[0]})).await["QueryStatus"], "RUNNING");
    assert_eq!(ok(&ct, "CancelQuery", json!({"QueryId": ids[0]})).await["QueryStatus"], "CANCELLED");
    refused(&ct, "CancelQuery", json!({"QueryId": ids[0]}), "InactiveQueryException").await;
    assert_eq!(over(&ct, &ids[0]).await["QueryStatus"], "CANCELLED");
    // What it had by then is there.
    let partial = ok(&ct, "GetQueryResults", json!({"QueryId": ids[0]})).await;
    assert_eq!(partial["QueryResultRows"], json!([[{"number": "0"}, {"nothing": ""}]]));
    ok(&ct, "StartQuery", eleventh).await;
}

#[tokio::test]
async fn failures_say_why() {
    let world = World::new();
    let ct = world.open().await;
    let failed = over(&ct, &start(&ct, "SELECT FAIL FROM events").await).await;
    assert_eq!((&failed["QueryStatus"], &failed["ErrorMessage"]), (&json!("FAILED"), &json!("line 1:8: cannot cast")));
    let id = start(&ct, "SELECT TIMEOUT FROM events").await;
    assert_eq!(over(&ct, &id).await["QueryStatus"], "TIMED_OUT");
    let partial = ok(&ct, "GetQueryResults", json!({"QueryId": id})).await;
    assert_eq!(partial["QueryResultRows"].as_array().unwrap().len(), 1);
    assert!(partial["ErrorMessage"].as_str().unwrap().contains("ran for more than"));
}

#[tokio::test]
async fn a_restart_interrupts_queries_and_loses_none() {
    let world = World::new();
    let ct = world.open().await;
    let running = start(&ct, "SELECT FOREVER FROM events").await;
    let finished = start(&ct, "SELECT 5 FROM events").await;
    over(&ct, &finished).await;
    let again = world.open().await;
    let described = over(&again, &running).await;
    assert_eq!(described["QueryStatus"], "FAILED");
    assert!(described["ErrorMessage"].as_str().unwrap().contains("server stopped"));
    let page = ok(&again, "GetQueryResults", json!({"QueryId": finished})).await;
    assert_eq!(page["QueryResultRows"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_server_that_stops_interrupts_and_cancels_nothing() {
    let world = World::new();
    let ct = world.open().await;
    let running = start(&ct, "SELECT FOREVER FROM events").await;
    let cancelled = start(&ct, "SELECT FOREVER FROM events").await;
    while world.query_engine.ran.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    ok(&ct, "CancelQuery", json!({"QueryId": cancelled})).await;
    let queries = Arc::clone(&ct.lake.queries);
    drop(ct);
    for id in [&running, &cancelled] {
        while queries.running_now(id).is_some() {
            tokio::task::yield_now().await;
        }
    }
    let of = async |id: &str| queries.find(id, base::Region::US_EAST_1).await.unwrap();
    let (running, cancelled) = (of(&running).await, of(&cancelled).await);
    assert_eq!((running.status, cancelled.status), (QueryStatus::Failed, QueryStatus::Cancelled));
    assert!(running.error.unwrap().contains("server stopped"));
    assert!(running.finished_ms.is_some(), "its own end is stored");
}

#[tokio::test]
async fn a_query_is_forgotten_with_pieces_of_which_it_knows_nothing() {
    let world = World::new();
    let ct = world.open().await;
    let id = start(&ct, "SELECT FAIL FROM events").await;
    over(&ct, &id).await;
    let objects = world.objects.clone();
    // As if the server had ended after these pieces.
    for number in 0..3 {
        let name = format!("lake-results/{}/{id}/{number:06}", &id[..2]);
        objects::Objects::put(&objects, &name, bytes::Bytes::from_static(b"x")).await.unwrap();
    }
    world.clock.advance(7 * DAY_MS + 1);
    ct.catch_up().await.unwrap();
    assert!(objects::Objects::list(&objects, "lake-results/", None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn queries_are_listed_newest_first() {
    let world = World::new();
    let ct = world.open().await;
    let (_, store) = make(&ct, json!({"Name": "audit"})).await;
    let mut ids = Vec::new();
    for what in ["1", "FAIL", "2", "3"] {
        let id = start(&ct, &format!("SELECT {what} FROM {store}")).await;
        over(&ct, &id).await;
        ids.insert(0, id);
        world.clock.advance(60_000);
    }
    let list = |more: Value| {
        let mut input = json!({"EventDataStore": store});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let named = |page: &Value| -> Vec<String> {
        page["Queries"].as_array().unwrap().iter().map(|one| one["QueryId"].as_str().unwrap().to_owned()).collect()
    };
    let first = ok(&ct, "ListQueries", list(json!({"MaxResults": 3}))).await;
    assert_eq!(named(&first), ids[..3]);
    let rest = ok(&ct, "ListQueries", list(json!({"MaxResults": 3, "NextToken": first["NextToken"]}))).await;
    assert_eq!((named(&rest), &rest["NextToken"]), (ids[3..].to_vec(), &Value::Null));
    let failed = ok(&ct, "ListQueries", list(json!({"QueryStatus": "FAILED"}))).await;
    assert_eq!(named(&failed), ids[2..3]);
    let base = crate::testing::START_MS;
    let between = json!({"StartTime": base + 30_000, "EndTime": base + 130_000});
    assert_eq!(named(&ok(&ct, "ListQueries", list(between)).await), ids[1..3]);
    let backwards = list(json!({"StartTime": base + 1, "EndTime": base}));
    refused(&ct, "ListQueries", backwards, "InvalidDateRangeException").await;
    refused(&ct, "ListQueries", list(json!({"QueryStatus": "DONE"})), "InvalidQueryStatusException").await;
    refused(&ct, "ListQueries", list(json!({"NextToken": "00ff"})), "InvalidNextTokenException").await;
}

fn unpack(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_result_is_delivered_with_a_file_that_proves_it() {
    let world = World::new();
    let ct = world.open().await;
    let (_, store) = make(&ct, json!({"Name": "audit"})).await;
    let ask = json!({"QueryStatement": format!("SELECT 2 FROM {store}"), "DeliveryS3Uri": "s3://logs/lake/"});
    let id = ok(&ct, "StartQuery", ask).await["QueryId"].as_str().unwrap().to_owned();
    let described = over(&ct, &id).await;
    assert_eq!(
        (&described["DeliveryStatus"], &described["DeliveryS3Uri"]),
        (&json!("SUCCESS"), &json!("s3://logs/lake/"))
    );
    let folder = format!("lake/AWSLogs/123456789012/CloudTrail-Lake/Query/2026/03/01/{id}");
    let stored = world.buckets.buckets.lock().unwrap()["logs"].clone();
    let (csv, _) = &stored[&format!("{folder}/result_1.csv.gz")];
    assert_eq!(unpack(csv), "\"number\",\"nothing\"\n\"0\",\n\"1\",\n");
    let (sign, _) = &stored[&format!("{folder}/result_sign.json")];
    let sign: Value = serde_json::from_slice(sign).unwrap();
    let hash = base::ids::hex(&Sha256::digest(csv));
    assert_eq!(sign["files"], json!([{"fileHashValue": hash, "fileName": "result_1.csv.gz"}]));
    assert_eq!((&sign["region"], &sign["queryCompleteTime"]), (&json!("us-east-1"), &json!("2026-03-01T12:00:00Z")));
    // The signature fits the key that ListPublicKeys shows for that time.
    let keys = ok(&ct, "ListPublicKeys", json!({})).await;
    let keys = keys["PublicKeyList"].as_array().unwrap();
    let key = keys.iter().find(|key| key["Fingerprint"] == sign["publicKeyFingerprint"]).unwrap();
    let der = base::ids::unhex(key["Value"].as_str().unwrap()).unwrap();
    let signature = base::ids::unhex(sign["hashSignature"].as_str().unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der);
    assert!(public.verify(hash.as_bytes(), &signature).is_ok());
    assert!(public.verify(b"other", &signature).is_err());
}

#[tokio::test]
async fn a_delivery_that_fails_says_how() {
    for (refused, error, expected) in [
        ("logs:result_1", BucketError::AccessDenied, "ACCESS_DENIED"),
        ("logs:result_sign", BucketError::AccessDenied, "ACCESS_DENIED_SIGNING_FILE"),
        ("logs:result_1", BucketError::NoSuchBucket, "RESOURCE_NOT_FOUND"),
        ("logs:result_sign", BucketError::Unavailable("x".to_owned()), "FAILED_SIGNING_FILE"),
    ] {
        let world = World::new();
        let ct = world.open().await;
        let ask = json!({"QueryStatement": "SELECT FOREVER FROM events", "DeliveryS3Uri": "s3://logs"});
        let cancelled = ok(&ct, "StartQuery", ask).await["QueryId"].as_str().unwrap().to_owned();
        ok(&ct, "CancelQuery", json!({"QueryId": cancelled})).await;
        assert_eq!(over(&ct, &cancelled).await["DeliveryStatus"], "CANCELLED");
        // The check before it passes; what comes after does not.
        if refused.contains("sign") {
            world.buckets.refuse(refused, Some(error));
            let ask = json!({"QueryStatement": "SELECT 1 FROM events", "DeliveryS3Uri": "s3://logs"});
            let id = ok(&ct, "StartQuery", ask).await["QueryId"].as_str().unwrap().to_owned();
            assert_eq!(over(&ct, &id).await["DeliveryStatus"], expected);
            continue;
        }
        let ask = json!({"QueryStatement": "SELECT 1 FROM events", "DeliveryS3Uri": "s3://logs"});
        let id = run(&ct, "us-east-1", "StartQuery", ask).await.unwrap()["QueryId"].as_str().unwrap().to_owned();
        // On one thread nothing of it has run yet.
        world.buckets.refuse(refused, Some(error));
        assert_eq!(over(&ct, &id).await["DeliveryStatus"], expected);
    }
}

#[tokio::test]
async fn a_query_is_found_by_its_alias() {
    let world = World::new();
    let ct = world.open().await;
    refused(&ct, "StartQuery", json!({"QueryAlias": "nothing"}), "InvalidParameterException: nothing").await;
    refused(&ct, "DescribeQuery", json!({"QueryAlias": "root-use"}), "QueryIdNotFoundException").await;
    refused(&ct, "DescribeQuery", json!({}), "InvalidParameterException").await;
}
