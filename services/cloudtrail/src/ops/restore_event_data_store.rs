//! RestoreEventDataStore: takes a deletion back, in the seven days that it is pending. Records of the time between are not in the store.

use service::{ApiError, Call, Operation};

use super::event_data_stores::{self as settings, DataStoreInput, KIND};
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::data_store::{For, Status, View};

/// See the module.
pub struct RestoreEventDataStore;

impl Operation for RestoreEventDataStore {
    type Service = CloudTrail;
    type Input = DataStoreInput;
    type Output = View;
    const NAME: &'static str = "RestoreEventDataStore";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DataStoreInput) -> Result<View, ApiError> {
        let changing = cloudtrail.lake.stores.change().await?;
        let found = cloudtrail.lake.stores.find(&input.event_data_store, call.region).await?;
        let mut store = found.value;
        call.note_resource(KIND, &store.arn);
        if store.status != Status::PendingDeletion {
            let text = format!("The event data store {} is not pending deletion.", store.arn);
            return Err(Error::InvalidEventDataStoreStatusException(text).into());
        }
        settings::check_room(&cloudtrail.lake.stores.of_region(call.region).await?)?;
        store.status = if store.stopped_when_deleted { Status::StoppedIngestion } else { Status::Enabled };
        store.deleted_ms = None;
        store.updated_ms = cloudtrail.shared.env.clock.now().ms();
        Ok(View::of(changing.write(store, Some(found.rev)).await?, For::Restore))
    }
}
