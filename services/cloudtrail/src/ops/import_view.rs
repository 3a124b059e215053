//! How the operations of imports show an import, and their pages.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::error::Error;
use crate::imports::row::{ImportRow, Statistics};

/// `ImportSource`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportSource {
    /// The only sort of source.
    pub s3: S3Source,
}

/// `ImportSource.S3`.
#[derive(Serialize, Deserialize)]
pub struct S3Source {
    /// `s3://BUCKET/PREFIX/`.
    #[serde(rename = "S3LocationUri")]
    pub location_uri: String,
    /// Where the bucket is.
    #[serde(rename = "S3BucketRegion")]
    pub bucket_region: String,
    /// The role that may read it.
    #[serde(rename = "S3BucketAccessRoleArn")]
    pub bucket_access_role_arn: String,
}

/// `ImportStatistics`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatisticsView {
    prefixes_found: i64,
    prefixes_completed: i64,
    files_completed: i64,
    events_completed: i64,
    failed_entries: i64,
}

/// An import, without statistics where the operation shows none.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportView {
    import_id: String,
    destinations: Vec<String>,
    import_source: ImportSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_event_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_event_time: Option<Timestamp>,
    import_status: &'static str,
    created_timestamp: Timestamp,
    updated_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_statistics: Option<StatisticsView>,
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<Statistics> for StatisticsView {
    fn from(statistics: Statistics) -> StatisticsView {
        StatisticsView {
            prefixes_found: number(statistics.prefixes_found),
            prefixes_completed: number(statistics.prefixes_completed),
            files_completed: number(statistics.files),
            events_completed: number(statistics.events),
            failed_entries: number(statistics.failed),
        }
    }
}

impl ImportView {
    /// With statistics.
    pub fn with_statistics(row: ImportRow) -> ImportView {
        let statistics = row.statistics.into();
        ImportView { import_statistics: Some(statistics), ..ImportView::new(row) }
    }

    /// Without.
    pub fn new(row: ImportRow) -> ImportView {
        ImportView {
            import_id: row.id,
            destinations: vec![row.destination],
            import_source: ImportSource {
                s3: S3Source {
                    location_uri: row.uri,
                    bucket_region: row.bucket_region,
                    bucket_access_role_arn: row.role_arn,
                },
            },
            start_event_time: row.start_ms.map(Timestamp::from_ms),
            end_event_time: row.end_ms.map(Timestamp::from_ms),
            import_status: row.status.as_str(),
            created_timestamp: Timestamp::from_ms(row.created_ms),
            updated_timestamp: Timestamp::from_ms(row.updated_ms),
            import_statistics: None,
        }
    }
}

/// The most on a page, and as many as come if nothing is said.
pub const PAGE_MAX: usize = 1_000;

/// How many a page has, from `MaxResults`, which the model bounds.
pub fn page_size(max_results: Option<i64>) -> Result<usize, ApiError> {
    let Some(asked) = max_results else { return Ok(PAGE_MAX) };
    let size = usize::try_from(asked).ok().filter(|size| (1..=PAGE_MAX).contains(size));
    let text = || format!("MaxResults must be from 1 to {PAGE_MAX}, not {asked}.");
    Ok(size.ok_or_else(|| Error::InvalidParameterException(text()))?)
}

/// What a token says: the last item of the page before.
pub fn read_token(token: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let text = base::ids::unhex(token).and_then(|bytes| String::from_utf8(bytes).ok());
    let bad = || Error::InvalidNextTokenException("The token is not valid.".to_owned());
    Ok(Some(text.ok_or_else(bad)?))
}

/// The token of the page after this item.
pub fn token(last: &str) -> String {
    base::ids::hex(last.as_bytes())
}
