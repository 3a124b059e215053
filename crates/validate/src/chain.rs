//! Which chains of digests a bucket has: one for each trail and region, and its keys.

use std::fmt;

use base::Timestamp;
use record::keys::{DigestKey, LogKind, Place};

use crate::scope::{Scope, TrailName};

/// The kinds of log files; each has its own folder.
pub(crate) const LOG_KINDS: [LogKind; 3] = [LogKind::Events, LogKind::Insight, LogKind::NetworkActivity];
/// The folder of digests.
pub(crate) const DIGESTS: &str = "CloudTrail-Digest";

/// Where the files of one account and region lie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) prefix: Option<String>,
    pub(crate) organization_id: Option<String>,
    pub(crate) account_id: String,
    pub(crate) region: String,
}

impl Spot {
    fn place(&self) -> Place<'_> {
        Place {
            prefix: self.prefix.as_deref(),
            organization_id: self.organization_id.as_deref(),
            account_id: &self.account_id,
        }
    }

    /// What keys of digests begin with; ends in a slash.
    pub(crate) fn digests(&self) -> String {
        format!("{}/{DIGESTS}/{}/", self.place(), self.region)
    }

    /// What keys of log files begin with; ends in a slash.
    pub(crate) fn logs(&self, kind: LogKind) -> String {
        format!("{}/{}/{}/", self.place(), kind.folder(), self.region)
    }

    /// A key read as that of a digest which lies here.
    pub(crate) fn digest_key<'k>(&self, key: &'k str) -> Option<DigestKey<'k>> {
        DigestKey::parse(key).filter(|read| read.place == self.place() && read.region == self.region)
    }
}

/// A digest's key as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedDigest {
    pub(crate) key: String,
    pub(crate) end: Timestamp,
    pub(crate) modified: Option<Timestamp>,
}

/// The digests of a trail in a region, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) standard: Vec<ListedDigest>,
    pub(crate) backfill: Vec<ListedDigest>,
}

impl fmt::Display for TrailName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.home_region)
    }
}

impl Scope {
    /// Whether a trail is meant.
    pub(crate) fn selects(&self, trail: &TrailName) -> bool {
        self.trail.as_ref().is_none_or(|wanted| wanted == trail)
    }

    /// Whether a region is meant.
    pub(crate) fn has_region(&self, region: &str) -> bool {
        self.region.as_deref().is_none_or(|wanted| wanted == region)
    }

    /// What keys begin with before the organization or account.
    pub(crate) fn base(&self) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}/AWSLogs/"),
            None => "AWSLogs/".to_owned(),
        }
    }
}
