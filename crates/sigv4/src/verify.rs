//! The check itself: is this request, byte for byte, what the holder of the secret signed, for here and for now?

use base::Timestamp;
use base::time::SECOND_MS;
use subtle::ConstantTimeEq;

use crate::canonical::{canonical_request, scope, string_to_sign};
use crate::error::Mismatch;
use crate::key::{hex, sha256, text};
use crate::{Claim, Error, PayloadKind, Placement, SignedRequest, SigningKey, Style};

/// How far a request's clock may be from ours: 15 minutes, as S3 and most other services allow.
pub const SKEW_SECS_MAX: i64 = 15 * 60;

/// The longest a presigned URL may be good for: a week.
pub const EXPIRES_SECS_MAX: u32 = 7 * 24 * 60 * 60;

/// What the endpoint that was called accepts.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The signing name of the service that was called.
    pub service: &'a str,
    /// The region that was called; `None` accepts any.
    pub region: Option<&'a str>,
    /// Whether this operation may leave its body unsigned. S3 always may.
    pub unsigned_payload: bool,
}

/// A signature that holds. A chunked body's own signatures go on from here.
#[derive(Clone)]
pub struct Verified {
    pub(crate) access_key_id: String,
    pub(crate) signature: String,
    pub(crate) key: SigningKey,
    pub(crate) amz_date: String,
    pub(crate) scope: String,
}

impl std::fmt::Debug for Verified {
    /// Without the signature, which may be that of a URL that still opens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Verified { access_key_id, amz_date, scope, .. } = self;
        write!(f, "Verified {{ {access_key_id} at {amz_date} in {scope} }}")
    }
}

impl Verified {
    /// The request's signature, with which the first chunk's begins.
    pub fn seed_signature(&self) -> &str {
        &self.signature
    }

    /// `20150830/us-east-1/s3/aws4_request`.
    pub fn scope(&self) -> &str {
        &self.scope
    }
}

/// Says whether the claim holds. `key` is [`crate::signing_key`] of the claim's scope with the secret that belongs to
/// the claim's access key; `body_sha256` is the hash of the whole body where the claim's payload is
/// [`PayloadKind::FromBody`] (`None`: the body is empty) and is not looked at otherwise.
///
/// `host` and every `x-amz-*` header of the request must be among the signed ones, save `x-amz-content-sha256`, which the
/// canonical request contains anyway, and outside S3 the session token, which may be added after signing. (The S3 pages
/// ask for `content-type` too; S3 itself does not insist, and several SDKs leave it out.)
pub fn verify(
    request: &SignedRequest<'_>,
    claim: &Claim,
    key: &SigningKey,
    body_sha256: Option<&[u8; 32]>,
    now: Timestamp,
    rules: &Rules<'_>,
) -> Result<Verified, Error> {
    let style = claim.style();
    check_scope(claim, rules)?;
    check_signed_headers(request, claim, style)?;
    check_time(claim, now)?;

    let payload_hash = match claim.payload {
        PayloadKind::FromBody => &hex(&body_sha256.copied().unwrap_or_else(|| sha256(b""))),
        _ => claim.payload_text.as_bytes(),
    };
    let payload_hash = std::str::from_utf8(payload_hash).expect("it is text or hexadecimal digits");
    let scope = scope(&claim.date, &claim.region, &claim.service);
    let mismatch = |to_sign: &[u8], canonical: &[u8]| {
        Err(Error::SignatureMismatch(Box::new(Mismatch {
            access_key_id: claim.access_key_id.clone(),
            signature_provided: claim.signature.clone(),
            string_to_sign: String::from_utf8_lossy(to_sign).into_owned(),
            canonical_request: Some(String::from_utf8_lossy(canonical).into_owned()),
        })))
    };
    let in_query = claim.placement == Placement::Query;
    let canonical = match canonical_request(request, style, &claim.signed_headers, in_query, payload_hash) {
        Ok(canonical) => canonical,
        Err(lacking) => return mismatch(b"", format!("(signed but absent: {lacking})").as_bytes()),
    };
    let to_sign = string_to_sign(&claim.amz_date, &scope, &canonical);
    let signature = key.sign(&[&to_sign]);
    let is_unsigned = style == Style::Standard && claim.payload == PayloadKind::Unsigned;
    let is_allowed = rules.unsigned_payload || !is_unsigned;
    if is_allowed && bool::from(signature.ct_eq(claim.signature.as_bytes())) {
        let signature = text(&signature).to_owned();
        let (access_key_id, amz_date) = (claim.access_key_id.clone(), claim.amz_date.clone());
        return Ok(Verified { access_key_id, signature, key: key.clone(), amz_date, scope });
    }
    mismatch(&to_sign, &canonical)
}

fn check_scope(claim: &Claim, rules: &Rules<'_>) -> Result<(), Error> {
    let placement = claim.placement;
    if claim.service != rules.service {
        let (given, expected) = (claim.service.clone(), rules.service.to_owned());
        return Err(Error::WrongService { placement, given, expected });
    }
    match rules.region {
        Some(region) if region != claim.region => {
            Err(Error::WrongRegion { placement, given: claim.region.clone(), expected: region.to_owned() })
        }
        _ => Ok(()),
    }
}

fn check_signed_headers(request: &SignedRequest<'_>, claim: &Claim, style: Style) -> Result<(), Error> {
    let is_signed = |wanted: &str| claim.signed_headers.split(';').any(|name| name == wanted);
    let must_be_signed = |name: &str| match name {
        "x-amz-content-sha256" => false,
        "x-amz-security-token" => style == Style::S3,
        _ => name.starts_with("x-amz-"),
    };
    let names = request.headers.keys().map(http::HeaderName::as_str);
    let mut headers: Vec<String> =
        names.filter(|name| must_be_signed(name) && !is_signed(name)).map(str::to_owned).collect();
    if !is_signed("host") {
        headers.insert(0, "host".to_owned());
    }
    if headers.is_empty() { Ok(()) } else { Err(Error::HeadersNotSigned { headers }) }
}

fn check_time(claim: &Claim, now: Timestamp) -> Result<(), Error> {
    let skew_ms = SKEW_SECS_MAX * SECOND_MS;
    let age_ms = now.since_ms(claim.timestamp);
    let is_early = age_ms < -skew_ms;
    match claim.expires_secs {
        None if is_early || age_ms > skew_ms => {
            Err(Error::Skewed { request: claim.timestamp, amz_date: claim.amz_date.clone(), server: now, is_early })
        }
        Some(_) if is_early => Err(Error::NotYetValid { request: claim.timestamp, server: now }),
        Some(secs) if age_ms > i64::from(secs) * SECOND_MS => {
            Err(Error::Expired { request: claim.timestamp, expires_secs: secs, server: now })
        }
        _ => Ok(()),
    }
}
