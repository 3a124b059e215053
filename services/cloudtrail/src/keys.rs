//! Keys of KMS that trails and event data stores name: whether there is such a key, and whether CloudTrail may use it. Sources:
//! CloudTrail API reference, CreateTrail: `KmsKeyId`; user guide, "Configure AWS KMS key policies for CloudTrail".

use base::{Arn, Region};
use ports::lake::StoreKey;
use ports::{Caller, KeyError, KeyInfo, KeyUse};
use service::ApiError;
use zeroize::Zeroizing;

use crate::CloudTrail;
use crate::delivery::worker::PRINCIPAL;
use crate::error::Error;
use crate::trail::Trail;

/// The encryption context by which key policies tell trails apart.
const CONTEXT: &str = "aws:cloudtrail:arn";
/// The data key that is asked for to see whether that is allowed; a trail throws it away.
const DATA_KEY_BYTES: usize = 32;

/// Checks the key that a trail is to have and returns its ARN. The bucket must be in its region.
pub(crate) async fn for_trail(
    cloudtrail: &CloudTrail,
    trail: &Trail,
    named: &str,
    region: Region,
) -> Result<String, ApiError> {
    let (info, key_region) = find(cloudtrail, named, region).await?;
    let bucket = cloudtrail.shared.buckets.describe(&trail.bucket).await.map_err(ApiError::unavailable)?;
    let Some(bucket) = bucket else { return Err(Error::S3BucketDoesNotExistException(trail.bucket.clone()).into()) };
    if bucket.region != key_region {
        let text =
            format!("KMS key {} is not in the region of the S3 bucket {}: {}.", info.arn, trail.bucket, bucket.region);
        return Err(Error::KmsKeyNotFoundException(text).into());
    }
    let text = format!("Insufficient permissions to access S3 bucket {} or KMS key {}.", trail.bucket, info.arn);
    may_use(cloudtrail, &info.arn, key_region, &trail.arn, &[(CONTEXT, &trail.arn)], text).await?;
    Ok(info.arn)
}

/// Checks the key that an event data store is to have, and makes the data key that its records are kept under.
pub(crate) async fn for_store(
    cloudtrail: &CloudTrail,
    store_arn: &str,
    named: &str,
    region: Region,
) -> Result<StoreKey, ApiError> {
    let (info, key_region) = find(cloudtrail, named, region).await?;
    if key_region != region {
        let text = format!("KMS key {} is not in the region of the event data store: {region}.", info.arn);
        return Err(Error::KmsKeyNotFoundException(text).into());
    }
    let text = format!("Insufficient permissions to access KMS key {}.", info.arn);
    let data_key = may_use(cloudtrail, &info.arn, key_region, store_arn, &[], text).await?;
    Ok(StoreKey { key_arn: info.arn, source_arn: store_arn.to_owned(), region: key_region, data_key })
}

async fn find(cloudtrail: &CloudTrail, named: &str, region: Region) -> Result<(KeyInfo, Region), ApiError> {
    let (arn, region) = arn_of(named, &cloudtrail.shared.account, region)?;
    let missing = || Error::KmsKeyNotFoundException(format!("KMS key {named} does not exist."));
    let Some(keys) = &cloudtrail.shared.keys else { return Err(missing().into()) };
    let info = keys.describe(region, &arn).await.map_err(|error| match error {
        KeyError::Refused { code, .. } if code == "NotFoundException" => missing().into(),
        KeyError::Refused { message, .. } => Error::InvalidKmsKeyIdException(message).into(),
        KeyError::Unavailable(error) => ApiError::unavailable(error),
    })?;
    if !info.enabled {
        return Err(Error::KmsException(format!("KMS key {} is disabled or cannot be used now.", info.arn)).into());
    }
    if !info.symmetric {
        let text = format!("KMS key {} is not a symmetric encryption key.", info.arn);
        return Err(Error::InvalidKmsKeyIdException(text).into());
    }
    Ok((info, region))
}

/// The ARN of what was named, an alias it may be, and its region: identifiers and aliases are of the region called.
fn arn_of(named: &str, account: &str, region: Region) -> Result<(String, Region), Error> {
    let invalid = || Error::InvalidKmsKeyIdException(format!("KmsKeyId is not valid: {named}"));
    if named.starts_with("arn:") {
        let arn = Arn::parse(named).filter(|arn| arn.service == "kms").ok_or_else(invalid)?;
        let is_key = ["key/", "alias/"].iter().any(|part| arn.resource.starts_with(part));
        let region = Region::parse(&arn.region).filter(|_| is_key).ok_or_else(invalid)?;
        return Ok((named.to_owned(), region));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "/_-:".contains(c);
    if named.is_empty() || !named.chars().all(good) {
        return Err(invalid());
    }
    let resource = if named.starts_with("alias/") { named.to_owned() } else { format!("key/{named}") };
    Ok((format!("arn:{}:kms:{region}:{account}:{resource}", region.partition()), region))
}

async fn may_use(
    cloudtrail: &CloudTrail,
    key: &str,
    region: Region,
    source_arn: &str,
    context: &[(&str, &str)],
    text: String,
) -> Result<Vec<u8>, ApiError> {
    let Some(keys) = &cloudtrail.shared.keys else {
        return Err(Error::KmsKeyNotFoundException(format!("KMS key {key} does not exist.")).into());
    };
    let caller = Caller::Service { principal: PRINCIPAL.into() };
    let asked = KeyUse {
        caller: &caller,
        region,
        key: Some(key),
        service: "cloudtrail",
        source_arn: Some(source_arn),
        context,
        request: None,
    };
    match keys.generate_data_key(&asked, DATA_KEY_BYTES).await {
        Ok(made) => {
            drop(Zeroizing::new(made.plaintext));
            Ok(made.ciphertext)
        }
        Err(error) if error.is_denied() => Err(Error::InsufficientEncryptionPolicyException(text).into()),
        Err(KeyError::Refused { message, .. }) => Err(Error::KmsException(message).into()),
        Err(KeyError::Unavailable(error)) => Err(ApiError::unavailable(error)),
    }
}
