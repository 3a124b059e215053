//! A record on one line: when, who, what, on what, from where, with what result. Errors stand out; reads step back.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::terminal::{Style, Terminal, clean, shorten};

/// Columns of a line, before what is left for the resource.
const WHO: usize = 14;
const WHAT: usize = 26;
const SOURCE: usize = 15;
/// On terminals that are narrower the source is left out, and the caller's column is narrower, too.
const WIDTH_OF_SOURCE: usize = 100;
const NARROWER: usize = 4;
/// The resource gets at least so much, though the line breaks then.
const RESOURCE_MIN: usize = 16;

/// How lines look.
pub struct Layout {
    /// Where they go.
    pub terminal: Terminal,
    /// The day of the last line.
    day: String,
}

impl Layout {
    /// For a terminal.
    pub fn new(terminal: Terminal) -> Layout {
        Layout { terminal, day: String::new() }
    }

    /// A line that says which day begins, if this record is of another than the one before.
    pub fn day_line(&mut self, record: &Value) -> Option<String> {
        let day = record["eventTime"].as_str()?.get(..10)?;
        (day != self.day).then(|| {
            day.clone_into(&mut self.day);
            format!("── {day} UTC ──")
        })
    }

    /// The record's line, without its end.
    pub fn line(&self, record: &Value) -> String {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        let time = text("eventTime").get(11..19).unwrap_or("--:--:--");
        let service = text("eventSource").split('.').next().unwrap_or_default();
        let error = text("errorCode");
        let failed = !error.is_empty();
        let reads = record["readOnly"].as_bool() == Some(true);
        let name_style = match (failed, reads) {
            (true, _) => Style::Bad,
            (false, true) => Style::Plain,
            (false, false) => Style::Bold,
        };
        let result = if failed { error } else { "ok" };
        let with_source = self.terminal.width >= WIDTH_OF_SOURCE;
        let who_room = if with_source { WHO } else { WHO - NARROWER };
        let source_room = if with_source { SOURCE + 2 } else { 0 };
        let used = time.len() + who_room + WHAT + source_room + result.chars().count() + 4 * 2;
        let room = self.terminal.width.saturating_sub(used).max(RESOURCE_MIN);
        let mut line = vec![
            self.terminal.paint(Style::Dim, time),
            self.cell(Style::Accent, &who(&record["userIdentity"]), who_room),
            self.what(service, text("eventName"), name_style),
            self.cell(Style::Plain, &resource(record), room),
        ];
        if with_source {
            line.push(self.cell(Style::Dim, text("sourceIPAddress"), SOURCE));
        }
        line.push(self.terminal.paint(if failed { Style::Bad } else { Style::Good }, result));
        line.join("  ")
    }

    fn cell(&self, style: Style, text: &str, width: usize) -> String {
        let text = shorten(&clean(text), width);
        let room = " ".repeat(width.saturating_sub(text.width()));
        self.terminal.paint(style, &text) + &room
    }

    /// `s3 PutObject`, the service stepping back.
    fn what(&self, service: &str, name: &str, style: Style) -> String {
        let service = shorten(&clean(service), 12);
        let room = WHAT.saturating_sub(service.width() + 1);
        format!("{} {}", self.terminal.paint(Style::Dim, &service), self.cell(style, name, room))
    }
}

/// The shortest name that says who it was.
pub fn who(identity: &Value) -> String {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let session = || Some(identity["principalId"].as_str()?.split_once(':')?.1.to_owned());
    let role = || text(&identity["sessionContext"]["sessionIssuer"]["userName"]);
    let of_kind = match identity["type"].as_str() {
        Some("Root") => Some("root".to_owned()),
        Some("AssumedRole" | "FederatedUser") => match (role(), session()) {
            (Some(role), Some(session)) => Some(format!("{role}/{session}")),
            (role, session) => role.or(session),
        },
        _ => text(&identity["userName"]).or_else(|| text(&identity["invokedBy"])),
    };
    of_kind
        .or_else(|| text(&identity["accessKeyId"]))
        .or_else(|| text(&identity["principalId"]))
        .or_else(|| text(&identity["type"]))
        .unwrap_or_else(|| "?".to_owned())
}

/// What the call was about: the first resource's name, else what the request names.
fn resource(record: &Value) -> String {
    let request = &record["requestParameters"];
    let text = |name: &str| request[name].as_str();
    if let Some(bucket) = text("bucketName") {
        return text("key").map_or_else(|| bucket.to_owned(), |key| format!("{bucket}/{key}"));
    }
    let arns = record["resources"].as_array().into_iter().flatten();
    if let Some(arn) = arns.filter_map(|resource| resource["ARN"].as_str()).next() {
        return after_account(arn).to_owned();
    }
    let named =
        ["name", "trailName", "userName", "roleName", "groupName", "policyArn", "resourceArn", "resourceId", "arn"];
    if let Some(name) = named.iter().find_map(|name| text(name)) {
        return after_account(name).to_owned();
    }
    request.as_object().into_iter().flatten().find_map(|(_, value)| value.as_str()).unwrap_or("–").to_owned()
}

/// What of an ARN tells it from others of its account; other names as they are.
fn after_account(name: &str) -> &str {
    if name.starts_with("arn:") { name.splitn(6, ':').nth(5).unwrap_or(name) } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put() -> Value {
        json!({
            "eventTime": "2026-11-22T08:15:30Z", "eventName": "PutObject", "eventSource": "s3.amazonaws.com", "readOnly": false,
            "sourceIPAddress": "127.0.0.1", "userIdentity": { "type": "Root" },
            "requestParameters": { "bucketName": "trail-logs", "key": "some/where/rather/deep/in/the/bucket/file.json" },
        })
    }

    fn denied() -> Value {
        json!({
            "eventTime": "2026-11-22T08:15:31Z", "eventName": "DeleteTrail", "eventSource": "cloudtrail.amazonaws.com",
            "readOnly": false, "errorCode": "AccessDenied", "sourceIPAddress": "10.1.2.3",
            "userIdentity": { "type": "AssumedRole", "principalId": "AROAX:night", "sessionContext": {
                "sessionIssuer": { "userName": "ops" } } },
            "requestParameters": { "name": "audit\u{1b}[2J" },
        })
    }

    #[track_caller]
    fn check(width: usize, record: &Value, expected: &str) {
        let layout = Layout::new(Terminal { is_terminal: true, colours: false, width });
        assert_eq!(layout.line(record), expected);
    }

    #[test]
    fn lines_are_as_wide_as_the_terminal() {
        check(80, &put(), "08:15:30  root        s3 PutObject                trail-logs/so…et/file.json  ok");
        check(
            120,
            &put(),
            "08:15:30  root            s3 PutObject                trail-logs/some/where/…n/the/bucket/file.json  127.0.0.1        ok",
        );
        check(80, &denied(), "08:15:31  ops/night   cloudtrail DeleteTrail      audit\u{fffd}[2J         AccessDenied");
    }

    #[test]
    fn each_day_is_told_once() {
        let mut layout = Layout::new(Terminal { is_terminal: true, colours: false, width: 80 });
        assert_eq!(layout.day_line(&put()).as_deref(), Some("── 2026-11-22 UTC ──"));
        assert_eq!(layout.day_line(&denied()), None);
    }

    #[test]
    fn failures_stand_out() {
        let layout = Layout::new(Terminal { is_terminal: true, colours: true, width: 80 });
        assert!(layout.line(&denied()).contains("\x1b[1;31mAccessDenied\x1b[0m"));
        assert!(layout.line(&put()).contains("\x1b[32mok\x1b[0m"));
    }
}
