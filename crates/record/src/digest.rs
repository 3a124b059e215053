//! The digest: the log files of a stretch of time with their hashes, linked to the digest before, and the string that its
//! signature covers. Signing itself is not here. Sources: CloudTrail user guide, "CloudTrail digest file structure" and "Custom
//! implementations of CloudTrail log file integrity validation".
//!
//! What `aws cloudtrail validate-logs` (AWS CLI 1.45) demands; nothing else is looked at:
//!
//! | of | it demands |
//! |---|---|
//! | listing | ListObjects (version 1) with `Prefix` `…CloudTrail-Digest/REGION` and a `Marker` one minute before the start; keys as in [`crate::keys`]; the time is cut out of the key by position and must lie between the start and one hour after the end |
//! | object | gzip of a JSON object; metadata `signature` (hexadecimal) and `signature-algorithm` (must be there, is not read); `backfill-generation-timestamp` for keys that end in `_backfill.json.gz` |
//! | members | present: `digestPublicKeyFingerprint`, `digestS3Bucket`, `digestS3Object`, `previousDigestSignature` (may be null), `digestStartTime`, `digestEndTime`; `logFiles` is indexed unchecked, so it must be there too |
//! | place | `digestS3Bucket` and `digestS3Object` are where the object was found |
//! | key | ListPublicKeys from the start to two hours after the end lists `digestPublicKeyFingerprint` (for a backfill: one hour around its generation); its `Value` is base 64 of PKCS #1 DER |
//! | signature | RSA PKCS #1 v1.5 over [`Digest::string_to_sign`]; the hash in it is that of the *inflated* digest |
//! | chain | walked backwards: the next digest is `previousDigestS3Bucket`/`previousDigestS3Object`; when either is null or absent, the nearest older key of the listing, reported as a gap |
//! | log file | SHA-256 of the *inflated* object (of its first gzip member) equals `hashValue`, lower-case hexadecimal |
//!
//! It never looks at `previousDigestHashValue`, nor compares `previousDigestSignature` with the signature of the digest before:
//! both are only protected by this digest's own signature. [`Digest::check_previous`] looks at both. It cannot see that the
//! newest digests are missing either.

use serde::{Deserialize, Deserializer, Serialize};

use crate::file::sha256_hex;

/// The only signature algorithm there is.
pub const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";
/// The only hash algorithm there is.
pub const HASH_ALGORITHM: &str = "SHA-256";
/// The name of the object's metadata entry with the signature in lower-case hexadecimal.
pub const METADATA_SIGNATURE: &str = "signature";
/// The name of the object's metadata entry with [`SIGNATURE_ALGORITHM`].
pub const METADATA_SIGNATURE_ALGORITHM: &str = "signature-algorithm";
/// The name of the metadata entry that says when a backfill digest was made.
pub const METADATA_BACKFILL_GENERATION_TIMESTAMP: &str = "backfill-generation-timestamp";

/// A digest. Times are kept as text, because the signature covers their exact form; Cairn writes `2015-08-17T15:01:31Z`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// The account whose log files these are.
    pub aws_account_id: String,
    /// Covers log files delivered from here …
    pub digest_start_time: String,
    /// … to here.
    pub digest_end_time: String,
    /// The bucket this digest is stored in.
    pub digest_s3_bucket: String,
    /// The key this digest is stored under.
    pub digest_s3_object: String,
    /// Names the public key, hexadecimal.
    pub digest_public_key_fingerprint: String,
    /// [`SIGNATURE_ALGORITHM`].
    pub digest_signature_algorithm: String,
    /// The newest event in the log files; null without any.
    pub newest_event_time: Option<String>,
    /// The oldest event in the log files; null without any.
    pub oldest_event_time: Option<String>,
    /// The link to the digest before; null in a starting digest, like the four that follow.
    pub previous_digest_s3_bucket: Option<String>,
    /// The key of the digest before.
    pub previous_digest_s3_object: Option<String>,
    /// The hexadecimal SHA-256 of the digest before, inflated.
    pub previous_digest_hash_value: Option<String>,
    /// [`HASH_ALGORITHM`].
    pub previous_digest_hash_algorithm: Option<String>,
    /// The signature of the digest before, hexadecimal. Must be present when read, be it null.
    #[serde(deserialize_with = "present")]
    pub previous_digest_signature: Option<String>,
    /// The log files delivered in this stretch of time.
    pub log_files: Vec<DigestLogFile>,
}

/// A log file in a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestLogFile {
    /// Its bucket.
    pub s3_bucket: String,
    /// Its key.
    pub s3_object: String,
    /// The hexadecimal SHA-256 of its inflated content.
    pub hash_value: String,
    /// [`HASH_ALGORITHM`].
    pub hash_algorithm: String,
    /// The newest event in it.
    pub newest_event_time: Option<String>,
    /// The oldest event in it.
    pub oldest_event_time: Option<String>,
}

/// How a digest is linked to the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its bucket.
    pub s3_bucket: String,
    /// Its key.
    pub s3_object: String,
    /// The hexadecimal SHA-256 of its inflated content.
    pub hash_hex: String,
    /// Its signature, hexadecimal.
    pub signature_hex: String,
}

/// Why bytes are not a digest, or a digest does not follow another.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// Not JSON, or a member is absent or of another type.
    #[error("the digest is not a JSON object with a digest's members")]
    Json(#[from] serde_json::Error),
    /// The digest before is not the one it names.
    #[error("the digest names another {member} of the digest before it")]
    Previous {
        /// The member that differs.
        member: &'static str,
    },
}

/// A member that may be null but must be there (an `Option` without this would be absent without complaint).
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

impl Digest {
    /// Reads a digest's inflated content. Unknown members are skipped.
    pub fn parse(content: &[u8]) -> Result<Digest, DigestError> {
        Ok(serde_json::from_slice(content)?)
    }

    /// The content, before gzip. The same digest always gives the same bytes.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and lists of text can always be written")
    }

    /// The bytes that the signature covers; `content` is this digest inflated (what [`Digest::write`] gave, or what was read).
    pub fn string_to_sign(&self, content: &[u8]) -> String {
        let previous = self.previous_digest_signature.as_deref().unwrap_or("null");
        let hash = sha256_hex(content);
        format!("{}\n{}/{}\n{hash}\n{previous}", self.digest_end_time, self.digest_s3_bucket, self.digest_s3_object)
    }

    /// The link that the digest after this one has to carry.
    pub fn as_previous(&self, content: &[u8], signature_hex: &str) -> Previous {
        Previous {
            s3_bucket: self.digest_s3_bucket.clone(),
            s3_object: self.digest_s3_object.clone(),
            hash_hex: sha256_hex(content),
            signature_hex: signature_hex.to_owned(),
        }
    }

    /// Sets the five members of the link, or all of them to null in a starting digest.
    pub fn set_previous(&mut self, previous: Option<Previous>) {
        self.previous_digest_hash_algorithm = previous.is_some().then(|| HASH_ALGORITHM.to_owned());
        let (bucket, object, hash, signature) = match previous {
            Some(p) => (Some(p.s3_bucket), Some(p.s3_object), Some(p.hash_hex), Some(p.signature_hex)),
            None => (None, None, None, None),
        };
        self.previous_digest_s3_bucket = bucket;
        self.previous_digest_s3_object = object;
        self.previous_digest_hash_value = hash;
        self.previous_digest_signature = signature;
    }

    /// Whether the link of this digest is `previous` to the last byte. `None` for a starting digest.
    pub fn check_previous(&self, previous: Option<&Previous>) -> Result<(), DigestError> {
        let pairs = [
            ("bucket", &self.previous_digest_s3_bucket, previous.map(|p| &p.s3_bucket)),
            ("key", &self.previous_digest_s3_object, previous.map(|p| &p.s3_object)),
            ("hash", &self.previous_digest_hash_value, previous.map(|p| &p.hash_hex)),
            ("signature", &self.previous_digest_signature, previous.map(|p| &p.signature_hex)),
        ];
        match pairs.into_iter().find(|(_, ours, theirs)| ours.as_ref() != *theirs) {
            Some((member, ..)) => Err(DigestError::Previous { member }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting() -> Digest {
        Digest {
            aws_account_id: "111122223333".into(),
            digest_start_time: "2015-08-17T14:01:31Z".into(),
            digest_end_time: "2015-08-17T15:01:31Z".into(),
            digest_s3_bucket: "b".into(),
            digest_s3_object: "k".into(),
            digest_public_key_fingerprint: "31e8b5433410dfb61a9dc45cc65b22ff".into(),
            digest_signature_algorithm: SIGNATURE_ALGORITHM.into(),
            newest_event_time: None,
            oldest_event_time: None,
            previous_digest_s3_bucket: None,
            previous_digest_s3_object: None,
            previous_digest_hash_value: None,
            previous_digest_hash_algorithm: None,
            previous_digest_signature: None,
            log_files: Vec::new(),
        }
    }

    #[test]
    fn an_empty_starting_digest_has_nulls() {
        assert_eq!(
            String::from_utf8(starting().write()).unwrap(),
            concat!(
                r#"{"awsAccountId":"111122223333","digestStartTime":"2015-08-17T14:01:31Z","digestEndTime":"2015-08-17T15:01:31Z","#,
                r#""digestS3Bucket":"b","digestS3Object":"k","digestPublicKeyFingerprint":"31e8b5433410dfb61a9dc45cc65b22ff","#,
                r#""digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,"#,
                r#""previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"#,
                r#""previousDigestHashAlgorithm":null,"previousDigestSignature":null,"logFiles":[]}"#
            )
        );
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut digest = starting();
        digest.log_files.push(DigestLogFile {
            s3_bucket: "b".into(),
            s3_object: "l".into(),
            hash_value: "00".into(),
            hash_algorithm: HASH_ALGORITHM.into(),
            newest_event_time: Some("2015-08-17T14:52:27Z".into()),
            oldest_event_time: Some("2015-08-17T14:42:27Z".into()),
        });
        digest.set_previous(Some(starting().as_previous(b"x", "abcd")));
        let content = digest.write();
        assert_eq!(Digest::parse(&content).unwrap(), digest);
        let logs = r#""logFiles":[{"s3Bucket":"b","s3Object":"l","hashValue":"00","hashAlgorithm":"SHA-256","newestEventTime":"2015-08-17T14:52:27Z","oldestEventTime":"2015-08-17T14:42:27Z"}]}"#;
        assert!(String::from_utf8(content).unwrap().ends_with(logs));
    }

    #[test]
    fn the_string_to_sign_is_that_of_validators() {
        let mut digest = starting();
        // The SHA-256 of the empty string.
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.string_to_sign(b""), format!("2015-08-17T15:01:31Z\nb/k\n{hash}\nnull"));
        digest.previous_digest_signature = Some("abcd".into());
        assert_eq!(digest.string_to_sign(b""), format!("2015-08-17T15:01:31Z\nb/k\n{hash}\nabcd"));
    }

    #[test]
    fn a_link_is_checked_to_the_last_byte() {
        let first = starting();
        let content = first.write();
        let link = first.as_previous(&content, "abcd");
        let mut second = starting();
        second.set_previous(Some(link.clone()));
        second.check_previous(Some(&link)).unwrap();
        first.check_previous(None).unwrap();
        let check = |changed: Previous, expected: &str| match second.check_previous(Some(&changed)) {
            Err(DigestError::Previous { member }) => assert_eq!(member, expected),
            other => panic!("{expected}: {other:?}"),
        };
        check(Previous { s3_bucket: "c".into(), ..link.clone() }, "bucket");
        check(Previous { s3_object: "c".into(), ..link.clone() }, "key");
        check(first.as_previous(b"altered", "abcd"), "hash");
        check(first.as_previous(&content, "abce"), "signature");
        assert!(second.check_previous(None).is_err());
        assert!(first.check_previous(Some(&link)).is_err());
    }

    #[test]
    fn members_may_be_unknown_but_not_missing() {
        let text = String::from_utf8(starting().write()).unwrap();
        let with_unknown = text.replacen('{', r#"{"new":[1,{"a":null}],"#, 1);
        assert_eq!(Digest::parse(with_unknown.as_bytes()).unwrap(), starting());
        for member in
            ["digestEndTime", "digestS3Bucket", "previousDigestSignature", "logFiles", "digestPublicKeyFingerprint"]
        {
            let without = text.replace(&format!("\"{member}\""), "\"x\"");
            assert!(matches!(Digest::parse(without.as_bytes()), Err(DigestError::Json(_))), "{member}");
        }
        for bad in ["", "[]", "null", "{}", "{"] {
            assert!(Digest::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        // Not among what validators demand.
        let without = text.replace(r#""newestEventTime":null,"#, "");
        assert_eq!(Digest::parse(without.as_bytes()).unwrap(), starting());
    }
}
