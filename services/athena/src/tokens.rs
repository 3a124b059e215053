//! Idempotency: the same ClientRequestToken with the same request leads to what the first one made.

use base::Region;
use serde::Serialize;
use service::ApiError;
use sha2::{Digest, Sha256};
use state::State;

use crate::error::invalid;
use crate::rows::TOKENS;

/// The key of [`TOKENS`].
pub fn key(region: Region, operation: &str, token: &str) -> Vec<u8> {
    state::key::key(&[region.as_str(), operation, token])
}

/// Tells requests apart.
pub fn fingerprint(request: &impl Serialize) -> String {
    base::ids::hex(&Sha256::digest(serde_json::to_vec(request).expect("texts have no failing parts")))
}

/// The UUID of what a token led to, if it was used before; an error if that was with another request.
pub async fn used(state: &dyn State, key: &[u8], fingerprint: &str) -> Result<Option<String>, ApiError> {
    match TOKENS.get(state, key).await.map_err(ApiError::unavailable)? {
        Some(doc) if doc.value.fingerprint == fingerprint => Ok(Some(doc.value.id)),
        Some(_) => Err(invalid("Idempotent parameters do not match: ClientRequestToken was used for another query.")),
        None => Ok(None),
    }
}
