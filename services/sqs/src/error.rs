//! What SQS refuses, in AWS's words. The names are those of the model, which knows what the Query protocol calls them. Sources: SQS API
//! reference, each operation's errors and "Common Errors".

use ports::KeyError;
use service::ApiError;

service::api_errors! {
    /// What SQS refuses.
    pub enum Error {
        /// The policies do not let the caller.
        AccessDeniedException(String) = 403 => "{0}",
        /// Two entries of a batch have the same identifier.
        BatchEntryIdsNotDistinct(String) = 400 => "Id {0} repeated.",
        /// The messages of a batch are too long together.
        BatchRequestTooLong(usize) = 400 => "Batch requests cannot be longer than 1048576 bytes. You have sent {0} bytes.",
        /// A batch without entries.
        EmptyBatchRequest(&'static str) = 400 => "There should be at least one {0} in the request.",
        /// Not the URL of a queue.
        InvalidAddress(String) = 400 => "The address {0} is not valid for this endpoint.",
        /// There is no such attribute, or it cannot be set.
        InvalidAttributeName(String) = 400 => "Unknown Attribute {0}.",
        /// An attribute cannot have this value.
        InvalidAttributeValue(String) = 400 => "Invalid value for the parameter {0}.",
        /// Not an identifier of an entry.
        InvalidBatchEntryId = 400 => "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        /// A body with characters that messages cannot have.
        InvalidMessageContents = 400 => "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        /// A value that cannot be.
        InvalidParameterValue(String) = 400 => "{0}",
        /// KMS does not let the caller.
        KmsAccessDenied(String) = 400 => "{0}",
        /// The key is disabled.
        KmsDisabled(String) = 400 => "{0}",
        /// The key is for something else.
        KmsInvalidKeyUsage(String) = 400 => "{0}",
        /// The key's state does not allow it.
        KmsInvalidState(String) = 400 => "{0}",
        /// There is no such key.
        KmsNotFound(String) = 400 => "{0}",
        /// A parameter must be there.
        MissingParameter(&'static str) = 400 => "The request must contain the parameter {0}.",
        /// More than there may be.
        OverLimit(String) = 403 => "{0}",
        /// The queue was emptied just now.
        PurgeQueueInProgress(String) = 403 => "Only one PurgeQueue operation on {0} is allowed every 60 seconds.",
        /// A queue of this name was deleted just now.
        QueueDeletedRecently = 400 => "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        /// No such queue.
        QueueDoesNotExist = 400 => "The specified queue does not exist.",
        /// There is a queue of this name with other attributes.
        QueueNameExists(String) = 400 => "A queue already exists with the same name and a different value for attribute {0}",
        /// Not a handle that a receive gave.
        ReceiptHandleIsInvalid(String) = 404 => "The input receipt handle \"{0}\" is not a valid receipt handle.",
        /// No such task, or no such queue.
        ResourceNotFoundException(String) = 404 => "{0}",
        /// More than ten entries.
        TooManyEntriesInBatchRequest(usize) = 400 => "Maximum number of entries per request are 10. You have sent {0}.",
        /// Not for this queue.
        UnsupportedOperation(String) = 400 => "{0}",
    }
}

impl Error {
    /// `Value … for parameter … is invalid. Reason: …`
    pub fn value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> Error {
        Error::InvalidParameterValue(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    /// What holds of one kind of queue only.
    pub fn queue_type(value: impl std::fmt::Display, parameter: &str) -> Error {
        Error::value(value, parameter, "The request include parameter that is not valid for this queue type.")
    }
}

/// Storage failed.
pub fn storage(error: &state::Error) -> ApiError {
    ApiError::unavailable(error)
}

/// What KMS refuses, as SQS passes it on.
pub fn key_refused(error: datakeys::Error) -> ApiError {
    match error {
        datakeys::Error::Broken(what) => ApiError::internal(what),
        datakeys::Error::Key(KeyError::Unavailable(error)) => error.into(),
        datakeys::Error::Key(KeyError::Refused { code, message }) => match code.as_str() {
            "DisabledException" => Error::KmsDisabled(message),
            "KMSInvalidStateException" => Error::KmsInvalidState(message),
            "InvalidKeyUsageException" => Error::KmsInvalidKeyUsage(message),
            "NotFoundException" => Error::KmsNotFound(message),
            _ => Error::KmsAccessDenied(message),
        }
        .into(),
    }
}
