//! Tags of groups, by the old operations and the new ones. Source: CloudWatch Logs API reference, TagResource, TagLogGroup.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::Empty;
use crate::Logs;
use crate::error::{Error, invalid, missing};
use crate::rows::Group;

/// Tags of one resource.
const TAGS_MAX: usize = 50;

/// Refuses tags that are AWS's.
pub fn check(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.keys().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid("Tag keys starting with aws: are reserved for AWS use."));
    }
    Ok(())
}

impl Logs {
    /// The group of an ARN that names a resource with tags.
    fn tagged(&self, call: &Call, arn: &str) -> Result<Arc<Group>, ApiError> {
        let none = || missing("The specified resource does not exist.");
        if !arn.starts_with("arn:") {
            return Err(invalid("The specified resourceArn is invalid."));
        }
        let name = self.name_of(call, arn).map_err(|_| none())?;
        self.store.see(|memory| memory.group(call.region, &name).cloned()).map_err(|_| none())
    }

    async fn tag(&self, group: &Group, tags: BTreeMap<String, String>, arn: Option<&str>) -> Result<Empty, ApiError> {
        check(&tags)?;
        self.change_group(group, |group| {
            group.tags.extend(tags);
            if group.tags.len() <= TAGS_MAX {
                return Ok(Empty {});
            }
            let text = format!("The number of tags exceeds the limit of {TAGS_MAX}.");
            match arn {
                Some(arn) => {
                    Err(ApiError::from(Error::TooManyTagsException(text)).with("resourceName", arn.to_owned()))
                }
                None => Err(invalid(text)),
            }
        })
        .await
    }

    async fn untag(&self, group: &Group, keys: &[String]) -> Result<Empty, ApiError> {
        self.change_group(group, |group| {
            group.tags.retain(|key, _| !keys.contains(key));
            Ok(Empty {})
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagInput {
    resource_arn: String,
    tags: BTreeMap<String, String>,
}

operation! {
    /// Sets tags.
    TagResource on "{resourceArn}": TagInput => Empty, |logs, call, input| {
        let group = logs.tagged(call, &input.resource_arn)?;
        logs.tag(&group, input.tags, Some(&input.resource_arn)).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagInput {
    resource_arn: String,
    tag_keys: Vec<String>,
}

operation! {
    /// Takes tags away.
    UntagResource on "{resourceArn}": UntagInput => Empty, |logs, call, input| {
        let group = logs.tagged(call, &input.resource_arn)?;
        logs.untag(&group, &input.tag_keys).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListInput {
    resource_arn: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Tags {
    tags: BTreeMap<String, String>,
}

operation! {
    /// Shows tags.
    ListTagsForResource on "{resourceArn}": ListInput => Tags, |logs, call, input| {
        Ok(Tags { tags: logs.tagged(call, &input.resource_arn)?.tags.clone() })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagGroupInput {
    log_group_name: String,
    tags: BTreeMap<String, String>,
}

operation! {
    /// Sets tags, by the old operation.
    TagLogGroup on "log-group:{logGroupName}:log-stream:": TagGroupInput => Empty, |logs, call, input| {
        let group = logs.group(call, Some(&input.log_group_name), None)?;
        logs.tag(&group, input.tags, None).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagGroupInput {
    log_group_name: String,
    tags: Vec<String>,
}

operation! {
    /// Takes tags away, by the old operation.
    UntagLogGroup on "log-group:{logGroupName}:log-stream:": UntagGroupInput => Empty, |logs, call, input| {
        let group = logs.group(call, Some(&input.log_group_name), None)?;
        logs.untag(&group, &input.tags).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListGroupInput {
    log_group_name: String,
}

operation! {
    /// Shows tags, by the old operation.
    ListTagsLogGroup on "log-group:{logGroupName}:log-stream:": ListGroupInput => Tags, |logs, call, input| {
        Ok(Tags { tags: logs.group(call, Some(&input.log_group_name), None)?.tags.clone() })
    }
}
