//! ListAccessKeys: lists a user's access keys, without secrets.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use base::Timestamp;

use crate::ops::named_or_caller;
use crate::ops::paging::page;
use crate::store::Key;
use crate::{Error, Iam};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyMetadata {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    create_date: Timestamp,
}

/// Lists a user's access keys, without secrets.
pub struct ListAccessKeys;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    access_key_metadata: Vec<AccessKeyMetadata>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListAccessKeys {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListAccessKeys";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let name = named_or_caller(call, input.user_name)?;
        let user = iam.store.user(&name).ok_or_else(|| Error::no_user(&name))?;
        let mut keys = user.keys.clone();
        keys.sort_by(|a, b| a.id.cmp(&b.id));
        let (page, marker) = page(keys, |key| key.id.clone(), input.marker.as_deref(), input.max_items)?;
        let view = |key: Key| AccessKeyMetadata {
            user_name: user.name.clone(),
            access_key_id: key.id,
            status: if key.active { "Active" } else { "Inactive" },
            create_date: key.created,
        };
        let access_key_metadata = page.into_iter().map(view).collect();
        Ok(Output { access_key_metadata, is_truncated: marker.is_some(), marker })
    }
}
