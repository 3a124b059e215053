//! The content of a message: its body and attributes, what may be in them, their digests, the row that keeps them. Sources: SQS
//! developer guide, "Amazon SQS message metadata" and "Calculating the MD5 message digest for message attributes"; SQS API reference,
//! SendMessage.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use model::Blob;
use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::Error;

/// The most attributes of a message.
const ATTRIBUTES_MAX: usize = 10;
/// The longest name of an attribute.
const NAME_CHARS_MAX: usize = 256;
/// The longest name of a type with what is behind its dot.
const TYPE_BYTES_MAX: usize = 256;

/// An attribute of a message as requests and answers have it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributeValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_list_values: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_list_values: Option<Vec<Blob>>,
    data_type: String,
}

/// An attribute as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// `String`, `Number.int`.
    #[serde(rename = "t")]
    pub data_type: String,
    /// The text; base64 of what is binary.
    #[serde(rename = "v")]
    pub value: String,
}

/// By name.
pub type Attributes = BTreeMap<String, Attribute>;

impl Attribute {
    fn is_binary(&self) -> bool {
        self.data_type.split('.').next() == Some("Binary")
    }

    /// The value's own bytes.
    fn bytes(&self) -> Vec<u8> {
        match self.is_binary() {
            true => BASE64.decode(&self.value).unwrap_or_default(),
            false => self.value.as_bytes().to_vec(),
        }
    }

    /// As an answer has it.
    pub fn shown(&self) -> AttributeValue {
        let (string_value, binary_value) = match self.is_binary() {
            true => (None, Some(Blob::from(self.bytes()))),
            false => (Some(self.value.clone()), None),
        };
        AttributeValue { string_value, binary_value, data_type: self.data_type.clone(), ..AttributeValue::default() }
    }
}

/// The attributes of a request, if they may be.
pub fn checked_attributes(given: BTreeMap<String, AttributeValue>) -> Result<Attributes, Error> {
    if given.len() > ATTRIBUTES_MAX {
        let text =
            format!("Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].", given.len());
        return Err(Error::InvalidParameterValue(text));
    }
    given.into_iter().map(|(name, value)| checked_attribute(&name, value).map(|value| (name, value))).collect()
}

fn checked_attribute(name: &str, value: AttributeValue) -> Result<Attribute, Error> {
    let bad = |text: String| Err(Error::InvalidParameterValue(text));
    check_name(name)?;
    if value.string_list_values.is_some_and(|list| !list.is_empty())
        || value.binary_list_values.is_some_and(|list| !list.is_empty())
    {
        let text = "Message attribute list values in SendMessage operation are not supported.";
        return Err(Error::UnsupportedOperation(text.to_owned()));
    }
    let data_type = value.data_type;
    let kind = data_type.split('.').next().unwrap_or_default();
    if data_type.is_empty() {
        return bad(format!("The message attribute '{name}' must contain non-empty message attribute type."));
    }
    if !["String", "Number", "Binary"].contains(&kind) || data_type.len() > TYPE_BYTES_MAX {
        return bad(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is \
             Binary, Number, and String."
        ));
    }
    let empty = || {
        Error::InvalidParameterValue(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type \
             '{kind}'."
        ))
    };
    let text = match kind {
        "Binary" => BASE64.encode(&*value.binary_value.filter(|bytes| !bytes.is_empty()).ok_or_else(empty)?),
        _ => value.string_value.filter(|text| !text.is_empty()).ok_or_else(empty)?,
    };
    if kind == "Number" && text.trim().parse::<f64>().is_err() {
        return bad(format!("Can't cast the value of message (user) attribute '{name}' to a number."));
    }
    if kind == "String" && !text.chars().all(is_allowed) {
        return Err(Error::InvalidMessageContents);
    }
    Ok(Attribute { data_type, value: text })
}

fn check_name(name: &str) -> Result<(), Error> {
    let bad = |text: String| Err(Error::InvalidParameterValue(text));
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return bad(format!("Length of message attribute name must be between 1 and {NAME_CHARS_MAX} characters."));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return bad(format!("Message attribute name '{name}' is invalid. It must not start with a reserved prefix."));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !name.chars().all(is_allowed) || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return bad(format!(
            "The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), \
             hyphen (-), and period (.) characters."
        ));
    }
    Ok(())
}

/// The system attribute that a sender may give: the header of X-Ray.
pub fn checked_system(given: BTreeMap<String, AttributeValue>) -> Result<Attributes, Error> {
    for (name, value) in &given {
        if name != "AWSTraceHeader" {
            return Err(Error::InvalidParameterValue(format!("Message system attribute name '{name}' is invalid.")));
        }
        if value.data_type != "String" {
            return Err(Error::InvalidParameterValue(
                "The message system attribute 'AWSTraceHeader' must be of type String.".to_owned(),
            ));
        }
    }
    given.into_iter().map(|(name, value)| checked_attribute_value(&name, value).map(|value| (name, value))).collect()
}

fn checked_attribute_value(name: &str, value: AttributeValue) -> Result<Attribute, Error> {
    let text = value.string_value.filter(|text| !text.is_empty()).ok_or_else(|| {
        Error::InvalidParameterValue(format!("The message system attribute '{name}' must contain a non-empty value."))
    })?;
    Ok(Attribute { data_type: value.data_type, value: text })
}

/// Source: SQS API reference, SendMessage.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Refuses a body that cannot be.
pub fn check_body(body: &str) -> Result<(), Error> {
    if body.is_empty() {
        return Err(Error::MissingParameter("MessageBody"));
    }
    if body.chars().all(is_allowed) { Ok(()) } else { Err(Error::InvalidMessageContents) }
}

/// What counts towards the limits: the body, and names, types and values of the attributes.
pub fn size_bytes(body: &str, attributes: &Attributes) -> usize {
    let of = |(name, value): (&String, &Attribute)| name.len() + value.data_type.len() + value.bytes().len();
    body.len() + attributes.iter().map(of).sum::<usize>()
}

/// In hexadecimal.
pub fn md5_hex(bytes: &[u8]) -> String {
    base::ids::hex(&Md5::digest(bytes))
}

/// The digest of attributes; `None` if there are none.
pub fn md5_of_attributes(attributes: &Attributes) -> Option<String> {
    let mut hash = Md5::new();
    let part = |bytes: &[u8], hash: &mut Md5| {
        hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(bytes);
    };
    for (name, value) in attributes {
        part(name.as_bytes(), &mut hash);
        part(value.data_type.as_bytes(), &mut hash);
        hash.update([if value.is_binary() { 2 } else { 1 }]);
        part(&value.bytes(), &mut hash);
    }
    (!attributes.is_empty()).then(|| base::ids::hex(&hash.finalize()))
}

/// The attributes that a receive asks for: all, those of a name, those whose names begin so (`foo.*`).
pub fn chosen(all: &Attributes, names: &[String]) -> Attributes {
    let is_chosen = |name: &str| {
        names.iter().any(|asked| match asked.as_str() {
            "All" | ".*" => true,
            asked => asked == name || asked.strip_suffix(".*").is_some_and(|start| name.starts_with(start)),
        })
    };
    all.iter().filter(|(name, _)| is_chosen(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What a message says: the row that never changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// The form of this row.
    pub v: u32,
    /// Its identifier.
    pub id: String,
    /// The body; empty if it is sealed.
    #[serde(default)]
    pub body: String,
    /// The body under a key of KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<datakeys::Sealed>,
    /// Of the body in clear.
    pub md5: String,
    /// What the sender gave.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: Attributes,
    /// The header of X-Ray.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub system: Attributes,
    /// Who sent it.
    pub sender: String,
    /// FIFO: the deduplication identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication_id: Option<String>,
    /// FIFO: its place in the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// The queue from which it came here as a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<String>,
}

/// Refuses what is no identifier for deduplication or a group: up to 128 letters, digits and punctuation.
pub fn check_identifier(parameter: &str, value: &str) -> Result<(), Error> {
    let is_allowed = |c: char| c.is_ascii_graphic();
    if (1..=128).contains(&value.len()) && value.chars().all(is_allowed) {
        return Ok(());
    }
    let reason = format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(Error::value(value, parameter, &reason))
}

/// The attributes of a port's message: names, types and values.
pub fn of_port(given: Vec<(String, String, String)>) -> Result<Attributes, Error> {
    let mut all = BTreeMap::new();
    for (name, data_type, value) in given {
        let mut attribute = AttributeValue { data_type, ..AttributeValue::default() };
        if attribute.data_type.starts_with("Binary") {
            let bytes = BASE64.decode(&value);
            let bytes = bytes.map_err(|_| Error::value(&value, "BinaryValue", "It is not base64."))?;
            attribute.binary_value = Some(Blob::from(bytes));
        } else {
            attribute.string_value = Some(value);
        }
        all.insert(name, attribute);
    }
    checked_attributes(all)
}

/// A row that does not read.
pub fn unreadable(error: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("a message's row does not read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, value: &str) -> AttributeValue {
        let string_value = Some(value.to_owned());
        AttributeValue { string_value, data_type: data_type.to_owned(), ..AttributeValue::default() }
    }

    #[test]
    fn digests_are_those_that_clients_make() {
        assert_eq!(md5_hex(b"hello"), "5d41402abc4b2a76b9719d911017c592");
        let given = BTreeMap::from([("test".to_owned(), text("String", "value"))]);
        let attributes = checked_attributes(given).unwrap();
        // 00000004 test 00000006 String 01 00000005 value
        assert_eq!(md5_of_attributes(&attributes).unwrap().len(), 32);
        assert_eq!(md5_of_attributes(&Attributes::new()), None);
    }

    #[test]
    fn attributes_that_cannot_be_are_refused() {
        let check = |name: &str, value: AttributeValue, expected: Option<&str>| {
            let found = checked_attributes(BTreeMap::from([(name.to_owned(), value)]));
            assert_eq!(found.err().map(|error| error.code()), expected, "{name}");
        };
        let bad = Some("InvalidParameterValue");
        check("a.b-c_1", text("String", "x"), None);
        check("n", text("Number.float", "1e3"), None);
        check("n", text("Number", "x"), bad);
        check("a", text("String", ""), bad);
        check("a", text("", "x"), bad);
        check("a", text("Text", "x"), bad);
        check("AWS.a", text("String", "x"), bad);
        check("a..b", text("String", "x"), bad);
        check("a b", text("String", "x"), bad);
        check("a", text("Binary", "x"), bad);
        check("a", text("String", "\u{0}"), Some("InvalidMessageContents"));
    }

    #[test]
    fn receives_choose_attributes_by_name() {
        let attribute = Attribute { data_type: "String".to_owned(), value: "x".to_owned() };
        let all: Attributes = ["bar.one", "foo.one", "foo.two"].map(|name| (name.to_owned(), attribute.clone())).into();
        let check = |asked: &[&str], expected: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(chosen(&all, &asked).keys().collect::<Vec<_>>(), expected);
        };
        check(&[], &[]);
        check(&["All"], &["bar.one", "foo.one", "foo.two"]);
        check(&[".*"], &["bar.one", "foo.one", "foo.two"]);
        check(&["foo.*"], &["foo.one", "foo.two"]);
        check(&["bar.one", "none"], &["bar.one"]);
    }
}
