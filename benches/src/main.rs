//! Cairn's figures, each side by side with what it is to be held against, in one run over loopback.
//!
//! ```text
//! bench PATH-TO-CAIRN [quick|full] [only=SECTION[,…]] [s3s-fs=PATH] [json=PATH]
//! bench search PATH-TO-CAIRN PYTHON [records=N] [only=TEXT] [rounds=N] [cold] [keep=FOLDER] [json=PATH]   searching beside DuckDB
//! bench validate PATH-TO-CAIRN [PATH-TO-AWS] [FILES]    validation beside that of the AWS CLI
//! bench drive ADDRESS CLIENTS SECONDS [put=BYTES]        load for a profiler: GetCallerIdentity, or PutObject
//! ```
//!
//! Sections: recording, authorization, signin, encryption, watch, logs, trails, objects, delivery, recovery, memory. Figures are of this machine in this minute; the ratios are what
//! to quote. Data folders are made in `CAIRN_BENCH_DIR`, else where temporary files go.
#![allow(clippy::disallowed_methods, reason = "measuring time and starting processes is what this is for")]

mod authorization;
mod backlog;
mod client;
mod encryption;
mod load;
mod objects;
mod questions;
mod recording;
mod report;
mod requests;
mod search;
mod server;
mod signin;
mod validate;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use load::Until;
use report::Report;
use requests::Request;

const USAGE: &str = "usage: bench PATH-TO-CAIRN [quick|full] [only=SECTION[,…]] [s3s-fs=PATH] [json=PATH]";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, binary, rest @ ..] = &arguments[..]
        && word == "validate"
    {
        let aws = rest.first().map_or("aws", String::as_str);
        let files = rest.get(1).map_or(5_000, |text| text.parse().expect("FILES is a number"));
        return validate::run(&PathBuf::from(binary), aws, files);
    }
    if let [word, cairn, python, rest @ ..] = &arguments[..]
        && word == "search"
    {
        let given = |name: &str| rest.iter().find_map(|text| text.strip_prefix(name));
        let mut report = Report::new(given("json=").map(Path::new));
        let options = search::Options {
            cairn: Path::new(cairn),
            python: Path::new(python),
            records: given("records=").map_or(1_000_000, |text| text.parse().expect("records=NUMBER")),
            only: given("only="),
            rounds: given("rounds=").map_or(5, |text| text.parse().expect("rounds=NUMBER")),
            keep: given("keep=").map(Path::new),
            cold: rest.iter().any(|text| text == "cold"),
        };
        return search::run(&mut report, &options);
    }
    if let [word, address, clients, seconds, rest @ ..] = &arguments[..]
        && word == "drive"
    {
        let time = Duration::from_secs_f64(seconds.parse().expect("SECONDS is a number"));
        let clients = clients.parse().expect("CLIENTS is a number");
        let bytes = rest.first().and_then(|text| text.strip_prefix("put="));
        let body = bytes.map(|bytes| requests::content(bytes.parse().expect("put=BYTES")));
        if body.is_some() {
            load::once(address, &Request::s3(address, "PUT", "/bench", "", [].into()));
        }
        let run = load::run(address, clients, Until::Time(time), |client| match &body {
            Some(body) => Request::s3(address, "PUT", &format!("/bench/drive-{client}"), "", body.clone()),
            None => Request::caller_identity(address),
        });
        println!("{:.0} calls/s, p50 {:.0} µs, p99 {:.0} µs", run.per_second, run.p50_us, run.p99_us);
        return;
    }
    let mut arguments = arguments.into_iter();
    let binary = PathBuf::from(arguments.next().expect(USAGE));
    let (mut quick, mut only, mut s3s_fs, mut json) = (false, None, None, None);
    for argument in arguments {
        match argument.split_once('=') {
            None if argument == "quick" => quick = true,
            None if argument == "full" => quick = false,
            Some(("only", sections)) => only = Some(sections.to_owned()),
            Some(("s3s-fs", path)) => s3s_fs = Some(PathBuf::from(path)),
            Some(("json", path)) => json = Some(PathBuf::from(path)),
            _ => panic!("{argument}: {USAGE}"),
        }
    }
    let wanted = |section: &str| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == section));
    let time = Duration::from_millis(if quick { 400 } else { 1500 });
    let clients: Option<&[usize]> = if quick { Some(&[1, 64]) } else { None };
    let mut report = Report::new(json.as_deref());
    if wanted("recording") {
        recording::beside_off(&mut report, &binary, time, clients);
    }
    if wanted("authorization") {
        authorization::by_policies(&mut report, &binary, time);
    }
    if wanted("signin") {
        signin::per_second(&mut report, &binary, time);
    }
    if wanted("encryption") {
        encryption::beside_none(&mut report, &binary, if quick { 10_000 } else { 40_000 }, time);
    }
    if wanted("watch") {
        watch::call_to_subscriber(&mut report, &binary, if quick { 50 } else { 500 });
    }
    if wanted("logs") {
        watch::put_log_events(&mut report, &binary, time);
    }
    if wanted("trails") {
        recording::by_trails(&mut report, &binary, time);
    }
    match s3s_fs {
        Some(s3s_fs) if wanted("objects") => objects::beside_s3s_fs(&mut report, &binary, &s3s_fs, time),
        None if wanted("objects") => println!("\nobjects: left out, because s3s-fs=PATH is not given"),
        _ => {}
    }
    if wanted("delivery") {
        backlog::delivery(&mut report, &binary, if quick { 10_000 } else { 45_000 });
    }
    if wanted("recovery") {
        backlog::recovery(&mut report, &binary, if quick { 64 << 20 } else { 1 << 30 });
    }
    if wanted("memory") {
        backlog::memory(&mut report, &binary, if quick { 40_000 } else { 1_000_000 });
    }
}
