//! One digest: fetched, and held against its place, its key and its signature, in the order in which AWS's command does it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::Timestamp;
use record::digest::{
    HASH_ALGORITHM, METADATA_BACKFILL_GENERATION_TIMESTAMP, METADATA_SIGNATURE, METADATA_SIGNATURE_ALGORITHM, Previous,
    SIGNATURE_ALGORITHM,
};
use record::{Digest, DigestKey};
use serde::{Deserialize, Deserializer};

use crate::gzip::{Wrapping, inflate};
use crate::keys::{NotSigned, PublicKey};
use crate::problem::Kind;
use crate::source::{SourceError, read};
use crate::work::Work;

/// The most that a digest may have, stored and inflated: 100,000 log files. Cairn's name at most 4,000.
const DIGEST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A digest's content and metadata.
pub(crate) struct Fetched {
    essentials: Essentials,
    /// `None` if it has what AWS's command demands, but is no digest for us.
    digest: Option<Digest>,
    hash_hex: String,
    metadata: Option<BTreeMap<String, String>>,
    wrapping: Wrapping,
}

/// What is wrong with a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Invalid(Kind, String),
    /// Nothing is known of it.
    Source(SourceError),
}

/// A digest whose signature is right.
pub(crate) struct Verified {
    pub(crate) digest: Arc<Digest>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// What the digest after it has to say of it.
    pub(crate) as_previous: Previous,
    /// There was no signature to check: a copy without metadata, and no digest after it.
    pub(crate) unsigned: bool,
    /// What AWS's command does not look at.
    pub(crate) further: Vec<(Kind, String)>,
}

/// What AWS's command demands of a digest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Essentials {
    digest_public_key_fingerprint: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    #[serde(deserialize_with = "present")]
    previous_digest_signature: Option<String>,
    digest_start_time: String,
    digest_end_time: String,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// The keys that may sign.
#[derive(Default)]
pub(crate) struct KeyRing(HashMap<String, PublicKey>);

impl KeyRing {
    /// Adds the keys of a stretch of time; says whether there were any.
    pub(crate) async fn load(
        &mut self,
        work: &Work,
        region: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<bool, SourceError> {
        let keys = work.keys.keys(region, from, to).await?;
        let any = !keys.is_empty();
        self.0.extend(keys.into_iter().map(|key| (key.fingerprint.clone(), key)));
        Ok(any)
    }
}

fn invalid_format() -> Fault {
    Fault::Invalid(Kind::DigestFormat, "invalid format".to_owned())
}

fn not_signed() -> Fault {
    Fault::Invalid(Kind::DigestSignature, "signature verification failed".to_owned())
}

/// Fetches a digest.
pub(crate) async fn fetch(work: &Work, bucket: &str, key: &str) -> Result<Fetched, Fault> {
    let (metadata, gzip) = match read(&*work.source, bucket, key, DIGEST_BYTES_MAX).await {
        Ok(read) => read,
        Err(SourceError::NotFound) => return Err(Fault::Missing),
        Err(SourceError::NoObject(why)) => return Err(Fault::Invalid(Kind::DigestFormat, why)),
        Err(error) => return Err(Fault::Source(error)),
    };
    let gzip = gzip.ok_or_else(invalid_format)?;
    let limit = u64::try_from(DIGEST_BYTES_MAX).unwrap_or(u64::MAX);
    let (content, wrapping) = inflate(&gzip, limit).ok_or_else(invalid_format)?;
    if wrapping == Wrapping::CutOff || serde_json::from_slice::<serde::de::IgnoredAny>(&content).is_err() {
        return Err(invalid_format());
    }
    if let Some(metadata) = &metadata {
        if !metadata.contains_key(METADATA_SIGNATURE) || !metadata.contains_key(METADATA_SIGNATURE_ALGORITHM) {
            return Err(not_signed());
        }
        let backfill = key.ends_with("_backfill.json.gz");
        if backfill && !metadata.contains_key(METADATA_BACKFILL_GENERATION_TIMESTAMP) {
            return Err(invalid_format());
        }
    }
    let essentials: Essentials = serde_json::from_slice(&content).map_err(|_| invalid_format())?;
    let hash_hex = record::file::sha256_hex(&content);
    Ok(Fetched { essentials, digest: Digest::parse(&content).ok(), hash_hex, metadata, wrapping })
}

impl Fetched {
    /// Holds it against where it was found and whoever should have signed it. `linked`: its signature as the digest after it says it,
    /// for copies that lost their metadata.
    pub(crate) async fn verify(
        self,
        work: &Work,
        ring: &mut KeyRing,
        (bucket, key): (&str, &str),
        linked: Option<&str>,
        (region, home_region): (&str, &str),
    ) -> Result<Verified, Fault> {
        let Fetched { essentials, digest, hash_hex, metadata, wrapping } = self;
        if essentials.digest_s3_bucket != bucket || essentials.digest_s3_object != key {
            let why = "has been moved from its original location".to_owned();
            return Err(Fault::Invalid(Kind::DigestMoved, why));
        }
        let fingerprint = &essentials.digest_public_key_fingerprint;
        let generated = metadata.as_ref().and_then(|metadata| metadata.get(METADATA_BACKFILL_GENERATION_TIMESTAMP));
        if let (false, Some(text)) = (ring.0.contains_key(fingerprint), generated) {
            let generated = Timestamp::parse_iso8601(text).ok_or_else(invalid_format)?;
            let hour_ms = base::time::HOUR_MS;
            let loaded = ring.load(work, region, generated.plus_ms(-hour_ms), generated.plus_ms(hour_ms)).await;
            loaded.map_err(Fault::Source)?;
        }
        let Some(public) = ring.0.get(fingerprint) else {
            let why = format!("public key not found in region {home_region} for fingerprint {fingerprint}");
            return Err(Fault::Invalid(Kind::DigestKeyUnknown, why));
        };
        let signature = match &metadata {
            Some(metadata) => metadata.get(METADATA_SIGNATURE).map(String::as_str),
            None => linked,
        };
        if let Some(signature) = signature {
            let previous = essentials.previous_digest_signature.as_deref().unwrap_or("null");
            let text = format!("{}\n{bucket}/{key}\n{hash_hex}\n{previous}", essentials.digest_end_time);
            public.verify(&text, signature).map_err(|error| match error {
                NotSigned::Signature => not_signed(),
                NotSigned::Key => {
                    let why = format!("Unable to load PKCS #1 key with fingerprint {fingerprint}");
                    Fault::Invalid(Kind::DigestKeyUnreadable, why)
                }
            })?;
        }
        let time = |text: &str| Timestamp::parse_iso8601(text).ok_or_else(invalid_format);
        let (start, end) = (time(&essentials.digest_start_time)?, time(&essentials.digest_end_time)?);
        let digest = digest.ok_or_else(invalid_format)?;
        let as_previous = Previous {
            s3_bucket: bucket.to_owned(),
            s3_object: key.to_owned(),
            hash_hex,
            signature_hex: signature.unwrap_or_default().to_owned(),
        };
        let mut further = further(&digest, key, end, public, metadata.as_ref());
        if let Some(why) = wrapping.fault() {
            further.push((Kind::DigestBytes, why));
        }
        Ok(Verified { digest: Arc::new(digest), start, end, as_previous, unsigned: signature.is_none(), further })
    }
}

/// What AWS's command does not look at.
fn further(
    digest: &Digest,
    key: &str,
    end: Timestamp,
    public: &PublicKey,
    metadata: Option<&BTreeMap<String, String>>,
) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    let in_metadata = metadata.and_then(|metadata| metadata.get(METADATA_SIGNATURE_ALGORITHM));
    let algorithms = [Some(&digest.digest_signature_algorithm), in_metadata];
    if let Some(other) = algorithms.into_iter().flatten().find(|name| *name != SIGNATURE_ALGORITHM) {
        found.push((
            Kind::DigestAlgorithm,
            format!("it names the signature algorithm {other}, not {SIGNATURE_ALGORITHM}"),
        ));
    }
    let hashes = digest.log_files.iter().map(|file| Some(&file.hash_algorithm));
    let mut hashes = hashes.chain([digest.previous_digest_hash_algorithm.as_ref()]).flatten();
    if let Some(other) = hashes.find(|name| *name != HASH_ALGORITHM) {
        found.push((Kind::DigestAlgorithm, format!("it names the hash algorithm {other}, not {HASH_ALGORITHM}")));
    }
    // A backfill digest is signed when it is made, later than what it covers.
    let read = DigestKey::parse(key);
    let backfill = read.as_ref().is_some_and(|key| key.backfill);
    if !backfill && (end < public.start || end > public.end) {
        let (from, to) = (public.start.iso8601_secs(), public.end.iso8601_secs());
        let why = format!("its key {} was valid from {from} to {to} only", public.fingerprint);
        found.push((Kind::DigestKeyValidity, why));
    }
    match read {
        Some(key) if key.place.account_id != digest.aws_account_id => {
            let why = format!("it is of the account {}, not of the one in its key", digest.aws_account_id);
            found.push((Kind::DigestContent, why));
        }
        Some(key) if key.end.secs() != end.secs() => {
            let why = format!("it ends at {}, not at the time in its key", digest.digest_end_time);
            found.push((Kind::DigestContent, why));
        }
        _ => {}
    }
    found
}

impl Fetched {
    /// Whether this is a digest that says that it lies elsewhere.
    pub(crate) fn is_elsewhere(&self, key: &str) -> bool {
        self.essentials.digest_s3_object != key
    }
}
