//! Those who sign in with passwords, found in the accounts they are of.

use std::sync::Arc;

use async_trait::async_trait;
use iam::PasswordCheck;
use ports::{Caller, MfaDevices, PasswordAnswer, People, Person, Unavailable};
use service::ApiError;

use crate::of_tenants::OfTenants;
use crate::tenants::{Tenant, Tenants};

/// No user's name: passwords are held against it where there is nobody, so that this takes as long.
const NOBODY: &str = "\0";

fn unavailable(error: ApiError) -> Unavailable {
    Unavailable(error.log.unwrap_or(error.message))
}

impl OfTenants {
    /// The account, if somebody may sign in to it.
    fn open_to(&self, account: &str) -> Result<Option<Arc<Tenant>>, Unavailable> {
        let tenants = self.tenants()?;
        Ok(tenants.get(account).filter(|_| tenants.is_active(account)))
    }
}

impl Tenants {
    /// The account that somebody means by its number, its alias or its email address.
    fn meant(&self, named: &str) -> Option<Arc<str>> {
        let all = self.all();
        let is_it = |tenant: &&Arc<Tenant>| {
            let has_alias = || tenant.iam.alias().is_some_and(|alias| alias == named);
            *tenant.account == *named || has_alias() || self.has_email(&tenant.account, named)
        };
        let found = all.iter().find(is_it).map(|tenant| Arc::clone(&tenant.account));
        found.filter(|account| self.is_active(account))
    }
}

#[async_trait]
impl People for OfTenants {
    fn account(&self, named: &str) -> Option<Arc<str>> {
        // Numbers are written with hyphens too: 1234-5678-9012.
        let digits: String = named.chars().filter(|c| *c != '-').collect();
        let named = if base::arn::is_account_id(&digits) { &digits } else { named };
        self.tenants().ok()?.meant(named)
    }

    fn person(&self, account: &str, user_name: &str) -> Option<Person> {
        self.open_to(account).ok()??.iam.person(user_name)
    }

    async fn check_password(&self, account: &str, user: &str, password: &str) -> Result<PasswordAnswer, Unavailable> {
        let (tenant, user) = match self.open_to(account)? {
            Some(tenant) => (tenant, user),
            None => (Arc::clone(&self.tenants()?.first), NOBODY),
        };
        Ok(match tenant.iam.verify_password(user, password).await.map_err(unavailable)? {
            PasswordCheck::Wrong => PasswordAnswer::Wrong,
            PasswordCheck::Right(user) => {
                PasswordAnswer::Right { must_change: user.reset_required || user.expired, is_dead: user.expired_hard }
            }
        })
    }

    async fn check_root_password(&self, account: &str, password: &str) -> Result<bool, Unavailable> {
        let Some(tenant) = self.open_to(account)? else { return Ok(false) };
        tenant.iam.verify_root_password(password).await.map_err(unavailable)
    }

    fn devices(&self, account: &str, user_id: Option<&str>) -> Vec<String> {
        let tenant = self.open_to(account).ok().flatten();
        tenant.map_or_else(Vec::new, |tenant| tenant.iam.mfa_serials(user_id))
    }

    async fn check_code(
        &self,
        account: &str,
        person: Option<&Person>,
        serial: &str,
        code: &str,
    ) -> Result<bool, Unavailable> {
        let Some(tenant) = self.open_to(account)? else { return Ok(false) };
        let (account, access_key_id) = (Arc::clone(&tenant.account), Arc::from(""));
        let caller = match person {
            Some(Person { id, name, arn }) => Caller::User {
                account,
                user_id: Arc::clone(id),
                user_name: Arc::clone(name),
                arn: Arc::clone(arn),
                access_key_id,
            },
            None => Caller::Root { account, access_key_id },
        };
        tenant.iam.verify(&caller, serial, code).await
    }

    async fn change_password(
        &self,
        account: &str,
        user: &str,
        old: &str,
        new: &str,
    ) -> Result<Result<(), String>, Unavailable> {
        let Some(tenant) = self.open_to(account)? else { return Ok(Err("The account is closed.".to_owned())) };
        match tenant.iam.change_own_password(user, old, new).await {
            Ok(()) => Ok(Ok(())),
            Err(error) if error.status < 500 => Ok(Err(error.message)),
            Err(error) => Err(unavailable(error)),
        }
    }
}
