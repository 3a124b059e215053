//! Reading an object: the first piece with the call that opens it, each further one while the one before is used.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use base::env::DiskFile;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::task::JoinHandle;

use super::{Local, PIECE_BYTES, joined};
use crate::{Error, Reader, clamp};

pub(super) async fn open(local: &Local, name: &str, range: Option<Range<u64>>) -> Result<Reader, Error> {
    let failed = || Error::io("reading", name);
    let owned = name.to_string();
    let opened = local.run(move |folder| {
        let Some(file) = folder.open_object(&owned)? else { return Ok(Err(Error::NotFound { name: owned })) };
        let len = file.len()?;
        let range = match clamp(&owned, range, len) {
            Ok(range) => range,
            Err(error) => return Ok(Err(error)),
        };
        let first = read(&*file, range.clone())?;
        Ok(Ok((file, len, range, first)))
    });
    let (file, len, range, first) = opened.await.map_err(failed())??;

    let read_to = range.start + u64::try_from(first.len()).unwrap_or(u64::MAX);
    let rest = Rest { local: local.clone(), file: file.into(), left: read_to..range.end, next: None };
    let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
    let name = name.to_string();
    let pieces = first.chain(stream::try_unfold(rest.ahead(), Rest::piece));
    Ok(Reader::new(len, range, pieces.map_err(move |error| Error::io("reading", &name)(error)).boxed()))
}

/// What is still to be read.
struct Rest {
    local: Local,
    file: Arc<dyn DiskFile>,
    left: Range<u64>,
    /// The next piece, being read.
    next: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Rest {
    async fn piece(mut self) -> io::Result<Option<(Bytes, Rest)>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let piece = match self.next.take() {
            Some(next) => joined(next).await?,
            None => {
                let (file, left) = (self.file.clone(), self.left.clone());
                self.local.run(move |_| read(&*file, left)).await?
            }
        };
        self.left.start += u64::try_from(piece.len()).map_err(io::Error::other)?;
        Ok(Some((piece, self.ahead())))
    }

    /// Begins to read the next piece, if there is one and a thread is free.
    fn ahead(mut self) -> Rest {
        if !self.left.is_empty() {
            let (file, left) = (self.file.clone(), self.left.clone());
            self.next = self.local.try_begin(move |_| read(&*file, left));
        }
        self
    }
}

/// The first piece of a range: at most [`PIECE_BYTES`], empty only if the range is.
fn read(file: &dyn DiskFile, range: Range<u64>) -> io::Result<Bytes> {
    let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(PIECE_BYTES);
    let mut bytes = vec![0; len];
    let mut done = 0;
    while done < len {
        let offset = range.start + u64::try_from(done).map_err(io::Error::other)?;
        match file.read_at(&mut bytes[done..], offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => done += count,
        }
    }
    Ok(bytes.into())
}
