//! DescribeTrails: the settings of trails of this region, and of multi-region trails of other regions (their shadows here).

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::view::TrailView;
use crate::CloudTrail;
use crate::trail::Trail;
use crate::trail::names::Reference;

/// See the module.
pub struct DescribeTrails;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    trail_name_list: Option<Vec<String>>,
    include_shadow_trails: Option<bool>,
}

/// The answer. Names that mean no trail are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    trail_list: Vec<TrailView>,
}

impl Operation for DescribeTrails {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeTrails";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let shadows = input.include_shadow_trails.unwrap_or(true);
        let names = input.trail_name_list.unwrap_or_default();
        let wanted: Vec<Reference> = names.iter().map(|name| cloudtrail.reference(name)).collect::<Result<_, _>>()?;
        let meant = |trail: &Trail| {
            wanted.is_empty()
                || wanted.iter().any(|reference| match reference {
                    Reference::Name(name) => *name == trail.name,
                    Reference::Arn { region, name } => *name == trail.name && trail.home_region.as_str() == region,
                })
        };
        let visible = |trail: &Trail| trail.home_region == call.region || (shadows && trail.multi_region);
        let mut all = cloudtrail.trails.all().await?;
        // Members see the trails of their organization, as shadows.
        if shadows {
            all.extend(cloudtrail.shadows().await?);
        }
        let trails = all.into_iter().filter(|trail| visible(trail) && meant(trail));
        Ok(Output { trail_list: trails.map(TrailView::from).collect() })
    }
}
