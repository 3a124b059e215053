//! How many notifications went out, by protocol.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ports::Figure;

/// What was counted of one protocol.
#[derive(Clone, Copy, Default)]
struct Counts {
    published: f64,
    delivered: f64,
    failed: f64,
    given_up: f64,
    dead: f64,
}

/// Counters since the start.
#[derive(Default)]
pub(crate) struct Counters {
    by_protocol: Mutex<BTreeMap<&'static str, Counts>>,
    /// Entries of delivery status that are in their groups, and that are not.
    statuses: Mutex<[f64; 2]>,
}

/// The names of protocols, none of which is what a caller wrote.
const PROTOCOLS: [&str; 8] = ["application", "email", "email-json", "http", "https", "lambda", "sms", "sqs"];

impl Counters {
    fn with(&self, protocol: &str, count: impl FnOnce(&mut Counts)) {
        let Some(name) = PROTOCOLS.iter().find(|known| **known == protocol) else { return };
        count(self.by_protocol.lock().expect("no holder of this lock can panic").entry(name).or_default());
    }

    /// A delivery begins.
    pub fn published(&self, protocol: &str) {
        self.with(protocol, |counts| counts.published += 1.0);
    }

    /// It reached the subscriber, or the dead-letter queue.
    pub fn delivered(&self, protocol: &str, is_dead: bool) {
        self.with(protocol, |counts| match is_dead {
            true => counts.dead += 1.0,
            false => counts.delivered += 1.0,
        });
    }

    /// An attempt failed, and another will be made.
    pub fn failed(&self, protocol: &str) {
        self.with(protocol, |counts| counts.failed += 1.0);
    }

    /// No further attempt is made.
    pub fn given_up(&self, protocol: &str) {
        self.with(protocol, |counts| counts.given_up += 1.0);
    }

    /// What became of entries of delivery status.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer entries than 2^53")]
    pub fn status(&self, count: usize, is_written: bool) {
        let mut statuses = self.statuses.lock().expect("no holder of this lock can panic");
        statuses[usize::from(!is_written)] += count as f64;
    }

    /// Adds all figures. `waiting`: deliveries that are not over.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer deliveries than 2^53")]
    pub fn figures(&self, waiting: usize, into: &mut Vec<Figure>) {
        into.push(Figure::gauge(
            "cairn_notifications_waiting",
            "Deliveries of notifications that are not over.",
            &[],
            waiting as f64,
        ));
        let statuses = *self.statuses.lock().expect("no holder of this lock can panic");
        for (outcome, value) in
            [("written", statuses[0]), ("lost", statuses[1])].into_iter().filter(|(_, value)| *value > 0.0)
        {
            into.push(Figure::counter(
                "cairn_notification_statuses_total",
                "Entries of delivery status for log groups, by what became of them.",
                &[("outcome", outcome)],
                value,
            ));
        }
        for (protocol, counts) in self.by_protocol.lock().expect("no holder of this lock can panic").iter() {
            for (outcome, value) in [
                ("begun", counts.published),
                ("delivered", counts.delivered),
                ("retried", counts.failed),
                ("given_up", counts.given_up),
                ("dead_lettered", counts.dead),
            ] {
                into.push(Figure::counter(
                    "cairn_notifications_total",
                    "Deliveries of notifications, by what became of them.",
                    &[("protocol", protocol), ("outcome", outcome)],
                    value,
                ));
            }
        }
    }
}
