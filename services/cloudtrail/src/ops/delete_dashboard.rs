//! DeleteDashboard: removes a dashboard with its policy.

use service::{ApiError, Call, Operation};
use state::Expect;

use super::Empty;
use super::dashboards::{DashboardInput, KIND, find};
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::change::commit_error;
use crate::rows::{self, DASHBOARDS, RESOURCE_POLICIES};

/// See the module.
pub struct DeleteDashboard;

impl Operation for DeleteDashboard {
    type Service = CloudTrail;
    type Input = DashboardInput;
    type Output = Empty;
    const NAME: &'static str = "DeleteDashboard";
    const RESOURCE: &'static str = "dashboard/{DashboardId}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DashboardInput) -> Result<Empty, ApiError> {
        let found = find(cloudtrail, call, &input.dashboard_id).await?;
        let dashboard = found.value;
        call.note_resource(KIND, &dashboard.arn);
        if dashboard.termination_protection {
            let text = format!(
                "The dashboard {} cannot be deleted because termination protection is enabled for it.",
                dashboard.arn
            );
            return Err(Error::ConflictException(text).into());
        }
        let ops = vec![
            rows::delete(DASHBOARDS, dashboard.arn.as_str(), Expect::Rev(found.rev)),
            rows::delete(RESOURCE_POLICIES, dashboard.arn.as_str(), Expect::Any),
        ];
        cloudtrail.shared.state.commit(ops).await.map_err(commit_error)?;
        Ok(Empty {})
    }
}
