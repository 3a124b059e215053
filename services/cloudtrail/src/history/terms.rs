//! What a record can be looked up by. A term is a hash of an attribute and a value: indexes hold terms, and a match is verified
//! against the record itself.

use std::sync::Arc;

use record::RecordView;
use record::resources::resources_of;
use record::view::username;

/// An attribute of LookupEvents, or the region, by which every lookup is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// Where the event was recorded.
    Region = 0,
    /// `eventID`.
    EventId = 1,
    /// The operation.
    EventName = 2,
    /// `true` or `false`.
    ReadOnly = 3,
    /// Who.
    Username = 4,
    /// The type of a resource.
    ResourceType = 5,
    /// The name of a resource.
    ResourceName = 6,
    /// The service.
    EventSource = 7,
    /// The key that signed.
    AccessKeyId = 8,
}

impl Attribute {
    /// The attribute of this name in the API.
    pub fn parse(name: &str) -> Option<Attribute> {
        Some(match name {
            "EventId" => Attribute::EventId,
            "EventName" => Attribute::EventName,
            "ReadOnly" => Attribute::ReadOnly,
            "Username" => Attribute::Username,
            "ResourceType" => Attribute::ResourceType,
            "ResourceName" => Attribute::ResourceName,
            "EventSource" => Attribute::EventSource,
            "AccessKeyId" => Attribute::AccessKeyId,
            _ => return None,
        })
    }
}

/// The hash of an attribute and a value (FNV-1a, 64 bits): stable, as it is stored.
pub fn term(attribute: Attribute, value: &str) -> u64 {
    let byte = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let start = byte(0xcbf2_9ce4_8422_2325, attribute as u8);
    value.bytes().fold(start, byte)
}

/// Everything that a record can be looked up by.
pub fn visit(view: &RecordView<'_>, mut each: impl FnMut(Attribute, &str)) {
    let mut some = |attribute, value: Option<&str>| {
        if let Some(value) = value {
            each(attribute, value);
        }
    };
    some(Attribute::Region, view.aws_region.as_deref());
    some(Attribute::EventId, view.event_id.as_deref());
    some(Attribute::EventName, view.event_name.as_deref());
    some(Attribute::ReadOnly, view.read_only.map(|flag| if flag { "true" } else { "false" }));
    some(Attribute::Username, username(view));
    some(Attribute::EventSource, view.event_source.as_deref());
    some(Attribute::AccessKeyId, view.user_identity.access_key_id.as_deref());
    for resource in resources_of(view) {
        some(Attribute::ResourceType, resource.kind.as_deref());
        some(Attribute::ResourceName, Some(&resource.name));
    }
}

/// The terms of a record, each once.
pub fn terms(view: &RecordView<'_>) -> Arc<[u64]> {
    let mut terms = Vec::new();
    visit(view, |attribute, value| terms.push(term(attribute, value)));
    terms.sort_unstable();
    terms.dedup();
    terms.into()
}

/// Whether a record has this value.
pub fn has(view: &RecordView<'_>, wanted: Attribute, value: &str) -> bool {
    let mut found = false;
    visit(view, |attribute, has| found |= attribute == wanted && has == value);
    found
}

/// Bits per term in a filter: with seven probes, one false answer in a hundred.
const FILTER_BITS_PER_TERM: usize = 10;
const FILTER_PROBES: u64 = 7;

/// A Bloom filter of terms: says "not here" for certain, "maybe here" almost surely.
pub fn filter(terms: &[u64]) -> Vec<u8> {
    let mut bits = vec![0u8; (terms.len() * FILTER_BITS_PER_TERM).div_ceil(8).max(8)];
    for term in terms {
        for (byte, mask) in probes(*term, bits.len()) {
            bits[byte] |= mask;
        }
    }
    bits
}

/// Whether a term may be among those of a filter.
pub fn may_have(filter: &[u8], term: u64) -> bool {
    filter.is_empty() || probes(term, filter.len()).all(|(byte, mask)| filter[byte] & mask != 0)
}

fn probes(term: u64, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let bits = u64::try_from(bytes).expect("a length fits 64 bits") * 8;
    let step = term.rotate_left(32) | 1;
    (0..FILTER_PROBES).map(move |i| {
        let bit = term.wrapping_add(step.wrapping_mul(i)) % bits;
        let byte = usize::try_from(bit / 8).expect("less than the filter's length");
        (byte, 1u8 << (bit % 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_its_terms() {
        let text = r#"{"eventID":"e","eventName":"CreateTrail","awsRegion":"us-east-1","readOnly":false,
            "eventSource":"cloudtrail.amazonaws.com","requestParameters":{"name":"audit"},
            "userIdentity":{"type":"IAMUser","userName":"alice","accessKeyId":"AKIA"}}"#;
        let view = RecordView::parse(text.as_bytes()).unwrap();
        for (attribute, value) in [
            (Attribute::Region, "us-east-1"),
            (Attribute::EventId, "e"),
            (Attribute::EventName, "CreateTrail"),
            (Attribute::ReadOnly, "false"),
            (Attribute::Username, "alice"),
            (Attribute::ResourceType, "AWS::CloudTrail::Trail"),
            (Attribute::ResourceName, "audit"),
            (Attribute::EventSource, "cloudtrail.amazonaws.com"),
            (Attribute::AccessKeyId, "AKIA"),
        ] {
            assert!(has(&view, attribute, value), "{attribute:?}");
            assert!(terms(&view).binary_search(&term(attribute, value)).is_ok(), "{attribute:?}");
        }
        assert!(!has(&view, Attribute::Username, "audit"));
    }

    #[test]
    fn a_filter_never_denies_what_it_has() {
        let here: Vec<u64> = (0..1000).map(|i| term(Attribute::EventId, &i.to_string())).collect();
        let filter = filter(&here);
        assert!(here.iter().all(|term| may_have(&filter, *term)));
        let wrong =
            (1000..11_000).filter(|i: &u32| may_have(&filter, term(Attribute::EventId, &i.to_string()))).count();
        assert!(wrong < 300, "{wrong} of 10,000");
    }
}
