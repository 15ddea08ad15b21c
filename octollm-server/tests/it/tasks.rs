//! Tasks over HTTP: what the guides' clients rely on.

use octollm_core::TaskId;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{answer, planned, problem, server};

#[tokio::test]
async fn a_task_is_accepted_and_can_be_waited_for() {
    let server = server().await;
    let id = server.submit(&planned(&[("echo", json!({"n": 1}))])).await;
    assert!(id.parse::<TaskId>().is_ok());
    let result =
        server.run(&planned(&[("echo", json!({"n": 1})), ("echo", json!({"n": {"$step": 1}}))])).await;
    assert_eq!(result["status"], "completed");
    assert_eq!(result["result"], json!({"echo": {"n": {"echo": {"n": 1}}}}));
    assert_eq!(result["steps"].as_array().unwrap().len(), 2);
    assert_eq!(result["confidence"], Value::Null, "nobody stated one");
    let (_, again) =
        answer(server.get(&format!("/api/v1/tasks/{}", result["task_id"].as_str().unwrap()))).await;
    assert_eq!(again, result);
}

#[tokio::test]
async fn waiting_ends_in_time_with_the_task_as_it_stands() {
    let server = server().await;
    let request = planned(&[("slow", json!({"ms": 30_000}))]);
    let (status, body) = answer(server.post("/api/v1/tasks?wait=1").json(&request)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["status"], "executing");
    assert!(body.get("created_at").is_none(), "a TaskResponse, not a TaskResult");
}

#[tokio::test]
async fn the_same_idempotency_key_is_the_same_task() {
    let server = server().await;
    let submit = |key: String| {
        answer(
            server
                .post("/api/v1/tasks")
                .header("idempotency-key", key)
                .json(&planned(&[("echo", json!({}))])),
        )
    };
    let (_, first) = submit("k1".into()).await;
    let (_, second) = submit("k1".into()).await;
    let (_, other) = submit("k2".into()).await;
    assert_eq!(first["task_id"], second["task_id"]);
    assert_ne!(first["task_id"], other["task_id"]);
    let request = server.post("/api/v1/tasks").header("idempotency-key", "k".repeat(256));
    let body = problem(request.json(&planned(&[("echo", json!({}))]))).await;
    assert_eq!(body["errors"][0]["pointer"], "Idempotency-Key");
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages() {
    let server = server().await;
    for number in 0..5 {
        let mut request = planned(&[("echo", json!({}))]);
        request["metadata"] = json!({"batch": "a", "number": number.to_string()});
        request["priority"] = if number == 0 { "high".into() } else { "low".into() };
        server.run(&request).await;
    }
    let numbers = |page: &Value| -> Vec<String> {
        let tasks = page["tasks"].as_array().unwrap().iter();
        tasks.map(|task| task["metadata"]["number"].as_str().unwrap().to_owned()).collect()
    };
    let (_, first) = answer(server.get("/api/v1/tasks?metadata.batch=a&limit=3")).await;
    assert_eq!(numbers(&first), ["4", "3", "2"], "newest first");
    let next = first["next"].as_str().unwrap();
    let rest = server.client.get(server.url("/api/v1/tasks"));
    let (_, rest) =
        answer(rest.query_pairs(&[("metadata.batch", "a"), ("limit", "3"), ("cursor", next)])).await;
    assert_eq!(numbers(&rest), ["1", "0"]);
    assert!(rest.get("next").is_none());
    let (_, high) = answer(server.get("/api/v1/tasks?priority=high&status=completed")).await;
    assert_eq!(numbers(&high), ["0"]);
    let (_, none) = answer(server.get("/api/v1/tasks?metadata.batch=b")).await;
    assert_eq!(none, json!({"tasks": []}));
    assert_eq!(problem(server.get("/api/v1/tasks?cursor=nonsense")).await["status"], 422);
}

/// `RequestBuilder::query` without the feature that it needs.
trait QueryPairs {
    fn query_pairs(self, pairs: &[(&str, &str)]) -> Self;
}

impl QueryPairs for reqwest::RequestBuilder {
    fn query_pairs(self, pairs: &[(&str, &str)]) -> Self {
        let (client, request) = self.build_split();
        let mut request = request.unwrap();
        request.url_mut().query_pairs_mut().extend_pairs(pairs);
        Self::from_parts(client, request)
    }
}

#[tokio::test]
async fn a_task_is_cancelled_with_or_without_a_reason() {
    let server = server().await;
    for (body, reason) in [(None, "cancelled through the API"), (Some(json!({"reason": "no use"})), "no use")]
    {
        let id = server.submit(&planned(&[("slow", json!({"ms": 60_000}))])).await;
        let mut request = server.post(&format!("/api/v1/tasks/{id}/cancel"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let (status, result) = answer(request).await;
        assert_eq!((status, &result["status"]), (StatusCode::OK, &json!("cancelled")));
        let (_, page) = answer(server.get(&format!("/api/v1/tasks/{id}/events"))).await;
        assert_eq!(page["events"].as_array().unwrap().last().unwrap()["reason"], reason);
    }
}

#[tokio::test]
async fn a_plan_waits_for_its_approval() {
    let server = server().await;
    let mut request = planned(&[("echo", json!({"n": 1}))]);
    request["approval"] = "plan".into();
    let (_, waiting) = answer(server.post("/api/v1/tasks?wait=1").json(&request)).await;
    assert_eq!(waiting["status"], "awaiting_approval");
    let path = format!("/api/v1/tasks/{}", waiting["task_id"].as_str().unwrap());
    let (status, _) = answer(server.post(&format!("{path}/approve")).json(&json!({"approved": true}))).await;
    assert_eq!(status, StatusCode::OK);
    for _ in 0..200 {
        let (_, task) = answer(server.get(&path)).await;
        if task["status"] == "completed" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it does not go on");
}
