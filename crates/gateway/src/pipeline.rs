//! The one way every call goes: identify, decode, validate, authorize, record, run, record, answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use base::{Env, Region, Timestamp, ids};
use bytes::Bytes;
use futures_util::FutureExt;
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use model::{Fields, Value};
use ports::{AccessRequest, Authorizer, Caller, Credentials, CrossOrigin, Decision, Figures, Pages, RequestContext};
use service::{ApiError, Call, Definition};
use sigv4::{Claim, Family, PayloadHash, PayloadKind, SignedRequest};
use tokio::sync::{Semaphore, watch};

use crate::accounts::Accounts;
use crate::audit::Outcome;
use crate::body;
use crate::identify::{self, SigningKeys};
use crate::meter::{Ended, Ending, Meter};
use crate::outside::Outside;
use crate::recorder::{RECORD_BYTES_MAX, Recorder};
use crate::reply::{self, ReplyBody};
use crate::route::{self, Head, HostNames, NoOperation, Route, Target};
use crate::server::Peer;
use crate::services::Services;
use crate::throttle::Throttle;
use crate::tls::TlsSession;
use crate::{Limits, failure, intake, integrity, page, space};

/// What a gateway is made of.
pub struct Deps {
    /// Time and chance.
    pub env: Env,
    /// The first account of this server: who cannot be identified is recorded there.
    pub account: Arc<str>,
    /// The services that are written: those of the server's first account.
    pub definitions: Vec<Definition>,
    /// The other accounts; `None`: there are none.
    pub accounts: Option<Arc<dyn Accounts>>,
    /// Who owns a key.
    pub credentials: Arc<dyn Credentials>,
    /// Who may what.
    pub authorizer: Arc<dyn Authorizer>,
    /// Which pages browsers may let use a bucket.
    pub cross_origin: Arc<dyn CrossOrigin>,
    /// Pages for people; `None`: there are none.
    pub pages: Option<Arc<dyn Pages>>,
    /// Where calls are recorded.
    pub recorder: Arc<Recorder>,
    /// What one client may take.
    pub limits: Limits,
    /// The names the server is reached by.
    pub host_names: HostNames,
    /// The machine around it.
    pub outside: Outside,
}

/// See the module.
pub struct Gateway {
    pub(crate) deps: Deps,
    pub(crate) services: Services,
    signing_keys: SigningKeys,
    /// Calls under way: each holds a receiver.
    calls: watch::Sender<()>,
    pub(crate) buffered: Semaphore,
    pub(crate) places: Semaphore,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) meter: Meter,
    pub(crate) throttle: Throttle,
    pub(crate) space: Arc<space::Watch>,
    /// Whose figures are shown beside our own.
    pub(crate) watched: RwLock<Vec<Arc<dyn Figures>>>,
}

/// The longest `requestParameters`: half of what a record may have, so that the other half is left for what follows.
const REQUEST_JSON_BYTES_MAX: usize = RECORD_BYTES_MAX / 2;

/// A call of which only the head is known yet.
pub(crate) struct Arrival {
    pub(crate) time: Timestamp,
    pub(crate) request_id: String,
    pub(crate) host: String,
    pub(crate) source_ip: Arc<str>,
    pub(crate) tls: Option<TlsSession>,
    pub(crate) parts: Parts,
}

/// Who calls, as far as is known when something goes wrong.
pub(crate) struct Who {
    pub(crate) caller: Caller,
    pub(crate) region: Region,
    /// How an S3 request was signed.
    pub(crate) method: Option<&'static str>,
}

impl Gateway {
    /// Puts a gateway together.
    pub fn new(mut deps: Deps) -> Gateway {
        let services = Services::new(std::mem::take(&mut deps.definitions));
        let limits = &deps.limits;
        Gateway {
            meter: Meter::new(services.names()),
            services,
            signing_keys: SigningKeys::default(),
            calls: watch::Sender::new(()),
            buffered: Semaphore::new(intake::buffer_units(limits)),
            places: Semaphore::new(limits.calls_max),
            uploads: Arc::new(Semaphore::new(limits.uploads_max)),
            throttle: Throttle::new(limits.caller_rate, limits.address_rate, limits.strangers_rate),
            space: Arc::new(space::Watch::new(deps.outside.space.clone(), limits.disk_reserve)),
            watched: RwLock::default(),
            deps,
        }
    }

    /// Answers one request. The work goes on to its end, and into its record, even if the client goes away.
    pub async fn handle(self: &Arc<Gateway>, request: http::Request<Incoming>, peer: &Peer) -> Response<ReplyBody> {
        let gateway = Arc::clone(self);
        // A client that goes away leaves its call running: connections alone do not bound the number of calls.
        let place = self.places.acquire().await.expect("it is never closed");
        place.forget();
        let under_way = self.calls.subscribe();
        // In a box: a task's own memory is aligned to cache lines, which allocators are slow at when it is large.
        let (source_ip, tls) = (Arc::clone(&peer.ip), peer.tls);
        let task = tokio::spawn(Box::pin(async move {
            let start_ms = gateway.now_ms();
            let response = {
                let work = service::decided::gather(gateway.process(request, Arc::clone(&source_ip), tls));
                gateway.caught(&source_ip, work).await
            };
            let ended = response.extensions().get::<Ended>().copied();
            let unknown = Ended { service: None, reads: false, ending: Ending::ServerError };
            gateway.meter.call(ended.unwrap_or(unknown), gateway.now_ms().saturating_sub(start_ms));
            drop(under_way);
            gateway.places.add_permits(1);
            response
        }));
        // Panics are caught in the task: what is left is a runtime that is going down.
        let task = async { task.await.expect("the runtime outlives its connections") };
        self.caught(&peer.ip, task).await
    }

    /// Calls under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls.receiver_count()
    }

    /// Completes when no call is under way, also of clients that have gone away.
    pub(crate) async fn idle(&self) {
        self.calls.closed().await;
    }

    async fn process(
        &self,
        request: http::Request<Incoming>,
        source_ip: Arc<str>,
        tls: Option<TlsSession>,
    ) -> Response<ReplyBody> {
        let (parts, incoming) = request.into_parts();
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        let time = self.deps.env.clock.now();
        let mut arrival = Arrival { time, request_id: String::new(), host, source_ip, tls, parts };
        let Arrival { parts, host, .. } = &arrival;
        let signed = SignedRequest {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or(""),
            headers: &parts.headers,
        };
        let claim = sigv4::parse(&signed);
        if let Some(pages) = self.pages_for(&claim, host, signed.path) {
            arrival.request_id = ids::uuid(&*self.deps.env.rng);
            return self.page(&arrival, pages, incoming).await;
        }
        let head =
            Head { method: &parts.method, path: signed.path, query: signed.query, headers: &parts.headers, host };
        let target =
            route::target(&self.services, &self.deps.host_names, &head, claim.as_ref().ok().and_then(Option::as_ref));
        let request_id = match target.family() {
            Family::S3 => ids::s3_request_id(&*self.deps.env.rng),
            Family::Json | Family::Query | Family::Rest => ids::uuid(&*self.deps.env.rng),
        };
        arrival.request_id = request_id;
        if let Some(path) = self.preflight_path(&arrival.parts.method, &target) {
            return self.preflight(&arrival, &path).await;
        }
        let is_content = self.is_content_beside_pages(&arrival, &target);
        let from_page = self.page_of(&arrival.parts, &target);
        let mut response = self.dispatch(arrival, claim, target, incoming).await;
        if let Some(from_page) = from_page {
            self.let_page_see(from_page, &mut response).await;
        }
        if is_content {
            page::confine(&mut response);
        }
        response
    }

    /// Finds the operation, as far as the head names it, and refuses strangers who have failed too often.
    async fn dispatch(
        &self,
        arrival: Arrival,
        claim: Result<Option<Claim>, sigv4::Error>,
        target: Target<'_>,
        incoming: Incoming,
    ) -> Response<ReplyBody> {
        let head = Head {
            method: &arrival.parts.method,
            path: arrival.parts.uri.path(),
            query: arrival.parts.uri.query().unwrap_or(""),
            headers: &arrival.parts.headers,
            host: &arrival.host,
        };
        let found = route::operation(&target, &head);
        let stranger = (!matches!(claim, Ok(Some(_)))).then(|| self.claimed(&claim));
        if let Some(who) = &stranger
            && !self.throttle.hears(&arrival.source_ip, self.now_ms())
        {
            let missing = NoOperation::new("", "");
            let found = found.as_ref().map_or(Err(&missing), Result::as_ref);
            return self.throttled(&arrival, found, &target, who).await;
        }
        let response = self.hear(&arrival, claim, target, found, incoming).await;
        let ended = response.extensions().get::<Ended>();
        if stranger.is_some() && ended.is_some_and(|ended| ended.ending != Ending::Success) {
            self.throttle.failed(&arrival.source_ip, self.now_ms());
        }
        response
    }

    /// Reads the body, finds the operation if the body names it, learns who calls, and goes on with the call.
    async fn hear<'s>(
        &'s self,
        arrival: &Arrival,
        claim: Result<Option<Claim>, sigv4::Error>,
        target: Target<'s>,
        found: Option<Result<Route<'s>, NoOperation>>,
        incoming: Incoming,
    ) -> Response<ReplyBody> {
        let family = target.family();
        let query = arrival.parts.uri.query().unwrap_or("");
        let streamed = matches!(&found, Some(Ok(route)) if wire::body_is_streamed(route.model(), route.operation));
        let (bytes, _permit, incoming) = if streamed {
            (Ok(Bytes::new()), None, Some(incoming))
        } else {
            let limit = self.body_limit(&claim).await;
            let (bytes, permit) = self.buffer(incoming, limit, &arrival.parts.headers).await;
            (bytes, permit, None)
        };
        let found = match (found, &target, &bytes) {
            (Some(found), _, _) => found,
            (None, Target::Action { entry, .. }, Ok(bytes)) => self.action(*entry, query, bytes),
            (None, _, _) => Err(NoOperation::new("", "")),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                let who = self.claimed(&claim);
                return self.refuse(arrival, found.as_ref().ok(), &target, &who, error).await;
            }
        };
        let s3_path = match target {
            Target::Rest { ref path, .. } => path.as_str(),
            _ => arrival.parts.uri.path(),
        };
        let has_claim = matches!(claim, Ok(Some(_)));
        let identified = self.identify(arrival, claim, family, found.as_ref().ok(), &bytes).await;
        let (who, is_admitted) = match &identified {
            Ok((who, _)) => (who, self.throttle.admits(&who.caller, &arrival.source_ip, self.now_ms())),
            Err(refusal) => (&refusal.0, !has_claim || self.throttle.failed(&arrival.source_ip, self.now_ms())),
        };
        if !is_admitted {
            return self.throttled(arrival, found.as_ref(), &target, who).await;
        }
        match (identified, found) {
            (Ok((who, verified)), Ok(route)) => {
                let check = incoming.map(|incoming| (incoming, verified));
                self.call(arrival, who, route, s3_path, bytes, check).await
            }
            (Ok((who, _)), Err(missing)) => {
                let error = failure::no_operation(&missing.service, &missing.operation, family);
                self.refuse_unknown(arrival, &missing, family, &who, error).await
            }
            (Err(refusal), found) => {
                let (who, error) = *refusal;
                match found {
                    Ok(route) => self.refuse(arrival, Some(&route), &target, &who, error).await,
                    Err(missing) => self.refuse_unknown(arrival, &missing, family, &who, error).await,
                }
            }
        }
    }

    fn action<'s>(
        &'s self,
        entry: Option<&'s crate::services::Entry>,
        query: &str,
        body: &[u8],
    ) -> Result<Route<'s>, NoOperation> {
        let in_body = std::str::from_utf8(body).ok().and_then(wire::action);
        let Some((name, version)) = in_body.or_else(|| wire::action(query)) else {
            let service = entry.map_or(String::new(), |entry| entry.index.name.clone());
            return Err(NoOperation::new(&service, ""));
        };
        route::action(&self.services, entry, &name, version.as_deref())
    }

    /// Who a request says it is from, before anything was proved.
    fn claimed(&self, claim: &Result<Option<Claim>, sigv4::Error>) -> Who {
        match claim {
            Ok(Some(claim)) => Who::unproved(claim),
            Ok(None) => Who { caller: Caller::Anonymous, region: Region::US_EAST_1, method: None },
            Err(_) => Who { caller: Caller::Unknown { access_key_id: None }, region: Region::US_EAST_1, method: None },
        }
    }

    async fn identify(
        &self,
        arrival: &Arrival,
        claim: Result<Option<Claim>, sigv4::Error>,
        family: Family,
        route: Option<&Route<'_>>,
        body: &[u8],
    ) -> Result<(Who, Option<(PayloadKind, sigv4::Verified)>), Box<(Who, ApiError)>> {
        let mut claimed = self.claimed(&claim);
        let claim = match claim {
            Ok(Some(claim)) => claim,
            Ok(None) => {
                let link = arrival.parts.uri.query().and_then(route::region_of_link);
                claimed.region = link.filter(|_| family == Family::Query).unwrap_or(claimed.region);
                let may = family == Family::S3 || route.is_some_and(|route| route.operation.unsigned);
                let missing = || failure::of_signature(&sigv4::Error::MissingAuthentication, family);
                return if may { Ok((claimed, None)) } else { Err(Box::new((claimed, missing()))) };
            }
            Err(error) => return Err(Box::new((claimed, failure::of_signature(&error, family)))),
        };
        let proved = async {
            let region = identify::region(&claim, family)?;
            let credential = identify::credential(&*self.deps.credentials, &claim, family, arrival.time).await?;
            let parts = &arrival.parts;
            let request = SignedRequest {
                method: parts.method.as_str(),
                path: parts.uri.path(),
                query: parts.uri.query().unwrap_or(""),
                headers: &parts.headers,
            };
            let keys = &self.signing_keys;
            let service = route.map_or(claim.service.as_str(), |route| route.scope_service(&claim.service));
            // One endpoint serves every region: the scope says which is meant, so it is right if it exists.
            let rules = sigv4::Rules { service, region: None, unsigned_payload: family == Family::S3 };
            let found = identify::verify(keys, &request, &claim, &credential, body, arrival.time, &rules);
            let found = found.map_err(|error| failure::of_signature(&error, family))?;
            if let (PayloadKind::Hash(expected), false) = (claim.payload, streams(route)) {
                let mut hash = PayloadHash::new(expected);
                hash.update(body);
                hash.finish().map_err(|error| failure::of_signature(&error, family))?;
            }
            Ok((region, found))
        };
        match proved.await {
            Ok((region, found)) => {
                let prefix = route.map_or("", |route| route.entry.prefix.as_str());
                self.deps.credentials.used(&found.caller, arrival.time, region.as_str(), prefix);
                let who = Who { caller: found.caller, region, method: claimed.method };
                Ok((who, Some((claim.payload, found.verified))))
            }
            Err(error) => Err(Box::new((claimed, error))),
        }
    }

    /// Decodes, validates, authorizes, records and runs a call whose caller is known.
    async fn call(
        &self,
        arrival: &Arrival,
        who: Who,
        route: Route<'_>,
        path: &str,
        bytes: Bytes,
        stream: Option<intake::Streamed>,
    ) -> Response<ReplyBody> {
        let family = route.family();
        let parts = &arrival.parts;
        let request = wire::Request {
            method: parts.method.as_str(),
            path,
            query: parts.uri.query().unwrap_or(""),
            headers: &parts.headers,
            body: &bytes,
        };
        let bytes_in = bytes.len() as u64;
        let inflated;
        let request = match body::inflate(&parts.headers, family, &bytes, self.deps.limits.body_bytes_max) {
            Ok(None) => request,
            Ok(Some(plain)) => {
                inflated = plain;
                wire::Request { body: &inflated, ..request }
            }
            Err(error) => {
                let draft = self.draft(arrival, &who, &route, &Fields::new(), &self.account_of(&who.caller));
                return self.fail(arrival, &route, &draft, None, error, bytes_in).await;
            }
        };
        let decoded = wire::decode(route.protocol, route.model(), route.operation, &request);
        let input = match decoded {
            Ok(mut input) => {
                route.with_queue_of_path(&mut input, &arrival.host, parts.uri.path());
                input
            }
            Err(error) => {
                tracing::debug!(
                    request_id = arrival.request_id,
                    detail = error.detail,
                    "a request could not be decoded"
                );
                let draft = self.draft(arrival, &who, &route, &Fields::new(), &self.account_of(&who.caller));
                return self.fail(arrival, &route, &draft, None, failure::of_decoding(error), bytes_in).await;
            }
        };
        let owner = match self.owner(&who, &route, &input).await {
            Ok(owner) => owner,
            Err(error) => {
                let draft = self.draft(arrival, &who, &route, &input, &self.account_of(&who.caller));
                return self.fail(arrival, &route, &draft, None, error, bytes_in).await;
            }
        };
        let mut draft = self.draft(arrival, &who, &route, &input, &owner);
        if draft.request_json.len() > REQUEST_JSON_BYTES_MAX {
            // Escaping can make JSON several times as long as the request was.
            draft.request_json = "null".to_owned();
            draft.resources.clear();
            let error = body::too_large(self.deps.limits.body_bytes_max);
            return self.fail(arrival, &route, &draft, None, error, bytes_in).await;
        }
        let intact =
            if family == Family::S3 && stream.is_none() { integrity::check(&parts.headers, &bytes) } else { Ok(()) };
        let admitted = match intact {
            Ok(()) => self.admit(arrival, &who, &route, input, &owner).await,
            Err(error) => Err(error),
        };
        let input = match admitted {
            Ok(input) => input,
            Err(error) => return self.fail(arrival, &route, &draft, None, error, bytes_in).await,
        };
        let handler = match self.handler(&owner, &route).await {
            Ok(handler) => {
                handler.ok_or_else(|| failure::not_implemented(&route.model().name, &route.operation.name, family))
            }
            Err(error) => Err(error),
        };
        let handler = match handler {
            Ok(handler) => handler,
            Err(error) => return self.fail(arrival, &route, &draft, None, error, bytes_in).await,
        };
        let writes = !route.entry.kind.read_only;
        let name = &*route.operation.name;
        if writes && !space::makes_room(&route.model().name, name) && self.is_disk_low() {
            self.meter.refused_disk.fetch_add(1, Ordering::Relaxed);
            return self.fail(arrival, &route, &draft, None, failure::of_disk(), bytes_in).await;
        }
        let place = match self.upload_place(stream.is_some()).await {
            Ok(place) => place,
            Err(error) => return self.fail(arrival, &route, &draft, None, error, bytes_in).await,
        };
        let begun = if !writes || !self.deps.recorder.is_on() {
            None
        } else {
            let mut record = Vec::new();
            draft.write(&Outcome::default(), &mut record);
            match self.deps.recorder.begin(record).await {
                Ok(begun) => Some(begun),
                Err(error) => return self.unrecorded(arrival, Some(&route), route.protocol, &error),
            }
        };
        let received_bytes = Arc::new(AtomicU64::new(bytes_in));
        let body = match self.body(arrival, stream.zip(place), &received_bytes) {
            Ok(body) => body,
            Err(error) => return self.fail(arrival, &route, &draft, begun, error, bytes_in).await,
        };
        let call = Call {
            caller: who.caller,
            account: owner,
            region: who.region,
            time: arrival.time,
            request_id: arrival.request_id.clone(),
            operation: Arc::clone(&route.operation.name),
            headers: parts.headers.clone(),
            query: parts.uri.query().unwrap_or("").to_owned(),
            source_ip: Arc::clone(&arrival.source_ip),
            tls: arrival.tls.map(|session| session.version),
            host: arrival.host.clone(),
            body: std::sync::Mutex::new(body),
            reply: std::sync::Mutex::default(),
            notes: std::sync::Mutex::default(),
        };
        let run = std::panic::AssertUnwindSafe(handler.run(&call, input)).catch_unwind().await;
        let result = run.unwrap_or_else(|panic| Err(self.panicked(&*panic)));
        // What is left of the body is dropped here, so that the byte count is final.
        drop(call.take_body());
        let bytes_in = received_bytes.load(Ordering::Relaxed);
        let notes = call.notes.into_inner().unwrap_or_default();
        match result {
            Ok(output) => {
                let reply = call.reply.into_inner().unwrap_or_default();
                self.succeed(arrival, &route, &draft, begun, &output, reply, &notes, bytes_in).await
            }
            Err(error) => {
                let reply = call.reply.into_inner().unwrap_or_default();
                let mut response = self.fail_noted(arrival, &route, &draft, begun, error, bytes_in, &notes).await;
                for (name, value) in &reply.headers {
                    reply::put_header(response.headers_mut(), name, value);
                }
                response
            }
        }
    }

    /// Holds a decoded input against the model and the caller's rights.
    async fn admit(
        &self,
        arrival: &Arrival,
        who: &Who,
        route: &Route<'_>,
        input: Fields,
        owner: &Arc<str>,
    ) -> Result<Fields, ApiError> {
        let family = route.family();
        let resource = match &route.entry.handler {
            None => "*".to_owned(),
            Some(handler) => {
                let template = handler.resource();
                service::resource_arn(template, &route.entry.prefix, who.region, owner, &input)
            }
        };
        let names_version = input.get("VersionId").is_some();
        let action = if names_version { &route.entry.version_action } else { &route.entry.action };
        let context = RequestContext { input: Some(&input), ..arrival.context(who.region) };
        let request = AccessRequest { caller: &who.caller, action, resource: &resource, context: &context };
        let asks_itself = route.entry.handler.as_ref().is_some_and(|handler| handler.asks_itself());
        // Who shows a provider's token instead of a signature is found out by the operation.
        let decision = if asks_itself && (who.caller.account().is_some() || route.operation.unsigned) {
            Decision::FREE
        } else {
            self.deps.authorizer.decide(&request).await?
        };
        if !decision.is_allow() {
            let prefix = &route.entry.prefix;
            return Err(failure::of_decision(&decision, &who.caller, action, &resource, prefix, route.protocol));
        }
        let Some(shape) = &route.operation.input else { return Ok(input) };
        let value = Value::Struct(input);
        let violations = model::validate(route.model(), shape, &value);
        if !violations.is_empty() {
            return Err(failure::of_validation(&violations, family));
        }
        let Value::Struct(input) = value else { return Err(ApiError::internal("an input became something else")) };
        self.check_passed_roles(&who.caller, route, &resource, &arrival.context(who.region), &input).await?;
        Ok(input)
    }
}

fn streams(route: Option<&Route<'_>>) -> bool {
    route.is_some_and(|route| wire::body_is_streamed(route.model(), route.operation))
}

impl Arrival {
    /// What conditions of policies are held against, without the input.
    fn context(&self, region: Region) -> RequestContext<'_> {
        RequestContext {
            time: self.time,
            region,
            source_ip: &self.source_ip,
            tls: self.tls.map(|session| session.version),
            headers: &self.parts.headers,
            query: self.parts.uri.query().unwrap_or(""),
            input: None,
            more: &[],
        }
    }
}

impl Who {
    fn unproved(claim: &Claim) -> Who {
        Who {
            caller: Caller::Unknown { access_key_id: Some(Arc::from(claim.access_key_id.as_str())) },
            region: Region::parse(&claim.region).unwrap_or(Region::US_EAST_1),
            method: Some(match claim.placement {
                sigv4::Placement::Header => "AuthHeader",
                sigv4::Placement::Query => "QueryString",
            }),
        }
    }
}
