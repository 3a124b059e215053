//! What is to be shown, asked for: GetStatus of the server, its trails and their status, and the data folder if it is here.

use std::path::Path;

use base::env::Stat;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{CAIRN, CLOUDTRAIL, CallError, Client};
use crate::config::Config;

/// Trails that are asked about; a page with more is no page.
const TRAILS_MAX: usize = 200;
/// Files of the data folder that are measured, so that an answer comes within a second or two.
const FILES_MAX: u64 = 200_000;

/// Everything, at one moment.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    /// When it was asked, in seconds since 1970.
    pub asked_at: f64,
    /// The server's URL.
    pub endpoint: String,
    /// Whether it takes calls and can record them.
    pub ready: bool,
    /// What the server says of itself.
    #[serde(flatten)]
    pub server: Server,
    /// Its trails.
    pub trails: Vec<Trail>,
    /// How many more there are than are shown.
    pub trails_left_out: usize,
    /// The data folder, if it is on this machine.
    pub disk: Option<Disk>,
}

/// GetStatus. What an older server does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Server {
    pub version: String,
    pub uptime_seconds: i64,
    pub account_id: String,
    pub recording: Recording,
    pub journal: Journal,
    pub consumers: Vec<Consumer>,
    pub backlogs: Vec<Backlog>,
    pub validation: Vec<Validation>,
    pub event_stores: Vec<EventStore>,
    pub follows: Vec<Follow>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Follow {
    pub place: String,
    pub looked_at: Option<f64>,
    pub files: u64,
    pub files_imported: u64,
    pub records_kept: u64,
    pub files_failed: u64,
    pub failures: Vec<String>,
    pub failure: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EventStore {
    pub store: String,
    pub records: u64,
    pub stored_bytes: u64,
    pub json_bytes: u64,
    pub oldest_event_time: Option<f64>,
    pub newest_event_time: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Recording {
    pub on: bool,
    pub waiting: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Journal {
    pub entries: u64,
    pub bytes_on_disk: u64,
    pub segments: u64,
    pub queue_depth: u64,
    pub commits: u64,
    pub last_commit_ms: u64,
    pub refused: u64,
    pub oldest_event_time: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Consumer {
    pub name: String,
    pub lag: u64,
    pub behind_since: Option<f64>,
    pub failure: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Backlog {
    pub trail: String,
    pub files: u64,
    pub oldest: f64,
}

/// What the validation in the background found of a trail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Validation {
    pub trail: String,
    /// Seconds since 1970, or ISO 8601.
    pub checked_at: Value,
    pub valid: Option<bool>,
    pub digests_checked: u64,
    pub files_checked: u64,
    /// Texts, or documents that say more; or only how many.
    pub problems: Value,
}

impl Validation {
    /// When, in seconds since 1970.
    pub fn checked_secs(&self) -> Option<f64> {
        let text = || Some(base::Timestamp::parse_iso8601(self.checked_at.as_str()?)?.secs_f64());
        self.checked_at.as_f64().or_else(text)
    }

    /// How many problems were found.
    pub fn problem_count(&self) -> u64 {
        let listed = self.problems.as_array().map(|problems| u64::try_from(problems.len()).unwrap_or(u64::MAX));
        listed.or(self.problems.as_u64()).unwrap_or_default()
    }

    /// Whether something is wrong.
    pub fn is_bad(&self) -> bool {
        self.valid == Some(false) || self.problem_count() > 0
    }
}

/// A trail and how it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Trail {
    pub name: String,
    #[serde(rename = "TrailARN")]
    pub arn: String,
    pub home_region: String,
    pub is_multi_region_trail: bool,
    #[serde(rename = "S3BucketName")]
    pub bucket: String,
    #[serde(rename = "S3KeyPrefix", skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    pub log_file_validation_enabled: bool,
    /// GetTrailStatus.
    pub status: TrailStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TrailStatus {
    pub is_logging: bool,
    pub start_logging_time: Option<f64>,
    pub stop_logging_time: Option<f64>,
    pub latest_delivery_time: Option<f64>,
    pub latest_delivery_error: Option<String>,
    pub latest_digest_delivery_time: Option<f64>,
    pub latest_digest_delivery_error: Option<String>,
}

/// What the data folder takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Disk {
    pub folder: String,
    pub journal_bytes: u64,
    pub tables_bytes: u64,
    pub objects_bytes: u64,
    pub other_bytes: u64,
    /// There were too many files to measure all.
    pub at_least: bool,
    pub free_bytes: u64,
    pub size_bytes: u64,
}

impl Disk {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.journal_bytes + self.tables_bytes + self.objects_bytes + self.other_bytes
    }
}

/// Asks.
pub async fn gather(client: &Client, config: &Config) -> Result<Status, CallError> {
    let server = client.json(CAIRN, "GetStatus", "us-east-1", &json!({})).await?;
    let server: Server = serde_json::from_value(server).map_err(|error| client.unreadable(error))?;
    let (trails, trails_left_out) = trails(client).await?;
    Ok(Status {
        asked_at: system::env().clock.now().secs_f64(),
        endpoint: client.endpoint().to_owned(),
        ready: client.is_ready().await?,
        server,
        trails,
        trails_left_out,
        disk: disk(&config.data_dir),
    })
}

/// All trails of all regions, each with its status. The second is how many were left out.
async fn trails(client: &Client) -> Result<(Vec<Trail>, usize), CallError> {
    let mut listed: Vec<Trail> = Vec::new();
    let mut token = Value::Null;
    loop {
        let body = if token.is_null() { json!({}) } else { json!({ "NextToken": token }) };
        let mut page = client.json(CLOUDTRAIL, "ListTrails", "us-east-1", &body).await?;
        let trails: Vec<Trail> =
            serde_json::from_value(page["Trails"].take()).map_err(|error| client.unreadable(error))?;
        listed.extend(trails);
        token = page["NextToken"].take();
        if token.is_null() {
            break;
        }
    }
    let left_out = listed.len().saturating_sub(TRAILS_MAX);
    let mut trails = Vec::new();
    for named in listed.into_iter().take(TRAILS_MAX) {
        let (arn, region) = (named.arn.clone(), named.home_region.clone());
        let body = json!({ "trailNameList": [arn], "includeShadowTrails": false });
        let mut described = client.json(CLOUDTRAIL, "DescribeTrails", &region, &body).await?;
        let described = serde_json::from_value::<Vec<Trail>>(described["trailList"].take());
        let mut described = described.map_err(|error| client.unreadable(error))?;
        // It may be deleted between two questions.
        let Some(mut trail) = described.pop() else { continue };
        match client.json(CLOUDTRAIL, "GetTrailStatus", &region, &json!({ "Name": arn })).await {
            Ok(status) => trail.status = serde_json::from_value(status).map_err(|error| client.unreadable(error))?,
            Err(CallError::Refused { .. }) => continue,
            Err(error) => return Err(error),
        }
        trails.push(trail);
    }
    Ok((trails, left_out))
}

/// Measures the data folder; `None` if it is not here, or not ours to read.
fn disk(folder: &Path) -> Option<Disk> {
    let env = system::env();
    let names = env.disk.list(folder).ok()?;
    let mut disk = Disk { folder: folder.display().to_string(), ..Disk::default() };
    let mut files = 0;
    for name in names {
        let mut bytes = 0;
        let whole = measure(&*env.disk, &folder.join(&name), &mut files, &mut bytes);
        disk.at_least |= !whole;
        match name.as_str() {
            "journal" => disk.journal_bytes += bytes,
            "objects" => disk.objects_bytes += bytes,
            name if name.starts_with("state.sqlite") => disk.tables_bytes += bytes,
            _ => disk.other_bytes += bytes,
        }
    }
    let space = rustix::fs::statvfs(folder).ok()?;
    disk.free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
    disk.size_bytes = space.f_blocks.saturating_mul(space.f_frsize);
    Some(disk)
}

/// Adds up the files below a path. False if they were too many, or could not all be read.
fn measure(disk: &dyn base::Disk, path: &Path, files: &mut u64, bytes: &mut u64) -> bool {
    if *files >= FILES_MAX {
        return false;
    }
    match disk.stat(path) {
        Ok(Some(Stat::File(len))) => {
            *files += 1;
            *bytes += len;
            true
        }
        Ok(Some(Stat::Dir)) => match disk.list(path) {
            Ok(names) => {
                let mut whole = true;
                for name in names {
                    whole &= measure(disk, &path.join(name), files, bytes);
                }
                whole
            }
            Err(_) => false,
        },
        // It was removed just now.
        Ok(None) => true,
        Err(_) => false,
    }
}
