//! ARNs of topics, subscriptions and platform applications, and what names may be. Source: SNS API reference, CreateTopic.

use base::Region;
use base::arn::{Arn, is_account_id};

use crate::Error;

/// The longest name of a topic. Source: SNS API reference, CreateTopic.
const NAME_CHARS_MAX: usize = 256;
/// What names of FIFO topics end in.
pub const FIFO: &str = ".fifo";

/// The ARN of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicName {
    /// Its region.
    pub region: Region,
    /// Twelve digits.
    pub account: String,
    /// Its name.
    pub name: String,
}

/// The ARN of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionName {
    /// The topic's.
    pub topic: TopicName,
    /// A UUID.
    pub id: String,
}

/// Splits an ARN as SNS does; `member` is what the parameter is called.
fn parse(arn: &str, member: &str) -> Result<Arn, Error> {
    let elements = arn.split(':').count();
    if elements < 6 {
        return Err(Error::because(member, format!("An ARN must have at least 6 elements, not {elements}")));
    }
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "sns" && is_account_id(&parsed.account));
    parsed.ok_or_else(|| Error::invalid(member))
}

/// The ARN of a topic in `member`.
pub fn topic(arn: &str, member: &str) -> Result<TopicName, Error> {
    let arn = parse(arn, member)?;
    let region = Region::parse(&arn.region).ok_or_else(|| Error::invalid(member))?;
    if arn.resource.contains([':', '/']) || arn.resource.is_empty() {
        return Err(Error::invalid(member));
    }
    Ok(TopicName { region, account: arn.account, name: arn.resource })
}

/// The ARN of a subscription in `member`.
pub fn subscription(arn: &str, member: &str) -> Result<SubscriptionName, Error> {
    let arn = parse(arn, member)?;
    let region = Region::parse(&arn.region).ok_or_else(|| Error::invalid(member))?;
    let Some((name, id)) = arn.resource.split_once(':').filter(|(_, id)| is_uuid(id)) else {
        return Err(Error::because(
            member,
            format!("An ARN must have at least 6 elements, not {}", arn.resource.split(':').count() + 4),
        ));
    };
    Ok(SubscriptionName { topic: TopicName { region, account: arn.account, name: name.to_owned() }, id: id.to_owned() })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The ARN of a topic.
pub fn topic_arn(region: Region, account: &str, name: &str) -> String {
    format!("arn:{}:sns:{region}:{account}:{name}", region.partition())
}

/// Refuses what is no name of a topic.
pub fn check_topic_name(name: &str, is_fifo: bool) -> Result<(), Error> {
    let base = name.strip_suffix(FIFO).filter(|_| is_fifo);
    if is_fifo && (base.is_none_or(|base| !is_plain(base)) || name.len() > NAME_CHARS_MAX) {
        return Err(Error::invalid(
            "Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII \
             letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
        ));
    }
    if !is_fifo && (!is_plain(name) || name.len() > NAME_CHARS_MAX) {
        return Err(Error::invalid("Topic Name"));
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_topics() {
        let check = |name: &str, is_fifo, good: bool| {
            assert_eq!(check_topic_name(name, is_fifo).is_ok(), good, "{name} {is_fifo}");
        };
        check("alerts", false, true);
        check("a-b_C9", false, true);
        check(&"x".repeat(256), false, true);
        check(&"x".repeat(257), false, false);
        check("", false, false);
        check("a.b", false, false);
        check("a.fifo", false, false);
        check("a.fifo", true, true);
        check("a", true, false);
        check(".fifo", true, false);
        check("a.b.fifo", true, false);
    }

    #[test]
    fn arns() {
        let arn = "arn:aws:sns:us-east-1:123456789012:alerts";
        let name = topic(arn, "TopicArn").unwrap();
        assert_eq!(topic_arn(name.region, &name.account, &name.name), arn);
        let full = format!("{arn}:6b0e71bd-7e97-4d97-80ce-4a0994e55286");
        assert_eq!(subscription(&full, "SubscriptionArn").unwrap().topic, name);
        for (bad, text) in [
            ("alerts", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
            ("arn:aws:sqs:us-east-1:123456789012:alerts", "Invalid parameter: TopicArn"),
            (full.as_str(), "Invalid parameter: TopicArn"),
            ("arn:aws:sns:mars:123456789012:alerts", "Invalid parameter: TopicArn"),
        ] {
            assert_eq!(topic(bad, "TopicArn").unwrap_err().to_string(), text, "{bad}");
        }
        assert!(subscription(arn, "SubscriptionArn").is_err());
        assert!(subscription("pending confirmation", "SubscriptionArn").is_err());
    }
}
