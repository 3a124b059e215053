//! UpdateOrganizationalUnit: gives a unit another name.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::records::Unit;
use crate::views::UnitView;

/// Gives a unit another name.
pub struct UpdateOrganizationalUnit;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    organizational_unit_id: String,
    name: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    organizational_unit: UnitView,
}

impl Operation for UpdateOrganizationalUnit {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UpdateOrganizationalUnit";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:ou/o-*/{OrganizationalUnitId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                let unit = world.unit(organization, &input.organizational_unit_id);
                let mut unit = Unit::clone(unit.ok_or(Error::OrganizationalUnitNotFoundException)?);
                if let Some(name) = input.name.filter(|name| *name != unit.name) {
                    if world.units_in(&organization.id, &unit.parent).iter().any(|other| other.name == name) {
                        return Err(Error::DuplicateOrganizationalUnitException.into());
                    }
                    unit.name = name;
                    draft.unit(unit.clone());
                }
                Ok(Output { organizational_unit: UnitView::new(world, organization, &unit) })
            })
            .await
    }
}
