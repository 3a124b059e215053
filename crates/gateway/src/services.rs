//! The services there are: those of the catalog, each with its model once it is asked for, and with the handlers of those
//! that are written here.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use model::{Model, Protocol};
use service::{Definition, Handler};
use wire::Router;

use crate::audit::{EventKind, describe};

/// All services, by the names under which requests mean them.
pub struct Services {
    all: Vec<Entry>,
    by_target: HashMap<String, usize>,
}

/// A service of the catalog.
pub struct Entry {
    /// What is known without its model.
    pub index: &'static model::ServiceIndex,
    position: usize,
    definition: Option<Definition>,
    loaded: OnceLock<Option<Loaded>>,
}

/// A service with its model.
pub struct Loaded {
    /// Its place among the services.
    pub position: usize,
    /// The model.
    pub model: Arc<Model>,
    /// Finds REST operations.
    pub router: Router,
    /// By the model's operation names.
    pub operations: HashMap<Arc<str>, OperationEntry>,
}

/// An operation of the model.
pub struct OperationEntry {
    /// What its events are.
    pub kind: Arc<EventKind>,
    /// `s3:ListBucket`.
    pub action: String,
    /// The same where the input names a version: `s3:GetObjectVersion`.
    pub version_action: String,
    /// Who runs it, if it is written.
    pub handler: Option<Arc<dyn Handler>>,
    /// The prefix in its ARNs.
    pub prefix: String,
}

impl Services {
    /// The catalog's services with these definitions.
    ///
    /// # Panics
    /// If a definition names a service that the catalog lacks.
    pub fn new(definitions: Vec<Definition>) -> Services {
        let mut by_name: HashMap<&'static str, Definition> = definitions.into_iter().map(|d| (d.model, d)).collect();
        let mut services = Services { all: Vec::new(), by_target: HashMap::new() };
        for index in model::catalog().index() {
            if let Some(target) = &index.target_prefix {
                services.by_target.insert(target.clone(), services.all.len());
                // Smithy's SDKs leave the package name out of CloudTrail's: `CloudTrail_20131101.CreateTrail`.
                if let Some((_, short)) = target.rsplit_once('.') {
                    services.by_target.entry(short.to_owned()).or_insert(services.all.len());
                }
            }
            let definition = by_name.remove(index.name.as_str());
            let position = services.all.len();
            services.all.push(Entry { index, position, definition, loaded: OnceLock::new() });
        }
        assert!(by_name.is_empty(), "no model for {:?}", by_name.keys());
        services
    }

    /// The service whose `X-Amz-Target` starts so.
    pub fn by_target(&self, prefix: &str) -> Option<&Entry> {
        self.by_target.get(prefix).map(|at| &self.all[*at])
    }

    /// The service of this name in the catalog.
    pub fn by_name(&self, name: &str) -> Option<&Entry> {
        self.all.iter().find(|entry| entry.index.name == name)
    }

    /// The place of the service of this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_name(name).map(|entry| entry.position)
    }

    /// The names of all, by their places.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(|entry| entry.index.name.clone())
    }

    /// The service that signs with this name.
    pub fn by_signing_name(&self, name: &str) -> Option<&Entry> {
        let endpoint = || self.all.iter().find(|entry| entry.index.endpoint_prefix == name);
        self.all.iter().find(|entry| entry.index.signing_name == name).or_else(endpoint)
    }

    /// The service with this version of a Query API, for unsigned requests.
    pub fn by_query_version(&self, version: &str) -> Option<&Entry> {
        let speaks =
            |entry: &&Entry| entry.index.protocols.iter().any(|p| matches!(p, Protocol::Query | Protocol::Ec2));
        self.all.iter().filter(speaks).find(|entry| entry.index.api_version == version)
    }
}

impl Entry {
    /// The service with its model, read now if it was not before. `None` only if the embedded model is damaged.
    pub fn loaded(&self) -> Option<&Loaded> {
        self.loaded.get_or_init(|| self.load()).as_ref()
    }

    fn load(&self) -> Option<Loaded> {
        let model = model::catalog().get(&self.index.name)?;
        let prefix = self.definition.as_ref().map_or(self.index.signing_name.as_str(), |d| d.prefix).to_owned();
        let operations = model.operations.values().map(|operation| {
            let handler = self.definition.as_ref().and_then(|d| d.operations.get(&*operation.name)).cloned();
            let action = handler.as_ref().map_or(&*operation.name, |handler| handler.action());
            let version_action = handler.as_ref().map_or(action, |handler| handler.version_action());
            let version_action = format!("{prefix}:{version_action}");
            let action = format!("{prefix}:{action}");
            let kind = Arc::new(describe(&model, operation));
            (
                Arc::clone(&operation.name),
                OperationEntry { kind, action, version_action, handler, prefix: prefix.clone() },
            )
        });
        let operations = operations.collect();
        Some(Loaded { position: self.position, router: Router::new(&model), operations, model })
    }
}
