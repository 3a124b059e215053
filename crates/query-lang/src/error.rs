//! What is wrong with a statement, and where. Texts are what a user reads: they name line and column in the text as it was written.

use std::fmt;

/// A place in the user's text, both counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The text is no statement.
    Syntax,
    /// A name that nothing has.
    UnknownName,
    /// Something of the wrong type, or a wrong number of arguments.
    Type,
    /// A statement that would change something.
    NotReading,
    /// A part of the language that is not there.
    Unsupported,
}

/// A refused statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// What kind of mistake it is.
    pub kind: Kind,
    /// What is wrong, what was expected, and the nearest name if there is one; without the place.
    pub message: String,
    /// Where.
    pub position: Option<Position>,
}

impl SqlError {
    /// An error at a place.
    pub fn at(kind: Kind, position: Option<Position>, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(Position { line, column }) => write!(f, "line {line}:{column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for SqlError {}

impl From<sqlparser::tokenizer::Span> for Position {
    fn from(span: sqlparser::tokenizer::Span) -> Self {
        Self::from(span.start)
    }
}

impl From<sqlparser::tokenizer::Location> for Position {
    fn from(location: sqlparser::tokenizer::Location) -> Self {
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self { line: small(location.line), column: small(location.column) }
    }
}

/// The place of a span, if it is one: made-up parts of a tree have none.
pub(crate) fn place(span: sqlparser::tokenizer::Span) -> Option<Position> {
    (span.start.line > 0).then(|| Position::from(span))
}
