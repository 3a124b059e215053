//! What is stored of a chain of digests, and the digest that a plan makes. A plan fixes every byte: the same plan always gives the
//! same digest.

use base::Timestamp;
use ports::ServicePut;
use record::digest::{
    Digest, DigestLogFile, HASH_ALGORITHM, METADATA_BACKFILL_GENERATION_TIMESTAMP, METADATA_SIGNATURE,
    METADATA_SIGNATURE_ALGORITHM, Previous, SIGNATURE_ALGORITHM,
};
use record::file::deflate;
use record::keys::{DigestKey, Place};
use serde::{Deserialize, Serialize};

use super::keys::SigningKey;
use crate::delivery::lane::Lane;
use crate::delivery::outbox::Delivered;
use crate::delivery::worker::Stuck;
use crate::trail::Trail;

/// The last part of the key of a row that holds a chain of backfill digests.
const BACKFILL: &str = "backfill";

/// A chain of digests of one trail in one [`Lane`]; the row stays when a chain ends, so that times do not repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chain {
    /// Of this document.
    pub version: u32,
    /// Which of the trail's chains this is; `None` once it ended.
    pub epoch: Option<u64>,
    /// The newest digest of the chain.
    pub head: Option<Head>,
    /// The end of the newest digest of this and all earlier chains, in seconds.
    pub last_end_secs: i64,
    /// The latest end of any digest, in seconds: later than that of the newest after the clock was set back.
    #[serde(default)]
    pub max_end_secs: i64,
    /// The last of the trail's chains that ended here.
    #[serde(default)]
    pub closed: Option<u64>,
    /// The digest that is being written.
    pub plan: Option<Plan>,
}

/// A digest that the next one links to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Of its inflated content.
    pub hash_hex: String,
    /// Its signature.
    pub signature_hex: String,
}

/// Everything that a digest is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// It covers from here …
    pub start_secs: i64,
    /// … to here.
    pub end_secs: i64,
    /// Where it goes.
    pub bucket: String,
    /// Under which key.
    pub key: String,
    /// The key of KMS that the trail had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Names the key that signs it.
    pub fingerprint: String,
    /// The digest it links to.
    pub previous: Option<Head>,
    /// The log files it names.
    pub files: Vec<Delivered>,
    /// For a backfill digest, when it was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill_secs: Option<i64>,
    /// Whether the chain ends with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
}

/// A digest, signed and packed.
pub(super) struct Signed {
    /// The object's content.
    pub gzip: Vec<u8>,
    /// The object's metadata.
    pub metadata: Vec<(String, String)>,
    /// What the next digest links to.
    pub head: Head,
}

/// The key of a chain's row.
pub(super) fn chain_key(arn: &str, lane: &str, backfill: bool) -> Vec<u8> {
    if backfill { state::key::key(&[arn, lane, BACKFILL]) } else { state::key::key(&[arn, lane]) }
}

/// The lane of a row of a chain of regular digests; `None` for one of backfill digests.
pub(super) fn lane_of(row_key: &[u8]) -> Option<String> {
    let mut parts = state::key::texts(row_key)?;
    (parts.len() == 2).then(|| parts.swap_remove(1))
}

/// The key of a digest of this trail; `own` is its account.
pub(super) fn digest_key(trail: &Trail, own: &str, lane: &str, end_secs: i64, backfill: bool) -> String {
    let lane = Lane::parse(lane);
    let (account, region) = (lane.account_or(own), lane.region);
    let key = DigestKey {
        place: Place { prefix: trail.prefix.as_deref(), organization_id: trail.organization_id(), account_id: account },
        region,
        trail_name: &trail.name,
        home_region: trail.home_region.as_str(),
        end: Timestamp::from_secs(end_secs),
        backfill,
    };
    key.to_string()
}

impl Plan {
    /// The digest and its bytes.
    pub fn write(&self, account: &str) -> (Vec<u8>, Digest) {
        let text = |ms: i64| Timestamp::from_ms(ms).iso8601_secs();
        let mut digest = Digest {
            aws_account_id: account.to_owned(),
            digest_start_time: Timestamp::from_secs(self.start_secs).iso8601_secs(),
            digest_end_time: Timestamp::from_secs(self.end_secs).iso8601_secs(),
            digest_s3_bucket: self.bucket.clone(),
            digest_s3_object: self.key.clone(),
            digest_public_key_fingerprint: self.fingerprint.clone(),
            digest_signature_algorithm: SIGNATURE_ALGORITHM.to_owned(),
            newest_event_time: self.files.iter().filter_map(|file| file.newest_ms).max().map(text),
            oldest_event_time: self.files.iter().filter_map(|file| file.oldest_ms).min().map(text),
            previous_digest_s3_bucket: None,
            previous_digest_s3_object: None,
            previous_digest_hash_value: None,
            previous_digest_hash_algorithm: None,
            previous_digest_signature: None,
            log_files: self.files.iter().map(|file| log_file(file, text)).collect(),
        };
        digest.set_previous(self.previous.as_ref().map(|head| Previous {
            s3_bucket: head.bucket.clone(),
            s3_object: head.key.clone(),
            hash_hex: head.hash_hex.clone(),
            signature_hex: head.signature_hex.clone(),
        }));
        (digest.write(), digest)
    }

    /// The digest as it is put. Some milliseconds of a processor.
    pub fn sign(&self, account: &str, key: &SigningKey) -> Result<Signed, Stuck> {
        let (content, digest) = self.write(account);
        let signature_hex = key.sign_hex(&digest.string_to_sign(&content))?;
        let mut metadata = vec![
            (METADATA_SIGNATURE.to_owned(), signature_hex.clone()),
            (METADATA_SIGNATURE_ALGORITHM.to_owned(), SIGNATURE_ALGORITHM.to_owned()),
        ];
        if let Some(secs) = self.backfill_secs {
            let time = Timestamp::from_secs(secs).iso8601_secs();
            metadata.push((METADATA_BACKFILL_GENERATION_TIMESTAMP.to_owned(), time));
        }
        let hash_hex = record::file::sha256_hex(&content);
        let head = Head { bucket: self.bucket.clone(), key: self.key.clone(), hash_hex, signature_hex };
        Ok(Signed { gzip: deflate(&content), metadata, head })
    }
}

impl Signed {
    /// The object to put, made by `service_put`.
    pub fn into_put(
        self,
        service_put: impl FnOnce((&str, &str), bytes::Bytes, Vec<(String, String)>) -> ServicePut,
    ) -> (ServicePut, Head) {
        let put = service_put((&self.head.bucket, &self.head.key), self.gzip.into(), self.metadata);
        (put, self.head)
    }
}

fn log_file(file: &Delivered, text: impl Fn(i64) -> String) -> DigestLogFile {
    DigestLogFile {
        s3_bucket: file.bucket.clone(),
        s3_object: file.key.clone(),
        hash_value: file.sha256_hex.clone(),
        hash_algorithm: HASH_ALGORITHM.to_owned(),
        newest_event_time: file.newest_ms.map(&text),
        oldest_event_time: file.oldest_ms.map(&text),
    }
}
