//! ListGroupsForUser: lists a user's groups. No group can be made yet, so a user who exists is in none.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Error, Iam};

/// Lists a user's groups.
pub struct ListGroupsForUser;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    #[serde(rename = "Marker")]
    _marker: Option<String>,
    #[serde(rename = "MaxItems")]
    _max_items: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    groups: Vec<()>,
    is_truncated: bool,
}

impl Operation for ListGroupsForUser {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListGroupsForUser";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        iam.store.user(&input.user_name).ok_or_else(|| Error::no_user(&input.user_name))?;
        Ok(Output { groups: Vec::new(), is_truncated: false })
    }
}
