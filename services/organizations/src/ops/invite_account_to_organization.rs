//! InviteAccountToOrganization: invites an account, named by its number or by its email address.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::{Error, constraint, handshake_constraint, invalid};
use crate::ids;
use crate::ops::feature_handshakes;
use crate::records::{Action, Handshake, HandshakeState, Party, VERSION};
use crate::tags::{self, Tag};
use crate::views::HandshakeView;
use crate::world::ACCOUNTS_MAX;

/// Invites an account, named by its number or by its email address.
pub struct InviteAccountToOrganization;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    target: Target,
    notes: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    handshake: HandshakeView,
}

impl Operation for InviteAccountToOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "InviteAccountToOrganization";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { target, notes, tags } = input;
        let Organizations { store, env, .. } = organizations;
        store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                let tags = tags::merged(&[], tags)?;
                let (to, invited) = match target.r#type.as_str() {
                    "ACCOUNT" if base::arn::is_account_id(&target.id) => {
                        let account = world.accounts.get(&target.id);
                        let account = account.ok_or(Error::AccountNotFoundException)?;
                        (Party::Account(target.id), Some(account))
                    }
                    "EMAIL" if target.id.contains('@') => {
                        let same = |email: &str| email.eq_ignore_ascii_case(&target.id);
                        let account = world.accounts.values().find(|account| same(&account.email));
                        (Party::Email(target.id), account)
                    }
                    "EMAIL" => {
                        let text = "You specified an invalid email address for the invited account owner.";
                        return Err(invalid("INVALID_EMAIL_ADDRESS_TARGET", text));
                    }
                    "ACCOUNT" => {
                        let text = "You specified a policy target ID that doesn't match the required pattern.";
                        return Err(invalid("INVALID_PATTERN_TARGET_ID", text));
                    }
                    _ => {
                        let text =
                            "You specified the wrong type of entity (account, organization, or email) as a party.";
                        return Err(invalid("INVALID_PARTY_TYPE_TARGET", text));
                    }
                };
                let member = invited.and_then(|account| account.member.as_ref());
                if member.is_some_and(|member| member.organization == organization.id) {
                    let text = "The account is already a member of the organization.";
                    return Err(handshake_constraint("ALREADY_IN_AN_ORGANIZATION", text));
                }
                if feature_handshakes::is_open(world, &organization.id, call.time) {
                    let text =
                        "You can't send invitations while the organization waits for all features to be enabled.";
                    return Err(handshake_constraint("INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES", text));
                }
                let open = |handshake: &&std::sync::Arc<Handshake>| {
                    handshake.organization == organization.id
                        && handshake.action == Action::Invite
                        && handshake.state_at(call.time) == HandshakeState::Open
                };
                let open: Vec<_> = world.handshakes.values().filter(open).collect();
                if open.iter().any(|handshake| handshake.to == to) {
                    return Err(Error::DuplicateHandshakeException.into());
                }
                if open.len() >= INVITATIONS_MAX {
                    let text = "You have exceeded the number of handshakes that you can send at a time.";
                    return Err(handshake_constraint("HANDSHAKE_RATE_LIMIT_EXCEEDED", text));
                }
                // An invitation counts as the account that it may become.
                if world.members(&organization.id).count() + open.len() >= ACCOUNTS_MAX {
                    let text = "You have exceeded the allowed number of AWS accounts.";
                    return Err(constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", text));
                }
                let management = world.accounts.get(&organization.management);
                let made = Handshake {
                    v: VERSION,
                    id: ids::handshake(&env.rng),
                    organization: organization.id.clone(),
                    management: organization.management.clone(),
                    management_email: management.map(|account| account.email.clone()).unwrap_or_default(),
                    management_name: management.map(|account| account.name.clone()).unwrap_or_default(),
                    action: Action::Invite,
                    state: HandshakeState::Open,
                    to,
                    requested: call.time,
                    expires: call.time.plus_ms(INVITATION_MS),
                    ended: None,
                    notes,
                    tags,
                    parent: None,
                };
                let handshake = HandshakeView::new(&made, call.time);
                draft.handshake(made);
                Ok(Output { handshake })
            })
            .await
    }
}

/// How long an invitation is open. Source: user guide, "Managing account invitations with AWS Organizations".
const INVITATION_MS: i64 = 15 * base::time::DAY_MS;
/// Open invitations at a time: what one commit can take back with the organization, and then some.
const INVITATIONS_MAX: usize = 1000;

/// The modelled `HandshakeParty`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    id: String,
    r#type: String,
}
