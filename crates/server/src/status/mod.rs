//! `cairn status`: how the server is, on a page. Asks through the API alone, so it is recorded like everybody's questions.

mod gather;
mod problems;
mod view;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::client::{Client, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::{Colours, Terminal, print};

/// Something wants attention.
const UNHEALTHY: u8 = 1;
/// The server could not be asked.
const UNREACHABLE: u8 = 2;

/// What `cairn status` can be told.
#[derive(Args)]
pub struct StatusArgs {
    /// Print one document of JSON.
    #[arg(long)]
    json: bool,
    /// Ask again and again, every so many seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colours,
    #[command(flatten)]
    settings: Settings,
}

/// Exit code 0: all is well; 1: something wants attention; 2: the server could not be asked.
pub fn run(args: StatusArgs) -> Result<ExitCode, Failure> {
    let config = Config::load(args.settings)?;
    let terminal = || Terminal::stdout(args.color);
    let client = match Client::new(&config) {
        Ok(client) => client,
        Err(error) => return Ok(unreachable(args.json, &error.to_string())),
    };
    runtime()?.block_on(async {
        let Some(seconds) = args.watch else {
            let asked = gather::gather(&client, &config).await;
            return Ok(match &asked {
                Ok(status) => show(status, args.json, &terminal())?,
                Err(error) => unreachable(args.json, &error.to_string()),
            });
        };
        let terminal = terminal();
        loop {
            let asked = gather::gather(&client, &config).await;
            let page = match &asked {
                Ok(status) if args.json => format!("{}\n", document(status)),
                Ok(status) => page(status, &Terminal::stdout(args.color)),
                Err(error) if args.json => format!("{}\n", json!({ "Reachable": false, "Why": error.to_string() })),
                Err(error) => format!("{error}\n"),
            };
            let page = if terminal.is_terminal && !args.json { over_the_last(&page) } else { page };
            let mut out = std::io::stdout().lock();
            if let Err(error) = out.write_all(page.as_bytes()).and_then(|()| out.flush()) {
                // Whoever read us (`| head`) has enough.
                return if error.kind() == std::io::ErrorKind::BrokenPipe {
                    Ok(ExitCode::SUCCESS)
                } else {
                    Err(error.into())
                };
            }
            drop(out);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    })
}

fn unreachable(as_json: bool, why: &str) -> ExitCode {
    if as_json {
        // The exit code says it too, should this reach nobody.
        let _ = print(&format!("{}\n", json!({ "Reachable": false, "Why": why })));
    }
    eprintln!("cairn: {why}");
    ExitCode::from(UNREACHABLE)
}

fn show(status: &gather::Status, as_json: bool, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let text = if as_json { format!("{:#}\n", document(status)) } else { page(status, terminal) };
    print(&text)?;
    let healthy = problems::find(status).is_empty();
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(UNHEALTHY) })
}

fn page(status: &gather::Status, terminal: &Terminal) -> String {
    let mut page = view::lines(status, &problems::find(status), terminal).join("\n");
    page.push('\n');
    page
}

fn document(status: &gather::Status) -> serde_json::Value {
    let problems = problems::find(status);
    let listed = problems.iter().map(|problem| json!({ "What": problem.what, "Do": problem.to_do }));
    let mut document = serde_json::to_value(status).unwrap_or_default();
    document["Reachable"] = json!(true);
    document["Healthy"] = json!(problems.is_empty());
    document["Problems"] = listed.collect();
    document
}

/// The page written over the one before, without the flicker of an emptied screen.
fn over_the_last(page: &str) -> String {
    format!("\x1b[H{}\x1b[J", page.replace('\n', "\x1b[K\n"))
}
