//! DescribeQuery: how far a query is, what it read, and where its result went.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::queries::{check_owner, find};
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::query::row::{DeliveryStatus, QueryStatus};

/// See the module.
pub struct DescribeQuery;

/// The request: a query's UUID, or the alias that it ran under.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_store: Option<String>,
    query_id: Option<String>,
    query_alias: Option<String>,
    refresh_id: Option<String>,
    event_data_store_owner_account_id: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_id: String,
    query_string: String,
    query_status: QueryStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    query_statistics: Statistics,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    #[serde(rename = "DeliveryS3Uri", skip_serializing_if = "Option::is_none")]
    delivery_s3_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_status: Option<DeliveryStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_data_store_owner_account_id: Option<String>,
}

/// What a query read.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statistics {
    events_matched: u64,
    events_scanned: u64,
    bytes_scanned: u64,
    execution_time_in_millis: u64,
    creation_time: Timestamp,
}

impl Operation for DescribeQuery {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeQuery";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let owner = input.event_data_store_owner_account_id.as_deref();
        let query = match (&input.query_id, &input.query_alias) {
            (Some(id), None) => find(cloudtrail, call, id, input.event_data_store.as_deref(), owner).await?,
            (None, Some(alias)) => {
                check_owner(cloudtrail, owner)?;
                let refresh = input.refresh_id.as_deref().unwrap_or_default();
                cloudtrail.lake.queries.find_by_alias(alias, refresh, call.region).await?
            }
            _ => {
                let text = "Specify either QueryId or QueryAlias.";
                return Err(Error::InvalidParameterException(text.to_owned()).into());
            }
        };
        let query_statistics = Statistics {
            events_matched: query.rows_matched,
            events_scanned: query.rows_scanned,
            bytes_scanned: query.bytes_scanned,
            execution_time_in_millis: query.execution_ms.min(EXECUTION_MS_MAX),
            creation_time: query.created(),
        };
        let (delivery_s3_uri, delivery_status) = query.delivery.map(|to| (to.uri, to.status)).unzip();
        Ok(Output {
            query_id: query.id,
            query_string: query.statement,
            query_status: query.status,
            prompt: query.prompt,
            query_statistics,
            error_message: query.error,
            delivery_s3_uri,
            delivery_status,
            event_data_store_owner_account_id: input.event_data_store_owner_account_id,
        })
    }
}

/// The model has it as an integer of 32 bits.
const EXECUTION_MS_MAX: u64 = 0x7fff_ffff;
