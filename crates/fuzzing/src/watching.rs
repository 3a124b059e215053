//! What alarms and dashboards are written in: rules of composite alarms, metric math, searches, widgets; and what is stored of metrics
//! and of log events.

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

/// Reads a dashboard, a widget, a label.
pub fn dashboard_body(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        cloudwatch::fuzz_dashboard(text);
    }
}

/// Reads entries of the journal and chunks of log events.
pub fn log_chunk(data: &[u8]) {
    logs::fuzz_stored(data);
}

/// Reads entries of the journal and blocks of metric data.
pub fn metric_block(data: &[u8]) {
    cloudwatch::fuzz_stored(data);
}
