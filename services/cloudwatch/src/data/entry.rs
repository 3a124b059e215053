//! What a DATA entry of metrics says, as JSON. Numbers are written as their bits: what was put is what is kept, to the last bit.

use base::Region;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;

const VERSION: u32 = 1;

/// The topic of an account's entries.
pub fn topic(account: &str) -> String {
    format!("metrics/{account}")
}

/// An entry's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    v: u32,
    /// The region.
    pub region: Region,
    /// Who says it again after a crash, and how far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<(String, u64)>,
    /// The data.
    pub data: Vec<Point>,
}

/// Some values of a metric at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The namespace.
    #[serde(rename = "s")]
    pub namespace: String,
    /// The name.
    #[serde(rename = "n")]
    pub name: String,
    /// The dimensions.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<(String, String)>,
    /// When, in milliseconds since 1970.
    #[serde(rename = "t")]
    pub time_ms: i64,
    /// The unit.
    #[serde(rename = "u")]
    pub unit: String,
    /// Whether it is kept by the second too.
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_high_resolution: bool,
    /// The values.
    #[serde(rename = "x")]
    pub values: Values,
}

/// Values, by their bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Value and count.
    #[serde(rename = "v")]
    Each(Vec<(u64, u64)>),
    /// Count, sum, least and greatest.
    #[serde(rename = "s")]
    Set([u64; 4]),
}

impl Values {
    /// Values with their counts.
    pub fn each(values: impl IntoIterator<Item = (f64, f64)>) -> Values {
        Values::Each(values.into_iter().map(|(value, count)| (value.to_bits(), count.to_bits())).collect())
    }

    /// A statistic set.
    pub fn set(count: f64, sum: f64, min: f64, max: f64) -> Values {
        Values::Set([count, sum, min, max].map(f64::to_bits))
    }

    /// As a bucket; `None` if there are no values.
    pub fn bucket(&self) -> Option<Bucket> {
        match self {
            Values::Set(set) => {
                let [count, sum, min, max] = set.map(f64::from_bits);
                Some(Bucket::of_set(count, sum, min, max))
            }
            Values::Each(values) => {
                let mut whole: Option<Bucket> = None;
                for (value, count) in values {
                    let one = Bucket::of(f64::from_bits(*value), f64::from_bits(*count));
                    match &mut whole {
                        Some(whole) => whole.add(&one),
                        None => whole = Some(one),
                    }
                }
                whole
            }
        }
    }
}

impl Given {
    /// Data of a region.
    pub fn new(region: Region, source: Option<(String, u64)>, data: Vec<Point>) -> Given {
        Given { v: VERSION, region, source, data }
    }

    /// The entry's bytes.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and whole numbers are JSON")
    }

    /// Reads an entry.
    pub fn decode(bytes: &[u8]) -> Result<Given, String> {
        let given: Given = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if given.v != VERSION { Err(format!("its version is {}", given.v)) } else { Ok(given) }
    }
}
