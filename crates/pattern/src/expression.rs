//! Regular expressions between `%` signs: AWS's subset, run in linear time.
//!
//! "Supported regular expressions (regex) syntax": letters, digits, `: _ # = @ / ; , -`, the operators `^ $ ? [ ] { } | \ * + .`,
//! the classes `\d \D \s \S \w \W` and `\xhh`. No parentheses, no characters of several bytes.

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use crate::{PatternError, cursor::Cursor};

/// The memory one compiled expression may take. A pattern has at most 1,024 characters; `a{1000}{1000}` is what this is against.
const COMPILED_BYTES_MAX: usize = 256 * 1024;
/// What the lazy automaton of one expression may cache.
const CACHE_BYTES_MAX: usize = 256 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Expression {
    regex: Arc<Regex>,
}

impl Expression {
    /// Reads `%…%`; the cursor stands on the first `%`.
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Expression, PatternError> {
        let start = cursor.at();
        cursor.next();
        let body = cursor.take_while(|_, next| next != '%');
        if !cursor.eat("%") {
            return Err(cursor.wrong_at(start, "the regular expression is not closed with '%'"));
        }
        if body.is_empty() {
            return Err(cursor.wrong_at(start, "the regular expression is empty"));
        }
        let translated = translate(body).map_err(|wrong| wrong.moved(start + 1))?;
        let regex = RegexBuilder::new(&translated)
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(CACHE_BYTES_MAX)
            .build()
            .map_err(|wrong| match wrong {
                regex::Error::CompiledTooBig(_) => cursor.wrong_at(start, "the regular expression is too large"),
                _ => cursor.wrong_at(start, "the regular expression is not valid"),
            })?;
        Ok(Expression { regex: Arc::new(regex) })
    }

    pub fn finds(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }
}

/// The expression as the library writes it: what has a meaning there and none in AWS's subset loses it.
fn translate(body: &str) -> Result<String, PatternError> {
    let mut out = String::with_capacity(body.len() + 8);
    let mut cursor = Cursor::new(body);
    let mut in_class = false;
    let mut class_start = false;
    loop {
        let at = cursor.at();
        let Some(next) = cursor.next() else { break };
        let first_in_class = std::mem::take(&mut class_start);
        match next {
            '\\' => escape(&mut cursor, &mut out, at)?,
            // A `]` that comes first would be a member of the class; the subset knows no empty class.
            ']' if in_class && first_in_class => out.push_str("\\]"),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            ']' => out.push_str("\\]"),
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                class_start = true;
                out.push('[');
                if cursor.eat("^") {
                    out.push('^');
                }
            }
            // Two of them would be a difference of sets.
            '-' if in_class && (first_in_class || cursor.peek() == Some('-') || out.ends_with('-')) => {
                out.push_str("\\-")
            }
            '^' | '$' | '?' | '{' | '}' | '|' | '*' | '+' | '.' => out.push(next),
            ':' | '_' | '#' | '=' | '@' | '/' | ';' | ',' | '-' | ' ' => out.push(next),
            next if next.is_ascii_alphanumeric() => out.push(next),
            next => return Err(PatternError::new(at, format!("'{next}' is not supported in a regular expression"))),
        }
    }
    Ok(out)
}

fn escape(cursor: &mut Cursor<'_>, out: &mut String, at: usize) -> Result<(), PatternError> {
    match cursor.next() {
        Some(class @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
            out.push('\\');
            out.push(class);
        }
        Some('x') => {
            let digits = cursor.rest().get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let digits = digits.ok_or_else(|| PatternError::new(at, "'\\x' needs two hexadecimal digits"))?;
            out.push_str("\\x");
            out.push_str(digits);
            cursor.next();
            cursor.next();
        }
        Some(other) if other.is_ascii_punctuation() || other == ' ' => {
            if !matches!(other, '<' | '>') {
                out.push('\\');
            }
            out.push(other);
        }
        Some(other) => {
            return Err(PatternError::new(at, format!("'\\{other}' is not supported in a regular expression")));
        }
        None => return Err(PatternError::new(at, "'\\' ends the regular expression")),
    }
    Ok(())
}
