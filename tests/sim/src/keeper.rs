//! The one who keeps event data stores: makes, changes, deletes and restores them, and imports log files into them, again and again.
//! At the end each must hold what it selects and what was imported into it, once, and nothing that is too old.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Clock;
use base::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use eventstore::Stores;
use ports::{EventStores, StoreId};
use serde_json::{Value, json};
use state::{Memory, Range, State};
use tokio::sync::watch;

use crate::Stopped;
use crate::archive::{Archive, PLACE};
use crate::chance::Chance;
use crate::client::{ACCOUNT, Line, Request, Who};
use crate::events::everything;
use crate::http::{Answer, Manner};
use crate::setup::must;

/// Stores that it makes at most.
const STORES_MAX: usize = 3;
/// How long an import may take once nothing fails.
const IMPORT: Duration = Duration::from_secs(600);
/// Parts stay so much longer than their records, and go at the next round.
const MARGIN_MS: i64 = HOUR_MS + 2 * MINUTE_MS;

/// See the module.
pub(crate) struct Keeper {
    chance: Chance,
    /// What there is to import; `None` in worlds without event data stores.
    archive: Option<Archive>,
    /// For how many days stores keep records once that was changed.
    shorter: u32,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    left: u64,
    made: usize,
    stores: Vec<String>,
    imports: Vec<String>,
}

fn call(who: Who, operation: &str, body: &Value) -> Request {
    Request::json(who, "cloudtrail", operation, body)
}

/// What a store takes.
fn selectors(index: u64) -> Value {
    let field = |name: &str, value: &str| json!({ "Field": name, "Equals": [value] });
    let management = field("eventCategory", "Management");
    match index {
        0 => json!([{ "FieldSelectors": [management] }]),
        1 => json!([{ "FieldSelectors": [management, field("readOnly", "false")] }]),
        _ => json!([
            { "FieldSelectors": [management, field("readOnly", "true")] },
            { "FieldSelectors": [field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")] },
        ]),
    }
}

fn source() -> Value {
    json!({ "S3": {
        "S3LocationUri": format!("s3://{}/{}", PLACE.0, PLACE.1), "S3BucketRegion": "us-east-1",
        "S3BucketAccessRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/import"),
    } })
}

impl Keeper {
    /// That of a world, who makes `calls` calls. Every other world has none.
    pub(crate) fn new(seed: u64, calls: u64) -> Keeper {
        let chance = Chance::part(seed, "keeper");
        let archive = chance.one_in(2).then(|| Archive::new(seed));
        let inner = Inner { left: if archive.is_some() { calls } else { 0 }, ..Inner::default() };
        Keeper { shorter: *chance.pick(&[7, 30]), archive, chance, inner: Mutex::new(inner) }
    }

    /// Puts the files where they are imported from.
    pub(crate) async fn set_up(&self, line: &Line) -> Result<(), Stopped> {
        for (key, content) in self.archive.iter().flat_map(|archive| &archive.files) {
            let path = format!("/{}/{key}", PLACE.0);
            must(line, &Request::s3(Who::Root, "PutObject", "PUT", &path, "", content.clone())).await?;
        }
        Ok(())
    }

    /// Works until nothing is left to do, or `pause` is true.
    pub(crate) async fn work(self: Arc<Self>, line: Arc<Line>, pause: watch::Receiver<bool>) {
        while self.inner().left > 0 {
            tokio::time::sleep(Duration::from_millis(self.chance.between(50, 15_000))).await;
            if *pause.borrow() {
                return;
            }
            self.inner().left -= 1;
            self.step(&line).await;
        }
    }

    async fn send(&self, line: &Line, operation: &str, body: &Value) -> Option<Answer> {
        let manner = if self.chance.one_in(16) { Manner::DropBeforeAnswer } else { Manner::Plain };
        let patience = Duration::from_secs(if self.chance.one_in(10) { 1 } else { 120 });
        let who = if self.chance.one_in(2) { Who::Root } else { Who::Alice };
        let answer = line.call(&call(who, operation, body), manner, patience, &self.chance).await;
        answer.filter(|answer| answer.status < 300)
    }

    async fn step(&self, line: &Line) {
        let chance = &self.chance;
        let store = {
            let inner = self.inner();
            (!inner.stores.is_empty()).then(|| chance.pick(&inner.stores).clone())
        };
        let Some(store) = store else { return self.make(line).await };
        let of_store = json!({ "EventDataStore": store });
        let import = {
            let inner = self.inner();
            (!inner.imports.is_empty()).then(|| json!({ "ImportId": chance.pick(&inner.imports) }))
        };
        match (chance.below(16), import) {
            (0..=2, _) => self.make(line).await,
            (3, _) => {
                let body = json!({ "EventDataStore": store, "RetentionPeriod": self.shorter });
                let _ = self.send(line, "UpdateEventDataStore", &body).await;
            }
            (4, _) => drop(self.send(line, "StopEventDataStoreIngestion", &of_store).await),
            (5, _) => drop(self.send(line, "StartEventDataStoreIngestion", &of_store).await),
            (6, _) => drop(self.send(line, "DeleteEventDataStore", &of_store).await),
            (7, _) => drop(self.send(line, "RestoreEventDataStore", &of_store).await),
            (8, Some(import)) => drop(self.send(line, "StopImport", &import).await),
            (9, Some(import)) => drop(self.send(line, "StartImport", &import).await),
            (10, Some(import)) => drop(self.send(line, "GetImport", &import).await),
            (11, _) => {
                let body = json!({ "EventDataStore": store, "AdvancedEventSelectors": selectors(chance.below(3)) });
                let _ = self.send(line, "UpdateEventDataStore", &body).await;
            }
            _ => {
                let body = json!({ "Destinations": [store], "ImportSource": source() });
                if let Some(answer) = self.send(line, "StartImport", &body).await
                    && let Some(id) = answer.json()["ImportId"].as_str()
                {
                    self.inner().imports.push(id.to_owned());
                }
            }
        }
    }

    async fn make(&self, line: &Line) {
        let number = {
            let mut inner = self.inner();
            inner.made += 1;
            inner.made
        };
        if number > STORES_MAX {
            return;
        }
        let body = json!({
            "Name": format!("store-{number}"), "RetentionPeriod": 2_557, "TerminationProtectionEnabled": false,
            "MultiRegionEnabled": self.chance.one_in(2), "AdvancedEventSelectors": selectors(self.chance.below(3)),
        });
        if let Some(answer) = self.send(line, "CreateEventDataStore", &body).await
            && let Some(arn) = answer.json()["EventDataStoreArn"].as_str()
        {
            self.inner().stores.push(arn.to_owned());
        }
    }

    /// Brings every import to its end.
    pub(crate) async fn finish(&self, line: &Line) -> Result<(), Stopped> {
        let Some(archive) = &self.archive else { return Ok(()) };
        for store in stores(line).await? {
            if store["Status"] == "PENDING_DELETION" {
                let body = json!({ "EventDataStore": store["EventDataStoreArn"] });
                must(line, &call(Who::Root, "RestoreEventDataStore", &body)).await?;
            }
        }
        let list = must(line, &call(Who::Root, "ListImports", &json!({ "MaxResults": 1_000 }))).await?.json();
        let ids: Vec<Value> =
            list["Imports"].as_array().into_iter().flatten().map(|one| one["ImportId"].clone()).collect();
        // One goes on, perhaps; only when it is over another can.
        for id in &ids {
            ended(line, id).await?;
        }
        for id in &ids {
            let good = u64::try_from(archive.files.len()).unwrap_or(0) - archive.damaged;
            let wanted = if archive.damaged > 0 { "FAILED" } else { "COMPLETED" };
            let mut import = ended(line, id).await?;
            let whole = |import: &Value| {
                import["ImportStatus"] == wanted
                    && import["ImportStatistics"]["FilesCompleted"] == good
                    && import["ImportStatistics"]["FailedEntries"] == archive.damaged
            };
            if !whole(&import) {
                must(line, &call(Who::Root, "StartImport", &json!({ "ImportId": id }))).await?;
                import = ended(line, id).await?;
            }
            let entries = import["ImportStatistics"]["EventsCompleted"].as_u64().unwrap_or(u64::MAX);
            if !whole(&import) || entries > archive.entries {
                let text = format!(
                    "an import ends otherwise than {wanted} with {good} files, {} failed and at most {} records: {import}",
                    archive.damaged, archive.entries
                );
                line.witness.violated(10, text);
                return Err(Stopped);
            }
        }
        Ok(())
    }

    /// Reads every store.
    pub(crate) async fn check(&self, line: &Line, kept: &Stores, tables: &Memory) -> Result<(), Stopped> {
        let Some(archive) = &self.archive else { return Ok(()) };
        let list = must(line, &call(Who::Root, "ListImports", &json!({ "MaxResults": 1_000 }))).await?.json();
        let into: BTreeSet<String> = list["Imports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|import| Some(id_of(import["Destinations"][0].as_str()?).to_owned()))
            .collect();
        let there = stores(line).await?;
        let known: BTreeSet<StoreId> =
            there.iter().filter_map(|store| StoreId::parse(id_of(store["EventDataStoreArn"].as_str()?))).collect();
        // One whose making failed goes at the next start.
        let begun = tables.scan("cloudtrail/event-data-stores-begun", Range::all(), state::SCAN_ROWS_MAX).await;
        let begun: Vec<Vec<u8>> = begun.unwrap_or_default().into_iter().map(|row| row.key).collect();
        let named = |store: &StoreId| known.contains(store) || begun.iter().any(|id| id == store.as_str().as_bytes());
        let extra = kept.stores().into_iter().find(|store| *store != StoreId::events() && !named(store));
        if let Some(extra) = extra {
            line.witness.violated(10, format!("the event store {extra} belongs to nobody"));
            return Err(Stopped);
        }
        for store in there {
            let id = id_of(store["EventDataStoreArn"].as_str().unwrap_or_default()).to_owned();
            let get = call(Who::Root, "GetEventDataStore", &json!({ "EventDataStore": id }));
            let days = must(line, &get).await?.json()["RetentionPeriod"].as_i64().unwrap_or(0);
            let imported = into.contains(&id).then_some(&archive.records);
            one(line, kept, tables, &id, days, imported).await?;
        }
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads one store, and holds it against what it selects and what was imported.
async fn one(
    line: &Line,
    kept: &Stores,
    tables: &Memory,
    id: &str,
    days: i64,
    imported: Option<&BTreeMap<u64, i64>>,
) -> Result<(), Stopped> {
    let violated = |what: String| {
        line.witness.violated(10, format!("event data store {id}, {days} days: {what}"));
        Err(Stopped)
    };
    let Some(store) = StoreId::parse(id) else { return violated("its name names no store".to_owned()) };
    let records = line.witness.records();
    let horizon = || line.witness.clock.now().ms() - days * DAY_MS;
    let before = horizon();
    kept.visible(records.last().map_or(0, |record| record.seq + 1)).await;
    let found = match everything(kept, &store).await {
        Ok(found) => found,
        Err(error) => return violated(format!("it cannot be read: {error}")),
    };
    let after = horizon();
    let mut selected = BTreeSet::new();
    for record in records.iter().filter(|record| record.stores.iter().any(|store| store == id)) {
        selected.insert(record.hash);
        let count = found.get(&record.hash).copied().unwrap_or(0);
        if count != 1 {
            return violated(format!("it selects {record:?} and has it {count} times"));
        }
    }
    for (hash, ms) in imported.into_iter().flatten() {
        let count = found.get(hash).copied().unwrap_or(0);
        let right = if *ms >= after { count == 1 } else { *ms >= before && count <= 1 || count == 0 };
        if !right {
            return violated(format!("it has an imported record {count} times; its horizon is {after}, its time {ms}"));
        }
    }
    let is_owed = |hash: &u64| selected.contains(hash) || imported.is_some_and(|imported| imported.contains_key(hash));
    // What came while it was read is owed as well.
    let late: BTreeSet<u64> = line.witness.records()[records.len()..].iter().map(|record| record.hash).collect();
    if let Some((hash, count)) = found.iter().find(|(hash, _)| !is_owed(hash) && !late.contains(hash)) {
        return violated(format!("it has {count} times what it neither selects nor was given: {hash:x}"));
    }
    let parts = tables.scan("lake/parts", Range::prefix(format!("{id}/")), state::SCAN_ROWS_MAX).await;
    for row in parts.unwrap_or_default() {
        let part: Value = serde_json::from_slice(&row.value).unwrap_or_default();
        if part["newest_ms"].as_i64().unwrap_or(i64::MIN) < before - MARGIN_MS {
            return violated(format!("a part is kept though all of it is too old: {part}"));
        }
    }
    Ok(())
}

fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

async fn stores(line: &Line) -> Result<Vec<Value>, Stopped> {
    let list = call(Who::Root, "ListEventDataStores", &json!({ "MaxResults": 1_000 }));
    let mut listed = must(line, &list).await?.json();
    match listed["EventDataStores"].take() {
        Value::Array(stores) => Ok(stores),
        _ => Ok(Vec::new()),
    }
}

/// An import once it is over.
async fn ended(line: &Line, id: &Value) -> Result<Value, Stopped> {
    let mut waited = Duration::ZERO;
    loop {
        let import = must(line, &call(Who::Root, "GetImport", &json!({ "ImportId": id }))).await?.json();
        if matches!(import["ImportStatus"].as_str(), Some("COMPLETED" | "FAILED" | "STOPPED")) {
            return Ok(import);
        }
        if waited >= IMPORT {
            line.witness
                .violated(8, format!("after {} s without faults an import is not over: {import}", IMPORT.as_secs()));
            return Err(Stopped);
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        waited += Duration::from_secs(5);
    }
}
