//! The buckets of this server as a source of log files.

use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use futures_util::StreamExt;
use ports::{BucketError, Buckets};
use validate::{Object, Opened, Source, SourceError};

/// See the module.
pub struct InBuckets(pub Arc<dyn Buckets>);

fn failed(error: BucketError) -> SourceError {
    match error {
        BucketError::NoSuchKey => SourceError::NotFound,
        other => SourceError::Failed(other.to_string()),
    }
}

#[async_trait]
impl Source for InBuckets {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Object>, SourceError> {
        let listed = self.0.list(bucket, prefix, after).await.map_err(failed)?;
        let objects = listed.into_iter().map(|object| Object {
            stamp: format!("{} {}", object.etag, object.modified_ms),
            key: object.key,
            size: object.size,
            modified: Some(Timestamp::from_ms(object.modified_ms)),
        });
        Ok(objects.collect())
    }

    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, SourceError> {
        self.0.folders(bucket, prefix).await.map_err(failed)
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<Opened, SourceError> {
        let opened = self.0.open(bucket, key).await.map_err(failed)?;
        let pieces = opened.content.map(|piece| piece.map_err(failed)).boxed();
        Ok(Opened { metadata: Some(opened.metadata.into_iter().collect()), pieces })
    }
}
