//! CreateTrail: registers a trail. Nothing is delivered until StartLogging.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::get_trail_status;
use super::settings::{self, TagInput};
use super::tags;
use super::view::SettingsView;
use crate::CloudTrail;
use crate::error::Error;
use crate::keys;
use crate::organization::Keeper;
use crate::selectors::Selectors;
use crate::trail::names::check_trail_name;
use crate::trail::store::TRAILS_PER_REGION_MAX;
use crate::trail::{TRAIL_VERSION, Trail, arn_of};
use crate::watch::Asked;

/// See the module.
pub struct CreateTrail;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    #[serde(rename = "S3BucketName")]
    s3_bucket_name: String,
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
    tags_list: Option<Vec<TagInput>>,
}

impl Operation for CreateTrail {
    type Service = CloudTrail;
    type Input = Input;
    type Output = SettingsView;
    const NAME: &'static str = "CreateTrail";
    const RESOURCE: &'static str = "trail/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<SettingsView, ApiError> {
        check_trail_name(&input.name)?;
        let asked = Asked {
            topic: input.sns_topic_name.as_deref(),
            log_group: input.cloud_watch_logs_log_group_arn.as_deref(),
            log_role: input.cloud_watch_logs_role_arn.as_deref(),
        };
        let mut trail_tags = Vec::new();
        tags::add(&mut trail_tags, input.tags_list.unwrap_or_default())?;
        let (keeper, organization) = match input.is_organization_trail.unwrap_or(false) {
            true => {
                let (keeper, scope) = cloudtrail.for_organization()?;
                (keeper, Some(scope))
            }
            false => (Keeper::This(cloudtrail), None),
        };
        let cloudtrail = &*keeper;
        let account = &cloudtrail.shared.account;
        let mut trail = Trail {
            version: TRAIL_VERSION,
            revision: 0,
            arn: arn_of(call.region, account, &input.name),
            name: input.name,
            home_region: call.region,
            bucket: input.s3_bucket_name,
            prefix: input.s3_key_prefix.filter(|prefix| !prefix.is_empty()),
            include_global_service_events: input.include_global_service_events.unwrap_or(true),
            multi_region: input.is_multi_region_trail.unwrap_or(false),
            log_file_validation: input.enable_log_file_validation.unwrap_or(false),
            kms_key: None,
            log_group: None,
            log_role: None,
            topic: None,
            organization,
            selectors: Selectors::Default,
            logging: false,
            started_ms: None,
            stopped_ms: None,
            digests: None,
            tags: trail_tags,
        };
        settings::check(cloudtrail, &trail).await?;
        asked.apply(cloudtrail, &mut trail).await?;
        if let Some(key) = input.kms_key_id.filter(|key| !key.is_empty()) {
            trail.kms_key = Some(keys::for_trail(cloudtrail, &trail, &key, call.region).await?);
        }
        let changing = cloudtrail.trails.change().await?;
        let all = changing.all().await?;
        // A shadow of a multi-region trail takes its name, and a place, in every region.
        let here = |other: &&Trail| other.home_region == call.region || other.multi_region || trail.multi_region;
        if all.iter().filter(here).any(|other| other.name == trail.name) {
            return Err(Error::TrailAlreadyExistsException(trail.name, account.to_string()).into());
        }
        if all.iter().filter(|other| other.covers(call.region.as_str())).count() >= TRAILS_PER_REGION_MAX {
            let region = call.region.as_str().to_owned();
            return Err(Error::MaximumNumberOfTrailsExceededException(account.to_string(), region).into());
        }
        call.note_resource("AWS::CloudTrail::Trail", &trail.arn);
        get_trail_status::forget(cloudtrail, &trail.arn).await?;
        Ok(changing.write(trail, None).await?.into())
    }
}
