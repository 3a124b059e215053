//! What operations on event data stores share, and what AWS checks of their settings. Source: CloudTrail API reference,
//! CreateEventDataStore, UpdateEventDataStore, StartEventDataStoreIngestion.

use serde::Deserialize;
use service::{ApiError, Call};

use super::Empty;
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::change::{STORES_PER_REGION_MAX, active};
use crate::lake::data_store::{BillingMode, EventDataStore, Status};

/// The type of the resource in records.
pub const KIND: &str = "AWS::CloudTrail::EventDataStore";

/// The shortest retention.
const RETENTION_DAYS_MIN: u32 = 7;

/// The input of operations that name a store and say nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataStoreInput {
    /// Its ARN or UUID.
    pub event_data_store: String,
}

/// What a store may be called. The model says the same; who calls from inside is held to it too.
pub fn check_name(name: &str) -> Result<(), Error> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (3..=128).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    let text = format!("Name must have 3 to 128 letters, digits, periods, underscores or dashes: {name}");
    Err(Error::InvalidParameterException(text))
}

/// Reads `BillingMode`.
pub fn billing(text: Option<&str>) -> Result<Option<BillingMode>, Error> {
    match text {
        None => Ok(None),
        Some("EXTENDABLE_RETENTION_PRICING") => Ok(Some(BillingMode::ExtendableRetentionPricing)),
        Some("FIXED_RETENTION_PRICING") => Ok(Some(BillingMode::FixedRetentionPricing)),
        Some(other) => Err(Error::InvalidParameterException(format!(
            "BillingMode must be EXTENDABLE_RETENTION_PRICING or FIXED_RETENTION_PRICING, not {other}."
        ))),
    }
}

/// Reads `RetentionPeriod`.
pub fn retention(days: i64, billing: BillingMode) -> Result<u32, Error> {
    let max = billing.max_retention_days();
    let good = u32::try_from(days).ok().filter(|days| (RETENTION_DAYS_MIN..=max).contains(days));
    good.ok_or_else(|| {
        Error::InvalidParameterException(format!(
            "RetentionPeriod must be from {RETENTION_DAYS_MIN} to {max} days for this billing mode, not {days}."
        ))
    })
}

/// No other store of the region may have its name.
pub fn check_unique(here: &[EventDataStore], store: &EventDataStore) -> Result<(), Error> {
    match here.iter().any(|other| other.id != store.id && other.name == store.name) {
        true => Err(Error::EventDataStoreAlreadyExistsException(format!(
            "An event data store with that name already exists: {}",
            store.name
        ))),
        false => Ok(()),
    }
}

/// There may be so many.
pub fn check_room(here: &[EventDataStore]) -> Result<(), Error> {
    let used = here.iter().filter(|store| store.status != Status::PendingDeletion).count();
    if used < STORES_PER_REGION_MAX {
        return Ok(());
    }
    let text = format!("Your account has used the maximum number of event data stores: {STORES_PER_REGION_MAX}.");
    Err(Error::EventDataStoreMaxLimitExceededException(text))
}

/// Starts or stops ingestion.
pub async fn set_ingestion(
    cloudtrail: &CloudTrail,
    call: &Call,
    named: &str,
    from: Status,
    to: Status,
) -> Result<Empty, ApiError> {
    let changing = cloudtrail.lake.stores.change().await?;
    let found = cloudtrail.lake.stores.find(named, call.region).await?;
    let mut store = found.value;
    call.note_resource(KIND, &store.arn);
    if !["Management", "Data", "NetworkActivity", "ConfigurationItem"].contains(&store.category()) {
        let text =
            format!("Ingestion cannot be started or stopped for event data stores of {} events.", store.category());
        return Err(Error::InvalidEventDataStoreCategoryException(text).into());
    }
    if store.status != from {
        let text = format!("The event data store {} is not in a status that supports the operation.", store.arn);
        return Err(Error::InvalidEventDataStoreStatusException(text).into());
    }
    store.status = to;
    store.updated_ms = cloudtrail.shared.env.clock.now().ms();
    changing.write(store, Some(found.rev)).await?;
    Ok(Empty {})
}

/// The store that is meant, if it is not pending deletion and takes events of CloudTrail itself.
pub async fn of_events(cloudtrail: &CloudTrail, call: &Call, named: &str) -> Result<EventDataStore, ApiError> {
    let store = active(cloudtrail.lake.stores.find(named, call.region).await?)?.value;
    if !["Management", "Data", "NetworkActivity"].contains(&store.category()) {
        let text = format!("The event data store takes {} events, not events of CloudTrail.", store.category());
        return Err(Error::InvalidEventDataStoreCategoryException(text).into());
    }
    Ok(store)
}
