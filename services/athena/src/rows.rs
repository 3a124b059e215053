//! Documents in the state tables. Every table of this service is named here; nothing else writes to them.

use base::Region;
use serde::{Deserialize, Serialize};
use state::Typed;

use crate::results::ResultColumn;
use crate::run::ExecutionState;

/// Queries. Key: UUID.
pub const EXECUTIONS: Typed<Execution> = Typed::new("athena/executions");
/// Queries that are not over. Key: UUID.
pub const OPEN: Typed<u32> = Typed::new("athena/executions-open");
/// Queries by age. Key: region, time (hexadecimal), UUID.
pub const BY_TIME: Typed<u32> = Typed::new("athena/executions-by-time");
/// What a ClientRequestToken led to. Key: region, operation, token.
pub const TOKENS: Typed<Token> = Typed::new("athena/request-tokens");
/// Databases, but for `default`, which is always there. Key: region, name.
pub const DATABASES: Typed<Database> = Typed::new("athena/databases");
/// Tables. Key: region, database, name.
pub const TABLES: Typed<Table> = Typed::new("athena/tables");
/// Settings of the primary work group. Key: region.
pub const WORK_GROUPS: Typed<WorkGroup> = Typed::new("athena/work-groups");
/// Saved queries. Key: region, UUID.
pub const NAMED_QUERIES: Typed<NamedQuery> = Typed::new("athena/named-queries");
/// Which there are, without their statements, of which a region's may be too long to be read at once. Key: region, UUID.
pub const NAMED_QUERY_IDS: Typed<u32> = Typed::new("athena/named-query-ids");

/// A query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// 1.
    pub version: u32,
    /// The UUID.
    pub id: String,
    /// Where it was asked.
    pub region: Region,
    /// The statement.
    pub statement: String,
    /// What takes the place of `?`.
    pub parameters: Vec<String>,
    /// The database of names without one, as given.
    pub database: Option<String>,
    /// The catalog, as given.
    pub catalog: Option<String>,
    /// `DDL`, `DML` or `UTILITY`.
    pub kind: String,
    /// `SELECT`, `CREATE_TABLE` …
    pub sub_kind: String,
    /// Where its result goes.
    pub bucket: String,
    /// The result's key.
    pub key: String,
    /// The token it was asked with.
    pub token: Option<String>,
    /// How far it is.
    pub state: ExecutionState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Whether that was the fault of who asked.
    pub by_user: bool,
    /// When it was asked, in milliseconds.
    pub submitted_ms: i64,
    /// When it was over.
    pub completed_ms: Option<i64>,
    /// How long it waited.
    pub queue_ms: u64,
    /// How long it ran.
    pub engine_ms: u64,
    /// Bytes read.
    pub bytes_scanned: u64,
    /// The columns of its result.
    pub columns: Vec<ResultColumn>,
    /// How many rows each stored piece of the result has.
    pub chunks: Vec<u32>,
}

impl Execution {
    /// The key of [`BY_TIME`].
    pub fn time_key(&self) -> Vec<u8> {
        time_key(self.region, self.submitted_ms, &self.id)
    }

    /// Whether the result begins with the names of the columns.
    pub fn has_header(&self) -> bool {
        self.kind == "DML"
    }

    /// Rows of the result, the names of the columns included if they are shown.
    pub fn result_rows(&self) -> u64 {
        let rows: u64 = self.chunks.iter().map(|rows| u64::from(*rows)).sum();
        rows + u64::from(self.has_header())
    }
}

/// The key of [`BY_TIME`].
pub fn time_key(region: Region, submitted_ms: i64, id: &str) -> Vec<u8> {
    let time = format!("{:016x}", u64::try_from(submitted_ms).unwrap_or(0));
    state::key::key(&[region.as_str(), time.as_str(), id])
}

/// What a token led to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// 1.
    pub version: u32,
    /// The UUID of what was made.
    pub id: String,
    /// Tells requests apart.
    pub fingerprint: String,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// 1.
    pub version: u32,
    /// Its name.
    pub name: String,
}

/// A table: a name for the built-in store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// 1.
    pub version: u32,
    /// Whose it is.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Names and types, as written.
    pub columns: Vec<(String, String)>,
    /// Those that partition it.
    pub partitions: Vec<(String, String)>,
    /// The class that was named to read files.
    pub serde: Option<String>,
    /// Where its files are said to be.
    pub location: Option<String>,
    /// TBLPROPERTIES.
    pub properties: Vec<(String, String)>,
    /// When it was made, in milliseconds.
    pub created_ms: i64,
}

/// Settings of a work group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkGroup {
    /// 1.
    pub version: u32,
    /// What it is for.
    pub description: Option<String>,
    /// Whether queries can be started.
    pub enabled: bool,
    /// Where results go that nothing else is said of.
    pub output_location: Option<String>,
    /// Who has to own that bucket.
    pub expected_bucket_owner: Option<String>,
    /// Whether callers' own locations are passed over.
    pub enforced: bool,
}

/// A saved query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedQuery {
    /// 1.
    pub version: u32,
    /// The UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The database that it is asked in.
    pub database: String,
    /// The statement.
    pub statement: String,
    /// The token it was saved with.
    #[serde(default)]
    pub token: Option<String>,
}
