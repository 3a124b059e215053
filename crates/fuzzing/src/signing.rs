//! Whatever a stranger sends, reading a claim and verifying it end in an answer; what was signed verifies, in the header and in the
//! query, and does not once a byte of it was changed.

use base::Timestamp;
use http::{HeaderMap, HeaderValue};
use sigv4::{
    ChunkDecoder, Claim, Credentials, Error, Family, Rules, SignedRequest, Signer, UNSIGNED_PAYLOAD, parse,
    signing_key, verify,
};

use crate::decoding;

const SECRET: &str = "secret";
/// 2023-11-14T22:13:20Z.
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

/// `/path?query`, `name: value` lines, an empty line and a body, as it came and as we sign it.
pub fn signature(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let target = lines.next().unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = decoding::headers(lines.filter_map(|line| line.split_once(':')));
    let request = SignedRequest { method: "GET", path, query, headers: &headers };
    match parse(&request) {
        Ok(None) => {}
        Ok(Some(claim)) => drop(verified(&request, &claim, claim.timestamp)),
        Err(error) => explain(&error),
    }
    // Signed by us, which replaces what there is of a signature.
    if !path.starts_with('/') || query.contains('#') || path.contains(['?', '#']) {
        return;
    }
    for name in ["authorization", "x-amz-date", "date", "x-amz-content-sha256", "x-amz-security-token"] {
        headers.remove(name);
    }
    headers.entry("host").or_insert(HeaderValue::from_static("localhost"));
    for service in ["s3", "iam"] {
        signed_by_us(path, query, &headers, body, service);
    }
}

fn signed_by_us(path: &str, query: &str, headers: &HeaderMap, body: &str, service: &str) {
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: None,
    };
    let time = Timestamp::from_ms(NOW_MS);
    let signer = Signer { credentials: &credentials, region: "us-east-1", service, time };
    let plain = SignedRequest { method: "GET", path, query, headers };
    let Ok(added) = signer.headers(&plain, &sigv4::sha256_hex(body.as_bytes())) else { return };
    let mut all = headers.clone();
    added.into_iter().for_each(|(name, value)| drop(all.insert(name, value)));
    let request = SignedRequest { headers: &all, ..plain };
    let claim = match parse(&request) {
        Ok(Some(claim)) => claim,
        // A query that claims to be presigned, or a path or query that cannot be canonical.
        other => return assert!(other.is_err() || query.contains("X-Amz-"), "{other:?} of {path}?{query}"),
    };
    let hash = sigv4::sha256(body.as_bytes());
    match verify(&request, &claim, &key(&claim), Some(&hash), time, &rules(&claim)) {
        Ok(_) => {
            let longer = format!("{path}x");
            let changed = SignedRequest { path: &longer, ..request };
            let again = verify(&changed, &claim, &key(&claim), Some(&hash), time, &rules(&claim));
            assert!(again.is_err(), "a longer path verified: {longer}");
        }
        Err(error) => explain(&error),
    }
    if query.contains("X-Amz-") {
        return;
    }
    let presigned = signer.presign(&plain, 300);
    let request = SignedRequest { query: &presigned, ..plain };
    let Ok(Some(claim)) = parse(&request) else { return };
    if let Err(error) = verified(&request, &claim, time) {
        explain(&error);
    }
}

fn key(claim: &Claim) -> sigv4::SigningKey {
    signing_key(SECRET, &claim.date, &claim.region, &claim.service)
}

fn rules(claim: &Claim) -> Rules<'_> {
    Rules { service: &claim.service, region: None, unsigned_payload: true }
}

fn verified(request: &SignedRequest<'_>, claim: &Claim, now: Timestamp) -> Result<(), Error> {
    assert!(UNSIGNED_PAYLOAD.is_ascii());
    match verify(request, claim, &key(claim), None, now, &rules(claim)) {
        Ok(verified) => drop(ChunkDecoder::new(request.headers, claim.payload, Some(&verified))),
        Err(error) => {
            explain(&error);
            return Err(error);
        }
    }
    Ok(())
}

/// Every error has words for every family.
pub(crate) fn explain(error: &Error) {
    for family in [Family::S3, Family::Json, Family::Query, Family::Rest] {
        assert!(!error.denial(family).message.is_empty());
        let _ = error.fields(family);
    }
}
