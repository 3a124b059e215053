//! CreateDashboard: makes a dashboard of widgets, each with a query.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::dashboards::{KIND, Output, RequestWidget, schedule, widgets};
use super::settings::TagInput;
use super::tags;
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::dashboard::{self, DASHBOARDS_PER_REGION_MAX, Dashboard, RefreshSchedule, arn_of};

/// See the module.
pub struct CreateDashboard;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    refresh_schedule: Option<RefreshSchedule>,
    tags_list: Option<Vec<TagInput>>,
    termination_protection_enabled: Option<bool>,
    widgets: Option<Vec<RequestWidget>>,
}

impl Operation for CreateDashboard {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateDashboard";
    const RESOURCE: &'static str = "dashboard/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        if input.name == HIGHLIGHTS {
            let text = "There is no Highlights dashboard here: make a dashboard with widgets of your own.";
            return Err(Error::UnsupportedOperationException(text.to_owned()).into());
        }
        let mut dashboard_tags = Vec::new();
        tags::add(&mut dashboard_tags, input.tags_list.unwrap_or_default())?;
        let schedule = input.refresh_schedule.map(schedule).transpose()?;
        let widgets = widgets(cloudtrail, call, input.widgets.unwrap_or_default()).await?;
        let here = dashboard::all(cloudtrail).await?.into_iter().filter(|other| other.region == call.region);
        let here: Vec<Dashboard> = here.collect();
        if here.iter().any(|other| other.name == input.name) {
            let text = format!("A dashboard of this name exists already: {}", input.name);
            return Err(Error::ConflictException(text).into());
        }
        if here.len() >= DASHBOARDS_PER_REGION_MAX {
            let text = format!("Your account has used the maximum number of dashboards: {DASHBOARDS_PER_REGION_MAX}.");
            return Err(Error::ServiceQuotaExceededException(text).into());
        }
        let now = cloudtrail.shared.env.clock.now().ms();
        let dashboard = Dashboard {
            version: 1,
            arn: arn_of(call.region, &call.account, &input.name),
            name: input.name,
            region: call.region,
            widgets,
            schedule,
            termination_protection: input.termination_protection_enabled.unwrap_or(false),
            created_ms: now,
            updated_ms: now,
            last_refresh_id: None,
            last_refresh_ms: None,
            last_failure: None,
            was_updated: false,
            tags: dashboard_tags,
        };
        call.note_resource(KIND, &dashboard.arn);
        dashboard::put(cloudtrail, &dashboard, None).await?;
        Ok(Output::of(dashboard, false))
    }
}

/// The name of AWS's own dashboard.
const HIGHLIGHTS: &str = "AWSCloudTrail-Highlights";
