//! ListQueries: the queries of the last seven days that read an event data store, newest first.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};
use state::Range;

use super::queries::store_named;
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::paging::{BAD_TOKEN, page_size};
use crate::lake::query::row::{KEPT_MS, QueryStatus, read_store_key};
use crate::rows::QUERIES_BY_STORE;

/// How many queries one call looks at: with a filter that few pass, a page may be short and still have a token.
const LOOKED_AT_MAX: usize = 5_000;

/// See the module.
pub struct ListQueries;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_store: String,
    next_token: Option<String>,
    max_results: Option<i64>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    query_status: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    queries: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A query.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    query_id: String,
    query_status: QueryStatus,
    creation_time: Timestamp,
}

impl Operation for ListQueries {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListQueries";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let store = store_named(cloudtrail, call, &input.event_data_store).await?;
        let max = page_size(input.max_results)?;
        if let (Some(start), Some(end)) = (input.start_time, input.end_time)
            && start > end
        {
            let text = "Invalid date range: the start time is after the end time.";
            return Err(Error::InvalidDateRangeException(text.to_owned()).into());
        }
        let wanted =
            match input.query_status.as_deref() {
                None => None,
                Some(text) => Some(QueryStatus::parse(text).ok_or_else(|| {
                    Error::InvalidQueryStatusException(format!("The query status is not valid: {text}"))
                })?),
            };
        let prefix = state::key::key(&[store.as_str()]);
        let mut range = Range::prefix(prefix.clone());
        if let Some(token) = &input.next_token {
            let bad = || Error::InvalidNextTokenException(BAD_TOKEN.to_owned());
            let after = base::ids::unhex(token).filter(|key| key.starts_with(&prefix)).ok_or_else(bad)?;
            range = range.after(after);
        }
        let oldest = cloudtrail.shared.env.clock.now().plus_ms(-KEPT_MS);
        let from = input.start_time.unwrap_or(oldest).max(oldest);
        let rows = cloudtrail.shared.state.scan(QUERIES_BY_STORE, range, LOOKED_AT_MAX).await;
        let rows = rows.map_err(ApiError::unavailable)?;
        let mut queries = Vec::new();
        let mut last = None;
        for (seen, row) in rows.iter().enumerate() {
            if queries.len() == max {
                break;
            }
            last = Some((seen, &row.key));
            let Some((created_ms, id)) = read_store_key(&row.key) else { continue };
            let created = Timestamp::from_ms(created_ms);
            if created < from || input.end_time.is_some_and(|end| created > end) {
                continue;
            }
            let query = match cloudtrail.lake.queries.find(&id, call.region).await {
                Ok(query) => query,
                // Forgotten in between.
                Err(error) if error.status < 500 => continue,
                Err(error) => return Err(error),
            };
            if wanted.is_none_or(|wanted| wanted == query.status) {
                queries.push(Listed { query_id: id, query_status: query.status, creation_time: created });
            }
        }
        let more = last.is_some_and(|(seen, _)| seen + 1 < rows.len() || rows.len() == LOOKED_AT_MAX);
        let next_token = last.filter(|_| more).map(|(_, key)| base::ids::hex(key));
        Ok(Output { queries, next_token })
    }
}
