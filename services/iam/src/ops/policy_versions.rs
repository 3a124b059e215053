//! Versions of managed policies: at most five, one of them in force. Source: IAM user guide, "Versioning IAM policies".

use base::Timestamp;
use serde::Serialize;

use crate::Error;
use crate::documents::encoded;
use crate::managed::Managed;
use crate::operation::operation;
use crate::ops::managed_policies::{check_document, to_change};
use crate::ops::paging::page;
use crate::store::{VERSIONS_MAX, Version};

/// The modelled `PolicyVersion`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyVersion {
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: Timestamp,
}

impl PolicyVersion {
    fn listed(version: &Version, default: u32) -> PolicyVersion {
        PolicyVersion {
            document: None,
            version_id: version.id(),
            is_default_version: version.number == default,
            create_date: version.created,
        }
    }

    /// All of a policy, from the newest on, with texts. Of AWS's policies only the one in force is known.
    fn all(policy: &Managed) -> Vec<PolicyVersion> {
        match policy {
            Managed::Customer(policy) => {
                let versions = policy.versions.iter().rev();
                let view = |version| PolicyVersion::listed(version, policy.default);
                let text = |version: &Version| Some(encoded(&version.document));
                versions.map(|version| PolicyVersion { document: text(version), ..view(version) }).collect()
            }
            Managed::Aws(_) => vec![PolicyVersion {
                document: Some(encoded(policy.document())),
                version_id: policy.default_version(),
                is_default_version: true,
                create_date: policy.dates().1,
            }],
        }
    }
}

fn missing(arn: &str, version: &str) -> Error {
    Error::NoSuchEntity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

operation! {
    /// Adds a version to a managed policy, and puts it in force if asked to.
    CreatePolicyVersion on "{PolicyArn}"
    takes { policy_arn: String, policy_document: String, set_as_default: Option<bool> }
    gives { policy_version: PolicyVersion }
    |iam, call, input| {
        check_document(&input.policy_document)?;
        let now = call.time.trunc_secs();
        iam.store
            .change(|tx| {
                let mut policy = to_change(tx, &input.policy_arn, || Error::no_policy(&input.policy_arn))?;
                if policy.versions.len() >= VERSIONS_MAX {
                    return Err(Error::LimitExceeded(format!(
                        "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you \
                         must delete an existing version."
                    ))
                    .into());
                }
                let version = Version { number: policy.next, created: now, document: input.policy_document };
                policy.next += 1;
                if input.set_as_default == Some(true) {
                    policy.default = version.number;
                }
                policy.updated = now;
                let policy_version = PolicyVersion::listed(&version, policy.default);
                policy.versions.push(version);
                tx.put(policy);
                Ok(Output { policy_version })
            })
            .await
    }
}

operation! {
    /// Shows a version of a managed policy, with its text.
    GetPolicyVersion on "{PolicyArn}"
    takes { policy_arn: String, version_id: String }
    gives { policy_version: PolicyVersion }
    |iam, _call, input| {
        let (arn, id) = (&input.policy_arn, &input.version_id);
        crate::managed::check_arn(arn)?;
        let policy = iam.store.read(|world| Managed::find(world, arn)).ok_or_else(|| missing(arn, id))?;
        let version = PolicyVersion::all(&policy).into_iter().find(|version| version.version_id == *id);
        Ok(Output { policy_version: version.ok_or_else(|| missing(arn, id))? })
    }
}

operation! {
    /// Removes a version that is not in force.
    DeletePolicyVersion on "{PolicyArn}"
    takes { policy_arn: String, version_id: String }
    gives {}
    |iam, _call, input| {
        let (arn, id) = (input.policy_arn, input.version_id);
        iam.store
            .change(|tx| {
                let mut policy = to_change(tx, &arn, || missing(&arn, &id))?;
                let number = policy.version(&id).ok_or_else(|| missing(&arn, &id))?.number;
                if number == policy.default {
                    let text = "Cannot delete the default version of a policy.";
                    return Err(Error::DeleteConflict(text.to_owned()).into());
                }
                policy.versions.retain(|version| version.number != number);
                tx.put(policy);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Lists the versions of a managed policy, from the newest on, without texts.
    ListPolicyVersions on "{PolicyArn}"
    takes { policy_arn: String, marker: Option<String>, max_items: Option<i64> }
    gives { versions: Vec<PolicyVersion>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let policy = iam.store.read(|world| Managed::need(world, &input.policy_arn))?;
        let versions = PolicyVersion::all(&policy).into_iter().enumerate();
        let versions = versions.map(|(at, version)| (at, PolicyVersion { document: None, ..version })).collect();
        // There are at most five, so their places are of one digit.
        let (versions, marker) = page(versions, |(at, _)| at.to_string(), input.marker.as_deref(), input.max_items)?;
        let versions = versions.into_iter().map(|(_, version)| version).collect();
        Ok(Output { versions, is_truncated: marker.is_some(), marker })
    }
}

operation! {
    /// Puts a version in force.
    SetDefaultPolicyVersion on "{PolicyArn}"
    takes { policy_arn: String, version_id: String }
    gives {}
    |iam, _call, input| {
        let (arn, id) = (input.policy_arn, input.version_id);
        iam.store
            .change(|tx| {
                let mut policy = to_change(tx, &arn, || missing(&arn, &id))?;
                policy.default = policy.version(&id).ok_or_else(|| missing(&arn, &id))?.number;
                tx.put(policy);
                Ok(Output {})
            })
            .await
    }
}
