//! Real log files, where they are at hand: every record keeps its bytes and has a view. `CAIRN_REFERENCE_DATA` names the
//! folder; without it `../shared/data` beside the workspace is tried, and without that the test is skipped.

use std::path::PathBuf;

use record::file::{INFLATED_BYTES_MAX, LogFileWriter, read_log_file};
use record::resources::resources_of;
use record::view::username;
use record::{LogKey, RecordView};

// The only crate whose tests read files that are not its own; they stand outside of what `Env` simulates.
#[allow(clippy::disallowed_methods, clippy::unwrap_used)]
fn files() -> Vec<(String, Vec<u8>)> {
    let folder = match std::env::var("CAIRN_REFERENCE_DATA") {
        Ok(folder) => PathBuf::from(folder),
        Err(_) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let folder = folder.join("real-records");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no reference data at {}", folder.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn every_record_keeps_its_bytes() {
    for (name, gzip) in files() {
        let text = read_log_file(&gzip, INFLATED_BYTES_MAX).unwrap();
        let records = text.records().unwrap();
        let mut writer = LogFileWriter::new();
        records.iter().for_each(|record| writer.push(record.get().as_bytes()));
        let again = read_log_file(&writer.finish().gzip, INFLATED_BYTES_MAX).unwrap();
        let again: Vec<_> = again.records().unwrap().iter().map(|record| record.get().to_owned()).collect();
        assert!(!records.is_empty(), "{name}");
        assert!(records.iter().map(|record| record.get()).eq(again.iter().map(String::as_str)), "{name}");
        assert_eq!(text.as_str().trim(), format!("{{\"Records\":[{}]}}", again.join(",")), "{name}");
    }
}

#[test]
fn every_record_has_a_view_that_agrees_with_a_full_parse() {
    for (name, gzip) in files() {
        let text = read_log_file(&gzip, INFLATED_BYTES_MAX).unwrap();
        for raw in text.records().unwrap() {
            let view = RecordView::parse(raw.get().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}: {raw}"));
            let full: serde_json::Value = serde_json::from_str(raw.get()).unwrap();
            let who = &full["userIdentity"];
            let pairs = [
                (&view.event_id, &full["eventID"]),
                (&view.event_source, &full["eventSource"]),
                (&view.event_name, &full["eventName"]),
                (&view.error_code, &full["errorCode"]),
                (&view.recipient_account_id, &full["recipientAccountId"]),
                (&view.event_category, &full["eventCategory"]),
                (&view.vpc_endpoint_id, &full["vpcEndpointId"]),
                (&view.user_identity.kind, &who["type"]),
                (&view.user_identity.arn, &who["arn"]),
                (&view.user_identity.access_key_id, &who["accessKeyId"]),
                (&view.user_identity.session_context.issuer.arn, &who["sessionContext"]["sessionIssuer"]["arn"]),
            ];
            for (ours, theirs) in pairs {
                assert_eq!(ours.as_deref(), theirs.as_str(), "{raw}");
            }
            assert_eq!(view.read_only, full["readOnly"].as_bool(), "{raw}");
            assert_eq!(view.resources.len(), full["resources"].as_array().map_or(0, Vec::len), "{raw}");
            assert!(view.event_time().is_some(), "{raw}");
            assert_eq!(view.request_parameters.is_some(), full["requestParameters"].is_object(), "{raw}");
            let is_named = matches!(view.user_identity.kind.as_deref(), Some("IAMUser" | "AssumedRole"));
            assert_eq!(username(&view).is_some(), is_named, "{raw}");
            resources_of(&view);
        }
    }
}

#[test]
fn every_file_name_is_understood() {
    for (name, _) in files() {
        let (account, rest) = name.split_once('_').unwrap();
        let day = rest.split('_').nth(2).unwrap();
        let day = format!("{}/{}/{}", &day[..4], &day[4..6], &day[6..8]);
        let key = format!("AWSLogs/{account}/CloudTrail/us-east-1/{day}/{name}");
        assert_eq!(LogKey::parse(&key).map(|read| read.to_string()), Some(key));
    }
}
