//! How a planned digest gets into its bucket: signed, put, made the head of its chain. Nothing here decides what is in it.

use std::sync::Arc;

use ports::BucketError;
use state::Expect;

use super::plan::{Chain, chain_key, digest_key};
use crate::delivery::give_up::Lost;
use crate::delivery::lane::Lane;
use crate::delivery::outbox::Status;
use crate::delivery::worker::{Stuck, TrailWorker};
use crate::rows::{self, CHAINS, Found, STATUS};

impl TrailWorker {
    /// Puts the planned digest and makes it the head of its chain. A digest that its bucket refused for 30 days is given up: its
    /// chain then goes on without it.
    pub(super) async fn carry_out(&self, lane: &str, mut found: Found<Chain>) -> Result<Found<Chain>, Stuck> {
        loop {
            let Some(plan) = found.value.plan.clone() else { return Ok(found) };
            let row_key = chain_key(&self.arn, lane, plan.backfill_secs.is_some());
            let signing = self.shared.signer.by_fingerprint(&plan.fingerprint).await?;
            let account: Arc<str> = Lane::parse(lane).account_or(&self.shared.account).into();
            let (signed, plan) =
                worker::blocking(move || (plan.sign(&account, &signing), plan)).await.map_err(Stuck::own)?;
            let kms_key = plan.kms_key.as_deref();
            let (put, head) =
                signed?.into_put(|place, gzip, metadata| self.service_put(place, gzip, metadata, kms_key));
            let (gzip, metadata) = (put.body.clone(), put.metadata.clone());
            let mut outcome = self.shared.buckets.put(put).await;
            if let Err(BucketError::AccessDenied | BucketError::Kms(_)) = outcome {
                // An earlier put may have been done though its answer was lost. Then the digest is where it belongs.
                let there = self.shared.buckets.get(&plan.bucket, &plan.key).await;
                if there.is_ok_and(|(body, has)| body == gzip && metadata.iter().all(|entry| has.contains(entry))) {
                    outcome = Ok(());
                }
            }
            match outcome {
                Ok(()) => {
                    let backfill = plan.backfill_secs.is_some();
                    found.value.head = Some(head);
                    found.value.plan = None;
                    let status = Status::delivered(self.shared.env.clock.now());
                    let ops = vec![
                        rows::put(CHAINS, row_key, &found.value, Expect::Rev(found.rev)),
                        rows::put(STATUS, self.status_key("digest"), &status, Expect::Any),
                    ];
                    found.rev = self.shared.state.commit(ops).await.map_err(Stuck::own)?.revs[0];
                    self.figures.digest_delivered(self.shared.env.clock.now(), backfill);
                    return Ok(found);
                }
                // Certainly not written there, and the trail has another place by now: that is written down, then tried.
                Err(BucketError::NoSuchBucket | BucketError::AccessDenied | BucketError::Kms(_))
                    if let Some((bucket, key)) = self.moved_to(lane, &found.value) =>
                {
                    if let Some(plan) = &mut found.value.plan {
                        plan.bucket = bucket;
                        plan.key = key;
                    }
                    let op = rows::put(CHAINS, row_key, &found.value, Expect::Rev(found.rev));
                    found.rev = self.shared.state.commit(vec![op]).await.map_err(Stuck::own)?.revs[0];
                }
                Err(error) => {
                    let status = self.note("digest", &error).await?;
                    if !status.may_give_up(&error) || !self.is_given_up(plan.end_secs.saturating_mul(1000)) {
                        return Err(Stuck::Bucket(error));
                    }
                    let lost = Lost::digest(&plan.bucket, &plan.key, &plan.files);
                    found.value.plan = None;
                    let op = rows::put(CHAINS, row_key, &found.value, Expect::Rev(found.rev));
                    let revs = self.give_up(lost, error.code(), vec![op]).await?;
                    found.rev = revs.first().copied().unwrap_or_default();
                    return Ok(found);
                }
            }
        }
    }

    /// Where the planned digest would go today, if that is elsewhere.
    fn moved_to(&self, lane: &str, chain: &Chain) -> Option<(String, String)> {
        let plan = chain.plan.as_ref()?;
        let trail = self.shared.trail(&self.arn)?;
        let key = digest_key(&trail, &self.shared.account, lane, plan.end_secs, plan.backfill_secs.is_some());
        (trail.bucket != plan.bucket || key != plan.key).then(|| (trail.bucket.clone(), key))
    }
}
