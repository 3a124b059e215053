//! Pages for people on the way of calls: read, answered, recorded like calls, and only then sent. What is on them is of whoever implements
//! [`ports::Pages`]. A page takes no request that is signed, and no bucket's: no name of a bucket begins as the paths of pages do (ADR 25).

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode, header};
use hyper::body::Incoming;
use ports::{Caller, PageAnswer, PageEvent, PageRequest, PageResponse, PageStep, Pages};
use sigv4::Claim;

use crate::audit;
use crate::meter::{Ended, Ending};
use crate::pipeline::{Arrival, Gateway};
use crate::recorder::Begun;
use crate::reply::ReplyBody;
use crate::route::Target;
use crate::{answer, route};

/// The most that a form of a page has: a federation request's credentials and policies are some kilobytes.
const FORM_BYTES_MAX: usize = 64 << 10;

/// What a browser lets an object do that it opens as a page: run, but as of an origin of its own. Otherwise whoever may write an object
/// could act as whoever opens it and is signed in, since buckets in paths share their origin with the pages. Source: Content Security
/// Policy Level 3, "sandbox".
const CONFINED: HeaderValue = HeaderValue::from_static(
    "sandbox allow-downloads allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-scripts",
);

/// See [`CONFINED`].
pub(crate) fn confine(response: &mut Response<ReplyBody>) {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, CONFINED);
}

impl Gateway {
    /// Whether a request is for an object that a browser may have asked for by itself, on the origin that the pages have: browsers send
    /// no header with a signature.
    pub(crate) fn is_content_beside_pages(&self, arrival: &Arrival, target: &Target<'_>) -> bool {
        self.deps.pages.is_some()
            && matches!(target, Target::Rest { entry, .. } if entry.index.name == "s3")
            && !arrival.parts.headers.contains_key(header::AUTHORIZATION)
            && route::bucket_of_host(&self.deps.host_names, &arrival.host).is_none()
    }

    /// Who answers a request that is for a page.
    pub(crate) fn pages_for(
        &self,
        claim: &Result<Option<Claim>, sigv4::Error>,
        host: &str,
        path: &str,
    ) -> Option<&Arc<dyn Pages>> {
        let pages = self.deps.pages.as_ref()?;
        let is_signed = !matches!(claim, Ok(None));
        let is_object = || route::bucket_of_host(&self.deps.host_names, host).is_some();
        (!is_signed && pages.has(path) && !is_object()).then_some(pages)
    }

    /// Answers a request for a page.
    pub(crate) async fn page(
        &self,
        arrival: &Arrival,
        pages: &Arc<dyn Pages>,
        incoming: Incoming,
    ) -> Response<ReplyBody> {
        let stranger = Caller::Anonymous;
        if !self.throttle.hears(&arrival.source_ip, self.now_ms()) {
            self.throttle.refused(&stranger, &arrival.source_ip, arrival.time, self.now_ms());
            return sent(pages.refusal(true), Ending::Throttled);
        }
        let (body, _permit) = self.buffer(incoming, FORM_BYTES_MAX, &arrival.parts.headers).await;
        let Ok(body) = body else { return sent(pages.refusal(false), Ending::ClientError) };
        let parts = &arrival.parts;
        let step = pages.step(PageRequest {
            time: arrival.time,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or("").to_owned(),
            headers: parts.headers.clone(),
            body,
            host: arrival.host.clone(),
            source_ip: Arc::clone(&arrival.source_ip),
            tls: arrival.tls.map(|session| session.version),
            request_id: arrival.request_id.clone(),
        });
        let (answer, begun) = match step.await {
            PageStep::Done(answer) => (answer, None),
            PageStep::Work { event, work } => match self.begin_page(arrival, &event).await {
                Ok(begun) => (work.await, begun),
                Err(error) => return self.page_unrecorded(arrival, pages, &error),
            },
        };
        let PageAnswer { response, events, is_failure } = answer;
        if is_failure {
            self.throttle.failed(&arrival.source_ip, self.now_ms());
        }
        let mut begun = begun;
        for event in &events {
            let record = self.page_record(arrival, event, worker::entry::FINISH_HEAD_BYTES);
            if let Err(error) = self.deps.recorder.finish(begun.take(), record, Vec::new()).await {
                return self.page_unrecorded(arrival, pages, &error);
            }
        }
        let ending = match response.status {
            _ if is_failure => Ending::Unauthenticated,
            500.. => Ending::ServerError,
            400.. => Ending::ClientError,
            _ => Ending::Success,
        };
        sent(response, ending)
    }

    async fn begin_page(&self, arrival: &Arrival, event: &PageEvent) -> Result<Option<Begun>, journal::Error> {
        if !self.deps.recorder.is_on() {
            return Ok(None);
        }
        self.deps.recorder.begin(self.page_record(arrival, event, 0)).await.map(Some)
    }

    /// The record of an event, after so many spare bytes.
    fn page_record(&self, arrival: &Arrival, event: &PageEvent, spare_bytes: usize) -> Vec<u8> {
        let mut out = vec![0; spare_bytes];
        let user_agent = arrival.parts.headers.get("user-agent").map(|value| String::from_utf8_lossy(value.as_bytes()));
        let around = audit::sign_in::Around {
            time: arrival.time,
            first_account: &self.deps.account,
            source_ip: &arrival.source_ip,
            user_agent: user_agent.as_deref().unwrap_or_default(),
            event_id: base::ids::uuid(&*self.deps.env.rng),
            tls: arrival.tls,
            host: &arrival.host,
        };
        audit::sign_in::write(event, &around, &mut out);
        out
    }

    /// What could not be recorded is not answered.
    fn page_unrecorded(
        &self,
        arrival: &Arrival,
        pages: &Arc<dyn Pages>,
        error: &journal::Error,
    ) -> Response<ReplyBody> {
        tracing::error!(%error, request_id = arrival.request_id, source_ip = %arrival.source_ip, "a sign-in is refused because it cannot be recorded");
        sent(pages.refusal(false), Ending::ServerError)
    }
}

fn sent(page: PageResponse, ending: Ending) -> Response<ReplyBody> {
    let body = (!page.body.is_empty()).then_some(page.body);
    let mut response = Response::new(ReplyBody::Full(body));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in page.headers {
        // One that HTTP cannot carry was made of what a client wrote.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    answer::told(response, Ended { service: None, reads: false, ending })
}
