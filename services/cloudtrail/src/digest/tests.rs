//! Keys that follow one another, clocks that go back, regions where nothing happens, files that come late.

use base::time::{DAY_MS, HOUR_MS, SECOND_MS};
use base::{Clock, Region, Timestamp};
use ports::BucketError;
use record::{Digest, DigestKey};
use serde_json::json;
use state::{Range, State};

use crate::DigestRegions;
use crate::rows::KEYS;
use crate::stepped::Stepped;
use crate::testing::{START_MS, World};

async fn logging(world: &World, multi_region: bool) -> Stepped {
    let stepped = Stepped::open(world).await;
    let settings = json!({"Name": "audit", "S3BucketName": "logs", "EnableLogFileValidation": true, "IsMultiRegionTrail": multi_region});
    stepped.call("CreateTrail", settings).await;
    stepped.call("StartLogging", json!({"Name": "audit"})).await;
    stepped
}

/// Key, digest, metadata.
type Stored = (String, Digest, Vec<(String, String)>);

/// The digests in a bucket, with metadata, by key: in order of region and time.
fn digests(world: &World, bucket: &str) -> Vec<Stored> {
    let buckets = world.buckets.buckets.lock().unwrap();
    let stored = buckets[bucket].iter().filter(|(key, _)| key.contains("/CloudTrail-Digest/"));
    let read = |body: &[u8]| Digest::parse(&record::file::inflate(body, 1 << 20).unwrap()).unwrap();
    stored.map(|(key, (body, metadata))| (key.clone(), read(body), metadata.clone())).collect()
}

/// How many keys there are, and how many of them still have their private half.
async fn keys(world: &World) -> (usize, usize) {
    let rows = world.state.scan(KEYS, Range::all(), 100).await.unwrap();
    let private = |row: &&state::Row| String::from_utf8_lossy(&row.value).contains("\"private\"");
    (rows.len(), rows.iter().filter(private).count())
}

#[tokio::test]
async fn keys_overlap_and_old_ones_lose_their_private_half() {
    let world = World::new();
    world.options.lock().unwrap().digest_key_lifetime_ms = 40_000;
    let mut stepped = logging(&world, false).await;
    for _ in 0..20 {
        world.clock.advance(10 * SECOND_MS);
        assert_eq!(stepped.round(&world).await, []);
    }
    let (all, private) = keys(&world).await;
    assert!(all >= 3 && private == 1, "{all} keys, {private} private");
    let signer = &stepped.ct.shared.signer;
    let public = signer.public_keys(Timestamp::EPOCH, world.clock.now_plus_day()).await.unwrap();
    for pair in public.windows(2) {
        assert!(pair[0].start < pair[1].start && pair[1].start < pair[0].end, "{pair:?}");
    }
    let written = digests(&world, "logs");
    assert!(written.len() >= 8);
    for (key, digest, _) in written {
        // As a validator asks that looks at this digest alone.
        let end = Timestamp::parse_iso8601(&digest.digest_end_time).unwrap();
        let found = signer.public_keys(end, end).await.unwrap();
        assert!(found.iter().any(|public| public.fingerprint == digest.digest_public_key_fingerprint), "{key}");
    }
}

#[tokio::test]
async fn a_key_that_a_planned_digest_needs_keeps_its_private_half() {
    let world = World::new();
    world.options.lock().unwrap().digest_key_lifetime_ms = 40_000;
    let mut stepped = logging(&world, false).await;
    world.buckets.refuse("logs", Some(BucketError::AccessDenied));
    world.clock.advance(30 * SECOND_MS);
    assert_eq!(stepped.round(&world).await.len(), 1);
    let planned = keys(&world).await;
    assert_eq!(planned, (1, 1));
    // Another trail goes on and needs new keys.
    let other = json!({"Name": "other", "S3BucketName": "other", "EnableLogFileValidation": true});
    stepped.call("CreateTrail", other).await;
    stepped.call("StartLogging", json!({"Name": "other"})).await;
    for _ in 0..12 {
        world.clock.advance(10 * SECOND_MS);
        stepped.round(&world).await;
    }
    let (all, private) = keys(&world).await;
    assert!(all >= 3 && private == 2, "{all} keys, {private} private");
    // After a restart too.
    let mut stepped = Stepped::open(&world).await;
    world.clock.advance(10 * SECOND_MS);
    stepped.round(&world).await;
    world.buckets.refuse("logs", None);
    assert_eq!(stepped.round(&world).await, []);
    for _ in 0..9 {
        world.clock.advance(10 * SECOND_MS);
        assert_eq!(stepped.round(&world).await, []);
    }
    assert_eq!(keys(&world).await.1, 1);
}

#[tokio::test]
async fn a_key_that_was_made_and_not_used_is_used_after_a_crash() {
    for step in 1.. {
        let world = World::new();
        let ct = world.open().await;
        world.fuse.set(step);
        let crashed = tokio::select! {
            biased;
            () = world.fuse.blown.notified() => true,
            made = ct.shared.signer.current(world.clock.now()) => made.is_err(),
        };
        world.fuse.set(0);
        let before = keys(&world).await.0;
        let again = world.open().await;
        again.shared.signer.current(world.clock.now()).await.unwrap();
        assert_eq!(keys(&world).await, (1, 1), "{before} after a crash at step {step}");
        if !crashed {
            assert!(step > 2);
            break;
        }
    }
}

#[tokio::test]
async fn a_shorter_lifetime_replaces_a_key_sooner() {
    let world = World::new();
    let ct = world.open().await;
    let first = ct.shared.signer.current(world.clock.now()).await.unwrap().fingerprint.clone();
    world.options.lock().unwrap().digest_key_lifetime_ms = 10 * u64::try_from(DAY_MS).unwrap();
    let ct = world.open().await;
    assert_eq!(ct.shared.signer.current(world.clock.now()).await.unwrap().fingerprint, first);
    world.clock.advance(20 * DAY_MS);
    assert_ne!(ct.shared.signer.current(world.clock.now()).await.unwrap().fingerprint, first);
}

#[tokio::test]
async fn each_region_of_a_trail_of_all_regions_gets_a_digest_where_nothing_happens() {
    let world = World::new();
    world.options.lock().unwrap().digest_regions = DigestRegions::All;
    let mut stepped = logging(&world, true).await;
    world.event("one", "eu-west-1").await;
    world.clock.advance(30 * SECOND_MS);
    assert_eq!(stepped.round(&world).await, []);
    let written = digests(&world, "logs");
    let regions: Vec<&str> = written.iter().map(|(key, ..)| DigestKey::parse(key).unwrap().region).collect();
    let all: Vec<&str> = Region::all().filter(|r| r.partition() == "aws").map(Region::as_str).collect();
    assert_eq!(regions, all);
    for (key, digest, _) in &written {
        assert_eq!(digest.log_files.len(), usize::from(key.contains("/eu-west-1/")), "{key}");
        assert_eq!(
            (digest.previous_digest_signature.as_ref(), digest.digest_start_time.as_str()),
            (None, "2026-03-01T12:00:00Z")
        );
    }
    // The chains go on, and end with the trail.
    stepped.call("StopLogging", json!({"Name": "audit"})).await;
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(digests(&world, "logs").len(), 2 * all.len());
}

#[tokio::test]
async fn a_chain_begins_anew_after_a_stop() {
    let world = World::new();
    let mut stepped = logging(&world, false).await;
    for _ in 0..2 {
        world.clock.advance(30 * SECOND_MS);
        stepped.round(&world).await;
    }
    stepped.call("StopLogging", json!({"Name": "audit"})).await;
    stepped.round(&world).await;
    world.clock.advance(HOUR_MS);
    stepped.round(&world).await;
    let before = digests(&world, "logs").len();
    let started = world.clock.now().iso8601_secs();
    stepped.call("StartLogging", json!({"Name": "audit"})).await;
    for _ in 0..2 {
        world.clock.advance(30 * SECOND_MS);
        stepped.round(&world).await;
    }
    let written = digests(&world, "logs");
    let starts: Vec<bool> = written.iter().map(|(_, digest, _)| digest.previous_digest_s3_object.is_none()).collect();
    assert_eq!(starts, [&[true][..], &vec![false; before - 1], &[true, false]].concat());
    assert_eq!(written[before].1.digest_start_time, started);
}

#[tokio::test]
async fn a_chain_goes_on_in_another_bucket() {
    let world = World::new();
    let mut stepped = logging(&world, false).await;
    world.clock.advance(30 * SECOND_MS);
    stepped.round(&world).await;
    stepped.call("UpdateTrail", json!({"Name": "audit", "S3BucketName": "other", "S3KeyPrefix": "new"})).await;
    world.clock.advance(30 * SECOND_MS);
    stepped.round(&world).await;
    let (first, second) = (digests(&world, "logs").pop().unwrap().1, digests(&world, "other").remove(0).1);
    assert_eq!(second.previous_digest_s3_bucket.as_deref(), Some("logs"));
    assert_eq!(second.previous_digest_s3_object, Some(first.digest_s3_object));
}

#[tokio::test]
async fn chains_that_end_in_one_second_elsewhere_have_digests_of_their_own() {
    let world = World::new();
    let mut stepped = logging(&world, false).await;
    world.event("first", "us-east-1").await;
    stepped.round(&world).await;
    world.buckets.refuse("logs", Some(BucketError::AccessDenied));
    for id in ["second", "third"] {
        world.clock.advance(SECOND_MS);
        world.event(id, "us-east-1").await;
        stepped.round(&world).await;
        stepped.call("StopLogging", json!({"Name": "audit"})).await;
        stepped.round(&world).await;
        world.clock.advance(SECOND_MS);
        stepped.call("StartLogging", json!({"Name": "audit"})).await;
    }
    // What both chains could not deliver goes to the new bucket at once.
    stepped.call("UpdateTrail", json!({"Name": "audit", "S3BucketName": "other"})).await;
    for _ in 0..4 {
        assert_eq!(stepped.round(&world).await, []);
    }
    let written = digests(&world, "other");
    let listed = written.iter().flat_map(|(_, digest, _)| &digest.log_files);
    let mut named: Vec<String> =
        listed.filter(|file| file.s3_bucket == "other").map(|file| file.s3_object.clone()).collect();
    let buckets = world.buckets.buckets.lock().unwrap();
    let mut files: Vec<String> = buckets["other"].keys().filter(|key| key.contains("/CloudTrail/")).cloned().collect();
    named.sort();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    assert_eq!(named, files);
}

#[tokio::test]
async fn a_clock_set_back_breaks_no_chain_and_names_no_digest_twice() {
    let world = World::new();
    let mut stepped = logging(&world, false).await;
    // An hour ahead, by mistake, for some digests; then back, over the same time again.
    for back in [0, 0, 0, HOUR_MS, 0, 0] {
        if back > 0 {
            world.clock.set(START_MS + 20 * SECOND_MS);
        } else {
            world.clock.advance(30 * SECOND_MS);
        }
        world.event("one", "us-east-1").await;
        stepped.round(&world).await;
        stepped.round(&world).await;
    }
    // Ordered as they were written: each names the one before.
    let written = digests(&world, "logs");
    assert!(written.len() >= 5, "{}", written.len());
    let starts = written.iter().filter(|(_, digest, _)| digest.previous_digest_s3_object.is_none()).count();
    let linked: std::collections::BTreeSet<_> =
        written.iter().filter_map(|(_, digest, _)| digest.previous_digest_s3_object.clone()).collect();
    assert_eq!((starts, linked.len()), (1, written.len() - 1));
    assert!(written.iter().all(|(_, digest, _)| digest.digest_start_time < digest.digest_end_time));
    assert!(!written.windows(2).all(|pair| pair[1].1.previous_digest_s3_object.as_ref() == Some(&pair[0].0)));
}

#[tokio::test]
async fn late_files_are_in_backfill_digests_of_their_time() {
    let world = World::new();
    let mut stepped = logging(&world, false).await;
    world.buckets.refuse("logs:/CloudTrail/", Some(BucketError::AccessDenied));
    for i in 0..6 {
        world.event(&format!("event-{i}"), "us-east-1").await;
        world.clock.advance(20 * SECOND_MS);
        assert_eq!(stepped.round(&world).await.len(), 1);
    }
    let refused = digests(&world, "logs");
    assert!(refused.len() >= 4 && refused.iter().all(|(_, digest, _)| digest.log_files.is_empty()));
    world.buckets.refuse("logs:/CloudTrail/", None);
    world.clock.advance(20 * SECOND_MS);
    let generated = world.clock.now().iso8601_secs();
    assert_eq!(stepped.round(&world).await, []);
    let (backfills, regular): (Vec<_>, Vec<_>) =
        digests(&world, "logs").into_iter().partition(|(key, ..)| key.ends_with("_backfill.json.gz"));
    assert!(backfills.len() >= 3, "{}", backfills.len());
    let mut before: Option<String> = None;
    for (key, digest, metadata) in &backfills {
        assert!(metadata.contains(&("backfill-generation-timestamp".to_owned(), generated.clone())), "{metadata:?}");
        assert_eq!(digest.previous_digest_s3_object, before, "{key}");
        let (start, end) = (&digest.digest_start_time, &digest.digest_end_time);
        assert!(
            start < end
                && digest
                    .log_files
                    .iter()
                    .all(|file| (start..=end).contains(&file.newest_event_time.as_ref().unwrap())
                        || file.newest_event_time.as_ref().unwrap() < start)
        );
        before = Some(key.clone());
    }
    // What is hardly late is in the regular digest.
    let count = |of: &[Stored]| of.iter().map(|(_, digest, _)| digest.log_files.len()).sum::<usize>();
    assert_eq!(count(&backfills) + count(&regular), 6);
    assert!(count(&regular) >= 1);
}
