//! CreateNamedQuery: saves a statement.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::rows::NamedQuery;
use crate::{named_queries, work_group};

/// See the module.
pub struct CreateNamedQuery;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    description: Option<String>,
    database: String,
    query_string: String,
    client_request_token: Option<String>,
    work_group: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    named_query_id: String,
}

impl Operation for CreateNamedQuery {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateNamedQuery";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        let query = NamedQuery {
            version: 1,
            id: base::ids::uuid(&*athena.deps.env.rng),
            name: input.name,
            description: input.description,
            database: input.database,
            statement: input.query_string,
            token: input.client_request_token,
        };
        let named_query_id = named_queries::add(&athena.deps, call.region, query).await?;
        Ok(Output { named_query_id })
    }
}
