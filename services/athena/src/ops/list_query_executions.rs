//! ListQueryExecutions: the queries of the last 45 days, newest first.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::paging::page_size;
use crate::work_group;

/// See the module.
pub struct ListQueryExecutions;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    next_token: Option<String>,
    max_results: Option<i64>,
    work_group: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    query_execution_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListQueryExecutions {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListQueryExecutions";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        let max = page_size(input.max_results);
        let (query_execution_ids, next_token) =
            athena.executions.list(call.region, input.next_token.as_deref(), max).await?;
        Ok(Output { query_execution_ids, next_token })
    }
}
