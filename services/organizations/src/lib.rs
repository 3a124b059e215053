//! Organizations: which accounts exist, the trees that they are in, and the policies on those. One instance answers all accounts; what it
//! knows of accounts nobody else keeps.

mod access;
mod content;
mod effective;
mod error;
mod ids;
mod joining;
mod kinds;
mod ops;
mod paging;
mod port;
mod records;
mod results;
mod store;
mod tags;
#[cfg(test)]
mod tests;
mod views;
mod world;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use base::Env;
use ports::{NewAccounts, ServiceEvents};
use service::{Builder, Definition, Service};

pub use error::Error;

/// The service.
pub struct Organizations {
    pub(crate) env: Env,
    pub(crate) store: store::Store,
    pub(crate) new_accounts: OnceLock<Arc<dyn NewAccounts>>,
    pub(crate) events: OnceLock<Arc<dyn ServiceEvents>>,
    /// The requests for accounts whose results are being recorded.
    pub(crate) telling: Mutex<BTreeSet<String>>,
    /// Those whose results are recorded, and nothing says so in the tables yet.
    pub(crate) recorded: Mutex<BTreeSet<String>>,
}

impl Service for Organizations {
    const MODEL: &'static str = "organizations";
    const PREFIX: &'static str = "organizations";
}

/// The operations.
pub fn definition(organizations: Arc<Organizations>) -> Definition {
    Builder::new(organizations)
        .on::<ops::accept_handshake::AcceptHandshake>()
        .on::<ops::attach_policy::AttachPolicy>()
        .on::<ops::cancel_handshake::CancelHandshake>()
        .on::<ops::close_account::CloseAccount>()
        .on::<ops::create_account::CreateAccount>()
        .on::<ops::create_organization::CreateOrganization>()
        .on::<ops::create_organizational_unit::CreateOrganizationalUnit>()
        .on::<ops::create_policy::CreatePolicy>()
        .on::<ops::decline_handshake::DeclineHandshake>()
        .on::<ops::delete_organization::DeleteOrganization>()
        .on::<ops::delete_organizational_unit::DeleteOrganizationalUnit>()
        .on::<ops::delete_policy::DeletePolicy>()
        .on::<ops::delete_resource_policy::DeleteResourcePolicy>()
        .on::<ops::deregister_delegated_administrator::DeregisterDelegatedAdministrator>()
        .on::<ops::describe_account::DescribeAccount>()
        .on::<ops::describe_create_account_status::DescribeCreateAccountStatus>()
        .on::<ops::describe_effective_policy::DescribeEffectivePolicy>()
        .on::<ops::describe_handshake::DescribeHandshake>()
        .on::<ops::describe_organization::DescribeOrganization>()
        .on::<ops::describe_organizational_unit::DescribeOrganizationalUnit>()
        .on::<ops::describe_policy::DescribePolicy>()
        .on::<ops::describe_resource_policy::DescribeResourcePolicy>()
        .on::<ops::detach_policy::DetachPolicy>()
        .on::<ops::disable_aws_service_access::DisableAWSServiceAccess>()
        .on::<ops::disable_policy_type::DisablePolicyType>()
        .on::<ops::enable_aws_service_access::EnableAWSServiceAccess>()
        .on::<ops::enable_all_features::EnableAllFeatures>()
        .on::<ops::enable_policy_type::EnablePolicyType>()
        .on::<ops::invite_account_to_organization::InviteAccountToOrganization>()
        .on::<ops::leave_organization::LeaveOrganization>()
        .on::<ops::list_aws_service_access_for_organization::ListAWSServiceAccessForOrganization>()
        .on::<ops::list_accounts::ListAccounts>()
        .on::<ops::list_accounts_for_parent::ListAccountsForParent>()
        .on::<ops::list_accounts_with_invalid_effective_policy::ListAccountsWithInvalidEffectivePolicy>()
        .on::<ops::list_children::ListChildren>()
        .on::<ops::list_create_account_status::ListCreateAccountStatus>()
        .on::<ops::list_delegated_administrators::ListDelegatedAdministrators>()
        .on::<ops::list_delegated_services_for_account::ListDelegatedServicesForAccount>()
        .on::<ops::list_effective_policy_validation_errors::ListEffectivePolicyValidationErrors>()
        .on::<ops::list_handshakes_for_account::ListHandshakesForAccount>()
        .on::<ops::list_handshakes_for_organization::ListHandshakesForOrganization>()
        .on::<ops::list_organizational_units_for_parent::ListOrganizationalUnitsForParent>()
        .on::<ops::list_parents::ListParents>()
        .on::<ops::list_policies::ListPolicies>()
        .on::<ops::list_policies_for_target::ListPoliciesForTarget>()
        .on::<ops::list_roots::ListRoots>()
        .on::<ops::list_tags_for_resource::ListTagsForResource>()
        .on::<ops::list_targets_for_policy::ListTargetsForPolicy>()
        .on::<ops::move_account::MoveAccount>()
        .on::<ops::put_resource_policy::PutResourcePolicy>()
        .on::<ops::register_delegated_administrator::RegisterDelegatedAdministrator>()
        .on::<ops::remove_account_from_organization::RemoveAccountFromOrganization>()
        .on::<ops::tag_resource::TagResource>()
        .on::<ops::untag_resource::UntagResource>()
        .on::<ops::update_organizational_unit::UpdateOrganizationalUnit>()
        .on::<ops::update_policy::UpdatePolicy>()
        .build()
}
