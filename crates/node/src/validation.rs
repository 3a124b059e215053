//! Validation in the background: what each trail delivered, once an interval, slowly, and reading only what is new. It finds what
//! somebody did to a bucket within the hour; it never writes to a bucket and never holds up anything else.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base::time::DAY_MS;
use base::{Env, Timestamp};
use bytes::Bytes;
use cloudtrail::{CloudTrail, Evidence};
use futures_util::StreamExt;
use gateway::float;
use objects::Objects;
use ports::{BucketError, Buckets, Figure, Figures, TrailValidation};
use record::{DigestKey, LogKey};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use validate::{
    Event, Expected, Head, Keys, Kind, Object, Opened, Options, Problem, PublicKey, Remembered, Report, Scope, Source,
    SourceError, TrailName,
};

/// Inflated bytes per second: a few hundredths of one processor.
const BYTES_PER_SECOND: u64 = 32 * 1024 * 1024;
/// Everything is read again, whatever is remembered, when the last time is as long ago.
const FULL_EVERY_MS: i64 = 7 * DAY_MS;
/// The first validation after a start waits this long at most, so that a start is quick.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// Problems of a trail that are shown in words.
const PROBLEMS_SHOWN: usize = 20;
/// Problems of a trail that are known, so that each is logged once.
const PROBLEMS_KNOWN: usize = 10_000;
/// The most that is remembered of a trail: some four million log files.
const REMEMBERED_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Where it is kept.
const FOLDER: &str = "validation";

/// See the module.
pub struct Validator {
    /// Clock.
    pub env: Env,
    /// Whose trails these are.
    pub account: Arc<str>,
    /// Knows trails, keys and the newest digests.
    pub cloudtrail: Arc<CloudTrail>,
    /// Where digests and log files are.
    pub buckets: Arc<dyn Buckets>,
    /// Where it is remembered what was valid.
    pub objects: Arc<dyn Objects>,
    /// What was found.
    pub results: Arc<Results>,
    /// How often.
    pub interval: Duration,
}

/// What was found last, trail by trail.
#[derive(Default)]
pub struct Results(Mutex<BTreeMap<String, Found>>);

struct Found {
    last: TrailValidation,
    /// Those that were logged.
    known: HashSet<String>,
    /// Since the start of the program.
    digests: u64,
    files: u64,
    bytes: u64,
}

impl Results {
    /// The last result of each trail, in the order of their ARNs.
    pub fn all(&self) -> Vec<TrailValidation> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.values().map(|found| found.last.clone()).collect()
    }

    /// Keeps a result; returns the problems that are new.
    fn keep(&self, last: TrailValidation, problems: Vec<String>, report: &Report) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (digests, files) = (last.digests_checked, last.files_checked);
        let found = all.entry(last.trail.clone()).or_insert_with(|| Found {
            last: last.clone(),
            known: HashSet::new(),
            digests: 0,
            files: 0,
            bytes: 0,
        });
        found.last = last;
        found.digests += digests;
        found.files += files - report.log_files_remembered;
        found.bytes += report.content_bytes;
        let new: Vec<String> = problems.iter().filter(|problem| !found.known.contains(*problem)).cloned().collect();
        // What is no more is news when it comes again.
        found.known = problems.into_iter().take(PROBLEMS_KNOWN).collect();
        new
    }

    fn keep_only(&self, trails: &[Evidence]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|arn, _| trails.iter().any(|trail| trail.arn == *arn));
    }
}

impl Figures for Results {
    fn figures(&self, into: &mut Vec<Figure>) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (arn, found) in &*all {
            let labels = &[("trail", arn.as_str())];
            let secs = Timestamp::from_ms(found.last.checked_at_ms).secs_f64();
            into.extend([
                Figure::gauge(
                    "cairn_validation_valid",
                    "Whether the last validation found everything that the trail delivered unchanged.",
                    labels,
                    f64::from(u8::from(found.last.valid)),
                ),
                Figure::gauge(
                    "cairn_validation_checked_timestamp_seconds",
                    "When the last validation of the trail ended.",
                    labels,
                    secs,
                ),
                Figure::gauge(
                    "cairn_validation_problems",
                    "What the last validation of the trail found wrong, or could not check.",
                    labels,
                    float(found.last.problem_count),
                ),
                Figure::counter(
                    "cairn_validation_digests_checked_total",
                    "Digests of the trail checked.",
                    labels,
                    float(found.digests),
                ),
                Figure::counter(
                    "cairn_validation_files_checked_total",
                    "Log files of the trail read and checked.",
                    labels,
                    float(found.files),
                ),
                Figure::counter(
                    "cairn_validation_read_bytes_total",
                    "Inflated bytes of log files checked.",
                    labels,
                    float(found.bytes),
                ),
            ]);
        }
    }
}

impl Validator {
    /// Until the node stops.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut wait = self.interval.min(FIRST_WAIT);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = self.interval;
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.round() => {}
            }
        }
    }

    /// Validates every trail once.
    pub async fn round(&self) {
        let trails = match self.cloudtrail.evidence().await {
            Ok(trails) => trails,
            Err(error) => {
                tracing::warn!(%error, "validation does not know the trails");
                return;
            }
        };
        self.results.keep_only(&trails);
        for trail in &trails {
            self.one(trail).await;
        }
    }

    async fn one(&self, trail: &Evidence) {
        let (now, name) = (self.env.clock.now(), name_of(&trail.arn));
        let (full_ms, before) = self.remembered(&name).await;
        let full = now.ms() - full_ms >= FULL_EVERY_MS;
        let before = if full { Remembered::default() } else { before };
        let scope = Scope {
            prefix: trail.prefix.clone(),
            // A trail of an organization has files of every member.
            account_id: trail.organization_id.is_none().then(|| self.account.to_string()),
            organization_id: trail.organization_id.clone(),
            trail: Some(TrailName { name: trail.name.clone(), home_region: trail.home_region.clone() }),
            ..Scope::all(&trail.bucket, now)
        };
        let heads = trail.heads.iter().map(|(bucket, key)| Head { bucket: bucket.clone(), key: key.clone() });
        let expected = Expected { heads: heads.collect(), latest_digest: None };
        let options = Options { bytes_per_second: Some(BYTES_PER_SECOND), ..Options::new(1, now) };
        let mut report = Report::default();
        let source = Arc::new(InProcess(Arc::clone(&self.buckets)));
        let keys = Arc::new(OwnKeys(Arc::clone(&self.cloudtrail)));
        let mut events_missing = Vec::new();
        let mut say = |event: Event| match event {
            // Told at the end, when the oldest valid digest is known.
            Event::Problem(problem)
                if matches!(problem.kind, Kind::DigestMissing | Kind::LogMissing)
                    && events_missing.len() < PROBLEMS_KNOWN =>
            {
                events_missing.push(problem);
            }
            event => report.take(&event),
        };
        let outcome = validate::validate(source, keys, &scope, &expected, Some(&before), options, &mut say).await;
        let oldest = report.found_start;
        for problem in events_missing.into_iter().filter(|problem| !has_expired(problem, oldest, now)) {
            report.take(&Event::Problem(problem));
        }
        match outcome {
            Ok(outcome) if report.unchecked.is_empty() => {
                let full_ms = if full { now.ms() } else { full_ms };
                self.remember(&name, full_ms, &outcome.remembered).await;
            }
            Ok(_) => {}
            Err(error) => report.unchecked.push(error.to_string()),
        }
        self.tell(&trail.arn, &report);
    }

    /// Keeps the result, and logs what was not known before.
    fn tell(&self, arn: &str, report: &Report) {
        let invalid = report.problems.iter().map(|problem| problem.line().replace('\t', " "));
        let unchecked = report.unchecked.iter().map(|why| format!("not checked: {why}"));
        let problems: Vec<String> = invalid.chain(unchecked).collect();
        let problem_count = u64::try_from(problems.len()).unwrap_or(u64::MAX).saturating_add(report.problems_left_out);
        let last = TrailValidation {
            trail: arn.to_owned(),
            checked_at_ms: self.env.clock.now().ms(),
            valid: problems.is_empty(),
            digests_checked: report.digests.total() + report.backfill_digests.total(),
            files_checked: report.log_files.total(),
            problem_count,
            problems: problems.iter().take(PROBLEMS_SHOWN).cloned().collect(),
        };
        let new = self.results.keep(last, problems, report);
        for problem in new.iter().take(PROBLEMS_SHOWN) {
            tracing::error!(trail = arn, problem, "validation: what the trail delivered is not as it was");
        }
        if let Some(more) = new.len().checked_sub(PROBLEMS_SHOWN).filter(|more| *more > 0) {
            tracing::error!(trail = arn, more, "validation: more of the same; cairn validate shows all");
        }
    }

    /// When everything was last read, and what was valid. Whatever cannot be read is not remembered.
    async fn remembered(&self, name: &str) -> (i64, Remembered) {
        let nothing = (i64::MIN / 2, Remembered::default());
        let Ok(reader) = self.objects.get(name, None).await else { return nothing };
        let Ok(bytes) = reader.bytes(REMEMBERED_BYTES_MAX).await else { return nothing };
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return nothing };
        let full_ms = std::str::from_utf8(&bytes[..end]).ok().and_then(|text| text.parse().ok());
        full_ms.zip(Remembered::parse(&bytes[end + 1..])).unwrap_or(nothing)
    }

    async fn remember(&self, name: &str, full_ms: i64, remembered: &Remembered) {
        let document = [format!("{full_ms}\n").as_bytes(), &remembered.write()].concat();
        if let Err(error) = self.objects.put(name, Bytes::from(document)).await {
            tracing::warn!(%error, "what validation found valid could not be written down; it is read again");
        }
    }
}

/// Whether what is missing lies at the far end, where lifecycle rules remove log files and digests, each on a day of its own. Nothing
/// tells that from somebody's removal; nothing younger than a day is taken for it.
fn has_expired(problem: &Problem, oldest: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(oldest) = oldest.filter(|oldest| now.since_ms(*oldest) > DAY_MS) else { return false };
    let digest = DigestKey::parse(&problem.key).map(|key| key.end);
    let time = digest.or_else(|| LogKey::parse(&problem.key).map(|key| key.delivered));
    time.is_some_and(|time| time.since_ms(oldest) <= DAY_MS && now.since_ms(time) > DAY_MS)
}

fn name_of(arn: &str) -> String {
    format!("{FOLDER}/{}", base::ids::hex(&Sha256::digest(arn)[..16]))
}

/// The buckets of this node.
struct InProcess(Arc<dyn Buckets>);

fn failed(error: BucketError) -> SourceError {
    match error {
        BucketError::NoSuchKey => SourceError::NotFound,
        other => SourceError::Failed(other.to_string()),
    }
}

#[async_trait]
impl Source for InProcess {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Object>, SourceError> {
        let listed = self.0.list(bucket, prefix, after).await.map_err(failed)?;
        let objects = listed.into_iter().map(|object| Object {
            stamp: format!("{} {}", object.etag, object.modified_ms),
            key: object.key,
            size: object.size,
            modified: Some(Timestamp::from_ms(object.modified_ms)),
        });
        Ok(objects.collect())
    }

    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, SourceError> {
        self.0.folders(bucket, prefix).await.map_err(failed)
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<Opened, SourceError> {
        let opened = self.0.open(bucket, key).await.map_err(failed)?;
        let pieces = opened.content.map(|piece| piece.map_err(failed)).boxed();
        Ok(Opened { metadata: Some(opened.metadata.into_iter().collect()), pieces })
    }
}

/// The keys of this node.
struct OwnKeys(Arc<CloudTrail>);

#[async_trait]
impl Keys for OwnKeys {
    async fn keys(&self, _: &str, from: Timestamp, to: Timestamp) -> Result<Vec<PublicKey>, SourceError> {
        let keys = self.0.public_keys(from, to).await.map_err(|error| SourceError::Failed(error.to_string()))?;
        let key = |key: cloudtrail::PublicKey| PublicKey {
            fingerprint: key.fingerprint,
            der: key.der,
            start: key.start,
            end: key.end,
        };
        Ok(keys.into_iter().map(key).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lifecycle_removes_is_no_problem_and_what_is_young_is() {
        let now = Timestamp::parse_iso8601("2026-03-31T00:00:00Z").unwrap();
        let check = |day: &str, oldest: &str, expected: bool| {
            let key = format!(
                "AWSLogs/123456789012/CloudTrail/us-east-1/2026/03/{day}/123456789012_CloudTrail_us-east-1_202603{day}T1445Z_Esa3IUFAbh9LIfTX.json.gz"
            );
            let problem = Problem {
                kind: Kind::LogMissing,
                subject: validate::Subject::LogFile,
                bucket: String::new(),
                key,
                why: String::new(),
            };
            let oldest = Timestamp::parse_iso8601(&format!("2026-03-{oldest}T14:00:00Z"));
            assert_eq!(has_expired(&problem, oldest, now), expected, "{day} {oldest:?}");
        };
        check("01", "01", true);
        check("01", "05", true);
        check("03", "01", false);
        check("30", "30", false);
    }

    #[test]
    fn a_problem_is_news_once_and_shows_in_the_figures() {
        let results = Results::default();
        let keep = |problems: &[&str]| {
            let problems: Vec<String> = problems.iter().map(|text| (*text).to_owned()).collect();
            let last = TrailValidation {
                trail: "arn".into(),
                checked_at_ms: 5_000,
                valid: problems.is_empty(),
                digests_checked: 2,
                files_checked: 3,
                problem_count: u64::try_from(problems.len()).unwrap(),
                problems: problems.clone(),
            };
            results.keep(last, problems, &Report { log_files_remembered: 1, ..Report::default() })
        };
        assert_eq!(keep(&["a"]), ["a"]);
        assert_eq!(keep(&["a", "b"]), ["b"]);
        assert_eq!(keep(&[]), [""; 0]);
        assert_eq!(keep(&["a"]), ["a"]);
        let mut figures = Vec::new();
        results.figures(&mut figures);
        let value =
            |name: &str| figures.iter().find(|figure| figure.name == name).map(|figure| figure.value.clone()).unwrap();
        assert_eq!(value("cairn_validation_valid"), ports::FigureValue::Gauge(0.0));
        assert_eq!(value("cairn_validation_checked_timestamp_seconds"), ports::FigureValue::Gauge(5.0));
        assert_eq!(value("cairn_validation_files_checked_total"), ports::FigureValue::Counter(8.0));
        assert_eq!(results.all().len(), 1);
    }
}
