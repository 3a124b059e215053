//! What recording costs: the same server with recording on and off, side by side in one run, driven over loopback.
//!
//! `bench validate PATH-TO-CAIRN [PATH-TO-AWS] [FILES]` puts validation beside that of the AWS CLI.
//!
//! `bench PATH-TO-CAIRN [SECONDS]`, or `bench drive ADDRESS CLIENTS SECONDS` to put load on a server for a profiler. Prints calls per second and latency at 1, 16 and 64 clients, the time from start to first
//! answer, and idle memory. Figures are of this machine in this minute; the ratios are what to quote.
#![allow(clippy::disallowed_methods, reason = "measuring time and starting processes is what this is for")]

mod load;
mod server;
mod validate;

use std::path::PathBuf;
use std::time::Duration;

use load::{Request, Run};
use server::Server;

/// Simultaneous connections, each with one call in flight.
const CLIENTS: [usize; 3] = [1, 16, 64];
/// Each figure is the median of this many alternating runs.
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, binary, rest @ ..] = &arguments[..]
        && word == "validate"
    {
        let aws = rest.first().map_or("aws", String::as_str);
        let files = rest.get(1).map_or(5_000, |text| text.parse().expect("FILES is a number"));
        return validate::run(&PathBuf::from(binary), aws, files);
    }
    if let [word, address, clients, seconds] = &arguments[..] {
        assert_eq!(word, "drive", "usage: bench drive ADDRESS CLIENTS SECONDS");
        let time = Duration::from_secs_f64(seconds.parse().expect("SECONDS is a number"));
        let clients = clients.parse().expect("CLIENTS is a number");
        let run = load::run(address, clients, time, |_| Request::caller_identity(address));
        println!("{:.0} calls/s, p50 {} µs, p99 {} µs", run.per_second, run.p50_us, run.p99_us);
        return;
    }
    let mut arguments = arguments.into_iter();
    let binary = PathBuf::from(arguments.next().expect("usage: bench PATH-TO-CAIRN [SECONDS]"));
    let seconds = arguments.next().map_or(3.0, |text| text.parse().expect("SECONDS is a number"));
    let time = Duration::from_secs_f64(seconds);

    let first = Server::start(&binary, "on");
    println!("start to first answered call: {} ms; idle memory: {:.1} MiB", first.first_answer_ms, first.memory_mib());
    drop(first);

    let with = Server::start(&binary, "on");
    let without = Server::start(&binary, "off");
    println!("\n{:<17} {:>7} | {:^30} | {:^30} | {:^27}", "", "", "recorded", "not recorded", "cost of recording");
    println!(
        "{:<17} {:>7} | {:>10} {:>9} {:>9} | {:>10} {:>9} {:>9} | {:>6} {:>10} {:>9}",
        "call", "clients", "calls/s", "p50 µs", "p99 µs", "calls/s", "p50 µs", "p99 µs", "ratio", "+p50 µs", "+p99 µs"
    );
    for kind in ["GetCallerIdentity", "PutObject 1 KiB", "healthz"] {
        for clients in CLIENTS {
            compare(kind, clients, time, &with, &without);
        }
    }
    println!(
        "\nratio: calls per second with recording to those without, median of {ROUNDS} alternating runs of {seconds} s."
    );
    println!("healthz: the same HTTP stack without signature, decoding or record, as the reference.");
}

fn compare(kind: &str, clients: usize, time: Duration, with: &Server, without: &Server) {
    let mut recorded = Vec::new();
    let mut unrecorded = Vec::new();
    for _ in 0..ROUNDS {
        recorded.push(run(kind, clients, time, with));
        unrecorded.push(run(kind, clients, time, without));
    }
    let mut ratios: Vec<f64> = recorded.iter().zip(&unrecorded).map(|(a, b)| a.per_second / b.per_second).collect();
    ratios.sort_by(f64::total_cmp);
    let (a, b) = (median(recorded), median(unrecorded));
    let added = |with: u128, without: u128| i128::try_from(with).unwrap_or(0) - i128::try_from(without).unwrap_or(0);
    println!(
        "{kind:<17} {clients:>7} | {:>10.0} {:>9} {:>9} | {:>10.0} {:>9} {:>9} | {:>6.2} {:>+10} {:>+9}",
        a.per_second,
        a.p50_us,
        a.p99_us,
        b.per_second,
        b.p50_us,
        b.p99_us,
        ratios[ROUNDS / 2],
        added(a.p50_us, b.p50_us),
        added(a.p99_us, b.p99_us)
    );
}

fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs.swap_remove(ROUNDS / 2)
}

fn run(kind: &str, clients: usize, time: Duration, server: &Server) -> Run {
    let request = |client: usize| match kind {
        "GetCallerIdentity" => Request::caller_identity(&server.address),
        "healthz" => Request::healthz(&server.address),
        _ => Request::put_object(&server.address, client),
    };
    if kind.starts_with("PutObject") {
        load::once(&server.address, &Request::create_bucket(&server.address));
    }
    load::run(&server.address, clients, time, request)
}
