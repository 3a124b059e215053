//! Holds: while a backup copies files, the journal keeps its entries and no object is removed. What was to be removed meanwhile is
//! removed when the last hold ends. A hold never keeps anybody from reading or writing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use objects::{Error, ObjectInfo, Objects, Reader, Writer};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Removals that may wait for holds to end; beyond it they are refused, and whoever asked asks again or sweeps at the next start.
const POSTPONED_MAX: usize = 1_000_000;

/// Who holds, and what waits for them.
pub(crate) struct Holds {
    /// Read by holds, written by what removes things in rounds of its own.
    gate: Arc<RwLock<()>>,
    waiting: Mutex<Waiting>,
    objects: Arc<dyn Objects>,
}

#[derive(Default)]
struct Waiting {
    holds: usize,
    names: BTreeSet<String>,
}

/// Ends the hold when it is dropped.
pub(crate) struct Hold {
    holds: Arc<Holds>,
    _gate: OwnedRwLockReadGuard<()>,
}

impl Holds {
    /// Over the objects whose removal is to be postponed.
    pub(crate) fn new(objects: Arc<dyn Objects>) -> Arc<Holds> {
        Arc::new(Holds { gate: Arc::default(), waiting: Mutex::default(), objects })
    }

    /// Begins a hold. Waits for a round of removals that is under way.
    pub(crate) async fn hold(self: &Arc<Self>) -> Hold {
        let gate = Arc::clone(&self.gate).read_owned().await;
        self.waiting().holds += 1;
        Hold { holds: Arc::clone(self), _gate: gate }
    }

    /// The right to a round of removals, of entries or of objects; `None` while somebody holds.
    pub(crate) fn round(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        Arc::clone(&self.gate).try_write_owned().ok()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these removals have to wait; they are noted then.
    fn postpone(&self, names: &[String]) -> Result<bool, Error> {
        let mut waiting = self.waiting();
        if waiting.holds == 0 {
            return Ok(false);
        }
        if waiting.names.len().saturating_add(names.len()) > POSTPONED_MAX {
            let size = u64::try_from(waiting.names.len()).unwrap_or(u64::MAX);
            return Err(Error::TooLarge {
                what: "the number of removals that wait for a backup",
                size,
                max: POSTPONED_MAX,
            });
        }
        waiting.names.extend(names.iter().cloned());
        Ok(true)
    }

    /// An object of this name is made: it is not to be removed any more.
    fn is_made(&self, name: &str) {
        self.waiting().names.remove(name);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut waiting = self.holds.waiting();
        waiting.holds -= 1;
        if waiting.holds > 0 || waiting.names.is_empty() {
            return;
        }
        let names: Vec<String> = std::mem::take(&mut waiting.names).into_iter().collect();
        drop(waiting);
        let objects = Arc::clone(&self.holds.objects);
        // Without a runtime the program ends: what stays is found by the sweeps of the next start.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = objects.delete_many(&names).await {
                tracing::warn!(%error, count = names.len(), "objects whose removal had waited for a backup stay");
            }
        });
    }
}

/// The objects as everybody but a backup sees them. An object whose removal waits can still be read and is still listed.
pub(crate) struct HeldObjects(pub(crate) Arc<Holds>);

#[async_trait]
impl Objects for HeldObjects {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.0.is_made(name);
        self.0.objects.put(name, bytes).await
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, Error> {
        self.0.is_made(name);
        self.0.objects.writer(name).await
    }

    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error> {
        self.0.objects.get(name, range).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        if self.0.postpone(&[name.to_owned()])? { Ok(()) } else { self.0.objects.delete(name).await }
    }

    async fn delete_many(&self, names: &[String]) -> Result<(), Error> {
        if self.0.postpone(names)? { Ok(()) } else { self.0.objects.delete_many(names).await }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, Error> {
        self.0.objects.list(prefix, after, limit).await
    }

    async fn concat(&self, name: &str, parts: &[String]) -> Result<u64, Error> {
        self.0.is_made(name);
        self.0.objects.concat(name, parts).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn names(objects: &dyn Objects) -> Vec<String> {
        objects.list("", None, 10).await.unwrap().into_iter().map(|object| object.name).collect()
    }

    #[tokio::test]
    async fn removals_wait_for_the_last_hold() {
        let holds = Holds::new(Arc::new(objects::Memory::new()));
        let objects = HeldObjects(Arc::clone(&holds));
        for name in ["a", "b", "c", "d"] {
            objects.put(name, Bytes::from_static(b"x")).await.unwrap();
        }
        objects.delete("a").await.unwrap();
        let (one, two) = (holds.hold().await, holds.hold().await);
        assert!(holds.round().is_none());
        objects.delete("b").await.unwrap();
        objects.delete_many(&["c".into(), "d".into()]).await.unwrap();
        // Made anew: it is not what was to be removed.
        objects.put("d", Bytes::from_static(b"y")).await.unwrap();
        drop(one);
        tokio::task::yield_now().await;
        assert_eq!(names(&objects).await, ["b", "c", "d"]);
        drop(two);
        while names(&objects).await != ["d"] {
            tokio::task::yield_now().await;
        }
        assert!(holds.round().is_some());
    }

    #[tokio::test]
    async fn what_is_held_is_asked_for_once() {
        let holds = Holds::new(Arc::new(objects::Memory::new()));
        let objects = HeldObjects(Arc::clone(&holds));
        for number in 0..=objects::LIST_MAX {
            objects.put(&format!("a/{number:05}"), Bytes::new()).await.unwrap();
        }
        objects.put("b", Bytes::new()).await.unwrap();
        let hold = holds.hold().await;
        // Ends, though all of it is still there.
        objects::delete_under(&objects, "a/").await.unwrap();
        assert_eq!(names(&objects).await.len(), 10);
        drop(hold);
        while names(&objects).await != ["b"] {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_hold_waits_for_the_round_under_way() {
        let holds = Holds::new(Arc::new(objects::Memory::new()));
        let round = holds.round().unwrap();
        let mut hold = Box::pin(holds.hold());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(Future::poll(hold.as_mut(), &mut context).is_pending());
        drop(round);
        hold.await;
    }
}
