//! Who signed a request: the key is looked up, the signature made again and compared.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use base::{Region, Timestamp};
use ports::{Caller, Credential, Credentials};
use service::ApiError;
use sigv4::{Claim, Family, Rules, SignedRequest, SigningKey, Verified};

use crate::failure;

/// Signing keys kept. One is used for a day by one access key in one region and service; when the table is full it is emptied.
const KEYS_KEPT_MAX: usize = 4096;

/// Derived signing keys: deriving one costs four HMACs, a call needs one more.
#[derive(Default)]
pub struct SigningKeys(RwLock<HashMap<String, Arc<SigningKey>>>);

impl SigningKeys {
    fn get(&self, claim: &Claim, credential: &Credential) -> Arc<SigningKey> {
        let scope = format!("{}/{}/{}/{}", claim.access_key_id, claim.date, claim.region, claim.service);
        if let Some(key) = self.0.read().expect("no holder of this lock can panic").get(&scope) {
            return Arc::clone(key);
        }
        let key = SigningKey::derive(&credential.secret.0, &claim.date, &claim.region, &claim.service);
        let key = Arc::new(key);
        let mut keys = self.0.write().expect("no holder of this lock can panic");
        if keys.len() >= KEYS_KEPT_MAX {
            keys.clear();
        }
        keys.insert(scope, Arc::clone(&key));
        key
    }
}

/// A caller who proved to be one, and what a chunked body needs to be checked.
pub struct Identified {
    pub caller: Caller,
    pub verified: Verified,
}

/// The credential that a claim names; refuses unknown and inactive keys, foreign session tokens and
/// those whose time is over.
pub async fn credential(
    credentials: &dyn Credentials,
    claim: &Claim,
    family: Family,
    now: Timestamp,
) -> Result<Arc<Credential>, ApiError> {
    let refuse = |error: sigv4::Error| failure::of_signature(&error, family);
    let unknown = || sigv4::Error::UnknownAccessKey { access_key_id: claim.access_key_id.clone() };
    let found = credentials.find(&claim.access_key_id).await?.filter(|credential| credential.active);
    let credential = found.ok_or_else(|| refuse(unknown()))?;
    match (&credential.session_token, &claim.session_token) {
        (None, None) => Ok(credential),
        (Some(ours), Some(theirs)) if sigv4::sha256(ours.0.as_bytes()) == sigv4::sha256(theirs.as_bytes()) => {
            match credential.expires {
                Some(expires) if expires <= now => Err(refuse(sigv4::Error::ExpiredToken)),
                _ => Ok(credential),
            }
        }
        _ => Err(refuse(sigv4::Error::InvalidToken)),
    }
}

/// Holds the signature against the credential, and its scope against the service that the request is for.
pub fn verify(
    keys: &SigningKeys,
    request: &SignedRequest<'_>,
    claim: &Claim,
    credential: &Credential,
    body: &[u8],
    now: Timestamp,
    rules: &Rules<'_>,
) -> Result<Identified, sigv4::Error> {
    let key = keys.get(claim, credential);
    let body_hash = (claim.payload == sigv4::PayloadKind::FromBody).then(|| sigv4::sha256(body));
    let verified = sigv4::verify(request, claim, &key, body_hash.as_ref(), now, rules)?;
    Ok(Identified { caller: credential.caller.clone(), verified })
}

/// The region that a signature's scope names.
pub fn region(claim: &Claim, family: Family) -> Result<Region, ApiError> {
    Region::parse(&claim.region).ok_or_else(|| {
        let text = format!("The credential scope names the region '{}', which does not exist.", claim.region);
        let (code, status) = match family {
            Family::S3 => ("AuthorizationHeaderMalformed", 400),
            Family::Query => ("SignatureDoesNotMatch", 403),
            Family::Json | Family::Rest => ("InvalidSignatureException", 403),
        };
        ApiError::new(code, status, text)
    })
}
