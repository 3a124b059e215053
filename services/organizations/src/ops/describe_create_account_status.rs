//! DescribeCreateAccountStatus: shows how far a request for an account is.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::views::CreationView;

/// Shows how far a request for an account is.
pub struct DescribeCreateAccountStatus;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    create_account_request_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    create_account_status: CreationView,
}

impl Operation for DescribeCreateAccountStatus {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeCreateAccountStatus";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let creation = world.creations.get(&input.create_account_request_id);
        let creation = creation.filter(|creation| creation.organization == organization.id);
        let creation = creation.ok_or(Error::CreateAccountStatusNotFoundException)?;
        Ok(Output { create_account_status: CreationView::new(creation) })
    }
}
