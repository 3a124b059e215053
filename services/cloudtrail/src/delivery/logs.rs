//! [`LogDelivery`]: reads the journal and hands what a trail selects to its log group at once. A group that refuses holds up no other:
//! what it missed waits for a while, in memory and in the journal, and is given up after that.
//!
//! What was handed over is told by its last entry's number. Before a batch is handed over, its end is written down, so that after a
//! crash the same batches are handed over again and the group drops those that it has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use journal::{Entry, Seq};
use ports::{LogGroups, LogTarget};
use record::RecordView;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, Range};
use worker::{Consumer, EntryKind, Failure};

use super::outbox::Status;
use crate::rows::{self, Found, LOG_DELIVERY, LOG_TRAILS, ONLY, STATUS};
use crate::selectors::Selection;
use crate::shared::Shared;
use crate::trail::Trail;
use crate::trail::store::{TOPIC, TrailChange};
use crate::watch::{stream_of, target_of};

/// Events handed over at once.
const RUN_EVENTS_MAX: usize = 5_000;
/// See [`RUN_EVENTS_MAX`]: what one PutLogEvents takes.
const RUN_BYTES_MAX: usize = 1 << 20;
/// What a trail may be behind, in memory; beyond that the oldest events are given up.
const BEHIND_BYTES_MAX: usize = 16 << 20;
/// How long events wait for a group that refuses: as long the journal keeps them.
const BEHIND_MS_MAX: i64 = 3_600_000;
/// Between two attempts at a group that refused.
const RETRY_MS: u64 = 5_000;
/// So many entries are read again after a crash at most, if no trail has a log group.
const UNCOMMITTED_MAX: u64 = 4_096;
/// See [`UNCOMMITTED_MAX`].
const COMMIT_MS: u64 = 60_000;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cursor {
    version: u32,
    /// The first entry that some trail may still need.
    next: u64,
    /// The end of the batch that is being handed over.
    until: u64,
    /// The last trail change taken.
    revision: u64,
    /// For trails: the last entry that their groups have.
    #[serde(default)]
    done: BTreeMap<String, u64>,
    /// Trails that were stopped by a request whose own record is still to come: the request, the trail as it was.
    #[serde(default)]
    closing: Vec<(String, Trail)>,
}

/// Events for one stream, one after the other.
struct Run {
    arn: String,
    target: LogTarget,
    first: u64,
    last: u64,
    bytes: usize,
    events: Vec<(i64, Bytes)>,
    since_ms: i64,
}

/// See the module.
pub struct LogDelivery {
    shared: Arc<Shared>,
    name: &'static str,
    topic: String,
    committed: Option<Found<Cursor>>,
    cursor: Cursor,
    /// The next entry to take.
    next: Seq,
    /// Until here the batches are those of before the crash.
    again_until: u64,
    trails: BTreeMap<String, Arc<Trail>>,
    changed: BTreeMap<String, Option<Arc<Trail>>>,
    batch: Vec<Run>,
    /// The first entry of the batch.
    batch_from: u64,
    behind: BTreeMap<String, VecDeque<Run>>,
    statuses: BTreeMap<String, Status>,
    retry_at_ms: u64,
    commit_at_ms: u64,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure(format!("{what}: {error}"))
}

impl LogDelivery {
    /// Takes up where the last commit left off.
    pub async fn open(shared: Arc<Shared>) -> Result<LogDelivery, state::Error> {
        let committed: Option<Found<Cursor>> = rows::get(&*shared.state, LOG_DELIVERY, ONLY).await?;
        let mut trails = BTreeMap::new();
        state::scan_all(&*shared.state, LOG_TRAILS, Range::all(), |row| {
            let trail: Trail = rows::read(LOG_TRAILS, &row)?;
            trails.insert(trail.arn.clone(), Arc::new(trail));
            Ok::<bool, state::Error>(true)
        })
        .await?;
        let first = Cursor { version: 1, next: 1, until: 1, ..Cursor::default() };
        let cursor = committed.as_ref().map_or(first, |found| found.value.clone());
        let next = Seq::new(cursor.next).max(shared.journal.first());
        let (name, topic) = (shared.consumer_name("log groups"), shared.topic(TOPIC));
        let now_ms = shared.env.clock.monotonic_ms();
        Ok(LogDelivery {
            again_until: cursor.until,
            name,
            topic,
            committed,
            cursor,
            next,
            trails,
            changed: BTreeMap::new(),
            batch: Vec::new(),
            batch_from: next.get(),
            behind: BTreeMap::new(),
            statuses: BTreeMap::new(),
            retry_at_ms: now_ms,
            commit_at_ms: now_ms.saturating_add(COMMIT_MS),
            shared,
        })
    }

    /// Adds what a trail's group gets of a record.
    fn gather(&mut self, seq: u64, record: &Bytes) {
        if self.trails.is_empty() && self.cursor.closing.is_empty() {
            return;
        }
        // A record that cannot be read was told about by delivery.
        let Ok(view) = RecordView::parse(record) else { return };
        let shared = Arc::clone(&self.shared);
        let Some(account) = shared.account_of(&view) else { return };
        let selection = Selection::new(&view);
        let mut takers: Vec<Arc<Trail>> = self.trails.values().filter(|trail| trail.logging).cloned().collect();
        if let Some(at) =
            self.cursor.closing.iter().position(|(request, _)| view.request_id.as_deref() == Some(request))
        {
            let (_, trail) = self.cursor.closing.remove(at);
            if takers.iter().all(|known| known.arn != trail.arn) {
                takers.push(Arc::new(trail));
            }
        }
        takers.retain(|trail| trail.takes(&shared.account, account) && selection.selected_by(trail));
        let now_ms = shared.env.clock.now().ms();
        let at_ms = view.event_time().map_or(now_ms, |time| time.ms());
        for trail in takers {
            if self.cursor.done.get(&trail.arn).is_some_and(|done| *done >= seq) {
                continue;
            }
            let stream = stream_of(&trail, account, selection.region());
            // Copied: a slice would keep the block of the journal that it was read with.
            let event = (at_ms, Bytes::copy_from_slice(record));
            let of_trail = self.batch.iter_mut().rev().find(|run| run.arn == trail.arn);
            match of_trail {
                Some(run)
                    if run.target.stream == stream
                        && run.events.len() < RUN_EVENTS_MAX
                        && run.bytes + record.len() <= RUN_BYTES_MAX =>
                {
                    run.last = seq;
                    run.bytes += record.len();
                    run.events.push(event);
                }
                _ => {
                    let Some(target) = target_of(&trail, &shared.account, stream) else { continue };
                    self.batch.push(Run {
                        arn: trail.arn.clone(),
                        target,
                        first: seq,
                        last: seq,
                        bytes: record.len(),
                        events: vec![event],
                        since_ms: now_ms,
                    });
                }
            }
        }
    }

    fn apply(&mut self, change: TrailChange) {
        if change.revision <= self.cursor.revision {
            return;
        }
        self.cursor.revision = change.revision;
        let old = self.trails.get(&change.arn).cloned();
        if let (Some(request), Some(old)) = (&change.ended_by, old.as_ref().filter(|old| old.logging)) {
            self.cursor.closing.push((request.clone(), Trail::clone(old)));
        }
        let new = change.trail.filter(|trail| trail.log_group.is_some()).map(Arc::new);
        if new.is_none() {
            // Nobody waits for what it missed any more.
            self.behind.remove(&change.arn);
            self.cursor.done.remove(&change.arn);
        }
        if old.is_none() && new.is_none() {
            return;
        }
        match &new {
            Some(trail) => drop(self.trails.insert(change.arn.clone(), Arc::clone(trail))),
            None => drop(self.trails.remove(&change.arn)),
        }
        self.changed.insert(change.arn, new);
    }

    /// Writes down how far it is: everything before `next`, but what somebody is behind with.
    async fn commit(&mut self, next: u64, until: u64) -> Result<(), Failure> {
        let behind = self.behind.values().flatten().map(|run| run.first).min();
        self.cursor.next = behind.map_or(next, |behind| behind.min(next));
        self.cursor.until = until;
        let expect = self.committed.as_ref().map(|found| found.rev).into();
        let mut ops: Vec<Op> = vec![rows::put(LOG_DELIVERY, ONLY, &self.cursor, expect)];
        ops.extend(self.changed.iter().map(|(arn, trail)| match trail {
            Some(trail) => rows::put(LOG_TRAILS, arn.as_str(), &**trail, Expect::Any),
            None => rows::delete(LOG_TRAILS, arn.as_str(), Expect::Any),
        }));
        ops.extend(
            self.statuses
                .iter()
                .map(|(arn, status)| rows::put(STATUS, state::key::key(&[arn.as_str(), "logs"]), status, Expect::Any)),
        );
        let rev = match self.shared.state.commit(ops).await {
            Ok(info) => info.revs[0],
            // An earlier attempt may have been committed though it was answered with a failure.
            Err(error) if error.is_conflict() => {
                let found: Option<Found<Cursor>> = rows::get(&*self.shared.state, LOG_DELIVERY, ONLY)
                    .await
                    .map_err(|error| failed("reading the cursor of log groups", error))?;
                let Some(found) = found else {
                    return Err(Failure("the cursor of log groups is gone".to_owned()));
                };
                self.committed = Some(Found { value: found.value, rev: found.rev });
                return Err(Failure("the cursor of log groups was written before; once more".to_owned()));
            }
            Err(error) => return Err(failed("committing how far log groups are", error)),
        };
        self.committed = Some(Found { value: self.cursor.clone(), rev });
        self.changed.clear();
        self.statuses.clear();
        self.commit_at_ms = self.shared.env.clock.monotonic_ms().saturating_add(COMMIT_MS);
        Ok(())
    }

    /// Hands over what was gathered.
    async fn flush(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            if self.next.get() >= self.again_until {
                self.batch_from = self.next.get();
            }
            return Ok(());
        }
        let until = self.next.get();
        // The batches of before the crash are written down already.
        if until > self.again_until || self.committed.is_none() {
            self.commit(self.batch_from, until).await?;
        }
        for run in std::mem::take(&mut self.batch) {
            self.hand_over(run).await;
        }
        self.batch_from = until;
        Ok(())
    }

    async fn hand_over(&mut self, run: Run) {
        if let Some(waiting) = self.behind.get_mut(&run.arn) {
            waiting.push_back(run);
            return self.bound_behind();
        }
        let Some(log_groups) = self.shared.watch.log_groups.clone() else { return };
        if let Err(run) = self.put(&*log_groups, run).await {
            self.behind.entry(run.arn.clone()).or_default().push_back(run);
            self.bound_behind();
        }
    }

    /// Puts events into their group; gives them back if the group did not take them.
    async fn put(&mut self, log_groups: &dyn LogGroups, run: Run) -> Result<(), Run> {
        let now = self.shared.env.clock.now();
        let outcome = log_groups.put(&run.target, run.last, run.events.clone()).await;
        let figures = self.shared.figures_of(&run.arn);
        let before = self.shared.log_status(&run.arn).unwrap_or_default();
        let (status, result) = match outcome {
            Ok(taken) => {
                figures.log_events.fetch_add(u64::try_from(taken.taken).unwrap_or(0), Ordering::Relaxed);
                figures.log_events_lost.fetch_add(u64::try_from(taken.too_large).unwrap_or(0), Ordering::Relaxed);
                self.cursor.done.insert(run.arn.clone(), run.last);
                (Status::delivered(now), Ok(()))
            }
            Err(error) => {
                tracing::warn!(trail = run.arn, %error, "events wait for their log group");
                let status = Status { attempted_ms: Some(now.ms()), error: Some(error.to_string()), ..before };
                (status, Err(()))
            }
        };
        self.shared.set_log_status(&run.arn, status.clone());
        self.statuses.insert(run.arn.clone(), status);
        result.map_err(|()| run)
    }

    /// Gives up what has waited for too long, or is too much.
    fn bound_behind(&mut self) {
        let now_ms = self.shared.env.clock.now().ms();
        for (arn, runs) in &mut self.behind {
            let mut bytes: usize = runs.iter().map(|run| run.bytes).sum();
            while let Some(run) = runs.front()
                && (bytes > BEHIND_BYTES_MAX || now_ms - run.since_ms > BEHIND_MS_MAX)
            {
                bytes -= run.bytes;
                let lost = u64::try_from(run.events.len()).unwrap_or(0);
                tracing::warn!(trail = arn, events = lost, "events are given up: their log group does not take them");
                self.shared.figures_of(arn).log_events_lost.fetch_add(lost, Ordering::Relaxed);
                self.cursor.done.insert(arn.clone(), run.last);
                runs.pop_front();
            }
        }
        self.behind.retain(|_, runs| !runs.is_empty());
    }

    /// Tries those who are behind again.
    async fn retry(&mut self) -> Result<(), Failure> {
        let Some(log_groups) = self.shared.watch.log_groups.clone() else { return Ok(()) };
        let mut any = false;
        for (arn, mut runs) in std::mem::take(&mut self.behind) {
            // As the trail is now: its group or role may have been corrected.
            let trail = self.trails.get(&arn).cloned();
            while let Some(mut run) = runs.pop_front() {
                if let Some(target) =
                    trail.as_ref().and_then(|trail| target_of(trail, &self.shared.account, run.target.stream.clone()))
                {
                    run.target = target;
                }
                match self.put(&*log_groups, run).await {
                    Ok(()) => any = true,
                    Err(run) => {
                        runs.push_front(run);
                        break;
                    }
                }
            }
            if !runs.is_empty() {
                self.behind.insert(arn, runs);
            }
        }
        self.bound_behind();
        if any { self.commit(self.batch_from, self.batch_from).await } else { Ok(()) }
    }
}

#[async_trait]
impl Consumer for LogDelivery {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Seq {
        self.committed.as_ref().map_or(Seq::FIRST, |found| Seq::new(found.value.next)).max(self.shared.journal.first())
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        for entry in entries {
            // Those before it were gathered by an earlier call that then failed to commit.
            if entry.seq < self.next {
                continue;
            }
            if self.next.get() == self.again_until {
                self.flush().await?;
            }
            match EntryKind::read(entry) {
                Ok(EntryKind::Finish { record, .. }) => self.gather(entry.seq.get(), &record),
                Ok(EntryKind::Control(control)) if control.topic == self.topic => {
                    // What came before goes where the trail said then.
                    self.flush().await?;
                    match serde_json::from_slice(&control.document) {
                        Ok(change) => self.apply(change),
                        Err(error) => tracing::error!(seq = entry.seq.get(), %error, "a trail change cannot be read"),
                    }
                }
                _ => {}
            }
            self.next = entry.seq.next();
        }
        if self.next.get() >= self.again_until {
            self.flush().await?;
        }
        let taken = self.batch_from.saturating_sub(self.cursor.next);
        if self.batch.is_empty() && taken >= UNCOMMITTED_MAX && self.behind.is_empty() {
            self.commit(self.batch_from, self.batch_from).await?;
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        let now_ms = self.shared.env.clock.monotonic_ms();
        if self.next.get() >= self.again_until {
            self.flush().await?;
        }
        if !self.behind.is_empty() && now_ms >= self.retry_at_ms {
            self.retry_at_ms = now_ms.saturating_add(RETRY_MS);
            self.retry().await?;
        }
        let moved = self.batch_from > self.cursor.next || !self.statuses.is_empty();
        if self.batch.is_empty() && moved && now_ms >= self.commit_at_ms {
            self.commit(self.batch_from, self.batch_from).await?;
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.flush().await?;
        self.commit(self.batch_from, self.batch_from).await
    }
}
