//! ListEventDataStores: the stores of the region, those pending deletion included, by UUID.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::CloudTrail;
use crate::lake::data_store::{For, View};
use crate::lake::paging::{page, page_size};

/// See the module.
pub struct ListEventDataStores;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    event_data_stores: Vec<View>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListEventDataStores {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListEventDataStores";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let max = page_size(input.max_results)?;
        let stores = cloudtrail.lake.stores.of_region(call.region).await?;
        let token = input.next_token.as_deref();
        let page = page(stores, |store| &store.id, token, max)?;
        let event_data_stores = page.items.into_iter().map(|store| View::of(store, For::List)).collect();
        Ok(Output { event_data_stores, next_token: page.next_token })
    }
}
