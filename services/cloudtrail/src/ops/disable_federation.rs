//! DisableFederation: leaves an event data store as it is, because none is federated.

use service::{ApiError, Call, Operation};

use super::enable_federation::Output;
use super::event_data_stores::{DataStoreInput, KIND};
use crate::CloudTrail;

/// See the module.
pub struct DisableFederation;

impl Operation for DisableFederation {
    type Service = CloudTrail;
    type Input = DataStoreInput;
    type Output = Output;
    const NAME: &'static str = "DisableFederation";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DataStoreInput) -> Result<Output, ApiError> {
        let store = cloudtrail.lake.stores.find_active(&input.event_data_store, call.region).await?.value;
        call.note_resource(KIND, &store.arn);
        Ok(Output { event_data_store_arn: store.arn, federation_status: "DISABLED" })
    }
}
