//! DeleteOrganization: removes an organization that has no members but its management account, with its units and policies.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::records::{Account, Handshake, HandshakeState};

/// Removes an organization that has no members but its management account, with its units and policies.
pub struct DeleteOrganization;

/// See the model.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DeleteOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteOrganization";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, _input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                if world.members(&organization.id).count() > 1 {
                    return Err(Error::OrganizationNotEmptyException.into());
                }
                let open = world.handshakes.values().filter(|handshake| {
                    handshake.organization == organization.id && handshake.ended_at(call.time).is_none()
                });
                for handshake in open {
                    let (state, ended) = (HandshakeState::Canceled, Some(call.time));
                    draft.handshake(Handshake { state, ended, ..(**handshake).clone() });
                }
                let (_, account, _) = access::member(world, call)?;
                draft.account(Account { member: None, ..(**account).clone() });
                draft.remove_organization(&organization.id);
                Ok(())
            })
            .await?;
        organizations.sweep().await?;
        Ok(Output {})
    }
}
