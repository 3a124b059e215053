//! An API model as data: services, operations, shapes. Read from botocore's service models (`models/*.json.gz`), resolved so
//! that following a reference is an index, not a look-up by name.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::value::Name;

/// One service's API.
#[derive(Debug)]
pub struct Model {
    /// The folder name in botocore: `cloudtrail`, `s3`, `stepfunctions` …
    pub name: Arc<str>,
    /// What the service is.
    pub metadata: Metadata,
    /// By name, as in the model: `CreateTrail`.
    pub operations: HashMap<Arc<str>, Operation>,
    /// All shapes; [`ShapeRef::shape`] is an index into it.
    pub shapes: Vec<Shape>,
    /// Index of a shape by its name.
    pub shape_by_name: HashMap<Arc<str>, usize>,
}

/// The `metadata` block of a service model.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// Every protocol that the service speaks, the model's preferred one first.
    pub protocols: Vec<Protocol>,
    /// `2013-11-01`.
    pub api_version: String,
    /// The first label of the endpoint's host name: `cloudtrail`, `monitoring` (CloudWatch), `states` (Step Functions).
    pub endpoint_prefix: String,
    /// The service in a signature's credential scope; equals the endpoint prefix if the model names none.
    pub signing_name: String,
    /// `X-Amz-Target` is this, a dot and the operation's name (JSON protocols; also the service's name in RPC v2 CBOR
    /// paths: `/service/{target_prefix}/operation/{name}`).
    pub target_prefix: Option<String>,
    /// `1.0` or `1.1`.
    pub json_version: Option<String>,
    /// `CloudTrail`: botocore's service identifier.
    pub service_id: String,
    /// The namespace of XML responses (Query, REST-XML).
    pub xml_namespace: Option<String>,
    /// Whether errors carry the Query protocol's code in `x-amzn-query-error`.
    pub query_compatible: bool,
    /// The region that has the only endpoint of a global service (IAM, Organizations); `None` for a regional one.
    pub global_endpoint: Option<String>,
}

/// A wire protocol of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `json` with `jsonVersion` 1.0 or 1.1 (the version lies in the metadata).
    Json,
    /// `query`.
    Query,
    /// `ec2`.
    Ec2,
    /// `rest-json`.
    RestJson,
    /// `rest-xml`.
    RestXml,
    /// `smithy-rpc-v2-cbor`.
    RpcV2Cbor,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// `CreateTrail`.
    pub name: Arc<str>,
    /// `POST`, `GET` …
    pub method: String,
    /// `/{Bucket}/{Key+}?versioning`, with the path in labels; `/` for RPC protocols.
    pub uri: UriPattern,
    /// The status of a successful answer.
    pub status: u16,
    /// `None` if the operation takes nothing.
    pub input: Option<ShapeRef>,
    /// `None` if the operation returns nothing.
    pub output: Option<ShapeRef>,
    /// The error shapes (structures with `exception`).
    pub errors: Vec<ShapeRef>,
    /// `resultWrapper` of a Query response: `CreateUserResult`.
    pub result_wrapper: Option<String>,
    /// The model says that the operation changes nothing (`readonly`); names decide where the model is silent.
    pub read_only: Option<bool>,
    /// Anonymous calls are part of the API (`authtype: none`).
    pub unsigned: bool,
    /// S3: the reply's whole body is an unwrapped payload (`s3UnwrappedXmlOutput`; GetBucketLocation).
    pub unwrapped_xml_output: bool,
    /// Host label prefix (`endpoint.hostPrefix`): `{AccountId}.` or `streaming-`.
    pub host_prefix: Option<String>,
}

/// A request URI of the REST protocols, split.
#[derive(Debug, Clone, Default)]
pub struct UriPattern {
    /// The path's segments, without the leading slash.
    pub segments: Vec<Segment>,
    /// Query parameters that are part of the pattern: `versioning` (`None`), `list-type` = `2`.
    pub query: Vec<(String, Option<String>)>,
}

/// One path segment of a URI pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that must be there.
    Literal(String),
    /// `{Name}`: one segment.
    Label(String),
    /// `{Name+}`: this and all segments that follow.
    Greedy(String),
}

/// A use of a shape, with what this use adds.
#[derive(Debug, Clone)]
pub struct ShapeRef {
    /// Index into [`Model::shapes`].
    pub shape: usize,
    /// Where and how it travels.
    pub traits: Traits,
}

/// A member of a structure.
#[derive(Debug, Clone)]
pub struct Member {
    /// The member's name in the model.
    pub name: Name,
    /// Its shape and traits.
    pub target: ShapeRef,
    /// Must be present in a request.
    pub required: bool,
}

/// What a member, list item, map key or value, or a shape itself, says of its form on the wire. A member's traits win over its
/// shape's ([`ShapeRef::traits`] has them merged already).
#[derive(Debug, Clone, Default)]
pub struct Traits {
    /// Another name on the wire (member key, header, query parameter, XML element).
    pub location_name: Option<Name>,
    /// The EC2 protocol's own request name.
    pub query_name: Option<Name>,
    /// `header`, `headers` (prefix), `querystring`, `uri`, `statusCode`; in the body if `None`.
    pub location: Option<Location>,
    /// Lists and maps without a wrapping element.
    pub flattened: bool,
    /// Is an attribute of the enclosing XML element.
    pub xml_attribute: bool,
    /// The namespace (`uri`) and its prefix.
    pub xml_namespace: Option<(String, Option<String>)>,
    /// `iso8601`, `rfc822`, `unixTimestamp`.
    pub timestamp_format: Option<TimestampFormat>,
    /// The value is JSON in a header, base 64 coded.
    pub json_value: bool,
    /// The body is a stream.
    pub streaming: bool,
    /// An event stream.
    pub event_stream: bool,
    /// Must not appear in logs or records.
    pub sensitive: bool,
    /// `idempotencyToken`: the client fills it in.
    pub idempotency_token: bool,
}

/// See [`Traits::location`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// One header.
    Header,
    /// All headers with a prefix, as a map.
    Headers,
    /// Query string.
    Query,
    /// Path label.
    Uri,
    /// HTTP status.
    StatusCode,
}

/// See [`Traits::timestamp_format`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `2015-01-01T00:00:00Z`.
    Iso8601,
    /// `Tue, 29 Apr 2014 18:30:38 GMT`.
    Rfc822,
    /// `1398796238`, with a fraction if there is one.
    Unix,
}

/// A shape.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the model.
    pub name: Arc<str>,
    /// What it is.
    pub kind: ShapeKind,
    /// The bounds it puts on its values.
    pub limits: Limits,
    /// What the shape itself says of its wire form.
    pub traits: Traits,
}

/// What a shape is.
#[derive(Debug)]
pub enum ShapeKind {
    /// Members by name.
    Structure(Structure),
    /// Items.
    List(ShapeRef),
    /// Entries.
    Map(ShapeRef, ShapeRef),
    /// Text, with the allowed values if it is an enumeration.
    String(Vec<String>),
    /// Whole numbers of 32 bits.
    Integer,
    /// Whole numbers of 64 bits.
    Long,
    /// 32-bit floating point.
    Float,
    /// 64-bit floating point.
    Double,
    /// True or false.
    Boolean,
    /// Bytes.
    Blob,
    /// A point in time.
    Timestamp,
    /// Any JSON value (`document: true`).
    Document,
}

/// A structure shape.
#[derive(Debug, Default)]
pub struct Structure {
    /// In the model's order.
    pub members: Vec<Member>,
    /// The member that is the whole HTTP body.
    pub payload: Option<Name>,
    /// Exactly one member is set.
    pub union: bool,
    /// Set for errors.
    pub error: Option<ErrorShape>,
}

/// What a structure with `exception` says of itself.
#[derive(Debug, Clone, Default)]
pub struct ErrorShape {
    /// The code on the wire, if it is not the shape's name (`error.code`).
    pub code: Option<String>,
    /// The HTTP status (`error.httpStatusCode`).
    pub status: Option<u16>,
    /// The fault is the client's (`error.senderFault`, or a 4xx status).
    pub sender_fault: bool,
}

/// `min`, `max` and `pattern` of a shape: length of strings and blobs, value of numbers, item count of lists and maps.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Inclusive.
    pub min: Option<f64>,
    /// Inclusive.
    pub max: Option<f64>,
    /// A regular expression the whole text must match.
    pub pattern: Option<String>,
    /// [`Limits::pattern`], compiled when first needed.
    pub(crate) compiled: OnceLock<Option<regex_lite::Regex>>,
}

impl Limits {
    /// These bounds.
    pub fn new(min: Option<f64>, max: Option<f64>, pattern: Option<String>) -> Limits {
        Limits { min, max, pattern, compiled: OnceLock::new() }
    }
}

impl Model {
    /// The shape a reference means.
    pub fn shape(&self, reference: &ShapeRef) -> &Shape {
        &self.shapes[reference.shape]
    }
}

impl ShapeKind {
    /// The word for it, for error messages: `structure`, `integer` …
    pub fn word(&self) -> &'static str {
        match self {
            ShapeKind::Structure(_) => "structure",
            ShapeKind::List(_) => "list",
            ShapeKind::Map(..) => "map",
            ShapeKind::String(_) => "string",
            ShapeKind::Integer => "integer",
            ShapeKind::Long => "long",
            ShapeKind::Float => "float",
            ShapeKind::Double => "double",
            ShapeKind::Boolean => "boolean",
            ShapeKind::Blob => "blob",
            ShapeKind::Timestamp => "timestamp",
            ShapeKind::Document => "document",
        }
    }
}

impl Structure {
    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| &*member.name == name)
    }
}
