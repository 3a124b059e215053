//! Saved statements.

use base::Region;
use serde::Serialize;
use service::ApiError;
use state::{Doc, Expect, Range};

use crate::error::{invalid, no_named_query};
use crate::rows::{NAMED_QUERIES, NAMED_QUERY_IDS, NamedQuery, TOKENS, Token};
use crate::work_group::PRIMARY;
use crate::{Deps, tokens};

/// The most in a region.
const ALL_MAX: usize = 1_000;

fn key(region: Region, id: &str) -> Vec<u8> {
    state::key::key(&[region.as_str(), id])
}

fn token_key(region: Region, token: &str) -> Vec<u8> {
    tokens::key(region, "CreateNamedQuery", token)
}

/// Saves a statement and returns its identifier; that of an earlier one if the token is the same.
pub async fn add(deps: &Deps, region: Region, query: NamedQuery) -> Result<String, ApiError> {
    let fingerprint = tokens::fingerprint(&(&query.name, &query.description, &query.database, &query.statement));
    let token_key = query.token.as_deref().map(|token| token_key(region, token));
    if let Some(token_key) = &token_key
        && let Some(id) = tokens::used(&*deps.state, token_key, &fingerprint).await?
    {
        return Ok(id);
    }
    if ids(deps, region).await?.len() >= ALL_MAX {
        return Err(invalid(format!("There are {ALL_MAX} named queries already.")));
    }
    let key = key(region, &query.id);
    let mut ops = vec![
        NAMED_QUERIES.put_op(&key, &query, Expect::Absent).map_err(ApiError::internal)?,
        NAMED_QUERY_IDS.put_op(&key, &1, Expect::Absent).map_err(ApiError::internal)?,
    ];
    if let Some(token_key) = &token_key {
        let new = Token { version: 1, id: query.id.clone(), fingerprint: fingerprint.clone() };
        ops.push(TOKENS.put_op(token_key, &new, Expect::Absent).map_err(ApiError::internal)?);
    }
    match (deps.state.commit(ops).await, token_key) {
        (Ok(_), _) => Ok(query.id),
        // The same request came at the same time.
        (Err(error), Some(token_key)) if error.is_conflict() => {
            let before = tokens::used(&*deps.state, &token_key, &fingerprint).await?;
            before.ok_or_else(|| ApiError::unavailable(error))
        }
        (Err(error), _) => Err(ApiError::unavailable(error)),
    }
}

/// The identifiers of all of a region, in order.
pub async fn ids(deps: &Deps, region: Region) -> Result<Vec<String>, ApiError> {
    let range = Range::prefix(state::key::key(&[region.as_str()]));
    let found = NAMED_QUERY_IDS.scan(&*deps.state, range, ALL_MAX).await.map_err(ApiError::unavailable)?;
    Ok(found.iter().filter_map(|doc| state::key::texts(&doc.key)?.into_iter().nth(1)).collect())
}

/// One of them.
pub async fn find(deps: &Deps, region: Region, id: &str) -> Result<NamedQuery, ApiError> {
    get(deps, region, id).await.map(|doc| doc.value)
}

async fn get(deps: &Deps, region: Region, id: &str) -> Result<Doc<NamedQuery>, ApiError> {
    let found = NAMED_QUERIES.get(&*deps.state, &key(region, id)).await.map_err(ApiError::unavailable)?;
    found.ok_or_else(|| no_named_query(id))
}

/// Removes one, and its token. An error if it is not there.
pub async fn remove(deps: &Deps, region: Region, id: &str) -> Result<(), ApiError> {
    let Doc { key, rev, value } = get(deps, region, id).await?;
    let mut ops = vec![NAMED_QUERIES.delete_op(&key, Expect::Rev(rev)), NAMED_QUERY_IDS.delete_op(&key, Expect::Any)];
    let token = value.token.map(|token| TOKENS.delete_op(&token_key(region, &token), Expect::Any));
    ops.extend(token);
    match deps.state.commit(ops).await {
        Ok(_) => Ok(()),
        // Somebody else removed it meanwhile.
        Err(error) if error.is_conflict() => Err(no_named_query(id)),
        Err(error) => Err(ApiError::unavailable(error)),
    }
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
