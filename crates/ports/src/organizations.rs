//! Which accounts there are, which organization each is in, and what that organization forbids. Kept by Organizations; asked by whoever
//! lets accounts in or serves them. Everything is answered from memory, which follows commits.

use std::sync::Arc;

use async_trait::async_trait;
use policy::PolicySet;

use crate::Unavailable;

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// It can.
    Active,
    /// It is being closed.
    PendingClosure,
    /// It was closed: nobody of it is let in.
    Suspended,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Twelve digits.
    pub id: Arc<str>,
    /// As its owner calls it.
    pub name: String,
    /// No two accounts have the same.
    pub email: String,
    /// Whether it can be used.
    pub status: AccountStatus,
}

/// The accounts that exist.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The account with this number.
    fn account(&self, account: &str) -> Option<AccountInfo>;

    /// Whether an account can be used; `None` if there is none.
    fn status(&self, account: &str) -> Option<AccountStatus>;

    /// Whether there is such an account, closed or not.
    fn exists(&self, account: &str) -> bool {
        self.status(account).is_some()
    }

    /// The numbers of all accounts, closed ones too, in order.
    fn list(&self) -> Vec<Arc<str>>;

    /// Waits until anything about accounts or organizations is other than when this answered `seen` (0: at the start). Returns what to
    /// wait with next.
    async fn changed(&self, seen: u64) -> u64;
}

/// An account's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// `o-…`.
    pub organization_id: String,
    /// `arn:aws:organizations::…:organization/o-…`.
    pub organization_arn: String,
    /// The account that manages the organization.
    pub management_account: Arc<str>,
    /// `aws:PrincipalOrgPath`: `o-…/r-…/ou-…/`.
    pub path: String,
    /// Whether the account is that one itself.
    pub is_management: bool,
    /// Whether the organization has all features, and not consolidated billing only.
    pub all_features: bool,
    /// The service principals for which it is delegated administrator.
    pub delegated_services: Vec<String>,
}

/// Which organization accounts are in.
pub trait Memberships: Send + Sync + 'static {
    /// The account's place, if it is in an organization.
    fn organization_of(&self, account: &str) -> Option<Membership>;

    /// All accounts of the organization that this account manages, itself included, in order. None if it manages none.
    fn members(&self, management_account: &str) -> Vec<Arc<str>>;

    /// Whether the account administers a service (`cloudtrail.amazonaws.com`) for its organization.
    fn delegated_for(&self, service: &str, account: &str) -> bool;

    /// Whether the organization that the account is in gives a service trusted access.
    fn trusts(&self, account: &str, service: &str) -> bool;
}

/// Why a member was not made, or unmade, a delegated administrator.
#[derive(Clone, Debug)]
pub enum DelegationError {
    /// No such account in the organization.
    NoSuchAccount,
    /// It is one already.
    Registered,
    /// It is none.
    NotRegistered,
    /// The service has as many as it can have.
    TooMany,
    /// Something else stands against it, in words.
    Refused(String),
    /// Storage failed.
    Unavailable(Unavailable),
}

/// The delegated administrators of services, for services that register their own.
#[async_trait]
pub trait Delegations: Send + Sync + 'static {
    /// Lets `account` administer `service` for the organization that `management_account` manages. Durable when it returns.
    async fn register(&self, management_account: &str, account: &str, service: &str) -> Result<(), DelegationError>;

    /// Ends that.
    async fn deregister(&self, management_account: &str, account: &str, service: &str) -> Result<(), DelegationError>;
}

/// What an organization forbids its members. Each level from the root to the account is a set of policies: a call must be permitted on
/// every level, and denied on none. Source: Organizations user guide, "SCP evaluation".
pub trait ControlPolicies: Send + Sync + 'static {
    /// What identities of the account may do at most. No levels: nothing is forbidden, as always in the management account.
    fn service_control(&self, account: &str) -> Vec<Arc<PolicySet>>;

    /// What may be done to resources of the account at most. No levels: nothing is forbidden.
    fn resource_control(&self, account: &str) -> Vec<Arc<PolicySet>>;
}

/// An account that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Twelve digits.
    pub id: Arc<str>,
    /// As its owner calls it.
    pub name: String,
    /// No two accounts have the same.
    pub email: String,
    /// The role that its administrator comes in by: AdministratorAccess, trusting [`NewAccount::management_account`].
    pub role_name: String,
    /// The account that asked for it.
    pub management_account: Arc<str>,
}

/// Makes in a new account what must be there before anybody uses it.
#[async_trait]
pub trait NewAccounts: Send + Sync + 'static {
    /// Makes it, or does nothing about what is there. Durable when it returns. Called again after a failure or a crash.
    async fn prepare(&self, account: &NewAccount) -> Result<(), Unavailable>;
}
