//! PutBucketTagging: gives a bucket these tags in the place of those it has.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::tags::Tagging;

/// See the module.
pub struct PutBucketTagging;

members! { input Input {
    pub tagging: Tagging,
} bucket }
members! { output Output {} }

impl Operation for PutBucketTagging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketTagging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, mut input: Input) -> Result<Output, ApiError> {
        let tags = std::mem::take(&mut input.tagging).for_bucket()?;
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.tags.clone_from(&tags);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::*;
    use crate::ops::*;

    #[tokio::test]
    async fn tags_of_buckets_and_objects_come_back() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let tagging: Tagging = serde_json::from_str(r#"{"TagSet":[{"Key":"a","Value":"1"}]}"#).unwrap();
        let get = async || {
            let input = get_bucket_tagging::Input { bucket: "bkt".into(), ..Default::default() };
            call::<GetBucketTagging>(&s3, input).await.map(|out| out.tag_set).map_err(|error| error.code.into_owned())
        };
        assert_eq!(get().await.unwrap_err(), "NoSuchTagSet");
        let input = Input { bucket: "bkt".into(), tagging: tagging.clone(), ..Input::default() };
        call::<PutBucketTagging>(&s3, input).await.unwrap();
        assert_eq!(get().await.unwrap(), tagging.tag_set);
        let input = delete_bucket_tagging::Input { bucket: "bkt".into(), ..Default::default() };
        call::<DeleteBucketTagging>(&s3, input).await.unwrap();
        assert_eq!(get().await.unwrap_err(), "NoSuchTagSet");

        put(&s3, "bkt", "k", "x").await;
        let input = put_object_tagging::Input {
            bucket: "bkt".into(),
            key: "k".into(),
            tagging: tagging.clone(),
            ..Default::default()
        };
        call::<PutObjectTagging>(&s3, input).await.unwrap();
        let of = async || {
            let input = get_object_tagging::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
            call::<GetObjectTagging>(&s3, input).await.unwrap().tag_set
        };
        assert_eq!(of().await, tagging.tag_set);
        let input = delete_object_tagging::Input { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
        call::<DeleteObjectTagging>(&s3, input).await.unwrap();
        assert_eq!(of().await, []);
    }
}
