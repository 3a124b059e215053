//! PutBucketPolicy: gives a bucket a policy, in the place of the one it has. It is kept byte for byte. Public ones are
//! refused where they are blocked.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::members::members;
use crate::public::is_public;

/// See the module.
pub struct PutBucketPolicy;

members! { input Input {
    pub policy: String,
} bucket }
members! { output Output {} }

impl Operation for PutBucketPolicy {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketPolicy";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body; nobody is kept from locking themselves out.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "ConfirmRemoveSelfBucketAccess"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let parsed = policy::parse_bucket_policy(&input.policy, &input.bucket);
        parsed.map_err(|error| Error::MalformedPolicy(error.to_string()))?;
        if bucket.settings.blocked().block_public_policy && is_public(&input.policy) {
            let who = call.caller.arn().unwrap_or_else(|| "anonymous".to_owned());
            let text = format!(
                "User: {who} is not authorized to perform: s3:PutBucketPolicy on resource: \"{}\" because public policies \
                 are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
                bucket.arn()
            );
            return Err(ApiError::new("AccessDenied", 403, text));
        }
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.policy = Some(input.policy.clone());
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
    async fn policies_are_kept_byte_for_byte_unless_bad_or_public() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        let put = async |policy: String| {
            let input = Input { bucket: "bkt".into(), policy, ..Input::default() };
            call::<PutBucketPolicy>(&s3, input).await.map(|_| ()).map_err(|error| error.code.into_owned())
        };
        let get = async || {
            let input = get_bucket_policy::Input { bucket: "bkt".into(), ..Default::default() };
            call::<GetBucketPolicy>(&s3, input).await.map(|out| out.policy).map_err(|error| error.code.into_owned())
        };
        let with = |principal: &str| {
            format!(
                " {{\"Version\": \"2012-10-17\",\n \"Statement\": [{{\"Effect\": \"Allow\", \"Principal\": {principal}, \
                 \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::bkt/*\"}}]}}"
            )
        };
        let good = with(r#"{"AWS": "arn:aws:iam::123456789012:root"}"#).trim_start().to_owned();
        assert_eq!(get().await.unwrap_err(), "NoSuchBucketPolicy");
        put(good.clone()).await.unwrap();
        assert_eq!(get().await.unwrap(), good);
        assert_eq!(put("{}".into()).await.unwrap_err(), "MalformedPolicy");
        assert_eq!(put(good.replace("bkt/", "other/")).await.unwrap_err(), "MalformedPolicy");
        assert_eq!(put(with("\"*\"").trim_start().into()).await.unwrap_err(), "AccessDenied");
        assert_eq!(get().await.unwrap(), good);
        let input = get_bucket_policy_status::Input { bucket: "bkt".into(), ..Default::default() };
        let status = serde_json::to_value(call::<GetBucketPolicyStatus>(&s3, input).await.unwrap()).unwrap();
        assert_eq!(status["PolicyStatus"]["IsPublic"], false);
        let input = delete_bucket_policy::Input { bucket: "bkt".into(), ..Default::default() };
        call::<DeleteBucketPolicy>(&s3, input).await.unwrap();
        assert_eq!(get().await.unwrap_err(), "NoSuchBucketPolicy");
    }
}
