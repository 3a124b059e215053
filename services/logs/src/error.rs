//! What CloudWatch Logs refuses, in AWS's words. Sources: CloudWatch Logs API reference, each operation's errors.

use service::ApiError;

service::api_errors! {
    /// What CloudWatch Logs refuses.
    pub enum Error {
        /// The policies do not let the caller, or a key does not let the service.
        AccessDeniedException(String) = 400 => "{0}",
        /// The operation fits not what is there.
        InvalidOperationException(String) = 400 => "{0}",
        /// The input says something that cannot be.
        InvalidParameterException(String) = 400 => "{0}",
        /// As many as there may be.
        LimitExceededException(String) = 400 => "{0}",
        /// Somebody else changed the same at the same time.
        OperationAbortedException(String) = 400 => "{0}",
        /// The name is taken.
        ResourceAlreadyExistsException(String) = 400 => "{0}",
        /// There is none.
        ResourceNotFoundException(String) = 400 => "{0}",
        /// Too many tags.
        TooManyTagsException(String) = 400 => "{0}",
        /// The input is not what it must be.
        ValidationException(String) = 400 => "{0}",
    }
}

/// A parameter that cannot be.
pub fn invalid(text: impl Into<String>) -> ApiError {
    Error::InvalidParameterException(text.into()).into()
}

/// Nothing of that name.
pub fn missing(text: impl Into<String>) -> ApiError {
    Error::ResourceNotFoundException(text.into()).into()
}

/// As many as there may be.
pub fn too_many(text: impl Into<String>) -> ApiError {
    Error::LimitExceededException(text.into()).into()
}

/// No such log group.
pub fn no_group() -> ApiError {
    missing("The specified log group does not exist.")
}

/// No such log stream.
pub fn no_stream() -> ApiError {
    missing("The specified log stream does not exist.")
}

/// A token that is none of ours.
pub fn bad_token() -> ApiError {
    invalid("The specified nextToken is invalid.")
}
