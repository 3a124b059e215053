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

/// A text with a `*` before, after or around it. A `*` within is an ordinary character: "Ev*ent will only match the actual
/// string Ev*ent".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Exactly(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    Anything,
}

#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub comparison: Comparison,
    pub literal: Literal,
}

impl Text {
    pub fn new(text: &str) -> Text {
        let (start, rest) = text.strip_prefix('*').map_or((false, text), |rest| (true, rest));
        let (end, body) = rest.strip_suffix('*').map_or((false, rest), |body| (true, body));
        match (start, end) {
            (true, _) | (_, true) if body.is_empty() => Text::Anything,
            (false, false) => Text::Exactly(body.into()),
            (false, true) => Text::StartsWith(body.into()),
            (true, false) => Text::EndsWith(body.into()),
            (true, true) => Text::Contains(body.into()),
        }
    }

    pub fn is(&self, text: &str) -> bool {
        match self {
            Text::Exactly(whole) => text == &**whole,
            Text::StartsWith(start) => text.starts_with(&**start),
            Text::EndsWith(end) => text.ends_with(&**end),
            Text::Contains(part) => memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some(),
            Text::Anything => true,
        }
    }
}

impl Test {
    /// Reads operator and value. `ends` says where a value without quotes ends.
    pub fn parse(cursor: &mut Cursor<'_>, ends: impl Fn(&str, char) -> bool) -> Result<Test, PatternError> {
        let at = cursor.at();
        let comparison = comparison(cursor)?;
        cursor.skip_space();
        let value_at = cursor.at();
        let literal = match cursor.peek() {
            Some('"') => Literal::Text(Text::new(&cursor.quoted()?)),
            Some('%') => Literal::Expression(Expression::parse(cursor)?),
            _ => {
                let word = cursor.take_while(|rest, next| !next.is_whitespace() && !ends(rest, next));
                if word.is_empty() {
                    return Err(cursor.wrong("a value was expected"));
                }
                if let Some(offset) = word.find(|letter| !unquoted(letter)) {
                    return Err(cursor
                        .wrong_at(value_at + offset, format!("the value '{word}' must be in double quotation marks")));
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
            _ => Err(cursor.wrong_at(at, "this comparison needs a number")),
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
        self.comparison == Comparison::NotEqual
    }

    /// Whether a text passes: a field of a space-delimited event, or a string of JSON.
    pub fn holds_for_text(&self, text: &str) -> bool {
        match (self.comparison, &self.literal) {
            (Comparison::Equal, literal) => literal.is(text),
            (Comparison::NotEqual, literal) => !literal.is(text),
            (comparison, Literal::Number(_, wanted)) => {
                number(text).is_some_and(|found| comparison.orders(found, *wanted))
            }
            _ => false,
        }
    }

    /// Whether a value of JSON passes. Objects and arrays never do, whatever the comparison ("If a property selector points
    /// to an array or object, the filter pattern won't match").
    pub fn holds_for(&self, value: &Value<'_>) -> bool {
        match value {
            Value::String(text) => self.holds_for_text(text),
            Value::Number(text) => self.holds_for_text(text),
            Value::Bool(true) => self.holds_for_text("true"),
            Value::Bool(false) => self.holds_for_text("false"),
            Value::Null => self.holds_without(),
            Value::Container => false,
        }
    }
}

impl Literal {
    fn is(&self, text: &str) -> bool {
        match self {
            Literal::Text(wanted) => wanted.is(text),
            Literal::Number(wanted, value) => text == &**wanted || number(text).is_some_and(|found| found == *value),
            Literal::Expression(expression) => expression.finds(text),
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

/// "Strings that have unicode and other characters such as '@', '$', '\' must be enclosed in double quotes."
fn unquoted(letter: char) -> bool {
    letter.is_ascii_graphic() && !matches!(letter, '"' | '@' | '$' | '\\' | '(' | ')' | '=' | '<' | '>' | '!' | '%')
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
