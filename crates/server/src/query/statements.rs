//! The statements of a text, one by one; those of Athena that speak of tables.

use ports::lake::Dialect;
use query_lang::{Definition, Query, Read};

use crate::commands::Failure;

/// A statement that was understood.
pub enum Statement {
    /// Reads rows.
    Read(Box<Read>),
    /// Gives the files another name.
    Table(Vec<String>),
    /// Has nothing to do here.
    Nothing,
}

/// The statements between semicolons. Each begins at the line and column of the whole text where it stands, so that errors say so.
pub fn split(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut before = String::new();
    for piece in query_lang::statements(text) {
        if !is_blank(&piece) {
            statements.push(format!("{before}{piece}"));
        }
        before.extend(piece.chars().chain([';']).map(|c| if c == '\n' { '\n' } else { ' ' }));
    }
    statements
}

/// Whether there is nothing but space and comments.
fn is_blank(piece: &str) -> bool {
    let rest = piece.trim_start();
    if let Some(comment) = rest.strip_prefix("--") {
        return comment.split_once('\n').is_none_or(|(_, rest)| is_blank(rest));
    }
    if let Some(comment) = rest.strip_prefix("/*") {
        return comment.split_once("*/").is_some_and(|(_, rest)| is_blank(rest));
    }
    rest.is_empty()
}

/// Whether a text has statements and ends after one: nothing stands behind its last semicolon.
pub fn is_whole(text: &str) -> bool {
    let pieces = query_lang::statements(text);
    pieces.len() > 1 && pieces.last().is_some_and(|last| is_blank(last))
}

/// Reads one. An error says where.
pub fn read(sql: &str, dialect: Dialect, parameters: &[String]) -> Result<Statement, Failure> {
    let dialect = match dialect {
        Dialect::Lake => query_lang::Dialect::Lake,
        Dialect::Athena => query_lang::Dialect::Athena,
    };
    let definition = match query_lang::parse(sql, dialect, parameters)? {
        Query::Read(read) => return Ok(Statement::Read(read)),
        Query::Definition(definition) => definition,
    };
    match definition {
        Definition::CreateTable(table) if table.is_cloudtrail() => Ok(Statement::Table(table.name)),
        Definition::CreateTable(table) => {
            Err(format!("table {} is none of CloudTrail's: only those can be queried", table.name.join(".")).into())
        }
        Definition::CreateDatabase { .. } | Definition::Partitions { .. } => Ok(Statement::Nothing),
        _ => Err("only SELECT, and CREATE EXTERNAL TABLE to give the files a name, can be asked of files".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_keep_their_places() {
        assert_eq!(split("SELECT 1;\n SELECT ';' -- ;\n; \n"), ["SELECT 1", "         \n SELECT ';' -- ;\n"]);
        let error = read(&split("SELECT 1;\nSELECT x FORM y z")[1], Dialect::Lake, &[]).err().unwrap().to_string();
        assert!(error.starts_with("line 2:"), "{error}");
    }

    #[test]
    fn a_text_is_whole_after_its_last_semicolon() {
        for whole in ["SELECT 1;", "SELECT ';';\n", "SELECT 1; -- done", ";", "SELECT 1; SELECT 2 /* ; */ ;"] {
            assert!(is_whole(whole), "{whole}");
        }
        for part in ["", "SELECT 1", "SELECT ';", "SELECT 1 -- ;", "SELECT 1; SELECT 2", "SELECT 1 /* ;"] {
            assert!(!is_whole(part), "{part}");
        }
        assert_eq!(split("SELECT 1; -- done\n/* really */"), ["SELECT 1"]);
    }

    #[test]
    fn definitions_name_the_files() {
        let one = |sql: &str| read(sql, Dialect::Athena, &[]);
        let table = "CREATE EXTERNAL TABLE a.trail (eventname STRING) ROW FORMAT SERDE 'com.amazon.emr.hive.serde.CloudTrailSerde' LOCATION 's3://b/'";
        assert!(matches!(one(table), Ok(Statement::Table(name)) if name == ["a", "trail"]));
        assert!(one("CREATE EXTERNAL TABLE x (a STRING) LOCATION 's3://b/'").is_err());
        assert!(one("DROP TABLE x").is_err());
        assert!(matches!(one("MSCK REPAIR TABLE x"), Ok(Statement::Nothing)));
    }
}
