//! GetDatabase: a database.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::{catalog, work_group};

/// See the module.
pub struct GetDatabase;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    catalog_name: String,
    database_name: String,
    work_group: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    database: Database,
}

/// A database.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Database {
    /// Its name.
    pub name: String,
}

impl Operation for GetDatabase {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetDatabase";
    const RESOURCE: &'static str = "datacatalog/{CatalogName}";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        catalog::check_catalog(Some(&input.catalog_name))?;
        let name = input.database_name.to_lowercase();
        catalog::check_database(&athena.deps, call.region, &name).await?;
        Ok(Output { database: Database { name } })
    }
}
