//! Appends per second with 1, 16 and 64 appenders of 1.6 KB, beside a bare loop of write and fdatasync on the same disk.
//!
//! `cargo run --release -p journal --example append_rate [folder]`; the folder should be on the disk in question.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Env;
use bytes::Bytes;
use journal::{Journal, Options, SegmentJournal};

const PAYLOAD_BYTES: usize = 1600;
const RUN_MS: u64 = 3000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir_in(std::env::args().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from))?;
    let env = system::env();
    let start_ms = env.clock.monotonic_ms();
    let (journal, _) = SegmentJournal::open(&env, &scratch.path().join("journal"), Options::default())?;
    println!("opened a new journal in {} ms", env.clock.monotonic_ms() - start_ms);
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    for (what, group, zeros) in [
        ("write + fdatasync, file grows", 1, 0),
        ("the same, zeros written before", 1, 64 << 20),
        ("16 payloads per write, file grows", 16, 0),
        ("the same, zeros written before", 16, 256 << 20),
        ("64 payloads per write, file grows", 64, 0),
        ("the same, zeros written before", 64, 512 << 20),
    ] {
        report(what, bare(&env, &scratch.path().join("bare"), group, zeros)? * u64::try_from(group)?);
    }
    for appenders in [1, 16, 64] {
        let commits = journal.stats().commits;
        let rate = runtime.block_on(appended(&env, &journal, appenders));
        report(&format!("journal, {appenders} appenders"), rate);
        println!("{:>44} commits/s", (journal.stats().commits - commits) * 1000 / RUN_MS);
    }
    let disk_bytes = journal.stats().bytes_on_disk;
    journal.close();
    drop(journal);
    let start_ms = env.clock.monotonic_ms();
    let (_, recovery) = SegmentJournal::open(&env, &scratch.path().join("journal"), Options::default())?;
    let opened_ms = env.clock.monotonic_ms();
    println!("opened {} entries, {} MiB in {} ms", recovery.entries, disk_bytes >> 20, opened_ms - start_ms);
    journal::verify(&env, &scratch.path().join("journal"))?;
    println!("verified them in {} ms", env.clock.monotonic_ms() - opened_ms);
    Ok(())
}

fn report(what: &str, rate: u64) {
    println!("{what:36} {rate:>7} /s");
}

/// One thread that writes and syncs.
fn bare(env: &Env, path: &Path, group: usize, zeros: usize) -> std::io::Result<u64> {
    let file = env.disk.open(path, true)?;
    file.set_len(0)?;
    file.write_all_at(&vec![0; zeros], 0)?;
    file.sync_data()?;
    let payload = vec![7; PAYLOAD_BYTES * group];
    let mut at = 0;
    let start_ms = env.clock.monotonic_ms();
    let mut count = 0;
    while env.clock.monotonic_ms() < start_ms + RUN_MS {
        file.write_all_at(&payload, at)?;
        file.sync_data()?;
        at += u64::try_from(payload.len()).map_err(std::io::Error::other)?;
        count += 1;
    }
    env.disk.remove(path)?;
    Ok(count * 1000 / RUN_MS)
}

/// So many tasks, each of which appends again when its append is durable.
async fn appended(env: &Env, journal: &Arc<dyn Journal>, appenders: usize) -> u64 {
    let stop = Arc::new(AtomicBool::new(false));
    let before = journal.durable_end().get();
    let tasks: Vec<_> = (0..appenders)
        .map(|_| {
            let (journal, stop) = (Arc::clone(journal), Arc::clone(&stop));
            tokio::spawn(async move {
                let payload = Bytes::from(vec![7; PAYLOAD_BYTES]);
                while !stop.load(Ordering::Relaxed) {
                    journal.append(vec![(1, payload.clone())]).await.expect("the disk works");
                }
            })
        })
        .collect();
    let clock = env.clock.clone();
    let (done, finished) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let start_ms = clock.monotonic_ms();
        while clock.monotonic_ms() < start_ms + RUN_MS {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        let _ = done.send(());
    });
    let _ = finished.await;
    for task in tasks {
        let _ = task.await;
    }
    (journal.durable_end().get() - before) * 1000 / RUN_MS
}
