//! LookUp: what the records of an event store say of one thing that they name. Reads by the index of names alone, a page at a time, and
//! a bounded number of records.

use std::time::Duration;

use base::Timestamp;
use ports::lake::{FIND_MAX, Find, FoundRecord, Member, Needle};
use ports::{KeyError, StoreId};
use record::RecordView;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::summary::{Seen, Summary};
use crate::{Cairn, no_store, no_stores};

/// The most records that are summed up; of what has more, the newest.
pub const RECORDS_MAX: usize = 50_000;
/// Records read at a time: whole ones, of which each may take a mebibyte.
const PAGE: usize = 200;
const _: () = assert!(PAGE <= FIND_MAX);
/// The most bytes of records that are sent back whole.
const RECORD_BYTES_MAX: usize = 8 << 20;
/// Records sent back if it is not said how many.
const MAX_RECORDS: u16 = 20;
/// The longest wait for the newest records; then what there is is read.
const VISIBLE_WAIT: Duration = Duration::from_secs(10);

/// What of a record the text is compared with, by the names of the API.
const KINDS: [(&str, Member); 9] = [
    ("Any", Member::Any),
    ("Arn", Member::Arn),
    ("AccessKeyId", Member::AccessKeyId),
    ("SourceIpAddress", Member::SourceIp),
    ("Username", Member::Username),
    ("ResourceName", Member::ResourceName),
    ("EventId", Member::EventId),
    ("RequestId", Member::RequestId),
    ("EventName", Member::EventName),
];

/// Finds what names something.
pub struct LookUp;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    text: String,
    kind: Option<String>,
    store: Option<String>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    max_records: Option<u16>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    summary: Seen,
    /// The newest, each as JSON text.
    records: Vec<String>,
}

impl Operation for LookUp {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "LookUp";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, _: &Call, input: Input) -> Result<Output, ApiError> {
        let refused = |text: String| ApiError::new("ValidationException", 400, text);
        let kind = input.kind.as_deref().unwrap_or("Any");
        let member = KINDS.iter().find(|(name, _)| *name == kind).map(|(_, member)| *member);
        let member = member.ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
            refused(format!("Kind must be one of {}, not {kind}.", names.join(", ")))
        })?;
        let from_ms = input.start_time.map_or(i64::MIN, Timestamp::ms);
        let to_ms = input.end_time.map_or(i64::MAX, Timestamp::ms);
        if from_ms >= to_ms {
            return Err(refused("StartTime must be before EndTime.".to_owned()));
        }
        let stores = cairn.event_stores.as_ref().ok_or_else(no_stores)?;
        let name = input.store.as_deref().unwrap_or(ports::lake::EVENTS);
        let store = StoreId::parse(name).filter(|store| stores.stats(store).is_some());
        let store = store.ok_or_else(|| no_store(name))?;
        match stores.unlock(&store).await {
            Ok(()) => {}
            Err(KeyError::Refused { code, message }) => {
                let text = format!("The event store {store} cannot be read without its KMS key: {code}: {message}");
                return Err(ApiError::new("KmsException", 400, text));
            }
            Err(KeyError::Unavailable(error)) => return Err(error.into()),
        }
        // A record that is late does not make a look-up fail.
        let _ = tokio::time::timeout(VISIBLE_WAIT, stores.visible(cairn.operator.journal_end())).await;
        let wanted = usize::from(input.max_records.unwrap_or(MAX_RECORDS));
        let mut looked =
            Looked { text: input.text, wanted, bytes: 0, records: Vec::new(), summary: Summary::default() };
        let mut after = None;
        let mut read = 0;
        let is_whole = loop {
            let needles = vec![Needle { member, text: looked.text.clone() }];
            let max = PAGE.min(RECORDS_MAX - read);
            let found = stores.find(&store, Find { needles, from_ms, to_ms, max, after }).await?;
            read += found.records.len();
            found.records.iter().for_each(|record| looked.take(record));
            after = found.next;
            if after.is_none() || read >= RECORDS_MAX {
                break after.is_none();
            }
        };
        Ok(Output { summary: looked.summary.seen(is_whole), records: looked.records })
    }
}

/// What was found so far.
struct Looked {
    text: String,
    wanted: usize,
    bytes: usize,
    records: Vec<String>,
    summary: Summary,
}

impl Looked {
    fn take(&mut self, record: &FoundRecord) {
        // The store gives records that it read as JSON.
        let Ok(view) = RecordView::parse(&record.json) else { return };
        if is_look_up_of(&view, &self.text) {
            self.summary.looked_up();
            return;
        }
        self.summary.add(&view, record.position.time_ms, &self.text);
        let bytes = self.bytes.saturating_add(record.json.len());
        // No holes: what does not fit ends the list.
        if self.records.len() < self.wanted && bytes <= RECORD_BYTES_MAX {
            self.records.push(String::from_utf8_lossy(&record.json).into_owned());
            self.bytes = bytes;
        } else {
            self.wanted = 0;
        }
    }
}

/// Whether the record is that of an earlier look-up of the same thing: it names it, and says nothing of it.
fn is_look_up_of(view: &RecordView<'_>, text: &str) -> bool {
    #[derive(Deserialize)]
    struct Asked {
        text: Option<String>,
    }
    let is_ours = view.event_name() == LookUp::NAME
        && view.event_source.as_deref().is_some_and(|source| source.split('.').next() == Some("cairn"));
    let asked = view.request_parameters.filter(|_| is_ours).map(serde_json::from_str::<Asked>);
    asked.is_some_and(|asked| asked.is_ok_and(|asked| asked.text.as_deref() == Some(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_of_the_thing_are_not_what_is_known_of_it() {
        let check = |source: &str, name: &str, asked: &str, expected: bool| {
            let json = format!(
                r#"{{"eventSource":"{source}","eventName":"{name}","requestParameters":{{"text":"{asked}","maxRecords":2}}}}"#
            );
            let view = RecordView::parse(json.as_bytes()).unwrap();
            assert_eq!(is_look_up_of(&view, "alice"), expected, "{json}");
        };
        check("cairn.amazonaws.com", "LookUp", "alice", true);
        check("cairn.amazonaws.com", "LookUp", "bob", false);
        check("cairn.amazonaws.com", "ImportFiles", "alice", false);
        check("iam.amazonaws.com", "LookUp", "alice", false);
    }
}
