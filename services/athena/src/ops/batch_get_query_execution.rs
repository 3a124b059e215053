//! BatchGetQueryExecution: several queries as they are now.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::execution_view::{Shown, shown};

/// See the module.
pub struct BatchGetQueryExecution;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    query_execution_ids: Vec<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_executions: Vec<Shown>,
    unprocessed_query_execution_ids: Vec<Unprocessed>,
}

/// A query that was not found.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Unprocessed {
    query_execution_id: String,
    error_code: &'static str,
    error_message: String,
}

impl Operation for BatchGetQueryExecution {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "BatchGetQueryExecution";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        let mut output = Output { query_executions: Vec::new(), unprocessed_query_execution_ids: Vec::new() };
        for id in input.query_execution_ids {
            match athena.executions.find(&id, call.region).await {
                Ok(execution) => output.query_executions.push(shown(execution)),
                Err(error) if error.status < 500 => output.unprocessed_query_execution_ids.push(Unprocessed {
                    query_execution_id: id,
                    error_code: "INVALID_INPUT",
                    error_message: error.message,
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(output)
    }
}
