//! The service as such: how it is, and how it stops.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;

use crate::support::{answer, planned, server};

#[tokio::test]
async fn it_says_how_it_is() {
    let server = server().await;
    let (status, health) = answer(server.get("/health")).await;
    assert_eq!((status.as_u16(), &health["status"]), (200, &json!("healthy")));
    assert_eq!(health["dependencies"]["journal"], "healthy");
    let (status, _) = answer(server.get("/ready")).await;
    assert_eq!(status, 200);
    let (_, arms) = answer(server.get("/api/v1/arms")).await;
    let echo = arms["arms"].as_array().unwrap().iter().find(|arm| arm["arm_id"] == "echo").unwrap();
    assert_eq!((&echo["health"], &echo["breaker"]), (&json!("healthy"), &json!("closed")));
}

#[tokio::test]
async fn it_stops_though_streams_are_open() {
    let server = server().await;
    let id = server.submit(&planned(&[("slow", json!({"ms": 60_000}))])).await;
    let request = server.get(&format!("/api/v1/tasks/{id}/events")).header("accept", "text/event-stream");
    let mut stream = request.send().await.unwrap().bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    let waiting = server.post("/api/v1/tasks?wait=60").json(&planned(&[("slow", json!({"ms": 60_000}))]));
    let waiting = tokio::spawn(answer(waiting));
    tokio::time::sleep(Duration::from_millis(200)).await;

    let rest = tokio::spawn(async move {
        while let Some(chunk) = stream.next().await {
            chunk.expect("the stream ends, it does not break off");
        }
    });
    server.stop().await;
    rest.await.unwrap();
    let (status, body) = waiting.await.unwrap();
    assert_eq!((status.as_u16(), &body["status"]), (200, &json!("executing")));
}
