//! What every implementation of [`State`] must do. Panics where one does not. Each case has tables of its own, which
//! must be empty when it begins.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "this is a test, for the tests of other crates")]

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    COMMIT_OPS_MAX, Change, Error, Expect, KEY_BYTES_MAX, Op, Range, SCAN_ROWS_MAX, State, Table, Typed,
    VALUE_BYTES_MAX, key, scan_all,
};

/// Runs all cases.
pub async fn all(state: &dyn State) {
    empty(state).await;
    what_is_put_is_read(state).await;
    expectations(state).await;
    all_or_nothing(state).await;
    revisions_are_never_used_again(state).await;
    scans(state).await;
    scans_go_on(state).await;
    tuples(state).await;
    limits(state).await;
    documents(state).await;
    races(state).await;
}

/// A put with a text for a value.
pub fn put(table: Table, key: impl Into<Vec<u8>>, value: &str, expect: Expect) -> Op {
    Op::Put { table, key: key.into(), value: Bytes::copy_from_slice(value.as_bytes()), expect }
}

fn delete(table: Table, key: &str, expect: Expect) -> Op {
    Op::Delete { table, key: key.into(), expect }
}

fn check(table: Table, key: &str, expect: Expect) -> Op {
    Op::Check { table, key: key.into(), expect }
}

async fn text(state: &dyn State, table: Table, key: &str) -> Option<String> {
    let row = state.get(table, key.as_bytes()).await.unwrap()?;
    assert_eq!(row.key, key.as_bytes());
    Some(String::from_utf8(row.value.to_vec()).unwrap())
}

/// The rows of a table as `key=value` with spaces between.
async fn table(state: &dyn State, table: Table, range: Range, limit: usize) -> String {
    let rows = state.scan(table, range, limit).await.unwrap();
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    rows.iter().map(|row| format!("{}={}", show(&row.key), show(&row.value))).collect::<Vec<_>>().join(" ")
}

async fn empty(state: &dyn State) {
    assert_eq!(state.get("conformance/empty", b"k").await.unwrap(), None);
    assert_eq!(table(state, "conformance/empty", Range::all(), 10).await, "");
    assert_eq!(state.commit(Vec::new()).await.unwrap().revs, Vec::<u64>::new());
    let absent = vec![check("conformance/empty", "k", Expect::Absent), delete("conformance/empty", "k", Expect::Any)];
    assert_eq!(state.commit(absent).await.unwrap().revs, [0, 0]);
}

async fn what_is_put_is_read(state: &dyn State) {
    const T: Table = "conformance/put";
    for value in ["one", "", "two\0\u{ff}"] {
        let rev = state.commit(vec![put(T, "k", value, Expect::Any)]).await.unwrap().revs[0];
        let row = state.get(T, b"k").await.unwrap().unwrap();
        assert_eq!((row.rev, &row.value[..]), (rev, value.as_bytes()));
        assert_eq!(state.scan(T, Range::all(), 10).await.unwrap(), [row]);
    }
    state.commit(vec![put("conformance/put2", "", "other", Expect::Any)]).await.unwrap();
    assert_eq!(text(state, T, "").await, None);
    assert_eq!(text(state, "conformance/put2", "").await.unwrap(), "other");
    state.commit(vec![delete(T, "k", Expect::Any)]).await.unwrap();
    assert_eq!(text(state, T, "k").await, None);
    assert_eq!(table(state, T, Range::all(), 10).await, "");
}

async fn expectations(state: &dyn State) {
    const T: Table = "conformance/expect";
    let rev = state.commit(vec![put(T, "here", "v", Expect::Any)]).await.unwrap().revs[0];
    assert_ne!(rev, 0);
    for (key, expect, holds) in [
        ("here", Expect::Any, true),
        ("here", Expect::Present, true),
        ("here", Expect::Rev(rev), true),
        ("here", Expect::Absent, false),
        ("here", Expect::Rev(rev + 1), false),
        ("here", Expect::Rev(0), false),
        ("gone", Expect::Any, true),
        ("gone", Expect::Absent, true),
        ("gone", Expect::Present, false),
        ("gone", Expect::Rev(rev), false),
        ("gone", Expect::Rev(0), false),
    ] {
        let current = (key == "here").then_some(rev);
        let done = state.commit(vec![check(T, key, expect)]).await;
        match done {
            Ok(info) => {
                assert!(holds, "{key} {expect:?}");
                assert_eq!(info.revs, [current.unwrap_or(0)]);
            }
            Err(Error::Conflict { table, index: 0, current: found }) => {
                assert!(!holds, "{key} {expect:?}");
                assert_eq!((table, found), (T, current));
            }
            Err(error) => panic!("{key} {expect:?}: {error}"),
        }
        if !holds {
            for op in [put(T, key, "changed", expect), delete(T, key, expect)] {
                assert!(state.commit(vec![op]).await.unwrap_err().is_conflict());
            }
        }
    }
    assert_eq!(table(state, T, Range::all(), 10).await, "here=v");
}

async fn all_or_nothing(state: &dyn State) {
    const T: Table = "conformance/all";
    state.commit(vec![put(T, "a", "1", Expect::Absent), put(T, "b", "1", Expect::Absent)]).await.unwrap();
    let failing = vec![
        put(T, "a", "2", Expect::Present),
        delete(T, "b", Expect::Any),
        put("conformance/all2", "new", "2", Expect::Absent),
        check(T, "c", Expect::Present),
        check(T, "d", Expect::Present),
    ];
    let error = state.commit(failing).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { table: T, index: 3, current: None }), "{error}");
    assert_eq!(table(state, T, Range::all(), 10).await, "a=1 b=1");
    assert_eq!(text(state, "conformance/all2", "new").await, None);

    // Expectations are about what was there before the commit.
    let moving =
        vec![delete(T, "a", Expect::Present), put(T, "c", "3", Expect::Absent), check(T, "a", Expect::Present)];
    let before = state.get(T, b"a").await.unwrap().unwrap().rev;
    let revs = state.commit(moving).await.unwrap().revs;
    assert_eq!((revs[0], revs[2]), (0, before));
    assert!(revs[1] > before);
    assert_eq!(table(state, T, Range::all(), 10).await, "b=1 c=3");

    let twice = vec![put(T, "b", "4", Expect::Any), delete(T, "b", Expect::Any)];
    let error = state.commit(twice).await.unwrap_err();
    assert!(matches!(error, Error::WrittenTwice { index: 1, .. }), "{error}");
    assert_eq!(text(state, T, "b").await.unwrap(), "1");
}

async fn revisions_are_never_used_again(state: &dyn State) {
    const T: Table = "conformance/revs";
    let mut last = 0;
    for _ in 0..3 {
        let rev = state.commit(vec![put(T, "k", "same", Expect::Absent)]).await.unwrap().revs[0];
        assert!(rev > last);
        assert!(state.commit(vec![delete(T, "k", Expect::Rev(last))]).await.unwrap_err().is_conflict());
        state.commit(vec![delete(T, "k", Expect::Rev(rev))]).await.unwrap();
        last = rev;
    }
}

async fn scans(state: &dyn State) {
    const T: Table = "conformance/scan";
    let keys: [&[u8]; 7] = [b"", b"a", b"a\0", b"aa", b"ab", b"b", b"\xff\xff"];
    let ops = keys.iter().rev().map(|key| put(T, *key, "v", Expect::Absent)).collect();
    state.commit(ops).await.unwrap();
    let cases: [(Range, usize, &[usize]); 16] = [
        (Range::all(), 10, &[0, 1, 2, 3, 4, 5, 6]),
        (Range::all(), 2, &[0, 1]),
        (Range::all(), 0, &[]),
        (Range::all().reverse(), 2, &[6, 5]),
        (Range::prefix("a"), 10, &[1, 2, 3, 4]),
        (Range::prefix("a").reverse(), 3, &[4, 3, 2]),
        (Range::prefix(b"\xff"), 10, &[6]),
        (Range::prefix("c"), 10, &[]),
        (Range::all().from("aa"), 10, &[3, 4, 5, 6]),
        (Range::all().after("aa").before("b"), 10, &[4]),
        (Range::prefix("a").after("a"), 10, &[2, 3, 4]),
        (Range::prefix("a").from("").before("zzz"), 10, &[1, 2, 3, 4]),
        (Range::prefix("a").before("ab").reverse(), 2, &[3, 2]),
        (Range::prefix("a").from("b"), 10, &[]),
        (Range::all().after("b").before("b"), 10, &[]),
        (Range::all().from("b").before("a"), 10, &[]),
    ];
    for (range, limit, expected) in cases {
        let rows = state.scan(T, range.clone(), limit).await.unwrap();
        let found: Vec<&[u8]> = rows.iter().map(|row| &row.key[..]).collect();
        let expected: Vec<&[u8]> = expected.iter().map(|&index| keys[index]).collect();
        assert_eq!(found, expected, "{range:?} {limit}");
    }
    let mut range = Range::all().from("a");
    range.end = std::ops::Bound::Included(b"ab".to_vec());
    assert_eq!(state.scan(T, range, 10).await.unwrap().len(), 4);
}

async fn scans_go_on(state: &dyn State) {
    const T: Table = "conformance/pages";
    let ops = (0..1234_u32).map(|number| put(T, number.to_be_bytes(), "v", Expect::Absent)).collect();
    state.commit(ops).await.unwrap();
    for range in [Range::all(), Range::all().reverse()] {
        let mut found = Vec::new();
        let visit = |row: crate::Row| {
            found.push(row.key);
            Ok::<bool, Error>(found.len() < 1200)
        };
        scan_all(state, T, range.clone(), visit).await.unwrap();
        let number = |index: u32| if range.reverse { 1233 - index } else { index };
        let expected: Vec<Vec<u8>> = (0..1200).map(|index| number(index).to_be_bytes().to_vec()).collect();
        assert_eq!(found, expected);
    }
}

async fn tuples(state: &dyn State) {
    const T: Table = "conformance/tuples";
    let names = ["a", "a\0", "a\u{1}", "a/b", "a\u{ff}", "b"];
    let ops = |bucket| names.map(|name| put(T, key::key(&[bucket, name]), name, Expect::Absent)).to_vec();
    state.commit([ops("one"), ops("one\0"), ops("on")].concat()).await.unwrap();
    let mut sorted = names;
    sorted.sort_unstable();
    let rows = state.scan(T, Range::prefix(key::key(&["one"])), 100).await.unwrap();
    let found: Vec<String> = rows.iter().map(|row| key::texts(&row.key).unwrap()[1].clone()).collect();
    assert_eq!(found, sorted);
    let rows = state.scan(T, Range::prefix(key::prefix(&["one"], "a/")), 100).await.unwrap();
    assert_eq!(rows.len(), 1);
}

async fn limits(state: &dyn State) {
    const T: Table = "conformance/limits";
    for name in ["", "UPPER", "with space", "quote\"", "ünïcode", "x".repeat(65).leak()] {
        let error = state.commit(vec![put(name, "k", "v", Expect::Any)]).await.unwrap_err();
        assert!(matches!(error, Error::BadTable { .. }), "{name:?}");
        assert!(state.get(name, b"k").await.is_err() && state.scan(name, Range::all(), 1).await.is_err(), "{name:?}");
    }
    let value = |size| Op::Put { table: T, key: b"k".to_vec(), value: vec![b'x'; size].into(), expect: Expect::Any };
    state.commit(vec![value(VALUE_BYTES_MAX)]).await.unwrap();
    assert_eq!(state.get(T, b"k").await.unwrap().unwrap().value.len(), VALUE_BYTES_MAX);
    state.commit(vec![put(T, vec![7; KEY_BYTES_MAX], "v", Expect::Any)]).await.unwrap();
    assert!(state.get(T, &[7; KEY_BYTES_MAX + 1]).await.unwrap().is_none());
    let five = (0..5_u8).map(|n| Op::Put {
        table: T,
        key: vec![n],
        value: vec![0; VALUE_BYTES_MAX].into(),
        expect: Expect::Any,
    });
    for ops in [
        vec![value(VALUE_BYTES_MAX + 1)],
        vec![put(T, vec![7; KEY_BYTES_MAX + 1], "v", Expect::Any)],
        (0..=COMMIT_OPS_MAX).map(|n| put(T, n.to_be_bytes(), "", Expect::Any)).collect(),
        five.collect(),
    ] {
        assert!(matches!(state.commit(ops).await, Err(Error::TooLarge { .. })));
    }
    assert!(matches!(state.scan(T, Range::all(), SCAN_ROWS_MAX + 1).await, Err(Error::TooLarge { .. })));
    assert_eq!(state.scan(T, Range::all(), SCAN_ROWS_MAX).await.unwrap().len(), 2);
    state.commit(vec![delete(T, "k", Expect::Any)]).await.unwrap();
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    version: u32,
    count: u32,
}

async fn documents(state: &dyn State) {
    const COUNTS: Typed<Count> = Typed::new("conformance/counts");
    let first = Count { version: 1, count: 0 };
    assert_eq!(COUNTS.get(state, b"a").await.unwrap(), None);
    let rev = COUNTS.put(state, b"a", &first, Expect::Absent).await.unwrap();
    let doc = COUNTS.get(state, b"a").await.unwrap().unwrap();
    assert_eq!((doc.rev, &doc.value), (rev, &first));
    assert_eq!(text(state, COUNTS.table(), "a").await.unwrap(), r#"{"version":1,"count":0}"#);
    assert!(COUNTS.put(state, b"a", &first, Expect::Absent).await.unwrap_err().is_conflict());

    // Somebody else changes the row between the read and the write, once.
    let mut tries = 0;
    let add = |old: Option<Count>| {
        tries += 1;
        Ok::<_, Error>(Change::Put(Count { version: 1, count: old.unwrap().count + 1 }))
    };
    let new = COUNTS.update(state, b"a", add).await.unwrap().unwrap();
    assert_eq!((new.value.count, tries), (1, 1));
    assert_eq!(COUNTS.scan(state, Range::all(), 10).await.unwrap(), std::slice::from_ref(&new));
    let kept = COUNTS.update(state, b"a", |_| Ok::<_, Error>(Change::Keep)).await.unwrap();
    assert_eq!(kept, Some(new));
    assert_eq!(COUNTS.update(state, b"a", |_| Ok::<_, Error>(Change::Delete)).await.unwrap(), None);
    assert_eq!(COUNTS.get(state, b"a").await.unwrap(), None);

    state.commit(vec![put(COUNTS.table(), "bad", "{}", Expect::Any)]).await.unwrap();
    assert!(matches!(COUNTS.get(state, b"bad").await, Err(Error::Document { .. })));
    COUNTS.delete(state, b"bad", Expect::Present).await.unwrap();
}

/// Many at once: no update is lost, and of those who want to be the first, one is.
async fn races(state: &dyn State) {
    const COUNTS: Typed<Count> = Typed::new("conformance/races");
    const RACERS: u32 = 40;
    let add = |old: Option<Count>| {
        Ok::<_, Error>(Change::Put(Count { version: 1, count: old.map_or(0, |old| old.count) + 1 }))
    };
    let racers = (0..RACERS).map(|_| async {
        COUNTS.update(state, b"all", add).await.unwrap();
        let mine = COUNTS.put(state, b"one", &Count { version: 1, count: 0 }, Expect::Absent).await;
        u32::from(mine.is_ok())
    });
    let winners: u32 = together(racers).await.into_iter().sum();
    assert_eq!(winners, 1);
    assert_eq!(COUNTS.get(state, b"all").await.unwrap().unwrap().value.count, RACERS);
}

/// Polls futures together until all are done.
async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    let mut done: Vec<_> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if let Some(running) = future
                && let std::task::Poll::Ready(output) = running.as_mut().poll(context)
            {
                (*future, *done) = (None, Some(output));
            }
        }
        if waiting.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
