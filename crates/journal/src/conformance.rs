//! What every journal must do, as plain functions. For tests: an implementation calls [`all`] with a way to make journals.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use bytes::Bytes;

use crate::{ChainHead, Entry, Error, Journal, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, ReadLimit, Seq};

pub use crate::damage::recovers_or_refuses;

/// Opens one journal; called again (after the one before was closed and dropped) it opens the same one.
pub type Open = Box<dyn FnMut() -> Arc<dyn Journal>>;

/// Runs the whole suite. `fresh` gives a new, empty journal each time.
pub fn all(fresh: impl Fn() -> Open) {
    entries_are_numbered_from_one_without_gaps(fresh());
    a_batch_must_have_entries_and_keep_within_the_limits(fresh());
    a_read_keeps_to_its_limits_but_returns_at_least_one_entry(fresh());
    a_read_beyond_the_end_is_empty_and_before_the_start_is_refused(fresh());
    waiting_ends_when_the_entry_is_durable_and_not_before(fresh());
    everything_is_there_after_reopening(fresh());
    every_append_moves_the_chain(fresh());
    trimmed_entries_are_gone_and_all_others_stay(fresh());
    a_closed_journal_refuses_appends_and_can_be_read(fresh());
    an_append_whose_caller_left_is_done_all_the_same(fresh());
    many_writers_and_a_follower_agree(fresh());
}

/// Completes a future on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}

/// Appends one batch and waits for it.
pub fn append(journal: &dyn Journal, payloads: &[&[u8]]) -> Result<Seq, Error> {
    let batch = payloads.iter().map(|payload| (kind_of(payload), Bytes::copy_from_slice(payload))).collect();
    block_on(journal.append(batch))
}

/// Every entry from `from` on, read in pieces of at most `limit`. Panics if they are not numbered without gaps.
pub fn read_all(journal: &dyn Journal, from: Seq, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
    let mut all: Vec<Entry> = Vec::new();
    let mut next = from;
    loop {
        let entries = journal.read(next, limit)?;
        if entries.is_empty() {
            assert_eq!(next, journal.durable_end(), "a read before the end returned nothing");
            return Ok(all);
        }
        for entry in entries {
            assert_eq!(entry.seq, next, "a gap");
            next = entry.seq.next();
            all.push(entry);
        }
    }
}

fn kind_of(payload: &[u8]) -> u8 {
    payload.first().copied().unwrap_or(0)
}

fn reopened(journal: Arc<dyn Journal>, open: &mut Open) -> Arc<dyn Journal> {
    journal.close();
    drop(journal);
    open()
}

fn payloads(entries: &[Entry]) -> Vec<&[u8]> {
    entries.iter().map(|entry| &*entry.payload).collect()
}

fn seq(number: u64) -> Seq {
    Seq::new(number)
}

fn entries_are_numbered_from_one_without_gaps(mut open: Open) {
    let journal = open();
    assert_eq!((journal.first(), journal.durable_end()), (Seq::FIRST, Seq::FIRST));
    assert_eq!(append(&*journal, &[b"a"]).ok(), Some(seq(1)));
    assert_eq!(append(&*journal, &[b"b", b"", b"d"]).ok(), Some(seq(2)));
    assert_eq!(append(&*journal, &[b"e"]).ok(), Some(seq(5)));
    assert_eq!((journal.first(), journal.durable_end()), (Seq::FIRST, seq(6)));
    let entries = read_all(&*journal, Seq::FIRST, ReadLimit::default()).expect("all are there");
    assert_eq!(payloads(&entries), [&b"a"[..], b"b", b"", b"d", b"e"]);
    assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), [b'a', b'b', 0, b'd', b'e']);
    assert_eq!(journal.stats().appended_entries, 5);
}

fn a_batch_must_have_entries_and_keep_within_the_limits(mut open: Open) {
    let journal = open();
    assert!(matches!(append(&*journal, &[]), Err(Error::Empty)));
    let large = Bytes::from(vec![0; MAX_BATCH_BYTES]);
    let too_large = vec![(0, large.clone()), (0, Bytes::from_static(b"x"))];
    assert!(matches!(block_on(journal.append(too_large)), Err(Error::TooLarge { entries: 2, .. })));
    let too_many = vec![(0, Bytes::new()); MAX_BATCH_ENTRIES + 1];
    assert!(matches!(block_on(journal.append(too_many)), Err(Error::TooLarge { .. })));
    assert_eq!(journal.durable_end(), Seq::FIRST);
    assert_eq!(block_on(journal.append(vec![(7, large.clone())])).ok(), Some(seq(1)));
    assert_eq!(block_on(journal.append(vec![(0, Bytes::new()); MAX_BATCH_ENTRIES])).ok(), Some(seq(2)));
    let journal = reopened(journal, &mut open);
    let entries = journal.read(Seq::FIRST, ReadLimit::default()).expect("it is there");
    assert_eq!(entries, [Entry { seq: Seq::FIRST, kind: 7, payload: large }]);
    assert_eq!(journal.durable_end(), seq(2).plus(u64::try_from(MAX_BATCH_ENTRIES).expect("small")));
}

fn a_read_keeps_to_its_limits_but_returns_at_least_one_entry(mut open: Open) {
    let mut journal = open();
    for batch in [&[&b"aaaa"[..], b"bbbb"][..], &[b"cccc"], &[b"dddd", b"eeee"]] {
        append(&*journal, batch).expect("appended");
    }
    for _ in 0..2 {
        let count = |from, max_bytes, max_entries| {
            journal.read(seq(from), ReadLimit { max_bytes, max_entries }).expect("readable").len()
        };
        assert_eq!(count(1, 1000, 3), 3);
        assert_eq!(count(2, 1000, 100), 4);
        assert_eq!(count(1, 8, 100), 2);
        assert_eq!(count(1, 11, 100), 2);
        assert_eq!(count(4, 0, 100), 1);
        assert_eq!(count(4, 100, 0), 1);
        let pieces = read_all(&*journal, Seq::FIRST, ReadLimit { max_bytes: 5, max_entries: 9 }).expect("readable");
        assert_eq!(payloads(&pieces), [b"aaaa", b"bbbb", b"cccc", b"dddd", b"eeee"]);
        journal = reopened(journal, &mut open);
    }
}

fn a_read_beyond_the_end_is_empty_and_before_the_start_is_refused(mut open: Open) {
    let journal = open();
    append(&*journal, &[b"a"]).expect("appended");
    for beyond in [2, 3, u64::MAX] {
        assert!(journal.read(seq(beyond), ReadLimit::default()).expect("no error").is_empty());
    }
    let refused = journal.read(Seq::ZERO, ReadLimit::default());
    assert!(matches!(refused, Err(Error::Trimmed { first: Seq::FIRST })));
}

fn waiting_ends_when_the_entry_is_durable_and_not_before(mut open: Open) {
    let journal = open();
    let mut waiting = journal.wait_for(seq(2));
    let mut poll = || waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(poll(), Poll::Pending);
    append(&*journal, &[b"a"]).expect("appended");
    assert_eq!(poll(), Poll::Pending);
    append(&*journal, &[b"b"]).expect("appended");
    assert_eq!(poll(), Poll::Ready(()));
    block_on(journal.wait_for(seq(1)));
    block_on(journal.wait_for(Seq::ZERO));
    let later = journal.wait_for(seq(3));
    let waiter = thread::spawn(move || block_on(later));
    append(&*journal, &[b"c"]).expect("appended");
    waiter.join().expect("the waiter was woken");
}

fn everything_is_there_after_reopening(mut open: Open) {
    let mut journal = open();
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for round in 0..4_u8 {
        for size in [0, 1, 100, 5000] {
            let payload = vec![round; size];
            append(&*journal, &[&payload, b"and"]).expect("appended");
            expected.extend([payload, b"and".to_vec()]);
        }
        let (head, end) = (journal.chain_head(), journal.durable_end());
        journal = reopened(journal, &mut open);
        assert_eq!((journal.chain_head(), journal.durable_end()), (head, end));
        for limit in [ReadLimit::default(), ReadLimit { max_bytes: 1, max_entries: 1 }] {
            let entries = read_all(&*journal, Seq::FIRST, limit).expect("readable");
            assert_eq!(payloads(&entries), expected);
        }
    }
}

fn every_append_moves_the_chain(mut open: Open) {
    let mut journal = open();
    let mut heads: Vec<ChainHead> = vec![journal.chain_head()];
    assert_eq!(heads[0].seq, Seq::ZERO);
    for number in 1..=4 {
        append(&*journal, &[b"the same"]).expect("appended");
        let head = journal.chain_head();
        assert_eq!(head.seq, seq(number));
        assert!(heads.iter().all(|before| before.hash != head.hash), "two prefixes have the same hash");
        heads.push(head);
        if number == 2 {
            journal = reopened(journal, &mut open);
        }
    }
}

fn trimmed_entries_are_gone_and_all_others_stay(mut open: Open) {
    let mut journal = open();
    let large = vec![b'x'; 3000];
    for _ in 0..40 {
        append(&*journal, &[&large]).expect("appended");
    }
    let head = journal.chain_head();
    let mut first_before = Seq::FIRST;
    for before in [Seq::ZERO, Seq::FIRST, seq(20), seq(10), seq(41), seq(1000)] {
        journal.trim(before).expect("trimmed");
        let first = journal.first();
        assert!(first >= first_before && first <= before.max(first_before), "{first} for {before}");
        assert!(first <= journal.durable_end());
        first_before = first;
        let kept = read_all(&*journal, first, ReadLimit::default()).expect("the others stay");
        assert_eq!(kept.len(), usize::try_from(41 - first.get()).expect("small"));
        if first > Seq::FIRST {
            let refused = journal.read(seq(first.get() - 1), ReadLimit::default());
            assert!(matches!(refused, Err(Error::Trimmed { first: said }) if said == first));
        }
        journal = reopened(journal, &mut open);
        assert_eq!((journal.first(), journal.durable_end(), journal.chain_head()), (first, seq(41), head));
    }
    assert_eq!(append(&*journal, &[b"next"]).ok(), Some(seq(41)));
}

fn a_closed_journal_refuses_appends_and_can_be_read(mut open: Open) {
    const QUEUED: u64 = 3;
    let journal = open();
    let queued: Vec<_> = (0..QUEUED).map(|_| journal.append(vec![(1, Bytes::from_static(b"queued"))])).collect();
    journal.close();
    for (answer, number) in queued.into_iter().zip(1..) {
        assert_eq!(block_on(answer).ok(), Some(seq(number)), "what was queued is done");
    }
    assert!(matches!(append(&*journal, &[b"late"]), Err(Error::Closed)));
    assert_eq!(read_all(&*journal, Seq::FIRST, ReadLimit::default()).expect("readable").len(), 3);
    journal.close();
    let journal = reopened(journal, &mut open);
    assert_eq!(append(&*journal, &[b"again"]).ok(), Some(seq(QUEUED + 1)));
}

fn an_append_whose_caller_left_is_done_all_the_same(mut open: Open) {
    let journal = open();
    drop(journal.append(vec![(1, Bytes::from_static(b"left"))]));
    assert_eq!(append(&*journal, &[b"stayed"]).ok(), Some(seq(2)));
    let entries = read_all(&*journal, Seq::FIRST, ReadLimit::default()).expect("readable");
    assert_eq!(payloads(&entries), [&b"left"[..], b"stayed"]);
}

fn many_writers_and_a_follower_agree(mut open: Open) {
    const WRITERS: u8 = 8;
    const BATCHES: u8 = 60;
    let journal = open();
    let total = u64::from(WRITERS) * u64::from(BATCHES) * 2;
    let followed = thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut seen: Vec<Entry> = Vec::new();
            while seen.len() < usize::try_from(total).expect("small") {
                let next = seen.last().map_or(Seq::FIRST, |entry| entry.seq.next());
                block_on(journal.wait_for(next));
                let entries = journal.read(next, ReadLimit { max_bytes: 500, max_entries: 7 }).expect("readable");
                assert!(!entries.is_empty(), "durable, but not to be read");
                seen.extend(entries);
            }
            seen
        });
        for writer in 0..WRITERS {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..BATCHES {
                    let first = append(&**journal, &[&[writer, number, 0], &[writer, number, 1]]).expect("appended");
                    assert!(journal.durable_end() >= first.plus(2), "acknowledged before it was durable");
                }
            });
        }
        follower.join().expect("the follower saw all")
    });
    assert_eq!(journal.durable_end(), seq(total + 1));
    let mut next = [0; 8];
    for (pair, number) in followed.chunks(2).zip((1..).step_by(2)) {
        let writer = usize::from(pair[0].payload[0]);
        let expected = |half| [pair[0].payload[0], next[writer], half];
        assert_eq!((pair[0].seq, pair[1].seq), (seq(number), seq(number + 1)));
        assert_eq!((&*pair[0].payload, &*pair[1].payload), (&expected(0)[..], &expected(1)[..]));
        next[writer] += 1;
    }
    assert_eq!(next, [BATCHES; 8]);
}
