//! Axes: round numbers for values, round times for time.

use base::Timestamp;
use base::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

/// An axis of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Where it begins.
    pub min: f64,
    /// Where it ends.
    pub max: f64,
    /// Where its lines are.
    pub ticks: Vec<f64>,
    step: f64,
}

impl Axis {
    /// An axis on which these values lie, with about so many lines. Bounds that are given are kept.
    pub fn new(least: f64, greatest: f64, given: (Option<f64>, Option<f64>), lines: usize) -> Axis {
        let (mut low, mut high) = (given.0.unwrap_or(least), given.1.unwrap_or(greatest));
        if !(low.is_finite() && high.is_finite()) {
            (low, high) = (0.0, 1.0);
        }
        if high <= low {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - if given.0.is_some() || low == 0.0 { 0.0 } else { room }, low + room);
        }
        #[expect(clippy::cast_precision_loss, reason = "a chart has a few lines")]
        let step = round_step((high - low) / lines.max(1) as f64);
        let min = given.0.unwrap_or((low / step).floor() * step);
        let max = given.1.unwrap_or((high / step).ceil() * step);
        let mut ticks = Vec::new();
        let mut at = (min / step).ceil() * step;
        while at <= max + step * 1e-6 && ticks.len() < 50 {
            // Sums of steps are not quite round.
            ticks.push((at / step).round() * step);
            at += step;
        }
        Axis { min, max, ticks, step }
    }

    /// How far up a value is, from 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.min) / (self.max - self.min)
    }

    /// A value as the axis shows it.
    pub fn show(&self, value: f64) -> String {
        let (divisor, suffix) = unit(self.max.abs().max(self.min.abs()));
        let (value, step) = (value / divisor, self.step / divisor);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 6")]
        let decimals = (-step.log10()).ceil().clamp(0.0, 6.0) as usize;
        let text = format!("{value:.decimals$}");
        let text = if text.trim_matches(['-', '0', '.']).is_empty() { "0".to_owned() } else { text };
        if text == "0" { text } else { format!("{text}{suffix}") }
    }
}

/// Thousands, millions.
fn unit(greatest: f64) -> (f64, &'static str) {
    match greatest {
        value if value >= 1e12 => (1e12, "T"),
        value if value >= 1e9 => (1e9, "G"),
        value if value >= 1e6 => (1e6, "M"),
        value if value >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

/// A single number, short.
pub fn short(value: f64) -> String {
    let (divisor, suffix) = unit(value.abs());
    let value = value / divisor;
    let decimals = if value.abs() >= 100.0 {
        1
    } else if value.abs() >= 1.0 {
        2
    } else {
        4
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{suffix}")
}

fn round_step(step: f64) -> f64 {
    let magnitude = 10_f64.powf(step.log10().floor());
    let part = step / magnitude;
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|round| part <= *round + 1e-9).unwrap_or(10.0);
    round * magnitude
}

/// Steps that times are shown in.
const STEPS: [i64; 20] = [
    SECOND_MS,
    5 * SECOND_MS,
    10 * SECOND_MS,
    30 * SECOND_MS,
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    7 * DAY_MS,
    30 * DAY_MS,
    90 * DAY_MS,
];

/// Round times between two, at most so many, with their texts. `offset_ms`: of the time zone.
pub fn times(start_ms: i64, end_ms: i64, most: usize, offset_ms: i64) -> Vec<(i64, String)> {
    let most = i64::try_from(most.max(1)).unwrap_or(1);
    let step = STEPS.into_iter().find(|step| (end_ms - start_ms) / step <= most).unwrap_or(STEPS[STEPS.len() - 1]);
    let first = (start_ms + offset_ms).div_euclid(step) * step - offset_ms;
    let mut out = Vec::new();
    let mut at = first;
    while at <= end_ms && out.len() < 200 {
        if at >= start_ms {
            out.push((at, time(at + offset_ms, step)));
        }
        at += step;
    }
    out
}

fn time(local_ms: i64, step: i64) -> String {
    let c = Timestamp::from_ms(local_ms).civil();
    if step >= DAY_MS || (c.hour == 0 && c.minute == 0 && c.second == 0) {
        format!("{:02}/{:02}", c.month, c.day)
    } else if step >= MINUTE_MS {
        format!("{:02}:{:02}", c.hour, c.minute)
    } else {
        format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round() {
        for (least, greatest, ticks) in [
            (0.0, 9.3, &["0", "2", "4", "6", "8", "10"][..]),
            (0.0, 0.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (0.0, 43_000.0, &["0", "10k", "20k", "30k", "40k", "50k"]),
        ] {
            let axis = Axis::new(least, greatest, (None, None), 5);
            let shown: Vec<String> = axis.ticks.iter().map(|tick| axis.show(*tick)).collect();
            let expected: Vec<&str> = ticks.iter().map(|tick| if *tick == "0.0" { "0" } else { tick }).collect();
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn times_are_round() {
        let shown: Vec<String> = times(0, 3 * HOUR_MS, 8, 0).into_iter().map(|(_, text)| text).collect();
        assert_eq!(shown, ["01/01", "00:30", "01:00", "01:30", "02:00", "02:30", "03:00"]);
    }
}
