//! Cases from the developer guide's pages, and limits.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Attribute, Filter, Scope};

fn fits(policy: &str, scope: Scope, attributes: &[(&str, &str, &str)], body: &str) -> bool {
    let filter = Filter::parse(policy, scope).unwrap_or_else(|error| panic!("{policy}: {error}"));
    filter.matches(attributes.iter().map(|(name, kind, value)| Attribute { name, kind, value }), body)
}

#[test]
fn attributes_are_held_against_policies() {
    let check = |policy: &str, attributes: &[(&str, &str, &str)], expected| {
        assert_eq!(fits(policy, Scope::Attributes, attributes, ""), expected, "{policy} {attributes:?}");
    };
    let interests = |value| [("i", "String", value)];
    let list = |value| [("i", "String.Array", value)];
    let price = |value| [("p", "Number", value)];
    check(r#"{"i":["rugby","tennis"]}"#, &interests("rugby"), true);
    check(r#"{"i":["rugby","tennis"]}"#, &interests("Rugby"), false);
    check(r#"{"i":["rugby"]}"#, &list(r#"["soccer","rugby"]"#), true);
    check(r#"{"i":["rugby"]}"#, &list(r#"["soccer"]"#), false);
    check(r#"{"i":["rugby"]}"#, &[("i", "Binary", "rugby")], false);
    check(r#"{"i":["rugby"]}"#, &[], false);
    check(r#"{"i":[{"anything-but":["rugby","tennis"]}]}"#, &interests("baseball"), true);
    check(r#"{"i":[{"anything-but":["rugby","tennis"]}]}"#, &interests("rugby"), false);
    check(r#"{"i":[{"anything-but":["rugby"]}]}"#, &[], false);
    check(r#"{"i":[{"anything-but":["rugby"]}]}"#, &list(r#"["rugby","baseball"]"#), true);
    check(r#"{"e":[{"anything-but":{"prefix":"order-"}}]}"#, &[("e", "String", "data-entry")], true);
    check(r#"{"e":[{"anything-but":{"prefix":"order-"}}]}"#, &[("e", "String", "order-number")], false);
    check(r#"{"i":[{"equals-ignore-case":"tennis"}]}"#, &interests("TENNIS"), true);
    check(r#"{"s":[{"cidr":"10.0.0.0/24"}]}"#, &[("s", "String", "10.0.0.7")], true);
    check(r#"{"s":[{"cidr":"10.0.0.0/24"}]}"#, &[("s", "String", "10.1.1.0")], false);
    check(r#"{"s":[{"cidr":"0.0.0.0/0"}]}"#, &[("s", "String", "10.1.1.0")], true);
    check(r#"{"s":[{"cidr":"2001:db8::/32"}]}"#, &[("s", "String", "2001:db8:1::1")], true);
    check(r#"{"i":[{"prefix":"bas"}]}"#, &interests("baseball"), true);
    check(r#"{"i":[{"suffix":"ball"}]}"#, &interests("rugby"), false);
    check(r#"{"p":[{"numeric":["=",301.5]}]}"#, &price("3.015e2"), true);
    check(r#"{"p":[{"numeric":[">",0,"<=",150]}]}"#, &price("150"), true);
    check(r#"{"p":[{"numeric":[">",0,"<=",150]}]}"#, &price("0"), false);
    check(r#"{"p":[{"anything-but":[100,500]}]}"#, &price("101"), true);
    check(r#"{"p":[{"anything-but":[100,500]}]}"#, &price("100.0"), false);
    check(r#"{"p":[100]}"#, &[("p", "String", "100")], false);
    check(r#"{"s":[{"exists":true}]}"#, &[("s", "String", "x")], true);
    check(r#"{"s":[{"exists":false}]}"#, &[("s", "String", "x")], false);
    check(r#"{"s":[{"exists":false}]}"#, &[("t", "String", "x")], true);
    check(r#"{"a":["1"],"b":["2"]}"#, &[("a", "String", "1")], false);
    check(r#"{"a":["1"],"b":["2"]}"#, &[("a", "String", "1"), ("b", "String", "2")], true);
    let or = r#"{"a":["1"],"$or":[{"b":["2"]},{"c":[{"exists":false}]}]}"#;
    check(or, &[("a", "String", "1"), ("b", "String", "2"), ("c", "String", "3")], true);
    check(or, &[("a", "String", "1"), ("c", "String", "3")], false);
    check(or, &[("a", "String", "1")], true);
    check("{}", &[], true);
}

#[test]
fn bodies_are_held_against_policies() {
    let check = |policy: &str, body: &str, expected| {
        assert_eq!(fits(policy, Scope::Body, &[], body), expected, "{policy} {body}");
    };
    check(r#"{"a":["x"]}"#, r#"{"a":"x"}"#, true);
    check(r#"{"a":["x"]}"#, "not JSON", false);
    check(r#"{"a":["x"]}"#, r#"["x"]"#, false);
    check(r#"{"a":{"b":[1,true,null]}}"#, r#"{"a":{"b":null}}"#, true);
    check(r#"{"a":{"b":[1,true,null]}}"#, r#"{"a":{"b":true}}"#, true);
    check(r#"{"a":{"b":[1,true,null]}}"#, r#"{"a":{}}"#, false);
    check(r#"{"a":{"b":[1]}}"#, r#"{"a":[{"b":2},{"b":1}]}"#, true);
    check(r#"{"a":{"b":[1],"c":[2]}}"#, r#"{"a":[{"b":1},{"c":2}]}"#, false);
    check(r#"{"a":{"b":[{"exists":false}]}}"#, r#"{"a":{"c":1}}"#, true);
    check(r#"{"a":{"b":[{"exists":false}]}}"#, "{}", true);
    check(r#"{"a":["x"]}"#, r#"{"a":["y","x"]}"#, true);
    check(
        r#"{"Records":{"eventName":[{"prefix":"ObjectCreated:"}]}}"#,
        r#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#,
        true,
    );
}

#[test]
fn what_is_no_policy_is_refused_in_aws_words() {
    let check = |policy: &str, scope, expected: &str| {
        assert_eq!(Filter::parse(policy, scope).unwrap_err(), expected, "{policy}");
    };
    let attributes = Scope::Attributes;
    check("{", attributes, "FilterPolicy: failed to parse JSON.");
    check("[]", attributes, "FilterPolicy: Filter policy must be an object");
    check(r#"{"a":"x"}"#, attributes, "FilterPolicy: \"a\" must be an object or an array");
    check(
        r#"{"a":{"b":["x"]}}"#,
        attributes,
        "Filter policy scope MessageAttributes does not support nested filter policy",
    );
    check(r#"{"a":[["x"]]}"#, attributes, "FilterPolicy: Match value must be String, number, true, false, or null");
    check(r#"{"a":[{"exists":"x"}]}"#, attributes, "FilterPolicy: exists match pattern must be either true or false.");
    check(r#"{"a":[{"like":"x"}]}"#, attributes, "FilterPolicy: Unrecognized match type like");
    check(r#"{"a":[{"prefix":1}]}"#, attributes, "FilterPolicy: prefix match pattern must be a string");
    check(
        r#"{"a":[{"prefix":"a","suffix":"b"}]}"#,
        attributes,
        "FilterPolicy: Only one key allowed in match expression",
    );
    check(r#"{"a":[{"numeric":["<","x"]}]}"#, attributes, "FilterPolicy: Value of < must be numeric");
    check(r#"{"a":[{"numeric":[">",5,"<",3]}]}"#, attributes, "FilterPolicy: Bottom must be less than top");
    check(r#"{"a":[{"numeric":["!",5]}]}"#, attributes, "FilterPolicy: Unrecognized numeric range operator: !");
    let six = r#"{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}"#;
    check(six, attributes, "FilterPolicy: Filter policy can not have more than 5 keys");
    let many = format!(r#"{{"a":[{0}],"b":[{0}]}}"#, vec!["\"v\""; 13].join(","));
    check(&many, attributes, "FilterPolicy: Filter policy is too complex");
    // 4 values three levels deep and 3 values two levels deep are 72 combinations: the guide's own example.
    let deep = r#"{"a":{"b":{"c":["1","2","3","4"]}},"e":{"f":["1","2","3"]}}"#;
    assert!(Filter::parse(deep, Scope::Body).is_ok());
}

/// Whether one value of an attribute fits a test, as slowly and obviously as can be.
fn plainly(test: &Value, value: &Value) -> bool {
    let Value::Object(rule) = test else {
        return match (test.as_f64(), value.as_f64()) {
            (Some(one), Some(other)) => (one - other).abs() < 0.000_001,
            _ => test == value,
        };
    };
    let (name, operand) = rule.iter().next().unwrap();
    let text = value.as_str();
    match name.as_str() {
        "exists" => operand == &json!(true),
        "prefix" => text.is_some_and(|text| text.starts_with(operand.as_str().unwrap())),
        "suffix" => text.is_some_and(|text| text.ends_with(operand.as_str().unwrap())),
        "equals-ignore-case" => text.is_some_and(|text| text.eq_ignore_ascii_case(operand.as_str().unwrap())),
        "anything-but" => !operand.as_array().unwrap().iter().any(|one| plainly(one, value)),
        "numeric" => {
            let parts = operand.as_array().unwrap();
            let Some(number) = value.as_f64() else { return false };
            parts.chunks(2).all(|pair| {
                let bound = pair[1].as_f64().unwrap();
                match pair[0].as_str().unwrap() {
                    "<" => number < bound,
                    "<=" => number <= bound,
                    ">" => number > bound,
                    ">=" => number >= bound,
                    _ => (number - bound).abs() < 0.000_001,
                }
            })
        }
        other => panic!("{other}"),
    }
}

/// The same for a policy: every key has a test that some value of its attribute fits.
fn all_plainly(policy: &Value, attributes: &[(String, String, String)]) -> bool {
    policy.as_object().unwrap().iter().all(|(key, tests)| {
        let tests = tests.as_array().unwrap();
        let found = attributes.iter().find(|(name, kind, _)| name == key && kind != "Binary");
        let Some((_, kind, text)) = found else { return tests.iter().any(|test| test == &json!({"exists": false})) };
        let parsed = serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let values = match (kind.as_str(), parsed) {
            ("String.Array", Value::Array(list)) => list,
            ("Number", number @ Value::Number(_)) => vec![number],
            _ => vec![json!(text)],
        };
        let exists = tests.iter().any(|test| test == &json!({"exists": true}));
        exists || tests.iter().any(|test| values.iter().any(|value| plainly(test, value)))
    })
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "X", "xy", "yx", "1", "10", "y"]).prop_map(str::to_owned)
}

fn one_test() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec!["<", "<=", ">", ">=", "="]);
    prop_oneof![
        word().prop_map(|word| json!(word)),
        (0..12_i32).prop_map(|number| json!(number)),
        word().prop_map(|word| json!({"prefix": word})),
        word().prop_map(|word| json!({"suffix": word})),
        word().prop_map(|word| json!({"equals-ignore-case": word})),
        any::<bool>().prop_map(|exists| json!({"exists": exists})),
        prop::collection::vec(word(), 1..3).prop_map(|words| json!({"anything-but": words})),
        (operator, 0..12_i32).prop_map(|(operator, number)| json!({"numeric": [operator, number]})),
        (0..5_i32, 6..12_i32).prop_map(|(low, high)| json!({"numeric": [">=", low, "<", high]})),
    ]
}

fn attribute() -> impl Strategy<Value = (String, String, String)> {
    let name = prop::sample::select(vec!["a", "b"]);
    let value = prop_oneof![
        word().prop_map(|word| ("String", word)),
        word().prop_map(|word| ("Binary", word)),
        (0..12_i32).prop_map(|number| ("Number", number.to_string())),
        prop::collection::vec(word(), 0..3).prop_map(|words| ("String.Array", json!(words).to_string())),
    ];
    (name, value).prop_map(|(name, (kind, value))| (name.to_owned(), kind.to_owned(), value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn filters_say_what_the_obvious_matcher_says(
        a in prop::option::of(prop::collection::vec(one_test(), 1..4)),
        b in prop::option::of(prop::collection::vec(one_test(), 1..4)),
        attributes in prop::collection::vec(attribute(), 0..3),
    ) {
        let mut names = std::collections::HashSet::new();
        let attributes: Vec<_> = attributes.into_iter().filter(|(name, ..)| names.insert(name.clone())).collect();
        let mut policy = serde_json::Map::new();
        policy.extend(a.map(|tests| ("a".to_owned(), Value::Array(tests))));
        policy.extend(b.map(|tests| ("b".to_owned(), Value::Array(tests))));
        let policy = Value::Object(policy);
        let filter = Filter::parse(&policy.to_string(), Scope::Attributes).unwrap();
        let seen = attributes.iter().map(|(name, kind, value)| Attribute { name, kind, value });
        prop_assert_eq!(filter.matches(seen, ""), all_plainly(&policy, &attributes), "{} {:?}", policy, attributes);
    }
}

/// A body with each list replaced by one of its elements, in all ways: what matches one of them matches the body.
fn variants(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) if !list.is_empty() => list.iter().flat_map(variants).collect(),
        Value::Object(members) => {
            let mut all = vec![serde_json::Map::new()];
            for (name, member) in members {
                let with = |one: &serde_json::Map<String, Value>, member: Value| {
                    let mut one = one.clone();
                    one.insert(name.clone(), member);
                    one
                };
                all = all
                    .iter()
                    .flat_map(|one| variants(member).into_iter().map(move |member| with(one, member)))
                    .collect();
            }
            all.into_iter().map(Value::Object).collect()
        }
        other => vec![other.clone()],
    }
}

/// Whether a body without lists fits.
fn body_plainly(policy: &Value, found: Option<&Value>) -> bool {
    match policy {
        Value::Object(keys) => {
            keys.iter().all(|(key, below)| body_plainly(below, found.and_then(|found| found.get(key))))
        }
        Value::Array(tests) => tests.iter().any(|test| match (test.get("exists"), found) {
            (Some(exists), found) => *exists == json!(found.is_some()),
            (None, None | Some(Value::Object(_) | Value::Array(_))) => false,
            (None, Some(found)) => plainly(test, found),
        }),
        other => panic!("{other}"),
    }
}

fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        word().prop_map(|word| json!(word)),
        (0..12_i32).prop_map(|number| json!(number)),
        any::<bool>().prop_map(|flag| json!(flag)),
    ];
    leaf.prop_recursive(4, 24, 3, |below| {
        let name = prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned);
        prop_oneof![
            3 => prop::collection::btree_map(name, below.clone(), 0..3).prop_map(|members| json!(members)),
            1 => prop::collection::vec(below, 0..3).prop_map(Value::Array),
        ]
    })
}

fn body_policy() -> impl Strategy<Value = Value> {
    let tests = || prop::collection::vec(one_test(), 1..3).prop_map(Value::Array);
    let name = || prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned);
    let below = prop::collection::btree_map(name(), tests(), 1..3).prop_map(|keys| json!(keys));
    prop::collection::btree_map(name(), prop_oneof![tests(), below], 1..3).prop_map(|keys| json!(keys))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn filters_of_bodies_say_what_the_obvious_matcher_says(policy in body_policy(), a in body(), b in prop::option::of(body())) {
        let mut members = serde_json::Map::from_iter([("a".to_owned(), a)]);
        members.extend(b.map(|b| ("b".to_owned(), b)));
        let body = Value::Object(members);
        let filter = Filter::parse(&policy.to_string(), Scope::Body);
        // Some ask for more combinations than a policy may.
        prop_assume!(filter.is_ok());
        let filter = filter.unwrap();
        let expected = variants(&body).iter().any(|variant| body_plainly(&policy, Some(variant)));
        prop_assert_eq!(filter.matches(std::iter::empty(), &body.to_string()), expected, "{} {}", policy, body);
    }
}
