//! A real server on a free port, over an engine with the arms of the contract suite.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use octollm_core::http_client::{ClientOptions, client};
use octollm_core::orchestrator::{EngineConfig, LocalOrchestrator, Orchestrator};
use octollm_core::reflex::{Policy, ReflexChain};
use octollm_core::testing::arms::standard_arms;
use octollm_server::http::{AppState, Door, ReflexService, app, reflex_app, run};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) client: Client,
    shutdown: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

/// A server over an engine with the standard arms.
pub(crate) async fn server() -> Server {
    server_with(EngineConfig::default()).await
}

pub(crate) async fn server_with(config: EngineConfig) -> Server {
    let mut builder = LocalOrchestrator::builder().config(config);
    for arm in standard_arms() {
        builder = builder.arm(arm);
    }
    serve(builder.start().await.unwrap()).await
}

pub(crate) async fn serve(orchestrator: Arc<dyn Orchestrator>) -> Server {
    let shutdown = CancellationToken::new();
    let routes = app(AppState::new(orchestrator, reflexes(), shutdown.clone()));
    serve_routes(routes, shutdown).await
}

/// A service of the reflexes alone.
pub(crate) async fn reflex_server() -> Server {
    let shutdown = CancellationToken::new();
    serve_routes(reflex_app(reflexes(), shutdown.clone(), &Door::default()), shutdown).await
}

/// A server over an engine with the standard arms that lets in who this door lets in.
pub(crate) async fn server_behind(door: Door) -> Server {
    let shutdown = CancellationToken::new();
    let orchestrator = LocalOrchestrator::builder().start().await.unwrap();
    let state = AppState::new(orchestrator, reflexes(), shutdown.clone()).behind(door);
    serve_routes(app(state), shutdown).await
}

pub(crate) fn reflexes() -> ReflexService {
    ReflexService::new(Arc::new(ReflexChain::new(Policy::default()).unwrap()))
}

pub(crate) async fn serve_routes(routes: Router, shutdown: CancellationToken) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(run(listener, routes, shutdown.clone()));
    Server { address, client: client(&ClientOptions::default()).unwrap(), shutdown, serving }
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path)).header("x-request-id", "test-1")
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path)).header("x-request-id", "test-1")
    }

    /// Submits a task and answers its id.
    pub(crate) async fn submit(&self, request: &Value) -> String {
        let (status, body) = answer(self.post("/api/v1/tasks").json(request)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["task_id"].as_str().unwrap().to_owned()
    }

    /// Submits a task and waits for its result.
    pub(crate) async fn run(&self, request: &Value) -> Value {
        let (status, body) = answer(self.post("/api/v1/tasks?wait=30").json(request)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.serving)
            .await
            .expect("it stops")
            .unwrap()
            .unwrap();
    }

    /// Sends these bytes and answers everything that comes back until the server closes.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A request with a plan of these steps, each `(arm, input)`.
pub(crate) fn planned(steps: &[(&str, Value)]) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .enumerate()
        .map(|(index, (arm, input))| json!({"step": index + 1, "action": "work", "required_arm": arm, "input": input}))
        .collect();
    json!({"goal": "Do what the plan says", "plan": {"subtasks": steps}})
}

pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// A problem's body, after checking what every problem has.
pub(crate) async fn problem(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    problem_of(response).await
}

pub(crate) async fn problem_of(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["x-request-id"], "test-1");
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], "test-1");
    body
}
