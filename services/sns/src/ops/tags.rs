//! TagResource, UntagResource, ListTagsForResource.

use serde::{Deserialize, Serialize};

use super::Empty;
use crate::store::HeldTopic;
use crate::tags::{self, Tag};
use crate::{Error, Sns, names};

impl Sns {
    /// The topic of an ARN, with what tagging says of one that is not there.
    fn tagged(&self, call: &service::Call, arn: &str) -> Result<std::sync::Arc<HeldTopic>, service::ApiError> {
        names::topic(arn, "ResourceArn")?;
        self.topic(call, arn, "ResourceArn").map_err(|error| match error.status {
            404 => Error::ResourceNotFound("Resource does not exist".to_owned()).into(),
            _ => error,
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagInput {
    resource_arn: String,
    tags: Vec<Tag>,
}

operation! {
    /// Sets tags of a topic.
    TagResource on "{ResourceArn}": TagInput => Empty, |sns, call, input| {
        let topic = sns.tagged(call, &input.resource_arn)?;
        sns.change_topic(&topic, |topic| {
            topic.tags = tags::merged(&topic.tags, input.tags)?;
            Ok(Empty {})
        }).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagInput {
    resource_arn: String,
    tag_keys: Vec<String>,
}

operation! {
    /// Takes tags from a topic.
    UntagResource on "{ResourceArn}": UntagInput => Empty, |sns, call, input| {
        let topic = sns.tagged(call, &input.resource_arn)?;
        sns.change_topic(&topic, |topic| {
            topic.tags.retain(|tag| !input.tag_keys.contains(&tag.key));
            Ok(Empty {})
        }).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    resource_arn: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    tags: Vec<Tag>,
}

operation! {
    /// Lists the tags of a topic.
    ListTagsForResource on "{ResourceArn}": ListInput => ListOutput, |sns, call, input| {
        Ok(ListOutput { tags: sns.tagged(call, &input.resource_arn)?.tags.clone() })
    }
}
