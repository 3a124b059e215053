//! How long a decision takes: `cargo run --release -p policy --example decisions`. Prints nanoseconds for principals with 1, 20 and 200
//! policies, the median and the 99th of 100.
#![allow(clippy::disallowed_methods, reason = "measures real time")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use policy::{Context, Layers, Policy, PolicySet, Principal, Request, ResourceLayer, authorize};

const ROUNDS: usize = 20_000;
const ACCOUNT: &str = "111111111111";

/// What people attach: some statements over named things with conditions, one with a star, one that denies.
fn document(at: usize) -> String {
    let services = ["s3", "ec2", "iam", "kms", "sqs", "sns", "logs", "lambda", "dynamodb", "cloudtrail"];
    let (one, other) = (services[at % services.len()], services[(at / 3 + 1) % services.len()]);
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Sid":"Read","Effect":"Allow","Action":["{one}:Get*","{one}:List*","{one}:Describe*","{other}:Get*"],
          "Resource":"arn:aws:{one}:::thing-{at}/*"}},
        {{"Sid":"Write","Effect":"Allow","Action":["{one}:PutObject","{one}:CreateThing","{one}:DeleteThing"],
          "Resource":["arn:aws:{one}:::thing-{at}/${{aws:username}}/*","arn:aws:{one}:::shared/*"],
          "Condition":{{"StringEquals":{{"aws:RequestedRegion":["eu-central-1","eu-west-1"]}},"Bool":{{"aws:SecureTransport":"true"}}}}}},
        {{"Sid":"NoOthers","Effect":"Deny","Action":"{one}:Delete*","Resource":"*",
          "Condition":{{"NotIpAddress":{{"aws:SourceIp":["192.0.2.0/24","203.0.113.0/24"]}}}}}},
        {{"Sid":"Rest","Effect":"Allow","NotAction":["iam:*","organizations:*","{one}:*","s3:*"],"Resource":"*",
          "Condition":{{"StringLike":{{"aws:PrincipalTag/team":"team-{at}*"}}}}}}]}}"#
    )
}

fn set(count: usize) -> PolicySet {
    PolicySet::new(
        (0..count).map(|at| (format!("policy-{at}"), Policy::parse(&document(at)).expect("the document is a policy"))),
    )
}

fn main() {
    let context = Context::new()
        .with("aws:username", "alice")
        .with("aws:RequestedRegion", "eu-central-1")
        .with("aws:SecureTransport", "true")
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:PrincipalTag/team", "team-x");
    let lookup = |key: &str| context.get(key);
    let user =
        Principal::User { account: ACCOUNT, arn: "arn:aws:iam::111111111111:user/alice", id: "AIDAALICEALICE11" };
    let full = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","NotAction":["iam:*","s3:*","cloudtrail:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1"]}}}]}"#;
    let full = || Arc::new(PolicySet::new([("full".to_owned(), Policy::parse(full).expect("it is a policy"))]));
    let control = [full(), full(), full()];
    println!("{:>8}  {:<16} {:>8} {:>8}  answer", "policies", "action", "p50 ns", "p99 ns");
    for count in [1, 20, 200] {
        let identity = set(count);
        let resource = set(1);
        for (action, resource_arn) in [
            ("s3:PutObject", "arn:aws:s3:::shared/x"),
            ("s3:GetObject", "arn:aws:s3:::nothing/x"),
            ("s3:DeleteObject", "arn:aws:s3:::thing-0/x"),
            ("glue:GetTable", "arn:aws:glue:eu-central-1:111111111111:table/t"),
        ] {
            let request = Request { principal: user.clone(), action, resource: resource_arn, context: &lookup };
            let layers = Layers {
                control: &control,
                identity: Some(&identity),
                resource: Some(ResourceLayer {
                    policies: &resource,
                    account: ACCOUNT,
                    must_allow: false,
                    granted: None,
                }),
                ..Layers::default()
            };
            let mut took: Vec<u128> = (0..ROUNDS)
                .map(|_| {
                    let start = Instant::now();
                    black_box(authorize(black_box(&layers), black_box(&request)));
                    start.elapsed().as_nanos()
                })
                .collect();
            took.sort_unstable();
            let decision = authorize(&layers, &request);
            let answer = if decision.is_allow() { "allowed".to_owned() } else { decision.reason(action) };
            println!("{count:>8}  {action:<16} {:>8} {:>8}  {answer}", took[ROUNDS / 2], took[ROUNDS * 99 / 100]);
        }
    }
}
