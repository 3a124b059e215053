//! A change over several entities, as it is put together: reads see what it has staged already.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use service::ApiError;
use state::{Expect, Op};

use super::{Entity, World};
use crate::Error;

/// Shows a committed document, of this revision, in memory.
pub(super) type Effect = Box<dyn FnOnce(&mut World, u64) + Send>;

struct Staged {
    /// The new entity as `Arc<E>`; `None` if there shall be none.
    new: Option<Arc<dyn Any + Send + Sync>>,
    op: Result<Op, serde_json::Error>,
    effect: Effect,
}

/// A change that is being put together.
pub struct Tx<'w> {
    world: &'w World,
    staged: BTreeMap<(state::Table, String), Staged>,
}

impl<'w> Tx<'w> {
    pub(super) fn new(world: &'w World) -> Tx<'w> {
        Tx { world, staged: BTreeMap::new() }
    }

    /// Everything as it was before this change.
    pub fn before(&self) -> &'w World {
        self.world
    }

    /// The entity of this name, as it is now.
    pub fn get<E: Entity>(&self, name: &str) -> Option<Arc<E>> {
        match self.staged.get(&(E::TABLE, name.to_lowercase())) {
            Some(staged) => staged.new.clone().and_then(|new| new.downcast::<E>().ok()),
            None => self.world.get::<E>(name),
        }
    }

    /// A copy of the entity of this name to change and [`Tx::put`] back.
    pub fn need<E: Entity>(&self, name: &str) -> Result<E, Error> {
        self.get::<E>(name).map(|entity| E::clone(&entity)).ok_or_else(|| E::missing(name))
    }

    /// Refuses one more of a kind of which there are `max`.
    pub fn check_room<E: Entity>(&self, max: usize, quota: &str) -> Result<(), Error> {
        if self.world.count::<E>() < max { Ok(()) } else { Err(Error::quota(quota, max)) }
    }

    /// Stages an entity, over the one of its name.
    pub fn put<E: Entity>(&mut self, entity: E) {
        let name = entity.name().to_lowercase();
        let (key, expect) = (state::key::key(&[&name]), self.expect::<E>(&name));
        let value = serde_json::to_vec(&entity).map(Bytes::from);
        let op = value.map(|value| Op::Put { table: E::TABLE, key, value, expect });
        let entity = Arc::new(entity);
        let (new, shown) = (Arc::clone(&entity), name.clone());
        let effect: Effect = Box::new(move |world, rev| world.set(shown, Some((rev, new))));
        self.staged.insert((E::TABLE, name), Staged { new: Some(entity), op, effect });
    }

    /// Stages that there shall be no entity of this name.
    pub fn remove<E: Entity>(&mut self, name: &str) {
        let name = name.to_lowercase();
        let expect = self.expect::<E>(&name);
        if expect == Expect::Absent {
            self.staged.remove(&(E::TABLE, name));
            return;
        }
        let op = Ok(Op::Delete { table: E::TABLE, key: state::key::key(&[&name]), expect });
        let shown = name.clone();
        let effect: Effect = Box::new(move |world, _| world.set::<E>(shown, None));
        self.staged.insert((E::TABLE, name), Staged { new: None, op, effect });
    }

    fn expect<E: Entity>(&self, name: &str) -> Expect {
        Expect::from(E::rows(self.world).get(name).map(|(rev, _)| *rev))
    }

    /// What to commit, and what to show then. What goes comes first, so that what finds entities otherwise is not lost to a renamed one.
    pub(super) fn finish(self) -> Result<Vec<(Op, Effect)>, ApiError> {
        let (gone, kept): (Vec<_>, Vec<_>) = self.staged.into_values().partition(|staged| staged.new.is_none());
        let all = gone.into_iter().chain(kept);
        all.map(|staged| Ok((staged.op.map_err(ApiError::internal)?, staged.effect))).collect()
    }
}
