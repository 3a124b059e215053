//! Reading what a request claims about itself: who signed it, when, for what. No secret is needed here, and nothing
//! read here may be trusted before [`crate::verify`].

use std::fmt;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;

use crate::canonical::unescape;
use crate::error::{Component, ExpiresFault};
use crate::key::sha256;
use crate::{ALGORITHM, EXPIRES_SECS_MAX, Error, PayloadKind, SignedRequest, Style, TERMINATOR, UNSIGNED_PAYLOAD};

/// The most headers a signature may cover. Each costs a look-up and a copy before the secret is used; SDKs sign fewer
/// than twenty, S3's user metadata (2 KB in all) allows some more.
pub const SIGNED_HEADERS_MAX: usize = 128;

/// Where the signature was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In the `Authorization` header.
    Header,
    /// In the query: a presigned URL.
    Query,
}

/// What a signed request says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose key signed it.
    pub access_key_id: String,
    /// The scope's day, `yyyymmdd`; the same as that of [`Claim::amz_date`].
    pub date: String,
    /// The scope's region.
    pub region: String,
    /// The scope's service, as the signing name: `s3`, `monitoring`.
    pub service: String,
    /// The names of the signed headers as listed, with semicolons between them.
    pub signed_headers: String,
    /// The signature as given.
    pub signature: String,
    /// When it was signed, to the second.
    pub timestamp: Timestamp,
    /// The same as the string to sign has it: `20150830T123600Z`.
    pub amz_date: String,
    /// How long a presigned URL is good for, from [`Claim::timestamp`]; 1 to 604,800.
    pub expires_secs: Option<u32>,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// How the body is bound to the signature.
    pub payload: PayloadKind,
    /// The last line of the canonical request, unless it is the body's own hash.
    pub payload_text: String,
    /// Where the signature was.
    pub placement: Placement,
}

impl fmt::Debug for Claim {
    /// Without signature and session token: within their time they let somebody act as the caller.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("access_key_id", &self.access_key_id)
            .field("amz_date", &self.amz_date)
            .field("region", &self.region)
            .field("service", &self.service)
            .field("signed_headers", &self.signed_headers)
            .field("expires_secs", &self.expires_secs)
            .field("session_token", &self.session_token.as_ref().map(|_| "***"))
            .field("payload", &self.payload)
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

impl Claim {
    /// How this request's canonical form is written.
    pub fn style(&self) -> Style {
        Style::of(&self.service)
    }
}

/// Reads the claim of a request; `None` if it is anonymous (no `Authorization`, no `X-Amz-…` signature in the query).
pub fn parse(request: &SignedRequest<'_>) -> Result<Option<Claim>, Error> {
    let query = Query::read(request.query)?;
    let mut headers = request.headers.get_all(header::AUTHORIZATION).iter();
    match (headers.next(), query) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Error::TwoMechanisms),
        (Some(_), None) if headers.next().is_some() => Err(Error::TwoMechanisms),
        (Some(value), None) => from_header(request, value).map(Some),
        (None, Some(query)) => from_query(request, query).map(Some),
    }
}

fn from_header(request: &SignedRequest<'_>, value: &header::HeaderValue) -> Result<Claim, Error> {
    let hashed = || STANDARD.encode(sha256(value.as_bytes()));
    let malformed = || Error::MalformedPair { hashed: hashed() };
    let text = value.to_str().map_err(|_| malformed())?.trim();
    let (algorithm, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    if algorithm != ALGORITHM {
        // `AWS` is Signature Version 2; `AWS4-ECDSA-P256-SHA256` is 4A.
        return Err(match algorithm == "AWS" || algorithm.starts_with("AWS4-") {
            true => Error::UnsupportedAlgorithm { placement: Placement::Header, algorithm: shown(algorithm) },
            false => Error::UnsupportedAuthorization { scheme: shown(algorithm) },
        });
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for pair in rest.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(malformed)?;
        let place = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(malformed());
        }
    }
    let amz_date = match request.headers.get("x-amz-date") {
        Some(value) => Some(value),
        None => request.headers.get(header::DATE),
    };
    let (Some(credential), Some(signed_headers), Some(signature), Some(amz_date)) =
        (credential, signed_headers, signature, amz_date)
    else {
        let parts = [
            (credential.is_none(), Component::Credential),
            (signature.is_none(), Component::Signature),
            (signed_headers.is_none(), Component::SignedHeaders),
            (amz_date.is_none(), Component::Date),
        ];
        let missing = parts.into_iter().filter_map(|(gone, part)| gone.then_some(part)).collect();
        return Err(Error::Incomplete { missing, hashed: hashed() });
    };
    let [access_key_id, date, region, service] = read_credential(credential, Placement::Header)?;
    let (timestamp, amz_date) = amz_date
        .to_str()
        .ok()
        .and_then(read_date)
        .ok_or_else(|| Error::InvalidDate { placement: Placement::Header, text: shown(&lossy(amz_date)) })?;
    let content_sha256 = content_sha256(request)?;
    let (payload, payload_text) = match (Style::of(&service), content_sha256) {
        (Style::S3, Some(text)) => (PayloadKind::from_header(&text)?, text),
        (Style::S3, None) => return Err(Error::MissingContentSha256),
        (Style::Standard, text) => standard_payload(text),
    };
    let session_token = request.headers.get("x-amz-security-token").map(lossy);
    let claim = Claim {
        access_key_id,
        date,
        region,
        service,
        signed_headers: signed_headers.to_owned(),
        signature: signature.to_owned(),
        timestamp,
        amz_date,
        expires_secs: None,
        session_token,
        payload,
        payload_text,
        placement: Placement::Header,
    };
    check(claim)
}

/// What of a presigned URL's query is about its signature.
#[derive(Default)]
struct Query {
    algorithm: Option<String>,
    credential: Option<String>,
    date: Option<String>,
    expires: Option<String>,
    signed_headers: Option<String>,
    signature: Option<String>,
    session_token: Option<String>,
    content_sha256: Option<String>,
}

impl Query {
    /// `None` if the query carries no signature.
    fn read(query: &str) -> Result<Option<Query>, Error> {
        if !query.contains("X-Amz-") {
            let has = |wanted: &str| query.split('&').any(|parameter| parameter.starts_with(wanted));
            return match query.contains("AWSAccessKeyId=") && has("AWSAccessKeyId=") && has("Signature=") {
                true => Err(Error::UnsupportedAlgorithm { placement: Placement::Query, algorithm: "AWS".to_owned() }),
                false => Ok(None),
            };
        }
        let mut found = Query::default();
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let place = match name {
                "X-Amz-Algorithm" => &mut found.algorithm,
                "X-Amz-Credential" => &mut found.credential,
                "X-Amz-Date" => &mut found.date,
                "X-Amz-Expires" => &mut found.expires,
                "X-Amz-SignedHeaders" => &mut found.signed_headers,
                "X-Amz-Signature" => &mut found.signature,
                "X-Amz-Security-Token" => &mut found.session_token,
                "X-Amz-Content-Sha256" => &mut found.content_sha256,
                _ => continue,
            };
            let value = unescape(value).filter(|value| value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let value = value.ok_or(Error::MalformedCredential { placement: Placement::Query })?;
            if place.replace(value).is_some() {
                return Err(Error::RepeatedQueryParameter { name: name.to_owned() });
            }
        }
        let is_signed = found.algorithm.is_some() || found.credential.is_some() || found.signature.is_some();
        Ok(is_signed.then_some(found))
    }
}

fn from_query(request: &SignedRequest<'_>, query: Query) -> Result<Claim, Error> {
    if let Some(algorithm) = query.algorithm.as_ref().filter(|algorithm| *algorithm != ALGORITHM) {
        return Err(Error::UnsupportedAlgorithm { placement: Placement::Query, algorithm: shown(algorithm) });
    }
    let style = query.credential.as_deref().and_then(|text| text.split('/').nth(3)).map_or(Style::Standard, Style::of);
    let missing: Vec<&'static str> = [
        ("X-Amz-Algorithm", query.algorithm.is_none()),
        ("X-Amz-Credential", query.credential.is_none()),
        ("X-Amz-Signature", query.signature.is_none()),
        ("X-Amz-Date", query.date.is_none()),
        ("X-Amz-SignedHeaders", query.signed_headers.is_none()),
        ("X-Amz-Expires", query.expires.is_none() && style == Style::S3),
    ]
    .into_iter()
    .filter_map(|(name, gone)| gone.then_some(name))
    .collect();
    let (Some(credential), Some(date), Some(signed_headers), Some(signature), true) =
        (query.credential, query.date, query.signed_headers, query.signature, missing.is_empty())
    else {
        return Err(Error::IncompleteQuery { missing });
    };
    let [access_key_id, scope_date, region, service] = read_credential(&credential, Placement::Query)?;
    let timestamp = Timestamp::parse_amz_date(&date)
        .ok_or_else(|| Error::InvalidDate { placement: Placement::Query, text: shown(&date) })?;
    let expires_secs = query.expires.as_deref().map(read_expires).transpose()?;
    let content_sha256 = match query.content_sha256 {
        Some(text) => Some(text),
        None => content_sha256(request)?,
    };
    let (payload, payload_text) = match (style, content_sha256) {
        (Style::S3, Some(text)) => (PayloadKind::from_header(&text)?, text),
        (Style::S3, None) => (PayloadKind::Unsigned, UNSIGNED_PAYLOAD.to_owned()),
        (Style::Standard, text) => standard_payload(text),
    };
    let session_token = query.session_token.or_else(|| request.headers.get("x-amz-security-token").map(lossy));
    let claim = Claim {
        access_key_id,
        date: scope_date,
        region,
        service,
        signed_headers,
        signature,
        timestamp,
        amz_date: date,
        expires_secs,
        session_token,
        payload,
        payload_text,
        placement: Placement::Query,
    };
    check(claim)
}

/// What both placements have in common.
fn check(claim: Claim) -> Result<Claim, Error> {
    let mut names: Vec<&str> = claim.signed_headers.split(';').take(SIGNED_HEADERS_MAX + 1).collect();
    let mut broken = names.len() > SIGNED_HEADERS_MAX || names.iter().any(|name| name.is_empty());
    names.sort_unstable();
    broken |= names.windows(2).any(|pair| pair[0] == pair[1]);
    if broken {
        return Err(Error::MalformedSignedHeaders { placement: claim.placement });
    }
    if claim.date != claim.amz_date[..8] {
        return Err(Error::WrongDate { placement: claim.placement, scope_date: claim.date, amz_date: claim.amz_date });
    }
    Ok(claim)
}

fn read_credential(credential: &str, placement: Placement) -> Result<[String; 4], Error> {
    let mut parts = credential.split('/');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let fields = [next(), next(), next(), next(), next()];
    let [Some(key), Some(date), Some(region), Some(service), Some(terminator)] = fields else {
        return Err(Error::MalformedCredential { placement });
    };
    if parts.next().is_some() {
        return Err(Error::MalformedCredential { placement });
    }
    if terminator != TERMINATOR {
        return Err(Error::WrongTerminator { placement, given: shown(terminator) });
    }
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::InvalidScopeDate { placement, given: shown(date) });
    }
    Ok([key, date, region, service].map(str::to_owned))
}

/// The time from `X-Amz-Date` or `Date`, with its text for the string to sign.
fn read_date(text: &str) -> Option<(Timestamp, String)> {
    match Timestamp::parse_amz_date(text) {
        Some(timestamp) => Some((timestamp, text.to_owned())),
        None => Timestamp::parse_http_date(text)
            .or_else(|| Timestamp::parse_iso8601(text))
            .map(Timestamp::trunc_secs)
            .map(|timestamp| (timestamp, timestamp.amz_date())),
    }
}

fn read_expires(text: &str) -> Result<u32, Error> {
    match text.parse::<i64>() {
        Err(_) => Err(Error::InvalidExpires(ExpiresFault::NotANumber)),
        Ok(secs) if secs < 1 => Err(Error::InvalidExpires(ExpiresFault::NotPositive)),
        Ok(secs) => match u32::try_from(secs) {
            Ok(secs) if secs <= EXPIRES_SECS_MAX => Ok(secs),
            _ => Err(Error::InvalidExpires(ExpiresFault::TooLong)),
        },
    }
}

fn content_sha256(request: &SignedRequest<'_>) -> Result<Option<String>, Error> {
    let value = request.headers.get("x-amz-content-sha256");
    value.map(|value| value.to_str().map(str::to_owned).map_err(|_| Error::InvalidContentSha256)).transpose()
}

fn standard_payload(content_sha256: Option<String>) -> (PayloadKind, String) {
    match content_sha256 {
        Some(text) if text == UNSIGNED_PAYLOAD => (PayloadKind::Unsigned, text),
        _ => (PayloadKind::FromBody, String::new()),
    }
}

/// The start of what a stranger sent, as much as an error may repeat.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

fn lossy(value: &header::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_of_a_claim_opens_nothing() {
        let mut headers = http::HeaderMap::new();
        let signature = "ab".repeat(32);
        let value = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAX/20231114/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        headers.insert("authorization", value.parse().unwrap());
        headers.insert("x-amz-date", "20231114T221320Z".parse().unwrap());
        headers.insert("x-amz-content-sha256", "UNSIGNED-PAYLOAD".parse().unwrap());
        headers.insert("x-amz-security-token", "hush".parse().unwrap());
        let request = SignedRequest { method: "GET", path: "/", query: "X-Amz-None=hush", headers: &headers };
        let claim = parse(&request).unwrap().unwrap();
        let shown = format!("{claim:?} {request:?}");
        assert!(shown.contains("AKIAX") && !shown.contains("hush") && !shown.contains(&signature), "{shown}");
    }
}
