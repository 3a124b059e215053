//! What holds for the whole crate: AWS's own examples, AWS's own signer as the oracle, and every error.

#![expect(clippy::unwrap_used, reason = "tests")]

mod chunks;
mod clients;
mod documented;
mod errors;
mod oracle;
mod reference;
mod signer;

use base::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use sigv4::{Claim, Error, Rules, SignedRequest, Verified, parse, signing_key, verify};

/// A request, owned, as a test writes it down.
#[derive(Clone, Debug, Default)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    /// `GET /path?query`, then a header a line: `name: value`.
    fn new(text: &str) -> Request {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request =
            Request { method: method.into(), path: path.into(), query: query.into(), ..Request::default() };
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            request.add(name, value.trim());
        }
        request
    }

    fn add(&mut self, name: &str, value: &str) {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }

    fn signed(&self) -> SignedRequest<'_> {
        SignedRequest { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn claim(&self) -> Result<Claim, Error> {
        parse(&self.signed())?.ok_or(Error::MissingAuthentication)
    }

    /// Parses and verifies at the moment the request was signed, for the service and region it names.
    fn verify(&self, secret: &str) -> Result<Verified, Error> {
        let claim = self.claim()?;
        let now = claim.timestamp;
        self.verify_at(secret, now, None)
    }

    fn verify_at(&self, secret: &str, now: Timestamp, rules: Option<&Rules<'_>>) -> Result<Verified, Error> {
        let claim = self.claim()?;
        let key = signing_key(secret, &claim.date, &claim.region, &claim.service);
        let same = Rules { service: &claim.service, region: Some(&claim.region), unsigned_payload: false };
        let hash = sigv4::sha256(&self.body);
        verify(&self.signed(), &claim, &key, Some(&hash), now, rules.unwrap_or(&same))
    }
}

fn at(amz_date: &str) -> Timestamp {
    Timestamp::parse_amz_date(amz_date).unwrap()
}
