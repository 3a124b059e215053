//! LeaveOrganization: takes the caller's account out of its organization.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::joining::leave;

/// Takes the caller's account out of its organization.
pub struct LeaveOrganization;

/// See the model.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for LeaveOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "LeaveOrganization";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, _input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let (_, account, _) = access::member(world, call)?;
                leave(world, draft, account, call.time)?;
                Ok(Output {})
            })
            .await
    }
}
