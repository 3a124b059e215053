//! Everything as it is: kept in `state`, answered from memory. A change is durable before memory shows it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::ApiError;
use state::{Expect, Op, State, Table};
use tokio::sync::watch;

use crate::Error;
use crate::records::{Account, Creation, Handshake, Organization, Policy, Unit};
use crate::world::World;

/// Accounts. Key: number.
const ACCOUNTS: Table = "organizations/accounts";
/// Organizations. Key: `o-…`.
const ORGANIZATIONS: Table = "organizations/organizations";
/// Units. Key: `ou-…`.
const UNITS: Table = "organizations/units";
/// Policies. Key: `p-…`.
const POLICIES: Table = "organizations/policies";
/// Handshakes. Key: `h-…`.
const HANDSHAKES: Table = "organizations/handshakes";
/// Requests for accounts. Key: `car-…`.
const CREATIONS: Table = "organizations/account-creations";

/// One document of any kind.
#[derive(Clone, Debug)]
pub enum Record {
    /// An account.
    Account(Account),
    /// An organization.
    Organization(Organization),
    /// A unit.
    Unit(Unit),
    /// A policy.
    Policy(Policy),
    /// A handshake.
    Handshake(Handshake),
    /// A request for an account.
    Creation(Creation),
}

/// What a change writes. Nothing twice.
#[derive(Debug, Default)]
pub struct Draft {
    puts: Vec<Record>,
    deletes: Vec<(Table, String)>,
}

impl Draft {
    /// Writes an account.
    pub fn account(&mut self, account: Account) {
        self.puts.push(Record::Account(account));
    }

    /// Writes an organization.
    pub fn organization(&mut self, organization: Organization) {
        self.puts.push(Record::Organization(organization));
    }

    /// Writes a unit.
    pub fn unit(&mut self, unit: Unit) {
        self.puts.push(Record::Unit(unit));
    }

    /// Writes a policy.
    pub fn policy(&mut self, policy: Policy) {
        self.puts.push(Record::Policy(policy));
    }

    /// Writes a handshake.
    pub fn handshake(&mut self, handshake: Handshake) {
        self.puts.push(Record::Handshake(handshake));
    }

    /// Writes a request for an account.
    pub fn creation(&mut self, creation: Creation) {
        self.puts.push(Record::Creation(creation));
    }

    /// Removes an organization; its units and policies go in changes of their own before, or with it.
    pub fn remove_organization(&mut self, id: &str) {
        self.deletes.push((ORGANIZATIONS, id.to_owned()));
    }

    /// Removes a unit.
    pub fn remove_unit(&mut self, id: &str) {
        self.deletes.push((UNITS, id.to_owned()));
    }

    /// Removes a policy.
    pub fn remove_policy(&mut self, id: &str) {
        self.deletes.push((POLICIES, id.to_owned()));
    }

    /// Removes a handshake.
    pub fn remove_handshake(&mut self, id: &str) {
        self.deletes.push((HANDSHAKES, id.to_owned()));
    }

    /// Removes a request for an account.
    pub fn remove_creation(&mut self, id: &str) {
        self.deletes.push((CREATIONS, id.to_owned()));
    }
}

/// Revisions of rows.
type Revisions = HashMap<(Table, String), u64>;

/// See the module.
pub struct Store {
    state: Arc<dyn State>,
    world: RwLock<World>,
    /// One change at a time, so that memory follows the order of commits.
    revisions: tokio::sync::Mutex<Revisions>,
    /// How many changes there were.
    changes: watch::Sender<u64>,
}

impl Store {
    /// Reads everything.
    pub async fn open(state: Arc<dyn State>) -> Result<Store, state::Error> {
        let mut world = World::default();
        let mut revisions = Revisions::new();
        load(&*state, ACCOUNTS, &mut revisions, |row| world.put(Record::Account(row))).await?;
        load(&*state, ORGANIZATIONS, &mut revisions, |row| world.put(Record::Organization(row))).await?;
        load(&*state, UNITS, &mut revisions, |row| world.put(Record::Unit(row))).await?;
        load(&*state, POLICIES, &mut revisions, |row| world.put(Record::Policy(row))).await?;
        load(&*state, HANDSHAKES, &mut revisions, |row| world.put(Record::Handshake(row))).await?;
        load(&*state, CREATIONS, &mut revisions, |row| world.put(Record::Creation(row))).await?;
        Ok(Store {
            state,
            world: RwLock::new(world),
            revisions: tokio::sync::Mutex::new(revisions),
            changes: watch::Sender::new(1),
        })
    }

    /// Everything as it is. Not to be held across an await.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().expect("no holder of this lock can panic")
    }

    /// How many changes there were, for who waits for the next.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Changes what `change` puts into the draft, all or nothing. Returns when that is durable.
    pub async fn change<T>(
        &self,
        change: impl FnOnce(&World, &mut Draft) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut revisions = self.revisions.lock().await;
        let mut draft = Draft::default();
        let answer = change(&self.world(), &mut draft)?;
        if draft.puts.is_empty() && draft.deletes.is_empty() {
            return Ok(answer);
        }
        let mut keys = Vec::with_capacity(draft.puts.len() + draft.deletes.len());
        let mut ops = Vec::with_capacity(keys.capacity());
        for record in &draft.puts {
            let (table, id, value) = written(record).map_err(ApiError::internal)?;
            let expect = Expect::from(revisions.get(&(table, id.clone())).copied());
            ops.push(Op::Put { table, key: state::key::key(&[&id]), value, expect });
            keys.push((table, id));
        }
        for (table, id) in &draft.deletes {
            let expect = Expect::from(revisions.get(&(*table, id.clone())).copied());
            ops.push(Op::Delete { table, key: state::key::key(&[id]), expect });
            keys.push((*table, id.clone()));
        }
        let info = self.state.commit(ops).await.map_err(|error| match error {
            state::Error::Conflict { .. } => Error::ConcurrentModificationException.into(),
            other => ApiError::unavailable(other),
        })?;
        for (key, rev) in keys.into_iter().zip(info.revs) {
            match rev {
                0 => revisions.remove(&key),
                rev => revisions.insert(key, rev),
            };
        }
        let mut world = self.world.write().expect("no holder of this lock can panic");
        for (table, id) in &draft.deletes {
            world.remove(table, id);
        }
        for record in draft.puts {
            world.put(record);
        }
        world.forget_compiled();
        drop(world);
        self.changes.send_modify(|count| *count += 1);
        Ok(answer)
    }
}

async fn load<T: DeserializeOwned + Named>(
    state: &dyn State,
    table: Table,
    revisions: &mut Revisions,
    mut take: impl FnMut(T) + Send,
) -> Result<(), state::Error> {
    state::scan_all(state, table, state::Range::all(), |row| {
        let record: T = serde_json::from_slice(&row.value)
            .map_err(|error| state::Error::Document { table, source: Arc::new(error) })?;
        revisions.insert((table, record.id().to_owned()), row.rev);
        take(record);
        Ok::<_, state::Error>(true)
    })
    .await
}

fn written(record: &Record) -> Result<(Table, String, Bytes), serde_json::Error> {
    fn row<T: Serialize + Named>(table: Table, value: &T) -> Result<(Table, String, Bytes), serde_json::Error> {
        Ok((table, value.id().to_owned(), Bytes::from(serde_json::to_vec(value)?)))
    }
    match record {
        Record::Account(value) => row(ACCOUNTS, value),
        Record::Organization(value) => row(ORGANIZATIONS, value),
        Record::Unit(value) => row(UNITS, value),
        Record::Policy(value) => row(POLICIES, value),
        Record::Handshake(value) => row(HANDSHAKES, value),
        Record::Creation(value) => row(CREATIONS, value),
    }
}

/// What is kept under its own identifier.
trait Named {
    fn id(&self) -> &str;
}

macro_rules! named {
    ($($record:ty),*) => { $(impl Named for $record {
        fn id(&self) -> &str {
            &self.id
        }
    })* };
}

named!(Account, Organization, Unit, Policy, Handshake, Creation);

impl World {
    fn put(&mut self, record: Record) {
        fn set<T: Named>(map: &mut BTreeMap<String, Arc<T>>, value: T) {
            map.insert(value.id().to_owned(), Arc::new(value));
        }
        match record {
            Record::Account(value) => set(&mut self.accounts, value),
            Record::Organization(value) => set(&mut self.organizations, value),
            Record::Unit(value) => set(&mut self.units, value),
            Record::Policy(value) => set(&mut self.policies, value),
            Record::Handshake(value) => set(&mut self.handshakes, value),
            Record::Creation(value) => set(&mut self.creations, value),
        }
    }

    fn remove(&mut self, table: Table, id: &str) {
        match table {
            ACCOUNTS => drop(self.accounts.remove(id)),
            ORGANIZATIONS => drop(self.organizations.remove(id)),
            UNITS => drop(self.units.remove(id)),
            POLICIES => drop(self.policies.remove(id)),
            HANDSHAKES => drop(self.handshakes.remove(id)),
            _ => drop(self.creations.remove(id)),
        }
    }
}
