//! A certificate that signs itself (RFC 5280), by hand: one fixed form does not need a library.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// For how long it is good: nobody renews it, and whoever pinned it would have to be told.
const YEARS: i64 = 20;
/// Clocks differ.
const BEFORE_MS: i64 = base::time::DAY_MS;

/// The common name. Verifiers of AWS's look for it in the certificate. Source: AWS SDK for Java, `SignatureChecker`.
const COMMON_NAME: &str = "sns.amazonaws.com";
const ORGANIZATION: &str = "Cairn";

/// `sha256WithRSAEncryption` with its parameters (RFC 4055).
const SHA256_WITH_RSA: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
const COMMON_NAME_ID: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
const ORGANIZATION_ID: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x0a];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const GENERALIZED_TIME: u8 = 0x18;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, constructed: where the version is.
const VERSION: u8 = 0xa0;

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u8::try_from(len) {
        Ok(short @ 0..=127) => out.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
            let bytes = &bytes[first..];
            out.push(0x80 | u8::try_from(bytes.len()).expect("a length has at most eight bytes"));
            out.extend_from_slice(bytes);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

fn name() -> Vec<u8> {
    let one =
        |id: &[u8], text: &str| element(SET, &[&element(SEQUENCE, &[id, &element(UTF8_STRING, &[text.as_bytes()])])]);
    element(SEQUENCE, &[&one(&ORGANIZATION_ID, ORGANIZATION), &one(&COMMON_NAME_ID, COMMON_NAME)])
}

/// Years from 2050 on are written in full (RFC 5280, 4.1.2.5).
fn time(at: Timestamp) -> Vec<u8> {
    let civil = at.civil();
    let rest = format!("{:02}{:02}{:02}{:02}{:02}Z", civil.month, civil.day, civil.hour, civil.minute, civil.second);
    match civil.year {
        1950..2050 => element(UTC_TIME, &[format!("{:02}{rest}", civil.year % 100).as_bytes()]),
        year => element(GENERALIZED_TIME, &[format!("{year:04}{rest}").as_bytes()]),
    }
}

/// What is to be signed, for this public key (the DER of a SubjectPublicKeyInfo).
pub fn unsigned(public_key: &[u8], now: Timestamp, mut serial: [u8; 16]) -> Vec<u8> {
    // Positive, and without zeros in front.
    serial[0] = serial[0] & 0x3f | 0x40;
    let name = name();
    let from = time(now.plus_ms(-BEFORE_MS));
    let until = time(now.plus_ms(YEARS * 365 * base::time::DAY_MS));
    element(
        SEQUENCE,
        &[
            &element(VERSION, &[&element(INTEGER, &[&[2]])]),
            &element(INTEGER, &[&serial]),
            &SHA256_WITH_RSA,
            &name,
            &element(SEQUENCE, &[&from, &until]),
            &name,
            public_key,
        ],
    )
}

/// The certificate.
pub fn signed(unsigned: &[u8], signature: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[unsigned, &SHA256_WITH_RSA, &element(BIT_STRING, &[&[0], signature])])
}

/// RFC 7468.
pub fn pem(der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}
