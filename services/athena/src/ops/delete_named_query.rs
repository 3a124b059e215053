//! DeleteNamedQuery: removes a saved statement.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::named_queries;

/// See the module.
pub struct DeleteNamedQuery;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    named_query_id: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for DeleteNamedQuery {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteNamedQuery";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        named_queries::remove(&athena.deps, call.region, &input.named_query_id).await?;
        Ok(Output {})
    }
}
