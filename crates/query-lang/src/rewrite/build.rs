//! Small pieces of a tree.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, Value, helpers::attached_token::AttachedToken,
};

/// A name that is taken as it is.
pub(crate) fn ident(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

/// A call.
pub(crate) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(function(name, args))
}

/// A call, to be changed further.
pub(crate) fn function(name: &str, args: Vec<Expr>) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: list(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

/// Arguments.
pub(crate) fn list(args: Vec<Expr>) -> FunctionArguments {
    FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect(),
        clauses: Vec::new(),
    })
}

/// A text.
pub(crate) fn text(value: impl Into<String>) -> Expr {
    Expr::value(Value::SingleQuotedString(value.into()))
}

/// A whole number.
pub(crate) fn number(value: i64) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}

/// NULL.
pub(crate) fn null() -> Expr {
    Expr::value(Value::Null)
}

/// Two sides of an operator, in parentheses where they need them.
pub(crate) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

/// CASE with one condition.
pub(crate) fn case(condition: Expr, result: Expr, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: otherwise.map(Box::new),
    }
}

/// Whether any of these is null.
pub(crate) fn any_null(args: &[Expr]) -> Option<Expr> {
    args.iter()
        .map(|arg| Expr::IsNull(Box::new(arg.clone())))
        .reduce(|left, right| binary(left, BinaryOperator::Or, right))
}

/// In parentheses.
pub(crate) fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}
