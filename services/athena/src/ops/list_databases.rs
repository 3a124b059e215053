//! ListDatabases: the databases of the region.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::ops::get_database::Database;
use crate::paging::page;
use crate::{catalog, work_group};

/// See the module.
pub struct ListDatabases;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    catalog_name: String,
    next_token: Option<String>,
    max_results: Option<i64>,
    work_group: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    database_list: Vec<Database>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListDatabases {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListDatabases";
    const RESOURCE: &'static str = "datacatalog/{CatalogName}";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        catalog::check_catalog(Some(&input.catalog_name))?;
        let names = catalog::databases(&athena.deps, call.region).await?;
        let (names, next_token) = page(names, |name| name, input.next_token.as_deref(), input.max_results)?;
        Ok(Output { database_list: names.into_iter().map(|name| Database { name }).collect(), next_token })
    }
}
