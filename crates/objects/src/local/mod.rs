//! Objects in a folder, through [`Disk`]. An object is seen under its name only when it is whole and durable.
//!
//! ```text
//! <root>/data/s3/ab/abcdef      the object s3/ab/abcdef
//! <root>/tmp/17                 an object being written; what is here at the start was left by a crash, and is removed
//! ```

mod folder;
mod reader;
mod writer;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use base::Disk;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::name::{check_after, check_name, check_prefix};
use crate::{Error, ObjectInfo, Objects, Reader, Writer, check_limit};
use folder::Folder;
use writer::LocalWriter;

/// Large objects are read and written in pieces of this many bytes: large enough for a disk to reach its full speed, small
/// enough for a thousand transfers at once.
const PIECE_BYTES: usize = 512 * 1024;
/// Threads that wait for the disk at the same time; more calls wait for one of them. Many, as file systems make what many
/// threads wait for durable in one go.
const DISK_CALLS_MAX: usize = 64;

/// Objects in a folder. Needs a tokio runtime. Clones share it. A folder serves one process at a time; that is for the
/// caller to see to.
#[derive(Clone)]
pub struct Local {
    folder: Arc<Folder>,
    calls: Arc<Semaphore>,
}

impl Local {
    /// Opens a folder, making it if it is absent, and removes what a crash left unfinished. Blocks.
    pub fn open(disk: Arc<dyn Disk>, root: &Path) -> Result<Local, Error> {
        let opened = Folder::open(disk, root);
        let folder = opened.map_err(Error::io("opening the folder", &root.display().to_string()))?;
        Ok(Local { folder: Arc::new(folder), calls: Arc::new(Semaphore::new(DISK_CALLS_MAX)) })
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        self.calls.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Begins work on a thread that may wait for the disk.
    async fn begin<T: Send + 'static>(&self, work: impl FnOnce(&Folder) -> T + Send + 'static) -> JoinHandle<T> {
        self.begin_with(self.permit().await, work)
    }

    /// The same if a thread is free now.
    fn try_begin<T: Send + 'static>(&self, work: impl FnOnce(&Folder) -> T + Send + 'static) -> Option<JoinHandle<T>> {
        Some(self.begin_with(self.calls.clone().try_acquire_owned().ok()?, work))
    }

    fn begin_with<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&Folder) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let folder = self.folder.clone();
        spawn_blocking(move || {
            let _permit = permit;
            work(&folder)
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        joined(self.begin(work).await).await
    }
}

/// What the work came to. A thread that panicked, or a runtime that is shutting down, is an error like another.
async fn joined<T>(work: JoinHandle<io::Result<T>>) -> io::Result<T> {
    work.await.map_err(io::Error::other)?
}

#[async_trait]
impl Objects for Local {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        check_name(name)?;
        let owned = name.to_string();
        self.run(move |folder| folder.put(&owned, &bytes)).await.map_err(failed_write(name))
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, Error> {
        check_name(name)?;
        Ok(Box::new(LocalWriter::new(self.clone(), name)))
    }

    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error> {
        check_name(name)?;
        reader::open(self, name, range).await
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.delete_many(&[name.to_string()]).await
    }

    async fn delete_many(&self, names: &[String]) -> Result<(), Error> {
        names.iter().try_for_each(|name| check_name(name))?;
        let Some(first) = names.first() else { return Ok(()) };
        let owned = names.to_vec();
        self.run(move |folder| folder.delete(&owned)).await.map_err(Error::io("deleting", first))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, Error> {
        check_prefix(prefix)?;
        check_after(after)?;
        check_limit(limit)?;
        let (start, after) = (prefix.to_string(), after.unwrap_or_default().to_string());
        self.run(move |folder| folder.list(&start, &after, limit)).await.map_err(Error::io("listing", prefix))
    }
}

/// Says what went wrong when an object was to be made.
fn failed_write(name: &str) -> impl FnOnce(io::Error) -> Error {
    move |error| match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Error::BadName { name: name.to_string(), why: "one object's name is the folder of another" }
        }
        _ => Error::io("writing", name)(error),
    }
}

#[cfg(test)]
mod tests;
