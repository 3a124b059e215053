//! Digests: per trail and region an unbroken chain of signed lists of log files.
//!
//! ```text
//! commit {plan: window, files, link to the digest before; the files' delivered rows go} ─ put ─ commit {head of the chain}
//! ```
//! A plan fixes every byte of its digest, so that putting it again after a crash changes nothing, and a file is in the one
//! digest whose plan took it.

pub mod keys;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use base::Timestamp;
use ports::BucketError;
use record::digest::{
    Digest, DigestLogFile, HASH_ALGORITHM, METADATA_SIGNATURE, METADATA_SIGNATURE_ALGORITHM, Previous,
    SIGNATURE_ALGORITHM,
};
use record::file::deflate;
use record::keys::{DigestKey, Place};
use serde::{Deserialize, Serialize};
use state::{Expect, Range};

use crate::delivery::outbox::{ChainEnd, Delivered, Status};
use crate::delivery::worker::{Digests, Stuck, TrailWorker};
use crate::rows::{self, CHAIN_ENDS, CHAINS, DELIVERED, Found, STATUS};
use crate::trail::{DigestEpoch, Trail};

/// Log files in one digest; what is left goes into the next. Keeps a plan under 3 MB, well below what a row may hold.
const DIGEST_FILES_MAX: usize = 4_000;
/// Chains per trail: one a region, with room.
const CHAINS_MAX: usize = 100;
/// Ends of chains looked at per round.
const ENDS_MAX: usize = 16;

const _: () = assert!(DIGEST_FILES_MAX < state::COMMIT_OPS_MAX);

/// A chain of digests of one trail in one region; the row stays when a chain ends, so that times never repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Chain {
    version: u32,
    /// Which of the trail's chains this is; `None` once it ended.
    epoch: Option<u64>,
    /// The newest digest of the chain.
    head: Option<Head>,
    /// The end of the newest digest of this and all earlier chains, in seconds.
    last_end_secs: i64,
    /// The digest that is being written.
    plan: Option<Plan>,
}

/// A digest that the next one links to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    bucket: String,
    key: String,
    hash_hex: String,
    signature_hex: String,
}

/// Everything that a digest is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    start_secs: i64,
    end_secs: i64,
    bucket: String,
    key: String,
    fingerprint: String,
    previous: Option<Head>,
    files: Vec<Delivered>,
}

/// What a digest is asked for.
struct Wanted<'a> {
    trail: &'a Trail,
    epoch: DigestEpoch,
    region: &'a str,
}

impl TrailWorker {
    /// Writes last digests for chains that ended.
    pub(crate) async fn end_chains(&self) -> Result<(), Stuck> {
        let range = Range::prefix(state::key::key(&[self.arn.as_str()]));
        loop {
            let ends = self.shared.state.scan(CHAIN_ENDS, range.clone(), ENDS_MAX).await.map_err(Stuck::own)?;
            if ends.is_empty() {
                return Ok(());
            }
            // The cut that ended a chain may have come since this round looked into the outbox: its files go first.
            self.upload().await?;
            for row in ends {
                let end: ChainEnd = rows::read(CHAIN_ENDS, &row).map_err(Stuck::own)?;
                for region in self.regions(&end.trail).await? {
                    let wanted = Wanted { trail: &end.trail, epoch: end.epoch, region: &region };
                    // Until a digest had room for all that was left. A chain that ended before a crash wants no second end.
                    while self.write_digest(&wanted, true).await? {}
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
        let mut next_due_ms = i64::MAX;
        for region in self.regions(&trail).await? {
            let chain = self.chain(&region).await?.map(|found| found.value).unwrap_or_default();
            let since_ms = match chain.epoch == Some(epoch.id) {
                true => chain.last_end_secs.saturating_mul(1000),
                false => epoch.since_ms,
            };
            let interval_ms = i64::try_from(self.shared.options.digest_interval_ms).unwrap_or(i64::MAX);
            let now_ms = self.shared.env.clock.now().ms();
            let mut due_ms = since_ms.saturating_add(interval_ms);
            if now_ms >= due_ms || digests == Digests::Now || chain.plan.is_some() {
                let wanted = Wanted { trail: &trail, epoch, region: &region };
                self.write_digest(&wanted, false).await?;
                due_ms = now_ms.saturating_add(interval_ms);
            }
            next_due_ms = next_due_ms.min(due_ms);
        }
        self.due_ms.store(next_due_ms, Ordering::Release);
        Ok(())
    }

    /// The home region, those with a chain, and those with files that no digest has.
    async fn regions(&self, trail: &Trail) -> Result<BTreeSet<String>, Stuck> {
        let mut regions = BTreeSet::from([trail.home_region.as_str().to_owned()]);
        let prefix = state::key::key(&[self.arn.as_str()]);
        let chains =
            self.shared.state.scan(CHAINS, Range::prefix(prefix.clone()), CHAINS_MAX).await.map_err(Stuck::own)?;
        for row in chains {
            let chain: Chain = rows::read(CHAINS, &row).map_err(Stuck::own)?;
            if chain.epoch.is_some() {
                regions.extend(second_part(&row.key));
            }
        }
        // From the first file of a region to the first of the next.
        let mut range = Range::prefix(prefix);
        loop {
            let rows = self.shared.state.scan(DELIVERED, range.clone(), 1).await.map_err(Stuck::own)?;
            let Some(region) = rows.first().and_then(|row| second_part(&row.key)) else { return Ok(regions) };
            let all = state::key::key(&[self.arn.as_str(), &region]);
            regions.insert(region);
            let Some(next) = state::key::after_prefix(&all) else { return Ok(regions) };
            range = range.from(next);
        }
    }

    async fn chain(&self, region: &str) -> Result<Option<Found<Chain>>, Stuck> {
        let key = state::key::key(&[self.arn.as_str(), region]);
        rows::get(&*self.shared.state, CHAINS, &key).await.map_err(Stuck::own)
    }

    /// Writes one digest, after the one that was planned but not finished, if any. Returns whether a last digest left something
    /// over for another.
    async fn write_digest(&self, wanted: &Wanted<'_>, last: bool) -> Result<bool, Stuck> {
        let mut found = self.chain(wanted.region).await?;
        if let Some(unfinished) = found.take_if(|found| found.value.plan.is_some()) {
            found = Some(self.carry_out(wanted, unfinished).await?);
        }
        let rev = found.as_ref().map(|found| found.rev);
        let mut chain = found.map(|found| found.value).unwrap_or_default();
        let prefix = state::key::key(&[self.arn.as_str(), wanted.region]);
        let rows = self.shared.state.scan(DELIVERED, Range::prefix(prefix.clone()), DIGEST_FILES_MAX).await;
        let rows = rows.map_err(Stuck::own)?;
        let full = rows.len() == DIGEST_FILES_MAX;
        let begun = chain.epoch == Some(wanted.epoch.id);
        // Started again before the record of the stop came: the later chain goes on and takes what is left of this one.
        if last && !begun && chain.epoch.is_some_and(|now| now > wanted.epoch.id) {
            return Ok(false);
        }
        let mut files = Vec::with_capacity(rows.len());
        let mut taken = Vec::with_capacity(rows.len() + 1);
        for row in rows {
            let file: Delivered = rows::read(DELIVERED, &row).map_err(Stuck::own)?;
            if file.epoch <= wanted.epoch.id {
                files.push(file);
                taken.push(rows::delete(DELIVERED, row.key, Expect::Rev(row.rev)));
            }
        }
        // A crash came between the end of this chain and the end of its row. What the next chain is to list may be there already.
        if last && !begun && files.is_empty() && self.ended(&chain, wanted) {
            return Ok(false);
        }
        let more = last && full && !files.is_empty();
        let now_secs = self.shared.env.clock.now().secs();
        let start_secs = if begun { chain.last_end_secs } else { Timestamp::from_ms(wanted.epoch.since_ms).secs() };
        let end_secs = now_secs.max(start_secs + 1).max(chain.last_end_secs + 1);
        let previous = if begun { chain.head.take() } else { None };
        let key = self.digest_key(wanted, end_secs);
        let fingerprint = self.shared.signer.current().await?.fingerprint.clone();
        let bucket = wanted.trail.bucket.clone();
        chain.version = 1;
        chain.epoch = Some(wanted.epoch.id);
        chain.last_end_secs = end_secs;
        chain.head.clone_from(&previous);
        chain.plan = Some(Plan { start_secs, end_secs, bucket, key, fingerprint, previous, files });
        taken.push(rows::put(CHAINS, prefix, &chain, rev.into()));
        let info = self.shared.state.commit(taken).await.map_err(Stuck::own)?;
        let rev = info.revs.last().copied().unwrap_or_default();
        let written = self.carry_out(wanted, Found { value: chain, rev }).await?;
        if last && !more {
            self.close(wanted, written).await?;
        }
        Ok(more)
    }

    /// Whether the wanted chain has its last digest already: it was closed, and nothing was delivered since.
    fn ended(&self, chain: &Chain, wanted: &Wanted<'_>) -> bool {
        let began_secs = Timestamp::from_ms(wanted.epoch.since_ms).secs();
        let home = wanted.region == wanted.trail.home_region.as_str();
        !home || (chain.epoch.is_none() && chain.last_end_secs > began_secs)
    }

    async fn close(&self, wanted: &Wanted<'_>, mut written: Found<Chain>) -> Result<(), Stuck> {
        written.value.epoch = None;
        written.value.head = None;
        let key = state::key::key(&[self.arn.as_str(), wanted.region]);
        let op = rows::put(CHAINS, key, &written.value, Expect::Rev(written.rev));
        self.shared.state.commit(vec![op]).await.map_err(Stuck::own)?;
        Ok(())
    }

    fn digest_key(&self, wanted: &Wanted<'_>, end_secs: i64) -> String {
        let prefix = wanted.trail.prefix.as_deref();
        let key = DigestKey {
            place: Place { prefix, organization_id: None, account_id: &self.shared.account },
            region: wanted.region,
            trail_name: &wanted.trail.name,
            home_region: wanted.trail.home_region.as_str(),
            end: Timestamp::from_secs(end_secs),
            backfill: false,
        };
        key.to_string()
    }

    /// Puts the planned digest and makes it the head of its chain.
    async fn carry_out(&self, wanted: &Wanted<'_>, mut found: Found<Chain>) -> Result<Found<Chain>, Stuck> {
        let key = state::key::key(&[self.arn.as_str(), wanted.region]);
        loop {
            let Some(plan) = &found.value.plan else { return Ok(found) };
            let (content, digest) = plan.write(&self.shared.account);
            let signer = self.shared.signer.by_fingerprint(&plan.fingerprint).await?;
            let signature_hex = signer.sign_hex(&digest.string_to_sign(&content))?;
            let metadata = vec![
                (METADATA_SIGNATURE.to_owned(), signature_hex.clone()),
                (METADATA_SIGNATURE_ALGORITHM.to_owned(), SIGNATURE_ALGORITHM.to_owned()),
            ];
            let put = self.service_put(&plan.bucket, &plan.key, deflate(&content).into(), metadata);
            match self.shared.buckets.put(put).await {
                Ok(()) => {
                    let (bucket, digest_key) = (plan.bucket.clone(), plan.key.clone());
                    let hash_hex = record::file::sha256_hex(&content);
                    found.value.head = Some(Head { bucket, key: digest_key, hash_hex, signature_hex });
                    found.value.plan = None;
                    let now = self.shared.env.clock.now().ms();
                    let status = Status { version: 1, delivered_ms: Some(now), attempted_ms: Some(now), error: None };
                    let ops = vec![
                        rows::put(CHAINS, key, &found.value, Expect::Rev(found.rev)),
                        rows::put(STATUS, self.status_key("digest"), &status, Expect::Any),
                    ];
                    found.rev = self.shared.state.commit(ops).await.map_err(Stuck::own)?.revs[0];
                    return Ok(found);
                }
                // Certainly not written there, and the trail has another place by now: that is written down, then tried.
                Err(BucketError::NoSuchBucket | BucketError::AccessDenied) if self.moved_to(wanted, plan).is_some() => {
                    let (bucket, digest_key) = self.moved_to(wanted, plan).expect("it was there a moment ago");
                    if let Some(plan) = &mut found.value.plan {
                        plan.bucket = bucket;
                        plan.key = digest_key;
                    }
                    let op = rows::put(CHAINS, key.clone(), &found.value, Expect::Rev(found.rev));
                    found.rev = self.shared.state.commit(vec![op]).await.map_err(Stuck::own)?.revs[0];
                }
                Err(error) => {
                    self.note("digest", Some(error.code())).await?;
                    return Err(Stuck::Bucket(error));
                }
            }
        }
    }

    /// Where the planned digest would go today, if that is elsewhere.
    fn moved_to(&self, wanted: &Wanted<'_>, plan: &Plan) -> Option<(String, String)> {
        let trail = self.shared.trail(&self.arn)?;
        let today = Wanted { trail: &trail, epoch: wanted.epoch, region: wanted.region };
        let key = self.digest_key(&today, plan.end_secs);
        (trail.bucket != plan.bucket || key != plan.key).then(|| (trail.bucket.clone(), key))
    }
}

impl Plan {
    /// The digest and its bytes: the same for the same plan.
    fn write(&self, account: &str) -> (Vec<u8>, Digest) {
        let text = |ms: i64| Timestamp::from_ms(ms).iso8601_secs();
        let mut digest = Digest {
            aws_account_id: account.to_owned(),
            digest_start_time: Timestamp::from_secs(self.start_secs).iso8601_secs(),
            digest_end_time: Timestamp::from_secs(self.end_secs).iso8601_secs(),
            digest_s3_bucket: self.bucket.clone(),
            digest_s3_object: self.key.clone(),
            digest_public_key_fingerprint: self.fingerprint.clone(),
            digest_signature_algorithm: SIGNATURE_ALGORITHM.to_owned(),
            newest_event_time: self.files.iter().filter_map(|file| file.newest_ms).max().map(text),
            oldest_event_time: self.files.iter().filter_map(|file| file.oldest_ms).min().map(text),
            previous_digest_s3_bucket: None,
            previous_digest_s3_object: None,
            previous_digest_hash_value: None,
            previous_digest_hash_algorithm: None,
            previous_digest_signature: None,
            log_files: self.files.iter().map(|file| log_file(file, text)).collect(),
        };
        digest.set_previous(self.previous.as_ref().map(|head| Previous {
            s3_bucket: head.bucket.clone(),
            s3_object: head.key.clone(),
            hash_hex: head.hash_hex.clone(),
            signature_hex: head.signature_hex.clone(),
        }));
        (digest.write(), digest)
    }
}

fn log_file(file: &Delivered, text: impl Fn(i64) -> String) -> DigestLogFile {
    DigestLogFile {
        s3_bucket: file.bucket.clone(),
        s3_object: file.key.clone(),
        hash_value: file.sha256_hex.clone(),
        hash_algorithm: HASH_ALGORITHM.to_owned(),
        newest_event_time: file.newest_ms.map(&text),
        oldest_event_time: file.oldest_ms.map(&text),
    }
}

fn second_part(key: &[u8]) -> Option<String> {
    state::key::texts(key)?.into_iter().nth(1)
}
