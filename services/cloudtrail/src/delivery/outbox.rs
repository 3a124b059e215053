//! What is stored about log files on their way: [`OutboxFile`] until it is in its bucket, [`Delivered`] until a digest has it.

use base::Timestamp;
use record::keys::{LogKey, LogKind, Place, UNIQUE_LEN};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lane::Lane;
use crate::rows::seq_text;
use crate::trail::{DigestEpoch, Trail};

/// Where finished files wait in the object store.
pub const OUTBOX_FOLDER: &str = "delivery/outbox/";

/// A finished log file on its way to its bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxFile {
    /// Of this document.
    pub version: u32,
    /// The trail.
    pub arn: String,
    /// The region of its records.
    pub region: String,
    /// The account of its records, if it is not the trail's own: a member of its organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The key of KMS that the trail had when it was finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The journal position of its first record: with trail and region, names the file for ever.
    pub first_seq: u64,
    /// The content's name in the object store.
    pub object: String,
    /// Where it goes. Written down before the first attempt, changed only after a definite refusal.
    pub bucket: String,
    /// Under which key.
    pub key: String,
    /// Of the uncompressed content.
    pub sha256_hex: String,
    /// How many records it has.
    pub records: u64,
    /// The oldest event.
    pub oldest_ms: Option<i64>,
    /// The newest event.
    pub newest_ms: Option<i64>,
    /// When it was finished.
    pub cut_ms: i64,
    /// The digest chain it belongs to.
    pub digests: Option<DigestEpoch>,
}

/// A log file in its bucket that no digest has taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Of this document.
    pub version: u32,
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Of the uncompressed content.
    pub sha256_hex: String,
    /// The oldest event.
    pub oldest_ms: Option<i64>,
    /// The newest event.
    pub newest_ms: Option<i64>,
    /// The chain whose digests it belongs into.
    pub epoch: u64,
    /// When it was finished; not known of files delivered by earlier versions.
    #[serde(default)]
    pub cut_ms: Option<i64>,
}

/// A chain of digests that must end with a last one, now that everything before `seq` is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainEnd {
    /// Of this document.
    pub version: u32,
    /// The chain.
    pub epoch: DigestEpoch,
    /// The trail as it was when the chain ended.
    pub trail: Trail,
    /// The place in the journal at which it ended.
    pub seq: u64,
}

/// What GetTrailStatus tells of log files or of digests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of this document.
    pub version: u32,
    /// The last success.
    pub delivered_ms: Option<i64>,
    /// The last attempt.
    pub attempted_ms: Option<i64>,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
    /// For how long attempts have failed, one after the other. Time in which nothing was tried counts for little.
    #[serde(default)]
    pub refused_ms: i64,
    /// When something was last given up.
    #[serde(default)]
    pub given_up_ms: Option<i64>,
}

impl OutboxFile {
    /// The key of its outbox row.
    pub fn row_key(&self) -> Vec<u8> {
        state::key::key(&[self.arn.as_str(), &seq_text(self.first_seq), &self.region])
    }

    /// Whose records it has, and of which region.
    pub fn lane(&self) -> Lane<'_> {
        Lane { account: self.account.as_deref(), region: &self.region }
    }

    /// The key of its delivered row.
    pub fn delivered_key(&self) -> Vec<u8> {
        state::key::key(&[self.arn.as_str(), &self.lane().to_string(), &seq_text(self.first_seq)])
    }

    /// The row it leaves behind in its bucket, if digests cover it.
    pub fn delivered(&self) -> Option<Delivered> {
        let epoch = self.digests?.id;
        Some(Delivered {
            version: 1,
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            sha256_hex: self.sha256_hex.clone(),
            oldest_ms: self.oldest_ms,
            newest_ms: self.newest_ms,
            epoch,
            cut_ms: Some(self.cut_ms),
        })
    }
}

/// The name of a file's content in the object store.
pub fn object_name(arn: &str, region: &str, first_seq: u64) -> String {
    let trail = base::ids::hex(&Sha256::digest(arn)[..12]);
    format!("{OUTBOX_FOLDER}{trail}/{region}/{}", seq_text(first_seq))
}

/// The key of a log file; `own` is the trail's account. Its unique part depends on trail, region and first record alone, so that a delivery done twice
/// writes the same object twice.
pub fn log_key(trail: &Trail, own: &str, lane: Lane<'_>, first_seq: u64, cut: Timestamp) -> String {
    let (account, region) = (lane.account_or(own), lane.region);
    let seed = Sha256::digest(format!("{}\n{region}\n{first_seq}", trail.arn));
    let unique = base::ids::alphanumeric_from(&seed, UNIQUE_LEN);
    let place =
        Place { prefix: trail.prefix.as_deref(), organization_id: trail.organization_id(), account_id: account };
    LogKey { place, kind: LogKind::Events, region, delivered: cut, unique: &unique }.to_string()
}
