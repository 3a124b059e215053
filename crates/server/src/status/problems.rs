//! What wants somebody's attention, and what to do about it. What the server will put right by itself in a moment is no problem.

use super::gather::{Status, Trail};
use crate::terminal::{amounts, clean};

/// A consumer that is this far behind does not keep up.
const LAG_MS_MAX: i64 = 5 * 60_000;
/// Files that wait longer than this, without an error, wait for something that does not come.
const BACKLOG_MS_MAX: i64 = 15 * 60_000;
/// A disk with less room than this may be full within minutes …
const FREE_BYTES_MIN: u64 = 256 << 20;
/// … and one of which less than a twentieth is free, unless that is much.
const FREE_BYTES_ENOUGH: u64 = 5 << 30;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub to_do: String,
}

/// Since when, in milliseconds.
pub fn ago_ms(status: &Status, then_secs: f64) -> i64 {
    let ms = base::Timestamp::from_secs_f64;
    match (ms(status.asked_at), ms(then_secs)) {
        (Some(now), Some(then)) => now.since_ms(then),
        _ => 0,
    }
}

/// The worst first.
pub fn find(status: &Status) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |what: String, to_do: &str| found.push(Problem { what, to_do: to_do.to_owned() });
    let server = &status.server;
    if !server.recording.on {
        add("Nothing is recorded: recording is switched off.".into(), "Start the server without --recording off.");
    }
    if server.recording.waiting || !status.ready {
        add(
            "The journal does not take records: calls are refused, or will be.".into(),
            "Look at the disk of the data folder and at the server's log; it goes on by itself once it can write.",
        );
    }
    if let Some(disk) = &status.disk {
        let little = disk.free_bytes < disk.size_bytes / 20 && disk.free_bytes < FREE_BYTES_ENOUGH;
        if little || disk.free_bytes < FREE_BYTES_MIN {
            let what = format!("The disk of {} has only {} left.", disk.folder, amounts::bytes(disk.free_bytes));
            add(what, "Make room: when it is full, calls are refused.");
        }
    }
    for consumer in &server.consumers {
        let name = &consumer.name;
        if let Some(failure) = &consumer.failure {
            add(
                format!("The consumer {name} fails: {failure}"),
                "It tries again by itself; the server's log says more.",
            );
        }
        let behind_ms = consumer.behind_since.map_or(0, |since| ago_ms(status, since));
        if consumer.lag > 0 && behind_ms > LAG_MS_MAX {
            let (entries, time) = (amounts::counted(consumer.lag, "record"), amounts::time(behind_ms));
            add(
                format!("The consumer {name} does not keep up: {entries} behind, the oldest {time} old."),
                "Look at the load of the machine; the journal grows until it has caught up.",
            );
        }
    }
    for follow in &server.follows {
        if let Some(failure) = &follow.failure {
            add(
                format!("{} is not followed: {}", clean(&follow.place), clean(failure)),
                "It tries again by itself; look at the setting follow, and at the bucket.",
            );
        }
    }
    for trail in &status.trails {
        of_trail(status, trail, &mut add);
    }
    for validation in &server.validation {
        if validation.is_bad() {
            let trail = name_of(&validation.trail);
            let first = validation.problems.get(0).map(|first| format!(": {}", text_of(first))).unwrap_or_default();
            let count = amounts::counted(validation.problem_count(), "problem");
            add(
                format!("Validation of the trail {trail} found {count}{first}"),
                "Somebody changed or removed files of the trail: cairn validate names each.",
            );
        }
    }
    found
}

fn of_trail(status: &Status, trail: &Trail, add: &mut impl FnMut(String, &str)) {
    let (name, bucket) = (&trail.name, &trail.bucket);
    let backlog = status.server.backlogs.iter().find(|backlog| backlog.trail == trail.arn);
    let errors =
        [("log file", &trail.status.latest_delivery_error), ("digest", &trail.status.latest_digest_delivery_error)];
    let mut told = false;
    for (kind, error) in errors {
        let Some(error) = error.as_deref().filter(|error| !error.is_empty()) else { continue };
        // One cause stops both; it is told once.
        if !told {
            let error = error.trim_end_matches('.');
            add(format!("Trail {name}: no {kind} reaches the bucket {bucket}: {error}."), advice(error));
        }
        told = true;
    }
    if let Some(backlog) = backlog.filter(|_| !told) {
        let waiting_ms = ago_ms(status, backlog.oldest);
        if waiting_ms > BACKLOG_MS_MAX {
            let (files, time) = (amounts::counted(backlog.files, "file"), amounts::time(waiting_ms));
            add(
                format!("Trail {name}: {files} wait for the bucket {bucket}, the oldest for {time}."),
                "cairn flush tries now and says what keeps them.",
            );
        }
    }
}

fn advice(error: &str) -> &'static str {
    let has = |code: &str| error.contains(code);
    if has("AccessDenied") || has("Access Denied") {
        "Let the bucket's policy allow cloudtrail.amazonaws.com s3:GetBucketAcl and s3:PutObject; files wait until then."
    } else if has("NoSuchBucket") {
        "Make the bucket again, or give the trail another one (aws cloudtrail update-trail); files wait until then."
    } else {
        "Files wait and are tried again; cairn flush tries now."
    }
}

/// The name in a trail's ARN.
pub fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A problem that validation found, in words.
fn text_of(problem: &serde_json::Value) -> String {
    let member = ["Text", "What", "Message", "Problem"].iter().find_map(|name| problem.get(name)?.as_str());
    problem.as_str().or(member).map_or_else(|| problem.to_string(), str::to_owned)
}
