//! PutDashboard, GetDashboard, ListDashboards, DeleteDashboards.

use base::Timestamp;
use model::Value;
use serde::{Deserialize, Serialize};
use service::ApiError;

use super::put_alarm::{Tag, tags};
use crate::Error;
use crate::dashboards::{self, Dashboard, Message, check};
use crate::error::storage;

/// Dashboards of a page.
const PAGE: usize = 1000;
/// The longest name. Source: CloudWatch API reference, PutDashboard.
const NAME_CHARS_MAX: usize = 255;
/// The longest text: what a row holds with room to spare.
const BODY_BYTES_MAX: usize = 1 << 20;

fn arn(account: &str, name: &str) -> String {
    format!("arn:aws:cloudwatch::{account}:dashboard/{name}")
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_fine = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !is_fine {
        let text = format!(
            "The value {name} for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_)."
        );
        return Err(Error::value(text));
    }
    Ok(())
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInput {
    dashboard_name: String,
    dashboard_body: String,
    tags: Option<Vec<Tag>>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutOutput {
    dashboard_validation_messages: Vec<Message>,
}

operation! {
    /// Makes a dashboard, or replaces one.
    PutDashboard on "arn:aws:cloudwatch::{account}:dashboard/{DashboardName}": PutInput => PutOutput, |cloudwatch, call, input| {
        check_name(&input.dashboard_name)?;
        if input.dashboard_body.len() > BODY_BYTES_MAX {
            return Err(Error::DashboardInvalidInputError(format!("The dashboard body is longer than {BODY_BYTES_MAX} bytes")).into());
        }
        let checked = check(&input.dashboard_body);
        if !checked.errors.is_empty() {
            return Err(refused(&checked.errors));
        }
        let given = tags(input.tags)?;
        let state = &*cloudwatch.deps.state;
        let known = dashboards::get(state, &input.dashboard_name).await.map_err(storage)?;
        let tags = known.map_or(given, |known| known.tags);
        let dashboard = Dashboard::new(input.dashboard_name, input.dashboard_body, tags, call.time);
        dashboards::put(state, &dashboard).await.map_err(storage)?;
        Ok(PutOutput { dashboard_validation_messages: checked.warnings })
    }
}

/// The text lists what is wrong, as AWS's does; the error's member does too.
fn refused(errors: &[Message]) -> ApiError {
    let shown: Vec<serde_json::Value> =
        errors.iter().map(|one| serde_json::json!({"dataPath": one.data_path, "message": one.message})).collect();
    let listed = serde_json::to_string_pretty(&shown).unwrap_or_default();
    let (are, noun) = if errors.len() == 1 { ("is", "error") } else { ("are", "errors") };
    let text = format!("The dashboard body is invalid, there {are} {} validation {noun}:\n{listed}", errors.len());
    let error: ApiError = Error::DashboardInvalidInputError(text).into();
    let messages = errors.iter().filter_map(|one| model::to_value(one).ok()).collect();
    error.with("dashboardValidationMessages", Value::List(messages))
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInput {
    dashboard_name: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    dashboard_arn: String,
    dashboard_body: String,
    dashboard_name: String,
}

operation! {
    /// A dashboard, as it was put.
    GetDashboard on "arn:aws:cloudwatch::{account}:dashboard/{DashboardName}": GetInput => GetOutput, |cloudwatch, call, input| {
        let name = input.dashboard_name;
        check_name(&name)?;
        let known = dashboards::get(&*cloudwatch.deps.state, &name).await.map_err(storage)?;
        let known = known.ok_or_else(|| Error::DashboardNotFoundError(format!("Dashboard {name} does not exist")))?;
        Ok(GetOutput { dashboard_arn: arn(&call.account, &name), dashboard_body: known.body, dashboard_name: name })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    dashboard_name_prefix: Option<String>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    dashboard_entries: Vec<Entry>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    dashboard_name: String,
    dashboard_arn: String,
    last_modified: Timestamp,
    size: i64,
}

operation! {
    /// Lists dashboards.
    ListDashboards on "*": ListInput => ListOutput, |cloudwatch, call, input| {
        let after = input.next_token.as_deref().map(service::paging::read_token).transpose();
        let after = after.map_err(|_| Error::value("The value for parameter NextToken is not valid."))?;
        let prefix = input.dashboard_name_prefix.unwrap_or_default();
        let mut found = dashboards::list(&*cloudwatch.deps.state, &prefix, after.as_deref(), PAGE + 1).await.map_err(storage)?;
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next_token = found.last().filter(|_| more).map(|last| service::paging::token_of(&last.name));
        let entry = |one: Dashboard| Entry {
            dashboard_arn: arn(&call.account, &one.name),
            dashboard_name: one.name,
            last_modified: one.modified,
            size: i64::try_from(one.body.len()).unwrap_or(i64::MAX),
        };
        Ok(ListOutput { dashboard_entries: found.into_iter().map(entry).collect(), next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteInput {
    dashboard_names: Vec<String>,
}

operation! {
    /// Removes dashboards, all of them or none.
    DeleteDashboards on "arn:aws:cloudwatch::{account}:dashboard/*": DeleteInput => (), |cloudwatch, _call, input| {
        for name in &input.dashboard_names {
            check_name(name)?;
        }
        match dashboards::delete(&*cloudwatch.deps.state, &input.dashboard_names).await.map_err(storage)? {
            None => Ok(()),
            Some(name) => Err(Error::DashboardNotFoundError(format!("Dashboard {name} does not exist")).into()),
        }
    }
}
