//! Buckets as other services use them: as a service principal, under the bucket's own policy.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use base::Region;
use bytes::Bytes;
use futures_util::Stream;

/// What other services may know of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketInfo {
    /// Where it lives.
    pub region: Region,
    /// The account that owns it.
    pub account: String,
}

/// An object that a service writes into somebody's bucket.
#[derive(Clone, Debug)]
pub struct ServicePut {
    /// `cloudtrail.amazonaws.com`.
    pub principal: String,
    /// On whose behalf: the condition keys `aws:SourceArn` and `aws:SourceAccount`.
    pub source_arn: String,
    /// The account behind `source_arn`.
    pub source_account: String,
    /// Into which bucket.
    pub bucket: String,
    /// Under which key.
    pub key: String,
    /// The content.
    pub body: Bytes,
    /// The canned ACL: `bucket-owner-full-control`.
    pub acl: String,
    /// `application/json`.
    pub content_type: Option<String>,
    /// `gzip`.
    pub content_encoding: Option<String>,
    /// User metadata without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
    /// The key of KMS under which it is encrypted: an identifier, an ARN or an alias. `None`: as the bucket says.
    pub kms_key: Option<String>,
}

/// An object as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketObject {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// The entity tag, without quotes.
    pub etag: String,
    /// When it was written, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// An object being read.
pub struct OpenedObject {
    /// User metadata without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
    /// The content, piece by piece.
    pub content: Pin<Box<dyn Stream<Item = Result<Bytes, BucketError>> + Send>>,
}

/// Why a bucket did not take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketError {
    /// There is none of this name.
    NoSuchBucket,
    /// There is no object of this name.
    NoSuchKey,
    /// The bucket's policy does not let the service principal.
    AccessDenied,
    /// KMS does not let its key be used; S3's error code, as GetTrailStatus shows it: `KMS.DisabledException`,
    /// `KMS.NotFoundException`, `KMS.KMSInvalidStateException`, `KMS.AccessDeniedException`.
    Kms(&'static str),
    /// Storage failed; for our own log.
    Unavailable(String),
}

impl BucketError {
    /// The S3 error code, as GetTrailStatus shows it.
    pub fn code(&self) -> &'static str {
        match self {
            BucketError::NoSuchBucket => "NoSuchBucket",
            BucketError::NoSuchKey => "NoSuchKey",
            BucketError::AccessDenied => "AccessDenied",
            BucketError::Kms(code) => code,
            BucketError::Unavailable(_) => "ServiceUnavailable",
        }
    }
}

impl fmt::Display for BucketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BucketError::Unavailable(why) => write!(f, "ServiceUnavailable: {why}"),
            other => f.write_str(other.code()),
        }
    }
}

impl std::error::Error for BucketError {}

/// Buckets. Kept by S3; used by CloudTrail's delivery.
#[async_trait]
pub trait Buckets: Send + Sync + 'static {
    /// What is known of a bucket.
    async fn describe(&self, bucket: &str) -> Result<Option<BucketInfo>, BucketError>;

    /// Whether the bucket's policy would let `put` be written and `s3:GetBucketAcl` be read by its principal. Writes nothing.
    async fn check(&self, put: &ServicePut) -> Result<(), BucketError>;

    /// Whether the key that `put` names exists, is enabled and makes data keys for the put's principal, with the encryption context
    /// that the put has: `aws:cloudtrail:arn`, if its source is a trail. Leaves KMS's record of it. `Ok` if it names none.
    async fn kms_key(&self, put: &ServicePut) -> Result<(), BucketError>;

    /// Writes an object as a service principal. Returns when it is durable. Writing the same bytes under the same key again
    /// leaves the object (and its versions) as it is, so that a delivery repeated after a crash changes nothing.
    async fn put(&self, put: ServicePut) -> Result<(), BucketError>;

    /// The same for a caller whom an [`Authorizer`](crate::Authorizer) let write this object before: no policy is asked here.
    async fn put_permitted(
        &self,
        bucket: &str,
        key: &str,
        content: Bytes,
        content_type: &str,
    ) -> Result<(), BucketError>;

    /// Reads an object's content and user metadata, with no policy asked: for our own checks. What is encrypted under a key of KMS is
    /// read too, with no policy of the key asked, as long as that key is there and enabled.
    async fn get(&self, bucket: &str, key: &str) -> Result<(Bytes, Vec<(String, String)>), BucketError>;

    /// Some objects whose keys begin with `prefix` and come after `after`, in the order of the bytes of their keys; none only at the
    /// end. No policy is asked: for our own checks.
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<BucketObject>, BucketError>;

    /// The names between `prefix` (which ends in a slash or is empty) and the next slash, in order. No policy is asked.
    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, BucketError>;

    /// Opens an object for reading as it flows. No policy is asked: for our own checks. See [`Buckets::get`] for keys of KMS.
    async fn open(&self, bucket: &str, key: &str) -> Result<OpenedObject, BucketError>;
}
