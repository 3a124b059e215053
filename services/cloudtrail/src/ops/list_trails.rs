//! ListTrails: name, ARN and home region of every trail of the account, whatever the region.

use base::Region;
use serde::{Deserialize, Serialize};
use service::paging::page;
use service::{ApiError, Call, Operation};

use crate::CloudTrail;
use crate::error::Error;

/// Trails per page.
const PAGE: usize = 100;

/// See the module.
pub struct ListTrails;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    next_token: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    trails: Vec<TrailInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One trail.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrailInfo {
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    name: String,
    home_region: Region,
}

impl Operation for ListTrails {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListTrails";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let mut all = cloudtrail.trails.all().await?;
        all.extend(cloudtrail.shadows().await?);
        all.sort_unstable_by(|a, b| a.arn.cmp(&b.arn));
        let page = page(all, |trail| trail.arn.as_str(), input.next_token.as_deref(), PAGE);
        let page = page.map_err(|_| Error::InvalidTokenException("The token is not valid.".to_owned()))?;
        let info = |trail: crate::trail::Trail| TrailInfo {
            trail_arn: trail.arn,
            name: trail.name,
            home_region: trail.home_region,
        };
        Ok(Output { trails: page.items.into_iter().map(info).collect(), next_token: page.next_token })
    }
}
