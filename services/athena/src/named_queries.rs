//! Saved statements.

use base::Region;
use serde::Serialize;
use service::ApiError;
use sha2::{Digest, Sha256};
use state::{Expect, Range};

use crate::Deps;
use crate::error::{invalid, no_named_query};
use crate::rows::{NAMED_QUERIES, NamedQuery, TOKENS, Token};
use crate::work_group::PRIMARY;

/// The most in a region.
const ALL_MAX: usize = 1_000;

fn key(region: Region, id: &str) -> Vec<u8> {
    state::key::key(&[region.as_str(), id])
}

fn token_key(region: Region, token: &str) -> Vec<u8> {
    state::key::key(&[region.as_str(), "CreateNamedQuery", token])
}

/// Saves a statement and returns its identifier; that of an earlier one if the token is the same.
pub async fn add(deps: &Deps, region: Region, query: NamedQuery, token: Option<String>) -> Result<String, ApiError> {
    let said = (&query.name, &query.description, &query.database, &query.statement);
    let fingerprint = base::ids::hex(&Sha256::digest(serde_json::to_vec(&said).expect("texts have no failing parts")));
    if all(deps, region).await?.len() >= ALL_MAX {
        return Err(invalid(format!("There are {ALL_MAX} named queries already.")));
    }
    let put = NAMED_QUERIES.put_op(&key(region, &query.id), &query, Expect::Absent).map_err(ApiError::internal)?;
    let mut ops = vec![put];
    if let Some(token) = &token {
        let new = Token { version: 1, id: query.id.clone(), fingerprint: fingerprint.clone() };
        let put = TOKENS.put_op(&token_key(region, token), &new, Expect::Absent);
        ops.push(put.map_err(ApiError::internal)?);
    }
    match (deps.state.commit(ops).await, token) {
        (Ok(_), _) => Ok(query.id),
        (Err(error), Some(token)) if error.is_conflict() => {
            let found = TOKENS.get(&*deps.state, &token_key(region, &token)).await.map_err(ApiError::unavailable)?;
            match found {
                Some(doc) if doc.value.fingerprint == fingerprint => Ok(doc.value.id),
                _ => Err(invalid("Idempotent parameters do not match: ClientRequestToken was used for another query.")),
            }
        }
        (Err(error), _) => Err(ApiError::unavailable(error)),
    }
}

/// All of a region, by identifier.
pub async fn all(deps: &Deps, region: Region) -> Result<Vec<NamedQuery>, ApiError> {
    let range = Range::prefix(state::key::key(&[region.as_str()]));
    let found = NAMED_QUERIES.scan(&*deps.state, range, ALL_MAX).await.map_err(ApiError::unavailable)?;
    Ok(found.into_iter().map(|doc| doc.value).collect())
}

/// One of them.
pub async fn find(deps: &Deps, region: Region, id: &str) -> Result<NamedQuery, ApiError> {
    let found = NAMED_QUERIES.get(&*deps.state, &key(region, id)).await.map_err(ApiError::unavailable)?;
    found.map(|doc| doc.value).ok_or_else(|| no_named_query(id))
}

/// Removes one. An error if it is not there.
pub async fn remove(deps: &Deps, region: Region, id: &str) -> Result<(), ApiError> {
    find(deps, region, id).await?;
    NAMED_QUERIES.delete(&*deps.state, &key(region, id), Expect::Any).await.map_err(ApiError::unavailable)
}

/// A saved statement as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    database: String,
    query_string: String,
    named_query_id: String,
    work_group: &'static str,
}

/// All that is shown of it.
pub fn shown(query: NamedQuery) -> Shown {
    Shown {
        name: query.name,
        description: query.description,
        database: query.database,
        query_string: query.statement,
        named_query_id: query.id,
        work_group: PRIMARY,
    }
}
