//! What a key's policy and grants say of a call. Pure: the call, the key and its grants come in, a word goes out.
//!
//! Sources: KMS developer guide, "Key policies in AWS KMS", "Grants in AWS KMS", "Condition keys for AWS KMS"; how kinds of policies
//! join is [`policy::authorize`]'s.

use std::collections::{BTreeMap, BTreeSet};

use policy::{Decider, Decision, Layers, Policy, PolicySet, Principal, Request, ResourceLayer, authorize};
use ports::Caller;

use crate::Error;
use crate::crypto::ciphertext::EncryptionContext;
use crate::key::{Alias, Constraints, Grant, Key};

/// The condition keys of a call (in lower case) and their values.
#[derive(Clone, Debug, Default)]
pub struct Conditions(BTreeMap<String, Vec<String>>);

impl Conditions {
    /// Nothing is known.
    pub fn new() -> Conditions {
        Conditions::default()
    }

    /// Sets a key to one value.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<String>) -> Conditions {
        self.with_all(key, [value.into()])
    }

    /// Sets a key to one value, if there is one.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl Into<String>>) -> Conditions {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Sets a key to many values; none at all leaves it out.
    #[must_use]
    pub fn with_all(mut self, key: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Conditions {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if !values.is_empty() {
            self.0.entry(key.to_ascii_lowercase()).or_default().extend(values);
        }
        self
    }

    /// What an encryption context tells.
    #[must_use]
    pub fn with_context(self, context: &EncryptionContext) -> Conditions {
        let of_pairs = context.iter().fold(self, |conditions, (key, value)| {
            conditions.with(&format!("kms:EncryptionContext:{key}"), value.as_str())
        });
        of_pairs.with_all("kms:EncryptionContextKeys", context.keys().cloned())
    }

    /// What tags in a request tell.
    #[must_use]
    pub fn with_request_tags<'t>(self, tags: impl Iterator<Item = (&'t str, Option<&'t str>)>) -> Conditions {
        tags.fold(self, |conditions, (key, value)| {
            conditions.with_some(&format!("aws:RequestTag/{key}"), value).with_all("aws:TagKeys", [key])
        })
    }

    /// What a key tells of itself, and of how it was named.
    #[must_use]
    pub fn with_key<'a>(
        self,
        key: &Key,
        owner: &str,
        aliases: impl Iterator<Item = &'a Alias>,
        named: &str,
    ) -> Conditions {
        let alias = named.find("alias/").map(|at| &named[at..]);
        let conditions = self
            .with("kms:KeySpec", key.spec.text())
            .with("kms:CustomerMasterKeySpec", key.spec.text())
            .with("kms:KeyUsage", key.usage.text())
            .with("kms:CustomerMasterKeyUsage", key.usage.text())
            .with("kms:KeyOrigin", key.origin.text())
            .with("kms:MultiRegion", "false")
            .with("aws:ResourceAccount", owner)
            .with_some("kms:RequestAlias", alias)
            .with_all("kms:ResourceAliases", aliases.map(|alias| alias.name.clone()));
        key.tags.iter().fold(conditions, |conditions, tag| {
            conditions.with(&format!("aws:ResourceTag/{}", tag.tag_key), tag.tag_value.as_str())
        })
    }

    /// The values of a key in lower case.
    pub fn get(&self, key: &str) -> Option<&Vec<String>> {
        self.0.get(key)
    }

    /// All keys, each with each of its values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(key, values)| values.iter().map(|value| (key.as_str(), value.as_str())))
    }
}

/// Who asks, as grants name them: any of these. A role's session is meant where its role is.
pub fn grantees(caller: &Caller) -> Vec<String> {
    match caller {
        Caller::Service { principal } => vec![principal.to_string()],
        _ => caller.arn().into_iter().chain(caller.principal_arn()).collect(),
    }
}

/// The grant that lets somebody do an operation (`Decrypt`) with this encryption context.
pub fn granting<'g>(
    grants: impl Iterator<Item = &'g Grant>,
    grantees: &[String],
    operation: &str,
    context: Option<&EncryptionContext>,
) -> Option<&'g Grant> {
    let mut grants = grants;
    grants.find(|grant| {
        grant.operations.iter().any(|granted| granted == operation)
            && grantees.contains(&grant.grantee)
            && grant.constraints.as_ref().is_none_or(|constraints| fits(constraints, context))
    })
}

/// Whether an encryption context is what constraints ask for. Operations without one are not constrained.
fn fits(constraints: &Constraints, context: Option<&EncryptionContext>) -> bool {
    let Some(context) = context else { return true };
    let contains = |subset: &EncryptionContext| subset.iter().all(|(key, value)| context.get(key) == Some(value));
    constraints.encryption_context_subset.as_ref().is_none_or(contains)
        && constraints.encryption_context_equals.as_ref().is_none_or(|all| all == context)
}

/// Whether a grant that was made by force of another stays within that.
pub fn is_within(new: &Grant, parent: &Grant) -> bool {
    let operations: BTreeSet<&String> = parent.operations.iter().collect();
    let narrower = match (&parent.constraints, &new.constraints) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => {
            let equal = old.encryption_context_equals.is_none()
                || old.encryption_context_equals == new.encryption_context_equals;
            let subset = old.encryption_context_subset.as_ref().is_none_or(|old| {
                let named = new.encryption_context_subset.as_ref().or(new.encryption_context_equals.as_ref());
                named.is_some_and(|named| old.iter().all(|(key, value)| named.get(key) == Some(value)))
            });
            equal && subset
        }
    };
    narrower && new.operations.iter().all(|operation| operations.contains(operation))
}

/// What is asked of a key.
pub struct Asked<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// `kms:Decrypt`.
    pub action: &'a str,
    /// The key's ARN.
    pub arn: &'a str,
    /// The account whose key it is.
    pub owner: &'a str,
    /// The values of a condition key, asked in lower case.
    pub conditions: &'a dyn Fn(&str) -> Option<Vec<String>>,
}

/// Whether the call may go on: what identity-based policies say, and what the key's policy says (which must allow), and a grant. The
/// same as for calls, but for what limits sessions and organizations.
pub fn decide(identity: &PolicySet, policies: &PolicySet, granted: Option<&Decider>, asked: &Asked<'_>) -> Decision {
    let resource = ResourceLayer { policies, account: asked.owner, must_allow: true, granted };
    let layers = Layers { identity: Some(identity), resource: Some(resource), ..Layers::default() };
    let request = Request {
        principal: asked.principal.clone(),
        action: asked.action,
        resource: asked.arn,
        context: asked.conditions,
    };
    authorize(&layers, &request)
}

/// A grant as what allows.
pub fn decider(grant: &Grant) -> Decider {
    Decider { policy: grant.id.clone(), statement: 0, sid: grant.name.clone() }
}

/// Reads a key policy and checks it. Source: KMS API reference, PutKeyPolicy.
pub fn parse_key_policy(text: &str) -> Result<Policy, Error> {
    use policy::document::Mistake;
    let malformed = |text: &str| Error::MalformedPolicyDocumentException(text.to_owned());
    let policy = Policy::parse(text).map_err(|error| match error.mistake {
        Mistake::TooLarge => Error::LimitExceededException("The policy exceeds the maximum allowed size.".to_owned()),
        Mistake::Principal => malformed(INVALID_PRINCIPALS),
        Mistake::NotJson => malformed("The policy document is not valid JSON."),
        _ => malformed("The new key policy is malformed."),
    })?;
    for statement in &policy.statements {
        let principals = statement.principals.as_ref();
        let principals = principals.ok_or_else(|| malformed("Policy contains a statement with no principal."))?;
        if !principals.listed().iter().all(policy::principal::Named::is_plausible) {
            return Err(malformed(INVALID_PRINCIPALS));
        }
        if statement.resources.is_none() {
            return Err(malformed("Policy contains a statement with no resource."));
        }
        let is_ours = |action: &str| action.contains(['*', '?']) || action.to_ascii_lowercase().starts_with("kms:");
        if !statement.actions.listed().iter().all(|action| is_ours(action.as_str())) {
            return Err(malformed("Policy contains a statement with one or more invalid actions."));
        }
    }
    Ok(policy)
}

const INVALID_PRINCIPALS: &str = "Policy contains a statement with one or more invalid principals.";

/// Refuses a policy under which who writes it (or, through its account, could be let) may not write the next one.
pub fn check_lockout(policy: Policy, caller: &Caller, arn: &str, owner: &str) -> Result<(), Error> {
    let set = PolicySet::new([(arn.to_owned(), policy)]);
    let conditions = Conditions::new().with("kms:CallerAccount", caller.account().map_or("", |account| account));
    let keeps = caller.as_principal(|principal| {
        let asked = Asked {
            principal,
            action: "kms:PutKeyPolicy",
            arn,
            owner,
            conditions: &|key| conditions.get(key).cloned(),
        };
        decide(&PolicySet::everything(), &set, None, &asked).is_allow()
    });
    let keeps = keeps.unwrap_or(false);
    if keeps {
        return Ok(());
    }
    let text = "The new key policy will not allow you to update the key policy in the future.";
    Err(Error::MalformedPolicyDocumentException(text.to_owned()))
}

/// The policy of a key for which none was given. Source: KMS developer guide, "Default key policy".
pub fn default_policy(partition: &str, account: &str) -> String {
    format!(
        "{{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n  \"Statement\" : [ {{\n    \
         \"Sid\" : \"Enable IAM User Permissions\",\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {{\n      \
         \"AWS\" : \"arn:{partition}:iam::{account}:root\"\n    }},\n    \"Action\" : \"kms:*\",\n    \
         \"Resource\" : \"*\"\n  }} ]\n}}"
    )
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
