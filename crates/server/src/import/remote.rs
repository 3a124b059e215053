//! [`Remote`]: the running server as a target of an import. Files are sent as they lie there; one that is too large for a request goes
//! in parts, each a log file of some of its records.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use importer::{Answer, Fetched, Filter, Listed, Taken, Target, TargetError, records};
use record::LogFileWriter;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{CAIRN, CallError, Client};

/// A larger file goes in parts: base 64 makes four bytes of three, and a request has at most 16 MB.
const FILE_BYTES_MAX: usize = 10 << 20;
/// Bytes of records in a part; even what cannot be compressed fits into a request.
const PART_BYTES: usize = 8 << 20;
/// Tries of one call, where the server does not answer, or not now.
const TRIES: u32 = 6;
/// Before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(500);
/// The region of calls to the server's own operations.
const REGION: &str = "us-east-1";

/// See the module.
pub struct Remote {
    client: Arc<Client>,
    store: String,
    filter: Filter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Checked {
    unknown: Vec<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Sent {
    files: Vec<SentFile>,
    kept: u64,
    expired: u64,
    duplicate: u64,
    refused: u64,
    json_bytes: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SentFile {
    records: u64,
    left_out: u64,
    failed: Option<String>,
}

impl Remote {
    /// Of this server, for one store and filter.
    pub fn new(client: Arc<Client>, store: &str, filter: Filter) -> Remote {
        Remote { client, store: store.to_owned(), filter }
    }

    fn asked(&self, files: Vec<Value>) -> Value {
        let mut asked = json!({"Store": self.store, "Files": files});
        let Filter { from_ms, to_ms, accounts, regions, .. } = &self.filter;
        // Seconds and thousandths, written out: a number with a fraction would be rounded on its way.
        let time = |ms: &Option<i64>| ms.map(|ms| base::Timestamp::from_ms(ms).secs_f64());
        if !self.filter.is_open() {
            let mut filter = json!({"Accounts": accounts, "Regions": regions});
            for (name, ms) in [("StartEventTime", from_ms), ("EndEventTime", to_ms)] {
                if let Some(seconds) = time(ms) {
                    filter[name] = seconds.into();
                }
            }
            asked["Filter"] = filter;
        }
        asked
    }

    async fn call<T: for<'de> Deserialize<'de>>(&self, operation: &str, asked: &Value) -> Result<T, TargetError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let answer = self.client.json(CAIRN, operation, REGION, asked).await;
            let again = match &answer {
                Err(CallError::Unreachable { .. }) => true,
                Err(CallError::Refused { code, .. }) => code == "ServiceUnavailable" || code == "ThrottlingException",
                Ok(_) => false,
            };
            if again && attempt < TRIES {
                tokio::time::sleep(pause).await;
                pause *= 2;
                continue;
            }
            let answer = answer.map_err(|error| TargetError(error.to_string()))?;
            let read = serde_json::from_value(answer);
            return read.map_err(|error| TargetError(self.client.unreadable(error).to_string()));
        }
        Err(TargetError("no try was left".to_owned()))
    }

    async fn send(&self, files: Vec<Fetched>) -> Result<Sent, TargetError> {
        let count = files.len();
        let files = files.into_iter().map(|Fetched { file, content, more }| {
            json!({"Name": file.name, "Stamp": file.stamp, "Content": BASE64.encode(&content), "More": more})
        });
        let sent: Sent = self.call("ImportFiles", &self.asked(files.collect())).await?;
        if sent.files.len() != count {
            return Err(TargetError("the server answered for another number of files than were sent".to_owned()));
        }
        Ok(sent)
    }

    /// Sends a file in parts.
    async fn send_parts(&self, file: Listed, content: Bytes, answer: &mut Answer) -> Result<Taken, TargetError> {
        let failed = |why: String| Taken { failed: Some(why), ..Taken::default() };
        let records = match worker(move || records(&content)).await? {
            Ok(records) => records,
            Err(error) => return Ok(failed(error.to_string())),
        };
        if let Some(at) = records.iter().position(|record| record.len() > PART_BYTES) {
            return Ok(failed(format!("the {}. of its records is larger than {PART_BYTES} bytes", at + 1)));
        }
        let mut taken = Taken::default();
        let parts = parts(records);
        let last = parts.len().saturating_sub(1);
        for (at, part) in parts.into_iter().enumerate() {
            let content = worker(move || {
                let mut writer = LogFileWriter::new();
                part.iter().for_each(|record| writer.push(record));
                Bytes::from(writer.finish().gzip)
            });
            let content = content.await?;
            let mut sent = self.send(vec![Fetched { file: file.clone(), content, more: at < last }]).await?;
            let part = sent.files.pop().unwrap_or_default();
            taken.records += part.records;
            taken.left_out += part.left_out;
            add(answer, &sent);
            if part.failed.is_some() {
                taken.failed = part.failed;
                break;
            }
        }
        Ok(taken)
    }
}

/// Records in parts of at most [`PART_BYTES`]; at least one part.
fn parts(records: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let (mut parts, mut bytes) = (vec![Vec::new()], 0);
    for record in records {
        if bytes + record.len() > PART_BYTES && bytes > 0 {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += record.len();
        parts.last_mut().expect("there is one from the start").push(record);
    }
    parts
}

async fn worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, TargetError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| TargetError(error.to_string()))
}

fn add(answer: &mut Answer, sent: &Sent) {
    answer.kept += sent.kept;
    answer.expired += sent.expired;
    answer.duplicate += sent.duplicate;
    answer.refused += sent.refused;
    answer.json_bytes += sent.json_bytes;
}

#[async_trait]
impl Target for Remote {
    async fn unknown(&self, files: &[Listed]) -> Result<Vec<bool>, TargetError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let files = files.iter().map(|file| json!({"Name": file.name, "Stamp": file.stamp}));
        let asked = self.asked(files.collect());
        let Checked { unknown } = self.call("CheckImport", &asked).await?;
        Ok(unknown)
    }

    async fn take(&self, files: Vec<Fetched>) -> Result<Answer, TargetError> {
        let mut answer = Answer::default();
        let mut whole = Vec::new();
        for fetched in files {
            if fetched.content.len() <= FILE_BYTES_MAX {
                whole.push(fetched);
                continue;
            }
            // A large file is a batch of its own, so nothing is out of order.
            let taken = self.send_parts(fetched.file, fetched.content, &mut answer).await?;
            answer.files.push(taken);
        }
        if !whole.is_empty() {
            let sent = self.send(whole).await?;
            add(&mut answer, &sent);
            let taken = |file: SentFile| Taken { records: file.records, left_out: file.left_out, failed: file.failed };
            answer.files.extend(sent.files.into_iter().map(taken));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_record_and_stay_small() {
        let record = |len: usize| Bytes::from(vec![b'x'; len]);
        let sizes = |records: Vec<Bytes>| {
            parts(records).iter().map(|part| part.iter().map(Bytes::len).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(vec![]), [vec![]; 1] as [Vec<usize>; 1]);
        assert_eq!(sizes(vec![record(1), record(2)]), [vec![1, 2]]);
        let half = PART_BYTES / 2;
        assert_eq!(
            sizes(vec![record(half), record(half), record(1), record(PART_BYTES)]),
            [vec![half, half], vec![1], vec![PART_BYTES]]
        );
    }
}
