//! The stores, stopped at every write to storage and begun again: whatever happens, each record of the journal and of imports is there
//! once, before and after merging, and what retention drops is gone.

use std::sync::Arc;

use journal::{Journal, ReadLimit};
use objects::Objects;
use ports::lake::NewRecord;
use ports::{EventStores, StoreId};
use worker::Consumer;

use crate::testing::{World, all_records, record, store_key};
use crate::{Events, Losses, Options, Rebuild};

const OLD_SECS: i64 = -40 * 86_400;
/// Records in the journal.
const JOURNAL: i64 = 6;

async fn told() -> World {
    let mut world = World::new();
    world.options = Options {
        tail_rows_max: 4,
        merge_parts_min: 2,
        part_rows_max: 40,
        append_rows_max: 2,
        events_retention_days: 50,
        ..Options::default()
    };
    for number in 0..JOURNAL {
        world.recorded(&record(&format!("journal-{number}"), number)).await;
    }
    world
}

/// Records of an import; two share their identifier, some are old, one is in the journal too.
fn imported() -> Vec<String> {
    let mut records: Vec<String> = (0..2).map(|number| record(&format!("import-{number}"), number * 7 - 3)).collect();
    records.push(record("import-0", 99));
    records.extend((0..1).map(|number| record(&format!("old-{number}"), OLD_SECS + number)));
    records
}

fn other() -> StoreId {
    StoreId::parse("11111111-2222-3333-4444-555555555555").unwrap()
}

async fn again<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(mut work: impl FnMut() -> F) -> T {
    for _ in 0..20 {
        if let Ok(done) = work().await {
            return done;
        }
    }
    panic!("it failed twenty times")
}

/// Feeds, imports, merges and drops, from wherever it stands, as if a server had just been started.
async fn live(world: &World) {
    let stores = world.open().await;
    let mut events =
        Events::open(Arc::clone(&stores), Arc::<journal::MemoryJournal>::clone(&world.journal), None).unwrap();
    let mut at = events.needs();
    let (events_id, other_id) = (StoreId::events(), other());
    again(|| stores.create(&other_id, 30)).await;
    again(|| stores.encrypt(&other_id, store_key())).await;
    let records = || imported().into_iter().map(NewRecord::new).collect::<Vec<_>>();
    while world.journal.durable_end() > at {
        let entries = world.journal.read(at, ReadLimit { max_bytes: 1 << 20, max_entries: 4 }).unwrap();
        at = entries.last().unwrap().seq.next();
        while events.take(&entries).await.is_err() {}
        again(|| stores.append(&events_id, records())).await;
        again(|| stores.append(&other_id, records())).await;
        while again(|| stores.upkeep()).await {}
    }
    while events.stop().await.is_err() {}
    while again(|| stores.upkeep()).await {}
    assert_eq!(events.needs(), at.max(events.needs()));
}

async fn check(world: &World, what: &str) {
    let stores = world.open().await;
    let mut expected = imported();
    expected.extend((0..JOURNAL).map(|number| record(&format!("journal-{number}"), number)));
    expected.sort();
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected, "{what}");
    let mut young: Vec<String> = imported().into_iter().filter(|json| !json.contains("\"old-")).collect();
    young.sort();
    assert_eq!(all_records(&stores, &other()).await, young, "{what}: the other store");
    assert_eq!(stores.durable(), 7, "{what}");
    let parts: usize = [StoreId::events(), other()].iter().map(|id| stores.snapshot(id).unwrap().parts().len()).sum();
    assert!(parts <= 6, "{what}: {parts} parts");
    let names = world.object_names().await;
    assert_eq!(names.len(), parts * 2, "{what}: {names:?}");
}

#[tokio::test]
async fn everything_is_there_once() {
    let world = told().await;
    live(&world).await;
    check(&world, "undisturbed").await;
    live(&world).await;
    check(&world, "again").await;
}

#[tokio::test]
async fn a_crash_at_any_step_changes_nothing() {
    let mut crashes = 0;
    for step in 1_i64.. {
        let world = told().await;
        let crashed = |n: i64| {
            world.fuse.set(n);
            async {
                tokio::select! {
                    biased;
                    () = world.fuse.blown.notified() => true,
                    () = live(&world) => false,
                }
            }
        };
        let first = crashed(step).await;
        // A second crash soon after, in what the first one left to do.
        let second = first && crashed(1 + step % 7).await;
        world.fuse.set(0);
        live(&world).await;
        check(&world, &format!("a crash at step {step}, then {second}")).await;
        if !first {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 40, "{crashes} crashes");
}

#[tokio::test]
async fn a_write_that_is_done_but_answered_with_a_failure_changes_nothing() {
    for write in 1.. {
        let world = told().await;
        world.fuse.deny(write);
        live(&world).await;
        let denied = !world.fuse.denies();
        world.fuse.deny(0);
        check(&world, &format!("a failure of write {write}")).await;
        if !denied {
            assert!(write > 20, "{write} writes");
            break;
        }
    }
}

#[tokio::test]
async fn a_removed_store_leaves_nothing() {
    for step in 1_i64.. {
        let world = told().await;
        live(&world).await;
        world.fuse.set(step);
        let stores = world.open().await;
        let gone = other();
        let crashed = tokio::select! {
            biased;
            () = world.fuse.blown.notified() => true,
            removed = stores.remove(&gone) => { removed.unwrap(); false }
        };
        world.fuse.set(0);
        let stores = world.open().await;
        stores.remove(&other()).await.unwrap();
        while stores.upkeep().await.unwrap() {}
        assert_eq!(stores.stores(), [StoreId::events()]);
        assert!(world.object_names().await.iter().all(|name| name.starts_with("lake/events/")));
        if !crashed {
            assert!(step > 2, "{step} steps");
            break;
        }
    }
}

/// Makes the built-in store again, of the journal and what is given.
async fn rebuild(world: &World, given: &[String], old: bool) -> (Losses, u64) {
    let stores = world.open().await;
    let mut rebuild = Rebuild::begin(Arc::clone(&stores), &*world.journal).await.unwrap();
    rebuild.add_journal(&*world.journal).await.unwrap();
    for record in given {
        rebuild.add(NewRecord::new(record.clone())).await.unwrap();
    }
    let unreadable = if old { rebuild.add_old().await.unwrap() } else { 0 };
    let losses = rebuild.losses().await.unwrap();
    rebuild.finish().await.unwrap();
    (losses, unreadable)
}

#[tokio::test]
async fn the_built_in_store_is_made_again_and_says_what_is_lost() {
    let world = told().await;
    live(&world).await;
    let mut journal: Vec<String> = (0..JOURNAL).map(|number| record(&format!("journal-{number}"), number)).collect();
    let imported = imported();
    // What comes from several places is there once.
    let given = [&imported[..2], &journal[..2]].concat();
    let (losses, _) = rebuild(&world, &given, false).await;
    assert_eq!(losses, Losses { records: 2, unknown: 0 });
    let stores = world.open().await;
    let mut expected = [&imported[..2], &journal].concat();
    expected.sort();
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected);
    while stores.upkeep().await.unwrap() {}
    let parts: usize = [StoreId::events(), other()].iter().map(|id| stores.snapshot(id).unwrap().parts().len()).sum();
    assert_eq!(world.object_names().await.len(), parts * 2);
    drop(stores);

    // What the consumer has not stored yet comes once, by the consumer.
    world.recorded(&record("journal-new", 70)).await;
    let new = record("journal-new", 70);
    let (losses, unreadable) = rebuild(&world, std::slice::from_ref(&new), true).await;
    assert_eq!((losses, unreadable), (Losses::default(), 0));
    let stores = world.open().await;
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected, "the consumer has not run");
    drop(stores);
    live(&world).await;
    journal.push(new);
    let stores = world.open().await;
    let mut expected = [imported, journal].concat();
    expected.sort();
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected);
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_told() {
    let world = told().await;
    live(&world).await;
    let names = world.object_names().await;
    let rows = u64::try_from(JOURNAL).unwrap() + 4;
    for name in names.iter().filter(|name| name.starts_with("lake/events/")) {
        world.objects.put(name, bytes::Bytes::from_static(b"damaged")).await.unwrap();
    }
    let (losses, unreadable) = rebuild(&world, &[], true).await;
    assert_eq!((losses, unreadable), (Losses { records: 0, unknown: rows }, rows));
    let stores = world.open().await;
    let mut expected: Vec<String> = (0..JOURNAL).map(|number| record(&format!("journal-{number}"), number)).collect();
    expected.sort();
    assert_eq!(all_records(&stores, &StoreId::events()).await, expected);
}

#[tokio::test]
async fn a_crash_while_the_store_is_made_again_leaves_the_old_one_or_the_new_one() {
    for step in 1_i64.. {
        let world = told().await;
        live(&world).await;
        let given = imported();
        world.fuse.set(step);
        let crashed = tokio::select! {
            biased;
            () = world.fuse.blown.notified() => true,
            _ = rebuild(&world, &given, false) => false,
        };
        world.fuse.set(0);
        live(&world).await;
        check(&world, &format!("a crash at step {step}")).await;
        if !crashed {
            assert!(step > 5, "{step} steps");
            break;
        }
    }
}
