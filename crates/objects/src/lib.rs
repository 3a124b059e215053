//! Where bytes lie that are too large or too many for tables: log files, digests, the content of buckets. A folder, any
//! S3, or memory.
//!
//! Knows nothing of buckets, users' keys, versions or metadata: an object has a name that we made, and bytes.

mod error;
mod local;
mod memory;
mod name;
#[cfg(feature = "remote")]
mod remote;
mod scoped;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, Stream, StreamExt};

pub use error::Error;
pub use local::Local;
pub use memory::Memory;
#[cfg(feature = "remote")]
pub use remote::{Remote, RemoteConfig, RemoteCredentials};
pub use scoped::Scoped;

/// The longest name, in bytes. S3 allows 1,024 for a key, of which a prefix of the operator's may take a part.
pub const NAME_BYTES_MAX: usize = 512;
/// The longest part of a name between slashes, in bytes: what file systems allow.
pub const NAME_PART_BYTES_MAX: usize = 255;
/// The most objects that one listing may ask for.
pub const LIST_MAX: usize = 10_000;

/// An object, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The name.
    pub name: String,
    /// The length in bytes.
    pub len: u64,
}

/// Removes all objects whose names begin so. Each is asked for once, whether it goes now or, held by somebody, later.
pub async fn delete_under(objects: &dyn Objects, prefix: &str) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let found = objects.list(prefix, after.as_deref(), LIST_MAX).await?;
        let is_last = found.len() < LIST_MAX;
        let names: Vec<String> = found.into_iter().map(|object| object.name).collect();
        objects.delete_many(&names).await?;
        if is_last {
            return Ok(());
        }
        after = names.into_iter().last();
    }
}

/// Named objects. A name is ours, never a user's: letters, digits, `.`, `_` and `-`, in parts between slashes, such as
/// `s3/ab/abcdef`. No name may be the folder of another one (`a` beside `a/b`). In a folder each part but the last is a
/// folder too, so whoever makes names spreads them: some thousand to a folder, not millions.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// Makes an object, or replaces it. Returns when it is durable; a crash leaves the old one or the new one.
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error>;

    /// Makes an object, or replaces it, of bytes that come one after the other.
    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, Error>;

    /// Reads an object, or the bytes of a range, which may end beyond the object's end but not begin there
    /// ([`Error::BadRange`]). What is replaced or deleted meanwhile is read on as it was, where the storage can.
    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error>;

    /// Removes an object, which may be absent. Returns when that is durable.
    async fn delete(&self, name: &str) -> Result<(), Error>;

    /// Removes objects, at the price of few. After an error some may be gone.
    async fn delete_many(&self, names: &[String]) -> Result<(), Error> {
        for name in names {
            self.delete(name).await?;
        }
        Ok(())
    }

    /// The first `limit` objects (at most [`LIST_MAX`]) whose names begin with `prefix` and come after `after`, in the
    /// order of the bytes of their names. Fewer than `limit` only at the end.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, Error>;

    /// Makes one object of the bytes of others, which stay. Copies piece by piece, never all of it in memory. Returns the
    /// length when it is durable.
    async fn concat(&self, name: &str, parts: &[String]) -> Result<u64, Error> {
        let mut writer = self.writer(name).await?;
        let mut len = 0;
        for part in parts {
            let mut reader = self.get(part, None).await?;
            len += reader.object_len();
            while let Some(piece) = reader.next().await {
                writer.write(piece?).await?;
            }
        }
        writer.finish().await?;
        Ok(len)
    }
}

/// An object being made. Nobody sees it before [`Writer::finish`]; dropping it unfinished leaves nothing. After an error
/// it can only be dropped.
#[async_trait]
pub trait Writer: Send {
    /// Adds bytes. Waits while what was added before is not yet written, but not until it is durable.
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error>;

    /// Makes the object what was written. Returns when it is durable.
    async fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// An object, or a range of it, being read: a stream of pieces of at most about a mebibyte.
pub struct Reader {
    object_len: u64,
    range: Range<u64>,
    pieces: BoxStream<'static, Result<Bytes, Error>>,
}

impl Reader {
    fn new(object_len: u64, range: Range<u64>, pieces: BoxStream<'static, Result<Bytes, Error>>) -> Reader {
        Reader { object_len, range, pieces }
    }

    /// The length of the whole object in bytes.
    pub fn object_len(&self) -> u64 {
        self.object_len
    }

    /// Which bytes of the object these are.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// All of the bytes, if they are at most `max`.
    pub async fn bytes(mut self, max: usize) -> Result<Bytes, Error> {
        let len = self.range.end - self.range.start;
        let Some(len) = usize::try_from(len).ok().filter(|len| *len <= max) else {
            return Err(Error::TooLarge { what: "the number of bytes to read at once", size: len, max });
        };
        let first = self.next().await.transpose()?.unwrap_or_default();
        if first.len() == len {
            return Ok(first);
        }
        let mut bytes = BytesMut::with_capacity(len);
        bytes.extend_from_slice(&first);
        while let Some(piece) = self.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes.freeze())
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_next_unpin(context)
    }
}

/// The part of a range that an object of this length has.
fn clamp(name: &str, range: Option<Range<u64>>, len: u64) -> Result<Range<u64>, Error> {
    match range {
        None => Ok(0..len),
        Some(range) if range.start <= range.end && range.start <= len => Ok(range.start..range.end.min(len)),
        Some(_) => Err(Error::BadRange { name: name.to_string(), len }),
    }
}

fn check_limit(limit: usize) -> Result<(), Error> {
    if limit > LIST_MAX {
        let size = u64::try_from(limit).unwrap_or(u64::MAX);
        return Err(Error::TooLarge { what: "the number of objects to list", size, max: LIST_MAX });
    }
    Ok(())
}
