//! Imports of generated files, cut off at any step, repeated, damaged: nothing is lost, nothing is kept twice.
#![allow(clippy::disallowed_methods, reason = "folders of the tests' own")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::Timestamp;
use bytes::Bytes;
use generate::{Plan, Summary, World};
use ports::lake::{Appended, EventStores, Find, Found, NewRecord, StoreStats};
use ports::{StoreId, Unavailable};
use state::{CommitInfo, Op, Range, Row, State, Table};
use tokio::sync::watch;
use validate::Folder;

use crate::{Event, Failure, Filter, Options, Origin, Receiver, Report, StoreTarget, count, import};

/// Stores as lists of records; fails when its steps are used up.
#[derive(Default)]
struct Stores {
    records: Mutex<BTreeMap<Bytes, u64>>,
    appends: AtomicU64,
    steps: Arc<Steps>,
}

/// How many more steps may be done.
struct Steps(AtomicU64);

impl Default for Steps {
    fn default() -> Steps {
        Steps(AtomicU64::new(u64::MAX))
    }
}

impl Steps {
    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

#[async_trait]
impl EventStores for Stores {
    async fn create(&self, _: &StoreId, _: u32) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn set_retention(&self, _: &StoreId, _: u32) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn remove(&self, _: &StoreId) -> Result<(), Unavailable> {
        Ok(())
    }

    fn stores(&self) -> Vec<StoreId> {
        vec![StoreId::events()]
    }

    async fn append(&self, _: &StoreId, records: Vec<NewRecord>) -> Result<Appended, Unavailable> {
        if !self.steps.take() {
            return Err(Unavailable("the steps are used up".to_owned()));
        }
        self.appends.fetch_add(1, Ordering::SeqCst);
        let (mut appended, mut all) = (Appended::default(), self.records.lock().unwrap());
        for record in records {
            let times = all.entry(record.json).or_default();
            appended.kept += u64::from(*times == 0);
            appended.duplicate += u64::from(*times > 0);
            *times += 1;
        }
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
        Some(StoreStats { rows: self.records.lock().unwrap().len() as u64, ..StoreStats::default() })
    }
}

/// Tables whose commits fail when the steps are used up.
struct Tables(state::Memory, Arc<Steps>);

#[async_trait]
impl State for Tables {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, state::Error> {
        self.0.get(table, key).await
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, state::Error> {
        self.0.scan(table, range, limit).await
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, state::Error> {
        if !self.1.take() {
            return Err(state::Error::Full);
        }
        self.0.commit(ops).await
    }
}

struct Bench {
    folder: Arc<tempfile::TempDir>,
    stores: Arc<Stores>,
    receiver: Arc<Receiver>,
    steps: Arc<Steps>,
}

fn plan(records: u64) -> Plan {
    Plan {
        records,
        days: 2,
        start: Timestamp::parse_iso8601("2025-03-01T00:00:00Z").unwrap(),
        seed: 5,
        accounts: 2,
        attack: false,
        organization: None,
        digest_bucket: Some("logs".to_owned()),
    }
}

fn generated(into: &Path, plan: Plan) -> Summary {
    let world = World::new(plan).unwrap();
    let write = |file: &generate::File| {
        let path = into.join(&file.key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.gzip).unwrap();
    };
    let (mut all, mut files) = (Summary::default(), Vec::new());
    for cell in world.cells() {
        let summary = world.make(cell, |file| -> Result<(), Infallible> {
            write(&file);
            files.push(file);
            Ok(())
        });
        all.add(summary.unwrap());
    }
    let digests = world.digests(files, |file| -> Result<(), Infallible> {
        write(&file);
        Ok(())
    });
    all.add(digests.unwrap());
    all
}

impl Bench {
    fn new() -> Bench {
        Bench::over(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Over files that are there.
    fn over(folder: Arc<tempfile::TempDir>) -> Bench {
        let steps = Arc::new(Steps::default());
        let stores = Arc::new(Stores { steps: Arc::clone(&steps), ..Stores::default() });
        let tables = Arc::new(Tables(state::Memory::new(), Arc::clone(&steps)));
        let receiver = Arc::new(Receiver::new(Arc::clone(&stores) as Arc<dyn EventStores>, tables));
        Bench { folder, stores, receiver, steps }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn origin(&self) -> Origin {
        Origin { source: Arc::new(Folder::new(self.path(), "")), bucket: String::new(), prefix: String::new() }
    }

    async fn run(&self, filter: Filter) -> Result<Report, Failure> {
        self.run_from(filter, "", &watch::channel(false).1).await
    }

    async fn run_from(&self, filter: Filter, prefix: &str, stop: &watch::Receiver<bool>) -> Result<Report, Failure> {
        let target =
            StoreTarget { receiver: Arc::clone(&self.receiver), store: StoreId::events(), filter: filter.clone() };
        let origin = Origin { prefix: prefix.to_owned(), ..self.origin() };
        // Small batches, so that there are many steps.
        let options = Options { batch_bytes: 40_000, batches: 2, ..Options::new("test/") };
        let mut heard = 0;
        let mut say = |event: Event, _: &Report| {
            if let Event::Batch { files, .. } | Event::Known { files, .. } = event {
                heard += files;
            }
        };
        let report = import(&origin, &filter, Arc::new(target), &options, stop, &mut say).await?;
        assert!(report.stopped || heard == report.files_seen, "{heard} {report:?}");
        Ok(report)
    }

    /// How many records the store has.
    fn has(&self) -> u64 {
        self.stores.records.lock().unwrap().len() as u64
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        fn walk(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, into);
                } else if path.to_str().unwrap().contains("/CloudTrail/") {
                    into.push(path);
                }
            }
        }
        let mut files = Vec::new();
        walk(self.path(), &mut files);
        files.sort();
        files
    }
}

#[tokio::test]
async fn everything_is_imported_once_and_accounted_for() {
    let bench = Bench::new();
    let summary = generated(bench.path(), plan(3_000));
    fs::write(bench.path().join("AWSLogs/readme.txt"), "x").unwrap();
    let report = bench.run(Filter::default()).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.records_read, report.records_kept, report.records_duplicate), (3_000, 3_000, 0));
    assert_eq!((report.files_seen, report.files_read, report.files_other), (summary.files, summary.files, 1));
    assert_eq!((report.digests_read, report.files_named, report.files_missing), (summary.digests, summary.files, 0));
    assert_eq!(bench.has(), 3_000);
    let totals = count(&bench.origin(), &Filter::default()).await.unwrap();
    assert_eq!((totals.files, totals.bytes), (summary.files, report.file_bytes));

    // Again: nothing is read.
    let again = bench.run(Filter::default()).await.unwrap();
    assert_eq!((again.files_seen, again.files_known, again.files_read), (summary.files, summary.files, 0));
    assert_eq!(again.records_read, 0);
}

#[tokio::test]
async fn a_crash_at_any_step_loses_nothing_and_repeats_nothing() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    generated(folder.path(), plan(1_000));
    for steps in 0.. {
        let bench = Bench::over(Arc::clone(&folder));
        bench.steps.0.store(steps, Ordering::SeqCst);
        let first = bench.run(Filter::default()).await;
        bench.steps.0.store(u64::MAX, Ordering::SeqCst);
        let report = bench.run(Filter::default()).await.unwrap();
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(bench.has(), 1_000, "after {steps} steps");
        if first.is_ok() {
            assert_eq!(report.files_read, 0);
            assert!(steps > 6, "there were only {steps} steps");
            break;
        }
        assert!(report.files_read > 0, "what was not finished is read again");
    }
}

#[tokio::test]
async fn stopping_stops_and_going_on_completes() {
    let bench = Bench::new();
    generated(bench.path(), plan(2_000));
    let (_keep, stop) = watch::channel(true);
    let report = bench.run_from(Filter::default(), "", &stop).await.unwrap();
    assert!(report.stopped && !report.is_whole());
    assert_eq!(bench.has(), 0);
    bench.run(Filter::default()).await.unwrap();
    assert_eq!(bench.has(), 2_000);
}

#[tokio::test]
async fn late_changed_and_missing_files_are_found() {
    let bench = Bench::new();
    generated(bench.path(), plan(1_500));
    let files = bench.files();
    // The first by name, so that a marker behind the last one would never see it.
    let (late, kept) = (&files[0], files[0].with_extension("kept"));
    fs::rename(late, &kept).unwrap();
    let report = bench.run(Filter::default()).await.unwrap();
    assert_eq!((report.files_missing, report.missing.len()), (1, 1));
    assert!(late.ends_with(&report.missing[0]), "{:?}", report.missing);
    assert!(!report.is_whole());
    fs::rename(&kept, late).unwrap();
    let report = bench.run(Filter::default()).await.unwrap();
    assert_eq!((report.files_read, report.files_missing), (1, 0));
    assert_eq!(bench.has(), 1_500);

    // One that is written again, with a record more, is read again.
    fs::write(&files[1], r#"{"Records":[{"eventID":"new"}]}"#).unwrap();
    let report = bench.run(Filter::default()).await.unwrap();
    assert_eq!((report.files_read, report.records_kept), (1, 1));
}

#[tokio::test]
async fn damaged_files_are_listed_and_nothing_of_them_is_kept() {
    let bench = Bench::new();
    generated(bench.path(), plan(1_500));
    let files = bench.files();
    let whole = fs::read(&files[0]).unwrap();
    fs::write(&files[0], &whole[..whole.len() / 2]).unwrap();
    fs::write(bench.path().join("loose.json"), r#"{"Records":[{"a":1},{"b":"#).unwrap();
    fs::write(bench.path().join("fine.json"), r#"{"Records":[{"a":1},{"a":2},{"a":1}]}"#).unwrap();
    let report = bench.run(Filter::default()).await.unwrap();
    assert_eq!((report.files_failed, report.failures.len()), (2, 2));
    assert!(report.failures.iter().any(|failure| failure.key == "loose.json" && failure.why.contains("EOF")));
    assert_eq!(report.records_duplicate, 1);
    assert!(!bench.stores.records.lock().unwrap().contains_key(&br#"{"b":"#[..]));

    // What failed is tried again, and is no failure when it was repaired.
    assert_eq!(bench.run(Filter::default()).await.unwrap().files_failed, 2);
    fs::write(&files[0], &whole).unwrap();
    fs::remove_file(bench.path().join("loose.json")).unwrap();
    let report = bench.run(Filter::default()).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(bench.has(), 1_502);
}

#[tokio::test]
async fn records_that_share_an_identifier_and_differ_are_both_kept() {
    let bench = Bench::new();
    let file = r#"{"Records":[{"eventID":"e","a":1},{"eventID":"e","a":2},{"eventID":"e","a":1}]}"#;
    fs::write(bench.path().join("one.json"), file).unwrap();
    let report = bench.run(Filter::default()).await.unwrap();
    assert_eq!((report.records_read, report.records_kept, report.records_duplicate), (3, 2, 1));
}

#[tokio::test]
async fn filters_leave_out_files_and_records_and_have_a_memory_of_their_own() {
    let bench = Bench::new();
    let summary = generated(bench.path(), plan(3_000));
    let (account, records) = summary.by_account.iter().next().unwrap();
    let one = Filter { accounts: vec![account.clone()], ..Filter::default() };
    let report = bench.run(one.clone()).await.unwrap();
    assert_eq!(report.records_kept, *records);
    assert!(report.files_left_out > 0);
    let noon = Timestamp::parse_iso8601("2025-03-01T12:00:00Z").unwrap().ms();
    let until = Filter { to_ms: Some(noon), ..one };
    let report = bench.run(until).await.unwrap();
    assert_eq!(report.records_kept, 0);
    assert!(report.records_duplicate > 0 && report.records_left_out > 0, "{report:?}");
    assert_eq!(report.records_read, report.records_duplicate + report.records_left_out);
    let report = bench.run(Filter::default()).await.unwrap();
    assert_eq!((report.records_duplicate, bench.has()), (*records, 3_000));
}

#[tokio::test]
async fn a_prefix_bounds_an_import_and_a_store_that_is_forgotten_is_read_again() {
    let bench = Bench::new();
    let summary = generated(bench.path(), plan(1_500));
    let (account, records) = summary.by_account.iter().next().unwrap();
    let stop = watch::channel(false).1;
    let prefix = format!("AWSLogs/{account}/");
    let report = bench.run_from(Filter::default(), &prefix, &stop).await.unwrap();
    assert_eq!(report.records_kept, *records);
    bench.receiver.forget(&StoreId::events()).await.unwrap();
    let report = bench.run_from(Filter::default(), &prefix, &stop).await.unwrap();
    assert_eq!((report.records_kept, report.records_duplicate), (0, *records));
}
