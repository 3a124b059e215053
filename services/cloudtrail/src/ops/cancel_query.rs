//! CancelQuery: ends a query that runs. The rows it had by then are kept.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::queries::find;
use crate::CloudTrail;
use crate::lake::query::row::QueryStatus;

/// See the module.
pub struct CancelQuery;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_store: Option<String>,
    query_id: String,
    event_data_store_owner_account_id: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_id: String,
    query_status: QueryStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_data_store_owner_account_id: Option<String>,
}

impl Operation for CancelQuery {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CancelQuery";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let owner = input.event_data_store_owner_account_id.as_deref();
        let query = find(cloudtrail, call, &input.query_id, input.event_data_store.as_deref(), owner).await?;
        let query = cloudtrail.lake.queries.cancel(&query.id, call.region).await?;
        Ok(Output {
            query_id: query.id,
            query_status: query.status,
            event_data_store_owner_account_id: input.event_data_store_owner_account_id,
        })
    }
}
