//! ListDashboards: the dashboards of the region, by name. There are no managed ones.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::CloudTrail;
use crate::error::Error;
use crate::lake::dashboard::{self, Dashboard};
use crate::lake::paging::{page, page_size};

/// See the module.
pub struct ListDashboards;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name_prefix: Option<String>,
    r#type: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    dashboards: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A dashboard.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    dashboard_arn: String,
    r#type: &'static str,
}

impl Operation for ListDashboards {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListDashboards";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let max = page_size(input.max_results)?;
        let custom = match input.r#type.as_deref() {
            None | Some("CUSTOM") => true,
            Some("MANAGED") => false,
            Some(other) => {
                let text = format!("Type must be MANAGED or CUSTOM, not {other}.");
                return Err(Error::InvalidParameterException(text).into());
            }
        };
        let prefix = input.name_prefix.unwrap_or_default();
        let fits = |one: &Dashboard| custom && one.region == call.region && one.name.starts_with(&prefix);
        let all = dashboard::all(cloudtrail).await?.into_iter().filter(fits);
        let token = input.next_token.as_deref();
        let page = page(all, |dashboard| &dashboard.arn, token, max)?;
        let listed = |dashboard: Dashboard| Listed { dashboard_arn: dashboard.arn, r#type: "CUSTOM" };
        Ok(Output { dashboards: page.items.into_iter().map(listed).collect(), next_token: page.next_token })
    }
}
