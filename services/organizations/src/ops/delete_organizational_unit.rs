//! DeleteOrganizationalUnit: removes a unit that nothing is in.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;

/// Removes a unit that nothing is in.
pub struct DeleteOrganizationalUnit;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    organizational_unit_id: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DeleteOrganizationalUnit {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteOrganizationalUnit";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:ou/o-*/{OrganizationalUnitId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                let id = &input.organizational_unit_id;
                if world.unit(organization, id).is_none() {
                    return Err(Error::OrganizationalUnitNotFoundException.into());
                }
                let units = world.units_in(&organization.id, id);
                if !units.is_empty() || !world.accounts_in(&organization.id, id).is_empty() {
                    return Err(Error::OrganizationalUnitNotEmptyException.into());
                }
                draft.remove_unit(id);
                Ok(Output {})
            })
            .await
    }
}
