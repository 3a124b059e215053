//! Time-based one-time passwords: six digits, HMAC-SHA-1, thirty seconds. Source: RFC 6238, RFC 4226 section 5.3; the seed's text
//! is base 32 of RFC 4648.

use base::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// How long a code is shown.
const STEP_MS: i64 = 30_000;
/// Six digits.
const CODES: u32 = 1_000_000;
/// The bytes of a seed. Source: AWS makes seeds of 64 characters.
pub const SEED_BYTES: usize = 40;

/// The number of the step that a moment is in.
pub fn step(at: Timestamp) -> i64 {
    at.ms().div_euclid(STEP_MS)
}

/// The code of a step.
pub fn code(seed: &[u8], step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(seed).expect("a key of any length will do");
    mac.update(&step.to_be_bytes());
    let sum = mac.finalize().into_bytes();
    let offset = usize::from(sum[19] & 0xf);
    let bits = u32::from_be_bytes([sum[offset] & 0x7f, sum[offset + 1], sum[offset + 2], sum[offset + 3]]);
    format!("{:06}", bits % CODES)
}

/// Whether a code is that of a step. Takes as long for a wrong one.
pub fn is_code(seed: &[u8], step: i64, given: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    code(seed, step).as_bytes().ct_eq(given.as_bytes()).into()
}

/// Bytes in base 32. Without padding: seeds come out even.
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let mut whole = [0; 8];
        whole[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(whole);
        for place in 0..(group.len() * 8).div_ceil(5) {
            let letter = usize::try_from(bits >> (35 - 5 * place) & 31).expect("five bits fit");
            text.push(char::from(LETTERS[letter]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the last six of eight digits.
    #[test]
    fn the_codes_of_the_rfc() {
        let seed = b"12345678901234567890";
        for (secs, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step(Timestamp::from_secs(secs));
            assert_eq!(code(seed, step), expected);
            assert!(is_code(seed, step, expected) && !is_code(seed, step, "x") && !is_code(seed, step + 1, expected));
        }
    }

    /// RFC 4648, section 10, without the padding.
    #[test]
    fn the_letters_of_the_rfc() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), expected);
        }
        assert_eq!(base32(&[0; SEED_BYTES]).len(), 64);
    }
}
