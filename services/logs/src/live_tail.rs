//! Sessions of StartLiveTail: each gets the events that come in, once a second, at most so many; of more it gets some, and is told so.
//! Source: CloudWatch Logs user guide, "Use Live Tail to view logs in real time"; API reference, StartLiveTail.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use base::Env;
use base::time::HOUR_MS;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use pattern::{Event as PatternEvent, FilterPattern};
use serde_json::json;
use service::ApiError;
use wire::event_stream::{Message, message};

use crate::live::{Event, Place};
use crate::rows::Group;

/// Sessions of an account at a time. Source: CloudWatch Logs user guide, "CloudWatch Logs quotas".
pub const SESSIONS_MAX: usize = 15;
/// Events that a session is told in a second.
const EVENTS_MAX: usize = 500;
/// How often it is told.
const INTERVAL: Duration = Duration::from_secs(1);
/// After this a session ends.
const SESSION_MS: i64 = 3 * HOUR_MS;
/// The form of payloads.
const JSON: &str = "application/json";

/// What a session listens to.
pub struct Session {
    /// Groups by identifier, as they are named to the client.
    pub groups: HashMap<u64, String>,
    /// Names of streams; none: all.
    pub streams: Vec<String>,
    /// What names of streams begin with; none: all.
    pub prefixes: Vec<String>,
    /// What events must match.
    pub pattern: Option<FilterPattern>,
    buffer: Mutex<Buffer>,
}

#[derive(Default)]
struct Buffer {
    events: VecDeque<serde_json::Value>,
    is_sampled: bool,
}

/// All sessions.
#[derive(Default)]
pub struct Tails {
    sessions: Mutex<Vec<Weak<Session>>>,
    count: AtomicUsize,
}

impl Session {
    /// Nothing has come yet.
    pub fn new(
        groups: HashMap<u64, String>,
        streams: Vec<String>,
        prefixes: Vec<String>,
        pattern: Option<FilterPattern>,
    ) -> Session {
        Session { groups, streams, prefixes, pattern, buffer: Mutex::default() }
    }

    fn takes(&self, stream: &str) -> bool {
        (self.streams.is_empty() || self.streams.iter().any(|name| name == stream))
            && (self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| stream.starts_with(prefix)))
    }

    fn offer(&self, group: &str, stream: &str, events: &[(Place, Event)]) {
        let mut buffer = self.buffer.lock().expect("no holder of this lock can panic");
        for (place, event) in events {
            let text = String::from_utf8_lossy(&event.text);
            if self.pattern.as_ref().is_some_and(|pattern| !pattern.matches(&PatternEvent::new(&text))) {
                continue;
            }
            if buffer.events.len() >= EVENTS_MAX {
                buffer.is_sampled = true;
                return;
            }
            buffer.events.push_back(json!({
                "logStreamName": stream,
                "logGroupIdentifier": group,
                "message": text,
                "timestamp": place.ts,
                "ingestionTime": event.ingested,
            }));
        }
    }

    fn update(&self) -> Bytes {
        let buffer = std::mem::take(&mut *self.buffer.lock().expect("no holder of this lock can panic"));
        let events: Vec<serde_json::Value> = buffer.events.into();
        let update = json!({"sessionMetadata": {"sampled": buffer.is_sampled}, "sessionResults": events});
        message(Message::Event("sessionUpdate"), JSON, update.to_string().as_bytes())
    }
}

impl Tails {
    /// Adds a session, if there may be another one.
    pub fn add(&self, session: &Arc<Session>) -> bool {
        let mut sessions = self.sessions.lock().expect("no holder of this lock can panic");
        sessions.retain(|session| session.strong_count() > 0);
        if sessions.len() >= SESSIONS_MAX {
            return false;
        }
        sessions.push(Arc::downgrade(session));
        self.count.store(sessions.len(), Ordering::Release);
        true
    }

    /// Shows events to whoever listens.
    pub fn offer(&self, group: &Group, stream: &str, events: &[(Place, Event)]) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut sessions = self.sessions.lock().expect("no holder of this lock can panic");
        sessions.retain(|session| session.strong_count() > 0);
        self.count.store(sessions.len(), Ordering::Release);
        for session in sessions.iter().filter_map(Weak::upgrade) {
            if let Some(name) = session.groups.get(&group.id).filter(|_| session.takes(stream)) {
                session.offer(name, stream, events);
            }
        }
    }
}

/// The answer of a session: how it began, then what comes, until the client goes or three hours are over.
pub fn answer(
    session: Arc<Session>,
    env: Env,
    start: serde_json::Value,
) -> impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static {
    let begun = env.clock.now().ms();
    let mut first = message(Message::Event("initial-response"), JSON, b"{}").to_vec();
    first.extend_from_slice(&message(Message::Event("sessionStart"), JSON, start.to_string().as_bytes()));
    stream::unfold((Some(Bytes::from(first)), false), move |(first, is_over)| {
        let (session, env) = (Arc::clone(&session), env.clone());
        async move {
            if let Some(first) = first {
                return Some((Ok(first), (None, false)));
            }
            if is_over {
                return None;
            }
            tokio::time::sleep(INTERVAL).await;
            if env.clock.now().ms() - begun < SESSION_MS {
                return Some((Ok(session.update()), (None, false)));
            }
            let text = json!({"message": "The session has timed out."}).to_string();
            let last = message(Message::Exception("SessionTimeoutException"), JSON, text.as_bytes());
            Some((Ok(last), (None, true)))
        }
    })
}
