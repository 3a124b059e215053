//! What patterns cost: nanoseconds an event with 1, 15 (CIS's) and 1,000 filters, beside reading the same event with serde_json.
//! `cargo run --release -p pattern --example filter_speed`
#![allow(clippy::disallowed_methods, reason = "measures time")]

use std::hint::black_box;
use std::time::Instant;

use pattern::{Event, FilterPattern, PatternSet};

const TRAILS: &str = include_str!("../tests/cases/trails.txt");
/// Rounds over the events in one measurement, and how many of those: short ones, of which the best is taken, so that whatever else the
/// machine does is left out.
const ROUNDS: usize = 10;
const REPEATS: usize = 400;

/// A record as trails deliver it, of an everyday call.
fn record(name: &str, source: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE12:i-0123456789abcdef0","arn":"arn:aws:sts::123456789012:assumed-role/web/i-0123456789abcdef0","accountId":"123456789012","accessKeyId":"ASIAEXAMPLEEXAMPLE12","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE12","arn":"arn:aws:iam::123456789012:role/web","accountId":"123456789012","userName":"web"}},"attributes":{{"creationDate":"2026-11-23T01:02:03Z","mfaAuthenticated":"false"}},"ec2RoleDelivery":"2.0"}}}},"eventTime":"2026-11-23T03:06:00Z","eventSource":"{source}","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"203.0.113.7","userAgent":"[aws-sdk-java/2.31.0 Linux/6.1 OpenJDK_64-Bit_Server_VM/21.0.5]","requestParameters":{{"bucketName":"example-bucket","Host":"example-bucket.s3.eu-central-1.amazonaws.com","key":"reports/2026/11/23/part-00017.parquet"}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"b8Uxp6Ue3IgvGqR1aqpg3z3kPjzWdQx8YzR5yYk2Xn0b8Uxp6Ue3IgvGqR1aqpg3z3kPjzWdQx8=","bytesTransferredOut":1048576}},"requestID":"5A3KQ0BRH0EXAMPLE","eventID":"11111111-2222-3333-4444-555555555555","readOnly":true,"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::example-bucket/reports/2026/11/23/part-00017.parquet"}},{{"accountId":"123456789012","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::example-bucket"}}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"123456789012","eventCategory":"Data","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"example-bucket.s3.eu-central-1.amazonaws.com"}}}}"#
    )
}

fn main() {
    let events: Vec<String> = [
        ("GetObject", "s3.amazonaws.com"),
        ("AssumeRole", "sts.amazonaws.com"),
        ("Decrypt", "kms.amazonaws.com"),
        ("PutBucketPolicy", "s3.amazonaws.com"),
        ("DescribeInstances", "ec2.amazonaws.com"),
    ]
    .iter()
    .map(|(name, source)| record(name, source))
    .collect();
    println!("{} bytes an event, best of {REPEATS} runs", events[0].len());

    let all: Vec<FilterPattern> = TRAILS
        .lines()
        .filter_map(|line| line.strip_prefix("= "))
        .map(|text| FilterPattern::parse(&text.replace('⏎', "\n")).expect("a pattern"))
        .collect();
    // CIS 5.0's controls 4.1 to 4.15, by their places in the file.
    let cis: Vec<FilterPattern> =
        [2, 4, 5, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21].map(|place| all[place].clone()).into();
    let names = |number: usize| {
        format!("{{ ($.eventSource = s{}.amazonaws.com) && ($.eventName = Call{number}) }}", number % 97)
    };
    let thousand: Vec<FilterPattern> =
        (0..1000).map(|number| FilterPattern::parse(&names(number)).expect("a pattern")).collect();
    let open = |number: usize| match number % 4 {
        0 => format!("{{ $.errorCode = \"*Denied{number}*\" }}"),
        1 => format!("{{ $.userIdentity.arn != \"*user{number}\" && $.eventName = \"Delete{number}*\" }}"),
        2 => format!("{{ $.requestParameters.bucketName = \"bucket-{number}*\" }}"),
        _ => format!("{{ $.additionalEventData.bytesTransferredOut > {}000000 }}", number + 2),
    };
    let wild: Vec<FilterPattern> =
        (0..1000).map(|number| FilterPattern::parse(&open(number)).expect("a pattern")).collect();
    let terms: Vec<FilterPattern> = (0..1000)
        .map(|number| FilterPattern::parse(&format!("\"error {number}\" -debug")).expect("a pattern"))
        .collect();

    measure("serde_json::Value", &events, |event| serde_json::from_str::<serde_json::Value>(event).is_ok());
    let reading = measure("reading once, no filter", &events, |event| Event::new(event).is_json());
    for (name, patterns) in [
        ("1 filter (root use)", vec![all[5].clone()]),
        ("15 filters (CIS 5.0)", cis.clone()),
        ("1,000 filters by name", thousand.clone()),
        ("1,000 filters, wildcards and numbers", wild.clone()),
        ("1,000 filters of terms", terms),
    ] {
        let set = PatternSet::new(patterns.into_iter().enumerate().collect());
        let spent = measure(name, &events, |event| set.matches(&Event::new(event)).next().is_some());
        println!("{:>40} {:>9.0} ns beyond reading once", "", spent - reading);
    }
    for (name, patterns) in
        [("15 filters one by one", cis), ("1,000 by name one by one", thousand), ("1,000 wild one by one", wild)]
    {
        measure(name, &events, |event| {
            let event = Event::new(event);
            patterns.iter().filter(|pattern| pattern.matches(&event)).count() > 0
        });
    }
}

/// Nanoseconds an event.
fn measure(name: &str, events: &[String], mut run: impl FnMut(&str) -> bool) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for event in events {
                black_box(run(black_box(event)));
            }
        }
        best = best.min(start.elapsed().as_nanos() as f64 / (ROUNDS * events.len()) as f64);
    }
    println!("{name:>40} {best:>9.0} ns an event");
    best
}
