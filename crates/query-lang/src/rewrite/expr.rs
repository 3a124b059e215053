//! Expressions that are no calls: names, fields, subscripts, casts, typed literals, lambdas.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Subscript,
    Value, VisitMut, VisitorMut,
};

use super::{Rewriter, Step, build, lower, stop};
use crate::error::{Kind, place};
use crate::functions;

impl Rewriter<'_> {
    /// Rewrites an expression whose parts are rewritten.
    pub(super) fn expr(&mut self, expr: &mut Expr) -> Step {
        match expr {
            Expr::Identifier(ident) => {
                self.note(ident.value.to_lowercase(), ident.value.clone(), ident.span);
                lower(ident);
            }
            Expr::CompoundIdentifier(idents) => {
                self.path(idents);
                if let Some(fields) = self.fields_of_outer(idents) {
                    *expr = fields;
                }
            }
            Expr::Like { pattern, escape_char, .. } => return like(pattern, escape_char),
            Expr::CompoundFieldAccess { .. } => return self.access(expr),
            Expr::Cast { kind, expr: inner, data_type, .. } => {
                let name = match kind {
                    CastKind::Cast | CastKind::DoubleColon => "trino_cast",
                    CastKind::TryCast | CastKind::SafeCast => "trino_try_cast",
                };
                let inner = std::mem::replace(inner.as_mut(), build::null());
                *expr = build::call(name, vec![inner, build::text(self.type_name(data_type))]);
            }
            Expr::TypedString(typed) => {
                let kind = typed.data_type.to_string().to_lowercase();
                *expr = build::call("trino_cast", vec![Expr::Value(typed.value.clone()), build::text(kind)]);
            }
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                let [left, right] = [left, right].map(|side| std::mem::replace(side.as_mut(), build::null()));
                *expr = concat(left, right);
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                let args = [timestamp, time_zone].map(|part| std::mem::replace(part.as_mut(), build::null()));
                *expr = build::call("at_timezone", args.into());
            }
            Expr::Extract { field, expr: inner, .. } => {
                let inner = std::mem::replace(inner.as_mut(), build::null());
                *expr = build::call("trino_part", vec![build::text(field.to_string().to_lowercase()), inner]);
            }
            Expr::Position { expr: what, r#in } => {
                let args = [r#in, what].map(|part| std::mem::replace(part.as_mut(), build::null()));
                let found = build::call("strpos", args.into());
                *expr = build::call("trino_cast", vec![found, build::text("bigint")]);
            }
            Expr::Substring { expr: inner, substring_from, substring_for, .. } => {
                let from = substring_from.take().map_or_else(|| build::number(1), |from| *from);
                let mut args = vec![std::mem::replace(inner.as_mut(), build::null()), from];
                args.extend(substring_for.take().map(|length| *length));
                *expr = build::call("substr", args);
            }
            Expr::Lambda(lambda) => {
                let params: Vec<String> = lambda.params.iter().map(|param| param.name.value.to_lowercase()).collect();
                match &mut lambda.params {
                    sqlparser::ast::OneOrManyWithParens::One(param) => lower(&mut param.name),
                    sqlparser::ast::OneOrManyWithParens::Many(params) => {
                        params.iter_mut().for_each(|param| lower(&mut param.name));
                    }
                }
                let _ = VisitMut::visit(lambda.body.as_mut(), &mut FieldsOfParameters { params });
            }
            Expr::ILike { .. }
            | Expr::RLike { .. }
            | Expr::SimilarTo { .. }
            | Expr::MatchAgainst { .. }
            | Expr::JsonAccess { .. } => {
                return stop(
                    Kind::Unsupported,
                    None,
                    "only LIKE compares with a pattern; use regexp_like for expressions",
                );
            }
            Expr::Value(value) => {
                if let Value::DoubleQuotedString(text) = &value.value {
                    let ident = Ident { value: text.to_lowercase(), quote_style: Some('"'), span: value.span };
                    *expr = Expr::Identifier(ident);
                }
            }
            Expr::Function(function) => {
                let Some(ident) = function.name.0.last().and_then(|part| part.as_ident()).cloned() else {
                    return Step::Continue(());
                };
                let name = ident.value.to_lowercase();
                if name.starts_with("trino_") && place(ident.span).is_none() {
                    return Step::Continue(());
                }
                self.note(name.clone(), ident.value.clone(), ident.span);
                if place(ident.span).is_some() && (!functions::is_known(&name) || function.name.0.len() > 1) {
                    let meant = crate::nearest(&name, functions::KNOWN.iter().copied());
                    let meant = meant.map(|name| format!(". Did you mean '{name}'?")).unwrap_or_default();
                    let message = format!("Function '{name}' not registered{meant}");
                    return stop(Kind::UnknownName, place(ident.span), message);
                }
                return self.call(&name, expr, place(ident.span));
            }
            _ => {}
        }
        Step::Continue(())
    }

    /// A type as it was written, in lower case.
    fn type_name(&self, data_type: &sqlparser::ast::DataType) -> String {
        let name = data_type.to_string().to_lowercase();
        self.types.get(&name).cloned().unwrap_or(name)
    }

    /// A path of names: `useridentity.arn`, `t.useridentity.arn`, `database.table.column`.
    fn path(&mut self, idents: &mut Vec<Ident>) {
        let span = idents.first().map_or(sqlparser::tokenizer::Span::empty(), |ident| ident.span);
        for ident in idents.iter_mut() {
            if let Some(store) = self.stores.get(&ident.value) {
                ident.value = store.clone();
            }
        }
        let written: Vec<&str> = idents.iter().map(|ident| ident.value.as_str()).collect();
        let written = written.join(".");
        self.note(written.to_lowercase(), written, span);
        idents.iter_mut().for_each(lower);
        // A column may be qualified by a table's whole name; the engine knows the last part of it.
        let qualified = self.tables.iter().map(|table| &table.parts).find(|parts| {
            parts.len() > 1
                && idents.len() > parts.len()
                && parts.iter().zip(idents.iter()).all(|(part, ident)| *part == ident.value)
        });
        if let Some(parts) = qualified {
            idents.drain(..parts.len() - 1);
        }
    }

    /// Fields of a column of a query around this one, as calls: the engine knows no paths there.
    fn fields_of_outer(&self, idents: &[Ident]) -> Option<Expr> {
        let [table, column, fields @ ..] = idents else { return None };
        let (own, around) = self.scopes.split_last()?;
        let names = |scope: &super::Scope| scope.aliases.contains(&table.value);
        if fields.is_empty() || names(own) || !around.iter().any(names) {
            return None;
        }
        let root = Expr::CompoundIdentifier(vec![table.clone(), column.clone()]);
        let step = |value, field: &Ident| build::call("trino_field", vec![value, build::text(field.value.clone())]);
        Some(fields.iter().fold(root, step))
    }

    /// `x[1].field`: calls, from the inside to the outside.
    fn access(&mut self, expr: &mut Expr) -> Step {
        let Expr::CompoundFieldAccess { root, access_chain } = expr else { return Step::Continue(()) };
        let mut value = std::mem::replace(root.as_mut(), build::null());
        for access in std::mem::take(access_chain) {
            value = match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => match value {
                    Expr::Identifier(first) => Expr::CompoundIdentifier(vec![first, ident]),
                    Expr::CompoundIdentifier(mut path) => {
                        path.push(ident);
                        Expr::CompoundIdentifier(path)
                    }
                    value => build::call("trino_field", vec![value, build::text(ident.value.to_lowercase())]),
                },
                AccessExpr::Subscript(Subscript::Index { index }) => build::call("trino_subscript", vec![value, index]),
                AccessExpr::Dot(other) => {
                    return stop(Kind::Syntax, None, format!("mismatched input '{other}'. Expecting: a field's name"));
                }
                AccessExpr::Subscript(Subscript::Slice { .. }) => {
                    return stop(Kind::Unsupported, None, "a range is no subscript; use slice(array, start, length)");
                }
            };
        }
        *expr = value;
        Step::Continue(())
    }
}

/// Two texts or lists one after the other; a chain of them is one call.
fn concat(left: Expr, right: Expr) -> Expr {
    if let Expr::Function(mut function) = left {
        if function.name.to_string() == "trino_concat"
            && let FunctionArguments::List(list) = &mut function.args
        {
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(right)));
            return Expr::Function(function);
        }
        return build::call("trino_concat", vec![Expr::Function(function), right]);
    }
    build::call("trino_concat", vec![left, right])
}

/// The engine's LIKE always takes a backslash for an escape; Trino's none, or the one that is named.
fn like(pattern: &mut Expr, escape: &mut Option<sqlparser::ast::ValueWithSpan>) -> Step {
    let wrong = |message: &str| stop(Kind::Type, None, message);
    let escape = match escape.take().map(|value| value.value) {
        None => None,
        Some(Value::SingleQuotedString(text)) if text.chars().count() == 1 => text.chars().next(),
        Some(_) => return wrong("Escape string must be a single character"),
    };
    let Expr::Value(value) = &*pattern else {
        let escape = escape.map(String::from).unwrap_or_default();
        let inner = std::mem::replace(pattern, build::null());
        *pattern = build::call("trino_pattern", vec![inner, build::text(escape)]);
        return Step::Continue(());
    };
    let Value::SingleQuotedString(text) = &value.value else { return Step::Continue(()) };
    match crate::pattern(text, escape) {
        Some(text) => *pattern = build::text(text),
        None => return wrong("Escape character must be followed by '%', '_' or the escape character itself"),
    }
    Step::Continue(())
}

/// In a lambda's body `r.field` is a field of the parameter, not a column of a table `r`.
struct FieldsOfParameters {
    params: Vec<String>,
}

impl VisitorMut for FieldsOfParameters {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(idents) = expr
            && idents.first().is_some_and(|first| self.params.contains(&first.value))
        {
            let mut idents = std::mem::take(idents).into_iter();
            if let Some(first) = idents.next() {
                let root = Expr::Identifier(first);
                *expr =
                    idents.fold(root, |value, field| build::call("trino_field", vec![value, build::text(field.value)]));
            }
        }
        ControlFlow::Continue(())
    }
}

/// Inside `try` nothing fails: what could answers null.
pub(super) struct Forgiving;

impl VisitorMut for Forgiving {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                if name == "trino_cast" || functions::FALLIBLE.contains(&name.as_str()) {
                    let name = match name.as_str() {
                        "trino_cast" => "trino_try_cast".to_owned(),
                        name => format!("try_{name}"),
                    };
                    function.name = sqlparser::ast::ObjectName::from(vec![Ident::new(name)]);
                }
            }
            Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => {
                let divisor = std::mem::replace(right.as_mut(), build::null());
                **right = build::call("nullif", vec![divisor, build::number(0)]);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
