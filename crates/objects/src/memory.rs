//! Objects in memory, for tests and simulation: they outlive the server that wrote them, but not the process.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt};

use crate::name::{check_after, check_name, check_prefix};
use crate::{Error, ObjectInfo, Objects, Reader, Writer, check_limit, clamp};

/// Readers get pieces of this size, so that tests see more than one.
const PIECE_BYTES: usize = 64 * 1024;

/// Objects in memory. Clones share them.
#[derive(Clone, Default)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Bytes>,
    full: bool,
}

impl Memory {
    /// No objects yet.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// From now on everything that would write fails with [`Error::Full`], or no longer does.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let mut inner = self.lock();
        if inner.full {
            return Err(Error::Full);
        }
        let above = name.match_indices('/').any(|(at, _)| inner.objects.contains_key(&name[..at]));
        let folder = format!("{name}/");
        let below = inner.objects.range(folder.clone()..).next().is_some_and(|(other, _)| other.starts_with(&folder));
        if above || below {
            return Err(Error::BadName { name: name.to_string(), why: "one object's name is the folder of another" });
        }
        inner.objects.insert(name.to_string(), bytes);
        Ok(())
    }
}

#[async_trait]
impl Objects for Memory {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        check_name(name)?;
        self.insert(name, bytes)
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, Error> {
        check_name(name)?;
        Ok(Box::new(MemoryWriter { memory: self.clone(), name: name.to_string(), bytes: BytesMut::new() }))
    }

    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error> {
        check_name(name)?;
        let found = self.lock().objects.get(name).cloned();
        let bytes = found.ok_or_else(|| Error::NotFound { name: name.to_string() })?;
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let range = clamp(name, range, len)?;
        // No longer than the object in memory, so neither fails.
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let mut rest = bytes.slice(at(range.start)..at(range.end));
        let pieces = std::iter::from_fn(move || {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            (!piece.is_empty()).then_some(Ok(piece))
        });
        Ok(Reader::new(len, range, stream::iter(pieces).boxed()))
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.lock().objects.remove(name);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, Error> {
        check_prefix(prefix)?;
        check_after(after)?;
        check_limit(limit)?;
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let inner = self.lock();
        let found = inner.objects.range::<str, _>((start, Bound::Unbounded));
        let found = found.take_while(|(name, _)| name.starts_with(prefix)).take(limit);
        let info = |(name, bytes): (&String, &Bytes)| ObjectInfo {
            name: name.clone(),
            len: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        };
        Ok(found.map(info).collect())
    }
}

struct MemoryWriter {
    memory: Memory,
    name: String,
    bytes: BytesMut,
}

#[async_trait]
impl Writer for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        if self.memory.lock().full {
            return Err(Error::Full);
        }
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), Error> {
        self.memory.insert(&self.name, self.bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[tokio::test]
    async fn conforms() {
        conformance::all(&Memory::new()).await;
        conformance::folders(&Memory::new()).await;
    }

    #[tokio::test]
    async fn full_and_recovered() {
        let objects = Memory::new();
        objects.set_full(true);
        assert!(matches!(objects.put("a", Bytes::new()).await, Err(Error::Full)));
        assert!(matches!(objects.get("a", None).await, Err(Error::NotFound { .. })));
        objects.set_full(false);
        objects.put("a", Bytes::new()).await.unwrap();
    }
}
