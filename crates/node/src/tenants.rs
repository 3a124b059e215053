//! The accounts of the server, each with services of its own over tables and objects that no other account reaches ([ADR 24]). What is
//! one for all, buckets and sessions among them, is told to whom it belongs.
//!
//! [ADR 24]: ../../../docs/adr/0024-accounts-are-tenants.md

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};

use async_trait::async_trait;
use base::arn::Arn;
use base::{Env, Region, Timestamp};
use gateway::Handlers;
use journal::Journal;
use model::{Fields, Value};
use objects::Objects;
use ports::{
    AccessRequest, AccountStatus, Accounts, Caller, Credential, Credentials, DataKey, Identities, Identity, KeyError,
    KeyInfo, KeyUse, Keys, LooksAt, MfaDevices, NewAccount, NewAccounts, OidcProvider, OidcProviders, PlainKey,
    ResourcePolicies, RoleInfo, Roles, Ruled, Unavailable,
};
use service::Access;
use state::State;
use tokio::sync::watch;
use tokio::task::JoinSet;
use worker::{Consumer as _, Crew};

use crate::Failure;
use crate::key_records::Records;

/// What all accounts stand on.
pub(crate) struct Ground {
    pub env: Env,
    pub journal: Arc<dyn Journal>,
    pub state: Arc<dyn State>,
    pub objects: Arc<dyn Objects>,
    pub s3: Arc<s3::S3>,
    pub event_stores: Option<Arc<eventstore::Stores>>,
    pub query_engine: Option<Arc<dyn ports::QueryEngine>>,
    /// Publishes event data stores of the first account.
    pub tables: Option<Arc<dyn ports::Tables>>,
    pub key_maker: Arc<dyn cloudtrail::KeyMaker>,
    pub master: Arc<dyn kms::MasterKey>,
    pub access: Arc<Access>,
    pub cloudtrail: cloudtrail::Options,
    pub records: Arc<Records>,
    pub organizations: Arc<organizations::Organizations>,
    /// What an account asks of all.
    pub later: Arc<LaterTenants>,
}

/// An account with its services.
pub(crate) struct Tenant {
    pub account: Arc<str>,
    pub iam: Arc<iam::Iam>,
    pub kms: Arc<kms::Kms>,
    pub cloudtrail: Arc<cloudtrail::CloudTrail>,
    pub cloudwatch: Arc<cloudwatch::CloudWatch>,
}

/// See the module.
pub(crate) struct Tenants {
    pub first: Arc<Tenant>,
    ground: Ground,
    accounts: Arc<organizations::Organizations>,
    sts: OnceLock<Arc<sts::Sts>>,
    /// What is one for all accounts and answers each for itself.
    common: OnceLock<MakeCommon>,
    crew: OnceLock<Arc<Crew>>,
    resources: OnceLock<Vec<Arc<dyn ResourcePolicies>>>,
    /// What accounts do by themselves, and what ends it.
    work: Mutex<JoinSet<()>>,
    stopping: OnceLock<watch::Receiver<bool>>,
    others: RwLock<BTreeMap<Arc<str>, Open>>,
    /// One account at a time is opened.
    opening: tokio::sync::Mutex<()>,
}

/// Makes the definitions that every account has of services that are one for all.
pub(crate) type MakeCommon = Box<dyn Fn() -> Vec<service::Definition> + Send + Sync>;

#[derive(Clone)]
struct Open {
    tenant: Arc<Tenant>,
    handlers: Arc<Handlers>,
}

impl Ground {
    /// Opens the services of an account. The server's first account has tables and objects without a scope: they are from before there
    /// were others.
    pub async fn open(
        &self,
        account: Arc<str>,
        root: Option<iam::RootKey>,
        is_member: bool,
    ) -> Result<Tenant, Failure> {
        let (state, objects): (Arc<dyn State>, Arc<dyn Objects>) = match is_member {
            true => (
                Arc::new(state::Scoped::new(Arc::clone(&self.state), &account)),
                Arc::new(objects::Scoped::new(Arc::clone(&self.objects), &account)),
            ),
            false => (Arc::clone(&self.state), Arc::clone(&self.objects)),
        };
        let iam = iam::Iam::open(self.env.clone(), Arc::clone(&state), Arc::clone(&account), root).await?;
        let kms = kms::Kms::open(kms::Deps {
            env: self.env.clone(),
            account: Arc::clone(&account),
            state: Arc::clone(&state),
            master: Arc::clone(&self.master),
            authorizer: Arc::clone(&self.access) as Arc<dyn ports::Authorizer>,
            records: Some(self.records.of(&account)),
        })
        .await?;
        let cloudwatch = cloudwatch::CloudWatch::open(cloudwatch::Deps {
            env: self.env.clone(),
            account: Arc::clone(&account),
            state: Arc::clone(&state),
            journal: Arc::clone(&self.journal),
            topics: None,
            functions: None,
        })
        .await?;
        let stores = self.event_stores.as_ref().map(|stores| Arc::clone(stores) as Arc<dyn ports::EventStores>);
        let cloudtrail = cloudtrail::CloudTrail::new(cloudtrail::Deps {
            env: self.env.clone(),
            account: Arc::clone(&account),
            is_member,
            journal: Arc::clone(&self.journal),
            state,
            objects,
            buckets: Arc::clone(&self.s3) as Arc<dyn ports::Buckets>,
            keys: Some(Arc::clone(&self.later) as Arc<dyn ports::Keys>),
            organized: Some(cloudtrail::Organized {
                memberships: Arc::clone(&self.organizations) as Arc<dyn ports::Memberships>,
                delegations: Arc::clone(&self.organizations) as Arc<dyn ports::Delegations>,
                instances: Arc::clone(&self.later) as Arc<dyn cloudtrail::Instances>,
            }),
            event_stores: stores,
            query_engine: self.query_engine.clone(),
            tables: self.tables.clone().filter(|_| !is_member),
            key_maker: Arc::clone(&self.key_maker),
            options: self.cloudtrail,
        })
        .await?;
        Ok(Tenant { account, iam, kms, cloudtrail, cloudwatch })
    }
}

impl Tenant {
    /// What this account has of its own.
    pub fn definitions(&self, env: &Env) -> Vec<service::Definition> {
        vec![
            cloudtrail::definition(Arc::clone(&self.cloudtrail)),
            cloudtrail_data::definition(Arc::new(cloudtrail_data::CloudTrailData {
                env: env.clone(),
                channels: Arc::clone(&self.cloudtrail) as Arc<dyn ports::AuditChannels>,
            })),
            cloudwatch::definition(Arc::clone(&self.cloudwatch)),
            iam::definition(Arc::clone(&self.iam)),
            kms::definition(Arc::clone(&self.kms)),
        ]
    }

    /// Puts the consumers of the account's records to work.
    pub async fn consume(&self, crew: &Crew) -> Result<(), Failure> {
        let (delivery, history) = self.cloudtrail.consumers().await?;
        tracing::debug!(delivery = delivery.name(), history = history.name(), "an account's records are delivered");
        crew.add(delivery);
        crew.add(history);
        crew.add(self.cloudwatch.consumer());
        Ok(())
    }
}

impl Tenants {
    /// The first account alone; the others are opened by [`Tenants::open_all`].
    pub fn new(first: Arc<Tenant>, ground: Ground, accounts: Arc<organizations::Organizations>) -> Arc<Tenants> {
        Arc::new(Tenants {
            first,
            ground,
            accounts,
            sts: OnceLock::new(),
            common: OnceLock::new(),
            crew: OnceLock::new(),
            resources: OnceLock::new(),
            work: Mutex::default(),
            stopping: OnceLock::new(),
            others: RwLock::default(),
            opening: tokio::sync::Mutex::default(),
        })
    }

    /// Keeps those who are asked about resources: who asks holds them weakly, as they hold it.
    pub fn keep(&self, resources: Vec<Arc<dyn ResourcePolicies>>) {
        let _ = self.resources.set(resources);
    }

    /// Says who keeps sessions.
    pub fn set_sts(&self, sts: Arc<sts::Sts>) {
        let _ = self.sts.set(sts);
    }

    /// Opens the accounts that there are besides the first, and from now on those that are made.
    pub async fn open_all(&self, crew: Arc<Crew>, common: MakeCommon) -> Result<(), Failure> {
        let _ = self.crew.set(crew);
        let _ = self.common.set(common);
        for account in self.accounts.list() {
            if account != self.first.account {
                self.open(&account).await?;
            }
        }
        Ok(())
    }

    /// From now on accounts do what is due by itself, until told to stop: the first one, and those that are opened later.
    pub fn begin_work(&self, stopping: watch::Receiver<bool>) {
        let _ = self.stopping.set(stopping);
        self.let_work(&self.first);
    }

    fn let_work(&self, tenant: &Tenant) {
        let Some(stopping) = self.stopping.get().cloned() else { return };
        let cloudwatch = Arc::clone(&tenant.cloudwatch);
        let mut work = self.work.lock().expect("no holder of this lock can panic");
        work.spawn(async move { cloudwatch.work(stopping).await });
    }

    /// Waits for what was told to stop.
    pub async fn end_work(&self) {
        let work = std::mem::take(&mut *self.work.lock().expect("no holder of this lock can panic"));
        work.join_all().await;
    }

    /// The services of an account, opened now if they were not.
    async fn open(&self, account: &Arc<str>) -> Result<Open, Failure> {
        let _turn = self.opening.lock().await;
        if let Some(open) = self.opened(account) {
            return Ok(open);
        }
        let tenant = Arc::new(self.ground.open(Arc::clone(account), None, true).await?);
        tenant.cloudtrail.begin_imports().await?;
        if let Some(crew) = self.crew.get() {
            tenant.consume(crew).await?;
        }
        self.let_work(&tenant);
        let mut definitions = tenant.definitions(&self.ground.env);
        definitions.extend(self.common.get().map(|make| make()).unwrap_or_default());
        let open = Open { tenant, handlers: Arc::new(Handlers::new(definitions)) };
        self.others.write().expect("no holder of this lock can panic").insert(Arc::clone(account), open.clone());
        Ok(open)
    }

    fn opened(&self, account: &str) -> Option<Open> {
        self.others.read().expect("no holder of this lock can panic").get(account).cloned()
    }

    /// An account with its services, closed or not.
    pub fn get(&self, account: &str) -> Option<Arc<Tenant>> {
        if *account == *self.first.account {
            return Some(Arc::clone(&self.first));
        }
        self.opened(account).map(|open| open.tenant)
    }

    /// All accounts, the first one first.
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        let others = self.others.read().expect("no holder of this lock can panic");
        std::iter::once(&self.first).chain(others.values().map(|open| &open.tenant)).cloned().collect()
    }

    /// Whether it is the account's email address.
    pub fn has_email(&self, account: &str, email: &str) -> bool {
        email.contains('@') && self.accounts.account(account).is_some_and(|info| info.email.eq_ignore_ascii_case(email))
    }

    pub fn is_active(&self, account: &str) -> bool {
        self.accounts.status(account) == Some(AccountStatus::Active)
    }
}

#[async_trait]
impl gateway::Accounts for Tenants {
    async fn handlers(&self, account: &str) -> Result<Option<Arc<Handlers>>, Unavailable> {
        Ok(self.opened(account).filter(|_| self.is_active(account)).map(|open| open.handlers))
    }

    async fn owner(&self, model: &str, input: &Fields) -> Result<Option<Arc<str>>, Unavailable> {
        match (model, input.get("Bucket")) {
            ("s3", Some(Value::String(bucket))) => self.ground.s3.bucket_owner(bucket).await,
            _ => Ok(None),
        }
    }
}

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
    Iam,
    Kms,
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
            Kind::Kms => Arc::clone(&tenant.kms) as Arc<dyn ResourcePolicies>,
        })
    }
}

#[async_trait]
impl ResourcePolicies for OwnResources {
    fn prefixes(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::CloudTrail => &["cloudtrail"],
            Kind::Iam => &["iam", "sts"],
            Kind::Kms => &["kms"],
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

/// What accounts have, for services that are there before the accounts are.
#[derive(Default)]
pub(crate) struct LaterTenants(OnceLock<Arc<OfTenants>>);

impl LaterTenants {
    pub fn set(&self, tenants: Arc<OfTenants>) {
        let _ = self.0.set(tenants);
    }

    fn keys(&self) -> Result<&Arc<OfTenants>, KeyError> {
        self.0.get().ok_or_else(|| KeyError::Unavailable(Unavailable("the server is starting".to_owned())))
    }
}

#[async_trait]
impl Keys for LaterTenants {
    async fn describe(&self, region: Region, key: &str) -> Result<KeyInfo, KeyError> {
        self.keys()?.describe(region, key).await
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        self.keys()?.generate_data_key(asked, bytes).await
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        self.keys()?.decrypt_data_key(asked, ciphertext).await
    }

    async fn permitted_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        bytes: usize,
    ) -> Result<DataKey, KeyError> {
        self.keys()?.permitted_data_key(region, key, context, bytes).await
    }

    async fn open_data_key(
        &self,
        region: Region,
        key: &str,
        context: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        self.keys()?.open_data_key(region, key, context, ciphertext).await
    }
}

impl cloudtrail::Instances for LaterTenants {
    fn of(&self, account: &str) -> Option<Arc<cloudtrail::CloudTrail>> {
        let tenant = self.0.get()?.0.upgrade()?.get(account)?;
        Some(Arc::clone(&tenant.cloudtrail))
    }
}

#[async_trait]
impl MfaDevices for LaterTenants {
    async fn verify(&self, caller: &Caller, serial: &str, code: &str) -> Result<bool, Unavailable> {
        match self.0.get() {
            Some(tenants) => tenants.verify(caller, serial, code).await,
            None => Ok(false),
        }
    }
}
