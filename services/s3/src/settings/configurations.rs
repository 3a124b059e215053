//! Configurations of which a bucket may have many, by identifier: inventories, analytics, metrics, tiering. Checked and kept; nothing
//! is made of them yet.

use service::ApiError;
use state::{Expect, Op, Range};

use super::Document;
use crate::error::{Error, state_failed};
use crate::{COMMIT_TRIES, S3, TABLE_CONFIGURATIONS, to_json};

/// The most of one kind that a bucket may have. Source: S3 API reference, "PutBucketInventoryConfiguration", errors.
const CONFIGURATIONS_MAX: usize = 1000;
/// How many a listing has. Source: S3 API reference, "ListBucketInventoryConfigurations".
const PAGE: usize = 100;

/// What a configuration is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Analytics,
    IntelligentTiering,
    Inventory,
    Metrics,
}

/// Some configurations, in the order of their identifiers.
pub(crate) struct Page {
    pub(crate) documents: Vec<Document>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

const INVENTORY_FIELDS: [&str; 17] = [
    "Size",
    "LastModifiedDate",
    "StorageClass",
    "ETag",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
    "EncryptionContext",
];

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Analytics => "analytics",
            Kind::IntelligentTiering => "intelligent-tiering",
            Kind::Inventory => "inventory",
            Kind::Metrics => "metrics",
        }
    }

    /// Refuses what S3 does not take, beyond what the model says.
    fn check(self, document: &Document) -> Result<(), ApiError> {
        let bucket = match self {
            Kind::Inventory => "/Destination/S3BucketDestination/Bucket",
            Kind::Analytics => "/StorageClassAnalysis/DataExport/Destination/S3BucketDestination/Bucket",
            Kind::IntelligentTiering | Kind::Metrics => "",
        };
        if let Some(arn) = document.pointer(bucket).and_then(Document::as_str)
            && !arn.strip_prefix("arn:aws").is_some_and(|rest| rest.contains(":s3:::"))
        {
            let text = "The destination bucket has to be named by its ARN, as in arn:aws:s3:::bucket";
            return Err(ApiError::new("InvalidS3DestinationBucket", 400, text));
        }
        if self == Kind::Inventory {
            let fields = document["OptionalFields"].as_array();
            let fields = fields.into_iter().flatten().filter_map(Document::as_str);
            if let Some(other) = fields.clone().find(|field| !INVENTORY_FIELDS.contains(field)) {
                return Err(crate::error::invalid_argument("OptionalFields", other, "There is no such field"));
            }
        }
        if self == Kind::IntelligentTiering {
            // Source: S3 API reference, "Tiering".
            for tier in document["Tierings"].as_array().into_iter().flatten() {
                let least = if tier["AccessTier"] == "DEEP_ARCHIVE_ACCESS" { 180 } else { 90 };
                if !tier["Days"].as_i64().is_some_and(|days| (least..=730).contains(&days)) {
                    let text = format!("Days of {} must be at least {least} and at most 730", tier["AccessTier"]);
                    return Err(Error::InvalidArgument(text).into());
                }
            }
        }
        let filter = document["Filter"].as_object();
        if filter.is_some_and(|filter| filter.values().filter(|value| !value.is_null()).count() > 1) {
            return Err(Error::MalformedXML.into());
        }
        Ok(())
    }
}

fn key(bucket: &str, kind: Kind, id: &str) -> Vec<u8> {
    state::key::key(&[bucket, kind.as_str(), id])
}

fn no_such_configuration() -> ApiError {
    ApiError::new("NoSuchConfiguration", 404, "The specified configuration does not exist.")
}

/// Source: S3 user guide, "Configuring Amazon S3 Inventory": letters, digits, `-`, `_` and `.`.
fn check_id(id: &str) -> Result<(), ApiError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&id.len()) && id.bytes().all(fits) {
        return Ok(());
    }
    let text = "The specified configuration id is invalid: 1 to 64 letters, digits, periods, dashes and underscores";
    Err(ApiError::new("InvalidConfigurationId", 400, text))
}

impl S3 {
    /// Keeps a configuration, in the place of one with its identifier. Returns when that is durable.
    pub(crate) async fn put_configuration(
        &self,
        bucket: &str,
        kind: Kind,
        id: &str,
        document: Document,
    ) -> Result<(), ApiError> {
        check_id(id)?;
        if document["Id"] != id {
            let text = "Document ID does not match the specified configuration ID.";
            return Err(ApiError::new("IdMismatch", 400, text));
        }
        kind.check(&document)?;
        let key = key(bucket, kind, id);
        let there = self.state.get(TABLE_CONFIGURATIONS, &key).await.map_err(state_failed)?;
        if there.is_none() {
            let range = Range::prefix(state::key::key(&[bucket, kind.as_str()]));
            let rows = self.state.scan(TABLE_CONFIGURATIONS, range, CONFIGURATIONS_MAX).await.map_err(state_failed)?;
            if rows.len() >= CONFIGURATIONS_MAX {
                let text = "You are attempting to create a new configuration but have already reached the 1,000-configuration limit.";
                return Err(ApiError::new("TooManyConfigurations", 400, text));
            }
        }
        let put = Op::Put { table: TABLE_CONFIGURATIONS, key, value: to_json(&document), expect: Expect::Any };
        for _ in 0..COMMIT_TRIES {
            // Nothing is written into a bucket that goes.
            let bucket = self.bucket(bucket, None).await?.writable()?;
            match self.state.commit(vec![bucket.unchanged(), put.clone()]).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(state_failed(error)),
            }
        }
        Err(Error::OperationAborted.into())
    }

    /// The configuration of this identifier.
    pub(crate) async fn configuration(&self, bucket: &str, kind: Kind, id: &str) -> Result<Document, ApiError> {
        let row = self.state.get(TABLE_CONFIGURATIONS, &key(bucket, kind, id)).await.map_err(state_failed)?;
        let row = row.ok_or_else(no_such_configuration)?;
        serde_json::from_slice(&row.value).map_err(ApiError::internal)
    }

    /// Forgets the configuration of this identifier. Returns when that is durable.
    pub(crate) async fn delete_configuration(&self, bucket: &str, kind: Kind, id: &str) -> Result<(), ApiError> {
        let key = key(bucket, kind, id);
        let delete = Op::Delete { table: TABLE_CONFIGURATIONS, key, expect: Expect::Present };
        match self.state.commit(vec![delete]).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_conflict() => Err(no_such_configuration()),
            Err(error) => Err(state_failed(error)),
        }
    }

    /// The configurations from `token` on, which an earlier page gave.
    pub(crate) async fn configurations(&self, bucket: &str, kind: Kind, token: Option<&str>) -> Result<Page, ApiError> {
        let mut range = Range::prefix(state::key::key(&[bucket, kind.as_str()]));
        if let Some(last) = token {
            check_id(last).map_err(|_| {
                crate::error::invalid_argument(
                    "continuation-token",
                    last,
                    "The continuation token provided is incorrect",
                )
            })?;
            range = range.after(key(bucket, kind, last));
        }
        let rows = self.state.scan(TABLE_CONFIGURATIONS, range, PAGE + 1).await.map_err(state_failed)?;
        let documents = rows.iter().take(PAGE).map(|row| serde_json::from_slice(&row.value));
        let documents: Vec<Document> = documents.collect::<Result<_, _>>().map_err(ApiError::internal)?;
        let last = documents.last().and_then(|document| Some(document["Id"].as_str()?.to_owned()));
        Ok(Page { next: last.filter(|_| rows.len() > PAGE), documents })
    }

    /// What takes all configurations of a bucket away, with the bucket.
    pub(crate) async fn without_configurations(&self, bucket: &str) -> Result<Vec<Op>, ApiError> {
        let mut ops = Vec::new();
        let range = Range::prefix(state::key::key(&[bucket]));
        state::scan_all::<state::Error>(&*self.state, TABLE_CONFIGURATIONS, range, |row| {
            ops.push(Op::Delete { table: TABLE_CONFIGURATIONS, key: row.key, expect: Expect::Any });
            Ok(true)
        })
        .await
        .map_err(state_failed)?;
        Ok(ops)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::harness::*;
    use crate::ops::{DeleteBucket, delete_bucket};

    #[tokio::test]
    async fn they_are_kept_by_identifier_and_go_with_the_bucket() {
        let s3 = service();
        bucket(&s3, "bkt").await;
        bucket(&s3, "bkt2").await;
        let put = async |bucket: &str, id: &str| {
            s3.put_configuration(bucket, Kind::Metrics, id, json!({ "Id": id })).await.map_err(|error| error.code)
        };
        for number in 0..PAGE + 1 {
            put("bkt", &format!("id{number:03}")).await.unwrap();
        }
        put("bkt2", "other").await.unwrap();
        assert_eq!(put("bkt", "a b").await.unwrap_err(), "InvalidConfigurationId");
        let other = s3.put_configuration("bkt", Kind::Metrics, "a", json!({ "Id": "b" })).await.unwrap_err();
        assert_eq!(other.code, "IdMismatch");
        let first = s3.configurations("bkt", Kind::Metrics, None).await.unwrap();
        assert_eq!((first.documents.len(), first.next.as_deref()), (PAGE, Some("id099")));
        let second = s3.configurations("bkt", Kind::Metrics, first.next.as_deref()).await.unwrap();
        assert_eq!((second.documents, second.next), (vec![json!({ "Id": "id100" })], None));
        assert!(s3.configurations("bkt", Kind::Inventory, None).await.unwrap().documents.is_empty());
        assert_eq!(s3.configuration("bkt", Kind::Analytics, "id000").await.unwrap_err().code, "NoSuchConfiguration");
        s3.delete_configuration("bkt", Kind::Metrics, "id000").await.unwrap();
        let again = s3.delete_configuration("bkt", Kind::Metrics, "id000").await.unwrap_err();
        assert_eq!(again.code, "NoSuchConfiguration");
        call::<DeleteBucket>(&s3, delete_bucket::Input { bucket: "bkt".into(), ..Default::default() }).await.unwrap();
        bucket(&s3, "bkt").await;
        assert!(s3.configurations("bkt", Kind::Metrics, None).await.unwrap().documents.is_empty());
        s3.configuration("bkt2", Kind::Metrics, "other").await.unwrap();
    }

    #[test]
    fn what_s3_does_not_take() {
        let check = |kind: Kind, document: Document, expected: &str| {
            assert_eq!(kind.check(&document).unwrap_err().code, expected, "{document}");
        };
        let to = |bucket: &str| json!({ "Destination": { "S3BucketDestination": { "Bucket": bucket } } });
        check(Kind::Inventory, to("bucket"), "InvalidS3DestinationBucket");
        Kind::Inventory.check(&to("arn:aws:s3:::bucket")).unwrap();
        check(Kind::Inventory, json!({ "OptionalFields": ["Size", "Colour"] }), "InvalidArgument");
        check(Kind::Metrics, json!({ "Filter": { "Prefix": "a", "Tag": {} } }), "MalformedXML");
        let tier = |days| json!({ "Tierings": [{ "Days": days, "AccessTier": "DEEP_ARCHIVE_ACCESS" }] });
        check(Kind::IntelligentTiering, tier(90), "InvalidArgument");
        Kind::IntelligentTiering.check(&tier(180)).unwrap();
    }
}
