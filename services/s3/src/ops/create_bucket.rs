//! CreateBucket: makes a bucket. What it is asked for that is not there (directory buckets) is refused.

use base::Region;
use serde::Deserialize;
use service::{ApiError, Call, Operation};
use state::{Expect, Op};

use crate::acl::{Grant, Of, Requested};
use crate::bucket::{Bucket, Versioning, is_name, key};
use crate::error::{Error, header_not_implemented, state_failed};
use crate::lock::ObjectLock;
use crate::members::members;
use crate::settings::{Ownership, Settings};
use crate::tags::{Tag, Tagging};
use crate::{S3, TABLE_BUCKETS, to_json};

/// See the module.
pub struct CreateBucket;

/// Where the bucket is to be, and more.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    location_constraint: Option<String>,
    location: Option<serde::de::IgnoredAny>,
    bucket: Option<serde::de::IgnoredAny>,
    tags: Option<Vec<Tag>>,
}

members! { input Input {
    pub bucket: String,
    #[serde(rename = "ACL")]
    pub acl: Option<String>,
    pub create_bucket_configuration: Option<Configuration>,
    pub grant_full_control: Option<String>,
    pub grant_read: Option<String>,
    #[serde(rename = "GrantReadACP")]
    pub grant_read_acp: Option<String>,
    pub grant_write: Option<String>,
    #[serde(rename = "GrantWriteACP")]
    pub grant_write_acp: Option<String>,
    pub object_lock_enabled_for_bucket: Option<bool>,
    pub object_ownership: Option<String>,
    pub bucket_namespace: Option<String>,
} }

members! { output Output {
    pub location: String,
    pub bucket_arn: String,
} }

impl Operation for CreateBucket {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateBucket";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        if !is_name(&input.bucket) {
            return Err(ApiError::from(Error::InvalidBucketName).with("BucketName", input.bucket));
        }
        let ownership = check_features(&input)?;
        let configuration = input.create_bucket_configuration.take().unwrap_or_default();
        if configuration.location.is_some() || configuration.bucket.is_some() {
            let text = "Directory buckets are not implemented; make a general purpose bucket.".to_owned();
            return Err(Error::NotImplemented(text).into());
        }
        let region = region(call.region, configuration.location_constraint.as_deref())?;
        let tags = Tagging { tag_set: configuration.tags.unwrap_or_default() }.for_bucket()?;
        let locked = input.object_lock_enabled_for_bucket == Some(true);
        if locked {
            s3.authorize_bucket(call, "s3:PutBucketObjectLockConfiguration", &input.bucket).await?;
            s3.authorize_bucket(call, "s3:PutBucketVersioning", &input.bucket).await?;
        }
        // The account called is that of the bucket, if there is one of the name already.
        let mine = call.caller.account().unwrap_or(&call.account);
        let mut bucket = Bucket {
            v: 1,
            name: input.bucket.clone(),
            region,
            account: mine.to_string(),
            created_ms: s3.env.clock.now().ms(),
            versioning: locked.then_some(Versioning::Enabled),
            policy: None,
            tags,
            settings: Settings::default(),
            deleting: false,
            object_lock: locked.then(ObjectLock::default),
            mfa_delete: None,
            lifecycle: None,
            rev: 0,
        };
        bucket.settings.ownership = Some(ownership);
        bucket.settings.grants = grants(&input, call, &bucket, s3)?;
        let output = Output { location: location(call, &bucket), bucket_arn: bucket.arn() };
        let (key, value) = (key(&bucket.name), to_json(&bucket));
        match s3.state.commit(vec![Op::Put { table: TABLE_BUCKETS, key, value, expect: Expect::Absent }]).await {
            Ok(_) => Ok(output),
            Err(error) if error.is_conflict() => again(s3, call, &bucket, output).await,
            Err(error) => Err(state_failed(error)),
        }
    }
}

/// Refuses what a bucket cannot have; who is to own its objects.
fn check_features(input: &Input) -> Result<Ownership, ApiError> {
    if let Some(other) = input.bucket_namespace.as_deref().filter(|name| *name != "global") {
        return Err(header_not_implemented("x-amz-bucket-namespace", other));
    }
    match input.object_ownership.as_deref() {
        None | Some("BucketOwnerEnforced") => Ok(Ownership::BucketOwnerEnforced),
        Some("BucketOwnerPreferred") => Ok(Ownership::BucketOwnerPreferred),
        Some("ObjectWriter") => Ok(Ownership::ObjectWriter),
        Some(other) => {
            let text = "Invalid x-amz-object-ownership header";
            Err(crate::error::invalid_argument("x-amz-object-ownership", other, text))
        }
    }
}

/// The access control list that the request gives the bucket.
fn grants(input: &Input, call: &Call, bucket: &Bucket, s3: &S3) -> Result<Option<Vec<Grant>>, ApiError> {
    let requested = Requested {
        canned: input.acl.as_deref(),
        headers: vec![
            ("FULL_CONTROL", input.grant_full_control.as_deref()),
            ("READ", input.grant_read.as_deref()),
            ("READ_ACP", input.grant_read_acp.as_deref()),
            ("WRITE", input.grant_write.as_deref()),
            ("WRITE_ACP", input.grant_write_acp.as_deref()),
        ],
        policy: None,
    };
    // What every bucket has may be asked for by name also where there are no lists.
    if requested.canned == Some("private") && requested.headers.iter().all(|(_, header)| header.is_none()) {
        return Ok(None);
    }
    let arn = bucket.arn();
    requested.check(call, bucket, Of::Bucket, &s3.owner(&call.account), ("s3:PutBucketAcl", &arn)).map_err(|error| {
        if error.code == "AccessControlListNotSupported" {
            return Error::InvalidBucketAclWithObjectOwnership.into();
        }
        error
    })
}

/// Where the bucket is to be, as the endpoint of a region understands a location constraint. Source: S3 API reference,
/// "CreateBucket", LocationConstraint.
fn region(endpoint: Region, constraint: Option<&str>) -> Result<Region, ApiError> {
    let constraint = constraint.filter(|constraint| !constraint.is_empty());
    let Some(constraint) = constraint else {
        if endpoint == Region::US_EAST_1 {
            return Ok(endpoint);
        }
        return Err(Error::IllegalLocationConstraintException("unspecified".to_owned()).into());
    };
    let wanted = if constraint == "EU" { Region::parse("eu-west-1") } else { Region::parse(constraint) };
    let wanted = wanted.filter(|wanted| *wanted != Region::US_EAST_1 && constraint != "aws-global");
    match wanted {
        None if endpoint != Region::US_EAST_1 && constraint == "us-east-1" => {
            Err(Error::IllegalLocationConstraintException(constraint.to_owned()).into())
        }
        None => Err(ApiError::from(Error::InvalidLocationConstraint).with("LocationConstraint", constraint)),
        Some(wanted) if endpoint != Region::US_EAST_1 && wanted != endpoint => {
            Err(Error::IllegalLocationConstraintException(constraint.to_owned()).into())
        }
        Some(wanted) => Ok(wanted),
    }
}

fn location(call: &Call, bucket: &Bucket) -> String {
    if bucket.region == Region::US_EAST_1 {
        format!("/{}", bucket.name)
    } else {
        format!("http://{}/{}", call.host, bucket.name)
    }
}

/// The answer to making a bucket that is there: in us-east-1 one's own may be made again, with no effect.
async fn again(s3: &S3, call: &Call, wanted: &Bucket, output: Output) -> Result<Output, ApiError> {
    let Some(there) = s3.find_bucket(&wanted.name).await? else { return Err(Error::OperationAborted.into()) };
    let refused =
        |code: &'static str, text: &str| Err(ApiError::new(code, 409, text).with("BucketName", &*wanted.name));
    if *there.account != *wanted.account {
        let text = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
            system. Please select a different name and try again.";
        return refused("BucketAlreadyExists", text);
    }
    if call.region == Region::US_EAST_1 && wanted.region == there.region && there.region == Region::US_EAST_1 {
        return Ok(output);
    }
    let text = "Your previous request to create the named bucket succeeded and you already own it.";
    refused("BucketAlreadyOwnedByYou", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(endpoint: &str, constraint: Option<&str>, expected: Result<&str, &str>) {
        let found = region(Region::parse(endpoint).unwrap(), constraint);
        let found = found.as_ref().map(|region| region.as_str()).map_err(|error| error.code.as_ref());
        assert_eq!(found, expected, "{endpoint} {constraint:?}");
    }

    #[test]
    fn regions() {
        check("us-east-1", None, Ok("us-east-1"));
        check("us-east-1", Some("eu-central-1"), Ok("eu-central-1"));
        check("us-east-1", Some("EU"), Ok("eu-west-1"));
        check("us-east-1", Some("us-east-1"), Err("InvalidLocationConstraint"));
        check("us-east-1", Some("mars-1"), Err("InvalidLocationConstraint"));
        check("eu-west-1", Some("eu-west-1"), Ok("eu-west-1"));
        check("eu-west-1", None, Err("IllegalLocationConstraintException"));
        check("eu-west-1", Some("us-east-1"), Err("IllegalLocationConstraintException"));
        check("eu-west-1", Some("eu-central-1"), Err("IllegalLocationConstraintException"));
        check("eu-west-1", Some("mars-1"), Err("InvalidLocationConstraint"));
    }
}
