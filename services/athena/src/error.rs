//! What Athena refuses, in its own codes. Source: Athena API reference, "Errors" of each operation.

use service::ApiError;

fn refusal(code: &'static str, athena_code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(code, 400, message).with("AthenaErrorCode", athena_code)
}

/// A member of the request makes no sense here; the text names it.
pub fn invalid(message: impl Into<String>) -> ApiError {
    refusal("InvalidRequestException", "INVALID_INPUT", message)
}

/// The statement is none that Athena runs.
pub fn malformed(message: impl Into<String>) -> ApiError {
    refusal("InvalidRequestException", "MALFORMED_QUERY", message)
}

/// A request that the state of what it names does not allow.
pub fn wrong_state(message: impl Into<String>) -> ApiError {
    refusal("InvalidRequestException", "INVALID_QUERY_EXECUTION_STATE", message)
}

/// No such query.
pub fn no_execution(id: &str) -> ApiError {
    invalid(format!("QueryExecution {id} was not found"))
}

/// No such saved query.
pub fn no_named_query(id: &str) -> ApiError {
    invalid(format!("NamedQuery {id} does not exist"))
}

/// No such work group.
pub fn no_work_group(name: &str) -> ApiError {
    invalid(format!("WorkGroup {name} is not found."))
}

/// No such database or table.
pub fn no_metadata(message: impl Into<String>) -> ApiError {
    ApiError::new("MetadataException", 400, message)
}

/// Too many queries run and wait.
pub fn too_many(max: usize) -> ApiError {
    let text = format!(
        "You have exceeded the limit for the number of queries you can run concurrently, which is {max}. Please reduce the \
         number of concurrent queries submitted by this account."
    );
    ApiError::new("TooManyRequestsException", 400, text).with("Reason", "CONCURRENT_QUERY_LIMIT_EXCEEDED")
}
