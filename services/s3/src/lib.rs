//! S3: buckets, objects and their versions, multipart uploads, bucket policies. Content goes through in pieces and is never
//! held whole; what a call has written becomes visible in one commit, after it was verified, or not at all.
//!
//! Content is encrypted at rest (crate `seal`), as AWS does with SSE-S3, or under data keys of KMS ([`kms`]); keys of the caller are
//! refused.

mod access;
mod access_logs;
mod acl;
mod bucket;
mod checksum;
mod completed;
mod conditions;
mod content;
mod copy;
mod damage;
mod encryption;
mod error;
mod garbage;
mod kms;
mod lifecycle;
mod list;
mod list_versions;
mod listed;
mod lock;
mod members;
mod mfa;
mod multipart;
mod object;
mod ops;
mod pins;
mod policies;
mod port;
mod public;
mod range;
mod read;
mod server_buckets;
mod settings;
mod storage;
mod tags;
mod versions;

#[cfg(test)]
mod at_rest;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod kms_tests;
#[cfg(test)]
mod lock_tests;
#[cfg(test)]
mod races;

use std::sync::{Arc, Mutex};

use base::Env;
use bytes::Bytes;
use journal::Journal;
use objects::Objects;
use seal::HostKeys;
use serde::Serialize;
use service::{Builder, Definition, PassedRole, Service};
use sha2::Digest as _;
use state::{State, Table};

pub use access_logs::AccessLogs;
pub use error::Error;
pub use garbage::Collected;
pub use lifecycle::Lifecycled;

/// Buckets, by name.
const TABLE_BUCKETS: Table = "s3/buckets";
/// The current version of each key, by bucket and key.
const TABLE_OBJECTS: Table = "s3/objects";
/// Older versions, by bucket, key and age.
const TABLE_VERSIONS: Table = "s3/versions";
/// Content too small for a blob.
const TABLE_SMALL: Table = "s3/small";
/// Which parts an object's content consists of.
const TABLE_MANIFESTS: Table = "s3/manifests";
/// Multipart uploads, by bucket, key and identifier.
const TABLE_UPLOADS: Table = "s3/uploads";
/// Their parts, by upload and number.
const TABLE_PARTS: Table = "s3/parts";
/// Uploads that have ended and whose parts are still to be cleared away.
const TABLE_ENDED: Table = "s3/ended";
/// Uploads that were completed a short while ago, by bucket, key and identifier.
const TABLE_COMPLETED: Table = "s3/completed";
/// Blobs that no object has (yet, or any more).
const TABLE_GARBAGE: Table = "s3/garbage";
/// Configurations of which a bucket may have many, by bucket, kind and identifier.
const TABLE_CONFIGURATIONS: Table = "s3/configurations";

/// Lifecycle rules, by bucket.
const TABLE_LIFECYCLE: Table = "s3/lifecycle";
/// How far carrying them out is, by bucket.
const TABLE_LIFECYCLE_PASSES: Table = "s3/lifecycle-passes";

/// How often a change is tried again because others changed the same thing meanwhile.
const COMMIT_TRIES: u32 = 64;

/// The S3 service.
pub struct S3 {
    state: Arc<dyn State>,
    objects: Arc<dyn Objects>,
    env: Env,
    account: Arc<str>,
    keys: Arc<HostKeys>,
    authorizer: Option<Arc<dyn ports::Authorizer>>,
    mfa_devices: Option<Arc<dyn ports::MfaDevices>>,
    /// Keys of KMS.
    kms: Option<Arc<dyn ports::Keys>>,
    /// Data keys that serve a bucket for a while.
    bucket_keys: kms::BucketKeys,
    /// Lifecycle rules that were read.
    lifecycles: lifecycle::Cache,
    /// Bucket policies that were read.
    policies: policies::Cache,
    /// Content found damaged.
    damage: damage::Damage,
    /// Who is told which buckets log their accesses.
    journal: Option<Arc<dyn Journal>>,
    /// One change of that at a time.
    logging: tokio::sync::Mutex<()>,
    /// The last place in the journal up to which access logs were asked for and written.
    log_flushes: tokio::sync::watch::Sender<u64>,
    /// Names of blobs that calls under way are writing.
    live: Arc<Mutex<std::collections::HashSet<String>>>,
    /// Content that is being read.
    pins: Arc<pins::Pins>,
    /// When completed uploads were last looked through.
    swept_ms: Mutex<Option<i64>>,
    /// Buckets whose deletion failed, and which may still be marked as being deleted.
    undeleted: Mutex<std::collections::BTreeSet<String>>,
}

impl S3 {
    /// The service over its tables and its blobs, which it encrypts under `keys`. Call [`S3::recover`] before the first call.
    pub fn new(
        state: Arc<dyn State>,
        objects: Arc<dyn Objects>,
        env: Env,
        account: Arc<str>,
        keys: Arc<HostKeys>,
    ) -> S3 {
        S3 {
            state,
            objects,
            env,
            account,
            keys,
            authorizer: None,
            mfa_devices: None,
            kms: None,
            bucket_keys: kms::BucketKeys::default(),
            lifecycles: lifecycle::Cache::default(),
            policies: policies::Cache::default(),
            damage: damage::Damage::default(),
            pins: Arc::default(),
            swept_ms: Mutex::default(),
            undeleted: Mutex::default(),
            journal: None,
            logging: Default::default(),
            log_flushes: Default::default(),
            live: Arc::default(),
        }
    }

    /// The canonical user identifier of an account: 64 hexadecimal digits.
    fn owner(&self, account: &str) -> acl::Owner {
        acl::Owner { id: base::ids::hex(&sha2::Sha256::digest(account.as_bytes())) }
    }
}

impl Service for S3 {
    const MODEL: &'static str = "s3";
    const PREFIX: &'static str = "s3";
}

/// A document as it is stored.
fn to_json<T: Serialize>(document: &T) -> Bytes {
    serde_json::to_vec(document).expect("documents have text keys and no failing parts").into()
}

/// Source: S3 user guide, "Setting up permissions for live replication".
const REPLICATION_ROLE: [PassedRole; 1] = [PassedRole::arn("ReplicationConfiguration.Role", "s3.amazonaws.com")];

/// The operations that S3 has.
pub fn definition(s3: Arc<S3>) -> Definition {
    use ops::*;
    Builder::new(s3)
        .on::<AbortMultipartUpload>()
        .on::<CompleteMultipartUpload>()
        .on::<CopyObject>()
        .on::<CreateBucket>()
        .on::<CreateMultipartUpload>()
        .on::<DeleteBucket>()
        .on::<DeleteBucketAnalyticsConfiguration>()
        .on::<DeleteBucketCors>()
        .on::<DeleteBucketEncryption>()
        .on::<DeleteBucketIntelligentTieringConfiguration>()
        .on::<DeleteBucketInventoryConfiguration>()
        .on::<DeleteBucketLifecycle>()
        .on::<DeleteBucketMetricsConfiguration>()
        .on::<DeleteBucketOwnershipControls>()
        .on::<DeleteBucketPolicy>()
        .on::<DeleteBucketReplication>()
        .on::<DeleteBucketTagging>()
        .on::<DeleteBucketWebsite>()
        .on::<DeleteObject>()
        .on::<DeleteObjectTagging>()
        .on::<DeleteObjects>()
        .on::<DeletePublicAccessBlock>()
        .on::<GetBucketAccelerateConfiguration>()
        .on::<GetBucketAcl>()
        .on::<GetBucketAnalyticsConfiguration>()
        .on::<GetBucketCors>()
        .on::<GetBucketEncryption>()
        .on::<GetBucketIntelligentTieringConfiguration>()
        .on::<GetBucketInventoryConfiguration>()
        .on::<GetBucketLifecycleConfiguration>()
        .on::<GetBucketLocation>()
        .on::<GetBucketLogging>()
        .on::<GetBucketMetricsConfiguration>()
        .on::<GetBucketNotificationConfiguration>()
        .on::<GetBucketOwnershipControls>()
        .on::<GetBucketPolicy>()
        .on::<GetBucketPolicyStatus>()
        .on::<GetBucketReplication>()
        .on::<GetBucketRequestPayment>()
        .on::<GetBucketTagging>()
        .on::<GetBucketVersioning>()
        .on::<GetBucketWebsite>()
        .on::<GetObject>()
        .on::<GetObjectAcl>()
        .on::<GetObjectAttributes>()
        .on::<GetObjectLegalHold>()
        .on::<GetObjectLockConfiguration>()
        .on::<GetObjectRetention>()
        .on::<GetObjectTagging>()
        .on::<GetPublicAccessBlock>()
        .on::<HeadBucket>()
        .on::<HeadObject>()
        .on::<ListBucketAnalyticsConfigurations>()
        .on::<ListBucketIntelligentTieringConfigurations>()
        .on::<ListBucketInventoryConfigurations>()
        .on::<ListBucketMetricsConfigurations>()
        .on::<ListBuckets>()
        .on::<ListMultipartUploads>()
        .on::<ListObjectVersions>()
        .on::<ListObjects>()
        .on::<ListObjectsV2>()
        .on::<ListParts>()
        .on::<PutBucketAccelerateConfiguration>()
        .on::<PutBucketAcl>()
        .on::<PutBucketAnalyticsConfiguration>()
        .on::<PutBucketCors>()
        .on::<PutBucketEncryption>()
        .on::<PutBucketIntelligentTieringConfiguration>()
        .on::<PutBucketInventoryConfiguration>()
        .on::<PutBucketLifecycleConfiguration>()
        .on::<PutBucketLogging>()
        .on::<PutBucketMetricsConfiguration>()
        .on::<PutBucketNotificationConfiguration>()
        .on::<PutBucketOwnershipControls>()
        .on::<PutBucketPolicy>()
        .on_passing::<PutBucketReplication>(&REPLICATION_ROLE)
        .on::<PutBucketRequestPayment>()
        .on::<PutBucketTagging>()
        .on::<PutBucketVersioning>()
        .on::<PutBucketWebsite>()
        .on::<PutObject>()
        .on::<PutObjectAcl>()
        .on::<PutObjectLegalHold>()
        .on::<PutObjectLockConfiguration>()
        .on::<PutObjectRetention>()
        .on::<PutObjectTagging>()
        .on::<PutPublicAccessBlock>()
        .on::<RestoreObject>()
        .on::<UploadPart>()
        .on::<UploadPartCopy>()
        .build()
}
