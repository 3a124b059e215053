//! The primary work group, the only one: where results go, and whether queries may be started.

use base::Region;
use serde::Serialize;
use service::ApiError;

use crate::Deps;
use crate::error::{invalid, no_work_group};
use crate::rows::{WORK_GROUPS, WorkGroup};

/// The only work group.
pub const PRIMARY: &str = "primary";

/// The version that all queries run on.
const ENGINE_VERSION: &str = "Athena engine version 3";

/// The longest key of a result's folder: S3's bound, less what is added.
const PREFIX_BYTES_MAX: usize = 900;

/// Refuses a work group that is not there.
pub fn check(name: Option<&str>) -> Result<(), ApiError> {
    match name {
        Some(name) if name != PRIMARY => Err(no_work_group(name)),
        _ => Ok(()),
    }
}

/// The settings in a region.
pub async fn of(deps: &Deps, region: Region) -> Result<WorkGroup, ApiError> {
    let found = WORK_GROUPS.get(&*deps.state, region.as_str().as_bytes()).await.map_err(ApiError::unavailable)?;
    Ok(found.map_or_else(fresh, |doc| doc.value))
}

/// The settings before anybody has changed them.
pub fn fresh() -> WorkGroup {
    WorkGroup {
        version: 1,
        description: None,
        enabled: true,
        output_location: None,
        expected_bucket_owner: None,
        enforced: false,
    }
}

/// Bucket and folder of an output location; the folder is empty or ends in a slash.
pub fn read_location(location: &str) -> Result<(String, String), ApiError> {
    let wrong = |why: &str| invalid(format!("OutputLocation is not a valid S3 path: {location}: {why}"));
    let rest = location.strip_prefix("s3://").ok_or_else(|| wrong("it must begin with s3://"))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(good) {
        return Err(wrong("it must name a bucket"));
    }
    if prefix.len() > PREFIX_BYTES_MAX {
        return Err(wrong("the prefix is too long"));
    }
    let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
    Ok((bucket.to_owned(), format!("{prefix}{slash}")))
}

/// A work group as GetWorkGroup shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    name: &'static str,
    state: &'static str,
    configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    result_configuration: ResultConfiguration,
    enforce_work_group_configuration: bool,
    publish_cloud_watch_metrics_enabled: bool,
    requester_pays_enabled: bool,
    engine_version: EngineVersion,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    output_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_bucket_owner: Option<String>,
}

/// The version of the engine.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EngineVersion {
    selected_engine_version: &'static str,
    effective_engine_version: &'static str,
}

/// The one that there is.
pub fn engine_version() -> EngineVersion {
    EngineVersion { selected_engine_version: "AUTO", effective_engine_version: ENGINE_VERSION }
}

/// `ENABLED` or `DISABLED`.
pub fn state(group: &WorkGroup) -> &'static str {
    if group.enabled { "ENABLED" } else { "DISABLED" }
}

/// All that is shown of it.
pub fn shown(group: WorkGroup) -> Shown {
    Shown {
        name: PRIMARY,
        state: state(&group),
        description: group.description,
        configuration: Configuration {
            result_configuration: ResultConfiguration {
                output_location: group.output_location,
                expected_bucket_owner: group.expected_bucket_owner,
            },
            enforce_work_group_configuration: group.enforced,
            publish_cloud_watch_metrics_enabled: false,
            requester_pays_enabled: false,
            engine_version: engine_version(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_bucket_and_folder() {
        let check = |location: &str, bucket: &str, prefix: &str| {
            assert_eq!(read_location(location).unwrap(), (bucket.to_owned(), prefix.to_owned()));
        };
        check("s3://results", "results", "");
        check("s3://results/", "results", "");
        check("s3://results/a/b", "results", "a/b/");
        check("s3://results/a/b/", "results", "a/b/");
        for bad in ["results", "https://results/a", "s3://", "s3:///a", "s3://No/a"] {
            let error = read_location(bad).unwrap_err();
            assert!(error.message.contains("OutputLocation"), "{error}");
        }
    }
}
