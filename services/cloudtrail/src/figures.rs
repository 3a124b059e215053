//! What a monitoring system may know of trails and history. Counted in memory: what cannot be known without storage is not here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base::Timestamp;
use ports::{Figure, Figures};

use crate::CloudTrail;

/// Stands for a time that is not known.
const NEVER: i64 = i64::MIN;

/// One trail's figures, since the start of the program.
pub(crate) struct TrailFigures {
    /// Records in finished log files.
    pub selected: AtomicU64,
    /// Records in log files that are in their bucket.
    pub delivered: AtomicU64,
    /// Log files put into their bucket.
    pub files: AtomicU64,
    /// Log files that wait for their bucket.
    pub waiting: AtomicI64,
    /// Log files given up.
    pub given_up: AtomicU64,
    /// Events that the log group has.
    pub log_events: AtomicU64,
    /// Events that it will never have: too large, or refused for too long.
    pub log_events_lost: AtomicU64,
    /// When the oldest waiting file was finished, in milliseconds.
    oldest_ms: AtomicI64,
    digests: AtomicU64,
    backfills: AtomicU64,
    last_digest_ms: AtomicI64,
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for TrailFigures {
    fn default() -> TrailFigures {
        TrailFigures {
            selected: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            files: AtomicU64::new(0),
            waiting: AtomicI64::new(0),
            given_up: AtomicU64::new(0),
            log_events: AtomicU64::new(0),
            log_events_lost: AtomicU64::new(0),
            oldest_ms: AtomicI64::new(NEVER),
            digests: AtomicU64::new(0),
            backfills: AtomicU64::new(0),
            last_digest_ms: AtomicI64::new(NEVER),
            errors: Mutex::default(),
        }
    }
}

impl TrailFigures {
    /// The oldest file that waits, if one does.
    pub(crate) fn oldest(&self, cut_ms: Option<i64>) {
        self.oldest_ms.store(cut_ms.unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// A digest is in its bucket, since this moment.
    pub(crate) fn digest_delivered(&self, at: Timestamp, backfill: bool) {
        let count = if backfill { &self.backfills } else { &self.digests };
        count.fetch_add(1, Ordering::Relaxed);
        self.last_digest(at.ms());
    }

    /// When the last digest was put, as an earlier run knew.
    pub(crate) fn last_digest(&self, at_ms: i64) {
        self.last_digest_ms.store(at_ms, Ordering::Relaxed);
    }

    /// An attempt failed.
    pub(crate) fn failed(&self, code: &'static str) {
        *self.errors.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    fn add_to(&self, trail: &str, now: Timestamp, into: &mut Vec<Figure>) {
        let labels = [("trail", trail)];
        let mut counter = |name, help, count: &AtomicU64| {
            into.push(Figure::counter(name, help, &labels, number(count.load(Ordering::Relaxed))));
        };
        counter("cairn_trail_records_selected_total", "Records in finished log files of a trail.", &self.selected);
        counter("cairn_trail_records_delivered_total", "Records in delivered log files of a trail.", &self.delivered);
        counter("cairn_trail_log_files_delivered_total", "Log files put into a trail's bucket.", &self.files);
        counter(
            "cairn_trail_log_files_given_up_total",
            "Log files that a trail's bucket refused for 30 days.",
            &self.given_up,
        );
        counter("cairn_trail_log_events_total", "Events that a trail's log group has.", &self.log_events);
        counter(
            "cairn_trail_log_events_lost_total",
            "Events that a trail's log group will never have: too large, or refused for too long.",
            &self.log_events_lost,
        );
        for (kind, count) in [("regular", &self.digests), ("backfill", &self.backfills)] {
            let labels = [("trail", trail), ("kind", kind)];
            let help = "Digests put into a trail's bucket.";
            let count = number(count.load(Ordering::Relaxed));
            into.push(Figure::counter("cairn_trail_digests_delivered_total", help, &labels, count));
        }
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, count) in errors.iter() {
            let labels = [("trail", trail), ("code", code)];
            let help = "Attempts to deliver that failed, by S3 error code.";
            into.push(Figure::counter("cairn_trail_delivery_errors_total", help, &labels, number(*count)));
        }
        // A file may be delivered before it is counted as waiting.
        let waiting = number(u64::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(0));
        into.push(Figure::gauge(
            "cairn_trail_log_files_waiting",
            "Log files that wait for a trail's bucket.",
            &labels,
            waiting,
        ));
        let mut age = |name, help, at_ms: &AtomicI64| {
            let at_ms = at_ms.load(Ordering::Relaxed);
            if at_ms != NEVER {
                let age = Timestamp::from_ms(now.since_ms(Timestamp::from_ms(at_ms)).max(0)).secs_f64();
                into.push(Figure::gauge(name, help, &labels, age));
            }
        };
        let help = "For how long the oldest waiting log file of a trail has waited.";
        age("cairn_trail_oldest_waiting_seconds", help, &self.oldest_ms);
        age("cairn_trail_last_digest_age_seconds", "How long ago a trail's last digest was put.", &self.last_digest_ms);
    }
}

/// A count as a figure; exact up to 2^53.
fn number(count: u64) -> f64 {
    count as f64
}

impl Figures for CloudTrail {
    fn figures(&self, into: &mut Vec<Figure>) {
        let now = self.shared.env.clock.now();
        for (trail, figures) in self.shared.all_figures() {
            figures.add_to(&trail, now, into);
        }
        let (records, segments) = self.history.size();
        into.push(Figure::gauge(
            "cairn_history_records",
            "Management events that LookupEvents can find.",
            &[],
            number(records),
        ));
        into.push(Figure::gauge("cairn_history_segments", "Sealed segments of history.", &[], number(segments)));
    }
}
