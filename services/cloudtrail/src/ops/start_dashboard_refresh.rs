//! StartDashboardRefresh: runs the queries of a dashboard's widgets, as CloudTrail itself: the policies of the event data stores must
//! let it. Their results are found by each widget's alias and the refresh.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::dashboards::{KIND, find};
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::refresh::Times;

/// See the module.
pub struct StartDashboardRefresh;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    dashboard_id: String,
    query_parameter_values: Option<BTreeMap<String, String>>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    refresh_id: String,
}

impl Operation for StartDashboardRefresh {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "StartDashboardRefresh";
    const RESOURCE: &'static str = "dashboard/{DashboardId}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let dashboard = find(cloudtrail, call, &input.dashboard_id).await?.value;
        call.note_resource(KIND, &dashboard.arn);
        let now = cloudtrail.shared.env.clock.now();
        let times = Times::read(input.query_parameter_values.unwrap_or_default(), now)
            .map_err(Error::InvalidParameterException)?;
        let refresh_id = cloudtrail.refresh(&dashboard, times).await?;
        Ok(Output { refresh_id })
    }
}
