//! Each journal runs the conformance suite.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use journal::conformance::{self, Open};
use journal::faulty_disk::FaultyDisk;
use journal::follower::Follower;
use journal::{Journal, MemoryJournal, Options, SegmentJournal, Seq};

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
fn the_journal_without_a_thread_conforms() {
    conformance::all(|| -> Open {
        let disk = FaultyDisk::new(1);
        Box::new(move || {
            disk.crash();
            let folder = Path::new("j");
            let options = Options { segment_bytes: 10_000, queue_bytes: 2000, memory_bytes: 0 };
            let (journal, committer, _) = SegmentJournal::open_without_thread(&disk.env(), folder, options).unwrap();
            // Commits on another thread, as any task might.
            std::thread::spawn(move || {
                conformance::block_on(async {
                    while committer.wait().await {
                        committer.commit()
                    }
                });
            });
            Arc::new(journal)
        })
    });
}

#[test]
fn without_a_thread_nothing_is_written_until_it_is_committed_and_a_follower_sees_what_is_durable() {
    let (disk, folder) = (FaultyDisk::new(1), Path::new("j"));
    let (journal, committer, _) = SegmentJournal::open_without_thread(&disk.env(), folder, Options::default()).unwrap();
    let mut follower = Follower::new();
    let later = journal.append(vec![(1, Bytes::from_static(b"one")), (1, Bytes::from_static(b"two"))]);
    assert_eq!(journal.durable_end(), Seq::FIRST);
    committer.commit();
    assert_eq!(conformance::block_on(later).unwrap(), Seq::FIRST);
    assert_eq!(journal.durable_end(), Seq::new(3));
    assert!(follower.read(&disk.durable(), folder, Seq::new(3)).unwrap().len() == 2);
    assert!(follower.read(&disk.durable(), folder, Seq::new(3)).unwrap().is_empty());
    // Dropped with something queued: whoever waits learns that nobody knows.
    let never = journal.append(vec![(1, Bytes::from_static(b"three"))]);
    drop(committer);
    assert!(matches!(conformance::block_on(never), Err(journal::Error::Uncertain { .. })));
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
