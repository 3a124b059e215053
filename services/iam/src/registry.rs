//! The list of operations.

use std::sync::Arc;

use service::{Builder, Definition};

use crate::Iam;
use crate::ops::{account_aliases, account_password_policy, get_account_summary, login_profiles, mfa_devices, oidc_providers, saml_providers, server_certificates, service_specific_credentials, signing_certificates, ssh_public_keys};
use crate::ops::{self, access_keys, attachments, tagging, users};

/// The operations.
pub fn definition(iam: Arc<Iam>) -> Definition {
    let builder = core(Builder::new(iam));
    let builder = account(builder);
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
}
