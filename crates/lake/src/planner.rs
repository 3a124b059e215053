//! What the engine's planner does not know: fields of JSON texts, times with and without a zone beside one another, UNNEST of what stands
//! before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::{Column, DFSchema, TableReference, UnnestOptions};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions::core::get_field;
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannedRelation, PlannerResult, RawBinaryExpr, RelationPlanner, RelationPlannerContext,
    RelationPlanning,
};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ScalarUDF, cast, lit};
use datafusion::sql::sqlparser::ast::{BinaryOperator, JoinOperator, TableFactor};

use crate::{functions, types};

/// Functions of ours that plans are made of.
#[derive(Debug, Clone)]
pub(crate) struct Planner {
    pub(crate) field: Arc<ScalarUDF>,
    pub(crate) map_keys: Arc<ScalarUDF>,
    pub(crate) map_values: Arc<ScalarUDF>,
    pub(crate) list_field: Arc<ScalarUDF>,
    pub(crate) empty_to_null: Arc<ScalarUDF>,
    pub(crate) sequence: Arc<ScalarUDF>,
    pub(crate) cardinality: Arc<ScalarUDF>,
    /// Numbers the columns that UNNEST makes on the way.
    pub(crate) next: Arc<AtomicUsize>,
}

impl ExprPlanner for Planner {
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut expr = Expr::Column(Column::from((qualifier, field)));
        let mut at = Some(field.data_type());
        for name in nested_names {
            let args = vec![expr, lit(name.as_str())];
            let below = match at {
                Some(DataType::Struct(fields)) => fields.iter().find(|field| field.name() == name),
                _ => None,
            };
            let function = if below.is_some() { get_field() } else { self.field.clone() };
            expr = functions::call(function, args);
            at = below.map(|field| field.data_type());
        }
        Ok(PlannerResult::Planned(expr))
    }

    fn plan_binary_op(&self, mut expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let compares = matches!(
            expr.op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
                | BinaryOperator::Minus
        );
        if compares {
            let zoned = |expr: &Expr| match expr.get_type(schema) {
                Ok(DataType::Timestamp(_, zone)) => Some(zone.is_some()),
                _ => None,
            };
            // A time without a zone is meant in UTC, whatever zone the other is shown in.
            let plain = |expr: Expr| cast(expr, DataType::Timestamp(TimeUnit::Millisecond, None));
            match (zoned(&expr.left), zoned(&expr.right)) {
                (Some(true), Some(false)) => expr.left = plain(expr.left),
                (Some(false), Some(true)) => expr.right = plain(expr.right),
                _ => {}
            }
        }
        Ok(PlannerResult::Original(expr))
    }
}

impl RelationPlanner for Planner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (left, unnest, keep_empty) = match relation {
            TableFactor::NestedJoin { mut table_with_joins, alias: None }
                if table_with_joins
                    .joins
                    .last()
                    .is_some_and(|join| matches!(join.relation, TableFactor::UNNEST { .. })) =>
            {
                let Some(join) = table_with_joins.joins.pop() else {
                    return Ok(RelationPlanning::Original(Box::new(TableFactor::NestedJoin {
                        table_with_joins,
                        alias: None,
                    })));
                };
                let keep_empty = match join.join_operator {
                    JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => true,
                    JoinOperator::CrossJoin(_) | JoinOperator::Join(_) | JoinOperator::Inner(_) => false,
                    _ => {
                        return Err(DataFusionError::Plan(
                            "UNNEST can be joined by CROSS JOIN and LEFT JOIN only".to_owned(),
                        ));
                    }
                };
                let left = if table_with_joins.joins.is_empty() {
                    context.plan(table_with_joins.relation)?
                } else {
                    context.plan(TableFactor::NestedJoin { table_with_joins, alias: None })?
                };
                (left, join.relation, keep_empty)
            }
            unnest @ TableFactor::UNNEST { .. } => (LogicalPlanBuilder::empty(true).build()?, unnest, false),
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } = unnest else {
            return Err(DataFusionError::Internal("UNNEST was expected".to_owned()));
        };
        let exprs =
            array_exprs.into_iter().map(|expr| context.sql_to_expr(expr, left.schema())).collect::<Result<Vec<_>>>()?;
        let (table, columns) = match &alias {
            Some(alias) => {
                (alias.name.value.clone(), alias.columns.iter().map(|column| column.name.value.clone()).collect())
            }
            None => ("unnest".to_owned(), Vec::new()),
        };
        let constant = exprs.iter().all(|expr| expr.column_refs().is_empty());
        let plan = if constant && !keep_empty {
            // The same list beside every row is a join with its elements: lists are not copied into batches of rows.
            let nothing = LogicalPlanBuilder::empty(true).build()?;
            let right = self.unnest(nothing, exprs, &table, columns, with_ordinality, false)?;
            match left {
                LogicalPlan::EmptyRelation(_) => right,
                left => LogicalPlanBuilder::from(left).cross_join(right)?.build()?,
            }
        } else {
            self.unnest(left, exprs, &table, columns, with_ordinality, keep_empty)?
        };
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, None))))
    }
}

impl Planner {
    /// The rows of a plan, each as often as a list of it has elements, with the elements beside.
    fn unnest(
        &self,
        left: LogicalPlan,
        exprs: Vec<Expr>,
        table: &str,
        names: Vec<String>,
        with_ordinality: bool,
        keep_empty: bool,
    ) -> Result<LogicalPlan> {
        let wanted = names.len().checked_sub(usize::from(with_ordinality));
        let mut lists = self.lists(&exprs, left.schema(), true)?;
        if wanted != Some(lists.len()) {
            lists = self.lists(&exprs, left.schema(), false)?;
        }
        let available = lists.len() + usize::from(with_ordinality);
        if !names.is_empty() && names.len() != available {
            return Err(DataFusionError::Plan(format!(
                "Column alias list has {} entries but '{table}' has {available} columns available",
                names.len()
            )));
        }
        if with_ordinality {
            let lengths: Vec<Expr> =
                lists.iter().map(|(list, _)| functions::call(self.cardinality.clone(), vec![list.clone()])).collect();
            let longest = match lengths.as_slice() {
                [one] => one.clone(),
                _ => functions::call(datafusion::functions::core::greatest(), lengths),
            };
            let numbers = functions::call(self.sequence.clone(), vec![lit(1_i64), longest]);
            lists.push((numbers, "ordinality".to_owned()));
        }
        let kept: Vec<Expr> = left.schema().columns().into_iter().map(Expr::Column).collect();
        let mut projected = kept.clone();
        let mut unnested = Vec::new();
        let mut shown = kept;
        for (at, (list, own_name)) in lists.into_iter().enumerate() {
            let list = if keep_empty { functions::call(self.empty_to_null.clone(), vec![list]) } else { list };
            let column = format!("$unnest{}", self.next.fetch_add(1, Ordering::Relaxed));
            projected.push(list.alias(&column));
            let column = Column::new_unqualified(column);
            let name = names.get(at).cloned().unwrap_or(own_name);
            shown.push(Expr::Column(column.clone()).alias_qualified(Some(table.to_owned()), name));
            unnested.push(column);
        }
        let options = UnnestOptions::new().with_preserve_nulls(keep_empty);
        LogicalPlanBuilder::from(left)
            .project(projected)?
            .unnest_columns_with_options(unnested, options)?
            .project(shown)?
            .build()
    }

    /// Lists whose elements become columns, with the names these have by themselves. `expand`: an array of rows is a column for each field.
    fn lists(&self, exprs: &[Expr], schema: &DFSchema, expand: bool) -> Result<Vec<(Expr, String)>> {
        let mut lists = Vec::new();
        for (at, expr) in exprs.iter().enumerate() {
            let (_, field) = expr.to_field(schema)?;
            let data_type = field.data_type();
            match types::element(data_type).map(|of| of.data_type()) {
                Some(DataType::Struct(fields)) if expand => {
                    for field in fields {
                        let args = vec![expr.clone(), lit(field.name().as_str())];
                        lists.push((functions::call(self.list_field.clone(), args), field.name().clone()));
                    }
                }
                Some(_) => lists.push((expr.clone(), format!("_col{at}"))),
                None if matches!(data_type, DataType::Map(..)) || types::is_text(data_type) => {
                    lists.push((functions::call(self.map_keys.clone(), vec![expr.clone()]), "key".to_owned()));
                    lists.push((functions::call(self.map_values.clone(), vec![expr.clone()]), "value".to_owned()));
                }
                None => {
                    return Err(DataFusionError::Plan(format!("Cannot unnest type: {}", types::name(&field))));
                }
            }
        }
        Ok(lists)
    }
}
