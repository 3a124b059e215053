//! What operations on dashboards share, and what is checked of their widgets and schedules. Sources: CloudTrail API reference,
//! CreateDashboard, RequestWidget, RefreshSchedule.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use crate::CloudTrail;
use crate::error::Error;
use crate::lake::dashboard::{self, Dashboard, Frequency, RefreshSchedule, WIDGETS_MAX, Widget};
use crate::lake::names::{dashboard_name, no_dashboard};
use crate::lake::refresh::trial_parameters;
use crate::rows::Found;
use crate::trail::Tag;

/// The type of the resource in records.
pub const KIND: &str = "AWS::CloudTrail::Dashboard";

/// Properties of a widget's view.
const PROPERTIES_MAX: usize = 50;
/// Hours between two refreshes.
const HOURS: [i64; 4] = [1, 6, 12, 24];

/// The input of operations that name a dashboard and say nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DashboardInput {
    /// Its ARN or name.
    pub dashboard_id: String,
}

/// A widget, as the request has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestWidget {
    query_statement: String,
    query_parameters: Option<Vec<String>>,
    view_properties: BTreeMap<String, String>,
}

/// The answer of CreateDashboard and UpdateDashboard.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    dashboard_arn: String,
    name: String,
    r#type: &'static str,
    widgets: Vec<Widget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_list: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_schedule: Option<RefreshSchedule>,
    termination_protection_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_timestamp: Option<Timestamp>,
}

impl Output {
    /// Shows a dashboard that was made, or changed.
    pub fn of(dashboard: Dashboard, changed: bool) -> Output {
        Output {
            dashboard_arn: dashboard.arn,
            name: dashboard.name,
            r#type: "CUSTOM",
            widgets: dashboard.widgets,
            tags_list: (!changed).then_some(dashboard.tags),
            refresh_schedule: dashboard.schedule,
            termination_protection_enabled: dashboard.termination_protection,
            created_timestamp: changed.then(|| Timestamp::from_ms(dashboard.created_ms)),
            updated_timestamp: changed.then(|| Timestamp::from_ms(dashboard.updated_ms)),
        }
    }
}

/// The dashboard that is meant.
pub async fn find(cloudtrail: &CloudTrail, call: &Call, named: &str) -> Result<Found<Dashboard>, ApiError> {
    let name = dashboard_name(named, call.region, &cloudtrail.shared.account)?;
    let found = dashboard::get(cloudtrail, call.region, &name).await?;
    found.ok_or_else(|| no_dashboard(named).into())
}

/// Checks widgets: each has a query that could run now.
pub async fn widgets(cloudtrail: &CloudTrail, call: &Call, asked: Vec<RequestWidget>) -> Result<Vec<Widget>, ApiError> {
    if asked.len() > WIDGETS_MAX {
        let text = format!("A dashboard can have at most {WIDGETS_MAX} widgets.");
        return Err(Error::ServiceQuotaExceededException(text).into());
    }
    let here = cloudtrail.lake.stores.of_region(call.region).await?;
    let mut made = Vec::with_capacity(asked.len());
    for (at, widget) in asked.into_iter().enumerate() {
        if widget.view_properties.len() > PROPERTIES_MAX {
            let text = format!("Widgets[{at}].ViewProperties can have at most {PROPERTIES_MAX} entries.");
            return Err(Error::ServiceQuotaExceededException(text).into());
        }
        let query_parameters = widget.query_parameters.unwrap_or_default();
        let trial = trial_parameters(&query_parameters, cloudtrail.shared.env.clock.now())
            .map_err(|error| Error::InvalidQueryStatementException(format!("Widgets[{at}]: {error}")))?;
        let checked = cloudtrail.lake.queries.check(&widget.query_statement, trial, &here)?;
        check_stores(&checked.stores, at)?;
        // A widget's alias is made for it, and is new for every widget that is made.
        let query_alias = format!("widget-{}", base::ids::uuid(&*cloudtrail.shared.env.rng));
        made.push(Widget {
            query_alias,
            query_statement: widget.query_statement,
            query_parameters,
            view_properties: widget.view_properties,
        });
    }
    Ok(made)
}

/// Dashboards read on behalf of CloudTrail, which the policy of an event data store permits; the built-in store has no policy.
fn check_stores(stores: &[String], at: usize) -> Result<(), Error> {
    if stores.iter().any(|store| store == ports::lake::EVENTS) {
        let text = format!("Widgets[{at}]: a dashboard can read event data stores, not the built-in store.");
        return Err(Error::InvalidQueryStatementException(text));
    }
    Ok(())
}

/// Checks a schedule.
pub fn schedule(asked: RefreshSchedule) -> Result<RefreshSchedule, Error> {
    let refuse = |why: &str| Err(Error::InvalidParameterException(format!("RefreshSchedule: {why}")));
    if let Some(status) = asked.status.as_deref()
        && !["ENABLED", "DISABLED"].contains(&status)
    {
        return refuse("Status must be ENABLED or DISABLED.");
    }
    let enabled = asked.status.as_deref() != Some("DISABLED");
    let Some(Frequency { unit, value }) = &asked.frequency else {
        return if enabled { refuse("Frequency is required.") } else { Ok(asked) };
    };
    match (unit.as_deref(), value) {
        (Some("HOURS"), Some(value)) if HOURS.contains(value) => {}
        (Some("HOURS"), _) => return refuse("Frequency.Value must be 1, 6, 12 or 24 for HOURS."),
        (Some("DAYS"), Some(1)) => {}
        (Some("DAYS"), _) => return refuse("Frequency.Value must be 1 for DAYS."),
        _ => return refuse("Frequency.Unit must be HOURS or DAYS."),
    }
    if let Some(time) = &asked.time_of_day
        && minutes_of(time).is_none()
    {
        return refuse("TimeOfDay must be from 00:00 to 23:59.");
    }
    Ok(asked)
}

/// The minutes of a day in `HH:MM`.
pub fn minutes_of(time: &str) -> Option<i64> {
    let (hours, minutes) = time.split_once(':')?;
    let part = |text: &str, below: i64| {
        let good = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|value| good && *value < below)
    };
    Some(part(hours, 24)? * 60 + part(minutes, 60)?)
}
