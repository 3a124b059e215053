//! UpdateTrail: changes settings of a trail; those not given stay. Takes effect for calls that finish after it.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::settings;
use super::view::SettingsView;
use crate::CloudTrail;
use crate::keys;
use crate::watch::Asked;

/// See the module.
pub struct UpdateTrail;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    #[serde(rename = "S3BucketName")]
    s3_bucket_name: Option<String>,
    #[serde(rename = "S3KeyPrefix")]
    s3_key_prefix: Option<String>,
    sns_topic_name: Option<String>,
    include_global_service_events: Option<bool>,
    is_multi_region_trail: Option<bool>,
    enable_log_file_validation: Option<bool>,
    cloud_watch_logs_log_group_arn: Option<String>,
    cloud_watch_logs_role_arn: Option<String>,
    kms_key_id: Option<String>,
    is_organization_trail: Option<bool>,
}

impl Operation for UpdateTrail {
    type Service = CloudTrail;
    type Input = Input;
    type Output = SettingsView;
    const NAME: &'static str = "UpdateTrail";
    const RESOURCE: &'static str = "trail/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<SettingsView, ApiError> {
        let asked = Asked {
            topic: input.sns_topic_name.as_deref(),
            log_group: input.cloud_watch_logs_log_group_arn.as_deref(),
            log_role: input.cloud_watch_logs_role_arn.as_deref(),
        };
        let cloudtrail = &*cloudtrail.changes_trail(call, &input.name).await?;
        let organization = match input.is_organization_trail {
            Some(true) => Some(Some(cloudtrail.becomes_organization()?)),
            Some(false) => Some(None),
            None => None,
        };
        let changing = cloudtrail.trails.change().await?;
        let found = changing.trail(&input.name, call.region).await?;
        let mut trail = found.value;
        call.note_resource("AWS::CloudTrail::Trail", &trail.arn);
        if let Some(bucket) = input.s3_bucket_name {
            trail.bucket = bucket;
        }
        if let Some(prefix) = input.s3_key_prefix {
            trail.prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        }
        trail.include_global_service_events =
            input.include_global_service_events.unwrap_or(trail.include_global_service_events);
        trail.multi_region = input.is_multi_region_trail.unwrap_or(trail.multi_region);
        trail.log_file_validation = input.enable_log_file_validation.unwrap_or(trail.log_file_validation);
        if let Some(organization) = organization {
            trail.organization = organization;
        }
        settings::check(cloudtrail, &trail).await?;
        asked.apply(cloudtrail, &mut trail).await?;
        match input.kms_key_id {
            Some(key) if key.is_empty() => trail.kms_key = None,
            Some(key) => trail.kms_key = Some(keys::for_trail(cloudtrail, &trail, &key, call.region).await?),
            None => {}
        }
        Ok(changing.write(trail, Some(found.rev)).await?.into())
    }
}
