//! The list of operations.

use std::sync::Arc;

use service::{Builder, Definition, PassedRole, Place};

use crate::Iam;
use crate::ops::{
    self, access_keys, attachments, boundaries, groups, inline_policies, instance_profiles, list_entities_for_policy,
    managed_policies, policy_versions, roles, service_linked_roles, tagging, users,
};
use crate::ops::{
    account_aliases, account_authorization_details, account_password_policy, credential_report, get_account_summary,
    login_profiles, mfa_devices, oidc_providers, saml_providers, server_certificates, service_access,
    service_specific_credentials, signing_certificates, simulate, ssh_public_keys,
};

/// Source: IAM API reference, AddRoleToInstanceProfile: "The caller of this operation must be granted the PassRole permission on the IAM
/// role".
const MACHINE_ROLE: [PassedRole; 1] = [PassedRole { place: Place::Name("RoleName"), to: "ec2.amazonaws.com" }];

/// The operations.
pub fn definition(iam: Arc<Iam>) -> Definition {
    let builder = Builder::new(iam);
    let builder = devices(builder);
    let builder = identities(builder);
    let builder = policies(builder);
    account(builder).build()
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
        .on_passing::<instance_profiles::AddRoleToInstanceProfile>(&MACHINE_ROLE)
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

fn account(builder: Builder<Iam>) -> Builder<Iam> {
    builder
        .on::<account_aliases::CreateAccountAlias>()
        .on::<account_aliases::DeleteAccountAlias>()
        .on::<account_aliases::ListAccountAliases>()
        .on::<account_password_policy::DeleteAccountPasswordPolicy>()
        .on::<account_password_policy::GetAccountPasswordPolicy>()
        .on::<account_password_policy::UpdateAccountPasswordPolicy>()
        .on::<get_account_summary::GetAccountSummary>()
        .on::<get_account_summary::SetSecurityTokenServicePreferences>()
        .on::<login_profiles::ChangePassword>()
        .on::<login_profiles::CreateLoginProfile>()
        .on::<login_profiles::DeleteLoginProfile>()
        .on::<login_profiles::GetLoginProfile>()
        .on::<login_profiles::UpdateLoginProfile>()
        .on::<mfa_devices::GetMFADevice>()
        .on::<mfa_devices::ListMFADeviceTags>()
        .on::<mfa_devices::TagMFADevice>()
        .on::<mfa_devices::UntagMFADevice>()
        .on::<oidc_providers::AddClientIDToOpenIDConnectProvider>()
        .on::<oidc_providers::CreateOpenIDConnectProvider>()
        .on::<oidc_providers::DeleteOpenIDConnectProvider>()
        .on::<oidc_providers::GetOpenIDConnectProvider>()
        .on::<oidc_providers::ListOpenIDConnectProviderTags>()
        .on::<oidc_providers::ListOpenIDConnectProviders>()
        .on::<oidc_providers::RemoveClientIDFromOpenIDConnectProvider>()
        .on::<oidc_providers::TagOpenIDConnectProvider>()
        .on::<oidc_providers::UntagOpenIDConnectProvider>()
        .on::<oidc_providers::UpdateOpenIDConnectProviderThumbprint>()
        .on::<saml_providers::CreateSAMLProvider>()
        .on::<saml_providers::DeleteSAMLProvider>()
        .on::<saml_providers::GetSAMLProvider>()
        .on::<saml_providers::ListSAMLProviderTags>()
        .on::<saml_providers::ListSAMLProviders>()
        .on::<saml_providers::TagSAMLProvider>()
        .on::<saml_providers::UntagSAMLProvider>()
        .on::<saml_providers::UpdateSAMLProvider>()
        .on::<server_certificates::DeleteServerCertificate>()
        .on::<server_certificates::GetServerCertificate>()
        .on::<server_certificates::ListServerCertificateTags>()
        .on::<server_certificates::ListServerCertificates>()
        .on::<server_certificates::TagServerCertificate>()
        .on::<server_certificates::UntagServerCertificate>()
        .on::<server_certificates::UpdateServerCertificate>()
        .on::<server_certificates::UploadServerCertificate>()
        .on::<service_specific_credentials::CreateServiceSpecificCredential>()
        .on::<service_specific_credentials::DeleteServiceSpecificCredential>()
        .on::<service_specific_credentials::ListServiceSpecificCredentials>()
        .on::<service_specific_credentials::ResetServiceSpecificCredential>()
        .on::<service_specific_credentials::UpdateServiceSpecificCredential>()
        .on::<signing_certificates::DeleteSigningCertificate>()
        .on::<signing_certificates::ListSigningCertificates>()
        .on::<signing_certificates::UpdateSigningCertificate>()
        .on::<signing_certificates::UploadSigningCertificate>()
        .on::<ssh_public_keys::DeleteSSHPublicKey>()
        .on::<ssh_public_keys::GetSSHPublicKey>()
        .on::<ssh_public_keys::ListSSHPublicKeys>()
        .on::<ssh_public_keys::UpdateSSHPublicKey>()
        .on::<ssh_public_keys::UploadSSHPublicKey>()
        .on::<account_authorization_details::GetAccountAuthorizationDetails>()
        .on::<credential_report::GenerateCredentialReport>()
        .on::<credential_report::GetCredentialReport>()
        .on::<service_access::GenerateServiceLastAccessedDetails>()
        .on::<service_access::GetServiceLastAccessedDetails>()
        .on::<service_access::GetServiceLastAccessedDetailsWithEntities>()
        .on::<service_access::ListPoliciesGrantingServiceAccess>()
        .on::<simulate::GetContextKeysForCustomPolicy>()
        .on::<simulate::GetContextKeysForPrincipalPolicy>()
        .on::<simulate::SimulateCustomPolicy>()
        .on::<simulate::SimulatePrincipalPolicy>()
}
