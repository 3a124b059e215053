//! DeleteEventDataStore: takes a store out of service. It can be restored for seven days; then it is removed with all it has.

use service::{ApiError, Call, Operation};

use super::Empty;
use super::event_data_stores::{DataStoreInput, KIND};
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::channel::{self, Channel};
use crate::lake::data_store::Status;

/// See the module.
pub struct DeleteEventDataStore;

impl Operation for DeleteEventDataStore {
    type Service = CloudTrail;
    type Input = DataStoreInput;
    type Output = Empty;
    const NAME: &'static str = "DeleteEventDataStore";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DataStoreInput) -> Result<Empty, ApiError> {
        let changing = cloudtrail.lake.stores.change().await?;
        let found = cloudtrail.lake.stores.find_active(&input.event_data_store, call.region).await?;
        let mut store = found.value;
        call.note_resource(KIND, &store.arn);
        if store.termination_protection {
            let text = format!(
                "The event data store {} cannot be deleted because termination protection is enabled for it.",
                store.arn
            );
            return Err(Error::EventDataStoreTerminationProtectedException(text).into());
        }
        if store.federation.is_some() {
            let text = format!(
                "The event data store {} cannot be deleted because Lake query federation is enabled. Run DisableFederation first.",
                store.arn
            );
            return Err(Error::EventDataStoreFederationEnabledException(text).into());
        }
        let channels = channel::of_region(cloudtrail, call.region).await?;
        let delivers = |channel: &&Channel| channel.destinations.iter().any(|to| to.location == store.arn);
        if let Some(channel) = channels.iter().find(delivers) {
            let text = format!("The channel {} delivers to the event data store. Delete it first.", channel.arn);
            return Err(Error::ChannelExistsForEDSException(text).into());
        }
        let now = cloudtrail.shared.env.clock.now().ms();
        store.stopped_when_deleted = store.status == Status::StoppedIngestion;
        store.status = Status::PendingDeletion;
        store.deleted_ms = Some(now);
        store.updated_ms = now;
        changing.write(store, Some(found.rev)).await?;
        Ok(Empty {})
    }
}
