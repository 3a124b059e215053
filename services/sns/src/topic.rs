//! Topics: what is kept of one, which attributes it may have, and what it shows. Sources: SNS API reference, CreateTopic,
//! SetTopicAttributes, GetTopicAttributes.

use std::collections::BTreeMap;

use base::arn::Arn;
use policy::Policy;
use policy::document::{Mistake, OneOf};
use policy::principal::Named;
use serde::{Deserialize, Serialize};

use crate::names::topic_arn;
use crate::retry::HttpPolicy;
use crate::signer::SignatureVersion;
use crate::tags::Tag;
use crate::{Error, names};

/// The largest policy of a topic. Source: AWS General Reference, "Amazon SNS endpoints and quotas".
const POLICY_BYTES_MAX: usize = 30 << 10;
/// Statements of one. Source: the same.
const STATEMENTS_MAX: usize = 100;
/// Source: SNS API reference, CreateTopic.
const DISPLAY_NAME_CHARS_MAX: usize = 100;

/// A topic, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// 1.
    pub version: u32,
    /// Its region.
    pub region: base::Region,
    /// Its name.
    pub name: String,
    /// What was set, as it was set.
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The data protection policy: kept, not carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_protection: Option<String>,
    /// How many subscriptions ended.
    #[serde(default)]
    pub deleted: u64,
}

impl Topic {
    /// Its ARN.
    pub fn arn(&self, account: &str) -> String {
        topic_arn(self.region, account, &self.name)
    }

    /// An attribute that was set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// Whether it keeps order.
    pub fn is_fifo(&self) -> bool {
        self.is_on("FifoTopic")
    }

    /// Whether the text alone says whether a message was there before.
    pub fn deduplicates_by_content(&self) -> bool {
        self.is_on("ContentBasedDeduplication")
    }

    /// Whether each group of a FIFO topic deduplicates for itself.
    pub fn deduplicates_in_groups(&self) -> bool {
        self.get("FifoThroughputScope") == Some("MessageGroup")
    }

    /// How its messages are signed.
    pub fn signature_version(&self) -> SignatureVersion {
        if self.get("SignatureVersion") == Some("2") { SignatureVersion::Two } else { SignatureVersion::One }
    }

    /// Its policy's text.
    pub fn policy(&self, account: &str) -> String {
        self.get("Policy").map_or_else(|| default_policy(&self.arn(account), account), str::to_owned)
    }
}

/// The policy that AWS gives every topic. Source: SNS API reference, GetTopicAttributes, of a topic that nobody gave another.
pub fn default_policy(arn: &str, account: &str) -> String {
    format!(
        r#"{{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{{"AWS":"*"}},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"{arn}","Condition":{{"StringEquals":{{"AWS:SourceOwner":"{account}"}}}}}}]}}"#
    )
}

/// Protocols whose deliveries are told of in log groups ([`crate::delivery::status`]).
const FEEDBACK: [&str; 5] = ["Application", "Firehose", "HTTP", "Lambda", "SQS"];

fn is_feedback(name: &str) -> bool {
    FEEDBACK.iter().any(|protocol| {
        matches!(
            name.strip_prefix(protocol),
            Some("SuccessFeedbackRoleArn" | "SuccessFeedbackSampleRate" | "FailureFeedbackRoleArn")
        )
    })
}

/// How an attribute is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// By CreateTopic.
    Create,
    /// By SetTopicAttributes.
    Change,
}

/// Sets an attribute, or refuses to. An empty value takes it away.
pub fn set(topic: &mut Topic, account: &str, name: &str, value: &str, how: Setting) -> Result<(), Error> {
    let unknown = || match how {
        Setting::Create => Error::because("Attributes", format!("Unknown attribute: {name}")),
        Setting::Change => Error::invalid("AttributeName"),
    };
    let one_of = |allowed: &[&str]| match value.is_empty() || allowed.contains(&value) {
        true => Ok(()),
        false => {
            Err(Error::because(name, format!("Invalid value [{value}]. Allowed values are: {}", allowed.join(", "))))
        }
    };
    match name {
        "DisplayName" => {
            if value.chars().count() > DISPLAY_NAME_CHARS_MAX || value.chars().any(char::is_control) {
                return Err(Error::invalid("DisplayName"));
            }
        }
        "Policy" => {
            if !value.is_empty() {
                check_policy(value)?;
            }
            let is_default = value.is_empty() || value == default_policy(&topic.arn(account), account);
            return set_or_remove(topic, name, value, is_default);
        }
        "DeliveryPolicy" => {
            if !value.is_empty() {
                HttpPolicy::of_topic(value)?;
            }
        }
        "KmsMasterKeyId" => {}
        "SignatureVersion" => one_of(&["1", "2"])?,
        "TracingConfig" => one_of(&["Active", "PassThrough"])?,
        "FifoTopic" => {
            if how == Setting::Change {
                return Err(unknown());
            }
            one_of(&["true", "false"])?;
            return set_or_remove(topic, name, value, value == "false");
        }
        "ContentBasedDeduplication" if topic.is_fifo() => one_of(&["true", "false"])?,
        "FifoThroughputScope" if topic.is_fifo() => one_of(&["Topic", "MessageGroup"])?,
        "ContentBasedDeduplication" if value == "false" => return Ok(()),
        "ArchivePolicy" => {
            // Nothing is kept once every subscriber has it.
            if !matches!(value, "" | "{}") {
                return Err(Error::because("ArchivePolicy", "This server does not archive messages"));
            }
        }
        _ if is_feedback(name) => {
            if name.ends_with("SampleRate") && value.parse::<u8>().map_or(!value.is_empty(), |rate| rate > 100) {
                return Err(Error::because(name, "Sample rate must be an integer between 0 and 100"));
            }
            let is_role = |arn: Arn| arn.service == "iam" && arn.resource.starts_with("role/");
            if name.ends_with("RoleArn") && !value.is_empty() && !Arn::parse(value).is_some_and(is_role) {
                return Err(Error::because(name, "Must be the ARN of an IAM role"));
            }
        }
        _ => return Err(unknown()),
    }
    set_or_remove(topic, name, value, value.is_empty())
}

fn set_or_remove(topic: &mut Topic, name: &str, value: &str, remove: bool) -> Result<(), Error> {
    match remove {
        true => drop(topic.attributes.remove(name)),
        false => drop(topic.attributes.insert(name.to_owned(), value.to_owned())),
    }
    Ok(())
}

/// A new topic with these attributes.
pub fn make(
    region: base::Region,
    account: &str,
    name: &str,
    given: &BTreeMap<String, String>,
    tags: Vec<Tag>,
) -> Result<Topic, Error> {
    let mut topic = Topic {
        version: 1,
        region,
        name: name.to_owned(),
        attributes: BTreeMap::new(),
        tags,
        data_protection: None,
        deleted: 0,
    };
    // What else may be set follows from whether it is FIFO.
    if let Some(fifo) = given.get("FifoTopic") {
        set(&mut topic, account, "FifoTopic", fifo, Setting::Create)?;
    }
    names::check_topic_name(name, topic.is_fifo())?;
    for (attribute, value) in given.iter().filter(|(attribute, _)| *attribute != "FifoTopic") {
        set(&mut topic, account, attribute, value, Setting::Create)?;
    }
    Ok(topic)
}

/// Refuses what is no policy of a topic.
pub fn check_policy(text: &str) -> Result<Policy, Error> {
    let refuse = |why: &str| Err(Error::invalid(format!("Policy {why}")));
    if text.len() > POLICY_BYTES_MAX {
        return refuse("Reason: Policy length must be less than 30720 bytes");
    }
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(error) if error.mistake == Mistake::NotJson => return refuse("Reason: Invalid JSON"),
        Err(error) => return refuse(&format!("Error: {error}")),
    };
    if policy.statements.len() > STATEMENTS_MAX {
        return refuse("Reason: too many statements");
    }
    for statement in &policy.statements {
        let Some(principals) = &statement.principals else { return refuse("statement must have a principal!") };
        if !principals.listed().iter().all(Named::is_plausible) {
            return refuse("Error: PrincipalNotFound");
        }
        let OneOf::Only(actions) = &statement.actions else {
            return refuse("statement action out of service scope!");
        };
        if !actions.iter().all(|action| action.as_str().to_ascii_lowercase().starts_with("sns:")) {
            return refuse("statement action out of service scope!");
        }
        if statement.resources.is_none() {
            return refuse("statement must have a resource!");
        }
    }
    Ok(policy)
}

/// What GetTopicAttributes shows.
pub fn shown(topic: &Topic, account: &str, confirmed: usize, pending: usize) -> BTreeMap<String, String> {
    let mut shown = topic.attributes.clone();
    let mut put = |name: &str, value: String| drop(shown.insert(name.to_owned(), value));
    put("TopicArn", topic.arn(account));
    put("Owner", account.to_owned());
    put("Policy", topic.policy(account));
    put("SubscriptionsConfirmed", confirmed.to_string());
    put("SubscriptionsPending", pending.to_string());
    put("SubscriptionsDeleted", topic.deleted.to_string());
    put("EffectiveDeliveryPolicy", HttpPolicy::effective(topic.get("DeliveryPolicy"), None).topic_json());
    put("DisplayName", topic.get("DisplayName").unwrap_or_default().to_owned());
    if topic.is_fifo() {
        put("ContentBasedDeduplication", topic.deduplicates_by_content().to_string());
        put("FifoThroughputScope", topic.get("FifoThroughputScope").unwrap_or("Topic").to_owned());
    }
    shown
}
