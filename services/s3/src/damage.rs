//! Content that is not what was written, found while it was read: the log names the object, a figure counts it. When it is found the
//! answer may have begun and its record be written: neither can say so any more.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use ports::{Figure, Figures};
use seal::HostKeys;
use service::{ApiError, Body};

use crate::S3;
use crate::content::OpenError;
use crate::object::Data;

/// How often that was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Damage(Arc<AtomicU64>);

impl Damage {
    /// Takes note of a failure to read the content of an object, if that is what it is.
    fn note(&self, bucket: &str, key: &str, error: &ApiError) {
        let cause = error.log.as_deref().unwrap_or(&error.message);
        // Storage that is out of reach is another thing than content that is wrong.
        if error.status == 500 {
            self.0.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                bucket,
                key,
                cause,
                "the content of an object is damaged: whoever reads it gets an error or a part of it"
            );
        } else {
            tracing::error!(bucket, key, cause, "the content of an object could not be read");
        }
    }
}

impl S3 {
    /// Opens content of an object that a caller reads, watched for damage until its end.
    pub(crate) async fn open_watched(
        &self,
        bucket: &str,
        key: &str,
        data: &Data,
        range: Range<u64>,
        keys: &Arc<HostKeys>,
    ) -> Result<Body, OpenError> {
        let damage = self.damage.clone();
        match self.open(data, range, keys).await {
            Ok(body) => {
                let len_bytes = body.len_bytes();
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                Ok(Body::new(body.inspect_err(move |error| damage.note(&bucket, &key, error)), len_bytes))
            }
            Err(OpenError::Failed(error)) => {
                damage.note(bucket, key, &error);
                Err(OpenError::Failed(error))
            }
            Err(OpenError::Gone) => Err(OpenError::Gone),
        }
    }
}

impl Figures for S3 {
    fn figures(&self, into: &mut Vec<Figure>) {
        let count = self.damage.0.load(Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "figures are floating point")]
        let count = count as f64;
        into.push(Figure::counter(
            "cairn_damaged_reads_total",
            "Reads of objects that found their content damaged.",
            &[],
            count,
        ));
    }
}
