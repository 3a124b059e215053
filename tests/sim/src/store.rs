//! The objects of a world: `objects::Memory`, which survives everything that was finished, behind time, failures and crashes.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use objects::{Error, Memory, ObjectInfo, Objects, Reader, Writer};

use crate::chance::Chance;
use crate::faults::{Fate, Faults};
use crate::plants::Plant;

/// What the names of buckets' content begin with.
const CONTENT: &str = "s3e/";

/// See the module.
#[derive(Clone)]
pub(crate) struct SimStore(Arc<Inner>);

struct Inner {
    objects: Memory,
    faults: Arc<Faults>,
    chance: Chance,
    plant: Option<Plant>,
}

impl SimStore {
    pub(crate) fn new(objects: Memory, faults: Arc<Faults>, seed: u64, plant: Option<Plant>) -> SimStore {
        SimStore(Arc::new(Inner { objects, faults, chance: Chance::part(seed, "objects"), plant }))
    }

    async fn access(&self) {
        if !self.0.faults.access() {
            std::future::pending::<()>().await;
        }
    }

    async fn before(&self, doing: &'static str, name: &str, writes: bool) -> Result<Fate, Error> {
        self.access().await;
        self.0.faults.objects_time().await;
        self.access().await;
        match self.0.faults.of_objects(writes) {
            Fate::Full => Err(Error::Full),
            Fate::Fail => Err(failed(doing, name)),
            fate => Ok(fate),
        }
    }

    async fn after(&self, doing: &'static str, name: &str, fate: Fate) -> Result<(), Error> {
        self.access().await;
        if fate == Fate::DoAndFail { Err(failed(doing, name)) } else { Ok(()) }
    }

    fn planted(&self, plant: Plant, count: u64) -> bool {
        self.0.plant == Some(plant) && self.0.chance.one_in(count)
    }
}

fn failed(doing: &'static str, name: &str) -> Error {
    let source = Arc::new(io::Error::other("the simulated object store failed"));
    Error::Storage { doing, name: name.to_owned(), source }
}

#[async_trait]
impl Objects for SimStore {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let fate = self.before("writing", name, true).await?;
        if !(name.starts_with(CONTENT) && self.planted(Plant::WriteLost, 6)) {
            self.0.objects.put(name, bytes).await?;
        }
        self.after("writing", name, fate).await
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, Error> {
        let writer = self.0.objects.writer(name).await?;
        Ok(Box::new(SimWriter { store: self.clone(), name: name.to_owned(), writer }))
    }

    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error> {
        self.before("reading", name, false).await?;
        self.0.objects.get(name, range).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let fate = self.before("deleting", name, true).await?;
        if !self.planted(Plant::DeleteLost, 2) {
            self.0.objects.delete(name).await?;
        }
        self.after("deleting", name, fate).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, Error> {
        self.before("listing", prefix, false).await?;
        self.0.objects.list(prefix, after, limit).await
    }
}

struct SimWriter {
    store: SimStore,
    name: String,
    writer: Box<dyn Writer>,
}

#[async_trait]
impl Writer for SimWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.store.access().await;
        self.writer.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<(), Error> {
        let SimWriter { store, name, writer } = *self;
        let fate = store.before("finishing", &name, true).await?;
        if !(name.starts_with(CONTENT) && store.planted(Plant::WriteLost, 6)) {
            writer.finish().await?;
        }
        store.after("finishing", &name, fate).await
    }
}
