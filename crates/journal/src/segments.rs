//! Which segment files there are, and where in them to start looking for an entry. In memory only.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Distance between two places we remember, in bytes: a read skips at most so much; a full segment costs 16 KiB of memory.
const POINT_BYTES: u64 = 64 << 10;
const SUFFIX: &str = ".seg";
/// What a segment is called until it is complete.
const SUFFIX_NEW: &str = ".seg.new";

/// The file of the segment that starts with entry `first`.
pub(crate) fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}{SUFFIX}"))
}

/// The same file while it is being made.
pub(crate) fn new_segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}{SUFFIX_NEW}"))
}

/// What a file in the journal's folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileName {
    /// The segment that starts with that entry.
    Segment(u64),
    /// A segment that was never finished.
    Unfinished,
    /// Not ours.
    Other,
}

/// Reads a file name.
pub(crate) fn parse_name(name: &str) -> FileName {
    let number = |suffix: &str| {
        let digits = name.strip_suffix(suffix)?;
        let plain = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().ok())?
    };
    match (number(SUFFIX), number(SUFFIX_NEW)) {
        (Some(first), _) => FileName::Segment(first),
        (None, Some(_)) => FileName::Unfinished,
        (None, None) => FileName::Other,
    }
}

/// A frame's place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// The frame's first entry.
    pub(crate) seq: u64,
    /// The frame's offset in bytes.
    pub(crate) at: u64,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Its first entry.
    pub(crate) first: u64,
    /// The file.
    pub(crate) path: PathBuf,
    /// Its length.
    pub(crate) len_bytes: u64,
    points: Vec<Point>,
}

impl Segment {
    pub(crate) fn new(first: u64, path: PathBuf, len_bytes: u64) -> Segment {
        Segment { first, path, len_bytes, points: Vec::new() }
    }

    /// Remembers a frame, if it is far enough behind the last one remembered.
    pub(crate) fn note(&mut self, point: Point) {
        if self.points.last().is_none_or(|last| point.at >= last.at.saturating_add(POINT_BYTES)) {
            self.points.push(point);
        }
    }
}

/// Where to look for an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// First entry of the segment.
    pub(crate) first: u64,
    /// The segment's file.
    pub(crate) path: PathBuf,
    /// A frame at or before the entry; `None`: start with the segment's first frame.
    pub(crate) start: Option<Point>,
    /// The first entry of the next segment.
    pub(crate) stop: Option<u64>,
}

/// All files, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments(VecDeque<Segment>);

impl Segments {
    pub(crate) fn first(&self) -> Option<u64> {
        self.0.front().map(|segment| segment.first)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|segment| segment.len_bytes).sum()
    }

    /// Adds the newest segment. It takes the place of one that starts with the same entry: that one had no frames.
    pub(crate) fn push(&mut self, segment: Segment) {
        if self.0.back().is_some_and(|last| last.first == segment.first) {
            self.0.pop_back();
        }
        self.0.push_back(segment);
    }

    /// The newest.
    pub(crate) fn last_mut(&mut self) -> Option<&mut Segment> {
        self.0.back_mut()
    }

    /// The segment that starts with entry `first`.
    pub(crate) fn get_mut(&mut self, first: u64) -> Option<&mut Segment> {
        let index = self.0.binary_search_by_key(&first, |segment| segment.first).ok()?;
        self.0.get_mut(index)
    }

    /// Where to look for entry `seq`; `None` if it is before all segments.
    pub(crate) fn locate(&self, seq: u64) -> Option<Place> {
        let index = self.0.partition_point(|segment| segment.first <= seq).checked_sub(1)?;
        let segment = &self.0[index];
        let start = segment.points.partition_point(|point| point.seq <= seq).checked_sub(1);
        Some(Place {
            first: segment.first,
            path: segment.path.clone(),
            start: start.map(|index| segment.points[index]),
            stop: self.0.get(index + 1).map(|next| next.first),
        })
    }

    /// The oldest segment, if all its entries are before `before` and it is not the only one.
    pub(crate) fn oldest_before(&self, before: u64) -> Option<Segment> {
        let next = self.0.get(1)?;
        (next.first <= before).then(|| self.0[0].clone())
    }

    /// Forgets the segment that starts with entry `first`, if it is the oldest.
    pub(crate) fn forget_oldest(&mut self, first: u64) {
        if self.first() == Some(first) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_left_alone() {
        let folder = Path::new("j");
        assert_eq!(segment_path(folder, 42), Path::new("j/00000000000000000042.seg"));
        for (name, expected) in [
            ("00000000000000000042.seg", FileName::Segment(42)),
            ("18446744073709551615.seg", FileName::Segment(u64::MAX)),
            ("00000000000000000042.seg.new", FileName::Unfinished),
            ("18446744073709551616.seg", FileName::Other),
            ("42.seg", FileName::Other),
            ("+0000000000000000042.seg", FileName::Other),
            ("lock", FileName::Other),
        ] {
            assert_eq!(parse_name(name), expected, "{name}");
        }
    }

    #[test]
    fn an_entry_is_looked_for_from_the_nearest_place_before_it() {
        let mut segments = Segments::default();
        for first in [10, 20, 30] {
            segments.push(Segment::new(first, segment_path(Path::new(""), first), 100));
        }
        let middle = segments.get_mut(20).unwrap();
        for (seq, at) in [(20, 128), (21, 200), (24, 128 + POINT_BYTES), (28, 128 + 2 * POINT_BYTES)] {
            middle.note(Point { seq, at });
        }
        let at = |seq| segments.locate(seq).map(|place| (place.first, place.start.map(|p| p.seq), place.stop));
        assert_eq!(at(9), None);
        assert_eq!(at(10), Some((10, None, Some(20))));
        assert_eq!(at(23), Some((20, Some(20), Some(30))));
        assert_eq!(at(24), Some((20, Some(24), Some(30))));
        assert_eq!(at(29), Some((20, Some(28), Some(30))));
        assert_eq!(at(99), Some((30, None, None)));
    }

    #[test]
    fn only_whole_segments_are_given_up_and_never_the_last() {
        let mut segments = Segments::default();
        for first in [10, 20] {
            segments.push(Segment::new(first, PathBuf::new(), 100));
        }
        assert!(segments.oldest_before(19).is_none());
        assert_eq!(segments.oldest_before(20).map(|s| s.first), Some(10));
        segments.forget_oldest(10);
        assert!(segments.oldest_before(u64::MAX).is_none());
    }
}
