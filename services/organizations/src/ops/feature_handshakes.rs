//! What operations on handshakes have in common, and the handshakes by which an organization comes to have all features: the management
//! account's own waits until every member that was invited has accepted one of its own.

use std::sync::Arc;

use base::Timestamp;
use serde::Deserialize;
use service::{ApiError, Call};

use crate::error::Error;
use crate::records::{Action, Handshake, HandshakeState, Organization, Party, VERSION};
use crate::store::Draft;
use crate::world::World;

/// How long members have to consent. Source: user guide, "Enabling all features for an organization".
const FEATURES_MS: i64 = 90 * base::time::DAY_MS;

/// The modelled `HandshakeFilter`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    action_type: Option<String>,
    parent_handshake_id: Option<String>,
}

impl Filter {
    /// Whether a handshake is asked for.
    pub fn takes(&self, handshake: &Handshake) -> bool {
        let action = match handshake.action {
            Action::Invite => "INVITE",
            Action::EnableAllFeatures => "ENABLE_ALL_FEATURES",
            Action::ApproveAllFeatures => "APPROVE_ALL_FEATURES",
        };
        self.action_type.as_deref().is_none_or(|wanted| wanted == action)
            && self.parent_handshake_id.as_deref().is_none_or(|parent| handshake.parent.as_deref() == Some(parent))
    }
}

/// Whether an account is the one that a handshake is for.
pub fn is_to(world: &World, handshake: &Handshake, account: &str) -> bool {
    match &handshake.to {
        Party::Account(id) => id == account,
        Party::Email(email) => {
            world.accounts.get(account).is_some_and(|account| account.email.eq_ignore_ascii_case(email))
        }
        Party::Organization => handshake.management == account,
    }
}

/// The handshake with this identifier, if the caller's account is a party.
pub fn mine<'a>(world: &'a World, call: &Call, id: &str) -> Result<&'a Arc<Handshake>, ApiError> {
    let handshake = world.handshakes.get(id).ok_or(Error::HandshakeNotFoundException)?;
    if *handshake.management == *call.account || is_to(world, handshake, &call.account) {
        return Ok(handshake);
    }
    Err(Error::AccessDeniedException.into())
}

/// The handshake with this identifier, if the caller's account is the one to answer.
pub fn for_me<'a>(world: &'a World, call: &Call, id: &str) -> Result<&'a Arc<Handshake>, ApiError> {
    let handshake = mine(world, call, id)?;
    if is_to(world, handshake, &call.account) { Ok(handshake) } else { Err(Error::AccessDeniedException.into()) }
}

/// Refuses to answer a handshake that is not open.
pub fn must_be_open(handshake: &Handshake, wanted: HandshakeState, now: Timestamp) -> Result<(), Error> {
    match handshake.state_at(now) {
        HandshakeState::Open => Ok(()),
        state if state == wanted => Err(Error::HandshakeAlreadyInStateException),
        _ => Err(Error::InvalidHandshakeTransitionException),
    }
}

/// Whether an organization waits for all features.
pub fn is_open(world: &World, organization: &str, now: Timestamp) -> bool {
    world.handshakes.values().any(|handshake| {
        handshake.organization == organization
            && handshake.action == Action::EnableAllFeatures
            && handshake.ended_at(now).is_none()
    })
}

/// A handshake that is open to the management account itself.
pub fn features(world: &World, organization: &Organization, id: String, now: Timestamp) -> Handshake {
    let management = world.accounts.get(&organization.management);
    Handshake {
        v: VERSION,
        id,
        organization: organization.id.clone(),
        management: organization.management.clone(),
        management_email: management.map(|account| account.email.clone()).unwrap_or_default(),
        management_name: management.map(|account| account.name.clone()).unwrap_or_default(),
        action: Action::EnableAllFeatures,
        state: HandshakeState::Open,
        to: Party::Organization,
        requested: now,
        expires: now.plus_ms(FEATURES_MS),
        ended: None,
        notes: None,
        tags: Vec::new(),
        parent: None,
    }
}

/// Ends a member's handshake. If it was the last that the management account's waited for, that one opens.
pub fn finish_child(world: &World, draft: &mut Draft, child: &Handshake, state: HandshakeState, now: Timestamp) {
    draft.handshake(Handshake { state, ended: Some(now), ..child.clone() });
    let Some(parent) = child.parent.as_ref().and_then(|id| world.handshakes.get(id)) else { return };
    let waits = world.handshakes.values().any(|other| {
        other.parent == child.parent
            && other.id != child.id
            && !matches!(other.state, HandshakeState::Accepted | HandshakeState::Canceled)
    });
    if !waits && parent.state_at(now) == HandshakeState::Requested {
        draft.handshake(Handshake { state: HandshakeState::Open, ..(**parent).clone() });
    }
}

/// Does not wait for a member's consent any more: it leaves.
pub fn without(
    world: &World,
    draft: &mut Draft,
    organization: &Organization,
    account: &str,
    state: HandshakeState,
    now: Timestamp,
) {
    let child = world.handshakes.values().find(|handshake| {
        handshake.organization == organization.id
            && handshake.action == Action::ApproveAllFeatures
            && handshake.to == Party::Account(account.to_owned())
            && handshake.state != HandshakeState::Accepted
            && handshake.ended_at(now).is_none()
    });
    if let Some(child) = child {
        finish_child(world, draft, child, state, now);
    }
}
