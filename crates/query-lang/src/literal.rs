//! Parameters: the text that takes the place of `?`, as a literal.

use sqlparser::ast::{Expr, UnaryOperator, Value};
use sqlparser::parser::Parser;

use crate::Dialect;
use crate::dialect::Trino;

/// The literal that a parameter stands for. Athena's are SQL (`'text'` in quotes, numbers, `DATE '2025-01-01'`); what is no literal, and all
/// of Lake's that is not quoted, is text.
pub(crate) fn parameter(text: &str, dialect: Dialect) -> Expr {
    let parsed = Parser::new(&Trino)
        .try_with_sql(text)
        .ok()
        .and_then(|mut parser| {
            let parsed = parser.parse_expr().ok()?;
            (parser.peek_token().token == sqlparser::tokenizer::Token::EOF).then_some(parsed)
        })
        .filter(is_literal);
    match parsed {
        Some(Expr::Value(value)) if matches!(value.value, Value::SingleQuotedString(_)) => Expr::Value(value),
        Some(parsed) if dialect == Dialect::Athena => parsed,
        _ => Expr::value(Value::SingleQuotedString(text.to_owned())),
    }
}

/// A pattern of LIKE as the engine takes it, where a backslash escapes. `None` if an escape stands before nothing that needs one.
pub fn pattern(text: &str, escape: Option<char>) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            let next = chars.next().filter(|next| matches!(next, '%' | '_') || Some(*next) == escape)?;
            if matches!(next, '%' | '_' | '\\') {
                out.push('\\');
            }
            out.push(next);
        } else {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
    }
    Some(out)
}

/// A value without any name or call in it.
fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_literal(expr),
        Expr::TypedString(_) | Expr::Interval(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_escape_with_a_backslash() {
        for (text, escape, expected) in [
            ("a%_", None, Some("a%_")),
            (r"a\%", None, Some(r"a\\%")),
            ("a#%#_##b%", Some('#'), Some(r"a\%\_#b%")),
            (r"\%\\", Some('\\'), Some(r"\%\\")),
            ("a#b", Some('#'), None),
            ("a#", Some('#'), None),
        ] {
            assert_eq!(pattern(text, escape).as_deref(), expected, "{text}");
        }
    }
}
