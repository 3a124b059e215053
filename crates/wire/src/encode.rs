//! Successful answers: from the members of the operation's output to bytes.

use bytes::Bytes;
use model::shape::Structure;
use model::{Fields, Model, Operation, Protocol, ShapeKind, Value};

use crate::fault::{EncodeError, Fault, Outcome};
use crate::xml::Rules;
use crate::{Response, cbor, json, rest, s3, structure, xml};

/// Writes the answer of an operation.
///
/// # Errors
/// If the output does not fit the model: a member that is not there, a value of another type. Always a mistake of ours.
pub fn encode(
    protocol: Protocol,
    model: &Model,
    operation: &Operation,
    output: &Fields,
    request_id: &str,
) -> Result<Response, EncodeError> {
    let of = structure(model, operation.output.as_ref());
    if of.is_none() && !output.is_empty() {
        return Err(EncodeError { message: format!("{} has no output in the model", operation.name) });
    }
    let mut response = Response { status: operation.status, headers: Vec::with_capacity(6), body: Bytes::new() };
    let content_type = match protocol {
        Protocol::Json => {
            response.body = json_body(model, of, output)?.into();
            Some(json_content_type(model))
        }
        Protocol::RpcV2Cbor => {
            response.headers.push(("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned()));
            response.body = match &operation.output {
                Some(of) => {
                    let mut body = Vec::with_capacity(256);
                    cbor::write(&mut body, model, of, &Value::Struct(output.clone()))?;
                    body.into()
                }
                None => Bytes::new(),
            };
            operation.output.is_some().then(|| "application/cbor".to_owned())
        }
        Protocol::Query => {
            response.body = query_body(model, operation, of, output, request_id)?.into();
            Some("text/xml".to_owned())
        }
        Protocol::Ec2 => {
            response.body = ec2_body(model, operation, of, output, request_id)?.into();
            Some("text/xml;charset=UTF-8".to_owned())
        }
        Protocol::RestJson | Protocol::RestXml => match of {
            Some(of) => rest_reply(protocol, model, operation, of, output, &mut response)?,
            None => None,
        },
    };
    if let Some(content_type) = content_type
        && !response.headers.iter().any(|(name, _)| name == "content-type")
    {
        response.headers.push(("content-type".to_owned(), content_type));
    }
    push_request_id(&mut response.headers, model, request_id, None);
    Ok(response)
}

/// `x-amzn-requestid`, or S3's two.
pub(crate) fn push_request_id(
    headers: &mut Vec<(String, String)>,
    model: &Model,
    request_id: &str,
    host_id: Option<&str>,
) {
    if s3::is(model) {
        headers.push(("x-amz-request-id".to_owned(), request_id.to_owned()));
        let host_id = host_id.map_or_else(|| s3::host_id(request_id), str::to_owned);
        headers.push(("x-amz-id-2".to_owned(), host_id));
    } else {
        headers.push(("x-amzn-requestid".to_owned(), request_id.to_owned()));
    }
}

/// `application/x-amz-json-1.1`, by the model's version.
pub(crate) fn json_content_type(model: &Model) -> String {
    format!("application/x-amz-json-{}", model.metadata.json_version.as_deref().unwrap_or("1.0"))
}

/// The members of the body as a JSON object: `{}` where there are none.
fn json_body(model: &Model, of: Option<&Structure>, output: &Fields) -> Outcome<Vec<u8>> {
    let mut body = Vec::with_capacity(256);
    body.push(b'{');
    let mut first = true;
    for (name, value) in output.iter() {
        let member = of.and_then(|of| of.member(name)).ok_or_else(|| unknown(name))?;
        if rest::is_in_body(member) {
            json::write_member(&mut body, model, member, value, &mut first)?;
        }
    }
    body.push(b'}');
    Ok(body)
}

fn unknown(name: &str) -> Box<Fault> {
    Fault::new("the model has no such member").in_member(name)
}

/// The namespace that Query and EC2 answers are in.
pub(crate) fn xml_namespace(model: &Model) -> Option<&str> {
    model.metadata.xml_namespace.as_deref()
}

fn xml_members(out: &mut String, model: &Model, of: Option<&Structure>, output: &Fields, rules: Rules) -> Outcome<()> {
    for (name, value) in output.iter() {
        let member = of.and_then(|of| of.member(name)).ok_or_else(|| unknown(name))?;
        if rest::is_in_body(member) {
            xml::write_member(out, model, rules, member, value)?;
        }
    }
    Ok(())
}

fn query_body(
    model: &Model,
    operation: &Operation,
    of: Option<&Structure>,
    output: &Fields,
    request_id: &str,
) -> Outcome<String> {
    let mut out = String::with_capacity(512);
    let root = format!("{}Response", operation.name);
    xml::open(&mut out, &root, xml_namespace(model));
    if of.is_some() {
        let usual = || format!("{}Result", operation.name);
        let wrapper = operation.result_wrapper.clone().unwrap_or_else(usual);
        xml::open(&mut out, &wrapper, None);
        xml_members(&mut out, model, of, output, Rules { query: true, ..Rules::default() })?;
        xml::close(&mut out, &wrapper);
    }
    out.push_str("<ResponseMetadata><RequestId>");
    xml::text(&mut out, request_id);
    out.push_str("</RequestId></ResponseMetadata>");
    xml::close(&mut out, &root);
    Ok(out)
}

/// What XML documents begin with.
pub(crate) const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn ec2_body(
    model: &Model,
    operation: &Operation,
    of: Option<&Structure>,
    output: &Fields,
    request_id: &str,
) -> Outcome<String> {
    let mut out = String::with_capacity(512);
    out.push_str(PROLOGUE);
    let root = format!("{}Response", operation.name);
    let versioned = format!("http://ec2.amazonaws.com/doc/{}/", model.metadata.api_version);
    xml::open(&mut out, &root, Some(xml_namespace(model).unwrap_or(&versioned)));
    out.push_str("<requestId>");
    xml::text(&mut out, request_id);
    out.push_str("</requestId>");
    xml_members(&mut out, model, of, output, Rules::default())?;
    xml::close(&mut out, &root);
    Ok(out)
}

/// Fills in status, headers and body; returns the content type.
fn rest_reply(
    protocol: Protocol,
    model: &Model,
    operation: &Operation,
    of: &Structure,
    output: &Fields,
    response: &mut Response,
) -> Outcome<Option<String>> {
    let bound = rest::write_bound(model, of, output)?;
    response.headers = bound.headers;
    response.status = bound.status.unwrap_or(response.status);
    let Some(payload) = rest::payload(of) else {
        if matches!(response.status, 204 | 304) || operation.method == "HEAD" {
            return Ok(None);
        }
        if protocol == Protocol::RestJson {
            response.body = json_body(model, Some(of), output)?.into();
            return Ok(Some("application/json".to_owned()));
        }
        if !of.members.iter().any(rest::is_in_body) {
            return Ok(None);
        }
        response.body = rest_xml_body(model, operation, of, output)?.into();
        return Ok(Some("application/xml".to_owned()));
    };
    let value = output.get(&payload.name).unwrap_or(&Value::Null);
    if rest::is_stream(model, payload) {
        return match value {
            Value::Null => Ok(None),
            _ => Err(Fault::new("is streamed, not encoded").in_member(&payload.name)),
        };
    }
    let kind = &model.shape(&payload.target).kind;
    match (kind, value) {
        (ShapeKind::Structure(_), Value::Null) if protocol == Protocol::RestJson => {
            response.body = Bytes::from_static(b"{}");
            Ok(Some("application/json".to_owned()))
        }
        (_, Value::Null) => Ok(None),
        (ShapeKind::Blob, Value::Blob(bytes)) => {
            response.body = bytes.clone();
            Ok(Some("application/octet-stream".to_owned()))
        }
        (ShapeKind::String(_), Value::String(text)) => {
            response.body = Bytes::copy_from_slice(text.as_bytes());
            // GetBucketPolicy is the one text in S3, and it is JSON.
            let content_type = if s3::is(model) { "application/json" } else { "text/plain" };
            Ok(Some(content_type.to_owned()))
        }
        (_, value) if protocol == Protocol::RestJson => {
            let mut body = Vec::with_capacity(256);
            json::write(&mut body, model, &payload.target, value).map_err(|fault| fault.in_member(&payload.name))?;
            response.body = body.into();
            Ok(Some("application/json".to_owned()))
        }
        (_, value) => {
            let mut out = String::from(PROLOGUE);
            let mut of = payload.target.clone();
            let shape_name = &model.shape(&of).name;
            let name = match (&of.traits.location_name, &model.shape(&of).traits.location_name) {
                (Some(name), _) if s3::is(model) => name.to_string(),
                (None, _) if s3::is(model) => payload.name.to_string(),
                // A location name that repeats the member's says nothing: botocore gives one to every payload.
                (Some(name), _) if *name != payload.name => name.to_string(),
                (_, Some(name)) => name.to_string(),
                (_, None) => shape_name.to_string(),
            };
            if of.traits.xml_namespace.is_none() {
                of.traits.xml_namespace = default_namespace(model).map(|uri| (uri.to_owned(), None));
            }
            let rules = Rules { ms: s3::is(model), ..Rules::default() };
            xml::write(&mut out, model, rules, &name, &of, value).map_err(|fault| fault.in_member(&payload.name))?;
            response.body = out.into();
            Ok(Some("application/xml".to_owned()))
        }
    }
}

/// The namespace of a REST-XML service's answers.
fn default_namespace(model: &Model) -> Option<&str> {
    xml_namespace(model).or(s3::is(model).then_some(s3::NAMESPACE))
}

fn rest_xml_body(model: &Model, operation: &Operation, of: &Structure, output: &Fields) -> Outcome<String> {
    let mut out = String::with_capacity(512);
    out.push_str(PROLOGUE);
    let rules = Rules { ms: s3::is(model), ..Rules::default() };
    let reference = operation.output.as_ref();
    let shape_name = reference.map_or("", |of| &*model.shape(of).name);
    let named = reference.and_then(|of| of.traits.location_name.as_deref());
    let root = named.unwrap_or(if s3::is(model) { s3::root(shape_name) } else { shape_name });
    out.push('<');
    out.push_str(root);
    match reference.and_then(|of| of.traits.xml_namespace.as_ref()) {
        Some(own) => xml::namespace(&mut out, Some(own)),
        None => xml::namespace(&mut out, default_namespace(model).map(|uri| (uri.to_owned(), None)).as_ref()),
    }
    xml::attributes(&mut out, model, of, output)?;
    out.push('>');
    if s3::is_unwrapped(model, operation) {
        for (name, value) in output.iter() {
            let member = of.member(name).ok_or_else(|| unknown(name))?;
            let kind = &model.shape(&member.target).kind;
            if *value != Value::Null {
                let text = crate::scalar::write(kind, &member.target, value, model::TimestampFormat::Iso8601, rules.ms);
                xml::text(&mut out, &text.map_err(|fault| fault.in_member(name))?);
            }
        }
    } else {
        xml_members(&mut out, model, Some(of), output, rules)?;
    }
    xml::close(&mut out, root);
    Ok(out)
}
