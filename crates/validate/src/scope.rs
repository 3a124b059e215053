//! [`Scope`]: what is to be validated.

use base::Timestamp;

/// A trail, as keys name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrailName {
    /// Its name.
    pub name: String,
    /// The region in which it was made.
    pub home_region: String,
}

/// What is to be validated.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The bucket.
    pub bucket: String,
    /// What keys begin with before `AWSLogs`, without a slash at its end.
    pub prefix: Option<String>,
    /// Only this organization.
    pub organization_id: Option<String>,
    /// Only this account.
    pub account_id: Option<String>,
    /// Only this trail.
    pub trail: Option<TrailName>,
    /// Only this region.
    pub region: Option<String>,
    /// Only digests whose names say this time or a later one.
    pub start: Option<Timestamp>,
    /// And this time or an earlier one, with an hour for what came later.
    pub end: Timestamp,
}

impl Scope {
    /// All that a bucket has.
    pub fn all(bucket: &str, end: Timestamp) -> Scope {
        Scope {
            bucket: bucket.to_owned(),
            prefix: None,
            organization_id: None,
            account_id: None,
            trail: None,
            region: None,
            start: None,
            end,
        }
    }
}
