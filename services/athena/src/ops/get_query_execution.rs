//! GetQueryExecution: a query as it is now.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::execution_view::{Shown, shown};

/// See the module.
pub struct GetQueryExecution;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    query_execution_id: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_execution: Shown,
}

impl Operation for GetQueryExecution {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetQueryExecution";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        let execution = athena.executions.find(&input.query_execution_id, call.region).await?;
        Ok(Output { query_execution: shown(execution) })
    }
}
