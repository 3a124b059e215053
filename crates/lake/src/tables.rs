//! What names in FROM stand for: stores, records outside of stores, and tables with columns of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use eventstore::{Snapshot, Stores};
use ports::lake::{Dialect, QueryError, QueryErrorKind as Kind, QueryRequest, StoreId};

use crate::files::FilesTable;
use crate::outside::Outside;
use crate::scan::Source;
use crate::table::{EventTable, Running};
use crate::{functions, names, table};

/// What names of stores stand for.
pub(crate) enum Tables {
    Stores(Arc<Stores>),
    Outside(BTreeMap<StoreId, Outside>),
}

impl Tables {
    /// The table of a store's name. `None`: there is none.
    fn provider(&self, store: &StoreId, dialect: Dialect, running: &Running) -> Option<(Arc<dyn TableProvider>, bool)> {
        let source = match self {
            Tables::Stores(stores) => {
                // What is in no part yet takes time to show: a plan alone need not see it.
                let seen = if running.runs { stores.snapshot(store)? } else { stores.sealed(store)? };
                Source::Store(Arc::new(seen))
            }
            Tables::Outside(all) => match all.get(store)? {
                Outside::Records(records) => Source::Outside(records.clone()),
                Outside::Table(files) => {
                    return Some((Arc::new(FilesTable::new(files.clone(), running.progress.clone())), false));
                }
            },
        };
        Some((Arc::new(EventTable::new(source, dialect == Dialect::Lake, running.clone())), true))
    }

    /// The names that columns of tables, and fields of them, have: for those who miss one.
    pub(crate) fn known_names(&self, dialect: Dialect) -> Vec<String> {
        let mut found = Vec::new();
        table::presented_schema(&Snapshot::schema(), true).fields().iter().for_each(|field| walk(field, &mut found));
        if let Tables::Outside(all) = self {
            for files in all.values().filter_map(Outside::table) {
                files.schema().fields().iter().for_each(|field| walk(field, &mut found));
            }
        }
        match dialect {
            Dialect::Lake => found.iter().map(|name| names::shown(name)).collect(),
            Dialect::Athena => {
                found.extend(["region", "year", "month", "day"].map(str::to_owned));
                found
            }
        }
    }

    /// Makes what a name means the table of a number.
    pub(crate) fn register(
        &self,
        context: &SessionContext,
        number: usize,
        table: &query_lang::TableName,
        request: &QueryRequest,
        running: &Running,
    ) -> Result<(), QueryError> {
        let store = resolve(table, request)?;
        let dialect = request.dialect;
        let (provider, events) =
            self.provider(&store, dialect, running).ok_or_else(|| unknown_table(table, request))?;
        let name = datafusion::common::TableReference::bare(format!("${number}"));
        let as_it_is = dialect == Dialect::Lake || !events;
        let registered = if as_it_is {
            context.register_table(name, provider)
        } else {
            context
                .read_table(provider)
                .and_then(|table| as_athena(context, table))
                .and_then(|view| context.register_table(name, view.into_view()))
        };
        registered.map(|_| ()).map_err(|error| crate::engine::internal(&error.to_string()))
    }
}

fn walk(field: &Field, names: &mut Vec<String>) {
    names.push(field.name().clone());
    if let DataType::Struct(fields) = field.data_type() {
        fields.iter().for_each(|field| walk(field, names));
    }
}

/// The store that a name in FROM means.
pub(crate) fn resolve(name: &query_lang::TableName, request: &QueryRequest) -> Result<StoreId, QueryError> {
    let parts = &name.parts;
    let mut spellings = vec![parts.join(".")];
    if let Some(last) = parts.last() {
        // An event data store may be named by its ARN.
        spellings.extend(last.split_once(":eventdatastore/").map(|(_, id)| id.to_owned()));
        match (parts.len(), &request.default_database) {
            (1, Some(database)) => spellings.push(format!("{}.{last}", database.to_lowercase())),
            (3, _) => spellings.push(parts[1..].join(".")),
            _ => {}
        }
        if request.dialect == Dialect::Lake {
            spellings.push(last.clone());
        }
    }
    let found = spellings.iter().find_map(|spelling| request.tables.iter().find(|table| table.name == *spelling));
    match found {
        Some(table) => Ok(table.store.clone()),
        None => Err(unknown_table(name, request)),
    }
}

fn unknown_table(name: &query_lang::TableName, request: &QueryRequest) -> QueryError {
    let written = name.parts.join(".");
    let tables = || request.tables.iter().map(|table| table.name.as_str());
    // Of tables of the database that is meant anyhow, the last name is enough.
    let prefix = request.default_database.as_ref().map(|database| format!("{}.", database.to_lowercase()));
    let short = tables().filter_map(|table| table.strip_prefix(prefix.as_deref()?));
    let meant = query_lang::nearest(&written, tables().chain(short));
    let meant = meant.map(|name| format!(". Did you mean '{name}'?")).unwrap_or_default();
    let what = match request.dialect {
        Dialect::Lake => format!("Event data store '{written}' does not exist{meant}"),
        Dialect::Athena => format!("Table '{written}' does not exist{meant}"),
    };
    let error = QueryError::new(Kind::UnknownName, what);
    match name.position {
        Some(position) => error.at(position.line, position.column),
        None => error,
    }
}

/// The columns of AWS's table for Athena: times and flags are text, and there are columns that partition.
fn as_athena(context: &SessionContext, table: DataFrame) -> Result<DataFrame, DataFusionError> {
    let state = context.state();
    let call = |name: &str, args: Vec<Expr>| -> Result<Expr, DataFusionError> {
        let function = state.scalar_functions().get(name).cloned();
        let function = function.ok_or_else(|| DataFusionError::Internal(format!("there is no function {name}")))?;
        Ok(functions::call(function, args))
    };
    let mut columns = Vec::new();
    for field in table.schema().fields() {
        let name = field.name().as_str();
        columns.push(match name {
            "eventtime" => call("trino_record_time", vec![col(name)])?.alias(name),
            "readonly" | "sessioncredentialfromconsole" => {
                call("trino_cast", vec![col(name), lit("varchar")])?.alias(name)
            }
            _ => col(name),
        });
    }
    columns.push(col("awsregion").alias("region"));
    for (name, pattern) in [("year", "%Y"), ("month", "%m"), ("day", "%d")] {
        columns.push(call("date_format", vec![col("eventtime"), lit(pattern)])?.alias(name));
    }
    columns.push(call("date_format", vec![col("eventtime"), lit("%Y/%m/%d")])?.alias("timestamp"));
    columns.push(col("recipientaccountid").alias("accountid"));
    table.select(columns)
}
