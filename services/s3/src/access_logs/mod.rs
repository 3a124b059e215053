//! Server access logs: of which bucket accesses are logged, and where. What is logged is made of the journal's records by a
//! consumer ([`AccessLogs`]); which buckets log travels in the same journal ([ADR 4] says why), so that a log is a function of
//! the journal alone. Source: S3 user guide, "Logging requests with server access logging".
//!
//! [ADR 4]: ../../../../docs/adr/0004-config-changes-travel-in-the-journal.md

mod consumer;
mod line;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use journal::Journal;
use ports::{BucketError, ServicePut};
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};
use state::{Expect, Op, Range};

use crate::acl::LOG_DELIVERY;
use crate::bucket::{Bucket, key};
use crate::error::{Error, state_failed};
use crate::settings::{Document, LOGGING, PAYER};
use crate::{COMMIT_TRIES, S3, TABLE_BUCKETS, to_json};

pub use consumer::AccessLogs;

/// Who writes log objects.
pub(crate) const PRINCIPAL: &str = "logging.s3.amazonaws.com";
/// Under which changes of what is logged are in the journal.
const CHANGE_TOPIC: &str = "s3/logging";
/// Asks in the journal for the logs up to there.
const FLUSH_TOPIC: &str = "s3/logging-flush";
/// Buckets whose change is not in the journal yet, by name.
const TABLE_CHANGES: state::Table = "s3/logging_changes";
/// Changes appended at a time.
const CHANGES: usize = 100;

/// `LoggingEnabled`, as far as it says where logs go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Logging {
    target_bucket: String,
    target_prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_grants: Option<Vec<Document>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_object_key_format: Option<KeyFormat>,
}

/// How keys of log objects are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct KeyFormat {
    #[serde(skip_serializing_if = "Option::is_none")]
    simple_prefix: Option<Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitioned_prefix: Option<Partitioned>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Partitioned {
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_date_source: Option<String>,
}

/// What lines need to know of a call and its record does not say.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Aside {
    /// The size of the object that was read, however much of it was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_size: Option<u64>,
    /// What became of each object of a DeleteObjects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) deleted: Vec<Deleted>,
}

/// One object of a DeleteObjects.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Deleted {
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Whether accesses to the bucket are logged.
pub(crate) fn is_on(bucket: &Bucket) -> bool {
    bucket.settings.documents.contains_key(LOGGING)
}

/// Puts into the journal what lines will need, if the bucket's accesses are logged.
pub(crate) fn note(call: &Call, bucket: &Bucket, aside: impl FnOnce() -> Aside) {
    if is_on(bucket) {
        call.note_aside(serde_json::to_string(&aside()).expect("it has text keys"));
    }
}

/// What is logged of a bucket from here on, as the journal carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    /// Of this document.
    v: u8,
    bucket: String,
    /// `None`: nothing.
    source: Option<Source>,
}

/// A bucket whose accesses are logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    region: String,
    account: String,
    /// The canonical user identifier of its owner.
    owner: String,
    logging: Logging,
}

fn refused(target: &str, text: &str) -> ApiError {
    ApiError::from(Error::InvalidTargetBucketForLogging(text.to_owned())).with("TargetBucket", target)
}

/// What PutBucketLogging is given, as it is kept; `None` to log nothing. Source: S3 user guide, "Logging requests with server access
/// logging", How do I enable log delivery?
pub(crate) async fn checked(s3: &S3, source: &Bucket, status: Document) -> Result<Option<Document>, ApiError> {
    let enabled = &status["LoggingEnabled"];
    if enabled.is_null() {
        return Ok(None);
    }
    let logging = Logging::deserialize(enabled).map_err(|_| Error::MalformedXML)?;
    if let Some(format) = &logging.target_object_key_format {
        let partitioned = format.partitioned_prefix.as_ref();
        let dated = partitioned.is_none_or(|partitioned| partitioned.partition_date_source.is_some());
        if format.simple_prefix.is_some() == partitioned.is_some() || !dated {
            return Err(Error::MalformedXML.into());
        }
    }
    let name = logging.target_bucket.as_str();
    let target = s3.find_bucket(name).await?;
    let target = target.ok_or_else(|| refused(name, "The target bucket for logging does not exist"))?;
    if target.account != source.account {
        let text = "The owner for the bucket to be logged and the target bucket must be the same.";
        return Err(refused(name, text));
    }
    if target.region != source.region {
        let text = "The target bucket for logging must be in the same region as the bucket to be logged";
        return Err(ApiError::new("CrossLocationLoggingProhibited", 403, text).with("TargetBucket", name));
    }
    if target.object_lock.is_some_and(|lock| lock.default.is_some()) {
        return Err(refused(name, "The target bucket for logging must not have a default retention of Object Lock"));
    }
    if target.settings.documents.get(PAYER).is_some_and(|payment| payment["Payer"] == "Requester") {
        return Err(refused(name, "The target bucket for logging must not have Requester Pays enabled"));
    }
    if logging.target_grants.as_ref().is_some_and(|grants| !grants.is_empty()) && !target.settings.has_acls() {
        return Err(refused(name, "The target bucket does not allow ACLs, so TargetGrants cannot be given"));
    }
    let put = log_object(source, name, format!("{}access-log", logging.target_prefix), bytes::Bytes::new());
    match s3.allow(&target, &put, "s3:PutObject", &format!("{}/{}", target.arn(), put.key)) {
        Ok(()) => Ok(Some(status)),
        Err(BucketError::AccessDenied) => {
            let text = "The policy of the target bucket must let logging.s3.amazonaws.com do s3:PutObject there, or its access \
                control list let the log delivery group write";
            Err(refused(name, text))
        }
        Err(error) => Err(ApiError::unavailable(error)),
    }
}

/// A log object on its way.
fn log_object(source: &Bucket, target: &str, key: String, body: bytes::Bytes) -> ServicePut {
    ServicePut {
        principal: PRINCIPAL.to_owned(),
        source_arn: source.arn(),
        source_account: source.account.clone(),
        bucket: target.to_owned(),
        key,
        body,
        acl: "bucket-owner-full-control".to_owned(),
        content_type: Some("text/plain".to_owned()),
        content_encoding: None,
        metadata: Vec::new(),
        kms_key: None,
    }
}

/// Whether a bucket's access control list lets logs be written.
pub(crate) fn may_log_by_acl(bucket: &Bucket) -> bool {
    let grants = bucket.settings.grants.as_deref().unwrap_or_default();
    bucket.settings.has_acls() && grants.iter().any(|grant| grant.is_to(LOG_DELIVERY) && grant.permission == "WRITE")
}

impl S3 {
    /// The service that tells `journal` which buckets log their accesses. Without one, none does.
    #[must_use]
    pub fn with_journal(mut self, journal: Arc<dyn Journal>) -> S3 {
        self.journal = Some(journal);
        self
    }

    /// Sets where a bucket's accesses are logged. Returns when that is durable, in the tables and in the journal.
    pub(crate) async fn set_logging(
        &self,
        name: &str,
        expected_owner: Option<&str>,
        status: Option<Document>,
    ) -> Result<(), ApiError> {
        let _changing = self.logging.lock().await;
        for _ in 0..COMMIT_TRIES {
            let mut bucket = self.bucket(name, expected_owner).await?.writable()?;
            let expect = Expect::Rev(bucket.rev);
            match &status {
                Some(status) => drop(bucket.settings.documents.insert(LOGGING.to_owned(), status.clone())),
                None if bucket.settings.documents.remove(LOGGING).is_none() => return Ok(()),
                None => {}
            }
            let put = Op::Put { table: TABLE_BUCKETS, key: key(name), value: to_json(&bucket), expect };
            match self.state.commit(vec![put, to_be_told(name)]).await {
                Ok(_) => return self.tell_changes().await,
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(state_failed(error)),
            }
        }
        Err(Error::OperationAborted.into())
    }

    /// Commits what ends a bucket, and ends its log.
    pub(crate) async fn commit_end(&self, bucket: &Bucket, mut ops: Vec<Op>) -> Result<(), ApiError> {
        if !bucket.settings.documents.contains_key(LOGGING) {
            return self.state.commit(ops).await.map(|_| ()).map_err(state_failed);
        }
        let _changing = self.logging.lock().await;
        ops.push(to_be_told(&bucket.name));
        self.state.commit(ops).await.map_err(state_failed)?;
        self.tell_changes().await
    }

    /// Appends to the journal what it was not told yet. Once at the start, and after each change, under the lock.
    pub(crate) async fn tell_changes(&self) -> Result<(), ApiError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        loop {
            let rows = self.state.scan(TABLE_CHANGES, Range::all(), CHANGES).await.map_err(state_failed)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let name = String::from_utf8(row.key.clone()).map_err(ApiError::internal)?;
                let source = match self.find_bucket(&name).await? {
                    Some(bucket) => self.log_source(&bucket)?,
                    None => None,
                };
                let change = Change { v: 1, bucket: name, source };
                let entry = worker::entry::control(CHANGE_TOPIC, &to_json(&change));
                journal.append(vec![entry]).await.map_err(ApiError::unavailable)?;
                let done = Op::Delete { table: TABLE_CHANGES, key: row.key, expect: Expect::Rev(row.rev) };
                self.state.commit(vec![done]).await.map_err(state_failed)?;
            }
        }
    }

    fn log_source(&self, bucket: &Bucket) -> Result<Option<Source>, ApiError> {
        let Some(status) = bucket.settings.documents.get(LOGGING) else { return Ok(None) };
        let logging = Logging::deserialize(&status["LoggingEnabled"]).map_err(ApiError::internal)?;
        let (region, account) = (bucket.region.to_string(), bucket.account.clone());
        let owner = self.owner(&account).id;
        Ok(Some(Source { region, account, owner, logging }))
    }
}

fn to_be_told(bucket: &str) -> Op {
    Op::Put { table: TABLE_CHANGES, key: bucket.into(), value: bytes::Bytes::from_static(b"{}"), expect: Expect::Any }
}
