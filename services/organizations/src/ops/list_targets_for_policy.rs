//! ListTargetsForPolicy: lists the roots, units and accounts that a policy is attached to.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::paging::page;
use crate::records::Organization;
use crate::views::target_arn;
use crate::world::{Target, attached};

/// Lists the roots, units and accounts that a policy is attached to.
pub struct ListTargetsForPolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_id: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    targets: Vec<TargetView>,
    next_token: Option<String>,
}

impl Operation for ListTargetsForPolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListTargetsForPolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let policy = world.policy(organization, &input.policy_id).ok_or(Error::PolicyNotFoundException)?;
        let id = policy.id().to_owned();
        let targets = world.targets(organization);
        let targets = targets.filter(|target| attached(organization, target.attached(), policy.kind()).contains(&id));
        let items: Vec<_> = targets.map(|target| TargetView::new(organization, target)).collect();
        let (targets, next_token) =
            page(items, |target| target.target_id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { targets, next_token })
    }
}

/// The modelled `PolicyTargetSummary`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetView {
    target_id: String,
    arn: String,
    name: String,
    r#type: &'static str,
}

impl TargetView {
    fn new(organization: &Organization, target: Target<'_>) -> TargetView {
        let (kind, name) = match target {
            Target::Root(_) => ("ROOT", "Root"),
            Target::Unit(unit) => ("ORGANIZATIONAL_UNIT", unit.name.as_str()),
            Target::Account(account, _) => ("ACCOUNT", account.name.as_str()),
        };
        let (target_id, arn) = (target.id().to_owned(), target_arn(organization, target));
        TargetView { target_id, arn, name: name.to_owned(), r#type: kind }
    }
}
