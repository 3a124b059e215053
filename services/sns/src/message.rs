//! Messages: what may be one, and how subscribers see it. Sources: SNS developer guide, "Parsing Amazon SNS message formats", "Amazon SNS
//! message attributes"; API reference, Publish.

use std::collections::BTreeMap;

use base::{Region, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::Blob;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The largest message, attributes included; of a batch, all together. Source: API reference, Publish.
pub const MESSAGE_BYTES_MAX: usize = 256 << 10;
/// The longest subject. Source: the same.
const SUBJECT_CHARS_MAX: usize = 100;
/// The longest name of an attribute. Source: developer guide, "Amazon SNS message attributes".
const ATTRIBUTE_NAME_BYTES_MAX: usize = 256;
/// The longest group or deduplication identifier. Source: API reference, Publish.
const FIFO_ID_CHARS_MAX: usize = 128;
/// The longest message that a phone gets. Source: developer guide, "Publishing to a mobile phone": 1,600 characters.
pub const SMS_CHARS_MAX: usize = 1_600;

/// A message attribute as Publish takes it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GivenAttribute {
    /// `String`, `String.Array`, `Number` or `Binary`.
    pub data_type: Option<String>,
    /// All but `Binary` have it.
    pub string_value: Option<String>,
    /// `Binary` has it.
    pub binary_value: Option<Blob>,
}

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its type.
    pub kind: String,
    /// Its value; of `Binary`, base 64.
    pub value: String,
}

/// What is said to subscribers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// What somebody published.
    Notification,
    /// The question whether a subscription is wanted.
    Confirmation {
        /// What confirms it.
        token: String,
    },
    /// That a subscription ended.
    Farewell {
        /// What brings it back.
        token: String,
    },
}

/// A message, as it is stored until every subscriber has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// 1.
    pub version: u32,
    /// Its identifier, a UUID.
    pub id: String,
    /// The region of its topic.
    pub region: Region,
    /// The name of its topic; empty for one to a phone.
    pub topic: String,
    /// What it is.
    pub what: What,
    /// When it was published.
    pub time: Timestamp,
    /// The subject line.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// Other texts for some protocols.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, String>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// Of FIFO topics, and for queues that are fair to groups.
    pub group_id: Option<String>,
    /// Of FIFO topics.
    pub deduplication_id: Option<String>,
    /// Of FIFO topics.
    pub sequence: Option<String>,
    /// Where it goes, if it goes to no subscription but to a phone.
    pub phone: Option<String>,
    /// What it says, where its topic has a key: then subject, texts and attributes are here alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<datakeys::Sealed>,
}

impl Message {
    /// The text for a protocol.
    pub fn text_for(&self, protocol: &str) -> &str {
        self.texts.get(protocol).unwrap_or(&self.text)
    }

    /// What this takes of the limits on sizes.
    pub fn bytes(&self) -> usize {
        self.text.len()
            + self.texts.values().map(String::len).sum::<usize>()
            + self.attributes.iter().map(|(name, one)| name.len() + one.kind.len() + one.value.len()).sum::<usize>()
            + self.sealed.as_ref().map_or(0, datakeys::Sealed::bytes)
    }

    /// The name of the type, in headers and in the text that is signed.
    pub fn kind(&self) -> &'static str {
        match self.what {
            What::Notification => "Notification",
            What::Confirmation { .. } => "SubscriptionConfirmation",
            What::Farewell { .. } => "UnsubscribeConfirmation",
        }
    }
}

/// What Publish says, and each entry of PublishBatch.
#[derive(Clone, Default)]
pub struct Draft {
    /// `Subject`.
    pub subject: Option<String>,
    /// `Message`.
    pub message: String,
    /// `MessageStructure`.
    pub structure: Option<String>,
    /// `MessageAttributes`.
    pub attributes: BTreeMap<String, GivenAttribute>,
    /// `MessageGroupId`.
    pub group_id: Option<String>,
    /// `MessageDeduplicationId`.
    pub deduplication_id: Option<String>,
}

/// A draft that follows the rules.
pub struct Checked {
    /// The subject line.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// Other texts for some protocols.
    pub texts: BTreeMap<String, String>,
    /// By name.
    pub attributes: BTreeMap<String, Attribute>,
    /// The size that counts.
    pub bytes: usize,
}

impl Draft {
    /// Holds a draft against the rules that all topics have. `entry` is its place in a batch, from 1.
    pub fn check(&self, entry: Option<usize>) -> Result<Checked, Error> {
        if self.message.is_empty() {
            return Err(Error::invalid("Empty message"));
        }
        if let Some(subject) = &self.subject {
            check_subject(subject)?;
        }
        let attributes = attributes(&self.attributes, entry)?;
        let bytes = self.message.len()
            + attributes.iter().map(|(name, one)| name.len() + one.kind.len() + one.value.len()).sum::<usize>();
        if entry.is_none() && bytes > MESSAGE_BYTES_MAX {
            return Err(Error::invalid("Message too long"));
        }
        let mut texts = BTreeMap::new();
        let text = match self.structure.as_deref() {
            None => self.message.clone(),
            Some("json") => {
                let failed = || Error::invalid("Message Structure - JSON message body failed to parse");
                let parsed: serde_json::Value = serde_json::from_str(&self.message).map_err(|_| failed())?;
                let serde_json::Value::Object(members) = parsed else { return Err(failed()) };
                for (protocol, text) in members {
                    // What is no text is left out. Source: API reference, Publish, MessageStructure.
                    if let serde_json::Value::String(text) = text {
                        texts.insert(protocol, text);
                    }
                }
                let missing = || Error::invalid("Message Structure - No default entry in JSON message body");
                texts.remove("default").ok_or_else(missing)?
            }
            Some(_) => return Err(Error::invalid("Message Structure - Invalid message structure parameter")),
        };
        for (name, id) in [("MessageGroupId", &self.group_id), ("MessageDeduplicationId", &self.deduplication_id)] {
            if let Some(id) = id
                && !is_fifo_id(id)
            {
                return Err(Error::because(
                    name,
                    format!(
                        "Invalid value. {name} can contain alphanumeric characters and punctuation, and its length must be between 1 and {FIFO_ID_CHARS_MAX}"
                    ),
                ));
            }
        }
        Ok(Checked { subject: self.subject.clone(), text, texts, attributes, bytes })
    }
}

/// Alphanumeric characters and punctuation.
fn is_fifo_id(id: &str) -> bool {
    (1..=FIFO_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Source: API reference, Publish, Subject: ASCII text that begins with a letter, number or punctuation mark, without line breaks or
/// control characters, less than 100 characters long.
fn check_subject(subject: &str) -> Result<(), Error> {
    let is_good = !subject.is_empty()
        && subject.chars().count() <= SUBJECT_CHARS_MAX
        && !subject.starts_with(char::is_whitespace)
        && !subject.chars().any(char::is_control);
    if is_good { Ok(()) } else { Err(Error::invalid("Subject")) }
}

/// Reads message attributes, with AWS's words for what they may not be.
pub fn attributes(
    given: &BTreeMap<String, GivenAttribute>,
    entry: Option<usize>,
) -> Result<BTreeMap<String, Attribute>, Error> {
    let mut read = BTreeMap::new();
    for (name, attribute) in given {
        check_attribute_name(name)?;
        let Some(kind) = &attribute.data_type else {
            let at = match entry {
                Some(entry) => {
                    format!("publishBatchRequestEntries.{entry}.member.messageAttributes.{name}.member.dataType")
                }
                None => format!("messageAttributes.{name}.member.dataType"),
            };
            return Err(Error::ValidationError(format!(
                "1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null"
            )));
        };
        let base = kind.split('.').next().unwrap_or_default();
        let is_kind = matches!(base, "String" | "Number" | "Binary")
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
            && !kind.ends_with('.');
        if !is_kind {
            return Err(Error::ParameterValueInvalid(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, \
                 Number, and String."
            )));
        }
        let empty = || {
            Error::ParameterValueInvalid(format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
            ))
        };
        if attribute.string_value.is_none() && attribute.binary_value.is_none() {
            return Err(empty());
        }
        let value = if base == "Binary" {
            attribute.binary_value.as_ref().map(|value| BASE64.encode(&value.0[..]))
        } else {
            attribute.string_value.clone()
        };
        let value = value.ok_or_else(|| {
            let field = if base == "Binary" { "Binary" } else { "String" };
            Error::ParameterValueInvalid(format!(
                "The message attribute '{name}' with type '{kind}' must use field '{field}'."
            ))
        })?;
        if value.is_empty() {
            return Err(empty());
        }
        if base == "Number" && value.parse::<f64>().is_err() {
            return Err(Error::ParameterValueInvalid(format!(
                "Could not cast message attribute '{name}' value to number."
            )));
        }
        read.insert(name.clone(), Attribute { kind: kind.clone(), value });
    }
    Ok(read)
}

fn check_attribute_name(name: &str) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::ParameterValueInvalid(text));
    if name.len() > ATTRIBUTE_NAME_BYTES_MAX {
        return refuse("Length of message attribute name must be less than 256 bytes.".to_owned());
    }
    if name.starts_with('.') {
        return refuse("Invalid message attribute name starting with character '.' was found.".to_owned());
    }
    if name.ends_with('.') {
        return refuse("Invalid message attribute name ending with character '.' was found.".to_owned());
    }
    if let Some(bad) = name.chars().find(|char| !char.is_ascii_alphanumeric() && !"_-.".contains(*char)) {
        return refuse(format!(
            "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can only include alphanumeric \
             characters, hyphens, underscores, or dots.",
            u32::from(bad)
        ));
    }
    if name.is_empty() || name.contains("..") {
        return refuse("Message attribute name can not have successive '.' character.".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(message: &str) -> Draft {
        Draft { message: message.to_owned(), ..Draft::default() }
    }

    fn refused(draft: &Draft) -> String {
        draft.check(None).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn messages_follow_the_rules() {
        assert_eq!(refused(&draft("")), "Invalid parameter: Empty message");
        assert_eq!(refused(&draft(&"x".repeat(MESSAGE_BYTES_MAX + 1))), "Invalid parameter: Message too long");
        assert!(draft(&"x".repeat(MESSAGE_BYTES_MAX)).check(None).is_ok());
        let json = |text: &str| Draft { structure: Some("json".to_owned()), ..draft(text) };
        assert_eq!(refused(&json("x")), "Invalid parameter: Message Structure - JSON message body failed to parse");
        assert_eq!(
            refused(&json(r#"{"sqs":"x"}"#)),
            "Invalid parameter: Message Structure - No default entry in JSON message body"
        );
        let checked = json(r#"{"default":"d","sqs":"s","http":{"not":"text"}}"#).check(None).unwrap();
        assert_eq!((checked.text.as_str(), checked.texts.len()), ("d", 1));
        for bad in ["", "two\nlines", " x", &"x".repeat(101)] {
            let draft = Draft { subject: Some(bad.to_owned()), ..draft("m") };
            assert_eq!(refused(&draft), "Invalid parameter: Subject", "{bad:?}");
        }
    }

    #[test]
    fn attributes_are_refused_in_aws_words() {
        let check = |name: &str, kind: Option<&str>, value: Option<&str>, expected: &str| {
            let given = GivenAttribute {
                data_type: kind.map(str::to_owned),
                string_value: value.map(str::to_owned),
                binary_value: None,
            };
            let found = attributes(&BTreeMap::from([(name.to_owned(), given)]), None);
            assert_eq!(found.map(|_| String::new()).unwrap_or_else(|error| error.to_string()), expected);
        };
        check("a", Some("String"), Some("x"), "");
        check("a", Some("Number.int"), Some("1e3"), "");
        check("a", Some("Number"), Some("x"), "Could not cast message attribute 'a' value to number.");
        check(
            "a",
            Some("Strin"),
            Some("x"),
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        );
        check(
            "a",
            Some("String"),
            None,
            "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'.",
        );
        check("a", Some("Binary"), Some("x"), "The message attribute 'a' with type 'Binary' must use field 'Binary'.");
        check(
            "a b",
            Some("String"),
            Some("x"),
            "Invalid non-alphanumeric character '#x20' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
        );
        check(
            "a",
            None,
            Some("x"),
            "1 validation error detected: Value null at 'messageAttributes.a.member.dataType' failed to satisfy constraint: Member must not be null",
        );
    }
}
