//! `sim COUNT [--seed N] [--plant NAME] [--all] [--echo] [--log FILTER]`: runs that many worlds, beginning with the seed N, on as
//! many threads as there are processors. Prints the first violation and how to see it again; with `--all` it goes on and lists
//! every violation.
//!
//! `sim day [CALLS]`: 24 simulated hours without faults.
#![allow(
    clippy::disallowed_methods,
    reason = "what is simulated is inside a world; this measures how long worlds take"
)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use sim::{PLANTS, Plant, Settings, Violation};

struct Arguments {
    count: u64,
    seed: u64,
    plant: Option<Plant>,
    all: bool,
    echo: bool,
    log: Option<String>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "day") {
        return day(words.get(1).map_or("100000", String::as_str));
    }
    let arguments = match parse(words.into_iter()) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\nusage: sim COUNT [--seed N] [--plant NAME] [--all] [--echo] [--log FILTER]");
            eprintln!("plants: {}", PLANTS.map(|(name, _, _)| name).join(" "));
            return ExitCode::from(2);
        }
    };
    if let Some(filter) = &arguments.log {
        let filter = tracing_subscriber::EnvFilter::new(filter);
        tracing_subscriber::fmt().with_env_filter(filter).without_time().init();
    }
    match worlds(&arguments) {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            let plant = arguments.plant.map_or(String::new(), |plant| format!(" PLANT={}", plant.name()));
            println!("{violation}  again: make sim SEEDS=1 SEED={}{plant}", violation.seed);
            ExitCode::FAILURE
        }
    }
}

fn day(calls: &str) -> ExitCode {
    let folder = std::env::temp_dir().join(format!("cairn-sim-day-{}", std::process::id()));
    let done = calls.parse().map_err(|_| format!("{calls:?} is not a number").into());
    let done = done.and_then(|calls| sim::day(calls, &folder));
    let _ = std::fs::remove_dir_all(&folder);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { count: 1, seed: 0, plant: None, all: false, echo: false, log: None };
    let number = |text: Option<String>| -> Result<u64, String> {
        let text = text.unwrap_or_default();
        text.parse().map_err(|_| format!("{text:?} is not a number"))
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => arguments.seed = number(words.next())?,
            "--plant" => {
                let name = words.next().unwrap_or_default();
                arguments.plant = Some(Plant::named(&name).ok_or_else(|| format!("there is no plant {name:?}"))?);
            }
            "--all" => arguments.all = true,
            "--echo" => arguments.echo = true,
            "--log" => arguments.log = words.next(),
            _ => arguments.count = number(Some(word))?,
        }
    }
    Ok(arguments)
}

/// Runs the worlds; returns the violation of the lowest seed that has one.
fn worlds(arguments: &Arguments) -> Option<Violation> {
    let start = Instant::now();
    let next = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let found: Mutex<Vec<Violation>> = Mutex::default();
    let totals = [const { AtomicU64::new(0) }; 6];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= arguments.count {
                        return;
                    }
                    let seed = arguments.seed + index;
                    let settings = Settings { seed, plant: arguments.plant, echo: arguments.echo };
                    let world = std::panic::catch_unwind(|| sim::run(settings));
                    let world = world.unwrap_or_else(|_| Err(Box::new(Violation::panicked(seed))));
                    match world {
                        Ok(summary) => {
                            let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
                            let all = [
                                wide(summary.calls),
                                summary.starts,
                                summary.failures,
                                wide(summary.files),
                                wide(summary.digests),
                                summary.virtual_secs,
                            ];
                            totals.iter().zip(all).for_each(|(total, one)| {
                                total.fetch_add(one, Ordering::Relaxed);
                            });
                            if arguments.count == 1 {
                                println!("{summary:#?}");
                            }
                        }
                        Err(violation) => {
                            failed.store(!arguments.all, Ordering::Relaxed);
                            if arguments.all {
                                println!("seed {}: I{} {}", violation.seed, violation.invariant, violation.what);
                            }
                            found.lock().expect("no holder of this lock can panic").push(*violation);
                        }
                    }
                }
            });
        }
    });
    let took = start.elapsed().as_secs_f64();
    let [calls, starts, failures, files, digests, virtual_secs] = totals.map(AtomicU64::into_inner);
    println!(
        "{} seeds from {}: {calls} calls, {starts} starts, {failures} failures of storage, {files} log files, \
         {digests} digests, {:.1} virtual hours, in {took:.1} s",
        arguments.count,
        arguments.seed,
        virtual_secs as f64 / 3600.0
    );
    found.into_inner().expect("no holder of this lock can panic").into_iter().min_by_key(|violation| violation.seed)
}
