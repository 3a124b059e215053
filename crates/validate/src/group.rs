//! The chains of one spot (account and region): walked, and what they name checked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use base::Timestamp;
use base::time::HOUR_MS;
use record::LogKey;

use crate::chain::{Chain, LOG_KINDS, ListedDigest, Spot};
use crate::digest::{Fault, KeyRing, Verified};
use crate::expected::Head;
use crate::log::Named;
use crate::problem::{Event, Kind, Problem, Subject};
use crate::remembered::{Remembered, mark};
use crate::run::{Failure, Newest, Seen, Voice};
use crate::scope::{Scope, TrailName};
use crate::source::Object;
use crate::walk::{Step, Walk};
use crate::work::Work;

/// Digests of one spot: a hundred years of one a hour, of several trails.
const DIGESTS_MAX: usize = 5_000_000;
/// Log files of one spot that are kept apart by sixteen bytes each.
const FILES_MAX: usize = 20_000_000;

/// What the chains of a spot showed.
#[derive(Default)]
pub(crate) struct Group {
    /// All that was listed.
    pub(crate) listing: Listing,
    /// Log files that valid digests name.
    pub(crate) named: HashSet<u128>,
    /// From when to when valid digests cover what was delivered, in milliseconds; merged and in order.
    pub(crate) covered: Vec<(i64, i64)>,
}

/// The digests of a spot.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) chains: Vec<(TrailName, Chain)>,
    /// Objects among them whose names are no digest's.
    pub(crate) odd: Vec<String>,
}

/// Lists the digests of a spot, as AWS's command does: by the time in the name, with an hour more at the end.
pub(crate) async fn list_digests(
    work: &Work,
    scope: &Scope,
    spot: &Spot,
    start: Option<Timestamp>,
    end: Timestamp,
) -> Result<Listing, Failure> {
    let prefix = spot.digests();
    let until = end.plus_ms(HOUR_MS);
    let mut chains: BTreeMap<TrailName, Chain> = BTreeMap::new();
    let mut odd = Vec::new();
    let mut count = 0;
    let take = |object: Object| {
        count += 1;
        let Some(read) = spot.digest_key(&object.key) else {
            odd.push(object.key);
            return count <= DIGESTS_MAX;
        };
        if start.is_some_and(|start| read.end < start.trunc_secs()) || read.end > until {
            return true;
        }
        let trail = TrailName { name: read.trail_name.to_owned(), home_region: read.home_region.to_owned() };
        let (end, backfill) = (read.end, read.backfill);
        let chain = chains.entry(trail).or_default();
        let listed = if backfill { &mut chain.backfill } else { &mut chain.standard };
        listed.push(ListedDigest { key: object.key, end, modified: object.modified });
        count <= DIGESTS_MAX
    };
    // Without a start everything is looked at, also what lies under a day that is not its own.
    let (first, last) = start.map_or((Timestamp::EPOCH, Timestamp::from_ms(i64::MAX)), |start| (start, until));
    each_day(work, &scope.bucket, &prefix, first, last, take).await?;
    if count > DIGESTS_MAX {
        return Err(Failure::TooMuch(format!("{prefix} has more than {DIGESTS_MAX} objects")));
    }
    Ok(Listing { chains: chains.into_iter().collect(), odd })
}

/// Hands out the objects below a prefix that is divided into days, from one day to another; until `take` says no.
pub(crate) async fn each_day(
    work: &Work,
    bucket: &str,
    prefix: &str,
    from: Timestamp,
    to: Timestamp,
    mut take: impl FnMut(Object) -> bool,
) -> Result<(), Failure> {
    // Nothing is called like a day alone; what is called otherwise than a day is looked at too.
    let first = (from > Timestamp::EPOCH).then(|| format!("{prefix}{}", from.ymd_path()));
    let last = format!("{prefix}{}", to.ymd_path());
    let mut after = first;
    // Behind all days: a colon comes after the digits.
    let behind = format!("{prefix}:");
    'pages: loop {
        let page = work.source.list(bucket, prefix, after.as_deref()).await;
        let page = page.map_err(|error| Failure::Source(format!("listing s3://{bucket}/{prefix}: {error}")))?;
        let Some(end) = page.last() else { return Ok(()) };
        after = Some(end.key.clone());
        for object in page {
            let later_day = object.key.as_str() > last.as_str() && !object.key.starts_with(&last);
            if later_day && object.key < behind {
                after = Some(behind.clone());
                continue 'pages;
            }
            if !take(object) {
                return Ok(());
            }
        }
    }
}

/// Walks all chains of a spot that are meant.
pub(crate) async fn validate(
    voice: &mut Voice<'_>,
    scope: &Scope,
    (spot, number, of): (&Spot, usize, usize),
    before: Option<&Remembered>,
    seen: &mut Seen,
) -> Result<Group, Failure> {
    let work = Arc::clone(&voice.work);
    let listing = list_digests(&work, scope, spot, scope.start, scope.end).await?;
    let oldest = listing.chains.iter().flat_map(|(_, chain)| chain.standard.iter().chain(&chain.backfill));
    let Some(oldest) = oldest.map(|listed| listed.end).min() else {
        return Ok(Group { listing, ..Group::default() });
    };
    let (from, to) = (oldest, scope.end);
    voice.say(Event::Spot { region: spot.region.clone(), number, of, from, to }).await;
    // Without a start: everything, and what the oldest links to must be there too.
    let start = scope.start.unwrap_or(Timestamp::EPOCH);
    let stamps = match before {
        Some(_) => stamps(&work, scope, spot, scope.start.unwrap_or(oldest)).await?,
        None => HashMap::new(),
    };
    let mut group = Group { listing, ..Group::default() };
    for (trail, chain) in group.listing.chains.clone() {
        let selected = scope.selects(&trail);
        for (backfill, listed) in [(false, chain.standard), (true, chain.backfill)] {
            if listed.is_empty() {
                continue;
            }
            let ring = ring(&work, scope, &spot.region, backfill, oldest).await?;
            let pass = Pass { spot, backfill, selected, stamps: &stamps, before };
            if let (true, false, Some(newest)) = (selected, backfill, listed.last()) {
                note_newest(seen, newest);
            }
            let mut walk = Walk::new(&work, scope, (spot, &trail), backfill, start, listed, ring);
            while let Some(steps) = walk.step().await? {
                for step in steps {
                    pass.take(voice, &mut group, seen, step).await?;
                }
            }
        }
    }
    group.covered = crate::strays::merged(std::mem::take(&mut group.covered));
    Ok(group)
}

/// The keys that AWS's command would ask for: of the time in question, with two hours for digests that came later. Backfill digests
/// ask for their own.
async fn ring(work: &Work, scope: &Scope, region: &str, backfill: bool, oldest: Timestamp) -> Result<KeyRing, Failure> {
    let mut ring = KeyRing::default();
    if backfill {
        return Ok(ring);
    }
    let (from, to) = (scope.start.unwrap_or(oldest.plus_ms(-HOUR_MS)), scope.end.plus_ms(2 * HOUR_MS));
    match ring.load(work, region, from, to).await {
        Ok(true) => Ok(ring),
        Ok(false) => Err(Failure::NoKeys(from.iso8601_secs(), to.iso8601_secs())),
        Err(error) => Err(Failure::Source(format!("asking for public keys: {error}"))),
    }
}

/// What the log files of a spot look like from outside, before any is read.
async fn stamps(work: &Work, scope: &Scope, spot: &Spot, from: Timestamp) -> Result<HashMap<u128, u128>, Failure> {
    let mut stamps = HashMap::new();
    for kind in LOG_KINDS {
        let take = |object: Object| {
            let size = object.size.to_string();
            stamps.insert(mark(&[&scope.bucket, &object.key]), mark(&[&object.stamp, &size]));
            stamps.len() <= FILES_MAX
        };
        // A digest names what was delivered up to a day before it, after an outage.
        let (from, to) = (from.plus_ms(-24 * HOUR_MS), scope.end.plus_ms(HOUR_MS));
        each_day(work, &scope.bucket, &spot.logs(kind), from, to, take).await?;
    }
    Ok(stamps)
}

fn note_newest(seen: &mut Seen, listed: &ListedDigest) {
    if seen.newest.as_ref().is_none_or(|newest| newest.end < listed.end) {
        let ListedDigest { key, end, modified } = listed.clone();
        seen.newest = Some(Newest { key, end, modified, length_ms: HOUR_MS });
    }
}

/// One way along one chain.
struct Pass<'a> {
    spot: &'a Spot,
    backfill: bool,
    /// Whether the trail is meant. Others are walked only for what they name.
    selected: bool,
    stamps: &'a HashMap<u128, u128>,
    before: Option<&'a Remembered>,
}

impl Pass<'_> {
    fn subject(&self) -> Subject {
        if self.backfill { Subject::BackfillDigest } else { Subject::Digest }
    }

    async fn take(&self, voice: &mut Voice<'_>, group: &mut Group, seen: &mut Seen, step: Step) -> Result<(), Failure> {
        match step {
            Step::Gap { from, to } if self.selected => {
                voice.say(Event::Gap { subject: self.subject(), from, to }).await;
            }
            Step::Gap { .. } => {}
            Step::Invalid { key, bucket, fault } => {
                seen.visited.insert(mark(&[&bucket, &key]));
                let (kind, why) = match fault {
                    Fault::Missing => (Kind::DigestMissing, "not found".to_owned()),
                    Fault::Invalid(kind, why) => (kind, why),
                    Fault::Source(error) => {
                        return Err(Failure::Source(format!("reading s3://{bucket}/{key}: {error}")));
                    }
                };
                if self.selected {
                    voice.say(Event::Problem(Problem::digest(kind, self.backfill, &bucket, &key, why))).await;
                }
            }
            Step::Valid { key, bucket, digest, link, times } => {
                self.valid(
                    voice,
                    group,
                    seen,
                    (bucket, key),
                    digest,
                    [(Kind::DigestLink, link), (Kind::DigestTimes, times)],
                )
                .await?;
            }
        }
        Ok(())
    }

    async fn valid(
        &self,
        voice: &mut Voice<'_>,
        group: &mut Group,
        seen: &mut Seen,
        (bucket, key): (String, String),
        digest: Verified,
        ties: [(Kind, Result<(), String>); 2],
    ) -> Result<(), Failure> {
        let first = seen.visited.insert(mark(&[&bucket, &key]));
        if !self.backfill {
            group.covered.push((digest.start.ms(), digest.end.ms()));
        }
        if !self.selected {
            group.named.extend(digest.digest.log_files.iter().map(|file| mark(&[&file.s3_bucket, &file.s3_object])));
            return enough(group);
        }
        if let Some(newest) = seen.newest.as_mut().filter(|newest| newest.key == key) {
            newest.length_ms = digest.end.since_ms(digest.start);
            voice.remembered.note_head(Head { bucket: bucket.clone(), key: key.clone() });
        } else if first && !self.backfill && group.listing.chains.iter().any(|(_, chain)| is_last(chain, &key)) {
            voice.remembered.note_head(Head { bucket: bucket.clone(), key: key.clone() });
        }
        if digest.unsigned {
            let why = "it has no signature here: a copy without metadata shows the signature of a digest only in the one after it";
            voice.say(Event::Unchecked(format!("s3://{bucket}/{key}: {why}"))).await;
        } else {
            let (start, end) = (digest.start, digest.end);
            let (subject, bucket, key) = (self.subject(), bucket.clone(), key.clone());
            voice.say(Event::Digest { subject, bucket, key, start, end }).await;
        }
        let ties = ties.into_iter().filter_map(|(kind, tie)| tie.err().map(|why| (kind, why)));
        for (kind, why) in digest.further.iter().cloned().chain(ties) {
            voice.say(Event::Problem(Problem::digest(kind, self.backfill, &bucket, &key, why))).await;
        }
        for file in &digest.digest.log_files {
            let name = mark(&[&file.s3_bucket, &file.s3_object]);
            if !group.named.insert(name) {
                let why = format!("it is named a second time, by the digest {key}");
                voice
                    .say(Event::Problem(Problem::log(Kind::LogDuplicate, &file.s3_bucket, &file.s3_object, why)))
                    .await;
            }
            if let Some(why) = self.misplaced(&file.s3_object, &digest) {
                voice
                    .say(Event::Problem(Problem::log(Kind::LogMisplaced, &file.s3_bucket, &file.s3_object, why)))
                    .await;
            }
            let content = self.stamps.get(&name).map(|stamp| mark(&[&format!("{stamp:x}"), &file.hash_value]));
            let remember = content.map(|content| (name, content));
            if content.is_some_and(|content| self.before.is_some_and(|before| before.knows(name, content))) {
                if let Some((name, content)) = remember {
                    voice.remembered.note(name, content);
                }
                let (bucket, key) = (file.s3_bucket.clone(), file.s3_object.clone());
                voice.say(Event::LogFile { bucket, key, remembered: true, content_bytes: 0 }).await;
                continue;
            }
            let (account_id, region) = (self.spot.account_id.clone(), self.spot.region.clone());
            voice.check(Named { file: file.clone(), account_id, region }, remember).await;
        }
        enough(group)
    }

    /// What of a log file's key does not fit the digest that names it.
    fn misplaced(&self, key: &str, digest: &Verified) -> Option<String> {
        let Some(read) = LogKey::parse(key) else {
            return Some("its name is not that of a log file, though a digest names it".to_owned());
        };
        let Spot { account_id, region, .. } = self.spot;
        if read.place.account_id != account_id || read.region != region {
            return Some(format!(
                "it lies among those of {} in {}, the digest is of {account_id} in {region}",
                read.place.account_id, read.region
            ));
        }
        (read.delivered > digest.end && !self.backfill).then(|| {
            format!(
                "its name says that it was delivered after {}, the end of the digest",
                digest.digest.digest_end_time
            )
        })
    }
}

fn is_last(chain: &Chain, key: &str) -> bool {
    chain.standard.last().is_some_and(|last| last.key == key)
}

fn enough(group: &Group) -> Result<(), Failure> {
    if group.named.len() > FILES_MAX {
        return Err(Failure::TooMuch(format!("digests name more than {FILES_MAX} log files")));
    }
    Ok(())
}
