//! Dashboards: widgets with queries, refreshed when asked or by a schedule. Sources: CloudTrail API reference, CreateDashboard,
//! StartDashboardRefresh, RefreshSchedule; user guide, "CloudTrail Lake dashboards".

use std::collections::BTreeMap;

use base::Region;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Range};

use crate::CloudTrail;
use crate::rows::{self, DASHBOARDS, Found};
use crate::trail::Tag;

use super::change::commit_error;

/// Custom dashboards per region. Source: user guide, "Quotas in AWS CloudTrail".
pub const DASHBOARDS_PER_REGION_MAX: usize = 100;
/// Widgets of a dashboard.
pub const WIDGETS_MAX: usize = 10;
/// More than there can be.
const ALL_MAX: usize = 10_000;

/// A widget: a query, and how its answer is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Widget {
    /// Names its query in DescribeQuery.
    pub query_alias: String,
    /// SQL.
    pub query_statement: String,
    /// What its `?` stand for: `$StartTime$`, `$EndTime$`, `$Period$`, or values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_parameters: Vec<String>,
    /// Height, width, title, view …
    pub view_properties: BTreeMap<String, String>,
}

/// How often a dashboard is refreshed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RefreshSchedule {
    /// The time between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<Frequency>,
    /// `ENABLED` or `DISABLED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// For schedules of days: when, as `HH:MM` in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_of_day: Option<String>,
}

/// The time between two refreshes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Frequency {
    /// `HOURS` or `DAYS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
}

/// A dashboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dashboard {
    /// 1.
    pub version: u32,
    /// `arn:aws:cloudtrail:REGION:ACCOUNT:dashboard/NAME`.
    pub arn: String,
    /// The name.
    pub name: String,
    /// Where it lives.
    pub region: Region,
    /// In the order given.
    pub widgets: Vec<Widget>,
    /// When it is refreshed by itself.
    pub schedule: Option<RefreshSchedule>,
    /// Whether it is protected against deletion.
    pub termination_protection: bool,
    /// When it was made, in milliseconds.
    pub created_ms: i64,
    /// When it was changed.
    pub updated_ms: i64,
    /// The last refresh.
    pub last_refresh_id: Option<String>,
    /// When that was.
    pub last_refresh_ms: Option<i64>,
    /// Why the last refresh failed, if it did.
    pub last_failure: Option<String>,
    /// Whether it was changed since it was made.
    pub was_updated: bool,
    /// In the order given.
    pub tags: Vec<Tag>,
}

/// The ARN of a dashboard.
pub fn arn_of(region: Region, account: &str, name: &str) -> String {
    format!("arn:{}:cloudtrail:{region}:{account}:dashboard/{name}", region.partition())
}

/// The dashboard of this name.
pub async fn get(cloudtrail: &CloudTrail, region: Region, name: &str) -> Result<Option<Found<Dashboard>>, ApiError> {
    let arn = arn_of(region, &cloudtrail.shared.account, name);
    rows::get(&*cloudtrail.shared.state, DASHBOARDS, arn.as_bytes()).await.map_err(ApiError::unavailable)
}

/// All dashboards of all regions, by ARN.
pub async fn all(cloudtrail: &CloudTrail) -> Result<Vec<Dashboard>, ApiError> {
    let rows = cloudtrail.shared.state.scan(DASHBOARDS, Range::all(), ALL_MAX).await.map_err(ApiError::unavailable)?;
    rows.iter().map(|row| rows::read(DASHBOARDS, row).map_err(ApiError::internal)).collect()
}

/// Writes a dashboard.
pub async fn put(cloudtrail: &CloudTrail, dashboard: &Dashboard, rev: Option<u64>) -> Result<(), ApiError> {
    let expect: Expect = rev.into();
    let put = rows::put(DASHBOARDS, dashboard.arn.as_str(), dashboard, expect);
    cloudtrail.shared.state.commit(vec![put]).await.map_err(commit_error)?;
    Ok(())
}
