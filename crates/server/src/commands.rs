//! The subcommands.

use std::process::ExitCode;

use clap::Subcommand;

use crate::apply::{self, ApplyArgs};
use crate::backup::{self, BackupArgs, RestoreArgs};
use crate::client::Client;
use crate::config::{Config, Settings};
use crate::documents::{self, CompletionsArgs, ConfigArgs, ManArgs};
use crate::environment::{self, EnvArgs};
use crate::explain::{self, ExplainArgs};
use crate::filters::{self, FiltersCommand};
use crate::generate::{self, GenerateArgs};
use crate::import::{self, ImportArgs};
use crate::lookup::{self, LookupArgs};
#[cfg(feature = "search")]
use crate::query::{self, QueryArgs};
use crate::rebuild::{self, RebuildArgs};
use crate::status::{self, StatusArgs};
use crate::tail::{self, TailArgs};
use crate::validate::{self, ValidateArgs};
use crate::{definition, run};

/// What can be asked of the command.
#[derive(Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(Settings),
    /// Print shell lines that point the AWS tools at the server: eval "$(cairn env)"
    Env(EnvArgs),
    /// Deliver everything recorded so far as log files and digests, now.
    Flush(Settings),
    /// Print records as they come, those that are asked for.
    Tail(TailArgs),
    /// Show how the server is: recording, journal, consumers, trails. Exit code 0: healthy, 1: not, 2: not reachable.
    Status(StatusArgs),
    /// Copy the data folder as of one moment, while the server runs or is stopped.
    Backup(BackupArgs),
    /// Make a data folder (--data-dir) of a backup, after verifying it.
    Restore(RestoreArgs),
    /// Make the event store again, from the journal, event history and what trails delivered. Only while the server is stopped.
    Rebuild(RebuildArgs),
    /// Print the settings in force, without secrets.
    Config(ConfigArgs),
    /// Print completions for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands into a folder.
    Man(ManArgs),
    /// Check that nothing of what trails delivered was changed, removed or added. Exit code 0: all valid, 1: not, 2: not checked.
    Validate(Box<ValidateArgs>),
    /// Write realistic log files in AWS's layout, for demonstrations and tests.
    Generate(GenerateArgs),
    /// Read log files of a folder or a bucket into the server's event stores. Exit code 0: all, 1: something failed or is missing.
    Import(Box<ImportArgs>),
    /// Ask SQL of a server, or of files without one: cairn query --from FOLDER "SELECT …". Without a statement, on a terminal: a shell
    #[cfg(feature = "search")]
    Query(Box<QueryArgs>),
    /// Show what records say of an ARN, access key, address, bucket, user, event: who, what, when. Exit code 1: nothing.
    Lookup(LookupArgs),
    /// Make the metric filters and alarms of a pack: cis, security, critical, or a file. Without a pack: list them
    Apply(Box<ApplyArgs>),
    /// Hold metric filters against events that came before them
    #[command(subcommand)]
    Filters(FiltersCommand),
    /// Say which statement of which policy decided a recorded call, as it was decided then.
    Explain(ExplainArgs),
    /// Print the version.
    Version,
}

/// An error with what to do about it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Does what was asked.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Serve(settings) => run::serve(Config::load(settings)?),
        Command::Env(args) => environment::run(args),
        Command::Flush(settings) => flush(&Config::load(settings)?),
        Command::Tail(args) => return tail::run(args),
        Command::Status(args) => return status::run(args),
        Command::Backup(args) => return backup::run(args),
        Command::Restore(args) => return backup::restore(args),
        Command::Rebuild(args) => return rebuild::run(args),
        Command::Config(args) => documents::config(args),
        Command::Completions(args) => documents::completions(&args, definition()),
        Command::Man(args) => documents::man(&args, definition()),
        Command::Validate(args) => return Ok(validate::run(&args)),
        Command::Generate(args) => generate::run(args),
        Command::Import(args) => return import::run(*args),
        #[cfg(feature = "search")]
        Command::Query(args) => return query::run(&args),
        Command::Lookup(args) => return lookup::run(args),
        Command::Apply(args) => return apply::run(*args),
        Command::Filters(command) => return filters::run(command),
        Command::Explain(args) => return explain::run(args),
        Command::Version => {
            println!("cairn {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn flush(config: &Config) -> Result<(), Failure> {
    let client = Client::new(config)?;
    let answer = client.call("Flush", "{}")?;
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    let number = |name: &str| answer.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    println!(
        "{} files delivered; everything up to journal entry {} is in a log file",
        number("FilesDelivered"),
        number("Cut")
    );
    let waiting = answer.get("TrailsWaiting").and_then(serde_json::Value::as_array).map_or(&[][..], Vec::as_slice);
    let Some(first) = waiting.first() else { return Ok(()) };
    let text = |name: &str| first.get(name).and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
    let (count, trail, why) = (waiting.len(), text("Trail"), text("Why"));
    Err(format!("the files of {count} trails wait for their buckets; {trail}: {why}").into())
}
