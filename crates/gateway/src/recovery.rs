//! After a crash: calls that had begun and were never finished get their record, with an error that says so.
//!
//! Nobody was answered, and whether the work was done is unknown: the record says that, so that nothing is left out. A call whose task panics gets the same record.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use journal::{Entry, Journal, ReadLimit, Seq};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use worker::EntryKind;
use worker::entry;

/// Appended at the end of a clean shutdown: nothing before it is unfinished.
const CLEAN: &str = "gateway/clean";

/// Appended now and then by a busy server: which calls were open then. What is before the oldest of them need not be read again.
const OPEN: &str = "gateway/open";

/// The end of the journal is searched for [`OPEN`] in steps, each twice as long as the one before it. The first is about what a
/// busy server writes in a second.
const SEARCH_ENTRIES: u64 = 32_768;

/// Entries read at once.
const READ: ReadLimit = ReadLimit { max_bytes: 4 << 20, max_entries: 4096 };

/// What [`OPEN`] says.
#[derive(Serialize, Deserialize)]
struct Mark {
    /// Every BEGIN before this place has its FINISH before the mark.
    from: u64,
}

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

/// Says from where on the next start must look for calls without an end: `from` is the oldest that is open, or the journal's end as
/// it was before that was asked.
pub async fn mark_open(journal: &Arc<dyn Journal>, from: Seq) -> Result<(), journal::Error> {
    let document = serde_json::to_vec(&Mark { from: from.get() }).expect("a number is JSON");
    journal.append(vec![entry::control(OPEN, &document)]).await.map(drop)
}

/// Where the search for open calls starts: by the last mark, else with the oldest entry.
fn search_from(journal: &dyn Journal, end: Seq) -> Result<Seq, String> {
    let first = journal.first();
    let (mut to, mut entries) = (end, SEARCH_ENTRIES);
    while to > first {
        let from = first.max(Seq::new(to.get().saturating_sub(entries)));
        let mut found = None;
        each(journal, from, to, |item| {
            if let EntryKind::Control(control) = EntryKind::read(item).map_err(|error| error.to_string())? {
                match control.topic.as_str() {
                    OPEN => {
                        let mark: Mark = serde_json::from_slice(&control.document)
                            .map_err(|error| format!("entry {} of the journal cannot be read: {error}", item.seq))?;
                        found = Some(Seq::new(mark.from));
                    }
                    CLEAN => found = Some(item.seq.next()),
                    _ => {}
                }
            }
            Ok(())
        })?;
        if let Some(found) = found {
            return Ok(found.max(first));
        }
        (to, entries) = (from, entries * 2);
    }
    Ok(first)
}

fn find_open(journal: &dyn Journal, end: Seq) -> Result<BTreeMap<Seq, Bytes>, String> {
    let mut open = BTreeMap::new();
    each(journal, search_from(journal, end)?, end, |item| {
        match EntryKind::read(item).map_err(|error| error.to_string())? {
            EntryKind::Begin { record } => drop(open.insert(item.seq, record)),
            EntryKind::Finish { begin: Some(begin), .. } => drop(open.remove(&begin)),
            EntryKind::Control(control) if control.topic == CLEAN => open.clear(),
            EntryKind::Finish { begin: None, .. } | EntryKind::Control(_) | EntryKind::Data(_) => {}
        }
        Ok(())
    })?;
    Ok(open)
}

/// Reads the entries from `from` to before `to`.
fn each(
    journal: &dyn Journal,
    from: Seq,
    to: Seq,
    mut work: impl FnMut(&Entry) -> Result<(), String>,
) -> Result<(), String> {
    let mut at = from;
    while at < to {
        let entries = journal.read(at, READ).map_err(|error| error.to_string())?;
        let Some(last) = entries.last() else { break };
        at = last.seq.next();
        entries.iter().take_while(|item| item.seq < to).try_for_each(&mut work)?;
    }
    Ok(())
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
    use journal::MemoryJournal;

    use super::*;

    const RECORD: &[u8] = br#"{"requestParameters":null}"#;

    async fn append(journal: &Arc<dyn Journal>, item: (u8, Bytes)) -> Seq {
        journal.append(vec![item]).await.unwrap()
    }

    fn finish(begin: Seq) -> (u8, Bytes) {
        entry::finish(Some(begin), [&[0; entry::FINISH_HEAD_BYTES][..], RECORD].concat())
    }

    #[tokio::test]
    async fn calls_are_found_that_began_before_the_mark_and_after_it_and_what_is_before_is_not_read() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let begin = || entry::begin(Bytes::from_static(RECORD));
        // Never finished: only the mark keeps it from being found, so that it shows what was read.
        append(&journal, begin()).await;
        let done = append(&journal, begin()).await;
        let open = append(&journal, begin()).await;
        append(&journal, finish(done)).await;
        mark_open(&journal, open).await.unwrap();
        let late = append(&journal, begin()).await;
        let found = find_open(&*journal, journal.durable_end()).unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [open, late]);
        // Far behind the mark it is found all the same.
        let batch: Vec<_> = (0..1000).map(|_| entry::control("x", b"")).collect();
        for _ in 0..=3 * SEARCH_ENTRIES / 1000 {
            journal.append(batch.clone()).await.unwrap();
        }
        assert_eq!(search_from(&*journal, journal.durable_end()).unwrap(), open);
        assert_eq!(recover(&journal).await.unwrap(), 2);
        assert_eq!(find_open(&*journal, journal.durable_end()).unwrap().len(), 0);
        mark_clean(&journal).await.unwrap();
        assert_eq!(search_from(&*journal, journal.durable_end()).unwrap(), journal.durable_end());
        assert_eq!(recover(&journal).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn without_a_mark_all_is_read() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let first = append(&journal, entry::begin(Bytes::from_static(RECORD))).await;
        append(&journal, entry::control("x", b"")).await;
        assert_eq!(find_open(&*journal, journal.durable_end()).unwrap().into_keys().collect::<Vec<_>>(), [first]);
    }

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
