//! Lifecycle rules: what they are ([`Rule`]), which are refused ([`validate`]), what they say of an object ([`decide`]), and how
//! that is carried out in the background ([`run`]). Source: S3 user guide, "Managing the lifecycle of objects".

mod decide;
mod run;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op};

use crate::bucket::Bucket;
use crate::error::state_failed;
use crate::multipart::Upload;
use crate::object::Version;
use crate::tags::Tag;
use crate::{S3, TABLE_LIFECYCLE, TABLE_LIFECYCLE_PASSES, to_json};

pub use run::Lifecycled;
pub(crate) use validate::checked;

/// The smallest object that is moved into another class, unless a rule says otherwise. Source: S3 user guide, "Transitioning
/// objects using Amazon S3 Lifecycle", constraints.
const TRANSITION_BYTES_MIN: u64 = 128 * 1024;
/// Configurations kept in memory, for the headers that tell when an object will expire.
const CACHED_MAX: usize = 100;

/// When an object is too small to be moved by default.
pub(crate) const ALL_CLASSES_128K: &str = "all_storage_classes_128K";
/// The same, but archives take objects of any size.
pub(crate) const VARIES_BY_CLASS: &str = "varies_by_storage_class";

/// A rule, as it goes on the wire and as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Rule {
    #[serde(rename = "ID")]
    id: Option<String>,
    status: String,
    /// The old way of saying which keys; without it there is a filter.
    prefix: Option<String>,
    filter: Option<Filter>,
    expiration: Option<Expiration>,
    transitions: Option<Vec<Transition>>,
    noncurrent_version_expiration: Option<NoncurrentExpiration>,
    noncurrent_version_transitions: Option<Vec<NoncurrentTransition>>,
    abort_incomplete_multipart_upload: Option<AbortUploads>,
}

/// Which objects a rule is about: all that each member says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filter {
    prefix: Option<String>,
    tag: Option<Tag>,
    object_size_greater_than: Option<i64>,
    object_size_less_than: Option<i64>,
    and: Option<And>,
}

/// Several conditions at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct And {
    prefix: Option<String>,
    tags: Option<Vec<Tag>>,
    object_size_greater_than: Option<i64>,
    object_size_less_than: Option<i64>,
}

/// When objects are deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Expiration {
    date: Option<Timestamp>,
    days: Option<i64>,
    expired_object_delete_marker: Option<bool>,
}

/// When objects are moved, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Transition {
    date: Option<Timestamp>,
    days: Option<i64>,
    storage_class: Option<String>,
}

/// When older versions are removed for good.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NoncurrentExpiration {
    noncurrent_days: Option<i64>,
    newer_noncurrent_versions: Option<i64>,
}

/// When older versions are moved, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NoncurrentTransition {
    noncurrent_days: Option<i64>,
    newer_noncurrent_versions: Option<i64>,
    storage_class: Option<String>,
}

/// When uploads in parts are given up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AbortUploads {
    days_after_initiation: Option<i64>,
}

/// The rules of a bucket, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Configuration {
    /// Of this document.
    pub(crate) v: u8,
    pub(crate) rules: Vec<Rule>,
    /// [`ALL_CLASSES_128K`] or [`VARIES_BY_CLASS`].
    pub(crate) minimum_size: String,
}

/// Configurations by bucket, each with the number that the bucket's row has of it.
pub(crate) type Cache = Mutex<HashMap<String, (u64, Arc<Configuration>)>>;

impl S3 {
    /// The rules of a bucket, if it has any.
    pub(crate) async fn lifecycle(&self, bucket: &Bucket) -> Result<Option<Arc<Configuration>>, ApiError> {
        let Some(number) = bucket.lifecycle else { return Ok(None) };
        let known = self.lifecycles.lock().expect("no holder of this lock can panic").get(&bucket.name).cloned();
        if let Some((_, configuration)) = known.filter(|(known, _)| *known == number) {
            return Ok(Some(configuration));
        }
        let row = self.state.get(TABLE_LIFECYCLE, &crate::bucket::key(&bucket.name)).await.map_err(state_failed)?;
        let Some(row) = row else { return Ok(None) };
        let stored: Stored = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
        let configuration = Arc::new(stored.configuration);
        // Changed meanwhile: right for this answer, wrong for the next.
        if stored.number == number {
            let mut known = self.lifecycles.lock().expect("no holder of this lock can panic");
            if known.len() >= CACHED_MAX {
                known.clear();
            }
            known.insert(bucket.name.clone(), (number, Arc::clone(&configuration)));
        }
        Ok(Some(configuration))
    }

    /// Gives a bucket these rules, or none. Returns when that is durable; the next step of [`S3::run_lifecycle`] begins with
    /// them.
    pub(crate) async fn set_lifecycle(
        &self,
        bucket: &str,
        expected_owner: Option<&str>,
        new: Option<Configuration>,
    ) -> Result<(), ApiError> {
        let key = crate::bucket::key(bucket);
        let mut bytes = [0; 8];
        self.env.rng.fill(&mut bytes);
        let number = new.is_some().then(|| u64::from_le_bytes(bytes));
        let ops = match new {
            Some(configuration) => {
                let stored = Stored { number: number.unwrap_or_default(), configuration };
                vec![
                    Op::Put { table: TABLE_LIFECYCLE, key: key.clone(), value: to_json(&stored), expect: Expect::Any },
                    Op::Put { table: TABLE_LIFECYCLE_PASSES, key, value: run::no_pass_yet(), expect: Expect::Any },
                ]
            }
            None => removed(bucket),
        };
        self.change_bucket_with(bucket, expected_owner, &ops, |bucket| {
            if number.is_some() && bucket.mfa_delete == Some(true) {
                let text = "Lifecycle configuration cannot be set on a bucket with MFA Delete enabled";
                return Err(crate::Error::InvalidBucketState(text.to_owned()).into());
            }
            bucket.lifecycle = number;
            Ok(())
        })
        .await
    }

    /// When a rule will delete the current version of a key, as the header `x-amz-expiration` says it.
    pub(crate) async fn expiration(
        &self,
        bucket: &Bucket,
        key: &str,
        version: &Version,
    ) -> Result<Option<String>, ApiError> {
        let Some(configuration) = self.lifecycle(bucket).await? else { return Ok(None) };
        let Some((at, id)) = configuration.expiration_of(key, version) else { return Ok(None) };
        let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
        Ok(Some(format!("expiry-date=\"{}\", rule-id=\"{id}\"", at.http_date())))
    }

    /// When a rule will abort an upload, and which.
    pub(crate) async fn abortion(
        &self,
        bucket: &Bucket,
        key: &str,
        upload: &Upload,
    ) -> Result<Option<(Timestamp, String)>, ApiError> {
        let Some(configuration) = self.lifecycle(bucket).await? else { return Ok(None) };
        Ok(configuration.abortion_of(key, upload).map(|(at, id)| (at, id.to_owned())))
    }
}

/// A configuration with the number that the bucket has of it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    number: u64,
    configuration: Configuration,
}

/// What removes the rules of a bucket, in the commit that removes the bucket or says that it has none.
pub(crate) fn removed(bucket: &str) -> Vec<Op> {
    let key = crate::bucket::key(bucket);
    vec![
        Op::Delete { table: TABLE_LIFECYCLE, key: key.clone(), expect: Expect::Any },
        Op::Delete { table: TABLE_LIFECYCLE_PASSES, key, expect: Expect::Any },
    ]
}
