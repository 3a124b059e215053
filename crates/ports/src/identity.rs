//! Who is calling.

use std::sync::Arc;

/// Who is calling, as far as signature and credential tell. Source: CloudTrail user guide, "userIdentity element".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The account itself.
    Root {
        /// Twelve digits.
        account: Arc<str>,
        /// The access key that signed.
        access_key_id: Arc<str>,
    },
    /// An IAM user.
    User {
        /// Twelve digits.
        account: Arc<str>,
        /// `AIDA…`, the principal identifier.
        user_id: Arc<str>,
        /// The friendly name.
        user_name: Arc<str>,
        /// `arn:aws:iam::123456789012:user/path/name`.
        arn: Arc<str>,
        /// The access key that signed.
        access_key_id: Arc<str>,
    },
    /// A service acting by itself: `cloudtrail.amazonaws.com`.
    Service {
        /// The service principal.
        principal: Arc<str>,
    },
    /// Nobody: the request is not signed.
    Anonymous,
    /// Somebody who could not be identified: an unknown key, or a signature that does not fit.
    Unknown {
        /// The access key the request names, if it names one.
        access_key_id: Option<Arc<str>>,
    },
}

impl Caller {
    /// The caller's ARN, as refusals and GetCallerIdentity show it. `None` for callers without one.
    pub fn arn(&self) -> Option<String> {
        match self {
            Caller::Root { account, .. } => Some(format!("arn:aws:iam::{account}:root")),
            Caller::User { arn, .. } => Some(arn.to_string()),
            Caller::Service { .. } | Caller::Anonymous | Caller::Unknown { .. } => None,
        }
    }

    /// The caller's account.
    pub fn account(&self) -> Option<&Arc<str>> {
        match self {
            Caller::Root { account, .. } | Caller::User { account, .. } => Some(account),
            Caller::Service { .. } | Caller::Anonymous | Caller::Unknown { .. } => None,
        }
    }

    /// The unique identifier (`aws:userid`): the account for root, `AIDA…` for a user.
    pub fn principal_id(&self) -> Option<&str> {
        match self {
            Caller::Root { account, .. } => Some(account),
            Caller::User { user_id, .. } => Some(user_id),
            Caller::Service { .. } | Caller::Anonymous | Caller::Unknown { .. } => None,
        }
    }

    /// The access key that signed the request.
    pub fn access_key_id(&self) -> Option<&str> {
        match self {
            Caller::Root { access_key_id, .. } | Caller::User { access_key_id, .. } => Some(access_key_id),
            Caller::Unknown { access_key_id } => access_key_id.as_deref(),
            Caller::Service { .. } | Caller::Anonymous => None,
        }
    }
}
