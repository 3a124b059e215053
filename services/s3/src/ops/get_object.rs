//! GetObject: reads an object, or a range or part of it, on the caller's conditions.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::read::{READ_TRIES, Wanted};

/// See the module.
pub struct GetObject;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub range: Option<String>,
    pub part_number: Option<i64>,
    pub checksum_mode: Option<String>,
} bucket customer_key read_conditions response_headers }

members! { output Output {} object_reply checksums content_headers }

impl Operation for GetObject {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObject";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const VERSION_ACTION: &'static str = "GetObjectVersion";
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        input.check_customer_key()?;
        let wanted = Wanted {
            version_id: input.version_id.as_deref(),
            range: input.range.as_deref(),
            part_number: input.part_number,
            checksum_mode: input.checksum_mode.as_deref(),
            conditions: input.conditions(),
        };
        let mut tries = 0;
        let (mut found, body) = loop {
            let bucket = input.bucket(s3).await?;
            let found = s3.want(call, &bucket, &input.key, &wanted).await?;
            found.version.check_readable(s3.env.clock.now())?;
            let keys = s3.unlock_for(call, bucket.region, found.version.kms.as_deref()).await?;
            match s3.open_watched(&bucket.name, &input.key, &found.version.data, found.bytes(), &keys).await {
                Ok(body) => break (found, body),
                // It was overwritten or deleted between the look and the grasp: look again.
                Err(crate::content::OpenError::Gone) if tries < READ_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        };
        call.stream_reply(body);
        if found.content_range().is_some() {
            call.set_status(206);
        }
        found.version.headers = input.overridden(found.version.headers);
        let mut output = Output::default();
        output.set_found(found);
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::S3;
    use crate::harness::*;
    use crate::ops::{PutObject, put_object};

    async fn stand() -> S3 {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let input = put_object::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            content_type: Some("text/plain".into()),
            cache_control: Some("no-store".into()),
            expires: Some("Thu, 01 Dec 2094 16:00:00 GMT".into()),
            metadata: Some([("Color".into(), "red".into())].into()),
            storage_class: Some("STANDARD_IA".into()),
            tagging: Some("a=1&b=2".into()),
            ..Default::default()
        };
        send::<PutObject>(&s3, input, "0123456789").await.unwrap();
        s3
    }

    fn input() -> Input {
        Input { bucket: "bkt".into(), key: "k".into(), ..Input::default() }
    }

    #[tokio::test]
    async fn what_was_stored_comes_back() {
        let s3 = stand().await;
        let input =
            Input { checksum_mode: Some("ENABLED".into()), response_content_type: Some("text/html".into()), ..input() };
        let (output, content) = get(&s3, input).await.unwrap();
        assert_eq!(content, "0123456789");
        let output = serde_json::to_value(output).unwrap();
        let expected = serde_json::json!({
            "AcceptRanges": "bytes",
            "ContentLength": 10,
            "ETag": "\"781e5e245d69b566979b86e28d23f2c7\"",
            "CacheControl": "no-store",
            "ContentType": "text/html",
            "Expires": "Thu, 01 Dec 2094 16:00:00 GMT",
            "Metadata": { "color": "red" },
            "StorageClass": "STANDARD_IA",
            "TagCount": 2,
            "ChecksumType": "FULL_OBJECT",
            "ServerSideEncryption": "AES256",
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(output[name], *value, "{name}");
        }
        assert!(output["ChecksumCRC64NVME"].is_string());
        assert!(output["VersionId"].is_null());
    }

    #[tokio::test]
    async fn ranges() {
        let s3 = stand().await;
        let check = async |range: &str, expected: Result<(&str, Option<&str>), &str>| {
            let found = get(&s3, Input { range: Some(range.into()), ..input() }).await;
            let found = found.map(|(output, content)| (content, output.content_range));
            let found = found.map_err(|error| error.code.into_owned());
            let expected = expected.map(|(text, range)| (text.to_owned().into(), range.map(str::to_owned)));
            assert_eq!(found, expected.map_err(str::to_owned), "{range}");
        };
        check("bytes=2-4", Ok(("234", Some("bytes 2-4/10")))).await;
        check("bytes=-1", Ok(("9", Some("bytes 9-9/10")))).await;
        check("bytes=8-", Ok(("89", Some("bytes 8-9/10")))).await;
        check("bytes=0-0,2-3", Ok(("0123456789", None))).await;
        check("bytes=10-", Err("InvalidRange")).await;
        let both = Input { range: Some("bytes=0-0".into()), part_number: Some(1), ..input() };
        assert_eq!(get(&s3, both).await.unwrap_err().code, "InvalidRequest");
    }

    #[tokio::test]
    async fn conditions_and_what_the_reply_says_of_them() {
        let s3 = stand().await;
        let call = a_call();
        let etag = "\"781e5e245d69b566979b86e28d23f2c7\"".to_owned();
        let error =
            GetObject::run(&s3, &call, Input { if_none_match: Some(etag.clone()), ..input() }).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.status), ("NotModified", 304));
        assert!(call.reply.lock().unwrap().headers.contains(&("etag", etag)));
        let error = get(&s3, Input { if_match: Some("x".into()), ..input() }).await.unwrap_err();
        assert_eq!((error.status, error.fields.str("Condition")), (412, Some("If-Match")));
    }

    #[tokio::test]
    async fn delete_markers_are_told_of_in_headers() {
        let s3 = stand().await;
        versioning(&s3, "bkt", "Enabled").await;
        let marker = delete(&s3, "bkt", "k", None).await.version_id.unwrap();
        let call = a_call();
        let error = GetObject::run(&s3, &call, input()).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.fields.str("Key")), ("NoSuchKey", Some("k")));
        let headers = call.reply.lock().unwrap().headers.clone();
        assert!(headers.contains(&("x-amz-delete-marker", "true".into())));
        assert!(headers.contains(&("x-amz-version-id", marker)));
    }
}
