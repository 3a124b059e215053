//! A user as the API shows it.

use base::Timestamp;
use serde::Serialize;

use crate::store;
use crate::tags::Tag;

/// The modelled `User`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    path: Option<String>,
    user_name: Option<String>,
    user_id: String,
    arn: String,
    create_date: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl User {
    /// With its tags (GetUser, CreateUser).
    pub fn with_tags(user: &store::User) -> User {
        User { tags: user.tags.clone(), ..User::listed(user) }
    }

    /// Without tags (ListUsers).
    pub fn listed(user: &store::User) -> User {
        User {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.id.clone(),
            arn: user.arn.clone(),
            create_date: user.created,
            tags: Vec::new(),
        }
    }

    /// What it is called; root is not.
    pub fn name(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// The account itself, as GetUser shows it to root.
    pub fn root(account: &str) -> User {
        User {
            path: None,
            user_name: None,
            user_id: account.to_owned(),
            arn: format!("arn:aws:iam::{account}:root"),
            create_date: Timestamp::EPOCH,
            tags: Vec::new(),
        }
    }
}
