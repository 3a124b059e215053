//! ListImports: the imports of a region, newest first, of one event data store or status if that is asked.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::import_view::{page_size, read_token, token};
use crate::CloudTrail;
use crate::error::Error;

/// See the module.
pub struct ListImports;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    max_results: Option<i64>,
    destination: Option<String>,
    import_status: Option<String>,
    next_token: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    imports: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    import_id: String,
    import_status: &'static str,
    destinations: Vec<String>,
    created_timestamp: Timestamp,
    updated_timestamp: Timestamp,
}

impl Operation for ListImports {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListImports";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let size = page_size(input.max_results)?;
        let after = read_token(input.next_token.as_deref())?;
        let mut rows = cloudtrail.imports().list(call.region).await?;
        // A whole ARN, or the UUID at its end.
        let is_of = |arn: &str, named: &str| arn == named || arn.rsplit_once('/').is_some_and(|(_, id)| id == named);
        rows.retain(|row| {
            input.destination.as_deref().is_none_or(|named| is_of(&row.destination, named))
                && input.import_status.as_deref().is_none_or(|status| row.status.as_str() == status)
        });
        if let Some(after) = after {
            let at = rows.iter().position(|row| row.id == after);
            let at = at.ok_or_else(|| Error::InvalidNextTokenException("The token is not valid.".to_owned()))?;
            rows.drain(..=at);
        }
        let more = rows.len() > size;
        rows.truncate(size);
        let next_token = rows.last().filter(|_| more).map(|row| token(&row.id));
        let imports = rows.into_iter().map(|row| Item {
            import_id: row.id,
            import_status: row.status.as_str(),
            destinations: vec![row.destination],
            created_timestamp: Timestamp::from_ms(row.created_ms),
            updated_timestamp: Timestamp::from_ms(row.updated_ms),
        });
        Ok(Output { imports: imports.collect(), next_token })
    }
}
