//! Content on its way in and out: summed up and checked as it goes by, small in a row, large in a blob, never whole in memory.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use objects::Objects;
use serde::{Deserialize, Serialize};
use service::{ApiError, Body};
use state::{Expect, Op, State};

use crate::checksum::{Expected, Summer, Sums};
use crate::error::{Error, state_failed};
use crate::object::{Data, ordered_id};
use crate::{S3, TABLE_SMALL, garbage};

/// Content up to here is a row: the commit that makes it visible then is the only wait for the disk.
const SMALL_BYTES_MAX: usize = 8 * 1024;
/// Content is summed up and handed to the disk in pieces of this size: as large as those that a local disk writes, so that they are
/// not put together once more.
const PIECE_BYTES: usize = 512 * 1024;
/// The most that one call may write. Source: S3 user guide, "Uploading objects".
pub(crate) const PUT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

const _: () = assert!(SMALL_BYTES_MAX < PIECE_BYTES);

/// Which parts some content consists of, in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Of this document.
    pub(crate) v: u8,
    pub(crate) parts: Vec<Piece>,
}

/// A part of some content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub(crate) number: u32,
    pub(crate) size: u64,
    pub(crate) data: Data,
    /// By the object's algorithm, base 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<String>,
}

/// Content that was written and verified, but is part of nothing yet. It becomes so by the commit that has its [`Stored::ops`];
/// without that, it is garbage.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) data: Data,
    ops: Vec<Op>,
    /// Until it is dropped, the blob is not taken for garbage.
    _live: Option<Live>,
}

impl Stored {
    /// Content that was stored before, as parts.
    pub(crate) fn before(data: Data) -> Stored {
        Stored { data, ..Stored::default() }
    }

    /// What makes it part of what the same commit writes.
    pub(crate) fn ops(&self) -> impl Iterator<Item = Op> + '_ {
        self.ops.iter().cloned()
    }
}

/// A blob's name while a call writes it.
struct Live {
    names: Arc<Mutex<HashSet<String>>>,
    name: String,
    /// Of its row in the garbage table.
    rev: u64,
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Ok(mut names) = self.names.lock() {
            names.remove(&self.name);
        }
    }
}

/// What is told of content that went while it was being read.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// It was discarded: what named it is out of date.
    Gone,
    /// It cannot be read.
    Failed(ApiError),
}

impl S3 {
    /// Writes content, durably, if it is what was expected.
    pub(crate) async fn store(&self, mut body: Body, expected: &Expected) -> Result<(Stored, Sums), ApiError> {
        if body.len_bytes().is_some_and(|len| len > PUT_BYTES_MAX) {
            return Err(too_large());
        }
        let announced = body.len_bytes();
        let mut summer = Summer::new(expected);
        let mut buffer = BytesMut::new();
        let mut large: Option<(Live, Box<dyn objects::Writer>)> = None;
        loop {
            let piece = body.next().await.transpose()?;
            let ended = piece.is_none();
            buffer.extend_from_slice(&piece.unwrap_or_default());
            while buffer.len() >= PIECE_BYTES || ended && large.is_some() && !buffer.is_empty() {
                if large.is_none() {
                    large = Some(self.begin_blob().await?);
                }
                let piece = buffer.split_to(buffer.len().min(PIECE_BYTES)).freeze();
                summer.update(&piece);
                if summer.len_bytes() > PUT_BYTES_MAX {
                    return Err(too_large());
                }
                let (_, writer) = large.as_mut().expect("begun above");
                writer.write(piece).await.map_err(ApiError::unavailable)?;
            }
            if ended {
                break;
            }
        }
        // What is left is the whole of content that is smaller than a piece.
        let rest = buffer.freeze();
        summer.update(&rest);
        if announced.is_some_and(|len| len != summer.len_bytes()) {
            return Err(Error::IncompleteBody.into());
        }
        let sums = summer.finish(expected, &body.trailers())?;
        if large.is_none() && rest.len() > SMALL_BYTES_MAX {
            let (live, mut writer) = self.begin_blob().await?;
            writer.write(rest.clone()).await.map_err(ApiError::unavailable)?;
            large = Some((live, writer));
        }
        let stored = match large {
            Some((live, writer)) => {
                writer.finish().await.map_err(ApiError::unavailable)?;
                Stored {
                    data: Data::Blob(live.name.clone()),
                    ops: vec![garbage::kept(&live.name, live.rev)],
                    _live: Some(live),
                }
            }
            None if rest.is_empty() => Stored::default(),
            None => {
                let name = self.name();
                let put = Op::Put { table: TABLE_SMALL, key: name.clone().into(), value: rest, expect: Expect::Absent };
                Stored { data: Data::Small(name), ops: vec![put], _live: None }
            }
        };
        Ok((stored, sums))
    }

    /// A blob to write into; its name is in the garbage table already.
    async fn begin_blob(&self) -> Result<(Live, Box<dyn objects::Writer>), ApiError> {
        let name = self.name();
        let mut live = Live { names: Arc::clone(&self.live), name: name.clone(), rev: 0 };
        self.live.lock().expect("no holder of this lock can panic").insert(name.clone());
        let pending = garbage::pending(&name, self.env.clock.now());
        let done = self.state.commit(vec![pending]).await.map_err(state_failed)?;
        live.rev = done.revs.first().copied().unwrap_or_default();
        let writer = self.objects.writer(&name).await.map_err(ApiError::unavailable)?;
        Ok((live, writer))
    }

    /// A new name for content. Its first part spreads blobs over folders.
    pub(crate) fn name(&self) -> String {
        let mut folder = [0];
        self.env.rng.fill(&mut folder);
        let now = u64::try_from(self.env.clock.now().ms()).unwrap_or(0);
        format!("s3/{}/{}", base::ids::hex(&folder), ordered_id(&*self.env.rng, now))
    }

    /// Opens a range of content for reading.
    pub(crate) async fn open(&self, data: &Data, range: Range<u64>) -> Result<Body, OpenError> {
        let len_bytes = range.end - range.start;
        if len_bytes == 0 {
            return Ok(Body::from_bytes(Bytes::new()));
        }
        let Data::Parts(name) = data else {
            return open(&*self.state, &*self.objects, data, range).await;
        };
        let manifest = self.manifest(name).await.map_err(OpenError::Failed)?.ok_or(OpenError::Gone)?;
        let mut pieces = Vec::new();
        let mut start = 0;
        for piece in manifest.parts {
            let end = start + piece.size;
            let wanted = range.start.max(start)..range.end.min(end);
            if wanted.start < wanted.end {
                pieces.push((piece.data, wanted.start - start..wanted.end - start));
            }
            start = end;
        }
        let mut pieces = pieces.into_iter();
        let Some((first, first_range)) = pieces.next() else { return Err(OpenError::Gone) };
        // The first is opened now, so that content that is gone is noticed before anything is answered.
        let first = open(&*self.state, &*self.objects, &first, first_range).await?;
        let (state, objects) = (Arc::clone(&self.state), Arc::clone(&self.objects));
        let rest = stream::iter(pieces).then(move |(data, range)| {
            let (state, objects) = (Arc::clone(&state), Arc::clone(&objects));
            async move { open(&*state, &*objects, &data, range).await.map_err(ApiError::from) }
        });
        Ok(Body::new(first.chain(rest.try_flatten()), Some(len_bytes)))
    }
}

async fn open(state: &dyn State, objects: &dyn Objects, data: &Data, range: Range<u64>) -> Result<Body, OpenError> {
    let len_bytes = range.end - range.start;
    match data {
        Data::Empty => Ok(Body::from_bytes(Bytes::new())),
        Data::Small(name) => {
            let row = state.get(TABLE_SMALL, name.as_bytes()).await.map_err(|e| OpenError::Failed(state_failed(e)))?;
            let value = row.ok_or(OpenError::Gone)?.value;
            let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            match bounds.filter(|(_, end)| *end <= value.len()) {
                Some((start, end)) => Ok(Body::from_bytes(value.slice(start..end))),
                None => Err(OpenError::Failed(ApiError::internal(format!("{name} is shorter than its object")))),
            }
        }
        Data::Blob(name) => match objects.get(name, Some(range)).await {
            Ok(reader) => Ok(Body::new(reader.map_err(ApiError::unavailable), Some(len_bytes))),
            Err(objects::Error::NotFound { .. }) => Err(OpenError::Gone),
            Err(error) => Err(OpenError::Failed(ApiError::unavailable(error))),
        },
        Data::Parts(name) => {
            Err(OpenError::Failed(ApiError::internal(format!("the manifest {name} is in a manifest"))))
        }
    }
}

impl From<OpenError> for ApiError {
    fn from(error: OpenError) -> ApiError {
        match error {
            OpenError::Gone => ApiError::unavailable("content was discarded while it was being read"),
            OpenError::Failed(error) => error,
        }
    }
}

fn too_large() -> ApiError {
    ApiError::from(Error::EntityTooLarge).with("MaxSizeAllowed", PUT_BYTES_MAX.to_string())
}
