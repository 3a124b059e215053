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
    /// What lies there is no object, and cannot be read as one.
    #[error("{0}")]
    NoObject(String),
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

    /// The keys that have no further slash after `prefix` (which ends in a slash), in order; `limit` of them at most. A source that can
    /// ask for these alone does so; this steps over each folder.
    async fn files(&self, bucket: &str, prefix: &str, limit: usize) -> Result<Vec<String>, SourceError> {
        let mut files = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.list(bucket, prefix, after.as_deref()).await?;
            let Some(last) = page.last() else { return Ok(files) };
            let inside = last.key.strip_prefix(prefix).and_then(|rest| rest.split_once('/'));
            // Hardly a key comes after this one and is in the folder; one that is does no harm.
            let end = inside.map(|(folder, _)| format!("{prefix}{folder}/{}", char::MAX)).unwrap_or_default();
            after = Some(end.max(last.key.clone()));
            let is_file = |object: &Object| object.key.strip_prefix(prefix).is_some_and(|rest| !rest.contains('/'));
            files.extend(page.into_iter().filter(is_file).map(|object| object.key));
            if files.len() >= limit {
                files.truncate(limit);
                return Ok(files);
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in order, listed two at a time.
    struct Names(Vec<&'static str>);

    #[async_trait]
    impl Source for Names {
        async fn list(&self, _: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Object>, SourceError> {
            let fits = |key: &&&str| key.starts_with(prefix) && after.is_none_or(|after| **key > after);
            let object = |key: &&str| Object { key: (*key).into(), size: 0, stamp: String::new(), modified: None };
            Ok(self.0.iter().filter(fits).take(2).map(object).collect())
        }

        async fn folders(&self, _: &str, _: &str) -> Result<Vec<String>, SourceError> {
            Ok(Vec::new())
        }

        async fn open(&self, _: &str, _: &str) -> Result<Opened, SourceError> {
            Err(SourceError::NotFound)
        }
    }

    #[tokio::test]
    async fn files_beside_folders_are_found_whatever_they_are_called() {
        let last = "a/eu/\u{10ffff}\u{10ffff}";
        let mut keys = vec!["a/!", "a/eu", "a/eu-", "a/eu/1", "a/eu/2", "a/eu/3", last, "a/eu0", "a/us/1", "a/z", "b"];
        keys.sort_unstable();
        let source = Names(keys);
        let files = source.files("logs", "a/", 100).await.unwrap();
        assert_eq!(files, ["a/!", "a/eu", "a/eu-", "a/eu0", "a/z"]);
        assert_eq!(source.files("logs", "a/", 2).await.unwrap(), ["a/!", "a/eu"]);
        assert_eq!(source.files("logs", "c/", 2).await.unwrap(), [""; 0]);
    }
}
