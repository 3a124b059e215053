//! Each journal runs the conformance suite.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use journal::conformance::{self, Open};
use journal::faulty_disk::FaultyDisk;
use journal::{Journal, MemoryJournal, Options, SegmentJournal};

#[test]
fn the_journal_in_memory_conforms() {
    conformance::all(|| {
        let journal = MemoryJournal::new();
        Box::new(move || Arc::new(journal.reopen()) as Arc<dyn Journal>)
    });
}

fn segments(options: Options) {
    conformance::all(|| -> Open {
        let disk = FaultyDisk::new(1);
        Box::new(move || {
            // Closing is enough: what was acknowledged is there though the power fails right after.
            disk.crash();
            let (journal, _) = SegmentJournal::open(&disk.env(), Path::new("j"), options).unwrap();
            Arc::new(journal)
        })
    });
}

#[test]
fn the_journal_in_segments_conforms() {
    segments(Options::default());
}

#[test]
fn the_journal_in_small_segments_with_a_small_queue_and_no_memory_conforms() {
    segments(Options { segment_bytes: 10_000, queue_bytes: 2000, memory_bytes: 0 });
}

#[test]
fn the_journal_on_a_real_disk_conforms() {
    let options = Options { segment_bytes: 100_000, queue_bytes: 10_000, memory_bytes: 1000 };
    conformance::all(|| {
        let folder = tempfile::tempdir().unwrap();
        let env = system::env();
        Box::new(move || Arc::new(SegmentJournal::open(&env, &folder.path().join("j"), options).unwrap().0))
    });
}
