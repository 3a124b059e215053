//! What selectors may say. Sources: CloudTrail API reference, EventSelector, DataResource, AdvancedFieldSelector,
//! InvalidEventSelectorsException; user guide, "Quotas in AWS CloudTrail".

use std::collections::BTreeSet;

use super::{AdvancedEventSelector, DataResource, EventSelector, FieldSelector, Selectors};
use crate::error::Error;

/// Basic selectors per trail.
pub const EVENT_SELECTORS_MAX: usize = 5;
/// Data resources over all basic selectors of a trail.
pub const DATA_RESOURCES_MAX: usize = 250;
/// Values over all conditions of all advanced selectors of a trail. Each selector has one at least, so it bounds those too.
pub const ADVANCED_VALUES_MAX: usize = 500;

/// Services that basic and advanced selectors of management events may leave out.
const EXCLUDABLE_SOURCES: [&str; 2] = ["kms.amazonaws.com", "rdsdata.amazonaws.com"];

/// A refusal of selectors.
pub(crate) fn refuse<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error::InvalidEventSelectorsException(why.into()))
}

/// Checks what PutEventSelectors was given and makes of it what is stored.
pub fn check(
    basic: Option<Vec<EventSelector>>,
    advanced: Option<Vec<AdvancedEventSelector>>,
) -> Result<Selectors, Error> {
    match (basic, advanced) {
        (Some(basic), None) => check_basic(basic).map(Selectors::Basic),
        (None, Some(advanced)) => check_advanced(&advanced).map(|()| Selectors::Advanced(advanced)),
        (Some(_), Some(_)) => refuse("You can specify either EventSelectors or AdvancedEventSelectors, but not both."),
        (None, None) => refuse("You must specify either EventSelectors or AdvancedEventSelectors."),
    }
}

fn check_basic(selectors: Vec<EventSelector>) -> Result<Vec<EventSelector>, Error> {
    if selectors.is_empty() || selectors.len() > EVENT_SELECTORS_MAX {
        return refuse(format!("Specify a valid number of selectors (1 to {EVENT_SELECTORS_MAX}) for your trail."));
    }
    let mut data_resources = 0;
    for selector in &selectors {
        let read_write = selector.read_write_type.as_deref().unwrap_or("All");
        if !["ReadOnly", "WriteOnly", "All"].contains(&read_write) {
            return refuse(format!("Value {read_write} for ReadWriteType is invalid."));
        }
        let resources = selector.data_resources.as_deref().unwrap_or_default();
        for resource in resources {
            data_resources += check_data_resource(resource)?;
        }
        let excluded = selector.exclude_management_event_sources.as_deref().unwrap_or_default();
        if let Some(bad) = excluded.iter().find(|source| !EXCLUDABLE_SOURCES.contains(&source.as_str())) {
            return refuse(format!("Value {bad} for ExcludeManagementEventSources is invalid."));
        }
    }
    if data_resources > DATA_RESOURCES_MAX {
        return refuse(format!(
            "The total number of data resources exceeds the limit of {DATA_RESOURCES_MAX} for a trail."
        ));
    }
    Ok(selectors.into_iter().map(EventSelector::filled).collect())
}

/// How many resources it names.
fn check_data_resource(resource: &DataResource) -> Result<usize, Error> {
    let kind = resource.r#type.as_deref().unwrap_or_default();
    let good: fn(&str) -> bool = match kind {
        "AWS::S3::Object" => is_s3_value,
        "AWS::Lambda::Function" => |value| is_service_value(value, "lambda", "function:"),
        "AWS::DynamoDB::Table" => |value| is_service_value(value, "dynamodb", "table/"),
        _ => return refuse(format!("Value {kind} for DataResources.Type is invalid.")),
    };
    let values = resource.values.as_deref().unwrap_or_default();
    if values.is_empty() {
        return refuse("DataResources.Values must not be empty.");
    }
    match values.iter().find(|value| !good(value)) {
        // AWS's text, and what to write instead: `bucket/*` is what people try first.
        Some(bad) if kind == "AWS::S3::Object" && bad.contains('*') => refuse(format!(
            "Value {bad} for DataResources.Values is invalid. Values are what ARNs begin with, without wildcards: \
             arn:aws:s3:::BUCKET/ is all objects of a bucket."
        )),
        Some(bad) => refuse(format!("Value {bad} for DataResources.Values is invalid.")),
        None => Ok(values.len()),
    }
}

/// `arn:aws:s3`, `arn:aws:s3:::` (all objects), or a bucket and what keys begin with.
fn is_s3_value(value: &str) -> bool {
    let Some(rest) = without_partition(value, "s3") else { return false };
    match rest.strip_prefix(":::") {
        Some("") => true,
        Some(object) => !object.contains('*') && object.split_once('/').is_some_and(|(bucket, _)| !bucket.is_empty()),
        None => rest.is_empty(),
    }
}

/// `arn:aws:lambda` (all), or the ARN of one function or table.
fn is_service_value(value: &str, service: &str, resource: &str) -> bool {
    let Some(rest) = without_partition(value, service) else { return false };
    if rest.is_empty() {
        return true;
    }
    let arn = base::Arn::parse(value);
    !value.contains('*')
        && arn.is_some_and(|arn| {
            base::Region::parse(&arn.region).is_some()
                && base::arn::is_account_id(&arn.account)
                && arn.resource.strip_prefix(resource).is_some_and(|name| !name.is_empty())
        })
}

fn without_partition<'a>(value: &'a str, service: &str) -> Option<&'a str> {
    let rest = value.strip_prefix("arn:aws:").or_else(|| value.strip_prefix("arn:aws-cn:"))?;
    rest.strip_prefix(service)
}

fn check_advanced(selectors: &[AdvancedEventSelector]) -> Result<(), Error> {
    if selectors.is_empty() {
        return refuse("Specify at least one advanced event selector for your trail.");
    }
    let conditions = selectors.iter().flat_map(|selector| &selector.field_selectors).flat_map(FieldSelector::operators);
    let values: usize = conditions.map(|(_, values)| values.len()).sum();
    if values > ADVANCED_VALUES_MAX {
        return refuse(format!(
            "The total number of values for all conditions in all advanced event selectors exceeds the limit of \
             {ADVANCED_VALUES_MAX} for a trail."
        ));
    }
    selectors.iter().try_for_each(check_advanced_selector)
}

/// The category whose rules an advanced selector follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Category {
    Management,
    Data,
    NetworkActivity,
}

fn check_advanced_selector(selector: &AdvancedEventSelector) -> Result<(), Error> {
    let fields = &selector.field_selectors;
    let mut seen = BTreeSet::new();
    if let Some(twice) = fields.iter().find(|field| !seen.insert(field.field.as_str())) {
        return refuse(format!("Field {} is specified more than once in an advanced event selector.", twice.field));
    }
    let Some(category) = fields.iter().find(|field| field.field == "eventCategory") else {
        return refuse("Each advanced event selector must have the field eventCategory.");
    };
    let category = match only_equals(category)? {
        [one] if one == "Management" => Category::Management,
        [one] if one == "Data" => Category::Data,
        [one] if one == "NetworkActivity" => Category::NetworkActivity,
        other => return refuse(format!("Value {} for eventCategory is invalid.", other.join(", "))),
    };
    for field in fields {
        check_field(category, field)?;
    }
    let required = match category {
        Category::Management => None,
        Category::Data => Some("resources.type"),
        Category::NetworkActivity => Some("eventSource"),
    };
    match required.filter(|name| !fields.iter().any(|field| field.field == *name)) {
        Some(missing) => refuse(format!("The field {missing} is required for this eventCategory.")),
        None => Ok(()),
    }
}

fn check_field(category: Category, field: &FieldSelector) -> Result<(), Error> {
    use Category::{Data, Management, NetworkActivity};
    if field.operators().next().is_none() {
        return refuse(format!("Field {} has no operator.", field.field));
    }
    if let Some((operator, _)) = field.operators().find(|(_, values)| values.is_empty()) {
        return refuse(format!("Operator {operator} of field {} has no values.", field.field));
    }
    match (field.field.as_str(), category) {
        ("eventCategory", _) => Ok(()),
        ("readOnly", Management | Data) => one_of(only_equals(field)?, "readOnly", &["true", "false"]),
        ("eventSource", Management) => match field.operators().collect::<Vec<_>>()[..] {
            [("NotEquals", values)] => {
                let bad = values.iter().find(|value| !EXCLUDABLE_SOURCES.contains(&value.as_str()));
                bad.map_or(Ok(()), |bad| refuse(format!("Value {bad} for eventSource is invalid.")))
            }
            _ => refuse("The field eventSource of management events can only use the operator NotEquals."),
        },
        ("eventSource", NetworkActivity) => match only_equals(field)? {
            [one] if one.ends_with(".amazonaws.com") => Ok(()),
            other => refuse(format!("Value {} for eventSource is invalid.", other.join(", "))),
        },
        ("errorCode", NetworkActivity) => one_of(only_equals(field)?, "errorCode", &["VpceAccessDenied"]),
        ("resources.type", Data) => match only_equals(field)? {
            [one] if is_resource_type(one) => Ok(()),
            other => refuse(format!("Value {} for resources.type is invalid.", other.join(", "))),
        },
        ("sessionCredentialFromConsole", Data) => match field.operators().collect::<Vec<_>>()[..] {
            [("Equals" | "NotEquals", values)] => one_of(values, "sessionCredentialFromConsole", &["true", "false"]),
            _ => refuse("The field sessionCredentialFromConsole can only use the operators Equals and NotEquals."),
        },
        ("eventName" | "userIdentity.arn", Data | NetworkActivity) | ("vpcEndpointId", NetworkActivity) => Ok(()),
        ("eventSource" | "eventType" | "resources.ARN", Data) => Ok(()),
        (name, _) => refuse(format!("Field {name} is invalid for this eventCategory.")),
    }
}

/// The values of a field whose only operator may be `Equals`.
pub(crate) fn only_equals(field: &FieldSelector) -> Result<&[String], Error> {
    match field.operators().collect::<Vec<_>>()[..] {
        [("Equals", values)] => Ok(values),
        _ => refuse(format!("The field {} can only use the operator Equals.", field.field)),
    }
}

/// Whether there is one value, of those allowed.
pub(crate) fn one_of(values: &[String], field: &str, allowed: &[&str]) -> Result<(), Error> {
    match values {
        [one] if allowed.contains(&one.as_str()) => Ok(()),
        other => refuse(format!("Value {} for {field} is invalid.", other.join(", "))),
    }
}

/// `AWS::Service::Resource`: AWS adds types every few weeks, so the shape is checked, not a list.
pub(crate) fn is_resource_type(text: &str) -> bool {
    let mut parts = text.split("::");
    let word = |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    parts.next() == Some("AWS") && word(parts.next()) && word(parts.next()) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_json(basic: &str, advanced: &str, expected: &str) {
        let read = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let basic = read(basic).map(|text| serde_json::from_str(&text).unwrap());
        let advanced = read(advanced).map(|text| serde_json::from_str(&text).unwrap());
        match check(basic, advanced) {
            Ok(_) => assert_eq!(expected, ""),
            Err(error) => {
                assert_eq!(error.code(), "InvalidEventSelectorsException");
                let text = error.to_string();
                assert!(!expected.is_empty() && text.contains(expected), "{text}");
            }
        }
    }

    #[test]
    fn basic_selectors() {
        let check = |basic: &str, expected: &str| check_json(basic, "", expected);
        check(r#"[{}]"#, "");
        check("[]", "valid number of selectors (1 to 5)");
        check("[{},{},{},{},{},{}]", "valid number");
        check(r#"[{"ReadWriteType":"read-only"}]"#, "Value read-only for ReadWriteType");
        check(r#"[{"ExcludeManagementEventSources":["kms.amazonaws.com","rdsdata.amazonaws.com"]}]"#, "");
        check(r#"[{"ExcludeManagementEventSources":["s3.amazonaws.com"]}]"#, "Value s3.amazonaws.com for Exclude");
        // A selector may select nothing: that is how a trail is blinded without being stopped.
        check(r#"[{"ReadWriteType":"ReadOnly","IncludeManagementEvents":false,"DataResources":[]}]"#, "");
        let data =
            |kind: &str, value: &str| format!(r#"[{{"DataResources":[{{"Type":"{kind}","Values":["{value}"]}}]}}]"#);
        for good in
            ["arn:aws:s3", "arn:aws:s3:::", "arn:aws:s3:::bucket/", "arn:aws:s3:::bucket/prefix", "arn:aws-cn:s3:::b/"]
        {
            check(&data("AWS::S3::Object", good), "");
        }
        for bad in ["arn:aws:s3:::bucket", "arn:aws:s3:::*", "arn:aws:s3:::/x", "bucket", "arn:aws:s3:eu-west-1::b/"] {
            check(&data("AWS::S3::Object", bad), &format!("Value {bad} for DataResources.Values is invalid."));
        }
        check(
            &data("AWS::S3::Object", "arn:aws:s3:::bucket/*"),
            "bucket/* for DataResources.Values is invalid. Values are",
        );
        check(&data("AWS::Lambda::Function", "arn:aws:lambda"), "");
        check(&data("AWS::Lambda::Function", "arn:aws:lambda:us-east-1:123456789012:function:f"), "");
        check(&data("AWS::Lambda::Function", "arn:aws:lambda:*"), "DataResources.Values");
        check(&data("AWS::DynamoDB::Table", "arn:aws:dynamodb:us-east-1:123456789012:table/t"), "");
        check(&data("AWS::EC2::Instance", "x"), "Value AWS::EC2::Instance for DataResources.Type is invalid.");
        check(r#"[{"DataResources":[{"Type":"AWS::S3::Object"}]}]"#, "must not be empty");
        let many = vec!["\"arn:aws:s3:::b/x\""; 251].join(",");
        check(&format!(r#"[{{"DataResources":[{{"Type":"AWS::S3::Object","Values":[{many}]}}]}}]"#), "limit of 250");
    }

    #[test]
    fn advanced_selectors() {
        let check = |fields: &str, expected: &str| {
            check_json("", &format!(r#"[{{"FieldSelectors":[{fields}]}}]"#), expected);
        };
        let management = r#"{"Field":"eventCategory","Equals":["Management"]}"#;
        let data =
            r#"{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::S3::Object"]}"#;
        let network = r#"{"Field":"eventCategory","Equals":["NetworkActivity"]},{"Field":"eventSource","Equals":["ec2.amazonaws.com"]}"#;
        let with = |base: &str, field: &str| format!("{base},{field}");
        check(management, "");
        check(data, "");
        check(network, "");
        check(r#"{"Field":"readOnly","Equals":["true"]}"#, "must have the field eventCategory");
        check(r#"{"Field":"eventCategory","Equals":["Insight"]}"#, "Value Insight for eventCategory");
        check(r#"{"Field":"eventCategory","StartsWith":["Data"]}"#, "only use the operator Equals");
        check(r#"{"Field":"eventCategory","Equals":["Data"]}"#, "resources.type is required");
        check(r#"{"Field":"eventCategory","Equals":["NetworkActivity"]}"#, "eventSource is required");
        check(&with(management, management), "more than once");
        check(&with(management, r#"{"Field":"eventSource","NotEquals":["kms.amazonaws.com"]}"#), "");
        check(
            &with(management, r#"{"Field":"eventSource","NotEquals":["s3.amazonaws.com"]}"#),
            "Value s3.amazonaws.com",
        );
        check(
            &with(management, r#"{"Field":"eventSource","Equals":["kms.amazonaws.com"]}"#),
            "only use the operator NotEquals",
        );
        check(&with(management, r#"{"Field":"eventName","Equals":["x"]}"#), "eventName is invalid for this");
        check(&with(management, r#"{"Field":"readOnly","Equals":["true"]}"#), "");
        check(&with(management, r#"{"Field":"readOnly","Equals":["yes"]}"#), "Value yes for readOnly");
        check(&with(management, r#"{"Field":"readOnly"}"#), "has no operator");
        check(&with(data, r#"{"Field":"eventName","StartsWith":["Put"],"NotEndsWith":["Acl"]}"#), "");
        check(&with(data, r#"{"Field":"resources.ARN","NotStartsWith":["arn:aws:s3:::b/"]}"#), "");
        check(&with(data, r#"{"Field":"userIdentity.arn","EndsWith":["role"]}"#), "");
        check(&with(data, r#"{"Field":"sessionCredentialFromConsole","NotEquals":["true"]}"#), "");
        check(&with(data, r#"{"Field":"sessionCredentialFromConsole","StartsWith":["t"]}"#), "Equals and NotEquals");
        check(&with(data, r#"{"Field":"vpcEndpointId","Equals":["v"]}"#), "vpcEndpointId is invalid");
        check(&with(network, r#"{"Field":"errorCode","Equals":["VpceAccessDenied"]}"#), "");
        check(&with(network, r#"{"Field":"errorCode","Equals":["Other"]}"#), "Value Other for errorCode");
        check(&with(network, r#"{"Field":"vpcEndpointId","NotEquals":["v"]}"#), "");
        let values = |n: usize| vec!["\"x\""; n].join(",");
        check(&with(data, &format!(r#"{{"Field":"eventName","Equals":[{}]}}"#, values(498))), "");
        check(&with(data, &format!(r#"{{"Field":"eventName","Equals":[{}]}}"#, values(499))), "limit of 500");
        check_json("[{}]", r#"[{"FieldSelectors":[]}]"#, "but not both");
        check_json("", "", "must specify either");
    }
}
