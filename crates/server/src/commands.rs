//! The subcommands.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

use crate::client::Client;
use crate::config::{Config, Settings};
use crate::validate::{self, ValidateArgs};
use crate::{credentials, data_folder, run};

/// What can be asked of the command.
#[derive(Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(Settings),
    /// Print shell lines that point the AWS tools at the server: eval "$(cairn env)"
    Env(Settings),
    /// Deliver everything recorded so far as log files and digests, now.
    Flush(Settings),
    /// Print records as they come, one line of JSON each.
    Tail(Settings),
    /// Check that nothing of what trails delivered was changed, removed or added. Exit code 0: all valid, 1: not, 2: not checked.
    Validate(Box<ValidateArgs>),
    /// Print the version.
    Version,
}

/// An error with what to do about it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Does what was asked.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Serve(settings) => run::serve(Config::load(settings)?),
        Command::Env(settings) => print_env(&Config::load(settings)?),
        Command::Flush(settings) => flush(&Config::load(settings)?),
        Command::Tail(settings) => tail(&Config::load(settings)?),
        Command::Validate(args) => return Ok(validate::run(&args)),
        Command::Version => {
            println!("cairn {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn print_env(config: &Config) -> Result<(), Failure> {
    let root = credentials::load(config)?;
    let endpoint = data_folder::endpoint(config);
    println!("export AWS_ENDPOINT_URL={endpoint}");
    println!("export AWS_ACCESS_KEY_ID={}", root.access_key_id);
    println!("export AWS_SECRET_ACCESS_KEY={}", root.secret_access_key);
    println!("export AWS_REGION=us-east-1");
    println!("export AWS_DEFAULT_REGION=us-east-1");
    // Left over from another account, these would be sent along and refused.
    println!("unset AWS_SESSION_TOKEN AWS_PROFILE");
    Ok(())
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

fn tail(config: &Config) -> Result<(), Failure> {
    let client = Client::new(config)?;
    let mut out = std::io::stdout().lock();
    client.stream("Tail", "{}", |piece| {
        out.write_all(piece)?;
        out.flush()
    })
}
