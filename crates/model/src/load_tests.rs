//! Tests of reading models.

use super::*;
use crate::shape::Segment::{Greedy, Label, Literal};

fn read(json: &str) -> Result<Model, LoadError> {
    load("test", json.as_bytes())
}

fn structure<'m>(model: &'m Model, name: &str) -> &'m Structure {
    match &model.shapes[model.shape_by_name[name]].kind {
        ShapeKind::Structure(structure) => structure,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn a_member_takes_its_shapes_traits_and_puts_its_own_over_them() {
    let model = read(
        r#"{"shapes": {
            "S": {"type": "structure", "required": ["At"], "payload": "Body", "members": {
                "At": {"shape": "Time", "locationName": "at", "timestampFormat": "rfc822"},
                "Then": {"shape": "Time"},
                "Body": {"shape": "Inner", "xmlNamespace": "http://b/"},
                "More": {"shape": "List", "location": "header"},
                "Free": {"shape": "Doc"}, "Key": {"shape": "Text", "idempotencyToken": true, "queryName": "K"}}},
            "Time": {"type": "timestamp", "timestampFormat": "iso8601"},
            "Inner": {"type": "structure", "members": {}, "locationName": "Root", "sensitive": true, "streaming": true,
                      "xmlNamespace": {"uri": "http://a/", "prefix": "a"}},
            "List": {"type": "list", "flattened": true, "member": {"shape": "Inner", "locationName": "item"}},
            "Text": {"type": "string", "min": 1, "max": 2.5, "pattern": "x", "enum": ["a"]},
            "Doc": {"type": "structure", "members": {}, "document": true}}}"#,
    )
    .unwrap();
    let s = structure(&model, "S");
    let names: Vec<_> = s.members.iter().map(|member| &*member.name).collect();
    assert_eq!(names, ["At", "Then", "Body", "More", "Free", "Key"], "the model's order");
    let traits = |name: &str| &s.member(name).unwrap().target.traits;
    assert_eq!(traits("At").timestamp_format, Some(TimestampFormat::Rfc822));
    assert_eq!(traits("At").location_name.as_deref(), Some("at"));
    assert_eq!(traits("Then").timestamp_format, Some(TimestampFormat::Iso8601));
    assert_eq!(traits("Body").xml_namespace, Some(("http://b/".into(), None)));
    assert_eq!(traits("Body").location_name, None, "a structure's name for itself is not its uses'");
    assert!(traits("Body").sensitive && traits("Body").streaming);
    assert!(traits("More").flattened && traits("More").location == Some(Location::Header));
    assert!(traits("Key").idempotency_token && traits("Key").query_name.as_deref() == Some("K"));
    assert_eq!((s.payload.as_deref(), s.member("At").unwrap().required), (Some("Body"), true));
    let inner = &model.shapes[model.shape_by_name["Inner"]].traits;
    assert_eq!(inner.location_name.as_deref(), Some("Root"));
    assert_eq!(inner.xml_namespace, Some(("http://a/".into(), Some("a".into()))));
    let ShapeKind::List(item) = &model.shape(&s.member("More").unwrap().target).kind else { panic!() };
    assert!(item.traits.sensitive, "an item of a sensitive shape is sensitive");
    assert!(matches!(model.shape(&s.member("Free").unwrap().target).kind, ShapeKind::Document));
}

#[test]
fn operations_and_metadata_are_read() {
    let model = read(
        r#"{"metadata": {"apiVersion": "2000-01-01", "endpointPrefix": "e", "protocol": "query", "targetPrefix": "T_1",
              "protocols": ["json", "query"], "awsQueryCompatible": {}, "globalRegion": "us-east-1", "xmlNamespace": "http://x/"},
            "operations": {"Do": {"name": "Do", "http": {"method": "PUT", "requestUri": "/a/{B}/{C+}?d&e=f", "responseCode": 204},
              "input": {"shape": "I"}, "output": {"shape": "I", "resultWrapper": "DoResult"}, "errors": [{"shape": "E"}],
              "authtype": "none", "readonly": true, "endpoint": {"hostPrefix": "data-"}, "unwrappedxmloutput": true},
             "Least": {"http": {}}},
            "shapes": {"I": {"type": "structure", "members": {}},
              "E": {"type": "structure", "members": {}, "exception": true, "error": {"code": "Code", "httpStatusCode": 409}},
              "F": {"type": "structure", "members": {}, "exception": true, "fault": true},
              "G": {"type": "structure", "members": {}, "exception": true}}}"#,
    )
    .unwrap();
    assert_eq!(model.metadata.protocols, [Protocol::Query, Protocol::Json]);
    assert_eq!((&*model.metadata.signing_name, model.metadata.query_compatible), ("e", true));
    assert_eq!(model.metadata.global_endpoint.as_deref(), Some("us-east-1"));
    let op = &model.operations["Do"];
    assert_eq!((&*op.method, op.status, op.unsigned, op.read_only), ("PUT", 204, true, Some(true)));
    assert_eq!(op.uri.segments, [Literal("a".into()), Label("B".into()), Greedy("C".into())]);
    assert_eq!(op.uri.query, [("d".into(), None), ("e".into(), Some("f".into()))]);
    assert_eq!((op.result_wrapper.as_deref(), op.host_prefix.as_deref()), (Some("DoResult"), Some("data-")));
    assert!(op.unwrapped_xml_output && op.errors.len() == 1);
    let least = &model.operations["Least"];
    assert_eq!((&*least.method, least.status, least.uri.segments.len(), &*least.name), ("POST", 200, 0, "Least"));
    let error = |name: &str| structure(&model, name).error.clone().unwrap();
    let facts = |e: ErrorShape| (e.code, e.status, e.sender_fault);
    assert_eq!(facts(error("E")), (Some("Code".into()), Some(409), true));
    assert_eq!(facts(error("F")), (None, None, false));
    assert_eq!(facts(error("G")), (None, None, true));
}

#[test]
fn what_cannot_be_meant_is_an_error_that_names_its_place() {
    let cases = [
        (
            r#"{"shapes": {"S": {"type": "structure", "members": {"A": {"shape": "B"}}}}}"#,
            "S: refers to an unknown shape \"B\"",
        ),
        (r#"{"shapes": {"S": {"type": "set"}}}"#, "S: unknown type \"set\""),
        (r#"{"shapes": {"S": {"type": "list"}}}"#, "S: a list without \"member\""),
        (
            r#"{"shapes": {"S": {"type": "structure", "members": {}, "required": ["A"]}}}"#,
            "S: requires or carries a member that it does not have: \"A\"",
        ),
        (
            r#"{"shapes": {"S": {"type": "structure", "members": {"A": {"shape": "S", "location": "moon"}}}}}"#,
            "S: unknown location \"moon\"",
        ),
        (r#"{"metadata": {"protocol": "soap"}}"#, "metadata: unknown protocol \"soap\""),
        (
            r#"{"operations": {"O": {"http": {"requestUri": "/{A}.{B}"}}}}"#,
            "O: a label of \"/{A}.{B}\" is not a whole path segment",
        ),
        (
            r#"{"operations": {"O": {"http": {"requestUri": "/{A+}/{B}"}}}}"#,
            "O: a label of \"/{A+}/{B}\" follows a greedy one",
        ),
        (r#"{"operations": {"O": {"input": {"shape": "X"}}}}"#, "O: refers to an unknown shape \"X\""),
    ];
    for (json, expected) in cases {
        assert_eq!(read(json).unwrap_err().to_string(), format!("model of test: {expected}"));
    }
    assert!(matches!(read("{"), Err(LoadError::Json { .. })));
}

#[test]
fn the_protocol_tests_models_are_read() {
    let folder = std::env::var_os("CAIRN_REFERENCE_DATA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        std::path::PathBuf::from,
    );
    let folder = folder.join("protocol-tests");
    if !folder.is_dir() {
        eprintln!("skipped: there is no {}", folder.display());
        return;
    }
    let mut suites = 0;
    for side in ["input", "output"] {
        for file in std::fs::read_dir(folder.join(side)).unwrap() {
            let file = file.unwrap().path();
            let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            for suite in json.as_array().unwrap() {
                let operations: serde_json::Map<_, _> = suite["cases"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .enumerate()
                    .map(|(at, case)| (at.to_string(), case["given"].clone()))
                    .collect();
                let model = serde_json::json!({
                    "metadata": suite["metadata"], "shapes": suite["shapes"], "operations": operations
                });
                from_json_value("suite", &model)
                    .unwrap_or_else(|e| panic!("{}: {}: {e}", file.display(), suite["description"]));
                suites += 1;
            }
        }
    }
    assert!(suites > 300, "{suites}");
}
