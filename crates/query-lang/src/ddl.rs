//! Athena's statements about tables, recognised word by word: what they say is handed to the caller, nothing is done here.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Kind, SqlError, place};

/// A statement about tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// `CREATE EXTERNAL TABLE …`.
    CreateTable(CreateTable),
    /// `CREATE DATABASE|SCHEMA [IF NOT EXISTS] name`.
    CreateDatabase {
        /// Its name.
        name: String,
        /// Whether it is no error if it is there.
        if_not_exists: bool,
    },
    /// `DROP TABLE [IF EXISTS] name`.
    DropTable {
        /// Its name's parts.
        name: Vec<String>,
        /// Whether it is no error if it is absent.
        if_exists: bool,
    },
    /// `MSCK REPAIR TABLE name`, or `ALTER TABLE name ADD|DROP PARTITION …`: partitions follow from the records, there is nothing to do.
    Partitions {
        /// The table's name's parts.
        name: Vec<String>,
    },
    /// `SHOW TABLES [IN database] ['pattern']`.
    ShowTables {
        /// Whose tables, if it says so.
        database: Option<String>,
        /// Only these; `*` stands for anything.
        pattern: Option<String>,
    },
    /// `SHOW DATABASES|SCHEMAS ['pattern']`.
    ShowDatabases {
        /// Only these.
        pattern: Option<String>,
    },
    /// `SHOW COLUMNS IN name`, `DESCRIBE name`.
    ShowColumns {
        /// The table's name's parts.
        name: Vec<String>,
    },
    /// `SHOW CREATE TABLE name`.
    ShowCreateTable {
        /// The table's name's parts.
        name: Vec<String>,
    },
    /// `SHOW PARTITIONS name`.
    ShowPartitions {
        /// The table's name's parts.
        name: Vec<String>,
    },
}

/// What CREATE EXTERNAL TABLE says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateTable {
    /// The name's parts, in lower case.
    pub name: Vec<String>,
    /// Whether it is no error if it is there.
    pub if_not_exists: bool,
    /// Its columns.
    pub columns: Vec<ColumnDefinition>,
    /// The columns that partition it.
    pub partitions: Vec<ColumnDefinition>,
    /// The class that reads its files: `com.amazon.emr.hive.serde.CloudTrailSerde`.
    pub serde: Option<String>,
    /// Where its files are.
    pub location: Option<String>,
    /// TBLPROPERTIES, in order.
    pub properties: Vec<(String, String)>,
}

impl CreateTable {
    /// Whether the table's files are CloudTrail's: by the class that reads them, or because their folder is CloudTrail's.
    pub fn is_cloudtrail(&self) -> bool {
        let serde = self.serde.as_deref().unwrap_or_default().to_lowercase();
        let location = self.location.as_deref().unwrap_or_default().to_lowercase();
        serde.ends_with("cloudtrailserde") || location.contains("/cloudtrail")
    }
}

/// A column and its type, as written but for the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// In lower case.
    pub name: String,
    /// Hive's type, in lower case and without spaces: `struct<type:string,arn:string>`.
    pub r#type: String,
}

/// The words of a statement, read from left to right.
struct Words<'a> {
    tokens: &'a [&'a TokenWithSpan],
    at: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Takes these words if they come next.
    fn take(&mut self, words: &[&str]) -> bool {
        let are_next = words.iter().enumerate().all(|(i, word)| {
            self.tokens.get(self.at + i).is_some_and(|token| token.token.to_string().eq_ignore_ascii_case(word))
        });
        if are_next {
            self.at += words.len();
        }
        are_next
    }

    fn wrong(&self, expected: &str) -> SqlError {
        let found = self.peek().map_or("<EOF>".to_owned(), ToString::to_string);
        let last = self.tokens.get(self.at).or(self.tokens.last());
        SqlError::at(
            Kind::Syntax,
            last.and_then(|token| place(token.span)),
            format!("mismatched input '{found}'. Expecting: {expected}"),
        )
    }

    fn name(&mut self) -> Result<Vec<String>, SqlError> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                Some(Token::Word(word)) => parts.push(word.value.to_lowercase()),
                _ => return Err(self.wrong("a name")),
            }
            self.at += 1;
            if !self.take(&["."]) {
                return Ok(parts);
            }
        }
    }

    fn text(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => Err(self.wrong("text in quotes")),
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), SqlError> {
        if self.take(&[word]) { Ok(()) } else { Err(self.wrong(&format!("'{word}'"))) }
    }

    /// `(name type [COMMENT 'text'], …)`.
    fn columns(&mut self) -> Result<Vec<ColumnDefinition>, SqlError> {
        self.expect("(")?;
        let mut columns = Vec::new();
        loop {
            let name = self.name()?.join(".");
            let mut r#type = String::new();
            let mut depth = 0_i32;
            loop {
                let Some(token) = self.peek() else { return Err(self.wrong("')'")) };
                let word = token.to_string().to_lowercase();
                match word.as_str() {
                    "<" | "(" => depth += 1,
                    ">" => depth -= 1,
                    ">>" => depth -= 2,
                    ")" if depth > 0 => depth -= 1,
                    "," | ")" | "comment" if depth <= 0 => break,
                    _ => {}
                }
                r#type.push_str(&word);
                self.at += 1;
            }
            if r#type.is_empty() {
                return Err(self.wrong("a type"));
            }
            if self.take(&["COMMENT"]) {
                self.text()?;
            }
            columns.push(ColumnDefinition { name, r#type });
            if self.take(&[")"]) {
                return Ok(columns);
            }
            self.expect(",")?;
        }
    }

    /// `('key'='value', …)`.
    fn properties(&mut self) -> Result<Vec<(String, String)>, SqlError> {
        self.expect("(")?;
        let mut properties = Vec::new();
        loop {
            let key = self.text()?;
            self.expect("=")?;
            properties.push((key, self.text()?));
            if self.take(&[")"]) {
                return Ok(properties);
            }
            self.expect(",")?;
        }
    }

    fn end(&mut self) -> Result<(), SqlError> {
        while self.take(&[";"]) {}
        if self.peek().is_none() { Ok(()) } else { Err(self.wrong("<EOF>")) }
    }
}

/// What these words say about tables, or `None` if they are another kind of statement.
pub(crate) fn definition(tokens: &[&TokenWithSpan]) -> Result<Option<Definition>, SqlError> {
    let mut words = Words { tokens, at: 0 };
    let definition = if words.take(&["CREATE", "EXTERNAL", "TABLE"]) {
        Definition::CreateTable(create_table(&mut words)?)
    } else if words.take(&["CREATE", "DATABASE"]) || words.take(&["CREATE", "SCHEMA"]) {
        let if_not_exists = words.take(&["IF", "NOT", "EXISTS"]);
        let name = words.name()?.join(".");
        while words.peek().is_some_and(|token| *token != Token::SemiColon) {
            words.next();
        }
        Definition::CreateDatabase { name, if_not_exists }
    } else if words.take(&["DROP", "TABLE"]) {
        let if_exists = words.take(&["IF", "EXISTS"]);
        Definition::DropTable { name: words.name()?, if_exists }
    } else if words.take(&["MSCK", "REPAIR", "TABLE"]) {
        Definition::Partitions { name: words.name()? }
    } else if words.take(&["ALTER", "TABLE"]) {
        let name = words.name()?;
        if !["ADD", "DROP"].iter().any(|word| words.take(&[word])) {
            return Err(words.wrong("'ADD', 'DROP'"));
        }
        while words.peek().is_some_and(|token| *token != Token::SemiColon) {
            words.next();
        }
        Definition::Partitions { name }
    } else if words.take(&["SHOW"]) {
        show(&mut words)?
    } else if words.take(&["DESCRIBE"]) || words.take(&["DESC"]) {
        let _ = words.take(&["FORMATTED"]) || words.take(&["EXTENDED"]);
        Definition::ShowColumns { name: words.name()? }
    } else {
        return Ok(None);
    };
    words.end()?;
    Ok(Some(definition))
}

fn show(words: &mut Words<'_>) -> Result<Definition, SqlError> {
    let pattern = |words: &mut Words<'_>| -> Result<Option<String>, SqlError> {
        let like = words.take(&["LIKE"]);
        match words.peek() {
            Some(Token::SingleQuotedString(_)) => words.text().map(Some),
            _ if like => Err(words.wrong("text in quotes")),
            _ => Ok(None),
        }
    };
    let within = |words: &mut Words<'_>| words.take(&["IN"]) || words.take(&["FROM"]);
    if words.take(&["TABLES"]) {
        let database = if within(words) { Some(words.name()?.join(".")) } else { None };
        return Ok(Definition::ShowTables { database, pattern: pattern(words)? });
    }
    if words.take(&["DATABASES"]) || words.take(&["SCHEMAS"]) {
        return Ok(Definition::ShowDatabases { pattern: pattern(words)? });
    }
    if words.take(&["COLUMNS"]) {
        if !within(words) {
            return Err(words.wrong("'IN', 'FROM'"));
        }
        let mut name = words.name()?;
        if within(words) {
            name.splice(0..0, words.name()?);
        }
        return Ok(Definition::ShowColumns { name });
    }
    if words.take(&["CREATE", "TABLE"]) {
        return Ok(Definition::ShowCreateTable { name: words.name()? });
    }
    if words.take(&["PARTITIONS"]) {
        return Ok(Definition::ShowPartitions { name: words.name()? });
    }
    Err(words.wrong("'COLUMNS', 'CREATE TABLE', 'DATABASES', 'PARTITIONS', 'SCHEMAS', 'TABLES'"))
}

fn create_table(words: &mut Words<'_>) -> Result<CreateTable, SqlError> {
    let mut table = CreateTable { if_not_exists: words.take(&["IF", "NOT", "EXISTS"]), ..CreateTable::default() };
    table.name = words.name()?;
    table.columns = words.columns()?;
    loop {
        if words.take(&["COMMENT"]) {
            words.text()?;
        } else if words.take(&["PARTITIONED", "BY"]) {
            table.partitions = words.columns()?;
        } else if words.take(&["ROW", "FORMAT", "SERDE"]) {
            table.serde = Some(words.text()?);
            if words.take(&["WITH", "SERDEPROPERTIES"]) {
                words.properties()?;
            }
        } else if words.take(&["STORED", "AS", "INPUTFORMAT"]) {
            words.text()?;
            words.expect("OUTPUTFORMAT")?;
            words.text()?;
        } else if words.take(&["STORED", "AS"]) {
            words.name()?;
        } else if words.take(&["LOCATION"]) {
            table.location = Some(words.text()?);
        } else if words.take(&["TBLPROPERTIES"]) {
            table.properties = words.properties()?;
        } else {
            return Ok(table);
        }
    }
}
