//! Tests of content under keys of KMS: what is asked of KMS, what is kept, and who reads it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::Region;
use base64::Engine as _;
use ports::{
    BucketError, Buckets, Caller, DataKey, KeyError, KeyInfo, KeyUse, Keys, PlainKey, ServerBuckets, ServicePut,
};
use service::{ApiError, Operation};

use crate::S3;
use crate::harness::*;
use crate::object::Data;
use crate::ops::*;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const MANAGED: &str = "arn:aws:kms:us-east-1:123456789012:key/99999999-2222-3333-4444-555555555555";
const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/t";
const MIB5: usize = 5 * 1024 * 1024;

/// Two keys. A ciphertext is the key's ARN, the context and the data key, one after the other.
#[derive(Default)]
struct FakeKeys {
    /// What every use is refused with.
    refusal: Mutex<Option<&'static str>>,
    /// Every use by a caller: its operation, who, for which service, the context.
    uses: Mutex<Vec<String>>,
    made: Mutex<u8>,
}

fn label(arn: &str, context: &[(&str, &str)]) -> String {
    let mut context = context.to_vec();
    context.sort_unstable();
    format!("{arn} {context:?} ")
}

impl FakeKeys {
    fn find(&self, key: &str) -> Result<&'static str, KeyError> {
        let refused = |code: &str| KeyError::Refused { code: code.to_owned(), message: format!("{code} of {key}") };
        if let Some(code) = *self.refusal.lock().unwrap() {
            return Err(refused(code));
        }
        match key {
            _ if key.ends_with("alias/aws/s3") || key == MANAGED => Ok(MANAGED),
            KEY | "alias/mine" | "11111111-2222-3333-4444-555555555555" => Ok(KEY),
            _ => Err(refused("NotFoundException")),
        }
    }

    fn make(&self, key: &str, context: &[(&str, &str)]) -> Result<DataKey, KeyError> {
        let arn = self.find(key)?;
        let mut made = self.made.lock().unwrap();
        *made += 1;
        let plaintext = vec![*made; 32];
        let ciphertext = [label(arn, context).as_bytes(), &plaintext].concat();
        Ok(DataKey { plaintext, ciphertext, key_arn: arn.to_owned() })
    }

    fn open(&self, key: &str, context: &[(&str, &str)], ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        let arn = self.find(key)?;
        let plaintext = ciphertext.strip_prefix(label(arn, context).as_bytes()).ok_or_else(|| KeyError::Refused {
            code: "InvalidCiphertextException".to_owned(),
            message: String::new(),
        })?;
        Ok(PlainKey { plaintext: plaintext.to_vec(), key_arn: arn.to_owned() })
    }

    fn note(&self, what: &str, asked: &KeyUse<'_>) {
        let who = match asked.caller {
            Caller::Service { principal } => principal.to_string(),
            caller => caller.arn().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned(),
        };
        let context: Vec<String> = asked.context.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let source = asked.source_arn.map(|arn| format!(" for {arn}")).unwrap_or_default();
        let text = format!("{what} {who} {}{source} {}", asked.service, context.join(" "));
        self.uses.lock().unwrap().push(text);
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.uses.lock().unwrap())
    }
}

#[async_trait]
impl Keys for FakeKeys {
    async fn describe(&self, _: Region, key: &str) -> Result<KeyInfo, KeyError> {
        Ok(KeyInfo { arn: self.find(key)?.to_owned(), enabled: true, symmetric: true, managed: false })
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        assert_eq!(bytes, 32);
        self.note("make", asked);
        self.make(asked.key.unwrap(), asked.context)
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        self.note("open", asked);
        self.open(asked.key.unwrap(), asked.context, ciphertext)
    }

    async fn permitted_data_key(
        &self,
        _: Region,
        key: &str,
        context: &[(&str, &str)],
        _: usize,
    ) -> Result<DataKey, KeyError> {
        self.make(key, context)
    }

    async fn open_data_key(
        &self,
        _: Region,
        key: &str,
        context: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        self.open(key, context, ciphertext)
    }
}

async fn stand() -> (Stand, S3, Arc<FakeKeys>) {
    let (stand, keys) = (Stand::new(), Arc::new(FakeKeys::default()));
    let s3 = stand.start().with_keys(Arc::clone(&keys) as Arc<dyn Keys>);
    bucket(&s3, "bkt").await;
    (stand, s3, keys)
}

fn kms(key: Option<&str>) -> put_object::Input {
    put_object::Input {
        bucket: "bkt".into(),
        key: "k".into(),
        server_side_encryption: Some("aws:kms".into()),
        sse_kms_key_id: key.map(str::to_owned),
        ..Default::default()
    }
}

async fn by_default(s3: &S3, algorithm: &str, key: Option<&str>, bucket_key: bool) {
    let mut rule = serde_json::json!({ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": algorithm },
        "BucketKeyEnabled": bucket_key });
    if let Some(key) = key {
        rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = key.into();
    }
    let input = put_bucket_encryption::Input {
        bucket: "bkt".into(),
        configuration: serde_json::json!({ "Rules": [rule] }),
        ..Default::default()
    };
    call::<PutBucketEncryption>(s3, input).await.unwrap();
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (String, u16) {
    let error = result.unwrap_err();
    (error.code.into_owned(), error.status)
}

#[tokio::test]
async fn keys_are_named_in_any_way_and_shown_by_arn() {
    for (given, shown) in [
        (None, MANAGED),
        (Some(KEY), KEY),
        (Some("alias/mine"), KEY),
        (Some("11111111-2222-3333-4444-555555555555"), KEY),
    ] {
        let (_stand, s3, keys) = stand().await;
        let output = send::<PutObject>(&s3, kms(given), "hello").await.unwrap();
        assert_eq!((output.server_side_encryption, output.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some(shown)));
        assert_eq!((output.bucket_key_enabled, output.sse_kms_encryption_context), (None, None));
        // As on AWS, the entity tag is not the MD5.
        assert!(output.etag.len() == 34 && output.etag != "\"5d41402abc4b2a76b9719d911017c592\"");
        assert_eq!(keys.taken(), ["make root s3 aws:s3:arn=arn:aws:s3:::bkt/k"]);
        let head = head_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
        let head = call::<HeadObject>(&s3, head).await.unwrap();
        assert_eq!((head.server_side_encryption, head.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some(shown)));
        assert!(keys.taken().is_empty(), "looking at an object needs no key");
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "hello");
        assert_eq!(keys.taken(), ["open root s3 aws:s3:arn=arn:aws:s3:::bkt/k"]);
    }
    let (_stand, s3, _) = stand().await;
    let unknown = send::<PutObject>(&s3, kms(Some("alias/none")), "x").await;
    assert_eq!(code(unknown), ("KMS.NotFoundException".to_owned(), 400));
    assert_eq!(content(&s3, "bkt", "k", None).await.unwrap_err(), "NoSuchKey");
}

#[tokio::test]
async fn content_lies_under_the_data_key_alone() {
    for size in [0, 100, 9_000, 700_000] {
        let (stand, s3, _) = stand().await;
        let body: Vec<u8> = (0..size).map(|at: u32| u8::try_from(at % 251).unwrap()).collect();
        send::<PutObject>(&s3, kms(Some(KEY)), body.clone()).await.unwrap();
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), body, "{size}");
        if size == 0 {
            continue;
        }
        let range = Some("bytes=10-20".to_owned());
        let input = get_object::Input { bucket: "bkt".into(), key: "k".into(), range, ..Default::default() };
        assert_eq!(get(&s3, input).await.unwrap().1, body[10..=20]);
        // The host key does not open it, nor does another data key.
        let version = s3.current("bkt", "k").await.unwrap().unwrap().0;
        assert!(version.data.is_sealed() && !matches!(version.data, Data::Empty));
        for keys in [keys(), Arc::new(seal::HostKeys::of_data_key(&[77; 32]).unwrap())] {
            assert!(s3.open(&version.data, 0..version.size, &keys).await.is_err());
        }
        // Without KMS there is nothing to be had.
        let without = stand.start();
        assert_eq!(content(&without, "bkt", "k", None).await.unwrap_err(), "KMS.NotFoundException");
    }
}

#[tokio::test]
async fn refusals_of_kms_are_told_as_s3_tells_them() {
    let (_stand, s3, keys) = stand().await;
    send::<PutObject>(&s3, kms(Some(KEY)), "hello").await.unwrap();
    for (refusal, expected) in [
        ("DisabledException", ("KMS.DisabledException", 400)),
        ("KMSInvalidStateException", ("KMS.KMSInvalidStateException", 400)),
        ("NotFoundException", ("KMS.NotFoundException", 400)),
        ("AccessDeniedException", ("AccessDenied", 403)),
    ] {
        *keys.refusal.lock().unwrap() = Some(refusal);
        let expected = (expected.0.to_owned(), expected.1);
        assert_eq!(code(send::<PutObject>(&s3, kms(Some(KEY)), "other").await), expected);
        let input = get_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
        assert_eq!(code(get(&s3, input).await), expected);
        let read = Buckets::get(&s3, "bkt", "k").await.unwrap_err();
        assert_eq!(read.code(), if expected.1 == 403 { "KMS.AccessDeniedException" } else { &expected.0 });
    }
    *keys.refusal.lock().unwrap() = None;
    assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "hello");

    // Nobody uses a key without a name.
    let anonymous = service::Call { caller: Caller::Anonymous, ..a_call() };
    let input = get_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let refused = GetObject::run(&s3, &anonymous, input).await;
    assert_eq!(code(refused), ("InvalidArgument".to_owned(), 400));
}

#[tokio::test]
async fn encryption_contexts_come_in_a_header() {
    let (_stand, s3, keys) = stand().await;
    let encoded = |json: &str| Some(base64::engine::general_purpose::STANDARD.encode(json));
    let with = |context| put_object::Input { sse_kms_encryption_context: context, ..kms(Some(KEY)) };
    let given = encoded(r#"{"team":"blue"}"#);
    let output = send::<PutObject>(&s3, with(given.clone()), "hello").await.unwrap();
    assert_eq!(output.sse_kms_encryption_context, given);
    assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "hello");
    let context = "team=blue aws:s3:arn=arn:aws:s3:::bkt/k";
    assert_eq!(keys.taken(), [format!("make root s3 {context}"), format!("open root s3 {context}")]);
    for wrong in [Some("?".to_owned()), encoded("[]"), encoded(r#"{"a":1}"#), encoded(r#"{"aws:s3:arn":"other"}"#)] {
        let refused = send::<PutObject>(&s3, with(wrong), "x").await;
        assert_eq!(code(refused), ("InvalidArgument".to_owned(), 400));
    }
    let own = encoded(r#"{"aws:s3:arn":"arn:aws:s3:::bkt/k"}"#);
    send::<PutObject>(&s3, with(own), "x").await.unwrap();
    let aes = put_object::Input { server_side_encryption: Some("AES256".into()), ..kms(Some(KEY)) };
    assert_eq!(code(send::<PutObject>(&s3, aes, "x").await), ("InvalidArgument".to_owned(), 400));
}

#[tokio::test]
async fn a_bucket_says_how_what_comes_without_a_word_is_encrypted() {
    let (_stand, s3, keys) = stand().await;
    let plain = || put_object::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    by_default(&s3, "aws:kms", Some("alias/mine"), false).await;
    let output = send::<PutObject>(&s3, plain(), "1").await.unwrap();
    assert_eq!((output.server_side_encryption, output.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some(KEY)));
    // Who asks for the algorithm without a key gets S3's own.
    let output = send::<PutObject>(&s3, kms(None), "1").await.unwrap();
    assert_eq!(output.sse_kms_key_id.as_deref(), Some(MANAGED));
    let aes = put_object::Input { server_side_encryption: Some("AES256".into()), ..plain() };
    let output = send::<PutObject>(&s3, aes, "1").await.unwrap();
    assert_eq!((output.server_side_encryption, output.sse_kms_key_id), (Some("AES256"), None));
    by_default(&s3, "aws:kms:dsse", None, true).await;
    let output = send::<PutObject>(&s3, plain(), "1").await.unwrap();
    assert_eq!((output.server_side_encryption, output.bucket_key_enabled), (Some("aws:kms:dsse"), None));
    assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), "1");
    keys.taken();
    call::<DeleteBucketEncryption>(&s3, delete_bucket_encryption::Input { bucket: "bkt".into(), ..Default::default() })
        .await
        .unwrap();
    let output = send::<PutObject>(&s3, plain(), "1").await.unwrap();
    assert_eq!(output.server_side_encryption, Some("AES256"));
    assert!(keys.taken().is_empty());
    // An unknown key is the bucket's fault, found out when it is used.
    by_default(&s3, "aws:kms", Some("alias/none"), false).await;
    assert_eq!(code(send::<PutObject>(&s3, plain(), "1").await).0, "KMS.NotFoundException");
}

#[tokio::test]
async fn a_bucket_key_spares_calls_of_kms_for_a_while() {
    let (stand, s3, keys) = stand().await;
    by_default(&s3, "aws:kms", Some(KEY), true).await;
    for key in ["a", "b", "c"] {
        let input = put_object::Input { bucket: "bkt".into(), key: key.into(), ..Default::default() };
        let output = send::<PutObject>(&s3, input, key).await.unwrap();
        assert_eq!(output.bucket_key_enabled, Some(true));
    }
    for key in ["a", "b", "c", "a"] {
        assert_eq!(content(&s3, "bkt", key, None).await.unwrap(), key);
    }
    let context = "root s3 aws:s3:arn=arn:aws:s3:::bkt";
    assert_eq!(keys.taken(), [format!("make {context}"), format!("open {context}")]);
    // Every requester is seen by KMS once.
    let alice = Caller::User {
        account: "123456789012".into(),
        user_id: "AIDA".into(),
        user_name: "alice".into(),
        arn: "arn:aws:iam::123456789012:user/alice".into(),
        access_key_id: "AKIAA".into(),
    };
    for _ in 0..2 {
        let call = service::Call { caller: alice.clone(), ..a_call() };
        let input = get_object::Input { bucket: "bkt".into(), key: "b".into(), ..Default::default() };
        GetObject::run(&s3, &call, input).await.unwrap();
    }
    assert_eq!(keys.taken(), ["open user/alice s3 aws:s3:arn=arn:aws:s3:::bkt"]);
    // Later, and after a start, KMS is asked anew.
    stand.clock.0.fetch_add(5 * 60_000, Ordering::SeqCst);
    assert_eq!(content(&s3, "bkt", "a", None).await.unwrap(), "a");
    assert_eq!(keys.taken().len(), 1);
    // A request's word counts more than the bucket's.
    let input = put_object::Input { bucket_key_enabled: Some(false), ..kms(None) };
    assert_eq!(send::<PutObject>(&s3, input, "x").await.unwrap().bucket_key_enabled, None);
    assert_eq!(keys.taken(), ["make root s3 aws:s3:arn=arn:aws:s3:::bkt/k"]);
}

#[tokio::test]
async fn copies_are_decrypted_and_encrypted_anew() {
    let (_stand, s3, keys) = stand().await;
    send::<PutObject>(&s3, kms(Some(KEY)), "hello").await.unwrap();
    keys.taken();
    let copy = |key: &str, algorithm: Option<&str>| copy_object::Input {
        bucket: "bkt".into(),
        key: key.into(),
        copy_source: "bkt/k".into(),
        server_side_encryption: algorithm.map(str::to_owned),
        ..Default::default()
    };
    let shown = |output: copy_object::Output| {
        let output = serde_json::to_value(output).unwrap();
        (output["ServerSideEncryption"].clone(), output["SSEKMSKeyId"].clone())
    };
    let output = call::<CopyObject>(&s3, copy("plain", None)).await.unwrap();
    assert_eq!(shown(output), ("AES256".into(), serde_json::Value::Null));
    assert_eq!(keys.taken(), ["open root s3 aws:s3:arn=arn:aws:s3:::bkt/k"]);
    let output = call::<CopyObject>(&s3, copy("sealed", Some("aws:kms"))).await.unwrap();
    assert_eq!(shown(output), ("aws:kms".into(), MANAGED.into()));
    assert_eq!(
        keys.taken(),
        ["open root s3 aws:s3:arn=arn:aws:s3:::bkt/k", "make root s3 aws:s3:arn=arn:aws:s3:::bkt/sealed"]
    );
    // To itself, with another encryption.
    assert_eq!(code(call::<CopyObject>(&s3, copy("k", None)).await).0, "InvalidRequest");
    call::<CopyObject>(&s3, copy("k", Some("AES256"))).await.unwrap();
    for key in ["k", "plain", "sealed"] {
        assert_eq!(content(&s3, "bkt", key, None).await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn the_parts_of_an_upload_share_its_data_key() {
    let (_stand, s3, keys) = stand().await;
    send::<PutObject>(&s3, kms(None), vec![3; 70_000]).await.unwrap();
    keys.taken();
    let begin = create_multipart_upload::Input {
        bucket: "bkt".into(),
        key: "large".into(),
        server_side_encryption: Some("aws:kms".into()),
        sse_kms_key_id: Some("alias/mine".into()),
        ..Default::default()
    };
    let begun = call::<CreateMultipartUpload>(&s3, begin).await.unwrap();
    assert_eq!((begun.server_side_encryption, begun.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some(KEY)));
    let context = "root s3 aws:s3:arn=arn:aws:s3:::bkt/large";
    assert_eq!(keys.taken(), [format!("make {context}")]);
    let part = upload_part::Input {
        bucket: "bkt".into(),
        key: "large".into(),
        upload_id: begun.upload_id.clone(),
        part_number: 1,
        ..Default::default()
    };
    let first = send::<UploadPart>(&s3, part, vec![1; MIB5]).await.unwrap();
    assert_eq!((first.server_side_encryption, first.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some(KEY)));
    let part = upload_part_copy::Input {
        bucket: "bkt".into(),
        key: "large".into(),
        upload_id: begun.upload_id.clone(),
        part_number: 2,
        copy_source: "bkt/k".into(),
        ..Default::default()
    };
    let second = serde_json::to_value(call::<UploadPartCopy>(&s3, part).await.unwrap()).unwrap();
    assert_eq!(second["SSEKMSKeyId"], KEY);
    let complete = || {
        let parts = serde_json::json!({ "Parts": [
            { "PartNumber": 1, "ETag": first.etag },
            { "PartNumber": 2, "ETag": second["CopyPartResult"]["ETag"] },
        ] });
        complete_multipart_upload::Input {
            bucket: "bkt".into(),
            key: "large".into(),
            upload_id: begun.upload_id.clone(),
            multipart_upload: Some(serde_json::from_value(parts).unwrap()),
            ..Default::default()
        }
    };
    *keys.refusal.lock().unwrap() = Some("DisabledException");
    assert_eq!(code(call::<CompleteMultipartUpload>(&s3, complete()).await).0, "KMS.DisabledException");
    *keys.refusal.lock().unwrap() = None;
    for _ in 0..2 {
        let done = call::<CompleteMultipartUpload>(&s3, complete()).await.unwrap();
        assert_eq!((done.server_side_encryption, done.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some(KEY)));
        assert!(done.etag.ends_with("-2\""));
    }
    let open = format!("open {context}");
    let source = "open root s3 aws:s3:arn=arn:aws:s3:::bkt/k".to_owned();
    assert_eq!(keys.taken(), [open.clone(), source, open.clone(), open.clone(), open.clone()]);
    let whole = content(&s3, "bkt", "large", None).await.unwrap();
    assert!(whole == [vec![1; MIB5], vec![3; 70_000]].concat());
    assert_eq!(keys.taken(), [open]);
}

fn delivery(kms_key: Option<&str>) -> ServicePut {
    ServicePut {
        principal: "cloudtrail.amazonaws.com".into(),
        source_arn: TRAIL.into(),
        source_account: "123456789012".into(),
        bucket: "bkt".into(),
        key: "log".into(),
        body: "content".into(),
        acl: "bucket-owner-full-control".into(),
        content_type: None,
        content_encoding: None,
        metadata: vec![],
        kms_key: kms_key.map(str::to_owned),
    }
}

#[tokio::test]
async fn services_write_under_keys_that_let_them_and_the_server_reads() {
    let (_stand, s3, keys) = stand().await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},
        "Action":"s3:PutObject","Resource":"arn:aws:s3:::bkt/*"}]}"#;
    set_policy(&s3, "bkt", policy).await;
    s3.kms_key(&delivery(None)).await.unwrap();
    assert!(keys.taken().is_empty());
    let used = format!(
        "make cloudtrail.amazonaws.com cloudtrail for {TRAIL} aws:cloudtrail:arn={TRAIL} aws:s3:arn=arn:aws:s3:::bkt/log"
    );
    s3.kms_key(&delivery(Some(KEY))).await.unwrap();
    assert_eq!(keys.taken(), [used.as_str()]);
    // Repeated after a crash it changes nothing, and asks nothing of KMS.
    for _ in 0..2 {
        s3.put(delivery(Some(KEY))).await.unwrap();
    }
    assert_eq!(keys.taken(), [used.as_str()]);
    let version = s3.current("bkt", "log").await.unwrap().unwrap().0;
    assert_eq!(version.kms.as_ref().map(|kms| kms.key.as_str()), Some(KEY));
    // The server's own checks ask no policy and leave no record.
    assert_eq!(Buckets::get(&s3, "bkt", "log").await.unwrap().0, "content");
    assert!(Buckets::open(&s3, "bkt", "log").await.is_ok());
    assert!(keys.taken().is_empty());
    assert_eq!(content(&s3, "bkt", "log", None).await.unwrap(), "content");
    keys.taken();
    for (refusal, expected) in [
        ("AccessDeniedException", "KMS.AccessDeniedException"),
        ("DisabledException", "KMS.DisabledException"),
        ("KMSInvalidStateException", "KMS.KMSInvalidStateException"),
    ] {
        *keys.refusal.lock().unwrap() = Some(refusal);
        let other = ServicePut { body: "other".into(), ..delivery(Some(KEY)) };
        assert_eq!(s3.put(other.clone()).await, Err(BucketError::Kms(expected)));
        assert_eq!(s3.kms_key(&other).await, Err(BucketError::Kms(expected)));
    }
    *keys.refusal.lock().unwrap() = None;
    keys.taken();
    // A put that names none is encrypted as the bucket says; a name without an account is the bucket's account's.
    by_default(&s3, "aws:kms", None, false).await;
    s3.put(ServicePut { key: "by-default".into(), ..delivery(None) }).await.unwrap();
    let used = format!("make cloudtrail.amazonaws.com cloudtrail for {TRAIL} aws:s3:arn=arn:aws:s3:::bkt/by-default");
    assert_eq!(keys.taken(), [used]);
    s3.put_permitted("bkt", "result", "rows".into(), "text/csv").await.unwrap();
    assert!(keys.taken().is_empty());
    assert_eq!(content(&s3, "bkt", "result", None).await.unwrap(), "rows");
    keys.taken();
    // So is what the server writes for tables, of which the key is said.
    let own = format!("{}123456789012-us-east-1", ports::tables::SERVER_BUCKET_PREFIX);
    s3.provide(&own, Region::US_EAST_1).await.unwrap();
    for (name, key) in [("clear", None), ("under", Some(KEY))] {
        s3.put_own(&own, name, "rows".into(), "text/plain", key).await.unwrap();
        let version = s3.find(&s3.bucket(&own, None).await.unwrap(), name, None).await.unwrap().version;
        assert_eq!(version.kms.map(|kms| kms.key), key.map(str::to_owned), "{name}");
    }
    assert!(keys.taken().is_empty());
}
