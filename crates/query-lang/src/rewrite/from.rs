//! FROM: tables become numbers, samples become filters, and UNNEST moves beside the tables whose columns it may name.

use sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, TableSampleKind, TableSampleMethod, TableWithJoins, Value, WildcardAdditionalOptions,
};

use super::{Rewriter, Step, build, lower, stop};
use crate::error::Kind;

impl Rewriter<'_> {
    pub(super) fn table_factor(&mut self, factor: &mut TableFactor) -> Step {
        match factor {
            TableFactor::Table { name, alias, args, sample, version, .. } => {
                if name.0.first().and_then(|part| part.as_ident()).is_some_and(|ident| ident.value.starts_with('$')) {
                    return Step::Continue(());
                }
                if args.is_some() || version.is_some() {
                    return stop(Kind::Unsupported, None, "table functions and versions of tables are not supported");
                }
                let of_with = self.number(name);
                match alias {
                    Some(alias) => lower_alias(alias),
                    None => {
                        *alias = of_with.map(|name| TableAlias {
                            explicit: true,
                            name: build::ident(name),
                            columns: Vec::new(),
                            at: None,
                        });
                    }
                }
                let sample = sample.take();
                match sample {
                    Some(kind) => sampled(factor, kind),
                    None => Step::Continue(()),
                }
            }
            TableFactor::Derived { alias, sample, lateral, .. } => {
                alias.iter_mut().for_each(lower_alias);
                if *lateral {
                    return stop(Kind::Unsupported, None, "LATERAL is not supported");
                }
                match sample {
                    Some(_) => stop(Kind::Unsupported, None, "TABLESAMPLE of a subquery is not supported"),
                    None => Step::Continue(()),
                }
            }
            TableFactor::UNNEST { alias, .. } | TableFactor::NestedJoin { alias, .. } => {
                alias.iter_mut().for_each(lower_alias);
                Step::Continue(())
            }
            other => {
                let what = other.to_string();
                let what = what.split(['(', ' ']).next().unwrap_or_default().to_owned();
                stop(Kind::Unsupported, None, format!("{what} is not supported in FROM"))
            }
        }
    }
}

/// What tables are called, by themselves or by their aliases, in lower case.
pub(super) fn aliases(from: &[TableWithJoins]) -> Vec<String> {
    let factors = from
        .iter()
        .flat_map(|table| std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation)));
    let named = factors.filter_map(|factor| match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => Some(alias.name.value.clone()),
        TableFactor::Table { name, .. } => {
            name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone())
        }
        _ => None,
    });
    named.map(|name| name.to_lowercase()).collect()
}

fn lower_alias(alias: &mut TableAlias) {
    lower(&mut alias.name);
    alias.columns.iter_mut().for_each(|column| lower(&mut column.name));
}

/// `t TABLESAMPLE BERNOULLI (p)` is a subquery that keeps each row with that chance.
fn sampled(factor: &mut TableFactor, kind: TableSampleKind) -> Step {
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = kind;
    let known = matches!(sample.name, None | Some(TableSampleMethod::Bernoulli | TableSampleMethod::System));
    let percent =
        sample.quantity.as_ref().filter(|quantity| quantity.unit.is_none()).map(|quantity| quantity.value.clone());
    let (true, Some(percent)) = (known, percent) else {
        return stop(Kind::Unsupported, None, "TABLESAMPLE takes BERNOULLI or SYSTEM and a percentage");
    };
    let empty = TableFactor::NestedJoin {
        table_with_joins: Box::new(TableWithJoins { relation: dummy(), joins: Vec::new() }),
        alias: None,
    };
    let mut table = std::mem::replace(factor, empty);
    let alias = match &mut table {
        TableFactor::Table { alias, .. } => alias.take(),
        _ => None,
    };
    let chance = build::binary(
        build::call("random", Vec::new()),
        sqlparser::ast::BinaryOperator::Lt,
        build::binary(
            percent,
            sqlparser::ast::BinaryOperator::Divide,
            Expr::value(Value::Number("100.0".to_owned(), false)),
        ),
    );
    let mut select = star();
    select.from = vec![TableWithJoins { relation: table, joins: Vec::new() }];
    select.selection = Some(chance);
    *factor = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(Query {
            with: None,
            body: Box::new(SetExpr::Select(Box::new(select))),
            order_by: None,
            limit_clause: None,
            fetch: None,
            locks: Vec::new(),
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators: Vec::new(),
        }),
        alias,
        sample: None,
    };
    Step::Continue(())
}

/// `SELECT *`, of nothing yet.
fn star() -> Select {
    Select {
        select_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())],
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: sqlparser::ast::GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: sqlparser::ast::SelectFlavor::Standard,
    }
}

fn dummy() -> TableFactor {
    TableFactor::Table {
        name: ObjectName::from(vec![Ident::new("$")]),
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

/// Puts each UNNEST and all that stands before it into parentheses of their own: the engine plans what is in them knowing the columns before.
pub(super) fn nest_unnest(select: &mut Select) {
    let mut tables: Vec<TableWithJoins> = Vec::new();
    for table in select.from.drain(..) {
        match tables.last_mut() {
            Some(before) if matches!(table.relation, TableFactor::UNNEST { .. }) => {
                before.joins.push(Join {
                    relation: table.relation,
                    global: false,
                    join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
                });
                before.joins.extend(table.joins);
            }
            _ => tables.push(table),
        }
    }
    for table in &mut tables {
        while let Some(at) = table.joins.iter().position(|join| matches!(join.relation, TableFactor::UNNEST { .. })) {
            let rest = table.joins.split_off(at + 1);
            let inner = TableWithJoins {
                relation: std::mem::replace(&mut table.relation, dummy()),
                joins: std::mem::replace(&mut table.joins, rest),
            };
            table.relation = TableFactor::NestedJoin { table_with_joins: Box::new(inner), alias: None };
        }
    }
    select.from = tables;
}
