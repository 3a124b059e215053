//! Why an alarm is in its state: the sentence, and its data as JSON, in AWS's words.

use std::fmt::Write as _;

use base::Timestamp;
use serde_json::{Value, json};

use super::judge::Verdict;
use super::{Comparison, Missing, StateValue};

/// A data point of the evaluation range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    /// Where its period begins.
    pub at_ms: i64,
    /// The value.
    pub value: f64,
    /// Of how many samples, if that is known.
    pub samples: Option<f64>,
}

/// What is to be told.
pub struct Told<'a> {
    pub comparison: Comparison,
    pub threshold: f64,
    pub periods: i64,
    pub datapoints_to_alarm: Option<i64>,
    pub missing: Missing,
    /// The range, oldest first.
    pub range: &'a [Option<Datapoint>],
    /// Statistic, unit and period in seconds.
    pub statistic: Option<&'a str>,
    pub unit: Option<&'a str>,
    pub period: i64,
    pub start_ms: i64,
    pub now: Timestamp,
}

/// A number as Java writes it: `3.0`, `0.25`, `1.0E7`.
pub fn java(value: f64) -> String {
    if value == 0.0 {
        return "0.0".to_owned();
    }
    if (1e-3..1e7).contains(&value.abs()) {
        let text = format!("{value}");
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.to_owned() } else { format!("{mantissa}.0") };
    format!("{mantissa}E{exponent}")
}

/// `20/05/21 10:00:00`.
fn short(at_ms: i64) -> String {
    let c = Timestamp::from_ms(at_ms).civil();
    format!("{:02}/{:02}/{:02} {:02}:{:02}:{:02}", c.day, c.month, c.year.rem_euclid(100), c.hour, c.minute, c.second)
}

/// `2021-05-20T10:00:00.000+0000`.
pub fn long(at: Timestamp) -> String {
    at.iso8601_ms().replace('Z', "+0000")
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The sentence.
pub fn sentence(verdict: &Verdict, told: &Told<'_>) -> String {
    let Verdict::Is { state, evaluated, filled } = verdict else { return String::new() };
    let was = |number: usize| if number == 1 { "was" } else { "were" };
    if *state == StateValue::InsufficientData {
        return format!("Insufficient Data: {} {} unknown.", count(*filled, "datapoint"), was(*filled));
    }
    let treated = match told.missing {
        Missing::Breaching => "Breaching",
        Missing::NotBreaching => "NonBreaching",
        Missing::Ignore | Missing::Missing => "",
    };
    let treated = || format!("{} {} treated as [{treated}]", count(*filled, "missing datapoint"), was(*filled));
    if evaluated.is_empty() {
        return format!(
            "Threshold Crossed: no datapoints were received for {} and {}.",
            count(*filled, "period"),
            treated()
        );
    }
    let points: Vec<Datapoint> = evaluated.iter().filter_map(|at| told.range[*at]).collect();
    let breaches = |point: &&Datapoint| told.comparison.breaches(point.value, told.threshold);
    let is_alarm = *state == StateValue::Alarm;
    let telling: Vec<&Datapoint> = points.iter().filter(|point| breaches(point) == is_alarm).rev().collect();
    let mut shown = String::new();
    for point in telling.iter().take(5) {
        let comma = if shown.is_empty() { "" } else { ", " };
        let _ = write!(shown, "{comma}{} ({})", java(point.value), short(point.at_ms));
    }
    let not = if is_alarm { "" } else { "not " };
    let (number, words, threshold) = (telling.len(), told.comparison.words(), java(told.threshold));
    let most_recent = if number > 5 { "The most recent datapoints: " } else { "" };
    let mut text = match told.datapoints_to_alarm {
        Some(_) => format!("Threshold Crossed: {number} out of the last {} datapoints ", told.periods),
        None => format!("Threshold Crossed: {} ", count(number, "datapoint")),
    };
    match most_recent.is_empty() {
        true => {
            let _ = write!(text, "[{shown}] {} {not}{words} the threshold ({threshold})", was(number));
        }
        false => {
            let _ = write!(text, "were {not}{words} the threshold ({threshold}). {most_recent}[{shown}]");
        }
    }
    if *filled > 0 && matches!(told.missing, Missing::Breaching | Missing::NotBreaching) {
        let _ = write!(text, " and {}", treated());
    }
    if let Some(needed) = told.datapoints_to_alarm {
        let needed = usize::try_from(needed).unwrap_or(1);
        let periods = usize::try_from(told.periods).unwrap_or(1);
        let (number, way) = match is_alarm {
            true => (needed, "OK -> ALARM"),
            false => ((periods + 1).saturating_sub(needed), "ALARM -> OK"),
        };
        let _ = write!(text, " (minimum {} for {way} transition)", count(number, "datapoint"));
    }
    text.push('.');
    text.truncate(
        text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 1023).last().unwrap_or(0),
    );
    text
}

/// The data.
pub fn data(verdict: &Verdict, told: &Told<'_>) -> Value {
    let Verdict::Is { evaluated, .. } = verdict else { return Value::Null };
    let points: Vec<Datapoint> = evaluated.iter().filter_map(|at| told.range[*at]).collect();
    let start = points.first().map_or(told.start_ms, |point| point.at_ms);
    let mut data = serde_json::Map::new();
    data.insert("version".to_owned(), json!("1.0"));
    data.insert("queryDate".to_owned(), json!(long(told.now)));
    if !points.is_empty() {
        data.insert("startDate".to_owned(), json!(long(Timestamp::from_ms(start))));
    }
    if let Some(unit) = told.unit {
        data.insert("unit".to_owned(), json!(unit));
    }
    if let Some(statistic) = told.statistic {
        data.insert("statistic".to_owned(), json!(statistic));
    }
    data.insert("period".to_owned(), json!(told.period));
    data.insert("recentDatapoints".to_owned(), points.iter().map(|point| json!(point.value)).collect());
    data.insert("threshold".to_owned(), json!(told.threshold));
    let shown = points.iter().rev().map(|point| {
        let mut one = serde_json::Map::new();
        one.insert("timestamp".to_owned(), json!(long(Timestamp::from_ms(point.at_ms))));
        if let Some(samples) = point.samples {
            one.insert("sampleCount".to_owned(), json!(samples));
        }
        one.insert("value".to_owned(), json!(point.value));
        Value::Object(one)
    });
    data.insert("evaluatedDatapoints".to_owned(), shown.collect());
    Value::Object(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_does() {
        for (value, text) in [
            (3.0, "3.0"),
            (0.25, "0.25"),
            (0.0, "0.0"),
            (-1.5, "-1.5"),
            (1e7, "1.0E7"),
            (123_456_789.0, "1.23456789E8"),
            (1e-4, "1.0E-4"),
            (9_999_999.0, "9999999.0"),
        ] {
            assert_eq!(java(value), text);
        }
    }

    fn told(range: &[Option<Datapoint>], datapoints_to_alarm: Option<i64>) -> Told<'_> {
        Told {
            comparison: Comparison::GreaterThanOrEqualToThreshold,
            threshold: 1.0,
            periods: 1,
            datapoints_to_alarm,
            missing: Missing::NotBreaching,
            range,
            statistic: Some("Sum"),
            unit: None,
            period: 60,
            start_ms: 0,
            now: Timestamp::from_secs(1_621_504_860),
        }
    }

    #[test]
    fn sentences_are_amazons() {
        let range = [Some(Datapoint { at_ms: 1_621_504_800_000, value: 3.0, samples: Some(1.0) })];
        let alarm = Verdict::Is { state: StateValue::Alarm, evaluated: vec![0], filled: 0 };
        let fine = Verdict::Is { state: StateValue::Ok, evaluated: Vec::new(), filled: 1 };
        let unknown = Verdict::Is { state: StateValue::InsufficientData, evaluated: Vec::new(), filled: 1 };
        for (verdict, needed, text) in [
            (
                &alarm,
                None,
                "Threshold Crossed: 1 datapoint [3.0 (20/05/21 10:00:00)] was greater than or equal to the threshold (1.0).",
            ),
            (
                &alarm,
                Some(1),
                "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (20/05/21 10:00:00)] was greater than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
            ),
            (
                &fine,
                None,
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
            ),
            (&unknown, None, "Insufficient Data: 1 datapoint was unknown."),
        ] {
            assert_eq!(sentence(verdict, &told(&range, needed)), text);
        }
    }
}
