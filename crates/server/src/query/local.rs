//! Statements asked of files, without a server.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Env;
use lake::{Answer, Engine, Options};
use ports::lake::{Column, Dialect, QueryEngine, QueryError, QueryLimits, QueryProgress, QueryRequest, QueryTable};
use tokio::sync::watch;

use super::show::{Printer, Shape};
use super::sources::Sources;
use super::statements::{self, Statement};
use super::tables::Tables;
use super::{QueryArgs, Told};
use crate::commands::Failure;

/// The most that a query spills, in bytes.
const SPILL_BYTES_MAX: u64 = 64 << 30;

/// Asks files.
pub struct Local {
    env: Env,
    engine: Engine,
    tables: Tables,
    dialect: Dialect,
    parameters: Vec<String>,
    limits: QueryLimits,
    /// What could not be read is theirs to tell.
    sources: Sources,
}

impl Local {
    /// Over what the command line names.
    pub fn open(env: &Env, args: &QueryArgs, cores: usize, workers: tokio::runtime::Handle) -> Result<Local, Failure> {
        Ok(Local::over(env, Sources::open(env, &args.from)?, args, cores, workers))
    }

    /// Over nothing: knows which columns records have.
    pub fn empty(env: &Env, args: &QueryArgs, workers: tokio::runtime::Handle) -> Local {
        Local::over(env, Sources::none(env), args, 1, workers)
    }

    fn over(env: &Env, mut sources: Sources, args: &QueryArgs, cores: usize, workers: tokio::runtime::Handle) -> Local {
        let dialect = args.dialect.dialect();
        let options =
            Options { spill_folder: Some(std::env::temp_dir()), spill_bytes_max: SPILL_BYTES_MAX, runtime: workers };
        let engine = Engine::outside(env.clone(), std::mem::take(&mut sources.outside), options);
        let limits = QueryLimits {
            memory_bytes: args.memory.saturating_mul(1 << 20),
            max_rows: args.max_rows,
            timeout_ms: args.timeout.saturating_mul(1000),
            max_concurrency: cores,
        };
        let tables = Tables::new(dialect, &sources.named);
        Local { env: env.clone(), engine, tables, dialect, parameters: args.parameter.clone(), limits, sources }
    }

    /// The statement, understood.
    pub fn read(&self, sql: &str) -> Result<Statement, Failure> {
        statements::read(sql, self.dialect, &self.parameters)
    }

    /// Runs a statement and prints its rows. `None`: it has none.
    pub async fn ask(
        &mut self,
        sql: &str,
        printer: &mut Printer,
        cancelled: watch::Receiver<bool>,
    ) -> Result<Option<Told>, Failure> {
        let read = match self.read(sql)? {
            Statement::Table(parts) => {
                self.tables.define(&parts);
                return Ok(None);
            }
            Statement::Nothing => return Ok(None),
            Statement::Read(read) => read,
        };
        let request = self.request(sql, self.tables.of(&read));
        let began = self.env.clock.monotonic_ms();
        let progress: Arc<QueryProgress> = Arc::default();
        if printer.shape() == Shape::Parquet {
            let mut answer = self.engine.start(request, progress.clone(), cancelled).await?;
            let written = parquet(&mut answer, printer).await;
            // What it spilled goes before we do, whatever became of its rows.
            answer.end().await;
            written?;
        } else {
            self.engine.run(request, printer, progress.clone(), cancelled).await?;
        }
        Ok(Some(Told {
            rows: progress.rows_matched(),
            scanned: progress.rows_scanned(),
            bytes: progress.bytes_scanned(),
            ms: self.env.clock.monotonic_ms().saturating_sub(began),
        }))
    }

    fn request(&self, sql: &str, tables: Vec<QueryTable>) -> QueryRequest {
        QueryRequest {
            sql: sql.to_owned(),
            parameters: self.parameters.clone(),
            tables,
            default_database: (self.dialect == Dialect::Athena).then(|| "default".to_owned()),
            dialect: self.dialect,
            limits: self.limits,
        }
    }

    /// The names of all tables.
    pub fn tables(&self) -> Vec<String> {
        self.tables.known().iter().map(|table| self.short(&table.name).to_owned()).collect()
    }

    /// A table's name without the database that is meant anyhow.
    fn short<'a>(&self, name: &'a str) -> &'a str {
        if self.dialect == Dialect::Athena { name.strip_prefix("default.").unwrap_or(name) } else { name }
    }

    /// The columns of a table.
    pub fn columns_of(&self, table: &str) -> Result<Vec<Column>, Failure> {
        let table = table.to_lowercase();
        let known = self.tables.known().iter().find(|known| known.name == table || self.short(&known.name) == table);
        let Some(known) = known else { return Err(format!("there is no table {table}").into()) };
        let one = QueryTable { name: "t".to_owned(), store: known.store.clone() };
        let request = QueryRequest { default_database: None, ..self.request("SELECT * FROM t", vec![one]) };
        Ok(self.engine.columns(&request)?)
    }

    /// The columns of a statement's result. `None`: it is wrong, or has no result.
    pub fn columns(&self, sql: &str) -> Option<Vec<Column>> {
        let Statement::Read(read) = self.read(sql).ok()? else { return None };
        self.engine.columns(&self.request(sql, self.tables.of(&read))).ok()
    }

    /// What could not be read until now, a line each.
    pub fn problems(&self) -> BTreeSet<String> {
        self.sources.problems()
    }
}

/// Writes the rows of an answer with the types that they have.
async fn parquet(answer: &mut Answer, printer: &mut Printer) -> Result<(), QueryError> {
    printer.begin(answer)?;
    while let Some(batch) = answer.next().await {
        printer.batch(&batch?)?;
    }
    Ok(())
}
