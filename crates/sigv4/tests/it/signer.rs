//! Our signer against our verifier.

use super::{Request, at};
use sigv4::{Credentials, Error, PayloadKind, Rules, Signer, UNSIGNED_PAYLOAD, sha256_hex};

fn credentials(token: Option<&str>) -> Credentials {
    let session_token = token.map(str::to_owned);
    Credentials { access_key_id: "AKIDEXAMPLE".into(), secret_access_key: "secret".into(), session_token }
}

fn signer<'a>(credentials: &'a Credentials, service: &'a str) -> Signer<'a> {
    Signer { credentials, region: "eu-west-1", service, time: at("20260101T000000Z") }
}

#[test]
fn what_it_signs_in_headers_verifies() {
    for (service, token) in [("s3", None), ("s3", Some("a/token=")), ("cloudtrail", None), ("iam", Some("token"))] {
        let mut request = Request::new("POST /a//b%20c?x=1&a=%2F\n host: localhost:4566\n content-type: text/plain");
        request.set("x-amz-target", "CloudTrail.DescribeTrails");
        request.body = b"body".to_vec();
        let credentials = credentials(token);
        let added = signer(&credentials, service).headers(&request.signed(), &sha256_hex(&request.body)).unwrap();
        for (name, value) in added {
            request.headers.insert(name, value);
        }
        let claim = request.claim().unwrap();
        assert_eq!(claim.session_token.as_deref(), token);
        assert_eq!((claim.access_key_id.as_str(), claim.service.as_str()), ("AKIDEXAMPLE", service));
        request.verify("secret").unwrap();
        assert!(matches!(request.verify("other"), Err(Error::SignatureMismatch(_))));
    }
}

#[test]
fn what_it_presigns_verifies() {
    for (service, token) in [("s3", None), ("s3", Some("a/token=+")), ("sts", None), ("sts", Some("token"))] {
        let mut request = Request::new("GET /b/key?Action=GetCallerIdentity\n host: localhost:4566");
        let credentials = credentials(token);
        request.query = signer(&credentials, service).presign(&request.signed(), 60);
        let claim = request.claim().unwrap();
        assert_eq!((claim.expires_secs, claim.session_token.as_deref()), (Some(60), token));
        request.verify("secret").unwrap();
        assert!(matches!(request.verify("other"), Err(Error::SignatureMismatch(_))));
    }
}

#[test]
fn an_unsigned_body_is_for_operations_that_allow_it() {
    let credentials = credentials(None);
    let mut request = Request::new("POST /\n host: localhost");
    let added = signer(&credentials, "lambda").headers(&request.signed(), UNSIGNED_PAYLOAD).unwrap();
    for (name, value) in added {
        request.headers.insert(name, value);
    }
    let claim = request.claim().unwrap();
    assert_eq!(claim.payload, PayloadKind::Unsigned);
    assert!(matches!(request.verify("secret"), Err(Error::SignatureMismatch(_))));
    let rules = Rules { service: "lambda", region: None, unsigned_payload: true };
    request.verify_at("secret", claim.timestamp, Some(&rules)).unwrap();
}

#[test]
fn secrets_are_not_printed() {
    let credentials = credentials(Some("token"));
    let key = sigv4::signing_key("secret", "20260101", "eu-west-1", "s3");
    assert_eq!(format!("{credentials:?}{key:?}"), "Credentials { access_key_id: \"AKIDEXAMPLE\", .. }SigningKey(..)");
}
