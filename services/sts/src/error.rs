//! What STS refuses, in AWS's words. Source: STS API reference, "Common errors" and each operation's errors.

service::api_errors! {
    /// What STS refuses.
    pub enum Error {
        /// Somebody may not.
        AccessDenied(String) = 403 => "{0}",
        /// A value that the model cannot refuse by itself.
        ValidationError(String) = 400 => "{0}",
        /// A value that does not go with another.
        InvalidParameterValue(String) = 400 => "{0}",
        /// A session policy that is none.
        MalformedPolicyDocument(String) = 400 => "{0}",
        /// Policies and tags take more than their room.
        PackedPolicyTooLarge(u64) = 400 => "Packed policy consumes {0}% of allotted space, please use smaller policy.",
        /// A provider's token that is not to be believed.
        InvalidIdentityToken(String) = 400 => "{0}",
        /// A provider's token that was good once.
        ExpiredTokenException(String) = 400 => "{0}",
        /// A provider's token that says what it may not.
        IdpRejectedClaim(String) = 403 as "IDPRejectedClaim" => "{0}",
        /// A provider that would have to be asked over the network.
        IdpCommunicationError(String) = 400 as "IDPCommunicationError" => "{0}",
        /// A text that this server did not make.
        InvalidAuthorizationMessageException = 400 => "Message is not valid",
    }
}
