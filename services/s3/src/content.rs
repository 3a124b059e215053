//! Content on its way in and out: summed up, checked and encrypted as it goes by, small in a row, large in a blob, never whole in
//! memory. What was written before there was encryption is read as it is; nothing is written so any more.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use objects::Objects;
use seal::{HEADER_BYTES, HostKeys, Opener, Sealer, sealed_range};
use serde::{Deserialize, Serialize};
use service::{ApiError, Body};
use state::{Expect, Op, State};

use crate::checksum::{Expected, Summer, Sums};
use crate::error::{Error, state_failed};
use crate::object::{Data, ordered_id};
use crate::pins::Pin;
use crate::{S3, TABLE_SMALL, garbage};

/// Content up to here is a row: the commit that makes it visible then is the only wait for the disk.
const SMALL_BYTES_MAX: usize = 8 * 1024;
/// The most that one call may write. Source: S3 user guide, "Uploading objects".
pub(crate) const PUT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What the names of encrypted content begin with.
const SEALED: &str = "s3e/";
/// What the names of content from before there was encryption begin with.
const PLAIN: &str = "s3/";

// What is small never fills a chunk: it is not handed out before its end.
const _: () = assert!(SMALL_BYTES_MAX < seal::CHUNK_BYTES);

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
    /// Writes content, durably, if it is what was expected; under a host key or a data key of KMS.
    pub(crate) async fn store(
        &self,
        mut body: Body,
        expected: &Expected,
        keys: &HostKeys,
    ) -> Result<(Stored, Sums), ApiError> {
        if body.len_bytes().is_some_and(|len| len > PUT_BYTES_MAX) {
            return Err(too_large());
        }
        let announced = body.len_bytes();
        let name = self.name();
        let mut summer = Summer::new(expected);
        let mut sealer = Sealer::new(keys, &*self.env.rng, &name, announced);
        let mut large: Option<(Live, Box<dyn objects::Writer>)> = None;
        while let Some(piece) = body.next().await.transpose()? {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                if sealer.chunk_is_full() {
                    summer.update(sealer.open_chunk());
                    if summer.len_bytes() > PUT_BYTES_MAX {
                        return Err(too_large());
                    }
                    sealer.seal_chunk();
                    if let Some(sealed) = sealer.take_piece() {
                        if large.is_none() {
                            let live = self.begin_blob(&name).await?;
                            large = Some((live, self.objects.writer(&name).await.map_err(ApiError::unavailable)?));
                        }
                        let (_, writer) = large.as_mut().expect("begun above");
                        writer.write(sealed).await.map_err(ApiError::unavailable)?;
                    }
                }
                rest = sealer.fill(rest);
            }
        }
        summer.update(sealer.open_chunk());
        let len_bytes = summer.len_bytes();
        if announced.is_some_and(|len| len != len_bytes) {
            return Err(Error::IncompleteBody.into());
        }
        if len_bytes > PUT_BYTES_MAX {
            return Err(too_large());
        }
        let sums = summer.finish(expected, &body.trailers())?;
        if len_bytes == 0 {
            return Ok((Stored::default(), sums));
        }
        let rest = sealer.finish();
        if large.is_none() && len_bytes <= SMALL_BYTES_MAX as u64 {
            let put = Op::Put { table: TABLE_SMALL, key: name.clone().into(), value: rest, expect: Expect::Absent };
            return Ok((Stored { data: Data::Small(name), ops: vec![put], _live: None }, sums));
        }
        let live = match large {
            Some((live, mut writer)) => {
                writer.write(rest).await.map_err(ApiError::unavailable)?;
                writer.finish().await.map_err(ApiError::unavailable)?;
                live
            }
            None => {
                let live = self.begin_blob(&name).await?;
                self.objects.put(&name, rest).await.map_err(ApiError::unavailable)?;
                live
            }
        };
        let ops = vec![garbage::kept(&name, live.rev)];
        Ok((Stored { data: Data::Blob(name), ops, _live: Some(live) }, sums))
    }

    /// Names a blob before its first byte is written: in the garbage table, durably, and among those that are being written.
    async fn begin_blob(&self, name: &str) -> Result<Live, ApiError> {
        let mut live = Live { names: Arc::clone(&self.live), name: name.to_owned(), rev: 0 };
        self.live.lock().expect("no holder of this lock can panic").insert(name.to_owned());
        let pending = garbage::pending(name, self.env.clock.now());
        let done = self.state.commit(vec![pending]).await.map_err(state_failed)?;
        live.rev = done.revs.first().copied().unwrap_or_default();
        Ok(live)
    }

    /// A new name for encrypted content. Its second part spreads blobs over folders.
    pub(crate) fn name(&self) -> String {
        self.name_in(SEALED)
    }

    /// A new name for a list of these parts: it says whether all of them are encrypted.
    pub(crate) fn name_of_parts<'a>(&self, mut parts: impl Iterator<Item = &'a Data>) -> String {
        self.name_in(if parts.all(Data::is_sealed) { SEALED } else { PLAIN })
    }

    fn name_in(&self, start: &str) -> String {
        let mut folder = [0];
        self.env.rng.fill(&mut folder);
        let now = u64::try_from(self.env.clock.now().ms()).unwrap_or(0);
        format!("{start}{}/{}", base::ids::hex(&folder), ordered_id(&*self.env.rng, now))
    }

    fn store_of(&self, keys: &Arc<HostKeys>) -> Store {
        Store { state: Arc::clone(&self.state), objects: Arc::clone(&self.objects), keys: Arc::clone(keys) }
    }

    /// Opens a range of content for reading. What it gives first has been read and, where it is encrypted, authenticated already.
    pub(crate) async fn open(
        &self,
        data: &Data,
        range: Range<u64>,
        keys: &Arc<HostKeys>,
    ) -> Result<Body, OpenError> {
        let len_bytes = range.end - range.start;
        if len_bytes == 0 {
            return Ok(Body::from_bytes(Bytes::new()));
        }
        let store = self.store_of(keys);
        // From here on until the body is dropped, nothing of it is removed.
        let name = match data {
            Data::Empty | Data::Small(_) => return store.open(data, range).await,
            Data::Blob(name) | Data::Parts(name) => name,
        };
        let pin = self.pins.read(name).ok_or(OpenError::Gone)?;
        if matches!(data, Data::Blob(_)) {
            return Ok(pinned(store.open(data, range).await?, pin));
        }
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
        let first = store.open(&first, first_range).await?;
        let rest = stream::iter(pieces).then(move |(data, range)| {
            let store = store.clone();
            async move { store.open(&data, range).await.map_err(ApiError::from) }
        });
        Ok(pinned(Body::new(first.chain(rest.try_flatten()), Some(len_bytes)), pin))
    }
}

/// A body that keeps its content in its place.
fn pinned(body: Body, pin: Pin) -> Body {
    let len_bytes = body.len_bytes();
    let held = body.map(move |piece| {
        let _until_the_end = &pin;
        piece
    });
    Body::new(held, len_bytes)
}

impl Data {
    /// Whether it is encrypted where it lies.
    pub(crate) fn is_sealed(&self) -> bool {
        match self {
            Data::Empty => true,
            Data::Small(name) | Data::Blob(name) | Data::Parts(name) => name.starts_with(SEALED),
        }
    }
}

/// Where content is read from.
#[derive(Clone)]
struct Store {
    state: Arc<dyn State>,
    objects: Arc<dyn Objects>,
    keys: Arc<HostKeys>,
}

impl Store {
    async fn open(&self, data: &Data, range: Range<u64>) -> Result<Body, OpenError> {
        let len_bytes = range.end - range.start;
        match data {
            Data::Empty => Ok(Body::from_bytes(Bytes::new())),
            Data::Small(name) => {
                let row = self.state.get(TABLE_SMALL, name.as_bytes()).await;
                let value = row.map_err(|e| OpenError::Failed(state_failed(e)))?.ok_or(OpenError::Gone)?.value;
                let content =
                    if data.is_sealed() { self.opened(name, &value, &range)? } else { part(name, &value, &range)? };
                Ok(Body::from_bytes(content))
            }
            Data::Blob(name) if data.is_sealed() => self.open_sealed(name, range).await,
            Data::Blob(name) => {
                let reader = self.get(name, range).await?;
                Ok(Body::new(reader.map_err(ApiError::unavailable), Some(len_bytes)))
            }
            Data::Parts(name) => {
                Err(OpenError::Failed(ApiError::internal(format!("the manifest {name} is in a manifest"))))
            }
        }
    }

    async fn get(&self, name: &str, range: Range<u64>) -> Result<objects::Reader, OpenError> {
        match self.objects.get(name, Some(range)).await {
            Ok(reader) => Ok(reader),
            Err(objects::Error::NotFound { .. }) => Err(OpenError::Gone),
            Err(error @ objects::Error::BadRange { .. }) => Err(OpenError::Failed(damaged(name, error))),
            Err(error) => Err(OpenError::Failed(ApiError::unavailable(error))),
        }
    }

    /// A range of sealed content that is all there.
    fn opened(&self, name: &str, sealed: &Bytes, range: &Range<u64>) -> Result<Bytes, ApiError> {
        let damaged = |error| damaged(name, error);
        let header = sealed.get(..HEADER_BYTES).ok_or_else(|| damaged(seal::Damaged::Short))?;
        let mut opener = Opener::new(&self.keys, name, header, sealed.len() as u64, range).map_err(damaged)?;
        let from = usize::try_from(sealed_range(range).start).unwrap_or(usize::MAX);
        let content = opener.push(sealed.get(from..).unwrap_or_default()).map_err(damaged)?;
        if opener.is_done() { Ok(content) } else { Err(damaged(seal::Damaged::Short)) }
    }

    async fn open_sealed(&self, name: &str, range: Range<u64>) -> Result<Body, OpenError> {
        let failed = |error: ApiError| OpenError::Failed(error);
        let len_bytes = range.end - range.start;
        let chunks = sealed_range(&range);
        let header_bytes = HEADER_BYTES as u64;
        let (header, mut reader, mut first) = if chunks.start == header_bytes {
            let mut reader = self.get(name, 0..chunks.end).await?;
            let mut piece = next(&mut reader).await.map_err(failed)?;
            while piece.len() < HEADER_BYTES {
                let more = next(&mut reader).await.map_err(failed)?;
                if more.is_empty() {
                    return Err(failed(damaged(name, seal::Damaged::Short)));
                }
                piece = BytesMut::from_iter(piece.iter().chain(more.iter())).freeze();
            }
            (piece.split_to(HEADER_BYTES), reader, piece)
        } else {
            let (header, reader) =
                futures_util::future::try_join(self.get(name, 0..header_bytes), self.get(name, chunks)).await?;
            let header = header.bytes(HEADER_BYTES).await.map_err(|e| failed(ApiError::unavailable(e)))?;
            (header, reader, Bytes::new())
        };
        let opener = Opener::new(&self.keys, name, &header, reader.object_len(), &range);
        let mut opener = opener.map_err(|error| failed(damaged(name, error)))?;
        // Some of it is opened now, so that damage is noticed before anything is answered, if it is at the start.
        let mut content = opener.push(&first).map_err(|error| failed(damaged(name, error)))?;
        while content.is_empty() {
            first = next(&mut reader).await.map_err(failed)?;
            if first.is_empty() {
                return Err(failed(damaged(name, seal::Damaged::Short)));
            }
            content = opener.push(&first).map_err(|error| failed(damaged(name, error)))?;
        }
        if opener.is_done() {
            return Ok(Body::from_bytes(content));
        }
        let rest = stream::try_unfold((reader, opener, name.to_owned()), |(mut reader, mut opener, name)| async move {
            if opener.is_done() {
                return Ok(None);
            }
            let sealed = next(&mut reader).await?;
            if sealed.is_empty() {
                return Err(damaged(&name, seal::Damaged::Short));
            }
            let content = opener.push(&sealed).map_err(|error| damaged(&name, error))?;
            Ok(Some((content, (reader, opener, name))))
        });
        let rest = rest.try_filter(|content| std::future::ready(!content.is_empty()));
        Ok(Body::new(stream::iter([Ok(content)]).chain(rest), Some(len_bytes)))
    }
}

/// The next bytes; none only at the end.
async fn next(reader: &mut objects::Reader) -> Result<Bytes, ApiError> {
    while let Some(piece) = reader.next().await {
        let piece = piece.map_err(ApiError::unavailable)?;
        if !piece.is_empty() {
            return Ok(piece);
        }
    }
    Ok(Bytes::new())
}

/// A range of content that is not encrypted and all there.
fn part(name: &str, content: &Bytes, range: &Range<u64>) -> Result<Bytes, ApiError> {
    let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
    match bounds.filter(|(_, end)| *end <= content.len()) {
        Some((start, end)) => Ok(content.slice(start..end)),
        None => Err(ApiError::internal(format!("{name} is shorter than its object"))),
    }
}

/// The refusal to give content that is not what was written.
fn damaged(name: &str, why: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("the content {name} is damaged: {why}"))
}

impl From<ApiError> for OpenError {
    fn from(error: ApiError) -> OpenError {
        OpenError::Failed(error)
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
