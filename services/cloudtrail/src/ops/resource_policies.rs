//! What operations on policies of resources share.

use service::{ApiError, Call};

use crate::CloudTrail;
use crate::error::Error;
use crate::lake::names::{Named, named};
use crate::lake::{channel, dashboard};

/// Checks that an ARN names something that is there and can have a policy. Answers whether it is a channel.
pub async fn resource(cloudtrail: &CloudTrail, call: &Call, arn: &str) -> Result<bool, ApiError> {
    let (there, of_channel) = match named(arn, call.region, &cloudtrail.shared.account) {
        Named::DataStore(id) => (cloudtrail.lake.stores.get(&id).await?.is_some(), false),
        Named::Channel(id) => (channel::get(cloudtrail, &id).await?.is_some(), true),
        Named::Dashboard(name) => (dashboard::get(cloudtrail, call.region, &name).await?.is_some(), false),
        Named::Other => {
            let whole = base::Arn::parse(arn).filter(|arn| arn.service == "cloudtrail");
            return Err(match whole {
                Some(_) => {
                    Error::ResourceTypeNotSupportedException(format!("The resource type is not supported: {arn}"))
                }
                None => Error::ResourceARNNotValidException(format!("The ARN of the resource is not valid: {arn}")),
            }
            .into());
        }
    };
    let kind = if of_channel {
        "AWS::CloudTrail::Channel"
    } else if arn.contains(":dashboard/") {
        "AWS::CloudTrail::Dashboard"
    } else {
        "AWS::CloudTrail::EventDataStore"
    };
    call.note_resource(kind, arn);
    match there {
        true => Ok(of_channel),
        false => Err(Error::ResourceNotFoundException(format!("Resource not found: {arn}")).into()),
    }
}

/// The refusal for a resource without a policy.
pub fn none(arn: &str) -> Error {
    Error::ResourcePolicyNotFoundException(format!("There is no resource policy for {arn}."))
}
