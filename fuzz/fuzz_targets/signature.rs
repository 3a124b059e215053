//! Whatever a stranger sends, reading a claim, verifying it and decoding chunks end in an answer, never a panic; and
//! how the network cuts a chunked body makes no difference.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sigv4::{ChunkDecoder, Family, Rules, SignedRequest, Trailer, parse, signing_key, verify};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let target = lines.next().unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')).take(100) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let request = SignedRequest { method: "GET", path, query, headers: &headers };
    match parse(&request) {
        Ok(None) => {}
        Ok(Some(claim)) => {
            let key = signing_key("secret", &claim.date, &claim.region, &claim.service);
            let rules = Rules { service: &claim.service, region: None, unsigned_payload: true };
            match verify(&request, &claim, &key, None, claim.timestamp, &rules) {
                Ok(verified) => drop(ChunkDecoder::new(&headers, claim.payload, Some(&verified))),
                Err(error) => explain(&error),
            }
        }
        Err(error) => explain(&error),
    }

    headers.insert("x-amz-content-sha256", HeaderValue::from_static("STREAMING-UNSIGNED-PAYLOAD-TRAILER"));
    if let Ok(Some(whole)) = ChunkDecoder::for_anonymous(&headers) {
        let pieces = ChunkDecoder::for_anonymous(&headers).expect("as before").expect("as before");
        assert_eq!(decode(whole, body, usize::MAX), decode(pieces, body, 3));
    }
});

fn decode(mut decoder: ChunkDecoder, body: &str, step: usize) -> Option<(Vec<u8>, Vec<Trailer>)> {
    let mut out = Vec::new();
    for piece in body.as_bytes().chunks(step) {
        decoder.feed(Bytes::copy_from_slice(piece), &mut out).ok()?;
    }
    Some((out.concat(), decoder.finish().ok()?))
}

fn explain(error: &sigv4::Error) {
    for family in [Family::S3, Family::Json, Family::Query, Family::Rest] {
        assert!(!error.denial(family).message.is_empty());
        let _ = error.fields(family);
    }
}
