//! EnableAllFeatures: begins the way from consolidated billing to all features: members who were invited must consent, then the management account.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::handshake_constraint;
use crate::ids;
use crate::ops::feature_handshakes::{features, is_open};
use crate::records::{Action, FeatureSet, HandshakeState, Joined, Party};
use crate::views::HandshakeView;

/// Begins the way from consolidated billing to all features: members who were invited must consent, then the management account.
pub struct EnableAllFeatures;

/// See the model.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    handshake: HandshakeView,
}

impl Operation for EnableAllFeatures {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "EnableAllFeatures";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, _input: Input) -> Result<Output, ApiError> {
        let Organizations { store, env, .. } = organizations;
        store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                if organization.feature_set == FeatureSet::All {
                    let text = "The organization already has all features enabled.";
                    return Err(handshake_constraint("ORGANIZATION_ALREADY_HAS_ALL_FEATURES", text));
                }
                if is_open(world, &organization.id, call.time) {
                    let text = "The organization is already pending the migration to all features.";
                    return Err(handshake_constraint("ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION", text));
                }
                let mut parent = features(world, organization, ids::handshake(&env.rng), call.time);
                for (account, member) in world.members(&organization.id) {
                    if member.method == Joined::Created
                        || account.id == organization.management
                        || account.closed.is_some()
                    {
                        continue;
                    }
                    let mut child = features(world, organization, ids::handshake(&env.rng), call.time);
                    child.action = Action::ApproveAllFeatures;
                    child.to = Party::Account(account.id.clone());
                    child.parent = Some(parent.id.clone());
                    draft.handshake(child);
                    parent.state = HandshakeState::Requested;
                }
                let handshake = HandshakeView::new(&parent, call.time);
                draft.handshake(parent);
                Ok(Output { handshake })
            })
            .await
    }
}
