//! What operations on queries share.

use policy::{Context, Said};
use ports::AccessRequest;
use ports::lake::EVENTS;
use service::{ApiError, Call};

use crate::CloudTrail;
use crate::error::Error;
use crate::lake::names::no_data_store;
use crate::lake::policies;
use crate::lake::query::row::Query;
use crate::lake::query::run::unknown;
use crate::trail::names::{check_bucket_name, check_prefix};

/// There are no stores of other accounts here.
pub fn check_owner(cloudtrail: &CloudTrail, owner: Option<&str>) -> Result<(), Error> {
    match owner {
        Some(owner) if owner != &*cloudtrail.shared.account => {
            Err(no_data_store(&format!("the account {owner} has none that is shared with this one")))
        }
        _ => Ok(()),
    }
}

/// A store that a statement names is known only here: what its policy denies the caller is refused here.
pub async fn check_not_denied(cloudtrail: &CloudTrail, call: &Call, arn: &str, action: &str) -> Result<(), ApiError> {
    let Some(policy) = policies::of(&cloudtrail.shared, arn).await? else { return Ok(()) };
    let context = call.context(&[]);
    let request = AccessRequest { caller: &call.caller, action, resource: arn, context: &context };
    match policies::decide(&policy, &request, &Context::new()) {
        Said::ExplicitDeny(_) => {
            let who = call.caller.arn().unwrap_or_default();
            let text = format!(
                "User: {who} is not authorized to perform: {action} on resource: {arn} with an explicit deny in a \
                 resource-based policy"
            );
            Err(Error::AccessDeniedException(text).into())
        }
        Said::Allow(_) | Said::ImplicitDeny => Ok(()),
    }
}

/// Bucket, prefix without slashes around it, and the URI.
pub fn read_s3_uri(uri: &str) -> Result<(String, String, String), Error> {
    let invalid = || Error::InvalidS3BucketNameException(format!("The S3 URI is invalid: {uri}"));
    let rest = uri.strip_prefix("s3://").ok_or_else(invalid)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    check_bucket_name(bucket)?;
    let prefix = prefix.trim_matches('/');
    check_prefix(prefix)?;
    Ok((bucket.to_owned(), prefix.to_owned(), uri.to_owned()))
}

/// The query of this UUID. If a store is named too, as used to be necessary, the query must read that.
pub async fn find(
    cloudtrail: &CloudTrail,
    call: &Call,
    id: &str,
    store: Option<&str>,
    owner: Option<&str>,
) -> Result<Query, ApiError> {
    check_owner(cloudtrail, owner)?;
    let store = match store {
        Some(named) => Some(store_named(cloudtrail, call, named).await?),
        None => None,
    };
    let query = cloudtrail.lake.queries.find(id, call.region).await?;
    if store.is_some_and(|store| !query.stores.contains(&store)) {
        return Err(unknown(id).into());
    }
    Ok(query)
}

/// The UUID of a store that can be queried, or the name of the built-in one.
pub async fn store_named(cloudtrail: &CloudTrail, call: &Call, named: &str) -> Result<String, ApiError> {
    if named == EVENTS {
        return Ok(named.to_owned());
    }
    Ok(cloudtrail.lake.stores.find_active(named, call.region).await?.value.id)
}
