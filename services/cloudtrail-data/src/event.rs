//! An audit event: what `eventData` must be, and the record that is made of it. The application's own bytes are kept as they are.
//!
//! Source: CloudTrail user guide, "CloudTrail Lake integrations event schema"; CloudTrail Data API reference, AuditEvent and
//! ResultErrorEntry.

use base::{Region, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use ports::lake::NewRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The largest event, as with any other event of CloudTrail.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// Characters of `version` and `errorCode`, `errorMessage`.
const SHORT_CHARS_MAX: usize = 256;
/// Characters of other texts.
const TEXT_CHARS_MAX: usize = 1_024;
/// Bytes of `details`, `requestParameters` and `responseElements`.
const OBJECT_BYTES_MAX: usize = 100 * 1024;
/// Bytes of `additionalEventData`.
const ADDITIONAL_BYTES_MAX: usize = 28 * 1024;

/// What is wrong with an event, for its entry in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `FieldNotFound` …
    pub code: &'static str,
    /// For the client.
    pub message: String,
}

fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, message: message.into() })
}

/// `eventData`, as far as it is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventData<'a> {
    version: Option<String>,
    #[serde(borrow)]
    user_identity: Option<Identity<'a>>,
    user_agent: Option<String>,
    event_source: Option<String>,
    event_name: Option<String>,
    event_time: Option<String>,
    #[serde(rename = "UID")]
    uid: Option<String>,
    #[serde(borrow)]
    request_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    response_elements: Option<&'a RawValue>,
    error_code: Option<String>,
    error_message: Option<String>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    recipient_account_id: Option<String>,
    #[serde(borrow)]
    additional_event_data: Option<&'a RawValue>,
}

/// `eventData.userIdentity`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    r#type: Option<String>,
    principal_id: Option<String>,
    #[serde(borrow)]
    details: Option<&'a RawValue>,
}

/// The record, in the order that AWS writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    event_category: &'static str,
    event_type: &'static str,
    #[serde(rename = "eventID")]
    event_id: &'a str,
    event_time: String,
    aws_region: &'a str,
    recipient_account_id: &'a str,
    metadata: Metadata<'a>,
    event_data: &'a RawValue,
}

/// Which way it came.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    ingestion_time: String,
    #[serde(rename = "channelARN")]
    channel_arn: &'a str,
}

/// What an event comes through.
#[derive(Clone, Copy, Debug)]
pub struct Through<'a> {
    /// The channel.
    pub channel_arn: &'a str,
    /// Where it lives.
    pub region: Region,
    /// Whose it is.
    pub account: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Makes the record of an event, or says what is wrong with it.
pub fn record(data: &str, checksum: Option<&str>, event_id: &str, through: Through<'_>) -> Result<NewRecord, Refusal> {
    if data.len() > EVENT_BYTES_MAX {
        return refuse("FieldTooLong", format!("eventData has more than {EVENT_BYTES_MAX} bytes."));
    }
    if let Some(given) = checksum
        && BASE64.encode(Sha256::digest(data.as_bytes())) != given
    {
        return refuse("InvalidChecksum", "eventDataChecksum is not the SHA-256 of eventData, in base 64.");
    }
    let raw: &RawValue = match serde_json::from_str(data) {
        Ok(raw) => raw,
        Err(error) => return refuse("InvalidData", format!("eventData is not valid JSON: {error}.")),
    };
    let parsed: EventData<'_> = match serde_json::from_str(data) {
        Ok(parsed) => parsed,
        Err(error) => {
            return refuse("InvalidData", format!("eventData does not have the schema of an event: {error}."));
        }
    };
    let time = check(&parsed)?;
    if parsed.recipient_account_id.as_deref() != Some(through.account) {
        return refuse("InvalidRecipient", "eventData.recipientAccountId is not the account of the channel.");
    }
    let record = Record {
        event_version: "1.0",
        event_category: "ActivityAuditLog",
        event_type: "ActivityLog",
        event_id,
        event_time: time.iso8601_secs(),
        aws_region: through.region.as_str(),
        recipient_account_id: through.account,
        metadata: Metadata { ingestion_time: through.now.iso8601_secs(), channel_arn: through.channel_arn },
        event_data: raw,
    };
    let json = serde_json::to_vec(&record).expect("texts and JSON that was read before");
    Ok(NewRecord { json: Bytes::from(json), checksum: checksum.map(str::to_owned) })
}

/// Checks what is required and how long things are. Answers the time of the event.
fn check(data: &EventData<'_>) -> Result<Timestamp, Refusal> {
    required("version", data.version.as_deref(), SHORT_CHARS_MAX)?;
    let Some(identity) = &data.user_identity else { return missing("userIdentity") };
    required("userIdentity.type", identity.r#type.as_deref(), TEXT_CHARS_MAX)?;
    required("userIdentity.principalId", identity.principal_id.as_deref(), TEXT_CHARS_MAX)?;
    object("userIdentity.details", identity.details, OBJECT_BYTES_MAX)?;
    optional("userAgent", data.user_agent.as_deref(), TEXT_CHARS_MAX)?;
    required("eventSource", data.event_source.as_deref(), TEXT_CHARS_MAX)?;
    required("eventName", data.event_name.as_deref(), TEXT_CHARS_MAX)?;
    let time = required("eventTime", data.event_time.as_deref(), SHORT_CHARS_MAX)?;
    required("UID", data.uid.as_deref(), TEXT_CHARS_MAX)?;
    object("requestParameters", data.request_parameters, OBJECT_BYTES_MAX)?;
    object("responseElements", data.response_elements, OBJECT_BYTES_MAX)?;
    optional("errorCode", data.error_code.as_deref(), SHORT_CHARS_MAX)?;
    optional("errorMessage", data.error_message.as_deref(), SHORT_CHARS_MAX)?;
    optional("sourceIPAddress", data.source_ip_address.as_deref(), TEXT_CHARS_MAX)?;
    required("recipientAccountId", data.recipient_account_id.as_deref(), SHORT_CHARS_MAX)?;
    object("additionalEventData", data.additional_event_data, ADDITIONAL_BYTES_MAX)?;
    // The schema has the time without a zone; with one it is taken too.
    let zoned = if time.contains(['Z', '+']) { time.to_owned() } else { format!("{time}Z") };
    match Timestamp::parse_iso8601(&zoned) {
        Some(time) => Ok(time),
        None => refuse("InvalidData", "eventData.eventTime is not of the form yyyy-MM-DDTHH:mm:ss."),
    }
}

fn missing<T>(name: &str) -> Result<T, Refusal> {
    refuse("FieldNotFound", format!("eventData.{name} is required."))
}

fn required<'t>(name: &str, text: Option<&'t str>, chars_max: usize) -> Result<&'t str, Refusal> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => optional(name, Some(text), chars_max).map(|()| text),
        None => missing(name),
    }
}

fn optional(name: &str, text: Option<&str>, chars_max: usize) -> Result<(), Refusal> {
    match text.is_some_and(|text| text.chars().count() > chars_max) {
        true => refuse("FieldTooLong", format!("eventData.{name} has more than {chars_max} characters.")),
        false => Ok(()),
    }
}

fn object(name: &str, json: Option<&RawValue>, bytes_max: usize) -> Result<(), Refusal> {
    let Some(json) = json else { return Ok(()) };
    if json.get().len() > bytes_max {
        return refuse("FieldTooLong", format!("eventData.{name} has more than {bytes_max} bytes."));
    }
    match json.get().starts_with('{') || json.get() == "null" {
        true => Ok(()),
        false => refuse("InvalidData", format!("eventData.{name} is not a JSON object.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn through() -> Through<'static> {
        let channel_arn = "arn:aws:cloudtrail:us-east-1:123456789012:channel/x";
        let now = Timestamp::from_ms(1_772_366_400_000);
        Through { channel_arn, region: Region::US_EAST_1, account: "123456789012", now }
    }

    fn good() -> Value {
        json!({"version": "1", "userIdentity": {"type": "User", "principalId": "u-1", "details": {"team": "x"}},
            "eventSource": "app.example.com", "eventName": "Approve", "eventTime": "2026-03-01T11:59:58", "UID": "1",
            "requestParameters": {"order": "7"}, "recipientAccountId": "123456789012"})
    }

    #[test]
    fn a_record_holds_the_events_own_bytes() {
        let data = serde_json::to_string_pretty(&good()).unwrap();
        let checksum = BASE64.encode(Sha256::digest(data.as_bytes()));
        let made = record(&data, Some(&checksum), "e-1", through()).unwrap();
        let text = String::from_utf8(made.json.to_vec()).unwrap();
        assert!(text.ends_with(&format!(r#","eventData":{data}}}"#)), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&read["eventCategory"], &read["eventID"], &read["eventTime"]),
            (&json!("ActivityAuditLog"), &json!("e-1"), &json!("2026-03-01T11:59:58Z"))
        );
        assert_eq!(read["metadata"]["ingestionTime"], "2026-03-01T12:00:00Z");
        assert_eq!(made.checksum, Some(checksum));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |data: &str, checksum: Option<&str>| record(data, checksum, "e", through()).unwrap_err();
        assert_eq!(refused("{", None).code, "InvalidData");
        assert_eq!(refused("[]", None).code, "InvalidData");
        assert_eq!(refused(&good().to_string(), Some("x")).code, "InvalidChecksum");
        let with = |path: &str, value: Value| {
            let mut data = good();
            *data.pointer_mut(path).unwrap() = value;
            refused(&data.to_string(), None)
        };
        for path in [
            "/version",
            "/userIdentity",
            "/userIdentity/type",
            "/userIdentity/principalId",
            "/eventSource",
            "/eventName",
            "/eventTime",
            "/UID",
            "/recipientAccountId",
        ] {
            let refusal = with(path, Value::Null);
            assert_eq!(refusal.code, "FieldNotFound", "{path}");
            assert!(refusal.message.contains(&path[1..].replace('/', ".")), "{path}: {}", refusal.message);
        }
        assert_eq!(with("/recipientAccountId", json!("999999999999")).code, "InvalidRecipient");
        assert_eq!(with("/eventTime", json!("yesterday")).code, "InvalidData");
        assert_eq!(with("/eventName", json!("x".repeat(1_025))).code, "FieldTooLong");
        assert_eq!(with("/requestParameters", json!({"x": "y".repeat(100 * 1024)})).code, "FieldTooLong");
        assert_eq!(with("/requestParameters", json!([1])).code, "InvalidData");
        assert_eq!(with("/requestParameters", json!({"x": "y".repeat(300 * 1024)})).code, "FieldTooLong");
    }
}
