//! What REST-JSON and REST-XML put outside of the body: path labels, query string, headers, status; and which member is the body.

use std::borrow::Cow;

use base64::Engine;
use bytes::Bytes;
use http::HeaderValue;
use model::shape::Structure;
use model::{Fields, Location, Member, Model, Name, Operation, ShapeKind, ShapeRef, TimestampFormat, Value};

use crate::entries::{Entries, set_member};
use crate::fault::{Fault, Outcome};
use crate::scalar::{self, BASE64};
use crate::{Request, form, path, s3};

/// A fault in a part of the request that is not the body, and what S3 would say of it.
pub(crate) struct Misplaced {
    pub(crate) fault: Box<Fault>,
    /// The name of the header or parameter.
    pub(crate) name: String,
    pub(crate) wants_number: bool,
    pub(crate) in_path: bool,
}

/// Reads the members that travel outside of the body.
pub(crate) fn read_bound(
    model: &Model,
    operation: &Operation,
    input: &Structure,
    request: &Request<'_>,
) -> Result<Fields, Misplaced> {
    let mut fields = Fields(Vec::with_capacity(input.members.len().min(16)));
    let has_location =
        |wanted: Location| input.members.iter().any(|member| member.target.traits.location == Some(wanted));
    let labels = if has_location(Location::Uri) {
        path::bind(&operation.uri, request.path)
            .ok_or_else(|| whole_path(Fault::new("the path is not the operation's")))?
    } else {
        Vec::new()
    };
    let pairs = if has_location(Location::Query) && !request.query.is_empty() {
        form::pairs(request.query).collect::<Outcome<Vec<_>>>().map_err(whole_path)?
    } else {
        Vec::new()
    };
    let headers: Headers<'_> = match has_location(Location::Header) || has_location(Location::Headers) {
        true => request.headers.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        false => Vec::new(),
    };
    for member in &input.members {
        let Some(location) = member.target.traits.location else { continue };
        let wire = member.target.traits.location_name.as_ref().unwrap_or(&member.name);
        let value = match location {
            Location::Uri => read_label(model, member, wire, &labels),
            Location::Query => read_query(model, member, wire, &pairs),
            Location::Header => read_header(model, member, wire, &headers),
            Location::Headers => Ok(read_prefixed(wire_prefix(member), &headers)),
            Location::StatusCode => Ok(None),
        };
        let value = value.map_err(|fault| Misplaced {
            fault: fault.in_member(&member.name),
            name: wire.to_string(),
            wants_number: matches!(model.shape(&member.target).kind, ShapeKind::Integer | ShapeKind::Long),
            in_path: location == Location::Uri,
        })?;
        if let Some(value) = value {
            set_member(&mut fields, &member.name, value);
        }
    }
    Ok(fields)
}

fn whole_path(fault: Box<Fault>) -> Misplaced {
    Misplaced { fault, name: String::new(), wants_number: false, in_path: true }
}

/// The prefix of a header map; the model may leave it empty.
fn wire_prefix(member: &Member) -> &str {
    member.target.traits.location_name.as_deref().unwrap_or("")
}

fn read_label(model: &Model, member: &Member, wire: &str, labels: &[path::Bound<'_, '_>]) -> Outcome<Option<Value>> {
    let Some((_, raw)) = labels.iter().find(|(label, _)| *label == wire) else { return Ok(None) };
    let text = path::decode(raw).ok_or_else(|| Fault::expected("percent-encoded UTF-8", raw))?;
    scalar::read(&model.shape(&member.target).kind, &member.target, text, TimestampFormat::Iso8601).map(Some)
}

fn read_query(model: &Model, member: &Member, wire: &str, pairs: &[form::Pair<'_>]) -> Outcome<Option<Value>> {
    let scalar_of = |of: &ShapeRef, text: &str| {
        scalar::read(&model.shape(of).kind, of, Cow::Borrowed(text), TimestampFormat::Iso8601)
    };
    let mut of_name = pairs.iter().filter(|(key, _)| key == wire).map(|(_, value)| value);
    match &model.shape(&member.target).kind {
        ShapeKind::List(item) => {
            let items: Vec<Value> = of_name.map(|text| scalar_of(item, text)).collect::<Outcome<_>>()?;
            Ok((!items.is_empty()).then_some(Value::List(items)))
        }
        ShapeKind::Map(_, value) => {
            // A server finds all parameters here, those that are members of their own included (Smithy, `httpQueryParams`).
            let mut entries = Entries::default();
            for (key, text) in pairs {
                if let ShapeKind::List(item) = &model.shape(value).kind {
                    let text = scalar_of(item, text)?;
                    if let Value::List(items) = entries.entry(key, || Value::List(Vec::new())) {
                        items.push(text);
                    }
                } else {
                    let text = scalar_of(value, text)?;
                    entries.put(Name::from(&**key), text);
                }
            }
            let entries = entries.done();
            Ok((!entries.is_empty()).then_some(Value::Struct(entries)))
        }
        kind @ (ShapeKind::String(_) | ShapeKind::Blob) => of_name
            .next()
            .map(|text| scalar::read(kind, &member.target, text.clone(), TimestampFormat::Iso8601))
            .transpose(),
        // A parameter that is there without a value says nothing of a number.
        _ => of_name.next().filter(|text| !text.is_empty()).map(|text| scalar_of(&member.target, text)).transpose(),
    }
}

/// The request's headers. A member is found by looking: names hash slower than the dozen there are compare.
type Headers<'r> = Vec<(&'r str, &'r HeaderValue)>;

/// A header's text: UTF-8, else Latin 1.
fn header_text(value: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.as_bytes().iter().copied().map(char::from).collect()),
    }
}

fn read_header(model: &Model, member: &Member, wire: &str, headers: &[(&str, &HeaderValue)]) -> Outcome<Option<Value>> {
    let of = &member.target;
    match &model.shape(of).kind {
        ShapeKind::List(item) => {
            let mut items = Vec::new();
            for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wire)) {
                for text in split_list(&header_text(value), is_http_date(model, item)) {
                    items.push(read_header_scalar(model, item, &text)?);
                }
            }
            Ok((!items.is_empty()).then_some(Value::List(items)))
        }
        kind => {
            let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wire));
            let Some(text) = found.map(|(_, value)| header_text(value)) else { return Ok(None) };
            if text.is_empty() && !matches!(kind, ShapeKind::String(_)) {
                return Ok(None);
            }
            match read_header_scalar(model, of, &text) {
                Err(_)
                    if matches!(kind, ShapeKind::Timestamp)
                        && s3::is(model)
                        && s3::ignores_bad_date(&wire.to_ascii_lowercase()) =>
                {
                    Ok(None)
                }
                read => read.map(Some),
            }
        }
    }
}

fn read_header_scalar(model: &Model, of: &ShapeRef, text: &str) -> Outcome<Value> {
    let kind = &model.shape(of).kind;
    if of.traits.json_value && matches!(kind, ShapeKind::String(_)) {
        let bytes = scalar::read_blob(text)?;
        let text = String::from_utf8(bytes.into()).map_err(|_| Fault::new("expected JSON in base64"))?;
        return Ok(Value::String(text));
    }
    scalar::read(kind, of, Cow::Borrowed(text), TimestampFormat::Rfc822)
}

fn is_http_date(model: &Model, of: &ShapeRef) -> bool {
    matches!(model.shape(of).kind, ShapeKind::Timestamp)
        && of.traits.timestamp_format.unwrap_or(TimestampFormat::Rfc822) == TimestampFormat::Rfc822
}

/// Splits `a, "b, c", d`; HTTP dates have a comma each.
fn split_list(text: &str, dates: bool) -> Vec<String> {
    let mut items = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut item = String::new();
            let mut chars = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    '\\' => item.extend(chars.next().map(|(_, c)| c)),
                    c => item.push(c),
                }
            }
            items.push(item);
            let after = &quoted[end..];
            rest = after.split_once(',').map_or("", |(_, rest)| rest).trim_start();
            continue;
        }
        let comma = rest.match_indices(',').nth(usize::from(dates)).map(|(at, _)| at);
        let (item, tail) = comma.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
        items.push(item.trim().to_owned());
        rest = tail.trim_start();
    }
    items
}

fn read_prefixed(prefix: &str, headers: &[(&str, &HeaderValue)]) -> Option<Value> {
    let mut entries = Entries::default();
    for (name, value) in headers {
        let key =
            name.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).map(|_| &name[prefix.len()..]);
        if let Some(key) = key {
            let text = header_text(value);
            // A name that comes twice is one list, as RFC 9110, section 5.3 has it.
            if let Value::String(known) = entries.entry(key, || Value::String(String::new())) {
                if !known.is_empty() {
                    known.push(',');
                }
                known.push_str(&text);
            }
        }
    }
    let entries = entries.done();
    (!entries.is_empty()).then_some(Value::Struct(entries))
}

/// What is written outside of the body.
#[derive(Default)]
pub(crate) struct Bound {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) status: Option<u16>,
}

/// Writes the members that travel outside of the body.
pub(crate) fn write_bound(model: &Model, output: &Structure, fields: &Fields) -> Outcome<Bound> {
    let mut bound = Bound::default();
    for (name, value) in fields.iter().filter(|(_, value)| **value != Value::Null) {
        let member = output.member(name);
        let member = member.ok_or_else(|| Fault::new("the model has no such member").in_member(name))?;
        let wire = member.target.traits.location_name.as_ref().unwrap_or(&member.name);
        match (member.target.traits.location, value) {
            (Some(Location::Header), value) => {
                let text = write_header(model, &member.target, value).map_err(|fault| fault.in_member(name))?;
                if let Some(text) = text {
                    bound.headers.push((wire.to_ascii_lowercase(), printable(text)));
                }
            }
            (Some(Location::Headers), Value::Struct(entries)) => {
                for (key, value) in entries.iter() {
                    let text =
                        value.as_str().ok_or_else(|| Fault::new("not a string").in_member(key).in_member(name))?;
                    let header = format!("{}{key}", wire_prefix(member)).to_ascii_lowercase();
                    if header.is_empty() || !header.bytes().all(is_token) {
                        return Err(Fault::new("no name of a header").in_member(key).in_member(name));
                    }
                    bound.headers.push((header, printable(text.into())));
                }
            }
            (Some(Location::StatusCode), Value::Int(status)) => bound.status = u16::try_from(*status).ok(),
            (Some(Location::Headers | Location::StatusCode), value) => {
                return Err(scalar::misfit(&model.shape(&member.target).kind, value).in_member(name));
            }
            _ => {}
        }
    }
    Ok(bound)
}

/// RFC 9110, section 5.6.2.
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// Header text without the characters that end or break a header.
fn printable(text: Cow<'_, str>) -> String {
    if !text.chars().any(char::is_control) {
        return text.into_owned();
    }
    text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

fn write_header<'v>(model: &Model, of: &ShapeRef, value: &'v Value) -> Outcome<Option<Cow<'v, str>>> {
    match (&model.shape(of).kind, value) {
        (ShapeKind::List(item), Value::List(items)) => {
            let quotes = matches!(model.shape(item).kind, ShapeKind::String(_));
            let mut text = String::new();
            for (at, value) in items.iter().enumerate() {
                let written = write_header_scalar(model, item, value).map_err(|fault| fault.in_item(at))?;
                if at > 0 {
                    text.push_str(", ");
                }
                if quotes
                    && (written.is_empty() || written.contains([',', '"']) || written.trim().len() < written.len())
                {
                    text.push('"');
                    text.push_str(&written.replace('\\', "\\\\").replace('"', "\\\""));
                    text.push('"');
                } else {
                    text.push_str(&written);
                }
            }
            Ok((!items.is_empty()).then_some(Cow::Owned(text)))
        }
        _ => write_header_scalar(model, of, value).map(Some),
    }
}

fn write_header_scalar<'v>(model: &Model, of: &ShapeRef, value: &'v Value) -> Outcome<Cow<'v, str>> {
    match (&model.shape(of).kind, value) {
        (ShapeKind::String(_), Value::String(text)) if of.traits.json_value => Ok(Cow::Owned(BASE64.encode(text))),
        (kind, value) => scalar::write(kind, of, value, TimestampFormat::Rfc822, false),
    }
}

/// The member that is the whole body.
pub(crate) fn payload(structure: &Structure) -> Option<&Member> {
    structure.member(structure.payload.as_deref()?)
}

/// Whether any member travels in the body beside others.
pub(crate) fn has_body_members(structure: &Structure) -> bool {
    structure.members.iter().any(|member| member.target.traits.location.is_none())
}

/// Whether a member of an answer travels in its body: an answer has no query string and no path.
pub(crate) fn is_in_body(member: &Member) -> bool {
    !matches!(member.target.traits.location, Some(Location::Header | Location::Headers | Location::StatusCode))
}

/// Whether the payload's bytes pass by on the side.
pub(crate) fn is_stream(model: &Model, member: &Member) -> bool {
    let traits = &member.target.traits;
    traits.event_stream || (traits.streaming && matches!(model.shape(&member.target).kind, ShapeKind::Blob))
}

/// A payload of bytes or text; `None` where the shape is neither.
pub(crate) fn read_plain_payload(kind: &ShapeKind, body: &[u8]) -> Option<Outcome<Value>> {
    match kind {
        ShapeKind::Blob if body.is_empty() => Some(Ok(Value::Null)),
        ShapeKind::Blob => Some(Ok(Value::Blob(Bytes::copy_from_slice(body)))),
        ShapeKind::String(_) if body.is_empty() => Some(Ok(Value::Null)),
        ShapeKind::String(_) => {
            let text = std::str::from_utf8(body).map_err(|_| Fault::new("the body is not UTF-8"));
            Some(text.map(|text| Value::String(text.to_owned())))
        }
        _ => None,
    }
}
