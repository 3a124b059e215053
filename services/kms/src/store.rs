//! Keys, aliases and grants: kept in `state`, answered from memory. A change is durable before memory shows it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use base::{Region, Timestamp};
use bytes::Bytes;
use policy::{Policy, PolicySet};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::ApiError;
use state::{Expect, Op, State, Table};

use crate::Error;
use crate::key::{Alias, Grant, Key};
use crate::master::MasterKey;

pub(crate) const KEYS: Table = "kms/keys";
const ALIASES: Table = "kms/aliases";
const GRANTS: Table = "kms/grants";

/// Keys could not be opened. For our own log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The tables did not read.
    #[error("the tables of KMS did not read: {0}")]
    State(#[from] state::Error),
    /// What wraps a key's material is not among the master keys.
    #[error("the material of the key {0} is wrapped under a master key that is not there: restore it")]
    NoMasterKey(String),
}

/// A key in memory.
pub struct Held {
    /// The revision of its row.
    rev: u64,
    /// The key.
    pub key: Key,
    /// Its policy, ready to be asked. One that does not read lets nobody in.
    pub policies: Arc<PolicySet>,
}

impl Held {
    /// Whether it is the same key, unchanged.
    pub fn is_as(&self, seen: &Held) -> bool {
        self.rev == seen.rev
    }
}

impl std::ops::Deref for Held {
    type Target = Key;

    fn deref(&self) -> &Key {
        &self.key
    }
}

/// By region and name.
type Name = (&'static str, String);
/// By region, key and identifier.
type GrantName = (&'static str, String, String);

/// What is in memory.
#[derive(Default)]
pub struct Memory {
    keys: BTreeMap<Name, Arc<Held>>,
    aliases: BTreeMap<Name, (u64, Arc<Alias>)>,
    grants: BTreeMap<GrantName, (u64, Arc<Grant>)>,
}

/// One step of a change.
pub enum Step {
    /// Writes a key.
    Put(Box<Key>),
    /// Removes a key, whose aliases and grants are gone or go with it.
    Remove(Arc<Held>),
    /// Writes an alias.
    PutAlias(Alias),
    /// Removes an alias.
    RemoveAlias(Arc<Alias>),
    /// Writes a grant.
    PutGrant(Grant),
    /// Removes a grant.
    RemoveGrant(Arc<Grant>),
}

pub(crate) struct Store {
    state: Arc<dyn State>,
    memory: RwLock<Memory>,
    /// One change at a time, so that memory follows the order of commits.
    changes: tokio::sync::Mutex<()>,
}

/// Whether there are keys in these tables, so that there must be a master key already.
pub async fn has_keys(state: &dyn State) -> Result<bool, state::Error> {
    Ok(!state.scan(KEYS, state::Range::all(), 1).await?.is_empty())
}

fn region(name: &str) -> &'static str {
    Region::parse(name).map_or("", Region::as_str)
}

impl Memory {
    /// A key that was not to be deleted before `now`.
    pub fn key(&self, region: Region, id: &str, now: Timestamp) -> Option<Arc<Held>> {
        let held = self.keys.get(&(region.as_str(), id.to_owned()))?;
        held.deletion.is_none_or(|due| now < due).then(|| Arc::clone(held))
    }

    /// All keys of a region, by identifier.
    pub fn keys(&self, region: Region, now: Timestamp) -> impl Iterator<Item = &Arc<Held>> {
        let range = (Bound::Included((region.as_str(), String::new())), Bound::Unbounded);
        let keys = self.keys.range(range).take_while(move |((of, _), _)| *of == region.as_str());
        keys.map(|(_, held)| held).filter(move |held| held.deletion.is_none_or(|due| now < due))
    }

    /// All keys, also those whose deletion is due.
    pub fn all_keys(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.keys.values()
    }

    /// An alias.
    pub fn alias(&self, region: Region, name: &str) -> Option<Arc<Alias>> {
        self.aliases.get(&(region.as_str(), name.to_owned())).map(|(_, alias)| Arc::clone(alias))
    }

    /// All aliases of a region, by name.
    pub fn aliases(&self, region: Region) -> impl Iterator<Item = &Arc<Alias>> {
        let range = (Bound::Included((region.as_str(), String::new())), Bound::Unbounded);
        let aliases = self.aliases.range(range).take_while(move |((of, _), _)| *of == region.as_str());
        aliases.map(|(_, (_, alias))| alias)
    }

    /// The grants of a key, by identifier.
    pub fn grants<'a>(&'a self, region_name: &str, key_id: &'a str) -> impl Iterator<Item = &'a Arc<Grant>> {
        let region = region(region_name);
        let range = (Bound::Included((region, key_id.to_owned(), String::new())), Bound::Unbounded);
        let grants = self.grants.range(range).take_while(move |((of, key, _), _)| *of == region && key == key_id);
        grants.map(|(_, (_, grant))| grant)
    }

    /// All grants of a region.
    pub fn all_grants(&self, region: Region) -> impl Iterator<Item = &Arc<Grant>> {
        let range = (Bound::Included((region.as_str(), String::new(), String::new())), Bound::Unbounded);
        let grants = self.grants.range(range).take_while(move |((of, ..), _)| *of == region.as_str());
        grants.map(|(_, (_, grant))| grant)
    }

    fn hold_key(&mut self, rev: u64, key: Key) {
        let policies = match Policy::parse(&key.policy) {
            Ok(policy) => PolicySet::new([(key.arn.clone(), policy)]),
            Err(error) => {
                tracing::error!(key = key.arn, %error, "the policy of a key does not read; it lets nobody in");
                PolicySet::empty()
            }
        };
        let name = (region(&key.region), key.id.clone());
        self.keys.insert(name, Arc::new(Held { rev, key, policies: Arc::new(policies) }));
    }

    fn hold_alias(&mut self, rev: u64, alias: Alias) {
        self.aliases.insert((region(&alias.region), alias.name.clone()), (rev, Arc::new(alias)));
    }

    fn hold_grant(&mut self, rev: u64, grant: Grant) {
        self.grants.insert(grant_name(&grant), (rev, Arc::new(grant)));
    }

    /// The commit's operation of a step.
    fn op(&self, step: &Step) -> Result<Op, ApiError> {
        let rev = |found: Option<u64>| Expect::from(found);
        Ok(match step {
            Step::Put(key) => {
                let name = (region(&key.region), key.id.clone());
                put(KEYS, &[&key.region, &key.id], &**key, rev(self.keys.get(&name).map(|held| held.rev)))?
            }
            Step::Remove(held) => delete(KEYS, &[&held.region, &held.id], Expect::Rev(held.rev)),
            Step::PutAlias(alias) => {
                let name = (region(&alias.region), alias.name.clone());
                let expect = rev(self.aliases.get(&name).map(|(rev, _)| *rev));
                put(ALIASES, &[&alias.region, &alias.name], alias, expect)?
            }
            Step::RemoveAlias(alias) => {
                let name = (region(&alias.region), alias.name.clone());
                let expect = rev(self.aliases.get(&name).map(|(rev, _)| *rev));
                delete(ALIASES, &[&alias.region, &alias.name], expect)
            }
            Step::PutGrant(grant) => {
                let expect = rev(self.grants.get(&grant_name(grant)).map(|(rev, _)| *rev));
                put(GRANTS, &[&grant.region, &grant.key_id, &grant.id], grant, expect)?
            }
            Step::RemoveGrant(grant) => {
                let expect = rev(self.grants.get(&grant_name(grant)).map(|(rev, _)| *rev));
                delete(GRANTS, &[&grant.region, &grant.key_id, &grant.id], expect)
            }
        })
    }

    fn apply(&mut self, step: Step, rev: u64) {
        match step {
            Step::Put(key) => self.hold_key(rev, *key),
            Step::Remove(held) => drop(self.keys.remove(&(region(&held.region), held.id.clone()))),
            Step::PutAlias(alias) => self.hold_alias(rev, alias),
            Step::RemoveAlias(alias) => drop(self.aliases.remove(&(region(&alias.region), alias.name.clone()))),
            Step::PutGrant(grant) => self.hold_grant(rev, grant),
            Step::RemoveGrant(grant) => drop(self.grants.remove(&grant_name(&grant))),
        }
    }
}

fn grant_name(grant: &Grant) -> GrantName {
    (region(&grant.region), grant.key_id.clone(), grant.id.clone())
}

fn put<T: Serialize>(table: Table, name: &[&str], value: &T, expect: Expect) -> Result<Op, ApiError> {
    let value = Bytes::from(serde_json::to_vec(value).map_err(ApiError::internal)?);
    Ok(Op::Put { table, key: state::key::key(name), value, expect })
}

fn delete(table: Table, name: &[&str], expect: Expect) -> Op {
    Op::Delete { table, key: state::key::key(name), expect }
}

async fn read<T: DeserializeOwned>(
    state: &dyn State,
    table: Table,
    mut each: impl FnMut(u64, T),
) -> Result<(), state::Error> {
    state::scan_all(state, table, state::Range::all(), |row| {
        let value = serde_json::from_slice(&row.value)
            .map_err(|error| state::Error::Document { table, source: Arc::new(error) })?;
        each(row.rev, value);
        Ok::<_, state::Error>(true)
    })
    .await
}

impl Store {
    pub async fn open(state: Arc<dyn State>, master: &dyn MasterKey) -> Result<Store, OpenError> {
        let mut memory = Memory::default();
        read(&*state, KEYS, |rev, key| memory.hold_key(rev, key)).await?;
        read(&*state, ALIASES, |rev, alias| memory.hold_alias(rev, alias)).await?;
        read(&*state, GRANTS, |rev, grant| memory.hold_grant(rev, grant)).await?;
        for held in memory.all_keys() {
            let mut wrapped = held.materials.iter().filter_map(|material| material.wrapped.as_deref());
            if !wrapped.all(|wrapped| master.knows(wrapped)) {
                return Err(OpenError::NoMasterKey(held.arn.clone()));
            }
        }
        Ok(Store { state, memory: RwLock::new(memory), changes: tokio::sync::Mutex::new(()) })
    }

    /// Looks at what there is.
    pub fn see<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.memory.read().expect("no holder of this lock can panic"))
    }

    /// Changes what there is by the steps that `plan` makes of it. Returns when that is durable.
    pub async fn change<T>(
        &self,
        plan: impl FnOnce(&Memory) -> Result<(Vec<Step>, T), ApiError>,
    ) -> Result<T, ApiError> {
        let _turn = self.changes.lock().await;
        let (steps, ops, answer) = self.see(|memory| {
            let (steps, answer) = plan(memory)?;
            let ops: Vec<Op> = steps.iter().map(|step| memory.op(step)).collect::<Result<_, _>>()?;
            Ok::<_, ApiError>((steps, ops, answer))
        })?;
        if steps.is_empty() {
            return Ok(answer);
        }
        let info = self.state.commit(ops).await.map_err(|error| match error {
            state::Error::Conflict { .. } => {
                Error::ConflictException("The resource was changed at the same time.".to_owned()).into()
            }
            other => ApiError::unavailable(other),
        })?;
        let mut memory = self.memory.write().expect("no holder of this lock can panic");
        for (at, step) in steps.into_iter().enumerate() {
            memory.apply(step, info.revs.get(at).copied().unwrap_or_default());
        }
        Ok(answer)
    }
}
