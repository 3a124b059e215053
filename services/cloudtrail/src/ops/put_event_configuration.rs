//! PutEventConfiguration: how large events may be. Context keys and aggregation are refused: nothing is added to records here.

use serde::Deserialize;
use service::{ApiError, Call, Operation};
use state::Expect;

use super::event_configuration::{Configuration, Output, Target, read, target};
use super::event_data_stores::KIND;
use crate::CloudTrail;
use crate::error::Error;
use crate::rows::{self, EVENT_CONFIGURATIONS};

/// See the module.
pub struct PutEventConfiguration;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    trail_name: Option<String>,
    event_data_store: Option<String>,
    max_event_size: Option<String>,
    context_key_selectors: Option<Vec<ContextKeySelector>>,
    aggregation_configurations: Option<Vec<AggregationConfiguration>>,
}

/// What context to add.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContextKeySelector {
    r#type: String,
}

/// What to aggregate.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AggregationConfiguration {
    event_category: String,
}

impl Operation for PutEventConfiguration {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutEventConfiguration";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let target = target(cloudtrail, call, input.trail_name.as_deref(), input.event_data_store.as_deref()).await?;
        let kind = if matches!(target, Target::Trail(_)) { "AWS::CloudTrail::Trail" } else { KIND };
        call.note_resource(kind, target.arn());
        if let Some(first) = input.context_key_selectors.iter().flatten().next() {
            let text = format!("Records are not enriched here: leave ContextKeySelectors ({}) out.", first.r#type);
            return Err(Error::UnsupportedOperationException(text).into());
        }
        if let Some(first) = input.aggregation_configurations.iter().flatten().next() {
            let text = format!(
                "Records are not aggregated here: leave AggregationConfigurations ({}) out.",
                first.event_category
            );
            return Err(Error::UnsupportedOperationException(text).into());
        }
        let Some(max_event_size) = input.max_event_size else {
            let configuration = read(cloudtrail, target.arn()).await?;
            return Ok(target.shown(configuration));
        };
        if !["Standard", "Large"].contains(&max_event_size.as_str()) {
            let text = format!("MaxEventSize must be Standard or Large, not {max_event_size}.");
            return Err(Error::InvalidParameterException(text).into());
        }
        let configuration = Configuration { version: 1, max_event_size };
        let put = rows::put(EVENT_CONFIGURATIONS, target.arn(), &configuration, Expect::Any);
        cloudtrail.shared.state.commit(vec![put]).await.map_err(ApiError::unavailable)?;
        Ok(target.shown(Some(configuration)))
    }
}
