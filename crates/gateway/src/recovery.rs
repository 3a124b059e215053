//! After a crash: calls that had begun and were never finished get their record, with an error that says so.
//!
//! Nobody was answered, and whether the work was done is unknown: the record says that, so that nothing is left out. A call whose task panics gets the same record.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use journal::{Journal, ReadLimit, Seq};
use serde_json::value::RawValue;
use worker::EntryKind;
use worker::entry;

/// Appended at the end of a clean shutdown: nothing before it is unfinished.
const CLEAN: &str = "gateway/clean";

/// What the record of such a call says.
pub const INTERRUPTED_CODE: &str = "ServiceUnavailable";
/// See [`INTERRUPTED_CODE`].
pub const INTERRUPTED_MESSAGE: &str =
    "The server stopped while the call was running. The caller got no answer; whether the call took effect is unknown.";

/// Finishes what was left unfinished. Returns how many calls that were. To be called before the first request.
pub async fn recover(journal: &Arc<dyn Journal>) -> Result<usize, String> {
    let end = journal.durable_end();
    if ended_clean(&**journal, end)? {
        return Ok(0);
    }
    let open = find_open(&**journal, end)?;
    let count = open.len();
    for (begin, record) in open {
        let finish = entry::finish(Some(begin), interrupted(&record)?);
        journal.append(vec![finish]).await.map_err(|error| format!("recording an interrupted call: {error}"))?;
    }
    Ok(count)
}

/// Says that everything is finished. To be called after the last request.
pub async fn mark_clean(journal: &Arc<dyn Journal>) -> Result<(), journal::Error> {
    journal.append(vec![entry::control(CLEAN, b"{}")]).await.map(drop)
}

fn ended_clean(journal: &dyn Journal, end: Seq) -> Result<bool, String> {
    if end <= journal.first() {
        return Ok(true);
    }
    let last = Seq::new(end.get() - 1);
    let entries = journal.read(last, ReadLimit { max_bytes: 1, max_entries: 1 }).map_err(|e| e.to_string())?;
    let Some(last) = entries.first() else { return Ok(true) };
    let kind = EntryKind::read(last).map_err(|error| error.to_string())?;
    Ok(matches!(kind, EntryKind::Control(control) if control.topic == CLEAN))
}

fn find_open(journal: &dyn Journal, end: Seq) -> Result<BTreeMap<Seq, Bytes>, String> {
    let mut open = BTreeMap::new();
    let mut at = journal.first();
    while at < end {
        let entries =
            journal.read(at, ReadLimit { max_bytes: 4 << 20, max_entries: 4096 }).map_err(|e| e.to_string())?;
        let Some(last) = entries.last() else { break };
        at = last.seq.next();
        for item in &entries {
            match EntryKind::read(item).map_err(|error| error.to_string())? {
                EntryKind::Begin { record } => drop(open.insert(item.seq, record)),
                EntryKind::Finish { begin: Some(begin), .. } => drop(open.remove(&begin)),
                EntryKind::Control(control) if control.topic == CLEAN => open.clear(),
                EntryKind::Finish { begin: None, .. } | EntryKind::Control(_) => {}
            }
        }
    }
    Ok(open)
}

/// The record of a BEGIN with the error put in, all else byte for byte. The spare bytes of a FINISH come first.
pub(crate) fn interrupted(record: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(record).map_err(|error| format!("a BEGIN record is not UTF-8: {error}"))?;
    serde_json::from_str::<&RawValue>(text).map_err(|error| format!("a BEGIN record is not JSON: {error}"))?;
    // `requestParameters` is written in every record, right after where `errorCode` and `errorMessage` belong.
    let at = text.find("\"requestParameters\":").ok_or("a BEGIN record has no requestParameters")?;
    let mut out = vec![0; entry::FINISH_HEAD_BYTES];
    out.extend_from_slice(&record[..at]);
    out.extend_from_slice(b"\"errorCode\":");
    record::json::write_str(&mut out, INTERRUPTED_CODE);
    out.extend_from_slice(b",\"errorMessage\":");
    record::json::write_str(&mut out, INTERRUPTED_MESSAGE);
    out.push(b',');
    out.extend_from_slice(&record[at..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_record_says_so_in_its_place() {
        let out = interrupted(br#"{"userAgent":"a","requestParameters":null,"eventID":"e"}"#).unwrap();
        let text = std::str::from_utf8(&out[8..]).unwrap();
        let expected = format!(
            r#"{{"userAgent":"a","errorCode":"{INTERRUPTED_CODE}","errorMessage":"{INTERRUPTED_MESSAGE}","requestParameters":null,"eventID":"e"}}"#
        );
        assert_eq!(text, expected);
        assert!(interrupted(b"{").is_err());
    }
}
