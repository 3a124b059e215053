//! Calls that get in each other's way, on the tables and files that a server has.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use service::Operation as _;
use state::{CommitInfo, Expect, Op, Range, Row, State, Table};

use crate::harness::*;
use crate::ops::*;
use crate::{S3, TABLE_BUCKETS, TABLE_OBJECTS, TABLE_PARTS, TABLE_UPLOADS, TABLE_VERSIONS, bucket as buckets};

const CALLS: usize = 16;

/// A service over SQLite and a folder.
fn on_disk(folder: &Path) -> Arc<S3> {
    let env = system::env();
    let state = state::Sqlite::open(&folder.join("state.db"), state::Options::default()).unwrap();
    let objects = objects::Local::open(Arc::clone(&env.disk), &folder.join("objects")).unwrap();
    Arc::new(S3::new(Arc::new(state), Arc::new(objects), env, "123456789012".into(), keys()))
}

async fn together<T: Send + 'static, F: Future<Output = T> + Send + 'static>(make: impl Fn(usize) -> F) -> Vec<T> {
    let tasks: Vec<_> = (0..CALLS).map(|at| tokio::spawn(make(at))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_many_makes_an_absent_object() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = on_disk(folder.path());
    bucket(&s3, "bkt").await;
    let results = together(|at| {
        let s3 = Arc::clone(&s3);
        async move {
            let input = put_object::Input {
                bucket: "bkt".into(),
                key: "k".into(),
                if_none_match: Some("*".into()),
                ..Default::default()
            };
            send::<PutObject>(&s3, input, format!("{at}")).await.map_err(|error| error.code.into_owned())
        }
    })
    .await;
    let won: Vec<_> = results.iter().enumerate().filter(|(_, result)| result.is_ok()).collect();
    assert_eq!(won.len(), 1, "{results:?}");
    assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), won[0].0.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_version_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = on_disk(folder.path());
    bucket(&s3, "bkt").await;
    versioning(&s3, "bkt", "Enabled").await;
    let ids = together(|at| {
        let s3 = Arc::clone(&s3);
        async move { (at, put(&s3, "bkt", "k", vec![u8::try_from(at).unwrap(); 20_000]).await.unwrap()) }
    })
    .await;
    for (at, id) in ids {
        let expected = vec![u8::try_from(at).unwrap(); 20_000];
        assert!(content(&s3, "bkt", "k", Some(&id)).await.unwrap() == expected);
    }
    let older = s3.state.scan(TABLE_VERSIONS, state::Range::all(), 100).await.unwrap();
    assert_eq!(older.len(), CALLS - 1);
}

/// Overwriting and collecting while reading: every read gives one whole content.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_are_whole_while_the_object_changes() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = on_disk(folder.path());
    bucket(&s3, "bkt").await;
    put(&s3, "bkt", "k", vec![0; 300_000]).await;
    together(|at| {
        let s3 = Arc::clone(&s3);
        async move {
            for round in 0..4 {
                if at % 4 == 0 {
                    put(&s3, "bkt", "k", vec![u8::try_from(at + round).unwrap(); 300_000]).await;
                } else {
                    let read = content(&s3, "bkt", "k", None).await.unwrap();
                    assert!(read.len() == 300_000 && read.iter().all(|byte| *byte == read[0]));
                }
            }
        }
    })
    .await;
    // A new start finds all that was overwritten, and the object as it is.
    drop(s3);
    let s3 = on_disk(folder.path());
    assert_eq!(s3.recover().await.unwrap().blobs, 16);
    assert_eq!(content(&s3, "bkt", "k", None).await.unwrap().len(), 300_000);
}

/// A bucket is deleted while objects are put into it: either it is gone with none, or it stays with all that was accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_object_outlives_its_bucket() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let s3 = on_disk(folder.path());
        bucket(&s3, "bkt").await;
        let results = together(|at| {
            let s3 = Arc::clone(&s3);
            async move {
                if at == 2 {
                    let input = delete_bucket::Input { bucket: "bkt".into(), ..Default::default() };
                    return call::<DeleteBucket>(&s3, input).await.is_ok();
                }
                let input = put_object::Input { bucket: "bkt".into(), key: at.to_string(), ..Default::default() };
                PutObject::run(&s3, &a_call(), input).await.is_ok()
            }
        })
        .await;
        let objects = s3.state.scan(TABLE_OBJECTS, state::Range::all(), 100).await.unwrap().len();
        let put = results.iter().enumerate().filter(|(at, done)| *at != 2 && **done).count();
        assert_eq!(objects, put);
        assert_eq!(results[2], put == 0, "{results:?}");
    }
}

/// Tables in which somebody else is quicker, once, than the first commit that writes an object.
struct Meanwhile {
    inner: state::Memory,
    others: Mutex<Option<Vec<Op>>>,
}

#[async_trait]
impl State for Meanwhile {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, state::Error> {
        self.inner.get(table, key).await
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, state::Error> {
        self.inner.scan(table, range, limit).await
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, state::Error> {
        if ops.iter().any(|op| matches!(op, Op::Put { table: TABLE_OBJECTS, .. })) {
            let others = self.others.lock().unwrap().take();
            if let Some(others) = others {
                self.inner.commit(others).await?;
            }
        }
        self.inner.commit(ops).await
    }
}

/// What becomes of a write into an empty bucket when others commit `meanwhile` before it: the error's code.
async fn overtaken(meanwhile: Vec<Op>, change: impl FnOnce(&mut put_object::Input)) -> Result<Option<String>, String> {
    let stand = Stand::new();
    let mut s3 = stand.start();
    bucket(&s3, "bkt").await;
    s3.state = Arc::new(Meanwhile { inner: stand.state.clone(), others: Mutex::new(Some(meanwhile)) });
    let mut input = put_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    change(&mut input);
    let result = send::<PutObject>(&s3, input, "x").await;
    let rows = stand.state.scan(TABLE_OBJECTS, Range::all(), 10).await.unwrap();
    let ours = rows.iter().filter(|row| crate::versions::read(row).unwrap().v == 1).count();
    assert_eq!(ours, usize::from(result.is_ok()));
    result.map(|output| output.version_id).map_err(|error| error.code.into_owned())
}

#[tokio::test]
async fn a_bucket_that_goes_while_an_object_is_written_takes_it_along() {
    let gone = Op::Delete { table: TABLE_BUCKETS, key: buckets::key("bkt"), expect: Expect::Present };
    assert_eq!(overtaken(vec![gone], |_| {}).await.unwrap_err(), "NoSuchBucket");
}

#[tokio::test]
async fn conditions_and_versioning_are_those_of_the_moment_of_the_commit() {
    let other = crate::to_json(&crate::object::Version::default());
    let key = crate::versions::current_key("bkt", "k");
    let put = || Op::Put { table: TABLE_OBJECTS, key: key.clone(), value: other.clone(), expect: Expect::Absent };
    let absent = overtaken(vec![put()], |input| input.if_none_match = Some("*".into())).await;
    assert_eq!(absent.unwrap_err(), "PreconditionFailed");
    assert_eq!(overtaken(vec![put()], |_| {}).await.unwrap(), None);

    let stand = Stand::new();
    let s3 = stand.start();
    bucket(&s3, "bkt").await;
    versioning(&s3, "bkt", "Enabled").await;
    let row = stand.state.get(TABLE_BUCKETS, &buckets::key("bkt")).await.unwrap().unwrap();
    let enabled = Op::Put { table: TABLE_BUCKETS, key: row.key, value: row.value, expect: Expect::Any };
    assert!(overtaken(vec![enabled], |_| {}).await.unwrap().is_some());
}

/// A part is replaced after it was looked at and before the object is made of it: the object must not be made of what is
/// gone.
#[tokio::test]
async fn an_upload_is_completed_with_the_parts_it_has() {
    let stand = Stand::new();
    let mut s3 = stand.start();
    bucket(&s3, "bkt").await;
    let input = create_multipart_upload::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let id = call::<CreateMultipartUpload>(&s3, input).await.unwrap().upload_id;
    let part = || upload_part::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.clone(),
        part_number: 1,
        ..Default::default()
    };
    let etag = send::<UploadPart>(&s3, part(), "old").await.unwrap().etag;
    let upload_row = stand.state.scan(TABLE_UPLOADS, Range::all(), 1).await.unwrap().remove(0);
    let new = crate::multipart::Part { number: 1, etag: "0".repeat(32), ..Default::default() };
    let others = vec![
        Op::Put { table: TABLE_UPLOADS, key: upload_row.key, value: upload_row.value, expect: Expect::Any },
        Op::Put {
            table: TABLE_PARTS,
            key: crate::multipart::part_key(&id, 1),
            value: crate::to_json(&new),
            expect: Expect::Present,
        },
    ];
    s3.state = Arc::new(Meanwhile { inner: stand.state.clone(), others: Mutex::new(Some(others)) });
    let completed = serde_json::json!({ "Parts": [{ "PartNumber": 1, "ETag": etag }] });
    let input = complete_multipart_upload::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.clone(),
        multipart_upload: serde_json::from_value(completed).unwrap(),
        ..Default::default()
    };
    assert_eq!(call::<CompleteMultipartUpload>(&s3, input).await.unwrap_err().code, "InvalidPart");
}

/// A call that is gone while its commit is still under way, and the collector: one of the two wins, not both.
#[tokio::test]
async fn a_blob_is_either_kept_or_cleared_away() {
    let stand = Stand::new();
    let s3 = stand.start();
    bucket(&s3, "bkt").await;
    let expected = crate::checksum::Expected::nothing(crate::checksum::Algorithm::Crc32);
    let body = service::Body::from_bytes(vec![0; 300_000].into());
    let (stored, _) = s3.store(body, &expected, &keys()).await.unwrap();
    let ops: Vec<Op> = stored.ops().collect();
    drop(stored);
    stand.clock.0.fetch_add(1_000_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(s3.collect_garbage().await.unwrap().blobs, 1);
    assert!(stand.state.commit(ops).await.unwrap_err().is_conflict());
}

/// A version is locked and removed at the same time: either it is gone and the lock had nothing to lock, or it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_is_either_locked_or_removed() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = on_disk(folder.path());
    let input =
        create_bucket::Input { bucket: "bkt".into(), object_lock_enabled_for_bucket: Some(true), ..Default::default() };
    call::<CreateBucket>(&s3, input).await.unwrap();
    for round in 0..10 {
        // Current in half of the rounds, older in the others.
        let id = put(&s3, "bkt", "k", "x").await.unwrap();
        if round % 2 == 0 {
            put(&s3, "bkt", "k", "y").await;
        }
        let done = together(|at| {
            let (s3, id) = (Arc::clone(&s3), id.clone());
            async move {
                if at % 2 == 0 {
                    let input = delete_object::Input {
                        bucket: "bkt".into(),
                        key: "k".into(),
                        version_id: Some(id),
                        ..Default::default()
                    };
                    return call::<DeleteObject>(&s3, input).await.is_ok();
                }
                let input = put_object_legal_hold::Input {
                    bucket: "bkt".into(),
                    key: "k".into(),
                    version_id: Some(id),
                    legal_hold: Some(serde_json::from_str(r#"{"Status":"ON"}"#).unwrap()),
                    ..Default::default()
                };
                call::<PutObjectLegalHold>(&s3, input).await.is_ok()
            }
        })
        .await;
        let held = done.iter().skip(1).step_by(2).any(|done| *done);
        // Once it is gone, deleting it again succeeds too; but none does where one hold did.
        let there = content(&s3, "bkt", "k", Some(&id)).await.is_ok();
        assert_eq!(held, there, "{done:?}");
        assert!(!there || done.iter().step_by(2).all(|done| !done), "{done:?}");
    }
}

/// Tables in which somebody else is quicker, once, than the first commit of a lifecycle pass.
struct BeforeThePass {
    inner: state::Memory,
    others: Mutex<Option<Vec<Op>>>,
}

#[async_trait]
impl State for BeforeThePass {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, state::Error> {
        self.inner.get(table, key).await
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, state::Error> {
        self.inner.scan(table, range, limit).await
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, state::Error> {
        if ops.iter().any(|op| matches!(op, Op::Delete { table: TABLE_OBJECTS, .. })) {
            let others = self.others.lock().unwrap().take();
            if let Some(others) = others {
                self.inner.commit(others).await?;
            }
        }
        self.inner.commit(ops).await
    }
}

/// An object is overwritten between the look at it and the commit that would delete it: the new one stays, others go.
#[tokio::test]
async fn rules_delete_only_what_they_have_looked_at() {
    let stand = Stand::new();
    let mut s3 = stand.start();
    bucket(&s3, "bkt").await;
    put(&s3, "bkt", "a", "old").await;
    put(&s3, "bkt", "b", "old").await;
    let rules = r#"{"Rules":[{"Status":"Enabled","Filter":{},"Expiration":{"Date":0}}]}"#;
    let input = put_bucket_lifecycle_configuration::Input {
        bucket: "bkt".into(),
        lifecycle_configuration: serde_json::from_str(rules).unwrap(),
        ..Default::default()
    };
    call::<PutBucketLifecycleConfiguration>(&s3, input).await.unwrap();
    let row = stand.state.get(TABLE_OBJECTS, &crate::versions::current_key("bkt", "a")).await.unwrap().unwrap();
    let again = Op::Put { table: TABLE_OBJECTS, key: row.key, value: row.value, expect: Expect::Any };
    s3.state = Arc::new(BeforeThePass { inner: stand.state.clone(), others: Mutex::new(Some(vec![again])) });
    assert_eq!(s3.run_lifecycle().await.unwrap().expired, 1);
    assert_eq!(content(&s3, "bkt", "a", None).await.unwrap(), "old");
    assert_eq!(content(&s3, "bkt", "b", None).await.unwrap_err(), "NoSuchKey");
}

/// Rules are taken away between the look and the commit: they do nothing any more.
#[tokio::test]
async fn rules_that_are_taken_away_do_nothing() {
    let stand = Stand::new();
    let mut s3 = stand.start();
    bucket(&s3, "bkt").await;
    put(&s3, "bkt", "a", "old").await;
    let rules = r#"{"Rules":[{"Status":"Enabled","Filter":{},"Expiration":{"Date":0}}]}"#;
    let input = put_bucket_lifecycle_configuration::Input {
        bucket: "bkt".into(),
        lifecycle_configuration: serde_json::from_str(rules).unwrap(),
        ..Default::default()
    };
    call::<PutBucketLifecycleConfiguration>(&s3, input).await.unwrap();
    let others = Mutex::new(Some(crate::lifecycle::removed("bkt")));
    s3.state = Arc::new(BeforeThePass { inner: stand.state.clone(), others });
    assert_eq!(s3.run_lifecycle().await.unwrap().expired, 0);
    assert_eq!(content(&s3, "bkt", "a", None).await.unwrap(), "old");
}
