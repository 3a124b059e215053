//! DeleteBucket: deletes an empty bucket. Uploads under way in it are aborted.

use service::{ApiError, Call, Operation};
use state::{Expect, Op, Range};

use crate::bucket::{Bucket, key};
use crate::error::{Error, state_failed};
use crate::garbage::Ended;
use crate::members::members;
use crate::multipart::{Upload, parts_prefix};
use crate::{S3, TABLE_BUCKETS, TABLE_ENDED, TABLE_OBJECTS, TABLE_UPLOADS, to_json};

/// Uploads aborted in one commit.
const UPLOADS: usize = 500;

/// See the module.
pub struct DeleteBucket;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucket {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucket";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        if !is_empty(s3, &bucket).await? {
            return Err(not_empty(&bucket));
        }
        // Who writes an object sees to it in the same commit that the bucket is as it was. So once the bucket is marked,
        // nothing can come into it, and a second look tells for sure whether it is empty.
        let name = bucket.name.clone();
        let deleted = match mark(s3, bucket, true).await {
            Ok(bucket) => delete_marked(s3, &bucket).await,
            // It may have been done all the same.
            Err(error) => Err(error),
        };
        if deleted.is_err() {
            s3.undeleted.lock().expect("no holder of this lock can panic").insert(name);
            // What fails here is done by the next call for the bucket, or in a while.
            let _ = s3.take_back_deletions().await;
        }
        deleted.map(|()| Output {})
    }
}

impl S3 {
    /// Whether a deletion of it failed, and its mark was not taken back since.
    pub(crate) fn has_failed_to_delete(&self, name: &str) -> bool {
        self.undeleted.lock().expect("no holder of this lock can panic").contains(name)
    }

    /// Takes back the marks that failed deletions have left. To be called every few seconds.
    pub(crate) async fn take_back_deletions(&self) -> Result<(), ApiError> {
        let names = self.undeleted.lock().expect("no holder of this lock can panic").clone();
        for name in names {
            let row = self.state.get(TABLE_BUCKETS, &key(&name)).await.map_err(state_failed)?;
            match row.map(|row| crate::bucket::read(&row)).transpose()? {
                Some(bucket) if bucket.deleting => drop(self.take_back_deletion(bucket).await?),
                _ => self.forget_deletion(&name),
            }
        }
        Ok(())
    }

    /// Takes back the mark of this bucket, whose deletion failed. Another deletion that is under way then fails too: it commits only
    /// if the bucket is as it marked it.
    pub(crate) async fn take_back_deletion(&self, bucket: Bucket) -> Result<Option<Bucket>, ApiError> {
        let name = bucket.name.clone();
        let bucket = match mark(self, bucket, false).await {
            Ok(bucket) => Some(bucket),
            // Somebody was quicker: with the same, or with deleting it.
            Err(error) if error.code == "OperationAborted" => {
                let row = self.state.get(TABLE_BUCKETS, &key(&name)).await.map_err(state_failed)?;
                row.map(|row| crate::bucket::read(&row)).transpose()?
            }
            Err(error) => return Err(error),
        };
        self.forget_deletion(&name);
        Ok(bucket)
    }

    fn forget_deletion(&self, name: &str) {
        self.undeleted.lock().expect("no holder of this lock can panic").remove(name);
    }
}

async fn delete_marked(s3: &S3, bucket: &Bucket) -> Result<(), ApiError> {
    if !is_empty(s3, bucket).await? {
        return Err(not_empty(bucket));
    }
    abort_uploads(s3, bucket).await?;
    let mut ops = s3.without_configurations(&bucket.name).await?;
    if bucket.lifecycle.is_some() {
        ops.extend(crate::lifecycle::removed(&bucket.name));
    }
    ops.push(Op::Delete { table: TABLE_BUCKETS, key: key(&bucket.name), expect: Expect::Rev(bucket.rev) });
    s3.commit_end(bucket, ops).await
}

fn not_empty(bucket: &Bucket) -> ApiError {
    ApiError::from(Error::BucketNotEmpty).with("BucketName", bucket.name.as_str())
}

/// A key always has a current version, so this table tells of the older ones too.
async fn is_empty(s3: &S3, bucket: &Bucket) -> Result<bool, ApiError> {
    let range = Range::prefix(state::key::key(&[&bucket.name]));
    Ok(s3.state.scan(TABLE_OBJECTS, range, 1).await.map_err(state_failed)?.is_empty())
}

async fn mark(s3: &S3, mut bucket: Bucket, deleting: bool) -> Result<Bucket, ApiError> {
    bucket.deleting = deleting;
    let expect = Expect::Rev(bucket.rev);
    let put = Op::Put { table: TABLE_BUCKETS, key: key(&bucket.name), value: to_json(&bucket), expect };
    let done = s3.state.commit(vec![put]).await.map_err(state_failed)?;
    bucket.rev = done.revs.first().copied().unwrap_or_default();
    Ok(bucket)
}

async fn abort_uploads(s3: &S3, bucket: &Bucket) -> Result<(), ApiError> {
    loop {
        let range = Range::prefix(state::key::key(&[&bucket.name]));
        let rows = s3.state.scan(TABLE_UPLOADS, range, UPLOADS).await.map_err(state_failed)?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut ops = Vec::new();
        for row in rows {
            let upload: Upload = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
            let ended = to_json(&Ended { v: 1, ..Ended::default() });
            let key = parts_prefix(&upload.id);
            ops.push(Op::Delete { table: TABLE_UPLOADS, key: row.key, expect: Expect::Any });
            ops.push(Op::Put { table: TABLE_ENDED, key, value: ended, expect: Expect::Any });
        }
        s3.state.commit(ops).await.map_err(state_failed)?;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use state::State;

    use super::*;
    use crate::harness::*;
    use crate::ops::{CreateBucket, HeadBucket, create_bucket, head_bucket};

    async fn deleted(s3: &S3) -> Result<(), String> {
        let input = Input { bucket: "bkt".into(), ..Input::default() };
        call::<DeleteBucket>(s3, input).await.map(|_| ()).map_err(|error| error.code.into_owned())
    }

    #[tokio::test]
    async fn only_empty_buckets_go() {
        let s3 = service();
        assert_eq!(deleted(&s3).await.unwrap_err(), "NoSuchBucket");
        bucket(&s3, "bkt").await;
        versioning(&s3, "bkt", "Enabled").await;
        let version = put(&s3, "bkt", "k", "x").await.unwrap();
        assert_eq!(deleted(&s3).await.unwrap_err(), "BucketNotEmpty");
        let marker = delete(&s3, "bkt", "k", None).await.version_id.unwrap();
        assert_eq!(deleted(&s3).await.unwrap_err(), "BucketNotEmpty");
        delete(&s3, "bkt", "k", Some(&marker)).await;
        delete(&s3, "bkt", "k", Some(&version)).await;
        deleted(&s3).await.unwrap();
        let input = head_bucket::Input { bucket: "bkt".into(), ..Default::default() };
        assert_eq!(call::<HeadBucket>(&s3, input).await.unwrap_err().code, "NoSuchBucket");
        bucket(&s3, "bkt").await;
    }

    /// A process that dies while it deletes a bucket leaves one that can be used.
    #[tokio::test]
    async fn a_deletion_cut_short_is_taken_back() {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        let found = s3.bucket("bkt", None).await.unwrap();
        mark(&s3, found, true).await.unwrap();
        let input = crate::ops::put_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
        assert_eq!(send::<crate::ops::PutObject>(&s3, input, "x").await.unwrap_err().code, "OperationAborted");
        let s3 = stand.start();
        s3.recover().await.unwrap();
        put(&s3, "bkt", "k", "x").await;
    }

    /// Tables that fail for some commits, of which the first may have been done.
    struct Failing {
        inner: state::Memory,
        good: AtomicUsize,
        bad: AtomicUsize,
        done: bool,
    }

    fn counted_down(count: &AtomicUsize) -> bool {
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
    }

    #[async_trait::async_trait]
    impl State for Failing {
        async fn get(&self, table: state::Table, key: &[u8]) -> Result<Option<state::Row>, state::Error> {
            self.inner.get(table, key).await
        }

        async fn scan(&self, table: state::Table, range: Range, limit: usize) -> Result<Vec<state::Row>, state::Error> {
            self.inner.scan(table, range, limit).await
        }

        async fn commit(&self, ops: Vec<Op>) -> Result<state::CommitInfo, state::Error> {
            if counted_down(&self.good) || !counted_down(&self.bad) {
                return self.inner.commit(ops).await;
            }
            if self.done {
                self.inner.commit(ops).await?;
            }
            Err(state::Error::Storage {
                doing: "a commit".into(),
                source: Arc::new(std::io::Error::other("a test says so")),
            })
        }
    }

    /// Tables that fail while a bucket is being deleted leave one that can be used, as soon as they work again.
    #[tokio::test]
    async fn a_deletion_that_failed_is_taken_back() {
        for (good, bad, done) in [(0, 1, true), (0, 2, true), (0, 1, false), (1, 2, false), (1, 3, false)] {
            let stand = Stand::new();
            let mut s3 = stand.start();
            bucket(&s3, "bkt").await;
            let inner = stand.state.clone();
            let (good, bad) = (AtomicUsize::new(good), AtomicUsize::new(bad));
            s3.state = Arc::new(Failing { inner, good, bad, done });
            assert_eq!(deleted(&s3).await.unwrap_err(), "ServiceUnavailable");
            while s3.collect_garbage().await.is_err() {}
            let input = crate::ops::put_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
            send::<crate::ops::PutObject>(&s3, input, "x").await.unwrap();
            assert!(s3.undeleted.lock().unwrap().is_empty());
        }
    }

    /// Nobody has to wait until what failed is cleared away.
    #[tokio::test]
    async fn the_next_call_takes_a_failed_deletion_back() {
        let stand = Stand::new();
        let mut s3 = stand.start();
        bucket(&s3, "bkt").await;
        let (good, bad) = (AtomicUsize::new(1), AtomicUsize::new(2));
        s3.state = Arc::new(Failing { inner: stand.state.clone(), good, bad, done: false });
        assert_eq!(deleted(&s3).await.unwrap_err(), "ServiceUnavailable");
        put(&s3, "bkt", "k", "x").await;
    }

    #[tokio::test]
    async fn making_ones_own_again() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        bucket(&s3, "bkt").await;
        let mut call = a_call();
        call.region = base::Region::parse("eu-west-1").unwrap();
        let configuration = serde_json::json!({ "LocationConstraint": "eu-west-1" });
        let input = create_bucket::Input {
            bucket: "bkt".into(),
            create_bucket_configuration: serde_json::from_value(configuration).unwrap(),
            ..Default::default()
        };
        use service::Operation as _;
        assert_eq!(CreateBucket::run(&s3, &call, input).await.unwrap_err().code, "BucketAlreadyOwnedByYou");
    }
}
