//! ListDataCatalogs: the data catalogs: there is one.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::catalog::CATALOG;
use crate::paging::page;
use crate::work_group;

/// See the module.
pub struct ListDataCatalogs;

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
    data_catalogs_summary: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A data catalog.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Summary {
    catalog_name: &'static str,
    r#type: &'static str,
}

impl Operation for ListDataCatalogs {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListDataCatalogs";
    const RESOURCE: &'static str = "*";

    async fn run(_: &Athena, _: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        let (names, next_token) = page([CATALOG], |name| name, input.next_token.as_deref(), input.max_results)?;
        let summary = |catalog_name| Summary { catalog_name, r#type: "GLUE" };
        Ok(Output { data_catalogs_summary: names.into_iter().map(summary).collect(), next_token })
    }
}
