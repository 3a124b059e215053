//! [`Consumer`] and the loop that runs one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::Env;
use journal::{Entry, Journal, ReadLimit, Seq};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How much of the journal one [`Consumer::take`] is given at most.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// See [`BATCH_BYTES_MAX`]. Large enough that the cost of a call to `take` vanishes, small enough to stop within a moment.
const BATCH_ENTRIES_MAX: usize = 4096;
/// Up to here a batch is taken among the other tasks; a larger one takes long enough to keep calls waiting.
const INLINE_ENTRIES_MAX: u64 = 256;
/// How long a consumer is left alone after its first failure; each further failure doubles it.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Reads the journal in order and makes something of it. Its output is a pure function of what it has read.
#[async_trait]
pub trait Consumer: Send + 'static {
    /// A short name for status and log: `delivery`.
    fn name(&self) -> &'static str;

    /// The first entry that it has not taken durably: where it starts after a crash. Older entries may be trimmed.
    fn needs(&self) -> Seq;

    /// Takes the entries that follow those it took last (or that start at [`Consumer::needs`] after a start). On failure the
    /// same entries come again later, so a failed `take` has no effect.
    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure>;

    /// Called when there is nothing to take and at least once a second: for what is due by the clock.
    async fn idle(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Called once, after everything readable was taken, before the program ends.
    async fn stop(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// A consumer could not go on for now. For our own log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// How far a consumer is.
#[derive(Debug, Clone)]
pub struct ConsumerStatus {
    /// [`Consumer::name`].
    pub name: &'static str,
    /// The next entry it will take.
    pub cursor: Seq,
    /// The first entry it still needs after a crash.
    pub needs: Seq,
    /// Its last failure, if it has not succeeded since.
    pub failure: Option<String>,
    /// How often it has failed.
    pub failures: u64,
}

struct Progress {
    name: &'static str,
    cursor: watch::Sender<u64>,
    needs: AtomicU64,
    failure: Mutex<Option<String>>,
    failures: AtomicU64,
}

/// All consumers of one journal, each in a task of its own.
pub struct Crew {
    journal: Arc<dyn Journal>,
    env: Env,
    members: Mutex<Vec<Member>>,
}

struct Member {
    progress: Arc<Progress>,
    /// One each: those who wait for one channel are woken in a random order.
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Crew {
    /// No consumers yet.
    pub fn new(journal: Arc<dyn Journal>, env: Env) -> Crew {
        Crew { journal, env, members: Mutex::default() }
    }

    /// Starts a consumer. Add all before the journal is trimmed by [`Crew::needed`].
    pub fn add(&self, consumer: impl Consumer) {
        let start = consumer.needs();
        let progress = Arc::new(Progress {
            name: consumer.name(),
            cursor: watch::Sender::new(start.get()),
            needs: AtomicU64::new(start.get()),
            failure: Mutex::default(),
            failures: AtomicU64::new(0),
        });
        let stop = watch::Sender::new(false);
        let runner = Runner {
            consumer,
            journal: Arc::clone(&self.journal),
            env: self.env.clone(),
            progress: Arc::clone(&progress),
            stop: stop.subscribe(),
        };
        let watched = Arc::clone(&progress);
        let task = tokio::spawn(async move {
            // Its own task, so that a panic is noticed: a consumer that has died holds the journal, and whoever waits for it.
            if let Err(error) = tokio::spawn(runner.run()).await {
                tracing::error!(consumer = watched.name, %error, "a consumer died; restart the server");
                let text = format!("it died ({error}); restart the server");
                *watched.failure.lock().expect("no holder of this lock can panic") = Some(text);
            }
        });
        self.members.lock().expect("no holder of this lock can panic").push(Member { progress, stop, task });
    }

    /// How far each consumer is.
    pub fn status(&self) -> Vec<ConsumerStatus> {
        let members = self.members.lock().expect("no holder of this lock can panic");
        let status = members.iter().map(|Member { progress, .. }| ConsumerStatus {
            name: progress.name,
            cursor: Seq::new(*progress.cursor.borrow()),
            needs: Seq::new(progress.needs.load(Ordering::Acquire)),
            failure: progress.failure.lock().expect("no holder of this lock can panic").clone(),
            failures: progress.failures.load(Ordering::Relaxed),
        });
        status.collect()
    }

    /// Waits until the consumer of this name has taken every entry before `seq`. Returns at once if there is no such consumer.
    pub async fn caught_up(&self, name: &str, seq: Seq) {
        let receiver = {
            let members = self.members.lock().expect("no holder of this lock can panic");
            members.iter().find(|member| member.progress.name == name).map(|member| member.progress.cursor.subscribe())
        };
        if let Some(mut cursor) = receiver {
            let _ = cursor.wait_for(|at| *at >= seq.get()).await;
        }
    }

    /// The first entry that some consumer still needs: what is older may be trimmed. `None` if there are no consumers.
    pub fn needed(&self) -> Option<Seq> {
        self.status().iter().map(|status| status.needs).min()
    }

    /// Lets every consumer take what is readable and stop. Waits for them.
    pub async fn stop(&self) {
        let members = std::mem::take(&mut *self.members.lock().expect("no holder of this lock can panic"));
        for member in &members {
            member.stop.send_replace(true);
        }
        for Member { progress, task, .. } in members {
            if let Err(error) = task.await {
                tracing::error!(consumer = progress.name, %error, "a consumer ended badly");
            }
        }
    }
}

struct Runner<C> {
    consumer: C,
    journal: Arc<dyn Journal>,
    env: Env,
    progress: Arc<Progress>,
    stop: watch::Receiver<bool>,
}

impl<C: Consumer> Runner<C> {
    async fn run(mut self) {
        let mut backoff = BACKOFF_FIRST;
        let mut idle_at_ms = self.env.clock.monotonic_ms();
        loop {
            let step = self.step(&mut idle_at_ms).await;
            self.progress.needs.store(self.consumer.needs().get(), Ordering::Release);
            let outcome = match step {
                Ok(Step::Stop) => self.consumer.stop().await.map(|()| true),
                Ok(Step::Go) => Ok(false),
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(true) => break,
                Ok(false) => {
                    backoff = BACKOFF_FIRST;
                    self.note(None);
                }
                Err(failure) => {
                    self.progress.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(consumer = self.progress.name, error = %failure, "a consumer failed and will try again");
                    self.note(Some(failure.0));
                    if *self.stop.borrow() {
                        break;
                    }
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
        self.progress.needs.store(self.consumer.needs().get(), Ordering::Release);
    }

    /// Takes one batch, or waits for one for at most a second.
    async fn step(&mut self, idle_at_ms: &mut u64) -> Result<Step, Failure> {
        let from = Seq::new(*self.progress.cursor.borrow());
        ahead(self.progress.name, from, &*self.journal)?;
        let behind = self.journal.durable_end().get().saturating_sub(from.get());
        let took = if behind > INLINE_ENTRIES_MAX {
            crate::aside(self.take_batch(from)).await?
        } else {
            behind > 0 && self.take_batch(from).await?
        };
        let now_ms = self.env.clock.monotonic_ms();
        if !took || now_ms.saturating_sub(*idle_at_ms) >= 1000 {
            *idle_at_ms = now_ms;
            self.consumer.idle().await?;
        }
        if took {
            return Ok(Step::Go);
        }
        if *self.stop.borrow() {
            return Ok(Step::Stop);
        }
        tokio::select! {
            biased;
            _ = self.stop.changed() => {}
            () = self.journal.wait_for(from) => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        Ok(Step::Go)
    }

    /// Returns whether there was anything to take.
    async fn take_batch(&mut self, from: Seq) -> Result<bool, Failure> {
        let limit = ReadLimit { max_bytes: BATCH_BYTES_MAX, max_entries: BATCH_ENTRIES_MAX };
        let entries = self.journal.read(from, limit);
        let entries = entries.map_err(|error| Failure(format!("reading the journal from {from}: {error}")))?;
        let Some(last) = entries.last() else { return Ok(false) };
        self.consumer.take(&entries).await?;
        self.progress.cursor.send_replace(last.seq.get() + 1);
        Ok(true)
    }

    fn note(&self, failure: Option<String>) {
        *self.progress.failure.lock().expect("no holder of this lock can panic") = failure;
    }
}

/// Refuses a consumer that has taken more than the journal has: its entries would be given to others under the same numbers, and
/// passed over. The journal was put back to an older state than the tables, or is another one.
pub fn ahead(name: &str, cursor: Seq, journal: &dyn Journal) -> Result<(), Failure> {
    let end = journal.durable_end();
    if cursor <= end {
        return Ok(());
    }
    tracing::error!(consumer = name, %cursor, %end, "a consumer is ahead of the journal");
    Err(Failure(format!(
        "{name} has taken the journal up to entry {cursor}, but the journal ends before {end}: it is older than the tables, or \
         another one. Put back journal and tables of the same moment"
    )))
}

enum Step {
    Go,
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_ahead_of_the_journal_is_refused() {
        let journal = journal::MemoryJournal::new();
        ahead("delivery", Seq::new(1), &journal).unwrap();
        let refused = ahead("delivery", Seq::new(2), &journal).unwrap_err();
        assert!(
            refused.to_string().contains("delivery has taken the journal up to entry 2, but the journal ends before 1")
        );
    }

    /// Reads as if it were slow: it goes on only once a task beside it has run.
    struct Heavy(Mutex<std::sync::mpsc::Receiver<()>>, Seq);

    #[async_trait]
    impl Consumer for Heavy {
        fn name(&self) -> &'static str {
            "heavy"
        }

        fn needs(&self) -> Seq {
            self.1
        }

        async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
            // The longest wait only ends a test that has failed.
            self.0
                .get_mut()
                .expect("nobody holds it")
                .recv_timeout(Duration::from_secs(60))
                .map_err(|error| Failure(error.to_string()))?;
            self.1 = entries.last().expect("a batch has entries").seq.next();
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_backlog_does_not_hold_up_other_tasks() {
        let journal: Arc<dyn Journal> = Arc::new(journal::MemoryJournal::new());
        let entries = (0..=INLINE_ENTRIES_MAX).map(|_| crate::entry::begin(bytes::Bytes::from_static(b"{}"))).collect();
        journal.append(entries).await.unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        let crew = Crew::new(Arc::clone(&journal), system::env());
        crew.add(Heavy(Mutex::new(receive), Seq::FIRST));
        // On the one thread that there is, beside a consumer that keeps it busy.
        tokio::spawn(async move { send.send(()).unwrap() }).await.unwrap();
        crew.caught_up("heavy", journal.durable_end()).await;
        assert_eq!(crew.status()[0].failures, 0);
        crew.stop().await;
    }
}
