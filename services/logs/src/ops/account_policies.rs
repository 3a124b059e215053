//! Policies for all groups of an account: PutAccountPolicy, DeleteAccountPolicy, DescribeAccountPolicies. Checked, kept and shown; nothing
//! is done by them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use state::key::key;

use super::{Empty, json_object, page};
use crate::error::{invalid, missing, too_many};
use crate::rows::{AccountPolicy, VERSION};

/// Policies of one kind in a region. Source: CloudWatch Logs API reference, PutAccountPolicy.
fn policies_max(kind: &str) -> usize {
    match kind {
        "FIELD_INDEX_POLICY" | "TRANSFORMER_POLICY" => 20,
        _ => 1,
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    policy_name: String,
    policy_document: String,
    policy_type: String,
    scope: Option<String>,
    selection_criteria: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutOutput {
    account_policy: Described,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    policy_name: String,
    policy_document: String,
    last_updated_time: i64,
    policy_type: String,
    scope: String,
    selection_criteria: Option<String>,
    account_id: String,
}

impl Described {
    fn of(policy: &AccountPolicy, account: &str) -> Described {
        Described {
            policy_name: policy.name.clone(),
            policy_document: policy.text.clone(),
            last_updated_time: policy.updated,
            policy_type: policy.kind.clone(),
            scope: policy.scope.clone(),
            selection_criteria: policy.selection.clone(),
            account_id: account.to_owned(),
        }
    }
}

operation! {
    /// Makes a policy, or changes it.
    PutAccountPolicy on "*": PutInput => PutOutput, |logs, call, input| {
        match input.policy_type.as_str() {
            "FIELD_INDEX_POLICY" => super::field_indexes::check(&input.policy_document)?,
            "TRANSFORMER_POLICY" => drop(serde_json::from_str::<serde_json::Value>(&input.policy_document)
                .map_err(|_| invalid("policyDocument is not a valid JSON document."))?),
            _ => drop(json_object(&input.policy_document, "policyDocument")?),
        }
        let made = AccountPolicy {
            v: VERSION,
            region: call.region,
            kind: input.policy_type,
            name: input.policy_name,
            text: input.policy_document,
            scope: input.scope.unwrap_or_else(|| "ALL".to_owned()),
            selection: input.selection_criteria,
            updated: call.time.ms(),
        };
        let account_policy = Described::of(&made, &logs.deps.account);
        logs.store
            .change(|memory, plan| {
                let of_kind = || memory.of_region::<AccountPolicy>(call.region).filter(|policy| policy.kind == made.kind);
                let is_new = of_kind().all(|policy| policy.name != made.name);
                if is_new && of_kind().count() >= policies_max(&made.kind) {
                    return Err(too_many("Resource limit exceeded."));
                }
                plan.put(made)
            })
            .await?;
        Ok(PutOutput { account_policy })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInput {
    policy_name: String,
    policy_type: String,
}

operation! {
    /// Deletes a policy.
    DeleteAccountPolicy on "*": DeleteInput => Empty, |logs, call, input| {
        logs.store
            .change(|memory, plan| {
                let known = memory.get::<AccountPolicy>(&key(&[call.region.as_str(), &input.policy_type, &input.policy_name]));
                plan.remove::<AccountPolicy>(known.ok_or_else(|| missing("The specified account policy does not exist."))?);
                Ok(Empty {})
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    policy_type: String,
    policy_name: Option<String>,
    account_identifiers: Option<Vec<String>>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    account_policies: Vec<Described>,
    next_token: Option<String>,
}

operation! {
    /// Shows policies of one kind.
    DescribeAccountPolicies on "*": DescribeInput => DescribeOutput, |logs, call, input| {
        let accounts = input.account_identifiers.unwrap_or_default();
        let is_asked = accounts.is_empty() || accounts.iter().any(|account| **account == *logs.deps.account);
        let found: Vec<Arc<AccountPolicy>> = logs.store.see(|memory| {
            let all = memory.of_region::<AccountPolicy>(call.region).filter(|policy| {
                is_asked && policy.kind == input.policy_type && input.policy_name.as_ref().is_none_or(|name| policy.name == *name)
            });
            all.cloned().collect()
        });
        if found.is_empty() && input.policy_name.is_some() {
            return Err(missing("The specified account policy does not exist."));
        }
        let page = page(found, |policy| policy.name.as_str(), input.next_token.as_deref(), None)?;
        let account_policies = page.items.iter().map(|policy| Described::of(policy, &logs.deps.account)).collect();
        Ok(DescribeOutput { account_policies, next_token: page.next_token })
    }
}
