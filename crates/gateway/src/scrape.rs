//! `GET /metrics`: the figures, for whoever holds the token. No AWS call, so not recorded; and never without the token, because
//! figures tell how busy which service is.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response};
use ports::{Figure, Figures};
use subtle::ConstantTimeEq;

use crate::Gateway;
use crate::exposition;
use crate::intake::{BUFFER_UNIT_BYTES, buffer_units};
use crate::meter::float;
use crate::reply::{self, ReplyBody};

/// Whether a request asks for figures, and the answer if it does. A signed request for this path means a bucket.
pub(crate) fn answer<B>(request: &Request<B>, gateway: &Gateway) -> Option<Response<ReplyBody>> {
    let token = gateway.deps.outside.metrics_token.as_ref()?;
    let is_ours =
        request.method() == Method::GET && request.uri().path() == "/metrics" && request.uri().query().is_none();
    let given = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let bearer = given.and_then(|given| {
        let (scheme, token) = given.split_at_checked(BEARER.len())?;
        let is_bearer = scheme.eq_ignore_ascii_case(BEARER) && token.first().is_none_or(|byte| *byte == b' ');
        is_bearer.then(|| token.trim_ascii())
    });
    if !is_ours || given.is_some() && bearer.is_none() {
        return None;
    }
    // Hashes are of one length, so that the comparison tells nothing of the token's.
    let is_right = |given: &[u8]| bool::from(sigv4::sha256(given).ct_eq(&sigv4::sha256(token.0.as_bytes())));
    if !bearer.is_some_and(is_right) {
        gateway.meter.scrapes_refused.fetch_add(1, Ordering::Relaxed);
        let mut response =
            reply::text(401, "the figures need the token in the file metrics-token of the data folder\n");
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"cairn\""));
        return Some(response);
    }
    let text = exposition::text(&gateway.figures());
    let mut response = Response::new(ReplyBody::Full(Some(text.into())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(exposition::CONTENT_TYPE));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

const BEARER: &[u8] = b"Bearer";

impl Gateway {
    /// Adds a part of the program to those asked for figures.
    pub fn watch(&self, part: Arc<dyn Figures>) {
        self.watched.write().unwrap_or_else(PoisonError::into_inner).push(part);
    }

    /// The figures of the gateway and of all that it watches.
    pub fn figures(&self) -> Vec<Figure> {
        let mut all = Vec::new();
        self.meter.figures(&mut all);
        self.own_figures(&mut all);
        for part in self.watched.read().unwrap_or_else(PoisonError::into_inner).iter().chain(&self.deps.outside.figures)
        {
            part.figures(&mut all);
        }
        all
    }

    fn own_figures(&self, into: &mut Vec<Figure>) {
        let size = |count: usize| float(u64::try_from(count).unwrap_or(u64::MAX));
        let gauge = Figure::gauge;
        let units = buffer_units(&self.deps.limits);
        let (in_flight, waiting) = (self.in_flight(), self.deps.recorder.waiting());
        let held = units.saturating_sub(self.buffered.available_permits()) * BUFFER_UNIT_BYTES;
        into.push(gauge("cairn_calls_in_flight", "Calls under way.", &[], size(in_flight)));
        into.push(gauge("cairn_buffered_bytes", "Memory set aside for requests' bodies.", &[], size(held)));
        let limit = size(units * BUFFER_UNIT_BYTES);
        into.push(gauge("cairn_buffered_bytes_limit", "The most that is set aside for requests' bodies.", &[], limit));
        let is_ready = if self.deps.recorder.is_ready() { 1.0 } else { 0.0 };
        into.push(gauge("cairn_ready", "Whether calls can be recorded: 1 or 0.", &[], is_ready));
        let (written, refused) = self.deps.recorder.counts();
        let counter = Figure::counter;
        into.push(counter("cairn_records_written_total", "Records that are durable.", &[], float(written)));
        into.push(counter("cairn_records_refused_total", "Records that the journal refused.", &[], float(refused)));
        let help = "Records of finished calls that wait for the journal.";
        into.push(gauge("cairn_records_waiting", help, &[], size(waiting)));
        let counted = self.throttle.counted();
        for (who, count) in [("caller", counted.callers), ("stranger", counted.strangers)] {
            let help = "Calls refused because there were too many.";
            into.push(counter("cairn_throttled_total", help, &[("who", who)], float(count)));
        }
        let help = "Throttled calls that share a record with others.";
        into.push(counter("cairn_throttled_summed_total", help, &[], float(counted.summed)));
        if let Some((room, reserved)) = self.space.room() {
            into.push(gauge("cairn_disk_free_bytes", "Free on the data folder's disk.", &[], float(room.free_bytes)));
            into.push(gauge("cairn_disk_size_bytes", "Size of the data folder's disk.", &[], float(room.total_bytes)));
            let help = "What must be free for calls that change something.";
            into.push(gauge("cairn_disk_reserve_bytes", help, &[], float(reserved)));
        }
    }
}
