//! Backfill digests: for log files that were delivered so late that the digest of their time was written without them. Source:
//! CloudTrail user guide, "CloudTrail digest file structure" and "Validating CloudTrail log file integrity with the AWS CLI", which
//! say that they are a chain of their own, made when files could not be named by the digest they belong to.
//!
//! One covers the time in which its files were cut, one digest interval at most, and says in its metadata when it was made. A file
//! named here is named by no regular digest.

use base::Timestamp;
use state::{Expect, Range};

use super::plan::{Chain, Plan, chain_key, digest_key};
use super::{DIGEST_FILES_MAX, Wanted};
use crate::delivery::give_up::GIVE_UP_MS;
use crate::delivery::outbox::Delivered;
use crate::delivery::worker::{Stuck, TrailWorker};
use crate::rows::{self, CHAINS, DELIVERED, Found};

/// A backfill digest links to the one before it only if that is not older: files wait no longer, so what is older belongs to another
/// trouble, and may have been removed by a lifecycle rule by now, which a validator would report.
const LINK_MS: i64 = GIVE_UP_MS;

impl TrailWorker {
    /// Takes the files that are too late for the regular digest that starts at `start_secs` into backfill digests. Late is a
    /// file if another digest came between its time and this one: being a little late is no trouble.
    pub(super) async fn backfill(&self, wanted: &Wanted<'_>, start_secs: i64) -> Result<(), Stuck> {
        let row_key = chain_key(&self.arn, wanted.lane, true);
        let late_before_ms = start_secs.saturating_mul(1000).saturating_sub(self.interval_ms());
        loop {
            let mut found: Option<Found<Chain>> =
                rows::get(&*self.shared.state, CHAINS, &row_key).await.map_err(Stuck::own)?;
            if let Some(unfinished) = found.take_if(|found| found.value.plan.is_some()) {
                found = Some(self.carry_out(wanted.lane, unfinished).await?);
            }
            let (files, mut ops) = self.late_files(wanted, late_before_ms).await?;
            let cuts = || files.iter().filter_map(|file| file.cut_ms);
            let (Some(first_ms), Some(last_ms)) = (cuts().min(), cuts().max()) else { return Ok(()) };
            let rev = found.as_ref().map(|found| found.rev);
            let mut chain = found.map(|found| found.value).unwrap_or_default();
            let now = self.shared.env.clock.now();
            let start_secs = Timestamp::from_ms(first_ms).secs();
            // Files are delivered in the order in which they were cut, hence this rises from digest to digest and names each.
            let end_secs = (Timestamp::from_ms(last_ms).secs() + 1).max(chain.last_end_secs + 1);
            let is_near = chain.last_end_secs.saturating_mul(1000).saturating_add(LINK_MS) >= first_ms;
            let previous = chain.head.take().filter(|_| chain.epoch == Some(wanted.epoch.id) && is_near);
            let signing = self.shared.signer.current(now).await?;
            let fingerprint = signing.fingerprint.clone();
            let (bucket, kms_key) = (wanted.trail.bucket.clone(), wanted.trail.kms_key.clone());
            let key = digest_key(wanted.trail, &self.shared.account, wanted.lane, end_secs, true);
            let backfill_secs = Some(now.secs());
            chain.version = 1;
            chain.epoch = Some(wanted.epoch.id);
            chain.last_end_secs = end_secs;
            chain.head.clone_from(&previous);
            let plan = Plan {
                start_secs,
                end_secs,
                bucket,
                key,
                kms_key,
                fingerprint,
                previous,
                files,
                backfill_secs,
                last: false,
            };
            chain.plan = Some(plan);
            ops.push(rows::put(CHAINS, row_key.clone(), &chain, rev.into()));
            let info = self.shared.state.commit(ops).await.map_err(Stuck::own)?;
            drop(signing);
            let rev = info.revs.last().copied().unwrap_or_default();
            self.carry_out(wanted.lane, Found { value: chain, rev }).await?;
        }
    }

    /// The oldest late files, of one digest interval, and the removal of their rows.
    async fn late_files(
        &self,
        wanted: &Wanted<'_>,
        late_before_ms: i64,
    ) -> Result<(Vec<Delivered>, Vec<state::Op>), Stuck> {
        let range = Range::prefix(state::key::key(&[self.arn.as_str(), wanted.lane]));
        let rows = self.shared.state.scan(DELIVERED, range, DIGEST_FILES_MAX).await.map_err(Stuck::own)?;
        let (mut files, mut ops) = (Vec::new(), Vec::new());
        let mut until_ms = i64::MAX;
        for row in rows {
            let file: Delivered = rows::read(DELIVERED, &row).map_err(Stuck::own)?;
            // Those without a time were delivered by a version that knew no lateness.
            let Some(cut_ms) = file.cut_ms.filter(|cut_ms| *cut_ms < late_before_ms) else { continue };
            until_ms = until_ms.min(cut_ms.saturating_add(self.interval_ms()));
            if file.epoch <= wanted.epoch.id && cut_ms < until_ms {
                files.push(file);
                ops.push(rows::delete(DELIVERED, row.key, Expect::Rev(row.rev)));
            }
        }
        Ok((files, ops))
    }
}
