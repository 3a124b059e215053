//! `cairn import`: reads log files from a folder or a bucket and sends them to the running server, which keeps their records. What is
//! new, and what becomes of it, is decided by the crate `importer` and by the server; this finds the files and says how it goes.

mod progress;
mod remote;
mod told;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ::validate::Folder;
use base::Timestamp;
use clap::Args;
use importer::{Event, Filter, Options, Origin, Report, Totals, count, import};
use tokio::sync::watch;

use crate::client::Client;
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::print;
use crate::validate::{Http, S3, parse_url, time};
use progress::Progress;
use remote::Remote;

/// Files of a batch that are read at the same time.
const READS: usize = 16;
/// What `--watch` waits between two rounds, if it is not told.
const WATCH_SECONDS: &str = "60";

/// What can be asked of `cairn import`.
#[derive(Args)]
pub struct ImportArgs {
    /// A folder of log files in any of AWS's layouts, or of loose .json and .json.gz files; one file; or s3://BUCKET/PREFIX.
    #[arg(value_name = "FOLDER|FILE|s3://BUCKET/PREFIX")]
    from: String,
    /// Into this event store: `events`, which everything of the server is in too, or the identifier of an event data store.
    #[arg(long, value_name = "STORE", default_value = "events")]
    into: String,
    /// Only events of this account; may be repeated.
    #[arg(long, value_name = "DIGITS")]
    member_account: Vec<String>,
    /// Only events of this region; may be repeated.
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Only events of this time (UTC) or later, as in 2026-03-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    start_time: Option<Timestamp>,
    /// Only events of this time or earlier.
    #[arg(long, value_name = "TIME", value_parser = time)]
    end_time: Option<Timestamp>,
    /// Go on for ever: look again for new files after so many seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = WATCH_SECONDS,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
    /// Print one JSON object (with --watch: one a line for each round) instead.
    #[arg(long)]
    json: bool,
    #[command(flatten, next_help_heading = "Settings of the server, to find it")]
    settings: Settings,
}

/// Imports. The exit code: 0 everything there is was imported, 1 something failed or is missing.
pub fn run(args: ImportArgs) -> Result<ExitCode, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores.max(2)).enable_all().build()?;
    runtime.block_on(rounds(args))
}

/// Where files come from.
struct Place {
    origin: Origin,
    /// What precedes keys in the names that the server knows files by.
    named: String,
}

fn place(args: &ImportArgs) -> Result<Place, Failure> {
    if args.from.starts_with("s3://") {
        let (bucket, prefix) = parse_url(&args.from)?;
        let http = Http::new(args.settings.clone(), system::env())?;
        // As it was written: `s3://b/AWSLogs` is a folder or the beginning of a name.
        let prefix = prefix.map(|_| args.from[5 + bucket.len() + 1..].to_owned()).unwrap_or_default();
        let named = format!("s3://{bucket}/");
        return Ok(Place { origin: Origin { source: Arc::new(S3::new(http)), bucket, prefix }, named });
    }
    let path = Path::new(&args.from);
    let whole = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    let (root, prefix) = match (whole.is_dir(), whole.parent(), whole.file_name().and_then(|name| name.to_str())) {
        (true, ..) => (whole.as_path(), String::new()),
        (false, Some(root), Some(name)) => (root, name.to_owned()),
        _ => return Err(format!("{} is neither a folder nor a file with a name in UTF-8", path.display()).into()),
    };
    let shown = root.to_str().ok_or_else(|| format!("the name of {} is not UTF-8", root.display()))?;
    let named = format!("{}/", shown.trim_end_matches('/'));
    let origin = Origin { source: Arc::new(Folder::new(root, "")), bucket: String::new(), prefix };
    Ok(Place { origin, named })
}

async fn rounds(args: ImportArgs) -> Result<ExitCode, Failure> {
    if let (Some(start), Some(end)) = (args.start_time, args.end_time)
        && start > end
    {
        return Err("--start-time must not be later than --end-time".into());
    }
    let filter = Filter {
        from_ms: args.start_time.map(Timestamp::ms),
        to_ms: args.end_time.map(Timestamp::ms),
        accounts: args.member_account.clone(),
        regions: args.region.clone(),
        events_only: false,
    };
    let place = place(&args)?;
    let client = Arc::new(Client::new(&Config::load(args.settings.clone())?)?);
    let remote = Arc::new(Remote::new(client, &args.into, filter.clone()));
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
            // A second one does not wait for the batches under way.
            let _ = tokio::signal::ctrl_c().await;
            std::process::exit(130);
        }
        // Without signals there is nothing that could stop it: the channel stays open.
        std::future::pending::<()>().await;
    });
    loop {
        let report = round(&args, &place, &filter, &remote, &stopped).await?;
        let whole = if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        let Some(seconds) = args.watch.filter(|_| !report.stopped) else { return Ok(whole) };
        let mut stopped = stopped.clone();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(whole),
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        }
    }
}

/// Looks at everything once.
async fn round(
    args: &ImportArgs,
    place: &Place,
    filter: &Filter,
    remote: &Arc<Remote>,
    stopped: &watch::Receiver<bool>,
) -> Result<Report, Failure> {
    let env = system::env();
    let started_ms = env.clock.monotonic_ms();
    let shows = !args.json && std::io::stderr().is_terminal();
    let totals = match shows {
        true => count(&place.origin, filter).await?,
        false => Totals::default(),
    };
    let mut progress = Progress::new(env.clone(), shows, totals);
    let options = Options { reads: READS, ..Options::new(place.named.clone()) };
    let mut say = |event: Event, report: &Report| progress.take(&event, report);
    let target = Arc::clone(remote) as Arc<dyn importer::Target>;
    let done = import(&place.origin, filter, target, &options, stopped, &mut say).await;
    progress.clear();
    let report =
        done.map_err(|error| format!("{error}\nWhat was imported is kept; the same command goes on from there."))?;
    let ms = env.clock.monotonic_ms().saturating_sub(started_ms).max(1);
    // Rounds that find nothing say nothing.
    let is_quiet = args.watch.is_some() && report.files_read == 0 && report.files_failed == 0;
    if args.json {
        print(&(told::document(&report, &args.from, &args.into, ms)? + "\n"))?;
    } else if !is_quiet {
        print(&(told::words(&report, ms) + "\n"))?;
    }
    Ok(report)
}
