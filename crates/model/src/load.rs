//! Reads a service model in botocore's JSON form (`service-2.json`) into a [`Model`] in which every reference is resolved.
//!
//! Never guesses: a reference to nowhere, an unknown type, location or protocol is an error that names its place. Keys that
//! no protocol needs (prose, endpoint rules) are skipped.

use std::collections::HashMap;
use std::sync::Arc;

use crate::raw::{RawMetadata, RawModel, RawOperation, RawShape};
use crate::shape::{
    ErrorShape, Limits, Location, Member, Metadata, Model, Operation, Protocol, Segment, Shape, ShapeKind, ShapeRef,
    Structure, TimestampFormat, Traits, UriPattern,
};
use crate::value::Name;

/// Why a model could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not JSON, or not in a service model's form.
    #[error("reading the model of {model}")]
    Json {
        /// The model's name as given to [`load`].
        model: String,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// Not a gzip stream, or a broken one.
    #[error("unpacking the model of {model}")]
    Gzip {
        /// The model's name.
        model: String,
        /// What the decoder found.
        source: std::io::Error,
    },
    /// The JSON is well formed, but what it says cannot be meant.
    #[error("model of {model}: {place}: {problem}")]
    Meaning {
        /// The model's name.
        model: String,
        /// The shape, operation or block.
        place: String,
        /// What is wrong there.
        problem: String,
    },
}

/// Reads a `service-2.json`. `name` is the service's folder name in botocore (`cloudtrail`).
///
/// # Errors
/// If the bytes are not a service model, or refer to shapes that it does not have.
pub fn load(name: &str, json: &[u8]) -> Result<Model, LoadError> {
    let raw = serde_json::from_slice(json).map_err(|source| LoadError::Json { model: name.to_owned(), source })?;
    resolve(name, raw)
}

/// Reads a model that is already JSON in memory: `{metadata, operations, shapes}`, each of which may be missing. Members of
/// structures come in the order in which the [`serde_json::Value`] holds them.
///
/// # Errors
/// As [`load`].
pub fn from_json_value(name: &str, json: &serde_json::Value) -> Result<Model, LoadError> {
    let raw = serde::Deserialize::deserialize(json);
    resolve(name, raw.map_err(|source| LoadError::Json { model: name.to_owned(), source })?)
}

fn resolve(name: &str, raw: RawModel<'_>) -> Result<Model, LoadError> {
    let mut shape_by_name = HashMap::with_capacity(raw.shapes.0.len());
    for (at, (shape_name, _)) in raw.shapes.0.iter().enumerate() {
        shape_by_name.insert(Arc::from(&**shape_name), at);
    }
    let resolver = Resolver { model: name, shapes: &raw.shapes.0, by_name: &shape_by_name };
    let shapes = raw.shapes.0.iter().map(|(name, shape)| resolver.shape(name, shape)).collect::<Result<Vec<_>, _>>()?;
    let mut operations = HashMap::with_capacity(raw.operations.0.len());
    for (key, operation) in &raw.operations.0 {
        let operation = resolver.operation(key, operation)?;
        operations.insert(Arc::clone(&operation.name), operation);
    }
    let metadata = resolver.metadata(&raw.metadata)?;
    Ok(Model { name: Arc::from(name), metadata, operations, shapes, shape_by_name })
}

struct Resolver<'a> {
    model: &'a str,
    shapes: &'a [(std::borrow::Cow<'a, str>, RawShape<'a>)],
    by_name: &'a HashMap<Arc<str>, usize>,
}

impl Resolver<'_> {
    fn wrong(&self, place: &str, problem: impl Into<String>) -> LoadError {
        LoadError::Meaning { model: self.model.to_owned(), place: place.to_owned(), problem: problem.into() }
    }

    fn metadata(&self, raw: &RawMetadata) -> Result<Metadata, LoadError> {
        let mut protocols = Vec::new();
        for word in raw.protocol.iter().chain(&raw.protocols) {
            let protocol =
                Protocol::parse(word).ok_or_else(|| self.wrong("metadata", format!("unknown protocol \"{word}\"")))?;
            if !protocols.contains(&protocol) {
                protocols.push(protocol);
            }
        }
        let endpoint_prefix = raw.endpoint_prefix.clone().unwrap_or_default();
        Ok(Metadata {
            protocols,
            api_version: raw.api_version.clone().unwrap_or_default(),
            signing_name: raw.signing_name.clone().unwrap_or_else(|| endpoint_prefix.clone()),
            endpoint_prefix,
            target_prefix: raw.target_prefix.clone(),
            json_version: raw.json_version.clone(),
            service_id: raw.service_id.clone().unwrap_or_default(),
            xml_namespace: raw.xml_namespace.as_ref().map(|(uri, _)| uri.clone()),
            query_compatible: raw.aws_query_compatible.is_some(),
            global_endpoint: raw.global_region.clone(),
        })
    }

    fn operation(&self, key: &str, raw: &RawOperation<'_>) -> Result<Operation, LoadError> {
        let reference = |raw: &Option<RawShape<'_>>| raw.as_ref().map(|raw| self.reference(key, raw)).transpose();
        let unwrapped_xml_output = match &raw.output {
            Some(output) => self.target(key, output)?.1.unwrapped_xml_output || raw.unwrapped_xml_output,
            None => raw.unwrapped_xml_output,
        };
        Ok(Operation {
            name: Arc::from(raw.name.as_deref().unwrap_or(key)),
            method: raw.http.method.clone().unwrap_or_else(|| "POST".to_owned()),
            uri: UriPattern::parse(raw.http.request_uri.as_deref().unwrap_or("/")).map_err(|e| self.wrong(key, e))?,
            status: raw.http.response_code.unwrap_or(200),
            input: reference(&raw.input)?,
            output: reference(&raw.output)?,
            errors: raw.errors.iter().map(|raw| self.reference(key, raw)).collect::<Result<_, _>>()?,
            result_wrapper: raw.output.as_ref().and_then(|output| output.result_wrapper.clone()),
            read_only: raw.readonly,
            unsigned: raw.authtype.as_deref() == Some("none"),
            unwrapped_xml_output,
            host_prefix: raw.endpoint.as_ref().and_then(|endpoint| endpoint.host_prefix.clone()),
        })
    }

    fn shape(&self, name: &str, raw: &RawShape<'_>) -> Result<Shape, LoadError> {
        let reference = |part: &Option<Box<RawShape<'_>>>, word: &str| match part {
            Some(part) => self.reference(name, part),
            None => Err(self.wrong(name, format!("a {} without \"{word}\"", raw.kind))),
        };
        let kind = match &*raw.kind {
            "structure" if raw.document => ShapeKind::Document,
            "structure" => ShapeKind::Structure(self.structure(name, raw)?),
            "list" => ShapeKind::List(reference(&raw.member, "member")?),
            "map" => ShapeKind::Map(reference(&raw.key, "key")?, reference(&raw.value, "value")?),
            "string" | "character" => ShapeKind::String(raw.values.clone()),
            "integer" => ShapeKind::Integer,
            "long" => ShapeKind::Long,
            "float" => ShapeKind::Float,
            "double" => ShapeKind::Double,
            "boolean" => ShapeKind::Boolean,
            "blob" => ShapeKind::Blob,
            "timestamp" => ShapeKind::Timestamp,
            other => return Err(self.wrong(name, format!("unknown type \"{other}\""))),
        };
        let limits = Limits::new(raw.min, raw.max, raw.pattern.clone());
        Ok(Shape { name: Arc::from(name), kind, limits, traits: self.traits(name, raw, None)? })
    }

    fn structure(&self, name: &str, raw: &RawShape<'_>) -> Result<Structure, LoadError> {
        let mut members = Vec::with_capacity(raw.members.0.len());
        for (member, target) in &raw.members.0 {
            let required = raw.required.iter().any(|required| required == member);
            members.push(Member { name: Name::from(&**member), target: self.reference(name, target)?, required });
        }
        let known = |wanted: &str| members.iter().any(|member: &Member| &*member.name == wanted);
        if let Some(missing) = raw.required.iter().map(|name| &**name).chain(raw.payload.as_deref()).find(|n| !known(n))
        {
            return Err(self.wrong(name, format!("requires or carries a member that it does not have: \"{missing}\"")));
        }
        let error = raw.exception.then(|| {
            let stated = raw.error.clone().unwrap_or_default();
            let client_status = stated.http_status_code.is_none_or(|status| (400..500).contains(&status));
            ErrorShape {
                code: stated.code,
                status: stated.http_status_code,
                sender_fault: stated.sender_fault.unwrap_or(client_status && !raw.fault),
            }
        });
        Ok(Structure { members, payload: raw.payload.as_deref().map(Name::from), union: raw.union, error })
    }

    fn target(&self, place: &str, raw: &RawShape<'_>) -> Result<(usize, &RawShape<'_>), LoadError> {
        let at = self.by_name.get(&*raw.shape);
        let at = *at.ok_or_else(|| self.wrong(place, format!("refers to an unknown shape \"{}\"", raw.shape)))?;
        Ok((at, &self.shapes[at].1))
    }

    fn reference(&self, place: &str, raw: &RawShape<'_>) -> Result<ShapeRef, LoadError> {
        let (shape, target) = self.target(place, raw)?;
        Ok(ShapeRef { shape, traits: self.traits(place, raw, Some(target))? })
    }

    /// The traits of a use, over those of the shape it uses. The name that a shape gives itself names the root element of a
    /// body and nothing else (Smithy, "XML bindings", `xmlName`), so a use does not take it over: it is in [`Shape::traits`].
    fn traits(&self, place: &str, own: &RawShape<'_>, target: Option<&RawShape<'_>>) -> Result<Traits, LoadError> {
        let shape = target.unwrap_or(own);
        let location = match own.location.as_deref() {
            Some(word) => {
                let location = Location::parse(word);
                Some(location.ok_or_else(|| self.wrong(place, format!("unknown location \"{word}\"")))?)
            }
            None => None,
        };
        let timestamp_format = match own.timestamp_format.as_deref().or(shape.timestamp_format.as_deref()) {
            Some(word) => {
                let format = TimestampFormat::parse(word);
                Some(format.ok_or_else(|| self.wrong(place, format!("unknown timestamp format \"{word}\"")))?)
            }
            None => None,
        };
        Ok(Traits {
            location_name: own.location_name.as_deref().map(Name::from),
            query_name: own.query_name.as_deref().map(Name::from),
            location,
            flattened: own.flattened || shape.flattened,
            xml_attribute: own.xml_attribute || shape.xml_attribute,
            xml_namespace: own.xml_namespace.as_ref().or(shape.xml_namespace.as_ref()).cloned(),
            timestamp_format,
            json_value: own.jsonvalue || shape.jsonvalue,
            streaming: own.streaming || shape.streaming,
            event_stream: own.eventstream || shape.eventstream,
            sensitive: own.sensitive || shape.sensitive,
            idempotency_token: own.idempotency_token,
        })
    }
}

impl Protocol {
    /// The protocol of this name in a model's metadata (`rest-json`).
    pub fn parse(word: &str) -> Option<Protocol> {
        Some(match word {
            "json" => Protocol::Json,
            "query" => Protocol::Query,
            "ec2" => Protocol::Ec2,
            "rest-json" => Protocol::RestJson,
            "rest-xml" => Protocol::RestXml,
            "smithy-rpc-v2-cbor" => Protocol::RpcV2Cbor,
            _ => return None,
        })
    }
}

impl Location {
    fn parse(word: &str) -> Option<Location> {
        Some(match word {
            "header" => Location::Header,
            "headers" => Location::Headers,
            "querystring" => Location::Query,
            "uri" => Location::Uri,
            "statusCode" => Location::StatusCode,
            _ => return None,
        })
    }
}

impl TimestampFormat {
    fn parse(word: &str) -> Option<TimestampFormat> {
        Some(match word {
            "iso8601" => TimestampFormat::Iso8601,
            "rfc822" => TimestampFormat::Rfc822,
            "unixTimestamp" => TimestampFormat::Unix,
            _ => return None,
        })
    }
}

impl UriPattern {
    /// Splits a `requestUri`: `/{Bucket}/{Key+}?uploads`. A slash at the end adds no segment.
    ///
    /// # Errors
    /// Says what is wrong: a label that is not a whole segment, or a greedy one that is not the last of its path's labels.
    pub fn parse(uri: &str) -> Result<UriPattern, String> {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments: Vec<Segment> = Vec::new();
        for text in path.split('/').filter(|_| !path.is_empty()) {
            let label = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let segment = match label {
                Some(name) => match name.strip_suffix('+') {
                    Some(name) => Segment::Greedy(name.to_owned()),
                    None => Segment::Label(name.to_owned()),
                },
                None => Segment::Literal(text.to_owned()),
            };
            if label.unwrap_or(text).contains(['{', '}']) {
                return Err(format!("a label of \"{uri}\" is not a whole path segment"));
            }
            if segments.iter().any(|earlier| matches!(earlier, Segment::Greedy(_))) && label.is_some() {
                return Err(format!("a label of \"{uri}\" follows a greedy one"));
            }
            segments.push(segment);
        }
        let query = query.split('&').filter(|pair| !pair.is_empty());
        let query = query.map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (pair.to_owned(), None),
        });
        Ok(UriPattern { segments, query: query.collect() })
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
#[allow(clippy::disallowed_methods, reason = "tests read their reference data")]
mod tests;
