//! The end of a world: the faults are over, everything must come to rest, and then what is left is held against what clients know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventstore::Stores;
use objects::Objects;
use serde_json::json;
use sha2::{Digest, Sha256};
use state::{Memory, Range, Row, State, Table};

use crate::Stopped;
use crate::admin::Admin;
use crate::chains;
use crate::client::{Line, Request, Sent, Who};
use crate::events;
use crate::files::{self, Files};
use crate::keeper::Keeper;
use crate::setup::{DATA, LOGS, must};
use crate::writer::Writer;

/// How long everything may take to come to rest: the longest pause of a worker is a minute, and one may have begun just now.
const REST: Duration = Duration::from_secs(600);
/// Garbage is kept for a minute, and looked for every few seconds.
const GARBAGE: Duration = Duration::from_secs(90);

/// What is empty once everything is at rest.
const AT_REST: [Table; 4] =
    ["cloudtrail/outbox", "cloudtrail/chain-ends", "cloudtrail/changes", "cloudtrail/event-data-store-changes"];
/// And a while later.
const CLEARED: [Table; 2] = ["s3/garbage", "s3/ended"];
/// Tables whose rows name objects of the store.
const NAMING: [Table; 6] =
    ["s3/objects", "s3/versions", "s3/manifests", "s3/parts", "cloudtrail/segments", "cloudtrail/outbox"];

/// What was found at the end.
pub(crate) struct Found {
    pub(crate) files: usize,
    pub(crate) digests: usize,
    /// Over all objects.
    pub(crate) hash: [u8; 32],
}

/// Those who know what there must be.
pub(crate) struct People<'a> {
    pub(crate) admin: &'a Admin,
    pub(crate) keeper: &'a Keeper,
    pub(crate) writers: &'a [Arc<Writer>],
}

/// Looks a world through.
pub(crate) async fn look_through(
    line: &Line,
    tables: &Memory,
    blobs: &objects::Memory,
    stores: Option<&Stores>,
    people: People<'_>,
) -> Result<Found, Stopped> {
    let People { admin, keeper, writers } = people;
    line.witness.note("the end begins");
    admin.restore(line).await?;
    admin.check(line).await?;
    for writer in writers {
        writer.check(line).await?;
    }
    denied(line).await?;
    keeper.finish(line).await?;
    rest(line, tables).await?;
    let flush = Request::json(Who::Root, "cairn", "Flush", &json!({}));
    let flushed = must(line, &flush).await?.json();
    if flushed["TrailsWaiting"].as_array().is_none_or(|waiting| !waiting.is_empty()) {
        line.witness.violated(8, format!("a flush without faults leaves trails waiting: {flushed}"));
        return Err(Stopped);
    }
    let cut = flushed["Cut"].as_u64().unwrap_or(0);
    tokio::time::sleep(GARBAGE).await;
    rest(line, tables).await?;
    cleared(line, tables, blobs).await?;
    calls(line)?;
    history(line, cut).await?;
    if let Some(stores) = stores {
        events::check(line, stores).await?;
        keeper.check(line, stores, tables).await?;
    }
    let files = Files::read(line).await?;
    let digests = chains::check(line, &files, cut).await?;
    files::check(line, &files, cut)?;
    Ok(Found { files: files.logs.len(), digests, hash: hash(blobs).await })
}

/// Waits until nothing is under way any more.
async fn rest(line: &Line, tables: &Memory) -> Result<(), Stopped> {
    let mut waited = Duration::ZERO;
    loop {
        let mut left = Vec::new();
        for table in AT_REST {
            if !rows(tables, table).await.is_empty() {
                left.push(table.to_owned());
            }
        }
        let chains = rows(tables, "cloudtrail/chains").await;
        if chains.iter().any(|row| read(row)["plan"].is_object()) {
            left.push("a planned digest".to_owned());
        }
        let status = Request::json(Who::Root, "cairn", "GetStatus", &json!({}));
        let status = must(line, &status).await?.json();
        for consumer in status["Consumers"].as_array().into_iter().flatten() {
            // The record of this very call may be all that it lags behind.
            if !consumer["Failure"].is_null() || consumer["Lag"].as_u64().is_none_or(|lag| lag > 2) {
                left.push(consumer.to_string());
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        if waited >= REST {
            line.witness.violated(8, format!("{} s after the last fault there is still {left:?}", REST.as_secs()));
            return Err(Stopped);
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        waited += Duration::from_secs(10);
    }
}

/// Nothing is left that nobody needs.
async fn cleared(line: &Line, tables: &Memory, blobs: &objects::Memory) -> Result<(), Stopped> {
    for table in CLEARED {
        let left = rows(tables, table).await;
        if let Some(row) = left.first() {
            let (count, row) = (left.len(), read(row));
            line.witness.violated(8, format!("{table} still has {count} rows, the first is {row}"));
            return Err(Stopped);
        }
    }
    let orphans = orphans(tables, blobs).await;
    if !orphans.is_empty() {
        // One that is being made now has its name a moment later.
        tokio::time::sleep(GARBAGE).await;
        let still = self::orphans(tables, blobs).await;
        if let Some(name) = orphans.intersection(&still).next() {
            line.witness.violated(8, format!("nothing names the object {name}"));
            return Err(Stopped);
        }
    }
    // A call whose record met a disk that could neither write nor erase it stays open until the next start; a trail that it stopped
    // stays open with it.
    if line.witness.with_oracle(|oracle| !oracle.open.is_empty()) {
        return Ok(());
    }
    // Digests were asked for just now, so none of a trail that is there, and none of one that is gone, waits for a later one.
    let waiting = rows(tables, "cloudtrail/delivered").await;
    let live: BTreeSet<String> =
        line.witness.with_oracle(|oracle| oracle.trails().map(|trail| trail.arn.clone()).collect());
    for row in waiting {
        let arn = state::key::texts(&row.key).and_then(|parts| parts.into_iter().next()).unwrap_or_default();
        if !live.contains(&arn) {
            line.witness.violated(8, format!("a log file of the deleted trail {arn} waits for a digest for ever"));
            return Err(Stopped);
        }
    }
    Ok(())
}

/// Objects that no row names.
async fn orphans(tables: &Memory, blobs: &objects::Memory) -> BTreeSet<String> {
    let mut named = String::new();
    for table in NAMING {
        for row in rows(tables, table).await {
            named.push_str(&String::from_utf8_lossy(&row.value));
            named.push('\n');
        }
    }
    for row in rows(tables, "lake/parts").await {
        let key = String::from_utf8_lossy(&row.key).into_owned();
        named.push_str(&format!("lake/{key}.parquet\nlake/{key}.index\n"));
    }
    let all = blobs.list("", None, objects::LIST_MAX).await.unwrap_or_default();
    all.into_iter().map(|object| object.name).filter(|name| !named.contains(name)).collect()
}

/// Every call has its records, and there are no others.
fn calls(line: &Line) -> Result<(), Stopped> {
    let sent = line.ledger.sent();
    for record in line.witness.records() {
        let known = record.mark.and_then(|mark| sent.get(usize::try_from(mark).ok()?));
        // Of a request that was not sent whole, what it meant may be unknown.
        let fits = |call: &Sent| call.event == record.name || (record.name == "Unknown" && call.answer.is_none());
        if !known.is_some_and(fits) {
            line.witness.violated(1, format!("nobody has sent the call of {record:?}"));
            return Err(Stopped);
        }
    }
    for (mark, call) in sent.iter().enumerate() {
        let count = line.witness.records_of(u64::try_from(mark).unwrap_or(u64::MAX));
        let must_have = call.answer.is_some_and(|(_, recorded)| recorded);
        if count > 1 || (must_have && count == 0) {
            line.witness.violated(1, format!("call {mark}, {call:?}, has {count} records"));
            return Err(Stopped);
        }
    }
    Ok(())
}

/// Event history has every management event before `cut`, once.
async fn history(line: &Line, cut: u64) -> Result<(), Stopped> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut body = json!({ "MaxResults": 50 });
    loop {
        // The regions of a world: each has a history of its own.
        let page = must(line, &Request::json(Who::Root, "cloudtrail", "LookupEvents", &body)).await?.json();
        for event in page["Events"].as_array().into_iter().flatten() {
            *found.entry(event["EventId"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        match page["NextToken"].as_str() {
            Some(token) => body["NextToken"] = token.into(),
            None => break,
        }
    }
    for record in line.witness.records() {
        let count = found.get(&record.event_id).copied().unwrap_or(0);
        let owed = record.management && record.region == "us-east-1" && record.seq < cut;
        if count > 1 || (owed && count == 0) {
            line.witness.violated(2, format!("event history has {record:?} {count} times"));
            return Err(Stopped);
        }
    }
    Ok(())
}

/// Nothing of what was denied has happened.
async fn denied(line: &Line) -> Result<(), Stopped> {
    let wrong = |what: &str| {
        line.witness.violated(6, what.to_owned());
        Err(Stopped)
    };
    let list = Request::s3(Who::Root, "ListBuckets", "GET", "/", "", Vec::new());
    let buckets = must(line, &list).await?.xml_all("Name");
    if buckets.iter().any(|name| name.starts_with("denied")) {
        return wrong("there is a bucket that nobody was allowed to make");
    }
    let expected: BTreeSet<&str> = DATA.iter().chain(&LOGS).copied().collect();
    if buckets.iter().map(String::as_str).collect::<BTreeSet<_>>() != expected {
        return wrong(&format!("the buckets are {buckets:?}"));
    }
    let list =
        Request::s3(Who::Root, "ListObjects", "GET", &format!("/{}", DATA[0]), "list-type=2&prefix=denied", Vec::new());
    if !must(line, &list).await?.xml_all("Key").is_empty() {
        return wrong("there is an object that nobody was allowed to put");
    }
    let users = must(line, &Request::query(Who::Root, "iam", "ListUsers", "")).await?.xml_all("UserName");
    if users != ["alice", "bob"] {
        return wrong(&format!("the users are {users:?}"));
    }
    let get = Request::s3(Who::Root, "GetBucketPolicy", "GET", &format!("/{}", DATA[0]), "policy=", Vec::new());
    if line.ask(&get).await.and_then(|answer| answer.error_code()).as_deref() != Some("NoSuchBucketPolicy") {
        return wrong("a bucket has a policy that nobody was allowed to put");
    }
    Ok(())
}

async fn rows(tables: &Memory, table: Table) -> Vec<Row> {
    tables.scan(table, Range::all(), state::SCAN_ROWS_MAX).await.unwrap_or_default()
}

fn read(row: &Row) -> serde_json::Value {
    serde_json::from_slice(&row.value).unwrap_or_default()
}

async fn hash(blobs: &objects::Memory) -> [u8; 32] {
    let mut hash = Sha256::new();
    for object in blobs.list("", None, objects::LIST_MAX).await.unwrap_or_default() {
        hash.update(&object.name);
        let content = match blobs.get(&object.name, None).await {
            Ok(reader) => reader.bytes(usize::MAX).await.unwrap_or_default(),
            Err(_) => Bytes::new(),
        };
        hash.update(&content);
    }
    hash.finalize().into()
}
