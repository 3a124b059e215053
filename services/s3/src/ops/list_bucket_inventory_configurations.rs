//! ListBucketInventoryConfigurations: which inventories of the bucket are wanted: all of them, page by page.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct ListBucketInventoryConfigurations;

members! { input Input {
    pub continuation_token: Option<String>,
} bucket }
members! { output Output {
    pub inventory_configuration_list: Vec<Document>,
    pub continuation_token: Option<String>,
    pub is_truncated: bool,
    pub next_continuation_token: Option<String>,
} }

impl Operation for ListBucketInventoryConfigurations {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListBucketInventoryConfigurations";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetInventoryConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let page = s3.configurations(&input.bucket, Kind::Inventory, input.continuation_token.as_deref()).await?;
        Ok(Output {
            inventory_configuration_list: page.documents,
            continuation_token: input.continuation_token,
            is_truncated: page.next.is_some(),
            next_continuation_token: page.next,
        })
    }
}
