//! Any bytes as what CloudTrail writes: log files, records, digests, keys. What is read is what is written.

use record::file::{LogFileWriter, inflate, read_log_file, records};
use record::resources::{RESOURCES_MAX, resources_of};
use record::view::{RecordView, username};
use record::{Digest, DigestKey, LogKey};

/// Enough for any input that a fuzzer makes, small enough to catch a reader that ignores its limit.
const LIMIT: usize = 1 << 20;

/// Any bytes as a digest and as keys: an error or a value.
pub fn digest_reader(bytes: &[u8]) {
    if let Ok(digest) = Digest::parse(bytes) {
        let again = Digest::parse(&digest.write()).expect("what was written is a digest");
        assert_eq!(again, digest);
        assert!(digest.string_to_sign(bytes).matches('\n').count() >= 3);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(LogKey::parse(text).is_none_or(|key| key.to_string() == text));
        assert!(DigestKey::parse(text).is_none_or(|key| key.to_string() == text));
    }
}

/// Any bytes as a log file and as an event record: an error or a value; what is split off keeps its bytes.
pub fn record_reader(bytes: &[u8]) {
    if let Ok(content) = inflate(bytes, LIMIT) {
        assert!(content.len() <= LIMIT);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(split) = records(text)
    {
        let mut writer = LogFileWriter::new();
        split.iter().for_each(|record| writer.push(record.get().as_bytes()));
        let again = read_log_file(&writer.finish().gzip, usize::MAX).expect("what was written is whole");
        let again = again.records().expect("what was written is a log file");
        assert!(split.iter().map(|record| record.get()).eq(again.iter().map(|record| record.get())));
    }
    if let Ok(view) = RecordView::parse(bytes) {
        assert!(resources_of(&view).len() <= RESOURCES_MAX);
        username(&view);
        view.event_time();
        // On JSON, the quick scanner and a full parser see the same name.
        if let Ok(serde_json::Value::Object(full)) = serde_json::from_slice(bytes)
            && let Some(serde_json::Value::String(name)) = full.get("eventName")
        {
            assert_eq!(view.event_name(), name);
        }
    }
}
