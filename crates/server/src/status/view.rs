//! The page: what wants attention first, then the server, its consumers, its trails. Decides nothing; see `problems`.

use super::gather::{EventStore, Status, Trail};
use super::problems::{Problem, ago_ms, name_of};
use crate::terminal::amounts::{about, bytes, count, counted, time};
use crate::terminal::table::{Cell, Table};
use crate::terminal::{Style, Terminal, clean, wrap};

/// What stands where there is nothing to say.
const NOTHING: &str = "–";
/// Damaged files that are named; `--json` has more.
const FAILURES_SHOWN: usize = 5;

/// The lines of the page, without their ends.
pub fn lines(status: &Status, problems: &[Problem], terminal: &Terminal) -> Vec<String> {
    let mut lines = head(status, problems, terminal);
    lines.push(String::new());
    lines.extend(server(status, terminal));
    lines.extend(section("Consumers", &consumers(status), terminal));
    if status.trails.is_empty() {
        lines.push(String::new());
        lines.push(terminal.paint(Style::Bold, "Trails"));
        let none = if status.server.event_stores.is_empty() {
            "none: management events are kept for 90 days, and nowhere else"
        } else {
            "none: records are in the event store, and in no log file"
        };
        lines.push(format!("  {}", terminal.paint(Style::Dim, none)));
    } else {
        lines.extend(section("Trails", &trails(status), terminal));
    }
    if status.trails_left_out > 0 {
        lines.push(terminal.paint(Style::Dim, &format!("  and {} more", status.trails_left_out)));
    }
    if !status.server.validation.is_empty() {
        lines.extend(section("Validation", &validation(status), terminal));
    }
    if !status.server.follows.is_empty() {
        lines.extend(section("Followed", &follows(status), terminal));
    }
    lines
}

fn section(title: &str, table: &Table, terminal: &Terminal) -> Vec<String> {
    let mut lines = vec![String::new(), terminal.paint(Style::Bold, title)];
    lines.extend(table.render(terminal));
    lines
}

fn head(status: &Status, problems: &[Problem], terminal: &Terminal) -> Vec<String> {
    let name = terminal.paint(Style::Bold, &format!("Cairn {}", status.server.version));
    let health = match problems.len() {
        0 => terminal.paint(Style::Good, "● healthy"),
        1 => terminal.paint(Style::Bad, "▲ 1 problem"),
        many => terminal.paint(Style::Bad, &format!("▲ {many} problems")),
    };
    let up = format!("up {}", time(status.server.uptime_seconds.saturating_mul(1000)));
    let place = [status.endpoint.clone(), format!("account {}", status.server.account_id), up].join(" · ");
    let mut lines = vec![format!("{name}  {health}"), terminal.paint(Style::Dim, &place)];
    if !problems.is_empty() {
        lines.push(String::new());
    }
    for problem in problems {
        let room = terminal.width.saturating_sub(4);
        for (index, line) in wrap(&problem.what, room).iter().enumerate() {
            let mark = if index == 0 { terminal.paint(Style::Bad, "✗") } else { " ".to_owned() };
            lines.push(format!("  {mark} {}", terminal.paint(Style::Bold, line)));
        }
        for (index, line) in wrap(&problem.to_do, room.saturating_sub(2)).iter().enumerate() {
            let mark = if index == 0 { "→" } else { " " };
            lines.push(format!("    {mark} {line}"));
        }
    }
    lines
}

/// The lines about recording, journal and disk: a word, and what there is to say of it.
fn server(status: &Status, terminal: &Terminal) -> Vec<String> {
    let server = &status.server;
    let recording = match (server.recording.on, server.recording.waiting || !status.ready) {
        (false, _) => (Style::Bad, "off".to_owned()),
        (true, true) => (Style::Bad, "the journal does not take records".to_owned()),
        (true, false) => (Style::Good, "ok".to_owned()),
    };
    let journal = &server.journal;
    let mut said = vec![(Style::Plain, format!("{} in {}", entries(journal.entries), bytes(journal.bytes_on_disk)))];
    if let Some(oldest) = journal.oldest_event_time {
        said.push((Style::Plain, format!("oldest {} old", about(ago_ms(status, oldest)))));
    }
    if journal.commits > 0 {
        said.push((Style::Plain, format!("last write {} ms", count(journal.last_commit_ms))));
    }
    if journal.queue_depth > 0 {
        said.push((Style::Plain, format!("{} waiting", count(journal.queue_depth))));
    }
    if journal.refused > 0 {
        said.push((Style::Warning, format!("{} refused since the start", count(journal.refused))));
    }
    let mut lines = vec![terminal.paint(Style::Bold, "Server")];
    lines.extend(said_of("Recording", vec![recording], terminal));
    lines.extend(said_of("Journal", said, terminal));
    if !server.event_stores.is_empty() {
        let sum = |of: fn(&EventStore) -> u64| server.event_stores.iter().map(of).sum::<u64>();
        let records = counted(sum(|store| store.records), "record");
        let mut said = vec![(Style::Plain, format!("{records} in {}", bytes(sum(|store| store.stored_bytes))))];
        let oldest = server.event_stores.iter().filter_map(|store| store.oldest_event_time).reduce(f64::min);
        said.extend(oldest.map(|oldest| (Style::Plain, format!("oldest {} old", about(ago_ms(status, oldest))))));
        if server.event_stores.len() > 1 {
            said.push((Style::Dim, format!("{} stores", server.event_stores.len())));
        }
        lines.extend(said_of("Events", said, terminal));
    }
    if let Some(disk) = &status.disk {
        let at_least = if disk.at_least { "more than " } else { "" };
        let parts = [("journal", disk.journal_bytes), ("tables", disk.tables_bytes), ("objects", disk.objects_bytes)];
        let mut said = vec![(Style::Plain, format!("{at_least}{} in {}", bytes(disk.total()), disk.folder))];
        said.extend(parts.map(|(name, size)| (Style::Dim, format!("{name} {}", bytes(size)))));
        said.push((Style::Plain, format!("{} free", bytes(disk.free_bytes))));
        lines.extend(said_of("Disk", said, terminal));
    }
    lines
}

fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{} entries", count(number)) }
}

/// A word and remarks behind it, in as many lines as they need.
fn said_of(word: &str, remarks: Vec<Cell>, terminal: &Terminal) -> Vec<String> {
    const WORD: usize = 13;
    let mut lines = Vec::new();
    let mut line = format!("  {}", terminal.paint(Style::Dim, &format!("{word:<width$}", width = WORD - 2)));
    let mut used = WORD;
    for (style, remark) in remarks {
        let len = remark.chars().count();
        if used > WORD && used + 3 + len > terminal.width {
            lines.push(std::mem::replace(&mut line, " ".repeat(WORD)));
            used = WORD;
        }
        if used > WORD {
            line.push_str(" · ");
            used += 3;
        }
        line.push_str(&terminal.paint(style, &remark));
        used += len;
    }
    lines.push(line);
    lines
}

fn consumers(status: &Status) -> Table {
    let mut table = Table::new(&["NAME", ">BEHIND", "SINCE", "STATE"]);
    for consumer in &status.server.consumers {
        let since = consumer.behind_since.filter(|_| consumer.lag > 0);
        let behind = if consumer.lag == 0 { NOTHING.to_owned() } else { entries(consumer.lag) };
        let state = match &consumer.failure {
            Some(_) => (Style::Bad, "fails".to_owned()),
            None => (Style::Good, "ok".to_owned()),
        };
        table.row(vec![
            (Style::Bold, consumer.name.clone()),
            (Style::Plain, behind),
            (Style::Plain, since.map_or_else(|| NOTHING.to_owned(), |since| about(ago_ms(status, since)))),
            state,
        ]);
        if let Some(failure) = &consumer.failure {
            table.note(Style::Bad, failure);
        }
    }
    table
}

fn trails(status: &Status) -> Table {
    let mut table = Table::new(&["~NAME", "HOME", "LOGGING", "LAST FILE", "DIGEST", "WAITING", "~BUCKET"]);
    for trail in &status.trails {
        table.row(trail_row(status, trail));
        let errors = [
            ("log files", &trail.status.latest_delivery_error),
            ("digests", &trail.status.latest_digest_delivery_error),
        ];
        for (kind, error) in errors {
            if let Some(error) = error.as_deref().filter(|error| !error.is_empty()) {
                table.note(Style::Bad, format!("{kind}: {error}"));
            }
        }
    }
    table
}

fn trail_row(status: &Status, trail: &Trail) -> Vec<Cell> {
    let ago = |then: Option<f64>| match then {
        Some(then) => (Style::Plain, format!("{} ago", about(ago_ms(status, then)))),
        None => (Style::Dim, NOTHING.to_owned()),
    };
    let logging = match (trail.status.is_logging, trail.status.start_logging_time) {
        (true, Some(since)) => (Style::Good, about(ago_ms(status, since))),
        (true, None) => (Style::Good, "on".to_owned()),
        (false, _) if trail.status.stop_logging_time.is_some() => (Style::Warning, "stopped".to_owned()),
        (false, _) => (Style::Warning, "never".to_owned()),
    };
    let backlog = status.server.backlogs.iter().find(|backlog| backlog.trail == trail.arn);
    let waiting = match backlog {
        Some(backlog) => {
            (Style::Warning, format!("{}, {}", count(backlog.files), about(ago_ms(status, backlog.oldest))))
        }
        None => (Style::Dim, NOTHING.to_owned()),
    };
    let digest = if trail.log_file_validation_enabled {
        ago(trail.status.latest_digest_delivery_time)
    } else {
        (Style::Dim, "off".to_owned())
    };
    let prefix = trail.prefix.as_ref().map(|prefix| format!("/{prefix}")).unwrap_or_default();
    vec![
        (Style::Bold, trail.name.clone()),
        (Style::Plain, format!("{}{}", trail.home_region, if trail.is_multi_region_trail { " (all)" } else { "" })),
        logging,
        ago(trail.status.latest_delivery_time),
        digest,
        waiting,
        (Style::Plain, format!("{}{prefix}", trail.bucket)),
    ]
}

fn follows(status: &Status) -> Table {
    let mut table = Table::new(&["~PLACE", "LOOKED", ">FILES", ">IMPORTED", ">RECORDS", "STATE"]);
    for follow in &status.server.follows {
        let state = match (&follow.failure, follow.files_failed) {
            (Some(_), _) => (Style::Bad, "fails".to_owned()),
            (None, 0) => (Style::Good, "ok".to_owned()),
            (None, failed) => (Style::Warning, format!("{} damaged", counted(failed, "file"))),
        };
        let looked = follow.looked_at.map(|at| format!("{} ago", about(ago_ms(status, at))));
        table.row(vec![
            (Style::Bold, clean(&follow.place)),
            (Style::Plain, looked.unwrap_or_else(|| NOTHING.to_owned())),
            (Style::Plain, count(follow.files)),
            (Style::Plain, count(follow.files_imported)),
            (Style::Plain, count(follow.records_kept)),
            state,
        ]);
        if let Some(failure) = &follow.failure {
            table.note(Style::Bad, clean(failure));
        }
        for failure in follow.failures.iter().take(FAILURES_SHOWN) {
            table.note(Style::Warning, clean(failure));
        }
    }
    table
}

fn validation(status: &Status) -> Table {
    let mut table = Table::new(&["~TRAIL", "CHECKED", ">DIGESTS", ">FILES", "RESULT"]);
    for validation in &status.server.validation {
        let result = match (validation.is_bad(), validation.valid) {
            (true, _) => (Style::Bad, format!("invalid: {}", counted(validation.problem_count(), "problem"))),
            (false, Some(_)) => (Style::Good, "valid".to_owned()),
            (false, None) => (Style::Dim, NOTHING.to_owned()),
        };
        let checked = validation.checked_secs().map(|at| format!("{} ago", about(ago_ms(status, at))));
        table.row(vec![
            (Style::Bold, name_of(&validation.trail).to_owned()),
            (Style::Plain, checked.unwrap_or_else(|| NOTHING.to_owned())),
            (Style::Plain, count(validation.digests_checked)),
            (Style::Plain, count(validation.files_checked)),
            result,
        ]);
    }
    table
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
