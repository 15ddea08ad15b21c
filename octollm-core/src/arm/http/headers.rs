//! What an arm is told beside its input.

use std::fmt::Write;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::arm::ArmCall;
use crate::resilience::seed;

/// The headers of `POST /execute`.
pub(super) fn of_call(call: &ArmCall, caller: &str) -> HeaderMap {
    let left = call.deadline.saturating_duration_since(Instant::now());
    let mut headers = HeaderMap::with_capacity(9);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    put(&mut headers, "x-request-id", &call.request_id.to_string());
    put(&mut headers, "x-task-id", &call.task_id.to_string());
    put(&mut headers, "x-arm-id", caller);
    put(&mut headers, "x-deadline-ms", &left.as_millis().to_string());
    put(&mut headers, "traceparent", &traceparent(call));
    if let Some(tokens) = call.grant.tokens {
        put(&mut headers, "x-budget-tokens", &tokens.to_string());
    }
    if let Some(cost) = call.grant.cost_usd {
        put(&mut headers, "x-budget-usd", &cost.to_string());
    }
    headers
}

/// Leaves out what HTTP does not allow in a header: no call fails for the sake of a label.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// W3C Trace Context, version 00. The trace is the task, the parent span this attempt of this step: the same ids come
/// out wherever they are computed, so that an arm's spans find their task without anything being kept.
fn traceparent(call: &ArmCall) -> String {
    let trace = call.task_id.as_bytes();
    // Zero is not a valid id of a span.
    let span = seed(trace, call.step, call.attempt).max(1);
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    for byte in trace {
        let _ = write!(text, "{byte:02x}");
    }
    let _ = write!(text, "-{span:016x}-01");
    text
}
