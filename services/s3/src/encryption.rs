//! Which encryption a caller may ask for: what AWS calls SSE-S3, which everything that is written has anyway.

use serde::Deserialize;
use serde_json::json;
use service::{ApiError, Call};

use crate::error::{Error, invalid_argument};
use crate::settings::Document;

/// The one algorithm, by the name on the wire.
pub(crate) const AES256: &str = "AES256";

/// Whether a text names an encryption under keys of KMS.
pub(crate) fn is_kms(algorithm: &str) -> bool {
    matches!(algorithm, "aws:kms" | "aws:kms:dsse")
}

/// The refusal of a key of KMS. As on AWS, where the key is not there.
pub(crate) fn no_such_kms_key(key: Option<&str>) -> ApiError {
    let key = key.unwrap_or("alias/aws/s3");
    let text = format!("Invalid keyId '{key}': there is no KMS here; ask for AES256, or for no encryption by name");
    Error::KmsNotFound(text).into()
}

/// Refuses encryption that is not there; notes in the call's record which there is.
pub(crate) fn check(
    call: &Call,
    algorithm: Option<&str>,
    kms_key: Option<&str>,
    kms_context: Option<&str>,
) -> Result<(), ApiError> {
    match algorithm {
        None | Some(AES256) => {}
        Some(kms) if is_kms(kms) => return Err(no_such_kms_key(kms_key)),
        Some(other) => {
            let text = "The encryption method specified is not supported";
            return Err(invalid_argument("x-amz-server-side-encryption", other, text));
        }
    }
    // These mean KMS alone.
    let given = [
        ("x-amz-server-side-encryption-aws-kms-key-id", kms_key),
        ("x-amz-server-side-encryption-context", kms_context),
    ];
    if let Some((header, value)) = given.into_iter().find_map(|(header, value)| Some((header, value?))) {
        let text = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
        return Err(invalid_argument(header, value, text));
    }

    // Source: CloudTrail's events of S3, `additionalEventData`, SSEApplied.
    let applied = if algorithm.is_some() { "SSE_S3" } else { "Default_SSE_S3" };
    let mut notes = call.notes.lock().expect("no holder of this lock can panic");
    notes.additional.push(("SSEApplied", applied.to_owned()));
    Ok(())
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
    rule(false, None)
}

fn rule(bucket_key: bool, blocked: Option<Vec<String>>) -> Document {
    let mut rule = json!({
        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": AES256 },
        "BucketKeyEnabled": bucket_key,
    });
    if let Some(blocked) = blocked {
        rule["BlockedEncryptionTypes"] = json!({ "EncryptionType": blocked });
    }
    json!({ "Rules": [rule] })
}

/// A bucket's configuration as it is kept, if it can be had.
pub(crate) fn checked(document: Document) -> Result<Document, ApiError> {
    let configuration = Configuration::deserialize(document).map_err(|_| Error::MalformedXML)?;
    let Ok([given]) = <[Rule; 1]>::try_from(configuration.rules) else { return Err(Error::MalformedXML.into()) };
    if let Some(by_default) = given.apply_server_side_encryption_by_default {
        match by_default.algorithm.as_str() {
            AES256 => {}
            kms if is_kms(kms) => return Err(no_such_kms_key(by_default.key.as_deref())),
            _ => return Err(Error::MalformedXML.into()),
        }
        if let Some(key) = by_default.key {
            let text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms";
            return Err(invalid_argument("KMSMasterKeyID", &key, text));
        }
    }
    let blocked = given.blocked_encryption_types.map(|blocked| blocked.encryption_type);
    if let Some(other) = blocked.iter().flatten().find(|kind| !matches!(kind.as_str(), "NONE" | "SSE-C")) {
        return Err(invalid_argument("EncryptionType", other, "The encryption type specified cannot be blocked"));
    }
    Ok(rule(given.bucket_key_enabled.unwrap_or(false), blocked))
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
        check(by_default(json!({ "SSEAlgorithm": "aws:kms" })), Err("KMS.NotFoundException"));
        check(by_default(json!({ "SSEAlgorithm": "aws:kms:dsse" })), Err("KMS.NotFoundException"));
        check(by_default(json!({ "SSEAlgorithm": "rot13" })), Err("MalformedXML"));
        check(by_default(json!({ "SSEAlgorithm": "AES256", "KMSMasterKeyID": "k" })), Err("InvalidArgument"));
        check(json!([{ "BlockedEncryptionTypes": { "EncryptionType": ["SSE-S3"] } }]), Err("InvalidArgument"));
    }
}
