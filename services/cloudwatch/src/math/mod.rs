//! Metric math: expressions over metrics, as in GetMetricData, alarms and widgets. Source: CloudWatch user guide, "Using math
//! expressions with CloudWatch metrics".

mod aggregate;
mod functions;
mod lex;
mod parse;
pub mod search;
#[cfg(test)]
mod tests;
pub mod value;

use std::collections::BTreeMap;

pub use parse::{Expression, parse};
pub use value::{Line, Value};

/// What an expression is evaluated over.
pub struct Scope<'a> {
    /// The results of other queries, by their identifiers.
    pub values: &'a BTreeMap<String, Value>,
    /// The identifiers of those that are metrics, in the order of the request.
    pub metrics: &'a [String],
    /// What each SEARCH found, by its text.
    pub found: &'a BTreeMap<String, Vec<Line>>,
    /// Where periods begin, in milliseconds: for what has values everywhere.
    pub times: &'a [i64],
    /// The period in seconds of what has none of its own.
    pub period: i64,
}

pub use functions::refused;

/// Evaluates an expression. The error is for its writer.
pub fn evaluate(expression: &Expression, scope: &Scope<'_>) -> Result<Value, String> {
    functions::evaluate(expression, scope)
}

#[doc(hidden)]
pub fn fuzz(text: &str) {
    if let Ok(search) = search::Search::parse(text) {
        search.finds(&crate::metric::Metric::new(
            "AWS/EC2",
            "CPUUtilization",
            [("InstanceId".to_owned(), "i-1".to_owned())],
        ));
    }
    let Ok(expression) = parse(text) else { return };
    let mut values = BTreeMap::new();
    let points = |from: i64| (0..5).map(|i| (i * 60_000, (from + i) as f64)).collect::<BTreeMap<i64, f64>>();
    values.insert("m1".to_owned(), Value::Series(Line::new("m1", 60, points(1))));
    values.insert("m2".to_owned(), Value::Series(Line::new("m2", 60, points(-3))));
    values.insert("e1".to_owned(), Value::Scalar(2.0));
    let metrics = ["m1".to_owned(), "m2".to_owned()];
    let times: Vec<i64> = (0..5).map(|i| i * 60_000).collect();
    let scope = Scope { values: &values, metrics: &metrics, found: &BTreeMap::new(), times: &times, period: 60 };
    if let Ok(value) = evaluate(&expression, &scope) {
        value.check();
    }
}
