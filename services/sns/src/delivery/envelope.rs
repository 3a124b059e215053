//! What subscribers read: the JSON around a message, and the text that its signature is over. Sources: SNS developer guide, "Parsing Amazon
//! SNS message formats", "Verifying the signatures of Amazon SNS messages".

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::ledger::Loaded;
use crate::Sns;
use crate::message::{Message, What};
use crate::signer::SignError;
use crate::store::{HeldSubscription, HeldTopic};

/// What a question for confirmation says.
fn question(message: &Message, topic_arn: &str, subscription_arn: &str) -> String {
    match message.what {
        What::Farewell { .. } => format!(
            "You have chosen to deactivate subscription {subscription_arn}.\nTo cancel this operation and restore the subscription, visit \
             the SubscribeURL included in this message."
        ),
        _ => format!(
            "You have chosen to subscribe to the topic {topic_arn}.\nTo confirm the subscription, visit the SubscribeURL included in this \
             message."
        ),
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A text as JSON.
fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

/// The members of an envelope, in the order of the guide's examples.
pub(crate) struct Envelope {
    members: Vec<(&'static str, String)>,
    attributes: Option<String>,
}

impl Envelope {
    /// As AWS writes it, with a line for each member.
    pub fn pretty(&self) -> String {
        let mut out = String::from("{\n");
        for (at, (name, value)) in self.members.iter().enumerate() {
            let comma = if at + 1 < self.members.len() || self.attributes.is_some() { "," } else { "" };
            let _ = writeln!(out, "  \"{name}\" : {}{comma}", json(value));
        }
        if let Some(attributes) = &self.attributes {
            let _ = writeln!(out, "  \"MessageAttributes\" : {attributes}");
        }
        out.push('}');
        out
    }

    /// Of a member.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// As functions get it: with names that differ a little, and a null where there is no subject. Source: Lambda developer guide, "Using
    /// AWS Lambda with Amazon SNS".
    pub fn for_function(&self, subscription_arn: &str) -> String {
        let mut members: Vec<String> = Vec::new();
        for (name, value) in &self.members {
            let name = match *name {
                "SigningCertURL" => "SigningCertUrl",
                "UnsubscribeURL" => "UnsubscribeUrl",
                other => other,
            };
            if name == "Message" && self.get("Subject").is_none() {
                members.push("\"Subject\":null".to_owned());
            }
            members.push(format!("\"{name}\":{}", json(value)));
        }
        members.push(format!("\"MessageAttributes\":{}", self.attributes.as_deref().unwrap_or("{}")));
        format!(
            "{{\"Records\":[{{\"EventSource\":\"aws:sns\",\"EventVersion\":\"1.0\",\"EventSubscriptionArn\":{},\"Sns\":{{{}}}}}]}}",
            json(subscription_arn),
            members.join(",")
        )
    }
}

/// Message attributes as envelopes have them.
fn attributes(message: &Message) -> Option<String> {
    if message.attributes.is_empty() {
        return None;
    }
    let one = |(name, attribute): (&String, &crate::message::Attribute)| {
        format!("{}:{{\"Type\":{},\"Value\":{}}}", json(name), json(&attribute.kind), json(&attribute.value))
    };
    Some(format!("{{{}}}", message.attributes.iter().map(one).collect::<Vec<_>>().join(",")))
}

impl Sns {
    /// The URL that confirms a subscription.
    pub(crate) fn subscribe_url(&self, topic_arn: &str, token: &str) -> String {
        format!(
            "{}/?Action=ConfirmSubscription&TopicArn={}&Token={token}",
            self.deps.endpoint.trim_end_matches('/'),
            // As AWS writes it: colons of ARNs stay.
            escaped(topic_arn).replace("%3A", ":").replace("%2D", "-").replace("%5F", "_").replace("%2E", ".")
        )
    }

    /// The URL that ends one.
    pub(crate) fn unsubscribe_url(&self, subscription_arn: &str) -> String {
        format!(
            "{}/?Action=Unsubscribe&SubscriptionArn={}",
            self.deps.endpoint.trim_end_matches('/'),
            escaped(subscription_arn).replace("%3A", ":").replace("%2D", "-").replace("%5F", "_").replace("%2E", ".")
        )
    }

    /// What the subscriber of a protocol reads.
    pub(crate) async fn envelope(
        &self,
        loaded: &Loaded,
        topic: &HeldTopic,
        subscription: &HeldSubscription,
    ) -> Result<Envelope, SignError> {
        let message = &loaded.message;
        let account = &self.deps.account;
        let (topic_arn, arn) = (topic.arn(account), subscription.arn(account));
        let time = message.time.iso8601_ms();
        let mut members: Vec<(&'static str, String)> =
            vec![("Type", message.kind().to_owned()), ("MessageId", message.id.clone())];
        let mut signed: Vec<(&str, String)> = Vec::new();
        let text = match &message.what {
            What::Notification => message.text_for(&subscription.protocol).to_owned(),
            What::Confirmation { .. } | What::Farewell { .. } => question(message, &topic_arn, &arn),
        };
        signed.push(("Message", text.clone()));
        signed.push(("MessageId", message.id.clone()));
        if let What::Confirmation { token } | What::Farewell { token } = &message.what {
            let url = self.subscribe_url(&topic_arn, token);
            members.push(("Token", token.clone()));
            members.push(("TopicArn", topic_arn.clone()));
            members.push(("Message", text));
            members.push(("SubscribeURL", url.clone()));
            signed.push(("SubscribeURL", url));
            signed.push(("Timestamp", time.clone()));
            signed.push(("Token", token.clone()));
        } else {
            members.extend(message.sequence.clone().map(|sequence| ("SequenceNumber", sequence)));
            members.push(("TopicArn", topic_arn.clone()));
            if let Some(subject) = &message.subject {
                members.push(("Subject", subject.clone()));
                signed.push(("Subject", subject.clone()));
            }
            members.push(("Message", text));
            signed.push(("Timestamp", time.clone()));
        }
        members.push(("Timestamp", time));
        signed.push(("TopicArn", topic_arn));
        signed.push(("Type", message.kind().to_owned()));
        // Messages of FIFO topics are not signed.
        if !topic.is_fifo() {
            let version = topic.signature_version();
            let to_sign: String = signed.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect();
            let signature = loaded.signature(version, self.deps.signer.sign(version, &to_sign)).await?;
            members.push(("SignatureVersion", version.as_str().to_owned()));
            members.push(("Signature", signature));
            let url = format!("{}{}", self.deps.endpoint.trim_end_matches('/'), self.deps.signer.path().await?);
            members.push(("SigningCertURL", url));
        }
        let is_notification = message.what == What::Notification;
        if is_notification {
            members.push(("UnsubscribeURL", self.unsubscribe_url(&arn)));
        }
        Ok(Envelope { members, attributes: attributes(message).filter(|_| is_notification) })
    }
}
