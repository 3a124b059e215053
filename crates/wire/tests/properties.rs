//! Properties: what is written reads back, in every protocol; no bytes whatever make a decoder panic.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use base::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Fields, Location, Model, Name, Operation, Protocol, ShapeKind, ShapeRef, Value};
use proptest::prelude::*;
use support::service::{model, operation};
use wire::{Request, Response};

#[derive(Clone, Copy)]
struct Limits {
    /// Empty lists and maps keep their meaning.
    empties: bool,
    /// Lists and maps may have holes.
    nulls: bool,
}

/// Values of a shape.
fn values(model: &Model, of: &ShapeRef, limits: Limits, depth: usize) -> BoxedStrategy<Value> {
    let least = usize::from(!limits.empties);
    let holes = |inner: BoxedStrategy<Value>| {
        if limits.nulls { prop_oneof![4 => inner, 1 => Just(Value::Null)].boxed() } else { inner }
    };
    match &model.shape(of).kind {
        ShapeKind::Structure(structure) => {
            let mut members: BoxedStrategy<Vec<(Name, Value)>> = Just(Vec::new()).boxed();
            for member in &structure.members {
                let is_deep = depth == 0
                    && matches!(
                        model.shape(&member.target).kind,
                        ShapeKind::Structure(_) | ShapeKind::List(_) | ShapeKind::Map(..)
                    );
                if is_deep || matches!(member.target.traits.location, Some(Location::Uri | Location::Query)) {
                    continue;
                }
                let name = member.name.clone();
                let value = match member.target.traits.location {
                    Some(_) => header_values(model, &member.target),
                    None => values(model, &member.target, limits, depth.saturating_sub(1)),
                };
                members = (members, prop::option::of(value))
                    .prop_map(move |(mut members, value)| {
                        members.extend(value.map(|value| (name.clone(), value)));
                        members
                    })
                    .boxed();
            }
            members.prop_map(|members| Value::Struct(Fields(members))).boxed()
        }
        ShapeKind::List(item) => {
            let item = holes(values(model, item, limits, depth.saturating_sub(1)));
            prop::collection::vec(item, least..4).prop_map(Value::List).boxed()
        }
        ShapeKind::Map(_, value) => {
            let value = holes(values(model, value, limits, depth.saturating_sub(1)));
            let entries = prop::collection::btree_map("[^\0]{0,5}", value, least..4);
            entries
                .prop_map(|entries| {
                    Value::Struct(
                        entries
                            .into_iter()
                            .map(|(key, value)| (Name::from(key), value))
                            .collect::<Vec<_>>()
                            .into_fields(),
                    )
                })
                .boxed()
        }
        ShapeKind::String(_) => prop_oneof!["[^\0]{0,12}", "[ -~\\t\\r\\n]{0,12}"].prop_map(Value::String).boxed(),
        ShapeKind::Integer => any::<i32>().prop_map(Value::from).boxed(),
        ShapeKind::Long => any::<i64>().prop_map(Value::Int).boxed(),
        ShapeKind::Float => any::<f32>().prop_map(|number| Value::Double(plain(f64::from(number)))).boxed(),
        ShapeKind::Double => any::<f64>().prop_map(|number| Value::Double(plain(number))).boxed(),
        ShapeKind::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        ShapeKind::Blob => {
            prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Blob(Bytes::from(bytes))).boxed()
        }
        ShapeKind::Timestamp => moments().boxed(),
        ShapeKind::Document => documents().boxed(),
    }
}

/// NaN is not equal to itself; the protocol cases have it.
fn plain(number: f64) -> f64 {
    if number.is_nan() { 0.5 } else { number }
}

fn moments() -> impl Strategy<Value = Value> {
    // Seconds with milliseconds, in the years that every text form can say.
    (-62_135_596_800_000_i64..253_402_300_799_999).prop_map(|ms| Value::Timestamp(Timestamp::from_ms(ms)))
}

fn whole_seconds(moment: Value) -> Value {
    match moment {
        Value::Timestamp(moment) => Value::Timestamp(moment.trunc_secs()),
        other => other,
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e9..1e9_f64).prop_map(Value::Double),
        ".{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(|entries| Value::Struct(
                entries.into_iter().map(|(key, value)| (Name::from(key), value)).collect::<Vec<_>>().into_fields()
            )),
        ]
    })
}

fn header_values(model: &Model, of: &ShapeRef) -> BoxedStrategy<Value> {
    match &model.shape(of).kind {
        ShapeKind::String(_) => "[!-~]([ -~]{0,10}[!-~])?".prop_map(Value::String).boxed(),
        ShapeKind::List(item) => {
            let item = match &model.shape(item).kind {
                ShapeKind::String(_) => "[ -~]{0,8}".prop_map(Value::String).boxed(),
                _ => header_values(model, item),
            };
            prop::collection::vec(item, 1..4).prop_map(Value::List).boxed()
        }
        ShapeKind::Map(..) => prop::collection::btree_map("[a-z0-9-]{1,6}", "[!-~]{1,8}", 1..4)
            .prop_map(|entries| {
                Value::Struct(
                    entries
                        .into_iter()
                        .map(|(key, value)| (Name::from(key), Value::String(value)))
                        .collect::<Vec<_>>()
                        .into_fields(),
                )
            })
            .boxed(),
        // Dates in headers have whole seconds.
        ShapeKind::Timestamp => moments().prop_map(whole_seconds).boxed(),
        _ => values(model, of, Limits { empties: false, nulls: false }, 0),
    }
}

trait IntoFields {
    fn into_fields(self) -> Fields;
}

impl IntoFields for Vec<(Name, Value)> {
    fn into_fields(self) -> Fields {
        Fields(self)
    }
}

/// Members in the order of their names: headers and bodies are read in an order of their own.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Struct(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Struct(Fields(fields))
        }
        Value::List(items) => Value::List(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn decode(
    protocol: Protocol,
    model: &Model,
    operation: &Operation,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Fields, wire::DecodeError> {
    let request = Request { method: &operation.method, path, query: "fixed", headers, body };
    wire::decode(protocol, model, operation, &request)
}

/// Writes the value as an answer and reads it as a request.
fn check(protocol: Protocol, name: &str, operation_name: &str, limits: Limits) {
    let model = model(name);
    let operation = operation(&model, operation_name);
    let strategy = values(&model, operation.output.as_ref().unwrap(), limits, 4);
    proptest!(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }, |(value in strategy)| {
        let Value::Struct(mut fields) = value else { panic!("outputs are structures") };
        // A document that is null is an absent one.
        fields.0.retain(|(_, value)| *value != Value::Null);
        let fields = &fields;
        let Response { headers: written, body, .. } = wire::encode(protocol, &model, operation, fields, "id").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in written {
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        let path = if operation_name == "Rest" { "/rest/the%20id" } else { "/" };
        let mut read = decode(protocol, &model, operation, path, &headers, &body).unwrap();
        if operation_name == "Rest" {
            prop_assert_eq!(read.remove("Id"), Some(Value::from("the id")));
        }
        prop_assert_eq!(sorted(&Value::Struct(read)), sorted(&Value::Struct(fields.clone())), "{}", String::from_utf8_lossy(&body));
    });
}

#[test]
fn json_reads_back() {
    check(Protocol::Json, "json", "Body", Limits { empties: true, nulls: true });
    check(Protocol::Json, "json", "Documents", Limits { empties: true, nulls: true });
}

#[test]
fn cbor_reads_back() {
    check(Protocol::RpcV2Cbor, "smithy-rpc-v2-cbor", "Body", Limits { empties: true, nulls: true });
}

#[test]
fn rest_json_reads_back() {
    check(Protocol::RestJson, "rest-json", "Rest", Limits { empties: true, nulls: true });
    check(Protocol::RestJson, "rest-json", "Documents", Limits { empties: true, nulls: true });
}

#[test]
fn rest_xml_reads_back() {
    check(Protocol::RestXml, "rest-xml", "Rest", Limits { empties: false, nulls: false });
    check(Protocol::RestXml, "rest-xml", "Paged", Limits { empties: false, nulls: false });
}

/// A client's form for these members, in the style of botocore.
fn form(model: &Model, of: &ShapeRef, value: &Value, prefix: &str, ec2: bool, out: &mut Vec<(String, String)>) {
    let dotted = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match (&model.shape(of).kind, value) {
        (ShapeKind::Structure(structure), Value::Struct(fields)) => {
            for (name, value) in fields.iter() {
                let member = structure.member(name).unwrap();
                let mut wire = member.target.traits.location_name.as_deref().unwrap_or(name).to_owned();
                if ec2 {
                    wire[..1].make_ascii_uppercase();
                }
                form(model, &member.target, value, &dotted(&wire), ec2, out);
            }
        }
        (ShapeKind::List(item), Value::List(items)) => {
            let wrapper = item.traits.location_name.as_deref().unwrap_or("member");
            let base = if of.traits.flattened || ec2 { prefix.to_owned() } else { dotted(wrapper) };
            for (at, value) in items.iter().enumerate() {
                form(model, item, value, &format!("{base}.{}", at + 1), ec2, out);
            }
        }
        (ShapeKind::Map(key, of_value), Value::Struct(fields)) => {
            let base = if of.traits.flattened { prefix.to_owned() } else { dotted("entry") };
            for (at, (name, value)) in fields.iter().enumerate() {
                let key_name = key.traits.location_name.as_deref().unwrap_or("key");
                let value_name = of_value.traits.location_name.as_deref().unwrap_or("value");
                out.push((format!("{base}.{}.{key_name}", at + 1), name.to_string()));
                form(model, of_value, value, &format!("{base}.{}.{value_name}", at + 1), ec2, out);
            }
        }
        (_, Value::String(text)) => out.push((prefix.to_owned(), text.clone())),
        (_, Value::Bool(flag)) => out.push((prefix.to_owned(), flag.to_string())),
        (_, Value::Int(number)) => out.push((prefix.to_owned(), number.to_string())),
        (_, Value::Double(number)) if number.is_infinite() => {
            out.push((prefix.to_owned(), if *number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()));
        }
        (_, Value::Double(number)) => out.push((prefix.to_owned(), format!("{number:e}"))),
        (_, Value::Timestamp(moment)) => out.push((prefix.to_owned(), moment.iso8601_ms())),
        (_, Value::Blob(bytes)) => {
            use base64::Engine;
            out.push((prefix.to_owned(), base64::engine::general_purpose::STANDARD.encode(bytes)));
        }
        (_, other) => panic!("{other:?}"),
    }
}

/// Structures without a member in them leave no trace in a form.
fn without_hollow(value: &Value) -> Option<Value> {
    match value {
        Value::Struct(fields) => {
            let kept: Vec<_> =
                fields.iter().filter_map(|(name, value)| Some((name.clone(), without_hollow(value)?))).collect();
            (!kept.is_empty()).then(|| Value::Struct(Fields(kept)))
        }
        Value::List(items) => {
            let kept: Vec<_> = items.iter().filter_map(without_hollow).collect();
            (!kept.is_empty()).then_some(Value::List(kept))
        }
        other => Some(other.clone()),
    }
}

fn check_form(protocol: Protocol, name: &str) {
    let model = model(name);
    let operation = operation(&model, "Body");
    let input = operation.input.as_ref().unwrap();
    let strategy = values(&model, input, Limits { empties: false, nulls: false }, 4);
    proptest!(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }, |(value in strategy, shuffle in any::<u64>())| {
        let mut value = value;
        if let Value::Struct(fields) = &mut value {
            // A map whose values are hollow structures has keys without values.
            fields.remove("Table");
        }
        let Value::Struct(value) = without_hollow(&value).unwrap_or(Value::Struct(Fields::new())) else { panic!("a structure") };
        let value = Value::Struct(value);
        let mut pairs = Vec::new();
        form(&model, input, &value, "", protocol == Protocol::Ec2, &mut pairs);
        if !pairs.is_empty() {
            let middle = usize::try_from(shuffle).unwrap() % pairs.len();
            pairs.rotate_left(middle);
        }
        let mut body = String::from("Action=Body&Version=2020-01-01");
        for (key, value) in &pairs {
            let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
            body += &format!("&{}={}", encode(key), encode(value));
        }
        let read = decode(protocol, &model, operation, "/", &HeaderMap::new(), body.as_bytes()).unwrap();
        prop_assert_eq!(sorted(&Value::Struct(read)), sorted(&value), "{}", body);
        prop_assert_eq!(wire::action(&body).unwrap().0, "Body");
    });
}

#[test]
fn query_reads_what_clients_write() {
    check_form(Protocol::Query, "query");
}

#[test]
fn ec2_reads_what_clients_write() {
    check_form(Protocol::Ec2, "ec2");
}

/// The protocols with their names in models.
const PROTOCOLS: [(Protocol, &str); 6] = [
    (Protocol::Json, "json"),
    (Protocol::Query, "query"),
    (Protocol::Ec2, "ec2"),
    (Protocol::RestJson, "rest-json"),
    (Protocol::RestXml, "rest-xml"),
    (Protocol::RpcV2Cbor, "smithy-rpc-v2-cbor"),
];

/// Bytes that come near to what each decoder expects.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("Text"),
        Just("Inner"),
        Just("Deeper"),
        Just("Numbers"),
        Just("Number"),
        Just("FlatTable"),
        Just("Table"),
        Just("Any"),
        Just("Flat"),
        Just("member"),
        Just("entry"),
        Just("key"),
        Just("value"),
        Just("1"),
        Just("2"),
        Just("99999999999999999999"),
        Just("."),
        Just("="),
        Just("&"),
        Just("+"),
        Just("%"),
        Just("%C3"),
        Just("%28"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just("\""),
        Just(":"),
        Just(","),
        Just("null"),
        Just("true"),
        Just("-1.5e400"),
        Just("\\ud800"),
        Just("<"),
        Just("</"),
        Just(">"),
        Just("/>"),
        Just("&amp;"),
        Just("&#x0;"),
        Just("&#1114112;"),
        Just("&x;"),
        Just("<![CDATA["),
        Just("]]>"),
        Just("<!DOCTYPE a [<!ENTITY x \"y\">]>"),
        Just("<?xml?>"),
        Just("<!--"),
        Just("-->"),
        Just("xmlns:a=\"b\""),
        Just(" "),
        Just("é"),
    ];
    let words = prop::collection::vec(word, 0..40).prop_map(|words| words.concat().into_bytes());
    let cbor = prop::collection::vec(
        prop_oneof![
            any::<u8>().prop_map(|b| vec![b]),
            prop_oneof![
                Just(0xbf_u8),
                Just(0xff),
                Just(0x9f),
                Just(0x5f),
                Just(0x7f),
                Just(0xc1),
                Just(0xfb),
                Just(0xf9),
                Just(0xa1)
            ]
            .prop_map(|b| vec![b]),
            prop_oneof![Just("Text"), Just("Inner"), Just("Deeper"), Just("When"), Just("Bytes"), Just("x")].prop_map(
                |text| {
                    let mut bytes = vec![0x60 | u8::try_from(text.len()).unwrap()];
                    bytes.extend_from_slice(text.as_bytes());
                    bytes
                }
            ),
            Just(vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Just(vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ],
        0..30,
    )
    .prop_map(|parts| parts.concat());
    prop_oneof![words, cbor, prop::collection::vec(any::<u8>(), 0..200)]
}

#[test]
fn no_bytes_make_a_decoder_panic() {
    let models: Vec<_> = PROTOCOLS.iter().map(|(protocol, name)| (*protocol, model(name))).collect();
    let strategy = (
        nearly(),
        ".{0,30}",
        prop::collection::vec(any::<u8>().prop_filter("no header", |b| *b >= 32 && *b != 127), 0..30),
    );
    proptest!(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }, |((body, path, header) in strategy)| {
        let mut headers = HeaderMap::new();
        for name in ["x-word", "x-words", "x-since", "x-dates", "x-level", "x-ratio", "x-on", "x-json", "x-meta-", "x-meta-a"] {
            headers.append(name, HeaderValue::from_bytes(&header).unwrap());
        }
        let query = String::from_utf8_lossy(&body);
        let _ = wire::action(&query);
        for (protocol, model) in &models {
            for operation in model.operations.values() {
                for path in [&*path, "/rest/%ff%zz"] {
                    let request = Request { method: "PUT", path, query: &query, headers: &headers, body: &body };
                    if let Err(error) = wire::decode(*protocol, model, operation, &request) {
                        prop_assert!(error.message.len() < 1000 && !error.message.chars().any(char::is_control), "{error:?}");
                    }
                }
            }
        }
    });
}

#[test]
fn depth_has_an_end_in_every_protocol() {
    let deep = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(5000), close.repeat(5000)).into_bytes()
    };
    let mut cbor = b"\xa1\x65Inner".to_vec();
    (0..5000).for_each(|_| cbor.extend_from_slice(b"\xa1\x66Deeper"));
    cbor.push(0xf6);
    let bodies: [(&str, Protocol, &str, Vec<u8>); 8] = [
        (
            "json",
            Protocol::Json,
            "Body",
            [b"{\"Inner\":".to_vec(), deep("{\"Deeper\":", "{}", "}"), b"}".to_vec()].concat(),
        ),
        ("json", Protocol::Json, "Documents", [b"{\"Any\":".to_vec(), deep("[", "", "]"), b"}".to_vec()].concat()),
        ("rest-xml", Protocol::RestXml, "Paged", deep("<Inner>", "", "</Inner>")),
        ("rest-xml", Protocol::RestXml, "Paged", deep("<Deeper>", "", "</Deeper>")),
        ("smithy-rpc-v2-cbor", Protocol::RpcV2Cbor, "Body", cbor),
        ("smithy-rpc-v2-cbor", Protocol::RpcV2Cbor, "Body", [b"\xa1\x61x".to_vec(), vec![0x81; 5000]].concat()),
        ("query", Protocol::Query, "Body", format!("Inner{}.Mark=1", ".Deeper".repeat(5000)).into_bytes()),
        ("ec2", Protocol::Ec2, "Body", format!("Inner{}.Mark=1", ".Deeper".repeat(5000)).into_bytes()),
    ];
    for (name, protocol, operation_name, body) in bodies {
        let model = model(name);
        let error =
            decode(protocol, &model, operation(&model, operation_name), "/", &HeaderMap::new(), &body).unwrap_err();
        assert!(error.detail.contains("nested deeper"), "{name}: {error}");
    }
}

#[test]
fn many_entries_take_no_square_of_time() {
    // A square of this many would take minutes in a debug build.
    const COUNT: usize = 30_000;
    let json =
        format!("{{\"FlatTable\":{{{}}}}}", (0..COUNT).map(|at| format!("\"k{at}\":1")).collect::<Vec<_>>().join(","));
    let form: String = (1..=COUNT).map(|at| format!("FlatTable.{at}.Name=k{at}&FlatTable.{at}.Value=1&")).collect();
    let xml: String =
        (0..COUNT).map(|at| format!("<FlatTable><Name>k{at}</Name><Value>1</Value></FlatTable>")).collect();
    for (name, protocol, operation_name, body) in [
        ("json", Protocol::Json, "Body", json),
        ("query", Protocol::Query, "Body", form),
        ("rest-xml", Protocol::RestXml, "Paged", format!("<Body>{xml}</Body>")),
    ] {
        let model = model(name);
        let read = decode(protocol, &model, operation(&model, operation_name), "/", &HeaderMap::new(), body.as_bytes())
            .unwrap();
        let table = read.get("FlatTable").or_else(|| read.get("Body")?.get("FlatTable")).unwrap();
        assert_eq!(table.as_fields().unwrap().len(), COUNT, "{name}");
    }
}
