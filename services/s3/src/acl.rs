//! Access control lists under `BucketOwnerEnforced`, the only object ownership there is: the bucket's owner has full control of
//! all. Source: S3 user guide, "Controlling ownership of objects and disabling ACLs for your bucket".

use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::error::Error;

/// The canned lists that there are. Source: S3 user guide, "Access control list (ACL) overview", Canned ACL.
const CANNED: [&str; 8] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
];

/// Who owns something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The canonical user identifier.
    #[serde(rename = "ID")]
    pub id: String,
}

/// To whom a grant is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Grantee {
    /// The canonical user identifier.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// `CanonicalUser`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// One entry of an access control list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// `FULL_CONTROL`.
    pub permission: String,
}

/// An access control list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessControlPolicy {
    /// The entries.
    pub grants: Vec<Grant>,
    /// Who owns what the list is of.
    pub owner: Option<Owner>,
}

/// The list that everything of this owner has.
pub(crate) fn full_control(owner: &Owner) -> AccessControlPolicy {
    let grantee = Grantee { id: Some(owner.id.clone()), kind: "CanonicalUser".to_owned() };
    let grants = vec![Grant { grantee, permission: "FULL_CONTROL".to_owned() }];
    AccessControlPolicy { grants, owner: Some(owner.clone()) }
}

/// Refuses a canned list or grants for an object, but those that say what holds anyway.
pub(crate) fn check_object(acl: Option<&str>, grants: &[&Option<String>]) -> Result<(), ApiError> {
    if let Some(other) = acl.filter(|acl| !CANNED.contains(acl)) {
        return Err(crate::error::invalid_argument("x-amz-acl", other, ""));
    }
    let harmless = matches!(acl, None | Some("private" | "bucket-owner-full-control"));
    if harmless && grants.iter().all(|grant| grant.is_none()) {
        return Ok(());
    }
    Err(Error::AccessControlListNotSupported.into())
}

/// Refuses a list given in full, but the one that holds anyway.
pub(crate) fn check_policy(policy: Option<&AccessControlPolicy>, owner: &Owner) -> Result<(), ApiError> {
    match policy {
        Some(policy) if policy.grants != full_control(owner).grants => Err(Error::AccessControlListNotSupported.into()),
        _ => Ok(()),
    }
}
