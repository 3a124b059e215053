//! `cairn explain`: which policy's statement decided a recorded call, as it was decided then.

use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::client::{CAIRN, Client, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::tail::who;
use crate::terminal::{Colours, Style, Terminal, print};

/// Where Cairn's own operations are called.
const REGION: &str = "us-east-1";

/// What `cairn explain` can be told.
#[derive(Args)]
pub struct ExplainArgs {
    /// The `eventID` of the call's record.
    #[arg(value_name = "EVENT_ID")]
    event_id: String,
    /// Print one document of JSON, with the record as it is.
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
    record: String,
    #[serde(default)]
    decisions: Vec<Decision>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decision {
    action: String,
    resource: String,
    effect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    decisions: &'a [Decision],
    record: &'a RawValue,
}

/// Asks the server, which knows what was decided; no policy is evaluated again.
pub fn run(args: ExplainArgs) -> Result<ExitCode, Failure> {
    let client = Client::new(&Config::load(args.settings)?)?;
    let asked = json!({ "EventId": args.event_id.trim() });
    let answer = runtime()?.block_on(client.json(CAIRN, "Explain", REGION, &asked))?;
    let answer: Answer = serde_json::from_value(answer).map_err(|error| client.unreadable(error))?;
    let shown = if args.json {
        let record = serde_json::from_str(&answer.record).map_err(|error| client.unreadable(error))?;
        serde_json::to_string_pretty(&Document { decisions: &answer.decisions, record })? + "\n"
    } else {
        let record: Value = serde_json::from_str(&answer.record).map_err(|error| client.unreadable(error))?;
        lines(&record, &answer.decisions, &Terminal::stdout(args.color)).join("\n") + "\n"
    };
    print(&shown)?;
    Ok(ExitCode::SUCCESS)
}

/// What happened in a line, and what was decided in two lines each.
fn lines(record: &Value, decisions: &[Decision], terminal: &Terminal) -> Vec<String> {
    let text = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let service = text("eventSource");
    let service = service.strip_suffix(".amazonaws.com").unwrap_or(&service);
    let result = match record["errorCode"].as_str() {
        Some(code) => terminal.paint(Style::Bad, code),
        None => terminal.paint(Style::Good, "succeeded"),
    };
    let identity = &record["userIdentity"];
    let name = terminal.paint(Style::Bold, &format!("{service}:{}", text("eventName")));
    let who = terminal.paint(Style::Accent, identity["arn"].as_str().unwrap_or(&who(identity)));
    let mut lines = vec![format!("{}  {name}  by {who}  {result}", text("eventTime"))];
    for decision in decisions {
        let (style, word) = match decision.effect.as_str() {
            "Allow" => (Style::Good, "allowed"),
            _ => (Style::Bad, "denied"),
        };
        let word = terminal.paint(style, word);
        let action = terminal.paint(Style::Plain, &format!("{} on {}", decision.action, decision.resource));
        lines.push(format!("  {word}  {action}"));
        lines.push(format!("           {}", terminal.paint(Style::Dim, &reason(decision))));
    }
    if decisions.is_empty() {
        lines.push(format!("  {}", terminal.paint(Style::Dim, nothing(record))));
    }
    lines
}

/// What decided, in words.
fn reason(decision: &Decision) -> String {
    let layer = decision.layer.as_deref().unwrap_or("policy");
    let by = decision.policy.as_ref().map(|policy| {
        let place = decision.statement.map(|place| format!("statement {place}")).unwrap_or_default();
        let sid = decision.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
        format!("{place}{sid} of {policy}")
    });
    match (decision.effect.as_str(), by) {
        ("ImplicitDeny", _) => format!("no {layer} allows it"),
        ("ExplicitDeny", Some(by)) => format!("an explicit deny in a {layer}: {by}"),
        ("ExplicitDeny", None) => format!("an explicit deny in a {layer}"),
        (_, Some(by)) => format!("by {by}"),
        (_, None) => "nothing had to allow it".to_owned(),
    }
}

/// Why nothing is known of a call.
fn nothing(record: &Value) -> &'static str {
    match record["userIdentity"]["type"].as_str() {
        Some("Root") => "the root of an account needs no policy, and none denied it",
        Some("AWSService") => "a service of the server acted for itself",
        _ if record["errorCode"].is_string() => {
            "no policy decided it: it was refused before policies were asked, or after they allowed it"
        }
        _ => {
            "nothing is kept of what decided it: it needed no permission, or it is older than 90 days, or was imported"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(effect: &str, layer: Option<&str>, policy: Option<&str>, sid: Option<&str>) -> Decision {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let (action, resource) = ("s3:GetObject".to_owned(), "arn:aws:s3:::b/k".to_owned());
        let (layer, policy, sid) = (text(layer), text(policy), text(sid));
        Decision {
            action,
            resource,
            effect: effect.to_owned(),
            layer,
            statement: policy.as_ref().map(|_| 2),
            policy,
            sid,
        }
    }

    #[test]
    fn what_decided_is_told_in_words() {
        let told = |effect, layer, policy, sid| reason(&decision(effect, layer, policy, sid));
        assert_eq!(told("Allow", None, Some("Readers"), Some("Read")), "by statement 2 (Read) of Readers");
        let identity = Some("identity-based policy");
        assert_eq!(told("ImplicitDeny", identity, None, None), "no identity-based policy allows it");
        let denied = told("ExplicitDeny", Some("resource-based policy"), Some("arn:aws:s3:::b"), None);
        assert_eq!(denied, "an explicit deny in a resource-based policy: statement 2 of arn:aws:s3:::b");
    }

    #[test]
    fn a_call_is_shown_with_its_decisions() {
        let record = json!({
            "eventTime": "2026-11-01T00:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
            "errorCode": "AccessDenied", "userIdentity": { "type": "IAMUser", "arn": "arn:aws:iam::1:user/a" }
        });
        let terminal = Terminal { is_terminal: false, colours: false, width: 120 };
        let shown = lines(&record, &[decision("ImplicitDeny", Some("identity-based policy"), None, None)], &terminal);
        assert_eq!(
            shown,
            [
                "2026-11-01T00:00:00Z  s3:GetObject  by arn:aws:iam::1:user/a  AccessDenied",
                "  denied  s3:GetObject on arn:aws:s3:::b/k",
                "           no identity-based policy allows it",
            ]
        );
        let none = lines(&record, &[], &terminal);
        assert!(none[1].contains("before policies were asked"), "{none:?}");
    }
}
