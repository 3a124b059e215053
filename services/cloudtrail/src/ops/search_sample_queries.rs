//! SearchSampleQueries: sample queries that have to do with a phrase, the nearest first.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::CloudTrail;
use crate::error::Error;
use crate::lake::paging::BAD_TOKEN;
use crate::lake::samples::search;

/// Samples per page. Source: CloudTrail API reference, SearchSampleQueries: `MaxResults`.
const PAGE_MAX: usize = 50;

/// See the module.
pub struct SearchSampleQueries;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    search_phrase: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    search_results: Vec<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A sample.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Found {
    name: String,
    description: String,
    #[serde(rename = "SQL")]
    sql: String,
    relevance: f64,
}

impl Operation for SearchSampleQueries {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "SearchSampleQueries";
    const RESOURCE: &'static str = "*";

    async fn run(_: &CloudTrail, _: &Call, input: Input) -> Result<Output, ApiError> {
        let max = match input.max_results {
            None => PAGE_MAX,
            Some(max) => usize::try_from(max).ok().filter(|max| (1..=PAGE_MAX).contains(max)).ok_or_else(|| {
                Error::InvalidParameterException(format!("MaxResults must be from 1 to {PAGE_MAX}, not {max}."))
            })?,
        };
        // The token is the number of samples that were shown, in hexadecimal and with four digits.
        let bad = || Error::InvalidParameterException(BAD_TOKEN.to_owned());
        let from = match input.next_token.as_deref() {
            None => 0,
            Some(token) if token.len() == 4 => usize::from_str_radix(token, 16).map_err(|_| bad())?,
            Some(_) => return Err(bad().into()),
        };
        let found = search(&input.search_phrase);
        let page = found.iter().skip(from).take(max);
        let search_results: Vec<Found> = page
            .map(|(sample, relevance)| Found {
                name: sample.name.clone(),
                description: sample.description.clone(),
                sql: sample.sql.clone(),
                relevance: *relevance,
            })
            .collect();
        let next = from + search_results.len();
        let next_token = (next < found.len() && !search_results.is_empty()).then(|| format!("{next:04x}"));
        Ok(Output { search_results, next_token })
    }
}
