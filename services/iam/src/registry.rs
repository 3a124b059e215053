//! The list of operations.

use std::sync::Arc;

use service::{Builder, Definition};

use crate::Iam;
use crate::ops::{
    self, access_keys, attachments, boundaries, groups, inline_policies, instance_profiles, list_entities_for_policy,
    managed_policies, policy_versions, roles, service_linked_roles, tagging, users,
};

/// The operations.
pub fn definition(iam: Arc<Iam>) -> Definition {
    let builder = Builder::new(iam);
    let builder = devices(builder);
    let builder = identities(builder);
    policies(builder).build()
}

fn devices(builder: Builder<Iam>) -> Builder<Iam> {
    builder
        .on::<ops::create_virtual_mfa_device::CreateVirtualMFADevice>()
        .on::<ops::deactivate_mfa_device::DeactivateMFADevice>()
        .on::<ops::delete_virtual_mfa_device::DeleteVirtualMFADevice>()
        .on::<ops::enable_mfa_device::EnableMFADevice>()
        .on::<ops::list_mfa_devices::ListMFADevices>()
        .on::<ops::list_virtual_mfa_devices::ListVirtualMFADevices>()
        .on::<ops::resync_mfa_device::ResyncMFADevice>()
}

fn identities(builder: Builder<Iam>) -> Builder<Iam> {
    builder
        .on::<access_keys::CreateAccessKey>()
        .on::<access_keys::DeleteAccessKey>()
        .on::<access_keys::GetAccessKeyLastUsed>()
        .on::<access_keys::ListAccessKeys>()
        .on::<access_keys::UpdateAccessKey>()
        .on::<boundaries::DeleteRolePermissionsBoundary>()
        .on::<boundaries::DeleteUserPermissionsBoundary>()
        .on::<boundaries::PutRolePermissionsBoundary>()
        .on::<boundaries::PutUserPermissionsBoundary>()
        .on::<groups::AddUserToGroup>()
        .on::<groups::CreateGroup>()
        .on::<groups::DeleteGroup>()
        .on::<groups::GetGroup>()
        .on::<groups::ListGroups>()
        .on::<groups::ListGroupsForUser>()
        .on::<groups::RemoveUserFromGroup>()
        .on::<groups::UpdateGroup>()
        .on::<instance_profiles::AddRoleToInstanceProfile>()
        .on::<instance_profiles::CreateInstanceProfile>()
        .on::<instance_profiles::DeleteInstanceProfile>()
        .on::<instance_profiles::GetInstanceProfile>()
        .on::<instance_profiles::ListInstanceProfiles>()
        .on::<instance_profiles::ListInstanceProfilesForRole>()
        .on::<instance_profiles::RemoveRoleFromInstanceProfile>()
        .on::<roles::CreateRole>()
        .on::<roles::DeleteRole>()
        .on::<roles::GetRole>()
        .on::<roles::ListRoles>()
        .on::<roles::UpdateAssumeRolePolicy>()
        .on::<roles::UpdateRole>()
        .on::<roles::UpdateRoleDescription>()
        .on::<service_linked_roles::CreateServiceLinkedRole>()
        .on::<service_linked_roles::DeleteServiceLinkedRole>()
        .on::<service_linked_roles::GetServiceLinkedRoleDeletionStatus>()
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

fn policies(builder: Builder<Iam>) -> Builder<Iam> {
    builder
        .on::<attachments::AttachGroupPolicy>()
        .on::<attachments::AttachRolePolicy>()
        .on::<attachments::AttachUserPolicy>()
        .on::<attachments::DetachGroupPolicy>()
        .on::<attachments::DetachRolePolicy>()
        .on::<attachments::DetachUserPolicy>()
        .on::<attachments::ListAttachedGroupPolicies>()
        .on::<attachments::ListAttachedRolePolicies>()
        .on::<attachments::ListAttachedUserPolicies>()
        .on::<inline_policies::DeleteGroupPolicy>()
        .on::<inline_policies::DeleteRolePolicy>()
        .on::<inline_policies::DeleteUserPolicy>()
        .on::<inline_policies::GetGroupPolicy>()
        .on::<inline_policies::GetRolePolicy>()
        .on::<inline_policies::GetUserPolicy>()
        .on::<inline_policies::ListGroupPolicies>()
        .on::<inline_policies::ListRolePolicies>()
        .on::<inline_policies::ListUserPolicies>()
        .on::<inline_policies::PutGroupPolicy>()
        .on::<inline_policies::PutRolePolicy>()
        .on::<inline_policies::PutUserPolicy>()
        .on::<list_entities_for_policy::ListEntitiesForPolicy>()
        .on::<managed_policies::CreatePolicy>()
        .on::<managed_policies::DeletePolicy>()
        .on::<managed_policies::GetPolicy>()
        .on::<managed_policies::ListPolicies>()
        .on::<policy_versions::CreatePolicyVersion>()
        .on::<policy_versions::DeletePolicyVersion>()
        .on::<policy_versions::GetPolicyVersion>()
        .on::<policy_versions::ListPolicyVersions>()
        .on::<policy_versions::SetDefaultPolicyVersion>()
}
