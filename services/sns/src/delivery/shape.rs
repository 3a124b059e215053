//! Payloads of a form of our own, for receivers that read no notifications of SNS: an endpoint's URL asks for one with the parameter
//! `cairn-format`. Such an endpoint is not asked to confirm, as it could not; it gets nothing but this form.
//!
//! | parameter | what it does |
//! |---|---|
//! | `cairn-format=slack` | `{"text": …}`, as Slack's incoming webhooks (and Mattermost's, and Discord's at `/slack`) take it |
//! | `cairn-format=pagerduty` | an event of PagerDuty's Events API v2; alarms that are well again resolve what they triggered |
//! | `cairn-format=text` | the message alone |
//! | `cairn-routing-key=KEY` | the integration key for PagerDuty |

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::message::Message;
use crate::subscription::FORMAT;

const ROUTING_KEY: &str = "cairn-routing-key";
/// PagerDuty's summaries end here. Source: PagerDuty developer documentation, "Events API v2", payload.summary.
const SUMMARY_CHARS_MAX: usize = 1_024;
/// Longer texts are cut by Slack. Source: Slack API, "Truncating content": 40,000 characters.
const SLACK_CHARS_MAX: usize = 39_000;

/// A payload, and where it goes.
pub struct Shaped {
    /// The URL without parameters of ours.
    pub url: String,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// The payload.
    pub body: String,
}

/// The payload for an endpoint that asks for a form of ours.
pub fn shaped(endpoint: &str, topic_arn: &str, message: &Message, protocol: &str) -> Option<Shaped> {
    let (base, query) = endpoint.split_once('?')?;
    let (mut format, mut key, mut rest) = (None, "", Vec::new());
    for parameter in query.split('&') {
        match parameter.split_once('=') {
            Some((FORMAT, value)) => format = Some(value),
            Some((ROUTING_KEY, value)) => key = value,
            _ => rest.push(parameter),
        }
    }
    let text = message.text_for(protocol);
    let alarm = Alarm::read(text);
    let (content_type, body) = match format? {
        "slack" => ("application/json", slack(message, text, alarm.as_ref()).to_string()),
        "pagerduty" => ("application/json", pagerduty(key, topic_arn, message, text, alarm.as_ref()).to_string()),
        _ => ("text/plain; charset=UTF-8", text.to_owned()),
    };
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Some(Shaped { url, content_type, body })
}

/// What an alarm says of itself. Source: CloudWatch user guide, "Notifying users on alarm changes".
struct Alarm {
    name: String,
    state: String,
    reason: String,
    region: String,
    account: String,
}

impl Alarm {
    fn read(text: &str) -> Option<Alarm> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        Some(Alarm {
            name: text("AlarmName")?,
            state: text("NewStateValue")?,
            reason: text("NewStateReason").unwrap_or_default(),
            region: text("Region").unwrap_or_default(),
            account: text("AWSAccountId").unwrap_or_default(),
        })
    }
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn slack(message: &Message, text: &str, alarm: Option<&Alarm>) -> Value {
    // Source: Slack API, "Formatting text for app surfaces", escaping.
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let said = match alarm {
        Some(alarm) => {
            let sign = match alarm.state.as_str() {
                "ALARM" => ":rotating_light:",
                "OK" => ":white_check_mark:",
                _ => ":grey_question:",
            };
            format!(
                "{sign} *{}: {}*\n{}\n_{} {}_",
                escaped(&alarm.state),
                escaped(&alarm.name),
                escaped(&alarm.reason),
                escaped(&alarm.account),
                escaped(&alarm.region)
            )
        }
        None => match &message.subject {
            Some(subject) => format!("*{}*\n{}", escaped(subject), escaped(text)),
            None => escaped(text),
        },
    };
    json!({"text": cut(&said, SLACK_CHARS_MAX)})
}

fn pagerduty(key: &str, topic_arn: &str, message: &Message, text: &str, alarm: Option<&Alarm>) -> Value {
    let summary = match (alarm, &message.subject) {
        (Some(alarm), _) => format!("{}: {}", alarm.state, alarm.name),
        (None, Some(subject)) => subject.clone(),
        (None, None) => text.lines().next().unwrap_or_default().to_owned(),
    };
    let details = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let is_well = alarm.is_some_and(|alarm| alarm.state == "OK");
    // The same alarm is one incident until it is well again.
    let incident = match alarm {
        Some(alarm) => base::ids::hex(&Sha256::digest(format!("{topic_arn}\n{}", alarm.name))),
        None => message.id.clone(),
    };
    json!({
        "routing_key": key,
        "event_action": if is_well { "resolve" } else { "trigger" },
        "dedup_key": incident,
        "client": "Cairn",
        "payload": {
            "summary": cut(&summary, SUMMARY_CHARS_MAX - 1),
            "source": topic_arn,
            "severity": if alarm.is_some_and(|alarm| alarm.state == "INSUFFICIENT_DATA") { "warning" } else { "critical" },
            "timestamp": message.time.iso8601_ms(),
            "custom_details": details.unwrap_or_else(|| json!({"message": text})),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base::{Region, Timestamp};

    use super::*;
    use crate::message::What;

    fn message(subject: Option<&str>, text: &str) -> Message {
        Message {
            version: 1,
            id: "i".to_owned(),
            region: Region::US_EAST_1,
            topic: "t".to_owned(),
            what: What::Notification,
            time: Timestamp::from_ms(0),
            subject: subject.map(str::to_owned),
            text: text.to_owned(),
            texts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            group_id: None,
            deduplication_id: None,
            sequence: None,
            phone: None,
            sealed: None,
        }
    }

    #[test]
    fn endpoints_say_which_form_they_take() {
        let check = |endpoint: &str, subject, text: &str, url: &str, expected: Value| {
            let shaped = shaped(endpoint, "arn", &message(subject, text), "https").unwrap();
            assert_eq!(shaped.url, url);
            assert_eq!(serde_json::from_str::<Value>(&shaped.body).unwrap(), expected);
        };
        let alarm = r#"{"AlarmName":"root used","NewStateValue":"ALARM","NewStateReason":"1 > 0","Region":"us-east-1","AWSAccountId":"1"}"#;
        check("https://h/p?cairn-format=slack", None, "a < b", "https://h/p", json!({"text": "a &lt; b"}));
        check("https://h/p?a=1&cairn-format=slack", Some("S"), "m", "https://h/p?a=1", json!({"text": "*S*\nm"}));
        check(
            "https://h/p?cairn-format=slack",
            None,
            alarm,
            "https://h/p",
            json!({"text": ":rotating_light: *ALARM: root used*\n1 &gt; 0\n_1 us-east-1_"}),
        );
        assert!(shaped("https://h/p?x=1", "arn", &message(None, "m"), "https").is_none());
        let event = |text: &str| {
            let endpoint = "https://h/v2?cairn-format=pagerduty&cairn-routing-key=K";
            let shaped = shaped(endpoint, "arn", &message(None, text), "https").unwrap();
            serde_json::from_str::<Value>(&shaped.body).unwrap()
        };
        let (bad, good) = (event(alarm), event(&alarm.replace("ALARM", "OK")));
        assert_eq!((&bad["event_action"], &good["event_action"]), (&json!("trigger"), &json!("resolve")));
        assert_eq!((&bad["dedup_key"], &bad["routing_key"]), (&good["dedup_key"], &json!("K")));
        assert_eq!(bad["payload"]["summary"], "ALARM: root used");
        assert_eq!(event("plain\ntext")["payload"]["summary"], "plain");
    }
}
