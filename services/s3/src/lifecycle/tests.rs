//! Rules from the outside: which are refused, and what becomes of objects as days pass.

use std::sync::atomic::Ordering;

use base::Timestamp;
use base::time::DAY_MS;
use serde_json::{Value, json};

use super::Lifecycled;
use crate::S3;
use crate::harness::*;
use crate::ops::*;

async fn set(s3: &S3, rules: Value) -> Result<(), String> {
    let input = put_bucket_lifecycle_configuration::Input {
        bucket: "bkt".into(),
        lifecycle_configuration: serde_json::from_value(json!({ "Rules": rules })).unwrap(),
        ..Default::default()
    };
    let done = call::<PutBucketLifecycleConfiguration>(s3, input).await;
    done.map(|_| ()).map_err(|error| format!("{} {}", error.code, error.message))
}

async fn get(s3: &S3) -> Value {
    let input = get_bucket_lifecycle_configuration::Input { bucket: "bkt".into(), ..Default::default() };
    let mut rules = serde_json::to_value(call::<GetBucketLifecycleConfiguration>(s3, input).await.unwrap()).unwrap();
    strip(&mut rules);
    rules["Rules"].take()
}

/// Without what is absent.
fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// A rule for all keys.
fn rule(more: Value) -> Value {
    let mut rule = json!({ "ID": "r", "Status": "Enabled", "Filter": { "Prefix": "" } });
    for (name, value) in more.as_object().unwrap() {
        rule[name] = value.clone();
    }
    rule
}

async fn stand() -> (Stand, S3) {
    let stand = Stand::new();
    // A morning.
    let morning = Timestamp::parse_iso8601("2024-01-15T10:30:00Z").unwrap();
    stand.clock.0.store(morning.ms(), Ordering::SeqCst);
    let s3 = stand.start();
    bucket(&s3, "bkt").await;
    (stand, s3)
}

fn days(stand: &Stand, days: i64) {
    stand.clock.0.fetch_add(days * DAY_MS, Ordering::SeqCst);
}

/// Steps until nothing is left to do.
async fn run(s3: &S3) -> Lifecycled {
    let mut all = Lifecycled::default();
    loop {
        let done = s3.run_lifecycle().await.unwrap();
        all.expired += done.expired;
        all.removed += done.removed;
        all.moved += done.moved;
        all.aborted += done.aborted;
        if !done.more {
            return all;
        }
    }
}

fn did(expired: usize, removed: usize, moved: usize, aborted: usize) -> Lifecycled {
    Lifecycled { expired, removed, moved, aborted, more: false }
}

async fn class(s3: &S3, key: &str) -> String {
    s3.current("bkt", key).await.unwrap().unwrap().0.storage_class()
}

#[tokio::test]
async fn rules_come_back_as_they_were_given() {
    let (_, s3) = stand().await;
    let rules = json!([
        rule(json!({ "ID": "all", "Filter": {}, "Expiration": { "Days": 30 } })),
        { "ID": "old", "Status": "Disabled", "Prefix": "logs/", "Expiration": { "Date": 1_704_067_200_000_i64 } },
        rule(json!({ "ID": "much", "Filter": { "And": { "Prefix": "a", "Tags": [{ "Key": "k", "Value": "v" }],
            "ObjectSizeGreaterThan": 0, "ObjectSizeLessThan": 10 } },
            "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" }, { "Days": 90, "StorageClass": "GLACIER" }],
            "Expiration": { "Days": 2555 },
            "NoncurrentVersionTransitions": [{ "NoncurrentDays": 0, "StorageClass": "GLACIER_IR" }],
            "NoncurrentVersionExpiration": { "NoncurrentDays": 1, "NewerNoncurrentVersions": 100 } })),
        rule(json!({ "ID": "uploads", "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 } })),
        rule(json!({ "ID": "markers", "Expiration": { "ExpiredObjectDeleteMarker": true } })),
    ]);
    set(&s3, rules.clone()).await.unwrap();
    assert_eq!(get(&s3).await, rules);
    // Rules without a name are given one, each its own.
    let unnamed = json!({ "Status": "Enabled", "Filter": {}, "Expiration": { "Days": 1 } });
    set(&s3, json!([unnamed, unnamed])).await.unwrap();
    let found = get(&s3).await;
    assert_ne!(found[0]["ID"], found[1]["ID"]);
    call::<DeleteBucketLifecycle>(&s3, delete_bucket_lifecycle::Input { bucket: "bkt".into(), ..Default::default() })
        .await
        .unwrap();
    let input = get_bucket_lifecycle_configuration::Input { bucket: "bkt".into(), ..Default::default() };
    let error = call::<GetBucketLifecycleConfiguration>(&s3, input).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.status), ("NoSuchLifecycleConfiguration", 404));
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused() {
    let (_, s3) = stand().await;
    let expire = json!({ "Days": 1 });
    let moves = |steps: Value| rule(json!({ "Transitions": steps }));
    let cases: Vec<(Value, &str)> = vec![
        (json!([]), "MalformedXML"),
        (json!(vec![rule(json!({ "Expiration": expire })); 1001]), "MalformedXML"),
        (
            json!([rule(json!({ "Expiration": expire })), rule(json!({ "Expiration": expire }))]),
            "InvalidArgument Rule ID must be unique. Found same ID for more than one rule",
        ),
        (
            json!([rule(json!({ "ID": "x".repeat(256), "Expiration": expire }))]),
            "InvalidArgument ID length should not exceed allowed limit of 255",
        ),
        (json!([rule(json!({ "Status": "On", "Expiration": expire }))]), "MalformedXML"),
        (json!([rule(json!({ "Prefix": "", "Expiration": expire }))]), "MalformedXML"),
        (json!([{ "Status": "Enabled", "Expiration": expire }]), "MalformedXML"),
        (json!([rule(json!({}))]), "InvalidRequest At least one action needs to be specified in a rule"),
        (
            json!([rule(json!({ "Expiration": { "Days": 0 } }))]),
            "InvalidArgument 'Days' for Expiration action must be a positive integer",
        ),
        (
            json!([rule(json!({ "Expiration": { "Date": 1_704_067_200_001_i64 } }))]),
            "InvalidArgument 'Date' must be at midnight GMT",
        ),
        (json!([rule(json!({ "Expiration": { "Days": 1, "Date": 0 } }))]), "MalformedXML"),
        (json!([rule(json!({ "Expiration": { "Days": 1, "ExpiredObjectDeleteMarker": true } }))]), "MalformedXML"),
        (json!([rule(json!({ "Expiration": {} }))]), "MalformedXML"),
        (
            json!([rule(json!({ "Filter": { "Tag": { "Key": "k", "Value": "v" } },
                "Expiration": { "ExpiredObjectDeleteMarker": true } }))]),
            "InvalidRequest ExpiredObjectDeleteMarker cannot be specified with Tags.",
        ),
        (
            json!([rule(json!({ "Filter": { "Tag": { "Key": "k", "Value": "v" } },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 1 } }))]),
            "InvalidRequest AbortIncompleteMultipartUpload cannot be specified with Tags.",
        ),
        (
            json!([rule(json!({ "Filter": { "ObjectSizeLessThan": 5 },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 1 } }))]),
            "InvalidRequest AbortIncompleteMultipartUpload cannot be specified with Object Size.",
        ),
        (
            json!([rule(json!({ "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 0 } }))]),
            "InvalidArgument 'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
        ),
        (
            json!([rule(json!({ "Filter": { "Prefix": "a", "ObjectSizeLessThan": 5 }, "Expiration": expire }))]),
            "MalformedXML",
        ),
        (json!([rule(json!({ "Filter": { "And": { "Prefix": "a" } }, "Expiration": expire }))]), "MalformedXML"),
        (
            json!([rule(json!({ "Filter": { "And": { "ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5 } },
                "Expiration": expire }))]),
            "InvalidRequest 'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
        ),
        (
            json!([moves(json!([{ "Days": 29, "StorageClass": "STANDARD_IA" }]))]),
            "InvalidArgument 'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
        ),
        (
            json!([moves(json!([{ "Days": -1, "StorageClass": "GLACIER" }]))]),
            "InvalidArgument 'Days' in Transition action must be nonnegative",
        ),
        (json!([moves(json!([{ "Days": 1, "StorageClass": "STANDARD" }]))]), "MalformedXML"),
        (json!([moves(json!([{ "StorageClass": "GLACIER" }]))]), "MalformedXML"),
        (
            json!([moves(json!([{ "Days": 1, "StorageClass": "GLACIER" }, { "Days": 2, "StorageClass": "GLACIER" }]))]),
            "InvalidRequest 'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=)'",
        ),
        (
            json!([moves(
                json!([{ "Days": 30, "StorageClass": "STANDARD_IA" }, { "Days": 59, "StorageClass": "GLACIER" }])
            )]),
            "InvalidArgument 'Days' in the Transition action for StorageClass 'GLACIER' for filter '(prefix=)' must be 30 days \
             more than 'Days' in the Transition action for StorageClass 'STANDARD_IA' for filter '(prefix=)'",
        ),
        (
            json!([moves(
                json!([{ "Days": 9, "StorageClass": "GLACIER" }, { "Days": 9, "StorageClass": "DEEP_ARCHIVE" }])
            )]),
            "InvalidArgument 'Days' in the Transition action for StorageClass 'DEEP_ARCHIVE' for filter '(prefix=)' must be \
             greater than 'Days' in the Transition action for StorageClass 'GLACIER'",
        ),
        (
            json!([moves(
                json!([{ "Days": 1, "StorageClass": "GLACIER" }, { "Date": 0, "StorageClass": "DEEP_ARCHIVE" }])
            )]),
            "InvalidRequest Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for filter '(prefix=)'",
        ),
        (
            json!([rule(
                json!({ "Transitions": [{ "Days": 1, "StorageClass": "GLACIER" }], "Expiration": { "Date": 0 } })
            )]),
            "InvalidRequest Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule",
        ),
        (
            json!([rule(
                json!({ "Transitions": [{ "Days": 9, "StorageClass": "GLACIER" }], "Expiration": { "Days": 9 } })
            )]),
            "InvalidArgument 'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the \
             Transition action",
        ),
        (
            json!([rule(json!({ "NoncurrentVersionExpiration": { "NoncurrentDays": 0 } }))]),
            "InvalidArgument 'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
        ),
        (json!([rule(json!({ "NoncurrentVersionExpiration": { "NewerNoncurrentVersions": 1 } }))]), "MalformedXML"),
        (
            json!([rule(
                json!({ "NoncurrentVersionExpiration": { "NoncurrentDays": 1, "NewerNoncurrentVersions": 101 } })
            )]),
            "InvalidArgument 'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive integer",
        ),
    ];
    for (rules, expected) in cases {
        let refused = set(&s3, rules.clone()).await.unwrap_err();
        assert!(refused.starts_with(expected), "{rules}:\n{refused}");
    }
}

#[tokio::test]
async fn objects_expire_at_midnight_after_their_days() {
    let (stand, s3) = stand().await;
    put(&s3, "bkt", "logs/a", "x").await;
    put(&s3, "bkt", "keep", "x").await;
    set(
        &s3,
        json!([rule(json!({ "ID": "three days", "Filter": { "Prefix": "logs/" }, "Expiration": { "Days": 3 } }))]),
    )
    .await
    .unwrap();
    let head = || head_object::Input { bucket: "bkt".into(), key: "logs/a".into(), ..Default::default() };
    let expiration = call::<HeadObject>(&s3, head()).await.unwrap().expiration;
    let expected = "expiry-date=\"Fri, 19 Jan 2024 00:00:00 GMT\", rule-id=\"three%20days\"";
    assert_eq!(expiration.as_deref(), Some(expected));
    for _ in 0..4 {
        assert_eq!(run(&s3).await, did(0, 0, 0, 0));
        days(&stand, 1);
    }
    // The fourth morning is after the fourth midnight.
    assert_eq!(run(&s3).await, did(1, 0, 0, 0));
    assert_eq!(content(&s3, "bkt", "logs/a", None).await.unwrap_err(), "NoSuchKey");
    assert_eq!(content(&s3, "bkt", "keep", None).await.unwrap(), "x");
    // Once a day is enough, but new rules are carried out at once.
    assert_eq!(run(&s3).await, did(0, 0, 0, 0));
    let past = json!({ "Expiration": { "Date": 1_704_067_200_000_i64 } });
    set(&s3, json!([rule(past)])).await.unwrap();
    assert_eq!(run(&s3).await, did(1, 0, 0, 0));
    assert_eq!(content(&s3, "bkt", "keep", None).await.unwrap_err(), "NoSuchKey");
}

#[tokio::test]
async fn filters_say_which_objects() {
    let left = async |filter: Value| {
        let stand = Stand::new();
        let s3 = stand.start();
        bucket(&s3, "bkt").await;
        let tagged = put_object::Input {
            bucket: "bkt".into(),
            key: "a/tagged".into(),
            tagging: Some("k=v&l=w".into()),
            ..Default::default()
        };
        send::<PutObject>(&s3, tagged, "12345").await.unwrap();
        put(&s3, "bkt", "a/five", "12345").await;
        put(&s3, "bkt", "b/nine", "123456789").await;
        set(&s3, json!([rule(json!({ "Filter": filter, "Expiration": { "Date": 0 } }))])).await.unwrap();
        run(&s3).await;
        let mut left = String::new();
        for key in ["a/tagged", "a/five", "b/nine"] {
            if content(&s3, "bkt", key, None).await.is_ok() {
                left.push(key.as_bytes()[2].into());
            }
        }
        left
    };
    assert_eq!(left(json!({})).await, "");
    assert_eq!(left(json!({ "Prefix": "a/" })).await, "n");
    assert_eq!(left(json!({ "Tag": { "Key": "k", "Value": "v" } })).await, "fn");
    assert_eq!(left(json!({ "Tag": { "Key": "k", "Value": "w" } })).await, "tfn");
    assert_eq!(left(json!({ "ObjectSizeGreaterThan": 5 })).await, "tf");
    assert_eq!(left(json!({ "ObjectSizeLessThan": 9 })).await, "n");
    let tags = json!([{ "Key": "k", "Value": "v" }, { "Key": "l", "Value": "w" }]);
    assert_eq!(left(json!({ "And": { "Prefix": "a/", "Tags": tags } })).await, "fn");
    assert_eq!(left(json!({ "And": { "Prefix": "b/", "Tags": tags } })).await, "tfn");
    assert_eq!(
        left(json!({ "And": { "Prefix": "a/", "ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 6 } })).await,
        "n"
    );
}

#[tokio::test]
async fn with_versioning_a_marker_comes_first_then_versions_go_then_the_marker() {
    let (stand, s3) = stand().await;
    versioning(&s3, "bkt", "Enabled").await;
    let id = put(&s3, "bkt", "k", "x").await.unwrap();
    set(
        &s3,
        json!([rule(json!({ "Expiration": { "Days": 1 }, "NoncurrentVersionExpiration": { "NoncurrentDays": 2 } }))]),
    )
    .await
    .unwrap();
    days(&stand, 2);
    assert_eq!(run(&s3).await, did(1, 0, 0, 0));
    assert_eq!(content(&s3, "bkt", "k", Some(&id)).await.unwrap(), "x");
    days(&stand, 2);
    assert_eq!(run(&s3).await, did(0, 0, 0, 0));
    days(&stand, 1);
    // The version, and the marker of nothing, which is old enough too.
    assert_eq!(run(&s3).await, did(0, 2, 0, 0));
    let gone = delete_bucket::Input { bucket: "bkt".into(), ..Default::default() };
    call::<DeleteBucket>(&s3, gone).await.unwrap();
    assert_eq!(run(&s3).await, did(0, 0, 0, 0));
}

#[tokio::test]
async fn markers_of_nothing_go_when_a_rule_says_so() {
    let (_, s3) = stand().await;
    versioning(&s3, "bkt", "Enabled").await;
    delete(&s3, "bkt", "nothing", None).await;
    put(&s3, "bkt", "something", "x").await;
    delete(&s3, "bkt", "something", None).await;
    set(&s3, json!([rule(json!({ "Expiration": { "ExpiredObjectDeleteMarker": true } }))])).await.unwrap();
    assert_eq!(run(&s3).await, did(0, 1, 0, 0));
    assert!(s3.current("bkt", "nothing").await.unwrap().is_none());
    assert!(s3.current("bkt", "something").await.unwrap().unwrap().0.delete_marker);
}

#[tokio::test]
async fn some_older_versions_can_be_kept() {
    let (stand, s3) = stand().await;
    // One of them is called null.
    put(&s3, "bkt", "k", "null").await;
    versioning(&s3, "bkt", "Enabled").await;
    let mut ids = Vec::new();
    for at in 0..5 {
        ids.push(put(&s3, "bkt", "k", at.to_string()).await.unwrap());
    }
    put(&s3, "bkt", "other", "x").await;
    set(
        &s3,
        json!([rule(json!({ "NoncurrentVersionExpiration": { "NoncurrentDays": 1, "NewerNoncurrentVersions": 2 } }))]),
    )
    .await
    .unwrap();
    days(&stand, 1);
    assert_eq!(run(&s3).await, did(0, 0, 0, 0));
    days(&stand, 1);
    assert_eq!(run(&s3).await, did(0, 3, 0, 0));
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(content(&s3, "bkt", "k", Some(id)).await.is_ok(), at >= 2, "{at}");
    }
    assert_eq!(content(&s3, "bkt", "k", Some("null")).await.unwrap_err(), "NoSuchVersion");
    // The version called null is gone for whoever writes one again.
    versioning(&s3, "bkt", "Suspended").await;
    put(&s3, "bkt", "k", "again").await;
    assert_eq!(content(&s3, "bkt", "k", Some("null")).await.unwrap(), "again");
}

#[tokio::test]
async fn locked_versions_stay() {
    let stand = Stand::new();
    let s3 = stand.start();
    let made =
        create_bucket::Input { bucket: "bkt".into(), object_lock_enabled_for_bucket: Some(true), ..Default::default() };
    call::<CreateBucket>(&s3, made).await.unwrap();
    let until = Timestamp::from_ms(stand.clock.0.load(Ordering::SeqCst) + 10 * DAY_MS);
    let mut ids = Vec::new();
    for key in ["held", "retained", "free"] {
        let mut input = put_object::Input { bucket: "bkt".into(), key: key.into(), ..Default::default() };
        input.content_md5 = Some({
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(crate::checksum::Algorithm::Md5.of(b"x"))
        });
        input.object_lock_legal_hold_status = (key == "held").then(|| "ON".to_owned());
        input.object_lock_mode = (key == "retained").then(|| "GOVERNANCE".to_owned());
        input.object_lock_retain_until_date = (key == "retained").then_some(until);
        ids.push((key, send::<PutObject>(&s3, input, "x").await.unwrap().version_id.unwrap()));
    }
    set(
        &s3,
        json!([rule(json!({ "Expiration": { "Date": 0 }, "NoncurrentVersionExpiration": { "NoncurrentDays": 1 } }))]),
    )
    .await
    .unwrap();
    assert_eq!(run(&s3).await, did(3, 0, 0, 0));
    days(&stand, 3);
    // The free version and its marker.
    assert_eq!(run(&s3).await, did(0, 2, 0, 0));
    let left = async |s3: &S3| {
        let mut left = Vec::new();
        for (key, id) in &ids {
            if content(s3, "bkt", key, Some(id)).await.is_ok() {
                left.push(*key);
            }
        }
        left
    };
    assert_eq!(left(&s3).await, ["held", "retained"]);
    days(&stand, 10);
    assert_eq!(run(&s3).await, did(0, 2, 0, 0));
    assert_eq!(left(&s3).await, ["held"]);
    days(&stand, 4000);
    assert_eq!(run(&s3).await, did(0, 0, 0, 0));
    assert_eq!(left(&s3).await, ["held"]);
}

#[tokio::test]
async fn objects_move_and_archives_have_to_be_restored() {
    let (stand, s3) = stand().await;
    let big = vec![7; 128 * 1024];
    put(&s3, "bkt", "big", big.clone()).await;
    put(&s3, "bkt", "small", "x").await;
    set(
        &s3,
        json!([rule(json!({ "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" },
            { "Days": 90, "StorageClass": "GLACIER" }], "Expiration": { "Days": 2555 } }))]),
    )
    .await
    .unwrap();
    days(&stand, 31);
    assert_eq!(run(&s3).await, did(0, 0, 1, 0));
    assert_eq!((class(&s3, "big").await, class(&s3, "small").await), ("STANDARD_IA".into(), "STANDARD".into()));
    assert_eq!(content(&s3, "bkt", "big", None).await.unwrap(), big);
    days(&stand, 60);
    assert_eq!(run(&s3).await, did(0, 0, 1, 0));
    assert_eq!(class(&s3, "big").await, "GLACIER");
    let input = get_object::Input { bucket: "bkt".into(), key: "big".into(), ..Default::default() };
    let error = crate::harness::get(&s3, input).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.fields.str("StorageClass")), ("InvalidObjectState", Some("GLACIER")));
    let copy = copy_object::Input {
        bucket: "bkt".into(),
        key: "copy".into(),
        copy_source: "bkt/big".into(),
        ..Default::default()
    };
    assert_eq!(call::<CopyObject>(&s3, copy).await.unwrap_err().code, "InvalidObjectState");
    let restore = async |key: &str, days: i64, tier: &str| {
        use service::Operation as _;
        let call = a_call();
        let input = restore_object::Input {
            bucket: "bkt".into(),
            key: key.into(),
            restore_request: serde_json::from_value(json!({ "Days": days, "GlacierJobParameters": { "Tier": tier } }))
                .unwrap(),
            ..Default::default()
        };
        let done = RestoreObject::run(&s3, &call, input).await;
        done.map(|_| call.reply.lock().unwrap().status).map_err(|error| error.code.into_owned())
    };
    assert_eq!(restore("small", 1, "Standard").await.unwrap_err(), "InvalidObjectState");
    assert_eq!(restore("big", 0, "Standard").await.unwrap_err(), "InvalidArgument");
    assert_eq!(restore("big", 1, "Soon").await.unwrap_err(), "MalformedXML");
    assert_eq!(restore("big", 1, "Standard").await, Ok(Some(202)));
    assert_eq!(content(&s3, "bkt", "big", None).await.unwrap(), big);
    assert_eq!(restore("big", 2, "Bulk").await, Ok(None));
    let head = head_object::Input { bucket: "bkt".into(), key: "big".into(), ..Default::default() };
    let restored = call::<HeadObject>(&s3, head).await.unwrap().restore.unwrap();
    assert_eq!(restored, "ongoing-request=\"false\", expiry-date=\"Thu, 18 Apr 2024 00:00:00 GMT\"");
    days(&stand, 2);
    assert_eq!(content(&s3, "bkt", "big", None).await.unwrap(), big);
    days(&stand, 1);
    assert_eq!(content(&s3, "bkt", "big", None).await.unwrap_err(), "InvalidObjectState");
    days(&stand, 2555);
    assert_eq!(run(&s3).await, did(2, 0, 0, 0));
}

#[tokio::test]
async fn small_objects_move_where_the_rules_say_so() {
    let moved = async |minimum: Option<&str>, filter: Value, class: &str| {
        let (stand, s3) = stand().await;
        put(&s3, "bkt", "small", "x").await;
        let rules = json!([rule(json!({ "Filter": filter, "Transitions": [{ "Days": 30, "StorageClass": class }] }))]);
        let input = put_bucket_lifecycle_configuration::Input {
            bucket: "bkt".into(),
            lifecycle_configuration: serde_json::from_value(json!({ "Rules": rules })).unwrap(),
            transition_default_minimum_object_size: minimum.map(str::to_owned),
            ..Default::default()
        };
        call::<PutBucketLifecycleConfiguration>(&s3, input).await.unwrap();
        days(&stand, 31);
        run(&s3).await.moved == 1
    };
    assert!(!moved(None, json!({}), "GLACIER").await);
    assert!(moved(Some("varies_by_storage_class"), json!({}), "GLACIER").await);
    assert!(!moved(Some("varies_by_storage_class"), json!({}), "STANDARD_IA").await);
    assert!(moved(None, json!({ "ObjectSizeGreaterThan": 0 }), "STANDARD_IA").await);
}

#[tokio::test]
async fn uploads_are_given_up() {
    let (stand, s3) = stand().await;
    set(&s3, json!([rule(json!({ "ID": "u", "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 } }))]))
        .await
        .unwrap();
    let input = create_multipart_upload::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let begun = call::<CreateMultipartUpload>(&s3, input).await.unwrap();
    let at = begun.abort_date.unwrap();
    assert_eq!((at.iso8601().as_str(), begun.abort_rule_id.as_deref()), ("2024-01-23T00:00:00Z", Some("u")));
    days(&stand, 7);
    assert_eq!(run(&s3).await, did(0, 0, 0, 0));
    days(&stand, 1);
    assert_eq!(run(&s3).await, did(0, 0, 0, 1));
    let list =
        list_parts::Input { bucket: "bkt".into(), key: "k".into(), upload_id: begun.upload_id, ..Default::default() };
    assert_eq!(call::<ListParts>(&s3, list).await.unwrap_err().code, "NoSuchUpload");
    assert_eq!(s3.collect_garbage().await.unwrap().uploads, 1);
}

/// More rows than a step looks at; a process that dies between steps goes on where it was.
#[tokio::test]
async fn large_buckets_take_several_steps_and_survive_a_crash() {
    use state::{Expect, Op, State as _};
    let stand = Stand::new();
    let s3 = stand.start();
    bucket(&s3, "bkt").await;
    const OBJECTS: usize = 12_000;
    for at in (0..OBJECTS).step_by(3000) {
        let rows = (at..(at + 3000).min(OBJECTS)).map(|at| {
            let version = crate::object::Version { id: "null".into(), modified_ms: 1, ..Default::default() };
            let key = crate::versions::current_key("bkt", &format!("{at:06}"));
            Op::Put { table: crate::TABLE_OBJECTS, key, value: crate::to_json(&version), expect: Expect::Absent }
        });
        stand.state.commit(rows.collect()).await.unwrap();
    }
    set(&s3, json!([rule(json!({ "Expiration": { "Days": 1 } }))])).await.unwrap();
    let first = s3.run_lifecycle().await.unwrap();
    assert!(first.more && first.expired > 0 && first.expired < OBJECTS, "{first:?}");
    let s3 = stand.start();
    s3.recover().await.unwrap();
    let rest = run(&s3).await;
    assert_eq!(first.expired + rest.expired, OBJECTS);
    assert!(stand.state.scan(crate::TABLE_OBJECTS, state::Range::all(), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn rules_and_mfa_delete_do_not_go_together() {
    let (_, s3) = stand().await;
    set(&s3, json!([rule(json!({ "Expiration": { "Days": 1 } }))])).await.unwrap();
    s3.change_bucket("bkt", None, |bucket| {
        bucket.mfa_delete = Some(true);
        Ok(())
    })
    .await
    .unwrap();
    let refused = set(&s3, json!([rule(json!({ "Expiration": { "Days": 1 } }))])).await.unwrap_err();
    assert!(refused.starts_with("InvalidBucketState"), "{refused}");
}
