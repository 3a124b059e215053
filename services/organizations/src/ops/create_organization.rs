//! CreateOrganization: makes an organization of which the caller's account is the management account.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::error::Error;
use crate::ids;
use crate::joining::new_member;
use crate::records::{Account, Attached, FeatureSet, Joined, Organization, VERSION};
use crate::views::OrganizationView;

/// Makes an organization of which the caller's account is the management account.
pub struct CreateOrganization;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    feature_set: Option<FeatureSet>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    organization: OrganizationView,
}

impl Operation for CreateOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateOrganization";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Organizations { store, env, .. } = organizations;
        store
            .change(|world, draft| {
                let account = world.accounts.get(&*call.account).ok_or(Error::AccessDeniedException)?;
                if account.member.is_some() {
                    return Err(Error::AlreadyInOrganizationException.into());
                }
                let made = Organization {
                    v: VERSION,
                    id: ids::organization(&env.rng, world),
                    management: account.id.clone(),
                    feature_set: input.feature_set.unwrap_or(FeatureSet::All),
                    root: ids::root(&env.rng, world),
                    tags: Vec::new(),
                    attached: Attached::default(),
                    types: Default::default(),
                    generation: 0,
                    services: Vec::new(),
                    resource_policy: None,
                };
                let member = new_member(&made.id, &made.root, Joined::Invited, call.time, Vec::new());
                draft.account(Account { member: Some(member), ..(**account).clone() });
                let organization = OrganizationView::new(&made, &account.email);
                draft.organization(made);
                Ok(Output { organization })
            })
            .await
    }
}
