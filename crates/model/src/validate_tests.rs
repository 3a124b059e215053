//! Tests of validation: AWS's texts as data.

use super::*;
use crate::load::from_json_value;

fn model() -> Model {
    let json = serde_json::json!({
        "shapes": {
            "Input": {"type": "structure", "required": ["Name", "Kind"], "members": {
                "Name": {"shape": "Name"}, "Kind": {"shape": "Kind"}, "MaxResults": {"shape": "MaxResults"},
                "Ratio": {"shape": "Ratio"}, "Tags": {"shape": "Tags"}, "Accounts": {"shape": "Accounts"},
                "Labels": {"shape": "Labels"}, "Secret": {"shape": "Secret"}, "Secrets": {"shape": "Secrets"},
                "Choice": {"shape": "Choice"}, "Body": {"shape": "Body"}, "Byname": {"shape": "TagMap"},
                "Tree": {"shape": "Tree"}, "Logins": {"shape": "Logins"}, "Password": {"shape": "Name"}}},
            "Logins": {"type": "list", "member": {"shape": "Login"}, "max": 1},
            "Login": {"type": "structure", "members": {"User": {"shape": "Any"}, "Password": {"shape": "Any"}, "Pin": {"shape": "Secret"}}},
            "Name": {"type": "string", "min": 3, "max": 8, "pattern": "[a-z]*"},
            "Kind": {"type": "string", "enum": ["A", "B"]},
            "MaxResults": {"type": "integer", "min": 1, "max": 50},
            "Ratio": {"type": "double", "max": 0.5},
            "Tags": {"type": "list", "member": {"shape": "Tag"}, "max": 2},
            "Tag": {"type": "structure", "required": ["Key"], "members": {"Key": {"shape": "TagKey"}, "Value": {"shape": "Any"}}},
            "TagKey": {"type": "string", "min": 1, "max": 4},
            "TagMap": {"type": "map", "key": {"shape": "Any"}, "value": {"shape": "Tag"}},
            "Any": {"type": "string"},
            "Accounts": {"type": "list", "member": {"shape": "Account"}},
            "Account": {"type": "string", "min": 12, "max": 12, "pattern": "\\d{12}"},
            "Labels": {"type": "map", "key": {"shape": "TagKey"}, "value": {"shape": "Kind"}, "max": 2},
            "Secret": {"type": "string", "sensitive": true, "min": 8},
            "Secrets": {"type": "list", "member": {"shape": "Secret"}},
            "Choice": {"type": "structure", "union": true, "members": {"X": {"shape": "Any"}, "Y": {"shape": "Any"}}},
            "Body": {"type": "blob", "max": 2},
            "Tree": {"type": "structure", "members": {"Under": {"shape": "Tree"}, "Kind": {"shape": "Kind"}}}
        }
    });
    from_json_value("test", &json).unwrap()
}

fn input(model: &Model) -> ShapeRef {
    ShapeRef { shape: model.shape_by_name["Input"], traits: Default::default() }
}

/// JSON as a value.
fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn check(members: &str, expected: &str) {
    let model = model();
    let violations = validate(&model, &input(&model), &value(members));
    let text = if violations.is_empty() { String::new() } else { message(&violations) };
    assert_eq!(text, expected, "{members}");
}

const ONE: &str = "1 validation error detected: ";

#[test]
fn each_constraint_has_its_text() {
    let cases = [
        (
            r#""Name": "ab""#,
            "Value 'ab' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 3",
        ),
        (
            r#""Name": "abcdefghi""#,
            "Value 'abcdefghi' at 'name' failed to satisfy constraint: Member must have length less than or equal to 8",
        ),
        (
            r#""Name": "aBc""#,
            "Value 'aBc' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*",
        ),
        (
            r#""Kind": "C""#,
            "Value 'C' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
        ),
        (r#""Kind": null"#, "Value null at 'kind' failed to satisfy constraint: Member must not be null"),
        (
            r#""MaxResults": 0"#,
            "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            r#""MaxResults": 51"#,
            "Value '51' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50",
        ),
        (
            r#""Ratio": 0.75"#,
            "Value '0.75' at 'ratio' failed to satisfy constraint: Member must have value less than or equal to 0.5",
        ),
        (
            r#""Tags": [{"Key": "a"}, {"Value": "b"}]"#,
            "Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null",
        ),
        (
            r#""Tags": [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]"#,
            "Value '[{Key=a}, {Key=b}, {Key=c}]' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 2",
        ),
        (
            r#""Byname": {"x.y": {"Key": "abcde"}}"#,
            "Value 'abcde' at 'byname.x.y.member.key' failed to satisfy constraint: Member must have length less than or equal to 4",
        ),
        (
            r#""Accounts": ["123456789012", "x"]"#,
            "Value '[123456789012, x]' at 'accounts' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 12, Member must have length greater than or equal to 12, Member must satisfy regular expression pattern: \\d{12}]",
        ),
        (
            r#""Labels": {"abcde": "A"}"#,
            "Value '{abcde=A}' at 'labels' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or equal to 1]",
        ),
        (
            r#""Labels": {"a": "C"}"#,
            "Value '{a=C}' at 'labels' failed to satisfy constraint: Map value must satisfy constraint: [Member must satisfy enum value set: [A, B]]",
        ),
        (
            r#""Secret": "hunter2""#,
            "Value '***' at 'secret' failed to satisfy constraint: Member must have length greater than or equal to 8",
        ),
        (
            r#""Secrets": ["hunter2"]"#,
            "Value '[***]' at 'secrets' failed to satisfy constraint: Member must satisfy constraint: [Member must have length greater than or equal to 8]",
        ),
        (
            r#""Logins": [{"User": "u", "Password": "hunter2", "Pin": "hunter23"}, {}]"#,
            "Value '[{User=u, Password=***, Pin=***}, {}]' at 'logins' failed to satisfy constraint: Member must have length less than or equal to 1",
        ),
        (
            r#""Password": "hunterhunter""#,
            "Value '***' at 'password' failed to satisfy constraint: Member must have length less than or equal to 8",
        ),
        (r#""Choice": {}"#, "Value '{}' at 'choice' failed to satisfy constraint: Exactly one member must be set"),
        (
            r#""MaxResults": "x""#,
            "Value 'x' at 'maxResults' failed to satisfy constraint: Member must be of type integer",
        ),
        (
            r#""Tree": {"Under": {"Under": {"Kind": "C"}}}"#,
            "Value 'C' at 'tree.under.under.kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
        ),
    ];
    for (wrong, expected) in cases {
        let mut members = value(r#"{"Name": "abc", "Kind": "A"}"#).as_fields().unwrap().clone();
        for (name, value) in value(&format!("{{{wrong}}}")).as_fields().unwrap().iter() {
            members.set(name, value.clone());
        }
        let model = model();
        let violations = validate(&model, &input(&model), &Value::Struct(members));
        assert_eq!(message(&violations), format!("{ONE}{expected}"));
    }
}

#[test]
fn what_fits_is_not_mentioned() {
    check(
        r#"{"Name": "abc", "Kind": "B", "MaxResults": 50, "Ratio": 0.5, "Tags": [{"Key": "ab"}, null], "Unknown": 7,
            "Accounts": ["123456789012"], "Labels": {"a": "A"}, "Secret": "password", "Choice": {"X": "1"}}"#,
        "",
    );
    check(
        r#"{"Name": "äöü", "Kind": "A"}"#,
        &format!(
            "{ONE}Value 'äöü' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*"
        ),
    );
}

#[test]
fn several_violations_are_one_text_in_the_models_order() {
    check(
        r#"{"MaxResults": 0, "Name": "x"}"#,
        "3 validation errors detected: Value null at 'kind' failed to satisfy constraint: Member must not be null; \
         Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1; \
         Value 'x' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 3",
    );
}

#[test]
fn neither_number_nor_size_nor_depth_is_unbounded() {
    let model = model();
    let tags = Value::List(vec![value("{}"); 1000]);
    let mut fields = Fields::new();
    fields.push("Name", "abc");
    fields.push("Kind", "A");
    fields.push("Tags", tags);
    let violations = validate(&model, &input(&model), &Value::Struct(fields.clone()));
    assert_eq!(violations.len(), VIOLATIONS_MAX);
    assert!(message(&violations).len() < 3 * SHOWN_BYTES_MAX);

    fields.remove("Tags");
    let deep = (0..DEPTH_MAX + 9).fold(value("{}"), |tree, _| {
        let mut under = Fields::new();
        under.push("Under", tree);
        Value::Struct(under)
    });
    fields.push("Tree", deep);
    let violations = validate(&model, &input(&model), &Value::Struct(fields));
    assert_eq!(violations.iter().map(|v| &v.kind).collect::<Vec<_>>(), [&ViolationKind::Depth]);
}

#[test]
fn blobs_are_measured_in_bytes_and_not_shown() {
    let model = model();
    let mut fields = value(r#"{"Name": "abc", "Kind": "A"}"#).as_fields().unwrap().clone();
    fields.push("Body", bytes::Bytes::from_static(b"abc"));
    let text = message(&validate(&model, &input(&model), &Value::Struct(fields)));
    assert_eq!(
        text,
        format!(
            "{ONE}Value '(3 bytes)' at 'body' failed to satisfy constraint: Member must have length less than or equal to 2"
        )
    );
}

#[test]
fn a_required_stream_is_not_looked_for() {
    let json = serde_json::json!({"shapes": {
        "Input": {"type": "structure", "required": ["Body"], "payload": "Body", "members": {"Body": {"shape": "Body"}}},
        "Body": {"type": "blob", "streaming": true}}});
    let model = from_json_value("test", &json).unwrap();
    assert_eq!(validate(&model, &input(&model), &value("{}")), []);
}
