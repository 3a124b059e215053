//! A query as the API shows it.

use base::Timestamp;
use serde::Serialize;

use crate::rows::Execution;
use crate::run::ExecutionState;
use crate::work_group::{self, EngineVersion, PRIMARY};

/// See the model: `QueryExecution`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    query_execution_id: String,
    query: String,
    statement_type: String,
    substatement_type: String,
    result_configuration: ResultConfiguration,
    query_execution_context: Context,
    status: Status,
    statistics: Statistics,
    work_group: &'static str,
    engine_version: EngineVersion,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    execution_parameters: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultConfiguration {
    output_location: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    state: ExecutionState,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_change_reason: Option<String>,
    submission_date_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_date_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    athena_error: Option<AthenaError>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AthenaError {
    error_category: i32,
    retryable: bool,
    error_message: String,
}

/// `AthenaError`'s categories. Source: Athena API reference, "AthenaError".
const SYSTEM: i32 = 1;
const USER: i32 = 2;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statistics {
    engine_execution_time_in_millis: u64,
    data_scanned_in_bytes: u64,
    total_execution_time_in_millis: u64,
    query_queue_time_in_millis: u64,
    service_processing_time_in_millis: u64,
    result_reuse_information: Reuse,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reuse {
    reused_previous_result: bool,
}

/// All that is shown of a query.
pub fn shown(execution: Execution) -> Shown {
    let failed = execution.state == ExecutionState::Failed;
    let reason = execution.reason.clone();
    let athena_error = reason.filter(|_| failed).map(|error_message| AthenaError {
        error_category: if execution.by_user { USER } else { SYSTEM },
        retryable: !execution.by_user,
        error_message,
    });
    Shown {
        query_execution_id: execution.id,
        query: execution.statement,
        statement_type: execution.kind,
        substatement_type: execution.sub_kind,
        result_configuration: ResultConfiguration {
            output_location: format!("s3://{}/{}", execution.bucket, execution.key),
        },
        query_execution_context: Context { database: execution.database, catalog: execution.catalog },
        status: Status {
            state: execution.state,
            state_change_reason: execution.reason,
            submission_date_time: Timestamp::from_ms(execution.submitted_ms),
            completion_date_time: execution.completed_ms.map(Timestamp::from_ms),
            athena_error,
        },
        statistics: Statistics {
            engine_execution_time_in_millis: execution.engine_ms,
            data_scanned_in_bytes: execution.bytes_scanned,
            total_execution_time_in_millis: execution.queue_ms.saturating_add(execution.engine_ms),
            query_queue_time_in_millis: execution.queue_ms,
            service_processing_time_in_millis: 0,
            result_reuse_information: Reuse { reused_previous_result: false },
        },
        work_group: PRIMARY,
        engine_version: work_group::engine_version(),
        execution_parameters: execution.parameters,
    }
}
