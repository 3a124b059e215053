//! Patterns for events of JSON: `{ ($.a.b = "x" || $.c[0] > 5) && $.d NOT EXISTS }`.
//!
//! A value that is missing does not equal anything, and differs from everything: a filter on
//! `$.additionalEventData.MFAUsed != "Yes"` must see sign-ins whose record does not say.

use crate::{
    PatternError,
    cursor::Cursor,
    document::{Document, Kind},
    joined,
    selector::Path,
    test::Test,
};

/// An expression as it was written: conditions on what paths select.
pub(crate) type Expr = joined::Expr<(Path, Condition)>;

/// What is asked about a selector.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Test(Test),
    Exists,
    NotExists,
    IsNull,
    IsTrue,
    IsFalse,
}

/// Reads what stands between the braces.
pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Expr, PatternError> {
    let expr = Expr::parse(cursor, &|cursor| {
        let path = Path::parse(cursor)?;
        cursor.skip_space();
        Ok((path, condition(cursor)?))
    })?;
    cursor.skip_space();
    if cursor.done() { Ok(expr) } else { Err(cursor.wrong("'&&' or '||' was expected")) }
}

impl Condition {
    /// Whether it is true of what a path selects in a document.
    pub fn holds(&self, path: &Path, document: &Document<'_>) -> bool {
        let mut found = false;
        let holds = path.any(document, |place| {
            found = true;
            self.holds_for(document, place)
        });
        holds || (!found && self.holds_without())
    }

    /// Whether it is true of a value that is there.
    pub fn holds_for(&self, document: &Document<'_>, place: u32) -> bool {
        match self {
            Condition::Test(test) => test.holds_for(&document.value(place)),
            Condition::Exists => true,
            Condition::NotExists => false,
            // Also of an array that has a null in it, as AWS was seen to have it.
            Condition::IsNull => match document.kind(place) {
                Kind::Null => true,
                Kind::Array => document.children(place).any(|child| document.kind(child) == Kind::Null),
                _ => false,
            },
            Condition::IsTrue => document.kind(place) == Kind::True,
            Condition::IsFalse => document.kind(place) == Kind::False,
        }
    }

    /// Whether it is true if there is no such value.
    pub fn holds_without(&self) -> bool {
        match self {
            Condition::Test(test) => test.holds_without(),
            Condition::NotExists => true,
            Condition::Exists | Condition::IsNull | Condition::IsTrue | Condition::IsFalse => false,
        }
    }
}

fn condition(cursor: &mut Cursor<'_>) -> Result<Condition, PatternError> {
    if cursor.eat_word("EXISTS") {
        return Ok(Condition::Exists);
    }
    if cursor.eat_word("NOT") {
        cursor.skip_space();
        return match cursor.eat_word("EXISTS") {
            true => Ok(Condition::NotExists),
            false => Err(cursor.wrong("'EXISTS' was expected")),
        };
    }
    if cursor.eat_word("IS") {
        cursor.skip_space();
        for (word, condition) in
            [("NULL", Condition::IsNull), ("TRUE", Condition::IsTrue), ("FALSE", Condition::IsFalse)]
        {
            if cursor.eat_word(word) {
                return Ok(condition);
            }
        }
        let start = cursor.at();
        return Err(match cursor.take_while(|_, next| next.is_ascii_alphanumeric()) {
            "" => cursor.wrong("'NULL', 'TRUE' or 'FALSE' was expected"),
            _ => cursor.term(start),
        });
    }
    let at = cursor.at();
    let test = Test::parse(cursor, ends_value)?;
    match test.only_text() {
        // A value that is null equals nothing; it has an operator of its own.
        Some("null") if cursor.since(at).ends_with('l') => Err(cursor.wrong_at(at, "null is asked for with 'IS NULL'")),
        _ => Ok(Condition::Test(test)),
    }
}

/// Where a value without quotes ends.
fn ends_value(rest: &str, next: char) -> bool {
    next == ')' || rest.starts_with("&&") || rest.starts_with("||")
}
