//! Back-fill: what a metric filter makes of events that came before it, as metric data at the events' own times. AWS has nothing like it.
//!
//! No event is counted twice in a metric. Which ones the filter counts as they come says the journal: those of the entry at which it was
//! made, and of later ones ([`Counted::before`]). Which of the others were back-filled says time: whole minutes
//! ([`Counted::backfilled`]). A step reads some minutes, the newest first; then [`BackfillStep`] says that they are under way and at which
//! position their values are, metrics take the values (a position once), and one commit says that the minutes are back-filled and nothing
//! is under way. After a crash the next step begins with what is under way.
//!
//! No alarm fires for what is past: minutes that alarms over the metric look at are left out, and are there for a later run.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Region;
use base::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use ports::{Backfilled, Datum, PastEvents};
use service::ApiError;

use crate::Logs;
use crate::error::{invalid, missing, too_many};
use crate::filters::{GroupFilters, minute_of};
use crate::rows::{BACKFILL_STEP, BackfillStep, Counted, Group, MetricFilter, ONLY, Transformation, UnderWay, VERSION};
use crate::scan::Query;
use crate::store::{Memory, Plan, in_group, put_op};

/// Bytes of texts that a step reads, about: it ends with a minute.
const READ_BYTES_MAX: u64 = 64 << 20;
/// Values after which a step ends, with the minute.
const VALUES_MAX: usize = 20_000;
/// Values of one position: some MiB of the journal.
const PUT_VALUES_MAX: usize = 2_000;
/// Metrics are kept so long. Source: CloudWatch user guide, "CloudWatch metrics concepts" (metrics retention).
pub const DAYS_MAX: u32 = 455;
/// How far ahead the times of events are. Source: CloudWatch Logs API reference, PutLogEvents.
const AHEAD_MS: i64 = 2 * HOUR_MS;
/// Filters and metrics of a group that are remembered, those included that are gone.
const COUNTED_MAX: usize = 1_000;
/// Where alarms look, events are counted by nobody else; so many are looked at to know whether there are any.
const LEFT_OUT_EVENTS_MAX: usize = 10_000;

/// What a filter makes: the model has it one.
fn made(filter: &MetricFilter) -> Result<&Transformation, ApiError> {
    filter.transformations.first().ok_or_else(|| ApiError::internal("a metric filter makes nothing"))
}

/// What a filter has counted in its metric.
fn counted<'a>(memory: &'a Memory, filter: &MetricFilter) -> Result<Option<&'a Arc<Counted>>, ApiError> {
    let Transformation { metric_namespace, metric_name, .. } = made(filter)?;
    Ok(memory.get::<Counted>(&Counted::key_of(filter.group, &filter.name, metric_namespace, metric_name)))
}

/// Notes from where on a filter that is made, changed or deleted counts. What it counted in the same metric before is not forgotten;
/// where nobody knows what that was, as with filters of versions that did not note it, it may have been everything.
pub(crate) fn note(memory: &Memory, plan: &mut Plan, filter: &MetricFilter, now_ms: i64) -> Result<(), ApiError> {
    if counted(memory, filter)?.is_some() {
        return Ok(());
    }
    let made = made(filter)?;
    let known = memory.get::<MetricFilter>(&in_group(filter.group, &filter.name));
    let is_known = known.is_some_and(|known| known.makes_the_metric_of(filter));
    let known: Vec<&Arc<Counted>> = memory.of_group::<Counted>(filter.group).collect();
    if known.len() >= COUNTED_MAX {
        let is_gone = |row: &&&Arc<Counted>| memory.get::<MetricFilter>(&in_group(filter.group, &row.filter)).is_none();
        let gone: Vec<_> = known.iter().filter(is_gone).collect();
        if gone.is_empty() {
            return Err(too_many("Resource limit exceeded."));
        }
        gone.into_iter().for_each(|row| plan.remove(&***row));
    }
    plan.put(Counted {
        v: VERSION,
        group: filter.group,
        filter: filter.name.clone(),
        namespace: made.metric_namespace.clone(),
        metric: made.metric_name.clone(),
        before: if is_known { 0 } else { filter.live_from },
        since: now_ms,
        backfilled: Vec::new(),
    })
}

/// A filter that is looked at.
struct Job {
    group: Arc<Group>,
    counted: Arc<Counted>,
    ready: GroupFilters,
}

/// What was found in some minutes.
#[derive(Default)]
struct Slice {
    /// From this moment on.
    from: i64,
    searched: u64,
    matched: u64,
    values: u64,
    defaults: u64,
    data: Vec<Datum>,
}

/// The values of one minute by what they are of, the same ones together.
type Values = BTreeMap<(Vec<(String, String)>, u64), Datum>;

/// What was not back-filled of a stretch of time: the newest part of it.
fn newest_gap(backfilled: &[(i64, i64)], from: i64, to: i64) -> Option<(i64, i64)> {
    let mut to = to;
    for (begin, end) in backfilled.iter().rev() {
        if *end < to {
            return Some((from.max(*end), to)).filter(|(from, to)| from < to);
        }
        to = to.min(*begin);
    }
    (from < to).then_some((from, to))
}

/// The stretches with one more.
fn with(backfilled: &[(i64, i64)], more: (i64, i64)) -> Vec<(i64, i64)> {
    let mut all = backfilled.to_vec();
    all.push(more);
    all.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::with_capacity(all.len());
    for (from, to) in all {
        match joined.last_mut().filter(|last| last.1 >= from) {
            Some(last) => last.1 = last.1.max(to),
            None => joined.push((from, to)),
        }
    }
    joined
}

impl Logs {
    fn job(&self, region: Region, group: &str, filter: &str) -> Result<Job, ApiError> {
        self.store.see(|memory| {
            let group = Arc::clone(memory.group(region, group)?);
            self.job_of(memory, group, filter)
        })
    }

    fn job_of(&self, memory: &Memory, group: Arc<Group>, filter: &str) -> Result<Job, ApiError> {
        let filter = memory.get::<MetricFilter>(&in_group(group.id, filter));
        let filter = Arc::clone(filter.ok_or_else(|| missing("The specified metric filter does not exist."))?);
        let unknown = || invalid("It is not known since when this metric filter counts; give it another metric.");
        let counted = Arc::clone(counted(memory, &filter)?.ok_or_else(unknown)?);
        let ready = GroupFilters::of_one(&group, &filter, &self.deps.account);
        Ok(Job { group, counted, ready })
    }

    /// One step: see [`ports::MetricFilters::backfill`].
    pub(crate) async fn backfill_step(
        &self,
        asked: &PastEvents<'_>,
        filter: &str,
        dry_run: Option<Option<i64>>,
    ) -> Result<Backfilled, ApiError> {
        let _turn = self.backfills.lock().await;
        if !(1..=DAYS_MAX).contains(&asked.days) {
            return Err(invalid(format!("Days must be from 1 to {DAYS_MAX}.")));
        }
        let Some(metrics) = &self.deps.metrics else { return Err(invalid("This server keeps no metrics.")) };
        if dry_run.is_none() {
            self.finish_step().await?;
        }
        let job = self.job(asked.context.region, asked.group, filter)?;
        self.all_seen(&job).await?;
        let now_ms = self.deps.env.clock.now().ms();
        let from = (now_ms - i64::from(asked.days) * DAY_MS).max(job.group.horizon(now_ms));
        let from = minute_of(from.saturating_add(MINUTE_MS - 1));
        // No event that came earlier is of a later time.
        let all = minute_of(now_ms.min(job.counted.since) + AHEAD_MS) + MINUTE_MS;
        let of = [(job.counted.namespace.clone(), job.counted.metric.clone())];
        let watched = metrics.watched_from(job.group.region, &of).map(minute_of);
        let end = watched.map_or(all, |watched| watched.min(all));
        let left_out_from_ms = if end < all { self.left_out(&job, end.max(from), all).await? } else { None };
        let mut step = Backfilled { left_out_from_ms, ..Backfilled::default() };
        let to = dry_run.flatten().map_or(end, |before| minute_of(before).min(end));
        let Some(gap) = newest_gap(&job.counted.backfilled, from, to) else {
            step.is_nothing_left = from < end;
            return Ok(step);
        };
        let slice = self.slice(&job, gap, (READ_BYTES_MAX, VALUES_MAX)).await?;
        step.searched = slice.searched;
        step.matched = slice.matched;
        step.values = slice.values;
        step.defaults = slice.defaults;
        step.next_ms = newest_gap(&job.counted.backfilled, from, slice.from).map(|(_, to)| to);
        if dry_run.is_none() {
            self.put_slice(&job, slice, gap.1).await?;
        }
        Ok(step)
    }

    /// The first event that is not counted and that alarms look at.
    async fn left_out(&self, job: &Job, from: i64, to: i64) -> Result<Option<i64>, ApiError> {
        let Some((from, to)) = newest_gap(&job.counted.backfilled, from, to) else { return Ok(None) };
        let query = Query { streams: None, from, to, after: None, forward: true };
        let mut scan = self.scan(Arc::clone(&job.group), query);
        for _ in 0..LEFT_OUT_EVENTS_MAX {
            match scan.next().await? {
                Some(found) if found.place.seq < job.counted.before => return Ok(Some(found.place.ts)),
                Some(_) => {}
                None => break,
            }
        }
        Ok(None)
    }

    /// All that came before the filter must be there to be read.
    async fn all_seen(&self, job: &Job) -> Result<(), ApiError> {
        self.seen(job.counted.before.saturating_sub(1)).await;
        let applied = *self.applied.borrow();
        if applied < job.counted.before {
            return Err(ApiError::unavailable("log events that are durable cannot be read yet"));
        }
        Ok(())
    }

    /// Reads minutes from the newest on, until it is enough: so many bytes, so many values.
    async fn slice(&self, job: &Job, (from, to): (i64, i64), enough: (u64, usize)) -> Result<Slice, ApiError> {
        let mut slice = Slice { from, ..Slice::default() };
        let mut query = Query { streams: None, from, to, after: None, forward: false };
        let mut read_bytes = 0;
        // The minute that is read, and its values.
        let mut open: Option<(i64, Values)> = None;
        loop {
            let mut scan = self.scan(Arc::clone(&job.group), query.clone());
            while let Some(found) = scan.next().await? {
                query.after = Some(found.place);
                let minute = minute_of(found.place.ts);
                if open.as_ref().is_none_or(|(of, _)| *of != minute) {
                    if let Some((_, values)) = &open
                        && (read_bytes + scan.read_bytes > enough.0 || slice.data.len() + values.len() >= enough.1)
                    {
                        slice.from = minute + MINUTE_MS;
                        slice.close(job, open.take());
                        return Ok(slice);
                    }
                    slice.close(job, open.take());
                }
                // Those are counted as they come; the others of a minute are looked at, and make it one that has events.
                if found.place.seq >= job.counted.before {
                    continue;
                }
                slice.searched += 1;
                let (_, values) = open.get_or_insert_with(|| (minute, Values::new()));
                let (matches, data) = job.ready.one(found.place, found.text());
                slice.matched += u64::from(matches);
                for datum in data {
                    slice.values += 1;
                    let name = (datum.dimensions.clone(), datum.value.to_bits());
                    let datum = Datum { timestamp_ms: minute, count: 0.0, ..datum };
                    values.entry(name).or_insert(datum).count += 1.0;
                }
            }
            read_bytes += scan.read_bytes;
            if !scan.is_cut {
                slice.close(job, open.take());
                return Ok(slice);
            }
            query.after = scan.reached();
        }
    }

    /// Has metrics take the values of some minutes, and notes that they were back-filled. Durable when it returns.
    async fn put_slice(&self, job: &Job, slice: Slice, to: i64) -> Result<(), ApiError> {
        let (from, values) = (slice.from, slice.data.len());
        let mut last = self.last_step().await?;
        if values > 0 {
            let Counted { group, filter, namespace, metric, .. } = Counted::clone(&job.counted);
            last.position += 1;
            last.under_way = Some(UnderWay { group, filter, namespace, metric, from, to, values });
            let step = put_op(BACKFILL_STEP, ONLY.to_vec(), &last)?;
            self.store.state().commit(vec![step]).await.map_err(ApiError::unavailable)?;
            last.position = self.put_values(job.group.region, last.position, slice.data).await?;
        }
        self.step_done(last, &job.counted, (from, to)).await
    }

    /// From this position on. Returns the last one.
    async fn put_values(&self, region: Region, position: u64, data: Vec<Datum>) -> Result<u64, ApiError> {
        let Some(metrics) = &self.deps.metrics else { return Ok(position) };
        let source = format!("{} backfill", self.topic);
        let mut at = position;
        for (i, some) in data.chunks(PUT_VALUES_MAX).enumerate() {
            at = position + i as u64;
            metrics.put(region, &source, at, some.to_vec()).await?;
        }
        Ok(at)
    }

    async fn last_step(&self) -> Result<BackfillStep, ApiError> {
        let row = self.store.state().get(BACKFILL_STEP, ONLY).await.map_err(ApiError::unavailable)?;
        let row = row.map(|row| serde_json::from_slice(&row.value).map_err(ApiError::internal));
        Ok(row.transpose()?.unwrap_or(BackfillStep { v: VERSION, position: 0, under_way: None }))
    }

    /// Notes that minutes were back-filled, and that nothing is under way.
    async fn step_done(&self, step: BackfillStep, counted: &Counted, (from, to): (i64, i64)) -> Result<(), ApiError> {
        let step = BackfillStep { under_way: None, ..step };
        let changed = Counted { backfilled: with(&counted.backfilled, (from, to)), ..counted.clone() };
        let done = self.store.change(|memory, plan| {
            plan.also(put_op(BACKFILL_STEP, ONLY.to_vec(), &step)?);
            // Nobody needs to know it if the group was deleted meanwhile.
            if memory.group_by_id(counted.group).is_some() {
                plan.put(changed)?;
            }
            Ok(())
        });
        done.await
    }

    /// Ends a step that a crash, or metrics that were away, left under way. Its values are put unless they were; if they are not the same
    /// any more (events are gone, the filter is another or makes another metric) they are not put, since some may have been: rather too few
    /// than twice. Its minutes are back-filled in its own metric in any case.
    async fn finish_step(&self) -> Result<(), ApiError> {
        let last = self.last_step().await?;
        let Some(under_way) = last.under_way.clone() else { return Ok(()) };
        let (from, to) = (under_way.from, under_way.to);
        let key = Counted::key_of(under_way.group, &under_way.filter, &under_way.namespace, &under_way.metric);
        let (counted, job) = self.store.see(|memory| {
            let counted = memory.get::<Counted>(&key).cloned();
            let group = memory.group_by_id(under_way.group).cloned();
            let job = group.and_then(|group| self.job_of(memory, group, &under_way.filter).ok());
            (counted, job)
        });
        // Positions that may have been taken are never used again.
        let mut last = last;
        let first = last.position;
        last.position += (under_way.values / PUT_VALUES_MAX) as u64 + 1;
        let Some(counted) = counted else {
            let step = put_op(BACKFILL_STEP, ONLY.to_vec(), &BackfillStep { under_way: None, ..last })?;
            self.store.state().commit(vec![step]).await.map_err(ApiError::unavailable)?;
            return Ok(());
        };
        let mut is_repeated = false;
        if let Some(job) = job.filter(|job| *job.counted == *counted) {
            self.all_seen(&job).await?;
            // The same minutes, however they lie in chunks by now.
            let slice = self.slice(&job, (from, to), (u64::MAX, usize::MAX)).await?;
            is_repeated = slice.from == from && slice.data.len() == under_way.values;
            if is_repeated {
                self.put_values(job.group.region, first, slice.data).await?;
            }
        }
        if !is_repeated {
            tracing::warn!(group = counted.group, filter = %counted.filter, "a step of a back-fill could not be repeated");
        }
        self.step_done(last, &counted, (from, to)).await
    }
}

impl Slice {
    /// A minute is read to its end.
    fn close(&mut self, job: &Job, open: Option<(i64, Values)>) {
        let Some((minute, values)) = open else { return };
        if values.is_empty() {
            let before = self.data.len();
            self.data.extend(job.ready.quiet(minute));
            self.defaults += (self.data.len() - before) as u64;
        } else {
            self.data.extend(values.into_values());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_back_filled_is_passed_over() {
        let done = [(10, 20), (40, 50)];
        let cases = [
            ((0, 100), Some((50, 100))),
            ((0, 50), Some((20, 40))),
            ((0, 45), Some((20, 40))),
            ((30, 35), Some((30, 35))),
            ((0, 20), Some((0, 10))),
            ((12, 18), None),
            ((40, 50), None),
            ((45, 60), Some((50, 60))),
            ((60, 60), None),
        ];
        for ((from, to), gap) in cases {
            assert_eq!(newest_gap(&done, from, to), gap, "{from}..{to}");
        }
        assert_eq!(with(&done, (20, 40)), [(10, 50)]);
        assert_eq!(with(&done, (0, 5)), [(0, 5), (10, 20), (40, 50)]);
        assert_eq!(with(&[], (0, 5)), [(0, 5)]);
    }
}
