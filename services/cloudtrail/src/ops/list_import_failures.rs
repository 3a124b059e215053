//! ListImportFailures: the files that an import could not take, by their names.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::import_view::{page_size, read_token, token};
use crate::CloudTrail;
use crate::imports::failures::{self, FailureStatus};

/// See the module.
pub struct ListImportFailures;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    import_id: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    failures: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    location: String,
    status: FailureStatus,
    error_type: String,
    error_message: String,
    last_updated_time: Timestamp,
}

impl Operation for ListImportFailures {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListImportFailures";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let size = page_size(input.max_results)?;
        let after = read_token(input.next_token.as_deref())?;
        // An import that is not there has no failures: the operation has no error for it.
        let shared = &cloudtrail.shared;
        let of_region = cloudtrail.imports().list(call.region).await?.iter().any(|row| row.id == input.import_id);
        let mut rows = match of_region {
            true => failures::page(&*shared.state, &input.import_id, after.as_deref(), size + 1).await?,
            false => Vec::new(),
        };
        let more = rows.len() > size;
        rows.truncate(size);
        let next_token = rows.last().filter(|_| more).map(|row| token(&row.location));
        let failures = rows.into_iter().map(|row| Item {
            location: row.location,
            status: row.status,
            error_type: row.error_type,
            error_message: row.message,
            last_updated_time: Timestamp::from_ms(row.updated_ms),
        });
        Ok(Output { failures: failures.collect(), next_token })
    }
}
