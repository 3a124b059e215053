//! What a call must be allowed besides the one action and resource that the gateway has asked about: the source of a copy,
//! versions, tags, each of many keys. Source: S3 user guide, "Required permissions for Amazon S3 API operations".

use std::sync::Arc;

use ports::{AccessRequest, Authorizer};
use service::{ApiError, Call};

use crate::S3;

impl S3 {
    /// The service that asks `authorizer` about that which the gateway does not ask about. Only tests go without one.
    #[must_use]
    pub fn with_authorizer(mut self, authorizer: Arc<dyn Authorizer>) -> S3 {
        self.authorizer = Some(authorizer);
        self
    }

    /// Refuses a call whose caller may not do `action` (`s3:GetObject`) on an object.
    pub(crate) async fn authorize(&self, call: &Call, action: &str, bucket: &str, key: &str) -> Result<(), ApiError> {
        self.authorize_with(call, action, bucket, key, &[]).await
    }

    /// The same, with condition keys (in lower case) that the request as a whole does not tell: those of this object.
    pub(crate) async fn authorize_with(
        &self,
        call: &Call,
        action: &str,
        bucket: &str,
        key: &str,
        more: &[(&str, &str)],
    ) -> Result<(), ApiError> {
        self.authorize_on(call, action, format!("arn:{}:s3:::{bucket}/{key}", call.region.partition()), more).await
    }

    /// Refuses a call whose caller may not do `action` (`s3:PutBucketVersioning`) on a bucket.
    pub(crate) async fn authorize_bucket(&self, call: &Call, action: &str, bucket: &str) -> Result<(), ApiError> {
        self.authorize_on(call, action, format!("arn:{}:s3:::{bucket}", call.region.partition()), &[]).await
    }

    /// Whether the caller may do `action` on an object.
    pub(crate) async fn may(&self, call: &Call, action: &str, bucket: &str, key: &str) -> Result<bool, ApiError> {
        match self.authorize(call, action, bucket, key).await {
            Ok(()) => Ok(true),
            Err(error) if error.status == 403 => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn authorize_on(
        &self,
        call: &Call,
        action: &str,
        resource: String,
        more: &[(&str, &str)],
    ) -> Result<(), ApiError> {
        let Some(authorizer) = &self.authorizer else { return Ok(()) };
        let context = call.context(more);
        let request = AccessRequest { caller: &call.caller, action, resource: &resource, context: &context };
        let decision = authorizer.decide(&request).await?;
        if decision.is_allow() {
            return Ok(());
        }
        let why = decision.reason(action);
        let who = call.caller.arn().unwrap_or_else(|| "anonymous".to_owned());
        let text = format!("User: {who} is not authorized to perform: {action} on resource: \"{resource}\" {why}");
        Err(ApiError::new("AccessDenied", 403, text))
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use ports::{Decision, Layer, Unavailable};

    use super::*;
    use crate::harness::*;
    use crate::ops::*;

    /// Refuses the resources that end in `secret`, and listing.
    struct Strict;

    #[async_trait]
    impl Authorizer for Strict {
        async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
            let refused = request.resource.ends_with("secret") || request.action == "s3:ListBucket";
            Ok(if refused { Decision::ImplicitDeny(Layer::Identity) } else { Decision::FREE })
        }
    }

    #[tokio::test]
    async fn what_the_gateway_cannot_see_is_asked_here() {
        let s3 = service().with_authorizer(Arc::new(Strict));
        bucket(&s3, "bkt").await;
        versioning(&s3, "bkt", "Enabled").await;
        put(&s3, "bkt", "secret", "x").await.unwrap();
        put(&s3, "bkt", "open", "x").await;
        let copy = |source: &str| copy_object::Input {
            bucket: "bkt".into(),
            key: "copy".into(),
            copy_source: source.into(),
            ..Default::default()
        };
        let error = call::<CopyObject>(&s3, copy("bkt/secret")).await.unwrap_err();
        assert_eq!(
            (error.code.as_ref(), error.message.as_str()),
            (
                "AccessDenied",
                "User: arn:aws:iam::123456789012:root is not authorized to perform: s3:GetObject on resource: \
                 \"arn:aws:s3:::bkt/secret\" because no identity-based policy allows the s3:GetObject action"
            )
        );
        call::<CopyObject>(&s3, copy("bkt/open")).await.unwrap();
        assert_eq!(content(&s3, "bkt", "none", None).await.unwrap_err(), "AccessDenied");
        assert_eq!(content(&s3, "bkt", "open", None).await.unwrap(), "x");
        let delete = serde_json::json!({ "Objects": [{ "Key": "secret" }, { "Key": "open" }] });
        let input = delete_objects::Input {
            bucket: "bkt".into(),
            delete: serde_json::from_value(delete).unwrap(),
            ..Default::default()
        };
        let output = serde_json::to_value(call::<DeleteObjects>(&s3, input).await.unwrap()).unwrap();
        assert_eq!((&output["Deleted"][0]["Key"], &output["Errors"][0]["Key"]), (&"open".into(), &"secret".into()));
        assert_eq!(output["Errors"][0]["Code"], "AccessDenied");
    }
}
