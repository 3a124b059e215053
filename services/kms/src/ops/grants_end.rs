//! RetireGrant, RevokeGrant: a grant ends, given back by those it is for or taken back by the key's owner.

use std::sync::Arc;

use serde::Deserialize;
use service::ApiError;

use super::check_dry_run;
use super::grants::read_token;
use crate::access::Ask;
use crate::key::Grant;
use crate::rules;
use crate::store::Step;
use crate::{Error, Held, Kms};

impl Kms {
    fn grant(&self, key: &Held, id: &str) -> Result<Arc<Grant>, Error> {
        let found = self.store.see(|memory| memory.grants(&key.region, &key.id).find(|grant| grant.id == id).cloned());
        found.ok_or_else(|| Error::NotFoundException(format!("Grant ID {id} not found")))
    }

    async fn end(&self, grant: Arc<Grant>) -> Result<(), ApiError> {
        self.store
            .change(|memory| {
                let still = memory.grants(&grant.region, &grant.key_id).find(|known| known.id == grant.id).cloned();
                Ok((still.into_iter().map(Step::RemoveGrant).collect(), ()))
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RetireInput {
    grant_token: Option<String>,
    key_id: Option<String>,
    grant_id: Option<String>,
    dry_run: Option<bool>,
}

operation! {
    /// Gives a grant back: by its retiring principal, by its grantee if it allows that, or by who may by policies.
    RetireGrant: RetireInput => (), |kms, call, input| {
        let (key, grant_id, named) = match (input.grant_token, input.key_id, input.grant_id) {
            (Some(token), key_id, _) => {
                let (region, of, grant_id) = read_token(&token)?;
                if region != call.region || key_id.is_some_and(|id| !id.ends_with(&of)) {
                    return Err(Error::InvalidGrantTokenException("The grant token is not valid.".to_owned()).into());
                }
                (kms.key(region, &of)?, grant_id, of)
            }
            (None, Some(key_id), Some(grant_id)) => (kms.resolve_key(call.region, &key_id)?, grant_id, key_id),
            _ => {
                let text = "Grant token OR (grant ID, key ID) must be specified";
                return Err(Error::ValidationException(text.to_owned()).into());
            }
        };
        let grant = kms.grant(&key, &grant_id)?;
        let names = rules::grantees(&call.caller);
        let may_itself = grant.retiring.as_ref().is_some_and(|retiring| names.contains(retiring))
            || grant.operations.iter().any(|operation| operation == "RetireGrant")
                && names.contains(&grant.grantee);
        if may_itself {
            call.note_resource("AWS::KMS::Key", key.arn.as_str());
        } else {
            kms.authorize(call, Ask::of(&key, &named, "RetireGrant")).await?;
        }
        check_dry_run(input.dry_run)?;
        kms.end(grant).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RevokeInput {
    key_id: String,
    grant_id: String,
    dry_run: Option<bool>,
}

operation! {
    /// Takes a grant back.
    RevokeGrant: RevokeInput => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "RevokeGrant")).await?;
        let grant = kms.grant(&key, &input.grant_id)?;
        check_dry_run(input.dry_run)?;
        kms.end(grant).await
    }
}
