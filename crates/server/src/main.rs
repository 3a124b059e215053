//! The `cairn` command: configuration and wiring, nothing else.

mod apply;
mod backup;
mod client;
mod commands;
mod config;
mod config_kinds;
mod credentials;
mod data_folder;
mod documents;
mod environment;
mod explain;
mod figures;
mod filters;
mod follow;
mod generate;
mod greeting;
mod host_key;
mod import;
mod log;
mod lookup;
mod master_key;
mod master_kms;
mod mistakes;
mod notifications;
mod notify;
mod protection;
mod queries;
#[cfg(feature = "search")]
mod query;
mod query_limits;
mod rebuild;
mod root_password;
mod run;
mod status;
mod tail;
mod terminal;
mod tls;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::commands::Command;

/// Calls make many small, short-lived values on two or more threads: with the system's allocator a fifth of the time went there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records who did what, when, from where and with what result; proves that nothing was changed or left out.
#[derive(Parser)]
#[command(name = "cairn", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The command as it is defined, for what is made of that.
fn definition() -> clap::Command {
    Arguments::command()
}

fn main() -> ExitCode {
    match commands::run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cairn: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_arguments_have_one_name() {
        super::Arguments::command().debug_assert();
    }
}
