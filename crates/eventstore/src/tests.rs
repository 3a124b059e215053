//! What the stores promise, seen from outside.

use std::sync::Arc;

use base::time::DAY_MS;
use bytes::Bytes;
use journal::{Journal, ReadLimit};
use ports::lake::{Appended, Find, Member, Needle, NewRecord, QueryProgress, Selection};
use ports::{EventStores, StoreId, Unavailable};
use proptest::prelude::*;
use worker::Consumer;

use crate::testing::{ODD_RECORDS, START_MS, World, all_records, read, record};
use crate::{EVENT_JSON, Equality, Events, Options, Projection, Pruning, ReadOptions, Stores};

async fn append(stores: &Stores, records: &[String]) -> Appended {
    let records = records.iter().cloned().map(NewRecord::new).collect();
    stores.append(&StoreId::events(), records).await.unwrap()
}

async fn take_all(world: &World, events: &mut Events) {
    let entries = world.journal.read(events.needs(), ReadLimit::default()).unwrap();
    events.take(&entries).await.unwrap();
}

fn journal(world: &World) -> Arc<dyn Journal> {
    Arc::<journal::MemoryJournal>::clone(&world.journal)
}

#[tokio::test]
async fn odd_records_come_back_from_tail_and_part() {
    let world = World::new();
    for json in ODD_RECORDS {
        world.recorded(json).await;
    }
    world.recorded("no json").await;
    let stores = world.open().await;
    let mut events = Events::open(Arc::clone(&stores), journal(&world), None).unwrap();
    take_all(&world, &mut events).await;
    let mut expected: Vec<String> = ODD_RECORDS.iter().map(|json| (*json).to_owned()).collect();
    expected.sort();
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected);
    assert!(stores.snapshot(&StoreId::events()).unwrap().parts().is_empty());
    stores.visible(world.journal.durable_end().get()).await;
    stores.flush().await.unwrap();
    assert_eq!(stores.durable(), world.journal.durable_end().get());
    assert!(stores.snapshot(&StoreId::events()).unwrap().tail().is_empty());
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected);
    let stats = stores.stats(&StoreId::events()).unwrap();
    assert_eq!(stats.rows, u64::try_from(expected.len()).unwrap());
    assert!(stats.stored_bytes > 0 && stats.json_bytes > 1000);
}

#[tokio::test]
async fn a_record_is_known_by_its_bytes() {
    let world = World::new();
    let stores = world.open().await;
    let (one, same_id) = (record("a", 1), record("a", 2));
    let appended = append(&stores, &[one.clone(), same_id.clone(), one.clone(), "[]".to_owned()]).await;
    assert_eq!(appended, Appended { kept: 2, duplicate: 1, expired: 0, unreadable: 1 });
    let appended = append(&stores, &[same_id.clone(), record("b", 1)]).await;
    assert_eq!(appended, Appended { kept: 1, duplicate: 1, expired: 0, unreadable: 0 });
    // What has no time is compared with all there is; what is in the tail is there too.
    assert_eq!(append(&stores, &["{}".to_owned()]).await.kept, 1);
    assert_eq!(append(&stores, &["{}".to_owned()]).await.duplicate, 1);
    world.recorded(&record("tail", 1)).await;
    let mut events = Events::open(Arc::clone(&stores), journal(&world), None).unwrap();
    take_all(&world, &mut events).await;
    assert_eq!(append(&stores, &[record("tail", 1)]).await.duplicate, 1);
    assert_eq!(all_records(&stores, &StoreId::events()).await.len(), 5);
    let unknown = stores.append(&StoreId::parse("none").unwrap(), vec![NewRecord::new("{}")]).await;
    assert!(unknown.unwrap_err().0.contains("none"));
}

#[tokio::test]
async fn one_record_appended_by_many_at_once_is_kept_once() {
    let world = World::new();
    let stores = world.open().await;
    let calls = (0..8).map(|_| async { append(&stores, &[record("a", 1), record("b", 2)]).await });
    let done = futures_util::future::join_all(calls).await;
    assert_eq!(done.iter().map(|appended| appended.kept).sum::<u64>(), 2);
    assert_eq!(done.iter().map(|appended| appended.duplicate).sum::<u64>(), 14);
    assert_eq!(all_records(&stores, &StoreId::events()).await.len(), 2);
}

#[tokio::test]
async fn checksums_are_columns() {
    let world = World::new();
    let stores = world.open().await;
    let records = vec![
        NewRecord { json: Bytes::from_static(b"{\"eventID\":\"a\"}"), checksum: Some("sum".to_owned()) },
        NewRecord::new("{\"eventID\":\"b\"}"),
    ];
    stores.append(&StoreId::events(), records).await.unwrap();
    let snapshot = stores.snapshot(&StoreId::events()).unwrap();
    let options = ReadOptions::new(Projection::of(["eventjsonchecksum", "eventid"]).unwrap());
    let batches = snapshot.read(&snapshot.parts()[0], options, Arc::new(QueryProgress::default()));
    let batches: Vec<_> = futures_util::TryStreamExt::try_collect(batches).await.unwrap();
    assert_eq!(crate::testing::texts(&batches[0], "eventjsonchecksum"), [Some("sum".to_owned()), None]);
}

#[tokio::test]
async fn what_retention_hides_is_not_seen_and_goes() {
    let world = World::new();
    let stores = world.open().await;
    stores.set_retention(&StoreId::events(), 10).await.unwrap();
    let appended = append(&stores, &[record("new", 0), record("old", -11 * 86_400)]).await;
    assert_eq!((appended.kept, appended.expired), (2, 1));
    assert_eq!(all_records(&stores, &StoreId::events()).await, [record("new", 0)]);
    while stores.upkeep().await.unwrap() {}
    assert_eq!(world.object_names().await.len(), 2);
    // A snapshot keeps what it names.
    let snapshot = stores.snapshot(&StoreId::events()).unwrap();
    world.clock.advance(11 * DAY_MS);
    while stores.upkeep().await.unwrap() {}
    assert_eq!(all_records(&stores, &StoreId::events()).await.len(), 0);
    assert_eq!(world.object_names().await.len(), 2);
    drop(snapshot);
    while stores.upkeep().await.unwrap() {}
    assert!(world.object_names().await.is_empty());
}

#[tokio::test]
async fn merged_parts_hold_the_same_and_are_sorted() {
    let mut world = World::new();
    world.options = Options { append_rows_max: 700, ..Options::default() };
    let stores = world.open().await;
    let records: Vec<String> = (0..6_000).map(|number| record(&format!("r{number}"), number * 37 % 5_000)).collect();
    assert_eq!(append(&stores, &records).await.kept, 6_000);
    assert_eq!(stores.snapshot(&StoreId::events()).unwrap().parts().len(), 9);
    while stores.upkeep().await.unwrap() {}
    assert_eq!(stores.snapshot(&StoreId::events()).unwrap().parts().len(), 1);
    let mut expected = records.clone();
    expected.sort();
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected);
    assert_eq!(append(&stores, &records[..100]).await.duplicate, 100);
    // Its granules are told apart by their texts.
    let progress = Arc::new(QueryProgress::default());
    let snapshot = stores.snapshot(&StoreId::events()).unwrap();
    let equality = |text: &str| Equality {
        column: "requestparameters".to_owned(),
        texts: vec![text.to_owned(), "none".to_owned()],
    };
    let options = ReadOptions {
        pruning: Pruning { equal: vec![equality("b-r77")], ..Pruning::default() },
        ..ReadOptions::new(Projection::of([EVENT_JSON]).unwrap())
    };
    let batches = snapshot.read(&snapshot.parts()[0], options, Arc::clone(&progress));
    let rows: Vec<_> = futures_util::TryStreamExt::try_collect::<Vec<_>>(batches).await.unwrap();
    let count: usize = rows.iter().map(arrow_array::RecordBatch::num_rows).sum();
    assert!(count == 4096 || count == 6_000 - 4096, "{count}");
    assert_eq!(progress.rows_scanned(), u64::try_from(count).unwrap());
}

#[tokio::test]
async fn pruning_by_time_leaves_out_no_match() {
    let world = World::new();
    let stores = world.open().await;
    let records: Vec<String> = (0..10).map(|number| record(&format!("r{number}"), number)).collect();
    append(&stores, &records).await;
    let options = |from: i64, to: i64| ReadOptions {
        pruning: Pruning { from_ms: Some(START_MS + from), to_ms: Some(START_MS + to), ..Pruning::default() },
        ..ReadOptions::new(Projection::of([EVENT_JSON]).unwrap())
    };
    assert_eq!(read(&stores, &StoreId::events(), &options(9_000, 9_001)).await.len(), 10);
    assert_eq!(read(&stores, &StoreId::events(), &options(9_001, 10_000)).await.len(), 0);
    assert_eq!(read(&stores, &StoreId::events(), &options(-5, 0)).await.len(), 0);
}

fn find(needles: &[(Member, &str)], max: usize) -> Find {
    let needle = |(member, text): &(Member, &str)| Needle { member: *member, text: (*text).to_owned() };
    let needles = needles.iter().map(needle).collect();
    Find { needles, from_ms: i64::MIN, to_ms: i64::MAX, max, after: None }
}

#[tokio::test]
async fn records_are_found_by_what_they_name() {
    let world = World::new();
    let stores = world.open().await;
    let whole = ODD_RECORDS[2].to_owned();
    let role = r#"{"eventTime":"2026-02-01T00:00:00Z","eventSource":"iam.amazonaws.com","userIdentity":{"type":"AssumedRole","principalId":"AROA:session-1","sessionContext":{"sessionIssuer":{"arn":"arn:role"}}},"requestParameters":{"roleName":"r","list":["inside",1700]},"responseElements":{"role":{"arn":"arn:made"}},"readOnly":false,"eventCategory":"Data"}"#;
    let root = r#"{"eventTime":"2026-02-02T00:00:00Z","userIdentity":{"type":"Root"},"requestID":"q","eventID":"e"}"#;
    append(&stores, &[whole.clone(), role.to_owned(), root.to_owned()]).await;
    append(&stores, &(0..50).map(|number| record(&format!("x{number}"), number)).collect::<Vec<_>>()).await;
    type Case<'a> = (&'a [(Member, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&[(Member::EventId, "f02d00a8-9736-4fa7-9c52-497d550c6092")], &[&whole]),
        (&[(Member::EventId, "F02D00A8-9736-4fa7-9c52-497d550c6092")], &[]),
        (&[(Member::RequestId, "FZHC")], &[&whole]),
        (&[(Member::AccessKeyId, "AKIA"), (Member::SourceIp, "192.0.2.1")], &[&whole]),
        (&[(Member::AccessKeyId, "AKIA"), (Member::SourceIp, "192.0.2.2")], &[]),
        (&[(Member::Arn, "arn:role")], &[role]),
        (&[(Member::Arn, "arn:made")], &[role]),
        (&[(Member::Arn, "arn:aws:s3:::b")], &[&whole]),
        (&[(Member::Username, "session-1")], &[role]),
        (&[(Member::Username, "root")], &[root]),
        (&[(Member::Username, "a")], &[&whole]),
        (&[(Member::ResourceName, "b")], &[&whole]),
        (&[(Member::ResourceName, "inside")], &[role]),
        (&[(Member::ResourceType, "AWS::IAM::Role")], &[role]),
        (&[(Member::ReadOnly, "false")], &[role]),
        (&[(Member::Category, "Data")], &[role]),
        (&[(Member::EventName, "GetBucketTagging"), (Member::Region, "us-east-1")], &[&whole]),
        (&[(Member::EventSource, "iam.amazonaws.com")], &[role]),
        (&[(Member::Any, "inside")], &[role]),
        (&[(Member::Any, "1700")], &[role]),
        (&[(Member::Any, "session-1")], &[role]),
        (&[(Member::Any, "q")], &[root]),
        (&[(Member::Any, "b")], &[&whole]),
        (&[(Member::Any, "nothing")], &[]),
    ];
    for (needles, expected) in cases {
        let found = stores.find(&StoreId::events(), find(needles, 10)).await.unwrap();
        let found: Vec<&[u8]> = found.records.iter().map(|record| &record.json[..]).collect();
        let expected: Vec<&[u8]> = expected.iter().map(|json| json.as_bytes()).collect();
        assert_eq!(found, expected, "{needles:?}");
    }
}

#[tokio::test]
async fn pages_of_records_come_newest_first_and_each_once() {
    let mut world = World::new();
    world.options = Options { append_rows_max: 16, ..Options::default() };
    let stores = world.open().await;
    let mut records: Vec<String> = (0..100).map(|number| record(&format!("r{number}"), number % 13)).collect();
    // Many of one moment and one identifier.
    records.extend((0..9).map(|number| record("same", 5).replace("us-east-1", &format!("region-{number}"))));
    append(&stores, &records).await;
    world.recorded(&record("in the tail", 6)).await;
    let mut events = Events::open(Arc::clone(&stores), journal(&world), None).unwrap();
    take_all(&world, &mut events).await;
    records.push(record("in the tail", 6));
    for max in [1, 4, 7, 1000] {
        let mut what = find(&[(Member::EventName, "GetObject")], max);
        let mut found = Vec::new();
        loop {
            let page = stores.find(&StoreId::events(), what.clone()).await.unwrap();
            assert!(page.records.len() <= max && (page.next.is_none() || !page.records.is_empty()));
            found.extend(page.records);
            match page.next {
                Some(next) => what.after = Some(next),
                None => break,
            }
        }
        assert!(found.is_sorted_by(|a, b| a.position > b.position), "pages of {max}");
        let mut texts: Vec<String> =
            found.iter().map(|record| String::from_utf8(record.json.to_vec()).unwrap()).collect();
        texts.sort();
        let mut expected = records.clone();
        expected.sort();
        assert_eq!(texts, expected, "pages of {max}");
    }
    let bounded = Find { from_ms: START_MS + 5_000, to_ms: START_MS + 6_000, ..find(&[], 1000) };
    let found = stores.find(&StoreId::events(), bounded).await.unwrap();
    assert_eq!(found.records.len(), 8 + 9);
}

/// Selects records whose region a CONTROL entry has named.
struct Chosen(String);

impl Selection for Chosen {
    fn restore(&mut self, saved: &[u8]) -> Result<(), Unavailable> {
        self.0 = String::from_utf8(saved.to_vec()).unwrap();
        Ok(())
    }

    fn save(&self) -> Bytes {
        Bytes::from(self.0.clone())
    }

    fn control(&mut self, _: u64, topic: &str, document: &[u8]) {
        if topic == "test" {
            self.0 = String::from_utf8(document.to_vec()).unwrap();
        }
    }

    fn select(&mut self, _: u64, record: &[u8], into: &mut Vec<StoreId>) {
        if !self.0.is_empty() && String::from_utf8_lossy(record).contains(&self.0) {
            into.push(chosen());
            into.push(StoreId::parse("unknown").unwrap());
        }
    }
}

fn chosen() -> StoreId {
    StoreId::parse("chosen").unwrap()
}

#[tokio::test]
async fn selection_follows_the_journal_and_survives_a_restart_and_a_rebuild() {
    let world = World::new();
    let stores = world.open().await;
    stores.create(&chosen(), 100).await.unwrap();
    let control = async |text: &str| {
        world.journal.append(vec![worker::entry::control("test", text.as_bytes())]).await.unwrap();
    };
    let open = |stores: &Arc<Stores>| {
        Events::open(Arc::clone(stores), journal(&world), Some(Box::new(Chosen(String::new())))).unwrap()
    };
    world.recorded(&record("a1", 1)).await;
    control("\"a2").await;
    for id in ["a1", "a2", "b1"] {
        world.recorded(&record(id, 2)).await;
    }
    let mut events = open(&stores);
    take_all(&world, &mut events).await;
    events.stop().await.unwrap();
    assert_eq!(all_records(&stores, &chosen()).await, [record("a2", 2)]);
    world.recorded(&record("a2", 3)).await;
    control("\"b").await;
    world.recorded(&record("b1", 4)).await;
    let stores = world.open().await;
    let mut events = open(&stores);
    take_all(&world, &mut events).await;
    let mut expected = [record("a2", 2), record("a2", 3), record("b1", 4)];
    expected.sort();
    events.stop().await.unwrap();
    assert_eq!(all_records(&stores, &chosen()).await, expected);
    assert_eq!(all_records(&stores, &StoreId::events()).await.len(), 6);
}

#[tokio::test]
async fn a_start_sets_the_retention_of_the_built_in_store() {
    let mut world = World::new();
    let (days, events) = (base::time::DAY_MS / 1000, StoreId::events());
    let old = record("old", -days * 20);
    world.open().await.append(&events, vec![NewRecord::new(old.clone())]).await.unwrap();
    world.options.events_retention_days = 10;
    let stores = world.open().await;
    assert!(all_records(&stores, &events).await.is_empty());
    world.options.events_retention_days = 30;
    assert_eq!(all_records(&*world.open().await, &events).await, [old]);
}

#[tokio::test]
async fn rows_that_come_while_others_are_sealed_wait_no_longer_than_those() {
    let mut world = World::new();
    world.options = Options { tail_age_ms: 1000, ..Options::default() };
    let stores = world.open().await;
    let mut events = Events::open(Arc::clone(&stores), journal(&world), None).unwrap();
    world.recorded(&record("a", 1)).await;
    take_all(&world, &mut events).await;
    stores.flush().await.unwrap();
    assert_eq!(stores.inner().tail_since_ms, None);
    // Sealing takes its rows first, and ends after others have come.
    world.recorded(&record("b", 1)).await;
    take_all(&world, &mut events).await;
    let sealing = stores.flush();
    let mut sealing = Box::pin(sealing);
    world.fuse.hold(true);
    assert!(futures_util::poll!(sealing.as_mut()).is_pending());
    world.recorded(&record("c", 1)).await;
    take_all(&world, &mut events).await;
    world.fuse.hold(false);
    sealing.await.unwrap();
    assert_eq!(stores.durable(), 3);
    world.clock.advance(1000);
    events.idle().await.unwrap();
    assert_eq!(stores.durable(), 4);
}

#[tokio::test]
async fn tails_are_sealed_by_number_and_by_age() {
    let mut world = World::new();
    world.options = Options { tail_rows_max: 3, tail_age_ms: 1000, ..Options::default() };
    let stores = world.open().await;
    let mut events = Events::open(Arc::clone(&stores), journal(&world), None).unwrap();
    world.recorded(&record("a", 1)).await;
    take_all(&world, &mut events).await;
    events.idle().await.unwrap();
    assert_eq!(stores.durable(), 0);
    world.clock.advance(1000);
    events.idle().await.unwrap();
    assert_eq!(stores.durable(), 2);
    for id in ["b", "c", "d"] {
        world.recorded(&record(id, 1)).await;
    }
    take_all(&world, &mut events).await;
    assert_eq!(stores.durable(), 5);
    assert_eq!(all_records(&stores, &StoreId::events()).await.len(), 4);
}

#[tokio::test]
async fn the_built_in_store_stays() {
    let world = World::new();
    let stores = world.open().await;
    assert!(stores.remove(&StoreId::events()).await.is_err());
    assert!(stores.set_retention(&chosen(), 7).await.is_err());
    stores.remove(&chosen()).await.unwrap();
    assert_eq!(stores.stats(&chosen()), None);
    assert_eq!(stores.find(&chosen(), find(&[], 7)).await.unwrap(), Default::default());
}

/// Any JSON, with members that mean something among others.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        any::<String>(),
        "[a-z0-9:/-]{0,12}",
        Just("2023-07-10T12:00:24Z".to_owned()),
        Just("true".to_owned())
    ];
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        text.prop_map(serde_json::Value::from),
    ];
    let name = prop_oneof![
        Just("eventID".to_owned()),
        Just("userIdentity".to_owned()),
        Just("sessionContext".to_owned()),
        Just("attributes".to_owned()),
        Just("eventTime".to_owned()),
        Just("readOnly".to_owned()),
        Just("resources".to_owned()),
        Just("ARN".to_owned()),
        Just("type".to_owned()),
        Just("requestParameters".to_owned()),
        Just("creationDate".to_owned()),
        any::<String>(),
    ];
    scalar.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Repeats a member, as no map can.
fn with_repeats(value: &serde_json::Value, pretty: bool) -> String {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.unwrap();
    match text.strip_suffix('}') {
        Some(start) if text.len() > 2 && start.starts_with('{') => format!("{start},{}", text[1..].trim_start()),
        _ => text,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_object_comes_back_byte_for_byte(values in prop::collection::vec((any_json(), any::<bool>()), 1..12)) {
        let objects = values.iter().filter(|(value, _)| value.is_object());
        let records: Vec<String> = objects.map(|(value, pretty)| with_repeats(value, *pretty)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async {
            let stores = World::new().open().await;
            append(&stores, &records).await;
            all_records(&stores, &StoreId::events()).await
        });
        let mut expected = records;
        expected.sort();
        expected.dedup();
        prop_assert_eq!(found, expected);
    }
}
