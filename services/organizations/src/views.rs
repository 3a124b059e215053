//! What the API shows of what is stored.

use base::Timestamp;
use serde::Serialize;

use crate::kinds::PolicyType;
use crate::records::{
    Account, Action, Creation, CreationState, FeatureSet, Handshake, HandshakeState, Joined, Member, Organization,
    Party, Unit,
};
use crate::world::{AnyPolicy, Target, World};
use std::sync::Arc;

/// After this long a closed account is closed for good. Source: Account Management reference guide, "Close an AWS account".
const POST_CLOSURE_MS: i64 = 90 * base::time::DAY_MS;

/// The ARN of a thing of an organization: `arn:aws:organizations::MANAGEMENT:KIND/o-…/REST`.
pub fn arn(organization: &Organization, kind: &str, rest: &str) -> String {
    format!("arn:aws:organizations::{}:{kind}/{}/{rest}", organization.management, organization.id)
}

/// The ARN of a root, unit or account.
pub fn target_arn(organization: &Organization, target: Target<'_>) -> String {
    let kind = match target {
        Target::Root(_) => "root",
        Target::Unit(_) => "ou",
        Target::Account(..) => "account",
    };
    arn(organization, kind, target.id())
}

/// The ARN of a policy.
pub fn policy_arn(organization: &Organization, policy: AnyPolicy<'_>) -> String {
    let kind = policy.kind().in_arn();
    match policy {
        AnyPolicy::Managed(policy) => format!("arn:aws:organizations::aws:policy/{kind}/{}", policy.id),
        AnyPolicy::Own(policy) => arn(organization, "policy", &format!("{kind}/{}", policy.id)),
    }
}

/// The modelled `Account`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountView {
    id: String,
    arn: String,
    email: String,
    name: String,
    status: &'static str,
    state: &'static str,
    paths: Vec<String>,
    joined_method: Joined,
    joined_timestamp: Timestamp,
}

impl AccountView {
    /// An account of an organization.
    pub fn new(
        world: &World,
        organization: &Arc<Organization>,
        account: &Account,
        member: &Member,
        now: Timestamp,
    ) -> AccountView {
        let (status, state) = status(account, now);
        AccountView {
            id: account.id.clone(),
            arn: arn(organization, "account", &account.id),
            email: account.email.clone(),
            name: account.name.clone(),
            status,
            state,
            paths: vec![world.path(organization, &account.id)],
            joined_method: member.method,
            joined_timestamp: member.joined,
        }
    }
}

/// The modelled `Status` and `State` of an account.
fn status(account: &Account, now: Timestamp) -> (&'static str, &'static str) {
    match account.closed {
        Some(closed) if now.since_ms(closed) >= POST_CLOSURE_MS => ("SUSPENDED", "CLOSED"),
        Some(_) => ("SUSPENDED", "SUSPENDED"),
        None if !account.ready => ("ACTIVE", "PENDING_ACTIVATION"),
        None => ("ACTIVE", "ACTIVE"),
    }
}

/// The modelled `DelegatedAdministrator`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdministratorView {
    /// Twelve digits.
    pub id: String,
    arn: String,
    email: String,
    name: String,
    status: &'static str,
    state: &'static str,
    joined_method: Joined,
    joined_timestamp: Timestamp,
    delegation_enabled_date: Option<Timestamp>,
}

impl AdministratorView {
    /// A delegated administrator.
    pub fn new(organization: &Organization, account: &Account, member: &Member, now: Timestamp) -> AdministratorView {
        let (status, state) = status(account, now);
        AdministratorView {
            id: account.id.clone(),
            arn: arn(organization, "account", &account.id),
            email: account.email.clone(),
            name: account.name.clone(),
            status,
            state,
            joined_method: member.method,
            joined_timestamp: member.joined,
            delegation_enabled_date: member.delegations.iter().map(|delegation| delegation.since).min(),
        }
    }
}

/// The modelled `OrganizationalUnit`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnitView {
    /// `ou-…`.
    pub id: String,
    arn: String,
    name: String,
    path: String,
}

impl UnitView {
    /// A unit whose parent is there.
    pub fn new(world: &World, organization: &Arc<Organization>, unit: &Unit) -> UnitView {
        UnitView {
            id: unit.id.clone(),
            arn: arn(organization, "ou", &unit.id),
            name: unit.name.clone(),
            path: format!("{}{}/", world.path(organization, &unit.parent), unit.id),
        }
    }
}

/// The modelled `PolicyTypeSummary`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TypeView {
    r#type: PolicyType,
    status: &'static str,
}

/// The modelled `Root`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RootView {
    id: String,
    arn: String,
    name: &'static str,
    policy_types: Vec<TypeView>,
}

impl RootView {
    /// `r-…`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The root of an organization.
    pub fn new(organization: &Organization) -> RootView {
        let types = organization.types.keys().map(|kind| TypeView { r#type: *kind, status: "ENABLED" });
        RootView {
            id: organization.root.clone(),
            arn: arn(organization, "root", &organization.root),
            name: "Root",
            policy_types: types.collect(),
        }
    }
}

/// The modelled `Organization`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationView {
    id: String,
    arn: String,
    feature_set: FeatureSet,
    master_account_arn: String,
    master_account_id: String,
    master_account_email: String,
    available_policy_types: Vec<TypeView>,
}

impl OrganizationView {
    /// An organization; `email` is its management account's.
    pub fn new(organization: &Organization, email: &str) -> OrganizationView {
        // The API reference says not to rely on this member, and AWS fills it in with this one type only.
        let kind = TypeView { r#type: PolicyType::ServiceControlPolicy, status: "ENABLED" };
        let kinds = (organization.feature_set == FeatureSet::All).then_some(kind);
        OrganizationView {
            id: organization.id.clone(),
            arn: organization_arn(organization),
            feature_set: organization.feature_set,
            master_account_arn: arn(organization, "account", &organization.management),
            master_account_id: organization.management.clone(),
            master_account_email: email.to_owned(),
            available_policy_types: kinds.into_iter().collect(),
        }
    }
}

/// The ARN of an organization.
pub fn organization_arn(organization: &Organization) -> String {
    format!("arn:aws:organizations::{}:organization/{}", organization.management, organization.id)
}

/// The modelled `PolicySummary`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicySummary {
    /// `p-…`.
    pub id: String,
    arn: String,
    name: String,
    description: String,
    r#type: PolicyType,
    aws_managed: bool,
}

impl PolicySummary {
    /// A policy.
    pub fn new(organization: &Organization, policy: AnyPolicy<'_>) -> PolicySummary {
        let (name, description) = match policy {
            AnyPolicy::Managed(policy) => (policy.name, policy.description),
            AnyPolicy::Own(policy) => (policy.name.as_str(), policy.description.as_str()),
        };
        PolicySummary {
            id: policy.id().to_owned(),
            arn: policy_arn(organization, policy),
            name: name.to_owned(),
            description: description.to_owned(),
            r#type: policy.kind(),
            aws_managed: matches!(policy, AnyPolicy::Managed(_)),
        }
    }
}

/// The modelled `Policy`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyView {
    policy_summary: PolicySummary,
    content: String,
}

impl PolicyView {
    /// A policy with its document.
    pub fn new(organization: &Organization, policy: AnyPolicy<'_>) -> PolicyView {
        PolicyView { policy_summary: PolicySummary::new(organization, policy), content: policy.content().to_owned() }
    }
}

/// The modelled `CreateAccountStatus`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreationView {
    /// `car-…`.
    pub id: String,
    account_name: String,
    state: CreationState,
    requested_timestamp: Timestamp,
    completed_timestamp: Option<Timestamp>,
    account_id: Option<String>,
    failure_reason: Option<String>,
}

impl CreationView {
    /// A request for an account. Its number is told when it is there.
    pub fn new(creation: &Creation) -> CreationView {
        CreationView {
            id: creation.id.clone(),
            account_name: creation.name.clone(),
            state: creation.state,
            requested_timestamp: creation.requested,
            completed_timestamp: creation.completed,
            account_id: creation.account.clone().filter(|_| creation.state == CreationState::Succeeded),
            failure_reason: creation.failure.clone(),
        }
    }
}

/// The modelled `HandshakeParty`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PartyView {
    id: String,
    r#type: &'static str,
}

/// The modelled `HandshakeResource`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceView {
    value: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<ResourceView>,
}

impl ResourceView {
    fn new(kind: &'static str, value: &str) -> ResourceView {
        ResourceView { value: value.to_owned(), r#type: kind, resources: Vec::new() }
    }
}

/// The modelled `Handshake`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeView {
    /// `h-…`.
    pub id: String,
    arn: String,
    parties: Vec<PartyView>,
    state: HandshakeState,
    requested_timestamp: Timestamp,
    expiration_timestamp: Timestamp,
    action: Action,
    resources: Vec<ResourceView>,
}

impl HandshakeView {
    /// A handshake at `now`.
    pub fn new(handshake: &Handshake, now: Timestamp) -> HandshakeView {
        let Handshake { id, organization, management, action, .. } = handshake;
        let in_arn = match action {
            Action::Invite => "invite",
            Action::EnableAllFeatures => "enable_all_features",
            Action::ApproveAllFeatures => "approve_all_features",
        };
        let mut parties = vec![PartyView { id: organization.clone(), r#type: "ORGANIZATION" }];
        let mut resource = ResourceView::new("ORGANIZATION", organization);
        if *action == Action::Invite {
            resource.resources = vec![
                ResourceView::new("MASTER_EMAIL", &handshake.management_email),
                ResourceView::new("MASTER_NAME", &handshake.management_name),
                ResourceView::new("ORGANIZATION_FEATURE_SET", "ALL"),
            ];
        }
        let mut resources = vec![resource];
        let (kind, party) = match &handshake.to {
            Party::Account(account) => ("ACCOUNT", Some(account)),
            Party::Email(email) => ("EMAIL", Some(email)),
            Party::Organization => ("ORGANIZATION", None),
        };
        if let Some(party) = party {
            parties.push(PartyView { id: party.clone(), r#type: kind });
            resources.push(ResourceView::new(kind, party));
        }
        if let Some(notes) = &handshake.notes {
            resources.push(ResourceView::new("NOTES", notes));
        }
        if let Some(parent) = &handshake.parent {
            resources.push(ResourceView::new("PARENT_HANDSHAKE", parent));
        }
        HandshakeView {
            id: id.clone(),
            arn: format!("arn:aws:organizations::{management}:handshake/{organization}/{in_arn}/{id}"),
            parties,
            state: handshake.state_at(now),
            requested_timestamp: handshake.requested,
            expiration_timestamp: handshake.expires,
            action: *action,
            resources,
        }
    }
}
