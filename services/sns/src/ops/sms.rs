//! Preferences of text messages, kept and shown; and who does not want any: nobody has said so here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Empty;
use crate::platform::TEXTS;
use crate::{Error, subscription};

/// Source: SNS API reference, SetSMSAttributes.
const ATTRIBUTES: [&str; 6] = [
    "MonthlySpendLimit",
    "DeliveryStatusIAMRole",
    "DeliveryStatusSuccessSamplingRate",
    "DefaultSenderID",
    "DefaultSMSType",
    "UsageReportS3Bucket",
];

fn number(text: &str) -> Result<String, Error> {
    subscription::phone(text).ok_or_else(|| Error::because("PhoneNumber", format!("{text} is not valid")))
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetInput {
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Sets preferences.
    SetSMSAttributes on "*": SetInput => Empty, |sns, call, input| {
        if let Some(unknown) = input.attributes.keys().find(|name| !ATTRIBUTES.contains(&name.as_str())) {
            return Err(Error::invalid(format!("{unknown} is not a valid attribute")).into());
        }
        if let Some(kind) = input.attributes.get("DefaultSMSType").filter(|kind| !matches!(kind.as_str(), "Promotional" | "Transactional")) {
            return Err(Error::because("DefaultSMSType", format!("{kind} is neither Promotional nor Transactional")).into());
        }
        let key = [call.region.as_str(), "preferences", ""];
        let mut kept = sns.kept(TEXTS, &key).await?.map(|kept| kept.attributes).unwrap_or_default();
        kept.extend(input.attributes);
        sns.keep(TEXTS, &key, kept).await?;
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInput {
    attributes: Option<Vec<String>>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOutput {
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Shows preferences.
    GetSMSAttributes on "*": GetInput => GetOutput, |sns, call, input| {
        let kept = sns.kept(TEXTS, &[call.region.as_str(), "preferences", ""]).await?;
        let mut attributes = kept.map(|kept| kept.attributes).unwrap_or_default();
        attributes.entry("MonthlySpendLimit".to_owned()).or_insert_with(|| "1".to_owned());
        if let Some(wanted) = input.attributes.filter(|wanted| !wanted.is_empty()) {
            attributes.retain(|name, _| wanted.contains(name));
        }
        Ok(GetOutput { attributes })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneInput {
    phone_number: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OptedOutOutput {
    is_opted_out: bool,
}

operation! {
    /// Whether a phone wants no text messages.
    CheckIfPhoneNumberIsOptedOut on "*": PhoneInput => OptedOutOutput, |_sns, _call, input| {
        number(&input.phone_number)?;
        Ok(OptedOutOutput { is_opted_out: false })
    }
}

operation! {
    /// Lets a phone get text messages again.
    OptInPhoneNumber on "*": PhoneInput => Empty, |_sns, _call, input| {
        number(&input.phone_number)?;
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListInput {
    #[serde(rename = "nextToken")]
    _next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListOutput {
    phone_numbers: Vec<String>,
}

operation! {
    /// Lists the phones that want no text messages.
    ListPhoneNumbersOptedOut on "*": ListInput => ListOutput, |_sns, _call, _input| {
        Ok(ListOutput { phone_numbers: Vec::new() })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OriginationInput {
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
    #[serde(rename = "MaxResults")]
    _max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OriginationOutput {
    phone_numbers: Vec<String>,
}

operation! {
    /// Lists the numbers that text messages come from: the provider's, which are not known here.
    ListOriginationNumbers on "*": OriginationInput => OriginationOutput, |_sns, _call, _input| {
        Ok(OriginationOutput { phone_numbers: Vec::new() })
    }
}
