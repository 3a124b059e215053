//! `cairn serve`: opens the data folder, starts a node over it, listens, and takes it all apart in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::Env;
use gateway::{HostNames, Limits, Recording, Server};
use journal::{Journal, SegmentJournal};
use node::{Node, Parts};
use objects::Objects;
use ports::Secret;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::Failure;
use crate::config::Config;
use crate::{credentials, data_folder};

/// Runs the server until it is told to stop.
pub fn serve(config: Config) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).map_err(|error| format!("log: {error}"))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("cairn").build()?;
    let result = runtime.block_on(run(config));
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

/// The whole server, from top to bottom.
async fn run(config: Config) -> Result<(), Failure> {
    // 1. The data folder and what lies in it.
    let env = system::env();
    let _lock = data_folder::take(&config.data_dir)?;
    let (root, made_root) = credentials::load_or_make(&config, &*env.rng)?;
    let journal = open_journal(&config, &env)?;
    let state = state::Sqlite::open(&config.data_dir.join("state.sqlite"), state::Options::default())?;
    let objects = open_objects(&config, &env)?;

    // 2. The services and everything that runs behind them.
    let mut host_names = HostNames::default();
    host_names.0.extend(config.host_names.iter().cloned());
    let node = Node::start(Parts {
        env,
        account: Arc::from(config.account_id.as_str()),
        root_key: iam::RootKey {
            access_key_id: root.access_key_id.clone(),
            secret: Secret(Arc::from(root.secret_access_key.as_str())),
        },
        journal,
        state: Arc::new(state),
        objects,
        options: node::Options {
            cloudtrail: cloudtrail::Options {
                delivery_interval_ms: millis(config.delivery_interval),
                digest_interval_ms: millis(config.digest_interval),
                ..cloudtrail::Options::default()
            },
            recording: if config.recording { Recording::On } else { Recording::Off },
            host_names,
            limits: Limits::default(),
        },
    })
    .await?;

    // 3. The socket. Then run, and stop in order: requests, what is behind them.
    let server = Server::bind(config.listen, Arc::clone(&node.gateway))
        .map_err(|error| format!("listening on {}: {error}; choose another address with --listen", config.listen))?;
    announce(&config, &server, made_root.then_some(&root))?;
    let serving = tokio::spawn(gateway::serve(server, node.stop.subscribe()));
    wait_for_signal().await?;
    tracing::info!("stopping");
    node.stop.send_replace(true);
    serving.await?;
    node.stop().await
}

fn open_journal(config: &Config, env: &Env) -> Result<Arc<dyn Journal>, Failure> {
    let (journal, recovery) = SegmentJournal::open(env, &config.data_dir.join("journal"), journal::Options::default())?;
    if recovery.cut_bytes > 0 {
        tracing::warn!(
            cut_bytes = recovery.cut_bytes,
            "the journal ended in a write that was cut short; nobody had been answered for it"
        );
    }
    Ok(Arc::new(journal))
}

fn open_objects(config: &Config, env: &Env) -> Result<Arc<dyn Objects>, Failure> {
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
    u64::try_from(time.as_millis()).expect("intervals are at most a day")
}

/// Tells whoever started the server how to use it.
fn announce(config: &Config, server: &Server, made_root: Option<&credentials::RootCredentials>) -> Result<(), Failure> {
    let url = data_folder::url(server.address()?);
    data_folder::set_endpoint(&config.data_dir, &url)?;
    let data_dir = config.data_dir.display();
    println!("Cairn {} listens on {url}, account {}, data in {data_dir}", env!("CARGO_PKG_VERSION"), config.account_id);
    if let Some(root) = made_root {
        println!("Root credentials were made; they are shown this once and kept in {data_dir}/root-credentials:");
        println!("  AWS_ACCESS_KEY_ID={}", root.access_key_id);
        println!("  AWS_SECRET_ACCESS_KEY={}", root.secret_access_key);
    }
    println!("To point the AWS tools at it:  eval \"$(cairn env)\"");
    Ok(())
}

async fn wait_for_signal() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
