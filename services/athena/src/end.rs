//! How a query ends, and how its failure is told: in Trino's codes, with line and column.

use ports::lake::{QueryError, QueryErrorKind};
use service::ApiError;

use crate::run::ExecutionState;

/// How a query ended.
pub struct End {
    /// How far it came.
    pub state: ExecutionState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Whether that was the fault of who asked.
    pub by_user: bool,
}

impl End {
    /// It failed.
    pub fn failed(reason: String, by_user: bool) -> End {
        End { state: ExecutionState::Failed, reason: Some(reason), by_user }
    }
}

/// How a query ends that failed with this error.
pub fn said(error: &QueryError) -> End {
    let code = match error.kind {
        QueryErrorKind::Syntax => "SYNTAX_ERROR",
        QueryErrorKind::UnknownName => unknown_code(&error.message),
        QueryErrorKind::Type => "TYPE_MISMATCH",
        QueryErrorKind::NotReading => "NOT_SUPPORTED",
        QueryErrorKind::TooMuchMemory => "EXCEEDED_LOCAL_MEMORY_LIMIT",
        QueryErrorKind::TooManyRows => "EXCEEDED_OUTPUT_SIZE_LIMIT",
        QueryErrorKind::TimedOut => "EXCEEDED_TIME_LIMIT",
        QueryErrorKind::Cancelled => "USER_CANCELED",
        QueryErrorKind::Locked => "PERMISSION_DENIED",
        QueryErrorKind::Internal => "GENERIC_INTERNAL_ERROR",
    };
    End::failed(format!("{code}: {error}"), error.kind != QueryErrorKind::Internal)
}

/// Trino tells what is unknown by its code.
fn unknown_code(message: &str) -> &'static str {
    match message.split_whitespace().next() {
        Some("Table") => "TABLE_NOT_FOUND",
        Some("Column") => "COLUMN_NOT_FOUND",
        Some("Function") => "FUNCTION_NOT_FOUND",
        _ => "SYNTAX_ERROR",
    }
}

/// How a query ends that failed because of us.
pub fn ours(error: &ApiError) -> End {
    tracing::error!(error = error.log, "a query could not be run");
    End::failed(format!("GENERIC_INTERNAL_ERROR: {}", error.message), false)
}
