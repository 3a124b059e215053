//! What alarms and widgets are written in: rules of composite alarms, metric math, searches.

/// Reads a rule, and says whether it holds.
pub fn alarm_rule(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        cloudwatch::fuzz_rule(text);
    }
}

/// Reads an expression and a search, and evaluates them.
pub fn metric_math(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        cloudwatch::math::fuzz(text);
    }
}
