//! GetAccountSummary: how many there are of everything, and how many there may be.

use std::collections::BTreeMap;

use crate::mfa::Owner;
use crate::operation::operation;
use crate::store::{
    GROUP_INLINE_CHARS_MAX, GROUPS_MAX, GROUPS_PER_USER_MAX, Group, INSTANCE_PROFILES_MAX, InstanceProfile, KEYS_MAX,
    MANAGED_POLICIES_MAX, MANAGED_POLICY_CHARS_MAX, ManagedPolicy, OidcProvider, POLICIES_MAX, ROLE_INLINE_CHARS_MAX,
    ROLES_MAX, Role, SERVER_CERTIFICATES_MAX, SIGNING_CERTIFICATES_MAX, SamlProvider, ServerCertificate,
    TRUST_POLICY_CHARS_MAX, USER_INLINE_CHARS_MAX, USERS_MAX, User, VERSIONS_MAX,
};

/// Versions of managed policies in force in an account. Source: IAM API reference, GetAccountSummary.
const VERSIONS_IN_USE_MAX: usize = 10_000;

operation! {
    /// How many there are of everything, and how many there may be.
    GetAccountSummary on "*"
    takes {}
    gives { summary_map: BTreeMap<&'static str, usize> }
    |iam, _call, _| {
        let devices = iam.mfa.all();
        let summary_map = iam.store.read(|world| {
            let attached = world.all::<ManagedPolicy>().map(|policy| policy.versions.len()).sum::<usize>();
            BTreeMap::from([
                ("Users", world.count::<User>()),
                ("UsersQuota", USERS_MAX),
                ("Groups", world.count::<Group>()),
                ("GroupsQuota", GROUPS_MAX),
                ("Roles", world.count::<Role>()),
                ("RolesQuota", ROLES_MAX),
                ("Policies", world.count::<ManagedPolicy>()),
                ("PoliciesQuota", MANAGED_POLICIES_MAX),
                ("PolicyVersionsInUse", attached),
                ("PolicyVersionsInUseQuota", VERSIONS_IN_USE_MAX),
                ("InstanceProfiles", world.count::<InstanceProfile>()),
                ("InstanceProfilesQuota", INSTANCE_PROFILES_MAX),
                ("ServerCertificates", world.count::<ServerCertificate>()),
                ("ServerCertificatesQuota", SERVER_CERTIFICATES_MAX),
                ("Providers", world.count::<OidcProvider>() + world.count::<SamlProvider>()),
                ("MFADevices", devices.len()),
                ("MFADevicesInUse", devices.iter().filter(|device| device.owner.is_some()).count()),
                ("AccountMFAEnabled", usize::from(devices.iter().any(|device| device.owner == Some(Owner::Root)))),
                // The key that the server was started with.
                ("AccountAccessKeysPresent", 1),
                ("AccountPasswordPresent", usize::from(iam.has_root_password())),
                ("AccountSigningCertificatesPresent", 0),
                ("AccessKeysPerUserQuota", KEYS_MAX),
                ("AssumeRolePolicySizeQuota", TRUST_POLICY_CHARS_MAX),
                ("AttachedPoliciesPerGroupQuota", POLICIES_MAX),
                ("AttachedPoliciesPerRoleQuota", POLICIES_MAX),
                ("AttachedPoliciesPerUserQuota", POLICIES_MAX),
                ("GroupPolicySizeQuota", GROUP_INLINE_CHARS_MAX),
                ("GroupsPerUserQuota", GROUPS_PER_USER_MAX),
                ("PolicySizeQuota", MANAGED_POLICY_CHARS_MAX),
                ("RolePolicySizeQuota", ROLE_INLINE_CHARS_MAX),
                ("SigningCertificatesPerUserQuota", SIGNING_CERTIFICATES_MAX),
                ("UserPolicySizeQuota", USER_INLINE_CHARS_MAX),
                ("VersionsPerPolicyQuota", VERSIONS_MAX),
                ("GlobalEndpointTokenVersion", usize::try_from(iam.global_token_version()).unwrap_or(1)),
            ])
        });
        Ok(Output { summary_map })
    }
}

operation! {
    /// Sets which version of tokens the global endpoint of STS gives.
    SetSecurityTokenServicePreferences on "*"
    takes { global_endpoint_token_version: String }
    gives {}
    |iam, _call, input| {
        // The model lets nothing else through.
        let version = if input.global_endpoint_token_version == "v2Token" { 2 } else { 1 };
        iam.store
            .change(|tx| {
                let mut settings = iam.settings_in(tx);
                settings.token_version = Some(version);
                tx.put(settings);
                Ok(Output {})
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::World;

    #[tokio::test]
    async fn what_there_is_is_counted() {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "a"})).await.unwrap();
        world
            .call("SetSecurityTokenServicePreferences", json!({"GlobalEndpointTokenVersion": "v2Token"}))
            .await
            .unwrap();
        let shown = world.call("GetAccountSummary", json!({})).await.unwrap();
        for (name, count) in [("Users", 1), ("UsersQuota", 5000), ("Providers", 0), ("GlobalEndpointTokenVersion", 2)] {
            assert_eq!(shown["SummaryMap"][name], count, "{name}");
        }
    }
}
