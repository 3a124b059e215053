//! Evaluation: operators point by point, functions, and what is refused.

use std::collections::BTreeMap;

use base::Timestamp;

use super::aggregate;
use super::{Expression, Line, Scope, Value};

/// Evaluates an expression.
pub fn evaluate(expression: &Expression, scope: &Scope<'_>) -> Result<Value, String> {
    Ok(match expression {
        Expression::Number(number) => Value::Scalar(*number),
        Expression::Text(text) => Value::Text(text.clone()),
        Expression::Name(name) => match scope.values.get(name) {
            Some(value) => value.clone(),
            None => return Err(format!("undefined variable '{name}'")),
        },
        Expression::List(parts) => {
            let mut lines = Vec::new();
            for part in parts {
                match evaluate(part, scope)? {
                    Value::Scalar(number) => lines.push(everywhere(number, scope)),
                    value => lines.extend(value.lines().iter().cloned()),
                }
            }
            Value::Many(lines)
        }
        Expression::Negative(inner) => match evaluate(inner, scope)? {
            Value::Scalar(number) => Value::Scalar(-number),
            Value::Text(_) => return Err("a text cannot be negative".to_owned()),
            value => value.map_lines(|line| line.map(|_, value| Some(-value))),
        },
        Expression::Not(inner) => {
            let not = |value: f64| if value == 0.0 { 1.0 } else { 0.0 };
            match evaluate(inner, scope)? {
                Value::Scalar(number) => Value::Scalar(not(number)),
                Value::Text(_) => return Err("a text is neither true nor false".to_owned()),
                value => value.map_lines(|line| line.map(|_, value| Some(not(value)))),
            }
        }
        Expression::Binary(operator, left, right) => {
            combine(&evaluate(left, scope)?, &evaluate(right, scope)?, |a, b| Some(compute(operator, a, b)))?
        }
        Expression::Call(name, arguments) => call(name, arguments, scope)?,
    })
}

/// A line of the same value in every period.
pub(super) fn everywhere(number: f64, scope: &Scope<'_>) -> Line {
    let points = scope.times.iter().map(|at| (*at, number)).collect();
    Line::new(number.to_string(), scope.period, points).map(|_, value| Some(value))
}

fn compute(operator: &str, a: f64, b: f64) -> f64 {
    let truth = |is_so: bool| if is_so { 1.0 } else { 0.0 };
    match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        // Nothing divided by nothing, or anything, is no point.
        "/" => a / b,
        "^" => a.powf(b),
        "==" => truth(a == b),
        "!=" => truth(a != b),
        "<=" => truth(a <= b),
        ">=" => truth(a >= b),
        "<" => truth(a < b),
        ">" => truth(a > b),
        "&&" => truth(a != 0.0 && b != 0.0),
        _ => truth(a != 0.0 || b != 0.0),
    }
}

/// Point by point: where a line has none there is none.
pub(super) fn combine(left: &Value, right: &Value, join: impl Fn(f64, f64) -> Option<f64>) -> Result<Value, String> {
    let both = |a: &Line, b: &Line| {
        let points = a.points.iter().filter_map(|(at, value)| Some((*at, join(*value, *b.points.get(at)?)?)));
        a.with(points.collect())
    };
    Ok(match (left, right) {
        (Value::Text(_), _) | (_, Value::Text(_)) => return Err("a text is no operand".to_owned()),
        (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(join(*a, *b).unwrap_or(f64::NAN)),
        (Value::Scalar(a), Value::Series(b)) => Value::Series(b.map(|_, b| join(*a, b))),
        (Value::Series(a), Value::Scalar(b)) => Value::Series(a.map(|_, a| join(a, *b))),
        (Value::Series(a), Value::Series(b)) => Value::Series(both(a, b)),
        (Value::Many(all), Value::Scalar(b)) => Value::Many(all.iter().map(|a| a.map(|_, a| join(a, *b))).collect()),
        (Value::Scalar(a), Value::Many(all)) => Value::Many(all.iter().map(|b| b.map(|_, b| join(*a, b))).collect()),
        (Value::Many(all), Value::Series(b)) => Value::Many(all.iter().map(|a| both(a, b)).collect()),
        (Value::Series(a), Value::Many(all)) => {
            let flipped = |b: &Line| {
                let points = b.points.iter().filter_map(|(at, value)| Some((*at, join(*a.points.get(at)?, *value)?)));
                b.with(points.collect())
            };
            Value::Many(all.iter().map(flipped).collect())
        }
        (Value::Many(_), Value::Many(_)) => {
            return Err("an operator does not take two arrays of time series".to_owned());
        }
    })
}

fn call(name: &str, arguments: &[Expression], scope: &Scope<'_>) -> Result<Value, String> {
    if let Some(why) = refused(name) {
        return Err(why.to_owned());
    }
    match (name, arguments) {
        ("METRICS", _) => return metrics(arguments, scope),
        ("SEARCH", [Expression::Text(text), ..]) => {
            return Ok(Value::Many(scope.found.get(text).cloned().unwrap_or_default()));
        }
        ("SEARCH", _) => return Err("SEARCH takes a text".to_owned()),
        ("TIME_SERIES", [one]) => {
            return match evaluate(one, scope)? {
                Value::Scalar(number) => Ok(Value::Series(everywhere(number, scope))),
                value => Ok(value),
            };
        }
        // Its second argument may be a word.
        ("FILL", [value, Expression::Name(word)]) if ["REPEAT", "LINEAR"].contains(&word.as_str()) => {
            let is_linear = word == "LINEAR";
            return Ok(evaluate(value, scope)?.map_lines(|line| aggregate::fill_between(line, scope.times, is_linear)));
        }
        ("SORT", [value, rest @ ..]) => return sort(evaluate(value, scope)?, rest, scope),
        _ => {}
    }
    let given: Vec<Value> = arguments.iter().map(|argument| evaluate(argument, scope)).collect::<Result<_, _>>()?;
    if let Some(one) = pointwise(name) {
        let [value] = &given[..] else { return Err(wrong_count(name)) };
        return Ok(match value {
            Value::Scalar(number) => Value::Scalar(one(0, *number)),
            Value::Text(_) => return Err(format!("{name} does not take a text")),
            value => value.clone().map_lines(|line| line.map(|at, value| Some(one(at, value)))),
        });
    }
    match (name, &given[..]) {
        ("IF", [condition, then]) => select(condition, then, None, scope),
        ("IF", [condition, then, otherwise]) => select(condition, then, Some(otherwise), scope),
        ("FILL", [value, Value::Scalar(number)]) => Ok(value.clone().map_lines(|line| {
            line.with(scope.times.iter().map(|at| (*at, line.points.get(at).copied().unwrap_or(*number))).collect())
        })),
        ("FILL", [value, Value::Series(other)]) => Ok(value.clone().map_lines(|line| {
            let point = |at: &i64| Some((*at, *line.points.get(at).or_else(|| other.points.get(at))?));
            line.with(scope.times.iter().filter_map(point).collect())
        })),
        ("RATE" | "DIFF" | "DIFF_TIME" | "RUNNING_SUM", [value]) => {
            let change: fn(&Line) -> Line = match name {
                "RATE" => aggregate::rate,
                "DIFF" => aggregate::diff,
                "DIFF_TIME" => aggregate::diff_time,
                _ => aggregate::running_sum,
            };
            Ok(value.clone().map_lines(change))
        }
        ("PERIOD", [Value::Series(line)]) => Ok(Value::Scalar(seconds(line.period))),
        ("METRIC_COUNT", [value]) => Ok(Value::Scalar(aggregate::count(value.lines().len()))),
        ("DATAPOINT_COUNT", [Value::Series(line)]) => Ok(Value::Scalar(aggregate::count(line.points.len()))),
        ("DATAPOINT_COUNT", [Value::Many(lines)]) => Ok(aggregate::across(lines, scope, aggregate::all_count)),
        ("FIRST" | "LAST", [value]) => {
            let lines = value.lines();
            let found = if name == "FIRST" { lines.first() } else { lines.last() };
            match value {
                Value::Many(_) => Ok(found.map_or(Value::Many(Vec::new()), |line| Value::Series(line.clone()))),
                Value::Series(line) => {
                    let point =
                        if name == "FIRST" { line.points.first_key_value() } else { line.points.last_key_value() };
                    Ok(Value::Scalar(point.map_or(f64::NAN, |(_, value)| *value)))
                }
                other => Err(format!("{name} does not take {}", other.kind())),
            }
        }
        ("REMOVE_EMPTY", [value]) => {
            Ok(Value::Many(value.lines().iter().filter(|line| !line.points.is_empty()).cloned().collect()))
        }
        ("SLICE", [value, Value::Scalar(from)]) => Ok(slice(value, *from, None)),
        ("SLICE", [value, Value::Scalar(from), Value::Scalar(to)]) => Ok(slice(value, *from, Some(*to))),
        ("AVG" | "SUM" | "MIN" | "MAX" | "STDDEV", [_, ..]) => {
            let over = aggregate::named(name);
            match &given[..] {
                [Value::Many(lines)] => Ok(aggregate::across(lines, scope, over)),
                [Value::Series(line)] => {
                    let values: Vec<f64> = line.points.values().copied().collect();
                    Ok(Value::Scalar(if values.is_empty() { f64::NAN } else { over(&values) }))
                }
                [Value::Scalar(number)] => Ok(Value::Scalar(over(&[*number]))),
                // SUM(m1, m2) is not of the documents, but harmless: MAX and MIN take several in AWS's examples.
                many => {
                    let lines = many.iter().flat_map(|value| match value {
                        Value::Scalar(number) => vec![everywhere(*number, scope)],
                        value => value.lines().to_vec(),
                    });
                    Ok(aggregate::across(&lines.collect::<Vec<_>>(), scope, over))
                }
            }
        }
        _ if KNOWN.contains(&name) => Err(wrong_count(name)),
        _ => Err(format!("unknown function '{name}'")),
    }
}

const KNOWN: [&str; 18] = [
    "IF",
    "FILL",
    "RATE",
    "DIFF",
    "DIFF_TIME",
    "RUNNING_SUM",
    "PERIOD",
    "METRIC_COUNT",
    "DATAPOINT_COUNT",
    "FIRST",
    "LAST",
    "REMOVE_EMPTY",
    "SLICE",
    "SORT",
    "TIME_SERIES",
    "AVG",
    "SUM",
    "STDDEV",
];

/// Functions of AWS's whose data are elsewhere.
pub fn refused(name: &str) -> Option<&'static str> {
    Some(match name {
        "ANOMALY_DETECTION_BAND" => "ANOMALY_DETECTION_BAND is not supported: this server trains no models",
        "INSIGHT_RULE_METRIC" => {
            "INSIGHT_RULE_METRIC is not supported: this server does not evaluate Contributor Insights rules"
        }
        "SERVICE_QUOTA" => "SERVICE_QUOTA is not supported: there are no usage metrics of AWS services",
        "DB_PERF_INSIGHTS" => "DB_PERF_INSIGHTS is not supported: there are no databases to ask",
        "LAMBDA" => "LAMBDA is not supported: there are no data source connectors",
        _ => return None,
    })
}

fn wrong_count(name: &str) -> String {
    format!("the arguments of {name} are not those that it takes")
}

/// Functions of one point.
fn pointwise(name: &str) -> Option<fn(i64, f64) -> f64> {
    Some(match name {
        "ABS" => |_, value| value.abs(),
        "CEIL" => |_, value| value.ceil(),
        "FLOOR" => |_, value| value.floor(),
        "LOG" => |_, value| value.ln(),
        "LOG10" => |_, value| value.log10(),
        "MINUTE" => |at, _| f64::from(Timestamp::from_ms(at).civil().minute),
        "HOUR" => |at, _| f64::from(Timestamp::from_ms(at).civil().hour),
        // Monday is 1.
        "DAY" => |at, _| f64::from(Timestamp::from_ms(at).civil().weekday) + 1.0,
        "DATE" => |at, _| f64::from(Timestamp::from_ms(at).civil().day),
        "MONTH" => |at, _| f64::from(Timestamp::from_ms(at).civil().month),
        "YEAR" => |at, _| f64::from(Timestamp::from_ms(at).civil().year),
        "EPOCH" => |at, _| seconds(at.div_euclid(1000)),
        _ => return None,
    })
}

/// Whole seconds as a number.
#[expect(clippy::cast_precision_loss, reason = "seconds of the years 1 to 9999 fit 53 bits")]
fn seconds(seconds: i64) -> f64 {
    seconds as f64
}

/// `METRICS()`, or of those whose identifiers hold a text.
fn metrics(arguments: &[Expression], scope: &Scope<'_>) -> Result<Value, String> {
    let part = match arguments {
        [] => "",
        [Expression::Text(part)] => part.as_str(),
        _ => return Err(wrong_count("METRICS")),
    };
    let named = scope.metrics.iter().filter(|id| id.contains(part));
    Ok(Value::Many(named.filter_map(|id| scope.values.get(id)).flat_map(|value| value.lines().to_vec()).collect()))
}

/// `SORT(lines, function, direction[, how many])`.
fn sort(value: Value, rest: &[Expression], scope: &Scope<'_>) -> Result<Value, String> {
    let (function, direction, limit) = match rest {
        [Expression::Name(function)] => (function, "DESC", None),
        [Expression::Name(function), Expression::Name(direction)] => (function, direction.as_str(), None),
        [Expression::Name(function), Expression::Name(direction), limit] => (function, direction.as_str(), Some(limit)),
        _ => return Err(wrong_count("SORT")),
    };
    let over = aggregate::named(function);
    if !["AVG", "MIN", "MAX", "SUM"].contains(&function.as_str()) || !["ASC", "DESC"].contains(&direction) {
        return Err(wrong_count("SORT"));
    }
    let Value::Many(lines) = value else { return Err("SORT takes an array of time series".to_owned()) };
    let key = |line: &Line| over(&line.points.values().copied().collect::<Vec<_>>());
    let mut keyed: Vec<(f64, Line)> = lines.into_iter().map(|line| (key(&line), line)).collect();
    keyed.sort_by(|(a, _), (b, _)| {
        // Those without points come last either way.
        let nan = a.is_nan().cmp(&b.is_nan());
        nan.then(if direction == "ASC" { a.total_cmp(b) } else { b.total_cmp(a) })
    });
    let limit = match limit.map(|limit| evaluate(limit, scope)).transpose()? {
        Some(Value::Scalar(limit)) => whole(limit),
        Some(_) => return Err(wrong_count("SORT")),
        None => usize::MAX,
    };
    Ok(Value::Many(keyed.into_iter().map(|(_, line)| line).take(limit).collect()))
}

/// A number as a place in a list.
fn whole(number: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, which is what is meant")]
    let place = number as usize;
    place
}

fn slice(value: &Value, from: f64, to: Option<f64>) -> Value {
    let lines = value.lines();
    let (from, to) = (whole(from).min(lines.len()), to.map_or(lines.len(), whole).min(lines.len()));
    match lines.get(from..to) {
        Some([one]) if to - from == 1 => Value::Series(one.clone()),
        Some(some) => Value::Many(some.to_vec()),
        None => Value::Many(Vec::new()),
    }
}

/// `IF`. Source: "Using math expressions", "Using IF expressions".
fn select(condition: &Value, then: &Value, otherwise: Option<&Value>, scope: &Scope<'_>) -> Result<Value, String> {
    let pick = |value: Option<&Value>, at: i64| match value {
        Some(Value::Scalar(number)) => Some(*number),
        Some(Value::Series(line)) => line.points.get(&at).copied(),
        _ => None,
    };
    if [Some(then), otherwise].into_iter().flatten().any(|value| matches!(value, Value::Many(_) | Value::Text(_))) {
        return Err("IF takes time series and numbers".to_owned());
    }
    match condition {
        Value::Scalar(number) => {
            let chosen = if *number != 0.0 { Some(then) } else { otherwise };
            Ok(chosen.cloned().unwrap_or_else(|| Value::Series(Line::new("IF", scope.period, BTreeMap::new()))))
        }
        Value::Series(line) => {
            let point = |(at, value): (&i64, &f64)| {
                Some((*at, if *value != 0.0 { pick(Some(then), *at)? } else { pick(otherwise, *at)? }))
            };
            Ok(Value::Series(line.with(line.points.iter().filter_map(point).collect())))
        }
        _ => Err("the condition of IF is a time series or a number".to_owned()),
    }
}
