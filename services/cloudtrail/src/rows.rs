//! Rows of the state tables as JSON documents. Every table of this service is named here; nothing else writes to them.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use state::{Error, Expect, Op, Row, State, Table};

/// Trails as the API sees them. Key: ARN.
pub const TRAILS: Table = "cloudtrail/trails";
/// Trail changes that may not be in the journal yet. Key: revision (big-endian).
pub const CHANGES: Table = "cloudtrail/changes";
/// The last revision given to a trail change. One row.
pub const REVISION: Table = "cloudtrail/revision";
/// How far delivery is. One row.
pub const DELIVERY: Table = "cloudtrail/delivery";
/// Trails as of delivery's place in the journal. Key: ARN.
pub const DELIVERY_TRAILS: Table = "cloudtrail/delivery-trails";
/// How far log groups are. One row.
pub const LOG_DELIVERY: Table = "cloudtrail/log-delivery";
/// Trails that have log groups, as of that place in the journal. Key: ARN.
pub const LOG_TRAILS: Table = "cloudtrail/log-trails";
/// Log files that are not in their bucket yet. Key: ARN, first sequence (hexadecimal), region.
pub const OUTBOX: Table = "cloudtrail/outbox";
/// Log files in their bucket that no digest has taken yet. Key: ARN, region, first sequence.
pub const DELIVERED: Table = "cloudtrail/delivered";
/// What GetTrailStatus tells of deliveries. Key: ARN, `delivery`, `digest`, `logs` or `notification`.
pub const STATUS: Table = "cloudtrail/status";
/// Digest chains. Key: ARN, region.
pub const CHAINS: Table = "cloudtrail/chains";
/// Chains that must end with a last digest. Key: ARN, sequence.
pub const CHAIN_ENDS: Table = "cloudtrail/chain-ends";
/// What was given up and is not in the journal yet. Key: ARN.
pub const GIVEN_UP: Table = "cloudtrail/given-up";
/// The keys that sign digests; secret. Key: start of validity.
pub const KEYS: Table = "cloudtrail/keys";
/// How far history is. One row.
pub const HISTORY: Table = "cloudtrail/history";
/// Sealed segments of history. Key: first sequence.
pub const SEGMENTS: Table = "cloudtrail/segments";
/// What values a segment of history may hold (a Bloom filter). Key: first sequence.
pub const SEGMENT_FILTERS: Table = "cloudtrail/segment-filters";

/// Event data stores. Key: UUID.
pub const STORES: Table = "cloudtrail/event-data-stores";
/// Event data stores that are being made; what is here and not in [`STORES`] was cut short. Key: UUID.
pub const STORES_BEGUN: Table = "cloudtrail/event-data-stores-begun";
/// Changes of event data stores that may not be in the journal yet. Key: revision (big-endian).
pub const STORE_CHANGES: Table = "cloudtrail/event-data-store-changes";
/// The last revision given to a change of an event data store. One row.
pub const STORE_REVISION: Table = "cloudtrail/event-data-store-revision";
/// Queries. Key: UUID.
pub const QUERIES: Table = "cloudtrail/queries";
/// Queries that are not done with. Key: UUID.
pub const QUERIES_OPEN: Table = "cloudtrail/queries-open";
/// The queries of an event data store, newest first. Key: store, time (inverted), UUID of the query.
pub const QUERIES_BY_STORE: Table = "cloudtrail/queries-by-store";
/// Queries by age. Key: time, UUID.
pub const QUERIES_BY_TIME: Table = "cloudtrail/queries-by-time";
/// The last query that ran under an alias. Key: region, alias, refresh (or nothing).
pub const QUERY_ALIASES: Table = "cloudtrail/query-aliases";
/// Statements that GenerateQuery made. Key: alias.
pub const GENERATED: Table = "cloudtrail/generated-queries";
/// The same by age. Key: time, alias.
pub const GENERATED_BY_TIME: Table = "cloudtrail/generated-queries-by-time";
/// Channels. Key: UUID.
pub const CHANNELS: Table = "cloudtrail/channels";
/// How ingestion through a channel last went. Key: UUID of the channel.
pub const INGESTION: Table = "cloudtrail/ingestion";
/// Policies of event data stores, channels and dashboards. Key: ARN.
pub const RESOURCE_POLICIES: Table = "cloudtrail/resource-policies";
/// What PutEventConfiguration set. Key: ARN of the trail or event data store.
pub const EVENT_CONFIGURATIONS: Table = "cloudtrail/event-configurations";
/// Dashboards. Key: ARN.
pub const DASHBOARDS: Table = "cloudtrail/dashboards";

/// The key of a table's only row.
pub const ONLY: &[u8] = b"only";

/// A document and the revision of its row.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// The document.
    pub value: T,
    /// For [`Expect::Rev`].
    pub rev: u64,
}

/// Reads one document.
pub async fn get<T: DeserializeOwned>(state: &dyn State, table: Table, key: &[u8]) -> Result<Option<Found<T>>, Error> {
    match state.get(table, key).await? {
        Some(row) => Ok(Some(Found { rev: row.rev, value: read(table, &row)? })),
        None => Ok(None),
    }
}

/// Reads a row's document.
pub fn read<T: DeserializeOwned>(table: Table, row: &Row) -> Result<T, Error> {
    serde_json::from_slice(&row.value).map_err(|source| Error::Document { table, source: std::sync::Arc::new(source) })
}

/// A write of a document.
pub fn put<T: Serialize>(table: Table, key: impl Into<Vec<u8>>, value: &T, expect: Expect) -> Op {
    let json = serde_json::to_vec(value).expect("documents of this service have string keys and no failing parts");
    Op::Put { table, key: key.into(), value: Bytes::from(json), expect }
}

/// A removal.
pub fn delete(table: Table, key: impl Into<Vec<u8>>, expect: Expect) -> Op {
    Op::Delete { table, key: key.into(), expect }
}

/// A sequence number as a part of a key that sorts by it.
pub fn seq_text(seq: u64) -> String {
    format!("{seq:016x}")
}
