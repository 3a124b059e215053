//! The journal in segment files: a queue, one thread (or one [`Committer`]) that commits whatever is queued as one frame, and the
//! readers.
//!
//! Two processes must not open the same folder; this crate cannot prevent it, the server's lock on the data folder does.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use base::Env;
use bytes::Bytes;

use crate::end::End;
use crate::format::{Mark, SEGMENT_HEADER_BYTES, decode_entries, len_u64};
use crate::measure::{self, Measure};
use crate::queue::{Answer, Pending, Queue};
use crate::recovery::{self, Opened, Recovery};
use crate::scan::{CHUNK_BYTES, Found, Reader};
use crate::segments::{Place, Point, Segment, Segments};
use crate::tail::{Tail, Take};
use crate::writer::{Committed, Failure, Writer};
use crate::{BoxFuture, ChainHead, Entry, Error, Journal, ReadLimit, Seq, Stats};

/// Sizes. The defaults suit a server; tests make them small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A new segment begins when the next frame would make the file longer than this. Trimming gives up whole segments.
    pub segment_bytes: u64,
    /// Appends that wait to be written, in bytes; when there are more, appending waits.
    pub queue_bytes: usize,
    /// Newest entries kept in memory for consumers that keep up, in bytes.
    pub memory_bytes: usize,
}

impl Default for Options {
    /// 64 MiB segments, a queue of 32 MiB (two of the largest batches), 8 MiB of newest entries in memory.
    fn default() -> Options {
        Options { segment_bytes: 64 << 20, queue_bytes: 32 << 20, memory_bytes: 8 << 20 }
    }
}

/// A journal in a folder of segment files.
pub struct SegmentJournal {
    shared: Arc<Shared>,
    writing: Writing,
}

/// Who writes.
enum Writing {
    /// A thread of the journal's own.
    Thread(Mutex<Option<JoinHandle<()>>>),
    /// A [`Committer`].
    Committer(Arc<Mutex<Writer>>),
}

/// Commits what is appended to a journal that was opened without a thread. Dropping it ends all appending.
pub struct Committer {
    shared: Arc<Shared>,
    writer: Arc<Mutex<Writer>>,
}

impl Committer {
    /// Waits until something is to be committed. `false` once the journal is closed.
    pub async fn wait(&self) -> bool {
        self.shared.queue.wait().await
    }

    /// Commits what waits now as one group, and tells those who wait for it. Waits for the disk.
    pub fn commit(&self) {
        self.shared.commit_waiting(&self.writer);
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.queue.abandon();
    }
}

struct Shared {
    env: Env,
    queue: Queue,
    tail: RwLock<Tail>,
    segments: Mutex<Segments>,
    /// One trim at a time.
    trimming: Mutex<()>,
    end: End,
    mark: Mark,
    counters: Counters,
}

struct Counters {
    sync_ms: Measure,
    commit_entries: Measure,
    appended_bytes: AtomicU64,
    appended_entries: AtomicU64,
    commits: AtomicU64,
    last_commit_ms: AtomicU64,
    refused_full: AtomicU64,
    refused_disk: AtomicU64,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            sync_ms: Measure::new(measure::MILLISECONDS),
            commit_entries: Measure::new(measure::NUMBERS),
            appended_bytes: AtomicU64::default(),
            appended_entries: AtomicU64::default(),
            commits: AtomicU64::default(),
            last_commit_ms: AtomicU64::default(),
            refused_full: AtomicU64::default(),
            refused_disk: AtomicU64::default(),
        }
    }
}

impl SegmentJournal {
    /// Opens the journal in `folder`, which is made if it is absent, and starts its writing thread. Waits for the disk.
    pub fn open(env: &Env, folder: &Path, options: Options) -> Result<(SegmentJournal, Recovery), Error> {
        let (shared, writer, recovery) = SegmentJournal::recover(env, folder, options)?;
        let run = {
            let shared = Arc::clone(&shared);
            move || shared.run(writer)
        };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(run);
        let thread = thread.map_err(Error::disk("start the thread that writes", folder))?;
        Ok((SegmentJournal { shared, writing: Writing::Thread(Mutex::new(Some(thread))) }, recovery))
    }

    /// Opens the journal as [`SegmentJournal::open`] does, but leaves the writing to whoever calls [`Committer::commit`]: for a
    /// simulator, which must know when everything happens. Waits for the disk.
    pub fn open_without_thread(
        env: &Env,
        folder: &Path,
        options: Options,
    ) -> Result<(SegmentJournal, Committer, Recovery), Error> {
        let (shared, writer, recovery) = SegmentJournal::recover(env, folder, options)?;
        let writer = Arc::new(Mutex::new(writer));
        let committer = Committer { shared: Arc::clone(&shared), writer: Arc::clone(&writer) };
        Ok((SegmentJournal { shared, writing: Writing::Committer(writer) }, committer, recovery))
    }

    fn recover(env: &Env, folder: &Path, options: Options) -> Result<(Arc<Shared>, Writer, Recovery), Error> {
        let Opened { active, segments, recovery } = recovery::open(env, folder)?;
        let shared = Arc::new(Shared {
            env: env.clone(),
            queue: Queue::new(options.queue_bytes),
            tail: RwLock::new(Tail::new(active.next, active.chain, options.memory_bytes)),
            segments: Mutex::new(segments),
            trimming: Mutex::new(()),
            end: End::new(active.next),
            mark: active.header.mark(),
            counters: Counters::default(),
        });
        let writer = Writer::new(env, folder, options.segment_bytes, active);
        Ok((shared, writer, recovery))
    }
}

impl Drop for SegmentJournal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Journal for SegmentJournal {
    fn append(&self, batch: Vec<(u8, Bytes)>) -> BoxFuture<'static, Result<Seq, Error>> {
        let batch = match self.shared.queue.measure(batch) {
            Ok(batch) => batch,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        match self.shared.queue.try_push(batch) {
            Ok(Ok(answer)) => Box::pin(wait(answer)),
            Ok(Err(error)) => Box::pin(std::future::ready(Err(error))),
            Err(batch) => {
                let shared = Arc::clone(&self.shared);
                Box::pin(async move { wait(shared.queue.push(batch).await?).await })
            }
        }
    }

    fn read(&self, from: Seq, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
        let first = self.first();
        if from < first {
            return Err(Error::Trimmed { first });
        }
        let end = {
            let tail = self.shared.tail.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(entries) = tail.read(from.get(), limit) {
                return Ok(entries);
            }
            tail.end()
        };
        match self.shared.read_disk(from.get(), end, limit) {
            // It may have been given up while we read.
            Err(_) if from < self.first() => Err(Error::Trimmed { first: self.first() }),
            result => result,
        }
    }

    fn durable_end(&self) -> Seq {
        Seq(self.shared.tail.read().unwrap_or_else(PoisonError::into_inner).end())
    }

    fn first(&self) -> Seq {
        self.shared.segments().first().map_or(Seq::FIRST, Seq)
    }

    fn wait_for(&self, seq: Seq) -> BoxFuture<'static, ()> {
        self.shared.end.wait_past(seq.get())
    }

    fn trim(&self, before: Seq) -> Result<(), Error> {
        let _one = self.shared.trimming.lock().unwrap_or_else(PoisonError::into_inner);
        let before = before.min(self.durable_end());
        loop {
            let oldest = self.shared.segments().oldest_before(before.get());
            let Some(Segment { first, path, .. }) = oldest else { return Ok(()) };
            let disk = &self.shared.env.disk;
            match disk.remove(&path) {
                // A trim before this one got that far and then failed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(Error::disk("remove", &path))?,
            }
            // One at a time, so that a crash never leaves a gap between segments.
            let folder = path.parent().unwrap_or(Path::new("."));
            disk.sync_dir(folder).map_err(Error::disk("sync", folder))?;
            self.shared.segments().forget_oldest(first);
        }
    }

    fn chain_head(&self) -> ChainHead {
        self.shared.tail.read().unwrap_or_else(PoisonError::into_inner).head()
    }

    fn stats(&self) -> Stats {
        let (bytes_on_disk, segments) = {
            let segments = self.shared.segments();
            (segments.bytes(), segments.count())
        };
        let counters = &self.shared.counters;
        Stats {
            queue_depth: self.shared.queue.depth(),
            bytes_on_disk,
            segments,
            appended_entries: counters.appended_entries.load(Ordering::Relaxed),
            commits: counters.commits.load(Ordering::Relaxed),
            last_commit_ms: counters.last_commit_ms.load(Ordering::Relaxed),
            refused_full: counters.refused_full.load(Ordering::Relaxed),
            refused_disk: counters.refused_disk.load(Ordering::Relaxed),
            sync_ms: counters.sync_ms.read(),
            commit_entries: counters.commit_entries.read(),
            appended_bytes: counters.appended_bytes.load(Ordering::Relaxed),
        }
    }

    fn close(&self) {
        self.shared.queue.close();
        match &self.writing {
            Writing::Thread(thread) => {
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
                if thread.is_some_and(|thread| thread.join().is_err()) {
                    tracing::error!("the journal's writing thread panicked");
                }
            }
            Writing::Committer(writer) => while self.shared.commit_waiting(writer) {},
        }
    }
}

/// Waits for the writing thread's answer. If the thread is gone, nobody knows what became of the batch.
async fn wait(answer: Answer) -> Result<Seq, Error> {
    answer.await.unwrap_or(Err(Error::Uncertain { cause: None }))
}

impl Shared {
    /// The writing thread.
    fn run(&self, mut writer: Writer) {
        /// Answers those who wait if the thread ends in any other way than by closing.
        struct Abandon<'a>(&'a Queue);
        impl Drop for Abandon<'_> {
            fn drop(&mut self) {
                self.0.abandon();
            }
        }
        let abandon = Abandon(&self.queue);
        while let Some(group) = self.queue.take() {
            self.commit(&mut writer, group);
        }
        drop(abandon);
    }

    /// Commits one group of what waits. Returns whether there was one.
    fn commit_waiting(&self, writer: &Mutex<Writer>) -> bool {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let group = self.queue.take_now();
        group.map(|group| self.commit(&mut writer, group)).is_some()
    }

    fn commit(&self, writer: &mut Writer, group: Vec<Pending>) {
        let start_ms = self.env.clock.monotonic_ms();
        let result = writer.commit(group.iter().map(|pending| pending.entries.as_slice()));
        let took_ms = self.env.clock.monotonic_ms().saturating_sub(start_ms);
        self.counters.last_commit_ms.store(took_ms, Ordering::Relaxed);
        match result {
            Ok(committed) => self.publish(committed, group),
            Err(failure) => self.refuse(failure, group),
        }
    }

    /// Shows a durable group to readers, then tells those who appended it.
    fn publish(&self, committed: Committed, group: Vec<Pending>) {
        let Committed { first, chain, point, begun, len_bytes, sync_ms } = committed;
        {
            let mut segments = self.segments();
            if let Some(segment) = begun {
                segments.push(segment);
            }
            if let Some(segment) = segments.last_mut() {
                segment.note(point);
                segment.len_bytes = len_bytes;
            }
        }
        let mut next = first;
        let mut bytes = 0;
        let mut answers = Vec::with_capacity(group.len());
        let mut entries = Vec::with_capacity(group.len());
        for pending in group {
            let Pending { entries: batch, done, .. } = pending;
            answers.push((done, Seq(next)));
            next += len_u64(batch.len());
            bytes += batch.iter().map(|(_, payload)| len_u64(payload.len())).sum::<u64>();
            entries.extend(batch);
        }
        self.tail.write().unwrap_or_else(PoisonError::into_inner).push(entries.into_iter(), chain);
        self.counters.appended_entries.fetch_add(next - first, Ordering::Relaxed);
        self.counters.appended_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.commit_entries.note(next - first);
        self.counters.sync_ms.note(sync_ms);
        self.end.set(next);
        for (done, seq) in answers {
            // Whoever asked may have gone.
            let _ = done.send(Ok(seq));
        }
    }

    fn refuse(&self, failure: Failure, group: Vec<Pending>) {
        let Failure { error, begun } = failure;
        if let Some(segment) = begun {
            self.segments().push(segment);
        }
        let full = matches!(error, Error::Full { .. });
        let counter = if full { &self.counters.refused_full } else { &self.counters.refused_disk };
        counter.fetch_add(len_u64(group.len()), Ordering::Relaxed);
        for pending in group {
            let _ = pending.done.send(Err(error.clone()));
        }
    }

    /// Reads entries `from..end` from the one segment that holds `from`.
    fn read_disk(&self, from: u64, end: u64, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
        let place = self.segments().locate(from).ok_or(Error::Trimmed { first: Seq(end) })?;
        let Place { first, path, start, stop } = place;
        let stop = stop.map_or(end, |stop| stop.min(end));
        let file = self.env.disk.open(&path, false).map_err(Error::disk("open", &path))?;
        let mut reader = Reader::new(&*file, &path, CHUNK_BYTES)?;
        let mut point = start.unwrap_or(Point { seq: first, at: len_u64(SEGMENT_HEADER_BYTES) });
        let mut passed = Vec::new();
        let mut entries = Vec::new();
        let mut take = Take::new(limit);
        'frames: while point.seq < stop {
            let read = self.frame(&mut reader, &path, point, from);
            let (in_frame, next) = match read {
                Ok(read) => read,
                // What lies before the damage is not lost with it: the error comes when there is nothing else.
                Err(_) if !entries.is_empty() => break,
                Err(error) => return Err(error),
            };
            passed.push(point);
            for entry in in_frame.into_iter().filter(|entry| (from..stop).contains(&entry.seq.get())) {
                if !take.one(entry.payload.len()) {
                    break 'frames;
                }
                entries.push(entry);
            }
            point = next;
        }
        if let Some(segment) = self.segments().get_mut(first) {
            passed.into_iter().for_each(|point| segment.note(point));
        }
        Ok(entries)
    }

    /// The entries of the frame at `point`, if any of them is `from` or later, and where the next frame is.
    fn frame(
        &self,
        reader: &mut Reader<'_>,
        path: &Path,
        point: Point,
        from: u64,
    ) -> Result<(Vec<Entry>, Point), Error> {
        let corrupt = |reason| Error::corrupt(path, point.at, reason);
        let frame = match reader.frame(point.at, self.mark)? {
            Found::Frame(frame) => frame,
            Found::Nothing => return Err(corrupt("entries are missing")),
            Found::Broken(reason) => return Err(corrupt(reason)),
        };
        let next = frame.header.next().filter(|next| *next > point.seq && frame.header.first == point.seq);
        let next = next.ok_or_else(|| corrupt("the frame holds other entries than it should"))?;
        let entries = if next > from {
            let entries = decode_entries(&frame.header, &frame.body);
            entries.ok_or_else(|| corrupt("the frame does not hold the entries it says"))?
        } else {
            Vec::new()
        };
        Ok((entries, Point { seq: next, at: frame.next_at }))
    }

    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
