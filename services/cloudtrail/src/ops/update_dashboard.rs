//! UpdateDashboard: replaces the widgets, the schedule or the protection of a dashboard; what is not given stays.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::dashboards::{KIND, Output, RequestWidget, find, schedule, widgets};
use crate::CloudTrail;
use crate::lake::dashboard::{self, RefreshSchedule};

/// See the module.
pub struct UpdateDashboard;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    dashboard_id: String,
    widgets: Option<Vec<RequestWidget>>,
    refresh_schedule: Option<RefreshSchedule>,
    termination_protection_enabled: Option<bool>,
}

impl Operation for UpdateDashboard {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UpdateDashboard";
    const RESOURCE: &'static str = "dashboard/{DashboardId}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let found = find(cloudtrail, call, &input.dashboard_id).await?;
        let mut dashboard = found.value;
        call.note_resource(KIND, &dashboard.arn);
        if let Some(asked) = input.widgets {
            dashboard.widgets = widgets(cloudtrail, call, asked).await?;
        }
        if let Some(asked) = input.refresh_schedule {
            dashboard.schedule = Some(schedule(asked)?);
        }
        dashboard.termination_protection =
            input.termination_protection_enabled.unwrap_or(dashboard.termination_protection);
        dashboard.updated_ms = cloudtrail.shared.env.clock.now().ms();
        dashboard.was_updated = true;
        dashboard::put(cloudtrail, &dashboard, Some(found.rev)).await?;
        Ok(Output::of(dashboard, true))
    }
}
