//! Reads entries out of a journal's files as they lie on a disk, without opening the journal: for a checker that does not take the
//! journal's word. Never writes.

use std::path::Path;

use base::env::Disk;

use crate::format::{SEGMENT_HEADER_BYTES, decode_entries, len_u64};
use crate::scan::{Found, Reader};
use crate::segments::{FileName, parse_name, segment_path};
use crate::{Entry, Error, Seq};

/// Read at once: a checker that looks often finds little that is new.
const CHUNK_BYTES: usize = 8 << 10;

/// A place in the files.
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    next: u64,
    segment: u64,
    at: u64,
}

impl Default for Follower {
    fn default() -> Follower {
        Follower { next: Seq::FIRST.get(), segment: 0, at: 0 }
    }
}

impl Follower {
    /// Before the first entry that is there.
    pub fn new() -> Follower {
        Follower::default()
    }

    /// The entry that it reads next.
    pub fn next(&self) -> Seq {
        Seq(self.next)
    }

    /// The entries before `end` that lie in `folder` and were not read yet. What was trimmed is passed over; a frame that is not
    /// whole ends the reading.
    pub fn read(&mut self, disk: &dyn Disk, folder: &Path, end: Seq) -> Result<Vec<Entry>, Error> {
        let names = disk.list(folder).map_err(Error::disk("list", folder))?;
        let mut firsts: Vec<u64> = names
            .iter()
            .filter_map(|name| match parse_name(name) {
                FileName::Segment(first) => Some(first),
                FileName::Unfinished | FileName::Other => None,
            })
            .collect();
        firsts.sort_unstable();
        let mut entries = Vec::new();
        while let Some(oldest) = firsts.first().filter(|_| self.next < end.get()) {
            self.next = self.next.max(*oldest);
            let index = firsts.partition_point(|first| *first <= self.next) - 1;
            let (segment, stop) = (firsts[index], firsts.get(index + 1).copied());
            if self.segment != segment {
                self.segment = segment;
                self.at = len_u64(SEGMENT_HEADER_BYTES);
            }
            let stop_at = stop.map_or(end.get(), |stop| stop.min(end.get()));
            let path = segment_path(folder, segment);
            let file = disk.open(&path, false).map_err(Error::disk("open", &path))?;
            let mut reader = Reader::new(&*file, &path, CHUNK_BYTES)?;
            let mark = reader.segment_header()?.mark();
            while self.next < stop_at {
                let Found::Frame(frame) = reader.frame(self.at, mark)? else { break };
                let found = decode_entries(&frame.header, &frame.body);
                let found = found.ok_or_else(|| Error::corrupt(&path, self.at, "the frame has no entries"))?;
                if frame.header.first >= stop_at {
                    break;
                }
                let next = self.next;
                entries.extend(found.into_iter().filter(|entry| entry.seq.get() >= next));
                self.next = frame.header.next().unwrap_or(u64::MAX).max(next);
                self.at = frame.next_at;
            }
            if stop.is_none_or(|stop| self.next < stop) {
                break;
            }
        }
        Ok(entries)
    }
}
