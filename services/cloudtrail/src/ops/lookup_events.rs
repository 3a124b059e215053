//! LookupEvents: management events in the region called, newest first, by one attribute and a range of time: those of the last 90 days, and
//! older ones if the range begins before and the built-in event store has them. Every call that was answered before this one is found.

use std::time::Duration;

use base::Timestamp;
use base::time::DAY_MS;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use ports::lake::FindPosition;
use record::RecordView;
use record::resources::resources_of;
use record::view::username;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};
use sha2::{Digest, Sha256};

use crate::CloudTrail;
use crate::error::Error;
use crate::history::terms::Attribute;
use crate::history::{KEPT_DAYS, Query};

/// The most, and the default, per page.
const RESULTS_MAX: i64 = 50;
/// How far back event history goes.
const KEPT_MS: i64 = KEPT_DAYS * DAY_MS;
/// How long a lookup waits for history to catch up.
const CATCH_UP_WAIT: Duration = Duration::from_secs(10);

/// See the module.
pub struct LookupEvents;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    lookup_attributes: Option<Vec<LookupAttribute>>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    event_category: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// What events must have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LookupAttribute {
    attribute_key: String,
    attribute_value: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One event.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_only: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    resources: Vec<EventResource>,
    cloud_trail_event: String,
}

/// A resource that an event names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventResource {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    resource_name: String,
}

/// Where a lookup goes on, and which lookup that is.
#[derive(Serialize, Deserialize)]
struct Token {
    v: u32,
    /// The query's fingerprint.
    q: String,
    /// Only records before this place in the journal.
    b: u64,
    /// What is older than this, in seconds, is looked for in the event store: as when the lookup began. None if it does not reach so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<i64>,
    /// In the event store already: behind the record of this time and hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<(i64, String)>,
}

/// What a token says.
#[derive(Default)]
struct Place {
    before_seq: Option<u64>,
    horizon_secs: Option<i64>,
    /// In the event store, if the lookup is there.
    older: Option<FindPosition>,
}

impl Operation for LookupEvents {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "LookupEvents";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let attribute = attribute(input.lookup_attributes.as_deref().unwrap_or_default())?;
        let results = input.max_results.unwrap_or(RESULTS_MAX);
        if !(1..=RESULTS_MAX).contains(&results) {
            let text = format!("MaxResults must be between 1 and {RESULTS_MAX}.");
            return Err(Error::InvalidMaxResultsException(text).into());
        }
        if let (Some(start), Some(end)) = (input.start_time, input.end_time)
            && start > end
        {
            let text = "Invalid time range: the start time is after the end time.";
            return Err(Error::InvalidTimeRangeException(text.to_owned()).into());
        }
        let fingerprint = fingerprint(call.region.as_str(), &attribute, &input);
        let place = match &input.next_token {
            None => Place::default(),
            Some(token) => read_token(token, &fingerprint)?,
        };
        match input.event_category.as_deref() {
            None => {}
            Some("insight") => return Ok(Output { events: Vec::new(), next_token: None }),
            Some(other) => {
                return Err(Error::InvalidEventCategoryException(format!("EventCategory is not valid: {other}")).into());
            }
        }
        let end = cloudtrail.shared.journal.durable_end();
        let caught_up = tokio::time::timeout(CATCH_UP_WAIT, cloudtrail.shared.history_reaches(end)).await;
        caught_up.map_err(|_| ApiError::unavailable("history did not reach the end of the journal in time"))?;
        let horizon_secs = cloudtrail.shared.env.clock.now().plus_ms(-KEPT_MS).secs();
        let horizon_secs = place.horizon_secs.unwrap_or(horizon_secs);
        let from_secs = input.start_time.map_or(horizon_secs, Timestamp::secs);
        let query = Query {
            region: call.region.as_str().to_owned(),
            attribute,
            from_secs: from_secs.max(horizon_secs),
            to_secs: input.end_time.map_or(i64::MAX, Timestamp::secs),
            before_seq: place.before_seq.unwrap_or(u64::MAX),
            limit: usize::try_from(results).expect("between 1 and 50"),
        };
        let older = cloudtrail.shared.event_stores.as_deref().filter(|_| from_secs < horizon_secs);
        let mut token =
            Token { v: 1, q: fingerprint, b: query.before_seq, h: older.is_some().then_some(horizon_secs), o: None };
        let mut events = Vec::new();
        if place.older.is_none() && query.to_secs >= horizon_secs {
            let page = cloudtrail.history.lookup(&query).await?;
            events.extend(page.records.iter().map(|(_, json)| event(json)));
            if let Some(before_seq) = page.next_before_seq {
                token.b = before_seq;
                return Ok(Output { events, next_token: Some(write_token(&token)) });
            }
        }
        let Some(stores) = older else { return Ok(Output { events, next_token: None }) };
        if events.len() >= query.limit {
            // History is at its end, and the store has not been asked.
            token.b = 0;
            return Ok(Output { events, next_token: Some(write_token(&token)) });
        }
        let rest = Query { from_secs, limit: query.limit - events.len(), ..query };
        let (records, next) =
            rest.older(stores, |view| cloudtrail.shared.is_ours(view), horizon_secs, place.older).await?;
        events.extend(records.iter().map(event));
        token.o = next.map(|next| (next.time_ms, format!("{:032x}", next.hash)));
        Ok(Output { events, next_token: token.o.is_some().then(|| write_token(&token)) })
    }
}

/// CloudTrail API reference, LookupEvents: the list can contain only one item.
fn attribute(given: &[LookupAttribute]) -> Result<Option<(Attribute, String)>, Error> {
    let invalid = |text: String| Error::InvalidLookupAttributesException(text);
    match given {
        [] => Ok(None),
        [one] => {
            let key = Attribute::parse(&one.attribute_key);
            let key = key.ok_or_else(|| invalid(format!("AttributeKey is not valid: {}", one.attribute_key)))?;
            Ok(Some((key, one.attribute_value.clone())))
        }
        _ => Err(invalid("LookupAttributes can contain only one item.".to_owned())),
    }
}

fn fingerprint(region: &str, attribute: &Option<(Attribute, String)>, input: &Input) -> String {
    let times = (input.start_time.map(Timestamp::ms), input.end_time.map(Timestamp::ms));
    let text = format!("{region}\n{attribute:?}\n{times:?}\n{:?}", input.event_category);
    base::ids::hex(&Sha256::digest(text)[..8])
}

fn write_token(token: &Token) -> String {
    BASE64.encode(serde_json::to_vec(token).expect("text and numbers can always be written"))
}

fn read_token(text: &str, fingerprint: &str) -> Result<Place, Error> {
    let read = || {
        let token: Token = serde_json::from_slice(&BASE64.decode(text).ok()?).ok()?;
        let older = match token.o {
            None => None,
            Some((time_ms, hash)) => Some(FindPosition { time_ms, hash: u128::from_str_radix(&hash, 16).ok()? }),
        };
        let place = Place { before_seq: Some(token.b), horizon_secs: token.h, older };
        (token.v == 1 && token.q == fingerprint).then_some(place)
    };
    read().ok_or_else(|| {
        let text = "Invalid token, or a token that was used with different parameters.";
        Error::InvalidNextTokenException(text.to_owned())
    })
}

fn event(json: &Bytes) -> Event {
    let cloud_trail_event = String::from_utf8_lossy(json).into_owned();
    let Ok(view) = RecordView::parse(json) else {
        // Unreachable: lookup has just read it.
        return Event {
            event_id: None,
            event_name: None,
            read_only: None,
            access_key_id: None,
            event_time: None,
            event_source: None,
            username: None,
            resources: Vec::new(),
            cloud_trail_event,
        };
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let resource =
        |named: record::resources::Named| EventResource { resource_type: named.kind, resource_name: named.name };
    Event {
        event_id: owned(view.event_id.as_deref()),
        event_name: owned(view.event_name.as_deref()),
        read_only: view.read_only.map(|flag| if flag { "true" } else { "false" }),
        access_key_id: owned(view.user_identity.access_key_id.as_deref()),
        event_time: view.event_time(),
        event_source: owned(view.event_source.as_deref()),
        username: owned(username(&view)),
        resources: resources_of(&view).into_iter().map(resource).collect(),
        cloud_trail_event,
    }
}
