//! What a query may use, and that nothing it does takes the others with it.

use std::sync::Arc;

use futures_util::FutureExt;
use ports::lake::{Dialect, QueryErrorKind as Kind, QueryProgress, QueryRequest};
use tokio::sync::watch;

use crate::world::{Place, RECORDS, World, request};

fn lake(sql: &str) -> QueryRequest {
    request(sql, Dialect::Lake)
}

async fn world() -> World {
    World::new(RECORDS, Place::Parts).await
}

/// Nothing of the query before is left on disk, and the engine still answers.
async fn lives(world: &World) {
    assert_eq!(spilled(world), 0, "files are left");
    let table = world.ask(lake("SELECT count(*) FROM events")).await.unwrap();
    assert_eq!(table.rows, [[Some("51".to_owned())]]);
    assert_eq!(spilled(world), 0, "files are left");
}

#[expect(clippy::disallowed_methods, reason = "looks at what is left on the real disk")]
fn spilled(world: &World) -> usize {
    std::fs::read_dir(world.spill.path()).unwrap().count()
}

async fn fails(world: &World, request: QueryRequest, kind: Kind) {
    let sql = request.sql.clone();
    match world.ask(request).await {
        Err(error) => assert_eq!(error.kind, kind, "{sql}: {error}"),
        Ok(table) => panic!("{sql}: {} rows", table.rows.len()),
    }
    lives(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cross_join_that_blows_up_ends_with_its_memory() {
    let world = world().await;
    for sql in [
        "SELECT a.eventJson, b.eventJson, c.eventJson FROM events a, events b, events c, events d ORDER BY 1, 2, 3",
        "SELECT array_agg(a.eventJson || b.eventJson) FROM events a, events b, events c, events d",
        "SELECT max(array_join(l, ',')) FROM (SELECT array_agg(a.eventJson) AS l FROM events a, events b, events c, events d)",
        "SELECT eventJson, array_agg(x) FROM (SELECT a.eventJson, b.eventJson AS x FROM events a, events b, events c, events d) GROUP BY 1",
        "SELECT approx_distinct(x), histogram(x) FROM (SELECT a.eventID || b.eventID || c.eventID AS x FROM events a, events b, events c, events d)",
    ] {
        let mut request = lake(sql);
        request.limits.memory_bytes = 6 << 20;
        fails(&world, request, Kind::TooMuchMemory).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_in_memory_is_sorted_and_grouped_on_disk() {
    let world = world().await;
    // 132,651 rows with some 200 bytes each: several times the memory.
    let from = "FROM (SELECT a.eventID || b.eventID || c.eventID AS x, lpad(a.requestID, 90, 'x') AS y FROM events a, events b, events c)";
    let mut sorted = lake(&format!("SELECT x {from} ORDER BY x DESC, y"));
    sorted.limits.memory_bytes = 48 << 20;
    sorted.limits.max_concurrency = 1;
    sorted.limits.max_rows = None;
    let table = world.ask(sorted).await.unwrap();
    assert_eq!(table.rows.len(), 51 * 51 * 51);
    assert!(table.rows.windows(2).all(|two| two[0][0] >= two[1][0]));
    lives(&world).await;

    let mut grouped = lake(&format!("SELECT count(*) FROM (SELECT x, count(*) AS n {from} GROUP BY x)"));
    grouped.limits.memory_bytes = 48 << 20;
    grouped.limits.max_concurrency = 1;
    let table = world.ask(grouped).await.unwrap();
    assert_eq!(table.rows[0][0].as_deref(), Some("132651"));
    lives(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_runs_out() {
    let world = world().await;
    for sql in [
        "SELECT count(*) FROM events e, UNNEST(sequence(1, 10000)) AS a(x), UNNEST(sequence(1, 10000)) AS b(x) WHERE length(e.eventName || CAST(a.x + b.x AS varchar)) = 3",
        "SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a(x), UNNEST(sequence(1, 10000)) AS b(x) WHERE regexp_like(CAST(a.x * b.x AS varchar), '(1+2+)+3')",
        "SELECT max(lpad(CAST(a.x + b.x AS varchar), 1000, 'x')) FROM UNNEST(sequence(1, 10000)) AS a(x), UNNEST(sequence(1, 10000)) AS b(x)",
    ] {
        let mut request = lake(sql);
        request.limits.timeout_ms = 300;
        fails(&world, request, Kind::TimedOut).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_counted() {
    let world = world().await;
    let mut enough = lake("SELECT eventID FROM events");
    enough.limits.max_rows = Some(51);
    assert_eq!(world.ask(enough.clone()).await.unwrap().rows.len(), 51);
    enough.limits.max_rows = Some(50);
    fails(&world, enough, Kind::TooManyRows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_cancelled_ends() {
    let world = world().await;
    let (cancel, cancelled) = watch::channel(false);
    let forever = lake(
        "SELECT count(*) FROM events a, events b, events c, events d, events e, events f, events g WHERE a.eventID || b.eventID = c.eventID || d.eventID || e.eventID || f.eventID || g.eventID",
    );
    let progress: Arc<QueryProgress> = Arc::default();
    let asked = world.ask_with(forever.clone(), progress, cancelled);
    let (error, ()) = tokio::join!(asked, async {
        cancel.send_replace(true);
    });
    assert_eq!(error.unwrap_err().kind, Kind::Cancelled);
    lives(&world).await;

    // One that nobody waits for any more.
    let (_cancel, cancelled) = watch::channel(false);
    let mut answer = world.engine.start(forever, Arc::default(), cancelled).await.unwrap();
    assert!(answer.next().now_or_never().is_none());
    assert!(spilled(&world) > 0);
    drop(answer);
    world.engine.settled().await;
    lives(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_without_measure_are_refused_or_answered() {
    let world = world().await;
    let many = |part: &str, by: &str, count: usize| vec![part; count].join(by);
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    for count in [200, 900, 60_000] {
        for sql in [
            format!("SELECT {}", many("1", "+", count)),
            format!("SELECT {}", many("'a'", "||", count)),
            format!("SELECT count(*) FROM events WHERE {}", many("eventName='x'", " OR ", count)),
            format!("SELECT count(*) FROM events WHERE {}", many("eventName<>awsRegion", " AND ", count)),
            format!("SELECT count(*) FROM events WHERE eventName IN ({})", many("'x'", ",", count)),
            format!("SELECT {}", nested("(", "1", ")", count)),
            format!("SELECT {}", nested("abs(", "1", ")", count)),
            format!("SELECT {}", nested("ARRAY[", "1", "]", count)),
            format!("SELECT {}", nested("- ", "1", "", count)),
            format!("SELECT {}", nested("NOT ", "true", "", count)),
            format!("SELECT {}", nested("CASE WHEN true THEN ", "1", " END", count)),
            format!("SELECT x{} FROM events", "[1]".repeat(count)),
            format!("SELECT userIdentity{} FROM events", ".a".repeat(count)),
            format!("SELECT * FROM {}", nested("(SELECT * FROM ", "events", ") t", count)),
            many("SELECT 1", " UNION ALL ", count),
            format!("SELECT 1 FROM {}", many("events", " CROSS JOIN ", count)),
            format!("SELECT {}", many("eventName", ",", count)) + " FROM events",
            format!("SELECT CAST(NULL AS {})", nested("array(", "bigint", ")", count)),
            format!("SELECT json_parse('{}')", nested("[", "", "]", count)),
            format!("SELECT json_extract('{}', '${}')", nested("[", "", "]", count), "[0]".repeat(count)),
            format!("SELECT regexp_like('x', '{}')", nested("(", "x", ")", count)),
        ] {
            let mut asked = lake(&sql);
            asked.limits.timeout_ms = 20_000;
            if let Err(error) = world.ask(asked).await {
                let shown: String = sql.chars().take(60).collect();
                assert_ne!(error.kind, Kind::Internal, "{count} times {shown}: {error}");
            }
        }
    }
    lives(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_asked_for_is_read() {
    let world = world().await;
    let bytes = async |sql: &str| {
        let progress: Arc<QueryProgress> = Arc::default();
        let (_keep, cancel) = watch::channel(false);
        world.ask_with(lake(sql), progress.clone(), cancel).await.unwrap();
        (progress.rows_scanned(), progress.bytes_scanned())
    };
    let (_, everything) = bytes("SELECT * FROM events").await;
    let (rows, one) = bytes("SELECT eventName FROM events").await;
    assert_eq!(rows, 51);
    let (_, json) = bytes("SELECT eventName, eventJson FROM events").await;
    assert!(one * 3 < json, "{one} of {json}");
    assert!(one * 3 < everything, "{one} of {everything}");
    let (_, field) = bytes("SELECT userIdentity.userName FROM events").await;
    let (_, identity) = bytes("SELECT userIdentity FROM events").await;
    assert!(field * 2 < identity, "{field} of {identity}");
    // Parts whose times cannot match are not opened.
    let (none, _) = bytes("SELECT eventName FROM events WHERE eventTime > '2025-06-01'").await;
    assert_eq!(none, 0);
    let (none, _) = bytes("SELECT eventName FROM events WHERE eventID = '11111111-0000-4000-8000-000000000011'").await;
    assert_eq!(none, 0);
    let (none, _) =
        bytes("SELECT count(*) FROM events WHERE element_at(requestParameters, 'bucketName') = 'no-such'").await;
    assert_eq!(none, 0);
    for of_resources in
        ["any_match(resources, r -> r.type <> 'x' AND r.arn = 'no-such')", "element_at(resources, 1).arn = 'no-such'"]
    {
        let (none, _) = bytes(&format!("SELECT count(*) FROM events WHERE {of_resources}")).await;
        assert_eq!(none, 0, "{of_resources}");
    }
}
