//! Whom to tell of what happens in a bucket: checked and kept. Nothing is sent as long as no destination's service is there.
//! Source: S3 user guide, "Event notification types and destinations".

use std::collections::HashSet;

use base::Rng;
use service::ApiError;

use super::Document;
use crate::error::{Error, invalid_argument};

/// The kinds of destinations: the list's name, the ARN's, and the service in it.
const KINDS: [(&str, &str, &str); 3] = [
    ("TopicConfigurations", "TopicArn", "sns"),
    ("QueueConfigurations", "QueueArn", "sqs"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda"),
];

const EVENTS: [&str; 31] = [
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationNotTracked",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:ObjectAcl:Put",
    "s3:ObjectAnnotation:*",
    "s3:ObjectAnnotation:Put",
    "s3:ObjectAnnotation:Delete",
    "s3:ObjectIntegrity:*",
];

/// The most configurations of a bucket. Source: S3 user guide, "Enabling and configuring event notifications".
const CONFIGURATIONS_MAX: usize = 100;
/// The longest prefix or suffix: as a key.
const VALUE_BYTES_MAX: usize = 1024;

/// The events of a configuration, and which keys it is for.
struct Scope {
    events: Vec<String>,
    prefix: String,
    suffix: String,
}

/// A configuration as it is kept, with an identifier for each destination; `None` if it tells nobody.
pub(crate) fn checked(mut document: Document, rng: &dyn Rng) -> Result<Option<Document>, ApiError> {
    let mut ids = HashSet::new();
    let mut scopes: Vec<Scope> = Vec::new();
    for (list, arn_name, service) in KINDS {
        let Some(items) = document.get_mut(list).and_then(Document::as_array_mut) else { continue };
        for item in items {
            let arn = item[arn_name].as_str().unwrap_or_default();
            if !is_arn(arn, service) {
                return Err(invalid_argument(arn_name, arn, "The ARN is not well formed"));
            }
            let scope = scope(item)?;
            if scopes.iter().any(|other| overlap(&scope, other)) {
                let text =
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
                return Err(Error::InvalidArgument(text.to_owned()).into());
            }
            scopes.push(scope);
            if item["Id"].as_str().is_none_or(str::is_empty) {
                item["Id"] = base::ids::uuid(rng).into();
            }
            if !ids.insert(item["Id"].to_string()) {
                let text = "Same ID used for multiple configurations. IDs must be unique";
                return Err(Error::InvalidArgument(text.to_owned()).into());
            }
        }
    }
    if scopes.len() > CONFIGURATIONS_MAX {
        let text = format!("A bucket can have at most {CONFIGURATIONS_MAX} notification configurations");
        return Err(Error::InvalidArgument(text).into());
    }
    // An absent list and an empty one are the same.
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()) && !value.is_null());
        if !members.is_empty() {
            return Ok(Some(document));
        }
    }
    Ok(None)
}

fn is_arn(arn: &str, service: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [start, partition, named, region, account, resource] = parts[..] else { return false };
    start == "arn"
        && partition.starts_with("aws")
        && named == service
        && base::Region::parse(region).is_some()
        && base::arn::is_account_id(account)
        && !resource.is_empty()
        && (service != "lambda" || resource.starts_with("function:"))
}

/// What a configuration is for. Names of filter rules are written as S3 gives them back.
fn scope(item: &mut Document) -> Result<Scope, ApiError> {
    let refused = |text: &str| ApiError::from(Error::InvalidArgument(text.to_owned()));
    let events = item["Events"].as_array().into_iter().flatten().filter_map(|event| Some(event.as_str()?.to_owned()));
    let events: Vec<String> = events.collect();
    if events.is_empty() {
        return Err(Error::MalformedXML.into());
    }
    if let Some(event) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        return Err(invalid_argument("Event", event, "A specified event is not supported for notifications."));
    }
    let (mut prefix, mut suffix) = (None, None);
    let rules = item.pointer_mut("/Filter/Key/FilterRules").and_then(Document::as_array_mut);
    for rule in rules.into_iter().flatten() {
        let name = rule["Name"].as_str().unwrap_or_default().to_ascii_lowercase();
        let (place, shown) = match name.as_str() {
            "prefix" => (&mut prefix, "Prefix"),
            "suffix" => (&mut suffix, "Suffix"),
            _ => return Err(refused("filter rule name must be either prefix or suffix")),
        };
        let value = rule["Value"].as_str().unwrap_or_default().to_owned();
        if value.len() > VALUE_BYTES_MAX {
            return Err(refused("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"));
        }
        if place.replace(value).is_some() {
            return Err(refused(&format!("Cannot specify more than one {name} rule in a filter.")));
        }
        rule["Name"] = shown.into();
    }
    Ok(Scope { events, prefix: prefix.unwrap_or_default(), suffix: suffix.unwrap_or_default() })
}

/// Whether some event of some key is for both.
fn overlap(a: &Scope, b: &Scope) -> bool {
    let covers = |a: &str, b: &str| a == b || a.strip_suffix('*').is_some_and(|start| b.starts_with(start));
    let events = a.events.iter().any(|x| b.events.iter().any(|y| covers(x, y) || covers(y, x)));
    let prefixes = a.prefix.starts_with(&b.prefix) || b.prefix.starts_with(&a.prefix);
    let suffixes = a.suffix.ends_with(&b.suffix) || b.suffix.ends_with(&a.suffix);
    events && prefixes && suffixes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Zero;

    impl Rng for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:t";

    #[track_caller]
    fn check(items: Document, expected: Result<(), &str>) {
        let found = checked(json!({ "TopicConfigurations": items }), &Zero).map(|_| ());
        assert_eq!(found.map_err(|error| error.message), expected.map_err(str::to_owned));
    }

    fn item(event: &str, prefix: &str) -> Document {
        let filter = json!({ "Key": { "FilterRules": [{ "Name": "prefix", "Value": prefix }] } });
        json!({ "Id": format!("{event} {prefix}"), "TopicArn": TOPIC, "Events": [event], "Filter": filter })
    }

    #[test]
    fn configurations() {
        let put = "s3:ObjectCreated:Put";
        check(json!([item(put, "a"), item(put, "b"), item("s3:ObjectRemoved:*", "a")]), Ok(()));
        let text = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
        check(json!([item(put, "a"), item("s3:ObjectCreated:*", "ab")]), Err(text));
        check(json!([item("s3:Nothing", "")]), Err("A specified event is not supported for notifications."));
        let with = |name: &str, value: Document| {
            let mut item = item(put, "");
            item[name] = value;
            json!([item])
        };
        check(with("TopicArn", json!("arn:aws:sqs:us-east-1:123456789012:t")), Err("The ARN is not well formed"));
        check(with("TopicArn", json!("topic")), Err("The ARN is not well formed"));
        let rules = |rules: Document| json!({ "Key": { "FilterRules": rules } });
        let prefix = json!({ "Name": "Prefix", "Value": "x" });
        let text = "Cannot specify more than one prefix rule in a filter.";
        check(with("Filter", rules(json!([prefix, prefix]))), Err(text));
        let text = "filter rule name must be either prefix or suffix";
        check(with("Filter", rules(json!([{ "Name": "middle", "Value": "x" }]))), Err(text));
    }

    #[test]
    fn what_tells_nobody_is_none_and_what_has_no_name_gets_one() {
        assert_eq!(checked(json!({}), &Zero).unwrap(), None);
        assert_eq!(checked(json!({ "QueueConfigurations": [] }), &Zero).unwrap(), None);
        let bridge = json!({ "EventBridgeConfiguration": {} });
        assert_eq!(checked(bridge.clone(), &Zero).unwrap(), Some(bridge));
        let mut item = item("s3:ObjectCreated:*", "");
        item["Id"].take();
        let kept = checked(json!({ "TopicConfigurations": [item] }), &Zero).unwrap().unwrap();
        let kept = &kept["TopicConfigurations"][0];
        assert_eq!(
            (kept["Id"].as_str().unwrap().len(), &kept["Filter"]["Key"]["FilterRules"][0]["Name"]),
            (36, &json!("Prefix"))
        );
    }
}
