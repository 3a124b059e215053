//! One chain, from the newest digest backwards, as AWS's command walks it: along the links, and where a link leads to nothing good on
//! from the next older digest in the listing. Digests that come next are fetched meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use record::Digest;
use record::digest::Previous;

use crate::chain::{ListedDigest, Spot};
use crate::digest::{Fault, Fetched, KeyRing, Verified, fetch};
use crate::group::list_digests;
use crate::run::Failure;
use crate::scope::{Scope, TrailName};
use crate::source::SourceError;
use crate::work::{Pending, Work};

/// Digests fetched before they are needed, at most.
const AHEAD_MAX: usize = 16;

/// See the module.
pub(crate) struct Walk<'a> {
    work: Arc<Work>,
    scope: &'a Scope,
    spot: &'a Spot,
    trail: &'a TrailName,
    backfill: bool,
    start: Timestamp,
    bucket: String,
    /// What is left of the listing; the newest last.
    left: Vec<ListedDigest>,
    /// The keys of the listing in order, to know what comes next.
    order: Vec<String>,
    ahead: BTreeMap<String, Pending<Result<Fetched, Fault>>>,
    next: Option<String>,
    last_start: Timestamp,
    /// The digest that led here, if it did by its link.
    successor: Option<Successor>,
    ring: KeyRing,
}

/// What of a digest is held against the one it links to.
struct Successor {
    digest: Arc<Digest>,
    start: Timestamp,
}

/// One digest of the walk.
pub(crate) enum Step {
    /// It is valid. `successor` links to it.
    Valid { key: String, bucket: String, digest: Verified, link: Result<(), String>, times: Result<(), String> },
    /// It is not.
    Invalid { key: String, bucket: String, fault: Fault },
    /// The chain begins with the digest before this step; there is an older chain.
    Gap { from: Timestamp, to: Timestamp },
}

impl<'a> Walk<'a> {
    /// Begins at the newest of `listed`, which is in order.
    pub(crate) fn new(
        work: &Arc<Work>,
        scope: &'a Scope,
        (spot, trail): (&'a Spot, &'a TrailName),
        backfill: bool,
        start: Timestamp,
        listed: Vec<ListedDigest>,
        ring: KeyRing,
    ) -> Walk<'a> {
        let mut walk = Walk {
            work: Arc::clone(work),
            scope,
            spot,
            trail,
            backfill,
            start,
            bucket: scope.bucket.clone(),
            order: Vec::new(),
            left: listed,
            ahead: BTreeMap::new(),
            next: None,
            last_start: Timestamp::EPOCH,
            successor: None,
            ring,
        };
        walk.begin();
        walk
    }

    fn begin(&mut self) {
        self.order = self.left.iter().map(|listed| listed.key.clone()).collect();
        if let Some(newest) = self.left.pop() {
            self.last_start = newest.end;
            self.next = Some(newest.key);
        }
    }

    /// The next digest, or none. An error is one of the source, not of what was found.
    pub(crate) async fn step(&mut self) -> Result<Option<Vec<Step>>, Failure> {
        let Some(key) = self.next.take().filter(|_| self.start <= self.last_start) else { return Ok(None) };
        let bucket = self.bucket.clone();
        let linked = self.successor.as_ref().and_then(|successor| successor.digest.previous_digest_signature.clone());
        let verified = match self.fetched(&key).await {
            Ok(fetched) => {
                let at = (bucket.as_str(), key.as_str());
                let regions = (self.spot.region.as_str(), self.trail.home_region.as_str());
                fetched.verify(&self.work, &mut self.ring, at, linked.as_deref(), regions).await
            }
            Err(fault) => Err(fault),
        };
        let digest = match verified {
            Ok(digest) => digest,
            Err(Fault::Source(error)) => return Err(Failure::Source(format!("reading s3://{bucket}/{key}: {error}"))),
            Err(fault) => {
                self.successor = None;
                self.next_listed(&key);
                return Ok(Some(vec![Step::Invalid { key, bucket, fault }]));
            }
        };
        let (link, times) = match self.successor.take() {
            Some(successor) => (linked_by(&successor, &digest.as_previous), follows(&successor, &digest)),
            None => (Ok(()), Ok(())),
        };
        self.last_start = digest.start;
        let mut gap = None;
        match (digest.digest.previous_digest_s3_bucket.clone(), digest.digest.previous_digest_s3_object.clone()) {
            (Some(previous_bucket), Some(previous_key)) => {
                if previous_bucket != self.bucket {
                    let scope = Scope { bucket: previous_bucket.clone(), ..self.scope.clone() };
                    let listed = list_digests(&self.work, &scope, self.spot, Some(self.start), digest.end).await?;
                    let chain = listed.chains.into_iter().find(|(name, _)| name == self.trail).map(|(_, chain)| chain);
                    let chain = chain.unwrap_or_default();
                    self.left = if self.backfill { chain.backfill } else { chain.standard };
                    self.order = self.left.iter().map(|listed| listed.key.clone()).collect();
                    self.ahead.clear();
                    self.bucket = previous_bucket;
                }
                self.next = Some(previous_key);
                self.successor = Some(Successor { digest: Arc::clone(&digest.digest), start: digest.start });
            }
            _ => {
                if let Some(from) = self.next_listed(&key) {
                    gap = Some(Step::Gap { from, to: digest.start });
                }
            }
        }
        let mut steps = vec![Step::Valid { key, bucket, digest, link, times }];
        steps.extend(gap);
        Ok(Some(steps))
    }

    /// Goes on at the newest listed digest that is older than `key`; its time.
    fn next_listed(&mut self, key: &str) -> Option<Timestamp> {
        let before = self.spot.digest_key(key).map(|key| key.end);
        while let Some(listed) = self.left.pop() {
            if before.is_none_or(|before| listed.end < before) {
                self.next = Some(listed.key);
                return Some(listed.end);
            }
        }
        None
    }

    /// The digest of this key, and those likely to come next set going.
    async fn fetched(&mut self, key: &str) -> Result<Fetched, Fault> {
        let found = self.ahead.remove(key);
        // What is newer was skipped.
        self.ahead.retain(|ahead, _| ahead.as_str() < key);
        if self.work.options.parallel > 1 {
            let at = self.order.partition_point(|listed| listed.as_str() < key);
            let coming: Vec<String> = self.order[at.saturating_sub(AHEAD_MAX)..at].to_vec();
            for key in coming {
                if self.ahead.contains_key(&key) {
                    continue;
                }
                let (work, bucket, wanted) = (Arc::clone(&self.work), self.bucket.clone(), key.clone());
                let started = self.work.start(async move { fetch(&work, &bucket, &wanted).await }).await;
                self.ahead.insert(key, started);
            }
        }
        match found {
            Some(pending) => pending
                .done()
                .await
                .unwrap_or_else(|| Err(Fault::Source(SourceError::Failed("reading it came to a bad end".to_owned())))),
            None => fetch(&self.work, &self.bucket, key).await,
        }
    }
}

/// Whether the newer digest names hash and signature of the older.
fn linked_by(newer: &Successor, older: &Previous) -> Result<(), String> {
    let mut older = older.clone();
    if older.signature_hex.is_empty() {
        older.signature_hex = newer.digest.previous_digest_signature.clone().unwrap_or_default();
    }
    newer.digest.check_previous(Some(&older)).map_err(|error| format!("{error}: {}", older.s3_object))
}

/// Whether the newer digest begins where the older ended.
fn follows(newer: &Successor, older: &Verified) -> Result<(), String> {
    if newer.start.secs() == older.end.secs() {
        return Ok(());
    }
    let (start, end) = (&newer.digest.digest_start_time, &older.digest.digest_end_time);
    Err(format!("it begins at {start}, but the digest before it ended at {end}"))
}
