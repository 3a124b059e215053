//! Damaged files: a torn last write is cut, anything else is named and left as it is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use journal::conformance::{append, read_all, recovers_or_refuses};
use journal::faulty_disk::FaultyDisk;
use journal::{Error, Extent, Journal, Options, ReadLimit, Recovery, SegmentJournal, Seq, extents, verify};
use proptest::prelude::*;

const OPTIONS: Options = Options { segment_bytes: 4000, queue_bytes: 100_000, memory_bytes: 0 };
/// Where the first frame of a segment starts, and how long each of the test's frames is.
const HEADER: usize = 128;
const FRAME: usize = 64 + 5 + 1000;

fn folder() -> &'static Path {
    Path::new("j")
}

fn segment(first: u64) -> PathBuf {
    folder().join(format!("{first:020}.seg"))
}

/// Eight entries of 1,000 bytes, each in a frame of its own: 1-3, 4-6 and 7-8.
fn journal() -> FaultyDisk {
    let disk = FaultyDisk::new(1);
    let (journal, _) = open(&disk).unwrap();
    for number in 1..=8 {
        append(&journal, &[&[number; 1000]]).unwrap();
    }
    assert_eq!(journal.stats().segments, 3);
    disk
}

fn open(disk: &FaultyDisk) -> Result<(SegmentJournal, Recovery), Error> {
    SegmentJournal::open(&disk.env(), folder(), OPTIONS)
}

fn change(disk: &FaultyDisk, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.bytes(path).unwrap();
    change(&mut bytes);
    disk.put(path, bytes);
}

/// The offset at which the segment is said to be corrupt.
fn corrupt_at<T>(result: Result<T, Error>, expected: &Path) -> Option<u64> {
    match result.err()? {
        Error::Corrupt { path, offset, .. } => {
            assert_eq!(path, expected);
            Some(offset)
        }
        error => panic!("{error}"),
    }
}

fn offset(frames: usize) -> u64 {
    u64::try_from(HEADER + frames * FRAME).unwrap()
}

#[test]
fn a_torn_last_frame_is_cut_wherever_it_is_torn() {
    for at in [0, 7, 8, 30, 64, 70, FRAME - 1] {
        let disk = journal();
        change(&disk, &segment(7), |bytes| bytes[HEADER + FRAME + at] ^= 0xff);
        let (journal, recovery) = open(&disk).unwrap();
        assert_eq!(recovery, Recovery { entries: 7, cut_bytes: 1069, last_seq: Seq::new(7), segments: 3 }, "{at}");
        assert_eq!(append(&journal, &[b"next"]).ok(), Some(Seq::new(8)));
        assert_eq!(read_all(&journal, Seq::FIRST, ReadLimit::default()).unwrap().len(), 8);
        let verified = verify(&disk.env(), folder()).unwrap();
        assert_eq!((verified.head, verified.unfinished_bytes), (journal.chain_head(), 0));
    }
}

#[test]
fn a_file_cut_short_loses_its_last_frame_only() {
    for cut in [HEADER + FRAME + 1, HEADER + FRAME + 63, HEADER + 2 * FRAME - 1] {
        let disk = journal();
        change(&disk, &segment(7), |bytes| bytes.truncate(cut));
        let (_, recovery) = open(&disk).unwrap();
        let cut_bytes = u64::try_from(cut).unwrap() - offset(1);
        assert_eq!(recovery, Recovery { entries: 7, cut_bytes, last_seq: Seq::new(7), segments: 3 });
    }
}

#[test]
fn a_damaged_frame_before_a_whole_one_is_never_cut() {
    for at in [0, 8, 12, 64, 500] {
        let disk = journal();
        change(&disk, &segment(7), |bytes| bytes[HEADER + at] ^= 1);
        assert_eq!(corrupt_at(open(&disk), &segment(7)), Some(offset(0)), "{at}");
        assert_eq!(corrupt_at(verify(&disk.env(), folder()), &segment(7)), Some(offset(0)), "{at}");
    }
    let disk = journal();
    change(&disk, &segment(7), |bytes| bytes[HEADER..HEADER + FRAME].fill(0));
    assert_eq!(corrupt_at(open(&disk), &segment(7)), Some(offset(0)), "a hole");
}

#[test]
fn damage_in_an_earlier_segment_is_found_by_reading_and_by_verifying() {
    for (frame, at) in [(0, 3), (1, 70), (2, 1000)] {
        let disk = journal();
        change(&disk, &segment(4), |bytes| bytes[HEADER + frame * FRAME + at] ^= 1);
        let (journal, _) = open(&disk).unwrap();
        let result = read_all(&journal, Seq::FIRST, ReadLimit::default());
        assert_eq!(corrupt_at(result, &segment(4)), Some(offset(frame)));
        assert_eq!(corrupt_at(verify(&disk.env(), folder()), &segment(4)), Some(offset(frame)));
        assert_eq!(read_all(&journal, Seq::new(7), ReadLimit::default()).unwrap().len(), 2);
    }
}

#[test]
fn a_missing_foreign_or_headless_segment_is_refused() {
    let disk = journal();
    disk.env().disk.remove(&segment(4)).unwrap();
    assert_eq!(corrupt_at(open(&disk), &segment(7)), Some(0));
    assert_eq!(corrupt_at(verify(&disk.env(), folder()), &segment(7)), Some(0));

    let (disk, other) = (journal(), FaultyDisk::new(2));
    let (writer, _) = open(&other).unwrap();
    for _ in 1..=4 {
        append(&writer, &[&[1; 1000]]).unwrap();
    }
    disk.put(&segment(4), other.bytes(&segment(4)).unwrap());
    assert_eq!(corrupt_at(open(&disk), &segment(4)), Some(0));

    for at in [0, 8, 12, 20, 50, 127] {
        let disk = journal();
        change(&disk, &segment(7), |bytes| bytes[at] ^= 1);
        assert_eq!(corrupt_at(open(&disk), &segment(7)), Some(0), "{at}");
    }
    let disk = journal();
    change(&disk, &segment(7), Vec::clear);
    assert_eq!(corrupt_at(open(&disk), &segment(7)), Some(0));
}

#[test]
fn an_entry_altered_with_a_matching_checksum_breaks_the_chain() {
    let disk = journal();
    change(&disk, &segment(1), |bytes| {
        let frame = &mut bytes[HEADER..HEADER + FRAME];
        frame[FRAME - 1] ^= 1;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[..8]), &frame[12..]);
        frame[8..12].copy_from_slice(&crc.to_le_bytes());
    });
    assert_eq!(corrupt_at(verify(&disk.env(), folder()), &segment(1)), Some(offset(0)));
}

#[test]
fn unfinished_segments_are_removed_and_files_of_others_are_left() {
    let disk = journal();
    let (unfinished, other) = (folder().join("00000000000000000009.seg.new"), folder().join("note.txt"));
    disk.put(&unfinished, vec![1, 2, 3]);
    disk.put(&other, b"hello".to_vec());
    open(&disk).unwrap();
    assert_eq!((disk.bytes(&unfinished), disk.bytes(&other)), (None, Some(b"hello".to_vec())));
}

#[test]
fn verifying_what_is_not_there_is_an_error() {
    let disk = FaultyDisk::new(1);
    assert!(matches!(verify(&disk.env(), folder()), Err(Error::Disk { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_is_cut_or_refused(script in prop::collection::vec(any::<u8>(), 0..40)) {
        recovers_or_refuses(&script);
    }
}

/// For each place at which the journal once ended, what is to be copied is a journal that ends there and can be continued.
#[test]
fn what_is_copied_up_to_a_place_is_a_journal_of_its_own() {
    let disk = journal();
    for end in 1..=9 {
        let (verified, parts) = extents(&disk.env(), folder(), Some(Seq::new(end))).unwrap();
        assert_eq!((verified.head.seq, verified.unfinished_bytes), (Seq::new(end - 1), 0));
        let copy = FaultyDisk::new(2);
        copy.env().disk.create_dir_all(folder()).unwrap();
        for Extent { name, len_bytes } in parts {
            let mut bytes = disk.bytes(&folder().join(&name)).unwrap();
            bytes.truncate(usize::try_from(len_bytes).unwrap());
            copy.put(&folder().join(name), bytes);
        }
        let (journal, recovery) = open(&copy).unwrap();
        assert_eq!((recovery.entries, recovery.cut_bytes, journal.chain_head()), (end - 1, 0, verified.head));
        append(&journal, &[b"more"]).unwrap();
        assert_eq!(journal.durable_end(), Seq::new(end + 1));
    }
    let damaged = |end| {
        change(&disk, &segment(4), |bytes| bytes[HEADER + FRAME + 70] ^= 1);
        let found = extents(&disk.env(), folder(), Some(Seq::new(end)));
        change(&disk, &segment(4), |bytes| bytes[HEADER + FRAME + 70] ^= 1);
        corrupt_at(found, &segment(4))
    };
    assert_eq!((damaged(5), damaged(6), damaged(9)), (None, Some(offset(1)), Some(offset(1))));
}
