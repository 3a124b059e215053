//! Queries by the API, over an engine that knows one sort of statement, and buckets that can refuse.

mod kept;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::{Clock, Env, Region, Timestamp};
use bytes::Bytes;
use model::{Fields, Value};
use ports::lake::{Column, QueryError, QueryErrorKind, QueryProgress, QueryRequest, RowSink, StoreId};
use ports::{
    AccessRequest, Authorizer, BucketError, BucketInfo, BucketObject, Buckets, Caller, Decision, OpenedObject,
    QueryEngine, ServicePut, Unavailable,
};
use serde_json::{Value as Json, json};
use service::{ApiError, Call};
use tokio::sync::watch;

use crate::{Athena, Deps, Options};

const ACCOUNT: &str = "123456789012";

/// The statement of the guide that makes the table.
const CREATE: &str = "CREATE EXTERNAL TABLE cloudtrail_logs (
    eventVersion STRING,
    userIdentity STRUCT<type: STRING, userName: STRING>,
    eventName STRING
) PARTITIONED BY (region string, year string)
ROW FORMAT SERDE 'com.amazon.emr.hive.serde.CloudTrailSerde'
LOCATION 's3://trail/AWSLogs/123456789012/CloudTrail/'";

/// Knows `SELECT what FROM table`: a number gives so many rows of a number and a null, `FOREVER` goes on until it is cancelled, `BAD` is
/// an unknown column, `DISTINCT` gives a partition.
struct FakeEngine;

#[async_trait]
impl QueryEngine for FakeEngine {
    fn check(&self, _: &QueryRequest) -> Result<Vec<StoreId>, QueryError> {
        Ok(vec![StoreId::events()])
    }

    async fn run(
        &self,
        request: QueryRequest,
        sink: &mut dyn RowSink,
        progress: Arc<QueryProgress>,
        mut cancel: watch::Receiver<bool>,
    ) -> Result<(), QueryError> {
        let words: Vec<&str> = request.sql.split_whitespace().collect();
        let what = words[1];
        progress.add_scanned(10, 1_000);
        let column = |name: &str, r#type: &str| Column { name: name.to_owned(), r#type: r#type.to_owned() };
        if what == "DISTINCT" {
            assert_eq!(
                request.sql,
                r#"SELECT DISTINCT "region", "year" FROM "default"."cloudtrail_logs" ORDER BY 1, 2"#
            );
            sink.columns(vec![column("region", "varchar"), column("year", "varchar")]).await?;
            return sink.rows(vec![vec![Some("us-east-1".to_owned()), Some("2026".to_owned())]]).await;
        }
        let database = request.default_database.as_deref().unwrap();
        let table = format!("{database}.{}", words[3]);
        if !request.tables.iter().any(|known| known.name == table) {
            let error = QueryError::new(QueryErrorKind::UnknownName, format!("Table '{table}' does not exist"));
            return Err(error.at(1, 15));
        }
        sink.columns(vec![column("number", "bigint"), column("nothing", "varchar")]).await?;
        match what {
            "FOREVER" => {
                let _ = cancel.wait_for(|cancelled| *cancelled).await;
                Err(QueryError::new(QueryErrorKind::Cancelled, "cancelled"))
            }
            "BAD" => {
                let text = "Column 'bad' cannot be resolved";
                Err(QueryError::new(QueryErrorKind::UnknownName, text).at(1, 8))
            }
            number => {
                let number: usize = number.parse().unwrap();
                sink.rows((0..number).map(|at| vec![Some(at.to_string()), None]).collect()).await
            }
        }
    }
}

type Key = (String, String);

/// The bucket `results`; the bucket `full`, which takes nothing.
#[derive(Default)]
struct FakeBuckets(Mutex<BTreeMap<Key, Bytes>>);

#[async_trait]
impl Buckets for FakeBuckets {
    async fn describe(&self, bucket: &str) -> Result<Option<BucketInfo>, BucketError> {
        let info = BucketInfo { region: Region::US_EAST_1, account: ACCOUNT.to_owned() };
        Ok(["results", "full"].contains(&bucket).then_some(info))
    }

    async fn check(&self, _: &ServicePut) -> Result<(), BucketError> {
        panic!("nobody asks for the service's own right")
    }

    async fn kms_key(&self, _: &ServicePut) -> Result<(), BucketError> {
        panic!("nobody asks for the service's own right")
    }

    async fn put(&self, _: ServicePut) -> Result<(), BucketError> {
        panic!("results are written for their callers")
    }

    async fn put_permitted(&self, bucket: &str, key: &str, content: Bytes, _: &str) -> Result<(), BucketError> {
        if bucket == "full" {
            return Err(BucketError::NoSuchBucket);
        }
        self.0.lock().unwrap().insert((bucket.to_owned(), key.to_owned()), content);
        Ok(())
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<(Bytes, Vec<(String, String)>), BucketError> {
        let found = self.0.lock().unwrap().get(&(bucket.to_owned(), key.to_owned())).cloned();
        found.map(|bytes| (bytes, Vec::new())).ok_or(BucketError::NoSuchKey)
    }

    async fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Vec<BucketObject>, BucketError> {
        Ok(Vec::new())
    }

    async fn folders(&self, _: &str, _: &str) -> Result<Vec<String>, BucketError> {
        Ok(Vec::new())
    }

    async fn open(&self, _: &str, _: &str) -> Result<OpenedObject, BucketError> {
        Err(BucketError::NoSuchKey)
    }
}

/// Lets everybody do everything but what has `denied` in it, and into `rows/` only CSV.
struct FakeAuthorizer;

#[async_trait]
impl Authorizer for FakeAuthorizer {
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        let resource = request.resource;
        let denied = resource.contains("denied") || resource.contains("/rows/") && !resource.ends_with(".csv");
        Ok(if denied { Decision::ImplicitDeny(ports::Layer::Identity) } else { Decision::FREE })
    }
}

/// Goes as far ahead of time as it is told.
#[derive(Default)]
struct FakeClock {
    ahead_ms: AtomicI64,
}

impl FakeClock {
    fn advance(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(1_772_366_400_000 + self.ahead_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.ahead_ms.load(Ordering::SeqCst)).unwrap()
    }
}

/// Storage that outlives the service, and the time.
#[derive(Clone)]
struct World {
    state: Arc<state::Memory>,
    objects: Arc<objects::Memory>,
    buckets: Arc<FakeBuckets>,
    clock: Arc<FakeClock>,
}

impl World {
    fn new() -> World {
        World {
            state: Arc::new(state::Memory::new()),
            objects: Arc::new(objects::Memory::new()),
            buckets: Arc::default(),
            clock: Arc::default(),
        }
    }

    async fn open(&self) -> Arc<Athena> {
        let deps = Deps {
            env: Env { clock: Arc::clone(&self.clock) as Arc<dyn Clock>, ..system::env() },
            account: ACCOUNT.into(),
            journal: Arc::new(journal::MemoryJournal::new()),
            state: Arc::clone(&self.state) as Arc<dyn state::State>,
            objects: Arc::clone(&self.objects) as Arc<dyn objects::Objects>,
            buckets: Arc::clone(&self.buckets) as Arc<dyn Buckets>,
            authorizer: Arc::new(FakeAuthorizer),
            event_stores: None,
            query_engine: Some(Arc::new(FakeEngine)),
            options: Options::default(),
        };
        Athena::open(deps).await.unwrap()
    }

    fn file(&self, key: &str) -> String {
        let files = self.buckets.0.lock().unwrap();
        let bytes = files.get(&("results".to_owned(), key.to_owned())).unwrap_or_else(|| panic!("no {key}"));
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

fn from_json(json: Json) -> Value {
    match json {
        Json::Object(members) => {
            let mut fields = Fields::new();
            for (name, value) in members {
                fields.push(name.as_str(), from_json(value));
            }
            Value::Struct(fields)
        }
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::String(text) => Value::String(text),
        Json::Number(number) => Value::Int(number.as_i64().unwrap()),
        Json::Bool(flag) => Value::Bool(flag),
        Json::Null => Value::Null,
    }
}

fn to_json(value: Value) -> Json {
    match value {
        Value::Bool(flag) => flag.into(),
        Value::Int(number) => number.into(),
        Value::Double(number) => number.into(),
        Value::String(text) => text.into(),
        Value::Timestamp(time) => time.iso8601().into(),
        Value::List(items) => items.into_iter().map(to_json).collect(),
        Value::Struct(fields) => {
            Json::Object(fields.0.into_iter().map(|(name, value)| (name.to_string(), to_json(value))).collect())
        }
        _ => Json::Null,
    }
}

async fn run(athena: &Arc<Athena>, region: &str, operation: &str, input: Json) -> Result<Json, ApiError> {
    let definition = crate::definition(Arc::clone(athena));
    let handler = Arc::clone(&definition.operations[operation]);
    let Value::Struct(input) = from_json(input) else { panic!("the input of {operation} is no object") };
    let call = Call {
        caller: Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIAROOT".into() },
        account: ACCOUNT.into(),
        region: Region::parse(region).unwrap(),
        time: Timestamp::from_ms(0),
        request_id: "request".to_owned(),
        operation: operation.into(),
        headers: http::HeaderMap::new(),
        query: String::new(),
        source_ip: "127.0.0.1".into(),
        tls: None,
        host: "localhost:4566".to_owned(),
        body: Mutex::default(),
        reply: Mutex::default(),
        notes: Mutex::default(),
    };
    handler.run(&call, input).await.map(|fields| to_json(Value::Struct(fields)))
}

async fn ok(athena: &Arc<Athena>, operation: &str, input: Json) -> Json {
    let answer = run(athena, "us-east-1", operation, input.clone()).await;
    answer.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

async fn refused(athena: &Arc<Athena>, operation: &str, input: Json, expected: &str) {
    let error = run(athena, "us-east-1", operation, input.clone()).await.expect_err(expected);
    let text = format!("{}: {}", error.code, error.message);
    assert!(text.contains(expected), "{operation} {input}: {text}, not {expected}");
}

fn asking(statement: &str) -> Json {
    json!({"QueryString": statement, "ResultConfiguration": {"OutputLocation": "s3://results/out"}})
}

async fn start(athena: &Arc<Athena>, statement: &str) -> String {
    let started = ok(athena, "StartQueryExecution", asking(statement)).await;
    started["QueryExecutionId"].as_str().unwrap().to_owned()
}

/// What GetQueryExecution says once the query is over.
async fn over(athena: &Arc<Athena>, id: &str) -> Json {
    loop {
        let shown = ok(athena, "GetQueryExecution", json!({"QueryExecutionId": id})).await;
        let state = shown["QueryExecution"]["Status"]["State"].as_str().unwrap();
        if !["QUEUED", "RUNNING"].contains(&state) {
            return shown["QueryExecution"].clone();
        }
        tokio::task::yield_now().await;
    }
}

/// Runs a statement to its end and returns its rows.
async fn rows(athena: &Arc<Athena>, statement: &str) -> Vec<Vec<Option<String>>> {
    let id = start(athena, statement).await;
    let shown = over(athena, &id).await;
    assert_eq!(shown["Status"]["State"], "SUCCEEDED", "{statement}: {shown}");
    let page = ok(athena, "GetQueryResults", json!({"QueryExecutionId": id})).await;
    read_rows(&page)
}

fn read_rows(page: &Json) -> Vec<Vec<Option<String>>> {
    let rows = page["ResultSet"]["Rows"].as_array().unwrap().iter();
    let value = |datum: &Json| datum["VarCharValue"].as_str().map(str::to_owned);
    rows.map(|row| row["Data"].as_array().unwrap().iter().map(value).collect()).collect()
}

async fn failure(athena: &Arc<Athena>, statement: &str) -> String {
    let id = start(athena, statement).await;
    let shown = over(athena, &id).await;
    assert_eq!(shown["Status"]["State"], "FAILED", "{statement}: {shown}");
    let reason = shown["Status"]["StateChangeReason"].as_str().unwrap().to_owned();
    assert_eq!(shown["Status"]["AthenaError"]["ErrorMessage"], reason);
    refused(athena, "GetQueryResults", json!({"QueryExecutionId": id}), "Final query state: FAILED").await;
    reason
}

#[tokio::test]
async fn a_result_is_a_file_and_pages() {
    let world = World::new();
    let athena = world.open().await;
    let id = start(&athena, "SELECT 2500 FROM events").await;
    let shown = over(&athena, &id).await;
    assert_eq!(shown["Status"]["State"], "SUCCEEDED");
    assert_eq!(shown["ResultConfiguration"]["OutputLocation"], format!("s3://results/out/{id}.csv"));
    assert_eq!((&shown["StatementType"], &shown["SubstatementType"]), (&json!("DML"), &json!("SELECT")));
    assert_eq!(shown["Statistics"]["DataScannedInBytes"], 1_000);
    assert_eq!(shown["EngineVersion"]["EffectiveEngineVersion"], "Athena engine version 3");
    assert!(world.file(&format!("out/{id}.csv")).starts_with("\"number\",\"nothing\"\n\"0\",\n\"1\",\n"));

    let (mut input, mut seen, mut sizes) = (json!({"QueryExecutionId": id}), Vec::new(), Vec::new());
    loop {
        let page = ok(&athena, "GetQueryResults", input.clone()).await;
        assert_eq!(page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"][0]["Type"], "bigint");
        let rows = read_rows(&page);
        sizes.push(rows.len());
        seen.extend(rows);
        if page["NextToken"].is_null() {
            break;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
    assert_eq!(sizes, [1_000, 1_000, 501]);
    assert_eq!(seen[0], [Some("number".to_owned()), Some("nothing".to_owned())]);
    assert_eq!(seen[2_500], [Some("2499".to_owned()), None]);
    let few = ok(&athena, "GetQueryResults", json!({"QueryExecutionId": id, "MaxResults": 3})).await;
    assert_eq!(read_rows(&few).len(), 3);
    let other = start(&athena, "SELECT 1 FROM events").await;
    over(&athena, &other).await;
    let mixed = json!({"QueryExecutionId": other, "NextToken": few["NextToken"]});
    refused(&athena, "GetQueryResults", mixed, "NextToken is not valid").await;
}

#[tokio::test]
async fn tables_are_names_for_the_store() {
    let world = World::new();
    let athena = world.open().await;
    let missing = failure(&athena, "SELECT 1 FROM cloudtrail_logs").await;
    assert_eq!(missing, "TABLE_NOT_FOUND: line 1:15: Table 'default.cloudtrail_logs' does not exist");
    let id = start(&athena, CREATE).await;
    let shown = over(&athena, &id).await;
    assert_eq!((&shown["Status"]["State"], &shown["StatementType"]), (&json!("SUCCEEDED"), &json!("DDL")));
    assert_eq!(world.file(&format!("out/{id}.txt")), "");
    assert!(rows(&athena, "SELECT 1 FROM cloudtrail_logs").await.len() == 2);
    let twice = failure(&athena, CREATE).await;
    assert!(twice.contains("AlreadyExistsException(message:Table cloudtrail_logs already exists.)"), "{twice}");

    let lines =
        |rows: Vec<Vec<Option<String>>>| rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect::<Vec<_>>();
    assert_eq!(lines(rows(&athena, "SHOW TABLES").await), ["cloudtrail_logs", "events"]);
    assert_eq!(lines(rows(&athena, "SHOW TABLES 'cloud*'").await), ["cloudtrail_logs"]);
    assert_eq!(lines(rows(&athena, "SHOW PARTITIONS cloudtrail_logs").await), ["region=us-east-1/year=2026"]);
    let described = lines(rows(&athena, "DESCRIBE cloudtrail_logs").await);
    assert!(described[0].starts_with("eventversion        \tstring"), "{described:?}");
    let made = lines(rows(&athena, "SHOW CREATE TABLE cloudtrail_logs").await);
    assert_eq!(made[0], "CREATE EXTERNAL TABLE `default.cloudtrail_logs`(");
    assert!(made.contains(&"  's3://trail/AWSLogs/123456789012/CloudTrail/'".to_owned()), "{made:?}");
    assert!(rows(&athena, "MSCK REPAIR TABLE cloudtrail_logs").await.is_empty());
    assert!(rows(&athena, "CREATE DATABASE IF NOT EXISTS audit").await.is_empty());
    assert_eq!(lines(rows(&athena, "SHOW DATABASES").await), ["audit", "default"]);
    assert!(failure(&athena, "CREATE DATABASE audit").await.contains("Database audit already exists"));
    let elsewhere = CREATE.replace("TABLE cloudtrail_logs", "TABLE nowhere.logs");
    assert!(failure(&athena, &elsewhere).await.contains("Database does not exist: nowhere"));
    let other = "CREATE EXTERNAL TABLE t (a string) LOCATION 's3://x/y/'";
    assert!(failure(&athena, other).await.starts_with("NOT_SUPPORTED: the table t"));

    // The same by the API's own calls; another region has none of it.
    let named = json!({"CatalogName": "AwsDataCatalog", "DatabaseName": "default", "TableName": "cloudtrail_logs"});
    let table = ok(&athena, "GetTableMetadata", named.clone()).await["TableMetadata"].clone();
    assert_eq!(table["Columns"][0], json!({"Name": "eventversion", "Type": "string"}));
    assert_eq!(table["PartitionKeys"][1]["Name"], "year");
    assert_eq!(table["Parameters"]["location"], "s3://trail/AWSLogs/123456789012/CloudTrail/");
    let there = run(&athena, "eu-west-1", "GetTableMetadata", named.clone()).await.unwrap_err();
    assert_eq!(there.code, "MetadataException");
    let all = json!({"CatalogName": "AwsDataCatalog", "DatabaseName": "default", "Expression": "cloud.*"});
    let all = ok(&athena, "ListTableMetadata", all).await;
    assert_eq!(all["TableMetadataList"].as_array().unwrap().len(), 1);
    let databases = ok(&athena, "ListDatabases", json!({"CatalogName": "AwsDataCatalog"})).await;
    assert_eq!(databases["DatabaseList"], json!([{"Name": "audit"}, {"Name": "default"}]));
    refused(&athena, "ListDatabases", json!({"CatalogName": "hive"}), "Catalog hive is not found").await;

    assert!(rows(&athena, "DROP TABLE cloudtrail_logs").await.is_empty());
    assert!(failure(&athena, "DROP TABLE cloudtrail_logs").await.contains("Table not found default.cloudtrail_logs"));
    assert!(failure(&athena, "DROP TABLE events").await.contains("built in"));
    refused(&athena, "GetTableMetadata", named, "MetadataException").await;
}

#[tokio::test]
async fn what_cannot_run_is_refused_or_fails() {
    let world = World::new();
    let athena = world.open().await;
    refused(&athena, "StartQueryExecution", asking("SELEC 1"), "InvalidRequestException: line 1:1: ").await;
    refused(&athena, "StartQueryExecution", asking("DELETE FROM events"), "only SELECT statements are allowed").await;
    let error = run(&athena, "us-east-1", "StartQueryExecution", asking("SELEC 1")).await.unwrap_err();
    assert_eq!(error.fields.str("AthenaErrorCode"), Some("MALFORMED_QUERY"));
    let bad = failure(&athena, "SELECT BAD FROM events").await;
    assert_eq!(bad, "COLUMN_NOT_FOUND: line 1:8: Column 'bad' cannot be resolved");

    let nowhere = json!({"QueryString": "SELECT 1 FROM events"});
    refused(&athena, "StartQueryExecution", nowhere.clone(), "No output location provided").await;
    let to = |location: &str| json!({"QueryString": "SELECT 1 FROM events", "ResultConfiguration": {"OutputLocation": location}});
    refused(&athena, "StartQueryExecution", to("s3://none/x"), "Unable to verify/create output bucket none").await;
    refused(&athena, "StartQueryExecution", to("results"), "OutputLocation").await;
    refused(&athena, "StartQueryExecution", to("s3://results/denied/"), "Access denied when writing output").await;
    ok(&athena, "StartQueryExecution", to("s3://results/rows/")).await;
    let mut lines = to("s3://results/rows/");
    lines["QueryString"] = json!("SHOW TABLES");
    refused(&athena, "StartQueryExecution", lines, "Access denied when writing output").await;
    let mut group = asking("SELECT 1 FROM events");
    group["WorkGroup"] = json!("other");
    refused(&athena, "StartQueryExecution", group, "WorkGroup other is not found.").await;
    let full = ok(&athena, "StartQueryExecution", to("s3://full")).await;
    let shown = over(&athena, full["QueryExecutionId"].as_str().unwrap()).await;
    assert!(shown["Status"]["StateChangeReason"].as_str().unwrap().contains("NoSuchBucket"), "{shown}");
    refused(&athena, "GetQueryExecution", json!({"QueryExecutionId": "none"}), "QueryExecution none was not found")
        .await;
}

#[tokio::test]
async fn the_same_token_is_the_same_query() {
    let world = World::new();
    let athena = world.open().await;
    let mut input = asking("SELECT 1 FROM events");
    input["ClientRequestToken"] = json!("a".repeat(32));
    let first = ok(&athena, "StartQueryExecution", input.clone()).await;
    assert_eq!(ok(&athena, "StartQueryExecution", input.clone()).await, first);
    input["QueryString"] = json!("SELECT 2 FROM events");
    refused(&athena, "StartQueryExecution", input.clone(), "Idempotent parameters do not match").await;
    over(&athena, first["QueryExecutionId"].as_str().unwrap()).await;
    let listed = ok(&athena, "ListQueryExecutions", json!({})).await;
    assert_eq!(listed["QueryExecutionIds"], json!([first["QueryExecutionId"]]));
}

#[tokio::test]
async fn queries_wait_and_are_stopped_and_a_restart_ends_them() {
    let world = World::new();
    let athena = world.open().await;
    let mut ids = Vec::new();
    for _ in 0..crate::run::ACTIVE_MAX {
        ids.push(start(&athena, "SELECT FOREVER FROM events").await);
    }
    refused(&athena, "StartQueryExecution", asking("SELECT 1 FROM events"), "TooManyRequestsException").await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let (mut running, mut queued) = (0, 0);
    for id in &ids {
        let shown = ok(&athena, "GetQueryExecution", json!({"QueryExecutionId": id})).await;
        match shown["QueryExecution"]["Status"]["State"].as_str().unwrap() {
            "RUNNING" => running += 1,
            "QUEUED" => queued += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((running, queued), (5, 95));
    refused(&athena, "GetQueryResults", json!({"QueryExecutionId": ids[0]}), "Query has not yet finished").await;
    world.clock.advance(7_000);
    for (id, waited) in [(&ids[0], 0), (&ids[99], 7_000)] {
        ok(&athena, "StopQueryExecution", json!({"QueryExecutionId": id})).await;
        let shown = over(&athena, id).await;
        assert_eq!(shown["Status"]["State"], "CANCELLED");
        assert_eq!(shown["Statistics"]["QueryQueueTimeInMillis"], waited);
    }
    ok(&athena, "StopQueryExecution", json!({"QueryExecutionId": ids[0]})).await;

    // Another service on the same tables: what was running when the first ended has failed.
    let again = world.open().await;
    let shown = ok(&again, "GetQueryExecution", json!({"QueryExecutionId": ids[50]})).await;
    assert_eq!(shown["QueryExecution"]["Status"]["State"], "FAILED");
    let reason = shown["QueryExecution"]["Status"]["StateChangeReason"].as_str().unwrap();
    assert!(reason.contains("interrupted"), "{reason}");
    let batch = json!({"QueryExecutionIds": [ids[0], "none"]});
    let batch = ok(&again, "BatchGetQueryExecution", batch).await;
    assert_eq!(batch["QueryExecutions"][0]["Status"]["State"], "CANCELLED");
    assert_eq!(batch["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"], "none");
    let (mut seen, mut input) = (Vec::new(), json!({"MaxResults": 40}));
    loop {
        let page = ok(&again, "ListQueryExecutions", input.clone()).await;
        seen.extend(page["QueryExecutionIds"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()));
        if page["NextToken"].is_null() {
            break;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn the_work_group_says_where_results_go() {
    let world = World::new();
    let athena = world.open().await;
    let update = |location: &str| {
        json!({"WorkGroup": "primary", "Description": "all of us", "ConfigurationUpdates": {
            "ResultConfigurationUpdates": {"OutputLocation": location}, "EnforceWorkGroupConfiguration": true}})
    };
    refused(&athena, "UpdateWorkGroup", update("nowhere"), "OutputLocation is not a valid S3 path").await;
    ok(&athena, "UpdateWorkGroup", update("s3://results/group/")).await;
    let group = ok(&athena, "GetWorkGroup", json!({"WorkGroup": "primary"})).await["WorkGroup"].clone();
    assert_eq!(group["Configuration"]["ResultConfiguration"]["OutputLocation"], "s3://results/group/");
    assert_eq!((&group["State"], &group["Description"]), (&json!("ENABLED"), &json!("all of us")));
    let id = start(&athena, "SELECT 1 FROM events").await;
    let shown = over(&athena, &id).await;
    assert_eq!(shown["ResultConfiguration"]["OutputLocation"], format!("s3://results/group/{id}.csv"));
    let unknown = json!({"WorkGroup": "primary", "ConfigurationUpdates": {"BytesScannedCutoffPerQuery": 10_000_000}});
    refused(&athena, "UpdateWorkGroup", unknown, "ConfigurationUpdates.BytesScannedCutoffPerQuery").await;
    ok(&athena, "UpdateWorkGroup", json!({"WorkGroup": "primary", "State": "DISABLED"})).await;
    refused(&athena, "StartQueryExecution", asking("SELECT 1 FROM events"), "WorkGroup primary is disabled.").await;
    let groups = ok(&athena, "ListWorkGroups", json!({})).await;
    assert_eq!(groups["WorkGroups"][0]["State"], "DISABLED");
    refused(&athena, "GetWorkGroup", json!({"WorkGroup": "other"}), "WorkGroup other is not found.").await;
}

#[tokio::test]
async fn statements_are_saved() {
    let world = World::new();
    let athena = world.open().await;
    let new = json!({"Name": "root", "Database": "default", "QueryString": "SELECT 1 FROM events",
        "ClientRequestToken": "b".repeat(32)});
    let made = ok(&athena, "CreateNamedQuery", new.clone()).await;
    assert_eq!(ok(&athena, "CreateNamedQuery", new).await, made);
    let id = made["NamedQueryId"].clone();
    let found = ok(&athena, "GetNamedQuery", json!({"NamedQueryId": id})).await;
    assert_eq!(found["NamedQuery"]["QueryString"], "SELECT 1 FROM events");
    assert_eq!(ok(&athena, "ListNamedQueries", json!({})).await["NamedQueryIds"], json!([id]));
    let batch = ok(&athena, "BatchGetNamedQuery", json!({"NamedQueryIds": [id, "none"]})).await;
    assert_eq!(batch["UnprocessedNamedQueryIds"][0]["NamedQueryId"], "none");
    ok(&athena, "DeleteNamedQuery", json!({"NamedQueryId": id})).await;
    refused(&athena, "GetNamedQuery", json!({"NamedQueryId": id}), "does not exist").await;
    let catalogs = ok(&athena, "ListDataCatalogs", json!({})).await;
    assert_eq!(catalogs["DataCatalogsSummary"], json!([{"CatalogName": "AwsDataCatalog", "Type": "GLUE"}]));
    let catalog = ok(&athena, "GetDataCatalog", json!({"Name": "awsdatacatalog"})).await;
    assert_eq!(catalog["DataCatalog"]["Name"], "AwsDataCatalog");
}
