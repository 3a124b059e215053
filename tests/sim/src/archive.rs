//! Log files that lie in a bucket and are imported: generated ones, sorted anew so that they have what real ones have. Some records are
//! in several files, or twice in one; two share an event ID and differ; a file is there under two names; one may be cut off.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;

use base::Timestamp;
use base::time::{DAY_MS, HOUR_MS};
use flate2::read::GzDecoder;
use generate::{Plan, World};
use serde_json::Value;

use crate::chance::Chance;
use crate::client::ACCOUNT;
use crate::clock::START_MS;
use crate::oracle::hash_of;

/// The bucket, and what the keys of its log files begin with.
pub(crate) const PLACE: (&str, &str) = ("data-plain", "import/");
/// Records that are generated.
const RECORDS: u64 = 40;
/// Records of a file, before some are put into others too.
const FILE_RECORDS: usize = 8;

/// See the module.
pub(crate) struct Archive {
    /// Key and content, in no order.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// How many of the files cannot be read.
    pub(crate) damaged: u64,
    /// How many records the others have, repeated ones too.
    pub(crate) entries: u64,
    /// What must be there of them: the hash of each, and the time of its event.
    pub(crate) records: BTreeMap<u64, i64>,
}

fn generated(seed: u64) -> Vec<Value> {
    let plan = Plan {
        records: RECORDS,
        days: 1,
        start: Timestamp::from_ms(START_MS),
        seed,
        accounts: 1,
        attack: false,
        organization: None,
        digest_bucket: None,
    };
    let world = World::new(plan).expect("this plan can be followed");
    let mut records = Vec::new();
    for cell in world.cells() {
        let made = world.make(cell, |file| -> Result<(), Infallible> {
            let mut text = String::new();
            GzDecoder::new(&file.gzip[..]).read_to_string(&mut text).expect("generated files are whole");
            let mut log: Value = serde_json::from_str(&text).expect("generated files are JSON");
            if let Value::Array(some) = log["Records"].take() {
                records.extend(some);
            }
            Ok(())
        });
        made.expect("nothing fails that cannot");
    }
    records
}

/// How long before the world's start an event was: some are near the end of a week, which comes while the world goes on.
fn age_ms(chance: &Chance) -> i64 {
    let (from, to) = match chance.below(4) {
        0 => (HOUR_MS, 6 * DAY_MS),
        1 => (7 * DAY_MS - 4 * HOUR_MS, 7 * DAY_MS + HOUR_MS),
        2 => (8 * DAY_MS, 29 * DAY_MS),
        _ => (31 * DAY_MS, 90 * DAY_MS),
    };
    from + i64::try_from(chance.below(u64::try_from(to - from).unwrap_or(1))).unwrap_or(0)
}

impl Archive {
    /// That of a world.
    pub(crate) fn new(seed: u64) -> Archive {
        let chance = Chance::part(seed, "archive");
        let mut texts: Vec<String> = Vec::new();
        for (at, mut record) in generated(chance.next()).into_iter().enumerate() {
            // The first file is too old as a whole, for one who keeps records for a month.
            let age_ms = if at < FILE_RECORDS { 40 * DAY_MS } else { age_ms(&chance) };
            record["eventTime"] = Timestamp::from_ms(START_MS - age_ms).iso8601_secs().into();
            texts.push(record.to_string());
            if chance.one_in(10) {
                record["sourceIPAddress"] = "203.0.113.99".into();
                texts.push(record.to_string());
            }
        }
        let mut contents: Vec<Vec<String>> = texts.chunks(FILE_RECORDS).map(<[String]>::to_vec).collect();
        for content in &mut contents {
            content.push(chance.pick(&texts).clone());
            content.push(content[0].clone());
        }
        let again = chance.pick(&contents).clone();
        contents.push(again);
        let mut archive = Archive { files: Vec::new(), damaged: 0, entries: 0, records: BTreeMap::new() };
        for (number, content) in contents.iter().enumerate() {
            let json = format!("{{\"Records\":[{}]}}", content.join(","));
            archive.files.push((key(number), record::file::deflate(json.as_bytes())));
            archive.entries += u64::try_from(content.len()).unwrap_or(0);
            for text in content {
                let record: Value = serde_json::from_str(text).expect("it was JSON a moment ago");
                let time = record["eventTime"].as_str().and_then(Timestamp::parse_iso8601);
                archive.records.insert(hash_of(text.as_bytes()), time.map_or(0, Timestamp::ms));
            }
        }
        if chance.one_in(2) {
            let (_, whole) = &archive.files[0];
            let cut = whole[..whole.len() - 20].to_vec();
            archive.files.push((key(contents.len()), cut));
            archive.damaged = 1;
        }
        archive
    }
}

fn key(number: usize) -> String {
    let name = format!("{ACCOUNT}_CloudTrail_us-east-1_20261122T0900Z_{number:016}.json.gz");
    format!("{}AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/22/{name}", PLACE.1)
}
