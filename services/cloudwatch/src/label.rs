//! What lines are called: usual names, and labels with `${…}` in them. Source: CloudWatch user guide, "Using dynamic labels".

use std::sync::Arc;

use base::Timestamp;

use crate::math::Line;
use crate::metric::Metric;

/// The usual name of a metric's line: its name, and the values of its dimensions if others have the same name.
pub fn usual(metric: &Metric, among: &[Arc<Metric>]) -> String {
    let is_alone = among.iter().filter(|other| other.name == metric.name).count() <= 1;
    if is_alone || metric.dimensions.is_empty() {
        return metric.name.clone();
    }
    let is_one_name = among.iter().all(|other| other.name == metric.name);
    let values: Vec<&str> = metric.dimensions.iter().map(|(_, value)| value.as_str()).collect();
    match is_one_name {
        true => values.join(" "),
        false => format!("{} {}", values.join(" "), metric.name),
    }
}

/// A label with what stands in `${…}` filled in. What is no property stays as it is.
pub fn fill(label: &str, line: &Line, usual: &str) -> String {
    let mut text = String::with_capacity(label.len());
    let mut rest = label;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let Some((inside, after)) = after.split_once('}') else {
            text.push_str("${");
            rest = after;
            continue;
        };
        match property(inside.trim(), line, usual) {
            Some(value) => text.push_str(&value),
            None => text.extend(["${", inside, "}"]),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

fn property(name: &str, line: &Line, usual: &str) -> Option<String> {
    let points = || line.points.iter();
    let extreme = |is_more: fn(f64, f64) -> bool| {
        points().fold(None, |best: Option<(i64, f64)>, (at, value)| match best {
            Some((_, known)) if !is_more(*value, known) => best,
            _ => Some((*at, *value)),
        })
    };
    let least = || extreme(|a, b| a < b);
    let greatest = || extreme(|a, b| a > b);
    let first = || points().next().map(|(at, value)| (*at, *value));
    let last = || points().next_back().map(|(at, value)| (*at, *value));
    let sum: f64 = points().map(|(_, value)| value).sum();
    let number = |value: Option<f64>| Some(value.map_or_else(|| "--".to_owned(), show));
    let time = |at: Option<i64>, is_relative: bool| {
        let Some(at) = at else { return Some("--".to_owned()) };
        let text = Timestamp::from_ms(at).iso8601_secs();
        Some(if is_relative { text } else { text.replace('T', " ").replace('Z', " UTC") })
    };
    if let Some(inner) = name.strip_prefix("PROP('").and_then(|rest| rest.strip_suffix("')")) {
        return prop(inner, line);
    }
    match name {
        "LABEL" => Some(usual.to_owned()),
        "MIN" => number(least().map(|(_, value)| value)),
        "MAX" => number(greatest().map(|(_, value)| value)),
        "FIRST" => number(first().map(|(_, value)| value)),
        "LAST" => number(last().map(|(_, value)| value)),
        "SUM" => number((!line.points.is_empty()).then_some(sum)),
        "DATAPOINT_COUNT" => Some(line.points.len().to_string()),
        #[expect(clippy::cast_precision_loss, reason = "points are far fewer")]
        "AVG" => number((!line.points.is_empty()).then(|| sum / line.points.len() as f64)),
        "MIN_TIME" | "MIN_TIME_RELATIVE" => time(least().map(|(at, _)| at), name.ends_with("RELATIVE")),
        "MAX_TIME" | "MAX_TIME_RELATIVE" => time(greatest().map(|(at, _)| at), name.ends_with("RELATIVE")),
        "FIRST_TIME" | "FIRST_TIME_RELATIVE" => time(first().map(|(at, _)| at), name.ends_with("RELATIVE")),
        "LAST_TIME" | "LAST_TIME_RELATIVE" => time(last().map(|(at, _)| at), name.ends_with("RELATIVE")),
        _ => None,
    }
}

fn prop(name: &str, line: &Line) -> Option<String> {
    let metric = line.metric.as_deref();
    match name {
        "MetricName" => metric.map(|metric| metric.name.clone()),
        "Namespace" => metric.map(|metric| metric.namespace.clone()),
        "Period" => Some(line.period.to_string()),
        "Stat" => line.stat.clone(),
        name => {
            let dimension = name.strip_prefix("Dim.")?;
            metric?.dimension(dimension).map(str::to_owned)
        }
    }
}

/// A number as labels show it: three significant decimals at most.
pub fn show(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_filled_in() {
        let mut line = Line::new("m", 60, [(0, 1.5), (60_000, 3.0)].into());
        line.metric = Some(Arc::new(Metric::new("N", "m", [("Host".to_owned(), "a".to_owned())])));
        for (label, text) in [
            ("max ${MAX}, ${LABEL}", "max 3, m"),
            ("${PROP('Dim.Host')} ${AVG}", "a 2.25"),
            ("${WHAT} ${MAX", "${WHAT} ${MAX"),
            ("${LAST_TIME}", "1970-01-01 00:01:00 UTC"),
        ] {
            assert_eq!(fill(label, &line, "m"), text);
        }
    }
}
