//! ListUsers: lists users under a path, by name.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Iam;
use crate::ops::paging::page;
use crate::ops::user_view::User;

/// Lists users under a path, by name.
pub struct ListUsers;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    users: Vec<User>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListUsers {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListUsers";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/*";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let users: Vec<_> = iam.store.users().into_iter().filter(|user| user.path.starts_with(&prefix)).collect();
        let (page, marker) = page(users, |user| user.name.to_lowercase(), input.marker.as_deref(), input.max_items)?;
        let users = page.iter().map(|user| User::listed(user)).collect();
        Ok(Output { users, is_truncated: marker.is_some(), marker })
    }
}
