//! ListNamedQueries: the saved statements of the region.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::paging::page;
use crate::{named_queries, work_group};

/// See the module.
pub struct ListNamedQueries;

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
    named_query_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListNamedQueries {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListNamedQueries";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        let ids = named_queries::ids(&athena.deps, call.region).await?;
        let (named_query_ids, next_token) = page(ids, |id| id, input.next_token.as_deref(), input.max_results)?;
        Ok(Output { named_query_ids, next_token })
    }
}
