//! ListWorkGroups: the work groups: there is the primary one.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::paging::page;
use crate::work_group::{self, EngineVersion, PRIMARY};

/// See the module.
pub struct ListWorkGroups;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    work_groups: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A work group.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Summary {
    name: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    engine_version: EngineVersion,
}

impl Operation for ListWorkGroups {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListWorkGroups";
    const RESOURCE: &'static str = "*";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        let group = work_group::of(&athena.deps, call.region).await?;
        let (names, next_token) = page([PRIMARY], |name| name, input.next_token.as_deref(), input.max_results)?;
        let summary = |name| Summary {
            name,
            state: work_group::state(&group),
            description: group.description.clone(),
            engine_version: work_group::engine_version(),
        };
        Ok(Output { work_groups: names.into_iter().map(summary).collect(), next_token })
    }
}
