//! Answers that are given again, over HTTP.

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use octollm_core::arm::{ArmDescriptor, SideEffects};
use octollm_core::orchestrator::{AnswerCache, EngineConfig, LocalOrchestrator};
use octollm_core::testing::arms::ScriptedArm;
use octollm_server::http::{AppState, KeyId, app};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Server, answer, planned, reflexes, serve_routes};

/// What checks keys, for this test: it believes everybody.
async fn believe(mut request: Request, next: Next) -> axum::response::Response {
    let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok()).map(std::sync::Arc::from);
    if let Some(key) = key {
        request.extensions_mut().insert(KeyId(key));
    }
    next.run(request).await
}

async fn server() -> Server {
    let descriptor =
        ArmDescriptor { side_effects: SideEffects::None, ..ArmDescriptor::new("reader", ["read"]) };
    let arm = ScriptedArm::new(descriptor, |call| async move { Ok(json!({"said": *call.input})) });
    let config = EngineConfig { answers: Some(AnswerCache::default()), ..EngineConfig::default() };
    let orchestrator = LocalOrchestrator::builder().arm(arm).config(config).start().await.unwrap();
    let shutdown = CancellationToken::new();
    let routes = app(AppState::new(orchestrator, reflexes(), shutdown.clone())).layer(from_fn(believe));
    serve_routes(routes, shutdown).await
}

/// The result, and whether it had been given before.
async fn ask(server: &Server, headers: &[(&str, &str)]) -> (Value, bool) {
    let request =
        server.post("/api/v1/tasks?wait=30").json(&planned(&[("reader", json!({"what": "tides"}))]));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let (status, body) = answer(request).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("completed")), "{body}");
    (body["result"].clone(), body["usage"]["cache_hits"] == 1)
}

#[tokio::test]
async fn a_client_can_have_an_answer_of_its_own() {
    let server = server().await;
    let (first, again) = ask(&server, &[]).await;
    assert!(!again);
    assert_eq!(ask(&server, &[]).await, (first.clone(), true));
    for fresh in ["no-cache", "max-age=0", "private, No-Store"] {
        assert_eq!(ask(&server, &[("cache-control", fresh)]).await, (first.clone(), false), "{fresh}");
    }
    assert!(ask(&server, &[("cache-control", "max-age=60")]).await.1);
}

#[tokio::test]
async fn no_key_gets_what_another_key_was_answered() {
    let server = server().await;
    for (key, again) in
        [(None, false), (Some("a"), false), (Some("b"), false), (Some("a"), true), (None, true)]
    {
        let headers: Vec<_> = key.map(|key| ("x-api-key", key)).into_iter().collect();
        assert_eq!(ask(&server, &headers).await.1, again, "{key:?}");
    }
}
