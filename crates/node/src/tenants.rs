//! The accounts of the server, each with services of its own over tables and objects that no other account reaches ([ADR 24]). What is
//! one for all, buckets and sessions among them, is told to whom it belongs.
//!
//! [ADR 24]: ../../../docs/adr/0024-accounts-are-tenants.md

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use async_trait::async_trait;
use base::Env;
use gateway::Handlers;
use journal::Journal;
use model::{Fields, Value};
use objects::Objects;
use ports::{AccountStatus, Accounts, ResourcePolicies, Unavailable};
use service::Access;
use state::State;
use tokio::sync::watch;
use tokio::task::JoinSet;
use worker::{Consumer as _, Crew};

use crate::Failure;
use crate::key_records::Records;
use crate::later_tenants::LaterTenants;

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
    /// Becomes true when the server stops.
    pub stopping: tokio::sync::watch::Receiver<bool>,
    /// Log groups and topics, for trails.
    pub watch: cloudtrail::Watch,
    /// What an account asks of all.
    pub later: Arc<LaterTenants>,
    pub way_out: crate::WayOut,
    pub signer: Arc<sns::Signer>,
}

/// An account with its services.
pub(crate) struct Tenant {
    pub account: Arc<str>,
    pub iam: Arc<iam::Iam>,
    pub kms: Arc<kms::Kms>,
    pub sns: Arc<sns::Sns>,
    pub sqs: Arc<sqs::Sqs>,
    pub cloudtrail: Arc<cloudtrail::CloudTrail>,
    pub logs: Arc<logs::Logs>,
    pub cloudwatch: Arc<cloudwatch::CloudWatch>,
}

/// See the module.
pub(crate) struct Tenants {
    pub first: Arc<Tenant>,
    ground: Ground,
    accounts: Arc<organizations::Organizations>,
    pub sts: OnceLock<Arc<sts::Sts>>,
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

/// An account whose services are there.
#[derive(Clone)]
pub(crate) struct Open {
    pub tenant: Arc<Tenant>,
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
            authorizer: Arc::clone(&self.access) as Arc<dyn ports::Authorizer>,
            topics: Some(Arc::clone(&self.later) as Arc<dyn ports::Topics>),
            functions: Some(Arc::clone(&self.way_out.functions)),
        })
        .await?;
        let sqs = sqs::Sqs::open(sqs::Deps {
            env: self.env.clone(),
            account: Arc::clone(&account),
            state: Arc::clone(&state),
            keys: Some(Arc::clone(&self.later) as Arc<dyn ports::Keys>),
            metrics: Some(Arc::clone(&cloudwatch) as Arc<dyn ports::Metrics>),
            authorizer: Arc::clone(&self.access) as Arc<dyn ports::Authorizer>,
            stopping: Some(self.stopping.clone()),
            endpoint: None,
        })
        .await?;
        let sns = sns::Sns::open(sns::Deps {
            env: self.env.clone(),
            account: Arc::clone(&account),
            state: Arc::clone(&state),
            queues: Some(Arc::clone(&self.later) as Arc<dyn ports::Queues>),
            functions: Arc::clone(&self.way_out.functions),
            outbound: Arc::clone(&self.way_out.http),
            log_groups: Some(Arc::clone(&self.later) as Arc<dyn ports::LogGroups>),
            metrics: Some(Arc::clone(&cloudwatch) as Arc<dyn ports::Metrics>),
            mail: self.way_out.mail.clone(),
            sms: self.way_out.sms.clone(),
            keys: Some(Arc::clone(&self.later) as Arc<dyn ports::Keys>),
            authorizer: Arc::clone(&self.access) as Arc<dyn ports::Authorizer>,
            endpoint: Arc::clone(&self.way_out.public_url),
            signer: Arc::clone(&self.signer),
        })
        .await?;
        let logs = logs::Logs::open(logs::Deps {
            env: self.env.clone(),
            account: Arc::clone(&account),
            state: Arc::clone(&state),
            objects: Arc::clone(&objects),
            journal: Arc::clone(&self.journal),
            metrics: Some(Arc::clone(&cloudwatch) as Arc<dyn ports::Metrics>),
            keys: Some(Arc::clone(&self.later) as Arc<dyn ports::Keys>),
            buckets: Arc::clone(&self.s3) as Arc<dyn ports::Buckets>,
            functions: Some(Arc::clone(&self.way_out.functions)),
            outbound: Some(Arc::clone(&self.way_out.http)),
            roles: Some(Arc::clone(&self.later) as Arc<dyn ports::ServiceRoles>),
            authorizer: Arc::clone(&self.access) as Arc<dyn ports::Authorizer>,
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
            watch: self.watch.clone(),
            event_stores: stores,
            query_engine: self.query_engine.clone(),
            tables: self.tables.clone().filter(|_| !is_member),
            key_maker: Arc::clone(&self.key_maker),
            options: self.cloudtrail,
        })
        .await?;
        Ok(Tenant { account, iam, kms, sns, sqs, cloudwatch, logs, cloudtrail })
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
            sns::definition(Arc::clone(&self.sns)),
            sqs::definition(Arc::clone(&self.sqs)),
            logs::definition(Arc::clone(&self.logs)),
        ]
    }

    /// Puts the consumers of the account's records to work.
    pub async fn consume(&self, crew: &Crew) -> Result<(), Failure> {
        let (delivery, history, logs) = self.cloudtrail.consumers().await?;
        tracing::debug!(delivery = delivery.name(), history = history.name(), "an account's records are delivered");
        crew.add(delivery);
        crew.add(history);
        crew.add(logs);
        crew.add(self.logs.consumer().await?);
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
    pub async fn open(&self, account: &Arc<str>) -> Result<Open, Failure> {
        let _turn = self.opening.lock().await;
        if let Some(open) = self.opened(account) {
            return Ok(open);
        }
        let tenant = Arc::new(self.ground.open(Arc::clone(account), None, true).await?);
        if let Some(crew) = self.crew.get() {
            tenant.consume(crew).await?;
        }
        tenant.sns.begin();
        self.let_work(&tenant);
        let mut definitions = tenant.definitions(&self.ground.env);
        definitions.extend(self.common.get().map(|make| make()).unwrap_or_default());
        let open = Open { tenant, handlers: Arc::new(Handlers::new(definitions)) };
        self.others.write().expect("no holder of this lock can panic").insert(Arc::clone(account), open.clone());
        // An import may need a key of the account, which is found from here on.
        open.tenant.cloudtrail.begin_imports().await?;
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

    /// Ends what runs for accounts by itself.
    pub async fn stop(&self) {
        for tenant in self.all() {
            tenant.sns.stop().await;
        }
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
            ("sqs", _) => Ok(sqs::owner(input).filter(|account| self.is_active(account))),
            _ => Ok(None),
        }
    }
}
