//! EnableFederation: is refused, because event data stores are not tables of Iceberg yet. What is refused before that on AWS is refused
//! here in the same words.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::event_data_stores::KIND;
use crate::CloudTrail;
use crate::error::Error;

/// See the module.
pub struct EnableFederation;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_store: String,
}

/// The answer, also of DisableFederation.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub(super) event_data_store_arn: String,
    pub(super) federation_status: &'static str,
}

impl Operation for EnableFederation {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "EnableFederation";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";
    /// The operation as a whole is refused.
    const IGNORES: &'static [&'static str] = &["FederationRoleArn"];

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let store = cloudtrail.lake.stores.find_active(&input.event_data_store, call.region).await?.value;
        call.note_resource(KIND, &store.arn);
        let text = format!(
            "The requested operation is not supported: event data stores cannot be federated on this server ({}).",
            store.arn
        );
        Err(Error::UnsupportedOperationException(text).into())
    }
}
