//! A whole Cairn without a process around it: every service, consumer and background task joined in one function that is read
//! from top to bottom. It opens no file and no socket: whoever starts a node gives it its storage, its clock and its callers.

mod event_stores;
mod federated;
mod figures;
mod follow;
mod holds;
mod host_keys;
mod key_records;
mod later_tenants;
mod of_tenants;
mod operator;
mod pages;
mod people;
mod rebuild;
mod rounds;
mod tenants;
mod upkeep;
pub mod validation;
mod way_out;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::Env;
use gateway::{Gateway, HostNames, Limits, Outside, Recorder, Recording};
use journal::Journal;
use objects::Objects;
use seal::HostKeys;
use service::{Access, Organized};
use state::State;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use worker::{Consumer, Crew};

use crate::figures::{CrewFigures, JournalFigures};
use crate::follow::{Followed, Follower};
use crate::holds::{HeldObjects, Holds};
use crate::key_records::Records;
use crate::later_tenants::LaterTenants;
use crate::of_tenants::{Kind, OfTenants, OwnResources};
use crate::operator::ServerOperator;
use crate::pages::AllPages;
use crate::tenants::{Ground, Tenants};
use crate::upkeep::Upkeep;
use crate::validation::{Results, Validator};

/// What a node stands on.
pub struct Parts {
    /// Clock, chance and disk.
    pub env: Env,
    /// The account that owns everything.
    pub account: Arc<str>,
    /// The key of the account's root.
    pub root_key: iam::RootKey,
    /// What contents are encrypted under. Kept apart from everything below.
    pub host_keys: HostKeys,
    /// What KMS's key material is wrapped under. Kept apart likewise.
    pub master_key: Arc<dyn kms::MasterKey>,
    /// What the tokens of OpenID Connect providers are signed with.
    pub issuer_keys: Arc<dyn ports::IssuerKeys>,
    /// Where calls are recorded.
    pub journal: Arc<dyn Journal>,
    /// The tables of all services.
    pub state: Arc<dyn State>,
    /// The bytes of all services.
    pub objects: Arc<dyn Objects>,
    /// Where the keys that sign digests come from.
    pub key_maker: Arc<dyn cloudtrail::KeyMaker>,
    /// Makes what answers SQL over the event stores. `None`: nothing does.
    pub query_engine: Option<MakeQueryEngine>,
    /// What leads out of the server.
    pub way_out: WayOut,
    /// See [`Options`].
    pub options: Options,
}

/// Makes what answers SQL over these stores.
pub type MakeQueryEngine = Box<dyn FnOnce(Arc<eventstore::Stores>) -> Arc<dyn ports::QueryEngine> + Send>;

/// What can be chosen about a node.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often log files and digests are delivered.
    pub cloudtrail: cloudtrail::Options,
    /// Whether calls are recorded.
    pub recording: Recording,
    /// Names that the node is reached by, for buckets in host names.
    pub host_names: HostNames,
    /// What one client may take.
    pub limits: Limits,
    /// The machine around it.
    pub outside: Outside,
    /// How often what trails delivered is validated; `None`: never.
    pub validation_interval: Option<Duration>,
    /// How records are kept in columns; `None`: they are not.
    pub event_stores: Option<eventstore::Options>,
    /// Places whose log files are imported as they come.
    pub follow: Vec<Follow>,
    /// How often they are looked through.
    pub follow_interval: Duration,
    /// The password of the first account's root, for signing in. `None`: it cannot sign in.
    pub root_password: Option<ports::Secret>,
}

/// How often places that are followed are looked through, if nothing else is said.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(60);

impl Default for Options {
    fn default() -> Options {
        Options {
            cloudtrail: cloudtrail::Options::default(),
            recording: Recording::On,
            host_names: HostNames::default(),
            limits: Limits::default(),
            outside: Outside::default(),
            validation_interval: None,
            event_stores: Some(eventstore::Options::default()),
            follow: Vec::new(),
            follow_interval: FOLLOW_INTERVAL,
            root_password: None,
        }
    }
}

pub use crate::follow::Follow;
pub use crate::host_keys::{HostKeyError, has_host_keys};
pub use crate::rebuild::{Permitted, RebuildParts, Rebuilt, rebuild};
pub use crate::way_out::WayOut;

/// A running node.
pub struct Node {
    /// Takes requests.
    pub gateway: Arc<Gateway>,
    /// True when the node is to stop: what takes requests stops first, then [`Node::stop`] is called.
    pub stop: watch::Sender<bool>,
    /// What validation found last, as figures.
    pub validation: Arc<Results>,
    /// Records in columns, if they are kept.
    pub event_stores: Option<Arc<eventstore::Stores>>,
    journal: Arc<dyn Journal>,
    recorder: Arc<Recorder>,
    crew: Arc<Crew>,
    upkeep: JoinHandle<()>,
    validator: Option<JoinHandle<()>>,
    events_upkeep: Option<JoinHandle<()>>,
    follower: Option<JoinHandle<()>>,
    federated: JoinHandle<()>,
    tenants: Arc<Tenants>,
}

/// A node could not start or stop in order. For our own log.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Node {
    /// The whole node, from top to bottom. Returns when everything that an earlier run left is taken care of and requests can come.
    pub async fn start(parts: Parts) -> Result<Node, Failure> {
        let Parts {
            env,
            account,
            root_key,
            host_keys,
            master_key,
            issuer_keys,
            journal,
            state,
            objects,
            key_maker,
            query_engine,
            way_out,
            options,
        } = parts;
        let started_ms = env.clock.monotonic_ms();
        let holds = Holds::new(objects);
        let objects: Arc<dyn Objects> = Arc::new(HeldObjects(Arc::clone(&holds)));

        // 1. The keys that contents were encrypted under; then the services, and what they ask of one another.
        host_keys::check(&*state, &host_keys, env.clock.now()).await?;
        let organizations =
            organizations::Organizations::open(env.clone(), Arc::clone(&state), Arc::clone(&account)).await?;
        let access = Access::new();
        let host_keys = Arc::new(host_keys);
        let s3_keys = Arc::clone(&host_keys);
        let s3 = s3::S3::new(Arc::clone(&state), Arc::clone(&objects), env.clone(), Arc::clone(&account), s3_keys);
        let s3 =
            s3.with_authorizer(Arc::clone(&access) as Arc<dyn ports::Authorizer>).with_journal(Arc::clone(&journal));
        let later = Arc::new(LaterTenants::default());
        let s3 = s3.with_mfa_devices(Arc::clone(&later) as Arc<dyn ports::MfaDevices>);
        let s3 = Arc::new(s3.with_keys(Arc::clone(&later) as Arc<dyn ports::Keys>));
        let event_stores = match options.event_stores {
            Some(options) => {
                let (state, objects) = (Arc::clone(&state), Arc::clone(&objects));
                let keys = Arc::clone(&later) as Arc<dyn ports::Keys>;
                let encryption = Some(eventstore::Encryption { keys, host_keys });
                Some(eventstore::Stores::open_with(env.clone(), state, objects, encryption, options).await?)
            }
            None => None,
        };
        let athena_options = athena::Options {
            query_timeout_ms: options.cloudtrail.query_timeout_ms.min(athena::Options::default().query_timeout_ms),
            query_memory_bytes: options.cloudtrail.query_memory_bytes,
            query_threads: options.cloudtrail.query_threads,
        };
        let key_records = Records::new(env.clone());
        let (stop, stopping) = watch::channel(false);
        let signer = sns::Signer::new(env.clone(), Arc::clone(&state));
        let ground = Ground {
            env: env.clone(),
            journal: Arc::clone(&journal),
            state: Arc::clone(&state),
            objects: Arc::clone(&objects),
            s3: Arc::clone(&s3),
            event_stores: event_stores.clone(),
            query_engine: event_stores.as_ref().zip(query_engine).map(|(stores, make)| make(Arc::clone(stores))),
            tables: event_stores.as_ref().map(|stores| {
                let buckets = Arc::clone(&s3) as Arc<dyn ports::ServerBuckets>;
                let (stores, state) = (Arc::clone(stores), Arc::clone(&state));
                federation::Publisher::new(env.clone(), stores, state, buckets) as Arc<dyn ports::Tables>
            }),
            key_maker,
            master: master_key,
            access: Arc::clone(&access),
            cloudtrail: cloudtrail::Options { recording: options.recording == Recording::On, ..options.cloudtrail },
            records: Arc::clone(&key_records),
            organizations: Arc::clone(&organizations),
            stopping: stopping.clone(),
            watch: cloudtrail::Watch {
                log_groups: Some(Arc::clone(&later) as Arc<dyn ports::LogGroups>),
                roles: Some(Arc::clone(&later) as Arc<dyn ports::ServiceRoles>),
                topics: Some(Arc::clone(&later) as Arc<dyn ports::Topics>),
            },
            later: Arc::clone(&later),
            way_out,
            signer: Arc::clone(&signer),
        };
        let first = Arc::new(ground.open(Arc::clone(&account), Some(root_key), false).await?);
        let cloudtrail = Arc::clone(&first.cloudtrail);
        let tenants = Tenants::new(first, ground, Arc::clone(&organizations));
        let of_tenants = || Arc::new(OfTenants(Arc::downgrade(&tenants)));
        later.set(of_tenants());
        let sts = sts::Sts::open(sts::Deps {
            env: env.clone(),
            state: Arc::clone(&state),
            authorizer: Arc::clone(&access) as Arc<dyn ports::Authorizer>,
            roles: of_tenants(),
            mfa: of_tenants(),
            credentials: of_tenants(),
            providers: of_tenants(),
            issuer_keys,
        })
        .await?;
        tenants.set_sts(Arc::clone(&sts));
        let root_password = options.root_password.as_ref().map(|password| &*password.0);
        tenants.first.iam.set_root_password(root_password).await.map_err(|error| error.log.unwrap_or(error.message))?;
        let sign_in = signin::SignIn::new(signin::Deps {
            env: env.clone(),
            state: Arc::clone(&state),
            people: of_tenants(),
            sessions: Arc::clone(&sts) as Arc<dyn ports::ConsoleSessions>,
            credentials: of_tenants(),
            roles: of_tenants(),
        });
        let own = |kind| {
            Arc::new(OwnResources { tenants: Arc::downgrade(&tenants), kind }) as Arc<dyn ports::ResourcePolicies>
        };
        let resources = vec![
            Arc::clone(&s3) as Arc<dyn ports::ResourcePolicies>,
            own(Kind::CloudTrail),
            own(Kind::CloudWatch),
            own(Kind::Iam),
            own(Kind::Kms),
            own(Kind::Sns),
            own(Kind::Sqs),
            own(Kind::Logs),
        ];
        let organized = Organized {
            controls: Arc::clone(&organizations) as Arc<dyn ports::ControlPolicies>,
            memberships: Arc::clone(&organizations) as Arc<dyn ports::Memberships>,
        };
        access.ask(of_tenants(), Some(organized), &resources);
        tenants.keep(resources);
        let validation = Arc::new(Results::default());
        let followed = Arc::new(Followed::default());
        let operator = Arc::new(ServerOperator {
            env: env.clone(),
            journal: Arc::clone(&journal),
            tenants: Arc::clone(&tenants),
            account: Arc::clone(&account),
            state: Arc::clone(&state),
            holds: Arc::clone(&holds),
            s3: Arc::clone(&s3),
            crew: OnceLock::new(),
            recorder: OnceLock::new(),
            validation: Arc::clone(&validation),
            event_stores: event_stores.clone(),
            followed: Arc::clone(&followed),
            stop: stopping.clone(),
            started_ms,
        });

        // 2. What was left unfinished, then the consumers of the journal.
        let interrupted = gateway::recover(&journal).await?;
        if interrupted > 0 {
            tracing::warn!(interrupted, "calls were running when the server last stopped; their records say so");
        }
        s3.recover().await?;
        let crew = Arc::new(Crew::new(Arc::clone(&journal), env.clone()));
        tenants.first.consume(&crew).await?;
        tenants.begin_work(stopping.clone());
        crew.add(s3.access_logs(&journal).await?);
        let first_entry = journal.first();
        let (decisions, decided) =
            cairn_service::decisions::Decisions::open(env.clone(), Arc::clone(&state), first_entry).await?;
        worker::ahead(decided.name(), decided.needs(), &*journal)?;
        crew.add(decided);
        let _ = operator.crew.set(Arc::clone(&crew));

        let validator = options.validation_interval.map(|interval| {
            let validator = Validator {
                env: env.clone(),
                account: Arc::clone(&account),
                cloudtrail: Arc::clone(&cloudtrail),
                buckets: Arc::clone(&s3) as Arc<dyn ports::Buckets>,
                objects: Arc::clone(&objects),
                results: Arc::clone(&validation),
                interval,
            };
            (validator, stopping.clone())
        });

        // 3. The gateway.
        let receiver = event_stores.as_ref().map(|stores| {
            let stores = Arc::clone(stores) as Arc<dyn ports::EventStores>;
            Arc::new(importer::Receiver::new(stores, Arc::clone(&state)))
        });
        let follower = receiver.clone().filter(|_| !options.follow.is_empty()).map(|receiver| Follower {
            env: env.clone(),
            buckets: Arc::clone(&s3) as Arc<dyn ports::Buckets>,
            receiver,
            places: options.follow,
            interval: options.follow_interval,
            followed: Arc::clone(&followed),
        });
        let athena = athena::Athena::open(athena::Deps {
            env: env.clone(),
            account: Arc::clone(&account),
            journal: Arc::clone(&journal),
            state,
            objects,
            buckets: Arc::clone(&s3) as Arc<dyn ports::Buckets>,
            authorizer: Arc::clone(&access) as Arc<dyn ports::Authorizer>,
            event_stores: event_stores.as_ref().map(|stores| Arc::clone(stores) as Arc<dyn ports::EventStores>),
            query_engine: cloudtrail.query_engine().cloned(),
            options: athena_options,
        })
        .await?;
        let recorder = Arc::new(Recorder::new(Arc::clone(&journal), options.recording));
        let _ = operator.recorder.set(Arc::clone(&recorder));
        key_records.set_recorder(Arc::clone(&recorder));
        // Those that are one for all accounts, and those of the first account alone.
        let common = {
            let (organizations, s3, sts) = (Arc::clone(&organizations), Arc::clone(&s3), Arc::clone(&sts));
            move || {
                vec![
                    organizations::definition(Arc::clone(&organizations)),
                    s3::definition(Arc::clone(&s3)),
                    sts::definition(Arc::clone(&sts)),
                ]
            }
        };
        let mut definitions = vec![
            athena::definition(athena),
            cairn_service::definition(Arc::new(cairn_service::Cairn {
                operator,
                receiver,
                event_stores: event_stores.as_ref().map(|stores| Arc::clone(stores) as Arc<dyn ports::EventStores>),
                metric_filters: Some(Arc::clone(&tenants.first.logs) as Arc<dyn ports::MetricFilters>),
                decisions: Some(decisions),
            })),
        ];
        definitions.extend(tenants.first.definitions(&env));
        definitions.extend(common());
        tenants.open_all(Arc::clone(&crew), Box::new(common)).await?;
        organizations.begin(of_tenants(), Arc::clone(&key_records) as Arc<dyn ports::ServiceEvents>).await?;
        // Stores may be under keys: these are found, and uses of them recorded, from here on.
        if let Some(stores) = &event_stores {
            let events =
                eventstore::Events::open(Arc::clone(stores), Arc::clone(&journal), Some(cloudtrail.selection()))?;
            worker::ahead(events.name(), events.needs(), &*journal)?;
            crew.add(events);
        }
        cloudtrail.begin_imports().await?;
        let gateway = Arc::new(Gateway::new(gateway::Deps {
            env: env.clone(),
            account,
            definitions,
            accounts: Some(Arc::clone(&tenants) as Arc<dyn gateway::Accounts>),
            credentials: of_tenants(),
            authorizer: access,
            cross_origin: Arc::clone(&s3) as Arc<dyn ports::CrossOrigin>,
            pages: Some(Arc::new(AllPages(vec![
                Arc::new(sns::CertificatePage(signer)),
                Arc::new(signin::SignInPages(Arc::clone(&sign_in))),
            ]))),
            recorder: Arc::clone(&recorder),
            limits: options.limits,
            host_names: options.host_names,
            outside: options.outside,
        }));

        let clock = Arc::clone(&env.clock);

        // Everything that has figures.
        let lag = Arc::new(CrewFigures::new(Arc::clone(&journal), Arc::clone(&crew), env));
        gateway.watch(Arc::clone(&lag) as Arc<dyn ports::Figures>);
        gateway.watch(Arc::new(JournalFigures(Arc::clone(&journal))));
        gateway.watch(Arc::clone(&cloudtrail) as Arc<dyn ports::Figures>);
        gateway.watch(Arc::clone(&s3) as Arc<dyn ports::Figures>);
        gateway.watch(Arc::clone(&tenants.first.sns) as Arc<dyn ports::Figures>);
        gateway.watch(Arc::clone(&tenants.first.cloudwatch) as Arc<dyn ports::Figures>);
        gateway.watch(Arc::clone(&validation) as Arc<dyn ports::Figures>);
        gateway.watch(followed as Arc<dyn ports::Figures>);
        if let Some(stores) = &event_stores {
            gateway.watch(Arc::clone(stores) as Arc<dyn ports::Figures>);
        }

        // 4. What is done in the background.
        tenants.first.sns.begin();
        let running = Arc::clone(&tenants);
        let federated = federated::keep_up(Arc::clone(&cloudtrail), stopping.clone());
        let federated = tokio::spawn(federated);
        let upkeep = Upkeep {
            gateway: Arc::clone(&gateway),
            lag,
            journal: Arc::clone(&journal),
            crew: Arc::clone(&crew),
            recorder: Arc::clone(&recorder),
            s3,
            holds,
            tenants: Arc::clone(&tenants),
            sts,
            sign_in,
            clock,
            organizations,
        };
        let events_upkeep =
            event_stores.clone().map(|stores| tokio::spawn(event_stores::keep_up(stores, stopping.clone())));
        let follower = follower.map(|follower| tokio::spawn(follower.run(stopping.clone())));
        let upkeep = tokio::spawn(upkeep.run(stopping));
        let validator = validator.map(|(validator, stopping)| tokio::spawn(validator.run(stopping)));
        Ok(Node {
            gateway,
            stop,
            validation,
            event_stores,
            journal,
            recorder,
            crew,
            upkeep,
            validator,
            events_upkeep,
            follower,
            federated,
            tenants: running,
        })
    }

    /// Ends the node in order: background tasks, records, consumers, journal. No request may be running.
    pub async fn stop(self) -> Result<(), Failure> {
        self.stop.send_replace(true);
        self.upkeep.await?;
        if let Err(error) = self.gateway.record_throttled().await {
            tracing::error!(%error, "throttled calls could not be summed up in a record");
        }
        for task in [self.validator, self.events_upkeep, self.follower, Some(self.federated)].into_iter().flatten() {
            task.await?;
        }
        self.tenants.stop().await;
        self.tenants.end_work().await;
        self.recorder.close();
        if let Err(error) = self.recorder.write_unwritten().await {
            tracing::error!(%error, "records of finished calls could not be written; the next start says so of these calls");
        }
        // A call that outlived the drain has no FINISH yet: the next start must look for it.
        if self.recorder.oldest_open().is_none() {
            gateway::mark_clean(&self.journal).await?;
        }
        self.crew.stop().await;
        self.journal.close();
        Ok(())
    }
}
