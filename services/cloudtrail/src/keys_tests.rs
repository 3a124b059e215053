//! Trails and event data stores with keys of KMS.

use ports::BucketError;
use serde_json::{Value, json};

use crate::fakes::FakeKey;
use crate::stepped::Stepped;
use crate::testing::{World, run};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const ID: &str = "11111111-2222-3333-4444-555555555555";
const GOOD: FakeKey = FakeKey { enabled: true, symmetric: true, lets: true };

fn world() -> World {
    let world = World::new();
    let named = |name: &str| format!("arn:aws:kms:us-east-1:123456789012:key/{name}");
    let keys = [
        (KEY.to_owned(), GOOD),
        (named("off"), FakeKey { enabled: false, ..GOOD }),
        (named("pair"), FakeKey { symmetric: false, ..GOOD }),
        (named("closed"), FakeKey { lets: false, ..GOOD }),
        ("arn:aws:kms:eu-west-1:123456789012:key/far".to_owned(), GOOD),
    ];
    *world.kms.keys.lock().unwrap() = keys.into();
    let alias = ("arn:aws:kms:us-east-1:123456789012:alias/logs".to_owned(), KEY.to_owned());
    *world.kms.aliases.lock().unwrap() = [alias].into();
    world
}

#[tokio::test]
async fn the_key_of_a_trail_is_found_and_checked() {
    let world = world();
    let ct = world.open().await;
    for (named, expected) in [
        (KEY, Ok(())),
        (ID, Ok(())),
        ("alias/logs", Ok(())),
        ("arn:aws:kms:us-east-1:123456789012:alias/logs", Ok(())),
        ("alias/none", Err("KmsKeyNotFoundException")),
        ("arn:aws:kms:eu-west-1:123456789012:key/far", Err("KmsKeyNotFoundException")),
        ("arn:aws:s3:::logs", Err("InvalidKmsKeyIdException")),
        ("a key", Err("InvalidKmsKeyIdException")),
        ("pair", Err("InvalidKmsKeyIdException")),
        ("off", Err("KmsException")),
        ("closed", Err("InsufficientEncryptionPolicyException")),
    ] {
        let made =
            run(&ct, "us-east-1", "CreateTrail", json!({"Name": "audit", "S3BucketName": "logs", "KmsKeyId": named}));
        match (made.await, expected) {
            (Ok(made), Ok(())) => {
                assert_eq!(made["KmsKeyId"], json!(KEY), "{named}");
                run(&ct, "us-east-1", "DeleteTrail", json!({"Name": "audit"})).await.unwrap();
            }
            (Err(error), Err(code)) => assert_eq!(error.code, code, "{named}: {error}"),
            (answer, expected) => panic!("{named}: {answer:?}, not {expected:?}"),
        }
    }
    let asked = world.kms.asked.lock().unwrap().clone();
    let arn = "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit";
    let context = vec![("aws:cloudtrail:arn".to_owned(), arn.to_owned())];
    assert!(asked.iter().all(|asked| *asked == (context.clone(), Some(arn.to_owned()))), "{asked:?}");
    // The refusal that people know.
    let input = json!({"Name": "audit", "S3BucketName": "logs", "KmsKeyId": "closed"});
    let error = run(&ct, "us-east-1", "CreateTrail", input).await.unwrap_err();
    let closed = KEY.replace(ID, "closed");
    assert_eq!(error.message, format!("Insufficient permissions to access S3 bucket logs or KMS key {closed}."));
}

#[tokio::test]
async fn the_key_of_a_trail_comes_and_goes() {
    let world = world();
    let ct = world.open().await;
    let call = |operation: &'static str, input: Value| {
        let ct = ct.clone();
        async move { run(&ct, "us-east-1", operation, input).await.unwrap() }
    };
    call("CreateTrail", json!({"Name": "audit", "S3BucketName": "logs"})).await;
    assert_eq!(call("GetTrail", json!({"Name": "audit"})).await["Trail"]["KmsKeyId"], Value::Null);
    assert_eq!(call("UpdateTrail", json!({"Name": "audit", "KmsKeyId": ID})).await["KmsKeyId"], json!(KEY));
    assert_eq!(call("UpdateTrail", json!({"Name": "audit", "S3KeyPrefix": "p"})).await["KmsKeyId"], json!(KEY));
    assert_eq!(call("DescribeTrails", json!({})).await["trailList"][0]["KmsKeyId"], json!(KEY));
    assert_eq!(call("UpdateTrail", json!({"Name": "audit", "KmsKeyId": ""})).await["KmsKeyId"], Value::Null);
}

#[tokio::test]
async fn files_and_digests_wait_for_a_key_that_is_disabled() {
    let world = world();
    let mut stepped = Stepped::open(&world).await;
    let settings = json!({"Name": "audit", "S3BucketName": "logs", "KmsKeyId": KEY, "EnableLogFileValidation": true});
    stepped.call("CreateTrail", settings).await;
    stepped.call("StartLogging", json!({"Name": "audit"})).await;
    world.event("one", "us-east-1").await;
    assert_eq!(stepped.round(&world).await, []);
    world.buckets.refuse("logs", Some(BucketError::Kms("KMS.DisabledException")));
    world.event("two", "us-east-1").await;
    world.clock.advance(30_000);
    assert!(!stepped.round(&world).await.is_empty());
    let status = stepped.call("GetTrailStatus", json!({"Name": "audit"})).await;
    assert_eq!(status["LatestDeliveryError"], json!("KMS.DisabledException"));
    assert_eq!(status["LatestDigestDeliveryError"], json!("KMS.DisabledException"));
    world.buckets.refuse("logs", None);
    assert_eq!(stepped.round(&world).await, []);
    let status = stepped.call("GetTrailStatus", json!({"Name": "audit"})).await;
    assert_eq!(status["LatestDeliveryError"], Value::Null);
    stepped.call("DeleteTrail", json!({"Name": "audit"})).await;
    assert_eq!(stepped.round(&world).await, []);
    let encrypted = world.buckets.encrypted.lock().unwrap().clone();
    let stored = world.buckets.buckets.lock().unwrap()["logs"].clone();
    assert!(stored.keys().any(|key| key.contains("/CloudTrail-Digest/")));
    assert!(stored.keys().filter(|key| key.contains("/CloudTrail/")).count() >= 2);
    for key in stored.keys() {
        assert_eq!(encrypted.get(key).map(String::as_str), Some(KEY), "{key}");
    }
}

#[tokio::test]
async fn the_key_of_an_event_data_store_stays() {
    let world = world();
    let ct = world.open().await;
    let made = run(&ct, "us-east-1", "CreateEventDataStore", json!({"Name": "store", "KmsKeyId": "alias/logs"}))
        .await
        .unwrap();
    assert_eq!(made["KmsKeyId"], json!(KEY));
    let store = made["EventDataStoreArn"].clone();
    let kept = |world: &World| world.event_stores.keys.lock().unwrap().values().cloned().collect::<Vec<_>>();
    let under = kept(&world);
    assert_eq!(under.len(), 1, "its records are kept under it");
    assert_eq!((json!(under[0].key_arn), json!(under[0].source_arn)), (json!(KEY), store.clone()));
    let update = |key: &str| json!({"EventDataStore": store, "KmsKeyId": key});
    assert_eq!(run(&ct, "us-east-1", "UpdateEventDataStore", update(KEY)).await.unwrap()["KmsKeyId"], json!(KEY));
    for (key, code) in [("closed", "InsufficientEncryptionPolicyException"), ("off", "KmsException")] {
        assert_eq!(run(&ct, "us-east-1", "UpdateEventDataStore", update(key)).await.unwrap_err().code, code);
    }
    world.kms.keys.lock().unwrap().insert(KEY.replace(ID, "other"), GOOD);
    let error = run(&ct, "us-east-1", "UpdateEventDataStore", update("other")).await.unwrap_err();
    assert_eq!(error.code, "InvalidParameterException");
    assert_eq!(kept(&world).len(), 1);
    // One that had none gets one; the key must be where the store is.
    let made = run(&ct, "us-east-1", "CreateEventDataStore", json!({"Name": "later"})).await.unwrap();
    let later = |key: &str| json!({"EventDataStore": made["EventDataStoreArn"], "KmsKeyId": key});
    let far = later("arn:aws:kms:eu-west-1:123456789012:key/far");
    let error = run(&ct, "us-east-1", "UpdateEventDataStore", far).await.unwrap_err();
    assert_eq!(error.code, "KmsKeyNotFoundException");
    run(&ct, "us-east-1", "UpdateEventDataStore", later(ID)).await.unwrap();
    assert_eq!(kept(&world).len(), 2);
}

#[tokio::test]
async fn what_is_under_a_key_is_not_queried_without_it() {
    let world = world();
    let ct = world.open().await;
    let made = run(&ct, "us-east-1", "CreateEventDataStore", json!({"Name": "store", "KmsKeyId": ID})).await.unwrap();
    let store = made["EventDataStoreArn"].as_str().unwrap().split_once('/').unwrap().1.to_owned();
    let query = async |statement: String| {
        let started = run(&ct, "us-east-1", "StartQuery", json!({ "QueryStatement": statement })).await.unwrap();
        loop {
            let query = json!({ "QueryId": started["QueryId"] });
            let described = run(&ct, "us-east-1", "DescribeQuery", query).await.unwrap();
            if described["QueryStatus"] != "RUNNING" && described["QueryStatus"] != "QUEUED" {
                return (described["QueryStatus"].clone(), described["ErrorMessage"].clone());
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(query(format!("SELECT 1 FROM {store}")).await.0, "FINISHED");
    world.event_stores.locked.store(true, std::sync::atomic::Ordering::SeqCst);
    let (status, why) = query(format!("SELECT 1 FROM {store}")).await;
    assert_eq!(status, "FAILED");
    assert!(why.as_str().unwrap().ends_with(&format!("DisabledException: {KEY} is disabled.")), "{why}");
    assert_eq!(query("SELECT 1 FROM events".to_owned()).await.0, "FINISHED");
    assert_eq!(world.query_engine.ran.lock().unwrap().len(), 2, "it did not run");
}
