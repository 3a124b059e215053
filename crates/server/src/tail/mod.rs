//! `cairn tail`: records as they come, or from some time on, those that are asked for, until it is stopped. When the connection
//! breaks it goes on at the place where it was: no record is lost on the way and none is shown twice.

mod filter;
mod line;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use base::Timestamp;
use clap::Args;
use serde_json::{Value, json};

use crate::client::{CAIRN, CallError, Client, Lines, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::{Colours, Style, Terminal};

pub(crate) use filter::since;
use filter::{Filter, Filters};
use line::Layout;
pub(crate) use line::who;

/// Between two attempts to reach a server that went away.
const RETRY: Duration = Duration::from_secs(1);

/// What `cairn tail` can be told.
#[derive(Args)]
pub struct TailArgs {
    #[command(flatten)]
    filters: Filters,
    /// Begin with what happened since then: a time (2026-11-22T08:00:00Z) or a while ago (10m, 2h, 1d), as far as the journal reaches.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// End when everything recorded so far was shown.
    #[arg(long)]
    no_follow: bool,
    /// Print each record as it is, one line of JSON each. So it does when the output is not a terminal.
    #[arg(long)]
    json: bool,
    /// Print a short line for each record, also when the output is not a terminal.
    #[arg(long, conflicts_with = "json")]
    short: bool,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colours,
    #[command(flatten)]
    settings: Settings,
}

/// Why a stream is not read any further.
enum End {
    /// The server is gone, for now.
    Gone,
    /// All that was wanted is shown, or nobody looks any more.
    Done,
}

struct Tail {
    client: Client,
    filter: Filter,
    since: Option<Timestamp>,
    /// The last journal position that was dealt with.
    position: Option<u64>,
    /// The last that is wanted.
    last: Option<u64>,
    output: Output,
}

enum Output {
    Json,
    Short(Layout),
}

/// Runs until it is stopped.
pub fn run(args: TailArgs) -> Result<ExitCode, Failure> {
    let terminal = Terminal::stdout(args.color);
    let now = system::env().clock.now();
    let since = args.since.as_deref().map(|text| since("--since", text, now)).transpose()?;
    let as_json = args.json || !(terminal.is_terminal || args.short);
    let output = if as_json { Output::Json } else { Output::Short(Layout::new(terminal)) };
    let config = Config::load(args.settings)?;
    let client = Client::new(&config)?;
    let filter = Filter::new(args.filters);
    let position = since.map(|_| 0);
    let mut tail = Tail { client, filter, since, position, last: None, output };
    runtime()?.block_on(async {
        if args.no_follow {
            let status = tail.client.json(CAIRN, "GetStatus", "us-east-1", &json!({})).await?;
            tail.last = status["JournalEnd"].as_u64().map(|end| end.saturating_sub(1));
        }
        tail.follow(args.no_follow).await
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Tail {
    async fn follow(&mut self, only_once: bool) -> Result<(), Failure> {
        let mut told = false;
        let mut lines = self.connect().await?;
        loop {
            if matches!(self.show(&mut lines).await?, End::Done) {
                return Ok(());
            }
            if only_once {
                return Err("the server went away before everything was shown".into());
            }
            lines = loop {
                if !std::mem::replace(&mut told, true) {
                    eprintln!("cairn: the server went away; waiting for it (Ctrl-C ends)");
                }
                tokio::time::sleep(RETRY).await;
                match self.connect().await {
                    Ok(lines) => break lines,
                    Err(CallError::Unreachable { .. }) => {}
                    // While it starts and stops it refuses calls for a moment.
                    Err(CallError::Refused { code, .. }) if code.starts_with("ServiceUnavailable") => {}
                    Err(error) => return Err(error.into()),
                }
            };
            if std::mem::take(&mut told) {
                eprintln!("cairn: the server is back");
            }
        }
    }

    async fn connect(&mut self) -> Result<Lines, CallError> {
        let mut body = json!({ "Positions": true });
        if let Some(position) = self.position {
            body["AfterSequence"] = json!(position);
        }
        match self.client.lines("Tail", &body).await {
            // Its journal is shorter than what was seen: it is another one, or an older copy of it.
            Err(CallError::Refused { code, .. }) if code == "ValidationException" && self.position.is_some() => {
                eprintln!(
                    "cairn: the journal ends before the place that was reached: it is another one; going on at its end"
                );
                self.position = None;
                self.client.lines("Tail", &json!({ "Positions": true })).await
            }
            other => other,
        }
    }

    /// Shows records until the stream ends.
    async fn show(&mut self, lines: &mut Lines) -> Result<End, Failure> {
        let mut is_first = true;
        while let Some(some) = lines.next().await {
            let mut out = Vec::new();
            for line in some.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                self.take(line, std::mem::take(&mut is_first), &mut out);
                if self.is_done() {
                    break;
                }
            }
            let mut stdout = std::io::stdout().lock();
            match stdout.write_all(&out).and_then(|()| stdout.flush()) {
                Ok(()) if self.is_done() => return Ok(End::Done),
                Ok(()) => {}
                // Whoever read us (`| head`) has enough.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(End::Done),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(End::Gone)
    }

    fn is_done(&self) -> bool {
        self.last.is_some_and(|last| self.position.is_some_and(|position| position >= last))
    }

    /// Takes `POSITION` or `POSITION \t RECORD`.
    fn take(&mut self, line: &[u8], is_first: bool, out: &mut Vec<u8>) {
        let tab = line.iter().position(|byte| *byte == b'\t');
        let (position, record) = tab.map_or((line, None), |tab| (&line[..tab], Some(&line[tab + 1..])));
        let Some(position) = std::str::from_utf8(position).ok().and_then(|text| text.parse::<u64>().ok()) else {
            return;
        };
        if is_first && self.since.is_none_or(|_| self.position != Some(0)) {
            // The server begins where it can: behind what its journal has given up.
            if let Some(missing) =
                self.position.map(|before| position.saturating_sub(before)).filter(|count| *count > 0)
            {
                eprintln!(
                    "cairn: up to {missing} records are not in the journal any more; look for them in log files or history"
                );
            }
        }
        // A record comes a second time only if the server begins earlier than it was asked to.
        let seen = self.position.is_some_and(|before| position <= before);
        self.position = Some(self.position.map_or(position, |before| before.max(position)));
        if let Some(record) = record.filter(|_| !seen) {
            self.print(record, out);
        }
    }

    fn print(&mut self, record: &[u8], out: &mut Vec<u8>) {
        let matches_all = self.filter.is_empty() && self.since.is_none();
        if let (Output::Json, true) = (&self.output, matches_all) {
            out.extend_from_slice(record);
            out.push(b'\n');
            return;
        }
        let Ok(value) = serde_json::from_slice::<Value>(record) else { return };
        let time = value["eventTime"].as_str().and_then(Timestamp::parse_iso8601);
        let too_early = self.since.is_some_and(|since| time.is_some_and(|time| time < since.trunc_secs()));
        if too_early || !self.filter.matches(&value) {
            return;
        }
        match &mut self.output {
            Output::Json => out.extend_from_slice(record),
            Output::Short(layout) => {
                if let Some(day) = layout.day_line(&value) {
                    out.extend_from_slice(layout.terminal.paint(Style::Dim, &day).as_bytes());
                    out.push(b'\n');
                }
                out.extend_from_slice(layout.line(&value).as_bytes());
            }
        }
        out.push(b'\n');
    }
}
