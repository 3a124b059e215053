//! What is particular to the file: durability, its form, its limits, group commit, and that it agrees with `Memory`.
#![allow(clippy::disallowed_methods, reason = "these look at the file from outside")]

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::conformance::put;
use crate::{Expect, Memory, conformance};

const T: Table = "t";

fn open(folder: &TempDir) -> Sqlite {
    Sqlite::open(&folder.path().join("state.db"), Options::default()).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let folder = folder();
    conformance::all(&open(&folder)).await;
    let path = folder.path().join("uncached.db");
    let options = Options { cache_bytes: 0, ..Options::default() };
    conformance::all(&Sqlite::open(&path, options).unwrap()).await;
}

#[tokio::test]
async fn what_was_committed_is_there_when_opened_again() {
    let folder = folder();
    let state = open(&folder);
    let rev = state.commit(vec![put(T, "k", "v", Expect::Absent)]).await.unwrap().revs[0];
    drop(state);
    let state = open(&folder);
    assert_eq!(state.get(T, b"k").await.unwrap().unwrap().rev, rev);
    assert!(state.commit(vec![put(T, "k2", "v", Expect::Absent)]).await.unwrap().revs[0] > rev);
    assert_eq!(state.scan(T, Range::all(), 10).await.unwrap().len(), 2);
}

/// A copy of the files while they are open is what a crash would leave: all that was answered must be in them.
#[tokio::test]
async fn what_was_answered_outlives_a_crash() {
    let (before, after) = (folder(), folder());
    let state = open(&before);
    for number in 0..20 {
        state.commit(vec![put(T, format!("{number:02}"), "v", Expect::Absent)]).await.unwrap();
    }
    for name in ["state.db", "state.db-wal"] {
        std::fs::copy(before.path().join(name), after.path().join(name)).unwrap();
    }
    assert_eq!(open(&after).scan(T, Range::all(), 100).await.unwrap().len(), 20);
}

#[tokio::test]
async fn one_process_at_a_time() {
    let folder = folder();
    let state = open(&folder);
    let second = Sqlite::open(&folder.path().join("state.db"), Options::default());
    assert!(matches!(second, Err(Error::InUse { .. })));
    drop(state);
    open(&folder);
}

#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let _state = open(&folder);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn other_files_are_refused_and_left_alone() {
    #[track_caller]
    fn check(make: &str, expected: &str) {
        let folder = folder();
        let path = folder.path().join("state.db");
        if make.starts_with("text") {
            std::fs::write(&path, make.repeat(1000)).unwrap();
        } else {
            drop(open(&folder));
            rusqlite::Connection::open(&path).unwrap().execute_batch(make).unwrap();
        }
        let before = std::fs::read(&path).unwrap();
        let error = Sqlite::open(&path, Options::default()).err().unwrap().to_string();
        assert_eq!(error, format!("{} {expected}", path.display()));
        assert!(std::fs::read(&path).unwrap() == before);
    }
    check("text, not a data base", "is not a file of state tables");
    check("PRAGMA application_id = 7", "is not a file of state tables");
    check("PRAGMA user_version = 0", "is not a file of state tables");
    check("DROP TABLE meta", "is not a file of state tables");
    let newer = "has schema version 2, this version of the program knows up to 1: use a newer one";
    check("PRAGMA user_version = 2", newer);
}

#[test]
fn an_absent_folder_is_an_error() {
    let folder = folder();
    let error = Sqlite::open(&folder.path().join("no/state.db"), Options::default()).err().unwrap();
    assert!(matches!(error, Error::Storage { .. }), "{error}");
}

#[tokio::test]
async fn full_and_recovered() {
    let folder = folder();
    let options = Options { file_bytes_max: Some(400 * 1024), ..Options::default() };
    let state = Sqlite::open(&folder.path().join("state.db"), options).unwrap();
    let big = |key: u32| Op::Put {
        table: T,
        key: key.to_be_bytes().to_vec(),
        value: Bytes::from(vec![b'x'; 50 * 1024]),
        expect: Expect::Absent,
    };
    let mut stored = 0;
    loop {
        match state.commit(vec![big(stored)]).await {
            Ok(_) => stored += 1,
            Err(Error::Full) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((4..8).contains(&stored), "{stored}");
    // Nothing of the commit that failed is there; reads and small commits go on.
    assert_eq!(state.get(T, &stored.to_be_bytes()).await.unwrap(), None);
    assert_eq!(state.scan(T, Range::all(), 100).await.unwrap().len(), usize::try_from(stored).unwrap());
    let delete = Op::Delete { table: T, key: 0_u32.to_be_bytes().to_vec(), expect: Expect::Present };
    state.commit(vec![delete]).await.unwrap();
    state.commit(vec![big(stored)]).await.unwrap();
}

/// Commits that wait together are done together, and one that fails fails alone, whatever the reason.
#[test]
fn a_group_of_commits() {
    let folder = folder();
    let path = folder.path().join("state.db");
    let (connection, rev, names) = connection::open_writer(&path, Some(400 * 1024)).unwrap();
    let cache = Arc::new(Mutex::new(Cache::new(1 << 20)));
    let tables: Tables = Arc::new(RwLock::new(names));
    let writer = Writer::new(connection, rev, cache, tables);
    let huge = Bytes::from(vec![0; 500 * 1024]);
    let group = [
        vec![put(T, "a", "1", Expect::Absent)],
        vec![put(T, "a", "2", Expect::Absent), put("new", "b", "2", Expect::Any)],
        vec![Op::Put { table: T, key: b"huge".to_vec(), value: huge, expect: Expect::Any }],
        vec![put(T, "a", "3", Expect::Present), put(T, "c", "3", Expect::Absent)],
    ];
    let (send, queue) = mpsc::channel(10);
    let answers = group.map(|ops| {
        let (reply, answer) = oneshot::channel();
        send.try_send(Request::Commit(Commit { ops, reply })).ok().unwrap();
        answer
    });
    drop(send);
    writer.run(queue);
    let answers = answers.map(|answer| match answer.blocking_recv().unwrap() {
        Ok(info) => format!("{:?}", info.revs.len()),
        Err(error) => error.to_string(),
    });
    assert_eq!(
        answers.each_ref().map(String::as_str),
        [
            "1",
            "commit to t: the expectation of operation 0 does not hold, the revision is Some(3)",
            "no space is left for the state tables",
            "2"
        ]
    );
    let rows = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let state = open(&folder);
        assert_eq!(state.get("new", b"b").await.unwrap(), None);
        state.scan(T, Range::all(), 10).await.unwrap()
    });
    let rows: Vec<_> = rows.iter().map(|row| (&row.key[..], &row.value[..])).collect();
    assert_eq!(rows, [(&b"a"[..], &b"3"[..]), (b"c", b"3")]);
}

/// While one task writes ever larger numbers, no reader sees a smaller one than the last that was answered, or goes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_are_never_stale() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let folder = folder();
    // A cache so small that rows come and go.
    let options = Options { cache_bytes: 2000, ..Options::default() };
    let state = Arc::new(Sqlite::open(&folder.path().join("state.db"), options).unwrap());
    let answered = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..3_u8)
        .map(|reader| {
            let (state, answered, done) = (state.clone(), answered.clone(), done.clone());
            tokio::spawn(async move {
                let mut last = 0;
                while done.load(Ordering::SeqCst) == 0 {
                    let at_least = answered.load(Ordering::SeqCst);
                    let row = state.get(T, b"k").await.unwrap();
                    let rev = row.map_or(0, |row| row.rev);
                    assert!(rev >= at_least && rev >= last, "{rev} after {at_least} and {last}");
                    last = rev;
                    // Push others out.
                    state.get(T, &[reader, u8::try_from(last % 251).unwrap()]).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 0..300 {
        let info = state.commit(vec![put(T, "k", &"x".repeat(number * 3), Expect::Any)]).await.unwrap();
        answered.store(info.revs[0], Ordering::SeqCst);
    }
    done.store(1, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Commits go on while a copy is made; it holds those answered before the moment, none after it, and goes when it is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_shows_one_moment() {
    let folder = folder();
    let state = Arc::new(open(&folder));
    let written = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let writer = {
        let (state, written) = (state.clone(), written.clone());
        tokio::spawn(async move {
            for number in 0..400_u64 {
                let ops = ["x", "y"].map(|row| put(T, row, &number.to_string(), Expect::Any));
                state.commit(ops.into()).await.unwrap();
                written.store(number + 1, std::sync::atomic::Ordering::SeqCst);
            }
        })
    };
    while written.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let mut last = 0;
    for _ in 0..4 {
        let (before, at) = (written.load(std::sync::atomic::Ordering::SeqCst), Arc::new(std::sync::OnceLock::new()));
        let moment = { (Arc::clone(&at), Arc::clone(&written)) };
        let moment = Box::new(move || moment.0.set(moment.1.load(std::sync::atomic::Ordering::SeqCst)).unwrap());
        let copy = state.copy(moment).await.unwrap();
        let (place, there) = (copy.path().to_owned(), self::folder());
        std::fs::copy(&place, there.path().join("state.db")).unwrap();
        let copied = open(&there);
        let number = async |row: &[u8]| {
            let row = copied.get(T, row).await.unwrap().unwrap();
            std::str::from_utf8(&row.value).unwrap().parse::<u64>().unwrap() + 1
        };
        let (x, y) = (number(b"x").await, number(b"y").await);
        // A commit may be in the tables a moment before its caller has counted it.
        let at = *at.get().unwrap();
        assert!(x == y && before <= x && (at..=at + 1).contains(&x) && last <= x, "{x} {y} at {at}, before {before}");
        last = x;
        drop(copy);
        assert!(!place.exists());
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn copies_that_a_crash_left_are_removed() {
    let folder = folder();
    let state = open(&folder);
    let copy = state.copy(Box::new(|| {})).await.unwrap();
    let path = copy.path().to_owned();
    std::mem::forget(copy);
    drop(state);
    assert!(path.exists());
    open(&folder);
    assert!(!path.exists());
}

fn step() -> impl Strategy<Value = Vec<Op>> {
    let table = prop::sample::select(vec!["a", "b"]);
    let key = prop::collection::vec(0..3_u8, 0..2);
    let expect = prop_oneof![
        4 => Just(Expect::Any),
        1 => Just(Expect::Absent),
        1 => Just(Expect::Present),
        1 => (1..20_u64).prop_map(Expect::Rev),
    ];
    let op = (table, key, expect, 0..4_u8).prop_map(|(table, key, expect, kind)| match kind {
        0 => Op::Delete { table, key, expect },
        1 => Op::Check { table, key, expect },
        _ => Op::Put { table, key, value: Bytes::from(vec![kind; 3]), expect },
    });
    prop::collection::vec(op, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_with_memory(steps in prop::collection::vec(step(), 1..30), reopen_at in 0..30_usize) {
        let folder = folder();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut file, memory) = (open(&folder), Memory::new());
            for (number, ops) in steps.into_iter().enumerate() {
                if number == reopen_at {
                    drop(file);
                    file = open(&folder);
                }
                let (one, two) = (file.commit(ops.clone()).await, memory.commit(ops.clone()).await);
                assert_eq!(format!("{one:?}"), format!("{two:?}"));
                for op in &ops {
                    let (table, key, _) = op.target();
                    assert_eq!(file.get(table, key).await.unwrap(), memory.get(table, key).await.unwrap());
                }
            }
            for table in ["a", "b"] {
                for range in [Range::all(), Range::prefix([1]).reverse(), Range::all().after([1]).before([2])] {
                    let (one, two) = (file.scan(table, range.clone(), 5).await, memory.scan(table, range, 5).await);
                    assert_eq!(one.unwrap(), two.unwrap());
                }
            }
        });
    }
}
