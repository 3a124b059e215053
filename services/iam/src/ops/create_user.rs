//! CreateUser: makes a user, who may do nothing until a policy is attached.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::ops::user_view::User;
use crate::store::{self, USER_VERSION, USERS_MAX};
use crate::tags::{self, Tag};
use crate::{Error, Iam};

/// Makes a user, who may do nothing until a policy is attached.
pub struct CreateUser;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    path: Option<String>,
    user_name: String,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user: User,
}

impl Operation for CreateUser {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateUser";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { path, user_name, permissions_boundary, tags } = input;
        if let Some(arn) = permissions_boundary {
            // Permissions boundaries are not evaluated yet; to take one and ignore it would grant too much.
            return Err(Error::NoSuchEntity(format!("Scope ARN: {arn} does not exist or is not attachable.")).into());
        }
        let path = path.unwrap_or_else(|| "/".to_owned());
        if !path.starts_with('/') || !path.ends_with('/') {
            let text = "The specified value for path is invalid. It must begin and end with / and contain only \
                        alphanumeric characters and/or / characters.";
            return Err(Error::ValidationError(text.into()).into());
        }
        if !user_name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)) {
            let text = "The specified value for userName is invalid. It must contain only alphanumeric characters \
                        and/or the following: +=,.@_-";
            return Err(Error::ValidationError(text.into()).into());
        }
        let tags = tags::merged(&[], tags)?;
        if iam.store.users().len() >= USERS_MAX {
            return Err(Error::LimitExceeded(format!("Cannot exceed quota for UsersPerAccount: {USERS_MAX}")).into());
        }
        let new = store::User {
            v: USER_VERSION,
            arn: format!("arn:aws:iam::{}:user{path}{user_name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "AIDA"),
            name: user_name.clone(),
            path,
            created: call.time.trunc_secs(),
            tags,
            keys: Vec::new(),
            policies: Vec::new(),
        };
        iam.store
            .change(&iam.account, &user_name, |old| match old {
                Some(_) => {
                    Err(Error::EntityAlreadyExists(format!("User with name {user_name} already exists.")).into())
                }
                None => {
                    let output = Output { user: User::with_tags(&new) };
                    Ok((Some(new), output))
                }
            })
            .await
    }
}
