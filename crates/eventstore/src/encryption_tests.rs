//! Stores under a key of KMS: what lies in storage, what is read while the key is disabled, and what becomes of what comes meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::TryStreamExt;
use journal::{Journal, MemoryJournal, ReadLimit};
use objects::Objects;
use ports::lake::{Find, NewRecord, QueryProgress, Selection};
use ports::{EventStores, KeyError, StoreId, Unavailable};
use proptest::prelude::*;
use seal::HostKeys;
use worker::Consumer;

use crate::encryption::{Content, Encrypted, Encryption, KeyRow, Vault};
use crate::testing::{World, all_records, record, store_key};
use crate::{EVENT_JSON, Events, Projection, ReadOptions, Stores};

fn store() -> StoreId {
    StoreId::parse("11111111-2222-3333-4444-555555555555").unwrap()
}

/// Everything goes into the store.
struct All;

impl Selection for All {
    fn restore(&mut self, _: &[u8]) -> Result<(), Unavailable> {
        Ok(())
    }

    fn save(&self) -> Bytes {
        Bytes::new()
    }

    fn control(&mut self, _: u64, _: &str, _: &[u8]) {}

    fn select(&mut self, _: u64, _: &[u8], into: &mut Vec<StoreId>) {
        into.push(store());
    }
}

/// How many objects of the store are encrypted, and how many are not.
async fn stored(world: &World) -> (usize, usize) {
    let (mut sealed, mut clear) = (0, 0);
    for name in world.object_names().await.iter().filter(|name| name.contains(store().as_str())) {
        let bytes = world.objects.get(name, None).await.unwrap().bytes(1 << 30).await.unwrap();
        *(if bytes.starts_with(b"CRNE") { &mut sealed } else { &mut clear }) += 1;
    }
    (sealed, clear)
}

/// The error of reading a store's parts.
async fn unreadable(stores: &Stores) -> String {
    let snapshot = stores.snapshot(&store()).unwrap();
    let options = ReadOptions::new(Projection::of([EVENT_JSON]).unwrap());
    let batches = snapshot.read(&snapshot.parts()[0], options, Arc::new(QueryProgress::default()));
    batches.try_collect::<Vec<_>>().await.unwrap_err().to_string()
}

fn everything() -> Find {
    Find { needles: Vec::new(), from_ms: i64::MIN, to_ms: i64::MAX, max: 100, after: None }
}

#[tokio::test]
async fn what_a_store_has_is_moved_under_its_key() {
    let world = World::new();
    let stores = world.open().await;
    stores.create(&store(), 30).await.unwrap();
    let records: Vec<String> = (0..200).map(|number| record(&format!("r{number}"), number)).collect();
    let new = |records: &[String]| records.iter().cloned().map(NewRecord::new).collect::<Vec<_>>();
    stores.append(&store(), new(&records[..100])).await.unwrap();
    assert_eq!(stored(&world).await, (0, 2));
    stores.encrypt(&store(), store_key()).await.unwrap();
    stores.append(&store(), new(&records[100..])).await.unwrap();
    assert_eq!(stored(&world).await, (2, 2), "what comes is under the key");
    while stores.upkeep().await.unwrap() {}
    assert_eq!(stored(&world).await, (4, 0), "what was there is too");
    let mut expected = records.clone();
    expected.sort();
    assert_eq!(all_records(&stores, &store()).await, expected);
    assert_eq!(stores.find(&store(), everything()).await.unwrap().records.len(), 100);
    assert_eq!(stores.append(&store(), new(&records)).await.unwrap().duplicate, 200);
    // Again, and with another retention: the data key stays.
    let key = stores.key_of(&store());
    stores.encrypt(&store(), ports::lake::StoreKey { data_key: vec![9; 32], ..store_key() }).await.unwrap();
    stores.set_retention(&store(), 60).await.unwrap();
    assert_eq!(stores.key_of(&store()), key);
    drop(stores);
    let stores = world.open().await;
    assert_eq!(all_records(&stores, &store()).await, expected);
    let other = ports::lake::StoreKey { key_arn: "another".to_owned(), ..store_key() };
    assert!(stores.encrypt(&store(), other).await.is_err(), "a store keeps its key");
    assert!(stores.encrypt(&StoreId::events(), store_key()).await.is_err());
    assert!(stores.encrypt(&StoreId::parse("absent").unwrap(), store_key()).await.is_err());
}

#[tokio::test]
async fn a_key_that_is_disabled_hides_a_store_and_loses_nothing() {
    let mut world = World::new();
    world.options.merge_parts_min = 2;
    let stores = world.open().await;
    stores.create(&store(), 30).await.unwrap();
    stores.encrypt(&store(), store_key()).await.unwrap();
    let journal = Arc::<MemoryJournal>::clone(&world.journal);
    let mut events = Events::open(Arc::clone(&stores), journal, Some(Box::new(All))).unwrap();
    let mut expected = Vec::new();
    for (round, disabled) in [(0, false), (1, true), (2, true), (3, false)] {
        world.keys.disabled.store(disabled, Ordering::SeqCst);
        let unlocked = stores.unlock(&store()).await;
        assert_eq!(unlocked.is_err(), disabled, "round {round}");
        expected.push(record(&format!("round-{round}"), round));
        world.recorded(expected.last().unwrap()).await;
        let entries = world.journal.read(events.needs(), ReadLimit::default()).unwrap();
        events.take(&entries).await.unwrap();
        stores.flush().await.unwrap();
        assert_eq!(stored(&world).await.1, 0, "never in clear: round {round}");
        if let Err(error) = unlocked {
            assert!(matches!(&error, KeyError::Refused { code, .. } if code == "DisabledException"), "{error}");
            assert!(stores.find(&store(), everything()).await.is_err());
            assert!(stores.append(&store(), vec![NewRecord::new("{}")]).await.is_err());
            expected.push(format!(r#"{{"eventID":"sent-{round}"}}"#));
            let sent = vec![NewRecord::new(expected.last().unwrap().clone())];
            assert_eq!(stores.append_new(&store(), sent).await.unwrap().kept, 1);
            assert!(unreadable(&stores).await.contains("is disabled"));
            let asked = world.keys.asked.load(Ordering::SeqCst);
            while stores.upkeep().await.unwrap() {}
            assert_eq!(world.keys.asked.load(Ordering::SeqCst), asked, "nobody asks again so soon");
        }
    }
    let under = |stores: &Stores| {
        let snapshot = stores.snapshot(&store()).unwrap();
        let of = snapshot.parts().iter().map(|part| part.row.encrypted.clone());
        of.map(|of| matches!(of, Some(Encrypted::Kms(_)))).collect::<Vec<_>>()
    };
    let mut before = under(&stores);
    before.sort_unstable();
    assert_eq!(before, [false, true, true], "what came meanwhile is under the host key, in one part by now");
    while stores.upkeep().await.unwrap() {}
    assert!(under(&stores).iter().all(|kms| *kms), "and is moved");
    expected.sort();
    assert_eq!(all_records(&stores, &store()).await, expected);
    expected.retain(|json| !json.contains("sent-"));
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected);
}

#[tokio::test]
async fn without_keys_nothing_is_read() {
    let world = World::new();
    let stores = world.open().await;
    stores.create(&store(), 30).await.unwrap();
    stores.encrypt(&store(), store_key()).await.unwrap();
    stores.append(&store(), vec![NewRecord::new(record("one", 1))]).await.unwrap();
    drop(stores);
    let (state, objects) = (Arc::<state::Memory>::clone(&world.state), Arc::new(world.objects.clone()));
    let stores = Stores::open(world.env.clone(), state, objects, world.options.clone()).await.unwrap();
    assert!(stores.unlock(&store()).await.is_err());
    assert!(unreadable(&stores).await.contains("there are no keys here"));
    stores.unlock(&StoreId::events()).await.unwrap();
}

#[tokio::test]
async fn a_kms_that_is_silent_holds_nothing_up() {
    let world = World::new();
    let stores = world.open().await;
    stores.create(&store(), 30).await.unwrap();
    stores.encrypt(&store(), store_key()).await.unwrap();
    world.keys.silent.store(true, Ordering::SeqCst);
    let journal = Arc::<MemoryJournal>::clone(&world.journal);
    let mut events = Events::open(Arc::clone(&stores), journal, Some(Box::new(All))).unwrap();
    world.recorded(&record("one", 1)).await;
    let entries = world.journal.read(events.needs(), ReadLimit::default()).unwrap();
    events.take(&entries).await.unwrap();
    stores.flush().await.unwrap();
    assert_eq!(stored(&world).await, (2, 0));
    assert!(matches!(stores.unlock(&store()).await, Err(KeyError::Unavailable(_))));
    while stores.upkeep().await.unwrap() {}
    world.keys.silent.store(false, Ordering::SeqCst);
    stores.unlock(&store()).await.unwrap();
    while stores.upkeep().await.unwrap() {}
    assert_eq!(all_records(&stores, &store()).await, [record("one", 1)]);
}

#[tokio::test]
async fn kms_is_asked_now_and_then() {
    let world = World::new();
    let stores = world.open().await;
    stores.create(&store(), 30).await.unwrap();
    stores.encrypt(&store(), store_key()).await.unwrap();
    let asked = || world.keys.asked.load(Ordering::SeqCst);
    for round in 0..3 {
        stores.append(&store(), vec![NewRecord::new(record(&format!("r{round}"), round))]).await.unwrap();
        assert_eq!(all_records(&stores, &store()).await.len(), usize::try_from(round + 1).unwrap());
    }
    assert_eq!(asked(), 1);
    world.clock.advance(1_200_000);
    world.keys.disabled.store(true, Ordering::SeqCst);
    assert!(unreadable(&stores).await.contains("DisabledException"), "what was in use expires");
    assert_eq!(asked(), 2);
    world.keys.disabled.store(false, Ordering::SeqCst);
    assert!(unreadable(&stores).await.contains("DisabledException"));
    assert_eq!(asked(), 2);
    stores.unlock(&store()).await.unwrap();
    assert_eq!(all_records(&stores, &store()).await.len(), 3);
}

proptest! {
    /// However an object is written, its bytes come back, and nothing beyond them.
    #[test]
    fn ranges_are_what_was_written(
        len in 1_usize..400_000,
        piece in 1_usize..200_000,
        ranges in proptest::collection::vec((0_u64..420_000, 0_u64..200_000), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let host_keys = Arc::new(HostKeys::parse(&"22".repeat(32)).unwrap());
            let keys = Arc::<crate::testing::FakeKeys>::clone(&world.keys);
            let vault = Vault::new(world.env.clone(), Some(Encryption { keys, host_keys }));
            let encrypting = vault.encrypting(Some(&KeyRow::new(&store_key()))).await.unwrap();
            let bytes: Bytes = (0..len).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect();
            let mut writer = encrypting.writer(&world.objects, &*world.env.rng, "lake/a").await.unwrap();
            for piece in bytes.chunks(piece) {
                writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            writer.finish().await.unwrap();
            encrypting.put(&world.objects, &*world.env.rng, "lake/b", bytes.clone()).await.unwrap();
            let whole = 0..u64::try_from(len).unwrap();
            for name in ["lake/a", "lake/b"] {
                let content = |name: &str| {
                    Content::new(Arc::new(world.objects.clone()), &vault, name.to_owned(), encrypting.row().as_ref())
                };
                let read = content(name);
                for (start, long) in &ranges {
                    let range = *start..start + long;
                    let found = read.read(range.clone()).await;
                    if range.end <= whole.end && range.start < whole.end {
                        let at = |position: u64| usize::try_from(position).unwrap();
                        prop_assert_eq!(found.unwrap(), bytes.slice(at(range.start)..at(range.end)));
                    } else if range.start < range.end {
                        prop_assert!(found.is_err(), "{range:?} of {len}");
                    }
                }
                prop_assert_eq!(read.read(whole.clone()).await.unwrap(), bytes.clone());
            }
            Ok(())
        })?;
    }
}
