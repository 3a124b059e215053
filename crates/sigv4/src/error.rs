//! Every way in which a request can fail to authenticate, and how each AWS protocol says so. What is said to the
//! client never contains a secret, and an `Authorization` header that could not be read only as its hash.
//!
//! Codes: "Error responses" (Amazon S3 API reference); "Common errors" of the services' API references; "Troubleshoot
//! signed requests for AWS APIs" (IAM user guide).

use std::fmt;

use base::Timestamp;
use base::time::SECOND_MS;

use crate::{Placement, SKEW_SECS_MAX};

/// How a service words its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// S3: XML.
    S3,
    /// JSON 1.0 and 1.1: CloudTrail, CloudWatch Logs, EventBridge, KMS, SQS.
    Json,
    /// Query: IAM, STS, SNS, CloudWatch.
    Query,
    /// REST-JSON and RPC v2: Lambda, CloudTrail Data.
    Rest,
}

/// What the client reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The wire code.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The text.
    pub message: String,
}

/// A part of the `Authorization` header, or the date that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// `Credential=`
    Credential,
    /// `Signature=`
    Signature,
    /// `SignedHeaders=`
    SignedHeaders,
    /// The header `X-Amz-Date` or `Date`.
    Date,
}

/// What is wrong with `X-Amz-Expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiresFault {
    /// It is not a number.
    NotANumber,
    /// It is zero or less.
    NotPositive,
    /// It is more than a week.
    TooLong,
}

/// A signature that does not hold, with what the client needs to find out why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Whose key was claimed.
    pub access_key_id: String,
    /// The signature that came.
    pub signature_provided: String,
    /// What should have been signed.
    pub string_to_sign: String,
    /// What the last line of that is the hash of; chunks have none.
    pub canonical_request: Option<String>,
}

/// Why a request, or its body, does not authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub enum Error {
    /// There is no signature and there must be one (for the caller to raise).
    MissingAuthentication,
    /// No such access key, or it is inactive (for the caller to raise).
    UnknownAccessKey { access_key_id: String },
    /// The session token does not belong to the access key, or is lacking (for the caller to raise).
    InvalidToken,
    /// The temporary credentials' time is over (for the caller to raise).
    ExpiredToken,
    /// Signature Version 2 or 4A.
    UnsupportedAlgorithm { placement: Placement, algorithm: String },
    /// Not a scheme of AWS's at all: `Bearer`, `Basic`.
    UnsupportedAuthorization { scheme: String },
    /// A signature in the header and in the query, or two headers.
    TwoMechanisms,
    /// A presigned URL names this parameter twice.
    RepeatedQueryParameter { name: String },
    /// Parts of the header are lacking. `hashed` is the header's SHA-256 in base64.
    Incomplete { missing: Vec<Component>, hashed: String },
    /// The header is not a list of `name=value`. `hashed` as above.
    MalformedPair { hashed: String },
    /// Parameters of a presigned URL are lacking.
    IncompleteQuery { missing: Vec<&'static str> },
    /// The credential has not five parts.
    MalformedCredential { placement: Placement },
    /// The list of signed headers has an empty, a repeated or too many names.
    MalformedSignedHeaders { placement: Placement },
    /// The request's date cannot be read.
    InvalidDate { placement: Placement, text: String },
    /// The scope's date is not `yyyymmdd`.
    InvalidScopeDate { placement: Placement, given: String },
    /// `X-Amz-Expires` is not 1 to 604,800.
    InvalidExpires(ExpiresFault),
    /// The scope is for another day than the request.
    WrongDate { placement: Placement, scope_date: String, amz_date: String },
    /// The scope is for another region.
    WrongRegion { placement: Placement, given: String, expected: String },
    /// The scope is for another service.
    WrongService { placement: Placement, given: String, expected: String },
    /// The scope does not end in `aws4_request`.
    WrongTerminator { placement: Placement, given: String },
    /// S3 without `x-amz-content-sha256`.
    MissingContentSha256,
    /// `x-amz-content-sha256` is none of its values.
    InvalidContentSha256,
    /// Headers that must be signed are not.
    HeadersNotSigned { headers: Vec<String> },
    /// The request's clock and ours are too far apart.
    Skewed { request: Timestamp, amz_date: String, server: Timestamp, is_early: bool },
    /// A presigned URL from the future.
    NotYetValid { request: Timestamp, server: Timestamp },
    /// A presigned URL that is over.
    Expired { request: Timestamp, expires_secs: u32, server: Timestamp },
    /// The signature is not the one we computed.
    SignatureMismatch(Box<Mismatch>),
    /// The body is not the one that was signed; both as hexadecimal digits.
    PayloadHashMismatch { client: String, computed: String },
    /// A chunked body without `x-amz-decoded-content-length`.
    MissingDecodedLength,
    /// A chunked body that ends early, runs over its length or breaks its framing; the text says which, for our log.
    IncompleteBody(&'static str),
    /// A chunk that is too small without being the last. `chunk` counts from 1.
    InvalidChunkSize { chunk: u64, size_bytes: u64 },
    /// A trailer that is not what `x-amz-trailer` promised; the text says how, for our log.
    MalformedTrailer(&'static str),
}

const S3_MISMATCH: &str =
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
    Secret Access Key and signing method. Consult the service documentation for details.";
const S3_QUERY_PARAMETERS: &str = "Query-string authentication version 4 requires the X-Amz-Algorithm, \
    X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
const S3_CONTENT_SHA256: &str = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
    STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";

impl Error {
    /// How a service of this family says it.
    pub fn denial(&self, family: Family) -> Denial {
        let (code, status, message) = match family {
            Family::S3 => self.for_s3(),
            _ => self.for_others(family),
        };
        Denial { code, status, message }
    }

    /// The further elements that S3 puts into the error, in its order; other families have none.
    pub fn fields(&self, family: Family) -> Vec<(&'static str, String)> {
        if family != Family::S3 {
            return Vec::new();
        }
        let spaced = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        match self {
            Error::UnknownAccessKey { access_key_id } => vec![("AWSAccessKeyId", access_key_id.clone())],
            Error::WrongRegion { expected, .. } => vec![("Region", expected.clone())],
            Error::UnsupportedAuthorization { scheme } => {
                vec![("ArgumentName", "Authorization".to_owned()), ("ArgumentValue", scheme.clone())]
            }
            Error::TwoMechanisms => vec![("ArgumentName", "Authorization".to_owned())],
            Error::InvalidContentSha256 => vec![("ArgumentName", "x-amz-content-sha256".to_owned())],
            Error::HeadersNotSigned { headers } => vec![("HeadersNotSigned", headers.join(", "))],
            Error::Skewed { amz_date, server, .. } => vec![
                ("RequestTime", amz_date.clone()),
                ("ServerTime", server.iso8601_secs()),
                ("MaxAllowedSkewMilliseconds", (SKEW_SECS_MAX * SECOND_MS).to_string()),
            ],
            Error::Expired { request, expires_secs, server } => vec![
                ("X-Amz-Expires", expires_secs.to_string()),
                ("Expires", request.plus_ms(i64::from(*expires_secs) * SECOND_MS).iso8601_secs()),
                ("ServerTime", server.iso8601_secs()),
            ],
            Error::SignatureMismatch(mismatch) => {
                let mut fields = vec![
                    ("AWSAccessKeyId", mismatch.access_key_id.clone()),
                    ("StringToSign", mismatch.string_to_sign.clone()),
                    ("SignatureProvided", mismatch.signature_provided.clone()),
                    ("StringToSignBytes", spaced(&mismatch.string_to_sign)),
                ];
                if let Some(canonical) = &mismatch.canonical_request {
                    fields.push(("CanonicalRequest", canonical.clone()));
                    fields.push(("CanonicalRequestBytes", spaced(canonical)));
                }
                fields
            }
            Error::PayloadHashMismatch { client, computed } => {
                vec![("ClientComputedContentSHA256", client.clone()), ("S3ComputedContentSHA256", computed.clone())]
            }
            Error::InvalidChunkSize { chunk, size_bytes } => {
                vec![("Chunk", chunk.to_string()), ("BadChunkSize", size_bytes.to_string())]
            }
            _ => Vec::new(),
        }
    }

    fn for_s3(&self) -> (&'static str, u16, String) {
        let malformed = |placement: &Placement, what: String| match placement {
            Placement::Header => {
                ("AuthorizationHeaderMalformed", 400, format!("The authorization header is malformed; {what}"))
            }
            Placement::Query => {
                let text = format!("Error parsing the X-Amz-Credential parameter; {what}");
                ("AuthorizationQueryParametersError", 400, text)
            }
        };
        let header = |what: &str| malformed(&Placement::Header, what.to_owned());
        let query = |text: &str| ("AuthorizationQueryParametersError", 400, text.to_owned());
        let said = |code, status, text: &str| (code, status, text.to_owned());
        match self {
            Error::MissingAuthentication => said("AccessDenied", 403, "Access Denied"),
            Error::UnknownAccessKey { .. } => {
                said("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.")
            }
            Error::InvalidToken => said("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
            Error::ExpiredToken => said("ExpiredToken", 400, "The provided token has expired."),
            Error::UnsupportedAlgorithm { placement, algorithm }
                if *placement == Placement::Header || algorithm == "AWS" =>
            {
                let text =
                    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
                said("InvalidRequest", 400, text)
            }
            Error::UnsupportedAlgorithm { .. } => query("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""),
            Error::UnsupportedAuthorization { .. } => said("InvalidArgument", 400, "Unsupported Authorization Type"),
            Error::TwoMechanisms => {
                let text = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
                    string parameter or the Authorization header should be specified";
                said("InvalidArgument", 400, text)
            }
            Error::RepeatedQueryParameter { name } => query(&format!("{name} must be given only once")),
            Error::Incomplete { missing, .. } => match missing.first() {
                Some(Component::Credential) => header("missing Credential."),
                Some(Component::Signature) => header("missing Signature."),
                Some(Component::SignedHeaders) => header("missing SignedHeaders."),
                _ => said("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"),
            },
            Error::MalformedPair { .. } => {
                header("the authorization header requires three components: Credential, SignedHeaders, and Signature.")
            }
            Error::IncompleteQuery { .. } => query(S3_QUERY_PARAMETERS),
            Error::MalformedCredential { placement } => malformed(
                placement,
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
                    .to_owned(),
            ),
            Error::MalformedSignedHeaders { placement: Placement::Header } => {
                header("the authorization component \"SignedHeaders\" is malformed.")
            }
            Error::MalformedSignedHeaders { .. } => query("X-Amz-SignedHeaders is malformed."),
            Error::InvalidDate { placement: Placement::Header, .. } => {
                said("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header")
            }
            Error::InvalidDate { .. } => {
                query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
            }
            Error::InvalidScopeDate { placement, given } => malformed(
                placement,
                format!(
                    "incorrect date format \"{given}\". This date in the credential must be in the format \"yyyyMMdd\"."
                ),
            ),
            Error::InvalidExpires(fault) => query(match fault {
                ExpiresFault::NotANumber => "X-Amz-Expires should be a number",
                ExpiresFault::NotPositive => "X-Amz-Expires must be non-negative",
                ExpiresFault::TooLong => {
                    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                     than 604800 seconds"
                }
            }),
            Error::WrongDate { placement, scope_date, amz_date } => {
                let day = amz_date.get(..8).unwrap_or(amz_date);
                let text = format!(
                    "Invalid credential date \"{scope_date}\". This date is not the same as X-Amz-Date: \"{day}\"."
                );
                match placement {
                    Placement::Header => malformed(placement, text),
                    Placement::Query => query(&text),
                }
            }
            Error::WrongRegion { placement, given, expected } => {
                malformed(placement, format!("the region '{given}' is wrong; expecting '{expected}'"))
            }
            Error::WrongService { placement, given, expected } => {
                malformed(placement, format!("incorrect service \"{given}\". This endpoint belongs to \"{expected}\"."))
            }
            Error::WrongTerminator { placement, given } => {
                malformed(placement, format!("incorrect terminal \"{given}\". This endpoint uses \"aws4_request\"."))
            }
            Error::MissingContentSha256 => {
                said("InvalidRequest", 400, "Missing required header for this request: x-amz-content-sha256")
            }
            Error::InvalidContentSha256 => said("InvalidArgument", 400, S3_CONTENT_SHA256),
            Error::HeadersNotSigned { .. } => {
                said("AccessDenied", 403, "There were headers present in the request which were not signed")
            }
            Error::Skewed { .. } => {
                let text = "The difference between the request time and the current time is too large.";
                said("RequestTimeTooSkewed", 403, text)
            }
            Error::NotYetValid { .. } => said("AccessDenied", 403, "Request is not valid yet"),
            Error::Expired { .. } => said("AccessDenied", 403, "Request has expired"),
            Error::SignatureMismatch(_) => said("SignatureDoesNotMatch", 403, S3_MISMATCH),
            Error::PayloadHashMismatch { .. } => {
                let text = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                said("XAmzContentSHA256Mismatch", 400, text)
            }
            Error::MissingDecodedLength => {
                said("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")
            }
            Error::IncompleteBody(_) => said("IncompleteBody", 400, "The request body terminated unexpectedly"),
            Error::InvalidChunkSize { .. } => {
                let text = "Only the last chunk is allowed to have a size less than 8192 bytes";
                said("InvalidChunkSizeError", 403, text)
            }
            Error::MalformedTrailer(_) => {
                let text = "The request contained trailing data that was not well-formed or did not conform to our \
                    published schema.";
                said("MalformedTrailerError", 400, text)
            }
        }
    }

    fn for_others(&self, family: Family) -> (&'static str, u16, String) {
        let of = |json, query, query_status| match family {
            Family::Json => (json, 400),
            Family::Rest => (json, 403),
            Family::Query | Family::S3 => (query, query_status),
        };
        let incomplete = of("IncompleteSignatureException", "IncompleteSignature", 400);
        let mismatch = of("InvalidSignatureException", "SignatureDoesNotMatch", 403);
        let unknown = of("UnrecognizedClientException", "InvalidClientTokenId", 403);
        let malformed = ("SerializationException", 400);
        let ((code, status), message) = match self {
            Error::MissingAuthentication => {
                let found = of("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403);
                let by_query = family == Family::Query;
                (
                    found,
                    if by_query { "Request is missing Authentication Token" } else { "Missing Authentication Token" }
                        .into(),
                )
            }
            Error::UnknownAccessKey { .. } | Error::InvalidToken => {
                (unknown, "The security token included in the request is invalid.".to_owned())
            }
            Error::ExpiredToken => {
                let found = of("ExpiredTokenException", "ExpiredToken", 403);
                (found, "The security token included in the request is expired".to_owned())
            }
            Error::UnsupportedAlgorithm { algorithm, .. } => {
                (incomplete, format!("Unsupported AWS 'algorithm': '{algorithm}'."))
            }
            Error::UnsupportedAuthorization { scheme } => {
                (incomplete, format!("Unsupported AWS 'algorithm': '{scheme}'."))
            }
            Error::TwoMechanisms => {
                let text =
                    "Only one of the Authorization header and the query-string parameters may carry a signature.";
                (incomplete, text.to_owned())
            }
            Error::RepeatedQueryParameter { name } => {
                (incomplete, format!("AWS query-string parameters must include '{name}' only once."))
            }
            Error::Incomplete { missing, hashed } => {
                let lines = missing.iter().map(|component| match component {
                    Component::Credential => "Authorization header requires 'Credential' parameter.",
                    Component::Signature => "Authorization header requires 'Signature' parameter.",
                    Component::SignedHeaders => "Authorization header requires 'SignedHeaders' parameter.",
                    Component::Date => {
                        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                    }
                });
                let lines = lines.collect::<Vec<_>>().join(" ");
                (incomplete, format!("{lines} (Hashed with SHA-256 and encoded with Base64) Authorization={hashed}"))
            }
            Error::MalformedPair { hashed } => {
                let text = format!(
                    "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded \
                     with Base64): '{hashed}'."
                );
                (incomplete, text)
            }
            Error::IncompleteQuery { missing } => {
                let line = |name: &&str| format!("AWS query-string parameters must include '{name}'.");
                let lines = missing.iter().map(line).collect::<Vec<_>>().join(" ");
                (incomplete, format!("{lines} Re-examine the query-string parameters."))
            }
            Error::MalformedCredential { .. } => {
                let text =
                    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.";
                (incomplete, text.to_owned())
            }
            Error::MalformedSignedHeaders { .. } => (
                incomplete,
                "'SignedHeaders' must name each signed header once, with a semicolon between them.".to_owned(),
            ),
            Error::InvalidDate { text, .. } => {
                let text = format!(
                    "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
                );
                (incomplete, text)
            }
            Error::InvalidScopeDate { given, .. } => {
                (mismatch, format!("Date in Credential scope must be in the format 'yyyyMMdd', not '{given}'."))
            }
            Error::InvalidExpires(_) => {
                (incomplete, "X-Amz-Expires must be a number of seconds between 1 and 604800.".to_owned())
            }
            Error::WrongDate { scope_date, amz_date, .. } => {
                let day = amz_date.get(..8).unwrap_or(amz_date);
                let text = format!(
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                     '{scope_date}' != '{day}', from '{amz_date}'."
                );
                (mismatch, text)
            }
            Error::WrongRegion { given, .. } => {
                (mismatch, format!("Credential should be scoped to a valid region, not '{given}'. "))
            }
            Error::WrongService { expected, .. } => {
                (mismatch, format!("Credential should be scoped to correct service: '{expected}'. "))
            }
            Error::WrongTerminator { given, .. } => (
                mismatch,
                format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{given}'."),
            ),
            Error::HeadersNotSigned { headers } => {
                let name = headers.first().map_or("host", String::as_str);
                let shown =
                    if name == "host" { "'Host' or ':authority'".to_owned() } else { format!("'{}'", titled(name)) };
                (mismatch, format!("{shown} must be a 'SignedHeader' in the AWS Authorization."))
            }
            Error::Skewed { amz_date, server, is_early, .. } => {
                let minutes = SKEW_SECS_MAX / 60;
                let limit = |sign: i64| server.plus_ms(sign * SKEW_SECS_MAX * SECOND_MS).amz_date();
                let server = server.amz_date();
                let text = match is_early {
                    false => {
                        let limit = limit(-1);
                        format!("Signature expired: {amz_date} is now earlier than {limit} ({server} - {minutes} min.)")
                    }
                    true => {
                        let limit = limit(1);
                        format!(
                            "Signature not yet current: {amz_date} is still later than {limit} ({server} + {minutes} min.)"
                        )
                    }
                };
                (mismatch, text)
            }
            Error::NotYetValid { request, server } => {
                let (request, limit) = (request.amz_date(), server.plus_ms(SKEW_SECS_MAX * SECOND_MS).amz_date());
                let (server, minutes) = (server.amz_date(), SKEW_SECS_MAX / 60);
                let text = format!(
                    "Signature not yet current: {request} is still later than {limit} ({server} + {minutes} min.)"
                );
                (mismatch, text)
            }
            Error::Expired { request, expires_secs, server } => {
                let limit = server.plus_ms(-i64::from(*expires_secs) * SECOND_MS).amz_date();
                let (request, server) = (request.amz_date(), server.amz_date());
                let span = match expires_secs % 60 {
                    0 => format!("{} min", expires_secs / 60),
                    _ => format!("{expires_secs} sec"),
                };
                (mismatch, format!("Signature expired: {request} is now earlier than {limit} ({server} - {span}.)"))
            }
            Error::SignatureMismatch(_) | Error::PayloadHashMismatch { .. } => (mismatch, MISMATCH.to_owned()),
            Error::MissingContentSha256 => {
                (incomplete, "The request lacks the header x-amz-content-sha256.".to_owned())
            }
            Error::InvalidContentSha256 => (incomplete, "The header x-amz-content-sha256 is malformed.".to_owned()),
            Error::MissingDecodedLength
            | Error::IncompleteBody(_)
            | Error::InvalidChunkSize { .. }
            | Error::MalformedTrailer(_) => (malformed, "The body's chunks could not be read.".to_owned()),
        };
        (code, status, message)
    }
}

/// `x-amz-target` as `X-Amz-Target`.
fn titled(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split('-') {
        if !out.is_empty() {
            out.push('-');
        }
        let mut letters = word.chars();
        out.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// For our log; clients read [`Error::denial`].
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::IncompleteBody(why) => write!(f, "the body's chunks break off or break their framing: {why}"),
            Error::MalformedTrailer(why) => write!(f, "the body's trailer is malformed: {why}"),
            Error::SignatureMismatch(mismatch) => {
                write!(f, "the signature of access key {} does not match", mismatch.access_key_id)
            }
            _ => f.write_str(&self.for_others(Family::Json).2),
        }
    }
}

impl std::error::Error for Error {}
