//! Databases and tables of a region. Every table is a name for the built-in store; `default` and its table `events` are always there.

use base::{Region, Timestamp};
use ports::StoreId;
use ports::lake::{EVENTS, QueryTable};
use serde::Serialize;
use service::ApiError;
use state::{Expect, Range, Row};
use std::collections::BTreeMap;

use crate::Deps;
use crate::error::{invalid, no_metadata};
use crate::rows::{DATABASES, Database, TABLES, Table};

/// The only catalog.
pub const CATALOG: &str = "AwsDataCatalog";
/// The database that is always there.
pub const DEFAULT: &str = "default";

/// The most databases, and the most tables, in a region.
pub const ALL_MAX: usize = 1_000;
/// The longest row of a table, in bytes of JSON: all tables of a region are read at once.
pub const TABLE_BYTES_MAX: usize = 48 * 1024;
/// Region, database and name: names are at most 255 bytes long and have nothing in them that keys escape.
const TABLE_KEY_BYTES_MAX: usize = 1_024;
const _: () = assert!(ALL_MAX * (TABLE_BYTES_MAX + TABLE_KEY_BYTES_MAX) <= state::SCAN_BYTES_MAX);

/// The class that reads CloudTrail's files.
pub const SERDE: &str = "com.amazon.emr.hive.serde.CloudTrailSerde";

/// The columns of [`EVENTS`]. Source: Athena user guide, "Query AWS CloudTrail logs".
const COLUMNS: [(&str, &str); 24] = [
    ("eventversion", "string"),
    (
        "useridentity",
        "struct<type:string,principalid:string,arn:string,accountid:string,invokedby:string,accesskeyid:string,\
         username:string,sessioncontext:struct<attributes:struct<mfaauthenticated:string,creationdate:string>,\
         sessionissuer:struct<type:string,principalid:string,arn:string,accountid:string,username:string>>>",
    ),
    ("eventtime", "string"),
    ("eventsource", "string"),
    ("eventname", "string"),
    ("awsregion", "string"),
    ("sourceipaddress", "string"),
    ("useragent", "string"),
    ("errorcode", "string"),
    ("errormessage", "string"),
    ("requestparameters", "string"),
    ("responseelements", "string"),
    ("additionaleventdata", "string"),
    ("requestid", "string"),
    ("eventid", "string"),
    ("readonly", "string"),
    ("resources", "array<struct<arn:string,accountid:string,type:string>>"),
    ("eventtype", "string"),
    ("apiversion", "string"),
    ("recipientaccountid", "string"),
    ("serviceeventdetails", "string"),
    ("sharedeventid", "string"),
    ("vpcendpointid", "string"),
    ("tlsdetails", "struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string>"),
];

/// The columns that partition [`EVENTS`].
const PARTITIONS: [(&str, &str); 4] =
    [("region", "string"), ("year", "string"), ("month", "string"), ("day", "string")];

fn owned(columns: &[(&str, &str)]) -> Vec<(String, String)> {
    columns.iter().map(|(name, r#type)| ((*name).to_owned(), (*r#type).to_owned())).collect()
}

/// The table that is always there.
fn built_in() -> Table {
    Table {
        version: 1,
        database: DEFAULT.to_owned(),
        name: EVENTS.to_owned(),
        columns: owned(&COLUMNS),
        partitions: owned(&PARTITIONS),
        serde: Some(SERDE.to_owned()),
        location: None,
        properties: Vec::new(),
        created_ms: 0,
    }
}

/// Refuses a catalog that is not there.
pub fn check_catalog(name: Option<&str>) -> Result<(), ApiError> {
    match name {
        Some(name) if !name.eq_ignore_ascii_case(CATALOG) => {
            Err(invalid(format!("Catalog {name} is not found. There is one catalog: {CATALOG}.")))
        }
        _ => Ok(()),
    }
}

/// The names of the databases, in order.
pub async fn databases(deps: &Deps, region: Region) -> Result<Vec<String>, ApiError> {
    let range = Range::prefix(state::key::key(&[region.as_str()]));
    let found = DATABASES.scan(&*deps.state, range, ALL_MAX).await.map_err(ApiError::unavailable)?;
    let mut names: Vec<String> = found.into_iter().map(|doc| doc.value.name).collect();
    names.push(DEFAULT.to_owned());
    names.sort();
    Ok(names)
}

/// Whether there is such a database.
pub async fn has_database(deps: &Deps, region: Region, name: &str) -> Result<bool, ApiError> {
    let key = state::key::key(&[region.as_str(), name]);
    Ok(name == DEFAULT || DATABASES.get(&*deps.state, &key).await.map_err(ApiError::unavailable)?.is_some())
}

/// Makes a database. False if there is one of this name.
pub async fn add_database(deps: &Deps, region: Region, name: &str) -> Result<bool, ApiError> {
    if name == DEFAULT {
        return Ok(false);
    }
    let database = Database { version: 1, name: name.to_owned() };
    let key = state::key::key(&[region.as_str(), name]);
    match DATABASES.put(&*deps.state, &key, &database, Expect::Absent).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(ApiError::unavailable(error)),
    }
}

/// The tables of a region, by database and name; of one database, if it is named.
pub async fn tables(deps: &Deps, region: Region, database: Option<&str>) -> Result<Vec<Table>, ApiError> {
    let prefix = match database {
        Some(database) => state::key::key(&[region.as_str(), database]),
        None => state::key::key(&[region.as_str()]),
    };
    let found = TABLES.scan(&*deps.state, Range::prefix(prefix), ALL_MAX).await.map_err(ApiError::unavailable)?;
    let mut tables: Vec<Table> = found.into_iter().map(|doc| doc.value).collect();
    if database.is_none_or(|database| database == DEFAULT) {
        tables.push(built_in());
    }
    tables.sort_by(|one, other| (&one.database, &one.name).cmp(&(&other.database, &other.name)));
    Ok(tables)
}

/// A table.
pub async fn table(deps: &Deps, region: Region, database: &str, name: &str) -> Result<Option<Table>, ApiError> {
    if (database, name) == (DEFAULT, EVENTS) {
        return Ok(Some(built_in()));
    }
    let key = state::key::key(&[region.as_str(), database, name]);
    let found = TABLES.get(&*deps.state, &key).await.map_err(ApiError::unavailable)?;
    Ok(found.map(|doc| doc.value))
}

/// Makes a table. False if there is one of this name.
pub async fn add_table(deps: &Deps, region: Region, table: &Table) -> Result<bool, ApiError> {
    if (table.database.as_str(), table.name.as_str()) == (DEFAULT, EVENTS) {
        return Ok(false);
    }
    let key = state::key::key(&[region.as_str(), &table.database, &table.name]);
    match TABLES.put(&*deps.state, &key, table, Expect::Absent).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(ApiError::unavailable(error)),
    }
}

/// Removes a table's name; what it names stays.
pub async fn remove_table(deps: &Deps, region: Region, database: &str, name: &str) -> Result<(), ApiError> {
    let key = state::key::key(&[region.as_str(), database, name]);
    TABLES.delete(&*deps.state, &key, Expect::Any).await.map_err(ApiError::unavailable)
}

/// All that FROM may name in a region. Reads names alone, for every query asks for them.
pub async fn query_tables(deps: &Deps, region: Region) -> Result<Vec<QueryTable>, ApiError> {
    let range = Range::prefix(state::key::key(&[region.as_str()]));
    let rows = deps.state.scan(TABLES.table(), range, ALL_MAX).await.map_err(ApiError::unavailable)?;
    let table =
        |database: &str, name: &str| QueryTable { name: format!("{database}.{name}"), store: StoreId::events() };
    let named = |row: &Row| match state::key::texts(&row.key)?.as_slice() {
        [_, database, name] => Some(table(database, name)),
        _ => None,
    };
    let mut tables: Vec<QueryTable> = rows.iter().filter_map(named).collect();
    tables.push(table(DEFAULT, EVENTS));
    Ok(tables)
}

/// The table of this name, as ListTableMetadata and GetTableMetadata ask for it.
pub async fn find(deps: &Deps, region: Region, database: &str, name: &str) -> Result<Table, ApiError> {
    let (database, name) = (database.to_lowercase(), name.to_lowercase());
    check_database(deps, region, &database).await?;
    let found = table(deps, region, &database, &name).await?;
    found.ok_or_else(|| no_metadata(format!("EntityNotFoundException: Table {database}.{name} not found.")))
}

/// Refuses a database that is not there.
pub async fn check_database(deps: &Deps, region: Region, name: &str) -> Result<(), ApiError> {
    if has_database(deps, region, name).await? {
        return Ok(());
    }
    Err(no_metadata(format!("EntityNotFoundException: Database {name} not found.")))
}

/// Whether a name is meant by a pattern, in which `*` stands for anything and `|` for or. Letters of both cases are the same.
pub fn fits(pattern: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    pattern.to_lowercase().split('|').any(|one| fits_one(one.trim(), &name))
}

fn fits_one(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// A table as GetTableMetadata shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    name: String,
    create_time: Timestamp,
    table_type: &'static str,
    columns: Vec<ShownColumn>,
    partition_keys: Vec<ShownColumn>,
    parameters: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownColumn {
    name: String,
    r#type: String,
}

/// All that is shown of a table.
pub fn shown(table: Table) -> Shown {
    let columns = |columns: Vec<(String, String)>| {
        columns.into_iter().map(|(name, r#type)| ShownColumn { name, r#type }).collect()
    };
    let mut parameters: BTreeMap<String, String> = table.properties.into_iter().collect();
    parameters.insert("EXTERNAL".to_owned(), "TRUE".to_owned());
    let serde = table.serde.unwrap_or_else(|| SERDE.to_owned());
    parameters.insert("serde.serialization.lib".to_owned(), serde);
    parameters.extend(table.location.map(|location| ("location".to_owned(), location)));
    Shown {
        name: table.name,
        create_time: Timestamp::from_ms(table.created_ms),
        table_type: "EXTERNAL_TABLE",
        columns: columns(table.columns),
        partition_keys: columns(table.partitions),
        parameters,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_stars_and_alternatives() {
        for (pattern, name, expected) in [
            ("*", "cloudtrail_logs", true),
            ("cloud*", "cloudtrail_logs", true),
            ("*LOGS", "cloudtrail_logs", true),
            ("c*_l*s", "cloudtrail_logs", true),
            ("other|*trail*", "cloudtrail_logs", true),
            ("cloudtrail", "cloudtrail_logs", false),
            ("*trail", "cloudtrail_logs", false),
            ("s*s", "s", false),
            ("", "s", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
