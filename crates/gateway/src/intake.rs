//! How a request's body comes in: buffered, with its room in memory, or as a stream with its checks and its pace.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use hyper::body::Incoming;
use service::{ApiError, Body};
use sigv4::{Claim, Family, PayloadHash, PayloadKind};
use tokio::sync::OwnedSemaphorePermit;

use crate::body::{self, Check, Patience};
use crate::pipeline::{Arrival, Gateway};
use crate::{Limits, failure};

/// Whoever has not named a key that we know may send this much: more than any call that needs no signature.
const STRANGERS_BODY_BYTES_MAX: usize = 64 << 10;

/// Buffered bytes are counted in units of this size.
pub(crate) const BUFFER_UNIT_BYTES: usize = 1024;

/// The room for buffered bodies, in units.
pub(crate) fn buffer_units(limits: &Limits) -> usize {
    (limits.buffered_bytes_max / BUFFER_UNIT_BYTES).min(tokio::sync::Semaphore::MAX_PERMITS)
}

/// A body that will stream, and what its check needs if the request was signed.
pub(crate) type Streamed = (Incoming, Option<(PayloadKind, sigv4::Verified)>);

impl Gateway {
    /// How much a request may send: a little, unless it names a key that we know.
    pub(crate) async fn body_limit(&self, claim: &Result<Option<Claim>, sigv4::Error>) -> usize {
        let Ok(Some(claim)) = claim else { return STRANGERS_BODY_BYTES_MAX };
        match self.deps.credentials.find(&claim.access_key_id).await {
            Ok(Some(_)) => self.deps.limits.body_bytes_max,
            _ => STRANGERS_BODY_BYTES_MAX,
        }
    }

    /// A whole body, with its room in memory. Waits, within limits, for the client and while other requests hold too much.
    pub(crate) async fn buffer(
        &self,
        incoming: Incoming,
        limit_bytes: usize,
        headers: &http::HeaderMap,
    ) -> (Result<Bytes, ApiError>, Option<tokio::sync::SemaphorePermit<'_>>) {
        use http_body::Body as _;
        let limits = &self.deps.limits;
        let declared = incoming.size_hint().upper().and_then(|upper| usize::try_from(upper).ok());
        let inflated = if headers.contains_key("content-encoding") { limits.body_bytes_max } else { 0 };
        let bytes = declared.unwrap_or(limit_bytes).min(limit_bytes) + inflated;
        let units = u32::try_from(bytes / BUFFER_UNIT_BYTES + 1).unwrap_or(u32::MAX);
        let Ok(permit) = tokio::time::timeout(limits.body_timeout, self.buffered.acquire_many(units)).await else {
            return (Err(ApiError::new("SlowDown", 503, "Please reduce your request rate.")), None);
        };
        let collected = body::collect(incoming, limit_bytes, limits.body_timeout);
        let collected = tokio::time::timeout(limits.body_total_timeout, collected).await;
        (collected.unwrap_or_else(|_| Err(body::timed_out())), permit.ok())
    }

    /// A place for a streamed body, where there is one to come. Waits, within limits, while there are too many.
    pub(crate) async fn upload_place(&self, streams: bool) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if !streams {
            return Ok(None);
        }
        let place = Arc::clone(&self.uploads).acquire_owned();
        let place = tokio::time::timeout(self.deps.limits.body_timeout, place).await;
        let slow_down = || ApiError::new("SlowDown", 503, "Please reduce your request rate.");
        place.ok().and_then(Result::ok).map(Some).ok_or_else(slow_down)
    }

    /// The streamed body of a call, with its checks.
    pub(crate) fn body(
        &self,
        arrival: &Arrival,
        stream: Option<(Streamed, OwnedSemaphorePermit)>,
        received_bytes: &Arc<AtomicU64>,
    ) -> Result<Option<Body>, ApiError> {
        let Some(((incoming, verified), place)) = stream else { return Ok(None) };
        let headers = &arrival.parts.headers;
        let of_s3 = |error| failure::of_signature(&error, Family::S3);
        let check = match verified {
            Some((PayloadKind::Hash(expected), _)) => Check::Hash(PayloadHash::new(expected)),
            Some((payload, verified)) => {
                let decoder = sigv4::ChunkDecoder::new(headers, payload, Some(&verified)).map_err(of_s3)?;
                decoder.map_or(Check::None, |decoder| Check::Chunks(Box::new(decoder)))
            }
            None => {
                let decoder = sigv4::ChunkDecoder::for_anonymous(headers).map_err(of_s3)?;
                decoder.map_or(Check::None, |decoder| Check::Chunks(Box::new(decoder)))
            }
        };
        let limits = &self.deps.limits;
        let patience = Patience {
            pause: limits.body_timeout,
            total: limits.upload_total_timeout,
            grace: limits.upload_grace,
            bytes_per_sec_min: limits.upload_bytes_per_sec_min,
            clock: Arc::clone(&self.deps.env.clock),
        };
        let (space, clock) = (Arc::clone(&self.space), Arc::clone(&self.deps.env.clock));
        let is_full = move || {
            // Held until the body has ended.
            let _ = &place;
            space.is_low(clock.monotonic_ms())
        };
        Ok(Some(body::stream(incoming, check, patience, Arc::clone(received_bytes), is_full)))
    }
}
