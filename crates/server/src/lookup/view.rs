//! The page: what it is, when and where it was seen, by whom, doing what; then the newest records. Decides nothing.

use base::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::kind::Kind;
use crate::tail::who;
use crate::terminal::amounts::{count, counted};
use crate::terminal::table::Table;
use crate::terminal::{Style, Terminal, shorten};

/// The width of the words that the header's lines begin with, the space before them included.
const WORD: usize = 13;
/// Values of a line of the header.
const VALUES: usize = 4;
/// The widest value there.
const VALUE_WIDTH: usize = 64;

/// What the server says of all records.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Summary {
    records: u64,
    is_whole: bool,
    looked_up: u64,
    failed: u64,
    first_time: Option<f64>,
    last_time: Option<f64>,
    matched_as: Ranking,
    users: Ranking,
    addresses: Ranking,
    events: Ranking,
    error_codes: Ranking,
    accounts: Ranking,
    regions: Ranking,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Ranking {
    distinct: u64,
    top: Vec<Ranked>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ranked {
    value: String,
    records: u64,
}

/// The lines of the page, without their ends.
pub fn lines(text: &str, kind: Kind, summary: &Summary, records: &[String], terminal: &Terminal) -> Vec<String> {
    let name = terminal.paint(Style::Bold, &shorten(text, terminal.width));
    let mut head = name;
    if let Some(words) = kind.words() {
        head.push_str("  ");
        head.push_str(&terminal.paint(Style::Dim, words));
    }
    let mut lines = vec![head];
    if summary.records == 0 {
        let what = kind.words().map(|words| format!(" as {words}")).unwrap_or_default();
        lines.push(format!("No record names it{what}. A name must be whole, with its case."));
        lines.extend(looked_up(summary, terminal));
        return lines;
    }
    lines.extend(header(summary, terminal));
    lines.extend(looked_up(summary, terminal));
    if !records.is_empty() {
        lines.push(String::new());
        lines.extend(table(records).render(terminal));
        let left = summary.records.saturating_sub(u64::try_from(records.len()).unwrap_or(u64::MAX));
        if left > 0 {
            let more =
                format!("  and {} older {}; --limit shows more", count(left), if left == 1 { "one" } else { "ones" });
            lines.push(terminal.paint(Style::Dim, &more));
        }
    }
    lines
}

fn looked_up(summary: &Summary, terminal: &Terminal) -> Option<String> {
    let said = format!("  Looked up before: {}", counted(summary.looked_up, "time"));
    (summary.looked_up > 0).then(|| terminal.paint(Style::Dim, &said))
}

fn header(summary: &Summary, terminal: &Terminal) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |word: &str, said: String| {
        let word = terminal.paint(Style::Dim, &format!("  {word:<width$}", width = WORD - 2));
        lines.push(format!("{word}{said}"));
    };
    let records = if summary.is_whole {
        counted(summary.records, "record")
    } else {
        format!("more than {}; what follows is of the newest", counted(summary.records, "record"))
    };
    let failed = match summary.failed {
        0 => String::new(),
        failed => terminal.paint(Style::Bad, &format!("  {} failed", count(failed))),
    };
    say("Found in", records + &failed);
    let first = if summary.is_whole { "First seen" } else { "Since" };
    say(first, time(summary.first_time));
    say("Last seen", time(summary.last_time));
    let rankings = [
        ("As", &summary.matched_as),
        ("By", &summary.users),
        ("From", &summary.addresses),
        ("Did", &summary.events),
        ("Errors", &summary.error_codes),
        ("Accounts", &summary.accounts),
        ("Regions", &summary.regions),
    ];
    for (word, ranking) in rankings.into_iter().filter(|(_, ranking)| !ranking.top.is_empty()) {
        for (index, line) in values(ranking, terminal.width.saturating_sub(WORD)).into_iter().enumerate() {
            say(if index == 0 { word } else { "" }, terminal.paint(Style::Plain, &line));
        }
    }
    lines
}

/// Values with how often they are there, in lines of at most this width.
fn values(ranking: &Ranking, width: usize) -> Vec<String> {
    let alone = ranking.distinct == 1;
    let mut pieces: Vec<String> = Vec::new();
    for ranked in ranking.top.iter().take(VALUES) {
        let value = shorten(&ranked.value, VALUE_WIDTH.min(width.saturating_sub(10)).max(8));
        pieces.push(if alone { value } else { format!("{value} ({})", count(ranked.records)) });
    }
    let shown = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
    if ranking.distinct > shown {
        pieces.push(format!("and {} more", count(ranking.distinct - shown)));
    }
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if line.width() + 2 + piece.width() <= width => {
                line.push_str(", ");
                line.push_str(&piece);
            }
            _ => lines.push(piece),
        }
    }
    lines
}

fn time(secs: Option<f64>) -> String {
    let time = secs.and_then(Timestamp::from_secs_f64);
    time.map_or_else(|| "–".to_owned(), |time| shown_time(&time.iso8601_secs()))
}

/// `2026-11-22T08:15:30Z` as `2026-11-22 08:15:30`.
fn shown_time(text: &str) -> String {
    text.get(..19).unwrap_or(text).replacen('T', " ", 1)
}

fn table(records: &[String]) -> Table {
    let mut table = Table::new(&["TIME (UTC)", "~WHO", "~EVENT", "REGION", "~SOURCE", "~RESULT"]);
    for record in records {
        let Ok(record) = serde_json::from_str::<Value>(record) else { continue };
        let text = |name: &str| record[name].as_str().unwrap_or("–").to_owned();
        let service = record["eventSource"].as_str().and_then(|source| source.split('.').next()).unwrap_or("?");
        let result = match record["errorCode"].as_str() {
            Some(code) => (Style::Bad, code.to_owned()),
            None => (Style::Good, "ok".to_owned()),
        };
        table.row(vec![
            (Style::Dim, shown_time(record["eventTime"].as_str().unwrap_or("–"))),
            (Style::Accent, who(&record["userIdentity"])),
            (Style::Plain, format!("{service} {}", record["eventName"].as_str().unwrap_or("?"))),
            (Style::Plain, text("awsRegion")),
            (Style::Dim, text("sourceIPAddress")),
            result,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAIN: Terminal = Terminal { is_terminal: false, colours: false, width: 100 };

    fn summary(whole: bool) -> Summary {
        let one = |value: &str| json!({"Distinct": 1, "Top": [{"Value": value, "Records": 3}]});
        serde_json::from_value(json!({
            "Records": 3, "IsWhole": whole, "LookedUp": 1, "Failed": 1,
            "FirstTime": 1_772_366_400.0, "LastTime": 1_772_370_000.0,
            "MatchedAs": one("user or session"), "Users": one("arn:aws:iam::123456789012:user/alice"),
            "Addresses": {"Distinct": 6, "Top": [
                {"Value": "10.0.0.1", "Records": 2000}, {"Value": "10.0.0.2", "Records": 2}, {"Value": "10.0.0.3", "Records": 1},
                {"Value": "10.0.0.4", "Records": 1}, {"Value": "10.0.0.5", "Records": 1}]},
            "Events": one("s3:PutObject"), "ErrorCodes": {"Distinct": 0, "Top": []},
        }))
        .unwrap()
    }

    #[test]
    fn the_page_says_who_when_where_and_what() {
        let record = json!({"eventTime": "2026-03-01T13:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "PutObject",
            "awsRegion": "eu-west-1", "sourceIPAddress": "10.0.0.1", "errorCode": "AccessDenied",
            "userIdentity": {"type": "IAMUser", "userName": "alice"}});
        let lines = lines("alice", Kind::User, &summary(true), &[record.to_string()], &PLAIN);
        let expected = [
            "alice  user or session",
            "  Found in   3 records  1 failed",
            "  First seen 2026-03-01 12:00:00",
            "  Last seen  2026-03-01 13:00:00",
            "  As         user or session",
            "  By         arn:aws:iam::123456789012:user/alice",
            "  From       10.0.0.1 (2,000), 10.0.0.2 (2), 10.0.0.3 (1), 10.0.0.4 (1), and 2 more",
            "  Did        s3:PutObject",
            "  Looked up before: 1 time",
            "",
            "  TIME (UTC)           WHO    EVENT         REGION     SOURCE    RESULT",
            "  2026-03-01 13:00:00  alice  s3 PutObject  eu-west-1  10.0.0.1  AccessDenied",
            "  and 2 older ones; --limit shows more",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_was_not_counted_to_its_end_does_not_say_first() {
        let lines = lines("alice", Kind::Any, &summary(false), &[], &PLAIN);
        assert_eq!(lines[0], "alice");
        assert!(
            lines[1].starts_with("  Found in   more than 3 records; what follows is of the newest"),
            "{}",
            lines[1]
        );
        assert!(lines[2].starts_with("  Since      2026"), "{}", lines[2]);
    }

    #[test]
    fn nothing_found_says_so() {
        let lines = lines("x\u{1b}[2J", Kind::Ip, &Summary::default(), &[], &PLAIN);
        assert_eq!(
            lines,
            ["x\u{fffd}[2J  address", "No record names it as address. A name must be whole, with its case."]
        );
    }
}
