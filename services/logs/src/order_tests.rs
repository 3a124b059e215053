//! What pages show, held against all events sorted in memory: whatever was put when, sealed or not, and however long pages are.

use base::Rng as _;
use base::time::HOUR_MS;
use serde_json::{Value, json};
use testkit::SeededRng;

use crate::testing::{Running, START};

fn number(rng: &SeededRng, below: u64) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_be_bytes(bytes) % below
}

fn texts(answer: &Value) -> Vec<String> {
    answer["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// Pages of one stream until a token comes back, in the order of time.
async fn pages(running: &Running, stream: &str, head: bool, limit: u64) -> Vec<String> {
    let mut token: Option<String> = None;
    let mut all = Vec::new();
    loop {
        let mut asked = json!({"logGroupName": "g", "logStreamName": stream, "limit": limit, "startFromHead": head});
        if let Some(token) = &token {
            asked["nextToken"] = token.as_str().into();
        }
        let answer = running.run("GetLogEvents", asked).await;
        let page = texts(&answer);
        match head {
            true => all.extend(page),
            false => all.splice(0..0, page).for_each(drop),
        }
        let next = answer[if head { "nextForwardToken" } else { "nextBackwardToken" }].as_str().unwrap().to_owned();
        if token.as_ref() == Some(&next) {
            return all;
        }
        token = Some(next);
    }
}

#[tokio::test]
async fn pages_show_all_events_in_order_whatever_happened() {
    for seed in 1..6 {
        let rng = SeededRng::new(seed);
        let mut running = Running::new().await;
        running.run("CreateLogGroup", json!({"logGroupName": "g"})).await;
        for stream in ["s0", "s1", "s2"] {
            running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": stream})).await;
        }
        // Time, and the order of coming.
        let mut want: Vec<(i64, usize, String, String)> = Vec::new();
        for step in 0..80 {
            match number(&rng, 12) {
                0 => running = running.restart().await,
                1 => running = running.crash().await,
                _ => {
                    let stream = format!("s{}", number(&rng, 3));
                    let mut times: Vec<i64> = (0..=number(&rng, 12))
                        .map(|_| START + i64::try_from(number(&rng, 40)).unwrap() - HOUR_MS)
                        .collect();
                    times.sort_unstable();
                    let events = times.iter().enumerate().map(|(n, ts)| (*ts, format!("{step}/{n}")));
                    let events: Vec<(i64, String)> = events.collect();
                    for (ts, text) in &events {
                        want.push((*ts, want.len(), stream.clone(), text.clone()));
                    }
                    let events: Vec<Value> =
                        events.iter().map(|(ts, text)| json!({"timestamp": ts, "message": text})).collect();
                    let batch = json!({"logGroupName": "g", "logStreamName": stream, "logEvents": events});
                    running.run("PutLogEvents", batch).await;
                }
            }
        }
        // A crash may just have been; what it left is taken when the next entry is.
        let batch =
            json!({"logGroupName": "g", "logStreamName": "s0", "logEvents": [{"timestamp": START, "message": "end"}]});
        running.run("PutLogEvents", batch).await;
        want.push((START, want.len(), "s0".to_owned(), "end".to_owned()));
        want.sort_by_key(|(ts, at, ..)| (*ts, *at));
        for stream in ["s0", "s1", "s2"] {
            let own: Vec<&String> = want.iter().filter(|(_, _, of, _)| of == stream).map(|(.., text)| text).collect();
            for head in [true, false] {
                let limit = 1 + number(&rng, 30);
                let found = pages(&running, stream, head, limit).await;
                assert_eq!(found.iter().collect::<Vec<_>>(), own, "seed {seed}, {stream}, {limit} a page, head {head}");
            }
        }
        let (mut found, mut token) = (Vec::new(), Value::Null);
        loop {
            let asked = json!({"logGroupName": "g", "limit": 1 + number(&rng, 30), "nextToken": token});
            let answer = running.run("FilterLogEvents", asked).await;
            found.extend(texts(&answer));
            token = answer["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!(
            found.iter().collect::<Vec<_>>(),
            want.iter().map(|(.., text)| text).collect::<Vec<_>>(),
            "seed {seed}"
        );
    }
}
