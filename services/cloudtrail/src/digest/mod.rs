//! Digests: per trail and region an unbroken chain of signed lists of log files, and beside it a chain of backfill digests
//! ([`backfill`]) for files that came too late for the digest of their time.
//!
//! ```text
//! commit {plan: window, files, link to the digest before; the files' delivered rows go} ─ put ─ commit {head of the chain}
//! ```
//! A plan fixes every byte of its digest, so that putting it again after a crash changes nothing, and a file is in the one
//! digest whose plan took it.

mod backfill;
pub mod evidence;
pub mod key_maker;
pub mod keys;
mod plan;
mod put;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use base::{Region, Timestamp};
use state::{Expect, Range};

use self::plan::{Chain, Plan, chain_key, digest_key, lane_of};
use crate::delivery::outbox::{ChainEnd, Delivered};
use crate::delivery::worker::{Digests, Stuck, TrailWorker};
use crate::rows::{self, CHAIN_ENDS, CHAINS, DELIVERED, Found};
use crate::shared::DigestRegions;
use crate::trail::{DigestEpoch, Trail};

/// Log files in one digest; what is left goes into the next. Keeps a plan under 3 MB, well below what a row may hold.
const DIGEST_FILES_MAX: usize = 4_000;
/// Ends of chains looked at per round.
const ENDS_MAX: usize = 16;
/// Seconds tried for the end of a digest after the clock was set back, until one is found that no earlier digest has.
const FREE_SECOND_TRIES_MAX: i64 = 3_600;
/// How far, in seconds, a digest may end after now, so that it ends after all others: several chains can end within a second.
const NEAR_SECS: i64 = 5;

const _: () = assert!(DIGEST_FILES_MAX < state::COMMIT_OPS_MAX);

/// What a digest is asked for.
struct Wanted<'a> {
    trail: &'a Trail,
    epoch: DigestEpoch,
    /// As text, see [`Lane`](crate::delivery::lane::Lane).
    lane: &'a str,
}

/// The time that a digest covers, in seconds.
struct Window {
    start_secs: i64,
    end_secs: i64,
}

impl TrailWorker {
    /// Writes last digests for chains that ended. Everything cut before the end is in its bucket, or given up, when this is called.
    pub(crate) async fn end_chains(&self) -> Result<(), Stuck> {
        let range = Range::prefix(state::key::key(&[self.arn.as_str()]));
        loop {
            let ends = self.shared.state.scan(CHAIN_ENDS, range.clone(), ENDS_MAX).await.map_err(Stuck::own)?;
            if ends.is_empty() {
                return Ok(());
            }
            // The cut that ended a chain may have come since this round looked into the outbox: its files go first.
            self.upload().await?;
            let mut refused = None;
            for row in ends {
                let end: ChainEnd = rows::read(CHAIN_ENDS, &row).map_err(Stuck::own)?;
                for lane in self.lanes(&end.trail, DigestRegions::Active).await? {
                    let wanted = Wanted { trail: &end.trail, epoch: end.epoch, lane: &lane };
                    // Until a digest had room for all that was left. A chain that ended before a crash wants no second end.
                    loop {
                        match self.write_digest(&wanted, true).await {
                            Ok(true) => {}
                            Ok(false) => break,
                            // The others are tried too, so that time runs for all.
                            Err(stuck @ Stuck::Bucket(_)) => {
                                refused = Some(stuck);
                                break;
                            }
                            Err(stuck) => return Err(stuck),
                        }
                    }
                }
                if let Some(stuck) = refused {
                    // A later end of the same chains waits for this one.
                    return Err(stuck);
                }
                let gone = rows::delete(CHAIN_ENDS, row.key, Expect::Any);
                self.shared.state.commit(vec![gone]).await.map_err(Stuck::own)?;
            }
        }
    }

    /// Writes digests for the regions whose time has come, or for all.
    pub(crate) async fn write_digests(&self, digests: Digests) -> Result<(), Stuck> {
        let Some(trail) = self.shared.trail(&self.arn) else { return Ok(()) };
        let Some(epoch) = trail.digests else { return Ok(()) };
        // The chain before this one ended since this round looked: it goes first, in the next round.
        let ends = Range::prefix(state::key::key(&[self.arn.as_str()]));
        if !self.shared.state.scan(CHAIN_ENDS, ends, 1).await.map_err(Stuck::own)?.is_empty() {
            self.wake();
            return Ok(());
        }
        let interval_ms = self.interval_ms();
        let mut next_due_ms = i64::MAX;
        let mut refused = None;
        for lane in self.lanes(&trail, self.shared.options.digest_regions).await? {
            let found = self.chain(&lane).await?;
            let asked_for = digests == Digests::Now
                && (found.is_some() || lane == trail.home_region.as_str() || self.has_files(&lane).await?);
            let chain = found.map(|found| found.value).unwrap_or_default();
            let begun = chain.epoch == Some(epoch.id);
            let since_ms = if begun { chain.last_end_secs.saturating_mul(1000) } else { epoch.since_ms };
            let now_ms = self.shared.env.clock.now().ms();
            let mut due_ms = since_ms.saturating_add(interval_ms);
            let set_back = self.is_set_back(since_ms);
            if now_ms >= due_ms || set_back || asked_for || chain.plan.is_some() {
                let wanted = Wanted { trail: &trail, epoch, lane: &lane };
                match self.write_digest(&wanted, false).await {
                    Ok(_) => {}
                    Err(stuck @ Stuck::Bucket(_)) => refused = Some(stuck),
                    Err(stuck) => return Err(stuck),
                }
                due_ms = now_ms.saturating_add(interval_ms);
            }
            next_due_ms = next_due_ms.min(due_ms);
        }
        self.due_ms.store(next_due_ms, Ordering::Release);
        refused.map_or(Ok(()), Err)
    }

    fn interval_ms(&self) -> i64 {
        i64::try_from(self.shared.options.digest_interval_ms).unwrap_or(i64::MAX)
    }

    /// Whether the clock is so far behind the newest digest, or the chain's beginning, that it must have been set back since.
    fn is_set_back(&self, since_ms: i64) -> bool {
        self.shared.env.clock.now().ms().saturating_add(self.interval_ms()) < since_ms
    }

    /// The home region, lanes with a chain, those with files that no digest has, and, if all are wanted, every other region that the
    /// trail covers. Members of an organization have digests from their first record on.
    async fn lanes(&self, trail: &Trail, wanted: DigestRegions) -> Result<BTreeSet<String>, Stuck> {
        let mut lanes = BTreeSet::from([trail.home_region.as_str().to_owned()]);
        if trail.multi_region && wanted == DigestRegions::All {
            let partition = trail.home_region.partition();
            let all = Region::all().filter(|region| region.partition() == partition);
            lanes.extend(all.map(|region| region.as_str().to_owned()));
        }
        let prefix = state::key::key(&[self.arn.as_str()]);
        let chains = state::scan_all(&*self.shared.state, CHAINS, Range::prefix(prefix.clone()), |row| {
            let chain: Chain = rows::read(CHAINS, &row)?;
            if chain.epoch.is_some() {
                lanes.extend(lane_of(&row.key));
            }
            Ok::<bool, state::Error>(true)
        });
        chains.await.map_err(Stuck::own)?;
        // From the first file of a lane to the first of the next.
        let mut range = Range::prefix(prefix);
        loop {
            let rows = self.shared.state.scan(DELIVERED, range.clone(), 1).await.map_err(Stuck::own)?;
            let second_part = |row: &state::Row| state::key::texts(&row.key)?.into_iter().nth(1);
            let Some(lane) = rows.first().and_then(second_part) else { return Ok(lanes) };
            let all = state::key::key(&[self.arn.as_str(), &lane]);
            lanes.insert(lane);
            let Some(next) = state::key::after_prefix(&all) else { return Ok(lanes) };
            range = range.from(next);
        }
    }

    async fn has_files(&self, lane: &str) -> Result<bool, Stuck> {
        let range = Range::prefix(state::key::key(&[self.arn.as_str(), lane]));
        Ok(!self.shared.state.scan(DELIVERED, range, 1).await.map_err(Stuck::own)?.is_empty())
    }

    async fn chain(&self, lane: &str) -> Result<Option<Found<Chain>>, Stuck> {
        let key = chain_key(&self.arn, lane, false);
        rows::get(&*self.shared.state, CHAINS, &key).await.map_err(Stuck::own)
    }

    /// Writes one digest, after the one that was planned but not finished, if any, and after backfill digests for files that came too
    /// late for theirs. Returns whether a last digest left something over for another.
    async fn write_digest(&self, wanted: &Wanted<'_>, last: bool) -> Result<bool, Stuck> {
        let mut found = self.chain(wanted.lane).await?;
        if let Some(unfinished) = found.take_if(|found| found.value.plan.is_some()) {
            let was_last = unfinished.value.plan.as_ref().is_some_and(|plan| plan.last);
            let written = self.carry_out(wanted.lane, unfinished).await?;
            if last && was_last {
                self.close(wanted, written).await?;
                return Ok(false);
            }
            found = Some(written);
        }
        let rev = found.as_ref().map(|found| found.rev);
        let mut chain = found.map(|found| found.value).unwrap_or_default();
        let begun = chain.epoch == Some(wanted.epoch.id);
        // Started again before the record of the stop came: the later chain goes on and takes what is left of this one.
        if last && !begun && chain.epoch.is_some_and(|now| now > wanted.epoch.id) {
            return Ok(false);
        }
        // By a clock that was set back every file would be late.
        if begun && !self.is_set_back(chain.last_end_secs.saturating_mul(1000)) {
            self.backfill(wanted, chain.last_end_secs).await?;
        }
        let prefix = state::key::key(&[self.arn.as_str(), wanted.lane]);
        let rows = self.shared.state.scan(DELIVERED, Range::prefix(prefix), DIGEST_FILES_MAX).await;
        let rows = rows.map_err(Stuck::own)?;
        let full = rows.len() == DIGEST_FILES_MAX;
        let mut files = Vec::with_capacity(rows.len());
        let mut ops = Vec::with_capacity(rows.len() + 1);
        for row in rows {
            let file: Delivered = rows::read(DELIVERED, &row).map_err(Stuck::own)?;
            if file.epoch <= wanted.epoch.id {
                files.push(file);
                ops.push(rows::delete(DELIVERED, row.key, Expect::Rev(row.rev)));
            }
        }
        // A crash came between the end of this chain and the end of its row. What the next chain is to list may be there already.
        if last && !begun && files.is_empty() && self.ended(&chain, wanted) {
            return Ok(false);
        }
        let more = last && full && !files.is_empty();
        let Window { start_secs, end_secs } = self.window(wanted, &chain, rev.is_none()).await?;
        let previous = if begun { chain.head.take() } else { None };
        let key = digest_key(wanted.trail, &self.shared.account, wanted.lane, end_secs, false);
        let signing = self.shared.signer.current(Timestamp::from_secs(end_secs)).await?;
        let fingerprint = signing.fingerprint.clone();
        let (bucket, kms_key) = (wanted.trail.bucket.clone(), wanted.trail.kms_key.clone());
        chain.version = 1;
        chain.epoch = Some(wanted.epoch.id);
        chain.last_end_secs = end_secs;
        chain.max_end_secs = chain.max_end_secs.max(end_secs);
        chain.head.clone_from(&previous);
        let (backfill_secs, last) = (None, last && !more);
        let plan =
            Plan { start_secs, end_secs, bucket, key, kms_key, fingerprint, previous, files, backfill_secs, last };
        chain.plan = Some(plan);
        ops.push(rows::put(CHAINS, chain_key(&self.arn, wanted.lane, false), &chain, rev.into()));
        let info = self.shared.state.commit(ops).await.map_err(Stuck::own)?;
        // Held until here: the plan needs its private half.
        drop(signing);
        let rev = info.revs.last().copied().unwrap_or_default();
        let written = self.carry_out(wanted.lane, Found { value: chain, rev }).await?;
        if last {
            self.close(wanted, written).await?;
        }
        Ok(more)
    }

    /// What the next digest covers: from the end of the one before to now. No two digests end in the same second, because that
    /// names them, whatever the clock does.
    async fn window(&self, wanted: &Wanted<'_>, chain: &Chain, is_new: bool) -> Result<Window, Stuck> {
        let begun = chain.epoch == Some(wanted.epoch.id);
        let now_secs = self.shared.env.clock.now().secs();
        let since_secs = Timestamp::from_ms(wanted.epoch.since_ms).secs();
        let from_secs = if begun { chain.last_end_secs } else { since_secs };
        let set_back = self.is_set_back(from_secs.saturating_mul(1000));
        let (start_secs, earliest_secs) = if set_back {
            tracing::warn!(
                trail = self.arn,
                lane = wanted.lane,
                "the clock was set back: a digest ends before the one it follows"
            );
            // A guess: how much time went by, nobody knows.
            (now_secs.saturating_sub((self.interval_ms() / 1000).max(1)), now_secs)
        } else {
            (from_secs, now_secs.max(from_secs + 1))
        };
        // A new row may be that of a trail that had a namesake.
        let taken_secs = chain.max_end_secs.max(chain.last_end_secs);
        if taken_secs < earliest_secs.saturating_add(NEAR_SECS) && !is_new {
            return Ok(Window { start_secs, end_secs: earliest_secs.max(taken_secs + 1) });
        }
        'seconds: for end_secs in earliest_secs..earliest_secs.saturating_add(FREE_SECOND_TRIES_MAX) {
            // A digest goes to where its trail delivers by then.
            for trail in [Some(wanted.trail), self.shared.trail(&self.arn).as_deref()].into_iter().flatten() {
                let key = digest_key(trail, &self.shared.account, wanted.lane, end_secs, false);
                match self.shared.buckets.get(&trail.bucket, &key).await {
                    Ok(_) => continue 'seconds,
                    Err(ports::BucketError::Unavailable(why)) => return Err(Stuck::own(why)),
                    Err(_) => {}
                }
            }
            return Ok(Window { start_secs, end_secs });
        }
        Err(Stuck::Own("no second is left in which a digest may end: is the clock right?".to_owned()))
    }

    /// Whether the wanted chain has its last digest already: it was closed, and nothing was delivered since.
    fn ended(&self, chain: &Chain, wanted: &Wanted<'_>) -> bool {
        let began_secs = Timestamp::from_ms(wanted.epoch.since_ms).secs();
        let home = wanted.lane == wanted.trail.home_region.as_str();
        let closed = chain.closed == Some(wanted.epoch.id) || chain.last_end_secs > began_secs;
        !home || (chain.epoch.is_none() && closed)
    }

    async fn close(&self, wanted: &Wanted<'_>, mut written: Found<Chain>) -> Result<(), Stuck> {
        written.value.closed = written.value.epoch.take();
        written.value.head = None;
        let key = chain_key(&self.arn, wanted.lane, false);
        let op = rows::put(CHAINS, key, &written.value, Expect::Rev(written.rev));
        self.shared.state.commit(vec![op]).await.map_err(Stuck::own)?;
        Ok(())
    }
}
