//! Runs that follow one another, copies without metadata, records, and shorter times.

use validate::{Event, Kind, METADATA_SUFFIX, Remembered};

use crate::fixture::*;

const FILES_IN_ALL: u64 = (REGIONS.len() * DIGESTS * FILES) as u64;

#[test]
fn a_later_run_reads_only_what_changed() {
    let (bucket, folder) = (Bucket::new(), tempfile::tempdir().unwrap());
    bucket.write(folder.path());
    let first = bucket.validate_folder(folder.path(), 2, false, Some(&Remembered::default()));
    assert_eq!((first.report.log_files.valid, first.report.log_files_remembered), (FILES_IN_ALL, 0));
    let remembered = first.remembered.unwrap();
    assert_eq!(remembered.file_count() as u64, FILES_IN_ALL);
    let remembered = Remembered::parse(&remembered.write()).unwrap();
    let second = bucket.validate_folder(folder.path(), 2, false, Some(&remembered));
    assert_eq!((second.report.log_files_remembered, second.report.content_bytes), (FILES_IN_ALL, 0));
    assert_eq!((second.report.exit_code(), second.remembered.as_ref()), (0, Ok(&remembered)));

    // A file that is written again is read again, be it of the same length.
    let path = folder.path().join(log_key(HOME, 3, 1));
    let mut content = std::fs::read(&path).unwrap();
    content[60] ^= 0x40;
    std::fs::write(&path, content).unwrap();
    let third = bucket.validate_folder(folder.path(), 2, false, Some(&remembered));
    assert_eq!((third.report.log_files_remembered, third.problems()[0].kind), (FILES_IN_ALL - 1, Kind::LogFormat));
    let after = third.remembered.unwrap();
    assert_eq!(after.file_count() as u64, FILES_IN_ALL - 1, "what is bad is not remembered");
}

#[test]
fn the_newest_digests_of_the_run_before_must_be_there() {
    let (mut bucket, folder) = (Bucket::new(), tempfile::tempdir().unwrap());
    bucket.expected = Default::default();
    bucket.write(folder.path());
    let remembered = bucket.validate_folder(folder.path(), 2, false, None).remembered.unwrap();
    assert_eq!(remembered.heads().count(), 2);
    let newest = digest_key(OTHER, end_of(DIGESTS - 1));
    std::fs::remove_file(folder.path().join(&newest)).unwrap();
    let done = bucket.validate_folder(folder.path(), 2, false, Some(&remembered));
    assert_eq!((done.problems()[0].kind, &done.problems()[0].key), (Kind::TailMissing, &newest));
    // Its log files are of a time that nothing covers any more: they are not told one by one.
    assert_eq!(done.problems().len(), 1);
    assert!(done.remembered.unwrap().heads().any(|head| head.key == newest), "it is asked for the next time too");
}

#[test]
fn a_copy_without_metadata_is_checked_by_its_links() {
    let (mut bucket, folder) = (Bucket::new(), tempfile::tempdir().unwrap());
    bucket.objects.values_mut().for_each(|(_, metadata)| metadata.clear());
    bucket.write(folder.path());
    let done = bucket.validate_folder(folder.path(), 2, false, None);
    assert_eq!(done.problems(), []);
    assert_eq!(
        (done.report.unchecked.len(), done.report.exit_code()),
        (2, 2),
        "the newest of each region has no signature"
    );
    assert_eq!(done.report.digests.valid, (REGIONS.len() * (DIGESTS - 1)) as u64);

    let newest = folder.path().join(format!("{}{METADATA_SUFFIX}", digest_key(HOME, end_of(DIGESTS - 1))));
    let metadata = &Bucket::new().objects[&digest_key(HOME, end_of(DIGESTS - 1))].1;
    std::fs::write(newest, serde_json::to_vec(metadata).unwrap()).unwrap();
    assert_eq!(bucket.validate_folder(folder.path(), 2, false, None).report.unchecked.len(), 1);
}

#[test]
fn records_are_read_on_demand() {
    let (mut bucket, folder) = (Bucket::new(), tempfile::tempdir().unwrap());
    // Delivered so, as far as the digest tells.
    let key = log_key(HOME, DIGESTS - 1, 1);
    let (gzip, hash) = log_file(OTHER, DIGESTS - 1, 1, 0..4);
    bucket.objects.get_mut(&key).unwrap().0 = gzip;
    let mut digest = bucket.digest(HOME, DIGESTS - 1);
    digest.log_files[1].hash_value = hash;
    bucket.put_digest(&digest, Key::own());
    bucket.write(folder.path());
    assert_eq!(bucket.validate_folder(folder.path(), 2, false, None).problems(), []);
    let done = bucket.validate_folder(folder.path(), 2, true, None);
    assert_eq!((done.problems().len(), done.problems()[0].kind, &done.problems()[0].key), (1, Kind::LogRecords, &key));
}

#[test]
fn a_shorter_time_is_validated_alone() {
    let mut bucket = Bucket::new();
    bucket.scope.start = Some(end_of(3));
    bucket.scope.end = end_of(5);
    bucket.scope.region = Some(HOME.to_owned());
    bucket.objects.remove(&digest_key(HOME, end_of(0)));
    bucket.objects.remove(&log_key(HOME, 7, 0));
    let done = bucket.validate(4);
    assert_eq!(done.problems(), []);
    // With the hour after the end, and the digest that covers the start.
    let digests: Vec<_> = done.events.iter().filter(|event| matches!(event, Event::Digest { .. })).collect();
    assert_eq!(digests.len(), 4);
}

#[test]
fn a_pause_is_told_and_no_fault() {
    let mut bucket = Bucket::new();
    bucket.objects.retain(|key, _| key.contains(OTHER));
    bucket.add_chain(HOME, 0..3, Key::own());
    bucket.add_chain(HOME, 5..DIGESTS, Key::own());
    let done = bucket.validate(4);
    assert_eq!((done.problems(), done.report.gaps.len(), done.report.exit_code()), (&[][..], 1, 0));
    assert_eq!(done.report.gaps[0].from, end_of(2).iso8601_secs());
}

#[test]
fn no_keys_at_all_is_a_failure_and_no_verdict() {
    let mut bucket = Bucket::new();
    bucket.public_keys = serde_json::json!({"PublicKeyList": []});
    let done = bucket.validate(1);
    assert!(done.remembered.unwrap_err().to_string().starts_with("No public keys found between"));
}
