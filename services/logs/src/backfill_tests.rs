//! Tests of back-fills: every event is counted once in a metric, whatever happens on the way.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use base::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use ports::{Backfilled, HandOver, MetricFilters};
use serde_json::{Value, json};

use crate::filters::minute_of;
use crate::testing::{Running, START};

async fn with_stream() -> Running {
    let running = Running::new().await;
    running.run("CreateLogGroup", json!({"logGroupName": "g"})).await;
    running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    running
}

async fn put(running: &Running, events: &[(i64, &str)]) {
    let events: Vec<Value> = events.iter().map(|(ts, text)| json!({"timestamp": ts, "message": text})).collect();
    running.run("PutLogEvents", json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events})).await;
}

async fn filter(running: &Running, pattern: &str, transformation: Value) {
    let mut made = json!({"metricNamespace": "N", "metricName": "n", "metricValue": "1"});
    made.as_object_mut().unwrap().extend(transformation.as_object().unwrap().clone());
    let asked =
        json!({"logGroupName": "g", "filterName": "f", "filterPattern": pattern, "metricTransformations": [made]});
    running.run("PutMetricFilter", asked).await;
}

async fn step(running: &Running, days: u32, dry_run: Option<Option<i64>>) -> Result<Backfilled, HandOver> {
    running.of_past(days, async |logs, asked| logs.backfill(asked, "f", dry_run).await).await
}

/// All steps of a run together.
async fn run(running: &Running, days: u32) -> Backfilled {
    let mut all = Backfilled::default();
    loop {
        let one = step(running, days, None).await.unwrap();
        all.searched += one.searched;
        all.matched += one.matched;
        all.values += one.values;
        all.defaults += one.defaults;
        all.left_out_from_ms = one.left_out_from_ms;
        all.is_nothing_left = one.is_nothing_left;
        if one.next_ms.is_none() {
            return all;
        }
    }
}

/// How often each metric has each value in each minute, the first of which is 0.
fn counts(running: &Running) -> BTreeMap<(String, i64, String), f64> {
    let mut counts = BTreeMap::new();
    for datum in running.world.metrics.lock().unwrap().iter().flat_map(|(.., data)| data) {
        let minute = (minute_of(datum.timestamp_ms) - minute_of(START)) / MINUTE_MS;
        *counts.entry((datum.name.clone(), minute, datum.value.to_string())).or_default() += datum.count;
    }
    counts
}

fn count(running: &Running) -> f64 {
    counts(running).iter().filter(|((.., value), _)| value == "1").map(|(_, count)| count).sum()
}

#[tokio::test]
async fn what_came_before_the_filter_is_counted_once() {
    let running = with_stream().await;
    put(&running, &[(START, "ERROR a"), (START + 1, "ERROR b"), (START + 2, "fine")]).await;
    put(&running, &[(START + MINUTE_MS, "fine")]).await;
    let running = running.restart().await;
    put(&running, &[(START + 2 * MINUTE_MS, "ERROR c")]).await;
    filter(&running, "ERROR", json!({"defaultValue": 0.0, "unit": "Count"})).await;
    // Of the same minutes, but later: it is counted as it comes.
    put(&running, &[(START + 3, "ERROR d"), (START + 2 * MINUTE_MS, "ERROR e")]).await;
    let live = counts(&running);
    assert_eq!(live.values().sum::<f64>(), 2.0);

    let dry = step(&running, 1, Some(None)).await.unwrap();
    assert_eq!((dry.searched, dry.matched, dry.values, dry.defaults), (5, 3, 3, 1));
    assert_eq!(counts(&running), live, "a dry run puts nothing");

    let done = run(&running, 1).await;
    assert_eq!(done, dry);
    let expected = [(0, "1", 3.0), (1, "0", 1.0), (2, "1", 2.0)];
    let expected = expected.map(|(minute, value, count)| (("n".to_owned(), minute, value.to_owned()), count));
    assert_eq!(counts(&running), BTreeMap::from(expected));
    let units = running.world.metrics.lock().unwrap().iter().flat_map(|(.., data)| data.clone()).collect::<Vec<_>>();
    assert!(units.iter().all(|datum| datum.unit.as_deref() == Some("Count")));

    // Again, later, over more days, after a start, with the filter put again, changed, deleted and made anew: nothing is counted twice.
    let running = running.crash().await;
    assert!(run(&running, 1).await.is_nothing_left);
    running.pass_ms(3 * HOUR_MS);
    put(&running, &[(START + 3 * HOUR_MS, "fine")]).await;
    assert!(run(&running, 1).await.is_nothing_left);
    assert_eq!(run(&running, 30).await.searched, 0);
    filter(&running, "ERROR", json!({"defaultValue": 0.0, "unit": "Count"})).await;
    filter(&running, "", json!({})).await;
    assert!(run(&running, 1).await.is_nothing_left);
    running.run("DeleteMetricFilter", json!({"logGroupName": "g", "filterName": "f"})).await;
    assert!(matches!(step(&running, 1, None).await, Err(HandOver::NotFound(_))));
    filter(&running, "ERROR", json!({})).await;
    assert!(run(&running, 1).await.is_nothing_left);
    assert_eq!(count(&running), 5.0);

    // Another metric has none of it yet.
    filter(&running, "ERROR", json!({"metricName": "m"})).await;
    assert_eq!(run(&running, 1).await.matched, 5);
}

#[tokio::test]
async fn a_longer_run_counts_what_a_shorter_one_did_not_reach() {
    let running = with_stream().await;
    for ts in [START - 3 * DAY_MS, START - DAY_MS - HOUR_MS, START] {
        put(&running, &[(ts, "ERROR")]).await;
    }
    filter(&running, "ERROR", json!({})).await;
    let matched = async |days| run(&running, days).await.matched;
    assert_eq!([matched(1).await, matched(2).await, matched(4).await, matched(4).await], [1, 1, 1, 0]);
}

#[tokio::test]
async fn values_dimensions_and_units_are_those_of_live_filters() {
    let pattern = "{ $.size > 5 }";
    let made = json!({"metricValue": "$.size", "dimensions": {"who": "$.user"}, "unit": "Bytes"});
    let events = [
        (START, r#"{"size":7.5,"user":"eve"}"#),
        (START + 1, r#"{"size":7.5,"user":"eve"}"#),
        (START + 2, r#"{"size":8,"user":"bob"}"#),
        (START + 3, r#"{"size":9}"#),
        (START + MINUTE_MS, r#"{"size":"12","user":"bob"}"#),
    ];
    let told = |running: &Running| {
        let all = running.world.metrics.lock().unwrap();
        let mut told = BTreeMap::<String, f64>::new();
        for datum in all.iter().flat_map(|(.., data)| data) {
            let (value, unit) = (datum.value, &datum.unit);
            let name = format!("{} {value} {unit:?} {:?}", minute_of(datum.timestamp_ms), datum.dimensions);
            *told.entry(name).or_default() += datum.count;
        }
        told
    };
    let live = with_stream().await;
    filter(&live, pattern, made.clone()).await;
    put(&live, &events).await;
    let later = with_stream().await;
    put(&later, &events).await;
    filter(&later, pattern, made).await;
    assert_eq!(run(&later, 1).await.values, 3);
    assert_eq!((told(&later), told(&later).len()), (told(&live), 2));
}

#[tokio::test]
async fn a_step_that_ended_half_way_is_ended_before_anything_else() {
    for is_lost_answer in [true, false] {
        let running = with_stream().await;
        put(&running, &[(START, "ERROR"), (START + MINUTE_MS, "ERROR"), (START + 2 * MINUTE_MS, "fine")]).await;
        filter(&running, "ERROR", json!({})).await;
        let world = std::sync::Arc::clone(&running.world);
        let fails = if is_lost_answer { &world.metrics_answer_lost } else { &world.metrics_fail };
        fails.store(true, Ordering::SeqCst);
        assert!(matches!(step(&running, 1, None).await, Err(HandOver::Unavailable(_))));
        assert_eq!(count(&running), if is_lost_answer { 2.0 } else { 0.0 });
        let running = running.crash().await;
        assert!(matches!(step(&running, 1, None).await, Err(HandOver::Unavailable(_))));
        fails.store(false, Ordering::SeqCst);
        // A dry run ends nothing.
        assert_eq!(step(&running, 1, Some(None)).await.unwrap().values, 2);
        assert_eq!(run(&running, 1).await.searched, 0);
        assert_eq!(count(&running), 2.0);
        // What comes then has a position of its own.
        filter(&running, "fine", json!({"metricName": "m"})).await;
        assert_eq!(run(&running, 1).await.values, 1);
        assert_eq!(count(&running), 3.0);
    }
}

#[tokio::test]
async fn a_step_whose_events_are_gone_is_not_put_again() {
    let running = with_stream().await;
    put(&running, &[(START, "ERROR"), (START + MINUTE_MS, "ERROR")]).await;
    filter(&running, "ERROR", json!({})).await;
    running.world.metrics_answer_lost.store(true, Ordering::SeqCst);
    assert!(step(&running, 1, None).await.is_err());
    running.world.metrics_answer_lost.store(false, Ordering::SeqCst);
    filter(&running, "", json!({"metricValue": "1"})).await;
    running.run("DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert_eq!(run(&running, 1).await.searched, 0);
    assert_eq!(count(&running), 2.0);
}

#[tokio::test]
async fn minutes_that_alarms_look_at_are_left_for_later() {
    let running = with_stream().await;
    put(&running, &[(START - HOUR_MS, "ERROR"), (START, "ERROR")]).await;
    filter(&running, "ERROR", json!({})).await;
    *running.world.watched_from.lock().unwrap() = Some(START - MINUTE_MS);
    let done = run(&running, 1).await;
    assert_eq!((done.matched, done.left_out_from_ms), (1, Some(START)));
    assert_eq!(counts(&running).keys().map(|(_, minute, _)| *minute).collect::<Vec<_>>(), [-60]);
    *running.world.watched_from.lock().unwrap() = Some(START + HOUR_MS);
    let done = run(&running, 1).await;
    assert_eq!((done.matched, done.left_out_from_ms), (1, None));
    assert_eq!(count(&running), 2.0);
}

#[tokio::test]
async fn a_filter_made_after_a_crash_counts_nothing_that_comes_again() {
    let running = with_stream().await;
    put(&running, &[(START, "ERROR")]).await;
    let running = running.crash().await;
    filter(&running, "ERROR", json!({})).await;
    let running = running.crash().await;
    put(&running, &[(START + 1, "ERROR")]).await;
    assert_eq!(count(&running), 1.0);
    assert_eq!(run(&running, 1).await.matched, 1);
    assert_eq!(count(&running), 2.0);
}

#[tokio::test]
async fn who_may_not_is_refused() {
    let running = with_stream().await;
    filter(&running, "ERROR", json!({})).await;
    for days in [0, 456] {
        assert!(matches!(step(&running, days, None).await, Err(HandOver::Invalid(_))));
    }
    running.world.denies.store(true, Ordering::SeqCst);
    let Err(HandOver::Denied(text)) = step(&running, 1, Some(None)).await else { panic!("allowed") };
    assert!(
        text.contains("logs:FilterLogEvents on resource: arn:aws:logs:us-east-1:111111111111:log-group:g:log-stream:"),
        "{text}"
    );
    let preview = running.of_past(1, async |logs, asked| logs.preview(asked, "").await).await;
    assert!(matches!(preview, Err(HandOver::Denied(_))));
}

#[tokio::test]
async fn a_step_that_ended_half_way_is_of_the_metric_that_the_filter_made_then() {
    for is_deleted in [false, true] {
        let running = with_stream().await;
        put(&running, &[(START, "ERROR"), (START + MINUTE_MS, "ERROR")]).await;
        filter(&running, "ERROR", json!({})).await;
        running.world.metrics_answer_lost.store(true, Ordering::SeqCst);
        assert!(step(&running, 1, None).await.is_err());
        running.world.metrics_answer_lost.store(false, Ordering::SeqCst);
        assert_eq!(count(&running), 2.0);
        // The filter makes another metric now, or another filter is back-filled while it is gone.
        if is_deleted {
            running.run("DeleteMetricFilter", json!({"logGroupName": "g", "filterName": "f"})).await;
            filter(&running, "ERROR", json!({"metricName": "m"})).await;
        } else {
            filter(&running, "ERROR", json!({"metricName": "m"})).await;
        }
        assert_eq!(run(&running, 1).await.matched, 2, "none of them is in the other metric yet");
        assert_eq!(count(&running), 4.0);
        // Back again: what was under way is not counted a second time.
        filter(&running, "ERROR", json!({})).await;
        assert!(run(&running, 1).await.is_nothing_left);
        assert_eq!(count(&running), 4.0);
    }
}

#[tokio::test]
async fn events_of_a_deleted_stream_are_passed_over() {
    let running = with_stream().await;
    let text = "x".repeat(10);
    for batch in 0..3_i64 {
        let events: Vec<(i64, &str)> = (0..9_000).map(|n| (START + batch * 9_000 + n, text.as_str())).collect();
        put(&running, &events).await;
    }
    running.run("DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    put(&running, &[(START - MINUTE_MS, "ERROR")]).await;
    filter(&running, "", json!({})).await;
    let found = running.of_past(1, async |logs, asked| logs.preview(asked, "").await).await.unwrap();
    assert_eq!((found.searched, found.matched, found.is_complete), (1, 1, true));
    assert_eq!(run(&running, 1).await.matched, 1);
}
