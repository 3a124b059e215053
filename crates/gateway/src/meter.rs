//! What the gateway counts of itself: calls by service, kind and outcome, how long they took, what was refused before it was one.
//! Labels are names of our own and of the catalog: nothing that a client wrote.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use journal::measure::{MILLISECONDS, Measure, Measured};
use ports::{Caller, Figure, FigureValue};
use service::ApiError;

/// What became of a call, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    /// The caller may not.
    Denied,
    /// Nobody knows who the caller is.
    Unauthenticated,
    /// Too many calls.
    Throttled,
    /// Any other mistake of the client's.
    ClientError,
    /// Ours.
    ServerError,
}

const ENDINGS: [(Ending, &str); 6] = [
    (Ending::Success, "success"),
    (Ending::Denied, "denied"),
    (Ending::Unauthenticated, "unauthenticated"),
    (Ending::Throttled, "throttled"),
    (Ending::ClientError, "client_error"),
    (Ending::ServerError, "server_error"),
];

/// Put into an answer by whoever makes it, for the count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// The service's place in the catalog; `None` for one that is unknown.
    pub service: Option<usize>,
    pub reads: bool,
    pub ending: Ending,
}

impl Ending {
    /// Of a refusal.
    pub(crate) fn of(error: &ApiError, caller: &Caller) -> Ending {
        match (&*error.code, error.status) {
            _ if crate::failure::is_of_rate(error) => Ending::Throttled,
            (_, 500..) => Ending::ServerError,
            _ if matches!(caller, Caller::Unknown { .. }) => Ending::Unauthenticated,
            ("MissingAuthenticationToken" | "MissingAuthenticationTokenException", _) => Ending::Unauthenticated,
            (_, 403) | ("AccessDeniedException", _) => Ending::Denied,
            _ => Ending::ClientError,
        }
    }
}

/// See the module.
pub(crate) struct Meter {
    /// The catalog's services, and one place for those that are unknown.
    names: Vec<String>,
    /// By service, kind, ending.
    calls: Vec<AtomicU64>,
    took_ms: [Measure; 2],
    pub connections: AtomicUsize,
    pub connections_total: AtomicU64,
    pub handshakes_failed: AtomicU64,
    pub panics: AtomicU64,
    pub scrapes_refused: AtomicU64,
    pub refused_disk: AtomicU64,
    pub stalled: AtomicU64,
}

const KINDS: [&str; 2] = ["read", "write"];

impl Meter {
    /// For the services of these names.
    pub(crate) fn new(services: impl Iterator<Item = String>) -> Meter {
        let mut names: Vec<_> = services.collect();
        names.push("unknown".to_owned());
        let cells = names.len() * KINDS.len() * ENDINGS.len();
        Meter {
            names,
            calls: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            took_ms: [Measure::new(MILLISECONDS), Measure::new(MILLISECONDS)],
            connections: AtomicUsize::new(0),
            connections_total: AtomicU64::new(0),
            handshakes_failed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            scrapes_refused: AtomicU64::new(0),
            refused_disk: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        }
    }

    fn cell(&self, service: usize, kind: usize, ending: usize) -> &AtomicU64 {
        &self.calls[(service * KINDS.len() + kind) * ENDINGS.len() + ending]
    }

    /// Counts a call that was answered.
    pub(crate) fn call(&self, ended: Ended, took_ms: u64) {
        let service = ended.service.unwrap_or(self.names.len() - 1).min(self.names.len() - 1);
        let kind = usize::from(!ended.reads);
        let ending = ENDINGS.iter().position(|(ending, _)| *ending == ended.ending).expect("each ending is listed");
        self.cell(service, kind, ending).fetch_add(1, Ordering::Relaxed);
        self.took_ms[kind].note(took_ms);
    }

    /// A connection that has come, until the guard is dropped.
    pub(crate) fn connection(&self) -> impl Drop + '_ {
        struct Guard<'a>(&'a AtomicUsize);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connections_total.fetch_add(1, Ordering::Relaxed);
        Guard(&self.connections)
    }

    /// Adds what was counted.
    pub(crate) fn figures(&self, into: &mut Vec<Figure>) {
        for (service, service_name) in self.names.iter().enumerate() {
            for (kind, kind_name) in KINDS.iter().enumerate() {
                for (ending, (_, ending_name)) in ENDINGS.iter().enumerate() {
                    let count = self.cell(service, kind, ending).load(Ordering::Relaxed);
                    if count > 0 {
                        let labels =
                            [("service", service_name.as_str()), ("kind", kind_name), ("outcome", ending_name)];
                        let help = "Calls that were answered.";
                        into.push(Figure::counter("cairn_calls_total", help, &labels, float(count)));
                    }
                }
            }
        }
        for (kind, measure) in KINDS.iter().zip(&self.took_ms) {
            let help = "Time from the head of a call to its answer, its record included, in whole milliseconds.";
            into.push(histogram("cairn_call_duration_seconds", help, &[("kind", kind)], &measure.read(), 0.001));
        }
        let connections = u64::try_from(self.connections.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        into.push(Figure::gauge("cairn_connections", "Connections that are open.", &[], float(connections)));
        let counters = [
            ("cairn_connections_total", "Connections that were accepted.", &self.connections_total),
            (
                "cairn_tls_handshakes_failed_total",
                "Connections that ended in their TLS handshake.",
                &self.handshakes_failed,
            ),
            ("cairn_panics_total", "Requests and connections that ended in a mistake of the program.", &self.panics),
            (
                "cairn_metrics_refused_total",
                "Requests for these figures without the right token.",
                &self.scrapes_refused,
            ),
            ("cairn_calls_refused_disk_total", "Calls refused because the disk was nearly full.", &self.refused_disk),
            (
                "cairn_connections_stalled_total",
                "Connections given up because the client did not read its answer.",
                &self.stalled,
            ),
        ];
        for (name, help, count) in counters {
            into.push(Figure::counter(name, help, &[], float(count.load(Ordering::Relaxed))));
        }
    }
}

/// A count as a figure has it. Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// A figure of what a [`journal::Measure`] has counted, each value times `unit` (0.001 for milliseconds in seconds).
pub fn histogram(
    name: &'static str,
    help: &'static str,
    labels: &[(&'static str, &str)],
    measured: &Measured,
    unit: f64,
) -> Figure {
    let mut so_far = 0;
    let counts = measured.counts.iter().take(measured.bounds.len()).map(|count| {
        so_far += count;
        so_far
    });
    let counts: Vec<u64> = counts.collect();
    // Dividing gives the decimal that is meant (0.002) where multiplying gives its neighbour.
    let bounds = measured.bounds.iter().map(|bound| float(*bound) / (1.0 / unit).round()).collect();
    let value =
        FigureValue::Histogram { bounds, count: measured.count.max(so_far), counts, sum: float(measured.sum) * unit };
    Figure { value, ..Figure::gauge(name, help, labels, 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_where_they_belong() {
        let meter = Meter::new(["iam".to_owned(), "s3".to_owned()].into_iter());
        meter.call(Ended { service: Some(1), reads: true, ending: Ending::Denied }, 3);
        meter.call(Ended { service: None, reads: false, ending: Ending::Unauthenticated }, 0);
        let mut figures = Vec::new();
        meter.figures(&mut figures);
        let calls: Vec<_> = figures.iter().filter(|figure| figure.name == "cairn_calls_total").collect();
        let labels =
            |figure: &Figure| figure.labels.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            calls.iter().map(|f| labels(f)).collect::<Vec<_>>(),
            ["s3 read denied", "unknown write unauthenticated"]
        );
    }

    #[test]
    fn a_histogram_is_cumulative_and_in_seconds() {
        let measure = Measure::new(MILLISECONDS);
        for ms in [0, 2, 2, 40_000] {
            measure.note(ms);
        }
        let FigureValue::Histogram { bounds, counts, count, sum } =
            histogram("h", "", &[], &measure.read(), 0.001).value
        else {
            panic!("not a histogram")
        };
        assert_eq!((bounds[0], bounds[1], counts[0], counts[1]), (0.001, 0.002, 1, 3));
        assert_eq!((counts[counts.len() - 1], count), (3, 4));
        assert!((sum - 40.004).abs() < 1e-9);
    }
}
