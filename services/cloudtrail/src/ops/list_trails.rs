//! ListTrails: name, ARN and home region of every trail of the account, whatever the region.

use base::Region;
use serde::{Deserialize, Serialize};
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
        // The token is the ARN of the last trail of the page before, in hexadecimal.
        let after = match input.next_token.as_deref().map(base::ids::unhex) {
            None => None,
            Some(Some(arn)) => Some(String::from_utf8_lossy(&arn).into_owned()),
            Some(None) => return Err(Error::InvalidTokenException("The token is not valid.".to_owned()).into()),
        };
        let all = cloudtrail.trails.all().await?.into_iter();
        let mut rest: Vec<_> = all.filter(|trail| after.as_ref().is_none_or(|after| trail.arn > *after)).collect();
        let more = rest.len() > PAGE;
        rest.truncate(PAGE);
        let next_token = rest.last().filter(|_| more).map(|trail| base::ids::hex(trail.arn.as_bytes()));
        let info = |trail: crate::trail::Trail| TrailInfo {
            trail_arn: trail.arn,
            name: trail.name,
            home_region: trail.home_region,
        };
        Ok(Output { trails: rest.into_iter().map(info).collect(), next_token })
    }
}
