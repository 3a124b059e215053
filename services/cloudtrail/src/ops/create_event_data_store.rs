//! CreateEventDataStore: makes a store that takes from here on the records it selects.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::event_data_stores::{self as settings, KIND};
use super::settings::TagInput;
use super::tags;
use crate::CloudTrail;
use crate::keys;
use crate::lake::data_store::{self, BillingMode, EventDataStore, For, Status, View, arn_of, default_selectors};
use crate::lake::rules;
use crate::organization::Keeper;
use crate::selectors::AdvancedEventSelector;

/// See the module.
pub struct CreateEventDataStore;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
    multi_region_enabled: Option<bool>,
    organization_enabled: Option<bool>,
    retention_period: Option<i64>,
    termination_protection_enabled: Option<bool>,
    tags_list: Option<Vec<TagInput>>,
    kms_key_id: Option<String>,
    start_ingestion: Option<bool>,
    billing_mode: Option<String>,
}

impl Operation for CreateEventDataStore {
    type Service = CloudTrail;
    type Input = Input;
    type Output = View;
    const NAME: &'static str = "CreateEventDataStore";
    const RESOURCE: &'static str = "eventdatastore/*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<View, ApiError> {
        let (keeper, organization) = match input.organization_enabled.unwrap_or(false) {
            true => {
                let (keeper, scope) = cloudtrail.for_organization()?;
                (keeper, Some(scope))
            }
            false => (Keeper::This(cloudtrail), None),
        };
        let cloudtrail = &*keeper;
        settings::check_name(&input.name)?;
        let billing =
            settings::billing(input.billing_mode.as_deref())?.unwrap_or(BillingMode::ExtendableRetentionPricing);
        let retention_days = match input.retention_period {
            Some(days) => settings::retention(days, billing)?,
            None => billing.default_retention_days(),
        };
        let selectors = input.advanced_event_selectors.unwrap_or_else(default_selectors);
        rules::check(&selectors)?;
        let mut store_tags = Vec::new();
        tags::add(&mut store_tags, input.tags_list.unwrap_or_default())?;
        let now = cloudtrail.shared.env.clock.now().ms();
        let id = base::ids::uuid(&*cloudtrail.shared.env.rng);
        let arn = arn_of(call.region, &cloudtrail.shared.account, &id);
        let key = match input.kms_key_id {
            Some(key) => Some(keys::for_store(cloudtrail, &arn, &key, call.region).await?),
            None => None,
        };
        let store = EventDataStore {
            version: data_store::VERSION,
            revision: 0,
            arn,
            id,
            name: input.name,
            region: call.region,
            status: if input.start_ingestion.unwrap_or(true) { Status::Enabled } else { Status::StoppedIngestion },
            selectors,
            multi_region: input.multi_region_enabled.unwrap_or(true),
            retention_days,
            termination_protection: input.termination_protection_enabled.unwrap_or(true),
            billing,
            created_ms: now,
            updated_ms: now,
            deleted_ms: None,
            stopped_when_deleted: false,
            federation: None,
            kms_key: key.as_ref().map(|key| key.key_arn.clone()),
            organization,
            tags: store_tags,
        };
        let changing = cloudtrail.lake.stores.change().await?;
        let here = cloudtrail.lake.stores.of_region(call.region).await?;
        settings::check_unique(&here, &store)?;
        settings::check_room(&here)?;
        call.note_resource(KIND, &store.arn);
        changing.begin(&store.id, retention_days, key).await?;
        Ok(View::of(changing.write(store, None).await?, For::Create))
    }
}
