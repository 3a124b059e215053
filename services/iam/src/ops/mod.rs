//! The operations. Those of a family share a file where each is a few lines.

pub mod access_keys;
pub mod account_aliases;
pub mod account_authorization_details;
pub mod account_password_policy;
pub mod attachments;
pub mod boundaries;
pub mod create_virtual_mfa_device;
pub mod credential_report;
pub mod deactivate_mfa_device;
pub mod delete_virtual_mfa_device;
pub mod enable_mfa_device;
pub mod get_account_summary;
pub mod groups;
pub mod inline_policies;
pub mod instance_profiles;
pub mod list_entities_for_policy;
pub mod list_mfa_devices;
pub mod list_virtual_mfa_devices;
pub mod login_profiles;
pub mod managed_policies;
pub mod mfa_devices;
pub mod oidc_providers;
mod paging;
pub mod policy_versions;
pub mod resync_mfa_device;
pub mod roles;
pub mod saml_providers;
pub mod server_certificates;
pub mod service_access;
pub mod service_linked_roles;
pub mod service_specific_credentials;
pub mod signing_certificates;
pub mod simulate;
pub mod ssh_public_keys;
pub mod tagging;
pub mod users;

use service::Call;

use crate::mfa::Owner;
use crate::views::User;
use crate::{Error, Iam, store};

/// The user an operation means when its `UserName` may be left out: the caller.
fn named_or_caller(call: &Call, name: Option<String>) -> Result<String, Error> {
    match (name, &call.caller) {
        (Some(name), _) => Ok(name),
        (None, ports::Caller::User { user_name, .. }) => Ok(user_name.to_string()),
        (None, _) => Err(Error::ValidationError("Must specify userName when calling with non-User credentials".into())),
    }
}

impl Iam {
    /// Whose devices an operation means: of the user named, or of the caller. Root has no user name; where one must be given, it
    /// is named by the account's number, as in `aws:userid`.
    fn device_owner(&self, call: &Call, name: Option<&str>) -> Result<Owner, Error> {
        match (name, &call.caller) {
            (None, ports::Caller::Root { .. }) => Ok(Owner::Root),
            (Some(name), ports::Caller::Root { .. }) if *name == *self.account => Ok(Owner::Root),
            (None, ports::Caller::User { user_id, .. }) => Ok(Owner::User(user_id.to_string())),
            (name, _) => Ok(Owner::User(self.store.need::<store::User>(name.unwrap_or_default())?.id.clone())),
        }
    }

    /// An owner of devices, as the API shows it.
    fn owner_view(&self, owner: &Owner) -> Option<User> {
        match owner {
            Owner::Root => Some(User::root(&self.account)),
            Owner::User(id) => self.store.read(|world| world.user_of_id(id)).map(|user| User::listed(&user)),
        }
    }
}
