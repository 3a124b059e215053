//! From Trino's tree to one that the engine plans with Trino's meaning: names in lower case, every item of a select list named, tables
//! numbered, functions and casts replaced. Places in the text are never lost: each name is noted before it is changed.

mod build;
mod call;
mod expr;
mod from;
mod select;

use std::collections::HashMap;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, ObjectNamePart, Query, Select, Statement, TableFactor, VisitMut, VisitorMut};

use crate::error::{Kind, SqlError, place};
use crate::{ITEMS_MAX, Mention, Outputs, Read, TABLES_MAX, TableName};

/// Rewrites a statement that is known to read only.
pub(crate) fn rewrite(
    mut tree: Statement,
    stores: &HashMap<String, String>,
    types: &HashMap<String, String>,
) -> Result<Read, SqlError> {
    let outputs = match &mut tree {
        Statement::Query(query) => select::outputs(query),
        _ => Outputs::default(),
    };
    let mut rewriter = Rewriter { stores, types, tables: Vec::new(), mentions: Vec::new(), scopes: Vec::new() };
    if let ControlFlow::Break(error) = VisitMut::visit(&mut tree, &mut rewriter) {
        return Err(error);
    }
    Ok(Read { tree, tables: rewriter.tables, outputs, mentions: rewriter.mentions })
}

/// What is known while a tree is walked.
struct Rewriter<'a> {
    stores: &'a HashMap<String, String>,
    /// What the words stand for that took the place of types.
    types: &'a HashMap<String, String>,
    tables: Vec<TableName>,
    mentions: Vec<Mention>,
    /// The queries around, from the outside to the inside.
    scopes: Vec<Scope>,
}

/// A query that is being walked.
#[derive(Default)]
struct Scope {
    /// The tables that its WITH names, and how many tables each of them reads.
    with: Vec<(String, u32)>,
    /// How many of them were walked: a name means what came before it.
    done: usize,
    /// How many tables it reads.
    reads: u32,
    /// What its tables are called.
    aliases: Vec<String>,
}

type Step = ControlFlow<SqlError>;

impl Rewriter<'_> {
    /// Notes a name with its place.
    fn note(&mut self, name: String, written: String, span: sqlparser::tokenizer::Span) {
        if let Some(position) = place(span) {
            self.mentions.push(Mention { name, written, position });
        }
    }

    /// Puts a table's number in the place of its name; answers the name that columns may be qualified by. `None` for a name of WITH.
    fn number(&mut self, name: &mut ObjectName) -> Option<String> {
        let idents: Vec<_> = name.0.iter().filter_map(ObjectNamePart::as_ident).collect();
        let position = idents.first().and_then(|ident| place(ident.span));
        let parts: Vec<String> =
            idents.iter().map(|ident| self.stores.get(&ident.value).unwrap_or(&ident.value).to_lowercase()).collect();
        let last = parts.last().cloned().unwrap_or_default();
        let named = self.scopes.iter().rev().find_map(|scope| {
            let named = scope.with.iter().take(scope.done).rev().find(|(name, _)| *name == last);
            named.filter(|_| parts.len() == 1).map(|(_, reads)| *reads)
        });
        if let Some(scope) = self.scopes.last_mut() {
            scope.reads = scope.reads.saturating_add(named.unwrap_or(1));
        }
        if named.is_some() {
            *name = ObjectName::from(vec![build::ident(last)]);
            return None;
        }
        let number = match self.tables.iter().position(|table| table.parts == parts) {
            Some(number) => number,
            None => {
                self.tables.push(TableName { parts, position });
                self.tables.len() - 1
            }
        };
        *name = ObjectName::from(vec![build::ident(format!("${number}"))]);
        Some(last)
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> Step {
        let mut scope = Scope::default();
        if let Some(with) = &mut query.with {
            if with.recursive {
                return stop(Kind::Unsupported, place(with.with_token.0.span), "WITH RECURSIVE is not supported");
            }
            for table in &mut with.cte_tables {
                lower(&mut table.alias.name);
                table.alias.columns.iter_mut().for_each(|column| lower(&mut column.name));
                scope.with.push((table.alias.name.value.clone(), 0));
            }
        }
        self.scopes.push(scope);
        select::limit(query)
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> Step {
        let reads = self.scopes.pop().map_or(0, |scope| scope.reads);
        if reads > TABLES_MAX {
            return stop(Kind::Unsupported, None, format!("the statement reads more than {TABLES_MAX} tables"));
        }
        if let Some(around) = self.scopes.last_mut() {
            // The queries of WITH are walked first, in their order.
            match around.with.get_mut(around.done) {
                Some(named) => {
                    named.1 = reads;
                    around.done += 1;
                }
                None => around.reads = around.reads.saturating_add(reads),
            }
        }
        Step::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Step {
        if select.projection.len() > ITEMS_MAX {
            return stop(Kind::Unsupported, None, format!("more than {ITEMS_MAX} items are selected"));
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.aliases.extend(from::aliases(&select.from));
        }
        from::nest_unnest(select);
        select::name_items(&mut select.projection);
        Step::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Step {
        self.table_factor(factor)
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Step {
        self.expr(expr)
    }
}

/// A name in lower case, to be taken as it is.
fn lower(ident: &mut sqlparser::ast::Ident) {
    ident.value = ident.value.to_lowercase();
    ident.quote_style = Some('"');
}

/// An error that stops the walk.
fn stop(kind: Kind, position: Option<crate::Position>, message: impl Into<String>) -> Step {
    Step::Break(SqlError::at(kind, position, message))
}
