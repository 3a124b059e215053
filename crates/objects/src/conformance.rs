//! What every implementation of [`Objects`] must do. Panics where one does not. The store must be empty at the beginning,
//! and is at the end.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "this is a test, for the tests of other crates")]

use bytes::Bytes;
use futures_util::StreamExt;

use crate::{Error, LIST_MAX, Objects};

/// Larger than several of any implementation's pieces, and no multiple of one.
const LARGE: usize = 3 * 1024 * 1024 + 4321;

/// Runs all cases that hold everywhere.
pub async fn all(objects: &dyn Objects) {
    what_is_put_is_read(objects).await;
    ranges(objects).await;
    absent(objects).await;
    writers(objects).await;
    unfinished_writers(objects).await;
    lists(objects).await;
    concatenation(objects).await;
    bad_names(objects).await;
    together(objects).await;
    clear(objects).await;
}

/// Where names are paths in a folder: no object's name is the folder of another.
pub async fn folders(objects: &dyn Objects) {
    objects.put("folders/a", Bytes::from_static(b"a")).await.unwrap();
    for bad in ["folders/a/b", "folders"] {
        let put = objects.put(bad, Bytes::new()).await;
        assert!(matches!(put, Err(Error::BadName { .. })), "{bad}: {put:?}");
        let mut writer = objects.writer(bad).await.unwrap();
        writer.write(large(LARGE)).await.unwrap();
        assert!(matches!(writer.finish().await, Err(Error::BadName { .. })), "{bad}");
        assert!(matches!(objects.get(bad, None).await, Err(Error::NotFound { .. })), "{bad}");
        objects.delete(bad).await.unwrap();
    }
    assert_eq!(names(objects, "", None, 10).await, "folders/a");
    clear(objects).await;
}

/// Bytes of which no two pieces are alike.
pub fn large(len: usize) -> Bytes {
    (0..len).map(|index| (index.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
}

async fn read(objects: &dyn Objects, name: &str) -> Bytes {
    let reader = objects.get(name, None).await.unwrap();
    let bytes = reader.bytes(usize::MAX).await.unwrap();
    let len = u64::try_from(bytes.len()).unwrap();
    assert_eq!(objects.get(name, None).await.unwrap().object_len(), len);
    bytes
}

async fn names(objects: &dyn Objects, prefix: &str, after: Option<&str>, limit: usize) -> String {
    let found = objects.list(prefix, after, limit).await.unwrap();
    found.into_iter().map(|info| info.name).collect::<Vec<_>>().join(" ")
}

async fn clear(objects: &dyn Objects) {
    let found = objects.list("", None, LIST_MAX).await.unwrap();
    let names: Vec<String> = found.into_iter().map(|info| info.name).collect();
    objects.delete_many(&names).await.unwrap();
    assert_eq!(objects.list("", None, 1).await.unwrap(), []);
}

async fn what_is_put_is_read(objects: &dyn Objects) {
    for bytes in [Bytes::from_static(b"one"), Bytes::new(), large(LARGE), Bytes::from_static(b"two")] {
        objects.put("put/a.b", bytes.clone()).await.unwrap();
        assert!(read(objects, "put/a.b").await == bytes);
        let listed = objects.list("put/", None, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].len), (1, u64::try_from(bytes.len()).unwrap()));
    }
    let reader = objects.get("put/a.b", None).await.unwrap();
    assert!(matches!(reader.bytes(2).await, Err(Error::TooLarge { size: 3, max: 2, .. })));
}

async fn ranges(objects: &dyn Objects) {
    let bytes = large(LARGE);
    objects.put("ranges/large", bytes.clone()).await.unwrap();
    let len = u64::try_from(LARGE).unwrap();
    let middle = 1_234_567;
    for (asked, got) in [
        (0..len, 0..len),
        (0..u64::MAX, 0..len),
        (0..1, 0..1),
        (0..0, 0..0),
        (middle..middle, middle..middle),
        (middle..len + 1, middle..len),
        (middle..middle + 1_000_000, middle..middle + 1_000_000),
        (len - 1..len, len - 1..len),
        (len..len, len..len),
        (len..len + 5, len..len),
    ] {
        let reader = objects.get("ranges/large", Some(asked.clone())).await.unwrap();
        assert_eq!((reader.range(), reader.object_len()), (got.clone(), len), "{asked:?}");
        let found = reader.bytes(LARGE).await.unwrap();
        let slice = bytes.slice(usize::try_from(got.start).unwrap()..usize::try_from(got.end).unwrap());
        assert!(found == slice, "{asked:?}");
    }
    #[allow(clippy::reversed_empty_ranges, reason = "that is the case")]
    for asked in [len + 1..len + 1, len + 1..u64::MAX, 5..4] {
        let error = objects.get("ranges/large", Some(asked.clone())).await.err().unwrap();
        assert!(matches!(error, Error::BadRange { len: found, .. } if found == len), "{asked:?} {error}");
    }
    objects.put("ranges/empty", Bytes::new()).await.unwrap();
    let reader = objects.get("ranges/empty", Some(0..10)).await.unwrap();
    assert_eq!((reader.range(), reader.bytes(0).await.unwrap()), (0..0, Bytes::new()));
}

async fn absent(objects: &dyn Objects) {
    for range in [None, Some(0..1), Some(0..0)] {
        let error = objects.get("absent/a", range).await.err().unwrap();
        assert!(matches!(&error, Error::NotFound { name } if name == "absent/a"), "{error}");
    }
    objects.delete("absent/a").await.unwrap();
    objects.put("absent/b", Bytes::new()).await.unwrap();
    objects.delete_many(&["absent/a".into(), "absent/b".into()]).await.unwrap();
    objects.delete_many(&[]).await.unwrap();
    assert!(matches!(objects.get("absent/b", None).await, Err(Error::NotFound { .. })));
    assert_eq!(names(objects, "absent/", None, 10).await, "");
}

async fn writers(objects: &dyn Objects) {
    let bytes = large(6 * LARGE);
    for (len, piece) in [(0, 1), (10, 3), (LARGE, 1000), (LARGE, 700_000), (LARGE, LARGE), (6 * LARGE, LARGE / 2)] {
        let mut writer = objects.writer("writers/a").await.unwrap();
        for start in (0..len).step_by(piece) {
            writer.write(bytes.slice(start..len.min(start + piece))).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert!(read(objects, "writers/a").await == bytes.slice(..len), "{len} by {piece}");
    }
}

async fn unfinished_writers(objects: &dyn Objects) {
    objects.put("unfinished/old", Bytes::from_static(b"old")).await.unwrap();
    for len in [1, LARGE] {
        for name in ["unfinished/old", "unfinished/new"] {
            let mut writer = objects.writer(name).await.unwrap();
            writer.write(large(len)).await.unwrap();
            assert_eq!(names(objects, "unfinished/", None, 10).await, "unfinished/old");
        }
    }
    assert_eq!(names(objects, "unfinished/", None, 10).await, "unfinished/old");
    assert_eq!(read(objects, "unfinished/old").await, "old");
}

async fn lists(objects: &dyn Objects) {
    // `-` and `.` sort before `/`, and so `l/a-b` before `l/a/1`.
    let all = ["l/a-b", "l/a.b/x", "l/a/1", "l/a/2/3", "l/a0", "l/ab", "l/b", "l/c/d/e", "l2"];
    for name in all.iter().rev() {
        objects.put(name, Bytes::from_static(b"12345")).await.unwrap();
    }
    let cases: [(&str, Option<&str>, usize, &[usize]); 17] = [
        ("l", None, 100, &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("l", None, 3, &[0, 1, 2]),
        ("l", None, 0, &[]),
        ("l/", None, 100, &[0, 1, 2, 3, 4, 5, 6, 7]),
        ("l/a", None, 100, &[0, 1, 2, 3, 4, 5]),
        ("l/a/", None, 100, &[2, 3]),
        ("l/a/2", None, 100, &[3]),
        ("l/ab", None, 100, &[5]),
        ("l/abc", None, 100, &[]),
        ("l/b/", None, 100, &[]),
        ("nothing/here", None, 100, &[]),
        ("l", Some("l/a-b"), 100, &[1, 2, 3, 4, 5, 6, 7, 8]),
        ("l", Some("l/a/1"), 2, &[3, 4]),
        ("l/a", Some("l/a/2/3"), 100, &[4, 5]),
        ("l/a", Some("k"), 1, &[0]),
        ("l/a", Some("l/b"), 100, &[]),
        ("l", Some("l/c/d"), 100, &[7, 8]),
    ];
    for (prefix, after, limit, expected) in cases {
        let expected: Vec<&str> = expected.iter().map(|&index| all[index]).collect();
        assert_eq!(names(objects, prefix, after, limit).await, expected.join(" "), "{prefix:?} {after:?} {limit}");
    }
    assert!(objects.list("l", None, 1).await.unwrap()[0].len == 5);
    // Page by page.
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let page = objects.list("l", after.as_deref(), 2).await.unwrap();
        found.extend(page.iter().map(|info| info.name.clone()));
        if page.len() < 2 {
            break;
        }
        after = page.last().map(|info| info.name.clone());
    }
    assert_eq!(found, all);
}

async fn concatenation(objects: &dyn Objects) {
    let bytes = large(LARGE);
    let cuts = [0, 5, 5, 2_000_000, LARGE];
    let mut parts = Vec::new();
    for (number, cut) in cuts.windows(2).enumerate() {
        parts.push(format!("concat/{number}"));
        objects.put(&parts[number], bytes.slice(cut[0]..cut[1])).await.unwrap();
    }
    assert_eq!(objects.concat("concat/all", &parts).await.unwrap(), u64::try_from(LARGE).unwrap());
    assert!(read(objects, "concat/all").await == bytes);
    assert_eq!(objects.concat("concat/none", &[]).await.unwrap(), 0);
    assert_eq!(read(objects, "concat/none").await, "");
    parts.push("concat/absent".into());
    assert!(matches!(objects.concat("concat/fails", &parts).await, Err(Error::NotFound { .. })));
    assert!(matches!(objects.get("concat/fails", None).await, Err(Error::NotFound { .. })));
    // The parts stay, and one of them may be what is made.
    let two = [parts[0].clone(), parts[0].clone()];
    objects.concat(&parts[0], &two).await.unwrap();
    assert_eq!(read(objects, &parts[0]).await.len(), 10);
}

async fn bad_names(objects: &dyn Objects) {
    for name in ["", "/a", "a/", "a//b", "../a", "a/../../b", "a b", "a\0", "ä"] {
        let is_bad = |error: Option<Error>| assert!(matches!(error, Some(Error::BadName { .. })), "{name:?}");
        is_bad(objects.put(name, Bytes::new()).await.err());
        is_bad(objects.writer(name).await.err());
        is_bad(objects.get(name, None).await.err());
        is_bad(objects.delete(name).await.err());
        is_bad(objects.concat(name, &[]).await.err());
    }
    assert!(matches!(objects.list("../", None, 1).await, Err(Error::BadName { .. })));
    assert!(matches!(objects.list("", Some("a b"), 1).await, Err(Error::BadName { .. })));
    assert!(matches!(objects.list("", None, LIST_MAX + 1).await, Err(Error::TooLarge { .. })));
}

/// Many at once: everybody reads one of the whole contents that were written.
async fn together(objects: &dyn Objects) {
    let calls = (0..60_u8).map(|number| async move {
        let bytes = Bytes::from(vec![number; 10_000 + usize::from(number)]);
        objects.put("together/one", bytes.clone()).await.unwrap();
        objects.put(&format!("together/{number:02}/own"), bytes).await.unwrap();
        let found = read_any(objects, "together/one").await;
        assert_eq!(found.len(), 10_000 + usize::from(found[0]));
        assert!(found.iter().all(|byte| *byte == found[0]));
    });
    futures_util::future::join_all(calls).await;
    assert_eq!(objects.list("together/", None, 100).await.unwrap().len(), 61);
}

async fn read_any(objects: &dyn Objects, name: &str) -> Vec<u8> {
    let mut reader = objects.get(name, None).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await {
        bytes.extend(piece.unwrap());
    }
    bytes
}
