//! CloseAccount: closes a member: nobody of it is let in any more.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::{Error, constraint};
use crate::records::Account;

/// Closes a member: nobody of it is let in any more.
pub struct CloseAccount;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_id: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for CloseAccount {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CloseAccount";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let organization = access::full_manager(world, call)?;
                let (account, _) =
                    world.member(organization, &input.account_id).ok_or(Error::AccountNotFoundException)?;
                if account.id == organization.management {
                    let text = "You can't close the management account. To close the management account, you must first close or \
                                remove all member accounts in the organization.";
                    return Err(constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", text));
                }
                if account.closed.is_some() {
                    return Err(Error::AccountAlreadyClosedException.into());
                }
                let recent = |closed: &base::Timestamp| call.time.since_ms(*closed) < CLOSINGS_WITHIN_MS;
                let all = world.members(&organization.id).count();
                let closings = world.members(&organization.id).filter_map(|(account, _)| account.closed).filter(recent);
                if closings.count() >= CLOSINGS_MAX.max(all / 5) {
                    let text = "You have exceeded the close account quota for the past 30 days.";
                    return Err(constraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", text));
                }
                draft.account(Account { closed: Some(call.time), ..(**account).clone() });
                Ok(Output {})
            })
            .await
    }
}

/// This many accounts, or a fifth of all if that is more, may be closed within 30 days. Source: API reference, "CloseAccount".
const CLOSINGS_MAX: usize = 250;
/// See [`CLOSINGS_MAX`].
const CLOSINGS_WITHIN_MS: i64 = 30 * base::time::DAY_MS;
