//! GetQueryResults: the rows of a result, page by page; those of a SELECT begin with the names of the columns.

use ports::lake::TextRow;
use serde::{Deserialize, Serialize};
use service::paging::token_of;
use service::{ApiError, Call, Operation};

use crate::Athena;
use crate::error::{invalid, wrong_state};
use crate::paging::read_token;
use crate::results::{CHUNK_ROWS_MAX, ResultColumn, read_rows};
use crate::run::ExecutionState;

/// Rows of an answer if nothing is said, and at most.
const PAGE_ROWS_MAX: usize = CHUNK_ROWS_MAX;

/// See the module.
pub struct GetQueryResults;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    query_execution_id: String,
    next_token: Option<String>,
    max_results: Option<i64>,
    query_result_type: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    update_count: i64,
    result_set: ResultSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Rows, and what is in them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultSet {
    rows: Vec<Row>,
    result_set_metadata: Metadata,
}

/// A row.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Row {
    data: Vec<Datum>,
}

/// A value; null has no text.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Datum {
    #[serde(skip_serializing_if = "Option::is_none")]
    var_char_value: Option<String>,
}

/// The columns.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    column_info: Vec<ColumnInfo>,
}

/// A column.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ColumnInfo {
    catalog_name: &'static str,
    schema_name: &'static str,
    table_name: &'static str,
    name: String,
    label: String,
    r#type: String,
    precision: i64,
    scale: i64,
    nullable: &'static str,
    case_sensitive: bool,
}

impl Operation for GetQueryResults {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetQueryResults";
    const RESOURCE: &'static str = "workgroup/primary";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        if input.query_result_type.as_deref() == Some("DATA_MANIFEST") {
            return Err(invalid("QueryResultType DATA_MANIFEST is not supported: results have no manifest."));
        }
        let execution = athena.executions.find(&input.query_execution_id, call.region).await?;
        let state = execution.state.name();
        match execution.state {
            ExecutionState::Succeeded => {}
            state_now if state_now.is_over() => {
                let text = format!("Query did not finish successfully. Final query state: {state}");
                return Err(wrong_state(text));
            }
            _ => return Err(wrong_state(format!("Query has not yet finished. Current state: {state}"))),
        }
        if !athena.deps.may(call, "s3:GetObject", &execution.bucket, &execution.key).await? {
            let text = format!("Access denied when reading s3://{}/{}", execution.bucket, execution.key);
            return Err(invalid(text));
        }
        let from = match input.next_token.as_deref() {
            None => 0,
            Some(token) => {
                let text = read_token(token)?;
                let row = text.strip_prefix(&*execution.id).and_then(|row| row.strip_prefix('/')?.parse().ok());
                row.ok_or_else(|| invalid("NextToken is not valid for this query."))?
            }
        };
        let asked = input.max_results.and_then(|max| usize::try_from(max).ok());
        let max = asked.map_or(PAGE_ROWS_MAX, |max| max.clamp(1, PAGE_ROWS_MAX));
        let header = u64::from(execution.has_header());
        let mut rows = Vec::new();
        if from < header {
            rows.push(row(execution.columns.iter().map(|column| Some(column.name.clone())).collect()));
        }
        let first = from.saturating_sub(header);
        let left = max - rows.len();
        let read = read_rows(&*athena.deps.objects, &execution.id, &execution.chunks, first, left).await?;
        rows.extend(read.into_iter().map(row));
        let next = from.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        let more = !rows.is_empty() && next < execution.result_rows();
        let next_token = more.then(|| token_of(&format!("{}/{next}", execution.id)));
        let column_info = execution.columns.into_iter().map(info).collect();
        let result_set = ResultSet { rows, result_set_metadata: Metadata { column_info } };
        Ok(Output { update_count: 0, result_set, next_token })
    }
}

fn row(values: TextRow) -> Row {
    Row { data: values.into_iter().map(|var_char_value| Datum { var_char_value }).collect() }
}

/// Athena names types without what is in parentheses.
fn info(column: ResultColumn) -> ColumnInfo {
    let (base, inner, rest) = match column.r#type.split_once('(') {
        Some((base, rest)) => {
            let (inner, rest) = rest.rsplit_once(')').unwrap_or((rest, ""));
            (base, inner, rest)
        }
        None => (column.r#type.as_str(), "", ""),
    };
    let r#type = format!("{base}{rest}").to_lowercase();
    let mut numbers = inner.split(',').map(|number| number.trim().parse::<i64>().unwrap_or(0));
    let (precision, scale) = match r#type.as_str() {
        "varchar" | "string" | "char" => (i64::from(i32::MAX), 0),
        "bigint" => (19, 0),
        "integer" => (10, 0),
        "smallint" => (5, 0),
        "tinyint" => (3, 0),
        "double" => (17, 0),
        "real" => (17, 0),
        "decimal" => (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
        "timestamp" | "timestamp with time zone" => (3, 0),
        _ => (0, 0),
    };
    let case_sensitive = matches!(r#type.as_str(), "varchar" | "char");
    ColumnInfo {
        catalog_name: "hive",
        schema_name: "",
        table_name: "",
        label: column.name.clone(),
        name: column.name,
        r#type,
        precision,
        scale,
        nullable: "UNKNOWN",
        case_sensitive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_athenas_names() {
        let check = |r#type: &str, expected: (&str, i64, i64)| {
            let info = info(ResultColumn { name: "x".to_owned(), r#type: r#type.to_owned() });
            assert_eq!((info.r#type.as_str(), info.precision, info.scale), expected);
        };
        check("varchar", ("varchar", 2_147_483_647, 0));
        check("bigint", ("bigint", 19, 0));
        check("decimal(12,2)", ("decimal", 12, 2));
        check("timestamp(3) with time zone", ("timestamp with time zone", 3, 0));
        check("map(varchar,array(varchar))", ("map", 0, 0));
        check("row(type varchar)", ("row", 0, 0));
    }
}
