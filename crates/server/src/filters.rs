//! `cairn filters`: metric filters and the events that came before them: what a pattern would have matched, and counting it.

use std::process::ExitCode;

use base::Timestamp;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{CAIRN, Client, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::amounts::{count, counted};
use crate::terminal::{Colours, Style, Terminal, print};

/// What `cairn filters` can be told to do.
#[derive(Subcommand)]
pub enum FiltersCommand {
    /// Say what a filter pattern would have matched in the last days
    Preview(PreviewArgs),
    /// Put what a metric filter makes of events that came before it, as metric data at their own times
    Backfill(BackfillArgs),
}

/// What both are told.
#[derive(Args)]
struct Group {
    /// The log group.
    #[arg(long, value_name = "NAME")]
    log_group_name: String,
    /// The region of the log group.
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: String,
    /// Print one document of JSON.
    #[arg(long)]
    json: bool,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colours,
    #[command(flatten)]
    settings: Settings,
}

/// What `cairn filters preview` can be told.
#[derive(Args)]
pub struct PreviewArgs {
    /// The pattern, as metric filters have it. An empty one matches everything.
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    filter_pattern: String,
    /// Look at events of the last so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    #[command(flatten)]
    group: Group,
}

/// What `cairn filters backfill` can be told.
#[derive(Args)]
pub struct BackfillArgs {
    /// The metric filter.
    #[arg(long, value_name = "NAME")]
    filter_name: String,
    /// Look at events of the last so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=455))]
    days: u32,
    /// Say what would be put, and put nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    group: Group,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Preview {
    events_searched: u64,
    events_matched: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_match: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_match: Option<i64>,
    #[serde(default)]
    samples: Vec<Sample>,
    complete: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sample {
    timestamp: i64,
    message: String,
}

/// A step; and, all together, what `--json` prints.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Backfill {
    events_searched: u64,
    events_matched: u64,
    values: u64,
    defaults: u64,
    #[serde(default, skip_serializing)]
    next_before: Option<i64>,
    nothing_left: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_out_from: Option<i64>,
}

/// Asks the server, which has the events.
pub fn run(command: FiltersCommand) -> Result<ExitCode, Failure> {
    let shown = match command {
        FiltersCommand::Preview(args) => preview(args)?,
        FiltersCommand::Backfill(args) => backfill(args)?,
    };
    print(&shown)?;
    Ok(ExitCode::SUCCESS)
}

fn preview(args: PreviewArgs) -> Result<String, Failure> {
    let client = Client::new(&Config::load(args.group.settings)?)?;
    let asked = json!({
        "LogGroupName": args.group.log_group_name, "FilterPattern": args.filter_pattern, "Days": args.days,
    });
    let answer = runtime()?.block_on(client.json(CAIRN, "PreviewMetricFilter", &args.group.region, &asked))?;
    let answer: Preview = serde_json::from_value(answer).map_err(|error| client.unreadable(error))?;
    Ok(match args.group.json {
        true => serde_json::to_string_pretty(&answer)? + "\n",
        false => preview_lines(&answer, args.days, &Terminal::stdout(args.group.color)).join("\n") + "\n",
    })
}

fn days(days: u32) -> String {
    if days == 1 { "the last day".to_owned() } else { format!("the last {days} days") }
}

fn time(ms: i64) -> String {
    Timestamp::from_ms(ms).iso8601_secs()
}

fn preview_lines(found: &Preview, in_days: u32, terminal: &Terminal) -> Vec<String> {
    let matched =
        format!("would have matched {} of {}", count(found.events_matched), counted(found.events_searched, "event"));
    let mut lines = vec![format!("{} in {}", terminal.paint(Style::Bold, &matched), days(in_days))];
    if let (Some(first), Some(last)) = (found.first_match, found.last_match) {
        lines.push(format!("first match  {}", time(first)));
        lines.push(format!("last match   {}", time(last)));
    }
    if !found.complete {
        let text = "stopped at a limit: there are older events that were not looked at";
        lines.push(terminal.paint(Style::Warning, text));
    }
    for sample in &found.samples {
        let text = terminal.paint(Style::Plain, &sample.message);
        lines.push(format!("  {}  {text}", terminal.paint(Style::Dim, &time(sample.timestamp))));
    }
    lines
}

/// Step by step: the server remembers how far it is, so that a run that was ended goes on where it was.
fn backfill(args: BackfillArgs) -> Result<String, Failure> {
    let client = Client::new(&Config::load(args.group.settings)?)?;
    let mut all: Option<Backfill> = None;
    runtime()?.block_on(async {
        let mut asked = json!({
            "LogGroupName": args.group.log_group_name, "FilterName": args.filter_name, "Days": args.days,
            "DryRun": args.dry_run,
        });
        loop {
            let answer: Value = client.json(CAIRN, "BackfillMetricFilter", &args.group.region, &asked).await?;
            let step: Backfill = serde_json::from_value(answer).map_err(|error| client.unreadable(error))?;
            let next = step.next_before;
            all = Some(match all.take() {
                None => step,
                Some(before) => before.with(&step),
            });
            let Some(next) = next else { return Ok::<_, Failure>(()) };
            if args.dry_run {
                asked["Before"] = next.into();
            }
        }
    })?;
    let all = all.unwrap_or_default();
    Ok(match args.group.json {
        true => serde_json::to_string_pretty(&all)? + "\n",
        false => {
            backfill_lines(&all, &args.filter_name, args.days, args.dry_run, &Terminal::stdout(args.group.color))
                .join("\n")
                + "\n"
        }
    })
}

impl Backfill {
    fn with(self, step: &Backfill) -> Backfill {
        Backfill {
            events_searched: self.events_searched + step.events_searched,
            events_matched: self.events_matched + step.events_matched,
            values: self.values + step.values,
            defaults: self.defaults + step.defaults,
            next_before: step.next_before,
            // Of the first step: the others are there because something was left.
            nothing_left: self.nothing_left,
            left_out_from: self.left_out_from,
        }
    }
}

fn backfill_lines(done: &Backfill, filter: &str, in_days: u32, dry_run: bool, terminal: &Terminal) -> Vec<String> {
    let name = terminal.paint(Style::Bold, filter);
    let mut lines = if done.nothing_left {
        vec![format!(
            "{name}: all of {} was counted before, or came while there was no such filter; nothing is counted twice",
            days(in_days)
        )]
    } else {
        let would = if dry_run { "would have put" } else { "put" };
        let (values, defaults) = (counted(done.values, "value"), counted(done.defaults, "default"));
        let (matched, searched) = (count(done.events_matched), counted(done.events_searched, "event"));
        vec![
            format!("{name}: {would} {values} and {defaults}"),
            format!("matched {matched} of {searched} of {} that came before the filter", days(in_days)),
        ]
    };
    if let Some(from) = done.left_out_from {
        let from = time(from);
        let text =
            format!("events from {from} on were left out, because alarms look at them now: run this again later");
        lines.push(terminal.paint(Style::Warning, &text));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Terminal {
        Terminal { is_terminal: false, colours: false, width: 120 }
    }

    #[test]
    fn a_preview_says_where_it_stopped() {
        let sample = Sample { timestamp: 1_700_000_000_000, message: "ERROR \u{1b}[31m disk".to_owned() };
        let mut found = Preview {
            events_searched: 12_000,
            events_matched: 1,
            first_match: Some(1_700_000_000_000),
            last_match: Some(1_700_000_000_000),
            samples: vec![sample],
            complete: true,
        };
        let lines = preview_lines(&found, 7, &plain());
        assert_eq!(lines[0], format!("would have matched 1 of {} events in the last 7 days", count(12_000)));
        assert_eq!(lines[1], "first match  2023-11-14T22:13:20Z");
        assert!(lines[3].ends_with("disk") && !lines[3].contains('\u{1b}'), "{lines:?}");
        found.complete = false;
        assert!(preview_lines(&found, 1, &plain()).concat().contains("stopped at a limit"));
    }

    #[test]
    fn steps_are_told_together() {
        let step = |values, nothing_left| Backfill { values, events_searched: 10, nothing_left, ..Backfill::default() };
        let all = step(3, false).with(&step(4, true));
        assert_eq!((all.values, all.events_searched, all.nothing_left), (7, 20, false));
    }
}
