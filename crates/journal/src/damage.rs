//! Damage to a journal's files, at a fuzzer's choice, and what must hold afterwards. For tests: it never touches a real disk.

use std::path::{Path, PathBuf};

use base::env::Disk;

use crate::conformance::{append, read_all};
use crate::faulty_disk::FaultyDisk;
use crate::format::{self, FRAME_HEADER_BYTES, FrameHeader, SEGMENT_HEADER_BYTES};
use crate::scan::{CHUNK_BYTES, Reader, check_frames};
use crate::{Journal, Options, ReadLimit, SegmentJournal, Seq};

const OPTIONS: Options = Options { segment_bytes: 1500, queue_bytes: 10_000, memory_bytes: 0 };

/// A segment file as it was before the damage.
struct Before {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Where each frame starts, with its first entry; then where the last one ends, with the entry after it.
    frames: Vec<(u64, usize)>,
}

/// Writes a small journal, damages its segment files as `script` says (in steps of four bytes: what, where, where, with what),
/// and opens it. Panics if that neither gives an error nor a journal that verifies, still has every entry that lies before the
/// damage, takes appends and keeps them. For fuzzing.
pub fn recovers_or_refuses(script: &[u8]) {
    let (disk, folder) = (FaultyDisk::new(7), Path::new("j"));
    let open = || SegmentJournal::open(&disk.env(), folder, OPTIONS);
    let (journal, _) = open().expect("the disk works");
    for size in [0, 300, 500, 700, 10, 900, 20, 30] {
        append(&journal, &[&vec![b'x'; size], b"and"]).expect("the disk works");
    }
    let original = read_all(&journal, Seq::FIRST, ReadLimit::default()).expect("the disk works");
    drop(journal);
    let before = look(&disk, folder);
    damage(&disk, &before, script);
    let intact = intact(&disk, &before);
    let _ = crate::verify(&disk.env(), folder);
    let Ok((journal, recovery)) = open() else { return };
    assert_eq!(recovery.last_seq.next(), journal.durable_end());
    for entry in original.iter().take_while(|entry| entry.seq < intact) {
        let one = journal.read(entry.seq, ReadLimit { max_bytes: 1, max_entries: 1 });
        assert_eq!(one.expect("what lies before the damage can be read"), std::slice::from_ref(entry));
    }
    let readable = read_all(&journal, journal.first(), ReadLimit::default());
    let next = journal.durable_end();
    assert_eq!(append(&journal, &[b"next"]).ok(), Some(next));
    let (head, end) = (journal.chain_head(), journal.durable_end());
    drop(journal);
    let (journal, recovery) = open().expect("what was opened and continued opens again");
    assert_eq!((journal.chain_head(), journal.durable_end(), recovery.cut_bytes), (head, end, 0));
    if let Ok(entries) = readable {
        let again = read_all(&journal, journal.first(), ReadLimit::default()).expect("it was readable before");
        assert_eq!(again[..entries.len()], entries);
    }
}

/// The segments in order.
fn look(disk: &FaultyDisk, folder: &Path) -> Vec<Before> {
    let mut names = disk.list(folder).expect("the folder is there");
    names.sort();
    let look = |name: &String| {
        let path = folder.join(name);
        let bytes = disk.bytes(&path).expect("it was listed");
        let file = disk.open(&path, false).expect("it was listed");
        let mut reader = Reader::new(&*file, &path, CHUNK_BYTES).expect("the disk works");
        let header = reader.segment_header().expect("nothing is damaged yet");
        let at = |at: u64| usize::try_from(at).expect("small");
        let mut frames = Vec::new();
        let checked = check_frames(&mut reader, &header, None, |seq, start| frames.push((seq, at(start))));
        let checked = checked.expect("nothing is damaged yet");
        frames.push((checked.next, at(checked.end_at)));
        Before { path, bytes, frames }
    };
    names.iter().map(look).collect()
}

fn damage(disk: &FaultyDisk, before: &[Before], script: &[u8]) {
    for step in script.chunks_exact(4) {
        let file = &before[usize::from(step[0] >> 4) % before.len()];
        let Some(mut bytes) = disk.bytes(&file.path) else { continue };
        let at = usize::from(u16::from_le_bytes([step[1], step[2]])) % (bytes.len() + 1);
        match step[0] & 7 {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_slice(&script[..script.len().min(at)]),
            2 => bytes.resize(bytes.len() + at, step[3]),
            3 => bytes = script.to_vec(),
            4 => bytes.copy_within(at.., at / 2),
            5 => bytes.iter_mut().skip(at).take(usize::from(step[3])).for_each(|byte| *byte = 0),
            6 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= step[3]),
            _ => seal(file, &mut bytes, at),
        }
        disk.put(&file.path, bytes);
    }
}

/// Makes the checksum right of what lies at `at`, so that what is behind the checksum is looked at too.
fn seal(file: &Before, bytes: &mut [u8], at: usize) {
    if at < SEGMENT_HEADER_BYTES {
        if let Some(header) = bytes.get_mut(..SEGMENT_HEADER_BYTES) {
            let crc = format::crc_around(header, 12);
            header[12..16].copy_from_slice(&crc.to_le_bytes());
        }
        return;
    }
    let Some((_, start)) = file.frames.iter().rev().find(|(_, start)| *start <= at) else { return };
    let Some(head) = bytes.get(*start..start + FRAME_HEADER_BYTES) else { return };
    let len = FRAME_HEADER_BYTES.saturating_add(FrameHeader::decode(head).body_len);
    let Some(frame) = bytes.get_mut(*start..start.saturating_add(len)) else { return };
    let crc = format::crc_around(frame, 8);
    frame[8..12].copy_from_slice(&crc.to_le_bytes());
}

/// The first entry that is not wholly before the first byte that is not as it was.
fn intact(disk: &FaultyDisk, before: &[Before]) -> Seq {
    for file in before {
        let now = disk.bytes(&file.path).unwrap_or_default();
        let same = file.bytes.iter().zip(&now).take_while(|(a, b)| a == b).count();
        if let Some(index) = file.frames.iter().position(|(_, start)| *start > same) {
            // The frame before that one is cut by the damage.
            return Seq(file.frames[index.saturating_sub(1)].0);
        }
    }
    before.last().and_then(|file| file.frames.last()).map_or(Seq::FIRST, |(next, _)| Seq(*next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_before_the_damage_is_known_byte_by_byte() {
        let (disk, folder) = (FaultyDisk::new(7), Path::new("j"));
        let (journal, _) = SegmentJournal::open(&disk.env(), folder, OPTIONS).unwrap();
        for payload in [&b"one"[..], b"two"] {
            append(&journal, &[payload]).unwrap();
        }
        drop(journal);
        let before = look(&disk, folder);
        let [(1, first), (2, second), (3, end)] = before[0].frames[..] else { panic!("{:?}", before[0].frames) };
        assert_eq!(first, SEGMENT_HEADER_BYTES);
        for (at, expected) in [(0, 1), (first, 1), (second - 1, 1), (second, 2), (end - 1, 2), (end, 3)] {
            let mut bytes = before[0].bytes.clone();
            bytes[at] ^= 1;
            disk.put(&before[0].path, bytes);
            assert_eq!(intact(&disk, &before), Seq(expected), "{at}");
        }
    }
}
