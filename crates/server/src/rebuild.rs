//! `cairn rebuild`: makes the event store again while the server is stopped, and says what it would lose before it loses anything.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use node::{Permitted, RebuildParts, Rebuilt};
use seal::HostKeys;
use state::State;

use crate::client::runtime;
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::amounts::{count, counted};
use crate::{data_folder, host_key, master_key, run};

/// What `cairn rebuild` can be told.
#[derive(Args)]
pub struct RebuildArgs {
    /// Copy records that only the old store has (imports, above all), as far as they can be read.
    #[arg(long)]
    keep: bool,
    /// Go on even if records are lost.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Rebuilds. Exit code 0: the new store is in place, 1: nothing has changed.
pub fn run(args: RebuildArgs) -> Result<ExitCode, Failure> {
    let config = Config::load(args.settings)?;
    let folder = &config.data_dir;
    if !folder.join("journal").is_dir() {
        let shown = folder.display();
        let text = format!("{shown} is not a data folder of Cairn (it has no journal): name it with --data-dir");
        return Err(text.into());
    }
    let Some(days) = config.events_retention_days else {
        return Err("event_store: it is off, so there is nothing to make again".into());
    };
    let stores = eventstore::Options { events_retention_days: days, ..eventstore::Options::default() };
    let Some(_lock) = data_folder::try_take(folder)? else {
        return Err(format!("a server is running on {}: stop it first", folder.display()).into());
    };
    let may = Permitted { keep: args.keep, lose: args.force };
    let rebuilt = runtime()?.block_on(rebuild(&config, stores, may))?;
    tell(&rebuilt);
    if rebuilt.done {
        return Ok(ExitCode::SUCCESS);
    }
    let (records, unknown) = (rebuilt.losses.records, rebuilt.losses.unknown);
    let lost = if unknown > 0 {
        format!("{}, and perhaps some of {} in parts that cannot be read", counted(records, "record"), count(unknown))
    } else {
        counted(records, "record")
    };
    let what = "are in the event store and nowhere else that was read: imports, or older than what was read";
    let keep = if args.keep { "" } else { "--keep copies those that can be read; " };
    Err(format!("nothing was changed: {lost} {what}.\n{keep}--force goes on without them").into())
}

async fn rebuild(config: &Config, stores: eventstore::Options, may: Permitted) -> Result<Rebuilt, Failure> {
    let env = system::env();
    let journal = run::open_journal(config, &env)?;
    let state = state::Sqlite::open(&config.data_dir.join("state.sqlite"), state::Options::default())?;
    // Without a host key nothing is encrypted, so any will do.
    let keys = host_key::find(config, node::has_host_keys(&state).await?)?;
    let host_keys = keys.map_or_else(|| HostKeys::parse(&HostKeys::make(&*env.rng)), Ok)?;
    let has_keys = kms::has_keys(&state).await?;
    let master_keys = match master_key::find(config, &env, has_keys).await? {
        // They lie there in clear, and are to be wrapped by a KMS from now on.
        None if has_keys => Some(master_key::make(config, &env).await?),
        found => found,
    };
    let parts = RebuildParts {
        master_key: master_keys.map(|keys| Arc::new(keys) as Arc<dyn kms::MasterKey>),
        objects: run::open_objects(config, &env)?,
        account: Arc::from(config.account_id.as_str()),
        host_keys,
        journal: Arc::clone(&journal),
        state: Arc::new(state) as Arc<dyn State>,
        env,
        stores,
    };
    let rebuilt = node::rebuild(parts, may, &mut |doing| eprintln!("cairn: {doing}")).await;
    journal.close();
    rebuilt
}

fn tell(rebuilt: &Rebuilt) {
    let [journal, history, files, old] = rebuilt.found;
    println!("{} before", counted(rebuilt.before, "record"));
    println!("  {} from the journal", count(journal));
    println!("  {} from event history", count(history));
    println!("  {} from {} of trails", count(files), counted(rebuilt.log_files, "log file"));
    if old > 0 {
        println!("  {} copied from the old store", count(old));
    }
    println!("{} found", counted(rebuilt.found.iter().sum(), "record"));
    for what in &rebuilt.unreadable {
        println!("not read: {what}");
    }
    let named = u64::try_from(rebuilt.unreadable.len()).unwrap_or(u64::MAX);
    if rebuilt.unreadable_count > named {
        println!("not read: {} more", count(rebuilt.unreadable_count - named));
    }
    if rebuilt.done {
        println!("The event store was made again.");
    }
}
