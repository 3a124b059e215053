//! The models that are built in, each read when it is first asked for, and an index of them for routing.
//!
//! Nothing is unpacked or parsed at start but the index (some kilobytes).

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, OnceLock};

use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::load::{LoadError, load};
use crate::shape::{Model, Protocol};

static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/models.rs"));
static INDEX: &str = include_str!("../../../models/index.json");

/// The first bytes of a gzip stream (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The built-in models.
pub struct Catalog {
    index: Vec<ServiceIndex>,
    models: HashMap<&'static str, Entry>,
}

struct Entry {
    bytes: &'static [u8],
    model: OnceLock<Arc<Model>>,
}

/// What routing needs to know of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceIndex {
    /// The model's name in the catalog: `cloudtrail`, `stepfunctions` …
    pub name: String,
    /// The preferred one first.
    pub protocols: Vec<Protocol>,
    /// `2013-11-01`.
    pub api_version: String,
    /// The first label of the endpoint's host name.
    pub endpoint_prefix: String,
    /// The service in a signature's credential scope.
    pub signing_name: String,
    /// See [`crate::shape::Metadata::target_prefix`].
    pub target_prefix: Option<String>,
    /// See [`crate::shape::Metadata::global_endpoint`].
    pub global_region: Option<String>,
}

/// The built-in models.
pub fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| {
        let index = read_index(INDEX).expect("the index is written with the models, and a test reads it");
        let models = EMBEDDED.iter().map(|(name, bytes)| (*name, Entry { bytes, model: OnceLock::new() }));
        Catalog { index, models: models.collect() }
    })
}

impl Catalog {
    /// The model of this name; `None` if there is none. The first call for a model reads it, which takes milliseconds
    /// (tens of them for `ec2`).
    pub fn get(&self, name: &str) -> Option<Arc<Model>> {
        let (name, entry) = self.models.get_key_value(name)?;
        let model = entry.model.get_or_init(|| {
            let model = unpack(name, entry.bytes).and_then(|json| load(name, &json));
            Arc::new(model.expect("every built-in model is read by a test"))
        });
        Some(Arc::clone(model))
    }

    /// The names of all models, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// What routing needs to know of each service, sorted by name.
    pub fn index(&self) -> &[ServiceIndex] {
        &self.index
    }

    /// The index entry of a model.
    pub fn service(&self, name: &str) -> Option<&ServiceIndex> {
        self.index.iter().find(|service| service.name == name)
    }

    /// The service and operation that an `X-Amz-Target` header names: `Prefix.Operation`. SDKs made from Smithy models send
    /// only the last part of a prefix that has dots (`CloudTrail_20131101.CreateTrail`).
    pub fn by_target<'t>(&self, target: &'t str) -> Option<(&ServiceIndex, &'t str)> {
        let (prefix, operation) = target.rsplit_once('.')?;
        Some((self.by_target_prefix(prefix)?, operation))
    }

    /// The service with this target prefix, or with one whose last part (after a dot) it is. Also the service's name in
    /// RPC v2 CBOR's paths.
    pub fn by_target_prefix(&self, prefix: &str) -> Option<&ServiceIndex> {
        self.index.iter().find(|service| {
            let known = service.target_prefix.as_deref();
            known.is_some_and(|known| known == prefix || known.rsplit_once('.').is_some_and(|(_, last)| last == prefix))
        })
    }

    /// The service that signs with this name. Where several do, the API version decides; without one that fits, the first.
    pub fn by_signing_name(&self, signing_name: &str, api_version: Option<&str>) -> Option<&ServiceIndex> {
        let mut fitting = self.index.iter().filter(|service| service.signing_name == signing_name);
        let first = fitting.clone().next();
        fitting.find(|service| Some(&*service.api_version) == api_version).or(first)
    }

    /// The service with this endpoint prefix: the first label of the host that a client wanted to reach.
    pub fn by_endpoint_prefix(&self, endpoint_prefix: &str) -> Option<&ServiceIndex> {
        self.index.iter().find(|service| service.endpoint_prefix == endpoint_prefix)
    }

    /// The service that a form of the Query or EC2 protocol means: by its `Version`, and by its `Action` where several
    /// services share the version. For calls without a signature (AssumeRoleWithWebIdentity).
    pub fn by_query(&self, action: &str, version: &str) -> Option<&ServiceIndex> {
        let speaks =
            |service: &ServiceIndex| service.protocols.iter().any(|p| matches!(p, Protocol::Query | Protocol::Ec2));
        let mut fitting = self.index.iter().filter(|service| service.api_version == version && speaks(service));
        let first = fitting.next()?;
        if fitting.clone().next().is_none() {
            return Some(first);
        }
        let has = |service: &ServiceIndex| self.get(&service.name).is_some_and(|m| m.operations.contains_key(action));
        std::iter::once(first).chain(fitting).find(|service| has(service))
    }
}

fn unpack(name: &str, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes.to_vec());
    }
    let mut json = Vec::new();
    let read = GzDecoder::new(bytes).read_to_end(&mut json);
    read.map_err(|source| LoadError::Gzip { model: name.to_owned(), source })?;
    Ok(json)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IndexEntry {
    name: String,
    protocols: Vec<String>,
    api_version: String,
    endpoint_prefix: String,
    signing_name: String,
    target_prefix: Option<String>,
    global_region: Option<String>,
}

fn read_index(json: &str) -> Result<Vec<ServiceIndex>, serde_json::Error> {
    let entries: Vec<IndexEntry> = serde_json::from_str(json)?;
    Ok(entries.into_iter().map(ServiceIndex::from).collect())
}

impl From<IndexEntry> for ServiceIndex {
    fn from(entry: IndexEntry) -> ServiceIndex {
        ServiceIndex {
            protocols: entry.protocols.iter().filter_map(|word| Protocol::parse(word)).collect(),
            name: entry.name,
            api_version: entry.api_version,
            endpoint_prefix: entry.endpoint_prefix,
            signing_name: entry.signing_name,
            target_prefix: entry.target_prefix,
            global_region: entry.global_region,
        }
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
