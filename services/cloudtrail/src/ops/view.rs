//! A trail as the API shows it.

use base::Region;
use serde::Serialize;

use crate::trail::Trail;
use crate::watch::topic_arn;

/// `Trail` of GetTrail and DescribeTrails: its settings, and what follows from them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrailView {
    #[serde(flatten)]
    settings: SettingsView,
    home_region: Region,
    has_custom_event_selectors: bool,
    has_insight_selectors: bool,
}

impl From<Trail> for TrailView {
    fn from(trail: Trail) -> TrailView {
        TrailView {
            home_region: trail.home_region,
            has_custom_event_selectors: trail.selectors.are_custom(),
            has_insight_selectors: false,
            settings: trail.into(),
        }
    }
}

/// What CreateTrail and UpdateTrail answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SettingsView {
    name: String,
    #[serde(rename = "S3BucketName")]
    s3_bucket_name: String,
    #[serde(rename = "S3KeyPrefix", skip_serializing_if = "Option::is_none")]
    s3_key_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sns_topic_name: Option<String>,
    #[serde(rename = "SnsTopicARN", skip_serializing_if = "Option::is_none")]
    sns_topic_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_watch_logs_log_group_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_watch_logs_role_arn: Option<String>,
    include_global_service_events: bool,
    is_multi_region_trail: bool,
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    log_file_validation_enabled: bool,
    is_organization_trail: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
}

impl From<Trail> for SettingsView {
    fn from(trail: Trail) -> SettingsView {
        let topic = topic_of(&trail);
        SettingsView {
            name: trail.name,
            s3_bucket_name: trail.bucket,
            s3_key_prefix: trail.prefix,
            sns_topic_name: topic.as_ref().map(|topic| topic.0.clone()),
            sns_topic_arn: topic.map(|topic| topic.1),
            cloud_watch_logs_log_group_arn: trail.log_group,
            cloud_watch_logs_role_arn: trail.log_role,
            include_global_service_events: trail.include_global_service_events,
            is_multi_region_trail: trail.multi_region,
            trail_arn: trail.arn,
            log_file_validation_enabled: trail.log_file_validation,
            is_organization_trail: trail.organization.is_some(),
            kms_key_id: trail.kms_key,
        }
    }
}

/// Name and ARN of the topic.
fn topic_of(trail: &Trail) -> Option<(String, String)> {
    let account = base::Arn::parse(&trail.arn)?.account;
    let arn = topic_arn(trail, &account)?;
    Some((arn.rsplit(':').next()?.to_owned(), arn))
}
