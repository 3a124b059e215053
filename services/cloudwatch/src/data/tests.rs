//! Data through the whole service: what is put is read, after crashes too, and becomes coarser with age.

use ports::Datum;
use serde_json::json;

use crate::testing::{START, World, time};

async fn sums(world: &World, name: &str, start: i64, end: i64, period: i64) -> Vec<(i64, f64)> {
    let input = json!({"Namespace": "N", "MetricName": name, "StartTime": time(start), "EndTime": time(end), "Period": period, "Statistics": ["Sum"]});
    let answer = world.run("GetMetricStatistics", input).await;
    let points = answer["Datapoints"].as_array().unwrap().iter();
    points.map(|point| (point["Timestamp"].as_i64().unwrap() - START, point["Sum"].as_f64().unwrap())).collect()
}

#[tokio::test]
async fn what_is_put_is_read() {
    let world = World::new().await;
    world.put("m", &[1.0, 2.0]).await;
    world.pass_s(60);
    world.put("m", &[4.0]).await;
    assert_eq!(sums(&world, "m", START, START + 120_000, 60).await, [(0, 3.0), (60_000, 4.0)]);
    assert_eq!(sums(&world, "m", START, START + 120_000, 120).await, [(0, 7.0)]);
    assert_eq!(sums(&world, "other", START, START + 120_000, 60).await, []);
    let listed = world.run("ListMetrics", json!({"Namespace": "N"})).await;
    assert_eq!(listed["Metrics"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_crash_neither_loses_nor_doubles() {
    let world = World::new().await;
    world.put("m", &[1.0]).await;
    // Not written: read again from the journal.
    let world = world.crash().await;
    world.take(false).await;
    assert_eq!(sums(&world, "m", START, START + 60_000, 60).await, [(0, 1.0)]);
    // Written with the cursor.
    world.take(true).await;
    let world = world.crash().await;
    world.put("m", &[2.0]).await;
    assert_eq!(sums(&world, "m", START, START + 60_000, 60).await, [(0, 3.0)]);
    // The blocks are written, the cursor is not: the entry comes again.
    world.cloudwatch.store.write(1).await.unwrap();
    let world = world.crash().await;
    world.take(true).await;
    assert_eq!(sums(&world, "m", START, START + 60_000, 60).await, [(0, 3.0)]);
}

#[tokio::test]
async fn a_source_may_say_its_data_again() {
    let world = World::new().await;
    let datum = || Datum {
        namespace: "N".to_owned(),
        name: "m".to_owned(),
        dimensions: Vec::new(),
        timestamp_ms: START,
        value: 1.0,
        count: 2.0,
        unit: None,
    };
    for position in [5, 5, 4, 6] {
        let put = world.cloudwatch.as_ref();
        let put = ports::Metrics::put(put, base::Region::US_EAST_1, "filter", position, vec![datum()]);
        let take = async {
            tokio::task::yield_now().await;
            world.take(false).await;
        };
        tokio::join!(put, take).0.unwrap();
    }
    assert_eq!(sums(&world, "m", START, START + 60_000, 60).await, [(0, 4.0)]);
    let world = world.crash().await;
    world.take(true).await;
    let world = world.crash().await;
    ports::Metrics::put(&*world.cloudwatch, base::Region::US_EAST_1, "filter", 6, vec![datum()]).await.unwrap();
    assert_eq!(sums(&world, "m", START, START + 60_000, 60).await, [(0, 4.0)]);
}

#[tokio::test]
async fn old_data_become_coarser_and_end() {
    let world = World::new().await;
    for minute in 0..10 {
        world.put("m", &[f64::from(minute)]).await;
        world.pass_s(60);
    }
    let high = json!([{"MetricName": "s", "Value": 1, "StorageResolution": 1}]);
    world.run("PutMetricData", json!({"Namespace": "N", "MetricData": high})).await;
    world.take(true).await;
    let now = world.now_ms();
    assert_eq!(sums(&world, "s", now - 10_000, now + 10_000, 1).await, [(now - START, 1.0)]);
    let day = 86_400;
    for (days, expected) in
        [(1, vec![(0, 0.0), (60_000, 1.0)]), (16, vec![(0, 10.0), (300_000, 35.0)]), (70, vec![(0, 45.0)])]
    {
        let passed = (world.now_ms() - START) / 1000;
        world.pass_s(days * day - passed);
        world.cloudwatch.sweep().await.unwrap();
        let mut found = sums(&world, "m", START, START + 600_000, 60).await;
        found.truncate(expected.len());
        assert_eq!(found, expected, "after {days} days");
    }
    assert_eq!(sums(&world, "s", now - 10_000, now + 10_000, 1).await, []);
    let world = world.crash().await;
    assert_eq!(sums(&world, "m", START, START + 600_000, 3600).await, [(0, 45.0)]);
    world.pass_s(500 * day);
    world.cloudwatch.sweep().await.unwrap();
    assert_eq!(sums(&world, "m", START, START + 600_000, 3600).await, []);
    assert_eq!(world.cloudwatch.store.see(|memory| memory.series_count()), 0);
}

#[tokio::test]
async fn what_cannot_be_put_is_refused() {
    let world = World::new().await;
    for (datum, code) in [
        (json!({"MetricName": "m"}), "MissingRequiredParameterException"),
        (
            json!({"MetricName": "m", "Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}}),
            "InvalidParameterCombinationException",
        ),
        (json!({"MetricName": "m", "Values": [1, 2], "Counts": [1]}), "InvalidParameterValueException"),
        (json!({"MetricName": "m", "Values": vec![1; 151]}), "InvalidParameterValueException"),
        (
            json!({"MetricName": "m", "Value": 1, "Timestamp": time(START + 3 * 3_600_000)}),
            "InvalidParameterValueException",
        ),
        (
            json!({"MetricName": "m", "Value": 1, "Timestamp": time(START - 15 * 86_400_000)}),
            "InvalidParameterValueException",
        ),
        (json!({"MetricName": "m", "Value": 1, "StorageResolution": 5}), "InvalidParameterValueException"),
        (json!({"MetricName": "m", "Value": 1e300}), "InvalidParameterValueException"),
        (
            json!({"MetricName": "m", "StatisticValues": {"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1}}),
            "InvalidParameterValueException",
        ),
    ] {
        let refused = world.refused("PutMetricData", json!({"Namespace": "N", "MetricData": [datum]})).await;
        assert_eq!(refused.0, code, "{datum}: {}", refused.1);
    }
}

#[tokio::test]
async fn statistics_have_their_units_and_limits() {
    let world = World::new().await;
    let data =
        json!([{"MetricName": "m", "Value": 1, "Unit": "Count"}, {"MetricName": "m", "Value": 5, "Unit": "Seconds"}]);
    world.run("PutMetricData", json!({"Namespace": "N", "MetricData": data})).await;
    let ask = |unit: Option<&str>| json!({"Namespace": "N", "MetricName": "m", "StartTime": time(START), "EndTime": time(START + 60_000), "Period": 60, "Statistics": ["Average"], "ExtendedStatistics": ["p50"], "Unit": unit});
    let both = world.run("GetMetricStatistics", ask(None)).await;
    assert_eq!(both["Datapoints"].as_array().unwrap().len(), 2);
    let one = world.run("GetMetricStatistics", ask(Some("Seconds"))).await;
    assert_eq!(
        one["Datapoints"],
        json!([{"Timestamp": START, "Average": 5.0, "Unit": "Seconds", "ExtendedStatistics": {"p50": 5.0}}])
    );
    let long = json!({"Namespace": "N", "MetricName": "m", "StartTime": time(START - 172_800_000), "EndTime": time(START), "Period": 60, "Statistics": ["Sum"]});
    let refused = world.refused("GetMetricStatistics", long).await;
    assert_eq!(refused, ("InvalidParameterCombinationException".to_owned(), "You have requested up to 2,880 datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.".to_owned()));
}

#[tokio::test]
async fn pages_of_metric_data_go_on() {
    let world = World::new().await;
    for minute in 0..5 {
        world.put("m", &[f64::from(minute)]).await;
        world.pass_s(60);
    }
    let metric = json!({"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Sum"});
    let queries = json!([{"Id": "m1", "MetricStat": metric}, {"Id": "e1", "Expression": "m1*2", "Label": "double, at most ${MAX}"}]);
    let mut token = serde_json::Value::Null;
    let mut values = std::collections::BTreeMap::<String, Vec<f64>>::new();
    let mut pages = 0;
    loop {
        let input = json!({"MetricDataQueries": queries, "StartTime": time(START), "EndTime": time(START + 300_000), "MaxDatapoints": 3, "NextToken": token, "ScanBy": "TimestampAscending"});
        let answer = world.run("GetMetricData", input).await;
        pages += 1;
        for result in answer["MetricDataResults"].as_array().unwrap() {
            let more = result["Values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
            values.entry(result["Label"].as_str().unwrap().to_owned()).or_default().extend(more);
        }
        match answer.get("NextToken") {
            Some(next) if !next.is_null() => token = next.clone(),
            _ => break,
        }
    }
    assert_eq!(pages, 4);
    assert_eq!(values["m"], [0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!(values["double, at most 8"], [0.0, 2.0, 4.0, 6.0, 8.0]);
}

#[tokio::test]
async fn inputs_are_those_of_the_model() {
    let Some(model) = model::catalog().get("cloudwatch") else {
        eprintln!("skipped: the catalog has no model of cloudwatch");
        return;
    };
    let world = World::new().await;
    for (name, handler) in crate::definition(std::sync::Arc::clone(&world.cloudwatch)).operations {
        let operation = model.operations.get(name).unwrap_or_else(|| panic!("{name} is not modelled"));
        let mut ours = handler.input_fields();
        ours.extend(handler.ignores());
        ours.sort_unstable();
        let shape = operation.input.as_ref().map(|input| &model.shapes[input.shape]);
        let mut modelled: Vec<&str> = match shape.map(|shape| &shape.kind) {
            Some(model::ShapeKind::Structure(structure)) => {
                structure.members.iter().map(|member| &*member.name).collect()
            }
            _ => Vec::new(),
        };
        modelled.sort_unstable();
        assert_eq!(ours, modelled, "{name}");
    }
}
