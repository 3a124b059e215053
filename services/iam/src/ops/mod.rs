//! One file per operation.

pub mod attach_user_policy;
pub mod create_access_key;
pub mod create_user;
pub mod delete_access_key;
pub mod delete_user;
pub mod detach_user_policy;
pub mod get_user;
pub mod list_access_keys;
pub mod list_attached_user_policies;
pub mod list_groups_for_user;
pub mod list_user_tags;
pub mod list_users;
mod paging;
pub mod tag_user;
pub mod untag_user;
pub mod update_access_key;
mod user_view;

use service::Call;

use crate::Error;

/// The user an operation means when its `UserName` may be left out: the caller.
fn named_or_caller(call: &Call, name: Option<String>) -> Result<String, Error> {
    match (name, &call.caller) {
        (Some(name), _) => Ok(name),
        (None, ports::Caller::User { user_name, .. }) => Ok(user_name.to_string()),
        (None, _) => Err(Error::ValidationError("Must specify userName when calling with non-User credentials".into())),
    }
}
