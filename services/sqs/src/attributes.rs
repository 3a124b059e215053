//! Attributes of queues: their names, what they may be, what they are if nobody says. Values are texts, kept in the form in which
//! GetQueueAttributes shows them. Sources: SQS API reference, CreateQueue, SetQueueAttributes and GetQueueAttributes.

use std::collections::BTreeMap;

use base::Arn;
use serde::Deserialize;
use serde_json::json;

use crate::Error;

/// Names and values, as they are set.
pub type Attributes = BTreeMap<String, String>;

/// The longest body, with the names, types and values of its attributes. Source: SQS developer guide, "Amazon SQS message quotas"
/// (1 MiB since August 2025).
pub const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// The longest time that a message may be out.
pub const VISIBILITY_SECS_MAX: i64 = 43_200;
/// The longest delay of a message.
pub const DELAY_SECS_MAX: i64 = 900;
/// The longest wait of a receive.
pub const WAIT_SECS_MAX: i64 = 20;
/// The most queues that RedriveAllowPolicy names.
const SOURCES_MAX: usize = 10;

/// What a value may be.
enum Kind {
    /// A whole number from … to ….
    Number(u64, u64),
    Flag,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// JSON with rules of its own; empty: none.
    Policy,
    Redrive,
    RedriveAllow,
    /// The name of a key; empty: none.
    Key,
}

/// Name, kind, what it is if nobody says, whether only FIFO queues have it.
const SETTABLE: [(&str, Kind, Option<&str>, bool); 15] = [
    ("ContentBasedDeduplication", Kind::Flag, Some("false"), true),
    ("DeduplicationScope", Kind::OneOf(&["queue", "messageGroup"]), Some("queue"), true),
    ("DelaySeconds", Kind::Number(0, DELAY_SECS_MAX.unsigned_abs()), Some("0"), false),
    ("FifoQueue", Kind::OneOf(&["true"]), None, true),
    ("FifoThroughputLimit", Kind::OneOf(&["perQueue", "perMessageGroupId"]), Some("perQueue"), true),
    ("KmsDataKeyReusePeriodSeconds", Kind::Number(60, 86_400), None, false),
    ("KmsMasterKeyId", Kind::Key, None, false),
    ("MaximumMessageSize", Kind::Number(1024, MESSAGE_BYTES_MAX), Some("1048576"), false),
    ("MessageRetentionPeriod", Kind::Number(60, 1_209_600), Some("345600"), false),
    ("Policy", Kind::Policy, None, false),
    ("ReceiveMessageWaitTimeSeconds", Kind::Number(0, WAIT_SECS_MAX.unsigned_abs()), Some("0"), false),
    ("RedriveAllowPolicy", Kind::RedriveAllow, None, false),
    ("RedrivePolicy", Kind::Redrive, None, false),
    ("SqsManagedSseEnabled", Kind::Flag, Some("true"), false),
    ("VisibilityTimeout", Kind::Number(0, VISIBILITY_SECS_MAX.unsigned_abs()), Some("30"), false),
];

/// Attributes that are only shown.
pub const COMPUTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// Whether there is such an attribute, to be asked for.
pub fn is_known(name: &str) -> bool {
    name == "All" || COMPUTED.contains(&name) || SETTABLE.iter().any(|(own, ..)| *own == name)
}

/// Those of a queue for which nobody said anything.
pub fn defaults(is_fifo: bool) -> Attributes {
    let of_this = SETTABLE.iter().filter(|(.., of_fifo)| is_fifo || !of_fifo);
    let mut all: Attributes =
        of_this.filter_map(|(name, _, value, _)| Some(((*name).to_owned(), (*value)?.to_owned()))).collect();
    if is_fifo {
        all.insert("FifoQueue".to_owned(), "true".to_owned());
    }
    all
}

/// Where messages go that were received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The dead letter queue.
    pub target_arn: String,
    /// How often a message is received at most.
    pub receives_max: u32,
}

/// Reads a RedrivePolicy that is set.
pub fn redrive(text: &str) -> Option<Redrive> {
    read_redrive(text).ok()
}

fn read_redrive(text: &str) -> Result<Redrive, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|_| "Redrive policy is not a valid JSON map.".to_owned())?;
    let map = value.as_object().ok_or("Redrive policy is not a valid JSON map.")?;
    if let Some(other) = map.keys().find(|key| !["deadLetterTargetArn", "maxReceiveCount"].contains(&key.as_str())) {
        return Err(format!("Redrive policy contains unknown attribute: {other}."));
    }
    let missing = |name: &str| format!("Redrive policy does not contain mandatory attribute: {name}.");
    let target_arn = map.get("deadLetterTargetArn").ok_or_else(|| missing("deadLetterTargetArn"))?;
    let target_arn = target_arn.as_str().unwrap_or_default().to_owned();
    let count = map.get("maxReceiveCount").ok_or_else(|| missing("maxReceiveCount"))?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok());
    let receives_max = count.and_then(|count| u32::try_from(count).ok()).filter(|count| (1..=1000).contains(count));
    let receives_max = receives_max.ok_or("Invalid value for maxReceiveCount: must be an integer from 1 to 1000.")?;
    match Arn::parse(&target_arn) {
        Some(arn) if arn.service == "sqs" => Ok(Redrive { target_arn, receives_max }),
        _ => Err("Invalid value for deadLetterTargetArn.".to_owned()),
    }
}

/// Whether a dead letter queue's RedriveAllowPolicy lets a source have it.
pub fn lets_redrive(policy: Option<&String>, source_arn: &str) -> bool {
    let Some(allow) = policy.and_then(|text| serde_json::from_str::<RedriveAllow>(text).ok()) else { return true };
    match allow.redrive_permission.as_str() {
        "denyAll" => false,
        "byQueue" => allow.source_queue_arns.is_some_and(|arns| arns.iter().any(|arn| arn == source_arn)),
        _ => true,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedriveAllow {
    redrive_permission: String,
    source_queue_arns: Option<Vec<String>>,
}

fn check_redrive_allow(text: &str) -> Result<(), Error> {
    let bad = |reason: &str| Error::value(text, "RedriveAllowPolicy", reason);
    let allow: RedriveAllow = serde_json::from_str(text).map_err(|_| {
        bad("Amazon SQS can't create the redrive allow policy. redrivePermission must be allowAll, denyAll or byQueue.")
    })?;
    match (allow.redrive_permission.as_str(), allow.source_queue_arns) {
        ("allowAll" | "denyAll", None) => Ok(()),
        ("allowAll" | "denyAll", Some(_)) => {
            Err(bad("sourceQueueArns can be specified only when redrivePermission is byQueue."))
        }
        ("byQueue", Some(arns)) if (1..=SOURCES_MAX).contains(&arns.len()) => {
            let is_queue = |arn: &String| Arn::parse(arn).is_some_and(|arn| arn.service == "sqs");
            if arns.iter().all(is_queue) { Ok(()) } else { Err(bad("sourceQueueArns must be ARNs of queues.")) }
        }
        ("byQueue", _) => Err(bad("sourceQueueArns must have from 1 to 10 ARNs when redrivePermission is byQueue.")),
        _ => Err(bad("redrivePermission must be allowAll, denyAll or byQueue.")),
    }
}

/// A value in the form in which it is kept; an empty one takes the attribute away.
pub fn checked(name: &str, value: &str, is_fifo: bool, is_new: bool) -> Result<String, Error> {
    let invalid = || Error::InvalidAttributeValue(name.to_owned());
    let found = SETTABLE.iter().find(|(own, _, _, of_fifo)| *own == name && (is_fifo || !of_fifo));
    let (_, kind, ..) = found.ok_or_else(|| Error::InvalidAttributeName(name.to_owned()))?;
    if name == "FifoQueue" && !is_new && value != "true" {
        return Err(invalid());
    }
    match kind {
        Kind::Number(from, to) => {
            let number: u64 = value.parse().map_err(|_| invalid())?;
            if (*from..=*to).contains(&number) { Ok(number.to_string()) } else { Err(invalid()) }
        }
        Kind::Flag => match value.to_ascii_lowercase().as_str() {
            flag @ ("true" | "false") => Ok(flag.to_owned()),
            _ => Err(invalid()),
        },
        Kind::OneOf(values) => values.contains(&value).then(|| value.to_owned()).ok_or_else(invalid),
        Kind::Key => Ok(value.to_owned()),
        _ if value.is_empty() => Ok(String::new()),
        Kind::Policy => {
            crate::access::parse_policy(value).map_err(|_| invalid())?;
            Ok(value.to_owned())
        }
        Kind::Redrive => {
            let redrive = read_redrive(value).map_err(|reason| Error::value(value, name, &reason))?;
            let shown = json!({"deadLetterTargetArn": redrive.target_arn, "maxReceiveCount": redrive.receives_max});
            Ok(shown.to_string())
        }
        Kind::RedriveAllow => check_redrive_allow(value).map(|()| value.to_owned()),
    }
}

/// Puts changes (as [`checked`] gave them) over what is set, and sees that they go together.
pub fn merged(mut all: Attributes, changes: &Attributes) -> Result<Attributes, Error> {
    let says = |name: &str, value: &str| changes.get(name).is_some_and(|own| own == value);
    let has_key = changes.get("KmsMasterKeyId").is_some_and(|key| !key.is_empty());
    if has_key && says("SqsManagedSseEnabled", "true") {
        let text = "SqsManagedSseEnabled. Reason: You can use one type of server-side encryption (SSE) at one time. You can \
                    either enable KMS SSE or SQS SSE";
        return Err(Error::InvalidAttributeValue(text.to_owned()));
    }
    for (name, value) in changes {
        match value.is_empty() {
            true => drop(all.remove(name)),
            false => drop(all.insert(name.clone(), value.clone())),
        }
    }
    if has_key {
        all.insert("SqsManagedSseEnabled".to_owned(), "false".to_owned());
    } else if says("SqsManagedSseEnabled", "true") {
        all.remove("KmsMasterKeyId");
    }
    let is = |name: &str, value: &str| all.get(name).is_some_and(|own| own == value);
    if is("FifoThroughputLimit", "perMessageGroupId") && !is("DeduplicationScope", "messageGroup") {
        return Err(Error::InvalidAttributeValue(
            "FifoThroughputLimit. Reason: The perMessageGroupId value is allowed only when the value for DeduplicationScope \
             is messageGroup"
                .to_owned(),
        ));
    }
    if all.contains_key("KmsMasterKeyId") {
        all.entry("KmsDataKeyReusePeriodSeconds".to_owned()).or_insert_with(|| "300".to_owned());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_as_they_are_shown_or_refused() {
        let check = |name: &str, value: &str, is_fifo, expected: Result<&str, &str>| {
            let found = checked(name, value, is_fifo, true);
            let found = found.as_deref().map_err(|error| error.code());
            assert_eq!(found, expected, "{name}={value}");
        };
        let (bad_name, bad_value) = (Err("InvalidAttributeName"), Err("InvalidAttributeValue"));
        check("VisibilityTimeout", "43200", false, Ok("43200"));
        check("VisibilityTimeout", "43201", false, bad_value);
        check("VisibilityTimeout", "-1", false, bad_value);
        check("VisibilityTimeout", "x", false, bad_value);
        check("MaximumMessageSize", "1048576", false, Ok("1048576"));
        check("MaximumMessageSize", "1048577", false, bad_value);
        check("MessageRetentionPeriod", "59", false, bad_value);
        check("QueueArn", "x", false, bad_name);
        check("Nothing", "x", false, bad_name);
        check("FifoQueue", "true", false, bad_name);
        check("FifoQueue", "true", true, Ok("true"));
        check("FifoQueue", "false", true, bad_value);
        check("ContentBasedDeduplication", "True", true, Ok("true"));
        check("Policy", "{}", false, bad_value);
        check("Policy", "", false, Ok(""));
        let parameter = Err("InvalidParameterValue");
        check("RedrivePolicy", "x", false, parameter);
        check("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:d"}"#, false, parameter);
        check(
            "RedrivePolicy",
            r#"{"maxReceiveCount":"5", "deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:d"}"#,
            false,
            Ok(r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:d","maxReceiveCount":5}"#),
        );
        check(
            "RedriveAllowPolicy",
            r#"{"redrivePermission":"allowAll"}"#,
            false,
            Ok(r#"{"redrivePermission":"allowAll"}"#),
        );
        check("RedriveAllowPolicy", r#"{"redrivePermission":"byQueue"}"#, false, parameter);
        check("RedriveAllowPolicy", r#"{"redrivePermission":"some"}"#, false, parameter);
    }

    #[test]
    fn one_kind_of_encryption_at_a_time() {
        let change = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Attributes>()
        };
        let with_key = merged(defaults(false), &change(&[("KmsMasterKeyId", "alias/a")])).unwrap();
        assert_eq!(
            (with_key["SqsManagedSseEnabled"].as_str(), with_key["KmsDataKeyReusePeriodSeconds"].as_str()),
            ("false", "300")
        );
        let managed = merged(with_key.clone(), &change(&[("SqsManagedSseEnabled", "true")])).unwrap();
        assert!(!managed.contains_key("KmsMasterKeyId"));
        let none = merged(with_key, &change(&[("KmsMasterKeyId", "")])).unwrap();
        assert!(!none.contains_key("KmsMasterKeyId"));
        let both = change(&[("KmsMasterKeyId", "alias/a"), ("SqsManagedSseEnabled", "true")]);
        assert!(merged(defaults(false), &both).is_err());
        let limit = change(&[("FifoThroughputLimit", "perMessageGroupId")]);
        assert!(merged(defaults(true), &limit).is_err());
    }
}
