//! Saved queries: PutQueryDefinition, DeleteQueryDefinition, DescribeQueryDefinitions. Kept byte for byte.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use state::key::key;

use super::page;
use crate::error::{invalid, missing, too_many};
use crate::rows::{QueryDefinition, QueryParameter, VERSION};

/// Saved queries in a region. Source: CloudWatch Logs user guide, "CloudWatch Logs quotas".
const QUERIES_MAX: usize = 1_000;
/// Usual length of a page. Source: CloudWatch Logs API reference, DescribeQueryDefinitions.
const PAGE: i64 = 1_000;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    query_language: Option<String>,
    name: String,
    query_definition_id: Option<String>,
    log_group_names: Option<Vec<String>>,
    query_string: String,
    client_token: Option<String>,
    parameters: Option<Vec<QueryParameter>>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutOutput {
    query_definition_id: String,
}

operation! {
    /// Saves a query, or changes one.
    PutQueryDefinition on "*": PutInput => PutOutput, |logs, call, input| {
        // The same token means the same query: a client that asks again gets the one that it made.
        let from_token = input.client_token.as_deref().map(|token| {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest.as_ref()[..16]);
            base::ids::uuid_from(bytes)
        });
        let named = input.query_definition_id.clone();
        let id = named.clone().or(from_token).unwrap_or_else(|| base::ids::uuid(&*logs.deps.env.rng));
        logs.store
            .change(|memory, plan| {
                let known = memory.get::<QueryDefinition>(&key(&[call.region.as_str(), &id]));
                if named.is_some() && known.is_none() {
                    return Err(missing("The specified query definition does not exist."));
                }
                if known.is_none() && memory.of_region::<QueryDefinition>(call.region).count() >= QUERIES_MAX {
                    return Err(too_many("Resource limit exceeded."));
                }
                plan.put(QueryDefinition {
                    v: VERSION,
                    region: call.region,
                    id: id.clone(),
                    name: input.name,
                    text: input.query_string,
                    language: input.query_language,
                    groups: input.log_group_names,
                    parameters: input.parameters,
                    modified: call.time.ms(),
                })
            })
            .await?;
        Ok(PutOutput { query_definition_id: id })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInput {
    query_definition_id: String,
}

/// See the model.
#[derive(Serialize)]
pub struct DeleteOutput {
    success: bool,
}

operation! {
    /// Deletes a saved query.
    DeleteQueryDefinition on "*": DeleteInput => DeleteOutput, |logs, call, input| {
        logs.store
            .change(|memory, plan| {
                let known = memory.get::<QueryDefinition>(&key(&[call.region.as_str(), &input.query_definition_id]));
                plan.remove::<QueryDefinition>(known.ok_or_else(|| missing("The specified query definition does not exist."))?);
                Ok(DeleteOutput { success: true })
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    query_language: Option<String>,
    query_definition_name_prefix: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    query_definitions: Vec<Described>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    query_language: String,
    query_definition_id: String,
    name: String,
    query_string: String,
    last_modified: i64,
    log_group_names: Vec<String>,
    parameters: Option<Vec<QueryParameter>>,
}

operation! {
    /// Shows saved queries.
    DescribeQueryDefinitions on "*": DescribeInput => DescribeOutput, |logs, call, input| {
        if input.max_results.is_some_and(|max| max < 1) {
            return Err(invalid("maxResults must be at least 1."));
        }
        let language = |query: &QueryDefinition| query.language.clone().unwrap_or_else(|| "CWLI".to_owned());
        let found: Vec<Arc<QueryDefinition>> = logs.store.see(|memory| {
            let all = memory.of_region::<QueryDefinition>(call.region).filter(|query| {
                input.query_definition_name_prefix.as_ref().is_none_or(|prefix| query.name.starts_with(prefix.as_str()))
                    && input.query_language.as_ref().is_none_or(|wanted| language(query) == *wanted)
            });
            all.cloned().collect()
        });
        let page = page(found, |query| query.id.as_str(), input.next_token.as_deref(), input.max_results.or(Some(PAGE)))?;
        let described = |query: Arc<QueryDefinition>| Described {
            query_language: language(&query),
            query_definition_id: query.id.clone(),
            name: query.name.clone(),
            query_string: query.text.clone(),
            last_modified: query.modified,
            log_group_names: query.groups.clone().unwrap_or_default(),
            parameters: query.parameters.clone(),
        };
        Ok(DescribeOutput { query_definitions: page.items.into_iter().map(described).collect(), next_token: page.next_token })
    }
}
