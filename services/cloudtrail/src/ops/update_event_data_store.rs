//! UpdateEventDataStore: changes settings of a store; those not given stay. Takes effect for calls that finish after it.

use base::Region;
use ports::lake::StoreKey;
use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::event_data_stores::{self as settings, KIND};
use crate::CloudTrail;
use crate::error::Error;
use crate::keys;
use crate::lake::change::store_id;
use crate::lake::data_store::{BillingMode, EventDataStore, For, View};
use crate::lake::rules;
use crate::selectors::AdvancedEventSelector;

/// See the module.
pub struct UpdateEventDataStore;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_store: String,
    name: Option<String>,
    advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
    multi_region_enabled: Option<bool>,
    organization_enabled: Option<bool>,
    retention_period: Option<i64>,
    termination_protection_enabled: Option<bool>,
    kms_key_id: Option<String>,
    billing_mode: Option<String>,
}

impl Operation for UpdateEventDataStore {
    type Service = CloudTrail;
    type Input = Input;
    type Output = View;
    const NAME: &'static str = "UpdateEventDataStore";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<View, ApiError> {
        let organization = match input.organization_enabled {
            Some(true) => Some(Some(cloudtrail.becomes_organization()?)),
            Some(false) => Some(None),
            None => None,
        };
        let changing = cloudtrail.lake.stores.change().await?;
        let found = cloudtrail.lake.stores.find_active(&input.event_data_store, call.region).await?;
        let mut store = found.value;
        call.note_resource(KIND, &store.arn);
        if let Some(name) = input.name {
            settings::check_name(&name)?;
            store.name = name;
            settings::check_unique(&cloudtrail.lake.stores.of_region(call.region).await?, &store)?;
        }
        if let Some(selectors) = input.advanced_event_selectors {
            rules::check_change(&store.selectors, &selectors)?;
            store.selectors = selectors;
        }
        if let Some(billing) = settings::billing(input.billing_mode.as_deref())? {
            if billing == BillingMode::FixedRetentionPricing && store.billing != billing {
                let text = "The billing mode of an event data store cannot be changed from EXTENDABLE_RETENTION_PRICING to \
                            FIXED_RETENTION_PRICING.";
                return Err(Error::InvalidParameterException(text.to_owned()).into());
            }
            store.billing = billing;
        }
        let retention_before = store.retention_days;
        if let Some(days) = input.retention_period {
            store.retention_days = settings::retention(days, store.billing)?;
        }
        if let Some(organization) = organization {
            store.organization = organization;
        }
        let key = match input.kms_key_id {
            Some(key) => Some(changed_key(cloudtrail, &store, &key, call.region).await?),
            None => None,
        };
        if let Some(key) = key {
            store.kms_key = Some(key.key_arn.clone());
            // Before the row: a store that says that it is under a key is.
            cloudtrail.shared.stores()?.encrypt(&store_id(&store.id)?, key).await?;
        }
        store.multi_region = input.multi_region_enabled.unwrap_or(store.multi_region);
        store.termination_protection = input.termination_protection_enabled.unwrap_or(store.termination_protection);
        store.updated_ms = cloudtrail.shared.env.clock.now().ms();
        if store.retention_days != retention_before {
            cloudtrail.lake.stores.retention_changes();
        }
        let store = changing.write(store, Some(found.rev)).await?;
        if store.retention_days != retention_before {
            // After the row: what a failure keeps from being passed on is passed on in the next round, or at the next start.
            cloudtrail.shared.stores()?.set_retention(&store_id(&store.id)?, store.retention_days).await?;
        }
        Ok(View::of(store, For::Update))
    }
}

/// CloudTrail API reference, UpdateEventDataStore: a key cannot be removed or changed once it is there.
async fn changed_key(
    cloudtrail: &CloudTrail,
    store: &EventDataStore,
    named: &str,
    region: Region,
) -> Result<StoreKey, ApiError> {
    let found = keys::for_store(cloudtrail, &store.arn, named, region).await?;
    if store.kms_key.as_ref().is_some_and(|key| *key != found.key_arn) {
        let text = "After you associate an event data store with a KMS key, the KMS key cannot be removed or changed.";
        return Err(Error::InvalidParameterException(text.to_owned()).into());
    }
    Ok(found)
}
