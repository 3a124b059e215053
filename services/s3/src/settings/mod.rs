//! What a bucket is set to besides versioning, policy and tags: part of its row, so that each change of it is one commit and goes
//! with the bucket. Documents are kept as they were checked and given back so.

pub(crate) mod configurations;
pub(crate) mod cors;
pub(crate) mod notification;
pub(crate) mod replication;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::S3;
use crate::acl::Grant;

/// A document as the model has it.
pub(crate) type Document = serde_json::Value;

/// Settings of a bucket. One that has none of these is as a new bucket on AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// `None` once it was deleted: then nothing is blocked.
    #[serde(skip_serializing_if = "is_all_blocked")]
    pub(crate) public_access_block: Option<PublicAccessBlock>,
    /// `None` once it was deleted: then it is as `ObjectWriter`.
    #[serde(skip_serializing_if = "is_enforced")]
    pub(crate) ownership: Option<Ownership>,
    /// `None`: the owner has full control, and nobody else anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<Grant>>,
    /// By the constants below.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) documents: BTreeMap<String, Document>,
}

/// The names of documents.
pub(crate) const ACCELERATE: &str = "accelerate";
pub(crate) const CORS: &str = "cors";
pub(crate) const ENCRYPTION: &str = "encryption";
pub(crate) const LOGGING: &str = "logging";
pub(crate) const NOTIFICATION: &str = "notification";
pub(crate) const PAYER: &str = "payer";
pub(crate) const REPLICATION: &str = "replication";

/// What of public access is blocked. Source: S3 user guide, "Blocking public access to your Amazon S3 storage".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublicAccessBlock {
    pub(crate) block_public_acls: bool,
    pub(crate) ignore_public_acls: bool,
    pub(crate) block_public_policy: bool,
    pub(crate) restrict_public_buckets: bool,
}

/// Who owns objects, and whether there are access control lists. Source: S3 user guide, "Controlling ownership of objects and
/// disabling ACLs for your bucket".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The bucket's owner owns all; there are no access control lists.
    BucketOwnerEnforced,
    /// There are access control lists; objects are the bucket owner's if their writer gives them over.
    BucketOwnerPreferred,
    /// There are access control lists; objects are their writer's.
    ObjectWriter,
}

const ALL_BLOCKED: PublicAccessBlock = PublicAccessBlock {
    block_public_acls: true,
    ignore_public_acls: true,
    block_public_policy: true,
    restrict_public_buckets: true,
};

fn is_all_blocked(block: &Option<PublicAccessBlock>) -> bool {
    *block == Some(ALL_BLOCKED)
}

fn is_enforced(ownership: &Option<Ownership>) -> bool {
    *ownership == Some(Ownership::BucketOwnerEnforced)
}

impl Default for Settings {
    /// As a new bucket has on AWS since April 2023.
    fn default() -> Settings {
        Settings {
            public_access_block: Some(ALL_BLOCKED),
            ownership: Some(Ownership::BucketOwnerEnforced),
            grants: None,
            documents: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// As a new bucket has them: then they are not stored.
    pub(crate) fn is_default(&self) -> bool {
        *self == Settings::default()
    }

    /// What is blocked of public access.
    pub(crate) fn blocked(&self) -> PublicAccessBlock {
        self.public_access_block.unwrap_or_default()
    }

    /// Whether access control lists can be given.
    pub(crate) fn has_acls(&self) -> bool {
        self.ownership != Some(Ownership::BucketOwnerEnforced)
    }

    /// A document, read as what it was checked to be.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(document) = self.documents.get(name) else { return Ok(None) };
        T::deserialize(document).map(Some).map_err(|error| ApiError::internal(format!("the setting {name}: {error}")))
    }
}

impl S3 {
    /// Sets a document of a bucket, or takes it away. Returns when that is durable.
    pub(crate) async fn set_document(
        &self,
        bucket: &str,
        expected_owner: Option<&str>,
        name: &str,
        document: Option<Document>,
    ) -> Result<(), ApiError> {
        self.change_bucket(bucket, expected_owner, |bucket| {
            match &document {
                Some(document) => bucket.settings.documents.insert(name.to_owned(), document.clone()),
                None => bucket.settings.documents.remove(name),
            };
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_new_buckets_and_of_buckets_from_before_say_nothing_of_it() {
        assert_eq!(serde_json::to_string(&Settings::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        let deleted = Settings { public_access_block: None, ownership: None, ..Settings::default() };
        let text = serde_json::to_string(&deleted).unwrap();
        assert_eq!(text, r#"{"public_access_block":null,"ownership":null}"#);
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), deleted);
    }
}
