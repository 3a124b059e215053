//! [`validate`]: the whole validation, spot by spot (account and region), from top to bottom.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use base::Timestamp;
use base::time::MINUTE_MS;

use tokio::sync::Semaphore;

use crate::chain::DIGESTS;
use crate::expected::{Expected, Head};
use crate::group;
use crate::keys::Keys;
use crate::log::{self, Named};
use crate::problem::{Event, Kind, Problem};
use crate::remembered::{Remembered, mark};
use crate::scope::Scope;
use crate::source::{Source, SourceError};
use crate::strays;
use crate::work::{Pending, Work};

/// Checks begun, waiting or done for each that runs, so that none waits for the order of what is said.
const QUEUE_PER_PARALLEL: usize = 4;
/// So long after its end a digest is delivered, at most, unless there was an outage.
const LATE_MS: i64 = 30 * MINUTE_MS;
/// Digests asked for the name of their bucket.
const ASKED_FOR_BUCKET: usize = 9;

/// How to validate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Log files checked at the same time. With 1 nothing is spawned: all work is done where the caller waits.
    pub parallel: usize,
    /// Inflated bytes per second at most.
    pub bytes_per_second: Option<u64>,
    /// Whether each record is read too.
    pub records: bool,
    /// Inflated bytes that one log file may have.
    pub content_bytes_max: u64,
    /// Now: what was written after this long ago may still be named by the next digest.
    pub now: Timestamp,
}

impl Options {
    /// As fast as `parallel` at a time can.
    pub fn new(parallel: usize, now: Timestamp) -> Options {
        let content_bytes_max = u64::try_from(record::file::INFLATED_BYTES_MAX).unwrap_or(u64::MAX);
        Options { parallel, bytes_per_second: None, records: false, content_bytes_max, now }
    }
}

/// Validation could not be carried out. What was said until then stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The source failed.
    #[error("{0}")]
    Source(String),
    /// There are no keys at all for the time in question.
    #[error("No public keys found between {0} and {1}")]
    NoKeys(String, String),
    /// More than can be held in memory.
    #[error("{0}: validate a shorter time with --start-time and --end-time")]
    TooMuch(String),
}

/// What a whole run leaves.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For the next run.
    pub remembered: Remembered,
}

/// What is said, in order, while checks go on beside it.
pub(crate) struct Voice<'a> {
    pub(crate) work: Arc<Work>,
    queue: VecDeque<Pending<Said>>,
    say: &'a mut (dyn FnMut(Event) + Send),
    pub(crate) remembered: Remembered,
}

/// A verdict, and what to remember if it is a good one.
struct Said {
    event: Event,
    remember: Option<(u128, u128)>,
}

impl Voice<'_> {
    /// Says something, after everything that was begun before.
    pub(crate) async fn say(&mut self, event: Event) {
        if self.queue.is_empty() {
            (self.say)(event);
        } else {
            self.push(Pending::Ready(Said { event, remember: None })).await;
        }
    }

    /// Checks a log file, and says what came of it.
    pub(crate) async fn check(&mut self, named: Named, remember: Option<(u128, u128)>) {
        let work = Arc::clone(&self.work);
        let task = async move { Said { event: log::check(&work, &named).await, remember } };
        let pending = self.work.start(task).await;
        self.push(pending).await;
    }

    async fn push(&mut self, pending: Pending<Said>) {
        self.queue.push_back(pending);
        while self.queue.len() > self.work.options.parallel.saturating_mul(QUEUE_PER_PARALLEL) {
            self.shift().await;
        }
        while matches!(self.queue.front(), Some(Pending::Ready(_))) {
            self.shift().await;
        }
    }

    async fn shift(&mut self) {
        let Some(first) = self.queue.pop_front() else { return };
        let Some(Said { event, remember }) = first.done().await else {
            (self.say)(Event::Unchecked("a check came to a bad end".to_owned()));
            return;
        };
        if let (Event::LogFile { .. }, Some((name, content))) = (&event, remember) {
            self.remembered.note(name, content);
        }
        (self.say)(event);
    }

    /// Waits until all is said.
    pub(crate) async fn finish(&mut self) {
        while !self.queue.is_empty() {
            self.shift().await;
        }
    }
}

/// The newest digest of all.
#[derive(Clone, Debug)]
pub(crate) struct Newest {
    pub(crate) key: String,
    pub(crate) end: Timestamp,
    pub(crate) modified: Option<Timestamp>,
    pub(crate) length_ms: i64,
}

/// What is gathered over all spots.
#[derive(Default)]
pub(crate) struct Seen {
    /// Digests that a chain led to, whether they were good or not.
    pub(crate) visited: HashSet<u128>,
    pub(crate) newest: Option<Newest>,
    /// Whether there is a folder of digests of a region that is not meant.
    other_regions: bool,
}

/// Validates what `scope` means of `source`, and says everything to `say`. `before`: what an earlier run left; with it log files
/// that are as they were are not read again.
pub async fn validate(
    source: Arc<dyn Source>,
    keys: Arc<dyn Keys>,
    scope: &Scope,
    expected: &Expected,
    before: Option<&Remembered>,
    options: Options,
    say: &mut (dyn FnMut(Event) + Send),
) -> Result<Outcome, Failure> {
    let turns = Semaphore::new(options.parallel.clamp(1, Semaphore::MAX_PERMITS));
    let work = Arc::new(Work { source, keys, options, turns });
    let mut voice = Voice { work: Arc::clone(&work), queue: VecDeque::new(), say, remembered: Remembered::default() };
    let mut seen = Seen::default();

    // 1. Chains and what they name, spot by spot; then what lies there and is named by nothing.
    let mut covered = Vec::new();
    let mut spots = strays::spots_with(&work, scope, DIGESTS).await?;
    seen.other_regions = spots.iter().any(|spot| !scope.has_region(&spot.region));
    spots.retain(|spot| scope.has_region(&spot.region));
    for (at, spot) in spots.iter().enumerate() {
        let group = group::validate(&mut voice, scope, (spot, at, spots.len()), before, &mut seen).await?;
        voice.finish().await;
        covered.extend(group.covered.iter().copied());
        strays::digests(&mut voice, scope, spot, &group, &mut seen).await?;
        strays::log_files(&mut voice, scope, spot, &group.covered, &group.named).await?;
        voice.finish().await;
    }
    strays::beside_regions(&mut voice, scope, !covered.is_empty()).await?;
    // Regions with log files and without a single digest, while others of the account have them.
    if !covered.is_empty() {
        let covered = strays::merged(covered);
        for spot in strays::bare_spots(&work, scope).await? {
            strays::log_files(&mut voice, scope, &spot, &covered, &HashSet::new()).await?;
        }
    }

    // 2. What must be there and is not.
    tail(&mut voice, scope, expected, before, &seen).await;
    voice.finish().await;
    Ok(Outcome { remembered: voice.remembered })
}

/// Reports newest digests that somebody knows of and that are not there.
async fn tail(voice: &mut Voice<'_>, scope: &Scope, expected: &Expected, before: Option<&Remembered>, seen: &Seen) {
    let remembered = before.into_iter().flat_map(Remembered::heads);
    let mut told = HashSet::new();
    for head in expected.heads.iter().chain(remembered) {
        let Head { bucket, key } = head;
        let name = mark(&[bucket, key]);
        if !seen.visited.contains(&name) {
            // Asked for again the next time, as long as it is not there.
            voice.remembered.note_head(head.clone());
        }
        if seen.visited.contains(&name) || !told.insert(name) || !within(scope, bucket, key) {
            continue;
        }
        let why = "not found, though it is known to have been the newest of its chain";
        voice.say(Event::Problem(Problem::digest(Kind::TailMissing, false, bucket, key, why))).await;
    }
    let Some(latest) = expected.latest_digest.filter(|latest| *latest <= scope.end) else { return };
    // It was delivered in some region. If that may be one that is not meant, it says something of the home region alone, which has
    // digests as long as any other has them, though up to an interval earlier.
    let may_be_elsewhere = seen.other_regions;
    let is_home = scope.trail.as_ref().is_some_and(|trail| scope.has_region(&trail.home_region));
    if may_be_elsewhere && !is_home {
        return;
    }
    // Digests that ended before the start are not looked at.
    let early = |start: Timestamp| latest.since_ms(start) <= LATE_MS;
    if seen.newest.is_none() && scope.start.is_some_and(early) {
        return;
    }
    let problem = match &seen.newest {
        None => {
            let why = format!("the trail delivered a digest at {}, but there is none", latest.iso8601_secs());
            Problem::digest(Kind::TailMissing, false, &scope.bucket, &scope.base(), why)
        }
        Some(newest) => {
            // A digest is delivered soon after its end. Less than half the time to the next one, so that one missing is seen.
            let elsewhere_ms = if may_be_elsewhere { newest.length_ms } else { 0 };
            let slack_ms = (newest.length_ms / 2).clamp(2_000, LATE_MS) + elsewhere_ms;
            // After an outage it is delivered late: then it was written at just that time. Written later proves nothing.
            let tolerance_ms = slack_ms.min(MINUTE_MS);
            let is_it = newest.modified.is_some_and(|modified| latest.since_ms(modified).abs() <= tolerance_ms);
            if is_it || latest.since_ms(newest.end) <= slack_ms {
                return;
            }
            let why = format!(
                "the trail delivered a digest at {}, but the newest one there is ends at {}",
                latest.iso8601_secs(),
                newest.end.iso8601_secs()
            );
            Problem::digest(Kind::TailMissing, false, &scope.bucket, &newest.key, why)
        }
    };
    voice.say(Event::Problem(problem)).await;
}

/// Whether a digest of this key is among those to be validated.
fn within(scope: &Scope, bucket: &str, key: &str) -> bool {
    let Some(read) = record::DigestKey::parse(key) else { return false };
    let trail = crate::scope::TrailName { name: read.trail_name.to_owned(), home_region: read.home_region.to_owned() };
    bucket == scope.bucket
        && scope.selects(&trail)
        && read.place.prefix == scope.prefix.as_deref()
        && scope.has_region(read.region)
        && scope.account_id.as_deref().is_none_or(|account| account == read.place.account_id)
        && scope.start.is_none_or(|start| start <= read.end)
        && read.end <= scope.end.plus_ms(base::time::HOUR_MS)
}

/// What is known of the bucket that a copy was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketFound {
    /// As most of the first digests say.
    Named(String),
    /// There are digests, of which none says anything.
    Unnamed,
    /// There is no digest.
    NoDigest,
}

/// The bucket that a copy was made of.
pub async fn find_bucket(source: &dyn Source, scope: &Scope) -> Result<BucketFound, SourceError> {
    let mut names: Vec<String> = Vec::new();
    let mut found = BucketFound::NoDigest;
    let mut after: Option<String> = None;
    'pages: loop {
        let page = source.list("", &scope.base(), after.as_deref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for object in page.iter().filter(|object| record::DigestKey::parse(&object.key).is_some()) {
            found = BucketFound::Unnamed;
            let Ok((_, Some(gzip))) = crate::source::read(source, "", &object.key, 1 << 20).await else { continue };
            let Some((content, _)) = crate::gzip::inflate(&gzip, 1 << 24) else { continue };
            let Ok(json) = serde_json::from_slice::<serde_json::Value>(&content) else { continue };
            names.extend(json.get("digestS3Bucket").and_then(|name| name.as_str()).map(str::to_owned));
            if names.len() >= ASKED_FOR_BUCKET {
                break 'pages;
            }
        }
    }
    names.sort_unstable();
    let count = |name: &String| names.iter().filter(|other| *other == name).count();
    Ok(names.iter().max_by_key(|name| count(name)).cloned().map_or(found, BucketFound::Named))
}
