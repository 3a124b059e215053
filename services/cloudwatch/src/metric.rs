//! Which metric: namespace, name and dimensions; and the series that its data of one unit are.

use base::Region;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What data without a unit have.
pub const NO_UNIT: &str = "None";

/// A metric. Source: CloudWatch user guide, "CloudWatch metrics concepts".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// `AWS/EC2`, `LogMetrics`.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Names and values, by name: their order does not matter.
    pub dimensions: Vec<(String, String)>,
}

impl Metric {
    /// A metric; the dimensions in any order.
    pub fn new(namespace: &str, name: &str, dimensions: impl IntoIterator<Item = (String, String)>) -> Metric {
        let mut dimensions: Vec<_> = dimensions.into_iter().collect();
        dimensions.sort();
        Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// The value of a dimension.
    pub fn dimension(&self, name: &str) -> Option<&str> {
        self.dimensions.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A dimension as the API has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Dimensions as the API has them, for a metric.
pub fn pairs(dimensions: &[Dimension]) -> impl Iterator<Item = (String, String)> + '_ {
    dimensions.iter().map(|dimension| (dimension.name.clone(), dimension.value.clone()))
}

/// The other way round.
pub fn dimensions(pairs: &[(String, String)]) -> Vec<Dimension> {
    pairs.iter().map(|(name, value)| Dimension { name: name.clone(), value: value.clone() }).collect()
}

/// Names a series: what it is of, hashed. The same metric and unit have the same series whenever they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub [u8; 12]);

impl SeriesId {
    /// The series of a metric's data of a unit in a region.
    pub fn of(region: Region, metric: &Metric, unit: &str) -> SeriesId {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(region.as_str());
        part(&metric.namespace);
        part(&metric.name);
        part(unit);
        for (name, value) in &metric.dimensions {
            part(name);
            part(value);
        }
        let digest = hash.finalize();
        let mut id = [0; 12];
        id.copy_from_slice(&digest[..12]);
        SeriesId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_dimensions_does_not_matter() {
        let pair = |name: &str| (name.to_owned(), "v".to_owned());
        let one = Metric::new("N", "m", [pair("a"), pair("b")]);
        let other = Metric::new("N", "m", [pair("b"), pair("a")]);
        assert_eq!(one, other);
        let id = |metric: &Metric, unit| SeriesId::of(Region::US_EAST_1, metric, unit);
        assert_eq!(id(&one, "Count"), id(&other, "Count"));
        assert_ne!(id(&one, "Count"), id(&one, "None"));
    }
}
