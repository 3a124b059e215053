//! StopEventDataStoreIngestion: from here on the store takes no records; what it has stays, and can be queried.

use service::{ApiError, Call, Operation};

use super::Empty;
use super::event_data_stores::{DataStoreInput, set_ingestion};
use crate::CloudTrail;
use crate::lake::data_store::Status;

/// See the module.
pub struct StopEventDataStoreIngestion;

impl Operation for StopEventDataStoreIngestion {
    type Service = CloudTrail;
    type Input = DataStoreInput;
    type Output = Empty;
    const NAME: &'static str = "StopEventDataStoreIngestion";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DataStoreInput) -> Result<Empty, ApiError> {
        set_ingestion(cloudtrail, call, &input.event_data_store, Status::Enabled, Status::StoppedIngestion).await
    }
}
