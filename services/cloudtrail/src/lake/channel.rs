//! Channels: how events of applications get into event data stores. Sources: CloudTrail API reference, CreateChannel; user guide,
//! "Create an integration with an event source outside of AWS", "Quotas in AWS CloudTrail".

use base::Region;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Range};

use crate::CloudTrail;
use crate::error::Error;
use crate::rows::{self, CHANNELS, Found};
use crate::trail::Tag;

use super::change::commit_error;

/// Channels per region.
pub const CHANNELS_PER_REGION_MAX: usize = 25;
/// More than there can be.
const ALL_MAX: usize = 10_000;

/// Where events may come from: own applications, or one of these partners. Source: CloudTrail user guide, "Additional information
/// about integration partners".
pub const SOURCES: [&str; 16] = [
    "Custom",
    "CloudStorageSecurityConsole",
    "Clumio",
    "CrowdStrike",
    "CyberArk",
    "GitHub",
    "KongGatewayEnterprise",
    "LaunchDarkly",
    "NetskopeCloudExchange",
    "IBMMulticloud",
    "MontyCloud",
    "OktaSystemLogEvents",
    "OneLogin",
    "Shoreline",
    "Snyk",
    "WizAuditLogs",
];

/// Where a channel's events go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Destination {
    /// `EVENT_DATA_STORE`.
    pub r#type: String,
    /// The ARN of the store.
    pub location: String,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// 1.
    pub version: u32,
    /// The UUID.
    pub id: String,
    /// `arn:aws:cloudtrail:REGION:ACCOUNT:channel/ID`.
    pub arn: String,
    /// The name.
    pub name: String,
    /// Where it lives.
    pub region: Region,
    /// One of [`SOURCES`].
    pub source: String,
    /// Where events go.
    pub destinations: Vec<Destination>,
    /// In the order given.
    pub tags: Vec<Tag>,
}

/// How ingestion through a channel last went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ingestion {
    /// When events were last sent, in milliseconds.
    pub attempt_ms: i64,
    /// The last event of that.
    pub attempt_event: Option<String>,
    /// When events were last kept.
    pub success_ms: Option<i64>,
    /// The last event of that.
    pub success_event: Option<String>,
    /// What was wrong with the last attempt.
    pub error: Option<String>,
}

/// The ARN of a channel.
pub fn arn_of(region: Region, account: &str, id: &str) -> String {
    format!("arn:{}:cloudtrail:{region}:{account}:channel/{id}", region.partition())
}

/// The channel of this UUID.
pub async fn get(cloudtrail: &CloudTrail, id: &str) -> Result<Option<Found<Channel>>, ApiError> {
    rows::get(&*cloudtrail.shared.state, CHANNELS, id.as_bytes()).await.map_err(ApiError::unavailable)
}

/// The channels of a region, by UUID.
pub async fn of_region(cloudtrail: &CloudTrail, region: Region) -> Result<Vec<Channel>, ApiError> {
    let rows = cloudtrail.shared.state.scan(CHANNELS, Range::all(), ALL_MAX).await.map_err(ApiError::unavailable)?;
    let all = rows.iter().map(|row| rows::read::<Channel>(CHANNELS, row).map_err(ApiError::internal));
    let here = all.filter(|channel| channel.as_ref().map_or(true, |channel| channel.region == region));
    here.collect()
}

/// Writes a channel.
pub async fn put(cloudtrail: &CloudTrail, channel: &Channel, rev: Option<u64>) -> Result<(), ApiError> {
    let expect: Expect = rev.into();
    let put = rows::put(CHANNELS, channel.id.as_str(), channel, expect);
    cloudtrail.shared.state.commit(vec![put]).await.map_err(commit_error)?;
    Ok(())
}

/// No other channel of the region may have its name.
pub fn check_unique(here: &[Channel], id: &str, name: &str) -> Result<(), Error> {
    match here.iter().any(|other| other.id != id && other.name == name) {
        true => Err(Error::ChannelAlreadyExistsException(format!("The specified channel already exists: {name}"))),
        false => Ok(()),
    }
}
