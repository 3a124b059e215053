//! Uploads that were completed a short while ago: who did not hear of it and asks again is told the same once more. Source: S3 API
//! reference, "CompleteMultipartUpload": a call that failed on its way back should be repeated.

use base::time::{HOUR_MS, MINUTE_MS};
use serde::{Deserialize, Serialize};
use service::ApiError;
use sha2::Digest as _;
use state::{Expect, Op, Range};

use crate::checksum::Checksum;
use crate::error::state_failed;
use crate::kms::Sealed;
use crate::multipart::upload_key;
use crate::{S3, TABLE_COMPLETED, to_json};

/// For how long it is known.
const KEPT_MS: i64 = HOUR_MS;
/// How often those that are old are looked for.
const SWEEP_MS: i64 = 5 * MINUTE_MS;
/// Rows removed in one commit.
const ROWS: usize = 500;

/// What is kept of a completed upload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Outcome {
    /// Of this document.
    pub(crate) v: u8,
    pub(crate) at_ms: i64,
    /// Of the parts that were listed, see [`digest`].
    pub(crate) parts: String,
    /// Without quotes.
    pub(crate) etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Checksum>,
    /// Whether its content is encrypted.
    pub(crate) sealed: bool,
    /// Under which key of KMS, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms: Option<Box<Sealed>>,
}

/// A digest of a list of parts, by number and entity tag.
pub(crate) fn digest<'a>(parts: impl Iterator<Item = (i64, &'a str)>) -> String {
    let mut sum = sha2::Sha256::new();
    for (number, etag) in parts {
        sum.update(format!("{number} {}\n", etag.trim_matches('"')));
    }
    base::ids::hex(&sum.finalize())
}

impl Outcome {
    /// What notes it, in the commit that completes the upload.
    pub(crate) fn put(&self, bucket: &str, key: &str, upload_id: &str) -> Op {
        let key = upload_key(bucket, key, upload_id);
        Op::Put { table: TABLE_COMPLETED, key, value: to_json(self), expect: Expect::Any }
    }
}

impl S3 {
    /// What was answered when this upload was completed with these parts, if that is not long ago.
    pub(crate) async fn completed(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &str,
    ) -> Result<Option<Outcome>, ApiError> {
        let row = self.state.get(TABLE_COMPLETED, &upload_key(bucket, key, upload_id)).await.map_err(state_failed)?;
        let Some(row) = row else { return Ok(None) };
        let completed: Outcome = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
        Ok((completed.parts == parts).then_some(completed))
    }

    /// Forgets what was completed long ago. Looks at most every few minutes.
    pub(crate) async fn forget_completed(&self) -> Result<(), ApiError> {
        let now_ms = self.env.clock.now().ms();
        {
            let mut swept = self.swept_ms.lock().expect("no holder of this lock can panic");
            if swept.is_some_and(|swept_ms| (0..SWEEP_MS).contains(&(now_ms - swept_ms))) {
                return Ok(());
            }
            *swept = Some(now_ms);
        }
        let mut range = Range::all();
        loop {
            let rows = self.state.scan(TABLE_COMPLETED, range.clone(), ROWS).await.map_err(state_failed)?;
            let Some(last) = rows.last() else { return Ok(()) };
            range = range.after(last.key.clone());
            let mut ops = Vec::new();
            for row in rows {
                let completed: Outcome = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
                if now_ms.saturating_sub(completed.at_ms) >= KEPT_MS {
                    ops.push(Op::Delete { table: TABLE_COMPLETED, key: row.key, expect: Expect::Any });
                }
            }
            if !ops.is_empty() {
                self.state.commit(ops).await.map_err(state_failed)?;
            }
        }
    }
}
