//! What surrounds every request: an id, a time limit, a line in the log, a body for errors, and a guard against names
//! that are not this machine's.
//!
//! The log names routes, never addresses: a query may hold what a user wrote.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use octollm_core::{Error, ErrorKind};
use uuid::Uuid;

use super::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest time until an answer begins; above what `?wait=` allows.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(75);

/// Gives the request an id, logs it, and writes the body of a [`Problem`].
pub(super) async fn envelope(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = with_headers_of(&response, problem.render(&id));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    tracing::info!(
        target: "octollm::access",
        %method,
        route = route.as_ref().map_or("-", MatchedPath::as_str),
        status = response.status().as_u16(),
        elapsed_ms = started.elapsed().as_millis() as u64,
        request_id = %id,
    );
    response
}

/// Answers 504 where no answer has begun in time.
pub(super) async fn time_limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::from(Error::new(ErrorKind::Timeout, "the server found no answer in time"))
            .into_response(),
    }
}

/// Whether requests that name another host than this machine are refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoopbackOnly(pub(super) bool);

/// A server without keys serves only programs on this machine. A web page could still reach it by giving its own name
/// this machine's address (DNS rebinding); such a request carries that name.
pub(super) async fn local_names_only(
    State(LoopbackOnly(only)): State<LoopbackOnly>,
    request: Request,
    next: Next,
) -> Response {
    if only && !names_this_machine(request.headers(), request.uri()) {
        let error = Error::new(ErrorKind::Unauthorized, "the request names another host than this machine")
            .with_hint("use http://127.0.0.1 or http://localhost");
        return Problem::with_status(StatusCode::FORBIDDEN, error).into_response();
    }
    next.run(request).await
}

fn names_this_machine(headers: &HeaderMap, uri: &Uri) -> bool {
    let header = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(authority) = header.or_else(|| uri.authority().map(|authority| authority.as_str())) else {
        // HTTP/1.0 without a host: no browser sends that.
        return !headers.contains_key(HOST);
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The caller's id where it is fit for a log, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let fit = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    given.filter(fit).map_or_else(|| format!("req-{}", Uuid::now_v7()), str::to_owned)
}

/// The problem's answer with what the router had to say besides, such as `Allow`.
fn with_headers_of(response: &Response, mut rendered: Response) -> Response {
    for (name, value) in response.headers() {
        if !rendered.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}
