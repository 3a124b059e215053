//! What filters say of whole parts of a store, so that these are not read: times, and texts that columns must have. May say too little,
//! never too much.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use eventstore::{Equality, Pruning};

use crate::time;

/// The most texts of one condition that are looked up.
const TEXTS_MAX: usize = 32;

/// The column of the resources.
const RESOURCES: &str = "resources";

/// The path of a column or of a field of one: `useridentity.arn`.
pub(crate) fn path(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        Expr::ScalarFunction(call) if call.func.name() == "get_field" => {
            let (base, names) = call.args.split_first()?;
            let mut path = path(base)?;
            for name in names {
                path.push('.');
                path.push_str(text(name)?);
            }
            Some(path)
        }
        Expr::Cast(cast) if crate::types::is_text(cast.field.data_type()) => path(&cast.expr),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

/// What all of these filters together say.
pub(crate) fn pruning(filters: &[Expr]) -> Pruning {
    let mut pruning = Pruning::default();
    filters.iter().for_each(|filter| add(filter, &mut pruning));
    pruning
}

fn add(filter: &Expr, pruning: &mut Pruning) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            add(left, pruning);
            add(right, pruning);
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (mut column, mut texts) = (None, Vec::new());
            if alternatives(left, &mut column, &mut texts)
                && alternatives(right, &mut column, &mut texts)
                && let Some(column) = column
            {
                equal(column, texts, pruning);
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            compare(left, *op, right, pruning);
            if let Some(op) = op.swap() {
                compare(right, op, left, pruning);
            }
        }
        Expr::Between(between) if !between.negated => {
            compare(&between.expr, Operator::GtEq, &between.low, pruning);
            compare(&between.expr, Operator::LtEq, &between.high, pruning);
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let texts: Option<Vec<String>> = list.iter().map(|item| text(item).map(str::to_owned)).collect();
            if let (Some(column), Some(texts)) = (column(expr), texts) {
                equal(column, texts, pruning);
            }
        }
        // Any of the resources is like that.
        Expr::HigherOrderFunction(call) if call.name() == "array_any_match" => {
            if let [Expr::Column(column), Expr::Lambda(lambda)] = call.args.as_slice()
                && column.name == RESOURCES
            {
                of_resource(&lambda.body, pruning);
            }
        }
        _ => {}
    }
}

/// What a condition on one of the resources says.
fn of_resource(condition: &Expr, pruning: &mut Pruning) {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return };
    let field = |expr: &Expr| match expr {
        Expr::ScalarFunction(call) if call.func.name() == "get_field" => {
            matches!(call.args.as_slice(), [Expr::LambdaVariable(_), _])
        }
        _ => false,
    };
    match op {
        Operator::And => {
            of_resource(left, pruning);
            of_resource(right, pruning);
        }
        Operator::Eq => {
            let found = text(right).filter(|_| field(left)).or_else(|| text(left).filter(|_| field(right)));
            pruning.anywhere.extend(found.map(str::to_owned));
        }
        _ => {}
    }
}

/// Whether an expression is a field of one of the resources: `element_at(resources, 1).arn`.
fn is_of_resource(expr: &Expr) -> bool {
    let Expr::ScalarFunction(field) = expr else { return false };
    let ("get_field", Some(Expr::ScalarFunction(element))) = (field.func.name(), field.args.first()) else {
        return false;
    };
    matches!(element.func.name(), "element_at" | "trino_subscript")
        && matches!(element.args.first(), Some(Expr::Column(column)) if column.name == RESOURCES)
}

/// Whether a condition is nothing but a choice of texts for one column.
fn alternatives(filter: &Expr, column_found: &mut Option<String>, texts: &mut Vec<String>) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return false };
    match op {
        Operator::Or => alternatives(left, column_found, texts) && alternatives(right, column_found, texts),
        Operator::Eq => {
            let found = column(left).zip(text(right)).or_else(|| column(right).zip(text(left)));
            let Some((name, text)) = found else { return false };
            texts.push(text.to_owned());
            *column_found.get_or_insert_with(|| name.clone()) == name
        }
        _ => false,
    }
}

/// The column whose texts are indexed: its own, or those inside of a JSON column.
fn column(expr: &Expr) -> Option<String> {
    if let Expr::ScalarFunction(call) = expr
        && matches!(call.func.name(), "element_at" | "trino_subscript" | "trino_field" | "json_extract_scalar")
    {
        let column = path(call.args.first()?)?;
        return matches!(column.as_str(), "requestparameters" | "responseelements").then_some(column);
    }
    path(expr)
}

fn equal(column: String, texts: Vec<String>, pruning: &mut Pruning) {
    // The text of a number, boolean, object or array inside a JSON column is not indexed as such; one that could be it proves nothing.
    let inside = matches!(column.as_str(), "requestparameters" | "responseelements");
    let doubtful = |text: &String| {
        inside
            && (text.parse::<f64>().is_ok()
                || matches!(text.as_str(), "true" | "false")
                || text.starts_with(['{', '[']))
    };
    if !texts.is_empty() && texts.len() <= TEXTS_MAX && !texts.iter().any(doubtful) {
        pruning.equal.push(Equality { column, texts });
    }
}

fn compare(left: &Expr, op: Operator, right: &Expr, pruning: &mut Pruning) {
    if op == Operator::Eq
        && let (Some(column), Some(text)) = (column(left), text(right))
    {
        equal(column, vec![text.to_owned()], pruning);
    }
    if op == Operator::Eq && is_of_resource(left) {
        pruning.anywhere.extend(text(right).map(str::to_owned));
    }
    let Some((from, to)) = times(left, op, right) else { return };
    let later = |old: Option<i64>, new: Option<i64>| old.max(new);
    let earlier = |old: Option<i64>, new: Option<i64>| match (old, new) {
        (Some(old), Some(new)) => Some(old.min(new)),
        (old, new) => old.or(new),
    };
    pruning.from_ms = later(pruning.from_ms, from);
    pruning.to_ms = earlier(pruning.to_ms, to);
}

/// The times from and to which a comparison holds, the latter excluded.
fn times(left: &Expr, op: Operator, right: &Expr) -> Option<(Option<i64>, Option<i64>)> {
    let bounds = |first: i64, behind: i64| match op {
        Operator::Eq => Some((Some(first), Some(behind))),
        Operator::Gt | Operator::GtEq => Some((Some(first), None)),
        Operator::Lt | Operator::LtEq => Some((None, Some(behind))),
        _ => None,
    };
    match left {
        Expr::Column(column) if column.name == "eventtime" => {
            let millis = match right {
                Expr::Literal(value, _) => moment(value)?,
                _ => return None,
            };
            bounds(millis, millis.checked_add(1)?)
        }
        Expr::Cast(cast) if matches!(cast.field.data_type(), DataType::Timestamp(..)) => times(&cast.expr, op, right),
        Expr::ScalarFunction(call) => {
            let is_time = matches!(call.args.first(), Some(Expr::Column(column)) if column.name == "eventtime");
            if !is_time {
                return None;
            }
            match call.func.name() {
                // As text: only the day is sure, because texts compare letter by letter.
                "trino_record_time" => {
                    let day = i64::from(time::parse_date(text(right)?.get(..10)?)?) * time::DAY_MS;
                    bounds(day, day.checked_add(time::DAY_MS)?)
                }
                "date_format" if op == Operator::Eq && call.args.get(1).and_then(text) == Some("%Y") => {
                    let year: i32 = text(right)?.parse().ok()?;
                    let begin = |year: i32| time::parse_date(&format!("{year:04}-01-01"));
                    let (first, next) = (begin(year)?, begin(year.checked_add(1)?)?);
                    Some((Some(i64::from(first) * time::DAY_MS), Some(i64::from(next) * time::DAY_MS)))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The moment that a literal is.
fn moment(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(Some(seconds), _) => seconds.checked_mul(1000),
        ScalarValue::TimestampMillisecond(Some(millis), _) => Some(*millis),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Some(micros.div_euclid(1000)),
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Some(nanos.div_euclid(1_000_000)),
        ScalarValue::Date32(Some(days)) => Some(i64::from(*days) * time::DAY_MS),
        _ => None,
    }
}
