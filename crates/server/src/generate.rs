//! `cairn generate`: writes realistic log files for demonstrations and benchmarks. What is in them is decided by the crate `generate`;
//! this makes the folder and says what came of it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ::generate::{Cell, File, Plan, Summary, World};
use base::{Env, Timestamp};
use clap::Args;

use crate::commands::Failure;
use crate::terminal::{amounts, print};

/// How long the thread that draws sleeps between two drawings, at most.
const DRAW_MS: u64 = 200;

/// What can be asked of `cairn generate`.
#[derive(Args)]
pub struct GenerateArgs {
    /// How many records.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    records: u64,
    /// Over how many days.
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    days: u64,
    /// The first day, in UTC.
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2025-01-01", value_parser = day)]
    start: Timestamp,
    /// What makes these records differ from others: the same number gives the same bytes.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many accounts.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    accounts: usize,
    /// Somebody breaks in: a storyline of some twenty steps, all of which the summary lists.
    #[arg(long)]
    attack: bool,
    /// Lay the files out as the trail of this organization does.
    #[arg(long, value_name = "o-ID")]
    organization: Option<String>,
    /// Write digests too (unsigned), of a bucket with this name.
    #[arg(long, value_name = "BUCKET")]
    digests: Option<String>,
    /// Where to: the folder is made, and gets AWSLogs/ACCOUNT/CloudTrail/…
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// Print what is in the files as one JSON object.
    #[arg(long)]
    json: bool,
}

fn day(text: &str) -> Result<Timestamp, String> {
    let read = (text.len() == 10).then(|| Timestamp::parse_iso8601(&format!("{text}T00:00:00Z"))).flatten();
    read.ok_or_else(|| "write it as 2025-01-31".to_owned())
}

/// Generates.
pub fn run(args: GenerateArgs) -> Result<(), Failure> {
    let env = system::env();
    let started_ms = env.clock.monotonic_ms();
    let world = World::new(Plan {
        records: args.records,
        days: args.days,
        start: args.start,
        seed: args.seed,
        accounts: args.accounts,
        attack: args.attack,
        organization: args.organization,
        digest_bucket: args.digests,
    })?;
    let logs = args.into.join("AWSLogs");
    if env.disk.stat(&logs).map_err(|error| format!("looking at {}: {error}", logs.display()))?.is_some() {
        return Err(format!("{} is there already: name another folder with --into", logs.display()).into());
    }
    let shows = !args.json && std::io::stderr().is_terminal();
    let summary = make(&world, &args.into, &env, args.records, shows)?;
    let seconds_ms = env.clock.monotonic_ms().saturating_sub(started_ms).max(1);
    let text = if args.json { serde_json::to_string_pretty(&summary)? } else { told(&summary, &args.into, seconds_ms) };
    Ok(print(&(text + "\n"))?)
}

/// Makes all files, on all processors.
fn make(world: &World, into: &Path, env: &Env, records: u64, shows: bool) -> Result<Summary, Failure> {
    let cells = Mutex::new(world.cells());
    let (all, files, failed) = (Mutex::new(Summary::default()), Mutex::new(Vec::new()), Mutex::new(None::<Failure>));
    let (made, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let lock = "nobody panics with it";
    let work = || {
        loop {
            let next: Option<Cell> = cells.lock().expect(lock).next();
            let Some(cell) = next.filter(|_| !over.load(Ordering::Relaxed)) else { return };
            let done = world.make(cell, |mut file: File| {
                write(into, &file)?;
                made.fetch_add(file.records, Ordering::Relaxed);
                file.gzip = Vec::new();
                files.lock().expect(lock).push(file);
                Ok::<_, Failure>(())
            });
            match done {
                Ok(summary) => all.lock().expect(lock).add(summary),
                Err(error) => {
                    over.store(true, Ordering::Relaxed);
                    failed.lock().expect(lock).get_or_insert(error);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        if shows {
            draw(env, records, &made, || workers.iter().all(|worker| worker.is_finished()));
        }
    });
    if let Some(error) = failed.into_inner().expect(lock) {
        return Err(error);
    }
    let mut all = all.into_inner().expect(lock);
    all.add(world.digests(files.into_inner().expect(lock), |file| write(into, &file))?);
    Ok(all)
}

/// Shows how far it is until all is done.
fn draw(env: &Env, records: u64, made: &AtomicU64, done: impl Fn() -> bool) {
    let started_ms = env.clock.monotonic_ms();
    let mut out = std::io::stderr().lock();
    while !done() {
        std::thread::park_timeout(std::time::Duration::from_millis(DRAW_MS));
        let made = made.load(Ordering::Relaxed);
        let elapsed_ms = env.clock.monotonic_ms().saturating_sub(started_ms).max(1);
        let rate = made.saturating_mul(1000) / elapsed_ms;
        // Progress that cannot be shown is no failure.
        let _ = write!(
            out,
            "\r{:>3}% · {} of {} records · {} records/s\x1b[K",
            made.saturating_mul(100) / records.max(1),
            amounts::count(made),
            amounts::count(records),
            amounts::count(rate)
        );
        let _ = out.flush();
    }
    let _ = write!(out, "\r\x1b[K");
}

#[expect(
    clippy::disallowed_methods,
    reason = "Env's disk makes what is written durable, which a million files do not need"
)]
fn write(into: &Path, file: &File) -> Result<(), Failure> {
    let path = into.join(&file.key);
    let failed = |error: std::io::Error| format!("writing {}: {error}", path.display());
    match std::fs::write(&path, &file.gzip) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(base::env::folder_of(&path)).map_err(failed)?;
            std::fs::write(&path, &file.gzip).map_err(failed)?;
        }
        done => done.map_err(failed)?,
    }
    Ok(())
}

/// The summary in words.
fn told(summary: &Summary, into: &Path, ms: u64) -> String {
    let per_second = summary.records.saturating_mul(1000) / ms;
    let mut text = format!(
        "{} in {} ({} of JSON, {} compressed) in {} · {} records/s\n",
        amounts::counted(summary.records, "record"),
        amounts::counted(summary.files, "file"),
        amounts::bytes(summary.json_bytes),
        amounts::bytes(summary.gzip_bytes),
        into.display(),
        amounts::count(per_second),
    );
    let span = |time: &Option<String>| time.clone().unwrap_or_else(|| "-".to_owned());
    text.push_str(&format!("from {} to {}\n", span(&summary.first_event), span(&summary.last_event)));
    let mut list = |name: &str, counts: &::generate::Counts| {
        let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
        counts.sort_by_key(|(what, times)| (std::cmp::Reverse(**times), (*what).clone()));
        let most = counts.iter().take(5).map(|(what, times)| format!("{what} {}", amounts::count(**times)));
        text.push_str(&format!("{name:<12}{}\n", most.collect::<Vec<_>>().join(" · ")));
    };
    list("accounts", &summary.by_account);
    list("regions", &summary.by_region);
    list("services", &summary.by_source);
    list("events", &summary.by_event);
    list("errors", &summary.by_error);
    list("identities", &summary.by_identity);
    list("users", &summary.by_user);
    let logins = &summary.logins;
    text.push_str(&format!(
        "sign-ins    with MFA {} · without {} · federated {} · failed {}",
        logins.with_mfa, logins.without_mfa, logins.federated, logins.failed
    ));
    for step in &summary.attack {
        text.push_str(&format!("\n{:>3}. {} {} {}: {}", step.number, step.time, step.source, step.event, step.what));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_where_their_keys_say_and_the_folder_must_be_new() {
        let folder = tempfile::tempdir().unwrap();
        let args = || GenerateArgs {
            records: 500,
            days: 1,
            start: day("2025-01-01").unwrap(),
            seed: 3,
            accounts: 1,
            attack: false,
            organization: None,
            digests: Some("logs".to_owned()),
            into: folder.path().to_owned(),
            json: true,
        };
        run(args()).unwrap();
        let account = folder.path().join("AWSLogs").read_dir().unwrap().next().unwrap().unwrap().path();
        let day = account.join("CloudTrail/us-east-1/2025/01/02");
        assert!(day.read_dir().unwrap().count() >= 1);
        assert!(account.join("CloudTrail-Digest/us-east-1").is_dir());
        assert!(run(args()).unwrap_err().to_string().contains("is there already"));
        for bad in ["2025-1-1", "2025-02-30", "today", ""] {
            assert!(super::day(bad).is_err(), "{bad}");
        }
    }
}
