//! Error answers. A service says code, message and status; the protocol decides how a client finds them.

use bytes::Bytes;
use model::shape::ErrorShape;
use model::shape::Structure;
use model::{Fields, Location, Member, Model, Operation, Protocol, Shape, ShapeKind, Value};

use crate::cbor::{self, major};
use crate::encode::{PROLOGUE, json_content_type, push_request_id, xml_namespace};
use crate::xml::Rules;
use crate::{Response, json, rest, s3, xml};

/// An error that a client is told.
#[derive(Debug, Clone, Copy)]
pub struct ErrorReply<'a> {
    /// The code on the wire, or the name of the modelled error: `TrailNotFoundException`, `NoSuchKey`.
    pub code: &'a str,
    /// For people.
    pub message: &'a str,
    /// HTTP status.
    pub status: u16,
    /// The client's fault, not ours.
    pub sender_fault: bool,
    /// Further members; the model need not know them.
    pub fields: &'a Fields,
    /// As in the `x-amzn-requestid` header.
    pub request_id: &'a str,
    /// S3: what the request was about, `/bucket/key`.
    pub resource: Option<&'a str>,
    /// S3: the second request id.
    pub host_id: Option<&'a str>,
    /// The request was a `HEAD`: there is no body.
    pub head: bool,
}

/// Writes an error. Without a model (the service was never found out) the protocol's plain form is used.
pub fn encode_error(
    protocol: Protocol,
    model: Option<&Model>,
    operation: Option<&Operation>,
    error: &ErrorReply<'_>,
) -> Response {
    let writer = Writer { model, error, known: model.and_then(|model| find(model, operation, error.code)) };
    let mut headers = writer.bound_headers(protocol);
    let (content_type, body) = match protocol {
        Protocol::Json => {
            (model.map_or_else(|| "application/x-amz-json-1.0".to_owned(), json_content_type), writer.json(true))
        }
        Protocol::RestJson => {
            headers.push(("x-amzn-errortype".to_owned(), one_line(writer.shape_name())));
            ("application/json".to_owned(), writer.json(false))
        }
        Protocol::RpcV2Cbor => {
            headers.push(("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned()));
            ("application/cbor".to_owned(), writer.cbor())
        }
        Protocol::Query => ("text/xml".to_owned(), writer.error_response()),
        Protocol::Ec2 => ("text/xml;charset=UTF-8".to_owned(), writer.ec2()),
        Protocol::RestXml if model.is_none_or(s3::is) => ("application/xml".to_owned(), writer.s3()),
        Protocol::RestXml => ("text/xml".to_owned(), writer.error_response()),
    };
    if matches!(protocol, Protocol::Json | Protocol::RpcV2Cbor)
        && model.is_some_and(|model| model.metadata.query_compatible)
    {
        let fault = if error.sender_fault { "Sender" } else { "Receiver" };
        headers.push(("x-amzn-query-error".to_owned(), one_line(&format!("{};{fault}", writer.query_code()))));
    }
    headers.push(("content-type".to_owned(), content_type));
    match (model, protocol) {
        (Some(model), _) => push_request_id(&mut headers, model, error.request_id, error.host_id),
        (None, Protocol::RestXml) => headers.push(("x-amz-request-id".to_owned(), error.request_id.to_owned())),
        (None, _) => headers.push(("x-amzn-requestid".to_owned(), error.request_id.to_owned())),
    }
    Response { status: error.status, headers, body: if error.head { Bytes::new() } else { body.into() } }
}

/// A modelled error.
struct Known<'m> {
    shape: &'m Shape,
    structure: &'m Structure,
    error: &'m ErrorShape,
}

/// The modelled error of this code or shape name: the operation's own, else any of the model.
fn find<'m>(model: &'m Model, operation: Option<&Operation>, code: &str) -> Option<Known<'m>> {
    let known = |shape: &'m Shape| match &shape.kind {
        ShapeKind::Structure(structure) => structure.error.as_ref().map(|error| Known { shape, structure, error }),
        _ => None,
    };
    let fits = |known: &Known<'_>| &*known.shape.name == code || known.error.code.as_deref() == Some(code);
    let mut own = operation.into_iter().flat_map(|operation| &operation.errors);
    own.find_map(|of| known(model.shape(of)).filter(|known| fits(known)))
        .or_else(|| model.shape_by_name.get(code).and_then(|at| known(&model.shapes[*at])))
        .or_else(|| model.shapes.iter().find_map(|shape| known(shape).filter(|known| fits(known))))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Begins the next member of the JSON object that is being written.
fn key(out: &mut Vec<u8>, name: &str) {
    out.push(if out.is_empty() { b'{' } else { b',' });
    json::string(out, name);
    out.push(b':');
}

struct Writer<'a> {
    model: Option<&'a Model>,
    error: &'a ErrorReply<'a>,
    known: Option<Known<'a>>,
}

impl Writer<'_> {
    /// What JSON and CBOR call the error.
    fn shape_name(&self) -> &str {
        self.known.as_ref().map_or(self.error.code, |known| &known.shape.name)
    }

    /// What XML calls the error.
    fn wire_code(&self) -> &str {
        let own = self.known.as_ref().and_then(|known| known.error.code.as_deref());
        own.or(self.known.as_ref().map(|known| &*known.shape.name)).unwrap_or(self.error.code)
    }

    /// What clients that come from the Query protocol call the error: there the error common to all services has no ending. Source:
    /// SQS API reference, "Common Errors".
    fn query_code(&self) -> &str {
        match self.wire_code() {
            "AccessDeniedException" => "AccessDenied",
            code => code,
        }
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.known.as_ref()?.structure.member(name)
    }

    /// The message's name in this error's model: `message`, unless it says `Message`.
    fn message_name(&self) -> &str {
        let members = self.known.iter().flat_map(|known| &known.structure.members);
        let mut messages = members.filter(|member| member.name.eq_ignore_ascii_case("message"));
        let name = |member: &'_ Member| member.target.traits.location_name.as_ref().unwrap_or(&member.name).to_string();
        match messages.next().map(name).as_deref() {
            Some("Message") => "Message",
            _ => "message",
        }
    }

    /// Whether the message is written: always, unless the error has none in the model and none was given.
    fn has_message(&self) -> bool {
        let modelled = |known: &Known<'_>| {
            known.structure.members.iter().any(|member| member.name.eq_ignore_ascii_case("message"))
        };
        !self.error.message.is_empty() || self.known.as_ref().is_none_or(modelled)
    }

    /// The members beside the message that belong into the body: the name there, the model's member, the value.
    fn body_fields(&self) -> Vec<(&str, Option<&Member>, &Value)> {
        let beside = |name: &str| !name.eq_ignore_ascii_case("message") && name != "__type";
        let fields = self.error.fields.iter().filter(|(name, value)| beside(name) && **value != Value::Null);
        let placed = fields.map(|(name, value)| {
            let member = self.member(name);
            let wire = member.and_then(|member| member.target.traits.location_name.as_deref()).unwrap_or(name);
            (wire, member, value)
        });
        placed.filter(|(_, member, _)| member.is_none_or(|member| member.target.traits.location.is_none())).collect()
    }

    /// The members that travel as headers. What does not fit its model is left out: an error must always get through.
    fn bound_headers(&self, protocol: Protocol) -> Vec<(String, String)> {
        let rest = matches!(protocol, Protocol::RestJson | Protocol::RestXml);
        let (true, Some(model), Some(known)) = (rest, self.model, &self.known) else { return Vec::new() };
        let in_header = |name: &str| {
            let location = known.structure.member(name).and_then(|member| member.target.traits.location);
            matches!(location, Some(Location::Header | Location::Headers))
        };
        let fields = self.error.fields.0.iter().filter(|(name, _)| in_header(name)).cloned().collect();
        rest::write_bound(model, known.structure, &Fields(fields)).map(|bound| bound.headers).unwrap_or_default()
    }

    fn json(&self, with_type: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        if with_type {
            key(&mut out, "__type");
            json::string(&mut out, self.shape_name());
        }
        if self.has_message() {
            key(&mut out, self.message_name());
            json::string(&mut out, self.error.message);
        }
        for (wire, member, value) in self.body_fields() {
            key(&mut out, wire);
            let start = out.len();
            let typed = self.model.zip(member);
            let written = typed.map(|(model, member)| json::write(&mut out, model, &member.target, value));
            if !matches!(written, Some(Ok(()))) {
                out.truncate(start);
                json::write_untyped(&mut out, value);
            }
        }
        if out.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        out
    }

    fn cbor(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        let fields = self.body_fields();
        cbor::head(&mut out, major::MAP, fields.len() as u64 + 1 + u64::from(self.has_message()));
        cbor::text(&mut out, "__type");
        cbor::text(&mut out, self.shape_name());
        if self.has_message() {
            cbor::text(&mut out, self.message_name());
            cbor::text(&mut out, self.error.message);
        }
        for (wire, member, value) in fields {
            cbor::text(&mut out, wire);
            let start = out.len();
            let typed = self.model.zip(member);
            let written = typed.map(|(model, member)| cbor::write(&mut out, model, &member.target, value));
            if !matches!(written, Some(Ok(()))) {
                out.truncate(start);
                cbor::write_untyped(&mut out, value);
            }
        }
        out
    }

    /// The message, if there is one, and what goes with it.
    fn xml_fields(&self, out: &mut String) {
        if self.has_message() {
            Self::element(out, "Message", self.error.message);
        }
        for (wire, member, value) in self.body_fields() {
            let start = out.len();
            let written = self
                .model
                .zip(member)
                .map(|(model, member)| xml::write_member(out, model, Rules::default(), member, value));
            if !matches!(written, Some(Ok(()))) {
                out.truncate(start);
                xml::write_untyped(out, wire, value);
            }
        }
    }

    fn element(out: &mut String, name: &str, content: &str) {
        xml::open(out, name, None);
        xml::text(out, content);
        xml::close(out, name);
    }

    /// Query and REST-XML.
    fn error_response(&self) -> Vec<u8> {
        let mut out = String::with_capacity(256);
        xml::open(&mut out, "ErrorResponse", self.model.and_then(xml_namespace));
        out.push_str("<Error>");
        Self::element(&mut out, "Type", if self.error.sender_fault { "Sender" } else { "Receiver" });
        Self::element(&mut out, "Code", self.wire_code());
        self.xml_fields(&mut out);
        out.push_str("</Error>");
        Self::element(&mut out, "RequestId", self.error.request_id);
        out.push_str("</ErrorResponse>");
        out.into()
    }

    fn ec2(&self) -> Vec<u8> {
        let mut out = String::from(PROLOGUE);
        out.push_str("<Response><Errors><Error>");
        Self::element(&mut out, "Code", self.wire_code());
        self.xml_fields(&mut out);
        out.push_str("</Error></Errors>");
        Self::element(&mut out, "RequestID", self.error.request_id);
        out.push_str("</Response>");
        out.into()
    }

    fn s3(&self) -> Vec<u8> {
        let mut out = String::from(PROLOGUE);
        out.push_str("<Error>");
        Self::element(&mut out, "Code", self.wire_code());
        self.xml_fields(&mut out);
        if let Some(resource) = self.error.resource {
            Self::element(&mut out, "Resource", resource);
        }
        Self::element(&mut out, "RequestId", self.error.request_id);
        let host_id = self.error.host_id.map_or_else(|| s3::host_id(self.error.request_id), str::to_owned);
        Self::element(&mut out, "HostId", &host_id);
        out.push_str("</Error>");
        out.into()
    }
}
