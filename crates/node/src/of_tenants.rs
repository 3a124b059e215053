//! What services ask of the accounts: each question goes to the account that a caller, an ARN or a key names.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use base::arn::Arn;
use base::{Region, Timestamp};
use ports::{
    AccessRequest, Caller, Credential, Credentials, DataKey, Identities, Identity, KeyError, KeyInfo, KeyUse, Keys,
    LooksAt, MfaDevices, NewAccount, NewAccounts, OidcProvider, OidcProviders, PlainKey, ResourcePolicies, RoleInfo,
    Roles, Ruled, Unavailable,
};

use crate::Failure;
use crate::tenants::{Tenant, Tenants};

/// [`Tenants`] for the services in them: they hold no account, so that accounts can go.
pub(crate) struct OfTenants(pub Weak<Tenants>);

impl OfTenants {
    pub fn tenants(&self) -> Result<Arc<Tenants>, Unavailable> {
        self.0.upgrade().ok_or_else(|| Unavailable("the server is stopping".to_owned()))
    }

    fn of(&self, account: Option<&str>) -> Result<Option<Arc<Tenant>>, Unavailable> {
        let tenants = self.tenants()?;
        Ok(account.and_then(|account| tenants.get(account)))
    }
}

#[async_trait]
impl Credentials for OfTenants {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        let tenants = self.tenants()?;
        let is_let_in =
            |found: &Arc<Credential>| found.caller.account().is_some_and(|account| tenants.is_active(account));
        if let Some(sts) = tenants.sts.get()
            && let Some(found) = sts.find(access_key_id).await?
        {
            return Ok(Some(found).filter(is_let_in));
        }
        for tenant in tenants.all() {
            if let Some(found) = tenant.iam.find(access_key_id).await? {
                return Ok(Some(found).filter(is_let_in));
            }
        }
        Ok(None)
    }

    fn used(&self, caller: &Caller, time: Timestamp, region: &str, service: &str) {
        if let Ok(Some(tenant)) = self.of(caller.account().map(|account| &**account)) {
            tenant.iam.note_call(caller, time, region, service);
        }
    }
}

#[async_trait]
impl Identities for OfTenants {
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable> {
        match self.of(caller.account().map(|account| &**account))? {
            Some(tenant) => tenant.iam.identity(caller).await,
            None => Ok(Identity::default()),
        }
    }
}

#[async_trait]
impl Roles for OfTenants {
    async fn role(&self, arn: &str) -> Result<Option<RoleInfo>, Unavailable> {
        let account = Arn::parse(arn).map(|arn| arn.account);
        let tenants = self.tenants()?;
        match account.filter(|account| tenants.is_active(account)).and_then(|account| tenants.get(&account)) {
            Some(tenant) => tenant.iam.role(arn).await,
            None => Ok(None),
        }
    }
}

#[async_trait]
impl OidcProviders for OfTenants {
    async fn oidc_provider(&self, account: &str, issuer: &str) -> Result<Option<OidcProvider>, Unavailable> {
        match self.of(Some(account))? {
            Some(tenant) => OidcProviders::oidc_provider(&*tenant.iam, account, issuer).await,
            None => Ok(None),
        }
    }

    async fn saml_provider(&self, arn: &str) -> Result<Option<ports::SamlProvider>, Unavailable> {
        match self.of(Arn::parse(arn).map(|arn| arn.account).as_deref())? {
            Some(tenant) => tenant.iam.saml_provider(arn).await,
            None => Ok(None),
        }
    }
}

#[async_trait]
impl MfaDevices for OfTenants {
    async fn verify(&self, caller: &Caller, serial: &str, code: &str) -> Result<bool, Unavailable> {
        match self.of(caller.account().map(|account| &**account))? {
            Some(tenant) => tenant.iam.verify(caller, serial, code).await,
            None => Ok(false),
        }
    }
}

impl OfTenants {
    /// The keys of the account in a key's ARN; of a name without one, those of `otherwise`.
    fn keys(&self, key: &str, otherwise: Option<&str>) -> Result<Arc<kms::Kms>, KeyError> {
        let named = Arn::parse(key).map(|arn| arn.account).filter(|account| !account.is_empty());
        let tenant = self.of(named.as_deref().or(otherwise)).map_err(KeyError::Unavailable)?;
        let tenant = tenant.ok_or_else(|| KeyError::Refused {
            code: "NotFoundException".to_owned(),
            message: match key.starts_with("arn:") {
                true => format!("Key '{key}' does not exist"),
                false => format!("Invalid keyId '{key}'"),
            },
        })?;
        Ok(Arc::clone(&tenant.kms))
    }

    /// A key is its ARN's account's, else the caller's; a service's, the account's of the resource on whose behalf it acts.
    fn keys_of(&self, asked: &KeyUse<'_>) -> Result<Arc<kms::Kms>, KeyError> {
        let source = asked.source_arn.and_then(Arn::parse).map(|arn| arn.account).filter(|account| !account.is_empty());
        let caller = asked.caller.account().map(|account| &**account);
        self.keys(asked.key.unwrap_or_default(), caller.or(source.as_deref()))
    }
}

#[async_trait]
impl Keys for OfTenants {
    async fn describe(&self, region: Region, key: &str) -> Result<KeyInfo, KeyError> {
        self.keys(key, None)?.describe(region, key).await
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        self.keys_of(asked)?.generate_data_key(asked, bytes).await
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        self.keys_of(asked)?.decrypt_data_key(asked, ciphertext).await
    }

    async fn permitted_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        bytes: usize,
    ) -> Result<DataKey, KeyError> {
        self.keys(key, None)?.permitted_data_key(region, key, context, bytes).await
    }

    async fn open_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        self.keys(key, None)?.open_data_key(region, key, context, ciphertext).await
    }
}

impl OfTenants {
    fn logs(&self, target: &ports::LogTarget) -> Result<Arc<logs::Logs>, ports::HandOver> {
        let account = Arn::parse(&target.group_arn).map(|arn| arn.account);
        let missing = || ports::HandOver::NotFound(format!("The log group {} does not exist.", target.group_arn));
        Ok(Arc::clone(&self.of(account.as_deref())?.ok_or_else(missing)?.logs))
    }
}

#[async_trait]
impl ports::LogGroups for OfTenants {
    async fn check(&self, target: &ports::LogTarget) -> Result<(), ports::HandOver> {
        self.logs(target)?.check(target).await
    }

    async fn make(&self, target: &ports::LogTarget) -> Result<(), ports::HandOver> {
        self.logs(target)?.make(target).await
    }

    async fn put(
        &self,
        target: &ports::LogTarget,
        position: u64,
        events: Vec<(i64, bytes::Bytes)>,
    ) -> Result<ports::LogsTaken, ports::HandOver> {
        self.logs(target)?.put(target, position, events).await
    }
}

#[async_trait]
impl ports::Queues for OfTenants {
    async fn send(&self, message: ports::QueueMessage) -> Result<String, ports::HandOver> {
        let account = Arn::parse(&message.queue_arn).map(|arn| arn.account);
        let tenants = self.tenants()?;
        match account.filter(|account| tenants.is_active(account)).and_then(|account| tenants.get(&account)) {
            Some(tenant) => ports::Queues::send(&*tenant.sqs, message).await,
            None => Err(ports::HandOver::NotFound("The specified queue does not exist.".to_owned())),
        }
    }
}

impl OfTenants {
    fn topics(&self, topic_arn: &str) -> Result<Arc<sns::Sns>, ports::HandOver> {
        let account = Arn::parse(topic_arn).map(|arn| arn.account);
        let tenants = self.tenants()?;
        let found = account.filter(|account| tenants.is_active(account)).and_then(|account| tenants.get(&account));
        let missing = || ports::HandOver::NotFound("Topic does not exist".to_owned());
        found.map(|tenant| Arc::clone(&tenant.sns)).ok_or_else(missing)
    }
}

#[async_trait]
impl ports::Topics for OfTenants {
    async fn check(&self, by: &ports::OnBehalf, topic_arn: &str) -> Result<(), ports::HandOver> {
        ports::Topics::check(&*self.topics(topic_arn)?, by, topic_arn).await
    }

    async fn publish(&self, notice: ports::Notice) -> Result<String, ports::HandOver> {
        ports::Topics::publish(&*self.topics(&notice.topic_arn)?, notice).await
    }
}

#[async_trait]
impl NewAccounts for OfTenants {
    async fn prepare(&self, account: &NewAccount) -> Result<(), Unavailable> {
        let failed = |error: Failure| Unavailable(format!("opening the account {}: {error}", account.id));
        let open = self.tenants()?.open(&account.id).await.map_err(failed)?;
        let made = open.tenant.iam.provide_role(&account.role_name, &account.management_account).await;
        made.map_err(|error| Unavailable(error.log.unwrap_or(error.message)))
    }
}

/// Which service's resources.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    CloudTrail,
    CloudWatch,
    Iam,
    Kms,
    Sns,
    Sqs,
    Logs,
}

/// What the policies of resources say that each account has of its own: the account in the resource's ARN is asked.
pub(crate) struct OwnResources {
    pub tenants: Weak<Tenants>,
    pub kind: Kind,
}

impl OwnResources {
    fn keeper(&self, request: &AccessRequest<'_>) -> Option<Arc<dyn ResourcePolicies>> {
        let tenants = self.tenants.upgrade()?;
        let named = Arn::parse(request.resource).map(|arn| arn.account).filter(|account| !account.is_empty());
        let account = named.as_deref().or(request.caller.account().map(|account| &**account))?;
        let tenant = tenants.get(account)?;
        Some(match self.kind {
            Kind::CloudTrail => Arc::clone(&tenant.cloudtrail) as Arc<dyn ResourcePolicies>,
            Kind::Iam => Arc::clone(&tenant.iam) as Arc<dyn ResourcePolicies>,
            Kind::CloudWatch => Arc::clone(&tenant.cloudwatch) as Arc<dyn ResourcePolicies>,
            Kind::Kms => Arc::clone(&tenant.kms) as Arc<dyn ResourcePolicies>,
            Kind::Sns => Arc::clone(&tenant.sns) as Arc<dyn ResourcePolicies>,
            Kind::Sqs => Arc::clone(&tenant.sqs) as Arc<dyn ResourcePolicies>,
            Kind::Logs => Arc::clone(&tenant.logs) as Arc<dyn ResourcePolicies>,
        })
    }
}

#[async_trait]
impl ResourcePolicies for OwnResources {
    fn prefixes(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::CloudTrail => &["cloudtrail"],
            Kind::Iam => &["iam", "sts"],
            Kind::CloudWatch => &["cloudwatch"],
            Kind::Kms => &["kms"],
            Kind::Sns => &["sns"],
            Kind::Sqs => &["sqs"],
            Kind::Logs => &["logs"],
        }
    }

    async fn ruled(&self, request: &AccessRequest<'_>, looks_at: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        match self.keeper(request) {
            Some(keeper) => keeper.ruled(request, looks_at).await,
            None => Ok(None),
        }
    }

    fn condition(&self, request: &AccessRequest<'_>, key: &str) -> Option<Vec<String>> {
        self.keeper(request)?.condition(request, key)
    }
}
