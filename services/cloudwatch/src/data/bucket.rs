//! What is kept of the values of one stretch of time: their statistics, and how they are spread, for percentiles. Two buckets make one
//! of the time of both.

use std::collections::BTreeMap;

/// So many different values are kept as they are; more are counted in bins.
const VALUES_MAX: usize = 128;
/// The upper bound of a bin over its lower one: what a value of a bin is taken for is off by less than one part in a hundred.
const BIN_RATIO: f64 = 1.02;

/// How values are spread.
#[derive(Clone, Debug, PartialEq)]
pub enum Spread {
    /// The values and how often each occurred, by value.
    Values(Vec<(f64, f64)>),
    /// How many lie in each bin of ratio [`BIN_RATIO`].
    Bins(BTreeMap<i32, f64>),
    /// Not known: the data came as a statistic set. Source: CloudWatch API reference, PutMetricData (percentiles).
    Unknown,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// How many values.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// How they are spread.
    pub spread: Spread,
}

/// The bin of a value: those of negative values count down from -2, those of positive ones up from 2, 0 is 0's.
fn bin(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the logarithm of a double is below 1100 and the ratio's above 1/100"
    )]
    let magnitude = (value.abs().ln() / BIN_RATIO.ln()).floor() as i32 + BIN_OF_ONE;
    if value > 0.0 { magnitude } else { -magnitude }
}

/// The bin of 1.0: above the number of bins of the values below it, so that positive values have positive bins.
const BIN_OF_ONE: i32 = 40_000;

/// What a value of a bin is taken for.
fn middle(bin: i32) -> f64 {
    if bin == 0 {
        return 0.0;
    }
    let lower = (f64::from(bin.abs() - BIN_OF_ONE) * BIN_RATIO.ln()).exp();
    let value = lower * BIN_RATIO.sqrt();
    if bin > 0 { value } else { -value }
}

impl Spread {
    fn into_bins(self) -> Spread {
        match self {
            Spread::Values(values) => {
                let mut bins = BTreeMap::new();
                for (value, count) in values {
                    *bins.entry(bin(value)).or_insert(0.0) += count;
                }
                Spread::Bins(bins)
            }
            other => other,
        }
    }

    fn merge(self, other: &Spread) -> Spread {
        match (self, other) {
            (Spread::Unknown, _) | (_, Spread::Unknown) => Spread::Unknown,
            (Spread::Values(mut values), Spread::Values(more)) => {
                for (value, count) in more {
                    match values.binary_search_by(|(known, _)| known.total_cmp(value)) {
                        Ok(at) => values[at].1 += count,
                        Err(at) => values.insert(at, (*value, *count)),
                    }
                }
                let spread = Spread::Values(values);
                match &spread {
                    Spread::Values(values) if values.len() > VALUES_MAX => spread.into_bins(),
                    _ => spread,
                }
            }
            (one, other) => {
                let (Spread::Bins(mut bins), Spread::Bins(more)) = (one.into_bins(), other.clone().into_bins()) else {
                    return Spread::Unknown;
                };
                for (bin, count) in more {
                    *bins.entry(bin).or_insert(0.0) += count;
                }
                Spread::Bins(bins)
            }
        }
    }
}

impl Bucket {
    /// One value that occurred `count` times.
    pub fn of(value: f64, count: f64) -> Bucket {
        // A negative zero is a zero.
        let value = value + 0.0;
        Bucket { count, sum: value * count, min: value, max: value, spread: Spread::Values(vec![(value, count)]) }
    }

    /// A statistic set: of a single value if the least is the greatest. Source: CloudWatch API reference, PutMetricData.
    pub fn of_set(count: f64, sum: f64, min: f64, max: f64) -> Bucket {
        let is_single = min == max || count == 1.0;
        let spread = if is_single { Spread::Values(vec![(min + 0.0, count)]) } else { Spread::Unknown };
        Bucket { count, sum, min, max, spread }
    }

    /// Takes in another one.
    pub fn add(&mut self, other: &Bucket) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        let spread = std::mem::replace(&mut self.spread, Spread::Unknown);
        self.spread = spread.merge(&other.spread);
    }

    /// The values with their counts, least first; `None` if they are not known.
    pub fn values(&self) -> Option<Vec<(f64, f64)>> {
        match &self.spread {
            Spread::Values(values) => Some(values.clone()),
            Spread::Bins(bins) => {
                Some(bins.iter().map(|(bin, count)| (middle(*bin).clamp(self.min, self.max), *count)).collect())
            }
            Spread::Unknown => None,
        }
    }

    /// About how much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        96 + match &self.spread {
            Spread::Values(values) => values.len() * 16,
            Spread::Bins(bins) => bins.len() * 24,
            Spread::Unknown => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bins_values_are_taken_for_one_near_them(value in -1e12_f64..1e12) {
            let taken = middle(bin(value));
            prop_assert!((taken - value).abs() <= value.abs() * 0.0101, "{value} {taken}");
        }

        #[test]
        fn bins_are_in_the_order_of_values(a in -1e6_f64..1e6, b in -1e6_f64..1e6) {
            prop_assert!(a > b || middle(bin(a)) <= middle(bin(b)) || bin(a) == bin(b));
        }

        #[test]
        fn the_order_of_merging_does_not_matter(values in prop::collection::vec(-100_i32..100, 1..400), at in 0_usize..400) {
            let all = |values: &[i32]| values.iter().fold(None, |bucket: Option<Bucket>, value| {
                let one = Bucket::of(f64::from(*value), 1.0);
                Some(match bucket { Some(mut bucket) => { bucket.add(&one); bucket } None => one })
            });
            let whole = all(&values).unwrap();
            let (left, right) = values.split_at(at.min(values.len()));
            let (left, right) = (all(left), all(right));
            let merged = match (left, right) {
                (Some(left), Some(mut right)) => { right.add(&left); right }
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => unreachable!("there is a value"),
            };
            prop_assert_eq!((whole.count, whole.sum, whole.min, whole.max), (merged.count, merged.sum, merged.min, merged.max));
            prop_assert_eq!(whole.values(), merged.values());
        }
    }
}
