//! Tasks of the workspace that are more than a line of shell: `cargo run -p xtask -- TASK`.
//!
//! Development only: nothing that Cairn needs when it runs may be here.

#![allow(clippy::disallowed_methods, reason = "a development tool works on the real disk")]

mod definitions;
mod inputs;
mod models;
mod parity_doc;
mod tidy;

use std::error::Error;
use std::process::ExitCode;

/// What a task says when it fails.
type Failure = Box<dyn Error>;

struct Task {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const TASKS: &[Task] = &[
    Task { name: "models", help: models::HELP, run: models::run },
    Task { name: "parity-doc", help: parity_doc::HELP, run: parity_doc::run },
    Task { name: "tidy", help: tidy::HELP, run: tidy::run },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let wanted = args.first().map(String::as_str);
    let Some(task) = TASKS.iter().find(|task| Some(task.name) == wanted) else {
        eprintln!("usage: cargo run -p xtask -- TASK\n");
        TASKS.iter().for_each(|task| eprintln!("{}", task.help));
        return ExitCode::FAILURE;
    };
    match (task.run)(&args[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}: {failure}", task.name);
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace.
fn workspace() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_path_buf()
}
