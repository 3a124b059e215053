//! StartEventDataStoreIngestion: from here on the store takes again the records that it selects.

use service::{ApiError, Call, Operation};

use super::Empty;
use super::event_data_stores::{DataStoreInput, set_ingestion};
use crate::CloudTrail;
use crate::lake::data_store::Status;

/// See the module.
pub struct StartEventDataStoreIngestion;

impl Operation for StartEventDataStoreIngestion {
    type Service = CloudTrail;
    type Input = DataStoreInput;
    type Output = Empty;
    const NAME: &'static str = "StartEventDataStoreIngestion";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: DataStoreInput) -> Result<Empty, ApiError> {
        set_ingestion(cloudtrail, call, &input.event_data_store, Status::StoppedIngestion, Status::Enabled).await
    }
}
