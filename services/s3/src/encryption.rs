//! Which encryption a caller asks for, or the bucket: what AWS calls SSE-S3, which everything that is written has anyway, or SSE-KMS.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::json;
use service::ApiError;

use crate::bucket::Bucket;
use crate::error::{Error, invalid_argument};
use crate::kms::{Algorithm, CONTEXT_ARN, Sealed, Wanted};
use crate::settings::{Document, ENCRYPTION};

/// The algorithm of what is encrypted under host keys, by the name on the wire.
pub(crate) const AES256: &str = "AES256";

const HEADER: &str = "x-amz-server-side-encryption";
const KEY_HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const CONTEXT_HEADER: &str = "x-amz-server-side-encryption-context";

/// What a request says of encryption.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given<'a> {
    pub(crate) algorithm: Option<&'a str>,
    /// Of KMS.
    pub(crate) key: Option<&'a str>,
    /// Base 64 of JSON.
    pub(crate) context: Option<&'a str>,
    pub(crate) bucket_key: Option<bool>,
}

impl Given<'_> {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        match self.algorithm {
            Some(algorithm) if Algorithm::parse(algorithm).is_some() => return Ok(()),
            None | Some(AES256) => {}
            Some(other) => {
                return Err(invalid_argument(HEADER, other, "The encryption method specified is not supported"));
            }
        }
        // These mean KMS alone.
        let given = [(KEY_HEADER, self.key), (CONTEXT_HEADER, self.context)];
        if let Some((header, value)) = given.into_iter().find_map(|(header, value)| Some((header, value?))) {
            let text = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
            return Err(invalid_argument(header, value, text));
        }
        Ok(())
    }

    /// How an object of this key is to be encrypted in this bucket; `None`: under a host key. Source: S3 user guide, "Setting default
    /// server-side encryption behavior for Amazon S3 buckets" and "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys".
    pub(crate) fn wanted(&self, bucket: &Bucket, key: &str) -> Result<Option<Wanted>, ApiError> {
        self.check()?;
        let default = of_bucket(bucket)?;
        let Some(algorithm) = self.algorithm else {
            let bucket_key = self.bucket_key.unwrap_or(default.bucket_key);
            return Ok(default.algorithm.map(|algorithm| Wanted {
                algorithm,
                key: default.key,
                context: Vec::new(),
                bucket_key: bucket_key && algorithm == Algorithm::Kms,
            }));
        };
        let Some(algorithm) = Algorithm::parse(algorithm) else { return Ok(None) };
        let bucket_key = self.bucket_key.unwrap_or(default.bucket_key) && algorithm == Algorithm::Kms;
        let context = self.context.map(context).transpose()?.unwrap_or_default();
        let arn = if bucket_key { bucket.arn() } else { format!("{}/{key}", bucket.arn()) };
        if let (Some(given), Some((_, other))) =
            (self.context, context.iter().find(|(name, value)| name == CONTEXT_ARN && *value != arn))
        {
            let text = format!("The encryption context's {CONTEXT_ARN} is {other} and must be {arn}");
            return Err(invalid_argument(CONTEXT_HEADER, given, text));
        }
        let key = self.key.filter(|key| !key.is_empty()).map(str::to_owned);
        Ok(Some(Wanted { algorithm, key, context, bucket_key }))
    }
}

/// An encryption context as it comes in a header. Source: S3 API reference, PutObject, SSEKMSEncryptionContext.
fn context(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let read = || {
        let json = BASE64.decode(text).ok()?;
        serde_json::from_slice::<std::collections::BTreeMap<String, String>>(&json).ok()
    };
    let pairs = read().ok_or_else(|| {
        let why = "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON \
                   which represents a string-string map";
        invalid_argument(CONTEXT_HEADER, text, why)
    })?;
    Ok(pairs.into_iter().collect())
}

/// What answers say of content that is encrypted: the algorithm, and of KMS the key and whether it is a bucket key.
pub(crate) fn shown(kms: Option<&Sealed>) -> (&'static str, Option<String>, Option<bool>) {
    match kms {
        None => (AES256, None, None),
        Some(sealed) => {
            (sealed.algorithm.as_str(), Some(sealed.key.clone()), sealed.bucket_key.then_some(true))
        }
    }
}

/// How a bucket wants to be encrypted what comes with no word on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByBucket {
    /// `None`: under host keys.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) key: Option<String>,
    pub(crate) bucket_key: bool,
}

/// See [`ByBucket`].
pub(crate) fn of_bucket(bucket: &Bucket) -> Result<ByBucket, ApiError> {
    let configuration: Option<Configuration> = bucket.settings.read(ENCRYPTION)?;
    let Some(rule) = configuration.and_then(|configuration| configuration.rules.into_iter().next()) else {
        return Ok(ByBucket::default());
    };
    let bucket_key = rule.bucket_key_enabled.unwrap_or(false);
    Ok(match rule.apply_server_side_encryption_by_default {
        Some(by_default) => {
            ByBucket { algorithm: Algorithm::parse(&by_default.algorithm), key: by_default.key, bucket_key }
        }
        None => ByBucket { bucket_key, ..ByBucket::default() },
    })
}

/// What PutBucketEncryption is given.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    apply_server_side_encryption_by_default: Option<ByDefault>,
    bucket_key_enabled: Option<bool>,
    blocked_encryption_types: Option<Blocked>,
}

#[derive(Deserialize)]
struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    algorithm: String,
    #[serde(rename = "KMSMasterKeyID")]
    key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Blocked {
    encryption_type: Vec<String>,
}

/// What a bucket has that was never told.
pub(crate) fn of_new_bucket() -> Document {
    rule(AES256, None, false, None)
}

fn rule(algorithm: &str, key: Option<&str>, bucket_key: bool, blocked: Option<Vec<String>>) -> Document {
    let mut rule = json!({
        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": algorithm },
        "BucketKeyEnabled": bucket_key,
    });
    if let Some(key) = key {
        rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = json!(key);
    }
    if let Some(blocked) = blocked {
        rule["BlockedEncryptionTypes"] = json!({ "EncryptionType": blocked });
    }
    json!({ "Rules": [rule] })
}

/// A bucket's configuration as it is kept, if it can be had.
pub(crate) fn checked(document: Document) -> Result<Document, ApiError> {
    let configuration = Configuration::deserialize(document).map_err(|_| Error::MalformedXML)?;
    let Ok([given]) = <[Rule; 1]>::try_from(configuration.rules) else { return Err(Error::MalformedXML.into()) };
    let (algorithm, key) = match given.apply_server_side_encryption_by_default {
        Some(by_default) => (by_default.algorithm, by_default.key),
        None => (AES256.to_owned(), None),
    };
    if algorithm != AES256 && Algorithm::parse(&algorithm).is_none() {
        return Err(Error::MalformedXML.into());
    }
    if let Some(key) = key.as_deref().filter(|_| algorithm == AES256) {
        let text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms";
        return Err(invalid_argument("KMSMasterKeyID", key, text));
    }
    let blocked = given.blocked_encryption_types.map(|blocked| blocked.encryption_type);
    if let Some(other) = blocked.iter().flatten().find(|kind| !matches!(kind.as_str(), "NONE" | "SSE-C")) {
        return Err(invalid_argument("EncryptionType", other, "The encryption type specified cannot be blocked"));
    }
    Ok(rule(&algorithm, key.as_deref(), given.bucket_key_enabled.unwrap_or(false), blocked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: Document, expected: Result<Document, &str>) {
        let found = checked(json!({ "Rules": rules })).map(|mut document| document["Rules"].take());
        assert_eq!(found.map_err(|error| error.code.into_owned()), expected.map_err(str::to_owned));
    }

    #[test]
    fn configurations() {
        let aes = json!({ "SSEAlgorithm": "AES256" });
        let by_default = |value: Document| json!([{ "ApplyServerSideEncryptionByDefault": value }]);
        let plain = json!([{ "ApplyServerSideEncryptionByDefault": aes, "BucketKeyEnabled": false }]);
        check(by_default(aes.clone()), Ok(plain.clone()));
        check(json!([{}]), Ok(plain));
        let full = json!([{
            "ApplyServerSideEncryptionByDefault": aes,
            "BucketKeyEnabled": true,
            "BlockedEncryptionTypes": { "EncryptionType": ["SSE-C"] },
        }]);
        check(full.clone(), Ok(full));
        check(json!([]), Err("MalformedXML"));
        check(json!([{}, {}]), Err("MalformedXML"));
        for kms in [
            json!({ "SSEAlgorithm": "aws:kms" }),
            json!({ "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine" }),
            json!({ "SSEAlgorithm": "aws:kms:dsse" }),
        ] {
            let kept = json!([{ "ApplyServerSideEncryptionByDefault": kms, "BucketKeyEnabled": false }]);
            check(by_default(kms), Ok(kept));
        }
        check(by_default(json!({ "SSEAlgorithm": "rot13" })), Err("MalformedXML"));
        check(by_default(json!({ "SSEAlgorithm": "AES256", "KMSMasterKeyID": "k" })), Err("InvalidArgument"));
        check(json!([{ "BlockedEncryptionTypes": { "EncryptionType": ["SSE-S3"] } }]), Err("InvalidArgument"));
    }
}
