//! ListTableMetadata: the tables of a database.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::catalog::{self, Shown};
use crate::paging::page;
use crate::work_group;

/// See the module.
pub struct ListTableMetadata;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    catalog_name: String,
    database_name: String,
    expression: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    work_group: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    table_metadata_list: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListTableMetadata {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListTableMetadata";
    const RESOURCE: &'static str = "datacatalog/{CatalogName}";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(input.work_group.as_deref())?;
        catalog::check_catalog(Some(&input.catalog_name))?;
        let database = input.database_name.to_lowercase();
        catalog::check_database(&athena.deps, call.region, &database).await?;
        // A regular expression, of which names of tables need stars and alternatives.
        let expression = input.expression.filter(|text| !text.is_empty()).map(|text| text.replace(".*", "*"));
        let tables = catalog::tables(&athena.deps, call.region, Some(&database)).await?.into_iter();
        let tables = tables.filter(|table| expression.as_deref().is_none_or(|text| catalog::fits(text, &table.name)));
        let (tables, next_token) =
            page(tables, |table| table.name.as_str(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { table_metadata_list: tables.into_iter().map(catalog::shown).collect(), next_token })
    }
}
