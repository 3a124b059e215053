//! Multipart uploads: what is kept of them and of their parts. Source: S3 user guide, "Multipart upload overview".

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op};

use crate::acl::Grant;
use crate::checksum::{Algorithm, Kind};
use crate::content::Stored;
use crate::error::{Error, invalid_argument, no_such_upload, state_failed};
use crate::kms::Sealed;
use crate::lock::Lock;
use crate::object::{Data, Headers};
use crate::{COMMIT_TRIES, S3, TABLE_PARTS, TABLE_UPLOADS, to_json};

/// The most parts of an upload.
pub(crate) const PARTS_MAX: u32 = 10_000;
/// The least bytes of a part that is not the last.
pub(crate) const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// What is kept of an upload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Upload {
    /// Of this document.
    pub(crate) v: u8,
    pub(crate) id: String,
    pub(crate) started_ms: i64,
    pub(crate) headers: Headers,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    /// What the object will be given.
    #[serde(skip_serializing_if = "Lock::is_none")]
    pub(crate) lock: Lock,
    /// As the caller named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<(Algorithm, Kind)>,
    /// Under which data key of KMS all parts are encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms: Option<Box<Sealed>>,
    /// See [`crate::object::Version`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<Grant>>,
    /// The ARN of who began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) initiator: Option<String>,
    #[serde(skip)]
    pub(crate) rev: u64,
}

impl Upload {
    /// How the whole is summed up, named or not.
    pub(crate) fn summed(&self) -> (Algorithm, Kind) {
        self.checksum.unwrap_or((Algorithm::Crc64Nvme, Kind::FullObject))
    }

    /// The storage class as listings show it.
    pub(crate) fn storage_class(&self) -> String {
        self.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())
    }
}

/// What is kept of a part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    /// Of this document.
    pub(crate) v: u8,
    pub(crate) number: u32,
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
    pub(crate) data: Data,
    /// How it was summed up, and the sum in base 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<(Algorithm, String)>,
}

impl Part {
    /// When it was written, to the second: as S3 shows it, and as HTTP's dates can say it (RFC 9110, section 5.6.7).
    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp::from_ms(self.modified_ms).trunc_secs()
    }
}

/// The key of an upload's row.
pub(crate) fn upload_key(bucket: &str, key: &str, id: &str) -> Vec<u8> {
    state::key::key(&[bucket, key, id])
}

/// What the keys of an upload's parts begin with; also its key in the table of those that have ended.
pub(crate) fn parts_prefix(id: &str) -> Vec<u8> {
    state::key::key(&[id])
}

/// The key of a part's row.
pub(crate) fn part_key(id: &str, number: u32) -> Vec<u8> {
    state::key::key(&[id, &format!("{number:05}")])
}

/// A part's number, if it can be one.
pub(crate) fn part_number(number: i64) -> Result<u32, ApiError> {
    u32::try_from(number).ok().filter(|number| (1..=PARTS_MAX).contains(number)).ok_or_else(|| {
        let text = "Part number must be an integer between 1 and 10000, inclusive";
        invalid_argument("partNumber", &number.to_string(), text)
    })
}

impl S3 {
    /// The upload of this identifier, for this key.
    pub(crate) async fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<Upload, ApiError> {
        let row = self.state.get(TABLE_UPLOADS, &upload_key(bucket, key, id)).await.map_err(state_failed)?;
        let row = row.ok_or_else(|| no_such_upload(id))?;
        let mut upload: Upload = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
        upload.rev = row.rev;
        Ok(upload)
    }

    /// Makes content a part of an upload, in the place of an earlier one of that number. Returns when it is durable.
    pub(crate) async fn put_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &Upload,
        part: &Part,
        stored: &Stored,
    ) -> Result<(), ApiError> {
        let row_key = part_key(&upload.id, part.number);
        for _ in 0..COMMIT_TRIES {
            let old = self.state.get(TABLE_PARTS, &row_key).await.map_err(state_failed)?;
            let mut ops = Vec::new();
            if let Some(old) = &old {
                let old: Part = serde_json::from_slice(&old.value).map_err(ApiError::internal)?;
                self.discard(&old.data, &mut ops);
            }
            // Who completes the upload meanwhile must notice that a part which it has seen is another now: the upload's row is
            // written anew. Parts that are new do not get in each other's way.
            let upload_row_key = upload_key(bucket, key, &upload.id);
            if old.is_some() {
                let row = self.state.get(TABLE_UPLOADS, &upload_row_key).await.map_err(state_failed)?;
                let row = row.ok_or_else(|| no_such_upload(&upload.id))?;
                let expect = Expect::Rev(row.rev);
                ops.push(Op::Put { table: TABLE_UPLOADS, key: upload_row_key, value: row.value, expect });
            } else {
                ops.push(Op::Check { table: TABLE_UPLOADS, key: upload_row_key, expect: Expect::Present });
            }
            let expect = Expect::from(old.as_ref().map(|row| row.rev));
            ops.push(Op::Put { table: TABLE_PARTS, key: row_key.clone(), value: to_json(part), expect });
            ops.extend(stored.ops());
            match self.state.commit(ops).await {
                Ok(_) => return Ok(()),
                Err(state::Error::Conflict { table, current: None, .. }) if table == TABLE_UPLOADS => {
                    return Err(no_such_upload(&upload.id));
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(state_failed(error)),
            }
        }
        Err(Error::OperationAborted.into())
    }
}
