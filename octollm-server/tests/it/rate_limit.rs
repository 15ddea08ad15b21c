//! Limits of who may ask how much, over real HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use octollm_core::reflex::rate_limit::{
    Claim, Decision, InProcessLimiter, OnFailure, Quotas, RateLimit, RateLimiter,
};
use octollm_core::resilience::Quota;
use octollm_core::{Error, ErrorKind, Result};
use octollm_server::http::{Door, KeyId, reflex_app};
use reqwest::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Server, answer, problem_of, reflexes, serve_routes, server_behind};

fn quota(text: &str) -> Option<Quota> {
    Some(text.parse().unwrap())
}

fn door(quotas: Quotas) -> Door {
    limited_by(Arc::new(InProcessLimiter::default()), quotas, OnFailure::Open)
}

fn limited_by(limiter: Arc<dyn RateLimiter>, quotas: Quotas, on_failure: OnFailure) -> Door {
    Door::default().with_limit(Some(RateLimit::new(limiter, quotas, on_failure)))
}

async fn status(server: &Server, path: &str) -> StatusCode {
    server.get(path).send().await.unwrap().status()
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let server = server_behind(door(Quotas { client: quota("2/hour"), ..Quotas::default() })).await;
    assert_eq!(status(&server, "/api/v1/arms").await, StatusCode::OK);
    assert_eq!(status(&server, "/nowhere").await, StatusCode::NOT_FOUND, "what is not there counts too");
    let response = server.get("/api/v1/tasks").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1795..=1800).contains(&after), "one of two in an hour: {after}");
    let body = problem_of(response).await;
    insta::assert_json_snapshot!(body, @r#"
{
  "code": "rate_limited",
  "detail": "too many requests (limit: client)",
  "hint": "the answer says when there is room again",
  "request_id": "test-1",
  "status": 429,
  "title": "Too Many Requests",
  "type": "about:blank"
}
"#);
    for path in ["/health", "/ready"] {
        assert_eq!(status(&server, path).await, StatusCode::OK, "{path} is not counted");
    }
}

#[tokio::test]
async fn the_time_that_is_named_is_enough() {
    let server = server_behind(door(Quotas { client: quota("1/second"), ..Quotas::default() })).await;
    assert_eq!(status(&server, "/api/v1/arms").await, StatusCode::OK);
    let response = server.get("/api/v1/arms").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(after)).await;
    assert_eq!(status(&server, "/api/v1/arms").await, StatusCode::OK);
}

#[tokio::test]
async fn each_route_has_room_of_its_own() {
    let server = server_behind(door(Quotas { route: quota("1/hour"), ..Quotas::default() })).await;
    assert_eq!(status(&server, "/api/v1/arms").await, StatusCode::OK);
    assert_eq!(status(&server, "/api/v1/arms?x=1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(status(&server, "/api/v1/tasks").await, StatusCode::OK);
    let unknown = format!("/api/v1/tasks/{}", octollm_core::TaskId::new());
    assert_eq!(status(&server, &unknown).await, StatusCode::NOT_FOUND);
    let other = format!("/api/v1/tasks/{}", octollm_core::TaskId::new());
    assert_eq!(status(&server, &other).await, StatusCode::TOO_MANY_REQUESTS, "a route is not an address");
}

/// What checks keys, for this test: it believes everybody.
async fn believe(mut request: Request, next: Next) -> axum::response::Response {
    let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok()).map(Arc::from);
    if let Some(key) = key {
        request.extensions_mut().insert(KeyId(key));
    }
    next.run(request).await
}

#[tokio::test]
async fn each_key_has_room_of_its_own_and_a_body_is_not_read_before() {
    let door = door(Quotas { key: quota("1/hour"), ..Quotas::default() });
    let shutdown = CancellationToken::new();
    let routes = reflex_app(reflexes(), shutdown.clone(), &door).layer(from_fn(believe));
    let server = serve_routes(routes, shutdown).await;
    let text = "The tide rises. ".repeat(4000);
    let ask = async |key: &str| {
        let request = server.post("/api/v1/reflex").header("x-api-key", key).json(&json!({"text": text}));
        answer(request).await.0
    };
    assert_eq!(ask("a").await, StatusCode::OK);
    assert_eq!(ask("a").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask("b").await, StatusCode::OK);
}

struct Away;

#[async_trait]
impl RateLimiter for Away {
    async fn take(&self, _: &[Claim<'_>]) -> Result<Decision> {
        Err(Error::new(ErrorKind::Unavailable, "the store is away"))
    }
}

#[tokio::test]
async fn while_nobody_counts_the_setting_decides() {
    let quotas = Quotas { client: quota("1/hour"), ..Quotas::default() };
    let open = server_behind(limited_by(Arc::new(Away), quotas, OnFailure::Open)).await;
    assert_eq!(status(&open, "/api/v1/arms").await, StatusCode::OK);
    let closed = server_behind(limited_by(Arc::new(Away), quotas, OnFailure::Closed)).await;
    let response = closed.get("/api/v1/arms").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
}
