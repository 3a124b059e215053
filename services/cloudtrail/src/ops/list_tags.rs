//! ListTags: the tags of up to 20 trails, event data stores, channels and dashboards.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::tags::Tagged;
use crate::CloudTrail;
use crate::error::Error;
use crate::trail::Tag;

/// CloudTrail API reference, ListTags: `ResourceIdList`.
const RESOURCES_MAX: usize = 20;

/// See the module.
pub struct ListTags;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    resource_id_list: Vec<String>,
    next_token: Option<String>,
}

/// The answer. All fits in one page, so there is never a token.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    resource_tag_list: Vec<ResourceTag>,
}

/// The tags of one of them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTag {
    resource_id: String,
    tags_list: Vec<Tag>,
}

impl Operation for ListTags {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListTags";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        if input.next_token.is_some() {
            return Err(Error::InvalidTokenException("The token is not valid.".to_owned()).into());
        }
        if input.resource_id_list.len() > RESOURCES_MAX {
            let text = format!("ResourceIdList can have at most {RESOURCES_MAX} members.");
            return Err(Error::InvalidParameterException(text).into());
        }
        let mut resource_tag_list = Vec::with_capacity(input.resource_id_list.len());
        for id in input.resource_id_list {
            let cloudtrail = &*cloudtrail.shows_trail(call, &id).await?;
            let tags_list = Tagged::parse(cloudtrail, call, &id)?.tags(cloudtrail, call).await?;
            resource_tag_list.push(ResourceTag { resource_id: id, tags_list });
        }
        Ok(Output { resource_tag_list })
    }
}
