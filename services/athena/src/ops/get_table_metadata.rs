//! GetTableMetadata: a table.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::catalog::{self, Shown};
use crate::work_group;

/// See the module.
pub struct GetTableMetadata;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    catalog_name: String,
    database_name: String,
    table_name: String,
    work_group: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    table_metadata: Shown,
}

impl Operation for GetTableMetadata {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetTableMetadata";
    const RESOURCE: &'static str = "datacatalog/{CatalogName}";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        catalog::check_catalog(Some(&input.catalog_name))?;
        let table = catalog::find(&athena.deps, call.region, &input.database_name, &input.table_name).await?;
        Ok(Output { table_metadata: catalog::shown(table) })
    }
}
