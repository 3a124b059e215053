//! EnableFederation: makes an event data store a table that other engines read. The table comes a moment later; GetEventDataStore says
//! when it is there.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::event_data_stores::KIND;
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::data_store::{Federation, FederationStatus};
use crate::lake::federation::check_role;

/// See the module.
pub struct EnableFederation;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    event_data_store: String,
    federation_role_arn: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    event_data_store_arn: String,
    federation_status: &'static str,
    federation_role_arn: String,
}

impl Operation for EnableFederation {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "EnableFederation";
    const RESOURCE: &'static str = "eventdatastore/{EventDataStore}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let changing = cloudtrail.lake.stores.change().await?;
        let found = cloudtrail.lake.stores.find_active(&input.event_data_store, call.region).await?;
        let mut store = found.value;
        call.note_resource(KIND, &store.arn);
        if cloudtrail.shared.tables.is_none() {
            let text = "The requested operation is not supported: this server publishes no event data stores.";
            return Err(Error::UnsupportedOperationException(text.to_owned()).into());
        }
        check_role(&input.federation_role_arn, &call.account)?;
        match store.federation.as_ref().map(|federation| federation.status) {
            None => {}
            Some(FederationStatus::Disabling) => {
                let text = format!("Lake query federation is being disabled for the event data store {}.", store.arn);
                return Err(Error::ConcurrentModificationException(text).into());
            }
            Some(FederationStatus::Enabling | FederationStatus::Enabled) => {
                let text = format!("Lake query federation is already enabled for the event data store {}.", store.arn);
                return Err(Error::EventDataStoreFederationEnabledException(text).into());
            }
        }
        let role_arn = input.federation_role_arn;
        store.federation = Some(Federation { role_arn: role_arn.clone(), status: FederationStatus::Enabling });
        store.updated_ms = cloudtrail.shared.env.clock.now().ms();
        changing.write_quietly(&store, found.rev).await?;
        let federation_status = store.federation_status();
        Ok(Output { event_data_store_arn: store.arn, federation_status, federation_role_arn: role_arn })
    }
}
