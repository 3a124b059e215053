//! What a journal takes that is full: delivery of what waits in it, the start after a crash with a gigabyte of it, and memory after
//! a million calls.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use base::{Timestamp, ids};
use bytes::Bytes;
use journal::{Journal, SegmentJournal};
use worker::entry;

use crate::load::{self, Until, count};
use crate::recording::add_trail;
use crate::report::Report;
use crate::requests::Request;
use crate::server::Server;

/// A busy server marks its journal after so many entries, and a little later.
const MARK_ENTRIES: u64 = 150_000;
const FLUSH: &str = "Cairn_20261101.Flush";

/// Records from the journal to delivered, signed files: a server that was killed before it cut anything delivers all of it.
pub fn delivery(report: &mut Report, binary: &Path, records: usize) {
    report.section("delivery");
    // Fewer than a file takes, so that nothing is cut before the kill.
    let server = Server::cairn(binary, &["--delivery-interval", "1h", "--digest-interval", "1h"]);
    add_trail(&server.address, "trail", false);
    load::run(&server.address, 64, Until::Answers(records), |_| Request::caller_identity(&server.address));
    let began = Instant::now();
    let server = server.crash();
    load::once(&server.address, &Request::json(&server.address, "cairn", FLUSH, "{}"));
    let took = began.elapsed().as_secs_f64();
    report.number(
        "delivery",
        &format!("{records} records from journal to signed file, start included"),
        took * 1e3,
        "ms",
    );
    report.number("delivery", "records per second", count(records) / took, "/s");
}

/// From the start of the process to the first answered call, after a kill with so many bytes of journal.
pub fn recovery(report: &mut Report, binary: &Path, bytes: u64) {
    report.section("recovery");
    let server = Server::cairn(binary, &["--delivery-interval", "1h", "--digest-interval", "1h"]);
    report.number("recovery", "first start to first answered call", server.first_answer_ms, "ms");
    let folder = server.folder.clone();
    // The writer needs the folder for itself.
    let server = server.crash();
    report.number("recovery", "start after a kill, empty journal", server.first_answer_ms, "ms");
    let server = server.over(|| fill(&folder, bytes));
    let mib = format!("{} MiB", bytes >> 20);
    report.number(
        "recovery",
        &format!("start after a kill, {mib} of journal that nobody has read"),
        server.first_answer_ms,
        "ms",
    );
    let server = server.crash();
    report.number("recovery", &format!("again, {mib} of journal still being read"), server.first_answer_ms, "ms");
}

/// Appends records as they are, calls that change something among them, and leaves one open. Now and then it says which calls are
/// open, as a server does.
fn fill(folder: &Path, bytes: u64) {
    let env = system::env();
    let journal = folder.join("journal");
    let (journal, _) = SegmentJournal::open(&env, &journal, journal::Options::default()).expect("nobody else has it");
    let now = env.clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made");
    let record = |buffer: &mut Vec<u8>| {
        let id = |length: usize| {
            let mut bytes = vec![0; length];
            env.rng.fill(&mut bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let text = sample(now, &ids::uuid(&*env.rng), &id(40));
        buffer.extend_from_slice(text.as_bytes());
    };
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let mut marked = journal.durable_end();
    while journal.stats().bytes_on_disk < bytes {
        let mut batch = Vec::new();
        for _ in 0..64 {
            let mut begin = Vec::new();
            record(&mut begin);
            batch.push(entry::begin(Bytes::from(begin)));
        }
        let first = runtime.block_on(journal.append(batch)).expect("there is room");
        let mut batch = Vec::new();
        for number in 0..64 {
            for begin in [Some(first.plus(number)), None, None] {
                let mut buffer = vec![0; entry::FINISH_HEAD_BYTES];
                record(&mut buffer);
                batch.push(entry::finish(begin, buffer));
            }
        }
        runtime.block_on(journal.append(batch)).expect("there is room");
        let end = journal.durable_end();
        if end.get() - marked.get() > MARK_ENTRIES {
            runtime.block_on(gateway::mark_open(&journal, end)).expect("there is room");
            marked = end;
        }
    }
    let mut open = Vec::new();
    record(&mut open);
    runtime.block_on(journal.append(vec![entry::begin(Bytes::from(open))])).expect("there is room");
}

fn sample(now: Timestamp, event: &str, request: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012","accessKeyId":"AKIABENCHBENCHBENCH1"}},"eventTime":"{now}","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"us-east-1","sourceIPAddress":"127.0.0.1","userAgent":"cairn-bench/1 (a user agent about as long as that of an SDK is)","requestParameters":{{"userName":"{request}"}},"responseElements":null,"requestID":"{request}","eventID":"{event}","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management"}}"#
    )
}

/// Memory when idle, and after many calls.
pub fn memory(report: &mut Report, binary: &Path, calls: usize) {
    report.section("memory");
    let server = Server::cairn(binary, &[]);
    report.number("memory", "idle, one call answered", server.memory_mib(), "MiB");
    add_trail(&server.address, "trail", false);
    let address = Arc::new(server.address.clone());
    for quarter in 1..=4 {
        load::run(&address, 64, Until::Answers(calls / 4), |_| Request::caller_identity(&address));
        let what = format!("after {} calls, one trail", calls / 4 * quarter);
        report.number("memory", &what, server.memory_mib(), "MiB");
    }
}
