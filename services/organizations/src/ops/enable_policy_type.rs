//! EnablePolicyType: enables a type of policies for the whole organization. What AWS wrote for the type is then attached everywhere.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::kinds::PolicyType;
use crate::records::{FeatureSet, Organization};
use crate::views::{RootView, arn};

/// Enables a type of policies for the whole organization.
pub struct EnablePolicyType;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    root_id: String,
    policy_type: PolicyType,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    root: RootView,
}

impl Operation for EnablePolicyType {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "EnablePolicyType";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:root/o-*/{RootId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { root_id, policy_type: kind } = input;
        organizations
            .store
            .change(|world, draft| {
                let (organization, ..) = access::member(world, call)?;
                access::may(organization, call, &arn(organization, "root", &root_id), Some(kind))?;
                if organization.root != root_id {
                    return Err(Error::RootNotFoundException.into());
                }
                if organization.feature_set != FeatureSet::All {
                    return Err(Error::PolicyTypeNotAvailableForOrganizationException.into());
                }
                let mut made = Organization::clone(organization);
                if made.types.contains_key(&kind) {
                    return Err(Error::PolicyTypeAlreadyEnabledException.into());
                }
                made.generation += 1;
                made.types.insert(kind, made.generation);
                let root = RootView::new(&made);
                draft.organization(made);
                Ok(Output { root })
            })
            .await
    }
}
