//! [`Operation`] and [`Service`]: the two traits that an author of a service writes against.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ApiError, Call};

/// An AWS service: the state that its operations share.
pub trait Service: Send + Sync + 'static {
    /// The name of its model in the catalog: `cloudtrail`.
    const MODEL: &'static str;

    /// The prefix of its IAM actions, and the service in its ARNs: `cloudtrail`.
    const PREFIX: &'static str;

    /// Whether an ARN in the input may name a resource of another account, whose service then answers.
    const ACROSS_ACCOUNTS: bool = false;
}

/// One operation of a service. One file each, named after it.
pub trait Operation: Send + Sync + 'static {
    /// Whose operation.
    type Service: Service;
    /// The members of the model's input that are honoured. With [`Operation::IGNORES`] they equal the modelled members.
    type Input: DeserializeOwned + Send;
    /// The model's output.
    type Output: Serialize + Send;

    /// The name in the model: `CreateTrail`.
    const NAME: &'static str;

    /// What the caller must be allowed to act on, for the IAM decision: `*`, an ARN with members in braces
    /// (`arn:aws:s3:::{Bucket}/{Key}`), or the part after the account (`trail/{Name}`). See [`crate::resource_arn`].
    const RESOURCE: &'static str;

    /// The IAM action, where it is not the operation's name: `ListBucket` for ListObjectsV2.
    const ACTION: &'static str = Self::NAME;

    /// The IAM action where the input names a version: `GetObjectVersion`.
    const VERSION_ACTION: &'static str = Self::ACTION;

    /// Whether the operation asks about each of the many things it acts on by itself, and answers for each. The gateway then turns
    /// away only who is nobody.
    const ASKS_ITSELF: bool = false;

    /// Modelled input members not honoured yet. May only shrink.
    const IGNORES: &'static [&'static str] = &[];

    /// Does it. When it returns, its effects are durable.
    fn run(
        service: &Self::Service,
        call: &Call,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, ApiError>> + Send;
}
