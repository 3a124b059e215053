//! Trails: what one is ([`Trail`]), what it may be called ([`names`]), and how one is changed ([`store`]).

pub mod names;
pub mod organization;
pub mod store;

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};

use self::organization::Scope;
use crate::selectors::Selectors;

/// The version of the stored document.
pub const TRAIL_VERSION: u32 = 1;

/// A trail, as it is stored and as delivery gets it through the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// [`TRAIL_VERSION`].
    pub version: u32,
    /// The number of its last change; larger than that of every earlier change of any trail.
    pub revision: u64,
    /// `arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME`.
    pub arn: String,
    /// The name.
    pub name: String,
    /// Where it was created and where alone it can be changed.
    pub home_region: Region,
    /// Where log files go.
    pub bucket: String,
    /// Under which prefix.
    pub prefix: Option<String>,
    /// Whether events of global services are selected.
    pub include_global_service_events: bool,
    /// Whether events of all regions are selected.
    pub multi_region: bool,
    /// Whether digests are written.
    pub log_file_validation: bool,
    /// The ARN of the key of KMS that files are encrypted under, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The ARN of the log group that gets its events, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// The role that CloudTrail assumes to write there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_role: Option<String>,
    /// The topic that hears of its log files: a name or an ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The organization that it is for, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Scope>,
    /// Which events are selected.
    pub selectors: Selectors,
    /// Whether it records.
    pub logging: bool,
    /// When it last began to record.
    pub started_ms: Option<i64>,
    /// When it last ceased to.
    pub stopped_ms: Option<i64>,
    /// Since when digests cover its log files; `None` while they do not.
    pub digests: Option<DigestEpoch>,
    /// In the order given.
    pub tags: Vec<Tag>,
}

/// One unbroken chain of digests: from the moment a trail both records and validates until it ceases to do either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestEpoch {
    /// The trail's revision with which it began: names it.
    pub id: u64,
    /// When it began, in milliseconds.
    pub since_ms: i64,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// Up to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Trail {
    /// Whether events of this region are selected at all.
    pub fn covers(&self, region: &str) -> bool {
        self.multi_region || self.home_region.as_str() == region
    }

    /// Whether it takes records of an account; `own` is its own.
    pub fn takes(&self, own: &str, account: &str) -> bool {
        account == own || self.organization.as_ref().is_some_and(|organization| organization.has(account))
    }

    /// `o-…`, as it is in the keys of its files.
    pub fn organization_id(&self) -> Option<&str> {
        self.organization.as_ref().map(|organization| organization.id.as_str())
    }

    /// Keeps [`Trail::digests`] in step with what it depends on. Called by every change, with its revision and time.
    pub fn note_change(&mut self, revision: u64, now: Timestamp) {
        self.revision = revision;
        match (self.logging && self.log_file_validation, self.digests) {
            (true, None) => self.digests = Some(DigestEpoch { id: revision, since_ms: now.ms() }),
            (false, Some(_)) => self.digests = None,
            _ => {}
        }
    }
}

/// The ARN of a trail.
pub fn arn_of(region: Region, account: &str, name: &str) -> String {
    format!("arn:{}:cloudtrail:{region}:{account}:trail/{name}", region.partition())
}
