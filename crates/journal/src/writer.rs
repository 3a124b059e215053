//! Writes frames to the newest segment. Owned by one thread. Never says "refused" while the bytes could still come back.
//!
//! A failed write or sync leaves the disk in a state that nobody knows. So the frame is erased (zeros over all of it, the
//! file cut back to its old length, synced) before its appends are refused and before anything else is written. If that fails
//! too, a new segment that starts with the same entry makes the frame void, for a reader stops where the next segment starts.
//! If even that fails, the appends are told that it is uncertain, and the next ones are refused until a new segment can be
//! made: once a new segment has been tried, the old one is never written again, because the new one's name may be durable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Env;
use base::env::{Clock, Disk, DiskFile};
use bytes::Bytes;

use crate::Error;
use crate::format::{self, Hash, Mark, SEGMENT_HEADER_BYTES, SegmentHeader, len_u64};
use crate::segments::{Point, Segment, new_segment_path, segment_path};

/// Zeros are written ahead of the frames in steps as large as the segment already is, within these bounds: an idle journal
/// stays small, and a busy one pays for a longer file (a slow sync, because its length changes) once per 4 MiB.
const AHEAD_BYTES_MIN: u64 = 256 << 10;
const AHEAD_BYTES_MAX: u64 = 4 << 20;
/// Zeros written by one call.
const ZEROS: &[u8] = &[0; 64 << 10];
/// A frame buffer that has grown above this is given back.
const BUFFER_BYTES_KEPT: usize = 2 * format::GROUP_BYTES;

/// What a commit has made durable.
pub(crate) struct Committed {
    /// The first entry.
    pub(crate) first: u64,
    /// Chain hash after the last.
    pub(crate) chain: Hash,
    /// The frame's place.
    pub(crate) point: Point,
    /// The segment that was begun, if there was no room in the last one.
    pub(crate) begun: Option<Segment>,
    /// The segment's length.
    pub(crate) len_bytes: u64,
    /// How long the sync took.
    pub(crate) sync_ms: u64,
}

/// Why a commit did not happen.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// A segment that was begun all the same.
    pub(crate) begun: Option<Segment>,
}

pub(crate) struct Writer {
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    file: Box<dyn DiskFile>,
    path: PathBuf,
    header: SegmentHeader,
    mark: Mark,
    segment_bytes: u64,
    /// Where the next frame goes.
    end: u64,
    /// The file's length. What is between is zero.
    len: u64,
    next: u64,
    chain: Hash,
    /// Nothing may be written to this segment any more.
    must_roll: bool,
    frame: Vec<u8>,
}

/// The newest segment as it was found or made.
pub(crate) struct Active {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) path: PathBuf,
    pub(crate) header: SegmentHeader,
    pub(crate) end: u64,
    pub(crate) len: u64,
    pub(crate) next: u64,
    pub(crate) chain: Hash,
}

impl Writer {
    pub(crate) fn new(env: &Env, folder: &Path, segment_bytes: u64, active: Active) -> Writer {
        let Active { file, path, header, end, len, next, chain } = active;
        let mark = header.mark();
        let folder = folder.to_path_buf();
        let frame = Vec::new();
        let (clock, disk) = (Arc::clone(&env.clock), Arc::clone(&env.disk));
        Writer {
            clock,
            disk,
            folder,
            file,
            path,
            header,
            mark,
            segment_bytes,
            end,
            len,
            next,
            chain,
            must_roll: false,
            frame,
        }
    }

    /// Writes the batches as one frame. Returns when they are durable, or when it is settled that they are not.
    pub(crate) fn commit<'a>(
        &mut self,
        batches: impl Iterator<Item = &'a [(u8, Bytes)]>,
    ) -> Result<Committed, Failure> {
        let mut count = 0;
        format::begin_frame(&mut self.frame);
        for entries in batches {
            count += entries.len();
            format::encode_entries(&mut self.frame, entries);
        }
        let chain = format::seal_frame(&mut self.frame, self.mark, self.next, count, &self.chain);
        let frame_len = len_u64(self.frame.len());
        let has_frames = self.end > len_u64(SEGMENT_HEADER_BYTES);
        let mut begun = None;
        if self.must_roll || has_frames && self.end + frame_len > self.segment_bytes {
            begun = Some(self.roll().map_err(|error| Failure { error, begun: None })?);
        }
        let (len, sync_ms) = match self.write() {
            Ok(written) => written,
            Err(error) => return Err(self.settle(error, begun)),
        };
        let point = Point { seq: self.next, at: self.end };
        let first = self.next;
        self.end += frame_len;
        self.len = len;
        self.next += len_u64(count);
        self.chain = chain;
        if self.frame.capacity() > BUFFER_BYTES_KEPT {
            self.frame = Vec::new();
        }
        Ok(Committed { first, chain, point, begun, len_bytes: self.len, sync_ms })
    }

    /// Writes the frame, and zeros behind it if it does not fit in those already there; one sync for both.
    /// Returns the file's length, and how long the sync took in milliseconds.
    fn write(&self) -> Result<(u64, u64), Error> {
        let ahead = self.end.clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
        let path = &self.path;
        self.file.write_all_at(&self.frame, self.end).map_err(Error::disk("write to", path))?;
        let end = self.end + len_u64(self.frame.len());
        let mut len = self.len;
        if end > self.len {
            // The zeros are a convenience: without room for them the frame is still whole.
            len = (end + ahead).min(self.segment_bytes).max(end);
            if write_zeros(&*self.file, end, len).is_err() {
                len = end;
                self.file.set_len(len).map_err(Error::disk("cut", path))?;
            }
        }
        let start_ms = self.clock.monotonic_ms();
        self.file.sync_data().map_err(Error::disk("sync", path))?;
        Ok((len, self.clock.monotonic_ms().saturating_sub(start_ms)))
    }

    /// After a failed [`Writer::write`]: makes sure that the frame never appears, or says that it may.
    fn settle(&mut self, error: Error, begun: Option<Segment>) -> Failure {
        tracing::error!(%error, path = %self.path.display(), "the journal could not write");
        if self.erase().is_ok() {
            return Failure { error, begun };
        }
        match self.roll() {
            Ok(segment) => Failure { error, begun: Some(segment) },
            Err(_) => Failure { error: Error::Uncertain { cause: Some(Box::new(error)) }, begun },
        }
    }

    fn erase(&self) -> Result<(), Error> {
        let frame_end = self.end + len_u64(self.frame.len());
        self.file.set_len(self.len).map_err(Error::disk("cut", &self.path))?;
        let zeroed = write_zeros(&*self.file, self.end, frame_end.min(self.len));
        zeroed.map_err(Error::disk("erase from", &self.path))?;
        self.file.sync_data().map_err(Error::disk("sync", &self.path))
    }

    /// Begins a new segment at the next entry.
    fn roll(&mut self) -> Result<Segment, Error> {
        self.must_roll = true;
        let has_frames = self.end > len_u64(SEGMENT_HEADER_BYTES);
        // A segment without frames is made anew under its own name, and has the same one before it.
        let previous_first = if has_frames { self.header.first } else { self.header.previous_first };
        let header = SegmentHeader { first: self.next, previous_first, id: self.header.id, chain: self.chain };
        let (file, len) = create_segment(&*self.disk, &self.folder, &header, AHEAD_BYTES_MAX.min(self.segment_bytes))?;
        if has_frames && self.file.set_len(self.end).and_then(|()| self.file.sync_data()).is_err() {
            // Only room is lost: a reader stops where the new segment starts.
            tracing::warn!(path = %self.path.display(), "the journal could not cut a finished segment to its length");
        }
        self.path = segment_path(&self.folder, header.first);
        self.header = header;
        self.file = file;
        self.end = len_u64(SEGMENT_HEADER_BYTES);
        self.len = len;
        self.must_roll = false;
        Ok(Segment::new(self.header.first, self.path.clone(), len))
    }
}

/// Makes a segment file with a header and zeros up to `len`, if there is room. Returns when it is durable under its name,
/// with its length.
pub(crate) fn create_segment(
    disk: &dyn Disk,
    folder: &Path,
    header: &SegmentHeader,
    len: u64,
) -> Result<(Box<dyn DiskFile>, u64), Error> {
    let header_len = len_u64(SEGMENT_HEADER_BYTES);
    let new_path = new_segment_path(folder, header.first);
    let path = segment_path(folder, header.first);
    let file = disk.open(&new_path, true).map_err(Error::disk("create", &new_path))?;
    file.set_len(0).map_err(Error::disk("cut", &new_path))?;
    file.write_all_at(&header.encode(), 0).map_err(Error::disk("write to", &new_path))?;
    let mut len = len.max(header_len);
    if write_zeros(&*file, header_len, len).is_err() {
        len = header_len;
        file.set_len(len).map_err(Error::disk("cut", &new_path))?;
    }
    file.sync_data().map_err(Error::disk("sync", &new_path))?;
    disk.rename(&new_path, &path).map_err(Error::disk("rename", &new_path))?;
    disk.sync_dir(folder).map_err(Error::disk("sync", folder))?;
    Ok((file, len))
}

fn write_zeros(file: &dyn DiskFile, from: u64, to: u64) -> std::io::Result<()> {
    let mut at = from;
    while at < to {
        let count = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all_at(&ZEROS[..count], at)?;
        at += len_u64(count);
    }
    Ok(())
}
