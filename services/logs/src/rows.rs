//! What is kept in tables, each form with its version. A row never holds a log event: those are in the journal and in chunks.

use std::collections::BTreeMap;

use base::Region;
use serde::{Deserialize, Serialize};
use state::Table;
use state::key::key;

/// The form of every row here.
pub const VERSION: u32 = 1;

/// The cursor of the consumer.
pub const CURSOR: Table = "logs/cursor";
/// Sealed events.
pub const CHUNKS: Table = "logs/chunks";
/// How far sources of deliveries are.
pub const SOURCES: Table = "logs/sources";
/// Groups that are gone, whose chunks and streams are still there.
pub const DOOMED: Table = "logs/doomed";
/// Batches that subscribers have not taken.
pub const OUTBOX: Table = "logs/outbox";
/// The step of a back-fill that is under way.
pub const BACKFILL_STEP: Table = "logs/backfill-step";
/// The only key of a table of one row.
pub const ONLY: &[u8] = b"";

/// A log group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Of this form.
    pub v: u32,
    /// Never used again: events name it, so that a group made anew under the name has none of them.
    pub id: u64,
    /// Where it is.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// In milliseconds.
    pub created: i64,
    /// Days that events are kept; `None`: for good.
    pub retention_days: Option<i64>,
    /// `STANDARD`.
    pub class: String,
    /// Whether it cannot be deleted.
    pub is_protected: bool,
    /// Whether bearer tokens are taken. Kept only.
    pub takes_bearer_tokens: Option<bool>,
    /// Names and values.
    pub tags: BTreeMap<String, String>,
    /// The key of KMS, as it was named.
    pub kms_key: Option<String>,
    /// Data keys that events are or were encrypted under; the last one is in use if there is `kms_key`.
    pub data_keys: Vec<WrappedKey>,
    /// The data protection policy.
    pub data_protection: Option<Dated>,
    /// The field index policy.
    pub index_policy: Option<Dated>,
    /// The transformer.
    pub transformer: Option<Transformer>,
}

/// A data key under a key of KMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// From 1; what events name it by.
    pub id: u32,
    /// The ARN of the key of KMS.
    pub kms_key: String,
    /// In hexadecimal.
    pub ciphertext: String,
}

/// A document, and when it was given (milliseconds).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    /// Byte for byte.
    pub text: String,
    /// When.
    pub at: i64,
}

/// A log transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transformer {
    /// As it was given.
    pub config: serde_json::Value,
    /// In milliseconds.
    pub created: i64,
    /// In milliseconds.
    pub modified: i64,
}

impl Group {
    /// The ARN without `:*`.
    pub fn arn(&self, account: &str) -> String {
        group_arn(self.region, account, &self.name)
    }

    /// The data key that new events are encrypted under.
    pub fn key_in_use(&self) -> Option<&WrappedKey> {
        self.kms_key.as_ref().and(self.data_keys.last())
    }

    /// Events before this (milliseconds) are not there any more.
    pub fn horizon(&self, now_ms: i64) -> i64 {
        self.retention_days.map_or(i64::MIN, |days| now_ms - days * base::time::DAY_MS)
    }
}

/// The ARN of a group, without `:*`.
pub fn group_arn(region: Region, account: &str, name: &str) -> String {
    format!("arn:{}:logs:{region}:{account}:log-group:{name}", region.partition())
}

/// A log stream. How far it is was right when it was last sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Of this form.
    pub v: u32,
    /// Never used again.
    pub id: u64,
    /// Its group.
    pub group: u64,
    /// Its name.
    pub name: String,
    /// In milliseconds.
    pub created: i64,
    /// See [`Stats`].
    pub stats: Stats,
}

/// What is told of a stream's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// The time of the oldest event.
    pub first: Option<i64>,
    /// The time of the newest one.
    pub last: Option<i64>,
    /// When the last one came.
    pub ingested: Option<i64>,
    /// The journal's entry of the last one.
    pub seq: u64,
}

/// A metric filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricFilter {
    /// Of this form.
    pub v: u32,
    /// Its group.
    pub group: u64,
    /// Its name.
    pub name: String,
    /// Byte for byte.
    pub pattern: String,
    /// In milliseconds.
    pub created: i64,
    /// What is made of a match.
    pub transformations: Vec<Transformation>,
    /// Kept only.
    pub on_transformed: Option<bool>,
    /// Kept only.
    pub selection: Option<String>,
    /// `@aws.account`, `@aws.region`.
    pub system_fields: Option<Vec<String>>,
    /// The first entry of the journal whose events it looks at: what came before it was made, or got another metric, is none of its.
    #[serde(default)]
    pub live_from: u64,
}

impl MetricFilter {
    /// Whether both make the same metric.
    pub fn makes_the_metric_of(&self, other: &MetricFilter) -> bool {
        let metric = |filter: &MetricFilter| {
            filter.transformations.first().map(|one| (one.metric_namespace.clone(), one.metric_name.clone()))
        };
        metric(self) == metric(other)
    }
}

/// Which events metric filters of a name have counted in a metric. It stays when the filter goes: what was counted is in the metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Of this form.
    pub v: u32,
    /// The group.
    pub group: u64,
    /// The filter's name.
    pub filter: String,
    /// The metric's namespace.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// Events of this entry of the journal and of later ones are counted as they come, or were.
    pub before: u64,
    /// When that began, in milliseconds: the others came earlier.
    pub since: i64,
    /// Of the others, those of these stretches of time were back-filled: in milliseconds, in order, apart from one another.
    pub backfilled: Vec<(i64, i64)>,
}

impl Counted {
    /// The row's key.
    pub fn key_of(group: u64, filter: &str, namespace: &str, metric: &str) -> Vec<u8> {
        key(&[&group.to_be_bytes()[..], filter.as_bytes(), namespace.as_bytes(), metric.as_bytes()])
    }
}

/// A step of a back-fill: written before its values are put, so that after a crash nobody wonders whether they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillStep {
    /// Of this form.
    pub v: u32,
    /// The position of its first values; or the last position there was, if it is done.
    pub position: u64,
    /// What is under way.
    pub under_way: Option<UnderWay>,
}

/// See [`BackfillStep`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The group.
    pub group: u64,
    /// The filter's name.
    pub filter: String,
    /// The metric's namespace.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// From this moment on, in milliseconds.
    pub from: i64,
    /// Before this moment.
    pub to: i64,
    /// How many values.
    pub values: usize,
}

/// What a metric filter makes of a match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transformation {
    /// The metric.
    pub metric_name: String,
    /// Its namespace.
    pub metric_namespace: String,
    /// A number, or a field.
    pub metric_value: String,
    /// Reported where nothing matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<f64>,
    /// Names, and the fields of their values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<BTreeMap<String, String>>,
    /// `Count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A subscription filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionFilter {
    /// Of this form.
    pub v: u32,
    /// Its group.
    pub group: u64,
    /// Its name.
    pub name: String,
    /// Byte for byte.
    pub pattern: String,
    /// In milliseconds.
    pub created: i64,
    /// Who is told.
    pub destination: String,
    /// Kept only.
    pub role: Option<String>,
    /// `ByLogStream`.
    pub distribution: String,
    /// Kept only.
    pub on_transformed: Option<bool>,
    /// Kept only.
    pub selection: Option<String>,
    /// Kept only.
    pub system_fields: Option<Vec<String>>,
}

/// A resource policy: of the account, or of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcePolicy {
    /// Of this form.
    pub v: u32,
    /// Where.
    pub region: Region,
    /// Of the account's; empty for one of a resource.
    pub name: String,
    /// The resource, of one of those.
    pub resource: Option<String>,
    /// Byte for byte.
    pub text: String,
    /// In milliseconds.
    pub updated: i64,
    /// Changes with every change.
    pub revision: String,
}

/// A query that was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryDefinition {
    /// Of this form.
    pub v: u32,
    /// Where.
    pub region: Region,
    /// A UUID.
    pub id: String,
    /// Its name, which may have slashes.
    pub name: String,
    /// Byte for byte.
    pub text: String,
    /// `CWLI`.
    pub language: Option<String>,
    /// The groups it is for.
    pub groups: Option<Vec<String>>,
    /// Its parameters.
    pub parameters: Option<Vec<QueryParameter>>,
    /// In milliseconds.
    pub modified: i64,
}

/// A parameter of a saved query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryParameter {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// A policy for all groups of an account. Kept, and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPolicy {
    /// Of this form.
    pub v: u32,
    /// Where.
    pub region: Region,
    /// `DATA_PROTECTION_POLICY`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Byte for byte.
    pub text: String,
    /// `ALL`.
    pub scope: String,
    /// Which groups.
    pub selection: Option<String>,
    /// In milliseconds.
    pub updated: i64,
}

/// An export of events to a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportTask {
    /// Of this form.
    pub v: u32,
    /// Where.
    pub region: Region,
    /// A UUID.
    pub id: String,
    /// Given by the caller.
    pub name: Option<String>,
    /// Its group.
    pub group: u64,
    /// The group's name.
    pub group_name: String,
    /// Only streams that begin so.
    pub stream_prefix: Option<String>,
    /// From this time on.
    pub from: i64,
    /// Before this time.
    pub to: i64,
    /// The bucket.
    pub bucket: String,
    /// What keys begin with.
    pub prefix: String,
    /// `PENDING`, `RUNNING`, `COMPLETED`, `CANCELLED`, `FAILED`.
    pub status: String,
    /// Why.
    pub message: Option<String>,
    /// In milliseconds.
    pub created: i64,
    /// In milliseconds.
    pub completed: Option<i64>,
}

/// Sealed events: an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Of this form.
    pub v: u32,
    /// Whose events.
    pub group: u64,
    /// The object's name without its folder.
    pub name: String,
    /// Its length.
    pub len: u64,
    /// Where its index begins; the blocks are before it. 0 for one of entries as they came.
    pub index_at: u64,
    /// How many events.
    pub events: u64,
    /// Of the events, as AWS counts them.
    pub bytes: u64,
    /// The time of the oldest event.
    pub min: i64,
    /// The time of the newest one.
    pub max: i64,
    /// The data key that its blocks are encrypted under.
    pub key: Option<u32>,
    /// Whether it holds entries as they came, because their key could not be used then.
    pub is_locked: bool,
}

impl Chunk {
    /// The object.
    pub fn object(&self) -> String {
        format!("{}{}", folder(self.group), self.name)
    }

    /// The row's key.
    pub fn key(&self) -> Vec<u8> {
        chunk_key(self.group, &self.name)
    }
}

/// Where the chunks of a group are.
pub fn folder(group: u64) -> String {
    format!("logs/{group:016x}/")
}

/// The key of a chunk's row.
pub fn chunk_key(group: u64, name: &str) -> Vec<u8> {
    key(&[&group.to_be_bytes()[..], name.as_bytes()])
}

/// What the keys of all rows of a group begin with.
pub fn group_prefix(group: u64) -> Vec<u8> {
    key(&[&group.to_be_bytes()[..]])
}

/// How far the consumer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Of this form.
    pub v: u32,
    /// The first entry that is not sealed.
    pub next: u64,
}

/// How far a source of deliveries is in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Of this form.
    pub v: u32,
    /// The group.
    pub group: u64,
    /// The trail's ARN.
    pub source: String,
    /// The last position.
    pub position: u64,
    /// The last part of it.
    pub part: u32,
}

/// A batch that a subscriber has not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Of this form.
    pub v: u32,
    /// The group.
    pub group: u64,
    /// The subscription filter.
    pub filter: String,
    /// The journal's entry.
    pub seq: u64,
    /// When it was first tried, in milliseconds.
    pub since: i64,
    /// The payload for the destination.
    pub payload: String,
}
