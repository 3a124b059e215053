//! The list of operations.

use std::sync::Arc;

use service::{Builder, Definition};

use crate::Iam;
use crate::ops::{self, access_keys, attachments, tagging, users};

/// The operations.
pub fn definition(iam: Arc<Iam>) -> Definition {
    let builder = core(Builder::new(iam));
    builder.build()
}

fn core(builder: Builder<Iam>) -> Builder<Iam> {
    builder
        .on::<access_keys::CreateAccessKey>()
        .on::<access_keys::DeleteAccessKey>()
        .on::<access_keys::GetAccessKeyLastUsed>()
        .on::<access_keys::ListAccessKeys>()
        .on::<access_keys::UpdateAccessKey>()
        .on::<attachments::AttachGroupPolicy>()
        .on::<attachments::AttachRolePolicy>()
        .on::<attachments::AttachUserPolicy>()
        .on::<attachments::DetachGroupPolicy>()
        .on::<attachments::DetachRolePolicy>()
        .on::<attachments::DetachUserPolicy>()
        .on::<attachments::ListAttachedGroupPolicies>()
        .on::<attachments::ListAttachedRolePolicies>()
        .on::<attachments::ListAttachedUserPolicies>()
        .on::<ops::create_virtual_mfa_device::CreateVirtualMFADevice>()
        .on::<ops::deactivate_mfa_device::DeactivateMFADevice>()
        .on::<ops::delete_virtual_mfa_device::DeleteVirtualMFADevice>()
        .on::<ops::enable_mfa_device::EnableMFADevice>()
        .on::<ops::list_mfa_devices::ListMFADevices>()
        .on::<ops::list_virtual_mfa_devices::ListVirtualMFADevices>()
        .on::<ops::resync_mfa_device::ResyncMFADevice>()
        .on::<tagging::ListInstanceProfileTags>()
        .on::<tagging::ListPolicyTags>()
        .on::<tagging::ListRoleTags>()
        .on::<tagging::ListUserTags>()
        .on::<tagging::TagInstanceProfile>()
        .on::<tagging::TagPolicy>()
        .on::<tagging::TagRole>()
        .on::<tagging::TagUser>()
        .on::<tagging::UntagInstanceProfile>()
        .on::<tagging::UntagPolicy>()
        .on::<tagging::UntagRole>()
        .on::<tagging::UntagUser>()
        .on::<users::CreateUser>()
        .on::<users::DeleteUser>()
        .on::<users::GetUser>()
        .on::<users::ListUsers>()
        .on::<users::UpdateUser>()
}
