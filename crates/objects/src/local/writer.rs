//! Writing an object piece by piece: one piece is gathered while the one before it is written, and what is written is
//! made durable meanwhile, so that the end does not wait for all of it.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::folder::Unfinished;
use super::{Local, PIECE_BYTES, failed_write, joined};
use crate::{Error, Writer};

/// After so many bytes they are made durable in the background.
const FLUSH_BYTES: u64 = 16 * 1024 * 1024;

pub(super) struct LocalWriter {
    local: Local,
    name: String,
    /// What does not make a piece yet.
    gathered: BytesMut,
    /// The file, made with the first piece: small objects never get here.
    spool: Arc<Spool>,
    /// How many bytes were handed to threads.
    offset: u64,
    flushed: u64,
    writing: Option<JoinHandle<io::Result<()>>>,
    flushing: Option<JoinHandle<io::Result<()>>>,
    /// Something failed; the bytes are no longer whole.
    broken: bool,
}

/// Shared with the threads at work; the file is removed when the last of them lets go of it.
#[derive(Default)]
struct Spool(Mutex<Option<Unfinished>>);

impl LocalWriter {
    pub(super) fn new(local: Local, name: &str) -> LocalWriter {
        LocalWriter {
            local,
            name: name.to_string(),
            gathered: BytesMut::new(),
            spool: Arc::default(),
            offset: 0,
            flushed: 0,
            writing: None,
            flushing: None,
            broken: false,
        }
    }

    async fn add(&mut self, mut bytes: Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.gathered.is_empty() && bytes.len() >= PIECE_BYTES {
                return self.hand_over(bytes).await;
            }
            let room = PIECE_BYTES - self.gathered.len();
            self.gathered.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.gathered.len() == PIECE_BYTES {
                let piece = mem::take(&mut self.gathered).freeze();
                self.hand_over(piece).await?;
            }
        }
        Ok(())
    }

    /// Gives a piece to a thread, once the piece before it is written.
    async fn hand_over(&mut self, piece: Bytes) -> io::Result<()> {
        if let Some(writing) = self.writing.take() {
            joined(writing).await?;
        }
        if self.offset - self.flushed >= FLUSH_BYTES && self.flushing.as_ref().is_none_or(JoinHandle::is_finished) {
            if let Some(flushing) = self.flushing.take() {
                joined(flushing).await?;
            }
            self.flushed = self.offset;
            let spool = self.spool.clone();
            self.flushing = self.local.try_begin(move |_| match spool.file() {
                Some(file) => file.sync_data(),
                None => Ok(()),
            });
        }
        let (spool, offset) = (self.spool.clone(), self.offset);
        self.offset += u64::try_from(piece.len()).map_err(io::Error::other)?;
        let write = self.local.begin(move |folder| {
            let file = match spool.file() {
                Some(file) => file,
                None => spool.fill(folder.begin()?),
            };
            file.write_all_at(&piece, offset)
        });
        self.writing = Some(write.await);
        Ok(())
    }

    async fn publish(mut self) -> io::Result<()> {
        let name = mem::take(&mut self.name);
        let rest = mem::take(&mut self.gathered).freeze();
        if self.offset == 0 {
            return self.local.run(move |folder| folder.put(&name, &rest)).await;
        }
        if !rest.is_empty() {
            self.hand_over(rest).await?;
        }
        for work in [self.writing.take(), self.flushing.take()].into_iter().flatten() {
            joined(work).await?;
        }
        let spool = self.spool.clone();
        let publish = move |folder: &super::Folder| match spool.take() {
            Some(unfinished) => folder.publish(unfinished, &name),
            None => Err(io::Error::other("the file is gone")),
        };
        self.local.run(publish).await
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        let unfinished = self.spool.take();
        // To remove a large file takes a while.
        if let (Some(unfinished), Ok(runtime)) = (unfinished, Handle::try_current()) {
            runtime.spawn_blocking(move || drop(unfinished));
        }
    }
}

impl Spool {
    fn file(&self) -> Option<Arc<dyn base::DiskFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|unfinished| unfinished.file.clone())
    }

    fn fill(&self, unfinished: Unfinished) -> Arc<dyn base::DiskFile> {
        let file = unfinished.file.clone();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(unfinished);
        file
    }

    fn take(&self) -> Option<Unfinished> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl Writer for LocalWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        if mem::replace(&mut self.broken, true) {
            return Err(failed_write(&self.name)(io::Error::other("an earlier write failed or was given up")));
        }
        // Also broken if this future is dropped half way.
        self.add(bytes).await.map_err(failed_write(&self.name))?;
        self.broken = false;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), Error> {
        let name = self.name.clone();
        if self.broken {
            return Err(failed_write(&name)(io::Error::other("an earlier write failed or was given up")));
        }
        self.publish().await.map_err(failed_write(&name))
    }
}
