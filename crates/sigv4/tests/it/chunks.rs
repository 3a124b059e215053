//! Chunked bodies: the documentation's examples, and everything that can be wrong with one.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use sigv4::{ChunkDecoder, Error, Family, LINE_BYTES_MAX, PayloadKind, STREAMING_UNSIGNED_TRAILER, Trailer};

use super::Request;
use super::documented::S3_SECRET;

const SIGNED: [&str; 3] = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
];
const WITH_TRAILER: [&str; 3] = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
];
const TRAILER: &str = "x-amz-checksum-crc32c:sOO8/Q==\r\n\
    x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n";

/// The example of page `sigv4-streaming`, or of `sigv4-streaming-trailers`.
fn example(trailer: bool) -> Request {
    let mut request = Request::new(
        "PUT /examplebucket/chunkObject.txt
         host: s3.amazonaws.com
         x-amz-date: 20130524T000000Z
         x-amz-storage-class: REDUCED_REDUNDANCY
         content-encoding: aws-chunked
         x-amz-decoded-content-length: 66560
         content-length: 66824",
    );
    let scope = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    if trailer {
        request.set("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
        request.set("x-amz-trailer", "x-amz-checksum-crc32c");
        let rest = "SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
            x-amz-storage-class;x-amz-trailer,Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
        request.set("authorization", &format!("{scope},{rest}"));
    } else {
        request.set("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let rest = "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
            x-amz-decoded-content-length;x-amz-storage-class,\
            Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        request.set("authorization", &format!("{scope},{rest}"));
    }
    request
}

fn body(signatures: [&str; 3], end: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (size, signature) in [65536, 1024].into_iter().zip(signatures) {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.resize(body.len() + size, b'a');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("0;chunk-signature={}\r\n{end}", signatures[2]).as_bytes());
    body
}

fn decoder(request: &Request) -> ChunkDecoder {
    let verified = request.verify(S3_SECRET).unwrap();
    let payload = request.claim().unwrap().payload;
    ChunkDecoder::new(&request.headers, payload, Some(&verified)).unwrap().unwrap()
}

fn unsigned(length: u64, trailers: &str) -> ChunkDecoder {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-content-sha256", STREAMING_UNSIGNED_TRAILER.parse().unwrap());
    headers.insert("x-amz-decoded-content-length", length.to_string().parse().unwrap());
    headers.insert("x-amz-trailer", trailers.parse().unwrap());
    ChunkDecoder::for_anonymous(&headers).unwrap().unwrap()
}

/// Feeds `body` in pieces of `step` bytes.
fn decode(mut decoder: ChunkDecoder, body: &[u8], step: usize) -> Result<(Vec<u8>, Vec<Trailer>), Error> {
    let mut out = Vec::new();
    for piece in body.chunks(step) {
        decoder.feed(Bytes::copy_from_slice(piece), &mut out)?;
    }
    Ok((out.concat(), decoder.finish()?))
}

fn refused(decoder: ChunkDecoder, body: &[u8], code: &str) {
    let error = decode(decoder, body, 1000).unwrap_err();
    assert_eq!(error.denial(Family::S3).code, code, "{error}");
}

#[test]
fn the_documented_chunks_decode_however_they_arrive() {
    let crc = Trailer { name: "x-amz-checksum-crc32c".into(), value: "sOO8/Q==".into() };
    for step in [1, 7, 64, 4096, 100_000] {
        let (data, trailers) = decode(decoder(&example(false)), &body(SIGNED, "\r\n"), step).unwrap();
        assert_eq!((data.len(), trailers.len()), (66560, 0));
        for end in [TRAILER.to_owned(), format!("{TRAILER}\r\n"), format!("\r\n{TRAILER}"), TRAILER.replace('\r', "")] {
            let (data, trailers) = decode(decoder(&example(true)), &body(WITH_TRAILER, &end), step).unwrap();
            assert!(data.len() == 66560 && data.iter().all(|byte| *byte == b'a'));
            assert_eq!(trailers, std::slice::from_ref(&crc));
        }
    }
}

#[test]
fn any_change_to_signed_chunks_is_refused() {
    let good = body(WITH_TRAILER, TRAILER);
    let changed = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bad
    };
    let text = String::from_utf8(good.clone()).unwrap();
    let places = ["aaa", WITH_TRAILER[0], WITH_TRAILER[1], WITH_TRAILER[2], "d81f82", "sOO8"];
    for place in places {
        refused(decoder(&example(true)), &changed(text.find(place).unwrap()), "SignatureDoesNotMatch");
    }
    refused(
        decoder(&example(true)),
        &body([WITH_TRAILER[0], WITH_TRAILER[2], WITH_TRAILER[1]], TRAILER),
        "SignatureDoesNotMatch",
    );
    refused(decoder(&example(true)), &body(SIGNED, TRAILER), "SignatureDoesNotMatch");
    let unsigned_trailer = "x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n";
    refused(decoder(&example(true)), &body(WITH_TRAILER, unsigned_trailer), "MalformedTrailerError");
    refused(decoder(&example(true)), &body(WITH_TRAILER, "\r\n"), "MalformedTrailerError");
    refused(decoder(&example(false)), &body(SIGNED, TRAILER), "IncompleteBody");
    refused(decoder(&example(false)), &body(SIGNED, "\r\n0;more\r\n"), "IncompleteBody");
    for end in [0, 10, 87, 100, 65_536, 66_000, 66_800] {
        refused(decoder(&example(false)), &body(SIGNED, "\r\n")[..end], "IncompleteBody");
    }
    refused(decoder(&example(false)), b"0\r\n\r\n", "IncompleteBody");
    let early = format!("0;chunk-signature={}\r\n\r\n", SIGNED[2]);
    refused(decoder(&example(false)), early.as_bytes(), "IncompleteBody");
}

#[test]
fn broken_framing_is_refused() {
    let cases: [(u64, &str, &str, &str); 14] = [
        (3, "", "3\r\nabc\r\n0\r\n\r\n", "ok"),
        (3, "", "3\r\nabc\r\n0\r\n", "ok"),
        (3, "", "3\r\nabc\r\n1\r\nx\r\n0\r\n\r\n", "InvalidChunkSizeError"),
        (4, "", "3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (2, "", "3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (3, "", "3\r\nabcd\r\n0\r\n\r\n", "IncompleteBody"),
        (3, "", "3\nabc\n0\n\n", "IncompleteBody"),
        (3, "", "-3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (3, "", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (0, "a", "0\r\nb:1\r\n\r\n", "MalformedTrailerError"),
        (0, "a", "0\r\na:1\r\na:1\r\n\r\n", "MalformedTrailerError"),
        (0, "a", "0\r\n\r\n", "MalformedTrailerError"),
        (0, "a", "0\r\nnothing\r\n\r\n", "MalformedTrailerError"),
        (0, "a, B", "0\r\nA : 1\r\nb:2\r\n\r\n", "ok"),
    ];
    for (length, trailers, body, code) in cases {
        match decode(unsigned(length, trailers), body.as_bytes(), 2) {
            Ok(_) => assert_eq!(code, "ok", "{body:?}"),
            Err(error) => assert_eq!(error.denial(Family::S3).code, code, "{body:?}: {error}"),
        }
    }
    refused(unsigned(1, ""), "1".repeat(LINE_BYTES_MAX + 1).as_bytes(), "IncompleteBody");
    let blank = Bytes::from(format!("0\r\n{}", "\r\n".repeat(100)));
    assert!(unsigned(0, "a").feed(blank, &mut Vec::new()).is_err(), "blank lines without end");
    refused(unsigned(0, ""), format!("0\r\n{}", "\r\n".repeat(100)).as_bytes(), "IncompleteBody");
}

#[test]
fn an_error_is_final_and_the_headers_must_make_sense() {
    let mut decoder = unsigned(3, "");
    let mut out = Vec::new();
    assert!(decoder.feed(Bytes::from_static(b"zz\r\n"), &mut out).is_err());
    assert!(decoder.feed(Bytes::from_static(b"3\r\nabc\r\n0\r\n\r\n"), &mut out).is_err());
    assert!(out.is_empty() && decoder.finish().is_err());

    let kind = PayloadKind::StreamingUnsignedTrailer;
    for length in ["", "-1", "+1", "1.5", "99999999999999999999"] {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-decoded-content-length", length.parse().unwrap());
        assert_eq!(ChunkDecoder::new(&headers, kind, None).unwrap_err(), Error::MissingDecodedLength, "{length}");
    }
    let signed = PayloadKind::StreamingSigned { trailer: false };
    assert_eq!(ChunkDecoder::new(&HeaderMap::new(), signed, None).unwrap_err(), Error::MissingAuthentication);
    assert!(ChunkDecoder::new(&HeaderMap::new(), PayloadKind::FromBody, None).unwrap().is_none());
    assert!(ChunkDecoder::for_anonymous(&HeaderMap::new()).unwrap().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_makes_the_decoder_panic_and_splitting_changes_nothing(
        lines in proptest::collection::vec("([0-9a-f]{1,3}|a:1|)\r?\n?[ab]{0,20}(\r\n)?", 0..8), step in 1usize..9,
    ) {
        let body = lines.concat().into_bytes();
        let whole = decode(unsigned(10, "a"), &body, usize::MAX);
        prop_assert_eq!(whole, decode(unsigned(10, "a"), &body, step));
    }
}
