//! Opens what a journal left on disk, and verifies all of it on demand. Cuts a torn last write and nothing else.

use std::path::{Path, PathBuf};

use base::Env;
use base::env::{Disk, DiskFile};

use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader, len_u64};
use crate::scan::{CHUNK_BYTES, Checked, Reader, check_frames, judge_tail};
use crate::segments::{FileName, Point, Segment, Segments, parse_name, segment_path};
use crate::writer::{Active, create_segment};
use crate::{ChainHead, Error, Seq};

/// What was found when a journal was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Entries in the journal.
    pub entries: u64,
    /// Bytes of a torn last write that were cut; they were never acknowledged.
    pub cut_bytes: u64,
    /// The last entry, or [`Seq::ZERO`] if there has never been one.
    pub last_seq: Seq,
    /// Segment files.
    pub segments: usize,
}

/// What [`verify`] has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The oldest entry.
    pub first: Seq,
    /// Entries from there on.
    pub entries: u64,
    /// Segment files.
    pub segments: usize,
    /// The hash over all of them and all those before.
    pub head: ChainHead,
    /// Bytes behind the last frame that are no frame: a write under way, or torn.
    pub unfinished_bytes: u64,
}

/// The part of a segment file that holds entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The file's name in the journal's folder.
    pub name: String,
    /// How many bytes from its start.
    pub len_bytes: u64,
}

/// Reads the whole journal in `folder` and verifies every checksum, position and hash. Writes nothing; the journal may be in
/// use. An empty or absent folder is an error of the disk.
pub fn verify(env: &Env, folder: &Path) -> Result<Verified, Error> {
    extents(env, folder, None).map(|(verified, _)| verified)
}

/// What to copy of a journal so that the copy is a journal of its own, with the entries before `end`, which is a place that
/// [`crate::Journal::durable_end`] once had; all entries if `end` is `None`. Verifies like [`verify`] what is to be copied. The
/// journal may be in use, but not be trimmed: the bytes named here do not change any more.
pub fn extents(env: &Env, folder: &Path, end: Option<Seq>) -> Result<(Verified, Vec<Extent>), Error> {
    let disk = &*env.disk;
    let mut firsts = list(disk, folder)?.segments;
    if let Some(end) = end {
        // A segment that begins at the end or later has nothing of it. One has to be there, or the copy is another journal.
        let before = firsts.partition_point(|first| *first < end.get());
        firsts.truncate(before.max(1));
    }
    let headers = headers(disk, folder, &firsts)?;
    let mut extents = Vec::with_capacity(headers.len());
    let Some(oldest) = headers.first() else {
        let absent = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(Error::disk("find segments in", folder)(absent));
    };
    let mut head = ChainHead { seq: Seq(oldest.first - 1), hash: oldest.chain };
    let mut unfinished_bytes = 0;
    for (index, header) in headers.iter().enumerate() {
        let path = segment_path(folder, header.first);
        if header.chain != head.hash {
            return Err(Error::corrupt(&path, 0, "the segment does not continue the hash chain of the one before"));
        }
        let stop = headers.get(index + 1).map(|next| next.first).or(end.map(Seq::get));
        let file = disk.open(&path, false).map_err(Error::disk("open", &path))?;
        let mut reader = Reader::new(&*file, &path, CHUNK_BYTES)?;
        let checked = check_frames(&mut reader, header, stop, |_, _| {})?;
        if stop.is_some_and(|stop| stop != checked.next) {
            return Err(Error::corrupt(&path, checked.end_at, "the entries do not end where they should"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        extents.push(Extent { name, len_bytes: checked.end_at });
        if stop.is_none() {
            unfinished_bytes = judge_tail(&mut reader, checked.end_at, header.mark())?;
        }
        head = ChainHead { seq: Seq(checked.next - 1), hash: checked.chain };
    }
    let entries = head.seq.get() + 1 - oldest.first;
    let verified = Verified { first: Seq(oldest.first), entries, segments: headers.len(), head, unfinished_bytes };
    Ok((verified, extents))
}

/// A journal as it lies on disk, ready to be continued.
pub(crate) struct Opened {
    pub(crate) active: Active,
    pub(crate) segments: Segments,
    pub(crate) recovery: Recovery,
}

/// Reads the headers of all segments and the whole of the last one, and makes sure that what it found is durable.
pub(crate) fn open(env: &Env, folder: &Path) -> Result<Opened, Error> {
    let disk = &*env.disk;
    disk.create_dir_all(folder).map_err(Error::disk("create", folder))?;
    let listing = list(disk, folder)?;
    for path in &listing.unfinished {
        disk.remove(path).map_err(Error::disk("remove", path))?;
    }
    let headers = headers(disk, folder, &listing.segments)?;
    let mut segments = Segments::default();
    for header in &headers {
        let path = segment_path(folder, header.first);
        let file = disk.open(&path, false).map_err(Error::disk("open", &path))?;
        let len = file.len().map_err(Error::disk("measure", &path))?;
        segments.push(Segment::new(header.first, path, len));
    }
    let Some(last) = headers.into_iter().next_back() else {
        return begin(env, folder);
    };
    let (active, cut_bytes) = reopen(disk, folder, last, &mut segments)?;
    let first = segments.first().unwrap_or(active.header.first);
    let recovery = Recovery {
        entries: active.next - first,
        cut_bytes,
        last_seq: Seq(active.next - 1),
        segments: segments.count(),
    };
    Ok(Opened { active, segments, recovery })
}

/// A new journal.
fn begin(env: &Env, folder: &Path) -> Result<Opened, Error> {
    let mut id = [0; 16];
    env.rng.fill(&mut id);
    let header = SegmentHeader::genesis(id);
    // No zeros ahead yet: the first append makes room, and starting stays quick.
    let (file, len) = create_segment(&*env.disk, folder, &header, 0)?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    env.disk.sync_dir(parent).map_err(Error::disk("sync", parent))?;
    let path = segment_path(folder, header.first);
    let mut segments = Segments::default();
    segments.push(Segment::new(header.first, path.clone(), len));
    let (next, chain) = (header.first, header.chain);
    let active = Active { file, path, header, end: len_u64(SEGMENT_HEADER_BYTES), len, next, chain };
    Ok(Opened { active, segments, recovery: Recovery { entries: 0, cut_bytes: 0, last_seq: Seq::ZERO, segments: 1 } })
}

/// Scans the last segment, cuts a torn write, and makes the rest durable.
fn reopen(
    disk: &dyn Disk,
    folder: &Path,
    header: SegmentHeader,
    segments: &mut Segments,
) -> Result<(Active, u64), Error> {
    let path = segment_path(folder, header.first);
    let file = disk.open(&path, false).map_err(Error::disk("open", &path))?;
    let mut reader = Reader::new(&*file, &path, CHUNK_BYTES)?;
    let checked = check_frames(&mut reader, &header, None, |seq, at| {
        if let Some(segment) = segments.last_mut() {
            segment.note(Point { seq, at });
        }
    })?;
    let cut_bytes = judge_tail(&mut reader, checked.end_at, header.mark())?;
    let mut len = reader.len();
    if cut_bytes > 0 {
        tracing::warn!(path = %path.display(), at = checked.end_at, cut_bytes, "cut a torn write off the journal");
        len = checked.end_at;
        file.set_len(len).map_err(Error::disk("cut", &path))?;
    }
    harden(&*file, &path, &mut reader, &checked)?;
    disk.sync_dir(folder).map_err(Error::disk("sync", folder))?;
    if let Some(segment) = segments.last_mut() {
        segment.len_bytes = len;
    }
    let Checked { end_at: end, next, chain, .. } = checked;
    Ok((Active { file, path, header, end, len, next, chain }, cut_bytes))
}

/// Makes the last frame durable. A process that was killed may have left it in the system's memory only, even marked as
/// written after a failed sync; those before it were durable before it was written. So it is written again and synced.
fn harden(file: &dyn DiskFile, path: &Path, reader: &mut Reader<'_>, checked: &Checked) -> Result<(), Error> {
    let from = checked.last_at.unwrap_or(0);
    let count = usize::try_from(checked.end_at - from).unwrap_or(usize::MAX);
    if let Some(bytes) = reader.bytes(from, count)? {
        file.write_all_at(&bytes, from).map_err(Error::disk("write to", path))?;
    }
    file.sync_data().map_err(Error::disk("sync", path))
}

struct Listing {
    /// First entries, ascending.
    segments: Vec<u64>,
    unfinished: Vec<PathBuf>,
}

fn list(disk: &dyn Disk, folder: &Path) -> Result<Listing, Error> {
    let names = disk.list(folder).map_err(Error::disk("list", folder))?;
    let mut listing = Listing { segments: Vec::new(), unfinished: Vec::new() };
    for name in names {
        match parse_name(&name) {
            FileName::Segment(first) => listing.segments.push(first),
            FileName::Unfinished => listing.unfinished.push(folder.join(name)),
            FileName::Other => {}
        }
    }
    listing.segments.sort_unstable();
    Ok(listing)
}

/// Reads the headers and checks that they belong together, without a missing segment.
fn headers(disk: &dyn Disk, folder: &Path, firsts: &[u64]) -> Result<Vec<SegmentHeader>, Error> {
    let mut headers: Vec<SegmentHeader> = Vec::with_capacity(firsts.len());
    for &first in firsts {
        let path = segment_path(folder, first);
        let file = disk.open(&path, false).map_err(Error::disk("open", &path))?;
        let header = Reader::new(&*file, &path, SEGMENT_HEADER_BYTES)?.segment_header()?;
        let wrong = match headers.last() {
            _ if header.first != first => Some("the file's name and its header name different entries"),
            Some(before) if before.id != header.id => Some("the segment belongs to another journal"),
            Some(before) if before.first != header.previous_first => Some("the segment before this one is missing"),
            _ => None,
        };
        if let Some(reason) = wrong {
            return Err(Error::corrupt(&path, 0, reason));
        }
        headers.push(header);
    }
    Ok(headers)
}
