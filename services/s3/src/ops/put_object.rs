//! PutObject: writes an object, visible once its content has been verified and is durable.

use service::{ApiError, Call, Operation};

use crate::checksum::{Algorithm, Expected};
use crate::error::header_not_implemented;
use crate::members::members;
use crate::object::{Version, check_key};
use crate::{S3, lock, tags};

/// See the module.
pub struct PutObject;

members! { input Input {
    pub key: String,
    #[serde(rename = "ContentMD5")]
    pub content_md5: Option<String>,
    pub checksum_algorithm: Option<String>,
    pub tagging: Option<String>,
    pub write_offset_bytes: Option<i64>,
} bucket content_headers checksums object_acl encryption customer_key object_lock write_conditions }

members! { output Output {
    #[serde(rename = "ETag")]
    pub etag: String,
    pub checksum_type: Option<String>,
    pub version_id: Option<String>,
    pub expiration: Option<String>,
    #[serde(rename = "SSEKMSEncryptionContext")]
    pub sse_kms_encryption_context: Option<String>,
} checksums encrypted }

impl Operation for PutObject {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutObject";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // The body and its length come as a stream; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["Body", "ContentLength", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        check_key(&input.key)?;
        input.encryption().check()?;
        input.check_customer_key()?;
        if input.tagging.is_some() {
            s3.authorize(call, "s3:PutObjectTagging", &input.bucket, &input.key).await?;
        }
        if let Some(offset) = input.write_offset_bytes {
            return Err(header_not_implemented("x-amz-write-offset-bytes", &offset.to_string()));
        }
        let condition = input.conditions()?;
        let expected = Expected::parse(
            call,
            input.content_md5.as_deref(),
            &input.checksums(),
            input.checksum_algorithm.as_deref(),
            Algorithm::Crc64Nvme,
        )?;
        let tags = tags::of_header(input.tagging.as_deref())?;
        let headers = input.take_headers()?;
        let bucket = input.bucket(s3).await?.writable()?;
        let lock = input.lock(s3, call, &bucket).await?;
        lock::check_digest(bucket.locks(&lock), expected.is_given(), "Object")?;
        let grants = input.grants(s3, call, &bucket).await?;
        let current = s3.current(&input.bucket, &input.key).await?.map(|(version, _)| version);
        condition.check(&input.key, current.as_ref().filter(|version| !version.delete_marker))?;

        let sealing = input.sealing(s3, call, &bucket).await?;
        let (stored, sums) = s3.store(call.take_body(), &expected, &sealing.keys).await?;
        let new = Version {
            size: sums.len_bytes,
            etag: s3.etag(&sums, sealing.kms.as_deref()),
            data: stored.data.clone(),
            headers,
            tags,
            lock,
            checksum: Some(sums.full()),
            grants,
            kms: sealing.kms,
            ..Version::default()
        };
        let (version, bucket) = s3.put_version(&input.bucket, &input.key, new, stored, &condition, Vec::new()).await?;
        let mut output = Output {
            etag: version.quoted_etag(),
            expiration: s3.expiration(&bucket, &input.key, &version).await?,
            version_id: bucket.versioning.map(|_| version.id),
            sse_kms_encryption_context: sealing.context,
            checksum_type: Some(sums.full().kind.as_str().to_owned()),
            ..Output::default()
        };
        output.set_checksum(sums.algorithm, sums.checksum_text());
        output.set_encrypted(version.kms.as_deref());
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use service::Body;

    use super::*;
    use crate::harness::*;

    fn input() -> Input {
        Input { bucket: "bkt".into(), key: "k".into(), ..Input::default() }
    }

    /// What becomes of writing `hello` into an empty bucket (or over `old`): the entity tag or the error's code.
    async fn written(over: Option<&'static str>, change: impl FnOnce(&mut Input)) -> Result<String, String> {
        let s3 = service();
        bucket(&s3, "bkt").await;
        if let Some(old) = over {
            put(&s3, "bkt", "k", old).await;
        }
        let mut input = input();
        change(&mut input);
        let key = input.key.clone();
        let result = send::<PutObject>(&s3, input, "hello").await;
        let now = content(&s3, "bkt", &key, None).await.ok();
        let expected = if result.is_ok() { Some("hello") } else { over };
        if key.len() <= 1024 {
            assert_eq!(now.as_deref(), expected.map(str::as_bytes));
        }
        result.map(|output| output.etag).map_err(|error| error.code.into_owned())
    }

    const ETAG: &str = "\"5d41402abc4b2a76b9719d911017c592\"";

    #[tokio::test]
    async fn digests_are_verified() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(written(None, |_| {}).await.unwrap(), ETAG);
        assert_eq!(written(None, |i| i.content_md5 = some("XUFAKrxLKna5cZ2REBfFkg==")).await.unwrap(), ETAG);
        let md5 = written(None, |i| i.content_md5 = some("XUFAKrxLKna5cZ2REBfFkQ==")).await;
        assert_eq!(md5.unwrap_err(), "BadDigest");
        assert_eq!(written(None, |i| i.content_md5 = some("nonsense")).await.unwrap_err(), "InvalidDigest");
        assert_eq!(written(None, |i| i.checksum_crc32 = some("NhCmhg==")).await.unwrap(), ETAG);
        assert_eq!(written(None, |i| i.checksum_crc32 = some("NhCmhQ==")).await.unwrap_err(), "BadDigest");
        assert_eq!(written(None, |i| i.checksum_crc32 = some("NhCmhoAA")).await.unwrap_err(), "InvalidRequest");
        let two = written(None, |i| (i.checksum_crc32, i.checksum_sha1) = (some("NhCmhg=="), some("x"))).await;
        assert_eq!(two.unwrap_err(), "InvalidRequest");
        let named = written(None, |i| i.checksum_algorithm = some("SHA256")).await;
        assert_eq!(named.unwrap_err(), "InvalidRequest");
        let unknown = written(None, |i| i.checksum_xxhash64 = some("AAAAAAAAAAA=")).await;
        assert_eq!(unknown.unwrap_err(), "NotImplemented");
    }

    #[tokio::test]
    async fn trailing_checksums_are_verified() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        for (trailer, expected) in
            [(Some("NhCmhg=="), Ok("NhCmhg==")), (Some("NhCmhQ=="), Err("BadDigest")), (None, Err("InvalidRequest"))]
        {
            let mut call = a_call();
            call.headers.insert("x-amz-trailer", "x-amz-checksum-crc32".parse().unwrap());
            let trailers = trailer.map(|value| ("x-amz-checksum-crc32".to_owned(), value.to_owned()));
            let trailers = std::sync::Arc::new(std::sync::Mutex::new(trailers.into_iter().collect()));
            *call.body.lock().unwrap() = Some(Body::from_bytes("hello".into()).with_trailers(trailers));
            let input = Input { checksum_algorithm: Some("CRC32".into()), ..input() };
            let found = PutObject::run(&s3, &call, input).await;
            let found = found.map(|output| output.checksum_crc32.unwrap()).map_err(|error| error.code.into_owned());
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
    }

    #[tokio::test]
    async fn conditions_are_kept() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(written(None, |i| i.if_none_match = some("*")).await.unwrap(), ETAG);
        assert_eq!(written(Some("x"), |i| i.if_none_match = some("*")).await.unwrap_err(), "PreconditionFailed");
        assert_eq!(written(Some("x"), |i| i.if_none_match = some("\"a\"")).await.unwrap_err(), "NotImplemented");
        assert_eq!(written(Some("hello"), |i| i.if_match = some(ETAG)).await.unwrap(), ETAG);
        assert_eq!(written(Some("x"), |i| i.if_match = some(ETAG)).await.unwrap_err(), "PreconditionFailed");
        assert_eq!(written(None, |i| i.if_match = some(ETAG)).await.unwrap_err(), "NoSuchKey");
    }

    #[tokio::test]
    async fn what_cannot_be_honoured_is_refused() {
        let some = |text: &str| Some(text.to_owned());
        let check = async |change: fn(&mut Input), code: &str| {
            assert_eq!(written(None, change).await.unwrap_err(), code);
        };
        check(|i| i.key = "k".repeat(1025), "KeyTooLongError").await;
        check(|i| i.acl = Some("public-read".into()), "AccessControlListNotSupported").await;
        check(|i| i.grant_read = Some("id=1".into()), "AccessControlListNotSupported").await;
        check(|i| i.server_side_encryption = Some("aws:kms".into()), "KMS.NotFoundException").await;
        check(|i| i.server_side_encryption = Some("rot13".into()), "InvalidArgument").await;
        check(|i| i.acl = Some("mine".into()), "InvalidArgument").await;
        check(|i| i.sse_customer_algorithm = Some("AES256".into()), "NotImplemented").await;
        check(|i| i.object_lock_mode = Some("GOVERNANCE".into()), "InvalidRequest").await;
        check(|i| i.write_offset_bytes = Some(1), "NotImplemented").await;
        check(|i| i.expected_bucket_owner = Some("999999999999".into()), "AccessDenied").await;
        check(|i| i.metadata = Some([("a".into(), "x".repeat(2048))].into()), "MetadataTooLarge").await;
        check(|i| i.tagging = Some("a=1&a=2".into()), "InvalidArgument").await;
        assert!(written(None, |i| i.acl = some("bucket-owner-full-control")).await.is_ok());
        assert!(written(None, |i| i.server_side_encryption = some("AES256")).await.is_ok());
        assert!(written(None, |i| i.key = "k".repeat(1024)).await.is_ok());
        let s3 = service();
        let error = send::<PutObject>(&s3, input(), "x").await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.fields.str("BucketName")), ("NoSuchBucket", Some("bkt")));
    }

    #[tokio::test]
    async fn a_body_shorter_than_announced_is_no_object() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let call = a_call();
        let pieces = futures_util::stream::iter([Ok(bytes::Bytes::from("hello"))]);
        *call.body.lock().unwrap() = Some(Body::new(pieces, Some(6)));
        assert_eq!(PutObject::run(&s3, &call, input()).await.unwrap_err().code, "IncompleteBody");
        let broken = futures_util::stream::iter([
            Ok(bytes::Bytes::from(vec![0; 300_000])),
            Err(ApiError::new("SignatureDoesNotMatch", 403, "")),
        ]);
        *call.body.lock().unwrap() = Some(Body::new(broken, None));
        assert_eq!(PutObject::run(&s3, &call, input()).await.unwrap_err().code, "SignatureDoesNotMatch");
        assert_eq!(content(&s3, "bkt", "k", None).await.unwrap_err(), "NoSuchKey");
    }

    #[tokio::test]
    async fn every_size_reads_back() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        for size in [0, 1, 8 * 1024, 8 * 1024 + 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 700_001] {
            let body: Vec<u8> = (0..size).map(|at: u32| u8::try_from(at % 251).unwrap()).collect();
            put(&s3, "bkt", "k", body.clone()).await;
            assert_eq!(content(&s3, "bkt", "k", None).await.unwrap(), body, "{size}");
        }
    }
}
