//! `cairn query`: SQL over what a running server has, or straight over files, without a server; in a shell if nobody says what to ask.
//! What the SQL means is the crate `lake`'s; here are the files, the statements and the shapes of the output.

mod files;
mod grid;
mod local;
mod place;
mod remote;
mod shell;
mod show;
mod sources;
mod statements;
mod tables;
mod target;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base::Env;
use clap::Args;
use ports::lake::{Dialect, RowSink};
use tokio::sync::watch;

use crate::client::Client;
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::{Colours, Terminal, amounts};
use local::Local;
use show::{Printer, Shape};
use statements::Statement;
use target::Target;

/// The most bytes of SQL that are read of a file or of standard input.
const SQL_BYTES_MAX: u64 = 4 << 20;
/// The exit code when the answer lacks files that could not be read.
const INCOMPLETE: u8 = 2;

/// What can be asked of `cairn query`.
#[derive(Args)]
pub struct QueryArgs {
    /// The statement; several are separated by semicolons. Without it, and without --file, they are read from standard input; on a
    /// terminal a shell opens.
    #[arg(value_name = "SQL", conflicts_with = "file")]
    sql: Option<String>,
    /// Read the statements from this file.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Ask these files, not a server: a folder with all below it (in AWS's layout or any other), or a file. Records, of log files and of
    /// Parquet files with CloudTrail's columns, are the table `events` (in Athena's dialect `cloudtrail_logs`), or the table NAME. Parquet
    /// files are tables with columns of their own too, called as the file is. May be given several times.
    #[arg(long, value_name = "[NAME=]PATH")]
    from: Vec<String>,
    /// The region whose event data stores a server is asked for; the table `events` has the records of all regions.
    #[arg(long, value_name = "REGION", default_value = "us-east-1", conflicts_with = "from")]
    region: String,
    /// Whose SQL it is.
    #[arg(long, value_name = "DIALECT", default_value = "lake", requires = "from")]
    dialect: Spoken,
    /// The shape of the output [default: what the file's name says, table on a terminal, else csv].
    #[arg(long, short, value_name = "SHAPE")]
    output: Option<Shape>,
    /// Write the rows into this file, which is there when it is whole. For one statement.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// What takes the place of a question mark in the statement; once for each, in their order.
    #[arg(long, value_name = "VALUE", requires = "from")]
    parameter: Vec<String>,
    /// Give up after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, requires = "from")]
    timeout: u64,
    /// The memory that a query may use, in MiB; what does not fit is put on disk.
    #[arg(long, value_name = "MIB", default_value_t = 1024, requires = "from")]
    memory: u64,
    /// Fail if the result has more rows.
    #[arg(long, value_name = "ROWS", requires = "from")]
    max_rows: Option<u64>,
    #[command(flatten, next_help_heading = "Settings of the server, to find it")]
    settings: Settings,
}

impl QueryArgs {
    /// The shape of the output, and where it goes.
    fn output(&self) -> Result<Output, Failure> {
        let by_name = self.into.as_deref().map(|path| shape_of(path).unwrap_or(Shape::Csv));
        let terminal = Terminal::stdout(Colours::Never);
        let plain = if terminal.is_terminal { Shape::Table } else { Shape::Csv };
        let shape = self.output.or(by_name).unwrap_or(plain);
        if shape == Shape::Parquet && self.into.is_none() && terminal.is_terminal {
            return Err("Parquet is nothing for a terminal: name a file with --into FILE".into());
        }
        Ok(Output { shape, into: self.into.clone() })
    }
}

/// The shape that a file's name says.
fn shape_of(path: &Path) -> Option<Shape> {
    let ending = path.extension()?.to_str()?;
    Some(match ending {
        "parquet" => Shape::Parquet,
        "csv" => Shape::Csv,
        "json" | "jsonl" | "ndjson" => Shape::Json,
        "txt" => Shape::Table,
        _ => return None,
    })
}

/// The shape of a result, and where it goes.
#[derive(Clone, Debug)]
struct Output {
    shape: Shape,
    /// A file, or standard output.
    into: Option<PathBuf>,
}

impl Output {
    fn printer(&self, env: &Env) -> Result<Printer, Failure> {
        Ok(match &self.into {
            Some(path) => Printer::new(self.shape, Target::file(env, path)?, None),
            None => {
                let terminal = Terminal::stdout(Colours::Never);
                let width = terminal.is_terminal.then_some(terminal.width);
                Printer::new(self.shape, Target::stdout(), width)
            }
        })
    }

    /// Whether it can take the results of several statements.
    fn takes_several(&self) -> bool {
        self.into.is_none() && self.shape != Shape::Parquet
    }
}

/// A dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Spoken {
    /// CloudTrail Lake's.
    Lake,
    /// Athena's.
    Athena,
}

impl Spoken {
    fn dialect(self) -> Dialect {
        match self {
            Spoken::Lake => Dialect::Lake,
            Spoken::Athena => Dialect::Athena,
        }
    }
}

/// What a query read and took.
#[derive(Clone, Copy, Debug)]
struct Told {
    rows: u64,
    scanned: u64,
    bytes: u64,
    ms: u64,
}

impl Told {
    /// For people.
    fn line(&self) -> String {
        let Told { rows, scanned, bytes, ms } = *self;
        format!(
            "{} from {} ({}) in {}.{:02} s",
            amounts::counted(rows, "row"),
            amounts::counted(scanned, "record"),
            amounts::bytes(bytes),
            ms / 1000,
            ms % 1000 / 10,
        )
    }
}

/// Who is asked.
enum Asked<'a> {
    /// A server; beside it what knows the columns of its tables.
    Server(remote::Remote<'a>, Box<Local>),
    /// Files.
    Files(Box<Local>),
}

/// How a statement ended.
enum Ended {
    /// It has no rows to tell of.
    Quietly,
    /// With rows.
    Told(Told),
    /// Nobody reads on.
    Closed,
}

impl Asked<'_> {
    /// Asks one statement and prints its rows. An error shows the place in the statement.
    async fn ask(
        &mut self,
        env: &Env,
        sql: &str,
        output: &Output,
        cancelled: watch::Receiver<bool>,
    ) -> Result<Ended, Failure> {
        let mut printer = output.printer(env)?;
        let told = match self.print(sql, &mut printer, cancelled).await {
            _ if printer.closed() => return Ok(Ended::Closed),
            Ok(None) => return Ok(Ended::Quietly),
            Ok(Some(told)) => told,
            Err(error) => {
                // On the terminal, what came before the error stands before it. A file is left as it was.
                if output.into.is_none() && output.shape != Shape::Parquet {
                    printer.finish()?;
                }
                return Err(place::pointed(&error.to_string(), sql).into());
            }
        };
        printer.finish()?;
        Ok(Ended::Told(told))
    }

    async fn print(
        &mut self,
        sql: &str,
        printer: &mut Printer,
        cancelled: watch::Receiver<bool>,
    ) -> Result<Option<Told>, Failure> {
        match self {
            Asked::Files(files) => files.ask(sql, printer, cancelled).await,
            Asked::Server(server, known) => {
                let statistics = server.ask(sql, printer, cancelled).await?;
                if !printer.has_begun() {
                    // Without rows a server tells no columns.
                    printer.columns(known.columns(sql).unwrap_or_default()).await?;
                }
                Ok(Some(Told {
                    rows: statistics.events_matched,
                    scanned: statistics.events_scanned,
                    bytes: statistics.bytes_scanned,
                    ms: statistics.execution_time_in_millis,
                }))
            }
        }
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
    let mut output = args.output()?;
    let client;
    let mut asked = if args.from.is_empty() {
        client = Client::new(&Config::load(args.settings.clone())?)?;
        let known = Local::empty(&env, args, workers);
        Asked::Server(remote::Remote::new(&client, &args.region), Box::new(known))
    } else {
        Asked::Files(Box::new(Local::open(&env, args, cores, workers)?))
    };
    if args.sql.is_none() && args.file.is_none() && std::io::stdin().is_terminal() {
        shell::run(&env, &mut asked, &mut output).await?;
    } else {
        script(&env, &mut asked, &output, &text(args, &env)?).await?;
    }
    let Asked::Files(files) = asked else { return Ok(ExitCode::SUCCESS) };
    let problems = files.problems();
    if problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    problems.iter().for_each(|problem| eprintln!("cairn: {problem}"));
    eprintln!("cairn: the answer lacks what is in {}", amounts::counted(u64::try_from(problems.len())?, "file"));
    Ok(ExitCode::from(INCOMPLETE))
}

/// Asks all statements of a text, and ends with the first that fails.
async fn script(env: &Env, asked: &mut Asked<'_>, output: &Output, text: &str) -> Result<(), Failure> {
    let statements = statements::split(text);
    if statements.is_empty() {
        return Err("nothing is asked: there is no statement".into());
    }
    let mut results = 0;
    for statement in &statements {
        let read = match asked {
            Asked::Server(..) => true,
            Asked::Files(files) => match files.read(statement) {
                Ok(read) => matches!(read, Statement::Read(_)),
                Err(error) => return Err(place::pointed(&error.to_string(), statement).into()),
            },
        };
        results += usize::from(read);
    }
    if results > 1 && !output.takes_several() {
        return Err(format!("a file takes the result of one statement, and there are {results}").into());
    }
    let interrupt = Interrupt::listen()?;
    for statement in statements {
        match asked.ask(env, &statement, output, interrupt.pressed.clone()).await? {
            Ended::Quietly => {}
            Ended::Told(told) => eprintln!("{}", told.line()),
            Ended::Closed => break,
        }
    }
    Ok(())
}

/// Hears Ctrl-C, from now on until it is dropped.
struct Interrupt {
    /// True once it was pressed.
    pressed: watch::Receiver<bool>,
    listener: tokio::task::JoinHandle<()>,
}

impl Interrupt {
    fn listen() -> std::io::Result<Interrupt> {
        let (cancel, pressed) = watch::channel(false);
        // From here on the key ends no process.
        let mut signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        let listener = tokio::spawn(async move {
            if signal.recv().await.is_some() {
                cancel.send_replace(true);
            }
            // Nobody can cancel any more when this is dropped, and nobody has to.
            std::future::pending::<()>().await;
        });
        Ok(Interrupt { pressed, listener })
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.listener.abort();
    }
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
            std::io::stdin().take(SQL_BYTES_MAX + 1).read_to_end(&mut bytes)?;
            bytes
        }
    };
    if u64::try_from(bytes.len())? > SQL_BYTES_MAX {
        return Err(format!("the statements have more than {}", amounts::bytes(SQL_BYTES_MAX)).into());
    }
    Ok(String::from_utf8(bytes).map_err(|_| "the statements are no UTF-8 text")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_say_their_shape() {
        let check = |name: &str, shape: Option<Shape>| assert_eq!(shape_of(Path::new(name)), shape, "{name}");
        check("a.parquet", Some(Shape::Parquet));
        check("a/b.jsonl", Some(Shape::Json));
        check("b.csv", Some(Shape::Csv));
        check("b", None);
        check(".csv", None);
    }

    #[test]
    fn files_take_one_result() {
        let output = |shape: Shape, into: Option<&str>| Output { shape, into: into.map(PathBuf::from) };
        assert!(output(Shape::Csv, None).takes_several());
        assert!(!output(Shape::Csv, Some("a.csv")).takes_several());
        assert!(!output(Shape::Parquet, None).takes_several());
    }
}
