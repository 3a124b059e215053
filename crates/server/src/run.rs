//! `cairn serve`: puts everything together, runs it, and takes it apart in order.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::Env;
use gateway::{Gateway, HostNames, Limits, Recorder, Recording, Server};
use journal::{Journal, SegmentJournal};
use objects::Objects;
use ports::Secret;
use state::State;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use worker::Crew;

use crate::commands::Failure;
use crate::config::Config;
use crate::operator::ServerOperator;
use crate::{credentials, data_folder};

/// How often the journal is trimmed and records that waited for the disk are tried again.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

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
    let started_ms = env.clock.monotonic_ms();
    let _lock = data_folder::take(&config.data_dir)?;
    let (root, made_root) = credentials::load_or_make(&config, &*env.rng)?;
    let account: Arc<str> = Arc::from(config.account_id.as_str());
    let journal = open_journal(&config, &env)?;
    let state: Arc<dyn State> =
        Arc::new(state::Sqlite::open(&config.data_dir.join("state.sqlite"), state::Options::default())?);
    let objects = open_objects(&config, &env)?;

    // 2. The services, and what they ask of one another.
    let root_key = iam::RootKey {
        access_key_id: root.access_key_id.clone(),
        secret: Secret(Arc::from(root.secret_access_key.as_str())),
    };
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
        options: cloudtrail::Options {
            delivery_interval_ms: millis(config.delivery_interval),
            digest_interval_ms: millis(config.digest_interval),
        },
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

    // 3. What was left unfinished, then the consumers of the journal.
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

    // 4. The gateway.
    let recording = if config.recording { Recording::On } else { Recording::Off };
    let recorder = Arc::new(Recorder::new(Arc::clone(&journal), recording));
    let mut host_names = HostNames::default();
    host_names.0.extend(config.host_names.iter().cloned());
    let gateway = Arc::new(Gateway::new(gateway::Deps {
        env: env.clone(),
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
        limits: Limits::default(),
        host_names,
    }));
    let server = Server::bind(config.listen, gateway)
        .map_err(|error| format!("listening on {}: {error}; choose another address with --listen", config.listen))?;
    announce(&config, &server, made_root.then_some(&root))?;

    // 5. Run, then stop in order: requests, consumers, journal.
    let upkeep = Upkeep { journal: Arc::clone(&journal), crew: Arc::clone(&crew), recorder: Arc::clone(&recorder), s3 };
    let upkeep = tokio::spawn(upkeep.run(stopping.clone()));
    let serving = tokio::spawn(gateway::serve(server, stopping));
    wait_for_signal().await?;
    tracing::info!("stopping");
    stop.send_replace(true);
    serving.await?;
    upkeep.await?;
    recorder.close();
    if let Err(error) = recorder.write_unwritten().await {
        tracing::error!(%error, "records of finished calls could not be written; the next start says so of these calls");
    }
    // A call that outlived the drain has no FINISH yet: the next start must look for it.
    if recorder.oldest_open().is_none() {
        gateway::mark_clean(&journal).await?;
    }
    crew.stop().await;
    journal.close();
    Ok(())
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

/// What is done every few seconds: the journal is trimmed, records that wait for it are tried again, and the contents of
/// objects that are gone are removed.
struct Upkeep {
    journal: Arc<dyn Journal>,
    crew: Arc<Crew>,
    recorder: Arc<Recorder>,
    s3: Arc<s3::S3>,
}

impl Upkeep {
    /// Until the server stops.
    async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(UPKEEP_INTERVAL) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if let Err(error) = self.recorder.write_unwritten().await {
                tracing::warn!(%error, "records still wait for the journal");
            }
            self.trim().await;
            if let Err(error) = self.s3.collect_garbage().await {
                tracing::warn!(%error, "contents of objects that are gone could not be removed");
            }
        }
    }

    async fn trim(&self) {
        let needed = [self.crew.needed(), self.recorder.oldest_open()].into_iter().flatten().min();
        let Some(needed) = needed else { return };
        let journal = Arc::clone(&self.journal);
        let trimmed = tokio::task::spawn_blocking(move || journal.trim(needed)).await;
        match trimmed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the journal could not be trimmed"),
            Err(error) => tracing::error!(%error, "trimming the journal ended badly"),
        }
    }
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
