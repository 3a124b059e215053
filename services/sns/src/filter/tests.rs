//! Cases from the developer guide's pages, and limits.

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
