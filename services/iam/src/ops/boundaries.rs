//! Permissions boundaries of users and roles. Source: IAM user guide, "Permissions boundaries for IAM entities".

use crate::managed::Managed;
use crate::operation::operation;
use crate::store::{Holder as _, Role, User};

macro_rules! boundaries {
    ($kind:ident, $name:ident, $resource:tt, $put:ident, $delete:ident) => {
        operation! {
            #[doc = concat!("Bounds what a ", stringify!($kind), " may do, whatever its policies allow.")]
            $put on $resource
            takes { $name: String, permissions_boundary: String }
            gives {}
            |iam, _call, input| {
                iam.store
                    .change(|tx| {
                        let mut holder = tx.need::<$kind>(&input.$name)?;
                        holder.check_modifiable()?;
                        Managed::boundary(tx.before(), &input.permissions_boundary)?;
                        holder.boundary = Some(input.permissions_boundary);
                        tx.put(holder);
                        Ok(Output {})
                    })
                    .await
            }
        }

        operation! {
            #[doc = concat!("Takes the bounds off a ", stringify!($kind), ".")]
            $delete on $resource
            takes { $name: String }
            gives {}
            |iam, _call, input| {
                iam.store
                    .edit(&input.$name, |holder: &mut $kind| {
                        holder.check_modifiable()?;
                        holder.boundary = None;
                        Ok(Output {})
                    })
                    .await
            }
        }
    };
}

boundaries!(User, user_name, "user/{UserName}", PutUserPermissionsBoundary, DeleteUserPermissionsBoundary);
boundaries!(Role, role_name, "role/{RoleName}", PutRolePermissionsBoundary, DeleteRolePermissionsBoundary);
