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
        let bucket = mark(s3, bucket, true).await?;
        let deleted = delete_marked(s3, &bucket).await;
        if deleted.is_err()
            && let Err(error) = mark(s3, bucket, false).await
        {
            tracing::warn!(%error, "a bucket stays marked as being deleted until the next start");
        }
        deleted.map(|()| Output {})
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
