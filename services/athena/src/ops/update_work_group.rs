//! UpdateWorkGroup: changes the primary work group: where results go, whether callers may say otherwise, whether it takes queries.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};
use state::Change;

use crate::error::invalid;
use crate::rows::{WORK_GROUPS, WorkGroup};
use crate::{Athena, work_group};

/// See the module.
pub struct UpdateWorkGroup;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    work_group: String,
    description: Option<String>,
    configuration_updates: Option<Updates>,
    state: Option<String>,
}

/// Changes of the configuration. What is not there to be changed is refused.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Updates {
    enforce_work_group_configuration: Option<bool>,
    result_configuration_updates: Option<ResultUpdates>,
    publish_cloud_watch_metrics_enabled: Option<bool>,
    requester_pays_enabled: Option<bool>,
    /// There is one version, whatever is selected.
    engine_version: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

/// Changes of where results go.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultUpdates {
    output_location: Option<String>,
    remove_output_location: Option<bool>,
    expected_bucket_owner: Option<String>,
    remove_expected_bucket_owner: Option<bool>,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for UpdateWorkGroup {
    type Service = Athena;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UpdateWorkGroup";
    const RESOURCE: &'static str = "workgroup/{WorkGroup}";

    async fn run(athena: &Athena, call: &Call, input: Input) -> Result<Output, ApiError> {
        work_group::check(Some(&input.work_group))?;
        let updates = input.configuration_updates.unwrap_or_default();
        check(&updates)?;
        let key = call.region.as_str().as_bytes();
        let changed = WORK_GROUPS.update(&*athena.deps.state, key, |old| {
            let mut group = old.unwrap_or_else(work_group::fresh);
            if let Some(description) = &input.description {
                group.description = Some(description.clone()).filter(|text| !text.is_empty());
            }
            if let Some(state) = &input.state {
                group.enabled = state == "ENABLED";
            }
            change(&mut group, &updates);
            Ok::<_, state::Error>(Change::Put(group))
        });
        changed.await.map_err(ApiError::unavailable)?;
        Ok(Output {})
    }
}

fn check(updates: &Updates) -> Result<(), ApiError> {
    let _ = &updates.engine_version;
    let refuse = |name: &str| Err(invalid(format!("ConfigurationUpdates.{name} is not supported.")));
    if updates.publish_cloud_watch_metrics_enabled == Some(true) {
        return refuse("PublishCloudWatchMetricsEnabled");
    }
    if updates.requester_pays_enabled == Some(true) {
        return refuse("RequesterPaysEnabled");
    }
    if let Some(name) = updates.rest.keys().next() {
        return refuse(name);
    }
    let Some(results) = &updates.result_configuration_updates else { return Ok(()) };
    if let Some(name) = results.rest.keys().next() {
        return refuse(&format!("ResultConfigurationUpdates.{name}"));
    }
    if let Some(location) = &results.output_location {
        work_group::read_location(location)?;
    }
    Ok(())
}

fn change(group: &mut WorkGroup, updates: &Updates) {
    if let Some(enforced) = updates.enforce_work_group_configuration {
        group.enforced = enforced;
    }
    let Some(results) = &updates.result_configuration_updates else { return };
    if results.remove_output_location == Some(true) {
        group.output_location = None;
    } else if let Some(location) = &results.output_location {
        group.output_location = Some(location.clone());
    }
    if results.remove_expected_bucket_owner == Some(true) {
        group.expected_bucket_owner = None;
    } else if let Some(owner) = &results.expected_bucket_owner {
        group.expected_bucket_owner = Some(owner.clone());
    }
}
