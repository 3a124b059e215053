//! Whatever the disk does: what was acknowledged is there, in order, once; what was refused never appears; the chain holds.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use bytes::Bytes;
use journal::conformance::{block_on, read_all};
use journal::faulty_disk::FaultyDisk;
use journal::{Error, Journal, Options, ReadLimit, SegmentJournal, Seq, verify};
use proptest::prelude::*;

const FOLDER: &str = "data/journal";

/// Small enough to be quick, large enough that nothing rolls unless it has to.
const OPTIONS: Options = Options { segment_bytes: 500_000, queue_bytes: 100_000, memory_bytes: 10_000 };

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Acknowledged(Seq),
    Uncertain,
    Refused,
}

struct Batch {
    payloads: Vec<Vec<u8>>,
    fate: Fate,
}

/// A journal on a faulty disk, and what we were told about each batch.
struct Story {
    disk: FaultyDisk,
    options: Options,
    journal: Option<SegmentJournal>,
    batches: Vec<Batch>,
    payloads: u32,
    trimmed: Seq,
}

impl Story {
    fn new(seed: u64, options: Options) -> Story {
        let disk = FaultyDisk::new(seed);
        let mut story = Story { disk, options, journal: None, batches: Vec::new(), payloads: 0, trimmed: Seq::FIRST };
        story.open();
        story
    }

    fn open(&mut self) {
        let (journal, _) = SegmentJournal::open(&self.disk.env(), Path::new(FOLDER), self.options).unwrap();
        self.journal = Some(journal);
        self.check();
    }

    fn journal(&self) -> &SegmentJournal {
        self.journal.as_ref().unwrap()
    }

    /// Appends batches at the same time; each is a list of sizes. Returns their fates.
    fn append(&mut self, batches: &[Vec<usize>]) -> Vec<Fate> {
        let mut waiting = Vec::new();
        for sizes in batches {
            let mut payloads = Vec::new();
            for size in sizes {
                self.payloads += 1;
                let mut payload = self.payloads.to_le_bytes().to_vec();
                // Every other payload does not compress, so that frames of both kinds meet every fault.
                let noisy = self.payloads.is_multiple_of(2) || *size >= 20_000;
                let mut state = self.payloads.wrapping_mul(2_654_435_761) | 1;
                payload.extend((0..*size).map(|_| {
                    if noisy {
                        state ^= state << 13;
                        state ^= state >> 17;
                        state ^= state << 5;
                    }
                    state.to_le_bytes()[1]
                }));
                payloads.push(payload);
            }
            let batch = payloads.iter().map(|payload| (9, Bytes::from(payload.clone()))).collect();
            waiting.push((payloads, self.journal().append(batch)));
        }
        let mut fates = Vec::new();
        for (payloads, answer) in waiting {
            let fate = match block_on(answer) {
                Ok(seq) => Fate::Acknowledged(seq),
                Err(Error::Uncertain { .. }) => Fate::Uncertain,
                Err(Error::Full { .. } | Error::Disk { .. }) => Fate::Refused,
                Err(error) => panic!("{error}"),
            };
            fates.push(fate);
            self.batches.push(Batch { payloads, fate });
        }
        fates
    }

    /// The process ends, with the power or without; faults are over; the journal is opened again.
    fn restart(&mut self, power: bool) {
        // Those of the old process can no longer reach the disk, so its thread cannot go on writing.
        if power {
            self.disk.crash()
        } else {
            self.disk.kill()
        }
        self.journal = None;
        self.open();
        let verified = verify(&self.disk.env(), Path::new(FOLDER)).unwrap();
        assert_eq!(verified.head, self.journal().chain_head());
        assert_eq!(verified.first, self.journal().first());
        assert_eq!(verified.first.plus(verified.entries), self.journal().durable_end());
    }

    /// Compares what can be read with what we were told.
    fn check(&mut self) {
        let journal = self.journal.as_ref().unwrap();
        assert!(journal.first() <= self.trimmed);
        let entries = read_all(journal, journal.first(), ReadLimit { max_bytes: 3000, max_entries: 5 }).unwrap();
        let mut at = 0;
        for batch in &mut self.batches {
            let Some(next) = entries.get(at) else {
                let gone = !matches!(batch.fate, Fate::Acknowledged(seq) if seq >= journal.first());
                assert!(gone, "acknowledged, but lost: {:?}", batch.fate);
                continue;
            };
            let count = batch.payloads.len();
            let there = next.payload == batch.payloads[0];
            match batch.fate {
                // The first segment left may start within a batch's frame, never within the batch.
                Fate::Acknowledged(seq) if seq < journal.first() => assert!(!there),
                Fate::Acknowledged(seq) => assert_eq!((next.seq, there), (seq, true), "lost or moved"),
                Fate::Refused => assert!(!there, "refused, but it is there"),
                // What was found after a restart has to stay.
                Fate::Uncertain if there => batch.fate = Fate::Acknowledged(next.seq),
                Fate::Uncertain => {}
            }
            if there {
                let found: Vec<&[u8]> = entries[at..].iter().take(count).map(|entry| &*entry.payload).collect();
                assert_eq!(found, batch.payloads, "not all of the batch is there");
                at += count;
            }
        }
        assert_eq!(at, entries.len(), "entries that nobody appended, or twice, or in another order");
    }

    fn trim(&mut self, behind: u64) {
        let before = Seq::new(self.journal().durable_end().get().saturating_sub(behind));
        let _ = self.journal().trim(before);
        self.trimmed = self.trimmed.max(before);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Vec<usize>>),
    FailWrites(u32),
    FailSyncs(u32),
    Capacity(u64),
    Room,
    Die(u64),
    Trim(u64),
    Restart { power: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![0..40_usize, 0..3000_usize];
    let batches = prop::collection::vec(prop::collection::vec(size, 1..4), 1..4);
    prop_oneof![
        8 => batches.prop_map(Step::Append),
        2 => (1..3_u32).prop_map(Step::FailWrites),
        3 => (1..5_u32).prop_map(Step::FailSyncs),
        1 => (0..5000_u64).prop_map(Step::Capacity),
        1 => Just(Step::Room),
        2 => (0..12_u64).prop_map(Step::Die),
        1 => (0..20_u64).prop_map(Step::Trim),
        3 => any::<bool>().prop_map(|power| Step::Restart { power }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_story_loses_what_was_acknowledged_or_shows_what_was_refused(
        seed in any::<u64>(),
        segment_bytes in prop_oneof![Just(3000_u64), Just(10_000), Just(300_000)],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let options = Options { segment_bytes, queue_bytes: 20_000, memory_bytes: 2000 };
        let mut story = Story::new(seed, options);
        for step in steps {
            match step {
                Step::Append(batches) => { story.append(&batches); }
                Step::FailWrites(count) => story.disk.fail_writes(count),
                Step::FailSyncs(count) => story.disk.fail_syncs(count),
                Step::Capacity(more) => story.disk.set_capacity(Some(story.disk.used_bytes() + more)),
                Step::Room => story.disk.set_capacity(None),
                Step::Die(after) => story.disk.die_after(after),
                Step::Trim(behind) => story.trim(behind),
                Step::Restart { power } => {
                    story.disk.set_capacity(None);
                    story.restart(power);
                }
            }
        }
        story.disk.set_capacity(None);
        story.restart(false);
        story.restart(true);
        prop_assert!(matches!(story.append(&[vec![10]])[..], [Fate::Acknowledged(_)]), "it goes on");
        story.check();
    }
}

#[test]
fn power_lost_at_any_change_costs_nothing_that_was_acknowledged() {
    for (power, goes_on) in [(true, true), (false, true), (false, false)] {
        for after in 0..60 {
            let options = Options { segment_bytes: 2000, queue_bytes: 20_000, memory_bytes: 0 };
            let mut story = Story::new(after, options);
            story.disk.die_after(after);
            for size in [10, 900, 1200, 10, 5000, 0] {
                story.append(&[vec![size, 1]]);
                story.trim(3);
            }
            story.restart(power);
            if goes_on {
                story.append(&[vec![10], vec![20]]);
            }
            // What was found after the process died stays, even if the power fails next.
            story.restart(true);
        }
    }
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let mut story = Story::new(1, OPTIONS);
    assert!(matches!(story.append(&[vec![10]])[..], [Fate::Acknowledged(_)]));
    story.disk.set_capacity(Some(story.disk.used_bytes() + 1000));
    let fates: Vec<Fate> = (0..100).flat_map(|_| story.append(&[vec![20_000]])).collect();
    let fitted = fates.iter().filter(|fate| matches!(fate, Fate::Acknowledged(_))).count();
    assert!((1..20).contains(&fitted), "what was set aside before is used, then there is no more: {fitted}");
    assert!(fates[fitted..].iter().all(|fate| *fate == Fate::Refused), "full is never uncertain");
    assert_eq!(story.journal().stats().refused_full, u64::try_from(100 - fitted).unwrap());
    story.check();
    story.disk.set_capacity(None);
    assert!(matches!(story.append(&[vec![20_000]])[..], [Fate::Acknowledged(_)]));
    story.check();
    story.restart(true);
}

#[test]
fn a_failed_sync_refuses_the_batch_for_good_and_the_next_is_taken() {
    for seed in 0..40 {
        let mut story = Story::new(seed, OPTIONS);
        story.append(&[vec![1000]]);
        story.disk.fail_syncs(1);
        assert_eq!(story.append(&[vec![50_000]]), [Fate::Refused]);
        story.check();
        // Shorter than what was erased: nothing of that may show behind it.
        assert!(matches!(story.append(&[vec![100]])[..], [Fate::Acknowledged(_)]));
        story.restart(seed % 2 == 0);
    }
}

#[test]
fn when_the_frame_cannot_be_erased_a_new_segment_makes_it_void() {
    for seed in 0..40 {
        let mut story = Story::new(seed, OPTIONS);
        story.append(&[vec![1000]]);
        story.disk.fail_syncs(2);
        assert_eq!(story.append(&[vec![50_000]]), [Fate::Refused]);
        assert_eq!(story.journal().stats().segments, 2);
        story.append(&[vec![100]]);
        story.restart(seed % 2 == 0);
    }
}

#[test]
fn when_nothing_helps_the_batch_is_uncertain_and_later_ones_are_refused_until_something_does() {
    for (seed, syncs) in (0..80).flat_map(|seed| [3, 4, 5].map(|syncs| (seed, syncs))) {
        let mut story = Story::new(seed, OPTIONS);
        story.append(&[vec![1000]]);
        story.disk.fail_syncs(syncs);
        assert_eq!(story.append(&[vec![50_000]]), [Fate::Uncertain]);
        for _ in 3..syncs {
            assert_eq!(story.append(&[vec![10]]), [Fate::Refused]);
        }
        if seed % 3 > 0 {
            assert!(matches!(story.append(&[vec![100]])[..], [Fate::Acknowledged(_)]));
        }
        story.restart(seed % 2 == 0);
        story.append(&[vec![10]]);
        story.restart(true);
    }
}
