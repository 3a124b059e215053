//! Phone numbers of the sandbox: kept and verified. Text messages go to any number, as the provider decides about that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Empty, page};
use crate::message::Draft;
use crate::platform::TEXTS;
use crate::{Error, subscription};

const NUMBERS: &str = "sandbox";

fn number(text: &str) -> Result<String, Error> {
    subscription::phone(text).ok_or_else(|| Error::because("PhoneNumber", format!("{text} is not valid")))
}

fn missing() -> Error {
    Error::ResourceNotFound("The phone number is not in the list of sandbox destination phone numbers".to_owned())
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateInput {
    phone_number: String,
    #[serde(rename = "LanguageCode")]
    _language_code: Option<String>,
}

operation! {
    /// Keeps a number, and sends it a password if text messages can be sent.
    CreateSMSSandboxPhoneNumber on "*": CreateInput => Empty, |sns, call, input| {
        let number = number(&input.phone_number)?;
        let mut bytes = [0; 4];
        sns.deps.env.rng.fill(&mut bytes);
        let password = format!("{:06}", u32::from_le_bytes(bytes) % 1_000_000);
        let attributes = BTreeMap::from([("Status".to_owned(), "Pending".to_owned()), ("Password".to_owned(), password.clone())]);
        sns.keep(TEXTS, &[call.region.as_str(), NUMBERS, &number], attributes).await?;
        if sns.deps.sms.is_some() {
            let draft = Draft { message: format!("Your verification code is {password}"), ..Draft::default() };
            sns.publish_to_phone(call.region, number, draft.check(None)?).await?;
        }
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteInput {
    phone_number: String,
}

operation! {
    /// Keeps a number no longer.
    DeleteSMSSandboxPhoneNumber on "*": DeleteInput => Empty, |sns, call, input| {
        let number = number(&input.phone_number)?;
        let key = [call.region.as_str(), NUMBERS, &number];
        sns.kept(TEXTS, &key).await?.ok_or_else(missing)?;
        sns.unkeep(TEXTS, &key).await?;
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyInput {
    phone_number: String,
    one_time_password: String,
}

operation! {
    /// Verifies a number by the password that it got.
    VerifySMSSandboxPhoneNumber on "*": VerifyInput => Empty, |sns, call, input| {
        let number = number(&input.phone_number)?;
        let key = [call.region.as_str(), NUMBERS, &number];
        let mut kept = sns.kept(TEXTS, &key).await?.ok_or_else(missing)?;
        if kept.attributes.get("Password") != Some(&input.one_time_password) {
            return Err(Error::VerificationException("The one-time password is not the one that was sent".to_owned()).into());
        }
        kept.attributes.insert("Status".to_owned(), "Verified".to_owned());
        sns.keep(TEXTS, &key, kept.attributes).await?;
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusOutput {
    is_in_sandbox: bool,
}

/// See the model.
#[derive(Deserialize)]
pub struct StatusInput {}

operation! {
    /// Whether text messages go to verified numbers alone: never here.
    GetSMSSandboxAccountStatus on "*": StatusInput => StatusOutput, |_sns, _call, _input| {
        Ok(StatusOutput { is_in_sandbox: false })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    next_token: Option<String>,
    #[serde(rename = "MaxResults")]
    _max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Number {
    phone_number: String,
    status: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    phone_numbers: Vec<Number>,
    next_token: Option<String>,
}

operation! {
    /// Lists the numbers.
    ListSMSSandboxPhoneNumbers on "*": ListInput => ListOutput, |sns, call, input| {
        let all = sns.kept_below(TEXTS, &[call.region.as_str(), NUMBERS]).await?;
        let entry = |(number, kept): (String, crate::platform::Kept)| {
            let status = kept.attributes.get("Status").cloned().unwrap_or_default();
            (number.clone(), Number { phone_number: number, status })
        };
        let (phone_numbers, next_token) = page(all.into_iter().map(entry).collect(), input.next_token.as_deref())?;
        Ok(ListOutput { phone_numbers, next_token })
    }
}
