//! What the advanced selectors of an event data store may say. Sources: CloudTrail API reference, AdvancedFieldSelector and
//! CreateEventDataStore; user guide, "Quotas in AWS CloudTrail", "Create an event data store".

use std::collections::BTreeSet;

use crate::error::Error;
use crate::selectors::rules::{ADVANCED_VALUES_MAX, is_resource_type, one_of, only_equals, refuse};
use crate::selectors::{AdvancedEventSelector, FieldSelector};

use super::data_store::category_of;

/// Categories of CloudTrail's own events: one store may take several of them.
const EVENTS: [&str; 3] = ["Management", "Data", "NetworkActivity"];
/// Categories that a store takes alone, and whole.
const ALONE: [&str; 4] = ["Insight", "ConfigurationItem", "Evidence", "ActivityAuditLog"];

/// Checks the selectors that a store is given.
pub fn check(selectors: &[AdvancedEventSelector]) -> Result<(), Error> {
    if selectors.is_empty() {
        return refuse("Specify at least one advanced event selector for your event data store.");
    }
    let conditions = selectors.iter().flat_map(|selector| &selector.field_selectors).flat_map(FieldSelector::operators);
    let values: usize = conditions.map(|(_, values)| values.len()).sum();
    if values > ADVANCED_VALUES_MAX {
        return refuse(format!(
            "The total number of values for all conditions in all advanced event selectors exceeds the limit of \
             {ADVANCED_VALUES_MAX} for an event data store."
        ));
    }
    selectors.iter().try_for_each(check_selector)?;
    if selectors.len() > 1
        && let Some(alone) =
            selectors.iter().map(|one| category_of(std::slice::from_ref(one))).find(|one| ALONE.contains(one))
    {
        return refuse(format!(
            "An event data store for eventCategory {alone} can have only one advanced event selector."
        ));
    }
    Ok(())
}

/// Checks that a change leaves a store what it is: its sort of events is fixed when it is made.
pub fn check_change(old: &[AdvancedEventSelector], new: &[AdvancedEventSelector]) -> Result<(), Error> {
    check(new)?;
    let (old, new) = (category_of(old), category_of(new));
    if old == new || (EVENTS.contains(&old) && EVENTS.contains(&new)) {
        return Ok(());
    }
    refuse(format!("The event category of an event data store cannot be changed from {old} to {new}."))
}

fn check_selector(selector: &AdvancedEventSelector) -> Result<(), Error> {
    let fields = &selector.field_selectors;
    let mut seen = BTreeSet::new();
    if let Some(twice) = fields.iter().find(|field| !seen.insert(field.field.as_str())) {
        return refuse(format!("Field {} is specified more than once in an advanced event selector.", twice.field));
    }
    let Some(category) = fields.iter().find(|field| field.field == "eventCategory") else {
        return refuse("Each advanced event selector must have the field eventCategory.");
    };
    let category = match only_equals(category)? {
        [one] if EVENTS.contains(&one.as_str()) || ALONE.contains(&one.as_str()) => one.as_str(),
        other => return refuse(format!("Value {} for eventCategory is invalid.", other.join(", "))),
    };
    for field in fields {
        check_field(category, field)?;
    }
    let required = match category {
        "Data" => Some("resources.type"),
        "NetworkActivity" => Some("eventSource"),
        _ => None,
    };
    match required.filter(|name| !fields.iter().any(|field| field.field == *name)) {
        Some(missing) => refuse(format!("The field {missing} is required for this eventCategory.")),
        None => Ok(()),
    }
}

fn check_field(category: &str, field: &FieldSelector) -> Result<(), Error> {
    if field.operators().next().is_none() {
        return refuse(format!("Field {} has no operator.", field.field));
    }
    if let Some((operator, _)) = field.operators().find(|(_, values)| values.is_empty()) {
        return refuse(format!("Operator {operator} of field {} has no values.", field.field));
    }
    match (field.field.as_str(), category) {
        ("eventCategory", _) => Ok(()),
        ("readOnly", "Management" | "Data") => one_of(only_equals(field)?, "readOnly", &["true", "false"]),
        // Unlike a trail, a store may leave out and take any service, and look at more of a management event.
        ("eventSource" | "eventName" | "eventType" | "userIdentity.arn", "Management" | "Data") => Ok(()),
        ("sessionCredentialFromConsole", "Management" | "Data") => match field.operators().collect::<Vec<_>>()[..] {
            [("Equals" | "NotEquals", values)] => one_of(values, "sessionCredentialFromConsole", &["true", "false"]),
            _ => refuse("The field sessionCredentialFromConsole can only use the operators Equals and NotEquals."),
        },
        ("resources.type", "Data") => match only_equals(field)? {
            [one] if is_resource_type(one) => Ok(()),
            other => refuse(format!("Value {} for resources.type is invalid.", other.join(", "))),
        },
        ("resources.ARN", "Data") => Ok(()),
        ("eventSource", "NetworkActivity") => match only_equals(field)? {
            [one] if one.ends_with(".amazonaws.com") => Ok(()),
            other => refuse(format!("Value {} for eventSource is invalid.", other.join(", "))),
        },
        ("errorCode", "NetworkActivity") => one_of(only_equals(field)?, "errorCode", &["VpceAccessDenied"]),
        ("eventName" | "userIdentity.arn" | "vpcEndpointId", "NetworkActivity") => Ok(()),
        (name, _) => refuse(format!("Field {name} is invalid for this eventCategory.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[&str]) -> Vec<AdvancedEventSelector> {
        let all: Vec<String> = fields.iter().map(|fields| format!(r#"{{"FieldSelectors":[{fields}]}}"#)).collect();
        serde_json::from_str(&format!("[{}]", all.join(","))).unwrap()
    }

    #[track_caller]
    fn say(outcome: Result<(), Error>, expected: &str) {
        match outcome {
            Ok(()) => assert_eq!(expected, ""),
            Err(error) => {
                assert_eq!(error.code(), "InvalidEventSelectorsException");
                let text = error.to_string();
                assert!(!expected.is_empty() && text.contains(expected), "{text}");
            }
        }
    }

    fn category(name: &str) -> String {
        format!(r#"{{"Field":"eventCategory","Equals":["{name}"]}}"#)
    }

    #[test]
    fn selectors_follow_the_rules_of_their_category() {
        let one = |fields: &str, expected: &str| say(check(&read(&[fields])), expected);
        let with = |base: &str, field: &str| format!("{},{field}", category(base));
        for good in EVENTS.iter().take(1).chain(&ALONE) {
            one(&category(good), "");
        }
        one(&category("Other"), "Value Other for eventCategory");
        one(&category("Data"), "resources.type is required");
        one(&category("NetworkActivity"), "eventSource is required");
        one(r#"{"Field":"readOnly","Equals":["true"]}"#, "must have the field eventCategory");
        one(&with("Management", &category("Management")), "more than once");
        // What a trail refuses and a store takes.
        one(&with("Management", r#"{"Field":"eventSource","Equals":["iam.amazonaws.com"]}"#), "");
        one(&with("Management", r#"{"Field":"eventName","NotStartsWith":["Describe"]}"#), "");
        one(&with("Management", r#"{"Field":"userIdentity.arn","EndsWith":["/alice"]}"#), "");
        one(&with("Management", r#"{"Field":"sessionCredentialFromConsole","Equals":["yes"]}"#), "Value yes");
        one(&with("Management", r#"{"Field":"resources.ARN","Equals":["x"]}"#), "resources.ARN is invalid");
        one(&with("Management", r#"{"Field":"readOnly","Equals":[]}"#), "has no values");
        one(&with("Management", r#"{"Field":"readOnly"}"#), "has no operator");
        one(&with("ActivityAuditLog", r#"{"Field":"eventName","Equals":["x"]}"#), "eventName is invalid");
        one(&with("Data", r#"{"Field":"resources.type","Equals":["AWS::S3::Object"]}"#), "");
        one(&with("Data", r#"{"Field":"resources.type","Equals":["object"]}"#), "Value object");
        say(check(&[]), "at least one");
        say(check(&read(&[&category("Management"), &category("Evidence")])), "can have only one");
        let many = vec!["\"x\""; 500].join(",");
        one(&with("Management", &format!(r#"{{"Field":"eventName","Equals":[{many}]}}"#)), "limit of 500");
    }

    #[test]
    fn a_stores_sort_of_events_is_fixed() {
        let data = format!("{},{}", category("Data"), r#"{"Field":"resources.type","Equals":["AWS::S3::Object"]}"#);
        let (management, audit) = (read(&[&category("Management")]), read(&[&category("ActivityAuditLog")]));
        say(check_change(&management, &read(&[&data])), "");
        say(check_change(&management, &audit), "cannot be changed from Management to ActivityAuditLog");
        say(check_change(&audit, &management), "cannot be changed");
    }
}
