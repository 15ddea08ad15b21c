//! What a provider's refusal means.
//!
//! Every vendor has its own words, and several statuses for one thing. The code and the type decide where they say
//! enough, then the message, then the HTTP status. The message is read for what it means and never passed on: it may
//! repeat the prompt or a part of the key. What is passed on are codes, if they look like codes.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::limits;
use crate::error::{Error, Result, Status};
use crate::http_client;
use crate::model::Reason;
use crate::task::now;

/// Bytes of a refusal that are read.
const MAX_BODY: usize = 256 * 1024;
/// Bytes of its message that are looked at.
const MAX_MESSAGE: usize = 400;
/// A code is shorter than this.
const MAX_CODE: usize = 60;
/// A code has fewer digits than this; a key has more.
const MAX_DIGITS: usize = 6;

/// Parts of codes and types, in lower case. The first that fits decides.
const CODES: [(&str, Reason); 40] = [
    ("quota", Reason::Quota),
    ("spend_limit", Reason::Quota),
    ("usage_limit", Reason::Quota),
    ("billing", Reason::Quota),
    ("balance", Reason::Quota),
    ("insufficient_credits", Reason::Quota),
    ("payment_required", Reason::Quota),
    ("context_length", Reason::ContextTooLong),
    ("context_size", Reason::ContextTooLong),
    ("context_window", Reason::ContextTooLong),
    ("prompt_too_long", Reason::ContextTooLong),
    ("request_too_large", Reason::ContextTooLong),
    ("content_filter", Reason::ContentRefused),
    ("content_policy", Reason::ContentRefused),
    ("moderation", Reason::ContentRefused),
    ("responsibleaipolicy", Reason::ContentRefused),
    ("model_not_found", Reason::UnknownModel),
    ("model_not_available", Reason::UnknownModel),
    ("model_decommissioned", Reason::UnknownModel),
    ("invalid_model", Reason::UnknownModel),
    ("deploymentnotfound", Reason::UnknownModel),
    ("api_key", Reason::Auth),
    ("authentication", Reason::Auth),
    ("unauthenticated", Reason::Auth),
    ("permission", Reason::Auth),
    ("unauthorized", Reason::Auth),
    ("account_deactivated", Reason::Auth),
    ("overloaded", Reason::Overloaded),
    ("slow_down", Reason::Overloaded),
    ("capacity", Reason::Overloaded),
    ("unavailable", Reason::Overloaded),
    ("insufficient_system_resource", Reason::Overloaded),
    ("rate_limit", Reason::RateLimit),
    ("too_many_requests", Reason::RateLimit),
    ("resource_exhausted", Reason::RateLimit),
    ("throttl", Reason::RateLimit),
    ("timeout", Reason::FirstByteTimeout),
    ("deadline_exceeded", Reason::FirstByteTimeout),
    ("server_error", Reason::ServerError),
    ("api_error", Reason::ServerError),
];

/// Parts of messages, in lower case, where the code says no more than that the request is invalid.
const MESSAGES: [(&str, Reason); 21] = [
    ("maximum context length", Reason::ContextTooLong),
    ("context length", Reason::ContextTooLong),
    ("context window", Reason::ContextTooLong),
    ("context size", Reason::ContextTooLong),
    ("prompt is too long", Reason::ContextTooLong),
    ("input is too long", Reason::ContextTooLong),
    ("maximum number of tokens", Reason::ContextTooLong),
    ("request too large", Reason::ContextTooLong),
    ("credit balance", Reason::Quota),
    ("insufficient balance", Reason::Quota),
    ("usage limits", Reason::Quota),
    ("check your plan and billing", Reason::Quota),
    ("api key not valid", Reason::Auth),
    ("incorrect api key", Reason::Auth),
    ("invalid api key", Reason::Auth),
    ("invalid x-api-key", Reason::Auth),
    ("content management policy", Reason::ContentRefused),
    ("content filter", Reason::ContentRefused),
    ("model not exist", Reason::UnknownModel),
    ("invalid model", Reason::UnknownModel),
    ("unknown model", Reason::UnknownModel),
];

/// What a provider says about a failure.
#[derive(Debug, Default, PartialEq)]
struct Said {
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    /// In lower case, cut; for sorting only.
    message: String,
    retry_after: Option<Duration>,
}

/// Reads a refusal: an answer outside 200..=299. A body that does not come in time, or breaks off, counts as absent.
pub(super) async fn read(response: Response, limit: Instant) -> Error {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = timeout_at(limit, http_client::read_body(response, MAX_BODY)).await;
    sort(status, &headers, &body.unwrap_or_else(|_| Ok(bytes::Bytes::new())).unwrap_or_default())
}

fn sort(status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let said = serde_json::from_slice(body).map(|body: Value| Said::of(&body)).unwrap_or_default();
    let reason = reason(&said, Some(status));
    let mut error = describe(reason, &said).with_context("status", status.to_string());
    let id = ["x-request-id", "request-id", "apim-request-id"].into_iter().find_map(|name| headers.get(name));
    if let Some(id) = id.and_then(|id| id.to_str().ok()).filter(|id| is_id(id)) {
        error = error.with_context("request id", id);
    }
    let wait = limits::wait(headers, now()).or(said.retry_after);
    match wait.filter(|_| reason.status() == Status::Temporary) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// The error that an `error` object in the middle of an answer is.
pub(in crate::model) fn said_in_stream(object: &Value) -> Error {
    let said = Said::of(object);
    let status = object.pointer("/error/code").or_else(|| object.get("code")).and_then(Value::as_u64);
    let reason = reason(&said, status.and_then(|status| u16::try_from(status).ok()));
    describe(reason, &said).with_context("place", "in the middle of the answer")
}

/// An answer of 2xx that holds an error object instead of an answer.
///
/// # Errors
/// Always, if `object` has an error in it.
pub(in crate::model) fn sort_error_object(object: &Value) -> Result<()> {
    let has_error = object.get("error").is_some_and(|error| !error.is_null());
    if has_error || object.get("object").is_some_and(|kind| kind == "error") {
        return Err(said_in_stream(object));
    }
    Ok(())
}

impl Said {
    /// `{error: {type, code, param, message}}`, `{error: "words"}`, `{type: "error", error: {...}}`, the same without
    /// the wrapper (Mistral, vLLM), in a list of one (Gemini), and FastAPI's `{detail}`.
    fn of(body: &Value) -> Self {
        let body = body.get(0).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        let words = |key: &str| error.get(key).and_then(Value::as_str);
        let message = words("message").or_else(|| error.as_str()).or_else(|| words("detail"));
        let kinds = [words("type"), words("status")];
        let inner = error.pointer("/innererror/code").and_then(Value::as_str);
        Self {
            kind: kinds.into_iter().flatten().find(|kind| *kind != "error").map(str::to_owned),
            code: inner.or_else(|| words("code")).map(str::to_owned),
            param: words("param").map(str::to_owned),
            message: message.map(beginning).unwrap_or_default(),
            retry_after: retry_delay(error),
        }
    }
}

fn beginning(message: &str) -> String {
    let end = (0..=message.len().min(MAX_MESSAGE)).rev().find(|end| message.is_char_boundary(*end));
    message.get(..end.unwrap_or(0)).unwrap_or_default().to_lowercase()
}

/// Google's `RetryInfo`: `{"retryDelay": "32s"}` among the details.
fn retry_delay(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    Duration::try_from(delay.parse::<SignedDuration>().ok()?).ok()
}

fn reason(said: &Said, status: Option<u16>) -> Reason {
    let codes = [&said.code, &said.kind];
    let codes = codes.into_iter().flatten().map(|code| code.to_ascii_lowercase().replace([' ', '-'], "_"));
    let by_code = codes.into_iter().find_map(|code| first(&CODES, &code));
    let by_message = || first(&MESSAGES, &said.message);
    match (by_code, status) {
        // "Server error" and "invalid" are what some servers call everything.
        (Some(Reason::ServerError) | None, Some(status)) => {
            by_message().or_else(|| unknown_model(said, status)).unwrap_or_else(|| by_status(status, by_code))
        }
        (Some(reason), _) => reason,
        (None, None) => by_message().unwrap_or(Reason::ServerError),
    }
}

fn first(table: &[(&str, Reason)], text: &str) -> Option<Reason> {
    table.iter().find(|(part, _)| text.contains(part)).map(|(_, reason)| *reason)
}

/// `model 'x' not found`, `The model x does not exist`, and Anthropic's `not_found_error` with `model: x`.
fn unknown_model(said: &Said, status: u16) -> Option<Reason> {
    let denies = ["not found", "does not exist", "not supported", "no such"];
    let denied = denies.iter().any(|words| said.message.contains(words))
        || said.kind.as_deref() == Some("not_found_error");
    let fits = matches!(status, 400 | 404) && said.message.contains("model") && denied;
    fits.then_some(Reason::UnknownModel)
}

fn by_status(status: u16, by_code: Option<Reason>) -> Reason {
    match status {
        401 | 403 => Reason::Auth,
        402 => Reason::Quota,
        300..=399 | 404 | 405 => Reason::WrongEndpoint,
        408 | 504 => Reason::FirstByteTimeout,
        413 => Reason::ContextTooLong,
        429 => Reason::RateLimit,
        // 498 is Groq's, 529 Anthropic's.
        425 | 498 | 502 | 503 | 529 => Reason::Overloaded,
        400..=499 => Reason::BadRequest,
        _ => by_code.unwrap_or(Reason::ServerError),
    }
}

fn describe(reason: Reason, said: &Said) -> Error {
    let (message, hint) = words(reason);
    let mut error = reason.error(message);
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    for (key, value) in [("type", &said.kind), ("code", &said.code), ("param", &said.param)] {
        if let Some(value) = value.as_deref().filter(|value| is_code(value)) {
            error = error.with_context(key, value);
        }
    }
    error
}

fn words(reason: Reason) -> (&'static str, Option<&'static str>) {
    match reason {
        Reason::Auth => (
            "the model's provider does not accept the key",
            Some("check the provider's key, and that it may use this model"),
        ),
        Reason::Quota => (
            "the account at the model's provider is used up",
            Some("add credit or raise the account's limit"),
        ),
        Reason::RateLimit => ("the model's provider wants fewer requests or tokens a minute", None),
        Reason::ContextTooLong => (
            "the conversation is longer than the model's context",
            Some("send less, ask for a shorter answer, or take a model with a larger context"),
        ),
        Reason::ContentRefused => ("the model's provider refuses this content", None),
        Reason::Overloaded => ("the model's provider has too much to do", None),
        Reason::FirstByteTimeout => ("the model's provider gave up waiting for the model", None),
        Reason::UnknownModel => (
            "the provider has no such model",
            Some("check the model's name; a local server must have it downloaded first"),
        ),
        Reason::WrongEndpoint => (
            "there is no model at this address",
            Some("check the provider's base URL: it usually ends in /v1, without /chat/completions"),
        ),
        Reason::BadRequest => (
            "the model's provider does not take the request",
            Some(
                "`param` and `code`, where given, say what it does not take; the model's row in the table of \
                  vendors can say so",
            ),
        ),
        _ => ("the model's provider failed", None),
    }
}

/// Whether it is a code, and so can be shown: words without spaces, and no key.
fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.[]/".contains(c);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    !text.is_empty()
        && text.len() <= MAX_CODE
        && text.chars().all(plain)
        && digits < MAX_DIGITS
        && !text.starts_with("sk-")
}

/// Whether it is an id of a request.
fn is_id(text: &str) -> bool {
    (8..=80).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests;
