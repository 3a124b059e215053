//! What Get- and PutEventConfiguration share. Records are always kept whole here, so `MaxEventSize` is stored and shown, and changes
//! nothing; nothing is added to records either, so what asks for that is refused.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::event_data_stores::of_events;
use crate::CloudTrail;
use crate::error::Error;
use crate::rows::{self, EVENT_CONFIGURATIONS};

/// What is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configuration {
    /// Of this document.
    pub version: u32,
    /// `Standard` or `Large`.
    pub max_event_size: String,
}

/// The answer of both.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "TrailARN", skip_serializing_if = "Option::is_none")]
    pub(super) trail_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_data_store_arn: Option<String>,
    pub(super) max_event_size: String,
    pub(super) context_key_selectors: [String; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aggregation_configurations: Option<[String; 0]>,
}

/// Whose configuration is meant.
pub enum Target {
    /// A trail's, by ARN.
    Trail(String),
    /// An event data store's, by ARN.
    DataStore(String),
}

impl Target {
    /// The ARN.
    pub fn arn(&self) -> &str {
        match self {
            Target::Trail(arn) | Target::DataStore(arn) => arn,
        }
    }

    /// The answer.
    pub fn shown(self, configuration: Option<Configuration>) -> Output {
        let max_event_size = configuration.map_or_else(|| "Standard".to_owned(), |found| found.max_event_size);
        let (trail_arn, event_data_store_arn) = match self {
            Target::Trail(arn) => (Some(arn), None),
            Target::DataStore(arn) => (None, Some(arn)),
        };
        let aggregation_configurations = trail_arn.is_some().then_some([]);
        Output {
            trail_arn,
            event_data_store_arn,
            max_event_size,
            context_key_selectors: [],
            aggregation_configurations,
        }
    }
}

/// Finds whose configuration is meant: a trail's or a store's.
pub async fn target(
    cloudtrail: &CloudTrail,
    call: &Call,
    trail: Option<&str>,
    store: Option<&str>,
) -> Result<Target, ApiError> {
    match (trail, store) {
        (Some(trail), None) => Ok(Target::Trail(cloudtrail.trails.find(trail, call.region).await?.arn)),
        (None, Some(store)) => Ok(Target::DataStore(of_events(cloudtrail, call, store).await?.arn)),
        _ => {
            let text = "Specify either TrailName or EventDataStore.";
            Err(Error::InvalidParameterCombinationException(text.to_owned()).into())
        }
    }
}

/// Reads what is stored.
pub async fn read(cloudtrail: &CloudTrail, arn: &str) -> Result<Option<Configuration>, ApiError> {
    let found = rows::get(&*cloudtrail.shared.state, EVENT_CONFIGURATIONS, arn.as_bytes()).await;
    Ok(found.map_err(ApiError::unavailable)?.map(|found| found.value))
}
