//! ListAttachedUserPolicies: lists the managed policies on a user.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::ops::paging::page;
use crate::{Error, Iam, policies};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

/// Lists the managed policies on a user.
pub struct ListAttachedUserPolicies;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    attached_policies: Vec<AttachedPolicy>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListAttachedUserPolicies {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListAttachedUserPolicies";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let user = iam.store.user(&input.user_name).ok_or_else(|| Error::no_user(&input.user_name))?;
        // A managed policy's path is what lies between `policy` and its name.
        let path = |arn: &str| arn.split_once(":policy").map_or("/", |(_, path)| path).to_owned();
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let mut arns: Vec<String> =
            user.policies.iter().filter(|arn| path(arn).starts_with(&prefix)).cloned().collect();
        arns.sort_unstable();
        let (page, marker) = page(arns, Clone::clone, input.marker.as_deref(), input.max_items)?;
        let view = |arn: String| AttachedPolicy { policy_name: policies::name(&arn).to_owned(), policy_arn: arn };
        Ok(Output { attached_policies: page.into_iter().map(view).collect(), is_truncated: marker.is_some(), marker })
    }
}
