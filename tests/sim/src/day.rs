//! A day in the life of a server without faults: 24 simulated hours, calls spread over them, log files every five minutes, digests every
//! hour. For the figure of how long that takes and whether memory stays flat.
#![expect(clippy::disallowed_methods, reason = "it measures the real machine: time and memory of this process")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use base::{Clock, Env};
use gateway::Recording;
use journal::SegmentJournal;
use journal::faulty_disk::FaultyDisk;
use node::{Node, Parts};
use ports::Secret;
use testkit::SeededRng;

use crate::chance::Chance;
use crate::client::{ACCOUNT, Ledger, Line, Request, Who};
use crate::clock::SimClock;
use crate::faults::Faults;
use crate::setup::{DATA, LOGS, TRAILS, create_trail, must, of_trail, put_policy, put_selectors};
use crate::signing_key;
use crate::trace::Trace;
use crate::witness::Witness;

const HOURS: u64 = 24;
const ROOT_KEY: (&str, &str) = ("AKIASIMULATEDROOTKEY", "the-secret-of-simulated-roots-0123456789");

/// Runs the day with so many calls; prints a line an hour. Objects are kept in `folder`.
pub fn day(calls: u64, folder: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(run(calls, folder))
}

async fn run(calls: u64, folder: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let begun = Instant::now();
    let clock = Arc::new(SimClock::new());
    clock.attach();
    let disk = FaultyDisk::new(0);
    let simulated = disk.clone();
    let env = Env {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        rng: Arc::new(SeededRng::new(1)),
        disk: Arc::new(disk.clone()),
    };
    let tables = state::Memory::new();
    let host_keys = seal::HostKeys::parse(&seal::HostKeys::make(&*env.rng))?;
    // Small segments: the simulated disk is in this process's memory, and the journal gives up whole segments.
    let options = journal::Options { segment_bytes: 2 << 20, ..journal::Options::default() };
    let (journal, committer, _) = SegmentJournal::open_without_thread(&env, Path::new("journal"), options)?;
    tokio::spawn(async move {
        while committer.wait().await {
            committer.commit();
        }
    });
    let master_key = Arc::new(kms::MasterKeys::parse(env.clone(), &kms::MasterKeys::make(&*env.rng))?);
    let issuer_keys = Arc::new(sts::KeyFolder::new(Arc::clone(&env.disk), None));
    let node = Node::start(Parts {
        env,
        account: Arc::from(ACCOUNT),
        root_key: iam::RootKey { access_key_id: ROOT_KEY.0.to_owned(), secret: Secret(Arc::from(ROOT_KEY.1)) },
        journal: Arc::new(journal),
        state: Arc::new(tables),
        objects: Arc::new(objects::Local::open(system::env().disk, folder)?),
        host_keys,
        master_key,
        issuer_keys,
        key_maker: Arc::new(signing_key::OneKey),
        query_engine: None,
        way_out: node::WayOut::default(),
        options: node::Options { recording: Recording::On, ..node::Options::default() },
    })
    .await?;
    let ledger = Arc::new(Ledger::default());
    ledger.set_key("root", ROOT_KEY.0.to_owned(), ROOT_KEY.1.to_owned());
    let line = Line {
        gateway: Arc::clone(&node.gateway),
        stop: node.stop.subscribe(),
        witness: Arc::new(Witness::new(0, clock, Trace::new(false), disk)),
        faults: Arc::new(Faults::new(0)),
        ledger,
        ready: Arc::new(AtomicBool::new(true)),
        watched: false,
    };
    set_up(&line).await?;
    println!("{:>5} {:>9} {:>9} {:>13} {:>13}", "hour", "calls", "wall s", "resident MiB", "its disk MiB");
    let chance = Chance::new(7);
    let pause = Duration::from_micros(HOURS * 3_600_000_000 / calls.max(1));
    let mut done = 0;
    for hour in 1..=HOURS {
        let until = calls * hour / HOURS;
        while done < until {
            one(&line, &chance).await?;
            done += 1;
            tokio::time::sleep(pause).await;
        }
        // Twice: as it is seen, and as it is durable.
        let disk_mib = 2.0 * simulated.used_bytes() as f64 / 1_048_576.0;
        println!(
            "{hour:>5} {done:>9} {:>9.1} {:>13.1} {disk_mib:>13.1}",
            begun.elapsed().as_secs_f64(),
            resident_mib()
        );
    }
    let took = begun.elapsed().as_secs_f64();
    println!("{done} calls in {HOURS} simulated hours took {took:.1} s: {:.0} calls/s", done as f64 / took);
    node.stop.send_replace(true);
    node.stop().await
}

async fn set_up(line: &Line) -> Result<(), String> {
    let failed = |_| "setting up failed".to_owned();
    for bucket in DATA.iter().chain(&LOGS) {
        let request = Request::s3(Who::Root, "CreateBucket", "PUT", &format!("/{bucket}"), "", Vec::new());
        must(line, &request).await.map_err(failed)?;
    }
    for bucket in LOGS {
        must(line, &put_policy(Who::Root, bucket)).await.map_err(failed)?;
    }
    for plan in &TRAILS[..3] {
        must(line, &create_trail(plan)).await.map_err(failed)?;
        if plan.selectors > 0 {
            must(line, &put_selectors(plan, plan.selectors)).await.map_err(failed)?;
        }
        must(line, &of_trail("StartLogging", plan)).await.map_err(failed)?;
    }
    Ok(())
}

async fn one(line: &Line, chance: &Chance) -> Result<(), String> {
    let path = format!("/{}/w0/key-{}", DATA[0], chance.below(100));
    let request = match chance.below(8) {
        0..=1 => Request::s3(Who::Root, "PutObject", "PUT", &path, "", chance.bytes(700)),
        2..=4 => Request::s3(Who::Root, "GetObject", "GET", &path, "", Vec::new()),
        5 => Request::query(Who::Root, "iam", "ListUsers", ""),
        6 => {
            Request::s3(Who::Root, "ListObjects", "GET", &format!("/{}", DATA[0]), "list-type=2&max-keys=5", Vec::new())
        }
        _ => Request::query(Who::Root, "sts", "GetCallerIdentity", ""),
    };
    match line.ask(&request).await {
        Some(answer) if answer.status < 500 => Ok(()),
        other => Err(format!("{} is answered {other:?}", request.event)),
    }
}

fn resident_mib() -> f64 {
    const PAGE_BYTES: f64 = 4096.0;
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * PAGE_BYTES / 1_048_576.0
}
