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
        if !cursor.eat("%") || body.is_empty() {
            return Err(cursor.term(start));
        }
        // What is wrong is shown from the first `%` to the character that cannot be.
        let translated = translate(body).map_err(|end| PatternError::term(start, &format!("%{}", &body[..end])))?;
        let regex = RegexBuilder::new(&translated)
            .unicode(false)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(CACHE_BYTES_MAX)
            .build()
            .map_err(|_| PatternError::answered(start, "Failed to compile regular expression."))?;
        Ok(Expression { regex: Arc::new(regex) })
    }

    pub fn finds(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }
}

/// The expression as the library writes it: what has a meaning there and none in AWS's subset loses it. An error is where the
/// first character ends that is not supported.
fn translate(body: &str) -> Result<String, usize> {
    let mut out = String::with_capacity(body.len() + 8);
    let mut cursor = Cursor::new(body);
    let mut in_class = false;
    let mut class_start = false;
    while let Some(next) = cursor.next() {
        let first_in_class = std::mem::take(&mut class_start);
        match next {
            '\\' => escape(&mut cursor, &mut out)?,
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
            // `{,3}`: no minimum.
            '{' if !in_class && cursor.peek() == Some(',') => out.push_str("{0"),
            '^' | '$' | '?' | '{' | '}' | '|' | '*' | '+' | '.' => out.push(next),
            ':' | '_' | '#' | '=' | '@' | '/' | ';' | ',' | '-' | ' ' => out.push(next),
            next if next.is_ascii_alphanumeric() => out.push(next),
            _ => return Err(cursor.at()),
        }
    }
    Ok(out)
}

fn escape(cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), usize> {
    match cursor.next() {
        Some(class @ ('d' | 'D' | 's' | 'S' | 'w' | 'W' | 't' | 'n' | 'r' | 'f' | 'v')) => {
            out.push('\\');
            out.push(class);
        }
        Some('x') => {
            let digits = cursor.rest().get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            out.push_str("\\x");
            out.push_str(digits.ok_or(cursor.at())?);
            cursor.next();
            cursor.next();
        }
        // `<` and `>` behind a backslash are ends of words to the library.
        Some(sign @ ('<' | '>')) => out.push(sign),
        Some(sign) if sign.is_ascii_punctuation() || sign == ' ' => {
            out.push('\\');
            out.push(sign);
        }
        _ => return Err(cursor.at()),
    }
    Ok(())
}
