//! An orchestrator in another process, over HTTP: the inverse of the server.
//!
//! An error that the server reports arrives as the error that it was there, with its kind, faults, hint and time to
//! come back. What is not such a report (a page of HTML, another program's JSON) is told apart: it means that the
//! address is wrong, and no retry helps.

mod events;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Decision, EventStream, Orchestrator, Submission};
use crate::arm::{ArmInfo, Health};
use crate::error::{Error, ErrorKind, Result, Status};
use crate::http_client::{self, ClientOptions, Refusal, transport_error};
use crate::memory::{TaskFilter, TaskPage};
use crate::task::{Event, TaskId, TaskResponse, TaskResult};

/// How long one call may take, its answer included.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes that one answer may have.
const MAX_ANSWER: usize = 256 * 1024 * 1024;
/// Events that one page of the journal may have, as the server allows.
const MAX_PAGE: usize = 1000;

/// Speaks to an OctoLLM server. Clones share their connections.
#[derive(Debug, Clone)]
pub struct RemoteOrchestrator {
    base: Url,
    client: Client,
}

#[derive(Deserialize)]
struct Arms {
    arms: Vec<ArmInfo>,
}

#[derive(Deserialize)]
struct EventPage {
    events: Vec<Arc<Event>>,
    #[serde(default)]
    next: Option<u64>,
}

impl RemoteOrchestrator {
    /// Connects to the server at this address, such as `http://127.0.0.1:8000`, and makes sure that it is one.
    ///
    /// # Errors
    /// `invalid_input` for what is not an address; `unavailable` where nobody answers; `not_configured` where
    /// something else than an OctoLLM server does.
    pub async fn connect(address: &str) -> Result<Self> {
        let base = http_client::parse_url(address)?;
        let remote = Self { base, client: http_client::client(&ClientOptions::default())? };
        remote.health().await?;
        Ok(remote)
    }

    /// The server's address, without user and password.
    pub fn address(&self) -> String {
        http_client::display_url(&self.base)
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    fn url(&self, path: &str) -> Url {
        http_client::join(&self.base, path)
    }

    fn task_url(&self, id: TaskId, what: &str) -> Url {
        self.url(&format!("api/v1/tasks/{id}{what}"))
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T> {
        call(self.request(Method::GET, url)).await
    }
}

fn set_query(url: &mut Url, filter: TaskFilter) {
    let mut query = url.query_pairs_mut();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    };
    add("status", filter.status.map(|status| status.as_str().to_owned()));
    add("priority", filter.priority.map(|priority| priority.as_str().to_owned()));
    add("parent_task_id", filter.parent_task_id.map(|id| id.to_string()));
    add("limit", filter.limit.map(|limit| limit.to_string()));
    add("cursor", filter.cursor);
    for (key, value) in filter.metadata {
        add(&format!("metadata.{key}"), Some(value));
    }
}

/// Sends a request and reads its answer.
async fn call<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let response = request.timeout(CALL_TIMEOUT).send().await.map_err(transport_error)?;
    let response = accepted(response, "application/json").await?;
    let url = http_client::display_url(response.url());
    let body = http_client::read_body(response, MAX_ANSWER).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the server's answer cannot be read")
            .with_status(Status::Permanent)
            .with_context("url", url)
            .with_hint("check that the server is of the same version as this program")
            .with_source(error)
    })
}

/// The answer, if it is of this type; else the error that the server reported, or that it is not our server.
async fn accepted(response: Response, wanted: &str) -> Result<Response> {
    let status = response.status();
    let content_type = essence(response.headers());
    if status == StatusCode::NO_CONTENT || (status.is_success() && content_type == wanted) {
        return Ok(response);
    }
    let url = http_client::display_url(response.url());
    if status.is_success() || status.is_redirection() {
        return Err(another_service(url, status));
    }
    let is_problem = content_type == "application/problem+json";
    let refusal = Refusal::read(response).await;
    // A proxy in front of the server speaks for itself while the server is away.
    if is_problem || refusal.is_temporary() {
        return Err(refusal.into_error());
    }
    Err(another_service(url, status))
}

fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn another_service(url: String, status: StatusCode) -> Error {
    Error::new(ErrorKind::NotConfigured, "what answers at this address is not an OctoLLM server")
        .with_context("url", url)
        .with_context("status", status.as_u16().to_string())
        .with_hint("give the address of `octollm-server serve`, such as http://127.0.0.1:8000")
}

#[async_trait]
impl Orchestrator for RemoteOrchestrator {
    async fn submit(&self, submission: Submission) -> Result<TaskResponse> {
        let mut request = self.request(Method::POST, self.url("api/v1/tasks")).json(&submission.request);
        if let Some(key) = submission.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if submission.fresh {
            request = request.header("cache-control", "no-cache");
        }
        call(request).await
    }

    async fn task(&self, id: TaskId) -> Result<TaskResult> {
        self.get(self.task_url(id, "")).await
    }

    async fn list(&self, filter: TaskFilter) -> Result<TaskPage> {
        let mut url = self.url("api/v1/tasks");
        set_query(&mut url, filter);
        self.get(url).await
    }

    async fn events(&self, id: TaskId, after: u64) -> Result<EventStream> {
        events::follow(self.clone(), id, after).await
    }

    async fn journal(&self, id: TaskId, after: u64, limit: usize) -> Result<Vec<Arc<Event>>> {
        let mut events = Vec::new();
        let mut after = after;
        while events.len() < limit {
            let mut url = self.task_url(id, "/events");
            let size = MAX_PAGE.min(limit - events.len());
            url.set_query(Some(&format!("after={after}&limit={size}")));
            let page: EventPage = self.get(url).await?;
            events.extend(page.events);
            match page.next {
                Some(next) if next > after => after = next,
                _ => break,
            }
        }
        Ok(events)
    }

    async fn cancel(&self, id: TaskId, reason: &str) -> Result<TaskResult> {
        let body = json!({ "reason": reason });
        call(self.request(Method::POST, self.task_url(id, "/cancel")).json(&body)).await
    }

    async fn decide(&self, id: TaskId, decision: Decision) -> Result<TaskResult> {
        call(self.request(Method::POST, self.task_url(id, "/approve")).json(&decision)).await
    }

    async fn arms(&self) -> Result<Vec<ArmInfo>> {
        let answer: Arms = self.get(self.url("api/v1/arms")).await?;
        Ok(answer.arms)
    }

    async fn health(&self) -> Result<Health> {
        self.get(self.url("health")).await
    }
}
