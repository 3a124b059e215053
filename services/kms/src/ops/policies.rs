//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies. A key has one policy, of the name `default`.

use serde::{Deserialize, Serialize};

use super::page;
use crate::Error;
use crate::access::Ask;
use crate::rules;

const ONLY_NAME: &str = "default";

fn check_name(name: Option<&str>) -> Result<(), Error> {
    match name {
        None | Some(ONLY_NAME) => Ok(()),
        Some(_) => Err(Error::NotFoundException("No such policy exists".to_owned())),
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInput {
    key_id: String,
    policy_name: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    policy: String,
    policy_name: &'static str,
}

operation! {
    /// Gives a key's policy, as it was put.
    GetKeyPolicy: GetInput => GetOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "GetKeyPolicy")).await?;
        check_name(input.policy_name.as_deref())?;
        Ok(GetOutput { policy: key.policy.clone(), policy_name: ONLY_NAME })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInput {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
    bypass_policy_lockout_safety_check: Option<bool>,
}

operation! {
    /// Gives a key another policy.
    PutKeyPolicy: PutInput => (), |kms, call, input| {
        let bypass = input.bypass_policy_lockout_safety_check == Some(true);
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "PutKeyPolicy")
            .with("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string());
        kms.authorize(call, ask).await?;
        check_name(input.policy_name.as_deref())?;
        let policy = rules::parse_key_policy(&input.policy)?;
        if !bypass {
            rules::check_lockout(policy, &call.caller, &key.arn, &kms.deps.account)?;
        }
        kms.change_key(call.region, &key.id, |key| {
            key.policy = input.policy;
            Ok(())
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    key_id: String,
    limit: Option<i64>,
    marker: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    policy_names: Vec<&'static str>,
    truncated: bool,
}

operation! {
    /// Lists the names of a key's policies.
    ListKeyPolicies: ListInput => ListOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "ListKeyPolicies")).await?;
        let page = page([ONLY_NAME], |name| name, input.marker.as_deref(), input.limit, 100)?;
        Ok(ListOutput { policy_names: page.items, truncated: false })
    }
}
