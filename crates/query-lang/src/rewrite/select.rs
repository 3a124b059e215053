//! Select lists: what each column is called, for the user and for the engine; LIMIT in all its spellings.

use std::collections::HashSet;

use sqlparser::ast::{Expr, LimitClause, Query, SelectItem, SetExpr};

use super::{Step, build, stop};
use crate::error::Kind;
use crate::{Output, Outputs};

/// What the columns of a query are called. Must be asked before anything is rewritten.
pub(super) fn outputs(query: &Query) -> Outputs {
    let mut body = query.body.as_ref();
    loop {
        match body {
            SetExpr::Query(inner) => body = inner.body.as_ref(),
            SetExpr::SetOperation { left, .. } => body = left.as_ref(),
            SetExpr::Select(select) => return Outputs { items: name_of_items(&select.projection) },
            SetExpr::Values(values) => {
                let width = values.rows.first().map_or(0, |row| row.content.len());
                let items = (0..width)
                    .map(|i| Some(Output { column: format!("column{}", i + 1), name: format!("_col{i}"), given: true }))
                    .collect();
                return Outputs { items };
            }
            _ => return Outputs::default(),
        }
    }
}

/// The name of each item; equal ones get columns of their own.
fn name_of_items(items: &[SelectItem]) -> Vec<Option<Output>> {
    let mut taken = HashSet::new();
    let mut named = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let (name, given) = match item {
            SelectItem::ExprWithAlias { alias, .. } => (alias.value.clone(), true),
            SelectItem::UnnamedExpr(expr) => match last_name(expr) {
                Some(name) => (name, false),
                None => (format!("_col{at}"), true),
            },
            _ => {
                named.push(None);
                continue;
            }
        };
        let mut column = name.to_lowercase();
        if !taken.insert(column.clone()) {
            column = format!("${at} {column}");
        }
        named.push(Some(Output { column, name, given }));
    }
    named
}

/// The name that an expression has by itself.
fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(idents) => idents.last().map(|ident| ident.value.clone()),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            sqlparser::ast::AccessExpr::Dot(last) => last_name(last),
            sqlparser::ast::AccessExpr::Subscript(_) => None,
        },
        Expr::Nested(inner) => last_name(inner),
        _ => None,
    }
}

/// Gives every item the name that it has for Trino; the engine would call `a.b` something else.
pub(super) fn name_items(items: &mut [SelectItem]) {
    let names = name_of_items(items);
    for (item, name) in items.iter_mut().zip(names) {
        let Some(Output { column, .. }) = name else { continue };
        let expr = match item {
            // A column under its own name keeps its table, so that `t.column` still means it.
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) if ident.value.to_lowercase() == column => continue,
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                std::mem::replace(expr, build::null())
            }
            _ => continue,
        };
        *item = SelectItem::ExprWithAlias { expr, alias: build::ident(column) };
    }
}

/// FETCH FIRST is LIMIT.
pub(super) fn limit(query: &mut Query) -> Step {
    let Some(fetch) = query.fetch.take() else { return Step::Continue(()) };
    if fetch.with_ties || fetch.percent {
        return stop(Kind::Unsupported, None, "FETCH FIRST with PERCENT or WITH TIES is not supported");
    }
    let rows = fetch.quantity.unwrap_or_else(|| build::number(1));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(rows),
        None => {
            query.limit_clause =
                Some(LimitClause::LimitOffset { limit: Some(rows), offset: None, limit_by: Vec::new() });
        }
        Some(_) => return stop(Kind::Syntax, None, "mismatched input 'FETCH'. Expecting: <EOF>"),
    }
    Step::Continue(())
}
