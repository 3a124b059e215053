//! The end of the one way: what became of a call is recorded, and only then answered. Every answer of the pipeline is made here.

use std::sync::Arc;

use base::{Region, ids};
use http::Response;
use model::{Fields, Protocol};
use service::decided::{self, Decided};
use service::{ApiError, Body, Notes, Reply};
use sigv4::Family;
use worker::entry;

use crate::audit::build::For;
use crate::audit::{self, Draft, EventKind, Outcome};
use crate::failure;
use crate::meter::{Ended, Ending};
use crate::pipeline::{Arrival, Gateway, Who};
use crate::recorder::{Begun, RECORD_BYTES_MAX};
use crate::reply::{self, ReplyBody};
use crate::route::{NoOperation, Route, Target};

/// What is kept of an error's text in a record that would otherwise be too long.
const ERROR_BYTES_KEPT: usize = 1024;

/// An answer that is ready, with what its record says of it.
struct Answer {
    encoded: wire::Response,
    stream: Option<Body>,
    status: Option<u16>,
    headers: Vec<(&'static str, String)>,
}

impl Gateway {
    #[expect(clippy::too_many_arguments, reason = "the end of the one way: everything comes together here")]
    pub(crate) async fn succeed(
        &self,
        arrival: &Arrival,
        route: &Route<'_>,
        draft: &Draft,
        begun: Option<Begun>,
        output: &Fields,
        reply: Reply,
        notes: &Notes,
        bytes_in: u64,
    ) -> Response<ReplyBody> {
        let encoded = wire::encode(route.protocol, route.model(), route.operation, output, &arrival.request_id);
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                let error = ApiError::internal(format!("{}: {error}", route.operation.name));
                return self.fail_noted(arrival, route, draft, begun, error, bytes_in, notes).await;
            }
        };
        let answer = Answer { encoded, stream: reply.body, status: reply.status, headers: reply.headers };
        if self.deps.recorder.is_on() {
            let outcome = Outcome {
                error: notes.error.as_ref().map(|(code, text)| (code.as_str(), text.as_str())),
                caller: notes.caller.as_ref(),
                recipient: notes.recipient.as_ref(),
                owners: &notes.owners,
                aside: notes.aside.as_deref(),
                response_json: audit::build::response_json(route.model(), route.operation, &route.entry.kind, output),
                resources: &notes.resources,
                additional: &notes.additional,
                bytes_in,
                bytes_out: answer.bytes_out(),
            };
            if let Err(error) = self.record(draft, begun, &outcome).await {
                return self.unrecorded(arrival, Some(route), route.protocol, &error);
            }
        }
        let ended = Ended { ending: Ending::Success, ..Ended::of(route) };
        told(answer.into_response(), ended)
    }

    pub(crate) async fn fail(
        &self,
        arrival: &Arrival,
        route: &Route<'_>,
        draft: &Draft,
        begun: Option<Begun>,
        error: ApiError,
        bytes_in: u64,
    ) -> Response<ReplyBody> {
        self.fail_noted(arrival, route, draft, begun, error, bytes_in, &Notes::default()).await
    }

    #[expect(clippy::too_many_arguments, reason = "as succeed")]
    pub(crate) async fn fail_noted(
        &self,
        arrival: &Arrival,
        route: &Route<'_>,
        draft: &Draft,
        begun: Option<Begun>,
        error: ApiError,
        bytes_in: u64,
        notes: &Notes,
    ) -> Response<ReplyBody> {
        let error = failure::in_words_of(route.family(), error);
        let encoded = self.encode_error(arrival, Some(route), route.protocol, &error);
        self.log_failure(arrival, draft, &error);
        let ended = Ended { ending: Ending::of(&error, &draft.caller), ..Ended::of(route) };
        let outcome = Outcome {
            error: Some((failure::recorded_code(route.model(), route.operation, &error.code), &error.message)),
            resources: &notes.resources,
            additional: &notes.additional,
            caller: notes.caller.as_ref(),
            recipient: notes.recipient.as_ref(),
            owners: &notes.owners,
            aside: notes.aside.as_deref(),
            bytes_in,
            bytes_out: encoded.body.len() as u64,
            ..Outcome::default()
        };
        if let Err(error) = self.record(draft, begun, &outcome).await {
            return self.unrecorded(arrival, Some(route), route.protocol, &error);
        }
        told(reply::from_wire(encoded), ended)
    }

    /// Refuses a request before its input was read.
    pub(crate) async fn refuse(
        &self,
        arrival: &Arrival,
        route: Option<&Route<'_>>,
        target: &Target<'_>,
        who: &Who,
        error: ApiError,
    ) -> Response<ReplyBody> {
        match route {
            Some(route) => {
                let draft = self.draft(arrival, who, route, &Fields::new(), &self.account_of(&who.caller));
                self.fail(arrival, route, &draft, None, error, 0).await
            }
            None => {
                let missing = NoOperation::new("", "");
                self.refuse_unknown(arrival, &missing, target.family(), who, error).await
            }
        }
    }

    /// Refuses a request that means no operation of any model.
    pub(crate) async fn refuse_unknown(
        &self,
        arrival: &Arrival,
        missing: &NoOperation,
        family: Family,
        who: &Who,
        error: ApiError,
    ) -> Response<ReplyBody> {
        // Only a service that is known may stand in a record as one: otherwise anybody could write `iam.amazonaws.com` there.
        let error = failure::in_words_of(family, error);
        let known = self.services.by_name(&missing.service).and_then(|entry| entry.loaded());
        let source = known.and_then(|loaded| loaded.operations.values().next().map(|entry| entry.kind.source.clone()));
        let source = source.unwrap_or_else(|| "unknown".to_owned());
        let name = if missing.operation.is_empty() { "Unknown" } else { &missing.operation };
        let kind = EventKind { source, name: Arc::from(name), read_only: false, data: false, api_version: None };
        let protocol = failure::protocol_of(family);
        let draft = self.draft_of(arrival, who, kind, "null".to_owned(), Vec::new(), false);
        let encoded = self.encode_error(arrival, None, protocol, &error);
        self.log_failure(arrival, &draft, &error);
        let outcome = Outcome { error: Some((&error.code, &error.message)), ..Outcome::default() };
        let service = self.services.position(&missing.service);
        let ended = Ended { service, reads: false, ending: Ending::of(&error, &who.caller) };
        match self.record(&draft, None, &outcome).await {
            Ok(()) => told(reply::from_wire(encoded), ended),
            Err(error) => self.unrecorded(arrival, None, protocol, &error),
        }
    }

    pub(crate) fn draft(
        &self,
        arrival: &Arrival,
        who: &Who,
        route: &Route<'_>,
        input: &Fields,
        owner: &Arc<str>,
    ) -> Draft {
        if !self.deps.recorder.is_on() {
            return self.draft_of(arrival, who, (*route.entry.kind).clone(), String::new(), Vec::new(), false);
        }
        let mut request_json = Vec::with_capacity(256);
        audit::params::write_request(&mut request_json, route.model(), route.operation, input, &arrival.host);
        let request_json = String::from_utf8(request_json).expect("only text was written");
        let service = &*route.model().name;
        let data = route.entry.kind.data;
        let resources = audit::resources::named(service, data, who.region, owner, input);
        let mut draft =
            self.draft_of(arrival, who, (*route.entry.kind).clone(), request_json, resources, service == "s3");
        if route.model().metadata.global_endpoint.is_some() {
            draft.region = Region::US_EAST_1;
        }
        draft.owner = Arc::clone(owner);
        draft
    }

    pub(crate) fn draft_of(
        &self,
        arrival: &Arrival,
        who: &Who,
        kind: EventKind,
        request_json: String,
        resources: Vec<service::ResourceNote>,
        s3: bool,
    ) -> Draft {
        let user_agent = arrival.parts.headers.get("user-agent").map_or_else(String::new, |value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            // S3's records have the user agent in brackets.
            if s3 { format!("[{text}]") } else { text.into_owned() }
        });
        Draft {
            time: arrival.time,
            caller: who.caller.clone(),
            account: self.account_of(&who.caller),
            owner: self.account_of(&who.caller),
            region: who.region,
            source_ip: Arc::clone(&arrival.source_ip),
            user_agent,
            request_id: arrival.request_id.clone(),
            event_id: ids::uuid(&*self.deps.env.rng),
            kind,
            request_json,
            resources,
            s3: s3.then_some(audit::build::S3Access { method: who.method }),
            tls: arrival.tls.map(|session| audit::build::Tls { session, host: arrival.host.clone() }),
            is_call: true,
        }
    }

    /// Records a call that is over. Returns when that is durable.
    pub(crate) async fn record(
        &self,
        draft: &Draft,
        begun: Option<Begun>,
        outcome: &Outcome<'_>,
    ) -> Result<(), journal::Error> {
        if !self.deps.recorder.is_on() {
            return Ok(());
        }
        let mut buffer = Vec::with_capacity(2048);
        buffer.resize(entry::FINISH_HEAD_BYTES, 0);
        draft.write(outcome, &mut buffer);
        if buffer.len() > RECORD_BYTES_MAX {
            // A response larger than the journal takes: the record says all but that.
            buffer.truncate(entry::FINISH_HEAD_BYTES);
            let error = outcome.error.map(|(code, text)| (code, &text[..text.floor_char_boundary(ERROR_BYTES_KEPT)]));
            let outcome = Outcome { error, response_json: None, resources: &[], additional: &[], ..outcome.clone() };
            draft.write(&outcome, &mut buffer);
        }
        let copies = self.copies(draft, outcome, &mut buffer);
        let aside = with_decisions(outcome.aside, &decided::taken());
        if let Some(aside) = aside.filter(|aside| buffer.len() + aside.len() < RECORD_BYTES_MAX) {
            entry::add_aside(&mut buffer, &aside);
        }
        self.deps.recorder.finish(begun, buffer, copies).await
    }

    /// The copies of a record for the accounts whose resources the call acted on. `buffer` has the record itself, which is written again
    /// with what it shares with them.
    fn copies(&self, draft: &Draft, outcome: &Outcome<'_>, buffer: &mut Vec<u8>) -> Vec<Vec<u8>> {
        let owners = draft.copied_to(outcome);
        if owners.is_empty() {
            return Vec::new();
        }
        let rng = &*self.deps.env.rng;
        let shared = ids::uuid(rng);
        let write = |account: &Arc<str>, event_id: &str, buffer: &mut Vec<u8>| {
            buffer.resize(entry::FINISH_HEAD_BYTES, 0);
            draft.write_for(outcome, &For { account, event_id, shared: Some(&shared) }, buffer);
        };
        let mut copies = Vec::new();
        for owner in owners {
            let mut copy = Vec::with_capacity(buffer.len() + 64);
            write(owner, &ids::uuid(rng), &mut copy);
            copies.push(copy);
        }
        // All of them go into one batch of the journal.
        let all: usize = copies.iter().map(Vec::len).sum::<usize>() + buffer.len();
        if all > RECORD_BYTES_MAX {
            tracing::warn!(request_id = draft.request_id, "a record is too long for copies to other accounts");
            return Vec::new();
        }
        buffer.clear();
        write(draft.recipient(outcome), &draft.event_id, buffer);
        copies
    }

    /// The answer when the record cannot be written: recorded or refused.
    pub(crate) fn unrecorded(
        &self,
        arrival: &Arrival,
        route: Option<&Route<'_>>,
        protocol: Protocol,
        error: &journal::Error,
    ) -> Response<ReplyBody> {
        tracing::error!(%error, request_id = arrival.request_id, source_ip = %arrival.source_ip, "a call is refused because it cannot be recorded");
        let refusal = ApiError::unavailable(error);
        let ended = route.map_or(Ended { service: None, reads: false, ending: Ending::ServerError }, Ended::of);
        told(reply::from_wire(self.encode_error(arrival, route, protocol, &refusal)), ended)
    }

    /// Says in the log that a call failed: what is our fault as an error, what is the caller's for who wants to see it.
    pub(crate) fn log_failure(&self, arrival: &Arrival, draft: &Draft, error: &ApiError) {
        let (service, operation) = (draft.kind.source.as_str(), &*draft.kind.name);
        let Arrival { request_id, source_ip, .. } = arrival;
        let (code, status) = (&*error.code, error.status);
        let principal = draft.caller.arn();
        let principal = principal.as_deref().unwrap_or("unknown");
        if error.status >= 500 && error.log.is_some() {
            let cause = error.log.as_deref().unwrap_or_default();
            tracing::error!(request_id, service, operation, principal, %source_ip, code, status, cause, "a call failed");
        } else {
            tracing::debug!(request_id, service, operation, principal, %source_ip, code, status, "a call was refused");
        }
    }

    pub(crate) fn encode_error(
        &self,
        arrival: &Arrival,
        route: Option<&Route<'_>>,
        protocol: Protocol,
        error: &ApiError,
    ) -> wire::Response {
        let no_body = arrival.parts.method == http::Method::HEAD || matches!(error.status, 304 | 204);
        let reply = wire::ErrorReply {
            code: &error.code,
            message: &error.message,
            status: error.status,
            sender_fault: error.status < 500,
            fields: &error.fields,
            request_id: &arrival.request_id,
            resource: Some(arrival.parts.uri.path()),
            host_id: Some(&arrival.request_id),
            head: no_body,
        };
        wire::encode_error(protocol, route.map(|route| &**route.model()), route.map(|route| route.operation), &reply)
    }
}

impl Ended {
    /// A call of this operation, failed for a reason of ours until something better is known.
    pub(crate) fn of(route: &Route<'_>) -> Ended {
        let service = Some(route.loaded.position);
        Ended { service, reads: route.entry.kind.read_only, ending: Ending::ServerError }
    }
}

/// An answer with what is to be counted of it.
pub(crate) fn told(mut response: Response<ReplyBody>, ended: Ended) -> Response<ReplyBody> {
    response.extensions_mut().insert(ended);
    response
}

impl Answer {
    fn bytes_out(&self) -> u64 {
        self.stream.as_ref().map_or(self.encoded.body.len() as u64, |body| body.len_bytes().unwrap_or(0))
    }

    fn into_response(self) -> Response<ReplyBody> {
        let mut response = reply::from_wire(self.encoded);
        for (name, value) in &self.headers {
            reply::put_header(response.headers_mut(), name, value);
        }
        if let Some(status) = self.status.and_then(|status| http::StatusCode::from_u16(status).ok()) {
            *response.status_mut() = status;
        }
        if let Some(stream) = self.stream {
            *response.body_mut() = ReplyBody::Stream(stream);
        }
        response
    }
}

/// What stands beside a record: what the operation says, with what was decided as `decided`. Both are objects of JSON.
fn with_decisions(aside: Option<&str>, decided: &[Decided]) -> Option<String> {
    if decided.is_empty() {
        return aside.map(str::to_owned);
    }
    let decided = serde_json::to_string(decided).ok()?;
    Some(match aside.and_then(|aside| aside.strip_suffix('}')).filter(|aside| aside.len() > 1) {
        Some(aside) => format!("{aside},\"decided\":{decided}}}"),
        None => format!("{{\"decided\":{decided}}}"),
    })
}
