//! MoveAccount: moves an account to another parent.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::records::{Account, Member};

/// Moves an account to another parent.
pub struct MoveAccount;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_id: String,
    source_parent_id: String,
    destination_parent_id: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for MoveAccount {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "MoveAccount";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { account_id, source_parent_id, destination_parent_id } = input;
        organizations
            .store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                let (account, member) =
                    world.member(organization, &account_id).ok_or(Error::AccountNotFoundException)?;
                if !world.is_parent(organization, &source_parent_id) {
                    return Err(Error::SourceParentNotFoundException.into());
                }
                if !world.is_parent(organization, &destination_parent_id) {
                    return Err(Error::DestinationParentNotFoundException.into());
                }
                if member.parent == destination_parent_id {
                    return Err(Error::DuplicateAccountException.into());
                }
                if member.parent != source_parent_id {
                    return Err(Error::SourceParentNotFoundException.into());
                }
                let member = Member { parent: destination_parent_id, ..member.clone() };
                draft.account(Account { member: Some(member), ..(**account).clone() });
                Ok(Output {})
            })
            .await
    }
}
