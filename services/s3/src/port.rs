//! Buckets for other services: each call is by a service principal and under the bucket's own policy, which has to allow it; to
//! own both bucket and trail gives no right.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use ports::{BucketError, BucketInfo, BucketObject, Buckets, OpenedObject, ServicePut};
use service::{ApiError, Body};

use crate::S3;
use crate::bucket::Bucket;
use crate::checksum::{Expected, Summer, Sums};
use crate::conditions::WriteCondition;
use crate::encryption::Given;
use crate::kms::{Algorithm, Wanted, Who, bucket_error};
use crate::list::{After, Entry, PAGE_ENTRIES_MAX, Query};
use crate::object::{Headers, Version, check_key};

/// The most that is read for another service at once: log files and digests are far smaller.
const GET_BYTES_MAX: usize = 512 * 1024 * 1024;

#[async_trait]
impl Buckets for S3 {
    async fn describe(&self, bucket: &str) -> Result<Option<BucketInfo>, BucketError> {
        let bucket = self.find_bucket(bucket).await.map_err(failed)?;
        Ok(bucket.map(|bucket| BucketInfo { region: bucket.region, account: bucket.account }))
    }

    async fn check(&self, put: &ServicePut) -> Result<(), BucketError> {
        let bucket = self.bucket(&put.bucket, None).await.map_err(failed)?;
        self.allow(&bucket, put, "s3:GetBucketAcl", &bucket.arn())?;
        self.allow(&bucket, put, "s3:PutObject", &format!("{}/{}", bucket.arn(), put.key))
    }

    async fn kms_key(&self, put: &ServicePut) -> Result<(), BucketError> {
        if put.kms_key.is_none() {
            return Ok(());
        }
        let bucket = self.bucket(&put.bucket, None).await.map_err(failed)?;
        self.sealing(who(put), &bucket, &put.key, Some(&of_service(put))).await.map(drop).map_err(bucket_error)
    }

    async fn put(&self, put: ServicePut) -> Result<(), BucketError> {
        let bucket = self.bucket(&put.bucket, None).await.map_err(failed)?;
        self.allow(&bucket, &put, "s3:PutObject", &format!("{}/{}", bucket.arn(), put.key))?;
        let wanted = wanted(&bucket, &put).map_err(failed)?;
        if wanted.is_some() && put.principal == crate::access_logs::PRINCIPAL {
            // Source: S3 user guide, "Enabling Amazon S3 server access logging": destination buckets have SSE-S3 alone.
            return Err(BucketError::Kms("KMS.AccessDeniedException"));
        }
        let headers = Headers {
            content_type: put.content_type.clone(),
            content_encoding: put.content_encoding.clone(),
            metadata: put.metadata.iter().cloned().collect(),
            ..Headers::default()
        };
        self.write(who(&put), &bucket, &put.key, put.body.clone(), headers, wanted).await
    }

    async fn put_permitted(
        &self,
        bucket: &str,
        key: &str,
        content: Bytes,
        content_type: &str,
    ) -> Result<(), BucketError> {
        let bucket = self.bucket(bucket, None).await.map_err(failed)?;
        self.write_own(&bucket, key, content, content_type, &Given::default()).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<(Bytes, Vec<(String, String)>), BucketError> {
        let mut tries = 0;
        loop {
            let bucket = self.bucket(bucket, None).await.map_err(failed)?;
            let version = self.find(&bucket, key, None).await.map_err(failed)?.version;
            let keys = self.unlock(Who::Server, bucket.region, version.kms.as_deref()).await.map_err(bucket_error)?;
            match self.open_watched(&bucket.name, key, &version.data, 0..version.size, &keys).await {
                Ok(body) => {
                    let content = body.collect(GET_BYTES_MAX).await.map_err(failed)?;
                    return Ok((content, version.headers.metadata.into_iter().collect()));
                }
                Err(crate::content::OpenError::Gone) if tries < crate::read::READ_TRIES => tries += 1,
                Err(error) => return Err(failed(error.into())),
            }
        }
    }

    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<BucketObject>, BucketError> {
        self.bucket(bucket, None).await.map_err(failed)?;
        let after = after.map_or(After::Nothing, |key| After::Key(key.to_owned()));
        let query = Query { bucket, prefix, delimiter: None, max: PAGE_ENTRIES_MAX };
        let page = S3::list(self, &query, &after).await.map_err(failed)?;
        let objects = page.entries.into_iter().filter_map(|entry| match entry {
            Entry::Item((key, version)) => {
                let Version { size, etag, modified_ms, .. } = version;
                Some(BucketObject { key, size, etag, modified_ms })
            }
            Entry::Prefix(_) => None,
        });
        Ok(objects.collect())
    }

    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, BucketError> {
        self.bucket(bucket, None).await.map_err(failed)?;
        let query = Query { bucket, prefix, delimiter: Some("/"), max: PAGE_ENTRIES_MAX };
        let (mut names, mut after) = (Vec::new(), After::Nothing);
        loop {
            let page = S3::list(self, &query, &after).await.map_err(failed)?;
            for entry in page.entries {
                after = match entry {
                    Entry::Item((key, _)) => After::Key(key),
                    Entry::Prefix(group) => {
                        let name = group.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('/'));
                        names.extend(name.map(str::to_owned));
                        After::Prefix(group)
                    }
                };
            }
            if !page.truncated {
                return Ok(names);
            }
        }
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<OpenedObject, BucketError> {
        let mut tries = 0;
        loop {
            let bucket = self.bucket(bucket, None).await.map_err(failed)?;
            let version = self.find(&bucket, key, None).await.map_err(failed)?.version;
            let keys = self.unlock(Who::Server, bucket.region, version.kms.as_deref()).await.map_err(bucket_error)?;
            match self.open_watched(&bucket.name, key, &version.data, 0..version.size, &keys).await {
                Ok(body) => {
                    let metadata = version.headers.metadata.into_iter().collect();
                    return Ok(OpenedObject { metadata, content: Box::pin(body.map_err(failed)) });
                }
                Err(crate::content::OpenError::Gone) if tries < crate::read::READ_TRIES => tries += 1,
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
}

impl S3 {
    /// Writes an object of the server's own.
    pub(crate) async fn write_own(
        &self,
        bucket: &Bucket,
        key: &str,
        content: Bytes,
        content_type: &str,
        given: &Given<'_>,
    ) -> Result<(), BucketError> {
        let headers = Headers { content_type: Some(content_type.to_owned()), ..Headers::default() };
        let wanted = given.wanted(bucket, key).map_err(failed)?;
        self.write(Who::Server, bucket, key, content, headers, wanted).await
    }

    /// Writes the object, unless the same is there already.
    async fn write(
        &self,
        who: Who<'_>,
        bucket: &Bucket,
        key: &str,
        content: Bytes,
        headers: Headers,
        wanted: Option<Wanted>,
    ) -> Result<(), BucketError> {
        check_key(key).map_err(failed)?;
        let headers = headers.checked().map_err(failed)?;
        let expected = Expected::nothing(crate::checksum::Algorithm::Crc64Nvme);
        // Storing sums the body up as well: here only if it may be there already.
        if let Some((version, _)) = self.current(&bucket.name, key).await.map_err(failed)?
            && version.size == content.len() as u64
        {
            let mut summer = Summer::new(&expected);
            summer.update(&content);
            if is_same(&version, &headers, &summer.finish(&expected, &[]).map_err(failed)?) {
                return Ok(());
            }
        }
        let sealing = self.sealing(who, bucket, key, wanted.as_ref()).await.map_err(bucket_error)?;
        let stored = self.store(Body::from_bytes(content), &expected, &sealing.keys).await;
        let (stored, sums) = stored.map_err(failed)?;
        let new = Version {
            size: sums.len_bytes,
            etag: self.etag(&sums, sealing.kms.as_deref()),
            data: stored.data.clone(),
            headers,
            checksum: Some(sums.full()),
            kms: sealing.kms,
            ..Version::default()
        };
        let put = self.put_version(&bucket.name, key, new, stored, &WriteCondition::None, Vec::new()).await;
        put.map(drop).map_err(failed)
    }
}

/// For whom a put uses a key.
fn who(put: &ServicePut) -> Who<'_> {
    Who::Service { principal: &put.principal, source_arn: &put.source_arn }
}

/// How a put is to be encrypted: under the key it names, or as the bucket says.
fn wanted(bucket: &Bucket, put: &ServicePut) -> Result<Option<Wanted>, ApiError> {
    if put.kms_key.is_none() {
        return Given::default().wanted(bucket, &put.key);
    }
    let bucket_key = crate::encryption::of_bucket(bucket)?.bucket_key;
    Ok(Some(Wanted { bucket_key, ..of_service(put) }))
}

/// Source: CloudTrail user guide, "Configure AWS KMS key policies for CloudTrail": the encryption context has the trail's ARN.
fn of_service(put: &ServicePut) -> Wanted {
    let is_trail = put.source_arn.contains(":cloudtrail:");
    let context = is_trail.then(|| ("aws:cloudtrail:arn".to_owned(), put.source_arn.clone()));
    Wanted {
        algorithm: Algorithm::Kms,
        key: put.kms_key.clone(),
        context: context.into_iter().collect(),
        bucket_key: false,
    }
}

fn is_same(version: &Version, headers: &Headers, sums: &Sums) -> bool {
    !version.delete_marker
        && version.size == sums.len_bytes
        // Under a key of KMS the entity tag tells nothing.
        && (version.kms.is_some() || version.etag == sums.etag())
        && version.checksum.as_ref() == Some(&sums.full())
        && version.headers == *headers
}

pub(crate) fn failed(error: ApiError) -> BucketError {
    match error.code.as_ref() {
        "NoSuchBucket" => BucketError::NoSuchBucket,
        "NoSuchKey" => BucketError::NoSuchKey,
        "AccessDenied" => BucketError::AccessDenied,
        _ => BucketError::Unavailable(error.log.clone().unwrap_or_else(|| error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{bucket, call, service, set_policy};
    use crate::ops::{PutBucketVersioning, put_bucket_versioning};

    const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/t";

    fn delivery(body: &'static str) -> ServicePut {
        ServicePut {
            principal: "cloudtrail.amazonaws.com".into(),
            source_arn: TRAIL.into(),
            source_account: "123456789012".into(),
            bucket: "logs".into(),
            key: "AWSLogs/123456789012/x.json.gz".into(),
            body: Bytes::from_static(body.as_bytes()),
            acl: "bucket-owner-full-control".into(),
            content_type: Some("application/json".into()),
            content_encoding: Some("gzip".into()),
            metadata: vec![("digest".into(), "1".into())],
            kms_key: None,
        }
    }

    /// The policy that the CloudTrail user guide tells to put on the bucket.
    fn policy(condition: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[
            {{"Sid":"Check","Effect":"Allow","Principal":{{"Service":"cloudtrail.amazonaws.com"}},"Action":"s3:GetBucketAcl",
              "Resource":"arn:aws:s3:::logs"}},
            {{"Sid":"Write","Effect":"Allow","Principal":{{"Service":"cloudtrail.amazonaws.com"}},"Action":"s3:PutObject",
              "Resource":"arn:aws:s3:::logs/AWSLogs/123456789012/*","Condition":{condition}}}]}}"#
        )
    }

    const GUIDE: &str = r#"{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control",
        "aws:SourceArn":"arn:aws:cloudtrail:us-east-1:123456789012:trail/t"}}"#;

    #[tokio::test]
    async fn who_was_let_needs_no_policy() {
        let s3 = service();
        let key = "AWSLogs/123456789012/x.json.gz";
        let permitted = || s3.put_permitted("logs", key, Bytes::from_static(b"a"), "text/csv");
        assert_eq!(permitted().await, Err(BucketError::NoSuchBucket));
        bucket(&s3, "logs").await;
        assert_eq!(s3.put(delivery("a")).await, Err(BucketError::AccessDenied));
        permitted().await.unwrap();
        assert_eq!(Buckets::get(&s3, "logs", key).await.unwrap().0, "a");
    }

    #[tokio::test]
    async fn the_policy_decides() {
        let s3 = service();
        assert_eq!(s3.put(delivery("a")).await, Err(BucketError::NoSuchBucket));
        bucket(&s3, "logs").await;
        assert_eq!(s3.put(delivery("a")).await, Err(BucketError::AccessDenied));
        set_policy(&s3, "logs", &policy(GUIDE)).await;
        s3.check(&delivery("a")).await.unwrap();
        s3.put(delivery("a")).await.unwrap();
        let (content, metadata) = s3.get("logs", &delivery("a").key).await.unwrap();
        assert_eq!((&content[..], &metadata[..]), (&b"a"[..], &[("digest".to_owned(), "1".to_owned())][..]));

        let refused = [
            ServicePut { acl: "private".into(), ..delivery("b") },
            ServicePut { source_arn: format!("{TRAIL}2"), ..delivery("b") },
            ServicePut { principal: "config.amazonaws.com".into(), ..delivery("b") },
            ServicePut { key: "elsewhere".into(), ..delivery("b") },
        ];
        for put in refused {
            assert_eq!(s3.check(&put).await, Err(BucketError::AccessDenied), "{put:?}");
            assert_eq!(s3.put(put).await, Err(BucketError::AccessDenied));
        }
        set_policy(&s3, "logs", &policy(r#"{"StringEquals":{"aws:SourceAccount":"123456789012"}}"#)).await;
        s3.put(delivery("b")).await.unwrap();
        set_policy(&s3, "logs", &policy(r#"{"StringEquals":{"aws:SourceAccount":"999999999999"}}"#)).await;
        assert_eq!(s3.put(delivery("c")).await, Err(BucketError::AccessDenied));
    }

    #[tokio::test]
    async fn what_was_written_is_listed_and_flows() {
        let s3 = service();
        bucket(&s3, "logs").await;
        set_policy(&s3, "logs", &policy(GUIDE)).await;
        let keys = ["x.json.gz", "y/b.json.gz", "y/a.json.gz", "z/a.json.gz"]
            .map(|name| format!("AWSLogs/123456789012/{name}"));
        for key in &keys {
            s3.put(ServicePut { key: key.clone(), ..delivery("content") }).await.unwrap();
        }
        let buckets: &dyn Buckets = &s3;
        let listed = buckets.list("logs", "AWSLogs/", Some(&keys[0])).await.unwrap();
        assert_eq!(listed.iter().map(|object| &object.key).collect::<Vec<_>>(), [&keys[2], &keys[1], &keys[3]]);
        assert_eq!((listed[0].size, listed[0].etag.len()), (7, 32));
        assert_eq!(buckets.list("logs", "AWSLogs/", Some(&keys[3])).await.unwrap(), []);
        assert_eq!(buckets.folders("logs", "AWSLogs/123456789012/").await.unwrap(), ["y", "z"]);
        let opened = buckets.open("logs", &keys[1]).await.unwrap();
        assert_eq!(opened.metadata, [("digest".to_owned(), "1".to_owned())]);
        assert_eq!(opened.content.try_collect::<Vec<_>>().await.unwrap().concat(), b"content");
        assert_eq!(buckets.open("logs", "absent").await.err(), Some(BucketError::NoSuchKey));
        assert_eq!(buckets.list("absent", "", None).await.err(), Some(BucketError::NoSuchBucket));
    }

    #[tokio::test]
    async fn the_same_again_changes_nothing() {
        let s3 = service();
        bucket(&s3, "logs").await;
        set_policy(&s3, "logs", &policy(GUIDE)).await;
        let enabled = serde_json::from_str(r#"{"Status":"Enabled"}"#).unwrap();
        let input = put_bucket_versioning::Input {
            bucket: "logs".into(),
            versioning_configuration: enabled,
            ..Default::default()
        };
        call::<PutBucketVersioning>(&s3, input).await.unwrap();
        let key = delivery("a").key;
        let id = async |s3: &S3| s3.current("logs", &key).await.unwrap().unwrap().0.id;
        s3.put(delivery("a")).await.unwrap();
        let first = id(&s3).await;
        s3.put(delivery("a")).await.unwrap();
        assert_eq!(id(&s3).await, first);
        s3.put(ServicePut { metadata: vec![], ..delivery("a") }).await.unwrap();
        let second = id(&s3).await;
        assert_ne!(second, first);
        s3.put(delivery("b")).await.unwrap();
        assert_ne!(id(&s3).await, second);
    }
}
