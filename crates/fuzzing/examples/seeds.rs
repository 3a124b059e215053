//! Writes first inputs for the fuzz targets into a folder: `cargo run -p fuzzing --example seeds -- fuzz/target/corpus`. For each
//! operation a request with every member that its model has; for the others what clients and CloudTrail really send.
#![allow(clippy::disallowed_methods, reason = "writes files for a developer")]

use std::fmt::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::shape::Segment;
use model::{Location, Model, Operation, Protocol, ShapeKind, ShapeRef, Traits};
use serde_json::{Map, Value, json};

/// Structures within structures, and operations of a service (EC2 has hundreds).
const DEPTH_MAX: usize = 4;
const OPERATIONS_MAX: usize = 120;

fn main() {
    let folder = std::env::args().nth(1).expect("usage: seeds FOLDER");
    for (target, service) in fuzzing::services() {
        let step = service.names.len().div_ceil(OPERATIONS_MAX);
        for (at, name) in service.names.iter().enumerate().step_by(step) {
            let operation = &service.model.operations[name];
            let mut input = u16::try_from(at).expect("small").to_be_bytes().to_vec();
            input.extend(request(service.protocol, &service.model, operation));
            write(&folder, target, name, &input);
        }
    }
    for (target, inputs) in written() {
        for (number, input) in inputs.iter().enumerate() {
            write(&folder, target, &format!("seed-{number}"), input);
        }
    }
}

fn write(folder: &str, target: &str, name: &str, input: &[u8]) {
    let folder = Path::new(folder).join(target);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(folder.join(name), input).expect("a seed can be written");
}

/// `/path?query`, headers, an empty line, the body.
fn request(protocol: Protocol, model: &Model, operation: &Operation) -> Vec<u8> {
    let input = operation.input.as_ref().map(|shape| sample(model, shape, 0));
    let empty = Map::new();
    let members = input.as_ref().and_then(Value::as_object).unwrap_or(&empty);
    let (mut query, mut headers, mut body) = (String::new(), String::new(), Vec::new());
    match protocol {
        Protocol::Json => body = serde_json::to_vec(members).expect("JSON"),
        Protocol::RpcV2Cbor => cbor(&Value::Object(members.clone()), &mut body),
        Protocol::Query | Protocol::Ec2 => {
            let mut form = format!("Action={}&Version=2010-05-08", operation.name);
            flatten(&Value::Object(members.clone()), String::new(), protocol == Protocol::Ec2, &mut form);
            body = form.into_bytes();
        }
        Protocol::RestJson | Protocol::RestXml => {
            let mut rest = Map::new();
            let mut payload = None;
            if let Some(reference) = &operation.input
                && let ShapeKind::Structure(structure) = &model.shape(reference).kind
            {
                for member in &structure.members {
                    let value = &members[&*member.name];
                    let name = wire_name(&member.target.traits, &member.name);
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    match member.target.traits.location {
                        Some(Location::Query) => drop(write!(query, "&{name}={text}")),
                        Some(Location::Header) => drop(write!(headers, "\n{name}: {text}")),
                        Some(Location::Headers) => drop(write!(headers, "\n{name}a: b")),
                        Some(_) => {}
                        None if structure.payload.as_ref() == Some(&member.name) => payload = Some((name, value)),
                        None => drop(rest.insert(name, value.clone())),
                    }
                }
            }
            body = match (payload, protocol) {
                (Some((_, Value::String(text))), _) => text.clone().into_bytes(),
                (Some((_, value)), Protocol::RestJson) => value.to_string().into_bytes(),
                (None, Protocol::RestJson) => Value::Object(rest).to_string().into_bytes(),
                (Some((name, value)), _) => xml(&name, value),
                (None, _) => xml("Request", &Value::Object(rest)),
            };
        }
    }
    let segments = operation.uri.segments.iter().map(|segment| match segment {
        Segment::Literal(text) => text.as_str(),
        Segment::Label(_) => "label",
        Segment::Greedy(_) => "a/b",
    });
    let mut target = format!("/{}?", segments.collect::<Vec<_>>().join("/"));
    for (name, value) in &operation.uri.query {
        let _ = write!(target, "{name}={}&", value.as_deref().unwrap_or(""));
    }
    let mut all = format!("{target}{}{headers}\n\n", query.trim_start_matches('&')).into_bytes();
    all.extend(body);
    all
}

fn wire_name(traits: &Traits, name: &str) -> String {
    traits.location_name.as_deref().unwrap_or(name).to_owned()
}

/// Some value of a shape.
fn sample(model: &Model, reference: &ShapeRef, depth: usize) -> Value {
    match &model.shape(reference).kind {
        _ if depth > DEPTH_MAX => Value::Null,
        ShapeKind::Structure(structure) => {
            let named = structure.members.iter().map(|member| {
                // The top level is asked for by the model's names.
                let traits = &member.target.traits;
                let name = if depth == 0 { member.name.to_string() } else { wire_name(traits, &member.name) };
                (name, sample(model, &member.target, depth + 1))
            });
            Value::Object(named.collect())
        }
        ShapeKind::List(item) => json!([sample(model, item, depth + 1)]),
        ShapeKind::Map(_, value) => json!({ "key": sample(model, value, depth + 1) }),
        ShapeKind::String(values) => values.first().cloned().unwrap_or_else(|| "text".to_owned()).into(),
        ShapeKind::Integer | ShapeKind::Long => json!(10),
        ShapeKind::Float | ShapeKind::Double => json!(1.5),
        ShapeKind::Boolean => json!(true),
        ShapeKind::Blob => json!("aGVsbG8="),
        ShapeKind::Timestamp => json!("2023-11-14T22:13:20Z"),
        ShapeKind::Document => json!({ "any": [null] }),
    }
}

fn flatten(value: &Value, name: String, ec2: bool, form: &mut String) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(part, value)| flatten(value, below(part), ec2, form)),
        Value::Array(items) => {
            let part = if ec2 { "1" } else { "member.1" };
            items.iter().for_each(|value| flatten(value, below(part), ec2, form));
        }
        Value::Null => {}
        Value::String(text) => drop(write!(form, "&{name}={text}")),
        other => drop(write!(form, "&{name}={other}")),
    }
}

fn xml(name: &str, value: &Value) -> Vec<u8> {
    fn element(name: &str, value: &Value, out: &mut String) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| element(name, item, out)),
            Value::Null => {}
            Value::Object(members) => {
                let _ = write!(out, "<{name}>");
                members.iter().for_each(|(name, value)| element(name, value, out));
                let _ = write!(out, "</{name}>");
            }
            Value::String(text) => drop(write!(out, "<{name}>{text}</{name}>")),
            other => drop(write!(out, "<{name}>{other}</{name}>")),
        }
    }
    let mut out = String::new();
    element(name, value, &mut out);
    out.into_bytes()
}

fn cbor(value: &Value, out: &mut Vec<u8>) {
    fn head(kind: u8, len: usize, out: &mut Vec<u8>) {
        out.push(kind << 5 | 25);
        out.extend(u16::try_from(len).expect("small").to_be_bytes());
    }
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(value) => out.push(0xf4 + u8::from(*value)),
        Value::Number(number) if number.is_u64() => head(0, 10, out),
        Value::Number(_) => out.extend([0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        Value::String(text) => {
            head(3, text.len(), out);
            out.extend(text.bytes());
        }
        Value::Array(items) => {
            head(4, items.len(), out);
            items.iter().for_each(|item| cbor(item, out));
        }
        Value::Object(members) => {
            head(5, members.len(), out);
            for (name, value) in members {
                cbor(&Value::String(name.clone()), out);
                cbor(value, out);
            }
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// What is written by hand.
fn written() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let record = include_str!("seeds/record.json").trim();
    let file = format!("{{\"Records\":[{record},{record}]}}");
    let mut records =
        texts(&[record, &file, r#"{"Records":[]}"#, r#"{"eventName":"A\u0042","resources":[{"ARN":"x"}]}"#]);
    records.push(gzip(&file));
    let calls: Vec<&str> = include_str!("seeds/calls.txt").split("\n====\n").collect();
    let front: Vec<Vec<u8>> = include_str!("seeds/front.txt")
        .split("\n====\n")
        .enumerate()
        .map(|(number, text)| {
            let mut input = vec![u8::try_from(number % 3 * 7).expect("small")];
            input.extend(text.replace('\n', "\r\n").replace("~\r\n", "").bytes());
            input
        })
        .collect();
    let chunked = |mode: u8, rest: &str| [&[mode, 7][..], rest.as_bytes()].concat();
    let signed = "b;chunk-signature=@\r\nhello world\r\n0;chunk-signature=@\r\n";
    vec![
        ("record_reader", records),
        ("digest_reader", texts(&include_str!("seeds/digests.txt").split("\n====\n").collect::<Vec<_>>())),
        ("policy_document", texts(&include_str!("seeds/policies.txt").split("\n====\n").collect::<Vec<_>>())),
        ("event_selectors", texts(&include_str!("seeds/selectors.txt").split("\n====\n").collect::<Vec<_>>())),
        ("signature", texts(&include_str!("seeds/signatures.txt").split("\n====\n").collect::<Vec<_>>())),
        ("signed_calls", texts(&calls)),
        ("http_front", front),
        (
            "chunked_body",
            vec![
                chunked(0, "11\nx-amz-checksum-crc32\nb\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"),
                chunked(0, "0\n\n0\r\n\r\n"),
                chunked(1, &format!("11\n\n{signed}\r\n")),
                chunked(1, &format!("11\n\n{signed}")),
                chunked(
                    2,
                    &format!(
                        "11\nx-amz-checksum-crc32\n{signed}x-amz-checksum-crc32:DUoRhQ==\r\nx-amz-trailer-signature:@\r\n\r\n"
                    ),
                ),
            ],
        ),
        (
            "journal_recovery",
            vec![
                b"\x00\x00\x02\x00".to_vec(),
                b"\x16\x90\x00\x01\x17\x90\x00\x00".to_vec(),
                b"\x26\x20\x00\x01\x27\x20\x00\x00".to_vec(),
                b"\x05\x00\x03\xff\x11\x40\x00\x00\x22\x10\x00\x07".to_vec(),
                b"\x34\x00\x02\x00\x37\x00\x02\x00".to_vec(),
                b"\x03\x00\x00\x00".to_vec(),
            ],
        ),
    ]
}
