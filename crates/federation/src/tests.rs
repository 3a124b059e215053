//! Tables against their stores, read as a reader does that goes by the hint: after each step, and after a crash at each write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use async_trait::async_trait;
use base::time::DAY_MS;
use base::{Region, Timestamp};
use bytes::Bytes;
use eventstore::{Options, Stores};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ports::lake::NewRecord;
use ports::{BucketError, EventStores, ServerBuckets, StoreId, TablePlace, Tables};
use serde_json::Value;
use testkit::ManualClock;
use tokio::sync::Notify;

use crate::Publisher;

/// 2026-03-01T12:00:00Z.
const START_MS: i64 = 1_772_366_400_000;
const STORE: &str = "0e12f3f4-5678-90ab-cdef-0123456789ab";

/// A bucket in memory. At the n-th change everything stops, as in a crash.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Bytes>>,
    left: AtomicI64,
    blown: Notify,
}

impl Bucket {
    async fn step(&self) {
        if self.left.load(Ordering::SeqCst) > 0 && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn object(&self, path: &str) -> Bytes {
        let key = path.strip_prefix("s3://aws-cloudtrail-lake-federation-1-us-east-1/").unwrap();
        self.objects.lock().unwrap().get(key).unwrap_or_else(|| panic!("{key} is not there")).clone()
    }
}

#[async_trait]
impl ServerBuckets for Bucket {
    async fn provide(&self, _: &str, _: Region) -> Result<(), BucketError> {
        Ok(())
    }

    async fn put_own(&self, _: &str, key: &str, content: Bytes, _: &str, _: Option<&str>) -> Result<(), BucketError> {
        self.step().await;
        self.objects.lock().unwrap().insert(key.to_owned(), content);
        Ok(())
    }

    async fn keys(&self, _: &str, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        let objects = self.objects.lock().unwrap();
        let wanted =
            objects.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        Ok(wanted.take(3).cloned().collect())
    }

    async fn remove(&self, _: &str, keys: &[String]) -> Result<(), BucketError> {
        for key in keys {
            self.step().await;
            self.objects.lock().unwrap().remove(key);
        }
        Ok(())
    }
}

/// All paths of files that are in the bytes of a manifest or a list of them.
fn paths(bytes: &[u8], end: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let ends = |from: &str| from.find(end).map(|at| from[..at + end.len()].to_owned());
    text.match_indices("s3://").filter_map(|(at, _)| ends(&text[at..])).collect()
}

struct World {
    clock: Arc<ManualClock>,
    state: Arc<state::Memory>,
    stores: Arc<Stores>,
    bucket: Arc<Bucket>,
    place: TablePlace,
    store: StoreId,
    made: Mutex<u32>,
}

impl World {
    async fn new() -> World {
        let clock = ManualClock::at(Timestamp::from_ms(START_MS));
        let env = testkit::env(Arc::clone(&clock), 7);
        let state = Arc::new(state::Memory::new());
        let options = Options { merge_parts_min: 3, ..Options::default() };
        let objects = Arc::new(objects::Memory::new());
        let stores = Stores::open(env, Arc::clone(&state) as _, objects, options).await.unwrap();
        let store = StoreId::parse(STORE).unwrap();
        stores.create(&store, 30).await.unwrap();
        let place = TablePlace::of("1", Region::US_EAST_1, None);
        World { clock, state, stores, bucket: Arc::default(), place, store, made: Mutex::default() }
    }

    fn publisher(&self) -> Arc<Publisher> {
        let env = testkit::env(Arc::clone(&self.clock), 8);
        let buckets = Arc::clone(&self.bucket) as Arc<dyn ServerBuckets>;
        Publisher::new(env, Arc::clone(&self.stores), Arc::clone(&self.state) as _, buckets)
    }

    /// A part of some records, so many days old.
    async fn append(&self, count: u32, days: i64) {
        let time = Timestamp::from_ms(START_MS - days * DAY_MS).iso8601_secs();
        let record = |number: u32| {
            let id = {
                let mut made = self.made.lock().unwrap();
                *made += 1;
                *made
            };
            let json = format!(
                r#"{{"eventVersion":"1.11","userIdentity":{{"type":"Root"}},"eventTime":"{time}","eventName":"E{number}","eventID":"{id:05}","requestParameters":{{"n":{number}}}}}"#
            );
            NewRecord::new(json)
        };
        let kept = self.stores.append(&self.store, (0..count).map(record).collect()).await.unwrap();
        assert_eq!(kept.kept, u64::from(count));
    }

    /// Until there is nothing more to do.
    async fn publish(&self, publisher: &Publisher) {
        self.clock.advance_ms(10_000);
        let mut steps = 0;
        while publisher.publish(&self.store, &self.place).await.unwrap().more {
            steps += 1;
            assert!(steps < 500);
        }
    }

    /// The identifiers of the table's rows, what its last snapshot did, and how many snapshots it names. Every file must be there.
    fn read(&self) -> Option<(Vec<String>, String, usize)> {
        let folder = format!("s3://{}/{STORE}/metadata", self.place.bucket);
        let hint = self.bucket.objects.lock().unwrap().get(&format!("{STORE}/metadata/version-hint.text")).cloned()?;
        let hint = String::from_utf8(hint.to_vec()).unwrap();
        let metadata: Value =
            serde_json::from_slice(&self.bucket.object(&format!("{folder}/v{hint}.metadata.json"))).unwrap();
        let snapshots = metadata["snapshots"].as_array().unwrap();
        let mut rows = Vec::new();
        for snapshot in snapshots {
            rows.clear();
            for manifest in paths(&self.bucket.object(snapshot["manifest-list"].as_str().unwrap()), ".avro") {
                for file in paths(&self.bucket.object(&manifest), ".parquet") {
                    let reader = ParquetRecordBatchReaderBuilder::try_new(self.bucket.object(&file)).unwrap();
                    for batch in reader.build().unwrap() {
                        let batch = batch.unwrap();
                        let ids = batch.column_by_name("eventid").unwrap().as_string::<i32>();
                        rows.extend(ids.iter().flatten().map(str::to_owned));
                    }
                }
            }
        }
        rows.sort();
        let last = &snapshots.last().unwrap()["summary"];
        assert_eq!(last["total-records"], rows.len().to_string());
        Some((rows, last["operation"].as_str().unwrap().to_owned(), snapshots.len()))
    }

    #[track_caller]
    fn check(&self, expected: impl Iterator<Item = u32>, operation: &str) {
        let (rows, did, _) = self.read().unwrap();
        assert_eq!(rows, expected.map(|id| format!("{id:05}")).collect::<Vec<_>>());
        assert_eq!(did, operation);
    }
}

#[tokio::test]
async fn a_table_follows_its_store() {
    let world = World::new().await;
    let publisher = world.publisher();
    world.publish(&publisher).await;
    world.check(1..1, "append");
    world.append(5, 1).await;
    world.append(7, 29).await;
    world.publish(&publisher).await;
    world.check(1..13, "append");
    // Parts that merging made one have their rows once.
    world.append(6, 1).await;
    world.append(6, 1).await;
    while world.stores.upkeep().await.unwrap() {}
    world.publish(&publisher).await;
    let (rows, _, _) = world.read().unwrap();
    assert_eq!(rows.len(), 24);
    // What is too old may stay as long as the part it is in.
    world.clock.advance_ms(u64::try_from(2 * DAY_MS).unwrap());
    world.append(1, 0).await;
    while world.stores.upkeep().await.unwrap() {}
    world.publish(&publisher).await;
    let (mut rows, _, snapshots) = world.read().unwrap();
    let young = |id: &u32| *id <= 5 || *id >= 13;
    assert!((1..=25).filter(young).all(|id| rows.contains(&format!("{id:05}"))), "{rows:?}");
    let count = rows.len();
    rows.dedup();
    assert_eq!(rows.len(), count);
    // The same again is no new snapshot.
    world.publish(&publisher).await;
    assert_eq!(world.read().unwrap().2, snapshots);
}

#[tokio::test]
async fn a_merge_overwrites_and_retention_deletes() {
    let world = World::new().await;
    let publisher = world.publisher();
    for _ in 0..3 {
        world.append(4, 29).await;
    }
    world.publish(&publisher).await;
    world.check(1..13, "append");
    while world.stores.upkeep().await.unwrap() {}
    assert_eq!(world.stores.sealed(&world.store).unwrap().parts().len(), 1);
    world.publish(&publisher).await;
    world.check(1..13, "overwrite");
    world.clock.advance_ms(u64::try_from(2 * DAY_MS).unwrap());
    world.publish(&publisher).await;
    world.check(1..1, "delete");
}

#[tokio::test]
async fn what_is_not_too_old_any_more_comes_back() {
    let world = World::new().await;
    let publisher = world.publisher();
    world.append(3, 25).await;
    world.append(2, 1).await;
    world.publish(&publisher).await;
    world.check(1..6, "append");
    for publisher in [publisher, world.publisher()] {
        world.stores.set_retention(&world.store, 24).await.unwrap();
        world.publish(&publisher).await;
        world.check(4..6, "delete");
        world.stores.set_retention(&world.store, 30).await.unwrap();
        world.publish(&publisher).await;
        world.check(1..6, "append");
    }
}

#[tokio::test]
async fn old_snapshots_and_their_files_go() {
    let world = World::new().await;
    let publisher = world.publisher();
    for _ in 0..70 {
        world.append(1, 1).await;
        while world.stores.upkeep().await.unwrap() {}
        world.publish(&publisher).await;
    }
    world.publish(&publisher).await;
    let (rows, _, snapshots) = world.read().unwrap();
    assert_eq!((rows.len(), snapshots), (70, 60));
    let objects = world.bucket.objects.lock().unwrap();
    let count = |end: &str| objects.keys().filter(|key| key.ends_with(end)).count();
    assert_eq!(count(".metadata.json"), 60);
    assert_eq!(objects.keys().filter(|key| key.contains("/snap-")).count(), 60);
    // Every part has a manifest and a file; those that were merged before the oldest snapshot have none any more.
    assert_eq!(count("-m0.avro"), count(".parquet"));
    assert!(count(".parquet") < 100, "{}", count(".parquet"));
}

#[tokio::test]
async fn withdrawn_it_is_gone_and_can_come_again() {
    let world = World::new().await;
    let publisher = world.publisher();
    world.append(3, 1).await;
    world.publish(&publisher).await;
    world.bucket.objects.lock().unwrap().insert("other/metadata/version-hint.text".to_owned(), Bytes::new());
    publisher.withdraw(&world.store, &world.place).await.unwrap();
    publisher.withdraw(&world.store, &world.place).await.unwrap();
    assert_eq!(world.bucket.objects.lock().unwrap().keys().collect::<Vec<_>>(), ["other/metadata/version-hint.text"]);
    assert!(world.read().is_none());
    world.publish(&publisher).await;
    world.check(1..4, "append");
}

#[tokio::test]
async fn a_crash_at_any_write_shows_no_row_twice_and_leaves_nothing() {
    for at in 1.. {
        let world = World::new().await;
        world.append(3, 1).await;
        world.append(3, 1).await;
        world.publish(&world.publisher()).await;
        world.append(3, 1).await;
        while world.stores.upkeep().await.unwrap() {}
        world.append(2, 1).await;
        world.bucket.left.store(at, Ordering::SeqCst);
        let publisher = world.publisher();
        let crashed = tokio::select! {
            biased;
            () = world.bucket.blown.notified() => true,
            () = world.publish(&publisher) => false,
        };
        drop(publisher);
        // Before or after, nothing in between.
        let seen = world.read().unwrap().0.len();
        assert!(seen == 6 || seen == 11, "crash at write {at}: {seen} rows");
        world.bucket.left.store(0, Ordering::SeqCst);
        world.publish(&world.publisher()).await;
        world.check(1..12, "overwrite");
        // What was cut short is not there any more.
        let objects: Vec<String> = world.bucket.objects.lock().unwrap().keys().cloned().collect();
        world.publish(&world.publisher()).await;
        assert_eq!(world.bucket.objects.lock().unwrap().keys().cloned().collect::<Vec<_>>(), objects);
        let lists = objects.iter().filter(|key| key.contains("/snap-")).count();
        assert_eq!(lists, world.read().unwrap().2, "crash at write {at}");
        if !crashed {
            assert!(at > 5, "there are at least five writes, not {at}");
            return;
        }
    }
}
