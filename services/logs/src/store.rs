//! Configuration: groups, streams, filters, policies. Kept in `state`, answered from memory; a change is durable before memory shows it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use base::Region;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::ApiError;
use state::key::key;
use state::{Expect, Op, Range, State, Table};

use crate::error::{no_group, no_stream};
use crate::rows::{
    AccountPolicy, Counted, ExportTask, Group, MetricFilter, QueryDefinition, ResourcePolicy, Stream,
    SubscriptionFilter, group_prefix,
};

/// Rows of one kind, by key.
pub type Rows<T> = BTreeMap<Vec<u8>, Arc<T>>;

/// What is in memory.
#[derive(Default)]
pub struct Memory {
    groups: Rows<Group>,
    by_id: HashMap<u64, Arc<Group>>,
    streams: Rows<Stream>,
    streams_by_id: HashMap<u64, Arc<Stream>>,
    metric_filters: Rows<MetricFilter>,
    subscription_filters: Rows<SubscriptionFilter>,
    counted: Rows<Counted>,
    policies: Rows<ResourcePolicy>,
    queries: Rows<QueryDefinition>,
    account_policies: Rows<AccountPolicy>,
    exports: Rows<ExportTask>,
    /// Grows with every change of what is done with events.
    filters_rev: u64,
}

/// A row that is kept in memory too.
pub trait Row: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where.
    const TABLE: Table;

    /// Its key.
    fn key(&self) -> Vec<u8>;

    /// All of its kind.
    fn rows(memory: &Memory) -> &Rows<Self>;

    /// All of its kind.
    fn rows_mut(memory: &mut Memory) -> &mut Rows<Self>;

    /// What else follows from its being there, or not any more.
    fn noted(_memory: &mut Memory, _row: &Arc<Self>, _is_there: bool) {}
}

macro_rules! row {
    ($kind:ty, $table:literal, $field:ident, |$row:ident| $key:expr, |$memory:ident, $noted:pat_param, $there:pat_param| $also:block) => {
        impl Row for $kind {
            const TABLE: Table = $table;

            fn key(&self) -> Vec<u8> {
                let $row = self;
                $key
            }

            fn rows(memory: &Memory) -> &Rows<Self> {
                &memory.$field
            }

            fn rows_mut(memory: &mut Memory) -> &mut Rows<Self> {
                &mut memory.$field
            }

            fn noted($memory: &mut Memory, $noted: &Arc<Self>, $there: bool) {
                $also
            }
        }
    };
}

row!(Group, "logs/groups", groups, |row| key(&[row.region.as_str(), &row.name]), |memory, row, is_there| {
    match is_there {
        true => drop(memory.by_id.insert(row.id, Arc::clone(row))),
        false => drop(memory.by_id.remove(&row.id)),
    }
    memory.filters_rev += 1;
});
row!(Stream, "logs/streams", streams, |row| in_group(row.group, &row.name), |memory, row, is_there| {
    match is_there {
        true => drop(memory.streams_by_id.insert(row.id, Arc::clone(row))),
        false => drop(memory.streams_by_id.remove(&row.id)),
    }
});
row!(MetricFilter, "logs/metric-filters", metric_filters, |row| in_group(row.group, &row.name), |memory, _, _| {
    memory.filters_rev += 1;
});
row!(
    Counted,
    "logs/counted",
    counted,
    |row| key(&[&row.group.to_be_bytes()[..], row.filter.as_bytes(), row.namespace.as_bytes(), row.metric.as_bytes()]),
    |_memory, _, _| {}
);
row!(
    SubscriptionFilter,
    "logs/subscription-filters",
    subscription_filters,
    |row| in_group(row.group, &row.name),
    |memory, _, _| {
        memory.filters_rev += 1;
    }
);
row!(
    ResourcePolicy,
    "logs/resource-policies",
    policies,
    |row| key(&[row.region.as_str(), row.resource.as_deref().unwrap_or_default(), &row.name]),
    |_memory, _, _| {}
);
row!(
    QueryDefinition,
    "logs/query-definitions",
    queries,
    |row| key(&[row.region.as_str(), &row.id]),
    |_memory, _, _| {}
);
row!(
    AccountPolicy,
    "logs/account-policies",
    account_policies,
    |row| key(&[row.region.as_str(), &row.kind, &row.name]),
    |_memory, _, _| {}
);
row!(ExportTask, "logs/exports", exports, |row| key(&[row.region.as_str(), &row.id]), |_memory, _, _| {});

/// The key of what a group has under a name.
pub fn in_group(group: u64, name: &str) -> Vec<u8> {
    key(&[&group.to_be_bytes()[..], name.as_bytes()])
}

impl Memory {
    /// The row of this key.
    pub fn get<T: Row>(&self, key: &[u8]) -> Option<&Arc<T>> {
        T::rows(self).get(key)
    }

    /// The rows whose keys begin so, in order.
    pub fn under<T: Row>(&self, prefix: Vec<u8>) -> impl Iterator<Item = &Arc<T>> {
        let rows = T::rows(self).range(prefix.clone()..);
        rows.take_while(move |(key, _)| key.starts_with(&prefix)).map(|(_, row)| row)
    }

    /// The rows of a region, in the order of their keys.
    pub fn of_region<T: Row>(&self, region: Region) -> impl Iterator<Item = &Arc<T>> {
        self.under(key(&[region.as_str()]))
    }

    /// The rows of a group, in the order of their names.
    pub fn of_group<T: Row>(&self, group: u64) -> impl Iterator<Item = &Arc<T>> {
        self.under(group_prefix(group))
    }

    /// A group by name.
    pub fn group(&self, region: Region, name: &str) -> Result<&Arc<Group>, ApiError> {
        self.groups.get(&key(&[region.as_str(), name])).ok_or_else(no_group)
    }

    /// A group by identifier.
    pub fn group_by_id(&self, id: u64) -> Option<&Arc<Group>> {
        self.by_id.get(&id)
    }

    /// All groups.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values()
    }

    /// A stream by name.
    pub fn stream(&self, group: u64, name: &str) -> Result<&Arc<Stream>, ApiError> {
        self.streams.get(&in_group(group, name)).ok_or_else(no_stream)
    }

    /// A stream by identifier.
    pub fn stream_by_id(&self, id: u64) -> Option<&Arc<Stream>> {
        self.streams_by_id.get(&id)
    }

    /// All rows of a kind.
    pub fn all<T: Row>(&self) -> impl Iterator<Item = &Arc<T>> {
        T::rows(self).values()
    }

    /// How many streams there are.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// See [`Memory`].
    pub fn filters_rev(&self) -> u64 {
        self.filters_rev
    }

    fn hold<T: Row>(&mut self, row: T) {
        let row = Arc::new(row);
        T::rows_mut(self).insert(row.key(), Arc::clone(&row));
        T::noted(self, &row, true);
    }
}

type Apply = Box<dyn FnOnce(&mut Memory) + Send>;

/// A change: what is written, and what memory shows then.
#[derive(Default)]
pub struct Plan {
    ops: Vec<Op>,
    apply: Vec<Apply>,
}

impl Plan {
    /// Writes a row.
    pub fn put<T: Row>(&mut self, row: T) -> Result<(), ApiError> {
        self.ops.push(put_op(T::TABLE, row.key(), &row)?);
        self.apply.push(Box::new(move |memory| memory.hold(row)));
        Ok(())
    }

    /// Removes a row.
    pub fn remove<T: Row>(&mut self, row: &T) {
        let key = row.key();
        self.ops.push(Op::Delete { table: T::TABLE, key: key.clone(), expect: Expect::Any });
        self.forget::<T>(key);
    }

    /// Takes a row out of memory only: it goes with something else.
    pub fn forget<T: Row>(&mut self, key: Vec<u8>) {
        self.apply.push(Box::new(move |memory| {
            if let Some(row) = T::rows_mut(memory).remove(&key) {
                T::noted(memory, &row, false);
            }
        }));
    }

    /// Does something else in the same commit.
    pub fn also(&mut self, op: Op) {
        self.ops.push(op);
    }
}

/// The operation that writes a document.
pub fn put_op(table: Table, key: Vec<u8>, value: &impl Serialize) -> Result<Op, ApiError> {
    let value = serde_json::to_vec(value).map_err(ApiError::internal)?;
    Ok(Op::Put { table, key, value: value.into(), expect: Expect::Any })
}

/// Reads all documents of a table.
pub async fn read_all<T: DeserializeOwned>(
    state: &dyn State,
    table: Table,
    mut each: impl FnMut(Vec<u8>, T),
) -> Result<(), state::Error> {
    state::scan_all(state, table, Range::all(), |row| {
        let value = serde_json::from_slice(&row.value)
            .map_err(|error| state::Error::Document { table, source: Arc::new(error) })?;
        each(row.key, value);
        Ok::<_, state::Error>(true)
    })
    .await
}

/// See the module.
pub struct Store {
    state: Arc<dyn State>,
    memory: RwLock<Memory>,
    /// One change at a time, so that memory follows the order of commits.
    changes: tokio::sync::Mutex<()>,
}

impl Store {
    /// Reads all there is.
    pub async fn open(state: Arc<dyn State>) -> Result<Store, state::Error> {
        async fn load<T: Row>(state: &dyn State, memory: &mut Memory) -> Result<(), state::Error> {
            read_all::<T>(state, T::TABLE, |_, row| memory.hold(row)).await
        }
        let mut memory = Memory::default();
        load::<Group>(&*state, &mut memory).await?;
        load::<Stream>(&*state, &mut memory).await?;
        load::<MetricFilter>(&*state, &mut memory).await?;
        load::<SubscriptionFilter>(&*state, &mut memory).await?;
        load::<Counted>(&*state, &mut memory).await?;
        load::<ResourcePolicy>(&*state, &mut memory).await?;
        load::<QueryDefinition>(&*state, &mut memory).await?;
        load::<AccountPolicy>(&*state, &mut memory).await?;
        load::<ExportTask>(&*state, &mut memory).await?;
        // Streams of groups that are gone go with them.
        let gone: Vec<Vec<u8>> = memory
            .streams
            .iter()
            .filter(|(_, stream)| !memory.by_id.contains_key(&stream.group))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            if let Some(stream) = memory.streams.remove(&key) {
                memory.streams_by_id.remove(&stream.id);
            }
        }
        Ok(Store { state, memory: RwLock::new(memory), changes: tokio::sync::Mutex::new(()) })
    }

    /// Looks at what there is.
    pub fn see<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.memory.read().expect("no holder of this lock can panic"))
    }

    /// Changes what there is. Returns when that is durable.
    pub async fn change<T>(&self, plan: impl FnOnce(&Memory, &mut Plan) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let _turn = self.changes.lock().await;
        let mut steps = Plan::default();
        let answer = self.see(|memory| plan(memory, &mut steps))?;
        if steps.ops.is_empty() {
            return Ok(answer);
        }
        self.state.commit(steps.ops).await.map_err(ApiError::unavailable)?;
        let mut memory = self.memory.write().expect("no holder of this lock can panic");
        for apply in steps.apply {
            apply(&mut memory);
        }
        Ok(answer)
    }

    /// The tables.
    pub fn state(&self) -> &dyn State {
        &*self.state
    }
}
