//! ListUserTags: lists a user's tags.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::ops::paging::page;
use crate::tags::Tag;
use crate::{Error, Iam};

/// Lists a user's tags.
pub struct ListUserTags;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    tags: Vec<Tag>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListUserTags {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListUserTags";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let user = iam.store.user(&input.user_name).ok_or_else(|| Error::no_user(&input.user_name))?;
        let mut tags = user.tags.clone();
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        let (tags, marker) = page(tags, |tag| tag.key.clone(), input.marker.as_deref(), input.max_items)?;
        Ok(Output { tags, is_truncated: marker.is_some(), marker })
    }
}
