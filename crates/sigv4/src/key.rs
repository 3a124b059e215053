//! Keys and digests. Nothing here prints a key.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// A key for one (secret, day, region, service), good for that day's requests; worth caching by those four.
///
/// Cloning is cheap, and the padding of HMAC is already done.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// Derives the key; `date` is `yyyymmdd`.
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> SigningKey {
        let mut start = Vec::with_capacity(4 + secret.len());
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret.as_bytes());
        let mut key = keyed(&start);
        for part in [date, region, service, crate::TERMINATOR] {
            key.update(part.as_bytes());
            key = keyed(&<[u8; 32]>::from(key.finalize().into_bytes()));
        }
        SigningKey(key)
    }

    /// The signature of a string to sign, as 64 lower-case hexadecimal digits: for what is signed on its own, such as the
    /// policy of an S3 form upload.
    pub fn signature(&self, string_to_sign: &[u8]) -> String {
        text(&self.sign(&[string_to_sign])).to_owned()
    }

    /// The signature of a string to sign in parts, as 64 lower-case hexadecimal digits.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 64] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        hex(&mac.finalize().into_bytes().into())
    }
}

/// [`SigningKey::derive`] as a function.
pub fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> SigningKey {
    SigningKey::derive(secret, date, region, service)
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of some bytes as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    text(&hex(&sha256(bytes))).to_owned()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// 64 lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

/// Those digits as text.
pub(crate) fn text(hex: &[u8; 64]) -> &str {
    std::str::from_utf8(hex).expect("hexadecimal digits are ASCII")
}

/// The bytes that 64 hexadecimal digits of either case stand for.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

/// The value of one hexadecimal digit of either case.
pub(crate) fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
