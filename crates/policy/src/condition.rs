//! Conditions: operators, keys and values. Sources: IAM user guide, "IAM JSON policy elements: Condition operators",
//! "Set operators for multi-valued context keys", "IAM policy elements: Variables and tags".
//!
//! | the request has no such key | holds? |
//! |---|---|
//! | plain operators | no |
//! | negated operators (`StringNotEquals`, `NotIpAddress` …) | yes |
//! | `…IfExists` | yes |
//! | `ForAllValues:` | yes |
//! | `ForAnyValue:` | no, unless `…IfExists` |
//! | `Null` | if the value is `true` |

use std::net::IpAddr;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::document::Effect;
use crate::pattern::{Lookup, Pattern, Step, Variables, Wildcards, matches};

/// One key of one operator, with its values: any of them may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    operator: Operator,
    key: String,
    values: Vec<Pattern>,
}

/// A condition operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    test: Test,
    negated: bool,
    if_exists: bool,
    set: Set,
}

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

/// How the request's value must stand to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How the values of a key with many of them count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Unqualified,
    Any,
    All,
}

/// Name without prefix and suffix, test, negated.
const OPERATORS: [(&str, Test, bool); 27] = [
    ("StringEquals", Test::StringEquals, false),
    ("StringNotEquals", Test::StringEquals, true),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Test::StringEqualsIgnoreCase, true),
    ("StringLike", Test::StringLike, false),
    ("StringNotLike", Test::StringLike, true),
    ("NumericEquals", Test::Numeric(Order::Equal), false),
    ("NumericNotEquals", Test::Numeric(Order::Equal), true),
    ("NumericLessThan", Test::Numeric(Order::Less), false),
    ("NumericLessThanEquals", Test::Numeric(Order::LessOrEqual), false),
    ("NumericGreaterThan", Test::Numeric(Order::Greater), false),
    ("NumericGreaterThanEquals", Test::Numeric(Order::GreaterOrEqual), false),
    ("DateEquals", Test::Date(Order::Equal), false),
    ("DateNotEquals", Test::Date(Order::Equal), true),
    ("DateLessThan", Test::Date(Order::Less), false),
    ("DateLessThanEquals", Test::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Test::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Test::Date(Order::GreaterOrEqual), false),
    ("Bool", Test::Bool, false),
    ("BinaryEquals", Test::Binary, false),
    ("IpAddress", Test::Ip, false),
    ("NotIpAddress", Test::Ip, true),
    // ArnEquals takes wildcards like ArnLike: the two are one.
    ("ArnEquals", Test::Arn, false),
    ("ArnLike", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnNotLike", Test::Arn, true),
    ("Null", Test::Null, false),
];

impl Operator {
    /// Reads `[ForAnyValue:|ForAllValues:]NAME[IfExists]`. `None` for anything else (`Null` takes no `IfExists`).
    pub fn parse(text: &str) -> Option<Operator> {
        let (set, name) = match text.split_once(':') {
            Some(("ForAnyValue", name)) => (Set::Any, name),
            Some(("ForAllValues", name)) => (Set::All, name),
            Some(_) => return None,
            None => (Set::Unqualified, text),
        };
        let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
        let (_, test, negated) = OPERATORS.into_iter().find(|(known, ..)| *known == name)?;
        (!(test == Test::Null && if_exists)).then_some(Operator { test, negated, if_exists, set })
    }
}

impl Condition {
    /// A condition; `variables` says whether `${…}` in string and ARN values is a variable (elsewhere it never is).
    pub fn new(operator: Operator, key: &str, values: &[String], variables: Variables) -> Condition {
        let (variables, wildcards) = match operator.test {
            Test::StringEquals | Test::StringEqualsIgnoreCase => (variables, Wildcards::Off),
            Test::StringLike | Test::Arn => (variables, Wildcards::On),
            _ => (Variables::Off, Wildcards::Off),
        };
        let values = values.iter().map(|value| Pattern::new(value, variables, wildcards)).collect();
        Condition { operator, key: key.to_lowercase(), values }
    }

    /// The condition key, in lower case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The condition keys that variables in the values name, as they are written.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.values.iter().flat_map(Pattern::variables)
    }

    /// Whether the condition holds. `actual` is what the request has for [`Condition::key`]. A missing policy variable never
    /// helps: a value with one matches nothing, and a negated operator with one does not hold for a statement that allows.
    pub fn holds(&self, actual: Option<&[String]>, lookup: Lookup<'_>, effect: Effect) -> bool {
        let Operator { test, negated, if_exists, set } = self.operator;
        let actual = actual.filter(|values| !values.is_empty());
        if test == Test::Null {
            let wanted = |value: &Pattern| truth(value.as_str()) == Some(actual.is_none());
            return self.values.iter().any(wanted);
        }
        let Some(actual) = actual else {
            return if_exists || set == Set::All || (set == Set::Unqualified && negated);
        };
        if negated && effect == Effect::Allow && self.values.iter().any(|value| value.is_unresolved(lookup)) {
            return false;
        }
        let hit = |text: &String| self.values.iter().any(|value| test.passes(text, value, lookup));
        match set {
            Set::Unqualified => actual.iter().any(hit) != negated,
            Set::Any => actual.iter().any(|text| hit(text) != negated),
            Set::All => actual.iter().all(|text| hit(text) != negated),
        }
    }
}

impl Test {
    /// Whether the request's `text` fits the policy's `value`. What cannot be read as the operator's type fits nothing.
    fn passes(self, text: &str, value: &Pattern, lookup: Lookup<'_>) -> bool {
        match self {
            Test::StringEquals | Test::StringLike => value.matches(text, lookup),
            Test::StringEqualsIgnoreCase => value.matches_ignoring_case(text, lookup),
            Test::Numeric(order) => both(text, value, number).is_some_and(|(a, b)| order.holds(a, b)),
            Test::Date(order) => both(text, value, date).is_some_and(|(a, b)| order.holds(a, b)),
            Test::Bool => both(text, value, truth).is_some_and(|(a, b)| a == b),
            Test::Binary => both(text, value, |text| STANDARD.decode(text).ok()).is_some_and(|(a, b)| a == b),
            Test::Ip => text.parse().is_ok_and(|address| is_in_network(address, value.as_str())),
            Test::Arn => value.steps(lookup).is_some_and(|steps| arn_matches(&steps, text)),
            // Answered before any value of the request is looked at.
            Test::Null => false,
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, ours: T, wanted: T) -> bool {
        match self {
            Order::Equal => ours == wanted,
            Order::Less => ours < wanted,
            Order::LessOrEqual => ours <= wanted,
            Order::Greater => ours > wanted,
            Order::GreaterOrEqual => ours >= wanted,
        }
    }
}

fn both<T>(text: &str, value: &Pattern, read: impl Fn(&str) -> Option<T>) -> Option<(T, T)> {
    Some((read(text)?, read(value.as_str())?))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// ISO 8601 in the forms of the W3C's note (a month, a day, a minute, a second), or seconds since 1970.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    if let Ok(secs) = text.parse() {
        return Some(Timestamp::from_secs(secs));
    }
    let from_day = || Timestamp::parse_iso8601(&format!("{text}T00:00:00Z"));
    let from_minute = || {
        let (minute, zone) = text.split_at_checked(16)?;
        Timestamp::parse_iso8601(&format!("{minute}:00{zone}"))
    };
    let from_month = || Timestamp::parse_iso8601(&format!("{text}-01T00:00:00Z"));
    Timestamp::parse_iso8601(text).or_else(from_day).or_else(from_minute).or_else(from_month)
}

fn truth(text: &str) -> Option<bool> {
    let known = [("true", true), ("false", false)];
    known.into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, value)| value)
}

/// Whether the address is in `ADDRESS[/BITS]`, both of one version.
fn is_in_network(address: IpAddr, network: &str) -> bool {
    let (base, bits) = network.split_once('/').map_or((network, None), |(base, bits)| (base, Some(bits)));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let (ours, theirs, width): (u128, u128, u32) = match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let Ok(bits) = bits.map_or(Ok(width), str::parse::<u32>) else { return false };
    if bits > width {
        return false;
    }
    // A shift by the whole width is no shift at all in hardware: no bits means every address.
    let rest = width - bits;
    ours.checked_shr(rest).unwrap_or(0) == theirs.checked_shr(rest).unwrap_or(0)
}

/// Matches part by part, so that a star does not reach over a colon; but a pattern that ends early in a star (`arn:aws:s3:*`)
/// matches all the rest.
fn arn_matches(pattern: &[Step], text: &str) -> bool {
    const PARTS: usize = 6;
    let patterns: Vec<_> = pattern.splitn(PARTS, |step| *step == Step::Char(':')).collect();
    if text.splitn(PARTS, ':').count() < PARTS || !text.starts_with("arn:") {
        return false;
    }
    if patterns.len() < PARTS && pattern.last() != Some(&Step::Any) {
        return false;
    }
    let texts = text.splitn(patterns.len(), ':');
    patterns.iter().zip(texts).all(|(steps, text)| matches(steps, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Lookup<'static> = &|key| (key == "aws:username").then(|| "alice".to_owned());

    fn holds(operator: &str, values: &[&str], actual: Option<&[&str]>, effect: Effect) -> bool {
        let parsed = Operator::parse(operator).unwrap_or_else(|| panic!("{operator}"));
        let values: Vec<_> = values.iter().map(|value| (*value).to_owned()).collect();
        let actual: Option<Vec<_>> = actual.map(|list| list.iter().map(|text| (*text).to_owned()).collect());
        Condition::new(parsed, "Some:Key", &values, Variables::On).holds(actual.as_deref(), NAMES, effect)
    }

    /// `actual` is a list separated by `|`; `-` is a missing key.
    fn check(operator: &str, values: &[&str], actual: &str, expected: bool) {
        let list: Vec<_> = actual.split('|').collect();
        let actual_list = (actual != "-").then_some(&list[..]);
        let held = holds(operator, values, actual_list, Effect::Allow);
        assert_eq!(held, expected, "{operator} {values:?} on {actual}");
    }

    #[test]
    fn strings() {
        check("StringEquals", &["a", "b"], "b", true);
        check("StringEquals", &["a"], "A", false);
        check("StringEquals", &["a*"], "ab", false);
        check("StringEquals", &["a*"], "a*", true);
        check("StringNotEquals", &["a", "b"], "b", false);
        check("StringNotEquals", &["a", "b"], "c", true);
        check("StringEqualsIgnoreCase", &["ÄA"], "äa", true);
        check("StringNotEqualsIgnoreCase", &["a"], "A", false);
        check("StringLike", &["a*"], "ab", true);
        check("StringLike", &["A*"], "ab", false);
        check("StringNotLike", &["a*"], "ab", false);
    }

    #[test]
    fn variables_in_values() {
        check("StringEquals", &["${aws:username}"], "alice", true);
        check("StringEquals", &["${missing}"], "", false);
        check("StringLike", &["home/${aws:username}/*"], "home/alice/x", true);
        check("ArnLike", &["arn:aws:iam::1:user/${aws:username}"], "arn:aws:iam::1:user/alice", true);
        // A missing variable must not turn a negation into a permission; in a denial it must not turn it off.
        for effect in [Effect::Allow, Effect::Deny] {
            assert_eq!(holds("StringNotEquals", &["${missing}"], Some(&["x"]), effect), effect == Effect::Deny);
        }
    }

    #[test]
    fn numbers() {
        check("NumericEquals", &["10"], "10.0", true);
        check("NumericNotEquals", &["10"], "10.0", false);
        check("NumericLessThan", &["10"], "9", true);
        check("NumericLessThan", &["10"], "10", false);
        check("NumericLessThanEquals", &["10"], "10", true);
        check("NumericGreaterThan", &["10"], "9", false);
        check("NumericGreaterThanEquals", &["10"], "10", true);
        check("NumericEquals", &["x"], "x", false);
        check("NumericGreaterThan", &["1"], "inf", false);
    }

    #[test]
    fn dates() {
        check("DateGreaterThan", &["2024-01-01T00:00:00Z"], "2024-01-01T00:00:01Z", true);
        check("DateLessThan", &["2024-01-01"], "2023-12-31T23:59:59Z", true);
        check("DateEquals", &["2024-01-01T00:00Z"], "1704067200", true);
        check("DateLessThanEquals", &["1704067200"], "2024-01-01T01:00:00+01:00", true);
        check("DateGreaterThanEquals", &["2024-01-01"], "2023-12-31", false);
        check("DateNotEquals", &["2024-01-01"], "2024-01-02", true);
        check("DateEquals", &["2024-02"], "2024-02-01T00:00:00Z", true);
        check("DateLessThan", &["2024-01-01T00:00:00.500Z"], "2024-01-01T00:00:00.499Z", true);
        check("DateLessThan", &["tomorrow"], "2024-01-01", false);
    }

    #[test]
    fn booleans_are_compared_as_words() {
        check("Bool", &["true"], "true", true);
        check("Bool", &["true"], "True", true);
        check("Bool", &["false"], "true", false);
        check("Bool", &["yes"], "yes", false);
        check("Bool", &["false"], "-", false);
    }

    #[test]
    fn binary_values_are_compared_as_bytes() {
        check("BinaryEquals", &["QmluYXJ5"], "QmluYXJ5", true);
        check("BinaryEquals", &["QmluYXJ5"], "QmluYXJ6", false);
        check("BinaryEquals", &["*"], "*", false);
    }

    #[test]
    fn addresses() {
        check("IpAddress", &["203.0.113.0/24"], "203.0.113.77", true);
        check("IpAddress", &["203.0.113.0/24"], "203.0.114.1", false);
        check("IpAddress", &["203.0.113.5"], "203.0.113.5", true);
        check("IpAddress", &["0.0.0.0/0"], "8.8.8.8", true);
        check("IpAddress", &["::/0"], "8.8.8.8", false);
        check("IpAddress", &["2001:db8::/32"], "2001:db8:1::1", true);
        check("IpAddress", &["2001:DB8:1234:5678::/64"], "2001:db8:1234:5679::1", false);
        check("IpAddress", &["::/0"], "2001:db8::1", true);
        check("IpAddress", &["203.0.113.0/33"], "203.0.113.0", false);
        check("IpAddress", &["203.0.113.0/24"], "cloudtrail.amazonaws.com", false);
        check("NotIpAddress", &["203.0.113.0/24"], "203.0.114.1", true);
        check("NotIpAddress", &["203.0.113.0/24"], "-", true);
    }

    #[test]
    fn arns_are_matched_part_by_part() {
        let trail = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/t";
        for operator in ["ArnEquals", "ArnLike"] {
            check(operator, &[trail], trail, true);
            check(operator, &["arn:aws:cloudtrail:*:111111111111:trail/*"], trail, true);
            check(operator, &["arn:aws:cloudtrail:*:trail/t"], trail, false);
            check(operator, &["arn:aws:cloudtrail:*"], trail, true);
            check(operator, &["arn:*:trail/t"], trail, false);
            check(operator, &["*"], trail, true);
            check(operator, &["*"], "no-arn", false);
            check(operator, &["arn:aws:sns:*:*:*"], "arn:aws:sns:x:1:a:b", true);
            check(operator, &["arn:aws:sns:?:1:a"], "arn:aws:sns:x:1:a", true);
        }
        check("ArnNotEquals", &[trail], trail, false);
        check("ArnNotLike", &["arn:aws:cloudtrail:*:*:*"], trail, false);
    }

    #[test]
    fn a_missing_key() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("StringNotEqualsIfExists", true),
            ("NumericNotEquals", true),
            ("ArnNotLike", true),
            ("ForAllValues:StringEquals", true),
            ("ForAllValues:StringNotEquals", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringNotEquals", false),
            ("ForAnyValue:StringEqualsIfExists", true),
            ("BoolIfExists", true),
        ] {
            check(operator, &["true"], "-", expected);
        }
        check("Null", &["true"], "-", true);
        check("Null", &["true"], "x", false);
        check("Null", &["false"], "x", true);
        check("Null", &["false"], "-", false);
        // A key without any value is a missing key.
        assert!(holds("Null", &["true"], Some(&[]), Effect::Allow));
    }

    #[test]
    fn many_values() {
        check("ForAllValues:StringEquals", &["a", "b"], "a|b", true);
        check("ForAllValues:StringEquals", &["a", "b"], "a|c", false);
        check("ForAnyValue:StringEquals", &["a", "b"], "c|b", true);
        check("ForAnyValue:StringEquals", &["a", "b"], "c|d", false);
        check("ForAnyValue:StringNotEquals", &["a"], "a|b", true);
        check("ForAllValues:StringNotEquals", &["a"], "a|b", false);
        check("ForAnyValue:NumericLessThan", &["10"], "20|5", true);
        check("ForAnyValue:StringLikeIfExists", &["a*"], "b|ab", true);
        check("StringNotEquals", &["a"], "a|b", false);
    }

    #[test]
    fn unknown_operators() {
        for bad in
            ["", "stringequals", "StringMatches", "ForSome:StringEquals", "NullIfExists", "IfExists", "ForAnyValue:"]
        {
            assert_eq!(Operator::parse(bad), None, "{bad}");
        }
        for (name, ..) in OPERATORS {
            assert!(
                Operator::parse(name).is_some() && Operator::parse(&format!("ForAnyValue:{name}")).is_some(),
                "{name}"
            );
        }
    }
}
