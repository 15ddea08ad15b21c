//! Tasks: submit, show, list, cancel, decide.

use std::time::Duration;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::StreamExt;
use octollm_core::memory::{TaskFilter, TaskPage};
use octollm_core::orchestrator::{Decision, Submission};
use octollm_core::schema::{Validator, from_value};
use octollm_core::task::{Priority, TaskResponse, TaskStatus};
use octollm_core::{Error, ErrorKind, Fault, Result, TaskId, TaskRequest, TaskResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::AppState;
use super::body::JsonBody;
use super::door::KeyId;
use super::problem::Problem;
use super::query::Params;

/// Seconds that `?wait=` may ask for.
const MAX_WAIT: u64 = 60;

/// The optional body of a cancellation.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    /// Why, in words.
    #[serde(default)]
    #[schemars(length(max = 500))]
    reason: Option<String>,
}

/// `POST /api/v1/tasks`
pub(super) async fn submit(
    State(state): State<AppState>,
    headers: HeaderMap,
    key: Option<Extension<KeyId>>,
    mut params: Params,
    JsonBody(document): JsonBody,
) -> Result<Response, Problem> {
    let wait = params.number("wait", 0..=MAX_WAIT);
    params.finish()?;
    let idempotency_key = idempotency_key(&headers)?;
    let request = TaskRequest::from_json(document)?;
    let tenant = key.map(|Extension(KeyId(id))| id.to_string());
    let submission = Submission { request, idempotency_key, tenant, fresh: wants_fresh(&headers) };
    let response = state.orchestrator.submit(submission).await?;
    match wait {
        Some(seconds) => wait_for(&state, response, Duration::from_secs(seconds)).await,
        None => Ok(Json(response).into_response()),
    }
}

/// The task's result if it ends in time, else its response, as it stands then.
async fn wait_for(state: &AppState, response: TaskResponse, wait: Duration) -> Result<Response, Problem> {
    let id = response.task_id;
    let end = async {
        let mut events = state.orchestrator.events(id, 0).await?;
        while let Some(event) = events.next().await {
            event?;
        }
        Ok::<(), Error>(())
    };
    tokio::select! {
        ended = tokio::time::timeout(wait, end) => {
            if let Ok(ended) = ended {
                ended?;
            }
        }
        () = state.shutdown.cancelled() => {}
    }
    let result = state.orchestrator.task(id).await?;
    if result.status.is_terminal() {
        return Ok(Json(result).into_response());
    }
    Ok(Json(TaskResponse { status: result.status, ..response }).into_response())
}

/// Whether an answer that was given before will not do: `Cache-Control: no-cache`, `no-store` or `max-age=0`.
fn wants_fresh(headers: &HeaderMap) -> bool {
    let directives = headers.get_all("cache-control").into_iter().filter_map(|value| value.to_str().ok());
    directives.flat_map(|value| value.split(',')).any(|one| {
        ["no-cache", "no-store", "max-age=0"].iter().any(|name| one.trim().eq_ignore_ascii_case(name))
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Error::invalid(
            "the idempotency key is invalid",
            vec![Fault::new("Idempotency-Key", "must be 1 to 255 visible ASCII characters")],
        )),
    }
}

/// `GET /api/v1/tasks/{id}`
pub(super) async fn show(
    State(state): State<AppState>,
    TaskPath(id): TaskPath,
    params: Params,
) -> Result<Json<TaskResult>, Problem> {
    params.finish()?;
    Ok(Json(state.orchestrator.task(id).await?))
}

/// `GET /api/v1/tasks`
pub(super) async fn list(State(state): State<AppState>, params: Params) -> Result<Json<TaskPage>, Problem> {
    let filter = filter(params)?;
    Ok(Json(state.orchestrator.list(filter).await?))
}

fn filter(mut params: Params) -> Result<TaskFilter> {
    const STATUS: &str =
        "pending, accepted, planning, executing, awaiting_approval, completed, failed or cancelled";
    let filter = TaskFilter {
        status: params.take("status", STATUS, TaskStatus::from_name),
        priority: params.take("priority", "low, medium, high or critical", priority),
        parent_task_id: params.take("parent_task_id", "a task's id", |text| text.parse().ok()),
        limit: params.number("limit", 1..=1000),
        cursor: params.take("cursor", "the `next` of the page before", |text| {
            Some(text.to_owned()).filter(|text| !text.is_empty())
        }),
        metadata: params.group("metadata."),
    };
    params.finish()?;
    Ok(filter)
}

fn priority(name: &str) -> Option<Priority> {
    serde_json::from_value(Value::from(name)).ok()
}

/// `POST /api/v1/tasks/{id}/cancel`
pub(super) async fn cancel(
    State(state): State<AppState>,
    TaskPath(id): TaskPath,
    params: Params,
    body: Option<JsonBody>,
) -> Result<Json<TaskResult>, Problem> {
    params.finish()?;
    let cancellation: Cancellation = match body {
        Some(JsonBody(document)) => read(document, "the cancellation")?,
        None => Cancellation::default(),
    };
    let reason = cancellation.reason.as_deref().unwrap_or("cancelled through the API");
    Ok(Json(state.orchestrator.cancel(id, reason).await?))
}

/// Reads a small document strictly, naming every fault.
fn read<T: JsonSchema + DeserializeOwned>(document: Value, what: &'static str) -> Result<T> {
    let faults = Validator::of::<T>().faults(&document);
    if faults.is_empty() {
        from_value(document, what)
    } else {
        Err(Error::invalid(format!("{what} is invalid"), faults))
    }
}

/// `POST /api/v1/tasks/{id}/approve`
pub(super) async fn approve(
    State(state): State<AppState>,
    TaskPath(id): TaskPath,
    params: Params,
    JsonBody(document): JsonBody,
) -> Result<Json<TaskResult>, Problem> {
    params.finish()?;
    let decision: Decision = read(document, "the decision")?;
    Ok(Json(state.orchestrator.decide(id, decision).await?))
}

/// The task that a path names. What cannot be an id names no task, so it is not found like any other.
pub(super) struct TaskPath(pub(super) TaskId);

impl<S: Send + Sync> FromRequestParts<S> for TaskPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await.ok();
        let id = text.and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no such task")
                .with_hint("task ids look like task-01890a5d-ac96-774b-bcce-b302099a8057")
                .into()
        })
    }
}
