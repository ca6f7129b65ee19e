//! Says what is wrong with a request, in AWS's words. Pure.

use serde_json::Value;

/// Combines violations into one message, as AWS does.
pub(super) fn summary(violations: &[String]) -> String {
    let count = violations.len();
    let errors = if count == 1 { "error" } else { "errors" };
    format!("{count} validation {errors} detected: {}", violations.join("; "))
}

/// Says that `value` at `at` breaks `constraint`, as AWS words it.
pub(super) fn violation(value: &Value, at: &str, constraint: &str) -> String {
    let shown = match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("'{text}'"),
        other => format!("'{other}'"),
    };
    format!("Value {shown} at '{at}' failed to satisfy constraint: {constraint}")
}
