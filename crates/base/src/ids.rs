//! Identifiers in the shapes that AWS gives them, made from a [`Rng`].

use crate::Rng;

const UPPER_BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const UPPER_ALNUM: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ALNUM: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LOWER_ALNUM: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8; 10] = b"0123456789";
const SECRET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A random (version 4) UUID: `8-4-4-4-12` lower-case hexadecimal digits. Request and event identifiers.
pub fn uuid(rng: &dyn Rng) -> String {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    uuid_from(bytes)
}

/// The version 4 UUID whose random bits come from `bytes`.
pub fn uuid_from(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

/// S3's request identifier: 16 upper-case letters and digits.
pub fn s3_request_id(rng: &dyn Rng) -> String {
    pick(rng, UPPER_ALNUM, 16)
}

/// An IAM identifier: a four-letter prefix (`AIDA` user, `AKIA` access key, `AROA` role …) and 16 letters or digits.
/// Source: IAM user guide, "IAM identifiers", unique identifiers.
pub fn iam_id(rng: &dyn Rng, prefix: &str) -> String {
    format!("{prefix}{}", pick(rng, UPPER_BASE32, 16))
}

/// A secret access key: 40 characters of base 64's alphabet.
pub fn secret_key(rng: &dyn Rng) -> String {
    pick(rng, SECRET, 40)
}

/// `len` letters and digits (S3 version identifiers, the unique part of log file names).
pub fn alphanumeric(rng: &dyn Rng, len: usize) -> String {
    pick(rng, ALNUM, len)
}

/// `len` lower-case letters and digits (organizations, their units and policies).
pub fn lower_alphanumeric(rng: &dyn Rng, len: usize) -> String {
    pick(rng, LOWER_ALNUM, len)
}

/// The number of an account: twelve digits, the first not 0, so that no program reads it as a shorter one.
pub fn account_id(rng: &dyn Rng) -> String {
    loop {
        let id = pick(rng, DIGITS, 12);
        if !id.starts_with('0') {
            return id;
        }
    }
}

/// `len` letters and digits that depend on `seed` alone: the same seed gives the same text.
pub fn alphanumeric_from(seed: &[u8], len: usize) -> String {
    (0..len).map(|i| char::from(ALNUM[usize::from(seed[i % seed.len()]) % ALNUM.len()])).collect()
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

/// The bytes of an even number of hexadecimal digits of either case.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn pick(rng: &dyn Rng, alphabet: &[u8], len: usize) -> String {
    // Bytes past the largest multiple of the alphabet's size are drawn again, so that no letter is likelier.
    let limit = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(len);
    let mut bytes = [0; 64];
    while text.len() < len {
        rng.fill(&mut bytes);
        let fit = bytes.iter().map(|b| usize::from(*b)).filter(|b| *b < limit);
        text.extend(fit.take(len - text.len()).map(|b| char::from(alphabet[b % alphabet.len()])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version() {
        assert_eq!(uuid_from([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn hex_reads_back() {
        assert_eq!(unhex(&hex(&[0, 1, 0xab, 255])), Some(vec![0, 1, 0xab, 255]));
        assert_eq!(unhex("0g"), None);
        assert_eq!(unhex("012"), None);
    }
}
