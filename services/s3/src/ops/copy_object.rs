//! CopyObject: writes an object with the content of another, and with its headers and tags unless told otherwise.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::checksum::{Algorithm, Expected};
use crate::content::{OpenError, PUT_BYTES_MAX};
use crate::error::{Error, invalid_argument};
use crate::members::members;
use crate::object::{Version, check_key, quoted};
use crate::read::READ_TRIES;
use crate::{S3, tags};

/// See the module.
pub struct CopyObject;

members! { input Input {
    pub key: String,
    pub checksum_algorithm: Option<String>,
    pub metadata_directive: Option<String>,
    pub tagging: Option<String>,
    pub tagging_directive: Option<String>,
} bucket content_headers copy_source object_acl encryption customer_key object_lock write_conditions }

members! { output CopyObjectResult {
    #[serde(rename = "ETag")]
    pub etag: String,
    pub last_modified: Option<Timestamp>,
    pub checksum_type: Option<&'static str>,
} checksums }

/// What the operation answers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    copy_object_result: CopyObjectResult,
    copy_source_version_id: Option<String>,
    server_side_encryption: Option<&'static str>,
    #[serde(rename = "SSEKMSKeyId")]
    sse_kms_key_id: Option<String>,
    #[serde(rename = "SSEKMSEncryptionContext")]
    sse_kms_encryption_context: Option<String>,
    bucket_key_enabled: Option<bool>,
    version_id: Option<String>,
    expiration: Option<String>,
}

impl Operation for CopyObject {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CopyObject";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const ACTION: &'static str = "PutObject";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        check_key(&input.key)?;
        input.encryption().check()?;
        input.check_customer_key()?;
        if input.tagging.is_some() {
            s3.authorize(call, "s3:PutObjectTagging", &input.bucket, &input.key).await?;
        }
        let condition = input.conditions()?;
        let algorithm = input.checksum_algorithm.as_deref().map(|name| {
            let algorithm = Algorithm::parse(name).ok_or_else(|| {
                Error::InvalidRequest("Value for x-amz-checksum-algorithm header is invalid.".to_owned())
            })?;
            algorithm.supported()
        });
        let algorithm = algorithm.transpose()?;
        let replaces_headers = replaces("x-amz-metadata-directive", input.metadata_directive.as_deref())?;
        let replaces_tags = replaces("x-amz-tagging-directive", input.tagging_directive.as_deref())?;
        let new_tags = tags::of_header(input.tagging.as_deref())?;
        let bucket = input.bucket(s3).await?.writable()?;
        let lock = input.lock(s3, call, &bucket).await?;
        let grants = input.grants(s3, call, &bucket).await?;
        let new_class = input.storage_class.is_some();
        let new_redirect = input.website_redirect_location.is_some();
        let new_headers = input.take_headers()?;

        let source = input.source()?;
        let mut tries = 0;
        let (source_bucket, old, body) = loop {
            let (source_bucket, old) = source.find(s3, call).await?;
            match source.open(s3, call, &source_bucket, &old, 0..old.size).await {
                Ok(body) => break (source_bucket, old, body),
                Err(OpenError::Gone) if tries < READ_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        };
        if old.size > PUT_BYTES_MAX {
            let text = format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {PUT_BYTES_MAX}"
            );
            return Err(Error::InvalidRequest(text).into());
        }
        let itself = source.bucket == input.bucket && source.key == input.key && source.version_id.is_none();
        if itself && !replaces_headers && !new_class && !new_redirect && input.server_side_encryption.is_none() {
            let text = "This copy request is illegal because it is trying to copy an object to itself without changing the \
                object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(Error::InvalidRequest(text.to_owned()).into());
        }
        let mut headers = if replaces_headers { new_headers.clone() } else { old.headers.clone() };
        // These two are never copied.
        headers.storage_class = new_headers.storage_class;
        headers.website_redirect_location = new_headers.website_redirect_location;
        let kept_algorithm = old.checksum.as_ref().map_or(Algorithm::Crc64Nvme, |checksum| checksum.algorithm);
        let expected = Expected::nothing(algorithm.unwrap_or(kept_algorithm));
        let sealing = input.sealing(s3, call, &bucket).await?;
        let (stored, sums) = s3.store(body, &expected, &sealing.keys).await?;
        let new = Version {
            size: sums.len_bytes,
            etag: s3.etag(&sums, sealing.kms.as_deref()),
            data: stored.data.clone(),
            headers,
            tags: if replaces_tags { new_tags } else { old.tags },
            // A lock is never copied.
            lock,
            checksum: Some(sums.full()),
            grants,
            kms: sealing.kms,
            ..Version::default()
        };
        let (version, bucket) = s3.put_version(&input.bucket, &input.key, new, stored, &condition, Vec::new()).await?;
        let mut result = CopyObjectResult {
            etag: quoted(&version.etag),
            last_modified: Some(version.modified()),
            checksum_type: Some(sums.full().kind.as_str()),
            ..CopyObjectResult::default()
        };
        result.set_checksum(sums.algorithm, sums.checksum_text());
        let (algorithm, key, bucket_key) = crate::encryption::shown(version.kms.as_deref());
        Ok(Output {
            copy_object_result: result,
            copy_source_version_id: source_bucket.versioning.map(|_| old.id),
            server_side_encryption: Some(algorithm),
            sse_kms_key_id: key,
            sse_kms_encryption_context: sealing.context,
            bucket_key_enabled: bucket_key,
            expiration: s3.expiration(&bucket, &input.key, &version).await?,
            version_id: bucket.versioning.map(|_| version.id),
        })
    }
}

/// Whether a directive says to take what the request gives in the place of what the source has.
fn replaces(header: &str, directive: Option<&str>) -> Result<bool, ApiError> {
    match directive {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => {
            let what = if header.contains("tagging") { "tagging" } else { "metadata" };
            Err(invalid_argument(header, other, format!("Unknown {what} directive.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::*;
    use crate::ops::{PutObject, get_object, put_object};

    fn input(source: &str, key: &str) -> Input {
        Input { bucket: "bkt".into(), key: key.into(), copy_source: source.into(), ..Input::default() }
    }

    #[tokio::test]
    async fn copies_with_and_without_headers() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let old = put_object::Input {
            bucket: "bkt".into(),
            key: "a b".into(),
            content_type: Some("text/plain".into()),
            metadata: Some([("m".into(), "1".into())].into()),
            tagging: Some("t=1".into()),
            checksum_sha1: Some("qvTGHdzF6KLavt4PO0gs2a6pQ00=".into()),
            ..Default::default()
        };
        send::<PutObject>(&s3, old, "hello").await.unwrap();
        let copied = call::<CopyObject>(&s3, input("/bkt/a%20b", "copy")).await.unwrap();
        assert_eq!(copied.copy_object_result.checksum_sha1.as_deref(), Some("qvTGHdzF6KLavt4PO0gs2a6pQ00="));
        let of = |key: &str| get_object::Input { bucket: "bkt".into(), key: key.into(), ..Default::default() };
        let (output, content) = get(&s3, of("copy")).await.unwrap();
        assert_eq!(content, "hello");
        assert_eq!((output.content_type.as_deref(), output.tag_count), (Some("text/plain"), Some(1)));
        assert_eq!(output.metadata.unwrap()["m"], "1");
        let replacing = Input {
            metadata_directive: Some("REPLACE".into()),
            tagging_directive: Some("REPLACE".into()),
            content_type: Some("text/html".into()),
            ..input("bkt/copy", "copy")
        };
        call::<CopyObject>(&s3, replacing).await.unwrap();
        let (output, _) = get(&s3, of("copy")).await.unwrap();
        assert_eq!((output.content_type.as_deref(), output.tag_count), (Some("text/html"), None));
        assert_eq!(output.metadata, None);
    }

    #[tokio::test]
    async fn what_is_refused() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        put(&s3, "bkt", "k", "hello").await;
        let check = async |input: Input, expected: &str| {
            assert_eq!(call::<CopyObject>(&s3, input).await.unwrap_err().code, expected);
        };
        check(input("bkt/k", "k"), "InvalidRequest").await;
        check(input("bkt/none", "k"), "NoSuchKey").await;
        check(input("none/k", "k"), "NoSuchBucket").await;
        check(Input { copy_source_if_match: Some("x".into()), ..input("bkt/k", "l") }, "PreconditionFailed").await;
        check(Input { copy_source_if_none_match: Some("*".into()), ..input("bkt/k", "l") }, "PreconditionFailed").await;
        check(Input { metadata_directive: Some("KEEP".into()), ..input("bkt/k", "l") }, "InvalidArgument").await;
        check(Input { if_none_match: Some("*".into()), ..input("bkt/k", "k") }, "InvalidRequest").await;
        check(Input { expected_source_bucket_owner: Some("1".into()), ..input("bkt/k", "l") }, "AccessDenied").await;
    }
}
