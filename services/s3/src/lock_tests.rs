//! Object Lock from the outside: what its operations answer, and that nothing removes what is locked.

use base::Timestamp;
use base::time::{DAY_MS, SECOND_MS};
use serde_json::json;
use service::ApiError;
use std::sync::atomic::Ordering;

use crate::S3;
use crate::harness::*;
use crate::ops::*;

/// A bucket with Object Lock on a clock that a test moves.
async fn stand() -> (Stand, S3) {
    let stand = Stand::new();
    let s3 = stand.start();
    let input =
        create_bucket::Input { bucket: "bkt".into(), object_lock_enabled_for_bucket: Some(true), ..Default::default() };
    call::<CreateBucket>(&s3, input).await.unwrap();
    (stand, s3)
}

fn wait(stand: &Stand, ms: i64) {
    stand.clock.0.fetch_add(ms, Ordering::SeqCst);
}

fn code<T>(result: Result<T, ApiError>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| format!("{} {}", error.code, error.message))
}

const PROTECTED: &str = "AccessDenied Access Denied because object protected by object lock.";

async fn remove(s3: &S3, key: &str, id: &str, bypass: bool) -> Result<(), String> {
    let input = delete_object::Input {
        bucket: "bkt".into(),
        key: key.into(),
        version_id: Some(id.into()),
        bypass_governance_retention: bypass.then_some(true),
        ..Default::default()
    };
    code(call::<DeleteObject>(s3, input).await)
}

async fn retain(s3: &S3, id: &str, retention: serde_json::Value, bypass: bool) -> Result<(), String> {
    let input = put_object_retention::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        version_id: Some(id.into()),
        retention: Some(serde_json::from_value(retention).unwrap()),
        bypass_governance_retention: bypass.then_some(true),
        ..Default::default()
    };
    code(call::<PutObjectRetention>(s3, input).await)
}

async fn hold(s3: &S3, id: &str, status: &str) -> Result<(), String> {
    let input = put_object_legal_hold::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        version_id: Some(id.into()),
        legal_hold: Some(serde_json::from_value(json!({ "Status": status })).unwrap()),
        ..Default::default()
    };
    code(call::<PutObjectLegalHold>(s3, input).await)
}

async fn configure(s3: &S3, bucket: &str, configuration: serde_json::Value) -> Result<(), String> {
    let input = put_object_lock_configuration::Input {
        bucket: bucket.into(),
        object_lock_configuration: Some(serde_json::from_value(configuration).unwrap()),
        ..Default::default()
    };
    code(call::<PutObjectLockConfiguration>(s3, input).await)
}

fn default(mode: &str, unit: &str, length: i64) -> serde_json::Value {
    json!({ "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": { "Mode": mode, unit: length } } })
}

/// Writes with a digest, as buckets that lock want it.
async fn write(s3: &S3, key: &str, body: &'static str, change: impl FnOnce(&mut put_object::Input)) -> String {
    let mut input = put_object::Input {
        bucket: "bkt".into(),
        key: key.into(),
        content_md5: Some(base64_md5(body)),
        ..Default::default()
    };
    change(&mut input);
    send::<PutObject>(s3, input, body).await.unwrap().version_id.unwrap()
}

fn base64_md5(body: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(crate::checksum::Algorithm::Md5.of(body.as_bytes()))
}

#[tokio::test]
async fn a_bucket_made_for_it_has_it_for_good() {
    let (_, s3) = stand().await;
    let input = get_object_lock_configuration::Input { bucket: "bkt".into(), ..Default::default() };
    let output = serde_json::to_value(call::<GetObjectLockConfiguration>(&s3, input).await.unwrap()).unwrap();
    assert_eq!(output["ObjectLockConfiguration"], json!({ "ObjectLockEnabled": "Enabled", "Rule": null }));
    let suspend = put_bucket_versioning::Input {
        bucket: "bkt".into(),
        versioning_configuration: serde_json::from_value(json!({ "Status": "Suspended" })).unwrap(),
        ..Default::default()
    };
    let refused = code(call::<PutBucketVersioning>(&s3, suspend).await).unwrap_err();
    assert!(refused.starts_with("InvalidBucketState An Object Lock configuration is present"), "{refused}");
    // Enabling it again, with or without a default, is the way to change the default.
    configure(&s3, "bkt", default("GOVERNANCE", "Days", 1)).await.unwrap();
    configure(&s3, "bkt", json!({ "ObjectLockEnabled": "Enabled" })).await.unwrap();
}

#[tokio::test]
async fn configurations_that_make_no_sense_are_refused() {
    let (_, s3) = stand().await;
    bucket(&s3, "plain").await;
    let refused = configure(&s3, "plain", default("GOVERNANCE", "Days", 1)).await.unwrap_err();
    assert!(refused.starts_with("InvalidBucketState Versioning must be 'Enabled'"), "{refused}");
    versioning(&s3, "plain", "Enabled").await;
    configure(&s3, "plain", default("GOVERNANCE", "Days", 1)).await.unwrap();
    let long = "InvalidArgument Default retention period too large.";
    let none = "InvalidArgument Default retention period must be a positive integer value.";
    for (configuration, expected) in [
        (default("GOVERNANCE", "Days", 0), none),
        (default("GOVERNANCE", "Days", -1), none),
        (default("COMPLIANCE", "Years", 0), none),
        (default("GOVERNANCE", "Days", 36_501), long),
        (default("GOVERNANCE", "Years", 101), long),
        (default("GOVERNANCE", "Days", i64::MAX), long),
        (default("governance", "Days", 1), "MalformedXML"),
        (default("GOVERNANCE", "Weeks", 1), "MalformedXML"),
        (json!({ "ObjectLockEnabled": "Disabled" }), "MalformedXML"),
        (json!({}), "MalformedXML"),
        (json!({ "ObjectLockEnabled": "Enabled", "Rule": {} }), "MalformedXML"),
        (
            json!({ "ObjectLockEnabled": "Enabled",
                "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": 1, "Years": 1 } } }),
            "MalformedXML",
        ),
    ] {
        let refused = configure(&s3, "bkt", configuration.clone()).await.unwrap_err();
        assert!(refused.starts_with(expected), "{configuration}: {refused}");
    }
}

#[tokio::test]
async fn new_versions_are_given_the_default_and_show_it() {
    let (stand, s3) = stand().await;
    configure(&s3, "bkt", default("COMPLIANCE", "Days", 3)).await.unwrap();
    let now = Timestamp::from_ms(stand.clock.0.load(Ordering::SeqCst));
    let id = write(&s3, "k", "x", |_| {}).await;
    let head = |id: &str| head_object::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        version_id: Some(id.into()),
        ..Default::default()
    };
    let shown = call::<HeadObject>(&s3, head(&id)).await.unwrap();
    assert_eq!(
        (shown.object_lock_mode, shown.object_lock_retain_until_date, shown.object_lock_legal_hold_status),
        (Some("COMPLIANCE"), Some(now.plus_ms(3 * DAY_MS)), None)
    );
    // What the request says comes first; a hold alone does not keep the default away.
    let own = write(&s3, "k", "x", |input| {
        input.object_lock_mode = Some("GOVERNANCE".into());
        input.object_lock_retain_until_date = Some(now.plus_ms(SECOND_MS));
        input.object_lock_legal_hold_status = Some("ON".into());
    })
    .await;
    let shown = call::<HeadObject>(&s3, head(&own)).await.unwrap();
    assert_eq!(
        (shown.object_lock_mode, shown.object_lock_retain_until_date, shown.object_lock_legal_hold_status),
        (Some("GOVERNANCE"), Some(now.plus_ms(SECOND_MS)), Some("ON"))
    );
    // A copy is locked as its place says, not as its source is.
    let copy = copy_object::Input {
        bucket: "bkt".into(),
        key: "copy".into(),
        copy_source: format!("bkt/k?versionId={own}"),
        ..Default::default()
    };
    call::<CopyObject>(&s3, copy).await.unwrap();
    let shown = head_object::Input { bucket: "bkt".into(), key: "copy".into(), ..Default::default() };
    let shown = call::<HeadObject>(&s3, shown).await.unwrap();
    assert_eq!((shown.object_lock_mode, shown.object_lock_legal_hold_status), (Some("COMPLIANCE"), None));
    // Without a digest of the content, nothing is locked.
    let bare = put_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let refused = code(send::<PutObject>(&s3, bare, "x").await).unwrap_err();
    assert!(refused.starts_with("InvalidRequest Content-MD5 OR x-amz-checksum-"), "{refused}");
}

#[tokio::test]
async fn members_of_a_request_that_make_no_sense_are_refused() {
    let (stand, s3) = stand().await;
    bucket(&s3, "plain").await;
    let now = Timestamp::from_ms(stand.clock.0.load(Ordering::SeqCst));
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
    type Change = Box<dyn Fn(&mut put_object::Input)>;
    let cases: Vec<(Change, &str)> = vec![
        (
            Box::new(|i| i.object_lock_mode = some("GOVERNANCE")),
            "InvalidArgument x-amz-object-lock-retain-until-date and",
        ),
        (
            Box::new(move |i| i.object_lock_retain_until_date = Some(now)),
            "InvalidArgument x-amz-object-lock-retain-until",
        ),
        (
            Box::new(move |i| {
                (i.object_lock_mode, i.object_lock_retain_until_date) = (some("GOVERNANCE"), Some(now));
            }),
            "InvalidArgument The retain until date must be in the future!",
        ),
        (
            Box::new(move |i| {
                (i.object_lock_mode, i.object_lock_retain_until_date) = (some("X"), Some(now.plus_ms(1)));
            }),
            "InvalidArgument Unknown wormMode directive.",
        ),
        (Box::new(|i| i.object_lock_legal_hold_status = some("on")), "InvalidArgument Legal Hold must be either"),
        (
            Box::new(|i| (i.bucket, i.object_lock_legal_hold_status) = ("plain".into(), some("ON"))),
            "InvalidRequest Bucket is missing Object Lock Configuration",
        ),
    ];
    for (change, expected) in cases {
        let mut input = put_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
        change(&mut input);
        let refused = code(send::<PutObject>(&s3, input, "x").await).unwrap_err();
        assert!(refused.starts_with(expected), "{refused}");
    }
    let id = write(&s3, "k", "x", |_| {}).await;
    assert_eq!(
        retain(&s3, &id, json!({ "Mode": "GOVERNANCE" }), false).await.unwrap_err().split(' ').next(),
        Some("MalformedXML")
    );
    assert!(hold(&s3, &id, "MAYBE").await.unwrap_err().starts_with("MalformedXML"));
    let get = get_object_retention::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let missing = code(call::<GetObjectRetention>(&s3, get).await).unwrap_err();
    assert_eq!(missing, "NoSuchObjectLockConfiguration The specified object does not have a ObjectLock configuration");
    let get = get_object_legal_hold::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    assert_eq!(code(call::<GetObjectLegalHold>(&s3, get).await).unwrap_err(), missing);
}

/// Root is who calls in these tests: compliance holds even so.
#[tokio::test]
async fn what_is_locked_is_not_removed() {
    let (stand, s3) = stand().await;
    let until = |ms: i64| stand.clock.0.load(Ordering::SeqCst) + ms;
    let id = write(&s3, "k", "x", |_| {}).await;
    retain(&s3, &id, json!({ "Mode": "GOVERNANCE", "RetainUntilDate": until(10_000) }), false).await.unwrap();
    assert_eq!(remove(&s3, "k", &id, false).await.unwrap_err(), PROTECTED);
    // A delete marker hides it, and can be removed again.
    let marker = delete(&s3, "bkt", "k", None).await.version_id.unwrap();
    remove(&s3, "k", &marker, false).await.unwrap();
    assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "x");
    remove(&s3, "k", &id, true).await.unwrap();
    assert_eq!(content(&s3, "bkt", "k", Some(&id)).await.unwrap_err(), "NoSuchVersion");

    let id = write(&s3, "k", "y", |_| {}).await;
    retain(&s3, &id, json!({ "Mode": "COMPLIANCE", "RetainUntilDate": until(10_000) }), false).await.unwrap();
    for bypass in [false, true] {
        assert_eq!(remove(&s3, "k", &id, bypass).await.unwrap_err(), PROTECTED);
        let shorter = json!({ "Mode": "COMPLIANCE", "RetainUntilDate": until(9_000) });
        assert_eq!(retain(&s3, &id, shorter, bypass).await.unwrap_err(), PROTECTED);
        let weaker = json!({ "Mode": "GOVERNANCE", "RetainUntilDate": until(20_000) });
        assert_eq!(retain(&s3, &id, weaker, bypass).await.unwrap_err(), PROTECTED);
        assert_eq!(retain(&s3, &id, json!({}), bypass).await.unwrap_err(), PROTECTED);
    }
    // Behind newer versions, and one of many in a call, it is as safe.
    write(&s3, "k", "z", |_| {}).await;
    let many = delete_objects::Input {
        bucket: "bkt".into(),
        delete: serde_json::from_value(json!({ "Objects": [{ "Key": "k", "VersionId": id }, { "Key": "other" }] }))
            .unwrap(),
        bypass_governance_retention: Some(true),
        ..Default::default()
    };
    let done = serde_json::to_value(call::<DeleteObjects>(&s3, many).await.unwrap()).unwrap();
    assert_eq!((&done["Deleted"][0]["Key"], &done["Errors"][0]["Code"]), (&json!("other"), &json!("AccessDenied")));
    let gone = delete_bucket::Input { bucket: "bkt".into(), ..Default::default() };
    assert!(code(call::<DeleteBucket>(&s3, gone).await).unwrap_err().starts_with("BucketNotEmpty"));

    // A hold outlasts the retention; when both are over, it goes.
    hold(&s3, &id, "ON").await.unwrap();
    wait(&stand, 10_000);
    assert_eq!(remove(&s3, "k", &id, true).await.unwrap_err(), PROTECTED);
    hold(&s3, &id, "OFF").await.unwrap();
    remove(&s3, "k", &id, false).await.unwrap();
}

/// The clock is the host's: set back, locks hold for longer; set forward, they end (ADR 9).
#[tokio::test]
async fn a_clock_set_back_frees_nothing() {
    let (stand, s3) = stand().await;
    configure(&s3, "bkt", default("COMPLIANCE", "Days", 1)).await.unwrap();
    let id = write(&s3, "k", "x", |_| {}).await;
    wait(&stand, -400 * DAY_MS);
    assert_eq!(remove(&s3, "k", &id, true).await.unwrap_err(), PROTECTED);
    wait(&stand, 401 * DAY_MS);
    remove(&s3, "k", &id, false).await.unwrap();
}

/// What was written before versioning has the version `null`, which a lock keeps like any other.
#[tokio::test]
async fn what_was_there_before_can_be_locked() {
    let s3 = service();
    bucket(&s3, "bkt").await;
    put(&s3, "bkt", "k", "old").await;
    versioning(&s3, "bkt", "Suspended").await;
    put(&s3, "bkt", "k", "older").await;
    versioning(&s3, "bkt", "Enabled").await;
    configure(&s3, "bkt", json!({ "ObjectLockEnabled": "Enabled" })).await.unwrap();
    hold(&s3, "null", "ON").await.unwrap();
    assert_eq!(remove(&s3, "k", "null", true).await.unwrap_err(), PROTECTED);
    write(&s3, "k", "new", |_| {}).await;
    assert_eq!(remove(&s3, "k", "null", true).await.unwrap_err(), PROTECTED);
    assert_eq!(content(&s3, "bkt", "k", Some("null")).await.unwrap(), "older");
}

#[tokio::test]
async fn uploads_in_parts_are_locked_when_they_are_done() {
    let (stand, s3) = stand().await;
    let until = Timestamp::from_ms(stand.clock.0.load(Ordering::SeqCst) + 5_000);
    let input = create_multipart_upload::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        object_lock_mode: Some("COMPLIANCE".into()),
        object_lock_retain_until_date: Some(until),
        ..Default::default()
    };
    let upload_id = call::<CreateMultipartUpload>(&s3, input).await.unwrap().upload_id;
    let part = |md5: Option<String>| upload_part::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: upload_id.clone(),
        part_number: 1,
        content_md5: md5,
        ..Default::default()
    };
    let refused = code(send::<UploadPart>(&s3, part(None), "x").await).unwrap_err();
    assert!(refused.contains("required for Put Part requests"), "{refused}");
    let etag = send::<UploadPart>(&s3, part(Some(base64_md5("x"))), "x").await.unwrap().etag;
    let input = complete_multipart_upload::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id,
        multipart_upload: Some(
            serde_json::from_value(json!({ "Parts": [{ "PartNumber": 1, "ETag": etag }] })).unwrap(),
        ),
        ..Default::default()
    };
    let id = call::<CompleteMultipartUpload>(&s3, input).await.unwrap().version_id.unwrap();
    assert_eq!(remove(&s3, "k", &id, true).await.unwrap_err(), PROTECTED);
}

#[tokio::test]
async fn what_other_services_write_is_locked_too() {
    use ports::Buckets as _;
    let (_, s3) = stand().await;
    configure(&s3, "bkt", default("COMPLIANCE", "Years", 7)).await.unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},
        "Action":"s3:PutObject","Resource":"arn:aws:s3:::bkt/*"}]}"#;
    set_policy(&s3, "bkt", policy).await;
    let put = ports::ServicePut {
        principal: "cloudtrail.amazonaws.com".into(),
        source_arn: "arn:aws:cloudtrail:us-east-1:123456789012:trail/t".into(),
        source_account: "123456789012".into(),
        bucket: "bkt".into(),
        key: "k".into(),
        body: "x".into(),
        acl: "bucket-owner-full-control".into(),
        content_type: None,
        content_encoding: None,
        metadata: vec![],
        kms_key: None,
    };
    s3.put(put).await.unwrap();
    let id = s3.current("bkt", "k").await.unwrap().unwrap().0.id;
    assert_eq!(remove(&s3, "k", &id, true).await.unwrap_err(), PROTECTED);
}

/// Who may not set governance aside cannot, by saying so.
#[tokio::test]
async fn setting_governance_aside_wants_permission() {
    struct Strict;

    #[async_trait::async_trait]
    impl ports::Authorizer for Strict {
        async fn decide(&self, request: &ports::AccessRequest<'_>) -> Result<ports::Decision, ports::Unavailable> {
            let refused = ["s3:BypassGovernanceRetention", "s3:GetObjectRetention", "s3:PutObjectLegalHold"];
            let refused = refused.contains(&request.action);
            Ok(if refused { ports::Decision::ImplicitDeny(ports::Layer::Identity) } else { ports::Decision::FREE })
        }
    }

    let (stand, s3) = stand().await;
    let s3 = s3.with_authorizer(std::sync::Arc::new(Strict));
    configure(&s3, "bkt", default("GOVERNANCE", "Days", 1)).await.unwrap();
    let id = write(&s3, "k", "x", |_| {}).await;
    let refused = remove(&s3, "k", &id, true).await.unwrap_err();
    assert!(refused.contains("not authorized to perform: s3:BypassGovernanceRetention"), "{refused}");
    let until = stand.clock.0.load(Ordering::SeqCst) + 1;
    let refused = retain(&s3, &id, json!({ "Mode": "GOVERNANCE", "RetainUntilDate": until }), true).await.unwrap_err();
    assert!(refused.contains("s3:BypassGovernanceRetention"), "{refused}");
    let held = put_object::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        object_lock_legal_hold_status: Some("ON".into()),
        ..Default::default()
    };
    let refused = code(send::<PutObject>(&s3, held, "x").await).unwrap_err();
    assert!(refused.contains("s3:PutObjectLegalHold"), "{refused}");
    // Nor is the retention shown to who may not ask for it.
    let head = head_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    assert_eq!(call::<HeadObject>(&s3, head).await.unwrap().object_lock_mode, None);
    // A bucket that has no locks knows of nothing to set aside.
    bucket(&s3, "plain").await;
    let input = delete_object::Input {
        bucket: "plain".into(),
        key: "k".into(),
        bypass_governance_retention: Some(true),
        ..Default::default()
    };
    let refused = code(call::<DeleteObject>(&s3, input).await).unwrap_err();
    assert!(refused.starts_with("InvalidArgument x-amz-bypass-governance-retention is only applicable"), "{refused}");
}
