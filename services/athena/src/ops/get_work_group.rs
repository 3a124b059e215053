//! GetWorkGroup: the settings of the primary work group.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::work_group::{self, Shown};

/// See the module.
pub struct GetWorkGroup;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    work_group: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    work_group: Shown,
}

impl Operation for GetWorkGroup {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetWorkGroup";
    const RESOURCE: &'static str = "workgroup/{WorkGroup}";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(Some(&input.work_group))?;
        let group = work_group::of(&athena.deps, call.region).await?;
        Ok(Output { work_group: work_group::shown(group) })
    }
}
