//! Tests of content where it lies: encrypted, noticed if it is damaged, and readable if it is from before there was encryption.

use objects::Objects as _;
use proptest::prelude::*;
use state::{Expect, Op, Range, State as _};

use crate::harness::*;
use crate::object::{Data, Version};
use crate::ops::*;
use crate::{S3, TABLE_SMALL, versions};

const WORDS: &[u8] = b"the words that nobody may find ";
const SIZES: [usize; 5] = [100, 8 * 1024, 8 * 1024 + 1, 300_000, 1_300_000];

fn words(len: usize) -> Vec<u8> {
    WORDS.iter().copied().cycle().take(len).collect()
}

fn holds_words(bytes: &[u8]) -> bool {
    bytes.windows(16).any(|window| window == &WORDS[..16])
}

async fn blob(stand: &Stand, name: &str) -> bytes::Bytes {
    stand.objects.get(name, None).await.unwrap().bytes(usize::MAX).await.unwrap()
}

async fn small(stand: &Stand) -> Vec<state::Row> {
    stand.state.scan(TABLE_SMALL, Range::all(), 10).await.unwrap()
}

async fn data(s3: &S3, key: &str) -> (Version, u64) {
    s3.current("bkt", key).await.unwrap().unwrap()
}

#[tokio::test]
async fn nothing_that_is_written_lies_in_clear() {
    for size in SIZES {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", words(size)).await;
        assert!(content(&s3, "bkt", "k", None).await.unwrap() == words(size), "{size}");
        let mut found = 0;
        for name in stand.blobs().await {
            assert!(!holds_words(&blob(&stand, &name).await), "{name}");
            found += 1;
        }
        for row in small(&stand).await {
            assert!(!holds_words(&row.value));
            found += 1;
        }
        assert_eq!(found, 1, "{size}");
        assert!(data(&s3, "k").await.0.data.is_sealed());
    }
}

/// Each byte of what lies there counts: what is read is what was written, or nothing.
#[tokio::test]
async fn damage_is_answered_with_an_error() {
    for size in SIZES {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", words(size)).await;
        let damage = async |change: &dyn Fn(&mut Vec<u8>)| match data(&s3, "k").await.0.data {
            Data::Blob(name) => {
                let whole = blob(&stand, &name).await;
                let mut bytes = whole.to_vec();
                change(&mut bytes);
                stand.objects.put(&name, bytes.into()).await.unwrap();
                let read = content(&s3, "bkt", "k", None).await;
                stand.objects.put(&name, whole).await.unwrap();
                read
            }
            Data::Small(name) => {
                let whole = small(&stand).await.remove(0).value;
                let mut bytes = whole.to_vec();
                change(&mut bytes);
                let row = |value| Op::Put { table: TABLE_SMALL, key: name.clone().into(), value, expect: Expect::Any };
                stand.state.commit(vec![row(bytes.into())]).await.unwrap();
                let read = content(&s3, "bkt", "k", None).await;
                stand.state.commit(vec![row(whole)]).await.unwrap();
                read
            }
            other => panic!("{other:?}"),
        };
        let sealed = size + 76 + 16 * size.div_ceil(64 * 1024);
        for at in [0, 5, 20, 75, 76, sealed / 2, sealed - 1] {
            assert_eq!(damage(&|bytes| bytes[at] ^= 4).await.unwrap_err(), "InternalFailure", "{size}: byte {at}");
        }
        for len in [0, 10, 76, sealed / 2, sealed - 1] {
            assert_eq!(
                damage(&|bytes| bytes.truncate(len)).await.unwrap_err(),
                "InternalFailure",
                "{size}: cut at {len}"
            );
        }
        assert!(damage(&|_| ()).await.unwrap() == words(size));
    }
}

#[tokio::test]
async fn content_does_not_open_in_the_place_of_other_content() {
    let stand = Stand::new();
    let s3 = stand.start();
    bucket(&s3, "bkt").await;
    put(&s3, "bkt", "a", vec![1; 100_000]).await;
    put(&s3, "bkt", "b", vec![2; 100_000]).await;
    let (Data::Blob(a), Data::Blob(b)) = (data(&s3, "a").await.0.data, data(&s3, "b").await.0.data) else { panic!() };
    stand.objects.put(&a, blob(&stand, &b).await).await.unwrap();
    assert_eq!(content(&s3, "bkt", "a", None).await.unwrap_err(), "InternalFailure");
}

/// Damage behind what was answered already is counted, as is damage at the start.
#[tokio::test]
async fn damage_is_counted_wherever_it_is_found() {
    use ports::Figures as _;
    let stand = Stand::new();
    let s3 = stand.start();
    bucket(&s3, "bkt").await;
    put(&s3, "bkt", "k", words(500_000)).await;
    let count = || {
        let mut figures = Vec::new();
        s3.figures(&mut figures);
        figures.remove(0).value
    };
    assert!(content(&s3, "bkt", "k", None).await.unwrap() == words(500_000));
    assert_eq!(count(), ports::FigureValue::Counter(0.0));
    let Data::Blob(name) = data(&s3, "k").await.0.data else { panic!() };
    let whole = blob(&stand, &name).await;
    for (times, at) in [(1.0, 400_000), (2.0, 100)] {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        stand.objects.put(&name, bytes.into()).await.unwrap();
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap_err(), "InternalFailure");
        assert_eq!(count(), ports::FigureValue::Counter(times), "byte {at}");
    }
    let copy = copy_object::Input {
        bucket: "bkt".into(),
        key: "copy".into(),
        copy_source: "bkt/k".into(),
        ..Default::default()
    };
    call::<CopyObject>(&s3, copy).await.unwrap_err();
    assert_eq!(count(), ports::FigureValue::Counter(3.0));
}

/// As it was written before there was encryption.
#[tokio::test]
async fn content_from_before_is_read_and_not_called_encrypted() {
    let stand = Stand::new();
    let s3 = stand.start();
    bucket(&s3, "bkt").await;
    for key in ["small", "large"] {
        put(&s3, "bkt", key, "0123456789").await;
        let (mut version, rev) = data(&s3, key).await;
        let name = format!("s3/ab/{key}");
        let plain = bytes::Bytes::from_static(b"0123456789");
        let mut ops = Vec::new();
        version.data = if key == "large" {
            stand.objects.put(&name, plain).await.unwrap();
            Data::Blob(name)
        } else {
            ops.push(Op::Put { table: TABLE_SMALL, key: name.clone().into(), value: plain, expect: Expect::Any });
            Data::Small(name)
        };
        let (table, row) = (crate::TABLE_OBJECTS, versions::current_key("bkt", key));
        ops.push(Op::Put { table, key: row, value: crate::to_json(&version), expect: Expect::Rev(rev) });
        stand.state.commit(ops).await.unwrap();
        let read = |range: &str| get_object::Input {
            bucket: "bkt".into(),
            key: key.into(),
            range: Some(range.into()),
            ..Default::default()
        };
        let (output, content) = get(&s3, read("bytes=0-")).await.unwrap();
        assert_eq!((&content[..], output.server_side_encryption), (&b"0123456789"[..], None));
        assert_eq!(get(&s3, read("bytes=3-5")).await.unwrap().1, "345");
        // A copy is written now.
        let copy = copy_object::Input {
            bucket: "bkt".into(),
            key: "copy".into(),
            copy_source: format!("bkt/{key}"),
            ..Default::default()
        };
        call::<CopyObject>(&s3, copy).await.unwrap();
        assert!(data(&s3, "copy").await.0.data.is_sealed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn ranges_of_large_content_are_those_of_what_was_written(len in 1_usize..700_000, a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
        let whole: Vec<u8> = (0..len).map(|at| u8::try_from(at % 253).unwrap()).collect();
        let pick = |share: f64| ((len as f64 * share) as usize).min(len - 1);
        let (start, end) = (pick(a).min(pick(b)), pick(a).max(pick(b)));
        let read = block_on(async {
            let s3 = service();
            bucket(&s3, "bkt").await;
            put(&s3, "bkt", "k", whole.clone()).await;
            let range = Some(format!("bytes={start}-{end}"));
            get(&s3, get_object::Input { bucket: "bkt".into(), key: "k".into(), range, ..Default::default() }).await.unwrap().1
        });
        prop_assert!(read == whole[start..=end]);
    }
}
