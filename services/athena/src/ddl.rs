//! Athena's statements about databases and tables, carried out on the catalog. What they answer is lines of text, in Hive's forms.

use std::fmt::Write as _;

use base::Region;
use query_lang::{CreateTable, Definition};
use service::ApiError;

use crate::Deps;
use crate::catalog::{self, ALL_MAX, CATALOG, SERDE, TABLE_BYTES_MAX, fits};
use crate::rows::Table;

/// The longest name of a database or table. Source: Athena user guide, "Name databases, tables, and columns".
const NAME_BYTES_MAX: usize = 255;

/// What Hive says before every failure of such a statement.
const TASK: &str = "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask.";

/// What a statement answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Lines under this column.
    Lines(&'static str, Vec<String>),
    /// The partitions of a table: the columns that name them, to be found out by this query.
    Partitions(Vec<String>, String),
}

/// Why a statement could not be carried out.
#[derive(Debug)]
pub enum Failure {
    /// For the client: it asked for what cannot be.
    Asked(String),
    /// Ours.
    Ours(ApiError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        Failure::Ours(error)
    }
}

fn asked(text: impl Into<String>) -> Failure {
    Failure::Asked(text.into())
}

fn no_table(database: &str, name: &str) -> Failure {
    asked(format!("FAILED: SemanticException [Error 10001]: Table not found {database}.{name}"))
}

fn no_database(name: &str) -> Failure {
    asked(format!("FAILED: SemanticException [Error 10072]: Database does not exist: {name}"))
}

/// `DDL` or `UTILITY`, and what sort of statement it is.
pub fn kind(definition: &Definition) -> (&'static str, &'static str) {
    match definition {
        Definition::CreateTable(_) => ("DDL", "CREATE_TABLE"),
        Definition::CreateDatabase { .. } => ("DDL", "CREATE_DATABASE"),
        Definition::DropTable { .. } => ("DDL", "DROP_TABLE"),
        Definition::Partitions { .. } => ("DDL", "ALTER_TABLE"),
        Definition::ShowTables { .. } => ("UTILITY", "SHOW_TABLES"),
        Definition::ShowDatabases { .. } => ("UTILITY", "SHOW_DATABASES"),
        Definition::ShowColumns { .. } => ("UTILITY", "DESCRIBE_TABLE"),
        Definition::ShowCreateTable { .. } => ("UTILITY", "SHOW_CREATE_TABLE"),
        Definition::ShowPartitions { .. } => ("UTILITY", "SHOW_PARTITIONS"),
    }
}

/// Does what a statement says. `database` is where names without one are looked for.
pub async fn carry_out(deps: &Deps, region: Region, database: &str, definition: Definition) -> Result<Answer, Failure> {
    let nothing = Ok(Answer::Lines("result", Vec::new()));
    match definition {
        Definition::CreateTable(table) => {
            create_table(deps, region, database, table).await?;
            nothing
        }
        Definition::CreateDatabase { name, if_not_exists } => {
            create_database(deps, region, &name, if_not_exists).await?;
            nothing
        }
        Definition::DropTable { name, if_exists } => {
            let (database, name) = parts(&name, database)?;
            if catalog::table(deps, region, &database, &name).await?.is_none() {
                return if if_exists { nothing } else { Err(no_table(&database, &name)) };
            }
            if (database.as_str(), name.as_str()) == (catalog::DEFAULT, ports::lake::EVENTS) {
                return Err(asked(format!("{TASK} The table {database}.{name} is built in and cannot be dropped.")));
            }
            catalog::remove_table(deps, region, &database, &name).await?;
            nothing
        }
        Definition::Partitions { name } => {
            find(deps, region, database, &name).await?;
            nothing
        }
        Definition::ShowTables { database: named, pattern } => {
            let database = named.unwrap_or_else(|| database.to_owned());
            if !catalog::has_database(deps, region, &database).await? {
                return Err(no_database(&database));
            }
            let names = catalog::tables(deps, region, Some(&database)).await?.into_iter().map(|table| table.name);
            Ok(Answer::Lines("tab_name", fitting(names, pattern.as_deref())))
        }
        Definition::ShowDatabases { pattern } => {
            let names = catalog::databases(deps, region).await?;
            Ok(Answer::Lines("database_name", fitting(names, pattern.as_deref())))
        }
        Definition::ShowColumns { name } => {
            let table = find(deps, region, database, &name).await?;
            Ok(Answer::Lines("col_name", describe(&table)))
        }
        Definition::ShowCreateTable { name } => {
            let table = find(deps, region, database, &name).await?;
            Ok(Answer::Lines("createtab_stmt", create_text(&table).lines().map(str::to_owned).collect()))
        }
        Definition::ShowPartitions { name } => {
            let table = find(deps, region, database, &name).await?;
            if table.partitions.is_empty() {
                let text = format!("{TASK} Table {}.{} is not a partitioned table", table.database, table.name);
                return Err(asked(text));
            }
            let columns: Vec<String> = table.partitions.into_iter().map(|(name, _)| name).collect();
            let quoted: Vec<String> = columns.iter().map(|name| quote(name)).collect();
            let numbers: Vec<String> = (1..=columns.len()).map(|number| number.to_string()).collect();
            let sql = format!(
                "SELECT DISTINCT {} FROM {}.{} ORDER BY {}",
                quoted.join(", "),
                quote(&table.database),
                quote(&table.name),
                numbers.join(", ")
            );
            Ok(Answer::Partitions(columns, sql))
        }
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn fitting(names: impl IntoIterator<Item = String>, pattern: Option<&str>) -> Vec<String> {
    names.into_iter().filter(|name| pattern.is_none_or(|pattern| fits(pattern, name))).collect()
}

/// Database and name of a table that is written with or without database and catalog.
fn parts(name: &[String], database: &str) -> Result<(String, String), Failure> {
    match name {
        [name] => Ok((database.to_owned(), name.clone())),
        [database, name] => Ok((database.clone(), name.clone())),
        [catalog, database, name] if catalog.eq_ignore_ascii_case(CATALOG) => Ok((database.clone(), name.clone())),
        _ => Err(asked(format!("FAILED: SemanticException: {} names no table of {CATALOG}", name.join(".")))),
    }
}

async fn find(deps: &Deps, region: Region, database: &str, name: &[String]) -> Result<Table, Failure> {
    let (database, name) = parts(name, database)?;
    let found = catalog::table(deps, region, &database, &name).await?;
    found.ok_or_else(|| no_table(&database, &name))
}

fn check_name(name: &str) -> Result<(), Failure> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(good) {
        return Ok(());
    }
    let text = format!(
        "{TASK} InvalidObjectException(message:{name} is not a valid object name: letters, digits, _ and - are)"
    );
    Err(asked(text))
}

async fn create_database(deps: &Deps, region: Region, name: &str, if_not_exists: bool) -> Result<(), Failure> {
    check_name(name)?;
    if catalog::databases(deps, region).await?.len() >= ALL_MAX {
        return Err(asked(format!("{TASK} There are {ALL_MAX} databases already.")));
    }
    if catalog::add_database(deps, region, name).await? || if_not_exists {
        return Ok(());
    }
    Err(asked(format!("{TASK} Database {name} already exists")))
}

async fn create_table(deps: &Deps, region: Region, database: &str, table: CreateTable) -> Result<(), Failure> {
    let (database, name) = parts(&table.name, database)?;
    check_name(&name)?;
    if !table.is_cloudtrail() {
        let text = format!(
            "NOT_SUPPORTED: the table {name} does not hold CloudTrail's records: give it ROW FORMAT SERDE '{SERDE}', or a LOCATION \
             in a folder of CloudTrail's"
        );
        return Err(asked(text));
    }
    if !catalog::has_database(deps, region, &database).await? {
        return Err(no_database(&database));
    }
    if catalog::tables(deps, region, None).await?.len() >= ALL_MAX {
        return Err(asked(format!("{TASK} There are {ALL_MAX} tables already.")));
    }
    let columns = |columns: Vec<query_lang::ColumnDefinition>| {
        columns.into_iter().map(|column| (column.name, column.r#type)).collect()
    };
    let row = Table {
        version: 1,
        database,
        name,
        columns: columns(table.columns),
        partitions: columns(table.partitions),
        serde: table.serde,
        location: table.location,
        properties: table.properties,
        created_ms: deps.env.clock.now().ms(),
    };
    let bytes = serde_json::to_vec(&row).expect("texts have no failing parts").len();
    if bytes > TABLE_BYTES_MAX {
        let text = format!("the definition of {} is {bytes} bytes long; {TABLE_BYTES_MAX} are allowed", row.name);
        return Err(asked(format!("{TASK} InvalidObjectException(message:{text})")));
    }
    if catalog::add_table(deps, region, &row).await? || table.if_not_exists {
        return Ok(());
    }
    Err(asked(format!("{TASK} AlreadyExistsException(message:Table {} already exists.)", row.name)))
}

/// As DESCRIBE writes it: columns padded to twenty characters, with tabs between them.
fn describe(table: &Table) -> Vec<String> {
    let line = |(name, r#type): &(String, String)| format!("{name:<20}\t{type:<20}\t{:<20}", "");
    let mut lines: Vec<String> = table.columns.iter().chain(&table.partitions).map(line).collect();
    if !table.partitions.is_empty() {
        lines.push("\t \t ".to_owned());
        lines.push("# Partition Information\t \t ".to_owned());
        lines.push(format!("{:<20}\t{:<20}\t{:<20}", "# col_name", "data_type", "comment"));
        lines.push("\t \t ".to_owned());
        lines.extend(table.partitions.iter().map(line));
    }
    lines
}

/// The statement that makes the table.
fn create_text(table: &Table) -> String {
    let columns = |columns: &[(String, String)]| {
        let lines: Vec<String> = columns.iter().map(|(name, r#type)| format!("  `{name}` {type}")).collect();
        lines.join(", \n")
    };
    let mut text = format!("CREATE EXTERNAL TABLE `{}.{}`(\n{})", table.database, table.name, columns(&table.columns));
    if !table.partitions.is_empty() {
        let _ = write!(text, "\nPARTITIONED BY ( \n{})", columns(&table.partitions));
    }
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    if let Some(serde) = &table.serde {
        let _ = write!(text, "\nROW FORMAT SERDE \n  {}", literal(serde));
    }
    if let Some(location) = &table.location {
        let _ = write!(text, "\nLOCATION\n  {}", literal(location));
    }
    if !table.properties.is_empty() {
        let one = |(key, value): &(String, String)| format!("  {}={}", literal(key), literal(value));
        let properties: Vec<String> = table.properties.iter().map(one).collect();
        let _ = write!(text, "\nTBLPROPERTIES (\n{})", properties.join(", \n"));
    }
    text
}
