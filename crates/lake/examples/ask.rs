//! Asks statements of records, for tests that compare the answers with another database's.
//!
//! `ask RECORDS.jsonl < STATEMENTS.jsonl`: each line of the input is `{"sql": "…", "dialect": "lake"}` over the table `events`; each line of
//! the output is `{"types": […], "rows": [[…]]}` with values as text, or `{"error": "…"}`.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use eventstore::Stores;
use lake::{Engine, Options};
use ports::StoreId;
use ports::lake::{Dialect, EventStores, NewRecord, QueryError, QueryLimits, QueryRequest, QueryTable};
use serde_json::{Value, json};
use tokio::sync::watch;

/// What one statement may use.
const LIMITS: QueryLimits =
    QueryLimits { memory_bytes: 512 << 20, max_rows: Some(1_000_000), timeout_ms: 120_000, max_concurrency: 2 };

async fn ask(engine: &Engine, asked: &Value) -> Result<Value, QueryError> {
    let table = QueryTable { name: "events".to_owned(), store: StoreId::events() };
    let request = QueryRequest {
        sql: asked["sql"].as_str().unwrap_or_default().to_owned(),
        parameters: Vec::new(),
        tables: vec![table],
        default_database: None,
        dialect: if asked["dialect"] == "athena" { Dialect::Athena } else { Dialect::Lake },
        limits: LIMITS,
    };
    let (_keep, cancel) = watch::channel(false);
    let mut answer = engine.start(request, Arc::default(), cancel).await?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.next().await {
        rows.extend(answer.texts(&batch?)?);
    }
    let types: Vec<&str> = answer.columns().iter().map(|column| column.r#type.as_str()).collect();
    Ok(json!({ "types": types, "rows": rows }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: ask RECORDS.jsonl < STATEMENTS.jsonl")?;
    let env = system::env();
    let records = base::env::read_file(env.disk.as_ref(), Path::new(&path))?;
    let stores = Stores::open(
        env.clone(),
        Arc::new(state::Memory::new()),
        Arc::new(objects::Memory::new()),
        eventstore::Options::default(),
    );
    let stores = stores.await?;
    let lines: Vec<NewRecord> = records
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| NewRecord::new(line.to_vec()))
        .collect();
    // Several parts, as stores have.
    for part in lines.chunks(lines.len().div_ceil(3).max(1)) {
        stores.append(&StoreId::events(), part.to_vec()).await?;
    }
    let options = Options { spill_folder: None, spill_bytes_max: 0, runtime: tokio::runtime::Handle::current() };
    let engine = Engine::new(env, stores, options);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let answer = match ask(&engine, &asked).await {
            Ok(answer) => answer,
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
