//! GetDataCatalog: the data catalog.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::catalog::{self, CATALOG};
use crate::work_group;

/// See the module.
pub struct GetDataCatalog;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    work_group: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    data_catalog: DataCatalog,
}

/// A data catalog.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataCatalog {
    name: &'static str,
    r#type: &'static str,
}

impl Operation for GetDataCatalog {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetDataCatalog";
    const RESOURCE: &'static str = "datacatalog/{Name}";

    async fn run(_: &Athena, _: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        catalog::check_catalog(Some(&input.name))?;
        Ok(Output { data_catalog: DataCatalog { name: CATALOG, r#type: "GLUE" } })
    }
}
