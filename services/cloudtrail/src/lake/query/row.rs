//! A query as it is stored, and the rows by which it is found.

use base::{Region, Timestamp};
use ports::lake::TextRow;
use serde::{Deserialize, Serialize};
use state::{Expect, Op};

use crate::rows::{self, QUERIES, QUERIES_BY_STORE, QUERIES_BY_TIME, QUERIES_OPEN, QUERY_ALIASES};

/// For so long a query and its result are kept. Source: CloudTrail user guide, "Get query results with the AWS CLI".
pub const KEPT_MS: i64 = 7 * base::time::DAY_MS;

/// How far a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QueryStatus {
    /// It will run.
    Queued,
    /// It runs.
    Running,
    /// Its result is whole.
    Finished,
    /// It failed.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It ran for too long.
    TimedOut,
}

impl QueryStatus {
    /// Whether it is over.
    pub fn is_over(self) -> bool {
        !matches!(self, QueryStatus::Queued | QueryStatus::Running)
    }

    /// The status of this name.
    pub fn parse(text: &str) -> Option<QueryStatus> {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
    }
}

/// How far the delivery of a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// All files are there.
    Success,
    /// A file could not be written.
    Failed,
    /// The sign file could not be written.
    FailedSigningFile,
    /// It is still to come.
    Pending,
    /// The bucket is gone.
    ResourceNotFound,
    /// The bucket's policy refused a file.
    AccessDenied,
    /// The bucket's policy refused the sign file.
    AccessDeniedSigningFile,
    /// The query was cancelled.
    Cancelled,
}

/// Where a result goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// As given: `s3://bucket/prefix`.
    pub uri: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix, without slashes around it; may be empty.
    pub prefix: String,
    /// On behalf of which store.
    pub source_arn: String,
    /// How far it is.
    pub status: DeliveryStatus,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// 1.
    pub version: u32,
    /// The UUID.
    pub id: String,
    /// Where it was asked.
    pub region: Region,
    /// The statement that runs.
    pub statement: String,
    /// The alias under which it was asked, if it was.
    pub alias: Option<String>,
    /// The question that GenerateQuery made the statement of, if it did.
    #[serde(default)]
    pub prompt: Option<String>,
    /// The refresh of a dashboard that it is part of.
    pub refresh_id: Option<String>,
    /// The stores that it reads.
    pub stores: Vec<String>,
    /// How far it is.
    pub status: QueryStatus,
    /// When it was asked, in milliseconds.
    pub created_ms: i64,
    /// When it was over.
    pub finished_ms: Option<i64>,
    /// How long it ran.
    pub execution_ms: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// Rows read.
    pub rows_scanned: u64,
    /// Bytes read.
    pub bytes_scanned: u64,
    /// Rows that matched.
    pub rows_matched: u64,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// How many rows each piece of the result has.
    pub chunks: Vec<u32>,
    /// The only piece of a short result; the pieces of others are objects.
    #[serde(default)]
    pub inline: Vec<TextRow>,
    /// Where the result goes, if it goes anywhere.
    pub delivery: Option<Delivery>,
}

impl Query {
    /// Rows of the result.
    pub fn result_rows(&self) -> u64 {
        self.chunks.iter().map(|rows| u64::from(*rows)).sum()
    }

    /// The writes that make it known: itself, and all by which it is found.
    pub fn first_ops(&self) -> Vec<Op> {
        let mut ops = vec![
            rows::put(QUERIES, self.id.as_str(), self, Expect::Absent),
            rows::put(QUERIES_OPEN, self.id.as_str(), &1_u32, Expect::Any),
            rows::put(QUERIES_BY_TIME, time_key(self.created_ms, &self.id), &1_u32, Expect::Any),
        ];
        ops.extend(self.stores.iter().map(|store| {
            rows::put(QUERIES_BY_STORE, store_key(store, self.created_ms, &self.id), &1_u32, Expect::Any)
        }));
        if let Some(alias) = &self.alias {
            // The last one under its alias, whichever refresh, and the one of this refresh.
            let mut keys = vec![alias_key(self.region, alias, "")];
            keys.extend(self.refresh_id.as_deref().map(|refresh| alias_key(self.region, alias, refresh)));
            ops.extend(keys.into_iter().map(|key| rows::put(QUERY_ALIASES, key, &self.id, Expect::Any)));
        }
        ops
    }

    /// The writes that forget it. `alias_is_its`: whether its alias still leads to it.
    pub fn last_ops(&self, alias_is_its: bool) -> Vec<Op> {
        let mut ops = vec![
            rows::delete(QUERIES, self.id.as_str(), Expect::Any),
            rows::delete(QUERIES_OPEN, self.id.as_str(), Expect::Any),
            rows::delete(QUERIES_BY_TIME, time_key(self.created_ms, &self.id), Expect::Any),
        ];
        let keys = self.stores.iter().map(|store| store_key(store, self.created_ms, &self.id));
        ops.extend(keys.map(|key| rows::delete(QUERIES_BY_STORE, key, Expect::Any)));
        if let Some(alias) = &self.alias {
            let mut keys = Vec::new();
            keys.extend(alias_is_its.then(|| alias_key(self.region, alias, "")));
            keys.extend(self.refresh_id.as_deref().map(|refresh| alias_key(self.region, alias, refresh)));
            ops.extend(keys.into_iter().map(|key| rows::delete(QUERY_ALIASES, key, Expect::Any)));
        }
        ops
    }

    /// When it was asked.
    pub fn created(&self) -> Timestamp {
        Timestamp::from_ms(self.created_ms)
    }
}

/// The key of [`QUERIES_BY_TIME`].
pub fn time_key(created_ms: i64, id: &str) -> Vec<u8> {
    state::key::key(&[rows::seq_text(u64::try_from(created_ms).unwrap_or(0)).as_str(), id])
}

/// The key of [`QUERIES_BY_STORE`]: newest first.
pub fn store_key(store: &str, created_ms: i64, id: &str) -> Vec<u8> {
    state::key::key(&[store, rows::seq_text(u64::MAX - u64::try_from(created_ms).unwrap_or(0)).as_str(), id])
}

/// What [`store_key`] was made of, but for the store.
pub fn read_store_key(key: &[u8]) -> Option<(i64, String)> {
    let mut parts = state::key::parts(key)?.into_iter().skip(1);
    let time = u64::from_str_radix(std::str::from_utf8(&parts.next()?).ok()?, 16).ok()?;
    Some((i64::try_from(u64::MAX - time).ok()?, String::from_utf8(parts.next()?).ok()?))
}

/// The key of [`QUERY_ALIASES`].
pub fn alias_key(region: Region, alias: &str, refresh_id: &str) -> Vec<u8> {
    state::key::key(&[region.as_str(), alias, refresh_id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_store_read_back_and_sort_newest_first() {
        let (older, newer) = (store_key("s", 1_000, "b"), store_key("s", 2_000, "a"));
        assert!(newer < older);
        assert_eq!(read_store_key(&older), Some((1_000, "b".to_owned())));
        assert!(time_key(1_000, "b") < time_key(2_000, "a"));
    }

    #[test]
    fn statuses_have_the_names_of_the_api() {
        assert_eq!(QueryStatus::parse("TIMED_OUT"), Some(QueryStatus::TimedOut));
        assert_eq!(QueryStatus::parse("Running"), None);
        let text = serde_json::to_string(&DeliveryStatus::AccessDeniedSigningFile).unwrap();
        assert_eq!(text, r#""ACCESS_DENIED_SIGNING_FILE""#);
    }
}
