//! GetDashboard: what a dashboard is, and how its last refresh went.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};

use super::dashboards::{DashboardInput, find};
use crate::CloudTrail;
use crate::lake::dashboard::{RefreshSchedule, Widget};

/// See the module.
pub struct GetDashboard;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    dashboard_arn: String,
    r#type: &'static str,
    status: &'static str,
    widgets: Vec<Widget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_schedule: Option<RefreshSchedule>,
    created_timestamp: Timestamp,
    updated_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refresh_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refresh_failure_reason: Option<String>,
    termination_protection_enabled: bool,
}

impl Operation for GetDashboard {
    type Service = CloudTrail;
    type Input = DashboardInput;
    type Output = Output;
    const NAME: &'static str = "GetDashboard";
    const RESOURCE: &'static str = "dashboard/{DashboardId}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DashboardInput) -> Result<Output, ApiError> {
        let dashboard = find(cloudtrail, call, &input.dashboard_id).await?.value;
        Ok(Output {
            dashboard_arn: dashboard.arn,
            r#type: "CUSTOM",
            status: if dashboard.was_updated { "UPDATED" } else { "CREATED" },
            widgets: dashboard.widgets,
            refresh_schedule: dashboard.schedule,
            created_timestamp: Timestamp::from_ms(dashboard.created_ms),
            updated_timestamp: Timestamp::from_ms(dashboard.updated_ms),
            last_refresh_id: dashboard.last_refresh_id,
            last_refresh_failure_reason: dashboard.last_failure,
            termination_protection_enabled: dashboard.termination_protection,
        })
    }
}
