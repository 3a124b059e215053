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
        .filter(|parsed| is_literal(parsed));
    match parsed {
        Some(Expr::Value(value)) if matches!(value.value, Value::SingleQuotedString(_)) => Expr::Value(value),
        Some(parsed) if dialect == Dialect::Athena => parsed,
        _ => Expr::value(Value::SingleQuotedString(text.to_owned())),
    }
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
