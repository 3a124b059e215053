//! GetEventDataStore: what a store is, pending deletion or not.

use service::{ApiError, Call, Operation};

use super::event_data_stores::DataStoreInput;
use crate::CloudTrail;
use crate::lake::data_store::{For, View};

/// See the module.
pub struct GetEventDataStore;

impl Operation for GetEventDataStore {
    type Service = CloudTrail;
    type Input = DataStoreInput;
    type Output = View;
    const NAME: &'static str = "GetEventDataStore";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DataStoreInput) -> Result<View, ApiError> {
        let found = cloudtrail.lake.stores.find(&input.event_data_store, call.region).await?;
        Ok(View::of(found.value, For::Get))
    }
}
