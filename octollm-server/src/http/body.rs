//! A JSON body: of the right type, within its limit, in time, and really JSON.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use futures_util::StreamExt;
use octollm_core::{Error, ErrorKind, Fault};
use serde_json::Value;

use super::problem::Problem;

/// Bytes that a body may have.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a body that is too long which are still read and thrown away: a client that is cut off while it sends
/// would never read why.
const MAX_DRAINED: usize = 32 * 1024 * 1024;
/// How long a client may take to send its body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A body of any JSON.
pub(super) struct JsonBody(pub(super) Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (is_json, is_plain) = (is_json(&request), is_plain(&request));
        let bytes = tokio::time::timeout(READ_TIMEOUT, read(request.into_body())).await.map_err(|_| {
            let error = Error::new(ErrorKind::Timeout, "the body did not come in time");
            Problem::with_status(StatusCode::REQUEST_TIMEOUT, error)
        })??;
        if !is_json {
            return Err(not_json_type());
        }
        if !is_plain {
            return Err(encoded());
        }
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync> OptionalFromRequest<S> for JsonBody {
    type Rejection = Problem;

    /// No body where there is no `Content-Type`.
    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if !request.headers().contains_key(CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

fn is_json(request: &Request) -> bool {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Whether the body is there as it is: a compressed one could be of any size.
fn is_plain(request: &Request) -> bool {
    let given = request.headers().get_all(CONTENT_ENCODING).iter();
    given.into_iter().all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
        seen = seen.saturating_add(chunk.len());
        match seen {
            0..=MAX_BYTES => kept.extend_from_slice(&chunk),
            _ if seen > MAX_DRAINED => break,
            _ => kept = Vec::new(),
        }
    }
    if seen > MAX_BYTES { Err(too_large()) } else { Ok(kept) }
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(malformed(format!("is not UTF-8 from byte {} on", error.valid_up_to())));
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(format!("is not JSON: {error}")))
}

fn malformed(detail: String) -> Problem {
    let error = Error::invalid("the body cannot be read", vec![Fault::new("", detail)]);
    Problem::with_status(StatusCode::BAD_REQUEST, error)
}

fn not_json_type() -> Problem {
    let error = Error::new(ErrorKind::InvalidInput, "the body is not declared as JSON")
        .with_hint("send the header `Content-Type: application/json`");
    Problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, error)
}

fn encoded() -> Problem {
    let error = Error::new(ErrorKind::InvalidInput, "the body is compressed")
        .with_hint("send it as it is, without the header `Content-Encoding`");
    Problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, error)
}

fn too_large() -> Problem {
    Error::new(ErrorKind::TooLarge, "the body is longer than 2 MiB")
        .with_hint("send long texts in parts; store a task's large documents and refer to them in `context`")
        .into()
}

fn broken_off() -> Problem {
    let error = Error::new(ErrorKind::InvalidInput, "the body broke off");
    Problem::with_status(StatusCode::BAD_REQUEST, error)
}
