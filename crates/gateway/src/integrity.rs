//! Checks of a buffered S3 body against what the client says of it: `Content-MD5` and `x-amz-checksum-*`. Streamed bodies are
//! checked by whoever streams them. Source: S3 user guide, "Checking object integrity in Amazon S3".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use md5::Digest as _;
use service::ApiError;

/// Makes a checksum of a body.
type Checksum = fn(&[u8]) -> Vec<u8>;

/// The headers that carry a checksum, and how it is made.
const CHECKSUMS: [(&str, Checksum); 5] = [
    ("x-amz-checksum-crc32", |body| crc32fast::hash(body).to_be_bytes().to_vec()),
    ("x-amz-checksum-crc32c", |body| crc32c::crc32c(body).to_be_bytes().to_vec()),
    ("x-amz-checksum-crc64nvme", crc64nvme),
    ("x-amz-checksum-sha1", |body| sha1::Sha1::digest(body).to_vec()),
    ("x-amz-checksum-sha256", |body| sha2::Sha256::digest(body).to_vec()),
];

fn crc64nvme(body: &[u8]) -> Vec<u8> {
    let mut digest = crc64fast_nvme::Digest::new();
    digest.write(body);
    digest.sum64().to_be_bytes().to_vec()
}

/// Refuses a body that is not what its headers say.
pub fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    if let Some(given) = headers.get("content-md5") {
        let given = STANDARD.decode(given.as_bytes()).ok().filter(|bytes| bytes.len() == 16);
        let given =
            given.ok_or_else(|| ApiError::new("InvalidDigest", 400, "The Content-MD5 you specified was invalid."))?;
        if given != md5::Md5::digest(body).to_vec() {
            let text = "The Content-MD5 you specified did not match what we received.";
            return Err(ApiError::new("BadDigest", 400, text));
        }
    }
    for (name, compute) in CHECKSUMS {
        let Some(given) = headers.get(name) else { continue };
        let computed = compute(body);
        let given = STANDARD.decode(given.as_bytes()).ok().filter(|bytes| bytes.len() == computed.len());
        let given = given
            .ok_or_else(|| ApiError::new("InvalidRequest", 400, format!("Value for {name} header is invalid.")))?;
        if given != computed {
            let algorithm = name.trim_start_matches("x-amz-checksum-").to_ascii_uppercase();
            let text = format!("The {algorithm} you specified did not match the calculated checksum.");
            return Err(ApiError::new("BadDigest", 400, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(name: &'static str, value: &str) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        check(&headers, b"123456789").map_err(|error| error.code.into_owned())
    }

    #[test]
    fn each_algorithm_is_held_against_its_check_value() {
        // The published check values of the CRCs, and the digests of "123456789".
        for (name, good) in [
            ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
            ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ("x-amz-checksum-crc32c", "4waSgw=="),
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
            ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
            ("x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ] {
            assert_eq!(check_one(name, good), Ok(()), "{name}");
            let bad = format!("{}{}", if good.starts_with('A') { 'B' } else { 'A' }, &good[1..]);
            assert_eq!(check_one(name, &bad), Err("BadDigest".to_owned()), "{name}");
        }
        assert_eq!(check_one("content-md5", "x"), Err("InvalidDigest".to_owned()));
        assert_eq!(check_one("x-amz-checksum-crc32", "AAAA"), Err("InvalidRequest".to_owned()));
    }
}
