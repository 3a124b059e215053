//! What PutAuditEvents refuses as a whole. Codes: CloudTrail Data API reference, "Errors" of PutAuditEvents.

service::api_errors! {
    /// A refusal. The text is what the client reads.
    pub enum Error {
        /// The channel's policy does not let the caller.
        ChannelInsufficientPermission(String) = 400 => "{0}",
        /// No such channel.
        ChannelNotFound(String) = 400 => "{0}",
        /// Two events of the request have the same `id`.
        DuplicatedAuditEventId(String) = 400 => "{0}",
        /// Not the ARN of a channel.
        InvalidChannelARN(String) = 400 => "{0}",
        /// The request is too large.
        ValidationException(String) = 400 => "{0}",
    }
}
