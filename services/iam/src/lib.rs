//! IAM: users, their access keys and MFA devices, and the policies attached to them. Answers who owns a key and who may do what; knows nothing
//! of requests and signatures.

mod error;
mod mfa;
pub mod ops;
mod policies;
mod port;
mod store;
mod tags;

use std::sync::Arc;

use base::Env;
use service::{Builder, Definition, Service};
use state::State;

pub use error::Error;
pub use policies::ADMINISTRATOR_ACCESS;
pub use store::RootKey;

/// The service.
pub struct Iam {
    pub(crate) store: store::Store,
    pub(crate) mfa: mfa::Devices,
    pub(crate) env: Env,
    pub(crate) account: Arc<str>,
}

impl Service for Iam {
    const MODEL: &'static str = "iam";
    const PREFIX: &'static str = "iam";
}

impl Iam {
    /// Opens IAM over its tables. `root` is the account's own key.
    pub async fn open(
        env: Env,
        state: Arc<dyn State>,
        account: Arc<str>,
        root: RootKey,
    ) -> Result<Arc<Iam>, state::Error> {
        let mfa = mfa::Devices::open(Arc::clone(&state)).await?;
        let store = store::Store::open(state, &account, root).await?;
        Ok(Arc::new(Iam { store, mfa, env, account }))
    }
}

/// The operations.
pub fn definition(iam: Arc<Iam>) -> Definition {
    Builder::new(iam)
        .on::<ops::attach_user_policy::AttachUserPolicy>()
        .on::<ops::create_access_key::CreateAccessKey>()
        .on::<ops::create_user::CreateUser>()
        .on::<ops::create_virtual_mfa_device::CreateVirtualMFADevice>()
        .on::<ops::deactivate_mfa_device::DeactivateMFADevice>()
        .on::<ops::delete_access_key::DeleteAccessKey>()
        .on::<ops::delete_user::DeleteUser>()
        .on::<ops::delete_virtual_mfa_device::DeleteVirtualMFADevice>()
        .on::<ops::detach_user_policy::DetachUserPolicy>()
        .on::<ops::enable_mfa_device::EnableMFADevice>()
        .on::<ops::get_user::GetUser>()
        .on::<ops::list_access_keys::ListAccessKeys>()
        .on::<ops::list_attached_user_policies::ListAttachedUserPolicies>()
        .on::<ops::list_groups_for_user::ListGroupsForUser>()
        .on::<ops::list_mfa_devices::ListMFADevices>()
        .on::<ops::list_user_tags::ListUserTags>()
        .on::<ops::list_users::ListUsers>()
        .on::<ops::list_virtual_mfa_devices::ListVirtualMFADevices>()
        .on::<ops::resync_mfa_device::ResyncMFADevice>()
        .on::<ops::tag_user::TagUser>()
        .on::<ops::untag_user::UntagUser>()
        .on::<ops::update_access_key::UpdateAccessKey>()
        .build()
}
