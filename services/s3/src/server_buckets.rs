//! The buckets that the server keeps itself, for tables: anybody may read them who may read buckets, nobody may write into them or
//! change them, not even root, and no name of theirs can be taken.

use async_trait::async_trait;
use base::Region;
use bytes::Bytes;
use ports::tables::SERVER_BUCKET_PREFIX;
use ports::{BucketError, Buckets, ServerBuckets};
use state::{Expect, Op};

use crate::bucket::{Bucket, key};
use crate::conditions::WriteCondition;
use crate::encryption::Given;
use crate::port::failed;
use crate::settings::{Ownership, Settings};
use crate::{S3, TABLE_BUCKETS, to_json};

/// Whether a bucket of this name is the server's.
pub(crate) fn is_own(bucket: &str) -> bool {
    bucket.starts_with(SERVER_BUCKET_PREFIX)
}

/// Whether an action changes nothing.
pub(crate) fn only_reads(action: &str) -> bool {
    action.starts_with("s3:Get") || action.starts_with("s3:List")
}

/// Whether nothing is set that the server would not set: nobody could unset it. Somebody may have made a bucket of such a name before
/// names were the server's.
fn is_plain(bucket: &Bucket) -> bool {
    let Bucket { policy, versioning, object_lock, lifecycle, .. } = bucket;
    policy.is_none() && versioning.is_none() && object_lock.is_none() && lifecycle.is_none()
}

fn not_plain(bucket: &str) -> String {
    format!(
        "the bucket {bucket} is not one that the server made: it has a policy, versioning, object lock or lifecycle rules of its own"
    )
}

#[async_trait]
impl ServerBuckets for S3 {
    async fn provide(&self, bucket: &str, region: Region) -> Result<(), BucketError> {
        if let Some(found) = self.find_bucket(bucket).await.map_err(failed)? {
            return if is_plain(&found) { Ok(()) } else { Err(BucketError::Unavailable(not_plain(bucket))) };
        }
        let settings = Settings { ownership: Some(Ownership::BucketOwnerEnforced), ..Settings::default() };
        let bucket = Bucket {
            v: 1,
            name: bucket.to_owned(),
            region,
            account: self.account.to_string(),
            created_ms: self.env.clock.now().ms(),
            versioning: None,
            policy: None,
            tags: Vec::new(),
            settings,
            deleting: false,
            object_lock: None,
            mfa_delete: None,
            lifecycle: None,
            rev: 0,
        };
        let put =
            Op::Put { table: TABLE_BUCKETS, key: key(&bucket.name), value: to_json(&bucket), expect: Expect::Absent };
        match self.state.commit(vec![put]).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_conflict() => Ok(()),
            Err(error) => Err(BucketError::Unavailable(error.to_string())),
        }
    }

    async fn put_own(
        &self,
        bucket: &str,
        key: &str,
        content: Bytes,
        content_type: &str,
        kms_key: Option<&str>,
    ) -> Result<(), BucketError> {
        let bucket = self.bucket(bucket, None).await.map_err(failed)?;
        let given = Given { algorithm: kms_key.and(Some("aws:kms")), key: kms_key, ..Given::default() };
        self.write_own(&bucket, key, content, content_type, &given).await
    }

    async fn keys(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        match Buckets::list(self, bucket, prefix, after).await {
            Ok(objects) => Ok(objects.into_iter().map(|object| object.key).collect()),
            Err(BucketError::NoSuchBucket) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn remove(&self, bucket: &str, keys: &[String]) -> Result<(), BucketError> {
        for key in keys {
            self.delete_version(bucket, key, None, &WriteCondition::None, false).await.map_err(failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ports::{AccessRequest, Caller, ResourcePolicies};

    use super::*;
    use crate::harness::{bucket, service, set_policy, versioning};

    #[tokio::test]
    async fn the_server_writes_and_others_read() {
        let s3 = service();
        let (own, key) = (format!("{SERVER_BUCKET_PREFIX}123456789012-eu-west-1"), "store/metadata/a".to_owned());
        assert_eq!(s3.keys(&own, "store/", None).await, Ok(Vec::new()));
        let region = Region::parse("eu-west-1").unwrap();
        s3.provide(&own, region).await.unwrap();
        s3.provide(&own, region).await.unwrap();
        assert_eq!(s3.describe(&own).await.unwrap().unwrap().region, region);
        s3.put_own(&own, &key, Bytes::from_static(b"1"), "text/plain", None).await.unwrap();
        s3.put_own(&own, &key, Bytes::from_static(b"2"), "text/plain", None).await.unwrap();
        assert_eq!(Buckets::get(&s3, &own, &key).await.unwrap().0, "2");
        assert_eq!(s3.keys(&own, "store/", None).await.unwrap(), std::slice::from_ref(&key));
        ServerBuckets::remove(&s3, &own, &[key, "absent".to_owned()]).await.unwrap();
        assert_eq!(s3.keys(&own, "", None).await.unwrap(), [""; 0]);

        let caller = Caller::Root { account: "123456789012".into(), access_key_id: "AKIA".into() };
        let call = crate::harness::a_call();
        let context = call.context(&[]);
        let decide = async |action: &str, resource: &str| {
            let request = AccessRequest { caller: &caller, action, resource, context: &context };
            ResourcePolicies::ruled(&s3, &request, &|_| false).await.unwrap().is_some_and(|ruled| ruled.is_closed)
        };
        for action in [
            "s3:PutObject",
            "s3:PutObjectTagging",
            "s3:PutObjectLegalHold",
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:CreateBucket",
            "s3:DeleteBucket",
            "s3:PutBucketPolicy",
            "s3:PutLifecycleConfiguration",
        ] {
            assert!(decide(action, &format!("arn:aws:s3:::{own}")).await, "{action}");
            assert!(decide(action, &format!("arn:aws:s3:::{own}/a/b")).await, "{action}");
            assert!(!decide(action, "arn:aws:s3:::other/a").await, "{action}");
        }
        for action in ["s3:GetObject", "s3:ListBucket"] {
            assert!(!decide(action, &format!("arn:aws:s3:::{own}")).await, "{action}");
        }
    }

    #[tokio::test]
    async fn a_bucket_that_somebody_has_set_up_is_not_taken() {
        let s3 = service();
        let own = |name: &str| format!("{SERVER_BUCKET_PREFIX}{name}");
        for name in ["plain", "versioned", "ruled"] {
            bucket(&s3, &own(name)).await;
        }
        versioning(&s3, &own("versioned"), "Suspended").await;
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*"}}"#;
        set_policy(&s3, &own("ruled"), &policy.replace("BUCKET", &own("ruled"))).await;
        s3.provide(&own("plain"), Region::US_EAST_1).await.unwrap();
        for name in ["versioned", "ruled"] {
            let refused = s3.provide(&own(name), Region::US_EAST_1).await;
            assert_eq!(refused, Err(BucketError::Unavailable(not_plain(&own(name)))));
        }
    }
}
