//! Delivery and digests, stopped at every access to storage and begun again: whatever happens, each selected record is in one
//! file per trail, each file in one digest, and the chains hold.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base::{Clock, Timestamp};
use journal::{Journal, ReadLimit, Seq};
use ports::BucketError;
use record::{Digest, DigestKey, RecordView};
use serde_json::json;
use worker::{Consumer, EntryKind};

use crate::Delivery;
use crate::delivery::worker::Digests;
use crate::rows::KEYS;
use crate::selectors::Selection;
use crate::testing::{START_MS, Stored, World, record_call, run, run_unrecorded};
use crate::trail::Trail;
use crate::trail::store::{TOPIC, TrailChange};

const LIMIT: ReadLimit = ReadLimit { max_bytes: 1 << 20, max_entries: 4 };
const INFLATED_MAX: usize = 1 << 20;

/// A journal with trails that come, change and go between records of three regions.
async fn story(world: &World) {
    let ct = world.open().await;
    let call = async |op: &str, input: serde_json::Value| {
        run(&ct, "us-east-1", op, input).await.unwrap_or_else(|error| panic!("{op}: {error}"));
        world.clock.advance(700);
    };
    let mut count = 0;
    let mut events = async |regions: &[&str]| {
        for region in regions {
            world.event(&format!("event-{count}"), region).await;
            world.clock.advance(300);
            count += 1;
        }
    };
    events(&["us-east-1"]).await;
    call("CreateTrail", json!({"Name": "all", "S3BucketName": "logs", "S3KeyPrefix": "all", "IsMultiRegionTrail": true, "EnableLogFileValidation": true})).await;
    call(
        "CreateTrail",
        json!({"Name": "one", "S3BucketName": "logs", "S3KeyPrefix": "one", "EnableLogFileValidation": true}),
    )
    .await;
    call("CreateTrail", json!({"Name": "bare", "S3BucketName": "logs", "S3KeyPrefix": "bare"})).await;
    call("StartLogging", json!({"Name": "all"})).await;
    call("StartLogging", json!({"Name": "one"})).await;
    events(&["us-east-1", "eu-west-1", "us-east-1"]).await;
    call("StartLogging", json!({"Name": "bare"})).await;
    events(&["eu-west-1", "ap-south-1", "us-east-1", "us-east-1"]).await;
    call("UpdateTrail", json!({"Name": "all", "S3BucketName": "other"})).await;
    events(&["us-east-1", "eu-west-1"]).await;
    call("StopLogging", json!({"Name": "one"})).await;
    events(&["us-east-1"]).await;
    call("StartLogging", json!({"Name": "one"})).await;
    call("PutEventSelectors", json!({"TrailName": "bare", "EventSelectors": [{"ReadWriteType": "WriteOnly"}]})).await;
    events(&["us-east-1", "ap-south-1"]).await;
    call("DeleteTrail", json!({"Name": "one"})).await;
    events(&["us-east-1", "eu-west-1"]).await;
}

/// Takes the journal to its end with cuts, uploads and digests in between, stops, and starts once more for what was left.
async fn deliver(world: &World, flush_at_end: bool) {
    let ct = world.open().await;
    let mut delivery = Delivery::open(std::sync::Arc::clone(&ct.shared)).await.unwrap();
    let mut at = delivery.needs();
    while world.journal.durable_end() > at {
        world.refuse_the_late();
        let entries = world.journal.read(at, LIMIT).unwrap();
        at = entries.last().unwrap().seq.next();
        // As the crew does: what failed comes again.
        while delivery.take(&entries).await.is_err() {}
        world.clock.advance(6_000);
        while delivery.idle().await.is_err() {}
        for worker in ct.shared.workers() {
            let _ = worker.round(Digests::Due).await;
        }
    }
    if flush_at_end {
        world.clock.advance(
            world.late_until_ms.load(std::sync::atomic::Ordering::SeqCst).saturating_sub(world.clock.now().ms()).max(0),
        );
        world.refuse_the_late();
        world.clock.advance(6_000);
        while delivery.idle().await.is_err() {}
        while delivery.stop().await.is_err() {}
        for worker in ct.shared.workers() {
            while worker.round(Digests::Now).await.is_err() {}
        }
    }
    assert_eq!(delivery.needs(), at.max(delivery.needs()));
}

/// What each trail must have got, from the journal alone.
fn expected(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let mut trails: BTreeMap<String, Trail> = BTreeMap::new();
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut closing: BTreeMap<String, Trail> = BTreeMap::new();
    let all = ReadLimit { max_bytes: usize::MAX, max_entries: usize::MAX };
    for entry in world.journal.read(Seq::FIRST, all).unwrap() {
        match EntryKind::read(&entry).unwrap() {
            EntryKind::Finish { record, .. } => {
                let view = RecordView::parse(&record).unwrap();
                // The call that stops a trail is the last that the trail has.
                let stopped = view.request_id.as_deref().and_then(|id| closing.remove(id));
                for trail in trails.values().chain(&stopped).filter(|trail| Selection::new(&view).selected_by(trail)) {
                    let id = view.event_id.as_deref().unwrap().to_owned();
                    expected.entry(trail.name.clone()).or_default().insert(id);
                }
            }
            EntryKind::Control(control) if control.topic == TOPIC => {
                let change: TrailChange = serde_json::from_slice(&control.document).unwrap();
                let old = trails.get(&change.arn).filter(|old| old.logging).cloned();
                closing.extend(change.ended_by.zip(old));
                match change.trail {
                    Some(trail) => trails.insert(change.arn, trail),
                    None => trails.remove(&change.arn),
                };
            }
            _ => {}
        }
    }
    expected
}

/// Everything in all buckets; keys are unique over buckets, as each trail has a prefix of its own.
fn everything(world: &World) -> Stored {
    let buckets = world.buckets.buckets.lock().unwrap();
    let mut all = Stored::new();
    for stored in buckets.values() {
        for (key, value) in stored {
            assert!(all.insert(key.clone(), value.clone()).is_none(), "{key} is in two buckets");
        }
    }
    all
}

async fn check(world: &World, what: &str) {
    let all = everything(world);
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut hashes: BTreeMap<String, String> = BTreeMap::new();
    for (key, (body, _)) in all.iter().filter(|(key, _)| key.contains("/CloudTrail/")) {
        let content = record::file::inflate(body, INFLATED_MAX).unwrap();
        let text = String::from_utf8(content.clone()).unwrap();
        let records = record::file::records(&text).unwrap();
        assert!(!records.is_empty(), "{what}: {key} is empty");
        let trail = key.split('/').next().unwrap().to_owned();
        for record in records {
            let id = RecordView::parse(record.get().as_bytes()).unwrap().event_id.unwrap().into_owned();
            assert!(found.entry(trail.clone()).or_default().insert(id.clone()), "{what}: {id} is twice in {trail}");
        }
        hashes.insert(key.clone(), record::file::sha256_hex(&content));
    }
    assert_eq!(found, expected(world), "{what}");
    check_digests(world, &all, hashes, what).await;
    use objects::Objects;
    assert!(world.objects.list("delivery/", None, 10).await.unwrap().is_empty(), "{what}: the outbox is not empty");
}

/// As `aws cloudtrail validate-logs` does, and more: every file of a validating trail is in exactly one digest.
async fn check_digests(world: &World, all: &Stored, mut hashes: BTreeMap<String, String>, what: &str) {
    let ct = world.open().await;
    let (from, to) = (Timestamp::EPOCH, world.clock.now_plus_day());
    let keys = ct.shared.signer.public_keys(from, to).await.unwrap();
    let mut chains: BTreeMap<String, Vec<(Digest, Vec<u8>, String)>> = BTreeMap::new();
    for (key, (body, metadata)) in all.iter().filter(|(key, _)| key.contains("/CloudTrail-Digest/")) {
        let content = record::file::inflate(body, INFLATED_MAX).unwrap();
        let digest = Digest::parse(&content).unwrap();
        assert_eq!(digest.digest_s3_object, *key, "{what}");
        let metadata: BTreeMap<_, _> = metadata.iter().cloned().collect();
        let public = keys.iter().find(|public| public.fingerprint == digest.digest_public_key_fingerprint).unwrap();
        let signature = base::ids::unhex(&metadata["signature"]).unwrap();
        assert_eq!(metadata["signature-algorithm"], "SHA256withRSA");
        let verified = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public.der)
            .verify(digest.string_to_sign(&content).as_bytes(), &signature);
        assert!(verified.is_ok(), "{what}: the signature of {key}");
        assert!(digest.digest_start_time < digest.digest_end_time, "{what}: {key}");
        for file in &digest.log_files {
            let hash = hashes.remove(&file.s3_object);
            assert_eq!(hash.as_ref(), Some(&file.hash_value), "{what}: {} in {key}", file.s3_object);
        }
        let place = DigestKey::parse(key).unwrap();
        let is_backfill = metadata.contains_key("backfill-generation-timestamp");
        assert_eq!(place.backfill, is_backfill, "{what}: {key}");
        assert_eq!(place.end.iso8601_secs(), digest.digest_end_time, "{what}: {key}");
        let chain = format!("_{}_{}_{is_backfill}", place.trail_name, place.region);
        chains.entry(chain).or_default().push((digest, content, metadata["signature"].clone()));
    }
    assert!(hashes.keys().all(|key| key.starts_with("bare/")), "{what}: in no digest: {hashes:?}");
    for (name, mut chain) in chains {
        chain.sort_by(|a, b| a.0.digest_end_time.cmp(&b.0.digest_end_time));
        let mut starts = 0;
        for (index, (digest, ..)) in chain.iter().enumerate() {
            if digest.previous_digest_signature.is_none() {
                starts += 1;
                digest.check_previous(None).unwrap();
                continue;
            }
            let (before, content, signature) = &chain[index - 1];
            assert!(before.digest_end_time < digest.digest_end_time, "{what}: {name}");
            assert!(name.ends_with("true") || before.digest_end_time == digest.digest_start_time, "{what}: {name}");
            digest.check_previous(Some(&before.as_previous(content, signature))).unwrap();
        }
        let most = if name.contains("_one_") { 2 } else { 1 };
        assert!((1..=most).contains(&starts), "{what}: {name} starts {starts} times");
    }
}

async fn told(key: &state::Row) -> World {
    told_to(World::new(), key).await
}

async fn told_to(world: World, key: &state::Row) -> World {
    let put =
        state::Op::Put { table: KEYS, key: key.key.clone(), value: key.value.clone(), expect: state::Expect::Any };
    use state::State;
    world.state.commit(vec![put]).await.unwrap();
    story(&world).await;
    world
}

/// A signing key to share between worlds: making one takes long.
async fn signing_key() -> state::Row {
    let world = World::new();
    world.open().await.shared.signer.current(world.clock.now()).await.unwrap();
    use state::State;
    world.state.scan(KEYS, state::Range::all(), 1).await.unwrap().remove(0)
}

#[tokio::test]
async fn everything_is_delivered_once() {
    let world = told(&signing_key().await).await;
    deliver(&world, true).await;
    check(&world, "undisturbed").await;
    let all = everything(&world);
    assert!(all.keys().filter(|key| key.contains("/CloudTrail/")).count() > 8);
    assert!(all.keys().filter(|key| key.contains("/CloudTrail-Digest/")).count() > 6);
    deliver(&world, true).await;
    check(&world, "again").await;
}

#[tokio::test]
async fn a_trail_started_again_before_the_record_of_its_stop_keeps_its_chains() {
    let world = World::new();
    let ct = world.open().await;
    let mut delivery = Delivery::open(std::sync::Arc::clone(&ct.shared)).await.unwrap();
    let mut digests = async |when| {
        let entries = world.journal.read(delivery.needs(), ReadLimit::default()).unwrap();
        delivery.take(&entries).await.unwrap();
        world.clock.advance(6_000);
        delivery.idle().await.unwrap();
        for worker in ct.shared.workers() {
            worker.round(when).await.unwrap();
        }
    };
    let call = async |op: &str| run(&ct, "us-east-1", op, json!({"Name": "one"})).await.unwrap();
    let settings =
        json!({"Name": "one", "S3BucketName": "logs", "S3KeyPrefix": "one", "EnableLogFileValidation": true});
    run(&ct, "us-east-1", "CreateTrail", settings).await.unwrap();
    call("StartLogging").await;
    world.event("first", "us-east-1").await;
    digests(Digests::Now).await;
    let (stop, stopped) = run_unrecorded(&ct, "us-east-1", "StopLogging", json!({"Name": "one"})).await;
    stopped.unwrap();
    call("StartLogging").await;
    world.event("second", "us-east-1").await;
    digests(Digests::Now).await;
    record_call(&ct, "us-east-1", "StopLogging", &stop).await;
    digests(Digests::Due).await;
    world.event("third", "us-east-1").await;
    digests(Digests::Now).await;
    call("DeleteTrail").await;
    digests(Digests::Now).await;
    digests(Digests::Now).await;
    check(&world, "started again").await;
}

#[tokio::test]
async fn a_crash_at_any_step_changes_nothing() {
    let key = signing_key().await;
    crash_at_steps(1, async || told(&key).await).await;
}

/// A world whose keys change while it is told, and whose bucket takes log files late.
async fn troubled(key: &state::Row) -> World {
    let world = World::new();
    world.options.lock().unwrap().digest_key_lifetime_ms = 60_000;
    world.options.lock().unwrap().digest_interval_ms = 5_000;
    world.late_until_ms.store(START_MS + 80_000, std::sync::atomic::Ordering::SeqCst);
    told_to(world, key).await
}

#[tokio::test]
async fn a_crash_at_any_step_among_late_files_and_new_keys_changes_nothing() {
    let key = signing_key().await;
    let world = troubled(&key).await;
    deliver(&world, true).await;
    check(&world, "undisturbed").await;
    let backfills = everything(&world).keys().filter(|key| key.ends_with("_backfill.json.gz")).count();
    let (from, to) = (Timestamp::EPOCH, world.clock.now_plus_day());
    let keys = world.open().await.shared.signer.public_keys(from, to).await.unwrap().len();
    assert!(backfills >= 2 && keys >= 3, "{backfills} backfill digests, {keys} keys");
    // Each step costs some signatures; the second crash, soon after the first, is at the steps that are left out.
    crash_at_steps(4, async || troubled(&key).await).await;
}

async fn crash_at_steps(stride: usize, told: impl AsyncFn() -> World) {
    let mut crashes = 0;
    for step in (1_i64..).step_by(stride) {
        let world = told().await;
        let crashed = |n: i64| {
            world.fuse.set(n);
            async {
                tokio::select! {
                    biased;
                    () = world.fuse.blown.notified() => true,
                    () = deliver(&world, true) => false,
                }
            }
        };
        let first = crashed(step).await;
        // A second crash soon after, in what the first one left to do.
        let second = first && crashed(1 + step % 11).await;
        world.fuse.set(0);
        deliver(&world, true).await;
        check(&world, &format!("a crash at step {step}, then {second}")).await;
        if !first {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 100, "{crashes} crashes");
}

#[tokio::test]
async fn a_bucket_that_refuses_holds_up_its_own_trail_alone() {
    let world = told(&signing_key().await).await;
    world.buckets.refuse("other", Some(BucketError::AccessDenied));
    deliver(&world, false).await;
    let stuck = run(&world.open().await, "us-east-1", "GetTrailStatus", json!({"Name": "all"})).await.unwrap();
    assert_eq!(stuck["LatestDeliveryError"], "AccessDenied");
    assert!(everything(&world).keys().any(|key| key.starts_with("bare/")));
    world.buckets.refuse("other", None);
    deliver(&world, true).await;
    check(&world, "a refusal that ended").await;
    let status = run(&world.open().await, "us-east-1", "GetTrailStatus", json!({"Name": "all"})).await.unwrap();
    assert!(status.get("LatestDeliveryError").is_none() && status.get("LatestDeliveryTime").is_some(), "{status}");
}

#[tokio::test]
async fn files_follow_a_trail_to_its_new_bucket() {
    let world = told(&signing_key().await).await;
    world.buckets.refuse("logs", Some(BucketError::NoSuchBucket));
    deliver(&world, false).await;
    // The trail moved to `other` while its first files still waited for `logs`.
    let all = everything(&world);
    let first = all.iter().find(|(key, (body, _))| {
        let is_log = key.starts_with("all/") && key.contains("/CloudTrail/us-east-1/");
        is_log && String::from_utf8(record::file::inflate(body, INFLATED_MAX).unwrap()).unwrap().contains("event-1\"")
    });
    assert!(first.is_some());
    world.buckets.refuse("logs", None);
    deliver(&world, true).await;
    check(&world, "a move").await;
}

#[tokio::test]
async fn a_commit_that_is_done_but_answered_with_a_failure_changes_nothing() {
    let key = signing_key().await;
    for commit in 1.. {
        let world = told(&key).await;
        world.fuse.deny_commit(commit);
        deliver(&world, true).await;
        let denied = !world.fuse.denies();
        world.fuse.deny_commit(0);
        // The next start tidies what was left in the outbox.
        deliver(&world, true).await;
        check(&world, &format!("a failure of commit {commit}")).await;
        if !denied {
            assert!(commit > 40, "{commit} commits");
            break;
        }
    }
}
