//! The SQL that CloudTrail Lake and Athena take (Trino's), from text to a tree that the engine plans. Pure: it knows no table, reads no data
//! and runs nothing; a statement that would change something never gets past it.

mod ddl;
mod dialect;
mod error;
mod functions;
mod literal;
mod measure;
mod nearest;
mod parse;
mod rewrite;
mod text;

pub use ddl::{ColumnDefinition, CreateTable, Definition};
pub use error::{Kind, Position, SqlError};
pub use functions::{FALLIBLE, KNOWN};
pub use literal::pattern;
pub use measure::CHAIN_MAX;
pub use nearest::nearest;
pub use parse::parse;
pub use sqlparser::ast::Statement as Tree;
pub use text::statements;

/// The longest statement that is looked at, in bytes: Athena's limit (Lake's is 10,000 characters, which its API checks).
pub const SQL_BYTES_MAX: usize = 262_144;

/// How deep a statement may be nested.
pub const DEPTH_MAX: usize = 100;

/// The most tables that a statement may read, each counted as often as it is read: a table of WITH counts again wherever it is named.
pub const TABLES_MAX: u32 = 200;

/// The most items of a select list.
pub const ITEMS_MAX: usize = 2_000;

/// How SQL is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// CloudTrail Lake's: reading statements only.
    Lake,
    /// Athena's: also SHOW, DESCRIBE and the definition of tables, as data for the caller.
    Athena,
}

/// A statement that was understood.
#[derive(Debug, Clone)]
pub enum Query {
    /// Reads rows.
    Read(Box<Read>),
    /// Speaks of tables, not of rows. Only in Athena's dialect.
    Definition(Definition),
}

/// A reading statement, rewritten for the engine.
#[derive(Debug, Clone)]
pub struct Read {
    /// What the engine plans. Table `n` of [`Read::tables`] is called `$n` in it.
    pub tree: Tree,
    /// The tables that FROM names, each once, in the order of their first mention.
    pub tables: Vec<TableName>,
    /// What the columns of the result are called.
    pub outputs: Outputs,
    /// Every name and function of the text with its place, for the engine's complaints.
    pub mentions: Vec<Mention>,
}

/// A table as FROM names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// Its parts, in lower case: `["awsdatacatalog", "default", "cloudtrail_logs"]`.
    pub parts: Vec<String>,
    /// Where it is named first.
    pub position: Option<Position>,
}

/// A name in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// In lower case; parts of a path are joined by dots.
    pub name: String,
    /// As it was written.
    pub written: String,
    /// Where.
    pub position: Position,
}

/// The names of a result's columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// For each item of the select list what it is called, or `None` for a star, whose columns bring their own names.
    pub items: Vec<Option<Output>>,
}

/// What an item of the select list is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The name that the engine's column has.
    pub column: String,
    /// The name for the user.
    pub name: String,
    /// Whether the user gave the name (or there is none and it is `_col0`). Else it is a column's, and has that column's casing.
    pub given: bool,
}

impl Read {
    /// The first place that a name (`eventname`, `useridentity.arn`) is mentioned.
    pub fn mention(&self, name: &str) -> Option<&Mention> {
        let name = name.to_lowercase();
        self.mentions.iter().find(|mention| mention.name == name)
    }
}
