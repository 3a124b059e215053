//! Which encryption a caller may ask for: what AWS calls SSE-S3, which everything that is written has anyway.

use service::{ApiError, Call};

use crate::error::{Error, invalid_argument};

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
