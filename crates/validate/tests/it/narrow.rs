//! Validation of a part: one region, a time. What is known of the whole trail must not be held against a part of it.

use base::time::HOUR_MS;
use validate::{BucketFound, Event, Folder, Kind, find_bucket};

use crate::fixture::*;

/// A bucket of which one region is meant, and nobody remembers the newest digests.
fn narrowed(region: &str) -> Bucket {
    let mut bucket = Bucket::new();
    bucket.expected.heads.clear();
    bucket.scope.region = Some(region.to_owned());
    bucket
}

fn kinds(bucket: &Bucket) -> Vec<Kind> {
    let done = bucket.validate(2);
    done.remembered.as_ref().unwrap();
    done.problems().iter().map(|problem| problem.kind).collect()
}

/// Removes what was delivered from the n-th hour on.
fn cut(bucket: &mut Bucket, region: &str, n: usize) {
    for hour in n..DIGESTS {
        bucket.objects.remove(&digest_key(region, end_of(hour))).unwrap();
        (0..FILES).for_each(|file| drop(bucket.objects.remove(&log_key(region, hour, file)).unwrap()));
    }
}

#[test]
fn a_digest_of_another_region_is_not_missed_in_this_one() {
    // A region without events has no digest, or none since its last event.
    let mut bucket = narrowed(OTHER);
    cut(&mut bucket, OTHER, 3);
    assert_eq!(kinds(&bucket), []);
    bucket.objects.retain(|key, _| !key.contains(OTHER));
    assert_eq!(kinds(&bucket), []);
    assert_eq!(bucket.validate(2).report.exit_code(), 2, "nothing was looked at");
    // The home region may have its digests earlier in the hour than another.
    let mut bucket = narrowed(HOME);
    bucket.expected.latest_digest = Some(end_of(DIGESTS - 1).plus_ms(HOUR_MS - 60_000));
    bucket.scope.end = end_of(DIGESTS);
    assert_eq!(kinds(&bucket), []);
}

#[test]
fn what_is_missing_in_the_home_region_is_seen_there() {
    let mut bucket = narrowed(HOME);
    cut(&mut bucket, HOME, DIGESTS - 3);
    assert_eq!(kinds(&bucket), [Kind::TailMissing]);
    cut_all(&mut bucket, HOME);
    assert_eq!(kinds(&bucket), [Kind::TailMissing]);
    // Where no other region has digests, one that is missing is enough.
    let mut bucket = narrowed(HOME);
    bucket.objects.retain(|key, _| !key.contains(OTHER));
    assert_eq!(kinds(&bucket), []);
    cut(&mut bucket, HOME, DIGESTS - 1);
    assert_eq!(kinds(&bucket), [Kind::TailMissing]);
    // And nothing at all is wrong for whatever region.
    let mut bucket = narrowed(OTHER);
    bucket.objects.clear();
    assert_eq!(kinds(&bucket), [Kind::TailMissing]);
}

fn cut_all(bucket: &mut Bucket, region: &str) {
    bucket.objects.retain(|key, _| !key.contains(&format!("/{region}/")));
}

#[test]
fn a_digest_from_before_the_start_is_not_missed() {
    let mut bucket = Bucket::new();
    bucket.expected.heads.clear();
    bucket.scope.start = Some(end_of(DIGESTS - 1).plus_ms(10_000));
    bucket.scope.end = end_of(DIGESTS + 5);
    assert_eq!(kinds(&bucket), [], "the trail was stopped; since then there is none");
    bucket.scope.start = Some(end_of(DIGESTS - 2).plus_ms(10_000));
    bucket.objects.clear();
    assert_eq!(kinds(&bucket), [Kind::TailMissing]);
}

#[test]
fn what_lies_beside_the_regions_is_told_unless_one_is_asked_for() {
    let planted = ["CloudTrail/notes.txt", "CloudTrail-Digest/notes.txt", "CloudTrail-Insight/x.json.gz"];
    let planted = planted.map(|name| format!("AWSLogs/{ACCOUNT}/{name}"));
    let mut bucket = Bucket::new();
    for key in &planted {
        bucket.objects.insert(key.clone(), (b"hello".to_vec(), Default::default()));
    }
    let told = |bucket: &Bucket| {
        let problems = bucket.validate(2).report.problems.into_iter();
        problems.map(|problem| (problem.kind, problem.key)).collect::<Vec<_>>()
    };
    let mut found = told(&bucket);
    found.sort();
    assert_eq!(found, {
        let mut expected = planted.map(|key| (Kind::ObjectUnknown, key));
        expected.sort();
        expected
    });
    bucket.scope.region = Some(HOME.to_owned());
    assert_eq!(told(&bucket), []);
}

#[tokio::test]
async fn the_bucket_of_a_copy_is_named_by_its_digests() {
    let check = async |bucket: &Bucket, expected: BucketFound| {
        let folder = tempfile::tempdir().unwrap();
        bucket.write(folder.path());
        let found = find_bucket(&Folder::new(folder.path(), ""), &bucket.scope).await;
        assert_eq!(found, Ok(expected));
    };
    let mut bucket = Bucket::new();
    check(&bucket, BucketFound::Named(BUCKET.to_owned())).await;
    for (key, (content, _)) in &mut bucket.objects {
        if key.contains("CloudTrail-Digest") {
            *content = b"damaged".to_vec();
        }
    }
    check(&bucket, BucketFound::Unnamed).await;
    bucket.objects.retain(|key, _| !key.contains("CloudTrail-Digest"));
    check(&bucket, BucketFound::NoDigest).await;
}

#[test]
fn a_log_file_that_is_no_file_is_invalid_and_one_outside_is_not_read() {
    let (bucket, folder) = (Bucket::new(), tempfile::tempdir().unwrap());
    bucket.write(folder.path());
    let (special, link) = (folder.path().join(log_key(HOME, 3, 1)), folder.path().join(log_key(HOME, 4, 1)));
    // A socket's name is short: it is made elsewhere and moved.
    let above = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(above.path().join("s")).unwrap();
    std::fs::remove_file(&special).unwrap();
    std::fs::rename(above.path().join("s"), &special).unwrap();
    std::fs::rename(&link, above.path().join("log")).unwrap();
    std::os::unix::fs::symlink(above.path().join("log"), &link).unwrap();
    let done = bucket.validate_folder(folder.path(), 2, false, None);
    assert_eq!((done.problems().len(), done.problems()[0].kind), (1, Kind::LogFormat), "{:?}", done.problems());
    assert!(done.problems()[0].why.contains("is not a regular file"));
    assert_eq!(done.report.unchecked.len(), 1);
    assert!(done.report.unchecked[0].contains("leads out of the folder"), "{:?}", done.report.unchecked);
    assert!(done.events.iter().any(|event| matches!(event, Event::Digest { .. })));
}
