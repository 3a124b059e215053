//! One condition on one value: `= "Root"`, `!= 123.123.*`, `>= 500`, `= %^AKIA%`.

use crate::{PatternError, cursor::Cursor, document::Value, expression::Expression};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a value is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Text(Text),
    /// Written without quotes and as a number. The text stays: a string `"0400"` equals `0400` as text.
    Number(Box<str>, f64),
    Expression(Expression),
}

/// A text in which `*` stands for any characters. (AWS's own search for what lies between two of them takes the first place it finds
/// and so misses some: `*111.111` does not find `111.111.111`. Ours finds it.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Exactly(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    /// What it starts with, what comes in this order, what it ends with.
    Pieces(Box<[Box<str>]>),
    Anything,
}

/// Whether `!=` is true of what is not there: a filter on `$.additionalEventData.MFAUsed != "Yes"` must see the sign-in whose
/// record does not say. AWS documents nothing and was seen to say no (ADR 26).
const ABSENT_DIFFERS: bool = true;

#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub comparison: Comparison,
    pub literal: Literal,
}

impl Text {
    pub fn new(text: &str) -> Text {
        let pieces: Vec<&str> = text.split('*').collect();
        match pieces[..] {
            [whole] => Text::Exactly(whole.into()),
            _ if pieces.iter().all(|piece| piece.is_empty()) => Text::Anything,
            [start, ""] => Text::StartsWith(start.into()),
            ["", end] => Text::EndsWith(end.into()),
            ["", part, ""] => Text::Contains(part.into()),
            _ => Text::Pieces(pieces.into_iter().map(Box::from).collect()),
        }
    }

    pub fn is(&self, text: &str) -> bool {
        match self {
            Text::Exactly(whole) => text == &**whole,
            Text::StartsWith(start) => text.starts_with(&**start),
            Text::EndsWith(end) => text.ends_with(&**end),
            Text::Contains(part) => memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some(),
            Text::Pieces(pieces) => holds_pieces(pieces, text),
            Text::Anything => true,
        }
    }
}

fn holds_pieces(pieces: &[Box<str>], text: &str) -> bool {
    let [start, between @ .., end] = pieces else { return false };
    let rest = text.strip_prefix(&**start).and_then(|rest| rest.strip_suffix(&**end));
    // Between the ends, the first place where a piece is found is as good as any later one.
    let found = rest.and_then(|rest| {
        between.iter().try_fold(rest.as_bytes(), |rest, piece| {
            let at = memchr::memmem::find(rest, piece.as_bytes())?;
            Some(&rest[at + piece.len()..])
        })
    });
    found.is_some()
}

impl Test {
    /// Reads operator and value. `ends` says where a value without quotes ends.
    pub fn parse(cursor: &mut Cursor<'_>, ends: impl Fn(&str, char) -> bool) -> Result<Test, PatternError> {
        let comparison = comparison(cursor)?;
        cursor.skip_space();
        let value_at = cursor.at();
        let literal = match cursor.peek() {
            Some('"') => Literal::Text(Text::new(&cursor.quoted()?)),
            Some('%') => Literal::Expression(Expression::parse(cursor)?),
            _ => {
                let word = cursor.take_while(|rest, next| !next.is_whitespace() && !ends(rest, next));
                if word.is_empty() || word.starts_with(['=', '<', '>', '(', '[', '{']) {
                    return Err(cursor.wrong_at(value_at, "a value was expected"));
                }
                if let Some(letter) = word.chars().find(|letter| !unquoted(*letter)) {
                    return Err(PatternError::term(value_at, letter.encode_utf8(&mut [0; 4])));
                }
                match number(word) {
                    Some(value) => Literal::Number(word.into(), value),
                    None => Literal::Text(Text::new(word)),
                }
            }
        };
        match (comparison, &literal) {
            (Comparison::Equal | Comparison::NotEqual, _) | (_, Literal::Number(..)) => {
                Ok(Test { comparison, literal })
            }
            _ => Err(cursor.term(value_at)),
        }
    }

    pub fn is_expression(&self) -> bool {
        matches!(self.literal, Literal::Expression(_))
    }

    /// The one text that passes, if there is but one.
    pub fn only_text(&self) -> Option<&str> {
        match (self.comparison, &self.literal) {
            (Comparison::Equal, Literal::Text(Text::Exactly(text))) => Some(text),
            _ => None,
        }
    }

    /// Whether what is not there passes.
    pub fn holds_without(&self) -> bool {
        ABSENT_DIFFERS && self.comparison == Comparison::NotEqual
    }

    /// Whether a field of a space-delimited event passes: a number or a text, whichever it reads as.
    pub fn holds_for_field(&self, text: &str) -> bool {
        if number(text).is_some() { self.holds_for_number(text) } else { self.holds_for_string(text) }
    }

    /// Whether a value of JSON passes. Objects and arrays never do ("If a property selector points to an array or object, the filter
    /// pattern won't match"), nor do true, false and null, whatever the comparison.
    pub fn holds_for(&self, value: &Value<'_>) -> bool {
        match value {
            Value::String(text) => self.holds_for_string(text),
            Value::Number(text) => self.holds_for_number(text),
            Value::Bool(_) | Value::Null | Value::Container => false,
        }
    }

    /// Strings are compared as texts, with what was written in the pattern, also where that is a number.
    fn holds_for_string(&self, text: &str) -> bool {
        let equal = match &self.literal {
            Literal::Text(wanted) => wanted.is(text),
            Literal::Number(wanted, _) => text == &**wanted,
            Literal::Expression(expression) => expression.finds(text),
        };
        match self.comparison {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            _ => false,
        }
    }

    /// Numbers are compared as numbers with a number, and as they are written with everything else.
    fn holds_for_number(&self, text: &str) -> bool {
        match &self.literal {
            Literal::Number(_, wanted) => number(text).is_some_and(|found| self.comparison.orders(found, *wanted)),
            _ => self.holds_for_string(text),
        }
    }
}

impl Comparison {
    fn orders(self, found: f64, wanted: f64) -> bool {
        match self {
            Comparison::Equal => found == wanted,
            Comparison::NotEqual => found != wanted,
            Comparison::Less => found < wanted,
            Comparison::LessOrEqual => found <= wanted,
            Comparison::Greater => found > wanted,
            Comparison::GreaterOrEqual => found >= wanted,
        }
    }
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Comparison, PatternError> {
    const ALL: [(&str, Comparison); 6] = [
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("=", Comparison::Equal),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    for (sign, comparison) in ALL {
        if cursor.eat(sign) {
            return Ok(comparison);
        }
    }
    Err(cursor.wrong("a comparison was expected: =, !=, <, >, <=, >=, IS, EXISTS or NOT EXISTS"))
}

/// What a value may consist of without quotation marks. Not all of it is documented: `kms.amazonaws.com` stands in CIS's patterns.
fn unquoted(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '*' | '.' | '+' | '/')
}

/// A number as the page defines it: sign, digits, a decimal point, `e` and an exponent.
pub(crate) fn number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let starts = unsigned.strip_prefix('.').unwrap_or(unsigned);
    // `inf` and `nan` are numbers to the library, not to us.
    if !starts.starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
