//! What a service says when it refuses: status, time to come back, and its reasons.
//!
//! Two shapes are read: `application/problem+json` (RFC 9457, with `code` and `errors` as this project's own server
//! writes them) and FastAPI's `{detail}`, a text or a list of places. Anything else is only its status.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Fault, Status};
use crate::task::{Timestamp, now};

/// Nobody is told to wait longer than this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Bytes of a refusal that are read.
const MAX_BODY: usize = 64 * 1024;
/// Characters of a service's own words that are passed on.
const MAX_TEXT: usize = 300;
/// Places that are passed on.
const MAX_FAULTS: usize = 50;

/// An answer outside 200..=299.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// When to come back; an hour at most.
    pub retry_after: Option<Duration>,
    /// The problem's `code`, where it has one.
    pub code: Option<String>,
    /// The service's own words on one line, 300 characters at most. They may repeat what the service was sent.
    pub detail: Option<String>,
    /// The places that it complains about, 50 at most.
    pub faults: Vec<Fault>,
}

impl Refusal {
    /// Reads a refusal; a body that breaks off or is too long counts as absent.
    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = super::read_body(response, MAX_BODY).await.unwrap_or_default();
        Self::parse(status, &headers, &body)
    }

    /// The refusal that this answer is.
    pub fn parse(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let retry_after = retry_after(headers, now());
        let mut refusal = Self { status, retry_after, code: None, detail: None, faults: Vec::new() };
        if let Ok(Value::Object(body)) = serde_json::from_slice(body) {
            refusal.read_object(&body);
        }
        refusal
    }

    fn read_object(&mut self, body: &Map<String, Value>) {
        self.code = body.get("code").and_then(Value::as_str).map(one_line);
        match body.get("detail") {
            Some(Value::Array(places)) => self.faults = faults(places, place_of_fastapi),
            Some(detail) => self.detail = words(detail),
            None => {}
        }
        if let Some(Value::Array(places)) = body.get("errors") {
            self.faults = faults(places, place_of_problem);
        }
        let others = ["title", "message", "error"].into_iter();
        self.detail = self.detail.take().or_else(|| others.filter_map(|key| body.get(key)).find_map(words));
    }

    /// Whether the same request may succeed later: 408, 425, 429 and 5xx.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 425 | 429) || self.status.is_server_error()
    }

    /// The kind of error that this is: by its `code` where this project's own server wrote it, else by its status.
    pub fn kind(&self) -> ErrorKind {
        if let Some(kind) = self.code.as_deref().and_then(ErrorKind::from_code) {
            return kind;
        }
        match self.status.as_u16() {
            401 | 403 => ErrorKind::Unauthorized,
            404 | 410 => ErrorKind::NotFound,
            408 | 504 => ErrorKind::Timeout,
            409 => ErrorKind::Conflict,
            413 => ErrorKind::TooLarge,
            429 => ErrorKind::RateLimited,
            400..=499 => ErrorKind::InvalidInput,
            502 | 503 => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        }
    }

    /// An error in the service's own words. For services that, like this project's own, never repeat what they were
    /// sent; an arm's words are masked first.
    pub fn into_error(self) -> Error {
        let kind = self.kind();
        let status = if self.is_temporary() { Status::Temporary } else { Status::Permanent };
        let message = self.detail.unwrap_or_else(|| format!("the service answered {}", self.status));
        let error = match kind {
            ErrorKind::InvalidInput => Error::invalid(message, self.faults),
            _ => Error::new(kind, message),
        };
        match self.retry_after {
            Some(after) if status == Status::Temporary => error.with_retry_after(after),
            _ => error.with_status(status),
        }
    }
}

/// When to come back, from `Retry-After`: seconds or an HTTP date; an hour at most. `None` if it is absent or unreadable.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for u64 is still a number of seconds.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(after.min(MAX_RETRY_AFTER))
}

fn faults(places: &[Value], read: fn(&Map<String, Value>) -> Option<Fault>) -> Vec<Fault> {
    places.iter().filter_map(Value::as_object).filter_map(read).take(MAX_FAULTS).collect()
}

fn place_of_problem(place: &Map<String, Value>) -> Option<Fault> {
    let detail = place.get("detail").and_then(Value::as_str)?;
    let pointer = place.get("pointer").and_then(Value::as_str).unwrap_or_default();
    Some(Fault::new(one_line(pointer), one_line(detail)))
}

/// `{loc: ["body", "days"], msg}` is `/days`. The offending `input`, which FastAPI sends along, is left out.
fn place_of_fastapi(place: &Map<String, Value>) -> Option<Fault> {
    let detail = place.get("msg").and_then(Value::as_str)?;
    let loc = place.get("loc").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let loc = match loc {
        [Value::String(first), rest @ ..] if first == "body" => rest,
        all => all,
    };
    let mut pointer = String::new();
    for part in loc {
        pointer.push('/');
        match part {
            Value::String(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            other => pointer.push_str(&other.to_string()),
        }
    }
    Some(Fault::new(one_line(&pointer), one_line(detail)))
}

/// A text, or the text in `{message}`.
fn words(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get("message").and_then(Value::as_str))?;
    Some(one_line(text)).filter(|text| !text.is_empty())
}

fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|c| !c.is_control());
    if let Some((end, _)) = line.char_indices().nth(MAX_TEXT) {
        line.truncate(end);
        line.push('…');
    }
    line
}
