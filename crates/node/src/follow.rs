//! Places whose log files are imported as they come: looked through again and again, whole, so that a file that comes late is found as
//! any other. What is done stands in the importer's tables; here nothing is kept that matters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Env;
use gateway::float;
use importer::{Event, Filter, Options, Origin, Receiver, Report, StoreTarget, Target, import};
use ports::{Buckets, Figure, Figures, FollowStatus, StoreId};
use tokio::sync::watch;

/// A place that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The bucket, of this server.
    pub bucket: String,
    /// What keys begin with.
    pub prefix: String,
    /// Where the records go.
    pub store: StoreId,
}

/// Failures that a place is shown with; the others are counted.
const FAILURES_SHOWN: usize = 100;

/// What is known of each place, for whoever asks.
#[derive(Default)]
pub(crate) struct Followed(Mutex<Vec<FollowStatus>>);

impl Followed {
    pub(crate) fn all(&self) -> Vec<FollowStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut FollowStatus)) {
        if let Some(status) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
            change(status);
        }
    }
}

/// See the module.
pub(crate) struct Follower {
    pub env: Env,
    pub buckets: Arc<dyn Buckets>,
    pub receiver: Arc<Receiver>,
    pub places: Vec<Follow>,
    pub interval: Duration,
    pub followed: Arc<Followed>,
}

impl Follower {
    /// Until the node stops.
    pub(crate) async fn run(self, stop: watch::Receiver<bool>) {
        let fresh = self.places.iter().map(|place| FollowStatus { place: name(place), ..FollowStatus::default() });
        *self.followed.0.lock().unwrap_or_else(PoisonError::into_inner) = fresh.collect();
        let mut known: Vec<BTreeMap<String, String>> = vec![BTreeMap::new(); self.places.len()];
        let mut stopped = stop.clone();
        loop {
            for (index, place) in self.places.iter().enumerate() {
                self.round(index, place, &mut known[index], &stop).await;
                if *stop.borrow() {
                    return;
                }
            }
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    /// Looks at a place once.
    async fn round(
        &self,
        index: usize,
        place: &Follow,
        known: &mut BTreeMap<String, String>,
        stop: &watch::Receiver<bool>,
    ) {
        let shown = name(place);
        let outcome = self.import(place, stop).await;
        let now_ms = self.env.clock.now().ms();
        match outcome {
            Ok(report) => {
                // The report lists the first of them; of the others none is logged.
                let new: BTreeMap<String, String> =
                    report.failures.iter().map(|one| (one.key.clone(), one.why.clone())).collect();
                // A damaged file is read again each time, and told once.
                for (key, why) in new.iter().filter(|(key, why)| known.get(*key) != Some(*why)) {
                    tracing::warn!(
                        place = shown,
                        key,
                        why,
                        "a log file cannot be imported; it is tried again each time"
                    );
                }
                if report.files_read > 0 {
                    let Report { files_read, records_read, records_kept, records_duplicate, .. } = report;
                    tracing::info!(
                        place = shown,
                        files_read,
                        records_read,
                        records_kept,
                        records_duplicate,
                        "log files were imported"
                    );
                }
                *known = new;
                self.followed.change(index, |status| {
                    status.files = report.files_seen;
                    status.files_imported += report.files_read;
                    status.records_kept += report.records_kept;
                    status.files_failed = report.files_failed;
                    status.failures =
                        known.iter().take(FAILURES_SHOWN).map(|(key, why)| format!("{key}: {why}")).collect();
                    if !report.stopped {
                        (status.looked_at_ms, status.failure) = (Some(now_ms), None);
                    }
                });
            }
            Err(error) => {
                let mut is_new = false;
                self.followed.change(index, |status| {
                    is_new = status.failure.as_ref() != Some(&error);
                    status.failure = Some(error.clone());
                });
                // Said once, until it is well or something else.
                if is_new {
                    tracing::warn!(
                        place = shown,
                        error,
                        "a place that is followed cannot be looked through; it is tried again"
                    );
                }
            }
        }
    }

    async fn import(&self, place: &Follow, stop: &watch::Receiver<bool>) -> Result<Report, String> {
        let Follow { bucket, prefix, store } = place;
        if !self.receiver.has(store) {
            return Err(format!("there is no event store {store}"));
        }
        let described = self.buckets.describe(bucket).await.map_err(|error| error.to_string())?;
        if described.is_none() {
            return Err(format!("there is no bucket {bucket}"));
        }
        let source = Arc::new(cloudtrail::imports::InBuckets(Arc::clone(&self.buckets)));
        let origin = Origin { source, bucket: bucket.clone(), prefix: prefix.clone() };
        let (receiver, filter) = (Arc::clone(&self.receiver), Filter::default());
        let target: Arc<dyn Target> = Arc::new(StoreTarget { receiver, store: store.clone(), filter: filter.clone() });
        // Digests are read by who validates, and not once a minute.
        let options = Options { reconcile: false, ..Options::new(format!("s3://{bucket}/")) };
        let mut say = |_: Event, _: &Report| {};
        let done = import(&origin, &filter, target, &options, stop, &mut say).await;
        done.map_err(|error| error.to_string())
    }
}

fn name(place: &Follow) -> String {
    format!("s3://{}/{}={}", place.bucket, place.prefix, place.store)
}

impl Figures for Followed {
    fn figures(&self, into: &mut Vec<Figure>) {
        for status in self.all() {
            let labels: &[(&'static str, &str)] = &[("place", &status.place)];
            into.extend([
                Figure::gauge(
                    "cairn_follow_files",
                    "Log files that were seen in a place that is followed.",
                    labels,
                    float(status.files),
                ),
                Figure::gauge(
                    "cairn_follow_failed_files",
                    "Log files of it that cannot be imported.",
                    labels,
                    float(status.files_failed),
                ),
                Figure::counter(
                    "cairn_follow_imported_files_total",
                    "Log files imported from a place that is followed.",
                    labels,
                    float(status.files_imported),
                ),
                Figure::counter(
                    "cairn_follow_kept_records_total",
                    "Records kept of log files from it.",
                    labels,
                    float(status.records_kept),
                ),
                Figure::gauge(
                    "cairn_follow_up",
                    "Whether it could be looked through the last time: 1 or 0.",
                    labels,
                    if status.failure.is_none() && status.looked_at_ms.is_some() { 1.0 } else { 0.0 },
                ),
            ]);
        }
    }
}
