//! DescribeOrganization: shows the organization that the caller's account is in.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::views::OrganizationView;

/// Shows the organization that the caller's account is in.
pub struct DescribeOrganization;

/// See the model.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    organization: OrganizationView,
}

impl Operation for DescribeOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeOrganization";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, _input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let (organization, ..) = access::member(&world, call)?;
        let email = world.accounts.get(&organization.management).map_or("", |account| &account.email);
        Ok(Output { organization: OrganizationView::new(organization, email) })
    }
}
