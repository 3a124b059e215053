//! Any bytes as a chunked body, unsigned or with signatures of its own: how the network cuts it makes no difference.
//!
//! ```text
//! mode   u8   0 unsigned, 1 signed, 2 signed with a trailer
//! step   u8   the second decoder gets pieces of so many bytes
//! line        x-amz-decoded-content-length
//! line        x-amz-trailer
//! body        in which `chunk-signature=@` and `x-amz-trailer-signature:@` stand for the right signature
//! ```

use base::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use sigv4::{
    ChunkDecoder, Credentials, Error, PayloadKind, Rules, STREAMING_SIGNED, STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER, SignedRequest, Signer, SigningKey, Trailer, Verified, parse, sha256_hex, signing_key,
    verify,
};

use crate::signing::{NOW_MS, explain};

const SECRET: &str = "secret";
const CHUNK: &[u8] = b"chunk-signature=@";
const TRAILER: &[u8] = b"x-amz-trailer-signature:@";

/// See the module.
pub fn chunked_body(data: &[u8]) {
    let Some(([mode, step], rest)) = data.split_first_chunk::<2>() else { return };
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let (Some(length), Some(promised), Some(body)) = (lines.next(), lines.next(), lines.next()) else { return };
    let (Ok(length), Ok(promised)) = (HeaderValue::from_bytes(length), HeaderValue::from_bytes(promised)) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-decoded-content-length", length);
    if !promised.is_empty() {
        headers.insert("x-amz-trailer", promised);
    }
    let kind = match mode % 3 {
        0 => STREAMING_UNSIGNED_TRAILER,
        1 => STREAMING_SIGNED,
        _ => STREAMING_SIGNED_TRAILER,
    };
    headers.insert("x-amz-content-sha256", HeaderValue::from_static(kind));
    let (payload, verified) = signed(&headers, kind);
    let body = if mode % 3 == 0 { body.to_vec() } else { with_signatures(body, &verified) };
    let decoder = || ChunkDecoder::new(&headers, payload, Some(&verified)).map(|made| made.expect("it is chunked"));
    let (whole, pieces) = match (decoder(), decoder()) {
        (Ok(whole), Ok(pieces)) => (whole, pieces),
        (Err(error), _) | (_, Err(error)) => return explain(&error),
    };
    let length = whole.decoded_length();
    let first = decode(whole, &body, usize::MAX);
    assert_eq!(first, decode(pieces, &body, usize::from(*step).max(1)));
    if let Some((data, _)) = first {
        assert_eq!(u64::try_from(data.len()).ok(), Some(length));
    }
}

/// The claim of a request with such a body, verified: the first link of the chain of signatures.
fn signed(headers: &HeaderMap, kind: &str) -> (PayloadKind, Verified) {
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: None,
    };
    let time = Timestamp::from_ms(NOW_MS);
    let signer = Signer { credentials: &credentials, region: "us-east-1", service: "s3", time };
    let mut all = headers.clone();
    all.insert("host", HeaderValue::from_static("localhost"));
    let added = {
        let request = SignedRequest { method: "PUT", path: "/bucket/key", query: "", headers: &all };
        signer.headers(&request, kind).expect("there is no session token")
    };
    added.into_iter().for_each(|(name, value)| drop(all.insert(name, value)));
    let request = SignedRequest { method: "PUT", path: "/bucket/key", query: "", headers: &all };
    let claim = parse(&request).expect("we signed it").expect("we signed it");
    let key = signing_key(SECRET, &claim.date, &claim.region, &claim.service);
    let rules = Rules { service: "s3", region: None, unsigned_payload: true };
    let verified = verify(&request, &claim, &key, None, time, &rules).expect("we signed it");
    (claim.payload, verified)
}

/// The body with each `@` replaced by the signature that belongs there. Source: S3 API reference, `sigv4-streaming` and
/// `sigv4-streaming-trailers`.
fn with_signatures(mut body: &[u8], verified: &Verified) -> Vec<u8> {
    let date = Timestamp::from_ms(NOW_MS).amz_date();
    let key = SigningKey::derive(SECRET, &date[..8], "us-east-1", "s3");
    let mut previous = verified.seed_signature().to_owned();
    let mut sign = |algorithm: &str, hashes: &str| {
        let text = format!("{algorithm}\n{date}\n{}\n{previous}\n{hashes}", verified.scope());
        previous = key.signature(text.as_bytes());
        previous.clone()
    };
    let mut out = Vec::new();
    let mut trailer = Vec::new();
    while !body.is_empty() {
        let end = body.iter().position(|byte| *byte == b'\n').map_or(body.len(), |at| at + 1);
        let (line, rest) = body.split_at(end);
        body = rest;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = std::str::from_utf8(&line[..digits]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        if let (Some(at), Some(size)) = (find(line, CHUNK), size) {
            let data = &body[..size.min(body.len())];
            let hashes = format!("{}\n{}", sha256_hex(b""), sha256_hex(data));
            out.extend_from_slice(&line[..at + CHUNK.len() - 1]);
            out.extend_from_slice(sign("AWS4-HMAC-SHA256-PAYLOAD", &hashes).as_bytes());
            out.extend_from_slice(&line[at + CHUNK.len()..]);
            out.extend_from_slice(data);
            body = &body[data.len()..];
        } else if let Some(at) = find(line, TRAILER) {
            out.extend_from_slice(&line[..at + TRAILER.len() - 1]);
            out.extend_from_slice(sign("AWS4-HMAC-SHA256-TRAILER", &sha256_hex(&trailer)).as_bytes());
            out.extend_from_slice(&line[at + TRAILER.len()..]);
        } else {
            out.extend_from_slice(line);
            trailer.extend(line.iter().filter(|byte| **byte != b'\r'));
            if line == b"\r\n" {
                trailer.clear();
            }
        }
    }
    out
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn decode(mut decoder: ChunkDecoder, body: &[u8], step: usize) -> Option<(Vec<u8>, Vec<Trailer>)> {
    let refused = |error: Error| explain(&error);
    let mut out = Vec::new();
    for piece in body.chunks(step) {
        decoder.feed(Bytes::copy_from_slice(piece), &mut out).map_err(refused).ok()?;
    }
    Some((out.concat(), decoder.finish().map_err(refused).ok()?))
}
