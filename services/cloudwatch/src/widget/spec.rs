//! What a widget's JSON says. Source: CloudWatch API reference, "GetMetricWidgetImage: Metric Widget Structure and Syntax".

use base::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::data::statistic::Statistic;
use crate::metric::Metric;
use crate::query::{MetricDataQuery, MetricName, MetricStat};

/// The widest and highest picture. Source: the same.
const SIDE_MAX: u32 = 2000;
/// Periods that are shown at most.
const HORIZON_MS: i64 = 455 * base::time::DAY_MS;

/// How a widget shows its metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum View {
    /// Lines, or areas on one another.
    #[default]
    TimeSeries,
    /// The last value of each.
    SingleValue,
    /// The last value between two bounds.
    Gauge,
    /// Bars of the whole time.
    Bar,
    /// Shares of the whole time.
    Pie,
    /// The last value of each.
    Table,
}

/// See the module.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Widget {
    #[serde(default)]
    pub metrics: Vec<Value>,
    pub title: Option<String>,
    #[serde(default)]
    pub view: View,
    #[serde(default)]
    pub stacked: bool,
    pub start: Option<String>,
    pub end: Option<String>,
    pub period: Option<i64>,
    pub stat: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub timezone: Option<String>,
    pub region: Option<String>,
    pub theme: Option<String>,
    pub y_axis: Option<YAxes>,
    pub annotations: Option<Annotations>,
    pub legend: Option<Legend>,
}

/// The axes of values.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct YAxes {
    pub left: Option<YAxis>,
    pub right: Option<YAxis>,
}

/// An axis of values.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct YAxis {
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub label: Option<String>,
}

/// Lines that are no metrics.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Annotations {
    #[serde(default)]
    pub horizontal: Vec<Value>,
    #[serde(default)]
    pub vertical: Vec<Value>,
    #[serde(default)]
    pub alarms: Vec<String>,
}

/// Where the names of lines are.
#[derive(Clone, Debug, Deserialize)]
pub struct Legend {
    pub position: Option<String>,
}

/// A row of a widget's metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The metric; `None` for an expression.
    pub metric: Option<Metric>,
    /// The options at its end.
    pub options: Map<String, Value>,
}

/// Reads rows of metrics: `.` repeats a word of the row above, `...` as many as there are to the options. The error names the row.
pub fn metrics(rows: &[Value]) -> Result<Vec<Row>, (usize, String)> {
    let mut out = Vec::new();
    let mut above: Vec<String> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let bad = |why: &str| (at, why.to_owned());
        let parts = row.as_array().ok_or_else(|| bad("Should be array"))?;
        let (words, options) = match parts.split_last() {
            Some((Value::Object(options), words)) => (words, options.clone()),
            _ => (parts.as_slice(), Map::new()),
        };
        if words.is_empty() {
            if !options.contains_key("expression") {
                return Err(bad("Should have a metric or an expression"));
            }
            out.push(Row { metric: None, options });
            continue;
        }
        let mut texts: Vec<String> = Vec::new();
        for word in words {
            let word = word.as_str().ok_or_else(|| bad("Should be string"))?;
            match word {
                "." => texts.push(above.get(texts.len()).cloned().ok_or_else(|| bad("'.' has nothing above it"))?),
                "..." => {
                    // The words that follow are the last of the row.
                    let rest = words.len() - words.iter().position(|word| word == "...").unwrap_or(0) - 1;
                    let until = above.len().saturating_sub(rest);
                    if until < texts.len() || above.is_empty() {
                        return Err(bad("'...' has nothing above it"));
                    }
                    texts.extend(above[texts.len()..until].iter().cloned());
                }
                word => texts.push(word.to_owned()),
            }
        }
        if texts.len() < 2 || !texts.len().is_multiple_of(2) {
            return Err(bad("Should have a namespace, a metric name, and a value for each dimension name"));
        }
        let dimensions = texts[2..].chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        let metric = Metric::new(&texts[0], &texts[1], dimensions);
        above = texts;
        out.push(Row { metric: Some(metric), options });
    }
    Ok(out)
}

impl Row {
    /// An option that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.options.get(name)?.as_str()
    }

    /// Whether it is drawn.
    pub fn is_visible(&self) -> bool {
        self.options.get("visible").and_then(Value::as_bool).unwrap_or(true)
    }
}

impl Widget {
    /// Reads a widget. The error is for its writer.
    pub fn parse(text: &str) -> Result<Widget, String> {
        let widget: Widget =
            serde_json::from_str(text).map_err(|error| format!("MetricWidget is not valid: {error}"))?;
        let sides = [("width", widget.width), ("height", widget.height)];
        for (name, side) in sides {
            if side.is_some_and(|side| !(1..=SIDE_MAX).contains(&side)) {
                return Err(format!("MetricWidget is not valid: {name} must be between 1 and {SIDE_MAX}"));
            }
        }
        let has_alarms = widget.annotations.as_ref().is_some_and(|all| !all.alarms.is_empty());
        if widget.metrics.is_empty() && !has_alarms {
            return Err("MetricWidget is not valid: it should have metrics or an alarm annotation".to_owned());
        }
        if widget.stat.as_deref().is_some_and(|stat| Statistic::parse(stat).is_none()) {
            return Err("MetricWidget is not valid: stat is no statistic".to_owned());
        }
        Ok(widget)
    }

    /// From when to when, in milliseconds.
    pub fn span(&self, now_ms: i64) -> Result<(i64, i64), String> {
        let start = self.start.as_deref().unwrap_or("-PT3H");
        let start =
            moment(start, now_ms).ok_or_else(|| format!("MetricWidget is not valid: start '{start}' is no time"))?;
        let end = self.end.as_deref().unwrap_or("P0D");
        let end = moment(end, now_ms).ok_or_else(|| format!("MetricWidget is not valid: end '{end}' is no time"))?;
        if start >= end || end - start > HORIZON_MS {
            return Err("MetricWidget is not valid: start must be before end, and not by more than 455 days".to_owned());
        }
        Ok((start, end))
    }

    /// The queries of its rows, one for each, with the identifiers that they have or are given.
    pub fn queries(&self, rows: &[Row], span_ms: i64) -> Vec<MetricDataQuery> {
        let usual_period = self.period.unwrap_or(match span_ms {
            span if span <= 3 * base::time::HOUR_MS => 60,
            span if span <= 15 * base::time::DAY_MS => 300,
            _ => 3600,
        });
        let query = |(at, row): (usize, &Row)| {
            let period = row.options.get("period").and_then(Value::as_i64).unwrap_or(usual_period);
            let stat = row.text("stat").or(self.stat.as_deref()).unwrap_or("Average").to_owned();
            MetricDataQuery {
                id: row.text("id").map_or_else(|| format!("row{at}"), str::to_owned),
                metric_stat: row.metric.as_ref().map(|metric| MetricStat {
                    metric: MetricName::of(metric),
                    period,
                    stat,
                    unit: None,
                }),
                expression: row.text("expression").map(str::to_owned).filter(|_| row.metric.is_none()),
                label: row.text("label").map(str::to_owned),
                return_data: Some(true),
                period: row.metric.is_none().then_some(period),
                account_id: None,
            }
        };
        rows.iter().enumerate().map(query).collect()
    }

    /// The offset of its time zone, in milliseconds: `+0130`.
    pub fn offset_ms(&self) -> i64 {
        let read = |text: &str| {
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let digits = text.trim_start_matches(['+', '-']).replace(':', "");
            let (hours, minutes) = (digits.get(..2)?.parse::<i64>().ok()?, digits.get(2..4)?.parse::<i64>().ok()?);
            Some(sign * (hours * 60 + minutes) * base::time::MINUTE_MS)
        };
        self.timezone.as_deref().and_then(read).unwrap_or(0)
    }
}

/// A time: ISO 8601, or a duration from now (`-PT3H`, `-P7D`).
fn moment(text: &str, now_ms: i64) -> Option<i64> {
    if let Some(at) = Timestamp::parse_iso8601(text) {
        return Some(at.ms());
    }
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let rest = rest.strip_prefix('P')?;
    let (days, clock) = rest.split_once('T').unwrap_or((rest, ""));
    let total = parts(
        days,
        &[
            ('Y', 365 * base::time::DAY_MS),
            ('M', 30 * base::time::DAY_MS),
            ('W', 7 * base::time::DAY_MS),
            ('D', base::time::DAY_MS),
        ],
    )?
    .checked_add(parts(
        clock,
        &[('H', base::time::HOUR_MS), ('M', base::time::MINUTE_MS), ('S', base::time::SECOND_MS)],
    )?)?;
    now_ms.checked_add(sign * total)
}

fn parts(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut total = 0_i64;
    let mut number = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let (_, unit) = units.iter().find(|(name, _)| *name == c)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_repeat_what_is_above() {
        let rows = json!([
            ["AWS/EC2", "CPUUtilization", "InstanceId", "i-1", {"stat": "Maximum"}],
            ["...", "i-2"],
            [".", "NetworkIn", ".", "."],
            [{"expression": "SUM(METRICS())", "id": "e1"}],
        ]);
        let rows = metrics(rows.as_array().unwrap()).unwrap();
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                row.metric
                    .as_ref()
                    .map_or("expression".to_owned(), |metric| format!("{} {}", metric.name, metric.dimensions[0].1))
            })
            .collect();
        assert_eq!(shown, ["CPUUtilization i-1", "CPUUtilization i-2", "NetworkIn i-2", "expression"]);
        for bad in
            [json!([["."]]), json!([["N"]]), json!([["N", "m", "d"]]), json!([[{}]]), json!(["x"]), json!([["..."]])]
        {
            assert!(metrics(bad.as_array().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_absolute_or_from_now() {
        for (text, ms) in [
            ("-PT3H", Some(-3 * base::time::HOUR_MS)),
            ("P0D", Some(0)),
            ("-P1DT30M", Some(-base::time::DAY_MS - 30 * base::time::MINUTE_MS)),
            ("1970-01-01T00:00:01Z", Some(1000)),
            ("soon", None),
            ("-P3", None),
        ] {
            assert_eq!(moment(text, 0), ms, "{text}");
        }
    }
}
