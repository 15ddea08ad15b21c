//! One arm as an HTTP service of its own, in the protocol that [`HttpArm`](octollm_core::arm::HttpArm) speaks:
//! `GET /capabilities`, `POST /execute`, `GET /health`. An arm that can `validation` answers `POST /validate`, too, which is the
//! same as its `/execute`.
//!
//! What a call used is said in the output, as `usage`, where the arm does not say it there itself and its schema has room for
//! it, and otherwise in the header `x-usage`: an execution plan with a field more would be none. The caller counts it.
//!
//! The caller decides about retries, so an answer says which failures are for now: 429, 503 and 504 are, everything else
//! is not. A caller that goes away cancels its call.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, Health};
use octollm_core::schema::Validator;
use octollm_core::task::{Grant, RequestId};
use octollm_core::{Error, ErrorKind, Result};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use super::body::JsonBody;
use super::envelope::{self, LoopbackOnly};
use super::problem::Problem;
use super::{no_such_method, panicked};

/// How long a call may take whose caller does not say.
const USUAL_TIME: Duration = Duration::from_secs(300);
/// Says what the call used where the output has no room for it.
const USAGE: HeaderName = HeaderName::from_static("x-usage");
/// When a caller that found no free place may come back.
const COME_BACK: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct ArmState {
    arm: Arc<dyn Arm>,
    input: Arc<Validator>,
    output: Arc<Validator>,
    places: Arc<Semaphore>,
}

/// The routes of one arm. Requests that name another host than this machine are refused if `loopback_only`.
///
/// # Errors
/// `invalid_input` if the arm's descriptor breaks a rule.
pub fn arm_app(arm: Arc<dyn Arm>, loopback_only: bool) -> Result<Router> {
    let descriptor = arm.descriptor();
    descriptor.validate()?;
    let input = Arc::new(compiled(&descriptor.input_schema)?);
    let output = Arc::new(compiled(&descriptor.output_schema)?);
    let places = Arc::new(Semaphore::new(descriptor.max_concurrent as usize));
    let mut routes = Router::new().route("/capabilities", get(capabilities)).route("/execute", post(execute));
    if descriptor.capabilities.iter().any(|capability| capability == "validation") {
        routes = routes.route("/validate", post(execute));
    }
    Ok(routes
        .route("/health", get(health))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(LoopbackOnly(loopback_only), envelope::local_names_only))
        .layer(middleware::from_fn(envelope::envelope))
        .with_state(ArmState { arm, input, output, places }))
}

fn compiled(schema: &Value) -> Result<Validator> {
    Validator::compile(schema).map_err(|reason| {
        Error::new(ErrorKind::InvalidInput, "one of the arm's schemas is no schema")
            .with_context("reason", reason)
    })
}

async fn no_such_route() -> Problem {
    Error::new(ErrorKind::NotFound, "there is nothing at this address")
        .with_hint("an arm answers GET /capabilities, POST /execute and GET /health")
        .into()
}

async fn capabilities(State(state): State<ArmState>) -> Json<ArmDescriptor> {
    Json(state.arm.descriptor().clone())
}

async fn health(State(state): State<ArmState>) -> Json<Health> {
    let mut health = state.arm.health().await;
    if health.version.is_empty() {
        health.version.clone_from(&state.arm.descriptor().version);
    }
    Json(health)
}

async fn execute(
    State(state): State<ArmState>,
    headers: HeaderMap,
    JsonBody(input): JsonBody,
) -> Result<(HeaderMap, Json<Value>), Problem> {
    let Ok(_place) = state.places.try_acquire() else { return Err(full().into()) };
    let faults = state.input.faults(&input);
    if !faults.is_empty() {
        return Err(Error::invalid("the input does not satisfy the arm's schema", faults).into());
    }
    let call = call(input, &headers);
    // Set when this future is dropped, too: then the caller went away.
    let _over = call.cancelled.clone().drop_guard();
    let limit = call.time_limit;
    match tokio::time::timeout(limit, state.arm.execute(call)).await {
        Ok(Ok(reply)) => Ok(with_usage(reply, &state.output)),
        Ok(Err(error)) => Err(problem(error)),
        Err(_) => Err(problem(Error::new(ErrorKind::Timeout, "the arm did not answer in time"))),
    }
}

/// The output, which says what the call used where the schema lets it; where it does not, a header does.
fn with_usage(reply: ArmReply, schema: &Validator) -> (HeaderMap, Json<Value>) {
    let ArmReply { mut output, usage, .. } = reply;
    let mut headers = HeaderMap::new();
    if usage.is_zero() || output.get("usage").is_some() {
        return (headers, Json(output));
    }
    if let (Some(fields), Ok(usage)) = (output.as_object_mut(), serde_json::to_value(&usage)) {
        fields.insert("usage".to_owned(), usage);
    }
    if !schema.accepts(&output) {
        let used = output.as_object_mut().and_then(|fields| fields.remove("usage"));
        let used = used.and_then(|used| HeaderValue::try_from(used.to_string()).ok());
        headers.extend(used.map(|used| (USAGE, used)));
    }
    (headers, Json(output))
}

/// The call that these headers describe; what they leave out or say wrong has its default.
fn call(input: Value, headers: &HeaderMap) -> ArmCall {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let left =
        text("x-deadline-ms").and_then(|left| left.parse().ok()).map_or(USUAL_TIME, Duration::from_millis);
    let mut call = ArmCall::new(input);
    if let Some(task_id) = text("x-task-id").and_then(|id| id.parse().ok()) {
        call.task_id = task_id;
    }
    if let Some(id) = text("x-request-id") {
        call.request_id = RequestId::from(id);
    }
    call.grant = Grant {
        tokens: text("x-budget-tokens").and_then(|tokens| tokens.parse().ok()),
        cost_usd: text("x-budget-usd")
            .and_then(|cost| cost.parse().ok())
            .filter(|cost: &f64| cost.is_finite()),
    };
    call.time_limit = left;
    call.deadline = Instant::now() + left;
    call
}

/// The failure with a status by which the caller knows whether to try again.
fn problem(error: Error) -> Problem {
    let status = match (error.is_temporary(), error.kind()) {
        (true, ErrorKind::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
        (true, ErrorKind::Timeout) => StatusCode::GATEWAY_TIMEOUT,
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (
            false,
            ErrorKind::ArmFailed | ErrorKind::Internal | ErrorKind::Storage | ErrorKind::NotConfigured,
        ) => StatusCode::UNPROCESSABLE_ENTITY,
        (false, _) => return error.into(),
    };
    Problem::with_status(status, error)
}

fn full() -> Error {
    Error::new(ErrorKind::RateLimited, "the arm has no free place").with_retry_after(COME_BACK)
}
