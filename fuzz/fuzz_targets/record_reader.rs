//! Any bytes as a log file and as an event record: an error or a value, never a panic; what is split off keeps its bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use record::file::{LogFileWriter, inflate, read_log_file, records};
use record::resources::{RESOURCES_MAX, resources_of};
use record::view::{RecordView, username};

/// Enough for any input that a fuzzer makes, small enough to catch a reader that ignores its limit.
const LIMIT: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
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
});
