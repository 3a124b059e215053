//! [`Delivery`]: reads the journal, gathers each trail's records per region, and cuts them into files.
//!
//! Nothing here waits for a bucket. What is in memory can be thrown away at any moment: the committed cursor says where to begin
//! again, and the trails as of the cursor are committed with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use journal::{Entry, Seq};
use record::{LogFileWriter, RecordView};
use serde::{Deserialize, Serialize};
use state::{Expect, Op, Range};
use worker::{Consumer, EntryKind, Failure};

use super::lane::Lane;
use super::outbox::{ChainEnd, OUTBOX_FOLDER, OutboxFile, log_key, object_name};
use crate::rows::{self, CHAIN_ENDS, DELIVERY, DELIVERY_TRAILS, Found, GIVEN_UP, ONLY, OUTBOX};
use crate::selectors::Selection;
use crate::shared::Shared;
use crate::trail::Trail;
use crate::trail::store::{TOPIC, TrailChange};

/// The topic of a request to cut here: the command `cairn flush`.
pub const FLUSH_TOPIC: &str = "cloudtrail/flush";

/// A file is finished at this size, uncompressed. CloudTrail closes its files at about 50 MB.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// A file is finished at so many records.
const FILE_RECORDS_MAX: u64 = 50_000;
/// All files are finished when so many are open: each keeps some 300 KiB of compressor.
const OPEN_FILES_MAX: usize = 64;
/// All files are finished when they hold so much, uncompressed: some 25 MiB compressed in memory.
const OPEN_BYTES_MAX: u64 = 256 << 20;
/// How long stopping may wait for buckets; what is not delivered then waits in the outbox for the next start.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// How often rows of trails that are gone are looked for.
const TIDY_MS: u64 = 3_600_000;
/// How long contents that could not be removed wait at least.
const SWEEP_PAUSE_MS: u64 = 60_000;
/// Rows read at a time.
const PAGE: usize = 1_000;

const _: () = assert!(FILE_BYTES_MAX <= OPEN_BYTES_MAX);

/// How far delivery is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cursor {
    version: u32,
    /// The first entry that is in no cut.
    next: u64,
    /// The last trail change taken.
    revision: u64,
    /// Trails that were stopped by a request whose own record is still to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closing: Vec<Closing>,
}

/// A trail that was stopped or deleted, as it was before. The record of the request that did it is the last it selects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Closing {
    request_id: String,
    pub(super) trail: Trail,
    /// The place of the change in the journal.
    #[serde(default)]
    seq: u64,
}

/// See the module.
pub struct Delivery {
    pub(super) shared: Arc<Shared>,
    name: &'static str,
    topic: String,
    committed: Option<Found<Cursor>>,
    /// The next entry to take.
    next: Seq,
    /// The last trail change taken.
    revision: u64,
    pub(super) trails: BTreeMap<String, Arc<Trail>>,
    pub(super) closing: Vec<Closing>,
    /// The journal's end when this was opened: what had begun before has its record before this, or never will.
    opened_at: Seq,
    /// By trail and [`Lane`].
    open: BTreeMap<(Arc<str>, String), OpenFile>,
    open_bytes: u64,
    /// A cut that is not committed yet.
    pending: Option<Cut>,
    cut_at_ms: u64,
    tidy_at_ms: u64,
    swept: bool,
    swept_at_ms: u64,
}

struct OpenFile {
    writer: LogFileWriter,
    trail: Arc<Trail>,
    first_seq: u64,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
}

/// Files that are finished but perhaps not stored, and what else one commit makes true.
struct Cut {
    cursor: Cursor,
    files: Vec<(OutboxFile, Bytes)>,
    change: Option<TrailChange>,
    end: Option<ChainEnd>,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure(format!("{what}: {error}"))
}

impl Delivery {
    /// Takes up where the last commit left off.
    pub async fn open(shared: Arc<Shared>) -> Result<Delivery, state::Error> {
        let committed: Option<Found<Cursor>> = rows::get(&*shared.state, DELIVERY, ONLY).await?;
        let mut trails = BTreeMap::new();
        state::scan_all(&*shared.state, DELIVERY_TRAILS, Range::all(), |row| {
            let trail: Trail = rows::read(DELIVERY_TRAILS, &row)?;
            trails.insert(trail.arn.clone(), Arc::new(trail));
            Ok::<bool, state::Error>(true)
        })
        .await?;
        for (arn, trail) in &trails {
            shared.set_trail(arn, Some(Arc::clone(trail)));
        }
        let cursor = committed.as_ref().map(|found| &found.value);
        let (next, revision) = cursor.map_or((1, 0), |cursor| (cursor.next, cursor.revision));
        let closing = cursor.map_or_else(Vec::new, |cursor| cursor.closing.clone());
        let next = Seq::new(next).max(shared.journal.first());
        let cut_at_ms = shared.env.clock.monotonic_ms();
        let opened_at = shared.journal.durable_end();
        shared.delivery_at(next);
        let (name, topic) = (shared.consumer_name("delivery"), shared.topic(TOPIC));
        Ok(Delivery {
            shared,
            name,
            topic,
            committed,
            next,
            revision,
            trails,
            closing,
            opened_at,
            open: BTreeMap::new(),
            open_bytes: 0,
            pending: None,
            cut_at_ms,
            tidy_at_ms: cut_at_ms.saturating_add(TIDY_MS),
            swept: false,
            swept_at_ms: cut_at_ms,
        })
    }

    /// Wakes the workers of all trails that something is left to do for, and removes contents that no row names: those of cuts
    /// that were never committed, and of delivered files that could not be removed then. Called while no cut is pending: before the
    /// first, and again when a worker asks for it.
    async fn sweep(&mut self) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        shared.untidy.store(false, Ordering::Release);
        let mut named = std::collections::BTreeSet::new();
        let mut arns: std::collections::BTreeSet<String> = self.trails.keys().cloned().collect();
        let mut waiting: BTreeMap<String, i64> = BTreeMap::new();
        let outbox = state::scan_all(&*shared.state, OUTBOX, Range::all(), |row| {
            let file: OutboxFile = rows::read(OUTBOX, &row)?;
            named.insert(file.object);
            *waiting.entry(file.arn).or_default() += 1;
            Ok::<bool, state::Error>(true)
        });
        outbox.await.map_err(|error| failed("reading the outbox", error))?;
        let ends = state::scan_all(&*shared.state, CHAIN_ENDS, Range::all(), |row| {
            let end: ChainEnd = rows::read(CHAIN_ENDS, &row)?;
            arns.insert(end.trail.arn);
            Ok::<bool, state::Error>(true)
        });
        ends.await.map_err(|error| failed("reading the ends of chains", error))?;
        let unrecorded = state::scan_all(&*shared.state, GIVEN_UP, Range::all(), |row| {
            arns.extend(String::from_utf8(row.key));
            Ok::<bool, state::Error>(true)
        });
        unrecorded.await.map_err(|error| failed("reading what was given up", error))?;
        for (arn, count) in waiting {
            // From here on they are counted as they come and go.
            if !self.swept {
                shared.figures_of(&arn).waiting.store(count, Ordering::Relaxed);
            }
            arns.insert(arn);
        }
        self.tidy().await.map_err(|error| failed("tidying after deleted trails", error))?;
        self.tell_last_digests().await.map_err(|error| failed("reading the times of digests", error))?;
        let mut after = None;
        loop {
            let names = shared.objects.list(OUTBOX_FOLDER, after.as_deref(), PAGE).await;
            let names = names.map_err(|error| failed("listing the outbox", error))?;
            let Some(last) = names.last().cloned() else { break };
            for name in names.iter().filter(|name| !named.contains(&name.name)) {
                let gone = shared.objects.delete(&name.name).await;
                gone.map_err(|error| failed("tidying the outbox", error))?;
            }
            after = Some(last.name);
        }
        for arn in arns {
            shared.wake(&arn);
        }
        self.swept = true;
        self.swept_at_ms = shared.env.clock.monotonic_ms();
        Ok(())
    }

    async fn step(&mut self, entry: &Entry) -> Result<(), Failure> {
        let kind = match EntryKind::read(entry) {
            Ok(kind) => kind,
            Err(error) => {
                // Of a newer version, or damage that the journal's checksums did not see. Going on loses it; stopping loses all.
                tracing::error!(%error, "an entry cannot be delivered");
                self.next = entry.seq.next();
                return Ok(());
            }
        };
        match kind {
            EntryKind::Begin { .. } => {}
            EntryKind::Finish { record, .. } => {
                self.gather(entry.seq, &record);
                self.close(entry.seq, &record);
            }
            EntryKind::Control(control) if control.topic == self.topic => {
                match serde_json::from_slice(&control.document) {
                    Ok(change) => self.apply(entry.seq, change),
                    Err(error) => tracing::error!(seq = entry.seq.get(), %error, "a trail change cannot be read"),
                }
            }
            EntryKind::Control(control) if control.topic == FLUSH_TOPIC => self.begin_cut(entry.seq.next(), None, None),
            EntryKind::Control(_) | EntryKind::Data(_) => {}
        }
        self.next = entry.seq.next();
        if self.pending.is_none() && self.is_full() {
            self.begin_cut(self.next, None, None);
        }
        self.finish_cut().await
    }

    fn is_full(&self) -> bool {
        self.open.len() >= OPEN_FILES_MAX
            || self.open_bytes >= OPEN_BYTES_MAX
            || self
                .open
                .values()
                .any(|file| file.writer.uncompressed_len() >= FILE_BYTES_MAX || file.writer.count() >= FILE_RECORDS_MAX)
    }

    fn gather(&mut self, seq: Seq, record: &Bytes) {
        if !self.trails.values().any(|trail| trail.logging) {
            return;
        }
        let view = match RecordView::parse(record) {
            Ok(view) => view,
            Err(error) => {
                tracing::error!(seq = seq.get(), %error, "a record cannot be delivered");
                return;
            }
        };
        let Some(account) = self.shared.account_of(&view) else { return };
        let own = &*self.shared.account;
        if account != own && !self.trails.values().any(|trail| trail.takes(own, account)) {
            return;
        }
        let selection = Selection::new(&view);
        let takes = |trail: &&Arc<Trail>| trail.takes(own, account) && selection.selected_by(trail);
        let trails: Vec<_> = self.trails.values().filter(takes).cloned().collect();
        let lane = self.lane_of(account, selection.region());
        for trail in trails {
            self.push(seq, &trail, &lane, &view, record);
        }
    }

    fn lane_of(&self, account: &str, region: &str) -> String {
        let account = Some(account).filter(|account| *account != &*self.shared.account);
        Lane { account, region }.to_string()
    }

    fn push(&mut self, seq: Seq, trail: &Arc<Trail>, lane: &str, view: &RecordView<'_>, record: &Bytes) {
        let key = (Arc::from(trail.arn.as_str()), lane.to_owned());
        let file = self.open.entry(key).or_insert_with(|| OpenFile {
            writer: LogFileWriter::new(),
            trail: Arc::clone(trail),
            first_seq: seq.get(),
            oldest_ms: None,
            newest_ms: None,
        });
        let before = file.writer.uncompressed_len();
        file.writer.push(record);
        self.open_bytes += file.writer.uncompressed_len() - before;
        if let Some(time) = view.event_time() {
            file.oldest_ms = Some(file.oldest_ms.map_or(time.ms(), |oldest| oldest.min(time.ms())));
            file.newest_ms = Some(file.newest_ms.map_or(time.ms(), |newest| newest.max(time.ms())));
        }
    }

    /// If this is the record of a request that stopped or deleted a trail, it is the last that the trail selects: its log file
    /// and, after it, the end of its digests follow.
    fn close(&mut self, seq: Seq, record: &Bytes) {
        if self.closing.is_empty() {
            return;
        }
        let Ok(view) = RecordView::parse(record) else { return };
        let ended = self.closing.iter().position(|closing| view.request_id.as_deref() == Some(&closing.request_id));
        let Some(at) = ended else { return };
        let trail = Arc::new(self.closing.remove(at).trail);
        let selection = Selection::new(&view);
        // A trail that was started again in between has it already, if it selects it.
        let has_it = self.trails.get(&trail.arn).is_some_and(|now| selection.selected_by(now));
        // A delegated administrator's own account has the record of what it did.
        let account = self.shared.account_of(&view);
        let account = account.filter(|account| trail.takes(&self.shared.account, account));
        if !has_it
            && selection.selected_by(&trail)
            && let Some(account) = account
        {
            let lane = self.lane_of(account, selection.region());
            self.push(seq, &trail, &lane, &view, record);
        }
        let end =
            trail.digests.map(|epoch| ChainEnd { version: 1, epoch, trail: Trail::clone(&trail), seq: seq.get() });
        self.begin_cut(seq.next(), None, end);
    }

    /// Ends what waits for the record of a call that was never recorded (recording was off): every call that had begun when
    /// this was opened has its record by then.
    async fn end_closing(&mut self) -> Result<(), Failure> {
        while self.next >= self.opened_at {
            let overdue = self.closing.iter().position(|closing| closing.seq < self.opened_at.get());
            let Some(at) = overdue else { return Ok(()) };
            let Closing { trail, seq, .. } = self.closing.remove(at);
            let end = trail.digests.map(|epoch| ChainEnd { version: 1, epoch, trail, seq });
            self.begin_cut(self.next, None, end);
            self.finish_cut().await?;
        }
        Ok(())
    }

    /// A trail changes here: what came before is cut under its old settings.
    fn apply(&mut self, seq: Seq, change: TrailChange) {
        if change.revision <= self.revision {
            return;
        }
        self.revision = change.revision;
        let old = self.trails.get(&change.arn).cloned();
        let goes_on = |epoch| change.trail.as_ref().is_some_and(|trail| trail.digests == Some(epoch));
        let was_logging = old.as_ref().filter(|old| old.logging);
        if let (Some(request_id), Some(old)) = (&change.ended_by, was_logging) {
            let (request_id, trail) = (request_id.clone(), Trail::clone(old));
            self.closing.push(Closing { request_id, trail, seq: seq.get() });
        }
        let end = old.filter(|_| change.ended_by.is_none()).and_then(|old| {
            let epoch = old.digests.filter(|epoch| !goes_on(*epoch))?;
            Some(ChainEnd { version: 1, epoch, trail: Trail::clone(&old), seq: seq.get() })
        });
        match &change.trail {
            Some(trail) => self.trails.insert(change.arn.clone(), Arc::new(trail.clone())),
            None => self.trails.remove(&change.arn),
        };
        self.begin_cut(seq.next(), Some(change), end);
    }

    /// Finishes all open files. From here on the cut stays in memory until it is committed.
    fn begin_cut(&mut self, next: Seq, change: Option<TrailChange>, end: Option<ChainEnd>) {
        let now = self.shared.env.clock.now();
        self.cut_at_ms = self.shared.env.clock.monotonic_ms();
        self.open_bytes = 0;
        let files = std::mem::take(&mut self.open).into_iter().map(|((arn, lane), open)| {
            let OpenFile { writer, trail, first_seq, oldest_ms, newest_ms } = open;
            let file = writer.finish();
            let lane = Lane::parse(&lane);
            let row = OutboxFile {
                version: 1,
                object: object_name(&arn, lane.region, first_seq),
                key: log_key(&trail, &self.shared.account, lane, first_seq, now),
                bucket: trail.bucket.clone(),
                arn: arn.to_string(),
                region: lane.region.to_owned(),
                account: lane.account.map(str::to_owned),
                kms_key: trail.kms_key.clone(),
                first_seq,
                sha256_hex: file.sha256_hex,
                records: file.count,
                oldest_ms,
                newest_ms,
                cut_ms: now.ms(),
                digests: trail.digests,
            };
            (row, Bytes::from(file.gzip))
        });
        let closing = self.closing.clone();
        let cursor = Cursor { version: 1, next: next.get(), revision: self.revision, closing };
        self.pending = Some(Cut { cursor, files: files.collect(), change, end });
    }

    /// Stores and commits the pending cut, if there is one. May be called again after it failed.
    async fn finish_cut(&mut self) -> Result<(), Failure> {
        let Some(cut) = &self.pending else { return Ok(()) };
        for (row, gzip) in &cut.files {
            let stored = self.shared.objects.put(&row.object, gzip.clone()).await;
            stored.map_err(|error| failed("storing a log file", error))?;
        }
        let rev = match self.shared.state.commit(self.commit_of(cut)).await {
            Ok(info) => info.revs[0],
            // An earlier attempt may have been committed though it was answered with a failure.
            Err(error) if error.is_conflict() => {
                // Then a worker may have delivered and removed what was stored again just now.
                self.shared.untidy.store(true, Ordering::Release);
                self.committed_before(cut).await?
            }
            Err(error) => return Err(failed("committing a cut", error)),
        };
        let cut = self.pending.take().expect("it was there a moment ago");
        let mut wake: Vec<&str> = cut.files.iter().map(|(row, _)| row.arn.as_str()).collect();
        if let Some(change) = &cut.change {
            self.shared.set_trail(&change.arn, change.trail.clone().map(Arc::new));
            wake.push(&change.arn);
        }
        wake.extend(cut.end.as_ref().map(|end| end.trail.arn.as_str()));
        wake.sort_unstable();
        wake.dedup();
        for (row, _) in &cut.files {
            let figures = self.shared.figures_of(&row.arn);
            figures.selected.fetch_add(row.records, Ordering::Relaxed);
            figures.waiting.fetch_add(1, Ordering::Relaxed);
        }
        wake.into_iter().for_each(|arn| self.shared.wake(arn));
        let next = Seq::new(cut.cursor.next);
        self.committed = Some(Found { value: cut.cursor, rev });
        self.shared.delivery_at(next);
        Ok(())
    }

    fn commit_of(&self, cut: &Cut) -> Vec<Op> {
        let expect = self.committed.as_ref().map(|found| found.rev).into();
        let mut ops = vec![rows::put(DELIVERY, ONLY, &cut.cursor, expect)];
        ops.extend(cut.files.iter().map(|(row, _)| rows::put(OUTBOX, row.row_key(), row, Expect::Any)));
        if let Some(change) = &cut.change {
            ops.push(match &change.trail {
                Some(trail) => rows::put(DELIVERY_TRAILS, change.arn.as_str(), trail, Expect::Any),
                None => rows::delete(DELIVERY_TRAILS, change.arn.as_str(), Expect::Any),
            });
        }
        if let Some(end) = &cut.end {
            let key = state::key::key(&[end.trail.arn.as_str(), &rows::seq_text(end.seq)]);
            ops.push(rows::put(CHAIN_ENDS, key, end, Expect::Any));
        }
        ops
    }

    async fn committed_before(&self, cut: &Cut) -> Result<u64, Failure> {
        let found: Option<Found<Cursor>> = rows::get(&*self.shared.state, DELIVERY, ONLY)
            .await
            .map_err(|error| failed("reading the cursor", error))?;
        match found {
            Some(found) if found.value == cut.cursor => Ok(found.rev),
            _ => Err(Failure("the delivery cursor was moved by another process".to_owned())),
        }
    }

    /// Cuts what is open, if anything was taken since the last cut.
    async fn cut_now(&mut self) -> Result<(), Failure> {
        self.finish_cut().await?;
        self.cut_at_ms = self.shared.env.clock.monotonic_ms();
        if self.next > self.needs() {
            self.begin_cut(self.next, None, None);
        }
        self.finish_cut().await
    }
}

#[async_trait]
impl Consumer for Delivery {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Seq {
        self.committed.as_ref().map_or(Seq::FIRST, |found| Seq::new(found.value.next)).max(self.shared.journal.first())
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        if !self.swept {
            self.sweep().await?;
        }
        self.finish_cut().await?;
        for entry in entries {
            // Those before it were gathered by an earlier call that then failed to store a cut.
            if entry.seq >= self.next {
                self.end_closing().await?;
                self.step(entry).await?;
            }
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        if !self.swept {
            self.sweep().await?;
        }
        self.finish_cut().await?;
        self.end_closing().await?;
        let now_ms = self.shared.env.clock.monotonic_ms();
        if now_ms >= self.tidy_at_ms {
            self.tidy_at_ms = now_ms.saturating_add(TIDY_MS);
            self.tidy().await.map_err(|error| failed("tidying after deleted trails", error))?;
        }
        let swept_ms = self.shared.env.clock.monotonic_ms().saturating_sub(self.swept_at_ms);
        if swept_ms >= SWEEP_PAUSE_MS
            && self.shared.untidy.load(Ordering::Acquire)
            && let Err(failure) = self.sweep().await
        {
            self.shared.untidy.store(true, Ordering::Release);
            return Err(failure);
        }
        let open_ms = self.shared.env.clock.monotonic_ms().saturating_sub(self.cut_at_ms);
        if open_ms >= self.shared.options.delivery_interval_ms {
            self.cut_now().await?;
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.cut_now().await?;
        self.shared.stop_workers();
        let rounds = async {
            for worker in self.shared.workers() {
                worker.upload_all().await;
            }
        };
        if tokio::time::timeout(STOP_WAIT, rounds).await.is_err() {
            tracing::warn!("log files wait in the outbox for the next start");
        }
        Ok(())
    }
}
