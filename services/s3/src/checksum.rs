//! Content digests: the checksums that S3 knows, how a request gives them, and how those of parts make one of the whole.
//! Source: S3 user guide, "Checking object integrity in Amazon S3". Never holds more of the content than a piece.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::Digest as _;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use crate::error::{Error, header_not_implemented};

/// How content is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names are AWS's own")]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
    Sha512,
    Md5,
    Xxhash64,
    Xxhash3,
    Xxhash128,
}

/// Whether a checksum is of the whole content or of its parts' checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Of the content from first byte to last.
    FullObject,
    /// Of the checksums of the parts, followed by `-` and their number.
    Composite,
}

/// A checksum as it is stored and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// How it was made.
    pub algorithm: Algorithm,
    /// Of what.
    pub kind: Kind,
    /// Base 64, and for composite ones `-` and the number of parts.
    pub text: String,
}

/// What a request's members give.
pub(crate) type Given<'a> = [(Algorithm, Option<&'a str>); 10];

impl Algorithm {
    const ALL: [Algorithm; 10] = [
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha512,
        Algorithm::Md5,
        Algorithm::Xxhash64,
        Algorithm::Xxhash3,
        Algorithm::Xxhash128,
    ];

    /// The name on the wire: `CRC64NVME`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
            Algorithm::Md5 => "MD5",
            Algorithm::Xxhash64 => "XXHASH64",
            Algorithm::Xxhash3 => "XXHASH3",
            Algorithm::Xxhash128 => "XXHASH128",
        }
    }

    /// The algorithm of this name, if there is one.
    pub fn parse(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// The header that carries its value.
    fn header(self) -> String {
        format!("x-amz-checksum-{}", self.as_str().to_ascii_lowercase())
    }

    fn of_header(name: &str) -> Option<Algorithm> {
        Algorithm::parse(name.trim().to_ascii_lowercase().strip_prefix("x-amz-checksum-")?)
    }

    fn len_bytes(self) -> usize {
        match self {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme | Algorithm::Xxhash64 | Algorithm::Xxhash3 => 8,
            Algorithm::Md5 | Algorithm::Xxhash128 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    /// Refuses those that are not there yet, and passes the others on.
    pub(crate) fn supported(self) -> Result<Algorithm, ApiError> {
        match self {
            Algorithm::Xxhash64 | Algorithm::Xxhash3 | Algorithm::Xxhash128 => {
                Err(header_not_implemented("x-amz-checksum-algorithm", self.as_str()))
            }
            known => Ok(known),
        }
    }

    /// What a multipart upload makes of it if it says nothing else.
    pub(crate) fn default_kind(self) -> Kind {
        if self == Algorithm::Crc64Nvme { Kind::FullObject } else { Kind::Composite }
    }

    /// Whether checksums of parts can become one of that kind.
    pub(crate) fn allows(self, kind: Kind) -> bool {
        match kind {
            Kind::Composite => self != Algorithm::Crc64Nvme,
            Kind::FullObject => matches!(self, Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Crc64Nvme),
        }
    }

    /// The checksum of some bytes at hand.
    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }
}

impl Kind {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::FullObject => "FULL_OBJECT",
            Kind::Composite => "COMPOSITE",
        }
    }
}

enum Hasher {
    Crc32(crc32fast::Hasher),
    Crc32c(u32),
    Crc64(crc64fast_nvme::Digest),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Md5(md5::Md5),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Hasher {
        match algorithm {
            Algorithm::Crc32 => Hasher::Crc32(crc32fast::Hasher::new()),
            Algorithm::Crc32c => Hasher::Crc32c(0),
            Algorithm::Sha1 => Hasher::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(sha2::Sha512::new()),
            Algorithm::Md5 => Hasher::Md5(md5::Md5::new()),
            // Those not supported are refused before any hasher is made.
            Algorithm::Crc64Nvme | Algorithm::Xxhash64 | Algorithm::Xxhash3 | Algorithm::Xxhash128 => {
                Hasher::Crc64(crc64fast_nvme::Digest::new())
            }
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Crc32(hasher) => hasher.update(bytes),
            Hasher::Crc32c(crc) => *crc = crc32c::crc32c_append(*crc, bytes),
            Hasher::Crc64(hasher) => hasher.write(bytes),
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
            Hasher::Md5(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
            Hasher::Crc32c(crc) => crc.to_be_bytes().to_vec(),
            Hasher::Crc64(hasher) => hasher.sum64().to_be_bytes().to_vec(),
            Hasher::Sha1(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.finalize().to_vec(),
            Hasher::Md5(hasher) => hasher.finalize().to_vec(),
        }
    }
}

/// What the content must sum up to, as far as the request says.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    md5: Option<Vec<u8>>,
    /// Summed in any case, to be stored.
    pub(crate) algorithm: Algorithm,
    value: Option<String>,
    /// The value comes behind the content.
    trailing: bool,
    /// Whether the request named the algorithm.
    pub(crate) named: bool,
}

impl Expected {
    /// Nothing is said: `algorithm` is summed for storing only.
    pub(crate) fn nothing(algorithm: Algorithm) -> Expected {
        Expected { md5: None, algorithm, value: None, trailing: false, named: false }
    }

    /// What a request says in its members and in `x-amz-trailer`. `default` is summed if it names no algorithm.
    pub(crate) fn parse(
        call: &Call,
        content_md5: Option<&str>,
        given: &Given<'_>,
        sdk_algorithm: Option<&str>,
        default: Algorithm,
    ) -> Result<Expected, ApiError> {
        let mut expected = Expected::nothing(default);
        if let Some(text) = content_md5 {
            let bytes = BASE64.decode(text).ok().filter(|bytes| bytes.len() == 16);
            expected.md5 = Some(bytes.ok_or(Error::InvalidDigest)?);
        }
        let trailers = call.header("x-amz-trailer").unwrap_or_default();
        let trailing = trailers.split(',').filter_map(Algorithm::of_header).map(|algorithm| (algorithm, None));
        let in_headers = given.iter().filter_map(|(algorithm, value)| value.map(|value| (*algorithm, Some(value))));
        let mut all = in_headers.chain(trailing);
        let first = all.next();
        if all.next().is_some() {
            let text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(Error::InvalidRequest(text.to_owned()).into());
        }
        match first {
            Some((algorithm, value)) => {
                expected.algorithm = algorithm.supported()?;
                expected.named = true;
                expected.trailing = value.is_none();
                expected.value = value.map(|value| checked_value(algorithm, value)).transpose()?;
            }
            None if sdk_algorithm.is_some() && content_md5.is_none() => {
                let text = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
                    x-amz-trailer headers were found.";
                return Err(Error::InvalidRequest(text.to_owned()).into());
            }
            None => {}
        }
        Ok(expected)
    }

    /// Whether the request says anything of the content.
    pub(crate) fn is_given(&self) -> bool {
        self.md5.is_some() || self.named
    }

    /// Refuses content that does not sum up to what the request says. `trailers` are complete.
    fn verify(&self, sums: &Sums, trailers: &[(String, String)]) -> Result<(), ApiError> {
        if let Some(md5) = &self.md5
            && md5[..] != sums.md5[..]
        {
            let error = Error::BadDigest("The Content-MD5 you specified did not match what we received.".to_owned());
            return Err(ApiError::from(error)
                .with("ExpectedDigest", BASE64.encode(md5))
                .with("CalculatedDigest", BASE64.encode(sums.md5)));
        }
        let trailing = if self.trailing {
            let header = self.algorithm.header();
            let found = trailers.iter().find(|(name, _)| name.eq_ignore_ascii_case(&header));
            let Some((_, value)) = found else {
                let text = "The request did not carry the trailing checksum that its x-amz-trailer header names.";
                return Err(Error::InvalidRequest(text.to_owned()).into());
            };
            Some(checked_value(self.algorithm, value)?)
        } else {
            None
        };
        match trailing.as_ref().or(self.value.as_ref()) {
            Some(value) if *value != sums.checksum_text() => Err(mismatch(self.algorithm)),
            _ => Ok(()),
        }
    }
}

/// The refusal of content whose checksum is another than the caller's.
pub(crate) fn mismatch(algorithm: Algorithm) -> ApiError {
    let name = algorithm.as_str();
    Error::BadDigest(format!("The {name} you specified did not match the calculated checksum.")).into()
}

fn checked_value(algorithm: Algorithm, value: &str) -> Result<String, ApiError> {
    let value = value.trim();
    if BASE64.decode(value).is_ok_and(|bytes| bytes.len() == algorithm.len_bytes()) {
        return Ok(value.to_owned());
    }
    Err(Error::InvalidRequest(format!("Value for {} header is invalid.", algorithm.header())).into())
}

/// What content sums up to.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    /// For the entity tag.
    pub(crate) md5: [u8; 16],
    pub(crate) algorithm: Algorithm,
    /// By `algorithm`, raw.
    pub(crate) checksum: Vec<u8>,
    /// For parts of uploads without an algorithm of their own, whose whole has this one.
    pub(crate) len_bytes: u64,
}

impl Sums {
    /// The checksum as it goes on the wire.
    pub(crate) fn checksum_text(&self) -> String {
        BASE64.encode(&self.checksum)
    }

    /// The checksum as it is stored with an object written in one piece.
    pub(crate) fn full(&self) -> Checksum {
        Checksum { algorithm: self.algorithm, kind: Kind::FullObject, text: self.checksum_text() }
    }

    /// The entity tag without its quotes.
    pub(crate) fn etag(&self) -> String {
        base::ids::hex(&self.md5)
    }
}

/// Sums content up as it goes by.
pub(crate) struct Summer {
    md5: md5::Md5,
    algorithm: Algorithm,
    hasher: Hasher,
    len_bytes: u64,
}

impl Summer {
    /// Nothing went by yet.
    pub(crate) fn new(expected: &Expected) -> Summer {
        let algorithm = expected.algorithm;
        Summer { md5: md5::Md5::new(), algorithm, hasher: Hasher::new(algorithm), len_bytes: 0 }
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.hasher.update(bytes);
        self.len_bytes += bytes.len() as u64;
    }

    /// How much went by.
    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// What all of it sums up to, if that is what was expected.
    pub(crate) fn finish(self, expected: &Expected, trailers: &[(String, String)]) -> Result<Sums, ApiError> {
        let sums = Sums {
            md5: self.md5.finalize().into(),
            algorithm: self.algorithm,
            checksum: self.hasher.finish(),
            len_bytes: self.len_bytes,
        };
        expected.verify(&sums, trailers)?;
        Ok(sums)
    }
}

/// The checksum of a whole from those of its parts in order, each with its length in bytes. `None` if a text is not a checksum
/// of that algorithm, or the algorithm does not go with the kind.
pub(crate) fn of_parts<'a>(
    algorithm: Algorithm,
    kind: Kind,
    parts: impl Iterator<Item = (&'a str, u64)>,
) -> Option<Checksum> {
    if !algorithm.allows(kind) {
        return None;
    }
    let mut count = 0;
    let mut joined = Vec::new();
    let mut crc = 0;
    for (text, len_bytes) in parts {
        let bytes = BASE64.decode(text).ok().filter(|bytes| bytes.len() == algorithm.len_bytes())?;
        count += 1;
        match kind {
            Kind::Composite => joined.extend_from_slice(&bytes),
            Kind::FullObject => {
                let next = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
                crc = combine(algorithm, crc, next, len_bytes);
            }
        }
    }
    let text = match kind {
        Kind::Composite => format!("{}-{count}", BASE64.encode(algorithm.of(&joined))),
        Kind::FullObject => BASE64.encode(&crc.to_be_bytes()[8 - algorithm.len_bytes()..]),
    };
    Some(Checksum { algorithm, kind, text })
}

/// The CRC of two contents one after the other, from the CRC of each and the length of the second: the first is multiplied by
/// x to the number of the second's bits, modulo the polynomial (bits reflected, as all three have them), and added.
fn combine(algorithm: Algorithm, first: u64, second: u64, second_len_bytes: u64) -> u64 {
    let (width, polynomial) = match algorithm {
        Algorithm::Crc32 => (32, 0xedb8_8320),
        Algorithm::Crc32c => (32, 0x82f6_3b78),
        _ => (64, 0x9a6c_9329_ac4b_c9b5),
    };
    let multiply = |a: u64, mut b: u64| {
        let mut product = 0;
        for bit in (0..width).rev() {
            if a >> bit & 1 == 1 {
                product ^= b;
            }
            b = if b & 1 == 1 { b >> 1 ^ polynomial } else { b >> 1 };
        }
        product
    };
    let mut power = 1 << (width - 1);
    let mut square = 1 << (width - 1 - 8);
    let mut exponent = second_len_bytes;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = multiply(power, square);
        }
        square = multiply(square, square);
        exponent >>= 1;
    }
    multiply(power, first) ^ second
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(algorithm: Algorithm, content: &str, expected: &str) {
        assert_eq!(BASE64.encode(algorithm.of(content.as_bytes())), expected);
    }

    // The check values of the CRC catalogue for "123456789": cbf43926, e3069283, ae8b14860a799888.
    #[test]
    fn known_sums() {
        check(Algorithm::Crc32, "123456789", "y/Q5Jg==");
        check(Algorithm::Crc32c, "123456789", "4waSgw==");
        check(Algorithm::Crc64Nvme, "123456789", "rosUhgp5mIg=");
        check(Algorithm::Sha1, "", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
        check(Algorithm::Sha256, "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn a_composite_is_the_sum_of_the_sums() {
        let parts = ["a", "b"].map(|part| BASE64.encode(Algorithm::Sha256.of(part.as_bytes())));
        let joined: Vec<u8> = ["a", "b"].iter().flat_map(|part| Algorithm::Sha256.of(part.as_bytes())).collect();
        let expected = format!("{}-2", BASE64.encode(Algorithm::Sha256.of(&joined)));
        let made = of_parts(Algorithm::Sha256, Kind::Composite, parts.iter().map(|part| (part.as_str(), 1)));
        assert_eq!(made.unwrap().text, expected);
        assert!(of_parts(Algorithm::Sha256, Kind::FullObject, parts.iter().map(|part| (part.as_str(), 1))).is_none());
    }

    #[test]
    fn names_read_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("{:?}", algorithm.as_str()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn sums_of_parts_make_the_sum_of_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6)) {
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let texts: Vec<String> = parts.iter().map(|part| BASE64.encode(algorithm.of(part))).collect();
                let pairs = texts.iter().zip(&parts).map(|(text, part)| (text.as_str(), part.len() as u64));
                let whole = of_parts(algorithm, Kind::FullObject, pairs).unwrap();
                prop_assert_eq!(whole.text, BASE64.encode(algorithm.of(&parts.concat())));
            }
        }
    }
}
