//! What the tests over the protocol cases share: reading the cases, values from JSON, trees that compare by meaning.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod service;

use std::path::PathBuf;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{Fields, Model, Name, ShapeKind, ShapeRef, Value};
use serde_json::Value as Json;

/// The folder with the protocol cases, if there is one.
#[expect(clippy::disallowed_methods, reason = "tests find their data by themselves")]
pub fn cases_folder() -> Option<PathBuf> {
    let root = match std::env::var("CAIRN_REFERENCE_DATA") {
        Ok(path) => PathBuf::from(path),
        Err(_) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    Some(root.join("protocol-tests")).filter(|folder| folder.is_dir())
}

#[expect(clippy::disallowed_methods, reason = "tests find their data by themselves")]
pub fn read_json(path: &std::path::Path) -> Json {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A value as botocore writes it in test cases: blobs as text, timestamps as seconds, NaN and the infinities as strings.
pub fn value(model: &Model, of: &ShapeRef, json: &Json) -> Value {
    if json.is_null() {
        return Value::Null;
    }
    match &model.shape(of).kind {
        ShapeKind::Structure(structure) => {
            let members = json.as_object().unwrap().iter().map(|(name, json)| {
                let member = structure.member(name).unwrap_or_else(|| panic!("no member {name}"));
                (member.name.clone(), value(model, &member.target, json))
            });
            Value::Struct(Fields(members.filter(|(_, value)| *value != Value::Null).collect()))
        }
        ShapeKind::List(item) => {
            Value::List(json.as_array().unwrap().iter().map(|json| value(model, item, json)).collect())
        }
        ShapeKind::Map(_, of_value) => {
            let entries = json.as_object().unwrap().iter();
            Value::Struct(Fields(
                entries.map(|(key, json)| (Name::from(&**key), value(model, of_value, json))).collect(),
            ))
        }
        ShapeKind::String(_) if of.traits.json_value && !json.is_string() => Value::String(json.to_string()),
        ShapeKind::String(_) => Value::String(json.as_str().unwrap().to_owned()),
        ShapeKind::Integer | ShapeKind::Long => Value::Int(json.as_i64().unwrap()),
        ShapeKind::Float | ShapeKind::Double => Value::Double(match json {
            Json::String(word) if word == "NaN" => f64::NAN,
            Json::String(word) if word == "Infinity" => f64::INFINITY,
            Json::String(word) if word == "-Infinity" => f64::NEG_INFINITY,
            json => json.as_f64().unwrap(),
        }),
        ShapeKind::Boolean => Value::Bool(json.as_bool().unwrap()),
        ShapeKind::Blob => Value::Blob(Bytes::from(json.as_str().unwrap().to_owned())),
        ShapeKind::Timestamp => Value::Timestamp(Timestamp::from_secs_f64(json.as_f64().unwrap()).unwrap()),
        ShapeKind::Document => document(json),
    }
}

pub fn document(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap()), Value::Int),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(document).collect()),
        Json::Object(fields) => {
            Value::Struct(Fields(fields.iter().map(|(key, json)| (Name::from(&**key), document(json))).collect()))
        }
    }
}

/// Any tree, in a form that two equal meanings share: fields sorted, leaves as text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub enum Tree {
    Leaf(String),
    List(Vec<Tree>),
    Node(Vec<(String, Tree)>),
}

/// A leaf by what it means: a number, a moment, else the text.
fn leaf(text: &str) -> Tree {
    let text = text.trim();
    if let Some(moment) = Timestamp::parse_iso8601(text).or_else(|| Timestamp::parse_http_date(text)) {
        return Tree::Leaf(format!("@{}", moment.ms()));
    }
    match text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "cases give floats of 32 bits in decimal")]
        Ok(number) => Tree::Leaf(format!("#{}", number as f32)),
        Err(_) => Tree::Leaf(text.to_owned()),
    }
}

fn node(mut fields: Vec<(String, Tree)>) -> Tree {
    fields.sort();
    Tree::Node(fields)
}

pub fn tree_of_value(value: &Value) -> Tree {
    match value {
        Value::Null => Tree::Leaf("null".to_owned()),
        Value::Bool(flag) => Tree::Leaf(flag.to_string()),
        Value::Int(number) => leaf(&number.to_string()),
        Value::Double(number) => leaf(&number.to_string()),
        Value::String(text) => match serde_json::from_str::<Json>(text) {
            Ok(json @ (Json::Object(_) | Json::Array(_))) => tree_of_json(&json),
            _ => leaf(text),
        },
        Value::Blob(bytes) => Tree::Leaf(format!("bytes {}", STANDARD.encode(bytes))),
        Value::Timestamp(moment) => leaf(&moment.iso8601()),
        Value::List(items) => Tree::List(items.iter().map(tree_of_value).collect()),
        Value::Struct(fields) => {
            node(fields.iter().map(|(name, value)| (name.to_string(), tree_of_value(value))).collect())
        }
    }
}

pub fn tree_of_json(json: &Json) -> Tree {
    match json {
        Json::Null => Tree::Leaf("null".to_owned()),
        Json::Bool(flag) => Tree::Leaf(flag.to_string()),
        Json::Number(number) => leaf(&number.to_string()),
        Json::String(text) => leaf(text),
        Json::Array(items) => Tree::List(items.iter().map(tree_of_json).collect()),
        Json::Object(fields) => node(fields.iter().map(|(name, json)| (name.clone(), tree_of_json(json))).collect()),
    }
}

/// An XML document: elements by local name, attributes but for namespaces, request ids left out, no text around elements.
pub fn tree_of_xml(body: &str) -> Option<(String, Tree)> {
    use quick_xml::events::Event;
    const NOT_COMPARED: [&str; 4] = ["ResponseMetadata", "requestId", "RequestId", "RequestID"];
    let mut reader = quick_xml::Reader::from_str(body);
    type Open = (String, Vec<(String, Tree)>, String);
    let mut open: Vec<Open> = vec![(String::new(), Vec::new(), String::new())];
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {body}"));
        let ends = matches!(event, Event::Empty(_) | Event::End(_));
        match event {
            Event::Start(start) | Event::Empty(start) => {
                let mut fields = Vec::new();
                for attribute in start.attributes() {
                    let attribute = attribute.unwrap();
                    let name = attribute.key.into_inner();
                    if !name.starts_with("xmlns") {
                        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap();
                        fields.push((format!("@{name}"), leaf(&value)));
                    }
                }
                open.push((start.local_name().into_inner().to_owned(), fields, String::new()));
            }
            Event::Text(text) => open.last_mut().unwrap().2.push_str(&text.xml10_content()),
            Event::CData(text) => open.last_mut().unwrap().2.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match &*reference {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    number => {
                        let code = number.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16).unwrap());
                        let code = code.unwrap_or_else(|| number.trim_start_matches('#').parse().unwrap());
                        char::from_u32(code).unwrap()
                    }
                };
                open.last_mut().unwrap().2.push(character);
            }
            Event::Eof => break,
            _ => {}
        }
        if ends {
            let (name, fields, text) = open.pop().unwrap();
            if !NOT_COMPARED.contains(&&*name) {
                let only_text = fields.iter().all(|(name, _)| name.starts_with('@'));
                let tree = match (fields.is_empty(), only_text) {
                    (true, _) => leaf(&text),
                    (_, true) if !text.trim().is_empty() => {
                        node([fields, vec![("#text".to_owned(), leaf(&text))]].concat())
                    }
                    _ => node(fields),
                };
                open.last_mut().unwrap().1.push((name, tree));
            }
        }
    }
    open.pop().unwrap().1.pop()
}

/// A CBOR item; the second is what follows it. Only what the cases contain.
pub fn tree_of_cbor(bytes: &[u8]) -> (Tree, &[u8]) {
    let (first, mut rest) = bytes.split_first().unwrap();
    let low = first & 0x1f;
    let mut argument = u64::from(low);
    if (24..28).contains(&low) {
        let count = 1 << (low - 24);
        argument = rest[..count].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        rest = &rest[count..];
    }
    let mut left = (low != 31).then_some(argument);
    let mut more = move |rest: &mut &[u8]| match &mut left {
        Some(0) => false,
        Some(count) => {
            *count -= 1;
            true
        }
        None if rest[0] == 0xff => {
            *rest = &rest[1..];
            false
        }
        None => true,
    };
    let length = usize::try_from(argument).unwrap_or(usize::MAX);
    match first >> 5 {
        0 => (leaf(&argument.to_string()), rest),
        1 => (leaf(&(-1 - i128::from(argument)).to_string()), rest),
        2 | 3 if low == 31 => {
            let mut whole = String::new();
            while more(&mut rest) {
                // The cases have no chunk as long as 256 bytes.
                let (head, length) = if rest[0] & 0x1f == 24 { (2, rest[1]) } else { (1, rest[0] & 0x1f) };
                let (chunk, after) = rest[head..].split_at(usize::from(length));
                whole.push_str(std::str::from_utf8(chunk).unwrap());
                rest = after;
            }
            (Tree::Leaf(whole), rest)
        }
        2 => (Tree::Leaf(format!("bytes {}", STANDARD.encode(&rest[..length]))), &rest[length..]),
        3 => (leaf(std::str::from_utf8(&rest[..length]).unwrap()), &rest[length..]),
        4 => {
            let mut items = Vec::new();
            while more(&mut rest) {
                let (item, after) = tree_of_cbor(rest);
                items.push(item);
                rest = after;
            }
            (Tree::List(items), rest)
        }
        5 => {
            let mut fields = Vec::new();
            while more(&mut rest) {
                let (key, after) = tree_of_cbor(rest);
                let (value, after) = tree_of_cbor(after);
                let Tree::Leaf(key) = key else { panic!("a key is a leaf") };
                fields.push((key, value));
                rest = after;
            }
            (node(fields), rest)
        }
        6 => tree_of_cbor(rest),
        _ => {
            let half = || {
                let fraction = f64::from(u16::try_from(argument & 0x3ff).unwrap());
                let exponent = i32::try_from(argument >> 10 & 0x1f).unwrap();
                let magnitude = match exponent {
                    0 => fraction * 2_f64.powi(-24),
                    31 if fraction == 0.0 => f64::INFINITY,
                    31 => f64::NAN,
                    _ => (fraction + 1024.0) * 2_f64.powi(exponent - 25),
                };
                if argument & 0x8000 == 0 { magnitude } else { -magnitude }
            };
            let text = match low {
                20 => "false".to_owned(),
                21 => "true".to_owned(),
                22 | 23 => "null".to_owned(),
                25 => half().to_string(),
                26 => f32::from_bits(u32::try_from(argument).unwrap()).to_string(),
                27 => f64::from_bits(argument).to_string(),
                _ => panic!("simple value {low}"),
            };
            (leaf(&text), rest)
        }
    }
}
