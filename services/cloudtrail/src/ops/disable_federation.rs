//! DisableFederation: removes the table that an event data store is. The store stays as it is.

use serde::Serialize;
use service::{ApiError, Call, Operation};

use super::event_data_stores::{DataStoreInput, KIND};
use crate::CloudTrail;
use crate::lake::data_store::FederationStatus;

/// See the module.
pub struct DisableFederation;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    event_data_store_arn: String,
    federation_status: &'static str,
}

impl Operation for DisableFederation {
    type Service = CloudTrail;
    type Input = DataStoreInput;
    type Output = Output;
    const NAME: &'static str = "DisableFederation";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DataStoreInput) -> Result<Output, ApiError> {
        let changing = cloudtrail.lake.stores.change().await?;
        let found = cloudtrail.lake.stores.find_active(&input.event_data_store, call.region).await?;
        let mut store = found.value;
        call.note_resource(KIND, &store.arn);
        if let Some(federation) = store.federation.as_mut().filter(|old| old.status != FederationStatus::Disabling) {
            federation.status = FederationStatus::Disabling;
            store.updated_ms = cloudtrail.shared.env.clock.now().ms();
            changing.write_quietly(&store, found.rev).await?;
        }
        let federation_status = store.federation_status();
        Ok(Output { event_data_store_arn: store.arn, federation_status })
    }
}
