//! A whole Cairn without a process around it: every service, consumer and background task joined in one function that is read
//! from top to bottom. It opens no file and no socket: whoever starts a node gives it its storage, its clock and its callers.

mod operator;
mod upkeep;

use std::sync::{Arc, OnceLock};

use base::Env;
use gateway::{Gateway, HostNames, Limits, Recorder, Recording};
use journal::Journal;
use objects::Objects;
use state::State;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use worker::Crew;

use crate::operator::ServerOperator;
use crate::upkeep::Upkeep;

/// What a node stands on.
pub struct Parts {
    /// Clock, chance and disk.
    pub env: Env,
    /// The account that owns everything.
    pub account: Arc<str>,
    /// The key of the account's root.
    pub root_key: iam::RootKey,
    /// Where calls are recorded.
    pub journal: Arc<dyn Journal>,
    /// The tables of all services.
    pub state: Arc<dyn State>,
    /// The bytes of all services.
    pub objects: Arc<dyn Objects>,
    /// See [`Options`].
    pub options: Options,
}

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
}

impl Default for Options {
    fn default() -> Options {
        Options {
            cloudtrail: cloudtrail::Options::default(),
            recording: Recording::On,
            host_names: HostNames::default(),
            limits: Limits::default(),
        }
    }
}

/// A running node.
pub struct Node {
    /// Takes requests.
    pub gateway: Arc<Gateway>,
    /// True when the node is to stop: what takes requests stops first, then [`Node::stop`] is called.
    pub stop: watch::Sender<bool>,
    journal: Arc<dyn Journal>,
    recorder: Arc<Recorder>,
    crew: Arc<Crew>,
    upkeep: JoinHandle<()>,
}

/// A node could not start or stop in order. For our own log.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Node {
    /// The whole node, from top to bottom. Returns when everything that an earlier run left is taken care of and requests can come.
    pub async fn start(parts: Parts) -> Result<Node, Failure> {
        let Parts { env, account, root_key, journal, state, objects, options } = parts;
        let started_ms = env.clock.monotonic_ms();

        // 1. The services, and what they ask of one another.
        let iam = iam::Iam::open(env.clone(), Arc::clone(&state), Arc::clone(&account), root_key).await?;
        let s3 = s3::S3::new(Arc::clone(&state), Arc::clone(&objects), env.clone(), Arc::clone(&account));
        let s3 = Arc::new(s3.with_authorizer(Arc::clone(&iam) as Arc<dyn ports::Authorizer>));
        let cloudtrail = cloudtrail::CloudTrail::new(cloudtrail::Deps {
            env: env.clone(),
            account: Arc::clone(&account),
            journal: Arc::clone(&journal),
            state: Arc::clone(&state),
            objects: Arc::clone(&objects),
            buckets: Arc::clone(&s3) as Arc<dyn ports::Buckets>,
            options: options.cloudtrail,
        })
        .await?;
        let (stop, stopping) = watch::channel(false);
        let operator = Arc::new(ServerOperator {
            env: env.clone(),
            journal: Arc::clone(&journal),
            cloudtrail: Arc::clone(&cloudtrail),
            crew: OnceLock::new(),
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
        let (delivery, history) = cloudtrail.consumers().await?;
        crew.add(delivery);
        crew.add(history);
        let _ = operator.crew.set(Arc::clone(&crew));

        // 3. The gateway.
        let recorder = Arc::new(Recorder::new(Arc::clone(&journal), options.recording));
        let gateway = Arc::new(Gateway::new(gateway::Deps {
            env,
            account,
            definitions: vec![
                cairn_service::definition(Arc::new(cairn_service::Cairn { operator })),
                cloudtrail::definition(Arc::clone(&cloudtrail)),
                iam::definition(Arc::clone(&iam)),
                s3::definition(Arc::clone(&s3)),
                sts::definition(Arc::new(sts::Sts)),
            ],
            credentials: Arc::clone(&iam) as Arc<dyn ports::Credentials>,
            authorizer: iam,
            recorder: Arc::clone(&recorder),
            limits: options.limits,
            host_names: options.host_names,
        }));

        // 4. What is done in the background.
        let upkeep = Upkeep {
            journal: Arc::clone(&journal),
            crew: Arc::clone(&crew),
            recorder: Arc::clone(&recorder),
            s3,
            cloudtrail,
        };
        let upkeep = tokio::spawn(upkeep.run(stopping));
        Ok(Node { gateway, stop, journal, recorder, crew, upkeep })
    }

    /// Ends the node in order: background tasks, records, consumers, journal. No request may be running.
    pub async fn stop(self) -> Result<(), Failure> {
        self.stop.send_replace(true);
        self.upkeep.await?;
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
