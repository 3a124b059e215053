//! What keeps the gateway up: too many calls are refused, with few records of them; a mistake of the program ends one request and
//! nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::{Region, ids};
use futures_util::FutureExt;
use http::Response;
use service::ApiError;

use crate::audit::{Draft, EventKind, Outcome};
use crate::meter::{Ended, Ending};
use crate::pipeline::{Arrival, Gateway, Who};
use crate::reply::{self, ReplyBody};
use crate::route::{NoOperation, Route, Target};
use crate::throttle::Summary;
use crate::{answer, failure};

/// The event that stands for throttled calls which have no record of their own.
const SUMMARY_EVENT: &str = "ThrottledCalls";
/// Its source.
const SUMMARY_SOURCE: &str = "cairn.amazonaws.com";

impl Gateway {
    pub(crate) fn now_ms(&self) -> u64 {
        self.deps.env.clock.monotonic_ms()
    }

    /// Refuses a call because there are too many. It gets a record of its own, or is counted in a later one: then nothing is
    /// waited for.
    pub(crate) async fn throttled(
        &self,
        arrival: &Arrival,
        found: Result<&Route<'_>, &NoOperation>,
        target: &Target<'_>,
        who: &Who,
    ) -> Response<ReplyBody> {
        let family = target.family();
        let protocol = found.map_or(failure::protocol_of(family), |route| route.protocol);
        let error = failure::of_rate(protocol, family == sigv4::Family::S3);
        if self.throttle.refused(&who.caller, &arrival.source_ip, arrival.time, self.now_ms()) {
            return match found {
                Ok(route) => self.refuse(arrival, Some(route), target, who, error).await,
                Err(missing) => self.refuse_unknown(arrival, missing, family, who, error).await,
            };
        }
        let ended = match found {
            Ok(route) => Ended::of(route),
            Err(missing) => {
                Ended { service: self.services.position(&missing.service), reads: false, ending: Ending::Throttled }
            }
        };
        let encoded = self.encode_error(arrival, found.ok(), protocol, &error);
        answer::told(reply::from_wire(encoded), Ended { ending: Ending::Throttled, ..ended })
    }

    /// Records the throttled calls that have no record of their own: one record for each caller or address, with their number.
    /// To be called every minute or so, and before the journal is closed.
    pub async fn record_throttled(&self) -> Result<(), journal::Error> {
        let mut summaries = self.throttle.take_summaries().into_iter();
        while let Some(summary) = summaries.next() {
            if let Err(error) = self.record_summary(&summary).await {
                self.throttle.put_back(summary);
                summaries.for_each(|summary| self.throttle.put_back(summary));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn record_summary(&self, summary: &Summary) -> Result<(), journal::Error> {
        let rng = &*self.deps.env.rng;
        let kind = EventKind {
            source: SUMMARY_SOURCE.to_owned(),
            name: Arc::from(SUMMARY_EVENT),
            read_only: true,
            data: false,
            api_version: None,
        };
        let draft = Draft {
            time: summary.last,
            caller: summary.caller.clone(),
            account: self.account_of(&summary.caller),
            owner: self.account_of(&summary.caller),
            region: Region::US_EAST_1,
            source_ip: Arc::clone(&summary.source_ip),
            user_agent: SUMMARY_SOURCE.to_owned(),
            request_id: ids::uuid(rng),
            event_id: ids::uuid(rng),
            kind,
            request_json: "null".to_owned(),
            resources: Vec::new(),
            s3: None,
            tls: None,
            is_call: false,
        };
        let additional = [
            ("throttledCalls", summary.calls.to_string()),
            ("firstThrottled", summary.first.to_string()),
            ("lastThrottled", summary.last.to_string()),
        ];
        let error = Some(("ThrottlingException", "Rate exceeded"));
        self.record(&draft, None, &Outcome { error, additional: &additional, ..Outcome::default() }).await
    }

    /// Lets a request's work run, and answers in its place if it panics.
    pub(crate) async fn caught(
        &self,
        source_ip: &str,
        work: impl Future<Output = Response<ReplyBody>>,
    ) -> Response<ReplyBody> {
        let done = std::panic::AssertUnwindSafe(work).catch_unwind().await;
        done.unwrap_or_else(|panic| {
            self.meter.panics.fetch_add(1, Ordering::Relaxed);
            let cause = panic_text(&*panic);
            tracing::error!(cause, source_ip, "a request ended in a mistake of the program");
            let mut response = reply::text(500, "internal error\n");
            // What is left of the request is unknown.
            response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
            response
        })
    }

    /// An operation's panic as its error.
    pub(crate) fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> ApiError {
        self.meter.panics.fetch_add(1, Ordering::Relaxed);
        ApiError::internal(format!("an operation panicked: {}", panic_text(panic)))
    }

    /// Whether calls that change something have to wait for room on the disk.
    pub(crate) fn is_disk_low(&self) -> bool {
        self.space.is_low(self.now_ms())
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("(no text)")
}
