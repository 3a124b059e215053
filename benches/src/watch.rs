//! From a call to whoever waits for it: record, log group, metric filter, metric, alarm, topic, subscriber; and what a log group takes.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{ACCOUNT, element, iam, json_call, json_request, query_request, service_policy, sns};
use crate::load::{self, Until, count};
use crate::recording::add_trail;
use crate::report::{ROUNDS, Report, median, of_run, text};
use crate::requests::Request;
use crate::server::Server;

const GROUP: &str = "/aws/cloudtrail/bench";
/// The longest that we wait for a message.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Filters on the group beside the one that is measured: as many as the CIS benchmark has.
const OTHER_FILTERS: usize = 14;
/// Bytes of a log event that is put, about those of a short record.
const EVENT_BYTES: usize = 1_100;

/// What was heard: the alarm's name, when, and where.
type Heard = (String, Instant, &'static str);

/// One call after the other, each of which sets off an alarm of its own; no other load.
pub fn call_to_subscriber(report: &mut Report, binary: &Path, calls: usize) {
    report.section("watch: from the call to the subscriber");
    let server = Server::cairn(binary, &["--delivery-interval", "1h", "--digest-interval", "1h"]);
    let address = server.address.clone();
    let (heard, ears) = mpsc::channel();
    let topic = follow(&address, &heard);
    add_trail(&address, "trail", false);
    watch(&address, calls, &topic);
    let mut times: HashMap<&'static str, Vec<Duration>> = HashMap::new();
    for number in 0..calls {
        let request = list_users(&address, number);
        let began = Instant::now();
        load::once(&address, &request);
        for (place, at) in rings(&ears, &alarm(number)) {
            times.entry(place).or_default().push(at.saturating_duration_since(began));
        }
    }
    for place in ["HTTP", "SQS"] {
        let mut times = times.remove(place).expect("each alarm was heard");
        times.sort_unstable();
        for (name, at) in [("p50", calls / 2), ("p99", calls * 99 / 100)] {
            let what = format!("call to alarm to {place} subscriber, {calls} calls, {name}");
            report.number("watch", &what, times[at].as_secs_f64() * 1e3, "ms");
        }
    }
}

/// Batches of log events, durable before they are answered.
pub fn put_log_events(report: &mut Report, binary: &Path, time: Duration) {
    report.section("logs: PutLogEvents, events of 1,100 bytes");
    let server = Server::cairn(binary, &[]);
    let address = &server.address;
    json_call(address, "logs", "CreateLogGroup", &json!({ "logGroupName": GROUP }));
    let now = system::env().clock.now().ms();
    for (clients, events) in [(1, 1), (16, 1), (1, 100), (8, 100), (8, 1_000 * 1_000 / (EVENT_BYTES + 26))] {
        let request = |client: usize| {
            let stream = format!("{clients}-{events}-{client}");
            json_call(address, "logs", "CreateLogStream", &json!({ "logGroupName": GROUP, "logStreamName": stream }));
            let event = |n: usize| json!({ "timestamp": now, "message": record(client * events + n) });
            let batch: Vec<Value> = (0..events).map(event).collect();
            let body = json!({ "logGroupName": GROUP, "logStreamName": stream, "logEvents": batch });
            json_request(address, "logs", "PutLogEvents", &body)
        };
        let prepared: Vec<Request> = (0..clients).map(request).collect();
        let runs = (0..ROUNDS)
            .map(|_| {
                server.measured(|| load::run(address, clients, Until::Time(time), |client| prepared[client].clone()))
            })
            .collect();
        let run = median(runs);
        let events_per_second = run.per_second * count(events);
        println!("{clients:>3} clients, {events:>4} events a batch | {} | {events_per_second:.0} events/s", text(&run));
        let mut values = of_run(&run);
        values["clients"] = clients.into();
        values["events_a_batch"] = events.into();
        values["events_per_second"] = json!(events_per_second.round());
        report.line("logs", values);
    }
}

/// A topic with an HTTP and an SQS subscriber that say what they hear.
fn follow(address: &str, heard: &Sender<Heard>) -> String {
    let topic = element(&sns(address, "CreateTopic", &[("Name", "bench")]), "TopicArn").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/heard", listener.local_addr().expect("it listens"));
    let (asked, questions) = mpsc::channel();
    let to = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (asked, to) = (asked.clone(), to.clone());
            std::thread::spawn(move || serve(stream, &asked, &to));
        }
    });
    sns(address, "Subscribe", &[("TopicArn", &topic), ("Protocol", "http"), ("Endpoint", &url)]);
    let token: String = questions.recv_timeout(WAIT_MAX).expect("the endpoint is asked whether it wants this");
    sns(address, "ConfirmSubscription", &[("TopicArn", &topic), ("Token", &token)]);

    let queue = json_call(address, "sqs", "CreateQueue", &json!({ "QueueName": "bench" }))["QueueUrl"].clone();
    let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:bench");
    let policy = service_policy("sns.amazonaws.com", &["sqs:SendMessage"], &json!(arn)).to_string();
    let set = json!({ "QueueUrl": queue, "Attributes": { "Policy": policy } });
    json_call(address, "sqs", "SetQueueAttributes", &set);
    sns(address, "Subscribe", &[("TopicArn", &topic), ("Protocol", "sqs"), ("Endpoint", &arn)]);
    let (address, to) = (address.to_owned(), heard.clone());
    std::thread::spawn(move || receive(&address, &queue, &to));
    topic
}

/// One connection of the HTTP subscriber.
fn serve(mut stream: TcpStream, asked: &Sender<String>, heard: &Sender<Heard>) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let message = loop {
            let whole = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = whole.split_once("\r\n\r\n") {
                let length =
                    |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
                let length: usize = head.lines().find_map(length).unwrap_or(0);
                if body.len() >= length {
                    break serde_json::from_str::<Value>(&body[..length]).expect("messages are JSON");
                }
            }
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&piece[..read]),
            }
        };
        let now = Instant::now();
        bytes.clear();
        if let Some(token) = message["Token"].as_str() {
            let _ = asked.send(token.to_owned());
        } else {
            let _ = heard.send((alarm_of(&message), now, "HTTP"));
        }
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// A receiver that waits for messages until the server is gone.
fn receive(address: &str, queue: &Value, heard: &Sender<Heard>) {
    loop {
        let wait = json!({ "QueueUrl": queue, "WaitTimeSeconds": 20, "MaxNumberOfMessages": 10 });
        let Ok(answer) = load::try_once(address, &json_request(address, "sqs", "ReceiveMessage", &wait)) else {
            return;
        };
        let now = Instant::now();
        let answer: Value = serde_json::from_slice(&answer).expect("answers are JSON");
        for message in answer["Messages"].as_array().into_iter().flatten() {
            let body = message["Body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or(Value::Null);
            let _ = heard.send((alarm_of(&body), now, "SQS"));
            let done = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
            let _ = load::try_once(address, &json_request(address, "sqs", "DeleteMessage", &done));
        }
    }
}

/// The alarm that an SNS message is about.
fn alarm_of(message: &Value) -> String {
    let said: Value =
        message["Message"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    said["AlarmName"].as_str().unwrap_or_default().to_owned()
}

/// The trail delivers to a log group, whose filter makes a metric with a dimension, of which each alarm takes one value.
fn watch(address: &str, alarms: usize, topic: &str) {
    json_call(address, "logs", "CreateLogGroup", &json!({ "logGroupName": GROUP }));
    let trust = service_policy("cloudtrail.amazonaws.com", &["sts:AssumeRole"], &Value::Null);
    let mut trust = trust;
    trust["Statement"][0].as_object_mut().expect("a statement is an object").remove("Resource");
    let group = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}");
    let write = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": format!("{group}:log-stream:*") }] });
    let role = iam(address, "CreateRole", &[("RoleName", "logs"), ("AssumeRolePolicyDocument", &trust.to_string())]);
    let policy = write.to_string();
    iam(address, "PutRolePolicy", &[("RoleName", "logs"), ("PolicyName", "write"), ("PolicyDocument", &policy)]);
    let update = json!({ "Name": "trail", "CloudWatchLogsLogGroupArn": format!("{group}:*"),
        "CloudWatchLogsRoleArn": element(&role, "Arn") });
    json_call(address, "cloudtrail", "UpdateTrail", &update);
    let filter = |name: &str, pattern: &str, dimensions: Value| {
        let mut transformation = json!({ "metricName": name, "metricNamespace": "Bench", "metricValue": "1" });
        transformation["dimensions"] = dimensions;
        let body = json!({ "logGroupName": GROUP, "filterName": name, "filterPattern": pattern,
            "metricTransformations": [transformation] });
        json_call(address, "logs", "PutMetricFilter", &body);
    };
    filter("calls", "{ $.eventName = ListUsers }", json!({ "path": "$.requestParameters.pathPrefix" }));
    for number in 0..OTHER_FILTERS {
        let pattern = format!("{{ ($.eventName = Other{number}) || ($.errorCode = \"Other{number}*\") }}");
        filter(&format!("other-{number}"), &pattern, json!({}));
    }
    for number in 0..alarms {
        let body = json!({ "AlarmName": alarm(number), "MetricName": "calls", "Namespace": "Bench", "Statistic": "Sum",
            "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching", "AlarmActions": [topic],
            "Dimensions": [{ "Name": "path", "Value": format!("/bench-{number}/") }] });
        json_call(address, "monitoring", "PutMetricAlarm", &body);
    }
}

fn alarm(number: usize) -> String {
    format!("alarm-{number}")
}

fn list_users(address: &str, number: usize) -> Request {
    let path = format!("/bench-{number}/");
    query_request(address, "iam", "2010-05-08", "ListUsers", &[("PathPrefix", &path)])
}

/// Where and when this alarm was heard: by both subscribers.
fn rings(ears: &Receiver<Heard>, alarm: &str) -> [(&'static str, Instant); 2] {
    let next = || loop {
        let (name, at, place) = ears.recv_timeout(WAIT_MAX).unwrap_or_else(|_| panic!("{alarm} was not heard"));
        if name == alarm {
            return (place, at);
        }
    };
    [next(), next()]
}

/// An event's text, each different.
fn record(number: usize) -> String {
    let mut state = u64::try_from(number).expect("a small number").wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut hex = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    };
    let head = format!(
        r#"{{"eventVersion":"1.11","eventName":"GetObject","requestID":"{}","eventID":"{}","bucket":"bucket-{}","key":"{}","#,
        hex(),
        hex(),
        number % 5,
        hex()
    );
    let rest = r#""userAgent":"aws-cli/2.15 Python/3.11","#.repeat(EVENT_BYTES / 38);
    let mut text = head + &rest;
    text.truncate(EVENT_BYTES - 12);
    text + r#"","end":true}"#
}
