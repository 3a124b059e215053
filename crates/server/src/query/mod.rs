//! `cairn query`: SQL straight over log files, without a server. What the SQL means is the crate `lake`'s; here are the files, the
//! statements and the shapes of the output.

mod files;
mod show;
mod statements;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use base::Env;
use clap::Args;
use lake::{Engine, Options, Records};
use ports::StoreId;
use ports::lake::{Dialect, EVENTS, QueryEngine, QueryLimits, QueryProgress, QueryRequest, QueryTable};
use tokio::sync::watch;

use crate::commands::Failure;
use crate::terminal::amounts;
use files::Files;
use show::Shape;
use statements::Statement;

/// The most that a query spills, in bytes.
const SPILL_BYTES_MAX: u64 = 64 << 30;
/// The most bytes of SQL that are read of a file or of standard input.
const SQL_BYTES_MAX: u64 = 4 << 20;
/// The exit code when the answer lacks files that could not be read.
const INCOMPLETE: u8 = 2;

/// What can be asked of `cairn query`.
#[derive(Args)]
pub struct QueryArgs {
    /// The statement; several are separated by semicolons. Without it, and without --file, they are read from standard input.
    #[arg(value_name = "SQL", conflicts_with = "file")]
    sql: Option<String>,
    /// Read the statements from this file.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The log files: a folder with all below it (in AWS's layout or any other), or a file. They are the table `events` (in Athena's
    /// dialect `cloudtrail_logs`), or the table NAME. May be given several times, with different names.
    #[arg(long, value_name = "[NAME=]FOLDER", required = true)]
    from: Vec<String>,
    /// Whose SQL it is.
    #[arg(long, value_name = "DIALECT", default_value = "lake")]
    dialect: Spoken,
    /// The shape of the output [default: table on a terminal, else csv].
    #[arg(long, short, value_name = "SHAPE")]
    output: Option<Shape>,
    /// What takes the place of a question mark in the statement; once for each, in their order.
    #[arg(long, value_name = "VALUE")]
    parameter: Vec<String>,
    /// Give up after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    timeout: u64,
    /// The memory that a query may use, in MiB; what does not fit is put on disk.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u64,
    /// Fail if the result has more rows.
    #[arg(long, value_name = "ROWS")]
    max_rows: Option<u64>,
}

/// A dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Spoken {
    /// CloudTrail Lake's.
    Lake,
    /// Athena's.
    Athena,
}

/// A source as it is named on the command line.
fn source(text: &str) -> (String, PathBuf) {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    match text.split_once('=') {
        Some((name, path)) if is_name(name) && !Path::new(text).exists() => (name.to_lowercase(), PathBuf::from(path)),
        _ => (String::new(), PathBuf::from(text)),
    }
}

/// The tables that statements may name, and what they stand for.
struct Tables {
    dialect: Dialect,
    known: Vec<QueryTable>,
}

impl Tables {
    /// The tables that these names are for.
    fn new(dialect: Dialect, stores: &[(String, StoreId)]) -> Tables {
        let own: &[&str] = match dialect {
            Dialect::Lake => &[EVENTS],
            Dialect::Athena => &["default.cloudtrail_logs", "default.events"],
        };
        let mut known = Vec::new();
        for (name, store) in stores {
            let names = match (name.as_str(), dialect) {
                ("", _) => own.iter().map(|name| (*name).to_owned()).collect(),
                (name, Dialect::Athena) if !name.contains('.') => vec![format!("default.{name}")],
                (name, _) => vec![name.to_owned()],
            };
            known.extend(names.into_iter().map(|name| QueryTable { name, store: store.clone() }));
        }
        Tables { dialect, known }
    }

    /// Takes another name for the files, that a statement defines.
    fn define(&mut self, parts: &[String]) {
        let store = self.known.first().map(|table| table.store.clone());
        let name = match parts {
            [one] => format!("default.{one}"),
            more => more[more.len().saturating_sub(2)..].join("."),
        };
        if let Some(store) = store.filter(|_| self.known.iter().all(|table| table.name != name)) {
            self.known.push(QueryTable { name, store });
        }
    }

    /// The tables for a statement. Where there is but one source, the ID of any event data store is its name too: a statement that
    /// was written for Lake runs as it is.
    fn of(&self, read: &query_lang::Read) -> Vec<QueryTable> {
        let mut tables = self.known.clone();
        let mut stores: Vec<&StoreId> = tables.iter().map(|table| &table.store).collect();
        stores.dedup();
        let [only] = stores.as_slice() else { return tables };
        let only = (*only).clone();
        let is_id = |name: &str| name.split('-').count() >= 4;
        let ids = read.tables.iter().filter_map(|table| table.parts.last()).filter(|name| is_id(name));
        if self.dialect == Dialect::Lake {
            tables.extend(ids.map(|name| QueryTable { name: name.clone(), store: only.clone() }));
        }
        tables
    }
}

/// Answers the statements. Exit code 0: answered; 1: not; 2: answered, but some files could not be read.
pub fn run(args: &QueryArgs) -> Result<ExitCode, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // The threads that compute are not those that keep the time and hear the keyboard.
    let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(run_async(args, cores, workers.handle().clone()));
    workers.shutdown_background();
    done
}

async fn run_async(args: &QueryArgs, cores: usize, workers: tokio::runtime::Handle) -> Result<ExitCode, Failure> {
    let env = system::env();
    let text = text(args, &env)?;
    let dialect = match args.dialect {
        Spoken::Lake => Dialect::Lake,
        Spoken::Athena => Dialect::Athena,
    };
    let mut sources: BTreeMap<StoreId, Arc<dyn Records>> = BTreeMap::new();
    let mut all = Vec::new();
    let mut named = Vec::new();
    for (number, from) in args.from.iter().enumerate() {
        let (name, path) = source(from);
        let store = StoreId::parse(&format!("from-{number}")).ok_or("too many sources")?;
        let files = Arc::new(Files::find(env.clone(), &path)?);
        if named.iter().any(|(other, _)| *other == name) {
            return Err(
                "two sources have one name; give each a name of its own: --from a=FOLDER --from b=FOLDER".into()
            );
        }
        all.push(files.clone());
        sources.insert(store.clone(), files);
        named.push((name, store));
    }
    let options =
        Options { spill_folder: Some(std::env::temp_dir()), spill_bytes_max: SPILL_BYTES_MAX, runtime: workers };
    let engine = Engine::outside(env.clone(), sources, options);
    let mut tables = Tables::new(dialect, &named);
    let shape = args.output.unwrap_or(if std::io::stdout().is_terminal() { Shape::Table } else { Shape::Csv });
    let (cancel, cancelled) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            cancel.send_replace(true);
        }
        // Nobody can cancel any more when this is dropped, and nobody has to.
        std::future::pending::<()>().await;
    });
    for statement in statements::split(&text) {
        match statements::read(&statement, dialect, &args.parameter)? {
            Statement::Table(parts) => tables.define(&parts),
            Statement::Nothing => {}
            Statement::Read(read) => {
                let request = QueryRequest {
                    sql: statement,
                    parameters: args.parameter.clone(),
                    tables: tables.of(&read),
                    default_database: (dialect == Dialect::Athena).then(|| "default".to_owned()),
                    dialect,
                    limits: QueryLimits {
                        memory_bytes: args.memory.saturating_mul(1 << 20),
                        max_rows: args.max_rows,
                        timeout_ms: args.timeout.saturating_mul(1000),
                        max_concurrency: cores,
                    },
                };
                ask(&engine, request, shape, &env, cancelled.clone()).await?;
            }
        }
    }
    let problems: Vec<String> = all.iter().flat_map(|files| files.problems()).collect();
    if problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    problems.iter().for_each(|problem| eprintln!("cairn: {problem}"));
    eprintln!("cairn: the answer lacks what is in {}", amounts::counted(u64::try_from(problems.len())?, "file"));
    Ok(ExitCode::from(INCOMPLETE))
}

/// Asks an engine, of files or (one day) of a server, and prints what it answers.
async fn ask(
    engine: &dyn QueryEngine,
    request: QueryRequest,
    shape: Shape,
    env: &Env,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let began = env.clock.monotonic_ms();
    let progress: Arc<QueryProgress> = Arc::default();
    let mut printer = show::Printer::new(shape);
    let answered = engine.run(request, &mut printer, progress.clone(), cancelled).await;
    printer.finish()?;
    if printer.closed() {
        return Ok(());
    }
    answered?;
    let ms = env.clock.monotonic_ms().saturating_sub(began);
    eprintln!(
        "{} from {} ({}) in {}.{:02} s",
        amounts::counted(progress.rows_matched(), "row"),
        amounts::counted(progress.rows_scanned(), "record"),
        amounts::bytes(progress.bytes_scanned()),
        ms / 1000,
        ms % 1000 / 10,
    );
    Ok(())
}

/// What is asked, wherever it stands.
fn text(args: &QueryArgs, env: &Env) -> Result<String, Failure> {
    if let Some(sql) = &args.sql {
        return Ok(sql.clone());
    }
    let bytes = match &args.file {
        Some(path) => base::env::read_file(env.disk.as_ref(), path)
            .map_err(|error| format!("reading {}: {error}", path.display()))?,
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().take(SQL_BYTES_MAX).read_to_end(&mut bytes)?;
            bytes
        }
    };
    Ok(String::from_utf8(bytes).map_err(|_| "the statements are no UTF-8 text")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_may_have_names() {
        let check =
            |text: &str, name: &str, path: &str| assert_eq!(source(text), (name.to_owned(), PathBuf::from(path)));
        check("logs", "", "logs");
        check("Prod=logs/a", "prod", "logs/a");
        check("audit.prod=logs", "audit.prod", "logs");
        check("./a=b", "", "./a=b");
    }

    #[test]
    fn tables_are_named_as_in_the_dialect() {
        let store = |number: u32| StoreId::parse(&format!("from-{number}")).unwrap();
        let names = |tables: &[QueryTable]| tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>();
        let read = |sql: &str| match query_lang::parse(sql, query_lang::Dialect::Lake, &[]).unwrap() {
            query_lang::Query::Read(read) => read,
            query_lang::Query::Definition(_) => panic!("{sql}"),
        };
        let mut athena = Tables::new(Dialect::Athena, &[(String::new(), store(0)), ("b".to_owned(), store(1))]);
        athena.define(&["trail".to_owned()]);
        assert_eq!(names(&athena.known), ["default.cloudtrail_logs", "default.events", "default.b", "default.trail"]);
        assert_eq!(athena.known[3].store, store(0));
        let one = Tables::new(Dialect::Lake, &[(String::new(), store(0))]);
        let id = "0e12f3f4-5678-90ab-cdef-0123456789ab";
        let asked = read(&format!("SELECT 1 FROM events, {id}, other"));
        assert_eq!(names(&one.of(&asked)), ["events", id]);
        let two = Tables::new(Dialect::Lake, &[(String::new(), store(0)), ("b".to_owned(), store(1))]);
        assert_eq!(names(&two.of(&asked)), ["events", "b"]);
    }
}
