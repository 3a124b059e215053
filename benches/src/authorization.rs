//! What policies cost: the same call by root, who needs none, and by users with 1, 20 and 200 policies, in alternating runs on one server.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::load::{self, Run, Until};
use crate::report::{ROUNDS, Report, median, of_run, text};
use crate::requests::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY};
use crate::server::Server;

/// Simultaneous connections.
const CLIENTS: usize = 16;
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
    let iam = |action: &str, rest: &str| {
        let body = format!("Action={action}&{rest}");
        String::from_utf8(load::once(address, &Request::iam(address, &body))).expect("answers of IAM are text")
    };
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let document = |number: usize, action: &str| {
        encoded(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::b{number}*"}}]}}"#
        ))
    };
    iam("CreateUser", &format!("UserName={name}"));
    let attach = |to: &str, action: &str, count: usize, label: &str| {
        for number in 0..count {
            let policy = format!("{label}-{number}");
            // Of other buckets, but for the user's last.
            let text = if label == name && number + 1 == count {
                document_of_bench(&encoded)
            } else {
                document(number, "s3:*")
            };
            iam("CreatePolicy", &format!("PolicyName={policy}&PolicyDocument={text}"));
            iam(action, &format!("{to}&PolicyArn={}", encoded(&format!("{POLICY_ARN}{policy}"))));
        }
    };
    attach(&format!("UserName={name}"), "AttachUserPolicy", managed, name);
    for group in 0..groups {
        let group = format!("{name}-{group}");
        iam("CreateGroup", &format!("GroupName={group}"));
        iam("AddUserToGroup", &format!("GroupName={group}&UserName={name}"));
        attach(&format!("GroupName={group}"), "AttachGroupPolicy", 10, &group);
        for number in 0..inline {
            let text = document(number, "s3:Get*");
            iam("PutGroupPolicy", &format!("GroupName={group}&PolicyName=inline-{number}&PolicyDocument={text}"));
        }
    }
    let made = iam("CreateAccessKey", &format!("UserName={name}"));
    let member = |tag: &str| {
        let (_, rest) = made.split_once(&format!("<{tag}>")).expect("the answer has a key");
        rest.split('<').next().expect("a member ends").to_owned()
    };
    (member("AccessKeyId"), member("SecretAccessKey"))
}

/// The policy that permits the call.
fn document_of_bench(encoded: &dyn Fn(&str) -> String) -> String {
    encoded(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bench"}]}"#,
    )
}
