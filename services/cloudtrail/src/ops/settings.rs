//! The settings that CreateTrail and UpdateTrail share, and what AWS checks of them.

use base::Timestamp;
use ports::{BucketError, ServicePut};
use serde::Deserialize;
use service::ApiError;

use crate::CloudTrail;
use crate::delivery::lane::Lane;
use crate::delivery::outbox::log_key;
use crate::delivery::worker::{ACL, PRINCIPAL};
use crate::error::Error;
use crate::trail::Trail;
use crate::trail::names::{check_bucket_name, check_prefix};

/// Tags of a new trail, as the request has them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagInput {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Option<String>,
}

/// Checks what a trail's settings must be together, and that its bucket lets CloudTrail write.
pub async fn check(cloudtrail: &CloudTrail, trail: &Trail) -> Result<(), ApiError> {
    check_bucket_name(&trail.bucket)?;
    if let Some(prefix) = &trail.prefix {
        check_prefix(prefix)?;
    }
    if trail.multi_region && !trail.include_global_service_events {
        let text = "Multi-Region trail must include global service events.";
        return Err(Error::InvalidParameterCombinationException(text.to_owned()).into());
    }
    check_bucket(cloudtrail, trail).await
}

/// Asks the bucket what it would say to a log file, for a trail of an organization both to the management account's and to a member's.
/// CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail", "Creating a trail for an organization with the AWS CLI".
async fn check_bucket(cloudtrail: &CloudTrail, trail: &Trail) -> Result<(), ApiError> {
    check_place(cloudtrail, trail, trail).await?;
    if trail.organization.is_some() {
        check_place(cloudtrail, trail, &Trail { organization: None, ..trail.clone() }).await?;
    }
    Ok(())
}

/// `like`: whose files they would be.
async fn check_place(cloudtrail: &CloudTrail, trail: &Trail, like: &Trail) -> Result<(), ApiError> {
    let shared = &cloudtrail.shared;
    let account = &shared.account;
    let put = ServicePut {
        principal: PRINCIPAL.to_owned(),
        source_arn: trail.arn.clone(),
        source_account: account.to_string(),
        bucket: trail.bucket.clone(),
        key: log_key(like, account, Lane::own(trail.home_region.as_str()), 0, Timestamp::EPOCH),
        body: bytes::Bytes::new(),
        acl: ACL.to_owned(),
        content_type: Some("application/json".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        metadata: Vec::new(),
        kms_key: trail.kms_key.clone(),
    };
    shared.buckets.check(&put).await.map_err(|error| match error {
        BucketError::NoSuchBucket => Error::S3BucketDoesNotExistException(trail.bucket.clone()).into(),
        BucketError::AccessDenied => Error::InsufficientS3BucketPolicyException(trail.bucket.clone()).into(),
        other => ApiError::unavailable(other),
    })
}
