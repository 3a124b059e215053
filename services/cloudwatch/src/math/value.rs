//! What expressions are made of: numbers, lines of points, and sets of lines.

use std::collections::BTreeMap;

/// Points over time, with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is called.
    pub label: String,
    /// The metric it is of, for labels that name parts of it.
    pub metric: Option<std::sync::Arc<crate::metric::Metric>>,
    /// The statistic, likewise.
    pub stat: Option<String>,
    /// In seconds.
    pub period: i64,
    /// By milliseconds since 1970.
    pub points: BTreeMap<i64, f64>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// One line.
    Series(Line),
    /// Lines.
    Many(Vec<Line>),
    /// A text: only as an argument.
    Text(String),
}

impl Line {
    /// A line that is no metric's.
    pub fn new(label: impl Into<String>, period: i64, points: BTreeMap<i64, f64>) -> Line {
        Line { label: label.into(), metric: None, stat: None, period, points }
    }

    /// The same with other points.
    pub fn map(&self, change: impl Fn(i64, f64) -> Option<f64>) -> Line {
        let points = self.points.iter().filter_map(|(at, value)| Some((*at, change(*at, *value)?)));
        self.with(points.collect())
    }

    /// The same with these points.
    pub fn with(&self, points: BTreeMap<i64, f64>) -> Line {
        // What cannot be computed is no point.
        let points = points.into_iter().filter(|(_, value)| value.is_finite()).collect();
        Line {
            label: self.label.clone(),
            metric: self.metric.clone(),
            stat: self.stat.clone(),
            period: self.period,
            points,
        }
    }
}

impl Value {
    /// The lines in it; a number is none.
    pub fn lines(&self) -> &[Line] {
        match self {
            Value::Series(line) => std::slice::from_ref(line),
            Value::Many(lines) => lines,
            Value::Scalar(_) | Value::Text(_) => &[],
        }
    }

    /// Changes each line.
    pub fn map_lines(self, change: impl Fn(&Line) -> Line) -> Value {
        match self {
            Value::Series(line) => Value::Series(change(&line)),
            Value::Many(lines) => Value::Many(lines.iter().map(change).collect()),
            other => other,
        }
    }

    /// What is said of it in errors.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Scalar(_) => "S",
            Value::Series(_) => "TS",
            Value::Many(_) => "TS[]",
            Value::Text(_) => "text",
        }
    }

    /// What holds of every value.
    pub(super) fn check(&self) {
        assert!(self.lines().iter().all(|line| line.points.values().all(|value| value.is_finite())));
    }
}
