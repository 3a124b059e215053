//! Public keys: which there are, and whether a signature is theirs.

use async_trait::async_trait;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use crate::source::SourceError;

/// A public key as ListPublicKeys gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Names it in digests.
    pub fingerprint: String,
    /// PKCS #1 DER.
    pub der: Vec<u8>,
    /// It signs digests from here …
    pub start: Timestamp,
    /// … to here.
    pub end: Timestamp,
}

/// Why a signature is not that of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSigned {
    /// The key cannot be read.
    Key,
    /// The signature is of something else, or of somebody else.
    Signature,
}

impl PublicKey {
    /// Whether `signature_hex` signs `text`.
    pub(crate) fn verify(&self, text: &str, signature_hex: &str) -> Result<(), NotSigned> {
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.der).map_err(|_| NotSigned::Key)?;
        let signature = unhex(signature_hex).ok_or(NotSigned::Signature)?;
        key.verify_sig(text.as_bytes(), &signature).map_err(|_| NotSigned::Signature)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Where public keys come from.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The keys of a region that are valid at any moment from `from` to `to`: each region signs with keys of its own.
    async fn keys(&self, region: &str, from: Timestamp, to: Timestamp) -> Result<Vec<PublicKey>, SourceError>;
}

/// Keys out of a file: what `aws cloudtrail list-public-keys` prints.
#[derive(Clone, Debug)]
pub struct KeyFile(Vec<PublicKey>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    public_key_list: Vec<ListedKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedKey {
    value: String,
    validity_start_time: Time,
    validity_end_time: Time,
    fingerprint: String,
}

/// The AWS CLI prints text or, by setting, seconds; the service's own answers have seconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Seconds(f64),
    Text(String),
}

impl Time {
    fn read(&self) -> Option<Timestamp> {
        match self {
            Time::Seconds(secs) => Timestamp::from_secs_f64(*secs),
            Time::Text(text) => Timestamp::parse_iso8601(text),
        }
    }
}

impl KeyFile {
    /// Reads what `aws cloudtrail list-public-keys` prints, or what the service answers.
    pub fn parse(json: &[u8]) -> Result<KeyFile, String> {
        let listed: Listed = serde_json::from_slice(json)
            .map_err(|error| format!("this is not what aws cloudtrail list-public-keys prints: {error}"))?;
        let keys = listed.public_key_list.into_iter().map(|key| {
            let bad = |member: &str| format!("{member} of the key {} cannot be read", key.fingerprint);
            Ok(PublicKey {
                der: BASE64.decode(&key.value).map_err(|_| bad("Value"))?,
                start: key.validity_start_time.read().ok_or_else(|| bad("ValidityStartTime"))?,
                end: key.validity_end_time.read().ok_or_else(|| bad("ValidityEndTime"))?,
                fingerprint: key.fingerprint,
            })
        });
        Ok(KeyFile(keys.collect::<Result<_, String>>()?))
    }

    /// The keys themselves.
    pub fn into_keys(self) -> Vec<PublicKey> {
        self.0
    }
}

#[async_trait]
impl Keys for KeyFile {
    async fn keys(&self, _: &str, from: Timestamp, to: Timestamp) -> Result<Vec<PublicKey>, SourceError> {
        Ok(self.0.iter().filter(|key| key.start <= to && key.end >= from).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_keys_is_read_in_every_form() {
        let json = r#"{"PublicKeyList":[
            {"Value":"AQI=","ValidityStartTime":"2026-01-01T00:00:00+00:00","ValidityEndTime":"2027-01-01T01:00:00+01:00","Fingerprint":"a"},
            {"Value":"AQI=","ValidityStartTime":1767225600.0,"ValidityEndTime":1798761600,"Fingerprint":"b"}]}"#;
        let keys = KeyFile::parse(json.as_bytes()).unwrap().into_keys();
        assert_eq!(keys[0].start, keys[1].start);
        assert_eq!((keys[0].end, &keys[0].der[..]), (keys[1].end, &[1, 2][..]));
        for bad in
            ["", "{}", "[]", r#"{"PublicKeyList":[{}]}"#, &json.replace("AQI=", "%"), &json.replace("2026-01-01T", "x")]
        {
            assert!(KeyFile::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn hexadecimal_is_read_strictly() {
        assert_eq!(unhex("00fFa1"), Some(vec![0, 255, 0xa1]));
        for bad in ["0", "0g", "é0", " 00"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
