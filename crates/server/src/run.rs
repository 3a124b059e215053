//! `cairn serve`: opens the data folder, starts a node over it, listens, and takes it all apart in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::Env;
use gateway::{HostNames, Limits, Outside, Recording, Server};
use journal::{Journal, SegmentJournal};
use node::{Node, Parts};
use objects::Objects;
use ports::Secret;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::Failure;
use crate::config::Config;
use crate::credentials::RootCredentials;
use crate::figures::{DataDisk, ProcessFigures};
use crate::notify::Notify;
use crate::queries::Queries;
use crate::{credentials, data_folder, greeting, host_key, log, master_key, root_password, tls};

/// Runs the server until it is told to stop.
pub fn serve(config: Config) -> Result<(), Failure> {
    log::start(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("cairn").build()?;
    let result = runtime.block_on(run(config));
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

/// The whole server, from top to bottom.
async fn run(config: Config) -> Result<(), Failure> {
    // A hangup asks for the certificate to be read again; it never ends the server, with TLS or without.
    let _hangup = signal(SignalKind::hangup())?;

    // 1. The data folder and what lies in it. No secret is made before everything that may refuse to start has passed.
    let env = system::env();
    let _lock = data_folder::take(&config.data_dir)?;
    data_folder::protect(&config.data_dir);
    let known_root = credentials::find(&config)?;
    let root_password = root_password::find(&config)?;
    let known_token = data_folder::metrics_token(&config.data_dir)?;
    let tls = tls::open(&config)?;
    let journal = open_journal(&config, &env)?;
    let state = state::Sqlite::open(&config.data_dir.join("state.sqlite"), state::Options::default())?;
    let known_host_keys = host_key::find(&config, node::has_host_keys(&state).await?)?;
    let known_master_keys = master_key::find(&config, &env, kms::has_keys(&state).await?).await?;
    let objects = open_objects(&config, &env)?;

    // 2. The socket, which says that we are not ready while what an earlier run left is taken care of.
    let server = Server::bind(config.listen).map(|server| server.with_tls(tls.clone()));
    let server = server
        .map_err(|error| format!("listening on {}: {error}; choose another address with --listen", config.listen))?;

    // 3. The services and everything that runs behind them. What is encrypted from now on needs a host key that is kept; the others are
    // kept once the services run.
    let host_keys = known_host_keys.map_or_else(|| host_key::make(&config, &*env.rng), Ok)?;
    let master_keys = match known_master_keys {
        Some(keys) => keys,
        None => master_key::make(&config, &env).await?,
    };
    let new_root = known_root.is_none();
    let root = known_root.unwrap_or_else(|| RootCredentials::make(&*env.rng));
    let new_token = known_token.is_none();
    let metrics_token = known_token.unwrap_or_else(|| data_folder::make_metrics_token(&*env.rng));
    let mut host_names = HostNames::default();
    host_names.0.extend(config.host_names.iter().cloned());
    // Columns that stay in memory for the next query take as much as one query may.
    let column_bytes_max = usize::try_from(config.query.memory_bytes).unwrap_or(usize::MAX);
    let event_stores = config.events_retention_days.map(|days| eventstore::Options {
        events_retention_days: days,
        column_bytes_max,
        ..eventstore::Options::default()
    });
    let queries = event_stores.is_some().then(|| Queries::open(&config.data_dir, config.query.threads)).transpose()?;
    let outside = Outside {
        space: Some(Arc::new(DataDisk(config.data_dir.clone()))),
        metrics_token: Some(Secret(Arc::from(metrics_token.as_str()))),
        figures: vec![Arc::new(ProcessFigures { started: env.clock.now() })],
    };
    let limits = Limits { caller_rate: config.rate, disk_reserve: config.disk_reserve, ..Limits::default() };
    let own_url = data_folder::url(server.address()?, config.tls.is_some());
    let way_out = config.notifications.open(&own_url)?;
    let starting = Node::start(Parts {
        query_engine: queries.as_ref().and_then(|queries| queries.engine(env.clone())),
        account: Arc::from(config.account_id.as_str()),
        root_key: iam::RootKey {
            access_key_id: root.access_key_id.clone(),
            secret: Secret(Arc::from(root.secret_access_key.as_str())),
        },
        host_keys,
        master_key: Arc::new(master_keys),
        issuer_keys: Arc::new(sts::KeyFolder::new(Arc::clone(&env.disk), config.oidc_keys.clone())),
        env,
        journal,
        state: Arc::new(state),
        objects,
        key_maker: Arc::new(cloudtrail::RsaKeyMaker),
        way_out,
        options: node::Options {
            cloudtrail: cloudtrail::Options {
                delivery_interval_ms: millis(config.delivery_interval),
                digest_interval_ms: millis(config.digest_interval),
                digest_key_lifetime_ms: millis(config.digest_key_lifetime),
                digest_regions: config.digest_regions,
                query_timeout_ms: millis(config.query.timeout),
                query_memory_bytes: config.query.memory_bytes,
                query_threads: config.query.threads,
                ..cloudtrail::Options::default()
            },
            recording: if config.recording { Recording::On } else { Recording::Off },
            host_names,
            limits,
            outside,
            validation_interval: config.validation_interval,
            event_stores,
            follow: config.follow.clone(),
            follow_interval: config.follow_interval,
            root_password,
        },
    });
    let node = gateway::wait_until(&server, starting).await?;

    // 4. Run, and stop in order: requests, what is behind them.
    // Whoever reads that we listen may ask us to stop.
    let mut stop_signals = StopSignals::listen()?;
    let kept = || {
        if new_root {
            root.keep(&config)?;
        }
        if new_token {
            data_folder::set_metrics_token(&config.data_dir, &metrics_token)?;
        }
        let url = data_folder::url(server.address()?, config.tls.is_some());
        data_folder::set_endpoint(&config.data_dir, &url)?;
        Ok(url)
    };
    let url = match kept() {
        Ok(url) => url,
        Err(error) => {
            node.stop().await?;
            return Err(error);
        }
    };
    greeting::say(&config, &url, new_root.then_some(&root));
    let watching = tls
        .zip(config.tls.clone())
        .map(|(tls, files)| tokio::spawn(tls::watch(tls, files, config.data_dir.clone(), node.stop.subscribe())));
    let serving = tokio::spawn(gateway::serve(server, Arc::clone(&node.gateway), node.stop.subscribe()));
    let notify = Notify::from_environment();
    notify.ready(&format!("listens on {url}"));
    tokio::select! {
        biased;
        () = stop_signals.wait() => {}
        () = notify.stay_alive() => {}
    }
    tracing::info!("stopping");
    notify.stopping();
    node.stop.send_replace(true);
    serving.await?;
    if let Some(watching) = watching {
        watching.await?;
    }
    node.stop().await
}

pub(crate) fn open_journal(config: &Config, env: &Env) -> Result<Arc<dyn Journal>, Failure> {
    let (journal, recovery) = SegmentJournal::open(env, &config.data_dir.join("journal"), journal::Options::default())?;
    if recovery.cut_bytes > 0 {
        tracing::warn!(
            cut_bytes = recovery.cut_bytes,
            "the journal ended in a write that was cut short; nobody had been answered for it"
        );
    }
    Ok(Arc::new(journal))
}

pub(crate) fn open_objects(config: &Config, env: &Env) -> Result<Arc<dyn Objects>, Failure> {
    let Some(remote) = &config.objects else {
        let folder: PathBuf = config.data_dir.join("objects");
        return Ok(Arc::new(objects::Local::open(Arc::clone(&env.disk), &folder)?));
    };
    open_remote(remote)
}

#[cfg(feature = "remote")]
fn open_remote(remote: &crate::config::RemoteObjects) -> Result<Arc<dyn Objects>, Failure> {
    let config = objects::RemoteConfig {
        endpoint: remote.endpoint.clone(),
        bucket: remote.bucket.clone(),
        region: remote.region.clone(),
        credentials: Some(objects::RemoteCredentials {
            key_id: remote.access_key_id.clone(),
            secret: remote.secret_access_key.clone(),
            session_token: None,
        }),
        prefix: String::new(),
        allow_http: remote.endpoint.as_deref().is_some_and(|url| url.starts_with("http://")),
        virtual_hosted: false,
    };
    Ok(Arc::new(objects::Remote::new(&config)?))
}

#[cfg(not(feature = "remote"))]
fn open_remote(_: &crate::config::RemoteObjects) -> Result<Arc<dyn Objects>, Failure> {
    Err("this cairn was built without the feature \"remote\": it keeps objects in the data folder only".into())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("times are at most some years")
}

/// What asks the server to stop. From when this is made nothing else happens on such a signal.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> std::io::Result<StopSignals> {
        Ok(StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
