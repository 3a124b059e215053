//! Access control lists: those that a canned list stands for, as grants. There is one account, so the owner is the same
//! everywhere; what is granted to others is kept and shown, but lets nobody in, as nobody without a signature of this account gets
//! in anywhere. Source: S3 user guide, "Access control list (ACL) overview".

use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use crate::bucket::Bucket;
use crate::error::{Error, invalid_argument};

/// The canned lists that there are. Source: as above, Canned ACL.
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

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
/// Who writes access logs.
pub(crate) const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";
/// Amazon EC2, which `aws-exec-read` lets read.
const EC2: &str = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c";

/// Who owns something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The canonical user identifier.
    #[serde(rename = "ID")]
    pub id: String,
}

/// To whom a grant is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Grantee {
    /// The canonical user identifier.
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Never there, but read so that it can be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_address: Option<String>,
    /// Of a group.
    #[serde(rename = "URI", skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// `CanonicalUser`, `Group`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// One entry of an access control list.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// `FULL_CONTROL`, `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP`.
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

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Bucket,
    Object,
}

/// The list that a request gives, in whichever way.
#[derive(Default)]
pub(crate) struct Requested<'a> {
    /// `x-amz-acl`.
    pub(crate) canned: Option<&'a str>,
    /// The permission of each `x-amz-grant-…` header, and the header.
    pub(crate) headers: Vec<(&'static str, Option<&'a str>)>,
    /// In the body.
    pub(crate) policy: Option<&'a AccessControlPolicy>,
}

impl Grant {
    fn user(id: &str, permission: &str) -> Grant {
        let grantee = Grantee { id: Some(id.to_owned()), kind: "CanonicalUser".to_owned(), ..Grantee::default() };
        Grant { grantee, permission: permission.to_owned() }
    }

    fn group(uri: &str, permission: &str) -> Grant {
        let grantee = Grantee { uri: Some(uri.to_owned()), kind: "Group".to_owned(), ..Grantee::default() };
        Grant { grantee, permission: permission.to_owned() }
    }

    /// Whether it is to everybody, or to everybody with any account.
    fn is_public(&self) -> bool {
        matches!(self.grantee.uri.as_deref(), Some(ALL_USERS | AUTHENTICATED_USERS))
    }

    /// Whether it is to this group.
    pub(crate) fn is_to(&self, uri: &str) -> bool {
        self.grantee.uri.as_deref() == Some(uri)
    }
}

/// The list that everything has that was given none.
pub(crate) fn full_control(owner: &Owner) -> Vec<Grant> {
    vec![Grant::user(&owner.id, "FULL_CONTROL")]
}

/// The grants that a canned list stands for.
fn canned(name: &str, of: Of, owner: &Owner) -> Vec<Grant> {
    let mut grants = full_control(owner);
    match (name, of) {
        ("public-read", _) => grants.push(Grant::group(ALL_USERS, "READ")),
        ("public-read-write", _) => {
            grants.extend([Grant::group(ALL_USERS, "READ"), Grant::group(ALL_USERS, "WRITE")]);
        }
        ("authenticated-read", _) => grants.push(Grant::group(AUTHENTICATED_USERS, "READ")),
        ("aws-exec-read", _) => grants.push(Grant::user(EC2, "READ")),
        ("log-delivery-write", Of::Bucket) => {
            grants.extend([Grant::group(LOG_DELIVERY, "WRITE"), Grant::group(LOG_DELIVERY, "READ_ACP")]);
        }
        // The others name the bucket's owner, who owns all anyway.
        _ => {}
    }
    grants
}

impl Requested<'_> {
    /// Whether the request gives no list.
    pub(crate) fn is_empty(&self) -> bool {
        self.canned.is_none() && self.policy.is_none() && self.headers.iter().all(|(_, header)| header.is_none())
    }

    /// The grants that are wanted; `None` if the request says nothing of them.
    fn grants(&self, of: Of, owner: &Owner) -> Result<Option<Vec<Grant>>, ApiError> {
        let mut grants = Vec::new();
        for (permission, header) in &self.headers {
            if let Some(header) = header {
                read_header(permission, header, &mut grants)?;
            }
        }
        let ways = [self.canned.is_some(), !grants.is_empty(), self.policy.is_some()];
        if ways.iter().filter(|given| **given).count() > 1 {
            let text = "Specifying both Canned ACLs and Header Grants is not allowed".to_owned();
            return Err(Error::InvalidRequest(text).into());
        }
        if let Some(name) = self.canned {
            if !CANNED.contains(&name) {
                // S3 itself says nothing here, which its clients show as `None`, or stumble over.
                let text = format!("x-amz-acl must name a canned access control list: {}", CANNED.join(", "));
                return Err(invalid_argument("x-amz-acl", name, text));
            }
            return Ok(Some(canned(name, of, owner)));
        }
        if let Some(policy) = self.policy {
            if policy.owner.as_ref().is_some_and(|given| given != owner) {
                return Err(Error::AccessDenied.into());
            }
            grants.clone_from(&policy.grants);
        } else if grants.is_empty() {
            return Ok(None);
        }
        let sorted = |mut grants: Vec<Grant>| {
            grants.sort();
            grants.dedup();
            grants
        };
        let wanted = sorted(grants);
        let known = CANNED.iter().map(|name| canned(name, of, owner)).find(|known| sorted(known.clone()) == wanted);
        let known = known.ok_or_else(|| {
            let text = format!("Only access control lists that equal a canned one can be kept: {}", CANNED.join(", "));
            Error::NotImplemented(text)
        })?;
        Ok(Some(known))
    }

    /// The grants that are wanted and can be had; `None` for what everything has anyway. `action` and `resource` are for the
    /// refusal of public ones.
    pub(crate) fn check(
        &self,
        call: &Call,
        bucket: &Bucket,
        of: Of,
        owner: &Owner,
        (action, resource): (&str, &str),
    ) -> Result<Option<Vec<Grant>>, ApiError> {
        // Where there are no lists, what is asked for must be what holds, by name.
        let harmless = matches!(self.canned, None | Some("bucket-owner-full-control"));
        let grants = match self.grants(of, owner) {
            Err(error) if error.code == "NotImplemented" && !bucket.settings.has_acls() => {
                return Err(Error::AccessControlListNotSupported.into());
            }
            grants => grants?,
        };
        let Some(grants) = grants else { return Ok(None) };
        let plain = grants == full_control(owner);
        if !bucket.settings.has_acls() {
            return if plain && harmless { Ok(None) } else { Err(Error::AccessControlListNotSupported.into()) };
        }
        if bucket.settings.blocked().block_public_acls && grants.iter().any(Grant::is_public) {
            let who = call.caller.arn().unwrap_or_else(|| "anonymous".to_owned());
            let text = format!(
                "User: {who} is not authorized to perform: {action} on resource: \"{resource}\" because public access control \
                 lists (ACLs) are prevented by the BlockPublicAcls setting in S3 Block Public Access."
            );
            return Err(ApiError::new("AccessDenied", 403, text));
        }
        Ok((!plain).then_some(grants))
    }
}

/// Reads `id="…", uri="…", emailAddress="…"`.
fn read_header(permission: &str, header: &str, grants: &mut Vec<Grant>) -> Result<(), ApiError> {
    for item in header.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let refused = || invalid_argument("x-amz-grant", item, "Argument format not recognized");
        let (kind, value) = item.split_once('=').ok_or_else(refused)?;
        let value = value.trim().trim_matches('"');
        match kind.trim() {
            "id" => grants.push(Grant::user(value, permission)),
            "uri" => grants.push(Grant::group(value, permission)),
            "emailAddress" => {
                let text = "Grants to e-mail addresses are not supported; name a canonical user or a group".to_owned();
                return Err(Error::UnresolvableGrantByEmailAddress(text).into());
            }
            _ => return Err(refused()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { id: "me".into() }
    }

    #[track_caller]
    fn check(of: Of, requested: &Requested<'_>, expected: Result<Option<&str>, &str>) {
        let found = requested.grants(of, &owner());
        let expected = expected.map(|name| name.map(|name| canned(name, of, &owner())));
        assert_eq!(found.map_err(|error| error.code.into_owned()), expected.map_err(str::to_owned));
    }

    fn header<'a>(permission: &'static str, value: &'a str) -> (&'static str, Option<&'a str>) {
        (permission, Some(value))
    }

    #[test]
    fn lists_in_each_form() {
        check(Of::Object, &Requested::default(), Ok(None));
        for name in CANNED {
            let requested = Requested { canned: Some(name), ..Requested::default() };
            check(Of::Bucket, &requested, Ok(Some(name)));
        }
        check(Of::Object, &Requested { canned: Some("mine"), ..Requested::default() }, Err("InvalidArgument"));
        let headers = vec![
            header("READ", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\""),
            header("FULL_CONTROL", "id=me"),
        ];
        check(Of::Object, &Requested { headers: headers.clone(), ..Requested::default() }, Ok(Some("public-read")));
        let both = Requested { headers, canned: Some("private"), ..Requested::default() };
        check(Of::Object, &both, Err("InvalidRequest"));
        let other = Requested { headers: vec![header("READ", "id=other")], ..Requested::default() };
        check(Of::Object, &other, Err("NotImplemented"));
        let email = Requested { headers: vec![header("READ", "emailAddress=a@b")], ..Requested::default() };
        check(Of::Object, &email, Err("UnresolvableGrantByEmailAddress"));
        let policy = AccessControlPolicy {
            grants: vec![
                Grant::group(LOG_DELIVERY, "READ_ACP"),
                Grant::user("me", "FULL_CONTROL"),
                Grant::group(LOG_DELIVERY, "WRITE"),
            ],
            owner: Some(owner()),
        };
        let given = Requested { policy: Some(&policy), ..Requested::default() };
        check(Of::Bucket, &given, Ok(Some("log-delivery-write")));
        check(Of::Object, &given, Err("NotImplemented"));
        let foreign = AccessControlPolicy { owner: Some(Owner { id: "you".into() }), ..policy };
        check(Of::Bucket, &Requested { policy: Some(&foreign), ..Requested::default() }, Err("AccessDenied"));
    }
}
