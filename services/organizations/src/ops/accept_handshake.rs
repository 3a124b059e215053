//! AcceptHandshake: accepts an invitation, consents to all features, or finishes enabling them.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::{Error, constraint, handshake_constraint};
use crate::joining::new_member;
use crate::ops::feature_handshakes::{self, for_me, must_be_open};
use crate::records::{Account, Action, FeatureSet, Handshake, HandshakeState, Joined, Organization};
use crate::views::HandshakeView;
use crate::world::ACCOUNTS_MAX;

/// Accepts an invitation, consents to all features, or finishes enabling them.
pub struct AcceptHandshake;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    handshake_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    handshake: HandshakeView,
}

impl Operation for AcceptHandshake {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "AcceptHandshake";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let handshake = for_me(world, call, &input.handshake_id)?;
                must_be_open(handshake, HandshakeState::Accepted, call.time)?;
                let (state, ended) = (HandshakeState::Accepted, Some(call.time));
                let accepted = Handshake { state, ended, ..(**handshake).clone() };
                let organization = world.organizations.get(&handshake.organization);
                let organization = organization.ok_or(Error::InvalidHandshakeTransitionException)?;
                match handshake.action {
                    Action::Invite => {
                        let account = world.accounts.get(&*call.account).ok_or(Error::AccessDeniedException)?;
                        if account.member.is_some() {
                            let text = "The account is already a member of an organization.";
                            return Err(handshake_constraint("ALREADY_IN_AN_ORGANIZATION", text));
                        }
                        if world.members(&organization.id).count() >= ACCOUNTS_MAX {
                            let text = "You have exceeded the allowed number of AWS accounts.";
                            return Err(constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", text));
                        }
                        let (root, tags) = (&organization.root, handshake.tags.clone());
                        let member = new_member(&organization.id, root, Joined::Invited, call.time, tags);
                        draft.account(Account { member: Some(member), ..(**account).clone() });
                        draft.handshake(accepted.clone());
                    }
                    Action::ApproveAllFeatures => {
                        let state = HandshakeState::Accepted;
                        feature_handshakes::finish_child(world, draft, handshake, state, call.time);
                    }
                    Action::EnableAllFeatures => {
                        access::manager(world, call)?;
                        let feature_set = FeatureSet::All;
                        draft.organization(Organization { feature_set, ..(**organization).clone() });
                        draft.handshake(accepted.clone());
                    }
                }
                Ok(Output { handshake: HandshakeView::new(&accepted, call.time) })
            })
            .await
    }
}
