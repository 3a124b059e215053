//! Requests: from bytes to the members of the operation's input, or to the error that the protocol has for bytes it cannot read.

use std::borrow::Cow;

use model::shape::Structure;
use model::{Fields, Model, Operation, Protocol, Value};

use crate::fault::{DecodeError, Fault, Outcome};
use crate::form::Style;
use crate::rest::Misplaced;
use crate::{Request, cbor, form, json, rest, s3, structure, xml};

/// Reads the input of an operation. Members that the model does not know are ignored, `null` is as good as absent.
///
/// # Errors
/// If the request cannot be read by the model: with the protocol's own code, see [`DecodeError`].
pub fn decode(
    protocol: Protocol,
    model: &Model,
    operation: &Operation,
    request: &Request<'_>,
) -> Result<Fields, DecodeError> {
    let Some(input) = structure(model, operation.input.as_ref()) else { return Ok(Fields::new()) };
    match protocol {
        Protocol::Json => json::read_members(model, input, request.body).map_err(|fault| serialization(&fault)),
        Protocol::RpcV2Cbor => cbor::read_members(model, input, request.body).map_err(|fault| serialization(&fault)),
        Protocol::Query => {
            let pairs = form_pairs(request)?;
            form::read(model, input, Style::Query, pairs).map_err(|fault| error("MalformedInput", 400, &fault))
        }
        Protocol::Ec2 => {
            let pairs = form_pairs(request)?;
            form::read(model, input, Style::Ec2, pairs).map_err(|fault| error("InvalidParameterValue", 400, &fault))
        }
        Protocol::RestJson | Protocol::RestXml => rest(protocol, model, operation, input, request),
    }
}

/// `SerializationException`: what every service that is generated from its model answers to JSON or CBOR it cannot read.
fn serialization(fault: &Fault) -> DecodeError {
    error("SerializationException", 400, fault)
}

fn error(code: &'static str, status: u16, fault: &Fault) -> DecodeError {
    DecodeError { code, status, message: fault.to_string(), detail: fault.to_string() }
}

/// The pairs of the query string and of the form body, those of the body last, so that they count.
fn form_pairs<'r>(request: &Request<'r>) -> Result<Vec<form::Pair<'r>>, DecodeError> {
    // Common Errors, `MalformedQueryString`.
    let malformed = |fault: Box<Fault>| error("MalformedQueryString", 404, &fault);
    let body = std::str::from_utf8(request.body).map_err(|_| malformed(Fault::new("the body is not UTF-8")))?;
    let all: Outcome<Vec<_>> = form::pairs(request.query).chain(form::pairs(body.trim_ascii_end())).collect();
    all.map_err(malformed)
}

/// The `Action` and `Version` of a Query or EC2 request, from its form body or query string, without reading the rest of it.
/// `None` if there is no action.
pub fn action(form: &str) -> Option<(Cow<'_, str>, Option<Cow<'_, str>>)> {
    let find = |wanted: &str| {
        form.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == wanted)
                .then(|| form::decode(value.trim_ascii_end()).ok())
                .flatten()
                .filter(|value| !value.is_empty())
        })
    };
    find("Action").map(|action| (action, find("Version")))
}

fn rest(
    protocol: Protocol,
    model: &Model,
    operation: &Operation,
    input: &Structure,
    request: &Request<'_>,
) -> Result<Fields, DecodeError> {
    let bound = rest::read_bound(model, operation, input, request);
    let mut fields = bound.map_err(|misplaced| misplaced_error(protocol, model, misplaced))?;
    let body = if protocol == Protocol::RestJson {
        rest_json_body(model, input, request.body).map_err(|fault| serialization(&fault))
    } else {
        rest_xml_body(model, input, request.body).map_err(|fault| malformed_xml(model, &fault))
    };
    fields.0.append(&mut body?.0);
    Ok(fields)
}

fn misplaced_error(protocol: Protocol, model: &Model, misplaced: Misplaced) -> DecodeError {
    let Misplaced { fault, name, wants_number, in_path } = misplaced;
    let mut error = match protocol {
        Protocol::RestJson => serialization(&fault),
        // Amazon S3 API Reference, "Error responses": `InvalidURI`, `InvalidArgument`.
        _ if in_path && s3::is(model) => error("InvalidURI", 400, &fault),
        _ => error("InvalidArgument", 400, &fault),
    };
    if s3::is(model) {
        error.message = match in_path {
            true => "Couldn't parse the specified URI.".to_owned(),
            false => s3::bad_parameter(&name, wants_number, &error.detail),
        };
    }
    error
}

fn malformed_xml(model: &Model, fault: &Fault) -> DecodeError {
    let mut error = error("MalformedXML", 400, fault);
    if s3::is(model) {
        s3::MALFORMED_XML.clone_into(&mut error.message);
    }
    error
}

fn rest_json_body(model: &Model, input: &Structure, body: &[u8]) -> Outcome<Fields> {
    let Some(member) = rest::payload(input) else {
        return if rest::has_body_members(input) { json::read_members(model, input, body) } else { Ok(Fields::new()) };
    };
    if rest::is_stream(model, member) {
        return Ok(Fields::new());
    }
    let value = match rest::read_plain_payload(&model.shape(&member.target).kind, body) {
        Some(read) => read,
        None => json::read(model, &member.target, body),
    };
    Ok(one(&member.name, value.map_err(|fault| fault.in_member(&member.name))?))
}

fn rest_xml_body(model: &Model, input: &Structure, body: &[u8]) -> Outcome<Fields> {
    let payload = rest::payload(input);
    if payload.is_some_and(|member| rest::is_stream(model, member)) {
        return Ok(Fields::new());
    }
    if payload.is_none() && !rest::has_body_members(input) {
        return Ok(Fields::new());
    }
    if let Some(member) = payload
        && let Some(read) = rest::read_plain_payload(&model.shape(&member.target).kind, body)
    {
        return Ok(one(&member.name, read.map_err(|fault| fault.in_member(&member.name))?));
    }
    let Some(root) = xml::parse(body)? else { return Ok(Fields::new()) };
    match payload {
        Some(member) => {
            // A payload that is no structure has nothing to lie in but the root itself.
            let value = xml::read(model, &member.target, &root).map_err(|fault| fault.in_member(&member.name))?;
            Ok(one(&member.name, value))
        }
        None => xml::read_members(model, input, &root),
    }
}

fn one(name: &model::Name, value: Value) -> Fields {
    match value {
        Value::Null => Fields::new(),
        value => Fields(vec![(name.clone(), value)]),
    }
}
