//! What recording costs: servers over the same load in alternating runs, with recording and without, with more and fewer trails.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::load::{self, Run, Until};
use crate::report::{ROUNDS, Report, median, of_run, text};
use crate::requests::{Request, content};
use crate::server::Server;

/// Simultaneous connections, each with one call in flight.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];

/// Recorded and not recorded, call by call.
pub fn beside_off(report: &mut Report, binary: &Path, time: Duration, clients: Option<&[usize]>) {
    report.section("recording on | off");
    let with = Server::cairn(binary, &[]);
    let without = Server::cairn(binary, &["--recording", "off"]);
    for server in [&with, &without] {
        load::once(&server.address, &Request::s3(&server.address, "PUT", "/bench", "", [].into()));
    }
    for kind in ["GetCallerIdentity", "PutObject 1 KiB", "PutObject 1 MiB", "healthz"] {
        for &clients in clients.unwrap_or(&CLIENTS) {
            let mut runs = [Vec::new(), Vec::new()];
            for _ in 0..ROUNDS {
                runs[0].push(run(kind, clients, time, &with));
                runs[1].push(run(kind, clients, time, &without));
            }
            report.pair("recording", kind, clients, ["recorded", "not_recorded"], runs);
        }
    }
}

/// No trail, one and five, each of which takes every management event and every data event of S3, with files each second.
pub fn by_trails(report: &mut Report, binary: &Path, time: Duration) {
    const TRAILS: [usize; 3] = [0, 1, 5];
    report.section("trails, 64 clients");
    let servers = TRAILS.map(|trails| {
        let server = Server::cairn(binary, &["--delivery-interval", "1s", "--digest-interval", "1m"]);
        load::once(&server.address, &Request::s3(&server.address, "PUT", "/bench", "", [].into()));
        (0..trails).for_each(|number| add_trail(&server.address, &format!("trail-{number}"), true));
        server
    });
    for kind in ["GetCallerIdentity", "PutObject 1 KiB"] {
        let mut runs: [Vec<Run>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (server, runs) in servers.iter().zip(&mut runs) {
                runs.push(run(kind, 64, time, server));
            }
        }
        let runs = runs.map(median);
        for (trails, run) in TRAILS.into_iter().zip(&runs) {
            let ratio = run.per_second / runs[0].per_second;
            println!("{kind:<18} {trails} trails | {} | ratio to none {ratio:.2}", text(run));
            let mut values = of_run(run);
            values["load"] = json!(kind);
            values["trails"] = json!(trails);
            report.line("trails", values);
        }
    }
}

/// A trail with its bucket.
pub fn add_trail(address: &str, name: &str, data_events: bool) {
    let bucket = format!("{name}-logs");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Principal": { "Service": "cloudtrail.amazonaws.com" },
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")] }] });
    let s3 =
        |query: &str, body: &str| Request::s3(address, "PUT", &format!("/{bucket}"), query, body.as_bytes().into());
    load::once(address, &s3("", ""));
    load::once(address, &s3("policy=", &policy.to_string()));
    let call = |operation: &str, body: serde_json::Value| {
        let target = format!("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.{operation}");
        load::once(address, &Request::json(address, "cloudtrail", &target, &body.to_string()))
    };
    call("CreateTrail", json!({ "Name": name, "S3BucketName": bucket, "EnableLogFileValidation": true }));
    if data_events {
        let resources = json!([{ "Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bench/"] }]);
        let selectors =
            json!([{ "ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": resources }]);
        call("PutEventSelectors", json!({ "TrailName": name, "EventSelectors": selectors }));
    }
    call("StartLogging", json!({ "Name": name }));
}

fn run(kind: &str, clients: usize, time: Duration, server: &Server) -> Run {
    let address = &server.address;
    let body = match kind {
        "PutObject 1 MiB" => content(1 << 20),
        _ => content(1024),
    };
    server.measured(|| {
        load::run(address, clients, Until::Time(time), |client| match kind {
            "GetCallerIdentity" => Request::caller_identity(address),
            "healthz" => Request::healthz(address),
            _ => Request::s3(address, "PUT", &format!("/bench/object-{client}"), "", body.clone()),
        })
    })
}
