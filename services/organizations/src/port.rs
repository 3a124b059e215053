//! What Organizations answers other services: which accounts there are, where they are, and what is forbidden them.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{
    AccountInfo, AccountStatus, Accounts, ControlPolicies, DelegationError, Delegations, Membership, Memberships,
    Unavailable,
};
use service::ApiError;

use crate::Organizations;
use crate::kinds::PolicyType;
use crate::ops::{deregister_delegated_administrator, register_delegated_administrator};
use crate::records::{Account, FeatureSet};
use crate::views::organization_arn;
use crate::world::Level;

fn status(account: &Account) -> AccountStatus {
    if account.closed.is_some() { AccountStatus::Suspended } else { AccountStatus::Active }
}

#[async_trait]
impl Accounts for Organizations {
    fn account(&self, account: &str) -> Option<AccountInfo> {
        let world = self.store.world();
        let account = world.accounts.get(account)?;
        Some(AccountInfo {
            id: Arc::from(account.id.as_str()),
            name: account.name.clone(),
            email: account.email.clone(),
            status: status(account),
        })
    }

    fn status(&self, account: &str) -> Option<AccountStatus> {
        self.store.world().accounts.get(account).map(|account| status(account))
    }

    fn list(&self) -> Vec<Arc<str>> {
        self.store.world().accounts.keys().map(|id| Arc::from(id.as_str())).collect()
    }

    async fn changed(&self, seen: u64) -> u64 {
        let mut changes = self.store.changes();
        match changes.wait_for(|count| *count != seen).await {
            Ok(count) => *count,
            // The store, which sends, is here as long as this is.
            Err(_) => seen,
        }
    }
}

impl Memberships for Organizations {
    fn organization_of(&self, account: &str) -> Option<Membership> {
        let world = self.store.world();
        let (organization, account, member) = world.place_of(account)?;
        Some(Membership {
            organization_id: organization.id.clone(),
            organization_arn: organization_arn(organization),
            management_account: Arc::from(organization.management.as_str()),
            path: world.path(organization, &member.parent),
            is_management: organization.management == account.id,
            all_features: organization.feature_set == FeatureSet::All,
            delegated_services: member.delegations.iter().map(|delegation| delegation.service.clone()).collect(),
        })
    }

    fn members(&self, management_account: &str) -> Vec<Arc<str>> {
        let world = self.store.world();
        match world.place_of(management_account) {
            Some((organization, ..)) if organization.management == management_account => {
                world.members(&organization.id).map(|(account, _)| Arc::from(account.id.as_str())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn delegated_for(&self, service: &str, account: &str) -> bool {
        let world = self.store.world();
        let place = world.place_of(account);
        place.is_some_and(|(.., member)| member.delegations.iter().any(|delegation| delegation.service == service))
    }

    fn trusts(&self, account: &str, service: &str) -> bool {
        let world = self.store.world();
        let place = world.place_of(account);
        place.is_some_and(|(organization, ..)| organization.services.iter().any(|trusted| trusted.service == service))
    }
}

#[async_trait]
impl Delegations for Organizations {
    async fn register(&self, management_account: &str, account: &str, service: &str) -> Result<(), DelegationError> {
        register_delegated_administrator::register(self, management_account, account, service).await.map_err(refused)
    }

    async fn deregister(&self, management_account: &str, account: &str, service: &str) -> Result<(), DelegationError> {
        deregister_delegated_administrator::deregister(self, management_account, account, service)
            .await
            .map_err(refused)
    }
}

fn refused(error: ApiError) -> DelegationError {
    match (&*error.code, error.log) {
        (_, Some(log)) if error.status >= 500 => DelegationError::Unavailable(Unavailable(log)),
        ("AccountNotFoundException", _) => DelegationError::NoSuchAccount,
        ("AccountAlreadyRegisteredException", _) => DelegationError::Registered,
        ("AccountNotRegisteredException", _) => DelegationError::NotRegistered,
        _ if error.message == register_delegated_administrator::TOO_MANY => DelegationError::TooMany,
        _ => DelegationError::Refused(error.message),
    }
}

impl ControlPolicies for Organizations {
    fn service_control(&self, account: &str) -> Vec<Level> {
        self.levels(account, PolicyType::ServiceControlPolicy)
    }

    fn resource_control(&self, account: &str) -> Vec<Level> {
        self.levels(account, PolicyType::ResourceControlPolicy)
    }
}

impl Organizations {
    /// The policies of a type from the root to an account. None if the type is not enabled, or for the management account, whom
    /// nothing is forbidden. Source: user guide, "Service control policies", "Resource control policies".
    fn levels(&self, account: &str, kind: PolicyType) -> Vec<Level> {
        let world = self.store.world();
        let Some((organization, account, _)) = world.place_of(account) else { return Vec::new() };
        if organization.management == account.id || !organization.types.contains_key(&kind) {
            return Vec::new();
        }
        let line = world.line(organization, &account.id);
        line.into_iter().map(|target| world.level(organization, target, kind)).collect()
    }
}
