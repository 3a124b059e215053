//! DescribeOrganizationalUnit: shows a unit.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::views::UnitView;

/// Shows a unit.
pub struct DescribeOrganizationalUnit;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    organizational_unit_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    organizational_unit: UnitView,
}

impl Operation for DescribeOrganizationalUnit {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeOrganizationalUnit";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:ou/o-*/{OrganizationalUnitId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let unit = world.unit(organization, &input.organizational_unit_id);
        let unit = unit.ok_or(Error::OrganizationalUnitNotFoundException)?;
        Ok(Output { organizational_unit: UnitView::new(&world, organization, unit) })
    }
}
