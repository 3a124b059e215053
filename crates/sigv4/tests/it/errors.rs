//! Every error: what provokes it, and what S3, a JSON service and a query service say then.

use super::{Request, at};
use sigv4::{Error, Family, PayloadHash, Rules};

const SECRET: &str = "secret";
const NOW: &str = "20150830T123600Z";

/// A good request, to be spoilt: to `s3` or to `iam`.
fn good(service: &str) -> Request {
    let mut request = Request::new("GET /\n host: example.com");
    let credentials = credentials();
    let signer = sigv4::Signer { credentials: &credentials, region: "us-east-1", service, time: at(NOW) };
    for (name, value) in signer.headers(&request.signed(), &sigv4::sha256_hex(b"")).unwrap() {
        request.headers.insert(name, value);
    }
    request
}

fn presigned(service: &str) -> Request {
    let mut request = Request::new("GET /\n host: example.com");
    let credentials = credentials();
    let signer = sigv4::Signer { credentials: &credentials, region: "us-east-1", service, time: at(NOW) };
    request.query = signer.presign(&request.signed(), 90);
    request
}

fn credentials() -> sigv4::Credentials {
    sigv4::Credentials { access_key_id: "AKID".into(), secret_access_key: SECRET.into(), session_token: None }
}

fn replaced(mut request: Request, from: &str, to: &str) -> Request {
    request.query = request.query.replace(from, to);
    if let Some(value) = request.headers.get("authorization") {
        let value = value.to_str().unwrap().replace(from, to);
        request.set("authorization", &value);
    }
    request
}

fn error_at(request: &Request, service: &str, now: &str) -> Error {
    let rules = Rules { service, region: Some("us-east-1"), unsigned_payload: false };
    request.verify_at(SECRET, at(now), Some(&rules)).unwrap_err()
}

/// `code status message` for a family.
fn said(error: &Error, family: Family) -> String {
    let denial = error.denial(family);
    format!("{} {} {}", denial.code, denial.status, denial.message)
}

/// The change, applied to a request to `s3` and one to `iam`, is answered so.
fn check(change: impl Fn(Request) -> Request, request: fn(&str) -> Request, s3: &str, json: &str) {
    let error = error_at(&change(request("s3")), "s3", NOW);
    assert_eq!(said(&error, Family::S3), s3);
    let error = error_at(&change(request("iam")), "iam", NOW);
    assert_eq!(said(&error, Family::Json), json);
    let (code, message) = json.split_once(" 400 ").unwrap();
    let query = match code {
        "InvalidSignatureException" => format!("SignatureDoesNotMatch 403 {message}"),
        "IncompleteSignatureException" => format!("IncompleteSignature 400 {message}"),
        other => panic!("{other}"),
    };
    assert_eq!(said(&error, Family::Query), query);
    assert_eq!(said(&error, Family::Rest), format!("{code} 403 {message}"));
}

#[test]
fn a_header_with_parts_missing() {
    let set = |value: &'static str| {
        move |mut request: Request| {
            request.set("authorization", value);
            request
        }
    };
    check(
        set("AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3/aws4_request, SignedHeaders=host"),
        good,
        "AuthorizationHeaderMalformed 400 The authorization header is malformed; missing Signature.",
        "IncompleteSignatureException 400 Authorization header requires 'Signature' parameter. (Hashed with SHA-256 and \
         encoded with Base64) Authorization=IzRCShE1DFnGxR034c51Qg2shEaPwN1t2PJshBwiG5E=",
    );
    let mut empty = good("iam");
    empty.set("authorization", "AWS4-HMAC-SHA256");
    empty.headers.remove("x-amz-date");
    let text = said(&error_at(&empty, "iam", NOW), Family::Json);
    assert!(
        text.starts_with(
            "IncompleteSignatureException 400 Authorization header requires 'Credential' parameter. Authorization header \
             requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header \
             requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"
        ),
        "{text}"
    );
    let pair = "The authorization header is malformed; the authorization header requires three components: Credential, \
        SignedHeaders, and Signature.";
    let error = error_at(&set("AWS4-HMAC-SHA256 Credential")(good("s3")), "s3", NOW);
    assert_eq!(said(&error, Family::S3), format!("AuthorizationHeaderMalformed 400 {pair}"));
    let error = error_at(&set("AWS4-HMAC-SHA256 Signature=a,Signature=b")(good("s3")), "s3", NOW);
    assert!(matches!(error, Error::MalformedPair { .. }));
}

#[test]
fn another_algorithm_or_scheme() {
    check(
        |request| replaced(request, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        good,
        "InvalidRequest 400 The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        "IncompleteSignatureException 400 Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
    );
    check(
        |request| replaced(request, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        presigned,
        "AuthorizationQueryParametersError 400 X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
        "IncompleteSignatureException 400 Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
    );
    check(
        |request| replaced(request, "AWS4-HMAC-SHA256", "Bearer"),
        good,
        "InvalidArgument 400 Unsupported Authorization Type",
        "IncompleteSignatureException 400 Unsupported AWS 'algorithm': 'Bearer'.",
    );
    let version_2 = Request::new("GET /?AWSAccessKeyId=A&Expires=1&Signature=x\n host: example.com");
    let error = version_2.claim().unwrap_err();
    let text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    assert_eq!(said(&error, Family::S3), format!("InvalidRequest 400 {text}"));
}

#[test]
fn two_signatures() {
    let both = |mut request: Request| {
        request.query = presigned("s3").query;
        request
    };
    let s3 = "InvalidArgument 400 Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
        string parameter or the Authorization header should be specified";
    let json = "IncompleteSignatureException 400 Only one of the Authorization header and the query-string parameters may \
        carry a signature.";
    check(both, good, s3, json);
    let twice = |mut request: Request| {
        request.add("authorization", "AWS4-HMAC-SHA256");
        request
    };
    check(twice, good, s3, json);
    check(
        |mut request| {
            request.query.push_str("&X-Amz-Date=20150830T123600Z");
            request
        },
        presigned,
        "AuthorizationQueryParametersError 400 X-Amz-Date must be given only once",
        "IncompleteSignatureException 400 AWS query-string parameters must include 'X-Amz-Date' only once.",
    );
}

#[test]
fn a_scope_for_something_else() {
    check(
        |request| replaced(request, "us-east-1", "eu-west-1"),
        good,
        "AuthorizationHeaderMalformed 400 The authorization header is malformed; the region 'eu-west-1' is wrong; expecting \
         'us-east-1'",
        "InvalidSignatureException 400 Credential should be scoped to a valid region, not 'eu-west-1'. ",
    );
    check(
        |request| replaced(request, "us-east-1", "eu-west-1"),
        presigned,
        "AuthorizationQueryParametersError 400 Error parsing the X-Amz-Credential parameter; the region 'eu-west-1' is wrong; \
         expecting 'us-east-1'",
        "InvalidSignatureException 400 Credential should be scoped to a valid region, not 'eu-west-1'. ",
    );
    check(
        |request| replaced(request, "aws4_request", "aws4_requests"),
        good,
        "AuthorizationHeaderMalformed 400 The authorization header is malformed; incorrect terminal \"aws4_requests\". This \
         endpoint uses \"aws4_request\".",
        "InvalidSignatureException 400 Credential should be scoped with a valid terminator: 'aws4_request', not \
         'aws4_requests'.",
    );
    check(
        |request| replaced(request, "AKID/20150830", "AKID/20110909"),
        good,
        "AuthorizationHeaderMalformed 400 The authorization header is malformed; Invalid credential date \"20110909\". This \
         date is not the same as X-Amz-Date: \"20150830\".",
        "InvalidSignatureException 400 Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
         HTTP: '20110909' != '20150830', from '20150830T123600Z'.",
    );
    check(
        |request| replaced(request, "AKID/20150830", "AKID/2015-08-30"),
        good,
        "AuthorizationHeaderMalformed 400 The authorization header is malformed; incorrect date format \"2015-08-30\". This \
         date in the credential must be in the format \"yyyyMMdd\".",
        "InvalidSignatureException 400 Date in Credential scope must be in the format 'yyyyMMdd', not '2015-08-30'.",
    );
    check(
        |request| replaced(request, "AKID/20150830", "AKID/a/20150830"),
        good,
        "AuthorizationHeaderMalformed 400 The authorization header is malformed; the Credential is mal-formed; expecting \
         \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        "IncompleteSignatureException 400 Credential must have exactly 5 slash-delimited elements, e.g. \
         keyid/date/region/service/term.",
    );
    let error = error_at(&good("s3"), "iam", NOW);
    let text = "InvalidSignatureException 400 Credential should be scoped to correct service: 'iam'. ";
    assert_eq!(said(&error, Family::Json), text);
    let error = error_at(&good("s3"), "s3express", NOW);
    let text = "AuthorizationHeaderMalformed 400 The authorization header is malformed; incorrect service \"s3\". This endpoint \
        belongs to \"s3express\".";
    assert_eq!(said(&error, Family::S3), text);
}

#[test]
fn headers_that_are_not_signed() {
    let target = |mut request: Request| {
        request.set("x-amz-target", "x");
        request
    };
    let s3 = "AccessDenied 403 There were headers present in the request which were not signed";
    let json = "InvalidSignatureException 400 'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.";
    check(target, good, s3, json);
    check(target, presigned, s3, json);
    let host =
        "InvalidSignatureException 400 'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    check(|request| replaced(request, "host;", ""), good, s3, host);
    let fields = error_at(&target(good("s3")), "s3", NOW).fields(Family::S3);
    assert_eq!(fields, [("HeadersNotSigned", "x-amz-target".to_owned())]);
    check(
        |request| replaced(request, "host;", "host;host;"),
        good,
        "AuthorizationHeaderMalformed 400 The authorization header is malformed; the authorization component \
         \"SignedHeaders\" is malformed.",
        "IncompleteSignatureException 400 'SignedHeaders' must name each signed header once, with a semicolon between them.",
    );
    let many: String = (0..200).map(|n| format!("x{n};")).collect();
    let error = error_at(&replaced(good("iam"), "host;", &many), "iam", NOW);
    assert!(matches!(error, Error::MalformedSignedHeaders { .. }));
    // Outside S3 the session token may be added after signing.
    let mut request = good("iam");
    request.set("x-amz-security-token", "token");
    request.verify(SECRET).unwrap();
}

#[test]
fn times() {
    let skewed = |now, s3: &str, json: &str| {
        let error = error_at(&good("s3"), "s3", now);
        assert_eq!(said(&error, Family::S3), s3);
        assert_eq!(said(&error_at(&good("iam"), "iam", now), Family::Json), json);
        error
    };
    let s3 = "RequestTimeTooSkewed 403 The difference between the request time and the current time is too large.";
    let error = skewed(
        "20150830T125101Z",
        s3,
        "InvalidSignatureException 400 Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
         (20150830T125101Z - 15 min.)",
    );
    let fields = [
        ("RequestTime", "20150830T123600Z".to_owned()),
        ("ServerTime", "2015-08-30T12:51:01Z".to_owned()),
        ("MaxAllowedSkewMilliseconds", "900000".to_owned()),
    ];
    assert_eq!(error.fields(Family::S3), fields);
    skewed(
        "20150830T122059Z",
        s3,
        "InvalidSignatureException 400 Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
         (20150830T122059Z + 15 min.)",
    );
    for now in ["20150830T122100Z", "20150830T125100Z"] {
        good("s3").verify_at(SECRET, at(now), None).unwrap();
    }

    presigned("s3").verify_at(SECRET, at("20150830T123730Z"), None).unwrap();
    let error = error_at(&presigned("s3"), "s3", "20150830T123731Z");
    assert_eq!(said(&error, Family::S3), "AccessDenied 403 Request has expired");
    let fields = [
        ("X-Amz-Expires", "90".to_owned()),
        ("Expires", "2015-08-30T12:37:30Z".to_owned()),
        ("ServerTime", "2015-08-30T12:37:31Z".to_owned()),
    ];
    assert_eq!(error.fields(Family::S3), fields);
    let text = "InvalidSignatureException 400 Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
        (20150830T123731Z - 90 sec.)";
    assert_eq!(said(&error_at(&presigned("sts"), "sts", "20150830T123731Z"), Family::Json), text);
    let error = error_at(&presigned("s3"), "s3", "20150830T122059Z");
    assert_eq!(said(&error, Family::S3), "AccessDenied 403 Request is not valid yet");

    let mut request = good("s3");
    request.set("x-amz-date", "yesterday");
    let text = "AccessDenied 403 AWS authentication requires a valid Date or x-amz-date header";
    assert_eq!(said(&error_at(&request, "s3", NOW), Family::S3), text);
    request.headers.remove("x-amz-date");
    assert_eq!(said(&error_at(&request, "s3", NOW), Family::S3), text);
    request.set("date", "Sun, 30 Aug 2015 12:36:00 GMT");
    assert_eq!(request.claim().unwrap().amz_date, NOW);
}

#[test]
fn a_presigned_url_with_bad_parameters() {
    let text = "AuthorizationQueryParametersError 400 Query-string authentication version 4 requires the X-Amz-Algorithm, \
        X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    let json = |name| {
        format!(
            "IncompleteSignatureException 400 AWS query-string parameters must include '{name}'. Re-examine the query-string \
             parameters."
        )
    };
    for name in ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders"] {
        check(|request| replaced(request, name, "X-Other"), presigned, text, &json(name));
    }
    let error = error_at(&replaced(presigned("s3"), "X-Amz-Expires", "X-Other"), "s3", NOW);
    assert_eq!(said(&error, Family::S3), text);
    for (expires, text) in [
        ("x", "X-Amz-Expires should be a number"),
        ("-1", "X-Amz-Expires must be non-negative"),
        ("0", "X-Amz-Expires must be non-negative"),
        (
            "604801",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 \
             seconds",
        ),
    ] {
        check(
            |request| replaced(request, "Expires=90", &format!("Expires={expires}")),
            presigned,
            &format!("AuthorizationQueryParametersError 400 {text}"),
            "IncompleteSignatureException 400 X-Amz-Expires must be a number of seconds between 1 and 604800.",
        );
    }
    check(
        |request| replaced(request, "X-Amz-Date=2015", "X-Amz-Date=x"),
        presigned,
        "AuthorizationQueryParametersError 400 X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        "IncompleteSignatureException 400 Date must be in ISO-8601 'basic format'. Got 'x0830T123600Z'. See \
         http://en.wikipedia.org/wiki/ISO_8601",
    );
}

#[test]
fn a_signature_that_does_not_match() {
    let s3 = "SignatureDoesNotMatch 403 The request signature we calculated does not match the signature you provided. Check \
        your key and signing method.";
    let json = "InvalidSignatureException 400 The request signature we calculated does not match the signature you provided. \
        Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    let delete = |mut request: Request| {
        request.method = "DELETE".into();
        request
    };
    check(delete, good, s3, json);
    check(delete, presigned, s3, json);
    check(|request| replaced(request, "Signature=", "Signature=0"), good, s3, json);
    check(|request| replaced(request, "SignedHeaders=host", "SignedHeaders=absent;host"), good, s3, json);
    let fields = error_at(&delete(good("s3")), "s3", NOW).fields(Family::S3);
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let expected = [
        "AWSAccessKeyId",
        "StringToSign",
        "SignatureProvided",
        "StringToSignBytes",
        "CanonicalRequest",
        "CanonicalRequestBytes",
    ];
    assert_eq!(names, expected);
    assert!(fields[1].1.starts_with("AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/s3/aws4_request\n"));
    assert!(fields[3].1.starts_with("41 57 53 34 2d"));
    assert!(fields[4].1.starts_with("DELETE\n/\n\nhost:example.com\n"));
    assert!(error_at(&delete(good("s3")), "s3", NOW).fields(Family::Json).is_empty());
}

#[test]
fn a_payload_that_does_not_match() {
    let mut request = good("s3");
    request.headers.remove("x-amz-content-sha256");
    let text = "InvalidRequest 400 Missing required header for this request: x-amz-content-sha256";
    assert_eq!(said(&error_at(&request, "s3", NOW), Family::S3), text);
    request.set("x-amz-content-sha256", "abc");
    let text = said(&error_at(&request, "s3", NOW), Family::S3);
    assert!(text.starts_with("InvalidArgument 400 x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "), "{text}");

    let mut hash = PayloadHash::new(sigv4::sha256(b"abc"));
    hash.update(b"a");
    hash.update(b"bc");
    hash.clone().finish().unwrap();
    hash.update(b"d");
    let error = hash.finish().unwrap_err();
    let text =
        "XAmzContentSHA256Mismatch 400 The provided 'x-amz-content-sha256' header does not match what was computed.";
    assert_eq!(said(&error, Family::S3), text);
    let fields = [
        ("ClientComputedContentSHA256", sigv4::sha256_hex(b"abc")),
        ("S3ComputedContentSHA256", sigv4::sha256_hex(b"abcd")),
    ];
    assert_eq!(error.fields(Family::S3), fields);
}

#[test]
fn what_the_caller_finds_out() {
    let unknown = Error::UnknownAccessKey { access_key_id: "AKID".into() };
    let cases = [
        (Error::MissingAuthentication, Family::S3, "AccessDenied 403 Access Denied"),
        (
            Error::MissingAuthentication,
            Family::Json,
            "MissingAuthenticationTokenException 400 Missing Authentication Token",
        ),
        (
            Error::MissingAuthentication,
            Family::Rest,
            "MissingAuthenticationTokenException 403 Missing Authentication Token",
        ),
        (
            Error::MissingAuthentication,
            Family::Query,
            "MissingAuthenticationToken 403 Request is missing Authentication Token",
        ),
        (
            unknown.clone(),
            Family::S3,
            "InvalidAccessKeyId 403 The AWS Access Key Id you provided does not exist in our records.",
        ),
        (
            unknown.clone(),
            Family::Json,
            "UnrecognizedClientException 400 The security token included in the request is invalid.",
        ),
        (
            unknown.clone(),
            Family::Query,
            "InvalidClientTokenId 403 The security token included in the request is invalid.",
        ),
        (Error::InvalidToken, Family::S3, "InvalidToken 400 The provided token is malformed or otherwise invalid."),
        (
            Error::InvalidToken,
            Family::Query,
            "InvalidClientTokenId 403 The security token included in the request is invalid.",
        ),
        (Error::ExpiredToken, Family::S3, "ExpiredToken 400 The provided token has expired."),
        (
            Error::ExpiredToken,
            Family::Json,
            "ExpiredTokenException 400 The security token included in the request is expired",
        ),
        (Error::ExpiredToken, Family::Query, "ExpiredToken 403 The security token included in the request is expired"),
    ];
    for (error, family, expected) in cases {
        assert_eq!(said(&error, family), expected);
    }
    assert_eq!(unknown.fields(Family::S3), [("AWSAccessKeyId", "AKID".to_owned())]);
    assert!(Request::new("GET /?a=X-Amz-\n host: h").signed().query.contains("X-Amz-"));
    assert_eq!(Request::new("GET /?a=X-Amz-\n host: h").claim(), Err(Error::MissingAuthentication));
}
