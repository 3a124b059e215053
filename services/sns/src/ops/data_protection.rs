//! GetDataProtectionPolicy, PutDataProtectionPolicy: kept and shown; messages go out as they came in.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Source: SNS API reference, PutDataProtectionPolicy: 30,720 characters.
const POLICY_CHARS_MAX: usize = 30_720;

/// Refuses what is no data protection policy.
pub(super) fn check(text: &str) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document {
        #[serde(rename = "Name")]
        _name: String,
        #[serde(rename = "Version")]
        version: String,
        statement: Vec<serde_json::Map<String, serde_json::Value>>,
    }
    if text.chars().count() > POLICY_CHARS_MAX {
        return Err(Error::because("DataProtectionPolicy", "the policy is too long"));
    }
    let document: Document = serde_json::from_str(text)
        .map_err(|_| Error::because("DataProtectionPolicy", "the policy is not a valid JSON document of its kind"))?;
    let known = ["Sid", "DataDirection", "Principal", "DataIdentifier", "Operation"];
    let is_good = document.version == "2021-06-01"
        && !document.statement.is_empty()
        && document.statement.iter().all(|one| {
            one.keys().all(|key| known.contains(&key.as_str()))
                && ["DataDirection", "DataIdentifier", "Operation"].iter().all(|key| one.contains_key(*key))
        });
    if is_good { Ok(()) } else { Err(Error::because("DataProtectionPolicy", "a statement of the policy is not valid")) }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInput {
    resource_arn: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    data_protection_policy: String,
}

operation! {
    /// Shows a topic's data protection policy; an empty text if it has none.
    GetDataProtectionPolicy on "{ResourceArn}": GetInput => GetOutput, |sns, call, input| {
        let topic = sns.topic(call, &input.resource_arn, "ResourceArn")?;
        Ok(GetOutput { data_protection_policy: topic.data_protection.clone().unwrap_or_default() })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInput {
    resource_arn: String,
    data_protection_policy: String,
}

operation! {
    /// Gives a topic another one; an empty text takes it away.
    PutDataProtectionPolicy on "{ResourceArn}": PutInput => (), |sns, call, input| {
        let topic = sns.topic(call, &input.resource_arn, "ResourceArn")?;
        if topic.is_fifo() {
            return Err(Error::because("ResourceArn", "FIFO topics have no data protection policies").into());
        }
        let policy = Some(input.data_protection_policy).filter(|text| !text.is_empty());
        if let Some(policy) = &policy {
            check(policy)?;
        }
        sns.change_topic(&topic, |topic| {
            topic.data_protection = policy;
            Ok(())
        }).await
    }
}
