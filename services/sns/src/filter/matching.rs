//! Messages held against filter policies.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{Comparison, Field, Filter, Group, Scope, Test};

/// Numbers are held against one another with five digits behind the point. Source: SNS developer guide, "Filter policy constraints".
const ACCURACY: f64 = 0.000_005;

/// A message attribute as filters see it.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// `Name`.
    pub name: &'a str,
    /// `String`, `String.Array`, `Number`, `Binary`, or one of these with more behind a dot.
    pub kind: &'a str,
    /// Its value, as text.
    pub value: &'a str,
}

impl Filter {
    /// Whether a message with these attributes and this text fits.
    pub fn matches<'a>(&self, attributes: impl Iterator<Item = Attribute<'a>>, body: &str) -> bool {
        let seen = match self.scope {
            Scope::Attributes => seen(attributes),
            Scope::Body => match serde_json::from_str(body) {
                Ok(Value::Object(members)) => members,
                _ => return false,
            },
        };
        self.all.fits(&seen)
    }
}

/// Attributes as the members of an object. Those with bytes are not seen at all.
fn seen<'a>(attributes: impl Iterator<Item = Attribute<'a>>) -> Map<String, Value> {
    let value = |attribute: &Attribute<'a>| {
        let text = || Value::String(attribute.value.to_owned());
        let json = || serde_json::from_str(attribute.value).ok();
        match attribute.kind.split('.').next().unwrap_or_default() {
            "Binary" => None,
            "Number" => Some(json().filter(Value::is_number).unwrap_or_else(text)),
            _ if attribute.kind == "String.Array" => Some(json().filter(Value::is_array).unwrap_or_else(text)),
            _ => Some(text()),
        }
    };
    attributes.filter_map(|attribute| Some((attribute.name.to_owned(), value(&attribute)?))).collect()
}

impl Group {
    fn fits(&self, members: &Map<String, Value>) -> bool {
        self.fields.iter().all(|(name, field)| field.fits(members.get(name)))
            && self.alternatives.iter().all(|groups| groups.iter().any(|group| group.fits(members)))
    }

    /// Whether all that it asks for is that nothing is there.
    fn fits_nothing(&self) -> bool {
        self.fits(&Map::new())
    }
}

impl Field {
    fn fits(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Field::Any(tests), None) => tests.contains(&Test::Exists(false)),
            (Field::Any(tests), Some(found)) => tests.iter().any(|test| test.fits_any(found)),
            (Field::Below(group), Some(Value::Object(members))) => group.fits(members),
            (Field::Below(group), Some(Value::Array(list))) => {
                list.iter().any(|one| self.fits(Some(one)) && !one.is_null())
                    || (list.is_empty() && group.fits_nothing())
            }
            (Field::Below(group), _) => group.fits_nothing(),
        }
    }
}

impl Test {
    /// Whether the value, or one of a list, fits.
    fn fits_any(&self, found: &Value) -> bool {
        match (self, found) {
            (Test::Exists(exists), _) => *exists,
            (_, Value::Array(list)) => list.iter().any(|one| self.fits_any(one)),
            (_, Value::Object(_)) => false,
            (_, one) => self.fits(one),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Test::Text(expected) => text == Some(expected),
            Test::Number(expected) => value.as_f64().is_some_and(|value| (value - expected).abs() < ACCURACY),
            Test::Bool(expected) => value.as_bool() == Some(*expected),
            Test::Null => value.is_null(),
            Test::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Test::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Test::IgnoringCase(lower) => text.is_some_and(|text| text.to_lowercase() == *lower),
            Test::AnythingBut(tests) => !tests.iter().any(|test| test.fits(value)),
            Test::Numeric(comparisons) => value.as_f64().is_some_and(|value| {
                comparisons.iter().all(|(comparison, bound)| match comparison {
                    Comparison::Equal => (value - bound).abs() < ACCURACY,
                    Comparison::Less => value < *bound,
                    Comparison::LessOrEqual => value <= *bound,
                    Comparison::Greater => value > *bound,
                    Comparison::GreaterOrEqual => value >= *bound,
                })
            }),
            Test::Exists(exists) => *exists,
            Test::Cidr(network, bits) => {
                text.and_then(|text| text.parse().ok()).is_some_and(|address| is_within(address, *network, *bits))
            }
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}
