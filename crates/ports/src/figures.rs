//! Figures: what parts of the program tell a monitoring system about themselves. A figure never holds a secret or what a caller
//! wrote; labels are names of our own, trails, regions and error codes.

/// One figure at one moment. Names follow Prometheus's conventions: `cairn_`, the unit last, `_total` for counters.
/// Source: <https://prometheus.io/docs/practices/naming/>.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// `cairn_journal_entries_total`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Label names and values; the same names in every figure of one name.
    pub labels: Vec<(&'static str, String)>,
    /// What it says.
    pub value: FigureValue,
}

/// What a figure says.
#[derive(Clone, Debug, PartialEq)]
pub enum FigureValue {
    /// Only goes up, from the start of the program on.
    Counter(f64),
    /// Goes up and down.
    Gauge(f64),
    /// How often a measured value was at most each bound.
    Histogram {
        /// Upper bounds, rising; the last bucket, without a bound, is left out here.
        bounds: Vec<f64>,
        /// How many values fell at or below each bound: one count a bound, each including those before it.
        counts: Vec<u64>,
        /// How many values there were.
        count: u64,
        /// Their sum.
        sum: f64,
    },
}

impl Figure {
    /// A figure that only goes up.
    pub fn counter(name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: f64) -> Figure {
        Figure { name, help, labels: owned(labels), value: FigureValue::Counter(value) }
    }

    /// A figure that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: f64) -> Figure {
        Figure { name, help, labels: owned(labels), value: FigureValue::Gauge(value) }
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// A part of the program that has figures. Asked at every scrape: answers from memory, waits for nothing.
pub trait Figures: Send + Sync + 'static {
    /// Adds this part's figures.
    fn figures(&self, into: &mut Vec<Figure>);
}
