//! What SNS refuses, in AWS's words. Sources: SNS API reference, each operation's errors; what the service answers.

service::api_errors! {
    /// What SNS refuses.
    pub enum Error {
        /// The policies do not let the caller.
        AuthorizationError(String) = 403 => "{0}",
        /// Entries of a batch have the same identifier.
        BatchEntryIdsNotDistinct = 400 => "Two or more batch entries in the request have the same Id.",
        /// All messages of a batch together are too long.
        BatchRequestTooLong = 400 => "The length of all the messages put together is more than the limit.",
        /// A batch without entries.
        EmptyBatchRequest = 400 => "The batch request doesn't contain any entries.",
        /// Too many subscriptions of a topic filter.
        FilterPolicyLimitExceeded(String) = 403 => "{0}",
        /// The identifier of an entry of a batch.
        InvalidBatchEntryId = 400 => "The Id of a batch entry in a batch request doesn't abide by the specification.",
        /// Almost everything.
        InvalidParameter(String) = 400 => "Invalid parameter: {0}",
        /// A message attribute.
        ParameterValueInvalid(String) = 400 => "{0}",
        /// The topic's state does not allow it.
        InvalidState(String) = 400 => "{0}",
        /// The key does not let SNS.
        KMSAccessDenied(String) = 400 => "{0}",
        /// The key is disabled.
        KMSDisabled(String) = 400 => "{0}",
        /// The key's state.
        KMSInvalidState(String) = 400 => "{0}",
        /// There is no such key.
        KMSNotFound(String) = 400 => "{0}",
        /// There is no such topic, subscription or endpoint.
        NotFound(String) = 404 => "{0}",
        /// Old messages cannot be had again.
        ReplayLimitExceeded(String) = 403 => "{0}",
        /// There is no such resource to tag.
        ResourceNotFound(String) = 404 => "{0}",
        /// Too many subscriptions.
        SubscriptionLimitExceeded = 403 => "The subscription limit has been exceeded.",
        /// Too many tags.
        TagLimitExceeded = 400 => "Could not complete request: tag quota of per resource exceeded",
        /// Too many entries in a batch.
        TooManyEntriesInBatchRequest = 400 => "The batch request contains more entries than permissible.",
        /// Too many topics.
        TopicLimitExceeded = 403 => "The topic limit has been exceeded.",
        /// Something about a phone number in the sandbox.
        UserError(String) = 400 => "{0}",
        /// A value that the model cannot refuse by itself.
        ValidationError(String) = 400 => "{0}",
        /// The one-time password is not the one that was sent.
        VerificationException(String) = 400 => "{0}",
    }
}

impl Error {
    /// There is no topic of this ARN.
    pub fn no_topic() -> Error {
        Error::NotFound("Topic does not exist".to_owned())
    }

    /// There is no subscription of this ARN.
    pub fn no_subscription() -> Error {
        Error::NotFound("Subscription does not exist".to_owned())
    }

    /// A parameter that is not one.
    pub fn invalid(text: impl Into<String>) -> Error {
        Error::InvalidParameter(text.into())
    }

    /// A parameter with a reason.
    pub fn because(name: &str, reason: impl std::fmt::Display) -> Error {
        Error::InvalidParameter(format!("{name} Reason: {reason}"))
    }
}
