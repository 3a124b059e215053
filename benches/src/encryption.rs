//! What keys of KMS cost: log files and objects under a key, beside the same without, on two servers in alternating runs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{ACCOUNT, json_call, statement};
use crate::load::{self, Run, Until, count};
use crate::recording::add_trail;
use crate::report::{ROUNDS, Report};
use crate::requests::{Request, content};
use crate::server::Server;

const FLUSH: &str = "Cairn_20261101.Flush";
/// Simultaneous connections that put and get.
const CLIENTS: usize = 16;

/// Delivery of `records` records a round, and objects of 4 KiB.
pub fn beside_none(report: &mut Report, binary: &Path, records: usize, time: Duration) {
    report.section("encryption, under a key | not");
    let servers =
        [true, false].map(|_| Server::cairn(binary, &["--delivery-interval", "1h", "--digest-interval", "1h"]));
    for server in &servers {
        add_trail(&server.address, "trail", false);
        load::once(&server.address, &Request::s3(&server.address, "PUT", "/bench", "", [].into()));
    }
    encrypt(&servers[0].address);
    let mut runs: [Vec<Run>; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (server, runs) in servers.iter().zip(&mut runs) {
            let address = &server.address;
            load::run(address, 64, Until::Answers(records), |_| Request::caller_identity(address));
            let flushed = server.measured(|| {
                let began = Instant::now();
                load::once(address, &Request::json(address, "cairn", FLUSH, "{}"));
                let took = began.elapsed();
                let us = took.as_secs_f64() * 1e6;
                Run {
                    answers: records,
                    per_second: count(records) / took.as_secs_f64(),
                    p50_us: us,
                    p99_us: us,
                    cpu_us: None,
                }
            });
            runs.push(flushed);
        }
    }
    report.pair("encryption", &format!("deliver {records}"), 1, ["under_a_key", "not"], runs);
    for method in ["PUT", "GET"] {
        let mut runs: [Vec<Run>; 2] = Default::default();
        for _ in 0..ROUNDS {
            for (server, runs) in servers.iter().zip(&mut runs) {
                let address = &server.address;
                let body = || if method == "PUT" { content(4096) } else { [].into() };
                let request = |client| Request::s3(address, method, &format!("/bench/{client}"), "", body());
                runs.push(server.measured(|| load::run(address, CLIENTS, Until::Time(time), request)));
            }
        }
        report.pair("encryption", &format!("{method} 4 KiB"), CLIENTS, ["under_a_key", "not"], runs);
    }
}

/// A key that CloudTrail may use; the trail and the bucket take it.
fn encrypt(address: &str) {
    let mut owner = statement("", &["kms:*"], &json!("*"));
    owner["Principal"] = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:root") });
    let trail = statement("cloudtrail.amazonaws.com", &["kms:GenerateDataKey*", "kms:DescribeKey"], &json!("*"));
    let policy = json!({ "Version": "2012-10-17", "Statement": [owner, trail] });
    let made = json_call(address, "kms", "CreateKey", &json!({ "Policy": policy.to_string() }));
    let key = made["KeyMetadata"]["Arn"].as_str().expect("a key has an ARN");
    json_call(address, "cloudtrail", "UpdateTrail", &json!({ "Name": "trail", "KmsKeyId": key }));
    let rule = format!(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
         <KMSMasterKeyID>{key}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    );
    load::once(address, &Request::s3(address, "PUT", "/bench", "encryption=", rule.as_bytes().into()));
}
