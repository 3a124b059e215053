//! `cairn lookup`: what is known of one thing, by its name: an ARN, an access key, an address, a bucket, a user, an event. Asks the
//! server, which finds records by their index of names.

mod kind;
mod view;

use std::io::Write;
use std::process::ExitCode;

use base::Timestamp;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{CAIRN, Client, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::{Colours, Terminal};
use kind::Kind;

/// Where Cairn's own operations are called.
const REGION: &str = "us-east-1";
/// No record names the thing.
const NOT_FOUND: u8 = 1;

/// What `cairn lookup` can be told.
#[derive(Args)]
pub struct LookupArgs {
    /// An ARN, access key, address, bucket, user, role, account, event ID, request ID: any whole value that records have.
    #[arg(value_name = "ANYTHING")]
    text: String,
    /// What it is. Without this, its shape says it, and where that does not, any member of a record may have it.
    #[arg(long, value_name = "KIND")]
    r#as: Option<Kind>,
    /// Show so many of the newest records.
    #[arg(long, value_name = "RECORDS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=1000))]
    limit: u16,
    /// Only events of this time or later: 2026-03-01T00:00:00Z, or a while ago (10m, 2h, 30d).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Look in this event store: `events`, which has everything, or the identifier of an event data store.
    #[arg(long, value_name = "STORE", default_value = "events")]
    store: String,
    /// Print one document of JSON, with the records as they are.
    #[arg(long)]
    json: bool,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colours,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    summary: Value,
    #[serde(default)]
    records: Vec<String>,
}

/// Exit code 0: it is in some record; 1: in none, or the server could not be asked.
pub fn run(args: LookupArgs) -> Result<ExitCode, Failure> {
    let kind = args.r#as.unwrap_or_else(|| Kind::of(&args.text));
    let text = kind.written(&args.text);
    let now = system::env().clock.now();
    let time = |option: &str, text: &Option<String>| {
        let read = text.as_deref().map(|text| time(option, text, now));
        read.transpose().map(|time| time.map(Timestamp::secs_f64))
    };
    let (since, until) = (time("--since", &args.since)?, time("--until", &args.until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err("--since must be earlier than --until".into());
    }
    let mut asked = json!({ "Text": text, "Kind": kind.name(), "Store": args.store, "MaxRecords": args.limit });
    for (name, value) in [("StartTime", since), ("EndTime", until)] {
        if let Some(value) = value {
            asked[name] = value.into();
        }
    }
    let client = Client::new(&Config::load(args.settings)?)?;
    let answer = runtime()?.block_on(client.json(CAIRN, "LookUp", REGION, &asked))?;
    let answer: Answer = serde_json::from_value(answer).map_err(|error| client.unreadable(error))?;
    let found = answer.summary["Records"].as_u64().unwrap_or(0) > 0;
    let shown = if args.json {
        let records: Vec<Value> = answer.records.iter().filter_map(|json| serde_json::from_str(json).ok()).collect();
        format!("{:#}\n", json!({ "Text": text, "Kind": kind.name(), "Summary": answer.summary, "Records": records }))
    } else {
        let summary: view::Summary =
            serde_json::from_value(answer.summary).map_err(|error| client.unreadable(error))?;
        let mut lines = view::lines(&text, kind, &summary, &answer.records, &Terminal::stdout(args.color)).join("\n");
        lines.push('\n');
        lines
    };
    match std::io::stdout().lock().write_all(shown.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(NOT_FOUND) })
}

/// A time, or a while ago.
fn time(option: &str, text: &str, now: Timestamp) -> Result<Timestamp, String> {
    crate::tail::since(text, now).map_err(|error| error.replacen("--since", option, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_name_their_option() {
        let now = Timestamp::from_secs(1_000_000);
        assert_eq!(time("--until", "10m", now).unwrap(), Timestamp::from_secs(999_400));
        assert!(time("--until", "soon", now).unwrap_err().starts_with("--until \"soon\""));
    }
}
