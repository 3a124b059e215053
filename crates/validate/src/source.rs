//! [`Source`]: where digests and log files lie. A source only reads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base::Timestamp;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

/// The bytes of an object, piece by piece.
pub type Pieces = BoxStream<'static, Result<Bytes, SourceError>>;

/// An object, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// What changes when the object is written again, as far as the source can tell: an ETag, a file's times.
    pub stamp: String,
    /// When it was written, if the source is to be believed about that.
    pub modified: Option<Timestamp>,
}

/// An object being read.
pub struct Opened {
    /// The user metadata, lower-case names without `x-amz-meta-`. `None` where a source keeps none (a copy in a folder).
    pub metadata: Option<BTreeMap<String, String>>,
    /// The content.
    pub pieces: Pieces,
}

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no such object.
    #[error("not found")]
    NotFound,
    /// It is in a bucket that this source has nothing of.
    #[error("the bucket {0} is not part of what is being validated")]
    OtherBucket(String),
    /// The source failed, or refuses; nothing is known of the object.
    #[error("{0}")]
    Failed(String),
}

/// Where digests and log files lie.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Some objects of a bucket whose keys begin with `prefix` and come after `after`, in the order of the bytes of their keys.
    /// Empty only at the end.
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Object>, SourceError>;

    /// The names between `prefix` (which ends in a slash or is empty) and the next slash, in order.
    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, SourceError>;

    /// Opens an object.
    async fn open(&self, bucket: &str, key: &str) -> Result<Opened, SourceError>;
}

/// Reads a small object whole: `None` for the content if it is longer than `limit`.
pub(crate) async fn read(
    source: &dyn Source,
    bucket: &str,
    key: &str,
    limit: usize,
) -> Result<(Option<BTreeMap<String, String>>, Option<Vec<u8>>), SourceError> {
    let mut opened = source.open(bucket, key).await?;
    let mut content = Vec::new();
    while let Some(piece) = opened.pieces.next().await {
        let piece = piece?;
        if content.len() + piece.len() > limit {
            return Ok((opened.metadata, None));
        }
        content.extend_from_slice(&piece);
    }
    Ok((opened.metadata, Some(content)))
}
