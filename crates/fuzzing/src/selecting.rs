//! Any text as the input of PutEventSelectors, and as a record after an empty line: what the rules let through is stored and read
//! back the same, and selects or does not, without a panic.

use cloudtrail::selectors::{AdvancedEventSelector, EventSelector, Selection, Selectors, rules};
use record::RecordView;
use serde_json::Value;

const RECORDS: [&str; 3] = [
    r#"{"eventCategory":"Data","awsRegion":"us-east-1","eventName":"GetObject","eventSource":"s3.amazonaws.com","readOnly":true,
"managementEvent":false,"eventType":"AwsApiCall","resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::logs/a/b.gz"}]}"#,
    r#"{"eventCategory":"Management","awsRegion":"us-east-1","eventName":"CreateUser","eventSource":"iam.amazonaws.com",
"readOnly":false,"managementEvent":true}"#,
    r#"{"eventCategory":"Management","awsRegion":"eu-west-1","eventName":"Decrypt","eventSource":"kms.amazonaws.com"}"#,
];

/// See the module.
pub fn event_selectors(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (input, record) = text.split_once("\n\n").unwrap_or((&text, ""));
    let Ok(Value::Object(mut input)) = serde_json::from_str(input) else { return };
    let basic: Option<Vec<EventSelector>> = match input.remove("EventSelectors").map(serde_json::from_value) {
        Some(Ok(basic)) => Some(basic),
        Some(Err(_)) => return,
        None => None,
    };
    let advanced: Option<Vec<AdvancedEventSelector>> =
        match input.remove("AdvancedEventSelectors").map(serde_json::from_value) {
            Some(Ok(advanced)) => Some(advanced),
            Some(Err(_)) => return,
            None => None,
        };
    let selectors = match rules::check(basic, advanced) {
        Ok(selectors) => selectors,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let stored = serde_json::to_string(&selectors).expect("selectors are JSON");
    let again: Selectors = serde_json::from_str(&stored).expect("they were written by us");
    assert_eq!(again, selectors);
    assert!(selectors.basic().is_some() != selectors.advanced().is_some());
    assert!(selectors.are_custom() || selectors.advanced().is_none());
    for record in RECORDS.into_iter().chain([record]) {
        let Ok(view) = RecordView::parse(record.as_bytes()) else { continue };
        let selection = Selection::new(&view);
        assert_eq!(selection.matches(&selectors), selection.matches(&again));
    }
}
