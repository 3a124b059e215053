//! How sqlparser is to read Trino's dialect: its generic dialect, with lambdas, without what only other databases have.

use std::any::TypeId;

use sqlparser::dialect::{Dialect, GenericDialect};

/// Trino's dialect, as Lake and Athena take it.
#[derive(Debug)]
pub(crate) struct Trino;

impl Dialect for Trino {
    /// The parser asks by type which of its liberties apply; the generic dialect has most of them.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$' || ch == '@'
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_within_after_array_aggregation(&self) -> bool {
        true
    }

    fn supports_projection_trailing_commas(&self) -> bool {
        false
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        false
    }
}
