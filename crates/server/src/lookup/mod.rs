//! `cairn lookup`: what is known of one thing, by its name: an ARN, an access key, an address, a bucket, a user, an event. Asks the
//! server, which finds records by their index of names.

mod kind;
mod view;

use std::process::ExitCode;

use base::Timestamp;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::client::{CAIRN, Client, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::tail;
use crate::terminal::{Colours, Terminal, print};
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

/// What `--json` prints. The records are what the server has, to the byte.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    text: &'a str,
    kind: &'static str,
    summary: &'a Value,
    records: Vec<&'a RawValue>,
}

/// Exit code 0: it is in some record; 1: in none, or the server could not be asked.
pub fn run(args: LookupArgs) -> Result<ExitCode, Failure> {
    let kind = args.r#as.unwrap_or_else(|| Kind::of(args.text.trim()));
    let text = kind.written(&args.text);
    let now = system::env().clock.now();
    let time = |option: &str, text: &Option<String>| {
        let read = text.as_deref().map(|text| tail::since(option, text, now));
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
        document(&text, kind, &answer.summary, &answer.records)?
    } else {
        let summary: view::Summary =
            serde_json::from_value(answer.summary).map_err(|error| client.unreadable(error))?;
        let mut lines = view::lines(&text, kind, &summary, &answer.records, &Terminal::stdout(args.color)).join("\n");
        lines.push('\n');
        lines
    };
    print(&shown)?;
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(NOT_FOUND) })
}

fn document(text: &str, kind: Kind, summary: &Value, records: &[String]) -> serde_json::Result<String> {
    let records = records.iter().filter_map(|record| serde_json::from_str::<&RawValue>(record).ok()).collect();
    let document = Document { text, kind: kind.name(), summary, records };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_printed_as_they_are() {
        let record = r#"{"eventName":"A","amount":123456789012345678901234567890,"awsRegion":"eu-west-1"}"#;
        let shown = document("alice", Kind::User, &json!({"Records": 1}), &[record.to_owned()]).unwrap();
        let indented = format!("    {record}");
        let expected = [
            "{",
            r#"  "Text": "alice","#,
            r#"  "Kind": "Username","#,
            r#"  "Summary": {"#,
            r#"    "Records": 1"#,
            "  },",
            r#"  "Records": ["#,
            indented.as_str(),
            "  ]",
            "}",
        ];
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
    }
}
