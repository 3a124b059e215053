//! What is kept, how much of it, and until when.

use objects::Objects;
use state::{Expect, Op, SCAN_BYTES_MAX, VALUE_BYTES_MAX};

use super::*;
use crate::rows::{NAMED_QUERIES, NAMED_QUERY_IDS, TABLES, TOKENS};
use crate::run::{Executions, KEPT_MS};

async fn pieces(world: &World) -> Vec<String> {
    let listed = world.objects.list("athena-results/", None, 100).await.unwrap();
    listed.into_iter().map(|object| object.name).collect()
}

#[tokio::test]
async fn old_queries_are_forgotten_with_all_their_pieces() {
    let world = World::new();
    let athena = world.open().await;
    let old = start(&athena, "SELECT 2500 FROM events").await;
    over(&athena, &old).await;
    // As if the server had ended before this piece was known.
    let unknown = format!("athena-results/{}/{old}/000003", &old[..2]);
    world.objects.put(&unknown, Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(pieces(&world).await.len(), 4);
    world.clock.advance(KEPT_MS + 1);
    let new = start(&athena, "SELECT 1 FROM events").await;
    over(&athena, &new).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(pieces(&world).await, [format!("athena-results/{}/{new}/000000", &new[..2])]);
    refused(&athena, "GetQueryExecution", json!({"QueryExecutionId": old}), "was not found").await;
    assert_eq!(ok(&athena, "ListQueryExecutions", json!({})).await["QueryExecutionIds"], json!([new]));
    assert!(world.file(&format!("out/{old}.csv")).starts_with("\"number\""), "files in buckets stay");
}

#[tokio::test]
async fn a_server_that_stops_interrupts_and_cancels_nothing() {
    let world = World::new();
    let athena = world.open().await;
    let mut ids = Vec::new();
    // The sixth waits.
    for _ in 0..6 {
        ids.push(start(&athena, "SELECT FOREVER FROM events").await);
    }
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    ok(&athena, "StopQueryExecution", json!({"QueryExecutionId": ids[0]})).await;
    let executions: Arc<Executions> = Arc::clone(&athena.executions);
    drop(athena);
    for (at, id) in ids.iter().enumerate() {
        let execution = loop {
            let found = executions.find(id, Region::US_EAST_1).await.unwrap();
            if found.state.is_over() {
                break found;
            }
            tokio::task::yield_now().await;
        };
        let reason = execution.reason.unwrap();
        if at == 0 {
            assert_eq!((execution.state.name(), reason.as_str()), ("CANCELLED", "Query cancelled by user"));
        } else {
            assert_eq!((execution.state.name(), execution.by_user), ("FAILED", false), "{reason}");
            assert!(reason.contains("the server stopped"), "{reason}");
        }
        assert!(execution.completed_ms.is_some(), "its own end is stored");
    }
}

fn saving(statement: &str, token: &str) -> Json {
    json!({"Name": "root", "Database": "default", "QueryString": statement, "ClientRequestToken": token})
}

#[tokio::test]
async fn long_statements_can_be_listed() {
    let world = World::new();
    let athena = world.open().await;
    const { assert!(9 * VALUE_BYTES_MAX > SCAN_BYTES_MAX) };
    // More bytes than are read at once. Nobody reads these to list them.
    let long = Bytes::from(vec![b'x'; VALUE_BYTES_MAX]);
    for number in 0..9 {
        let key = state::key::key(&["us-east-1".to_owned(), format!("0-{number}")]);
        let id = NAMED_QUERY_IDS.put_op(&key, &1, Expect::Absent).unwrap();
        let row = Op::Put { table: NAMED_QUERIES.table(), key, value: long.clone(), expect: Expect::Absent };
        state::State::commit(&*world.state, vec![row, id]).await.unwrap();
    }
    let new = ok(&athena, "CreateNamedQuery", saving("SELECT 1", "token")).await;
    let listed = ok(&athena, "ListNamedQueries", json!({})).await;
    assert_eq!(listed["NamedQueryIds"].as_array().unwrap().len(), 10);
    ok(&athena, "DeleteNamedQuery", new).await;
    let left = ok(&athena, "ListNamedQueries", json!({})).await;
    assert_eq!(left["NamedQueryIds"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn a_token_lives_as_long_as_what_it_made() {
    let world = World::new();
    let athena = world.open().await;
    let first = ok(&athena, "CreateNamedQuery", saving("SELECT 1", "token")).await;
    refused(&athena, "CreateNamedQuery", saving("SELECT 2", "token"), "Idempotent parameters do not match").await;
    // A thousand are the most, and the same request is still answered.
    let more = (1..1_000).map(|number| {
        let key = state::key::key(&["us-east-1".to_owned(), format!("{number:04}")]);
        NAMED_QUERY_IDS.put_op(&key, &1, Expect::Absent).unwrap()
    });
    state::State::commit(&*world.state, more.collect()).await.unwrap();
    refused(&athena, "CreateNamedQuery", saving("SELECT 1", "other"), "There are 1000 named queries already").await;
    assert_eq!(ok(&athena, "CreateNamedQuery", saving("SELECT 1", "token")).await, first);

    ok(&athena, "DeleteNamedQuery", first.clone()).await;
    refused(&athena, "DeleteNamedQuery", first.clone(), "does not exist").await;
    let tokens = state::State::scan(&*world.state, TOKENS.table(), state::Range::all(), 10).await.unwrap();
    assert!(tokens.is_empty());
    let second = ok(&athena, "CreateNamedQuery", saving("SELECT 2", "token")).await;
    assert_ne!(second, first);
}

#[tokio::test]
async fn a_table_is_bounded_and_so_are_all() {
    let world = World::new();
    let athena = world.open().await;
    let with =
        |length: usize| CREATE.replace("eventName STRING", &format!("eventName STRING, {} STRING", "x".repeat(length)));
    let refused = failure(&athena, &with(50 * 1024)).await;
    assert!(refused.contains("bytes long; 49152 are allowed"), "{refused}");
    rows(&athena, &with(40 * 1024)).await;
    let kept = state::State::scan(&*world.state, TABLES.table(), state::Range::all(), 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(rows(&athena, "SELECT 1 FROM cloudtrail_logs").await.len(), 2);
}
