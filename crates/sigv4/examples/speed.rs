//! How long it takes to read and verify a small request whose signing key is cached.
//! `cargo run --release -p sigv4 --example speed`

#![expect(clippy::disallowed_methods, reason = "a stopwatch is this program's purpose")]

use std::hint::black_box;
use std::time::Instant;

use base::Timestamp;
use http::{HeaderMap, HeaderValue};
use sigv4::{Credentials, Rules, SignedRequest, Signer, parse, sha256, sha256_hex, signing_key, verify};

const ROUNDS: u32 = 200_000;

fn main() {
    let time = Timestamp::parse_amz_date("20260102T030405Z").expect("it is a date");
    let credentials =
        Credentials { access_key_id: "AKIDEXAMPLE".into(), secret_access_key: "secret".into(), session_token: None };
    let body = br#"{"trailName":"management","includeShadowTrails":false}"#;
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost:4566"));
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DescribeTrails";
    headers.insert("x-amz-target", HeaderValue::from_static(target));
    headers.insert("user-agent", HeaderValue::from_static("aws-cli/2 botocore/1.43"));
    let request = SignedRequest { method: "POST", path: "/", query: "", headers: &headers };
    let signer = Signer { credentials: &credentials, region: "eu-central-1", service: "cloudtrail", time };
    let added = signer.headers(&request, &sha256_hex(body)).expect("no odd session token");
    let mut headers = headers.clone();
    headers.extend(added);

    let request = SignedRequest { headers: &headers, ..request };
    let key = signing_key("secret", "20260102", "eu-central-1", "cloudtrail");
    let rules = Rules { service: "cloudtrail", region: Some("eu-central-1"), unsigned_payload: false };
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let request = black_box(request);
        let claim = parse(&request).expect("well-formed").expect("signed");
        let hash = sha256(black_box(body));
        black_box(verify(&request, &claim, &key, Some(&hash), time, &rules).expect("it verifies"));
    }
    let each = start.elapsed() / ROUNDS;
    println!("parse, hash the body and verify: {each:?} a request");
}
