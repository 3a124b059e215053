//! Log files as a stranger finds them: listed, read, taken apart, and held against what each trail should have.

use std::collections::{BTreeMap, BTreeSet};

use record::LogKey;
use record::file::{inflate, sha256_hex};
use record::keys::DigestKey;
use serde_json::Value;

use crate::Stopped;
use crate::client::{Line, Request, Who};
use crate::oracle::Place;
use crate::setup::{LOGS, must};

/// No file of a world is larger.
const BYTES_MAX: usize = 64 << 20;

/// A log file.
pub(crate) struct LogFile {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) sha256_hex: String,
    /// The events in it.
    pub(crate) events: Vec<String>,
}

/// A digest.
pub(crate) struct DigestFile {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) content: Vec<u8>,
    pub(crate) signature_hex: String,
}

/// What lies in the log buckets.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) logs: Vec<LogFile>,
    pub(crate) digests: Vec<DigestFile>,
}

impl LogFile {
    /// Bucket and prefix.
    pub(crate) fn place(&self) -> Place {
        let prefix = self.key.split_once("AWSLogs/").map_or("", |(prefix, _)| prefix).trim_end_matches('/');
        (self.bucket.clone(), prefix.to_owned())
    }
}

impl Files {
    /// Reads all of them through the API.
    pub(crate) async fn read(line: &Line) -> Result<Files, Stopped> {
        let mut files = Files::default();
        for bucket in LOGS {
            let mut start = String::new();
            loop {
                let query = format!("list-type=2&max-keys=100&start-after={}", start.replace('/', "%2F"));
                let list = Request::s3(Who::Root, "ListObjects", "GET", &format!("/{bucket}"), &query, Vec::new());
                let keys = must(line, &list).await?.xml_all("Key");
                for key in &keys {
                    files.read_one(line, bucket, key).await?;
                }
                match keys.into_iter().next_back() {
                    Some(last) => start = last,
                    None => break,
                }
            }
        }
        Ok(files)
    }

    async fn read_one(&mut self, line: &Line, bucket: &str, key: &str) -> Result<(), Stopped> {
        let get = Request::s3(Who::Root, "GetObject", "GET", &format!("/{bucket}/{key}"), "", Vec::new());
        let answer = must(line, &get).await?;
        let wrong = |what: String| {
            line.witness.violated(2, format!("{bucket}/{key}: {what}"));
            Err(Stopped)
        };
        let content = match inflate(&answer.body, BYTES_MAX) {
            Ok(content) => content,
            Err(error) => return wrong(format!("it cannot be inflated: {error}")),
        };
        let bucket = bucket.to_owned();
        if DigestKey::parse(key).is_some() {
            let signature_hex = answer.header("x-amz-meta-signature").unwrap_or_default().to_owned();
            self.digests.push(DigestFile { bucket, key: key.to_owned(), content, signature_hex });
            return Ok(());
        }
        if LogKey::parse(key).is_none() {
            return wrong("it is neither a log file nor a digest".to_owned());
        }
        let json: Value = serde_json::from_slice(&content).unwrap_or_default();
        let Some(records) = json["Records"].as_array() else {
            return wrong("it has no list of records".to_owned());
        };
        let events = records.iter().map(|record| record["eventID"].as_str().unwrap_or_default().to_owned()).collect();
        self.logs.push(LogFile { bucket, key: key.to_owned(), sha256_hex: sha256_hex(&content), events });
        Ok(())
    }
}

/// I2, for all records before `cut`.
pub(crate) fn check(line: &Line, files: &Files, cut: u64) -> Result<(), Stopped> {
    let mut found: BTreeMap<&str, Vec<&LogFile>> = BTreeMap::new();
    for file in &files.logs {
        let unique: BTreeSet<&String> = file.events.iter().collect();
        if unique.len() != file.events.len() || file.events.is_empty() {
            line.witness.violated(2, format!("{}/{} has a record twice, or none", file.bucket, file.key));
            return Err(Stopped);
        }
        file.events.iter().for_each(|event| found.entry(event).or_default().push(file));
    }
    for record in line.witness.records() {
        let files = found.remove(record.event_id.as_str()).unwrap_or_default();
        let places: Vec<Place> = files.iter().map(|file| file.place()).collect();
        let right = line.witness.with_oracle(|oracle| {
            // How many of the trails that select it could have put it there.
            places.iter().all(|place| {
                let here = places.iter().filter(|other| *other == place).count();
                let could = record
                    .trails
                    .iter()
                    .filter(|(arn, _)| oracle.places.get(arn).is_some_and(|places| places.contains(place)));
                here <= could.count()
            })
        });
        // After the cut some trails may be further than others.
        let complete = files.len() == record.trails.len() || record.seq >= cut;
        if !complete || !right {
            let keys: Vec<String> = files.iter().map(|file| format!("{}/{}", file.bucket, file.key)).collect();
            line.witness.violated(2, format!("{record:?} is in the files {keys:?}"));
            return Err(Stopped);
        }
    }
    if let Some((event, files)) = found.into_iter().next() {
        line.witness.violated(2, format!("no record of the journal is the event {event} in {}", files[0].key));
        return Err(Stopped);
    }
    Ok(())
}
