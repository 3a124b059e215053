//! A service model as botocore writes it, before references are resolved. Only what [`crate::load`] reads is here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

#[derive(Deserialize)]
pub(crate) struct RawModel<'a> {
    #[serde(default)]
    pub metadata: RawMetadata,
    #[serde(default, borrow)]
    pub operations: Entries<'a, RawOperation<'a>>,
    #[serde(default, borrow)]
    pub shapes: Entries<'a, RawShape<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RawMetadata {
    pub protocol: Option<String>,
    pub protocols: Vec<String>,
    pub api_version: Option<String>,
    pub endpoint_prefix: Option<String>,
    pub signing_name: Option<String>,
    pub target_prefix: Option<String>,
    pub json_version: Option<String>,
    pub service_id: Option<String>,
    #[serde(deserialize_with = "namespace")]
    pub xml_namespace: Option<(String, Option<String>)>,
    pub aws_query_compatible: Option<serde::de::IgnoredAny>,
    /// Ours, put in by a patch: botocore's `globalEndpoint` is also set for services that are regional (S3, STS).
    pub global_region: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct RawOperation<'a> {
    pub name: Option<String>,
    #[serde(default)]
    pub http: RawHttp,
    #[serde(borrow)]
    pub input: Option<RawShape<'a>>,
    #[serde(borrow)]
    pub output: Option<RawShape<'a>>,
    #[serde(default, borrow)]
    pub errors: Vec<RawShape<'a>>,
    pub readonly: Option<bool>,
    pub authtype: Option<String>,
    pub endpoint: Option<RawEndpoint>,
    #[serde(default, rename = "unwrappedxmloutput", alias = "s3UnwrappedXmlOutput", alias = "s3unwrappedxmloutput")]
    pub unwrapped_xml_output: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RawHttp {
    pub method: Option<String>,
    pub request_uri: Option<String>,
    pub response_code: Option<u16>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RawEndpoint {
    pub host_prefix: Option<String>,
}

/// A shape, or a use of one (`{"shape": …}`): they share the keys that say how a value travels.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RawShape<'a> {
    // A use.
    #[serde(borrow)]
    pub shape: Cow<'a, str>,
    pub result_wrapper: Option<String>,
    pub location: Option<Cow<'a, str>>,
    pub query_name: Option<Cow<'a, str>>,
    pub idempotency_token: bool,

    // Either.
    pub location_name: Option<Cow<'a, str>>,
    pub timestamp_format: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "namespace")]
    pub xml_namespace: Option<(String, Option<String>)>,
    pub flattened: bool,
    pub xml_attribute: bool,
    pub jsonvalue: bool,
    pub streaming: bool,
    pub eventstream: bool,
    pub sensitive: bool,

    // A shape.
    #[serde(rename = "type")]
    pub kind: Cow<'a, str>,
    pub members: Entries<'a, RawShape<'a>>,
    pub required: Vec<Cow<'a, str>>,
    pub payload: Option<Cow<'a, str>>,
    pub union: bool,
    pub document: bool,
    pub exception: bool,
    pub fault: bool,
    pub error: Option<RawError>,
    pub member: Option<Box<RawShape<'a>>>,
    pub key: Option<Box<RawShape<'a>>>,
    pub value: Option<Box<RawShape<'a>>>,
    #[serde(rename = "enum")]
    pub values: Vec<String>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub pattern: Option<String>,
    #[serde(alias = "s3UnwrappedXmlOutput", alias = "unwrappedxmloutput")]
    pub unwrapped_xml_output: bool,
}

#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RawError {
    pub code: Option<String>,
    pub http_status_code: Option<u16>,
    pub sender_fault: Option<bool>,
}

/// A JSON object in its own order.
pub(crate) struct Entries<'a, T>(pub Vec<(Cow<'a, str>, T)>);

impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Entries<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<'a, T>(PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Pairs<'a, T> {
            type Value = Entries<'a, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(Key(name)) = map.next_key()? {
                    entries.push((name, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// `"uri"` or `{"uri": …, "prefix": …}`.
fn namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(String, Option<String>)>, D::Error> {
    struct Namespace;
    impl<'de> Visitor<'de> for Namespace {
        type Value = Option<(String, Option<String>)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a namespace")
        }
        fn visit_str<E>(self, uri: &str) -> Result<Self::Value, E> {
            Ok(Some((uri.to_owned(), None)))
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut uri, mut prefix) = (String::new(), None);
            while let Some(Key(name)) = map.next_key()? {
                match &*name {
                    "prefix" => prefix = Some(map.next_value()?),
                    _ => uri = map.next_value()?,
                }
            }
            Ok(Some((uri, prefix)))
        }
    }
    deserializer.deserialize_any(Namespace)
}
