//! A small signer: what our own client sends, and what tests need. It signs `host`, `content-type`, `content-md5` and
//! every `x-amz-*` header, and nothing that a proxy may touch.

use std::fmt;

use base::Timestamp;
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::canonical::{canonical_request, escape, scope, string_to_sign};
use crate::key::{sha256_hex, text};
use crate::{ALGORITHM, SignedRequest, SigningKey, Style, UNSIGNED_PAYLOAD};

/// An access key with its secret.
#[derive(Clone)]
pub struct Credentials {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// What goes with temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Signs requests to one service in one region at one time.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Whose signature it will be.
    pub credentials: &'a Credentials,
    /// `us-east-1`.
    pub region: &'a str,
    /// The signing name: `s3`, `monitoring`.
    pub service: &'a str,
    /// Now.
    pub time: Timestamp,
}

impl Signer<'_> {
    /// The headers to add (or to put in the place of those there are) so that the request is signed. `payload_hash` is
    /// [`sha256_hex`] of the body, or for S3 one of the words such as [`UNSIGNED_PAYLOAD`]. `host` must be among the
    /// request's headers already. The error is for a session token that cannot be in a header.
    pub fn headers(
        &self,
        request: &SignedRequest<'_>,
        payload_hash: &str,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, InvalidHeaderValue> {
        let amz_date = self.time.amz_date();
        let mut added = vec![(HeaderName::from_static("x-amz-date"), HeaderValue::from_str(&amz_date)?)];
        if Style::of(self.service) == Style::S3 || payload_hash == UNSIGNED_PAYLOAD {
            added.push((HeaderName::from_static("x-amz-content-sha256"), HeaderValue::from_str(payload_hash)?));
        }
        if let Some(token) = &self.credentials.session_token {
            added.push((HeaderName::from_static("x-amz-security-token"), HeaderValue::from_str(token)?));
        }
        let mut headers = request.headers.clone();
        for (name, value) in &added {
            headers.insert(name, value.clone());
        }
        let signed_headers = signed_headers(&headers);
        let request = SignedRequest { headers: &headers, ..*request };
        let signature = self.signature(&request, &signed_headers, &amz_date, payload_hash);
        let credential = format!("{}/{}", self.credentials.access_key_id, self.scope());
        let authorization =
            format!("{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}");
        added.push((header::AUTHORIZATION, HeaderValue::from_str(&authorization)?));
        Ok(added)
    }

    /// The query of a presigned URL that is good for `expires_secs`, the request's own query included. The body is
    /// unsigned for S3 and must be empty for the others.
    pub fn presign(&self, request: &SignedRequest<'_>, expires_secs: u32) -> String {
        let amz_date = self.time.amz_date();
        let signed_headers = signed_headers(request.headers);
        let credential = format!("{}/{}", self.credentials.access_key_id, self.scope());
        let mut query = request.query.to_owned();
        let expires = expires_secs.to_string();
        let parameters = [
            ("X-Amz-Algorithm", Some(ALGORITHM)),
            ("X-Amz-Credential", Some(credential.as_str())),
            ("X-Amz-Date", Some(amz_date.as_str())),
            ("X-Amz-Expires", Some(expires.as_str())),
            ("X-Amz-SignedHeaders", Some(signed_headers.as_str())),
            ("X-Amz-Security-Token", self.credentials.session_token.as_deref()),
        ];
        for (name, value) in parameters {
            let Some(value) = value else { continue };
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            query.push_str(&escape(value));
        }
        let payload_hash = match Style::of(self.service) {
            Style::S3 => UNSIGNED_PAYLOAD.to_owned(),
            Style::Standard => sha256_hex(b""),
        };
        let unsigned = SignedRequest { query: &query, ..*request };
        let signature = self.signature(&unsigned, &signed_headers, &amz_date, &payload_hash);
        query.push_str("&X-Amz-Signature=");
        query.push_str(&signature);
        query
    }

    fn scope(&self) -> String {
        scope(&self.time.amz_date()[..8], self.region, self.service)
    }

    fn signature(
        &self,
        request: &SignedRequest<'_>,
        signed_headers: &str,
        amz_date: &str,
        payload_hash: &str,
    ) -> String {
        let canonical = canonical_request(request, Style::of(self.service), signed_headers, false, payload_hash)
            .expect("the signed headers were taken from the request");
        let to_sign = string_to_sign(amz_date, &self.scope(), &canonical);
        let key = SigningKey::derive(&self.credentials.secret_access_key, &amz_date[..8], self.region, self.service);
        text(&key.sign(&[&to_sign])).to_owned()
    }
}

fn signed_headers(headers: &HeaderMap) -> String {
    let is_signed =
        |name: &&str| matches!(*name, "host" | "content-type" | "content-md5") || name.starts_with("x-amz-");
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).filter(is_signed).collect();
    names.sort_unstable();
    names.join(";")
}
