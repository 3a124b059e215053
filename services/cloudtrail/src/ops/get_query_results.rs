//! GetQueryResults: the rows of a result, page by page. Of a query that was cancelled or ran for too long, the rows it had by then.

use std::collections::BTreeMap;

use ports::lake::TextRow;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation, paging};

use super::queries::find;
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::paging::{BAD_TOKEN, page_size};
use crate::lake::query::results::{locate, read_piece};
use crate::lake::query::row::QueryStatus;

/// The model has counts as integers of 32 bits.
const COUNT_MAX: u64 = 0x7fff_ffff;

/// See the module.
pub struct GetQueryResults;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_store: Option<String>,
    query_id: String,
    next_token: Option<String>,
    max_query_results: Option<i64>,
    event_data_store_owner_account_id: Option<String>,
}

/// The answer. Each row is a list of maps with one entry: the column's name and its value.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_status: QueryStatus,
    query_statistics: Statistics,
    query_result_rows: Vec<Vec<BTreeMap<String, String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

/// How many rows there are.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statistics {
    results_count: usize,
    total_results_count: u64,
    bytes_scanned: u64,
}

impl Operation for GetQueryResults {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetQueryResults";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let owner = input.event_data_store_owner_account_id.as_deref();
        let query = find(cloudtrail, call, &input.query_id, input.event_data_store.as_deref(), owner).await?;
        let max = page_size(input.max_query_results)?;
        let from = match input.next_token.as_deref() {
            None => 0,
            Some(token) => read_token(token, &query.id)?,
        };
        let mut rows = Vec::new();
        if query.status.is_over()
            && let Some((chunk, at)) = locate(&query.chunks, from)
        {
            let all = read_piece(&*cloudtrail.shared.objects, &query, chunk).await?;
            rows.extend(all.into_iter().skip(at).take(max).map(|row| shown(&query.columns, row)));
        }
        let total = query.result_rows();
        let next = from.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        let next_token = (!rows.is_empty() && next < total).then(|| token(&query.id, next));
        let query_statistics = Statistics {
            results_count: rows.len(),
            total_results_count: total.min(COUNT_MAX),
            bytes_scanned: query.bytes_scanned,
        };
        Ok(Output {
            query_status: query.status,
            query_statistics,
            query_result_rows: rows,
            next_token,
            error_message: query.error,
        })
    }
}

/// Clients know no null in these maps; it is shown as nothing.
fn shown(columns: &[String], row: TextRow) -> Vec<BTreeMap<String, String>> {
    let values = columns.iter().zip(row);
    values.map(|(name, value)| BTreeMap::from([(name.clone(), value.unwrap_or_default())])).collect()
}

/// Names the query and the next row, in hexadecimal.
fn token(query: &str, row: u64) -> String {
    paging::token_of(&format!("{query}/{row}"))
}

fn read_token(token: &str, query: &str) -> Result<u64, Error> {
    let text = paging::read_token(token).ok();
    let row = text.as_deref().and_then(|text| text.strip_prefix(query)?.strip_prefix('/')?.parse().ok());
    row.ok_or_else(|| Error::InvalidNextTokenException(BAD_TOKEN.to_owned()))
}
