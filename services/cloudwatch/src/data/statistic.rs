//! Statistics: their names, and what they are of a bucket. Source: CloudWatch user guide, "CloudWatch statistics definitions".

use super::bucket::Bucket;

/// A statistic.
#[derive(Clone, Debug, PartialEq)]
pub enum Statistic {
    /// How many values.
    SampleCount,
    /// The mean.
    Average,
    /// The sum.
    Sum,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// `p99`: the value below which so many per cent lie.
    Percentile(f64),
    /// `TM`, `WM`, `TC`, `TS`, `PR` over a range, and what is short for them.
    Ranged(Ranged, Bounds),
}

/// What is made of the values of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranged {
    /// The mean of those within.
    TrimmedMean,
    /// The mean, with those outside taken for the bounds.
    WinsorizedMean,
    /// How many are within.
    TrimmedCount,
    /// The sum of those within.
    TrimmedSum,
    /// The share of those within, in per cent.
    PercentileRank,
}

/// The range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bounds {
    /// In per cent of the values, least first.
    Percent(f64, f64),
    /// Values above the first, up to the second.
    Values(f64, f64),
}

/// `90`, `99.95`: a number in digits without sign or exponent.
fn plain(text: &str) -> Option<f64> {
    let is_plain =
        text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.starts_with(|c: char| c.is_ascii_digit());
    text.parse::<f64>().ok().filter(|_| is_plain)
}

fn percent(text: &str) -> Option<f64> {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    plain(text).filter(|value| *value <= 100.0 && decimals <= 10)
}

impl Statistic {
    /// Reads a statistic's name; `None` if it is none.
    pub fn parse(text: &str) -> Option<Statistic> {
        Some(match text {
            "SampleCount" => Statistic::SampleCount,
            "Average" => Statistic::Average,
            "Sum" => Statistic::Sum,
            "Minimum" => Statistic::Minimum,
            "Maximum" => Statistic::Maximum,
            "IQM" => Statistic::Ranged(Ranged::TrimmedMean, Bounds::Percent(25.0, 75.0)),
            _ => return Statistic::parse_extended(text),
        })
    }

    fn parse_extended(text: &str) -> Option<Statistic> {
        if let Some(rank) = text.strip_prefix('p').and_then(percent) {
            return Some(Statistic::Percentile(rank));
        }
        let kind = match text.get(..2)?.to_ascii_uppercase().as_str() {
            "TM" => Ranged::TrimmedMean,
            "WM" => Ranged::WinsorizedMean,
            "TC" => Ranged::TrimmedCount,
            "TS" => Ranged::TrimmedSum,
            "PR" => Ranged::PercentileRank,
            _ => return None,
        };
        let rest = &text[2..];
        let Some(inside) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
            // `tm99` is `TM(:99%)`.
            let is_short = text.starts_with(|c: char| c.is_ascii_lowercase()) && kind != Ranged::PercentileRank;
            let upper = percent(rest).filter(|_| is_short)?;
            return Some(Statistic::Ranged(kind, Bounds::Percent(0.0, upper)));
        };
        if text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return None;
        }
        let (low, high) = inside.split_once(':')?;
        if low.is_empty() && high.is_empty() {
            return None;
        }
        let bounds = if inside.contains('%') {
            let side = |text: &str, open| match text {
                "" => Some(open),
                text => percent(text.strip_suffix('%')?),
            };
            Bounds::Percent(side(low, 0.0)?, side(high, 100.0)?)
        } else {
            let side = |text: &str, open| match text {
                "" => Some(open),
                text => text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0),
            };
            Bounds::Values(side(low, f64::NEG_INFINITY)?, side(high, f64::INFINITY)?)
        };
        let (Bounds::Percent(low, high) | Bounds::Values(low, high)) = bounds;
        let is_rank_of_percent = kind == Ranged::PercentileRank && matches!(bounds, Bounds::Percent(..));
        (low < high && !is_rank_of_percent).then_some(Statistic::Ranged(kind, bounds))
    }

    /// Whether it is one of the five that every bucket has.
    pub fn is_simple(&self) -> bool {
        !matches!(self, Statistic::Percentile(_) | Statistic::Ranged(..))
    }

    /// What it is of a bucket; `None` if the values would have to be known and are not.
    pub fn of(&self, bucket: &Bucket) -> Option<f64> {
        Some(match self {
            Statistic::SampleCount => bucket.count,
            Statistic::Average => bucket.sum / bucket.count,
            Statistic::Sum => bucket.sum,
            Statistic::Minimum => bucket.min,
            Statistic::Maximum => bucket.max,
            Statistic::Percentile(rank) => percentile(&bucket.values()?, *rank),
            Statistic::Ranged(kind, bounds) => return ranged(&bucket.values()?, *kind, *bounds),
        })
        .filter(|value: &f64| !value.is_nan())
    }
}

/// The least value that at least so many per cent of the values do not exceed.
fn percentile(values: &[(f64, f64)], rank: f64) -> f64 {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    // What is computed of whole counts must not miss them by a rounding error.
    let wanted = rank / 100.0 * total * (1.0 - f64::EPSILON * 4.0);
    let mut seen = 0.0;
    for (value, count) in values {
        seen += count;
        if seen >= wanted {
            return *value;
        }
    }
    values.last().map_or(f64::NAN, |(value, _)| *value)
}

fn ranged(values: &[(f64, f64)], kind: Ranged, bounds: Bounds) -> Option<f64> {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    // How much of each value is within.
    let within: Vec<(f64, f64)> = match bounds {
        Bounds::Values(low, high) => {
            let is_within = |value: f64| value > low && value <= high || (low == f64::NEG_INFINITY && value <= high);
            values.iter().map(|(value, count)| (*value, if is_within(*value) { *count } else { 0.0 })).collect()
        }
        Bounds::Percent(low, high) => {
            let (from, to) = (low / 100.0 * total, high / 100.0 * total);
            let mut seen = 0.0;
            let mut share = |(value, count): &(f64, f64)| {
                let (begin, end) = (seen, seen + count);
                seen = end;
                (*value, (end.min(to) - begin.max(from)).max(0.0))
            };
            values.iter().map(&mut share).collect()
        }
    };
    let count: f64 = within.iter().map(|(_, count)| count).sum();
    let sum: f64 = within.iter().map(|(value, count)| value * count).sum();
    match kind {
        Ranged::TrimmedCount => Some(count),
        Ranged::TrimmedSum => Some(sum),
        Ranged::PercentileRank => Some(count / total * 100.0),
        Ranged::TrimmedMean => (count > 0.0).then_some(sum / count),
        Ranged::WinsorizedMean => {
            let (low, high) = match bounds {
                Bounds::Values(low, high) => (low, high),
                Bounds::Percent(low, high) => (percentile(values, low), percentile(values, high)),
            };
            Some(values.iter().map(|(value, count)| value.clamp(low, high) * count).sum::<f64>() / total)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bucket(values: &[f64]) -> Bucket {
        let mut whole = Bucket::of(values[0], 1.0);
        values[1..].iter().for_each(|value| whole.add(&Bucket::of(*value, 1.0)));
        whole
    }

    #[test]
    fn names_are_read_or_refused() {
        for good in [
            "p99",
            "p0",
            "p100",
            "p99.95",
            "tm99",
            "TM(10%:90%)",
            "TM(:95%)",
            "TC(150:1000)",
            "PR(:300)",
            "PR(100:2000)",
            "IQM",
            "ts90",
            "wm98",
            "WM(80%:)",
        ] {
            assert!(Statistic::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "p",
            "p101",
            "P99",
            "p-1",
            "average",
            "TM",
            "TM()",
            "TM(:)",
            "TM(90%:10%)",
            "pr99",
            "PR(10%:90%)",
            "TM(10%:90)",
            "tm(10%:90%)",
            "p1e1",
            "pé",
        ] {
            assert_eq!(Statistic::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn statistics_of_a_bucket() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let whole = bucket(&values);
        let check = |name: &str, expected: f64| {
            let value = Statistic::parse(name).unwrap().of(&whole).unwrap();
            assert!((value - expected).abs() < 1e-9, "{name}: {value} is not {expected}");
        };
        for (name, expected) in [
            ("SampleCount", 10.0),
            ("Sum", 55.0),
            ("Average", 5.5),
            ("Minimum", 1.0),
            ("Maximum", 10.0),
            ("p50", 5.0),
            ("p90", 9.0),
            ("p99", 10.0),
            ("p0", 1.0),
            ("TM(10%:90%)", 5.5),
            ("tm90", 5.0),
            ("TC(2:5)", 3.0),
            ("TS(2:5)", 12.0),
            ("PR(:3)", 30.0),
            ("IQM", 5.5),
            ("WM(10%:90%)", 5.4),
            ("TC(20%:80%)", 6.0),
        ] {
            check(name, expected);
        }
    }

    #[test]
    fn statistic_sets_have_no_percentiles_unless_of_one_value() {
        let p50 = Statistic::parse("p50").unwrap();
        assert_eq!(p50.of(&Bucket::of_set(2.0, 3.0, 1.0, 2.0)), None);
        assert_eq!(p50.of(&Bucket::of_set(2.0, 4.0, 2.0, 2.0)), Some(2.0));
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_values(mut values in prop::collection::vec(-1000_i32..1000, 1..100), rank in 0_u32..=100) {
            values.sort_unstable();
            let floats: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            // Nearest rank: the obvious way.
            let at = (u64::from(rank) * values.len() as u64).div_ceil(100).max(1) as usize - 1;
            let value = Statistic::Percentile(f64::from(rank)).of(&bucket(&floats)).unwrap();
            prop_assert_eq!(value, floats[at]);
        }

        #[test]
        fn percentiles_of_many_values_are_near(values in prop::collection::vec(1.0_f64..1e6, 200..600), rank in 1_u32..=100) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let at = (u64::from(rank) * values.len() as u64).div_ceil(100).max(1) as usize - 1;
            let value = Statistic::Percentile(f64::from(rank)).of(&bucket(&values)).unwrap();
            prop_assert!((value - sorted[at]).abs() <= sorted[at] * 0.021, "{} is not near {}", value, sorted[at]);
        }
    }
}
