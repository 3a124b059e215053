//! AWS's own signer (`aws-sigv4`) as the oracle: what it signs verifies here, and no byte of it can be changed.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use proptest::prelude::*;

use super::Request;
use sigv4::Error;

#[derive(Clone, Debug)]
struct Case {
    service: &'static str,
    presigned: bool,
    request: Request,
    secs: u64,
    token: Option<String>,
}

fn segment() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[A-Za-z0-9_~-]{1,4}",
        2 => Just("%20".to_owned()),
        1 => Just("%C3%A9".to_owned()),
        1 => Just("%2B".to_owned()),
        1 => Just("%25".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
    ];
    proptest::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn case() -> impl Strategy<Value = Case> {
    let path = proptest::collection::vec(segment(), 0..4).prop_map(|segments| format!("/{}", segments.join("/")));
    // Names have no escapes: aws-sigv4 sorts parameters before it escapes them, AWS says after.
    let parameter = ("[A-Za-z0-9]{1,3}", prop_oneof![segment(), Just("a+b".to_owned()), Just(String::new())]);
    let query = proptest::collection::btree_map(parameter.0, parameter.1, 0..4).prop_map(|map| {
        map.into_iter().rev().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    });
    let headers = proptest::collection::vec(("(x-amz-meta|my|content)-[a-z]{1,4}", "[ -~]{0,12}"), 0..5);
    let rest = (
        proptest::collection::vec(any::<u8>(), 0..20),
        1_000_000_000_u64..2_000_000_000,
        proptest::option::of("[!-~]{1,20}"),
    );
    let service = prop_oneof![Just("s3"), Just("cloudtrail")];
    (service, any::<bool>(), path, query, headers, rest).prop_map(|(service, presigned, path, query, headers, rest)| {
        let (body, secs, token) = rest;
        let body = if presigned { Vec::new() } else { body };
        let mut request = Request { method: "POST".into(), path, query, body, ..Request::default() };
        request.add("host", "example.com");
        for (name, value) in headers {
            request.add(&name, &value);
        }
        Case { service, presigned, request, secs, token }
    })
}

/// Signs with `aws-sigv4` and puts what it says into the request.
fn signed_by_aws(case: &Case) -> Request {
    let mut settings = SigningSettings::default();
    let is_s3 = case.service == "s3";
    if is_s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    if case.presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(300));
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    }
    let identity = Credentials::new("AKIDEXAMPLE", "secret", case.token.clone(), None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(case.service)
        .time(UNIX_EPOCH + Duration::from_secs(case.secs))
        .settings(settings)
        .build()
        .unwrap();
    let request = &case.request;
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let uri = format!("https://example.com{}{query}", request.path);
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let body = match (case.presigned, is_s3) {
        (true, true) => SignableBody::UnsignedPayload,
        _ => SignableBody::Bytes(&request.body),
    };
    let signable = SignableRequest::new(&request.method, &uri, headers, body).unwrap();
    let (instructions, _) = sign(signable, &params.into()).unwrap().into_parts();
    let mut signed = request.clone();
    let (headers, parameters) = instructions.into_parts();
    for header in headers {
        signed.add(header.name(), header.value());
    }
    for (name, value) in parameters {
        let value: String = form_urlencode(&value);
        let mark = if signed.query.is_empty() { "" } else { "&" };
        signed.query.push_str(&format!("{mark}{name}={value}"));
    }
    signed
}

fn form_urlencode(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// Changes one byte of something that is signed; `None` if there is nothing to change, or it would mean the same.
fn altered(signed: &Request, what: u8, at: usize) -> Option<Request> {
    let mut bad = signed.clone();
    let flip = |text: &mut String| {
        let places: Vec<usize> =
            text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
        let place = *places.get(at % places.len().max(1))?;
        let other = if &text[place..=place] == "7" { "3" } else { "7" };
        text.replace_range(place..=place, other);
        Some(())
    };
    match what % 5 {
        0 => flip(&mut bad.method)?,
        // Normalising drops the segment before `..`: see `routing_path`.
        1 if signed.path.contains("..") => return None,
        1 => flip(&mut bad.path)?,
        2 => flip(&mut bad.query)?,
        3 => {
            let byte = at % bad.body.len().max(1);
            *bad.body.get_mut(byte)? ^= 1;
        }
        _ => {
            let authorization = signed.headers.get("authorization")?.to_str().unwrap();
            let names = authorization.split_once("SignedHeaders=")?.1.split_once(',')?.0;
            let names: Vec<&str> = names.split(';').collect();
            let name = http::HeaderName::from_bytes(names[at % names.len()].as_bytes()).unwrap();
            let mut value = bad.headers.get(&name)?.to_str().unwrap().to_owned();
            flip(&mut value)?;
            bad.headers.insert(name, value.parse().unwrap());
        }
    }
    Some(bad)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_aws_signs_verifies_and_no_byte_can_be_changed(case in case(), what in any::<u8>(), at in 0usize..400) {
        let signed = signed_by_aws(&case);
        let verified = signed.verify("secret");
        if let Err(Error::SignatureMismatch(mismatch)) = &verified {
            return Err(TestCaseError::fail(format!("{signed:?}\n{}", mismatch.canonical_request.clone().unwrap())));
        }
        prop_assert!(verified.is_ok(), "{verified:?}");
        prop_assert!(signed.verify("secreT").is_err());

        let Some(bad) = altered(&signed, what, at) else { return Ok(()) };
        // S3's body is compared with the signed hash as it streams, not here.
        let is_s3_body = case.service == "s3" && what % 5 == 3;
        let verified = bad.verify("secret");
        if is_s3_body {
            let sigv4::PayloadKind::Hash(hash) = bad.claim().unwrap().payload else { panic!("{bad:?}") };
            let mut check = sigv4::PayloadHash::new(hash);
            check.update(&bad.body);
            prop_assert!(check.finish().is_err());
        } else {
            prop_assert!(verified.is_err(), "{bad:?}");
        }
    }
}
