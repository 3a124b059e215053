//! GetNamedQuery: a saved statement.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::named_queries::{self, Shown};

/// See the module.
pub struct GetNamedQuery;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    named_query_id: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    named_query: Shown,
}

impl Operation for GetNamedQuery {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetNamedQuery";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        let query = named_queries::find(&athena.deps, call.region, &input.named_query_id).await?;
        Ok(Output { named_query: named_queries::shown(query) })
    }
}
