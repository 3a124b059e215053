//! For tests: event stores in memory, and an engine that knows one sort of statement.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ports::lake::{
    Appended, Column, Find, Found, NewRecord, QueryError, QueryErrorKind, QueryProgress, QueryRequest, RowSink,
    StoreId, StoreKey, StoreStats,
};
use ports::{EventStores, KeyError, Published, QueryEngine, TablePlace, Tables, Unavailable};
use tokio::sync::watch;

/// Event stores in memory: retention and records by store.
#[derive(Default)]
pub struct FakeStores {
    /// By store.
    pub stores: Mutex<BTreeMap<StoreId, (u32, Vec<NewRecord>)>>,
    /// Under what stores are kept.
    pub keys: Mutex<BTreeMap<StoreId, StoreKey>>,
    /// The keys may not be used.
    pub locked: AtomicBool,
}

impl FakeStores {
    /// The retention of each store.
    pub fn retention(&self) -> Vec<u32> {
        self.stores.lock().unwrap().values().map(|(days, _)| *days).collect()
    }
}

#[async_trait]
impl EventStores for FakeStores {
    async fn create(&self, store: &StoreId, retention_days: u32) -> Result<(), Unavailable> {
        self.stores.lock().unwrap().entry(store.clone()).or_default().0 = retention_days;
        Ok(())
    }

    async fn set_retention(&self, store: &StoreId, days: u32) -> Result<(), Unavailable> {
        let mut stores = self.stores.lock().unwrap();
        stores.get_mut(store).ok_or_else(|| Unavailable("no such store".to_owned()))?.0 = days;
        Ok(())
    }

    async fn encrypt(&self, store: &StoreId, key: StoreKey) -> Result<(), Unavailable> {
        self.keys.lock().unwrap().insert(store.clone(), key);
        Ok(())
    }

    async fn unlock(&self, store: &StoreId) -> Result<(), KeyError> {
        let key = self.keys.lock().unwrap().get(store).map(|key| key.key_arn.clone());
        match key.filter(|_| self.locked.load(Ordering::SeqCst)) {
            Some(key) => {
                Err(KeyError::Refused { code: "DisabledException".to_owned(), message: format!("{key} is disabled.") })
            }
            None => Ok(()),
        }
    }

    async fn remove(&self, store: &StoreId) -> Result<(), Unavailable> {
        self.stores.lock().unwrap().remove(store);
        Ok(())
    }

    fn stores(&self) -> Vec<StoreId> {
        self.stores.lock().unwrap().keys().cloned().collect()
    }

    async fn append(&self, store: &StoreId, records: Vec<NewRecord>) -> Result<Appended, Unavailable> {
        let mut stores = self.stores.lock().unwrap();
        let (_, kept) = stores.get_mut(store).ok_or_else(|| Unavailable("no such store".to_owned()))?;
        let appended = Appended { kept: u64::try_from(records.len()).unwrap(), ..Appended::default() };
        kept.extend(records);
        Ok(appended)
    }

    async fn visible(&self, _: u64) {}

    fn durable(&self) -> u64 {
        0
    }

    async fn flush(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn find(&self, _: &StoreId, _: Find) -> Result<Found, Unavailable> {
        Ok(Found::default())
    }

    fn stats(&self, _: &StoreId) -> Option<StoreStats> {
        None
    }
}

/// Knows `SELECT what FROM store`: a number gives so many rows of a number and a null; `FOREVER` gives one row and goes on until it
/// is cancelled, `TIMEOUT` one row and an error, `FAIL` an error.
#[derive(Default)]
pub struct FakeEngine {
    /// The statements that ran, with their parameters.
    pub ran: Mutex<Vec<(String, Vec<String>)>>,
}

fn words(request: &QueryRequest) -> Result<(&str, StoreId), QueryError> {
    let words: Vec<&str> = request.sql.split_whitespace().collect();
    let ["SELECT", what, "FROM", store, ..] = words[..] else {
        return Err(QueryError::new(QueryErrorKind::Syntax, "Expected: SELECT").at(1, 1));
    };
    let known = request.tables.iter().find(|table| table.name == store);
    let column = u32::try_from(request.sql.find(store).unwrap() + 1).unwrap();
    let unknown = || QueryError::new(QueryErrorKind::UnknownName, format!("no table {store}")).at(1, column);
    Ok((what, known.ok_or_else(unknown)?.store.clone()))
}

#[async_trait]
impl QueryEngine for FakeEngine {
    fn check(&self, request: &QueryRequest) -> Result<Vec<StoreId>, QueryError> {
        Ok(vec![words(request)?.1])
    }

    async fn run(
        &self,
        request: QueryRequest,
        sink: &mut dyn RowSink,
        progress: Arc<QueryProgress>,
        mut cancel: watch::Receiver<bool>,
    ) -> Result<(), QueryError> {
        let (what, _) = words(&request)?;
        self.ran.lock().unwrap().push((request.sql.clone(), request.parameters.clone()));
        let column = |name: &str| Column { name: name.to_owned(), r#type: "varchar".to_owned() };
        sink.columns(vec![column("number"), column("nothing")]).await?;
        progress.add_scanned(10, 1_000);
        let row = |number: usize| vec![Some(number.to_string()), None];
        match what {
            "FOREVER" => {
                sink.rows(vec![row(0)]).await?;
                let _ = cancel.wait_for(|cancelled| *cancelled).await;
                Err(QueryError::new(QueryErrorKind::Cancelled, "cancelled"))
            }
            "TIMEOUT" => {
                sink.rows(vec![row(0)]).await?;
                Err(QueryError::new(QueryErrorKind::TimedOut, "The query ran for more than 1 s."))
            }
            "FAIL" => Err(QueryError::new(QueryErrorKind::Type, "cannot cast").at(1, 8)),
            number => {
                let number: usize = number.parse().unwrap();
                progress.add_matched(u64::try_from(number).unwrap());
                sink.rows((0..number).map(row).collect()).await
            }
        }
    }
}

/// Tables that are readable at their second step.
#[derive(Default)]
pub struct FakeTables {
    /// What was asked for: `publish` or `withdraw`, the store, the bucket.
    pub calls: Mutex<Vec<String>>,
    refused: Mutex<Option<String>>,
}

impl FakeTables {
    /// The table of this store cannot be made.
    pub fn refuse(&self, store: &str) {
        *self.refused.lock().unwrap() = Some(store.to_owned());
    }
}

#[async_trait]
impl Tables for FakeTables {
    async fn publish(&self, store: &StoreId, place: &TablePlace) -> Result<Published, Unavailable> {
        if self.refused.lock().unwrap().as_deref() == Some(store.as_str()) {
            return Err(Unavailable("refused".to_owned()));
        }
        let mut calls = self.calls.lock().unwrap();
        let call = format!("publish {store} {}", place.bucket);
        let readable = calls.contains(&call);
        calls.push(call);
        Ok(Published { readable, more: !readable })
    }

    async fn withdraw(&self, store: &StoreId, place: &TablePlace) -> Result<(), Unavailable> {
        self.calls.lock().unwrap().push(format!("withdraw {store} {}", place.bucket));
        Ok(())
    }
}
