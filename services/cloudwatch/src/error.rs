//! What CloudWatch refuses, in AWS's words. Sources: CloudWatch API reference, each operation's errors, and "Common errors". The names
//! are those of the model; protocols that write codes write the model's.

service::api_errors! {
    /// What CloudWatch refuses.
    pub enum Error {
        /// A dashboard's text.
        DashboardInvalidInputError(String) = 400 => "{0}",
        /// No such dashboard.
        DashboardNotFoundError(String) = 404 => "{0}",
        /// Values that do not go together.
        InvalidParameterCombinationException(String) = 400 => "{0}",
        /// A value that is wrong.
        InvalidParameterValueException(String) = 400 => "{0}",
        /// Not JSON.
        InvalidFormatFault(String) = 400 => "{0}",
        /// Not a token of ours.
        InvalidNextToken = 400 => "Invalid nextToken",
        /// A quota is reached.
        LimitExceededFault(String) = 400 => "{0}",
        /// Something is missing.
        MissingRequiredParameterException(String) = 400 => "{0}",
        /// No such alarm.
        ResourceNotFound(String) = 404 => "{0}",
        /// No such resource.
        ResourceNotFoundException(String) = 404 => "{0}",
        /// Values that the model cannot refuse by itself.
        ValidationError(String) = 400 => "{0}",
    }
}

impl Error {
    /// A value that is wrong.
    pub fn value(text: impl Into<String>) -> Error {
        Error::InvalidParameterValueException(text.into())
    }

    /// Values that do not go together.
    pub fn combination(text: impl Into<String>) -> Error {
        Error::InvalidParameterCombinationException(text.into())
    }

    /// A value that operations on alarms refuse.
    pub fn validation(text: impl Into<String>) -> Error {
        Error::ValidationError(text.into())
    }
}

/// Tables that do not answer. The client may try again.
pub fn storage(error: state::Error) -> service::ApiError {
    service::ApiError::unavailable(error)
}
