//! Tests of the bridge to serde.

use std::collections::{BTreeMap, HashMap};

use base::Timestamp;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::value::Fields;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Everything {
    text: String,
    small: i32,
    #[serde(rename = "UInt")]
    unsigned: u16,
    single: f32,
    double: f64,
    flag: bool,
    body: Blob,
    at: Timestamp,
    mode: Mode,
    choice: Choice,
    tags: BTreeMap<String, String>,
    counts: HashMap<Mode, i64>,
    holes: Vec<Option<String>>,
    inner: Option<Inner>,
    absent: Option<String>,
    raw: Value,
    raw_fields: Fields,
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    All,
    None,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Left(Inner),
    Right { depth: i64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    items: Vec<i8>,
}

fn fields(entries: &[(&str, Value)]) -> Value {
    Value::Struct(Fields(entries.iter().map(|(name, value)| (Name::from(*name), value.clone())).collect()))
}

fn everything() -> (Everything, Value) {
    let raw = fields(&[
        ("when", Value::Timestamp(Timestamp::from_ms(5))),
        ("bytes", Value::Blob("\0x".into())),
        ("null", Value::Null),
        ("list", Value::List(vec![Value::Double(0.5), Value::Int(-1), Value::Bool(false)])),
    ]);
    let raw_fields = raw.as_fields().unwrap().clone();
    let inner = || Inner { items: vec![1, -128] };
    let typed = Everything {
        text: "äöü".into(),
        small: -7,
        unsigned: 65_535,
        single: 1.5,
        double: f64::INFINITY,
        flag: true,
        body: Blob::from(vec![0, 255]),
        at: Timestamp::from_ms(1_398_796_238_123),
        mode: Mode::All,
        choice: Choice::Right { depth: 3 },
        tags: BTreeMap::from([("k".into(), "v".into())]),
        counts: HashMap::from([(Mode::None, 4)]),
        holes: vec![None, Some("x".into())],
        inner: Some(inner()),
        absent: None,
        raw: raw.clone(),
        raw_fields,
    };
    let inner = fields(&[("items", Value::List(vec![Value::Int(1), Value::Int(-128)]))]);
    let value = fields(&[
        ("Text", "äöü".into()),
        ("Small", Value::Int(-7)),
        ("UInt", Value::Int(65_535)),
        ("Single", Value::Double(1.5)),
        ("Double", Value::Double(f64::INFINITY)),
        ("Flag", Value::Bool(true)),
        ("Body", Value::Blob(Bytes::from_static(&[0, 255]))),
        ("At", Value::Timestamp(Timestamp::from_ms(1_398_796_238_123))),
        ("Mode", "ALL".into()),
        ("Choice", fields(&[("Right", fields(&[("depth", Value::Int(3))]))])),
        ("Tags", fields(&[("k", "v".into())])),
        ("Counts", fields(&[("NONE", Value::Int(4))])),
        ("Holes", Value::List(vec![Value::Null, "x".into()])),
        ("Inner", inner),
        ("Raw", raw.clone()),
        ("RawFields", raw),
    ]);
    (typed, value)
}

#[test]
fn a_typed_value_and_its_value_are_two_forms_of_one_thing() {
    let (typed, value) = everything();
    assert_eq!(to_value(&typed).unwrap(), value);
    assert_eq!(from_value::<Everything>(value).unwrap(), typed);
}

#[test]
fn unknown_members_are_ignored_and_null_is_none() {
    let value = fields(&[
        ("items", Value::List(vec![])),
        ("New", Value::Timestamp(Timestamp::EPOCH)),
        ("Deep", fields(&[("x", Value::Null)])),
    ]);
    assert_eq!(from_value::<Inner>(value).unwrap(), Inner { items: vec![] });
    #[derive(Deserialize)]
    struct Optional {
        a: Option<Inner>,
        #[serde(default)]
        b: i32,
    }
    let optional: Optional = from_value(fields(&[("a", Value::Null)])).unwrap();
    assert_eq!((optional.a, optional.b), (None, 0));
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    let cases: &[(&str, Value, &str)] = &[
        ("Small", Value::Int(1 << 40), "Small: invalid value: integer `1099511627776`, expected i32"),
        ("UInt", Value::Int(-1), "UInt: invalid value: integer `-1`, expected u16"),
        ("At", "x".into(), "At: invalid type: string \"x\", expected a timestamp"),
        ("Body", "x".into(), "Body: invalid type: string \"x\", expected a blob"),
        ("Mode", "SOME".into(), "Mode: unknown variant `SOME`, expected `ALL` or `NONE`"),
        (
            "Mode",
            Value::Int(1),
            "Mode: invalid type: integer `1`, expected a string, or a structure with exactly one member",
        ),
        ("Text", Value::Null, "Text: invalid type: unit value, expected a string"),
        (
            "Choice",
            fields(&[("Right", fields(&[("depth", Value::Bool(true))]))]),
            "Choice.Right.depth: invalid type: boolean `true`, expected i64",
        ),
        (
            "Inner",
            fields(&[("items", Value::List(vec![Value::Int(0), Value::Int(128)]))]),
            "Inner.items[1]: invalid value: integer `128`, expected i8",
        ),
        ("Tags", fields(&[("k", Value::Int(1))]), "Tags.k: invalid type: integer `1`, expected a string"),
        ("Inner", fields(&[]), "Inner: missing field `items`"),
    ];
    for (member, wrong, expected) in cases {
        let (_, Value::Struct(mut value)) = everything() else { unreachable!() };
        value.set(member, wrong.clone());
        let error = from_value::<Everything>(Value::Struct(value)).unwrap_err();
        assert_eq!(error.to_string(), *expected);
    }
}

#[test]
fn what_has_no_value_is_refused() {
    assert_eq!(
        to_value(&u64::MAX).unwrap_err().problem,
        "18446744073709551615 does not fit a 64-bit whole number with a sign"
    );
    let odd = HashMap::from([("m", HashMap::from([(vec![1], 1)]))]);
    assert_eq!(to_value(&odd).unwrap_err().to_string(), "m: a map's key must be a string");
}

#[test]
fn nesting_has_a_limit_in_both_directions() {
    let nested = |levels: usize| (0..levels).fold(Value::Int(1), |inner, _| Value::List(vec![inner]));
    assert_eq!(from_value::<Value>(nested(DEPTH_MAX)).unwrap(), to_value(&nested(DEPTH_MAX)).unwrap());
    assert!(from_value::<Value>(nested(DEPTH_MAX + 1)).unwrap_err().problem.starts_with("nested deeper than 128"));
    assert!(to_value(&nested(DEPTH_MAX + 1)).unwrap_err().problem.starts_with("nested deeper than 128"));
}

#[test]
fn a_type_tells_its_members() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its fields' names matter")]
    struct Wrapper(Inner);
    #[derive(Deserialize)]
    struct Nothing {}
    assert_eq!(field_names::<Everything>().len(), 17);
    assert_eq!(field_names::<Everything>()[..3], ["Text", "Small", "UInt"]);
    assert_eq!(field_names::<Wrapper>(), ["items"]);
    assert_eq!(field_names::<Nothing>(), [""; 0]);
    assert_eq!(field_names::<Fields>(), [""; 0]);
    assert_eq!(field_names::<()>(), [""; 0]);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::Double),
        ".{0,8}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|v| Value::Blob(v.into())),
        any::<i64>().prop_map(|ms| Value::Timestamp(Timestamp::from_ms(ms))),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(".{0,3}", inner, 0..4).prop_map(|map| {
                Value::Struct(Fields(map.into_iter().map(|(name, value)| (name.into(), value)).collect()))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_value_passes_unchanged(value in any_value()) {
        prop_assert_eq!(&to_value(&value).unwrap(), &value);
        prop_assert_eq!(&from_value::<Value>(value.clone()).unwrap(), &value);
    }
}
