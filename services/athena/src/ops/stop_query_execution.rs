//! StopQueryExecution: stops a query. One that is over stays as it is.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;

/// See the module.
pub struct StopQueryExecution;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    query_execution_id: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for StopQueryExecution {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "StopQueryExecution";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        athena.executions.cancel(&input.query_execution_id, call.region).await?;
        Ok(Output {})
    }
}
