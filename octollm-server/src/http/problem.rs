//! Errors as RFC 9457 `application/problem+json`, and the one table that maps a kind of error to an HTTP status.
//!
//! A handler answers `Err(Problem)`; the envelope around all routes writes the body, because only there the request's
//! id is known.

use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use octollm_core::{Error, ErrorKind, Fault};
use serde::Serialize;

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    error: Arc<Error>,
}

/// What a client reads.
#[derive(Serialize)]
pub(crate) struct ProblemBody<'a> {
    /// No page describes each kind; `code` is what programs look at.
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// An error whose status is not that of its kind: what is wrong with the HTTP of a request.
    pub(crate) fn with_status(status: StatusCode, error: Error) -> Self {
        Self { status, error: Arc::new(error) }
    }

    /// A defect of this program, of which a client learns only that it is one.
    pub(crate) fn internal() -> Self {
        let error = Error::new(ErrorKind::Internal, "the server failed on this request")
            .with_hint("the server's log says more under this request id");
        error.into()
    }

    /// The body for a client that made the request with this id.
    pub(crate) fn body<'a>(&'a self, request_id: Option<&'a str>) -> ProblemBody<'a> {
        ProblemBody {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.error.summary(),
            code: self.error.kind().code(),
            hint: self.error.hint(),
            errors: self.error.faults(),
            request_id,
        }
    }

    /// The complete answer.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let body = serde_json::to_vec(&self.body(Some(request_id))).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after) = retry_after_seconds(&self.error) {
            headers.insert(RETRY_AFTER, HeaderValue::from(after));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { status: status_of(error.kind()), error: Arc::new(error) }
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem; the envelope renders it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput | ErrorKind::BudgetExceeded => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict | ErrorKind::Cancelled => StatusCode::CONFLICT,
        ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorKind::RefusedByReflex => StatusCode::FORBIDDEN,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::ArmFailed => StatusCode::BAD_GATEWAY,
        ErrorKind::NotConfigured => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Storage | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Seconds until the client may come back, rounded up. What is full or down always says a time.
fn retry_after_seconds(error: &Error) -> Option<u64> {
    let stated = error.retry_after().map(|after| after.as_nanos().div_ceil(1_000_000_000).max(1) as u64);
    let usual = match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Storage | ErrorKind::RateLimited => Some(5),
        _ => None,
    };
    stated.or(usual)
}
