//! BatchGetNamedQuery: several saved statements.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::named_queries::{self, Shown};

/// See the module.
pub struct BatchGetNamedQuery;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    named_query_ids: Vec<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    named_queries: Vec<Shown>,
    unprocessed_named_query_ids: Vec<Unprocessed>,
}

/// A statement that was not found.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Unprocessed {
    named_query_id: String,
    error_code: &'static str,
    error_message: String,
}

impl Operation for BatchGetNamedQuery {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "BatchGetNamedQuery";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        let mut output = Output { named_queries: Vec::new(), unprocessed_named_query_ids: Vec::new() };
        for id in input.named_query_ids {
            match named_queries::find(&athena.deps, call.region, &id).await {
                Ok(query) => output.named_queries.push(named_queries::shown(query)),
                Err(error) if error.status < 500 => output.unprocessed_named_query_ids.push(Unprocessed {
                    named_query_id: id,
                    error_code: "INVALID_INPUT",
                    error_message: error.message,
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(output)
    }
}
