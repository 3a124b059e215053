//! Functions over the points of a line, and over lines.

use std::collections::BTreeMap;

use super::{Line, Scope, Value};

/// What makes one number of some.
pub type Over = fn(&[f64]) -> f64;

/// The function of a name; of none that is one, the sum.
pub fn named(name: &str) -> Over {
    match name {
        "AVG" => |values| values.iter().sum::<f64>() / count(values.len()),
        "MIN" => |values| values.iter().copied().reduce(f64::min).unwrap_or(f64::NAN),
        "MAX" => |values| values.iter().copied().reduce(f64::max).unwrap_or(f64::NAN),
        "STDDEV" => |values| {
            let mean = values.iter().sum::<f64>() / count(values.len());
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count(values.len())).sqrt()
        },
        _ => |values| values.iter().sum(),
    }
}

/// How many there are.
pub fn all_count(values: &[f64]) -> f64 {
    count(values.len())
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "nothing here is counted beyond 2 to the power of 53")]
pub fn count(count: usize) -> f64 {
    count as f64
}

/// One line of many: at each time of those that have a point.
pub fn across(lines: &[Line], scope: &Scope<'_>, over: Over) -> Value {
    let mut at: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for line in lines {
        for (time, value) in &line.points {
            at.entry(*time).or_default().push(*value);
        }
    }
    let period = lines.iter().map(|line| line.period).max().unwrap_or(scope.period);
    let line = Line::new("", period, BTreeMap::new());
    Value::Series(line.with(at.into_iter().map(|(time, values)| (time, over(&values))).collect()))
}

fn steps(line: &Line, change: impl Fn((i64, f64), (i64, f64)) -> f64) -> Line {
    let points: Vec<(i64, f64)> = line.points.iter().map(|(at, value)| (*at, *value)).collect();
    line.with(points.windows(2).map(|pair| (pair[1].0, change(pair[0], pair[1]))).collect())
}

#[expect(clippy::cast_precision_loss, reason = "seconds between points fit 53 bits")]
fn seconds_between(from: i64, to: i64) -> f64 {
    (to - from) as f64 / 1000.0
}

/// `RATE`: the change per second.
pub fn rate(line: &Line) -> Line {
    steps(line, |(before, old), (at, new)| (new - old) / seconds_between(before, at))
}

/// `DIFF`: the change.
pub fn diff(line: &Line) -> Line {
    steps(line, |(_, old), (_, new)| new - old)
}

/// `DIFF_TIME`: the seconds between points.
pub fn diff_time(line: &Line) -> Line {
    steps(line, |(before, _), (at, _)| seconds_between(before, at))
}

/// `RUNNING_SUM`.
pub fn running_sum(line: &Line) -> Line {
    let mut sum = 0.0;
    let mut add = |(at, value): (&i64, &f64)| {
        sum += value;
        (*at, sum)
    };
    line.with(line.points.iter().map(&mut add).collect())
}

/// `FILL(x, REPEAT)` and `FILL(x, LINEAR)`.
pub fn fill_between(line: &Line, times: &[i64], is_linear: bool) -> Line {
    let value = |at: i64| {
        if let Some(value) = line.points.get(&at) {
            return Some(*value);
        }
        let before = line.points.range(..at).next_back();
        let after = line.points.range(at..).next();
        match (before, after) {
            (Some((from, low)), Some((to, high))) if is_linear => {
                Some(low + (high - low) * seconds_between(*from, at) / seconds_between(*from, *to))
            }
            (Some((_, last)), _) => Some(*last),
            (None, Some((_, first))) if is_linear => Some(*first),
            (None, _) => None,
        }
    };
    line.with(times.iter().filter_map(|at| Some((*at, value(*at)?))).collect())
}
