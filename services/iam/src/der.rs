//! PEM and just enough of DER to read a certificate's dates, names and key, and to turn an RSA key from one writing into another. Pure. Nothing
//! here says that a certificate is genuine.

use base::Timestamp;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const EXPLICIT_VERSION: u8 = 0xa0;
/// `rsaEncryption`, with its parameters: what comes before the key. Source: RFC 8017, appendix A.1.
const RSA_ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// One block of PEM.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// `CERTIFICATE`.
    pub label: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The blocks of a PEM text, one after the other with nothing but white space between them.
pub fn pem(text: &str) -> Option<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (label, after) = rest.strip_prefix("-----BEGIN ")?.split_once("-----")?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(end.as_str())?;
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        blocks.push(Block { label: label.to_owned(), bytes: unbase64(&body)? });
        rest = after.trim_start();
    }
    Some(blocks)
}

/// Bytes as a block of PEM.
pub fn to_pem(label: &str, bytes: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
}

/// Bytes of base 64.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// What is read of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Who vouches, as DER.
    pub issuer: &'a [u8],
    /// For whom, as DER.
    pub subject: &'a [u8],
    /// From when it counts.
    pub not_before: Timestamp,
    /// Until when it counts.
    pub not_after: Timestamp,
    /// The key as it stands in `SubjectPublicKeyInfo`'s bit string.
    pub public_key: &'a [u8],
}

/// Reads a certificate. Source: RFC 5280, section 4.1.
pub fn certificate(der: &[u8]) -> Option<Certificate<'_>> {
    let (whole, rest) = take(der, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    let (body, after) = take(whole, SEQUENCE)?;
    let (_algorithm, after) = take(after, SEQUENCE)?;
    take(after, BIT_STRING)?;
    let body = if body.first() == Some(&EXPLICIT_VERSION) { take(body, EXPLICIT_VERSION)?.1 } else { body };
    let (_serial, body) = take(body, INTEGER)?;
    let (_algorithm, body) = take(body, SEQUENCE)?;
    let (issuer, body) = take(body, SEQUENCE)?;
    let (validity, body) = take(body, SEQUENCE)?;
    let (subject, body) = take(body, SEQUENCE)?;
    let (key_info, _) = take(body, SEQUENCE)?;
    let (not_before, validity) = time(validity)?;
    let (not_after, _) = time(validity)?;
    let (_algorithm, key) = take(key_info, SEQUENCE)?;
    let (bits, _) = take(key, BIT_STRING)?;
    let public_key = bits.strip_prefix(&[0])?;
    Some(Certificate { issuer, subject, not_before, not_after, public_key })
}

/// Modulus and exponent of an RSA key, from `SubjectPublicKeyInfo`: unsigned, no zeros before.
pub fn rsa_of_info(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (info, rest) = take(der, SEQUENCE)?;
    let key = info.strip_prefix(RSA_ALGORITHM)?;
    let (bits, after) = take(key, BIT_STRING)?;
    if !rest.is_empty() || !after.is_empty() {
        return None;
    }
    let (pair, _) = take(bits.strip_prefix(&[0])?, SEQUENCE)?;
    let (modulus, pair) = take(pair, INTEGER)?;
    let (exponent, _) = take(pair, INTEGER)?;
    Some((unsigned(modulus).to_vec(), unsigned(exponent).to_vec()))
}

/// `SubjectPublicKeyInfo` of an RSA key.
pub fn rsa_info(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let pair = [integer(modulus), integer(exponent)].concat();
    let mut bits = vec![0];
    bits.extend(wrap(SEQUENCE, &pair));
    wrap(SEQUENCE, &[RSA_ALGORITHM.to_vec(), wrap(BIT_STRING, &bits)].concat())
}

/// An unsigned number without zeros before it.
pub fn unsigned(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let bytes = unsigned(bytes);
    let sign = bytes.first().is_none_or(|first| first & 0x80 != 0);
    let padded = if sign { [&[0], bytes].concat() } else { bytes.to_vec() };
    wrap(INTEGER, &padded)
}

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    if length < 0x80 {
        der.extend(u8::try_from(length));
    } else {
        let bytes = length.to_be_bytes();
        let bytes = unsigned(&bytes);
        der.extend(u8::try_from(bytes.len()).map(|count| 0x80 | count));
        der.extend(bytes);
    }
    der.extend(content);
    der
}

/// The content of the element in front, which must have this tag, and what follows it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(der)?;
    (found == tag).then_some((content, rest))
}

fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        short @ 0..0x80 => (short, rest),
        long => {
            let count = long - 0x80;
            if count == 0 || count > 4 {
                return None;
            }
            let (bytes, rest) = rest.split_at_checked(count)?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, text, rest) = element(der)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Years from 1950 to 2049. Source: RFC 5280, section 4.1.2.5.1.
        UTC_TIME if text.len() == 12 => format!("{}{text}", if text < "5" { "20" } else { "19" }),
        GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (date, clock) = text.split_at(8);
    let iso =
        format!("{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &clock[..2], &clock[2..4], &clock[4..]);
    Some((Timestamp::parse_iso8601(&iso)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CERTIFICATE, PUBLIC_KEY};

    #[test]
    fn a_certificates_dates_and_names_are_read() {
        let blocks = pem(CERTIFICATE).unwrap();
        assert_eq!(blocks[0].label, "CERTIFICATE");
        let read = certificate(&blocks[0].bytes).unwrap();
        assert_eq!(read.issuer, read.subject);
        assert!(read.not_before < read.not_after);
        // Nothing that is cut off is read, and nothing panics.
        for end in 0..blocks[0].bytes.len() {
            assert_eq!(certificate(&blocks[0].bytes[..end]), None);
        }
    }

    #[test]
    fn keys_come_out_as_they_went_in() {
        let block = &pem(PUBLIC_KEY).unwrap()[0];
        let (modulus, exponent) = rsa_of_info(&block.bytes).unwrap();
        assert_eq!((modulus.len(), exponent.as_slice()), (256, &[1, 0, 1][..]));
        assert_eq!(rsa_info(&modulus, &exponent), block.bytes);
        assert_eq!(to_pem("PUBLIC KEY", &block.bytes), PUBLIC_KEY.trim_end());
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        for text in ["x", "-----BEGIN A-----\n?\n-----END A-----", "-----BEGIN A-----\nAAAA\n-----END B-----"] {
            assert_eq!(pem(text), None, "{text}");
        }
    }
}
