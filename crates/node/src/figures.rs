//! Figures of the journal and of its consumers, which know nothing of figures themselves.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use base::Env;
use gateway::{float, histogram};
use journal::{Journal, Seq};
use ports::{Figure, Figures};
use worker::Crew;

/// The journal's figures.
pub(crate) struct JournalFigures(pub Arc<dyn Journal>);

impl Figures for JournalFigures {
    fn figures(&self, into: &mut Vec<Figure>) {
        let stats = self.0.stats();
        let size = |count: usize| float(u64::try_from(count).unwrap_or(u64::MAX));
        let (gauge, counter) = (Figure::gauge, Figure::counter);
        let sync = "Time of each sync to the disk, in whole milliseconds.";
        into.push(histogram("cairn_journal_sync_duration_seconds", sync, &[], &stats.sync_ms, 0.001));
        let batch = "Entries made durable together by one sync.";
        into.push(histogram("cairn_journal_commit_entries", batch, &[], &stats.commit_entries, 1.0));
        for (name, help, count) in [
            ("cairn_journal_entries_total", "Entries made durable.", stats.appended_entries),
            (
                "cairn_journal_entry_bytes_total",
                "Bytes of entries made durable, before compression.",
                stats.appended_bytes,
            ),
            ("cairn_journal_commits_total", "Commits, each one write and one sync.", stats.commits),
        ] {
            into.push(counter(name, help, &[], float(count)));
        }
        for (reason, count) in [("full", stats.refused_full), ("failed", stats.refused_disk)] {
            let help = "Appends that the journal's disk did not take.";
            into.push(counter("cairn_journal_refused_total", help, &[("reason", reason)], float(count)));
        }
        into.push(gauge("cairn_journal_queue_depth", "Appends that wait to be written.", &[], size(stats.queue_depth)));
        into.push(gauge("cairn_journal_disk_bytes", "Length of the journal's files.", &[], float(stats.bytes_on_disk)));
        into.push(gauge("cairn_journal_segments", "Files of the journal.", &[], size(stats.segments)));
        let (first, end) = (self.0.first(), self.0.durable_end());
        into.push(gauge("cairn_journal_first_entry", "Position of the oldest entry kept.", &[], float(first.get())));
        into.push(gauge("cairn_journal_end_entry", "Position after the newest entry.", &[], float(end.get())));
    }
}

/// How far the consumers are behind, in entries and in time.
pub(crate) struct CrewFigures {
    journal: Arc<dyn Journal>,
    crew: Arc<Crew>,
    env: Env,
    samples: Mutex<Samples>,
}

/// Where the journal's end was at which time.
#[derive(Default)]
struct Samples(VecDeque<(Seq, u64)>);

/// Samples kept: at one every few seconds, some hours. A consumer that is further behind is said to be as far as the oldest.
const SAMPLES_MAX: usize = 4096;

impl Samples {
    fn add(&mut self, end: Seq, now_ms: u64) {
        // While nothing is written the last time counts: all that is before the end was there by then.
        if let Some(last) = self.0.back_mut().filter(|(at, _)| *at == end) {
            last.1 = now_ms;
            return;
        }
        if self.0.len() >= SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((end, now_ms));
    }

    /// How long ago the journal's end was where the cursor is now, in milliseconds. As exact as samples are close.
    fn behind_ms(&self, cursor: Seq, end: Seq, now_ms: u64) -> u64 {
        if cursor >= end {
            return 0;
        }
        let at = self.0.partition_point(|(end, _)| *end <= cursor);
        let since = at.checked_sub(1).and_then(|at| self.0.get(at)).or(self.0.front());
        since.map_or(0, |(_, ms)| now_ms.saturating_sub(*ms))
    }
}

impl CrewFigures {
    pub(crate) fn new(journal: Arc<dyn Journal>, crew: Arc<Crew>, env: Env) -> CrewFigures {
        let figures = CrewFigures { journal, crew, env, samples: Mutex::default() };
        figures.sample();
        figures
    }

    /// Notes where the journal's end is. To be called every few seconds.
    pub(crate) fn sample(&self) {
        let now_ms = self.env.clock.monotonic_ms();
        let end = self.journal.durable_end();
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).add(end, now_ms);
    }
}

impl Figures for CrewFigures {
    fn figures(&self, into: &mut Vec<Figure>) {
        let end = self.journal.durable_end();
        let now_ms = self.env.clock.monotonic_ms();
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        for consumer in self.crew.status() {
            let labels = [("consumer", consumer.name)];
            let lag = end.get().saturating_sub(consumer.cursor.get());
            let help = "Entries of the journal that the consumer has not taken.";
            into.push(Figure::gauge("cairn_consumer_lag_entries", help, &labels, float(lag)));
            let behind_ms = samples.behind_ms(consumer.cursor, end, now_ms);
            let help = "Age of the oldest entry that the consumer has not taken, to some seconds.";
            into.push(Figure::gauge("cairn_consumer_lag_seconds", help, &labels, float(behind_ms) / 1000.0));
            let kept = end.get().saturating_sub(consumer.needs.get());
            let help = "Entries that the journal keeps for the consumer.";
            into.push(Figure::gauge("cairn_consumer_kept_entries", help, &labels, float(kept)));
            let help = "Failures of the consumer, each tried again.";
            into.push(Figure::counter("cairn_consumer_failures_total", help, &labels, float(consumer.failures)));
            let is_failing = if consumer.failure.is_some() { 1.0 } else { 0.0 };
            let help = "Whether the consumer's last attempt failed: 1 or 0.";
            into.push(Figure::gauge("cairn_consumer_failing", help, &labels, is_failing));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_behind_is_that_of_the_oldest_entry_not_taken() {
        let mut samples = Samples::default();
        for (end, ms) in [(10, 0), (10, 5_000), (20, 10_000), (30, 15_000)] {
            samples.add(Seq::new(end), ms);
        }
        let behind = |cursor| samples.behind_ms(Seq::new(cursor), Seq::new(35), 16_000);
        assert_eq!(behind(35), 0);
        assert_eq!(behind(30), 1_000);
        assert_eq!(behind(29), 6_000);
        assert_eq!(behind(10), 11_000, "until 5,000 there was nothing to take");
        assert_eq!(behind(1), 11_000);
    }

    #[test]
    fn samples_are_bounded() {
        let mut samples = Samples::default();
        for n in 0..3 * u64::try_from(SAMPLES_MAX).unwrap() {
            samples.add(Seq::new(n), n);
        }
        assert_eq!(samples.0.len(), SAMPLES_MAX);
    }
}
