//! Bad input: every fault at once, in its place, and nothing stored.

use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::arm::{ArmInfo, Health};
use octollm_core::memory::{TaskFilter, TaskPage};
use octollm_core::orchestrator::{Decision, EngineConfig, EventStream, Orchestrator, Submission};
use octollm_core::task::{Event, TaskResponse};
use octollm_core::{Result, TaskId, TaskResult};
use serde_json::{Value, json};

use crate::support::{answer, planned, problem, serve, server, server_with};

#[tokio::test]
async fn every_fault_is_named_at_once_and_nothing_is_stored() {
    let server = server().await;
    let request = json!({"goal": "short", "deadline_seconds": 5, "colour": "blue", "priority": "urgent"});
    let body = problem(server.post("/api/v1/tasks").json(&request)).await;
    insta::assert_json_snapshot!(body, @r#"
{
  "code": "invalid_input",
  "detail": "the task is invalid",
  "errors": [
    {
      "detail": "value is less than the minimum of 10",
      "pointer": "/deadline_seconds"
    },
    {
      "detail": "must be one of \"low\", \"medium\", \"high\", \"critical\"",
      "pointer": "/priority"
    },
    {
      "detail": "is not a known field",
      "pointer": "/colour"
    },
    {
      "detail": "must have 10 to 2000 characters after trimming, has 5",
      "pointer": "/goal"
    }
  ],
  "request_id": "test-1",
  "status": 422,
  "title": "Unprocessable Entity",
  "type": "about:blank"
}
"#);
    let (_, list) = answer(server.get("/api/v1/tasks")).await;
    assert_eq!(list, json!({"tasks": []}));
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let server = server().await;
    let send = |body: &'static [u8]| {
        problem(server.post("/api/v1/tasks").header("content-type", "application/json").body(body))
    };
    insta::assert_json_snapshot!(send(b"{\"goal\": ").await, @r#"
{
  "code": "invalid_input",
  "detail": "the body cannot be read",
  "errors": [
    {
      "detail": "is not JSON: EOF while parsing a value at line 1 column 9",
      "pointer": ""
    }
  ],
  "request_id": "test-1",
  "status": 400,
  "title": "Bad Request",
  "type": "about:blank"
}
"#);
    let body = send(b"{\"goal\": \"\xff\"}").await;
    assert_eq!(body["status"], 400);
    assert_eq!(body["errors"][0]["detail"], "is not UTF-8 from byte 10 on");
    assert_eq!(send(b"").await["status"], 400);
}

#[tokio::test]
async fn a_body_must_be_declared_as_json() {
    let server = server().await;
    for request in [
        server.post("/api/v1/tasks").body("{}"),
        server.post("/api/v1/tasks").header("content-type", "text/plain").body("{}"),
    ] {
        assert_eq!(problem(request).await["status"], 415);
    }
}

#[tokio::test]
async fn a_body_has_a_limit_and_the_client_gets_to_know_it() {
    let server = server().await;
    let request = json!({"goal": "g".repeat(10), "context": {"a": "x".repeat(3 * 1024 * 1024)}});
    let body = problem(server.post("/api/v1/tasks").json(&request)).await;
    assert_eq!((&body["status"], &body["code"]), (&json!(413), &json!("too_large")));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = server().await;
    insta::assert_json_snapshot!(problem(server.get("/nowhere")).await, @r#"
{
  "code": "not_found",
  "detail": "there is nothing at this address",
  "hint": "tasks are at /api/v1/tasks, arms at /api/v1/arms; /health and /ready say how the server is",
  "request_id": "test-1",
  "status": 404,
  "title": "Not Found",
  "type": "about:blank"
}
"#);
    let unknown = format!("/api/v1/tasks/{}", TaskId::new());
    for path in [
        "/api/v1/tasks/nonsense",
        "/api/v1/tasks/nonsense/events",
        "/api/v1/tasks/%ff",
        &unknown,
        &format!("{unknown}/events"),
        "/api/v1/tasks/",
        "/api/v2/tasks",
    ] {
        let body = problem(server.get(path)).await;
        assert_eq!((&body["status"], &body["code"]), (&json!(404), &json!("not_found")), "{path}");
    }
    for path in [format!("{unknown}/cancel"), format!("{unknown}/approve")] {
        let body = problem(server.post(&path).json(&json!({}))).await;
        assert!(body["status"] == 404 || body["status"] == 422, "{path}: {body}");
    }
    let stream = server.get(&format!("{unknown}/events")).header("accept", "text/event-stream");
    assert_eq!(problem(stream).await["status"], 404);
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let server = server().await;
    let response = server.post("/health").send().await.unwrap();
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    assert!(allow.contains("GET"), "{allow}");
    assert_eq!(crate::support::problem_of(response).await["status"], 405);
    let request = server.client.delete(server.url("/api/v1/tasks")).header("x-request-id", "test-1");
    assert_eq!(problem(request).await["status"], 405);
}

#[tokio::test]
async fn query_parameters_are_read_strictly() {
    let server = server().await;
    let body =
        problem(server.get("/api/v1/tasks?status=done&limit=0&color=red&priority=low&priority=high")).await;
    insta::assert_json_snapshot!(body, @r#"
{
  "code": "invalid_input",
  "detail": "the query is invalid",
  "errors": [
    {
      "detail": "is there twice",
      "pointer": "?priority"
    },
    {
      "detail": "must be pending, accepted, planning, executing, awaiting_approval, completed, failed or cancelled",
      "pointer": "?status"
    },
    {
      "detail": "must be a whole number from 1 to 1000",
      "pointer": "?limit"
    },
    {
      "detail": "is not known; known are `status`, `priority`, `parent_task_id`, `limit`, `cursor`",
      "pointer": "?color"
    }
  ],
  "request_id": "test-1",
  "status": 422,
  "title": "Unprocessable Entity",
  "type": "about:blank"
}
"#);
    assert_eq!(
        problem(server.post("/api/v1/tasks?wait=61").json(&json!({}))).await["errors"][0]["pointer"],
        "?wait"
    );
}

#[tokio::test]
async fn an_unknown_field_of_a_plan_hides_no_other_fault() {
    let server = server().await;
    let step = json!({"step": 1, "action": " ", "required_arm": "echo", "acceptance_criteria": [], "depends_on": [2],
        "estimated_duration_seconds": 1, "retries": 3});
    let body = json!({"goal": "Run this plan of mine", "plan": {"subtasks": [step]}});
    let body = problem(server.post("/api/v1/tasks").json(&body)).await;
    insta::assert_json_snapshot!(body["errors"], @r#"
[
  {
    "detail": "is not a known field",
    "pointer": "/plan/subtasks/0/retries"
  },
  {
    "detail": "must say what to do",
    "pointer": "/plan/subtasks/0/action"
  },
  {
    "detail": "there is no step 2; the plan has 1",
    "pointer": "/plan/subtasks/0/depends_on/0"
  }
]
"#);
}

#[tokio::test]
async fn unknown_fields_of_a_decision_are_named() {
    let server = server().await;
    let id = server.submit(&planned(&[("slow", json!({"ms": 10_000}))])).await;
    let path = format!("/api/v1/tasks/{id}/approve");
    let body = problem(server.post(&path).json(&json!({"approve": true}))).await;
    insta::assert_json_snapshot!(body["errors"], @r#"
[
  {
    "detail": "is not a known field",
    "pointer": "/approve"
  },
  {
    "detail": "\"approved\" is a required property",
    "pointer": ""
  }
]
"#);
    let body = problem(server.post(&path).json(&json!({"approved": true}))).await;
    assert_eq!(body["status"], 409, "it waits for nothing: {body}");
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let config = EngineConfig { max_concurrent_tasks: 1, max_queued_tasks: 1, ..EngineConfig::default() };
    let server = server_with(config).await;
    let request = planned(&[("slow", json!({"ms": 20_000}))]);
    for _ in 0..20 {
        let response = server.post("/api/v1/tasks").json(&request).send().await.unwrap();
        if response.status() == 503 {
            let after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=3600).contains(&after));
            assert_eq!(crate::support::problem_of(response).await["code"], "unavailable");
            return;
        }
    }
    panic!("the queue takes everything");
}

#[tokio::test]
async fn request_ids_are_echoed_or_made() {
    let server = server().await;
    let id = |value: Option<&'static str>| {
        let mut request = server.client.get(server.url("/health"));
        if let Some(value) = value {
            request = request.header("x-request-id", value);
        }
        async { request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned() }
    };
    assert_eq!(id(Some("abc-1")).await, "abc-1");
    assert!(id(None).await.starts_with("req-"));
    assert!(id(Some("two words")).await.starts_with("req-"), "it is not fit for a log");
}

#[tokio::test]
async fn names_that_are_not_this_machines_are_refused() {
    let server = server().await;
    let get = |host: &str| {
        format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes()
    };
    for host in ["localhost:8000", "127.0.0.1", "[::1]:80"] {
        assert!(server.raw(&get(host)).await.starts_with("HTTP/1.1 200"), "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:8000", ""] {
        assert!(server.raw(&get(host)).await.starts_with("HTTP/1.1 403"), "{host}");
    }
}

/// An orchestrator with a defect everywhere.
struct Defective;

#[async_trait]
impl Orchestrator for Defective {
    async fn submit(&self, _: Submission) -> Result<TaskResponse> {
        panic!("a defect")
    }
    async fn task(&self, _: TaskId) -> Result<TaskResult> {
        panic!("a defect")
    }
    async fn list(&self, _: TaskFilter) -> Result<TaskPage> {
        panic!("a defect")
    }
    async fn events(&self, _: TaskId, _: u64) -> Result<EventStream> {
        panic!("a defect")
    }
    async fn journal(&self, _: TaskId, _: u64, _: usize) -> Result<Vec<Arc<Event>>> {
        panic!("a defect")
    }
    async fn cancel(&self, _: TaskId, _: &str) -> Result<TaskResult> {
        panic!("a defect")
    }
    async fn decide(&self, _: TaskId, _: Decision) -> Result<TaskResult> {
        panic!("a defect")
    }
    async fn arms(&self) -> Result<Vec<ArmInfo>> {
        panic!("a defect")
    }
    async fn health(&self) -> Result<Health> {
        panic!("a defect")
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_and_not_a_broken_connection() {
    let server = serve(Arc::new(Defective)).await;
    let body: Value = problem(server.get("/api/v1/arms")).await;
    insta::assert_json_snapshot!(body, @r#"
{
  "code": "internal",
  "detail": "the server failed on this request",
  "hint": "the server's log says more under this request id",
  "request_id": "test-1",
  "status": 500,
  "title": "Internal Server Error",
  "type": "about:blank"
}
"#);
    assert_eq!(problem(server.get("/ready")).await["status"], 500, "and the server goes on");
}
