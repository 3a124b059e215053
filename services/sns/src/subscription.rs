//! Subscriptions: what is kept of one, which endpoints and attributes it may have, and what it shows. Sources: SNS API reference, Subscribe,
//! SetSubscriptionAttributes, GetSubscriptionAttributes; developer guide, "Amazon SNS dead-letter queues".

use std::collections::BTreeMap;

use base::arn::Arn;
use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::filter::{Filter, Scope};
use crate::names::{FIFO, topic_arn};
use crate::retry::HttpPolicy;
use crate::topic::Topic;

/// The longest endpoint: no URL or address that anybody uses is longer.
const ENDPOINT_CHARS_MAX: usize = 2_048;
/// Endpoints of HTTP that contain this parameter take payloads of a form of our own. See [`crate::delivery::shape`].
pub const FORMAT: &str = "cairn-format";

/// How far a subscription has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Whoever is at the endpoint has not answered yet.
    Pending {
        /// What they answer with.
        token: String,
    },
    /// It gets messages.
    Confirmed,
    /// It ended without its owner; whoever is at the endpoint may bring it back.
    Ended {
        /// What brings it back.
        token: String,
    },
}

/// A subscription, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// 1.
    pub version: u32,
    /// Of its topic.
    pub region: Region,
    /// The name of its topic.
    pub topic: String,
    /// A UUID.
    pub id: String,
    /// The account that subscribed.
    pub owner: String,
    /// Who subscribed.
    pub principal: String,
    /// `https`.
    pub protocol: String,
    /// Where messages go.
    pub endpoint: String,
    /// What was set, as it was set.
    pub attributes: BTreeMap<String, String>,
    /// How far it has come.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// What it was confirmed with: whoever says it again is answered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<String>,
    /// Whether the confirmation was signed.
    pub confirmed_by_signature: bool,
    /// Whether only its owner, and the topic's, may end it.
    pub only_owner_ends: bool,
}

impl Subscription {
    /// Its ARN.
    pub fn arn(&self, account: &str) -> String {
        format!("{}:{}", topic_arn(self.region, account, &self.topic), self.id)
    }

    /// Whether it gets messages.
    pub fn is_confirmed(&self) -> bool {
        self.status == Status::Confirmed
    }

    /// Whether it waits for an answer.
    pub fn is_pending(&self) -> bool {
        matches!(self.status, Status::Pending { .. })
    }

    /// Whether it is listed.
    pub fn is_there(&self) -> bool {
        !matches!(self.status, Status::Ended { .. })
    }

    /// An attribute that was set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// Whether messages go out as they are.
    pub fn is_raw(&self) -> bool {
        self.get("RawMessageDelivery") == Some("true")
    }

    /// Its filter. One that does not read any more lets nothing through; it was checked when it was set.
    pub fn filter(&self) -> Option<Filter> {
        let scope = self.get("FilterPolicyScope").and_then(Scope::parse).unwrap_or(Scope::Attributes);
        Filter::parse(self.get("FilterPolicy")?, scope).ok()
    }

    /// The queue that gets what could not be delivered.
    pub fn dead_letter_queue(&self) -> Option<String> {
        let policy: serde_json::Value = serde_json::from_str(self.get("RedrivePolicy")?).ok()?;
        Some(policy.get("deadLetterTargetArn")?.as_str()?.to_owned())
    }
}

/// Whether subscriptions of this protocol are confirmed by whoever is at the endpoint.
pub fn asks(protocol: &str, endpoint: &str, owner: &str) -> bool {
    match protocol {
        "http" | "https" => !endpoint.contains(FORMAT),
        "email" | "email-json" => true,
        // A queue of another account is asked. Source: developer guide, "Sending Amazon SNS messages to an Amazon SQS queue in a different
        // account".
        "sqs" => Arn::parse(endpoint).is_none_or(|arn| arn.account != owner),
        _ => false,
    }
}

/// Refuses an endpoint that is not of its protocol. The endpoint as it is kept: phone numbers without what only people read.
pub fn check_endpoint(protocol: &str, endpoint: &str, topic: &Topic) -> Result<String, Error> {
    if endpoint.chars().count() > ENDPOINT_CHARS_MAX || endpoint.chars().any(char::is_control) {
        return Err(Error::invalid("Endpoint"));
    }
    let of_service = |service: &str| {
        Arn::parse(endpoint).filter(|arn| arn.service == service && !arn.account.is_empty() && !arn.region.is_empty())
    };
    if topic.is_fifo() && protocol != "sqs" {
        return Err(Error::because(
            "Invalid parameter: Endpoint",
            "Please use FIFO SQS queue or standard SQS queue for FIFO topics",
        ));
    }
    match protocol {
        "http" | "https" => {
            let rest = endpoint.strip_prefix(protocol).and_then(|rest| rest.strip_prefix("://"));
            let host = rest.and_then(|rest| rest.split(['/', '?']).next()).filter(|host| !host.is_empty());
            if host.is_none() || endpoint.contains(char::is_whitespace) || endpoint.parse::<http::Uri>().is_err() {
                return Err(Error::invalid("Endpoint must match the specified protocol"));
            }
        }
        "email" | "email-json" => {
            let is_good = endpoint.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !endpoint.contains(char::is_whitespace)
            });
            if !is_good {
                return Err(Error::invalid("Email address"));
            }
        }
        "sms" => return phone(endpoint).ok_or_else(|| Error::invalid(format!("Invalid SMS endpoint: {endpoint}"))),
        "sqs" => {
            let arn = of_service("sqs").ok_or_else(|| Error::invalid("SQS endpoint ARN"))?;
            if arn.resource.ends_with(FIFO) && !topic.is_fifo() {
                return Err(Error::because(
                    "Invalid parameter: Endpoint",
                    "FIFO SQS Queues can not be subscribed to standard SNS topics",
                ));
            }
        }
        "lambda" => {
            let is_function = of_service("lambda").is_some_and(|arn| arn.resource.starts_with("function:"));
            if !is_function {
                return Err(Error::invalid("Lambda endpoint ARN"));
            }
        }
        "application" => {
            let is_endpoint = of_service("sns").is_some_and(|arn| arn.resource.starts_with("endpoint/"));
            if !is_endpoint {
                return Err(Error::invalid("ApplicationEndpoint endpoint ARN"));
            }
        }
        // No stream takes anything here.
        "firehose" => return Err(Error::because("Endpoint", "This server has no delivery streams")),
        other => return Err(Error::invalid(format!("Amazon SNS does not support this protocol string: {other}"))),
    }
    Ok(endpoint.to_owned())
}

/// A phone number in E.164, out of one as people write it.
pub fn phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|char| !" -().".contains(*char)).collect();
    let number = digits.strip_prefix('+').unwrap_or(&digits);
    let is_good = (7..=15).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_good.then(|| format!("+{number}"))
}

/// Attributes that a subscription may have.
const KNOWN: [&str; 7] = [
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "ReplayPolicy",
    "SubscriptionRoleArn",
];

/// Sets attributes together, or refuses to. An empty value takes one away. `by_subscribe`: AWS words it otherwise there.
pub fn set(
    of: &mut Subscription,
    topic: &Topic,
    given: &BTreeMap<String, String>,
    by_subscribe: bool,
) -> Result<(), Error> {
    let refuse = |text: String| match by_subscribe {
        true => Error::because("Attributes", text),
        false => Error::InvalidParameter(text),
    };
    for (name, value) in given {
        if !KNOWN.contains(&name.as_str()) {
            return Err(match by_subscribe {
                true => Error::because("Attributes", format!("Unknown attribute: {name}")),
                false => Error::invalid("AttributeName"),
            });
        }
        match name.as_str() {
            _ if value.is_empty() => {}
            "RawMessageDelivery" => {
                if !matches!(value.to_ascii_lowercase().as_str(), "true" | "false") {
                    return Err(refuse(format!("RawMessageDelivery: Invalid value [{value}]. Must be true or false.")));
                }
                let can = matches!(of.protocol.as_str(), "http" | "https" | "sqs" | "firehose");
                if !can && value.eq_ignore_ascii_case("true") {
                    return Err(refuse(format!(
                        "RawMessageDelivery: Delivery protocol [{}] does not support raw message delivery.",
                        of.protocol
                    )));
                }
            }
            "FilterPolicyScope" if Scope::parse(value).is_none() => {
                return Err(refuse(format!(
                    "FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
                )));
            }
            "RedrivePolicy" => check_redrive(value, of, topic).map_err(refuse)?,
            "DeliveryPolicy" => {
                if !matches!(of.protocol.as_str(), "http" | "https") {
                    return Err(refuse(format!(
                        "DeliveryPolicy: Delivery protocol [{}] does not support delivery policies",
                        of.protocol
                    )));
                }
                HttpPolicy::of_subscription(value)?;
            }
            "ReplayPolicy" => {
                return Err(Error::ReplayLimitExceeded("This server does not archive messages".to_owned()));
            }
            _ => {}
        }
    }
    for (name, value) in given {
        let normal = if name == "RawMessageDelivery" { value.to_ascii_lowercase() } else { value.clone() };
        let is_nothing = value.is_empty() || (name == "FilterPolicy" && value.trim() == "{}");
        match is_nothing {
            true => drop(of.attributes.remove(name)),
            false => drop(of.attributes.insert(name.clone(), normal)),
        }
    }
    // Policy and scope are held against one another as they are together.
    if (given.contains_key("FilterPolicy") || given.contains_key("FilterPolicyScope"))
        && let Some(policy) = of.get("FilterPolicy")
    {
        let scope = of.get("FilterPolicyScope").and_then(Scope::parse).unwrap_or(Scope::Attributes);
        Filter::parse(policy, scope).map_err(refuse)?;
    }
    Ok(())
}

fn check_redrive(text: &str, of: &Subscription, topic: &Topic) -> Result<(), String> {
    let policy: serde_json::Value =
        serde_json::from_str(text).map_err(|_| "RedrivePolicy: failed to parse JSON.".to_owned())?;
    let target = policy.get("deadLetterTargetArn").and_then(serde_json::Value::as_str);
    let target = target.and_then(Arn::parse).filter(|arn| arn.service == "sqs");
    let Some(target) = target else {
        return Err("RedrivePolicy: deadLetterTargetArn is an invalid arn".to_owned());
    };
    let is_fifo = topic.is_fifo() && of.protocol == "sqs" && of.endpoint.ends_with(FIFO);
    if is_fifo && !target.resource.ends_with(FIFO) {
        return Err("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.".to_owned());
    }
    if !is_fifo && target.resource.ends_with(FIFO) {
        return Err("RedrivePolicy: must use a standard queue as DLQ for a standard Subscription.".to_owned());
    }
    Ok(())
}

/// What GetSubscriptionAttributes shows.
pub fn shown(of: &Subscription, topic: &Topic, account: &str) -> BTreeMap<String, String> {
    let mut shown = of.attributes.clone();
    let mut put = |name: &str, value: String| drop(shown.insert(name.to_owned(), value));
    put("SubscriptionArn", of.arn(account));
    put("TopicArn", topic.arn(account));
    put("Owner", of.owner.clone());
    put("SubscriptionPrincipal", of.principal.clone());
    put("Protocol", of.protocol.clone());
    put("Endpoint", of.endpoint.clone());
    put("RawMessageDelivery", of.is_raw().to_string());
    put("PendingConfirmation", of.is_pending().to_string());
    put("ConfirmationWasAuthenticated", of.confirmed_by_signature.to_string());
    if of.get("FilterPolicy").is_some() {
        put("FilterPolicyScope", of.get("FilterPolicyScope").unwrap_or("MessageAttributes").to_owned());
    }
    if matches!(of.protocol.as_str(), "http" | "https") {
        let policy = HttpPolicy::effective(topic.get("DeliveryPolicy"), of.get("DeliveryPolicy"));
        put("EffectiveDeliveryPolicy", policy.subscription_json());
    }
    shown
}
