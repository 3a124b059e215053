//! What policies cost: the same call by root, who needs none, and by users with 1, 20 and 200 policies, in alternating runs on one server.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::client::{element, iam};
use crate::load::{self, Run, Until};
use crate::report::{ROUNDS, Report, median, of_run, text};
use crate::requests::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY};
use crate::server::Server;

/// Simultaneous connections.
const CLIENTS: usize = 16;
/// The policy that permits the call.
const DOCUMENT_OF_BENCH: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bench"}]}"#;
/// The ARN that our policies' names follow.
const POLICY_ARN: &str = "arn:aws:iam::123456789012:policy/";

/// HeadBucket by root and by users.
pub fn by_policies(report: &mut Report, binary: &Path, time: Duration) {
    report.section("authorization, HeadBucket, 16 clients");
    let server = Server::cairn(binary, &[]);
    let address = &server.address;
    load::once(address, &Request::s3(address, "PUT", "/bench", "", [].into()));
    let mut callers = vec![("root", 0, (ACCESS_KEY_ID.to_owned(), SECRET_ACCESS_KEY.to_owned()))];
    callers.push(("user", 1, user(address, "one", 1, 0, 0)));
    callers.push(("user", 20, user(address, "twenty", 10, 1, 0)));
    callers.push(("user", 200, user(address, "many", 10, 10, 9)));
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); callers.len()];
    for _ in 0..ROUNDS {
        for ((_, _, key), runs) in callers.iter().zip(&mut runs) {
            let run = || {
                load::run(address, CLIENTS, Until::Time(time), |_| {
                    Request::head_bucket(address, "/bench", (&key.0, &key.1))
                })
            };
            runs.push(server.measured(run));
        }
    }
    let runs: Vec<Run> = runs.into_iter().map(median).collect();
    for ((who, policies, _), run) in callers.iter().zip(&runs) {
        let ratio = run.per_second / runs[0].per_second;
        println!("{who} with {policies:>3} policies | {} | ratio to root {ratio:.2}", text(run));
        let mut values = of_run(run);
        values["policies"] = json!(policies);
        report.line("authorization", values);
    }
}

/// A user with managed policies of its own, and in groups that have ten managed and some inline policies each. The last policy is the one
/// that permits the call. Returns the user's key.
fn user(address: &str, name: &str, managed: usize, groups: usize, inline: usize) -> (String, String) {
    let document = |number: usize, action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::b{number}*"}}]}}"#
        )
    };
    iam(address, "CreateUser", &[("UserName", name)]);
    let attach = |action: &str, to: (&str, &str), count: usize, label: &str| {
        for number in 0..count {
            let policy = format!("{label}-{number}");
            // Of other buckets, but for the user's last.
            let is_last = label == name && number + 1 == count;
            let text = if is_last { DOCUMENT_OF_BENCH.to_owned() } else { document(number, "s3:*") };
            iam(address, "CreatePolicy", &[("PolicyName", &policy), ("PolicyDocument", &text)]);
            iam(address, action, &[to, ("PolicyArn", &format!("{POLICY_ARN}{policy}"))]);
        }
    };
    attach("AttachUserPolicy", ("UserName", name), managed, name);
    for group in 0..groups {
        let group = format!("{name}-{group}");
        iam(address, "CreateGroup", &[("GroupName", &group)]);
        iam(address, "AddUserToGroup", &[("GroupName", &group), ("UserName", name)]);
        attach("AttachGroupPolicy", ("GroupName", &group), 10, &group);
        for number in 0..inline {
            let (policy, text) = (format!("inline-{number}"), document(number, "s3:Get*"));
            let members = [("GroupName", group.as_str()), ("PolicyName", &policy), ("PolicyDocument", &text)];
            iam(address, "PutGroupPolicy", &members);
        }
    }
    let made = iam(address, "CreateAccessKey", &[("UserName", name)]);
    (element(&made, "AccessKeyId").to_owned(), element(&made, "SecretAccessKey").to_owned())
}
