//! What the services that watch ask of one another: log groups feed metrics, metrics flip alarms, alarms publish to topics, topics fill
//! queues and call endpoints.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base::Region;
use bytes::Bytes;

use crate::{Caller, RequestContext, Unavailable};

/// Why something that one service handed to another was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// There is no such topic, queue, group, role or function.
    NotFound(String),
    /// The policies do not let the service principal (or the role).
    Denied(String),
    /// It is there, but it does not take this: too large, a parameter missing.
    Invalid(String),
    /// It may work later: storage failed, a subscriber did not answer.
    Unavailable(String),
}

impl HandOver {
    /// Whether another attempt may succeed without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, HandOver::Unavailable(_))
    }
}

impl fmt::Display for HandOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandOver::NotFound(text) | HandOver::Denied(text) | HandOver::Invalid(text) => f.write_str(text),
            HandOver::Unavailable(text) => write!(f, "unavailable: {text}"),
        }
    }
}

impl std::error::Error for HandOver {}

impl From<Unavailable> for HandOver {
    fn from(error: Unavailable) -> HandOver {
        HandOver::Unavailable(error.0)
    }
}

/// For which service principal, and on whose behalf, something is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnBehalf {
    /// `cloudwatch.amazonaws.com`, `cloudtrail.amazonaws.com`, `sns.amazonaws.com`.
    pub principal: &'static str,
    /// `aws:SourceArn`: the alarm, the trail, the topic.
    pub source_arn: String,
    /// `aws:SourceAccount` (and `aws:SourceOwner`): twelve digits.
    pub source_account: Arc<str>,
}

/// A value of a metric, as a metric filter makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// `LogMetrics`.
    pub namespace: String,
    /// The metric's name.
    pub name: String,
    /// Names and values, in the order they were given.
    pub dimensions: Vec<(String, String)>,
    /// When, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The value.
    pub value: f64,
    /// How often the value occurred.
    pub count: f64,
    /// `Count`; `None` if none was said.
    pub unit: Option<String>,
}

/// Metrics of one account. Kept by CloudWatch.
#[async_trait]
pub trait Metrics: Send + Sync + 'static {
    /// Takes data of a source. They are durable, and alarms have looked at them, when this returns. Positions of a source only grow; data
    /// of a position that the source has reached before are dropped, so that a source may say them again after a crash.
    async fn put(&self, region: Region, source: &str, position: u64, data: Vec<Datum>) -> Result<(), Unavailable>;

    /// The earliest moment, in milliseconds since 1970, that alarms over any of these metrics (namespace and name, with any dimensions)
    /// look at from now on. `None`: no alarm looks at them.
    fn watched_from(&self, region: Region, metrics: &[(String, String)]) -> Option<i64>;
}

/// Whose question about past events it is, and which ones.
#[derive(Clone, Copy, Debug)]
pub struct PastEvents<'a> {
    /// Must be allowed to read the group's events, and to change its filters where that is done.
    pub caller: &'a Caller,
    /// Names the region too.
    pub context: &'a RequestContext<'a>,
    /// The name of the group.
    pub group: &'a str,
    /// Of the last so many days.
    pub days: u32,
}

/// What a filter pattern would have matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterPreview {
    /// Events that were looked at.
    pub searched: u64,
    /// Events that match.
    pub matched: u64,
    /// The times of the first and the last match, in milliseconds.
    pub times: Option<(i64, i64)>,
    /// The newest matches: times and texts.
    pub samples: Vec<(i64, String)>,
    /// Whether all events of these days were looked at.
    pub is_complete: bool,
}

/// What a step of a back-fill did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backfilled {
    /// Events that were looked at.
    pub searched: u64,
    /// Events that match.
    pub matched: u64,
    /// Values that the metrics have more: one for each match and metric.
    pub values: u64,
    /// Defaults for minutes in which nothing matched.
    pub defaults: u64,
    /// The next step goes on before this moment, in milliseconds. `None`: all is done.
    pub next_ms: Option<i64>,
    /// Everything in question had been counted before.
    pub is_nothing_left: bool,
    /// There are events from this moment on (milliseconds) that were left out, because alarms look at them.
    pub left_out_from_ms: Option<i64>,
}

/// What metric filters make of events that came before them. Kept by CloudWatch Logs.
#[async_trait]
pub trait MetricFilters: Send + Sync + 'static {
    /// What a pattern would have matched, the newest events first.
    async fn preview(&self, asked: &PastEvents<'_>, pattern: &str) -> Result<FilterPreview, HandOver>;

    /// Puts what a filter makes of some of the events that it has not seen, the newest first. Durable when this returns; never puts
    /// anything a second time. `dry_run`: puts nothing, and goes on before this moment if one is named.
    async fn backfill(
        &self,
        asked: &PastEvents<'_>,
        filter: &str,
        dry_run: Option<Option<i64>>,
    ) -> Result<Backfilled, HandOver>;
}

/// Something to publish.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Who publishes.
    pub by: OnBehalf,
    /// `arn:aws:sns:REGION:ACCOUNT:NAME`.
    pub topic_arn: String,
    /// The subject line.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// Names, types (`String`) and values.
    pub attributes: Vec<(String, String, String)>,
    /// The same notice twice has the same text here: topics drop the second, as a FIFO topic does by its deduplication identifier.
    pub once: Option<String>,
}

/// Topics of every account, found by their ARNs. Kept by SNS.
#[async_trait]
pub trait Topics: Send + Sync + 'static {
    /// Whether the topic is there and its policy would let `by` publish to it. Publishes nothing.
    async fn check(&self, by: &OnBehalf, topic_arn: &str) -> Result<(), HandOver>;

    /// Publishes. Durable for every subscriber when this returns; answers with the message's identifier.
    async fn publish(&self, notice: Notice) -> Result<String, HandOver>;
}

/// A message for a queue.
#[derive(Clone, Debug)]
pub struct QueueMessage {
    /// Who sends.
    pub by: OnBehalf,
    /// `arn:aws:sqs:REGION:ACCOUNT:NAME`.
    pub queue_arn: String,
    /// The body.
    pub body: String,
    /// Names, types (`String`, `Number`, `Binary` with a value in base64, or one with a dot behind) and values.
    pub attributes: Vec<(String, String, String)>,
    /// For FIFO queues.
    pub group_id: Option<String>,
    /// For FIFO queues; also what a standard queue of Cairn's knows a repeated hand-over by.
    pub deduplication_id: Option<String>,
}

/// Queues of every account, found by their ARNs. Kept by SQS.
#[async_trait]
pub trait Queues: Send + Sync + 'static {
    /// Sends a message, under the queue's policy. Durable when this returns; answers with the message's identifier.
    async fn send(&self, message: QueueMessage) -> Result<String, HandOver>;
}

/// Where the log group of a trail is, and what writes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// Who writes, and on whose behalf: the trail.
    pub by: OnBehalf,
    /// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*`.
    pub group_arn: String,
    /// The role that the service assumes: what it may is what the writer may.
    pub role_arn: String,
    /// The stream, made if it is not there.
    pub stream: String,
}

/// How a delivery of log events ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogsTaken {
    /// Those that are in the group now, or were before.
    pub taken: usize,
    /// Those that are larger than an event may be, and are nowhere.
    pub too_large: usize,
}

/// Log groups of every account, found by their ARNs. Kept by CloudWatch Logs.
#[async_trait]
pub trait LogGroups: Send + Sync + 'static {
    /// Whether the group and the role are there, the role lets the service assume it, and lets it make streams and put events. Writes
    /// nothing.
    async fn check(&self, target: &LogTarget) -> Result<(), HandOver>;

    /// Makes the group, if it is not there. The role must let the service `logs:CreateLogGroup`.
    async fn make(&self, target: &LogTarget) -> Result<(), HandOver>;

    /// Puts events: times in milliseconds since 1970, and texts (UTF-8), in order. `position` only grows for a target's trail; a position
    /// that was reached before is dropped, so that a delivery may be repeated after a crash. Position 0 is for who never repeats: it is
    /// always taken. Durable when this returns.
    async fn put(&self, target: &LogTarget, position: u64, events: Vec<(i64, Bytes)>) -> Result<LogsTaken, HandOver>;
}

/// Functions that Cairn does not run itself: their ARNs stand for HTTP endpoints of the configuration.
#[async_trait]
pub trait Functions: Send + Sync + 'static {
    /// Whether the ARN (with or without a qualifier) stands for an endpoint.
    fn is_known(&self, function_arn: &str) -> bool;

    /// Posts a payload of JSON to the function's endpoint and answers with what it said.
    async fn invoke(&self, function_arn: &str, payload: Bytes) -> Result<Bytes, HandOver>;
}

/// A request that the server makes of somebody else.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    /// `POST`.
    pub method: &'static str,
    /// `http://…` or `https://…`.
    pub url: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Bytes,
    /// How long all of it may take.
    pub timeout_ms: u64,
    /// How much of the answer is read at most; what is longer is cut off.
    pub answer_bytes_max: usize,
}

/// What was answered. Redirects are answers like others: nobody follows them.
#[derive(Clone, Debug)]
pub struct OutboundAnswer {
    /// The status.
    pub status: u16,
    /// The content, cut off where it was too long.
    pub body: Bytes,
}

/// HTTP to others. The one way out of the server for what its users configure: subscribers, endpoints of functions.
#[async_trait]
pub trait Outbound: Send + Sync + 'static {
    /// Makes the request. The error is a short reason that holds no content.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, String>;
}

/// Lets a service act as a role that lets it. Kept by STS.
#[async_trait]
pub trait ServiceRoles: Send + Sync + 'static {
    /// The caller that a service principal is once it has assumed the role, under the role's trust policy. Gives no credentials.
    async fn act_as(&self, by: &OnBehalf, role_arn: &str, session_name: &str) -> Result<Caller, HandOver>;
}
