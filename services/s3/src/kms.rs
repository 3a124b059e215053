//! Content under keys of KMS (SSE-KMS): each object, upload or bucket has a data key that KMS made and encrypted. The content's own key
//! is wrapped by that data key in the place of a host key, and only the data key's ciphertext is kept: who cannot have KMS decrypt it
//! reads nothing, whatever else they have. Source: S3 user guide, "Using server-side encryption with AWS KMS keys (SSE-KMS)".
//!
//! A data key in clear is never stored and never printed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base::Region;
use base::time::MINUTE_MS;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ports::{BucketError, Caller, KeyError, KeyUse, Keys, RequestContext, Unavailable};
use seal::HostKeys;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use crate::S3;
use crate::bucket::Bucket;
use crate::checksum::Sums;
use crate::encryption::Given;
use crate::error::invalid_argument;

/// The bytes of a data key.
const DATA_KEY_BYTES: usize = 32;
/// The key that is taken if none is named: KMS makes it for S3 when it is first used.
const MANAGED: &str = "alias/aws/s3";
/// The name of the resource in an encryption context.
pub(crate) const CONTEXT_ARN: &str = "aws:s3:arn";
/// For how long a bucket key serves one requester. AWS says "time-limited", and not how long.
const BUCKET_KEY_MS: i64 = 5 * MINUTE_MS;
/// The most bucket keys that are kept in memory: a few hundred bytes each.
const BUCKET_KEYS_MAX: usize = 4096;

/// Which of the two encryptions under KMS. The second is on AWS one layer more; here it is a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "aws:kms")]
    Kms,
    #[serde(rename = "aws:kms:dsse")]
    Dsse,
}

impl Algorithm {
    /// By the name on the wire.
    pub(crate) fn parse(text: &str) -> Option<Algorithm> {
        match text {
            "aws:kms" => Some(Algorithm::Kms),
            "aws:kms:dsse" => Some(Algorithm::Dsse),
            _ => None,
        }
    }

    /// The name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Algorithm::Kms => "aws:kms",
            Algorithm::Dsse => "aws:kms:dsse",
        }
    }
}

/// Encryption under a key of KMS, as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) algorithm: Algorithm,
    /// Identifier, ARN or alias.
    pub(crate) key: Option<String>,
    /// What the requester adds to the encryption context.
    pub(crate) context: Vec<(String, String)>,
    /// One data key serves all objects of the bucket for a while.
    pub(crate) bucket_key: bool,
}

/// What is kept of content under a key of KMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(crate) algorithm: Algorithm,
    /// The ARN of KMS's key.
    pub(crate) key: String,
    /// The encryption context, as KMS was told it.
    pub(crate) context: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) bucket_key: bool,
    /// The data key as KMS encrypted it, base 64.
    pub(crate) data_key: String,
}

/// What new content is encrypted under.
pub(crate) struct Sealing {
    pub(crate) keys: Arc<HostKeys>,
    /// `None`: a host key.
    pub(crate) kms: Option<Box<Sealed>>,
    /// The requester's own encryption context, as it came.
    pub(crate) context: Option<String>,
}

/// For whom a key is used.
#[derive(Clone, Copy)]
pub(crate) enum Who<'a> {
    /// Whoever calls: under the key's policy.
    Call(&'a Call),
    /// A service that writes into a bucket, and on behalf of which resource: under the key's policy.
    Service { principal: &'a str, source_arn: &'a str },
    /// The server itself: what it checks, and what was permitted before. No policy is asked, and there is no record.
    Server,
}

/// Bucket keys in memory: by requester, and what else they are made for.
#[derive(Default)]
pub(crate) struct BucketKeys(Mutex<HashMap<Vec<String>, Cached>>);

struct Cached {
    until_ms: i64,
    keys: Arc<HostKeys>,
    sealed: Sealed,
}

impl BucketKeys {
    fn get(&self, key: &[String], now_ms: i64) -> Option<(Arc<HostKeys>, Sealed)> {
        let cached = self.0.lock().expect("no holder of this lock can panic");
        let found = cached.get(key).filter(|found| now_ms < found.until_ms)?;
        Some((Arc::clone(&found.keys), found.sealed.clone()))
    }

    fn put(&self, key: Vec<String>, now_ms: i64, keys: &Arc<HostKeys>, sealed: &Sealed) {
        let mut cached = self.0.lock().expect("no holder of this lock can panic");
        if cached.len() >= BUCKET_KEYS_MAX {
            cached.retain(|_, entry| now_ms < entry.until_ms);
        }
        if cached.len() >= BUCKET_KEYS_MAX {
            cached.clear();
        }
        let until_ms = now_ms.saturating_add(BUCKET_KEY_MS);
        cached.insert(key, Cached { until_ms, keys: Arc::clone(keys), sealed: sealed.clone() });
    }
}

impl Who<'_> {
    fn name(self) -> String {
        match self {
            Who::Call(call) => call.caller.arn().unwrap_or_default(),
            Who::Service { principal, .. } => principal.to_owned(),
            Who::Server => String::new(),
        }
    }
}

impl S3 {
    /// The service that encrypts under the keys of `keys` what is to be encrypted so. Without them there is no key of KMS.
    #[must_use]
    pub fn with_keys(mut self, keys: Arc<dyn Keys>) -> S3 {
        self.kms = Some(keys);
        self
    }

    /// What a caller's new content is encrypted under. Says in the record which encryption that is.
    pub(crate) async fn sealing_for(
        &self,
        call: &Call,
        bucket: &Bucket,
        key: &str,
        given: &Given<'_>,
    ) -> Result<Sealing, ApiError> {
        let wanted = given.wanted(bucket, key)?;
        // Source: CloudTrail's events of S3, `additionalEventData`, SSEApplied.
        let applied = match wanted.as_ref().map(|wanted| wanted.algorithm) {
            None => "SSE_S3",
            Some(Algorithm::Kms) => "SSE_KMS",
            Some(Algorithm::Dsse) => "DSSE_KMS",
        };
        let applied = if given.algorithm.is_some() { applied.to_owned() } else { format!("Default_{applied}") };
        call.notes.lock().expect("no holder of this lock can panic").additional.push(("SSEApplied", applied));
        if wanted.is_some() {
            check_signed(call)?;
        }
        let mut sealing = self.sealing(Who::Call(call), bucket, key, wanted.as_ref()).await.map_err(refused)?;
        sealing.context = given.context.filter(|_| sealing.kms.is_some()).map(str::to_owned);
        Ok(sealing)
    }

    /// What new content is encrypted under: a host key, or a data key of KMS.
    pub(crate) async fn sealing(
        &self,
        who: Who<'_>,
        bucket: &Bucket,
        key: &str,
        wanted: Option<&Wanted>,
    ) -> Result<Sealing, KeyError> {
        let Some(wanted) = wanted else {
            return Ok(Sealing { keys: Arc::clone(&self.keys), kms: None, context: None });
        };
        let named = match who {
            // As KMS reads it: a name without an account is of the requester's account.
            Who::Call(_) => wanted.key.clone().unwrap_or_else(|| MANAGED.to_owned()),
            Who::Service { .. } | Who::Server => qualified(bucket, wanted.key.as_deref()),
        };
        let mut context = wanted.context.clone();
        if !context.iter().any(|(name, _)| name == CONTEXT_ARN) {
            let arn = if wanted.bucket_key { bucket.arn() } else { format!("{}/{key}", bucket.arn()) };
            context.push((CONTEXT_ARN.to_owned(), arn));
        }
        let now_ms = self.env.clock.now().ms();
        let cache_key = wanted.bucket_key.then(|| {
            let start = [who.name(), "seal".to_owned(), wanted.algorithm.as_str().to_owned(), named.clone()];
            start.into_iter().chain(context.iter().flat_map(|(name, value)| [name.clone(), value.clone()])).collect()
        });
        let cached: Option<&Vec<String>> = cache_key.as_ref();
        if let Some((keys, sealed)) = cached.and_then(|cached| self.bucket_keys.get(cached, now_ms)) {
            return Ok(Sealing { keys, kms: Some(Box::new(sealed)), context: None });
        }
        let kms = self.kms.as_ref().ok_or_else(|| no_kms(&named))?;
        let pairs: Vec<(&str, &str)> = context.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let made = match who {
            Who::Server => kms.permitted_data_key(bucket.region, &named, &pairs, DATA_KEY_BYTES).await?,
            _ => self.used(who, bucket.region, &named, &pairs, async |asked| {
                kms.generate_data_key(asked, DATA_KEY_BYTES).await
            })
            .await?,
        };
        let sealed = Sealed {
            algorithm: wanted.algorithm,
            key: made.key_arn,
            bucket_key: wanted.bucket_key,
            data_key: BASE64.encode(&made.ciphertext),
            context,
        };
        let keys = wrapping(made.plaintext)?;
        if let Some(cache_key) = cache_key {
            self.bucket_keys.put(cache_key, now_ms, &keys, &sealed);
        }
        Ok(Sealing { keys, kms: Some(Box::new(sealed)), context: None })
    }

    /// What a caller's content opens under, if KMS lets the caller.
    pub(crate) async fn unlock_for(
        &self,
        call: &Call,
        region: Region,
        kms: Option<&Sealed>,
    ) -> Result<Arc<HostKeys>, ApiError> {
        if kms.is_some() {
            check_signed(call)?;
        }
        self.unlock(Who::Call(call), region, kms).await.map_err(refused)
    }

    /// What content opens under.
    pub(crate) async fn unlock(
        &self,
        who: Who<'_>,
        region: Region,
        kms: Option<&Sealed>,
    ) -> Result<Arc<HostKeys>, KeyError> {
        let Some(sealed) = kms else { return Ok(Arc::clone(&self.keys)) };
        let now_ms = self.env.clock.now().ms();
        let cache_key = sealed.bucket_key.then(|| vec![who.name(), "open".to_owned(), sealed.data_key.clone()]);
        if let Some((keys, _)) = cache_key.as_ref().and_then(|key| self.bucket_keys.get(key, now_ms)) {
            return Ok(keys);
        }
        let kms = self.kms.as_ref().ok_or_else(|| no_kms(&sealed.key))?;
        let ciphertext = BASE64.decode(&sealed.data_key);
        let ciphertext = ciphertext.map_err(|error| unavailable(format!("a data key does not read: {error}")))?;
        let pairs: Vec<(&str, &str)> =
            sealed.context.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let plain = match who {
            Who::Server => kms.open_data_key(region, &sealed.key, &pairs, &ciphertext).await?,
            _ => self.used(who, region, &sealed.key, &pairs, async |asked| {
                kms.decrypt_data_key(asked, &ciphertext).await
            })
            .await?,
        };
        let keys = wrapping(plain.plaintext)?;
        if let Some(cache_key) = cache_key {
            self.bucket_keys.put(cache_key, now_ms, &keys, sealed);
        }
        Ok(keys)
    }

    async fn used<T>(
        &self,
        who: Who<'_>,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        ask: impl AsyncFnOnce(&KeyUse<'_>) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        match who {
            Who::Call(call) => {
                let request: RequestContext<'_> = call.context(&[]);
                let key = Some(key);
                let asked = KeyUse {
                    caller: &call.caller,
                    region,
                    key,
                    service: "s3",
                    source_arn: None,
                    context,
                    request: Some(&request),
                };
                ask(&asked).await
            }
            Who::Service { principal, source_arn } => {
                let caller = Caller::Service { principal: principal.into() };
                let service = principal.split('.').next().unwrap_or(principal);
                let source_arn = Some(source_arn).filter(|arn| !arn.is_empty());
                let asked =
                    KeyUse { caller: &caller, region, key: Some(key), service, source_arn, context, request: None };
                ask(&asked).await
            }
            Who::Server => Err(unavailable("the server asks no policy".to_owned())),
        }
    }

    /// The entity tag of new content: of what is under a key of KMS it tells nothing, as on AWS.
    pub(crate) fn etag(&self, sums: &Sums, kms: Option<&Sealed>) -> String {
        if kms.is_none() {
            return sums.etag();
        }
        let mut chance = [0; 16];
        self.env.rng.fill(&mut chance);
        base::ids::hex(&chance)
    }
}

/// A key by its ARN: a name without an account is of the bucket's account.
pub(crate) fn qualified(bucket: &Bucket, key: Option<&str>) -> String {
    let key = key.unwrap_or(MANAGED);
    if key.starts_with("arn:") {
        return key.to_owned();
    }
    let resource = if key.starts_with("alias/") { key.to_owned() } else { format!("key/{key}") };
    format!("arn:{}:kms:{}:{}:{resource}", bucket.region.partition(), bucket.region, bucket.account)
}

/// A data key in the place of a host key.
fn wrapping(mut data_key: Vec<u8>) -> Result<Arc<HostKeys>, KeyError> {
    let keys = HostKeys::of_data_key(&data_key);
    data_key.fill(0);
    keys.map(Arc::new).ok_or_else(|| unavailable("KMS gave a data key of a wrong length".to_owned()))
}

fn unavailable(why: String) -> KeyError {
    KeyError::Unavailable(Unavailable(why))
}

fn no_kms(key: &str) -> KeyError {
    KeyError::Refused { code: "NotFoundException".to_owned(), message: format!("Invalid keyId '{key}'") }
}

/// Nobody uses a key of KMS without a name. Source: S3 user guide, "Specifying server-side encryption with AWS KMS (SSE-KMS)".
fn check_signed(call: &Call) -> Result<(), ApiError> {
    if matches!(call.caller, Caller::Anonymous) {
        let text =
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.";
        return Err(invalid_argument("Authorization", "null", text));
    }
    Ok(())
}

/// KMS's refusal as S3 tells it.
pub(crate) fn refused(error: KeyError) -> ApiError {
    match error {
        error if error.is_denied() => {
            let KeyError::Refused { message, .. } = error else { return ApiError::internal("a refusal is a refusal") };
            ApiError::new("AccessDenied", 403, message)
        }
        KeyError::Refused { code, message } => ApiError::new(format!("KMS.{code}"), 400, message),
        KeyError::Unavailable(error) => error.into(),
    }
}

/// KMS's refusal as other services are told it.
pub(crate) fn bucket_error(error: KeyError) -> BucketError {
    match error {
        KeyError::Refused { code, .. } => BucketError::Kms(match code.as_str() {
            "AccessDeniedException" => "KMS.AccessDeniedException",
            "DisabledException" => "KMS.DisabledException",
            "KMSInvalidStateException" => "KMS.KMSInvalidStateException",
            "InvalidKeyUsageException" => "KMS.InvalidKeyUsageException",
            "NotFoundException" | "InvalidArnException" => "KMS.NotFoundException",
            _ => "KMS.KMSInternalException",
        }),
        KeyError::Unavailable(error) => BucketError::Unavailable(error.0),
    }
}
