//! Event stores as tables that other engines read, and the buckets that the server itself keeps for them.

use async_trait::async_trait;
use base::Region;
use bytes::Bytes;

use crate::{BucketError, StoreId, Unavailable};

/// Buckets whose names begin so are the server's own: whoever may read buckets may read them, and nobody but the server makes, changes
/// or fills one.
pub const SERVER_BUCKET_PREFIX: &str = "aws-cloudtrail-lake-federation-";

/// Where tables are: a bucket of the server, with a folder for each store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePlace {
    /// The bucket.
    pub bucket: String,
    /// Where it is.
    pub region: Region,
    /// The ARN of the key of KMS that the table's files are under; `None`: the server's own.
    pub kms_key: Option<String>,
}

impl TablePlace {
    /// The place of a table of an account in a region.
    pub fn of(account: &str, region: Region, kms_key: Option<String>) -> TablePlace {
        TablePlace { bucket: format!("{SERVER_BUCKET_PREFIX}{account}-{region}"), region, kms_key }
    }
}

/// How far a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// It can be read.
    pub readable: bool,
    /// There is more to do at once.
    pub more: bool,
}

/// Publishes event stores as tables. To be called by one caller, one call after the other.
#[async_trait]
pub trait Tables: Send + Sync + 'static {
    /// Does one step of making a store's table what the store is. Dropped at any moment it leaves the table as it was.
    async fn publish(&self, store: &StoreId, place: &TablePlace) -> Result<Published, Unavailable>;

    /// Removes a store's table with all its files, or does nothing if there is none.
    async fn withdraw(&self, store: &StoreId, place: &TablePlace) -> Result<(), Unavailable>;
}

/// The buckets of [`SERVER_BUCKET_PREFIX`], for the server. No policy is asked, and nothing is recorded.
#[async_trait]
pub trait ServerBuckets: Send + Sync + 'static {
    /// Makes the bucket, if it is not there.
    async fn provide(&self, bucket: &str, region: Region) -> Result<(), BucketError>;

    /// Writes an object, or replaces it; under a key of KMS if there is one, without asking its policy. Durable when it returns.
    async fn put_own(
        &self,
        bucket: &str,
        key: &str,
        content: Bytes,
        content_type: &str,
        kms_key: Option<&str>,
    ) -> Result<(), BucketError>;

    /// The keys that begin with `prefix` and come after `after`, some at a time, in order; none only at the end, or if there is no such
    /// bucket.
    async fn keys(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError>;

    /// Removes objects, which may be absent.
    async fn remove(&self, bucket: &str, keys: &[String]) -> Result<(), BucketError>;
}
