//! CreateAccount: makes an account in the organization's root, with a role that lets the management account in.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::constraint;
use crate::ids;
use crate::joining::{new_account, new_member};
use crate::records::{Account, Creation, CreationState, Joined, RoleToMake, VERSION};
use crate::tags::{self, Tag};
use crate::views::CreationView;
use crate::world::ACCOUNTS_MAX;

/// Makes an account in the organization's root, with a role that lets the management account in.
pub struct CreateAccount;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    email: String,
    account_name: String,
    role_name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    create_account_status: CreationView,
}

impl Operation for CreateAccount {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateAccount";
    const RESOURCE: &'static str = "*";
    // There are no bills to look at.
    const IGNORES: &'static [&'static str] = &["IamUserAccessToBilling"];

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { email, account_name: name, role_name, tags } = input;
        let Organizations { store, env, .. } = organizations;
        let (request, account) = store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                let tags = tags::merged(&[], tags)?;
                if world.members(&organization.id).count() >= ACCOUNTS_MAX {
                    let text = "You have exceeded the allowed number of AWS accounts.";
                    return Err(constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", text));
                }
                let mut creation = Creation {
                    v: VERSION,
                    id: ids::creation(&env.rng),
                    organization: organization.id.clone(),
                    name: name.clone(),
                    state: CreationState::InProgress,
                    requested: call.time,
                    completed: None,
                    account: None,
                    failure: None,
                    told: false,
                };
                let request = creation.id.clone();
                if world.accounts.values().any(|account| account.email.eq_ignore_ascii_case(&email)) {
                    creation.state = CreationState::Failed;
                    creation.completed = Some(call.time);
                    creation.failure = Some("EMAIL_ALREADY_EXISTS".to_owned());
                    draft.creation(creation);
                    return Ok((request, None));
                }
                let id = ids::account(&env.rng, world);
                creation.account = Some(id.clone());
                draft.creation(creation);
                let role_name = role_name.unwrap_or_else(|| DEFAULT_ROLE.to_owned());
                draft.account(Account {
                    ready: false,
                    role: Some(RoleToMake { name: role_name, management: organization.management.clone() }),
                    member: Some(new_member(&organization.id, &organization.root, Joined::Created, call.time, tags)),
                    ..new_account(id.clone(), name, email, call.time)
                });
                Ok((request, Some(id)))
            })
            .await?;
        if let Some(account) = account {
            organizations.prepare(&account).await?;
        }
        organizations.tell_results().await;
        let world = organizations.store.world();
        let creation = world.creations.get(&request).ok_or_else(|| ApiError::internal("a new request is gone"))?;
        Ok(Output { create_account_status: CreationView::new(creation) })
    }
}

/// The role's name, if the caller gives none. Source: API reference, "CreateAccount", RoleName.
const DEFAULT_ROLE: &str = "OrganizationAccountAccessRole";
