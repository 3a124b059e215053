//! CreateGrant, ListGrants, ListRetirableGrants. Source: KMS developer guide, "Grants in AWS KMS".

use std::sync::Arc;

use base::{Region, Timestamp, ids};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{check_dry_run, check_grant_tokens, page};
use crate::Error;
use crate::access::Ask;
use crate::key::{Constraints, DOCUMENT_VERSION, Grant, Key, arn};
use crate::rules;
use crate::spec::KeyUsage;
use crate::store::Step;

/// Grants of one key. Source: KMS developer guide, "Resource quotas".
const GRANTS_MAX: usize = 50_000;
/// What tokens begin with, before base 64.
const TOKEN: &str = "cairn-grant-1";

/// What a grant token names: region, key and grant.
pub(super) fn read_token(token: &str) -> Result<(Region, String, String), Error> {
    let bad = || Error::InvalidGrantTokenException("The grant token is not valid.".to_owned());
    let text = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
    let parts: Vec<&str> = text.split('|').collect();
    let [TOKEN, region, key, grant, _] = parts[..] else { return Err(bad()) };
    Ok((Region::parse(region).ok_or_else(bad)?, key.to_owned(), grant.to_owned()))
}

/// Refuses what cannot be a principal of a grant.
fn check_principal(text: &str) -> Result<(), Error> {
    let is_service = !text.starts_with("arn:") && text.ends_with(".amazonaws.com");
    let is_arn = base::Arn::parse(text).is_some_and(|found| {
        let kinds = ["user/", "role/", "assumed-role/", "federated-user/"];
        matches!(found.service.as_str(), "iam" | "sts")
            && base::arn::is_account_id(&found.account)
            && (found.resource == "root" || kinds.iter().any(|kind| found.resource.starts_with(kind)))
    });
    if is_service || is_arn {
        return Ok(());
    }
    Err(Error::InvalidArnException("ARN does not refer to a valid principal".to_owned()))
}

/// Whether keys for this do the operation.
fn is_for(key: &Key, operation: &str) -> bool {
    match operation {
        "CreateGrant" | "RetireGrant" | "DescribeKey" => true,
        "Encrypt" | "Decrypt" | "ReEncryptFrom" | "ReEncryptTo" => key.usage == KeyUsage::EncryptDecrypt,
        "Sign" | "Verify" => key.usage == KeyUsage::SignVerify,
        "GenerateMac" | "VerifyMac" => key.usage == KeyUsage::Mac,
        "DeriveSharedSecret" => key.usage == KeyUsage::Agreement,
        "GetPublicKey" => key.spec.has_public_key(),
        _ => key.spec.is_symmetric(),
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateInput {
    key_id: String,
    grantee_principal: String,
    retiring_principal: Option<String>,
    operations: Vec<String>,
    constraints: Option<Constraints>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    name: Option<String>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    grant_token: String,
    grant_id: String,
}

impl CreateInput {
    fn ask<'a>(&'a self, key: &'a crate::Held, caller_is_service: bool) -> Ask<'a> {
        let constraints = self.constraints.as_ref();
        let kind = constraints.and_then(|constraints| {
            let equals = constraints.encryption_context_equals.is_some();
            let subset = constraints.encryption_context_subset.is_some();
            if equals { Some("EncryptionContextEquals") } else { subset.then_some("EncryptionContextSubset") }
        });
        let is_for_service =
            caller_is_service || (!self.grantee_principal.starts_with("arn:") && self.grantee_principal.contains('.'));
        let mut ask = Ask::of(key, &self.key_id, "CreateGrant")
            .with("kms:GranteePrincipal", self.grantee_principal.as_str())
            .with("kms:GrantIsForAWSResource", is_for_service.to_string())
            .with_some("kms:RetiringPrincipal", self.retiring_principal.as_deref())
            .with_some("kms:GrantConstraintType", kind);
        ask.more = ask.more.with_all("kms:GrantOperations", self.operations.iter().cloned());
        if let Some(constraints) = constraints {
            let pairs = constraints.encryption_context_equals.iter().chain(&constraints.encryption_context_subset);
            ask.more = pairs.fold(ask.more, |more, context| more.with_context(context));
        }
        ask
    }
}

operation! {
    /// Lets somebody use a key, beside what its policy says.
    CreateGrant: CreateInput => CreateOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let is_service = matches!(call.caller, ports::Caller::Service { .. });
        let parent = kms.authorize(call, input.ask(&key, is_service)).await?;
        check_grant_tokens(&input.grant_tokens)?;
        check_principal(&input.grantee_principal)?;
        input.retiring_principal.as_deref().map_or(Ok(()), check_principal)?;
        if let Some(operation) = input.operations.iter().find(|operation| !is_for(&key, operation)) {
            let text = format!("Operation {operation} is not valid for {} keys with key spec {}.", key.usage, key.spec);
            return Err(Error::ValidationException(text).into());
        }
        if input.constraints.is_some() && !key.spec.is_symmetric() {
            let text = "Grant constraints can only be used with symmetric encryption keys.";
            return Err(Error::ValidationException(text.to_owned()).into());
        }
        key.check_enabled(call.time)?;
        let random = |bytes: usize| {
            let mut all = vec![0; bytes];
            kms.deps.env.rng.fill(&mut all);
            ids::hex(&all)
        };
        let new = Grant {
            v: DOCUMENT_VERSION,
            id: random(32),
            region: key.region.clone(),
            key_id: key.id.clone(),
            name: input.name,
            created: call.time,
            grantee: input.grantee_principal,
            retiring: input.retiring_principal,
            issuer: call.caller.account().unwrap_or(&kms.deps.account).to_string(),
            operations: input.operations,
            constraints: input.constraints,
        };
        if parent.is_some_and(|parent| !rules::is_within(&new, &parent)) {
            let text = "A grant made by a grantee cannot allow more than the grant that lets the grantee make it.";
            return Err(Error::AccessDeniedException(text.to_owned()).into());
        }
        check_dry_run(input.dry_run)?;
        let salt = random(16);
        let id = kms
            .store
            .change(|memory| {
                let same = |grant: &&Arc<Grant>| {
                    **grant == Arc::new(Grant { id: grant.id.clone(), created: grant.created, ..new.clone() })
                };
                if let Some(known) = memory.grants(&key.region, &key.id).find(same).filter(|_| new.name.is_some()) {
                    return Ok((Vec::new(), known.id.clone()));
                }
                if memory.grants(&key.region, &key.id).count() >= GRANTS_MAX {
                    let text = format!("The quota of grants of {} is reached.", key.arn);
                    return Err(Error::LimitExceededException(text).into());
                }
                let id = new.id.clone();
                Ok((vec![Step::PutGrant(new)], id))
            })
            .await?;
        let grant_token = STANDARD.encode([TOKEN, &key.region, &key.id, &id, &salt].join("|"));
        Ok(CreateOutput { grant_token, grant_id: id })
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GrantListEntry {
    key_id: String,
    grant_id: String,
    name: Option<String>,
    creation_date: Timestamp,
    grantee_principal: String,
    retiring_principal: Option<String>,
    issuing_account: String,
    operations: Vec<String>,
    constraints: Option<Constraints>,
}

impl GrantListEntry {
    fn of(grant: &Grant, region: Region, account: &str) -> GrantListEntry {
        GrantListEntry {
            key_id: arn(region, account, &format!("key/{}", grant.key_id)),
            grant_id: grant.id.clone(),
            name: grant.name.clone(),
            creation_date: grant.created,
            grantee_principal: grant.grantee.clone(),
            retiring_principal: grant.retiring.clone(),
            issuing_account: format!("arn:{}:iam::{}:root", region.partition(), grant.issuer),
            operations: grant.operations.clone(),
            constraints: grant.constraints.clone(),
        }
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    grants: Vec<GrantListEntry>,
    next_marker: Option<String>,
    truncated: bool,
}

fn listed(
    all: Vec<Arc<Grant>>,
    marker: Option<&str>,
    limit: Option<i64>,
    region: Region,
    account: &str,
) -> Result<ListOutput, Error> {
    let page = page(all, |grant| &grant.id, marker, limit.map(|limit| limit.min(100)), 50)?;
    let grants = page.items.iter().map(|grant| GrantListEntry::of(grant, region, account)).collect();
    Ok(ListOutput { grants, truncated: page.next_token.is_some(), next_marker: page.next_token })
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    limit: Option<i64>,
    marker: Option<String>,
    key_id: String,
    grant_id: Option<String>,
    grantee_principal: Option<String>,
}

operation! {
    /// Lists the grants of a key.
    ListGrants: ListInput => ListOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "ListGrants")).await?;
        let is_wanted = |grant: &&Arc<Grant>| {
            input.grant_id.as_ref().is_none_or(|id| *id == grant.id)
                && input.grantee_principal.as_ref().is_none_or(|name| *name == grant.grantee)
        };
        let all: Vec<_> =
            kms.store.see(|memory| memory.grants(&key.region, &key.id).filter(is_wanted).cloned().collect());
        if let (Some(id), true) = (&input.grant_id, all.is_empty()) {
            return Err(Error::InvalidGrantIdException(format!("Grant ID {id} is not valid.")).into());
        }
        Ok(listed(all, input.marker.as_deref(), input.limit, call.region, &kms.deps.account)?)
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRetirableInput {
    limit: Option<i64>,
    marker: Option<String>,
    retiring_principal: String,
}

operation! {
    /// Lists the grants of a region that somebody may give back.
    ListRetirableGrants on "*": ListRetirableInput => ListOutput, |kms, call, input| {
        check_principal(&input.retiring_principal)?;
        let is_theirs = |grant: &&Arc<Grant>| grant.retiring.as_ref() == Some(&input.retiring_principal);
        let mut all: Vec<_> =
            kms.store.see(|memory| memory.all_grants(call.region).filter(is_theirs).cloned().collect());
        all.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(listed(all, input.marker.as_deref(), input.limit, call.region, &kms.deps.account)?)
    }
}
