//! What operations on channels share.

use serde::Deserialize;
use service::{ApiError, Call};

use crate::CloudTrail;
use crate::error::Error;
use crate::lake::channel::{self, Channel, Destination};
use crate::lake::names::{channel_id, no_channel};
use crate::rows::Found;

/// The type of the resource in records.
pub const KIND: &str = "AWS::CloudTrail::Channel";

/// The input of operations that name a channel and say nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelInput {
    /// Its ARN or UUID.
    pub channel: String,
}

/// The channel that is meant.
pub async fn find(cloudtrail: &CloudTrail, call: &Call, named: &str) -> Result<Found<Channel>, ApiError> {
    let id = channel_id(named, call.region, &cloudtrail.shared.account)?;
    let found = channel::get(cloudtrail, &id).await?.filter(|found| found.value.region == call.region);
    found.ok_or_else(|| no_channel(named).into())
}

/// Checks that events can go to each destination.
pub async fn check_destinations(cloudtrail: &CloudTrail, call: &Call, all: &[Destination]) -> Result<(), ApiError> {
    if all.is_empty() {
        return Err(Error::InvalidParameterException("Specify at least one destination.".to_owned()).into());
    }
    for (at, destination) in all.iter().enumerate() {
        if destination.r#type != "EVENT_DATA_STORE" {
            let text = format!("The type of a destination must be EVENT_DATA_STORE, not {}.", destination.r#type);
            return Err(Error::InvalidParameterException(text).into());
        }
        if !destination.location.starts_with("arn:") {
            let text = format!(
                "The location of a destination must be the ARN of an event data store: {}",
                destination.location
            );
            return Err(Error::EventDataStoreARNInvalidException(text).into());
        }
        if all[..at].contains(destination) {
            let text = format!("The destination {} is specified more than once.", destination.location);
            return Err(Error::InvalidParameterException(text).into());
        }
        let store = cloudtrail.lake.stores.find_active(&destination.location, call.region).await?.value;
        if store.category() != "ActivityAuditLog" {
            let text = format!(
                "The event data store {} takes {} events; a channel needs one for ActivityAuditLog.",
                store.arn,
                store.category()
            );
            return Err(Error::InvalidEventDataStoreCategoryException(text).into());
        }
    }
    Ok(())
}
