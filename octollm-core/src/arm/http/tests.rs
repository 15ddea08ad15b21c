use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::error::Status;
use crate::task::{Grant, TaskId};
use crate::testing::fault_server::{FaultServer, Reply, Request};

fn descriptor() -> Value {
    json!({
        "arm_id": "weather", "name": "Weather", "version": "1.0.0", "capabilities": ["weather_forecast"],
        "input_schema": {"type": "object"}, "output_schema": {}, "cost_tier": 1, "average_latency_ms": 300,
        "max_concurrent": 10, "something_else": true,
    })
}

fn call(input: Value) -> ArmCall {
    ArmCall {
        task_id: "task-01890a5d-ac96-774b-bcce-b302099a8057".parse::<TaskId>().unwrap(),
        step: 3,
        attempt: 1,
        request_id: "request-1".into(),
        deadline: Instant::now() + Duration::from_secs(20),
        grant: Grant { tokens: Some(500), cost_usd: None },
        ..ArmCall::new(input)
    }
}

/// An arm that describes itself well and answers every execution with `reply`.
async fn arm_answering(reply: Reply) -> (FaultServer, HttpArm) {
    let server = FaultServer::start(move |request: &Request| {
        if request.is("GET /capabilities") { Reply::json(200, &descriptor()) } else { reply.clone() }
    });
    let server = server.await.unwrap();
    let options = HttpArmOptions { max_output_bytes: 100_000, ..HttpArmOptions::default() };
    let arm = HttpArm::connect(&server.url(), options).await.unwrap();
    (server, arm)
}

async fn failure_of(reply: Reply) -> Error {
    let (_server, arm) = arm_answering(reply).await;
    arm.execute(call(json!({"location": "Atlantis", "days": 99}))).await.unwrap_err()
}

fn shown(error: &Error) -> String {
    let after = error.retry_after().map_or_else(String::new, |after| format!(" after {} s", after.as_secs()));
    format!("{} {:?}{after}: {error}", error.kind(), error.status())
}

#[tokio::test]
async fn the_input_is_the_body_and_the_headers_say_the_rest() {
    let (server, arm) = arm_answering(Reply::json(200, &json!({"ok": true, "confidence": 0.95}))).await;
    let reply = arm.execute(call(json!({"location": "Paris"}))).await.unwrap();
    assert_eq!(reply.output, json!({"ok": true, "confidence": 0.95}));
    assert_eq!(reply.confidence, Some(0.95));
    let request = server.requests().pop().unwrap();
    assert!(request.is("POST /execute"));
    assert_eq!(request.body, br#"{"location":"Paris"}"#);
    let expected = [
        ("content-type", "application/json"),
        ("user-agent", concat!("octollm/", env!("CARGO_PKG_VERSION"))),
        ("x-request-id", "request-1"),
        ("x-task-id", "task-01890a5d-ac96-774b-bcce-b302099a8057"),
        ("x-arm-id", "orchestrator"),
        ("x-budget-tokens", "500"),
    ];
    for (name, value) in expected {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(request.header("x-budget-usd"), None);
    assert!((1..=20_000).contains(&request.header("x-deadline-ms").unwrap().parse::<u64>().unwrap()));
    let trace = request.header("traceparent").unwrap();
    assert!(trace.starts_with("00-01890a5dac96774bbcceb302099a8057-") && trace.ends_with("-01"), "{trace}");
    assert_eq!(trace.len(), 55);
}

#[tokio::test]
async fn statuses_are_sorted_into_temporary_and_permanent() {
    let cases = [
        (400, false),
        (404, false),
        (408, true),
        (409, false),
        (425, true),
        (429, true),
        (500, true),
        (503, true),
    ];
    for (status, temporary) in cases {
        let error = failure_of(Reply::json(status, &json!({"detail": "no"}))).await;
        assert_eq!(error.is_temporary(), temporary, "{status}");
    }
    let redirect = failure_of(Reply::http(307, "location: http://127.0.0.1:9/execute\r\n", "")).await;
    assert_eq!(redirect.status(), Status::Permanent);
    assert!(redirect.hint().unwrap().contains("redirects"));
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let error = failure_of(Reply::http(429, "retry-after: 7\r\n", "")).await;
    insta::assert_snapshot!(shown(&error), @"arm_failed Temporary after 7 s: the arm answered 429 Too Many Requests (arm: weather)");
    let permanent = failure_of(Reply::http(400, "retry-after: 7\r\n", "")).await;
    assert_eq!(permanent.retry_after(), None);
}

#[tokio::test]
async fn what_the_arm_says_is_kept_without_the_input() {
    let fastapi = json!({"detail": [
        {"type": "less_than_equal", "loc": ["body", "days"], "msg": "Input should be less than or equal to 14", "input": 99},
        {"type": "value_error", "loc": ["body", "location"], "msg": "Atlantis is not on the map", "input": "Atlantis"},
    ]});
    let error = failure_of(Reply::json(422, &fastapi)).await;
    insta::assert_snapshot!(shown(&error), @"invalid_input Permanent: the arm refused its input (arm: weather); /days: Input should be less than or equal to 14; /location: … is not on the map");
    let problem = json!({"type": "about:blank", "title": "Gone", "detail": "Atlantis has sunk"}).to_string();
    let error = failure_of(Reply::http(410, "content-type: application/problem+json\r\n", problem)).await;
    insta::assert_snapshot!(shown(&error), @"arm_failed Permanent: the arm answered 410 Gone (saying: … has sunk, arm: weather)");
    let error = failure_of(Reply::json(500, &json!({"detail": "upstream is down"}))).await;
    insta::assert_snapshot!(shown(&error), @"arm_failed Temporary: the arm answered 500 Internal Server Error (saying: upstream is down, arm: weather)");
}

#[tokio::test]
async fn answers_that_are_no_json_are_permanent_failures() {
    let json_head = "content-type: application/json\r\n";
    let html = failure_of(Reply::http(200, "content-type: text/html\r\n", "<html>hello</html>")).await;
    assert!(html.hint().unwrap().contains("Content-Type"));
    let broken = failure_of(Reply::http(200, json_head, r#"{"a": [1, 2"#)).await;
    let utf8 = failure_of(Reply::http(200, json_head, b"{\"a\": \"\xff\xfe\"}")).await;
    let empty = failure_of(Reply::http(204, "", "")).await;
    let deep = failure_of(Reply::http(200, json_head, "[".repeat(50_000))).await;
    for error in [html, broken, utf8, empty, deep] {
        assert_eq!((error.kind(), error.status()), (ErrorKind::ArmFailed, Status::Permanent), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_content_type_is_forgiven_where_the_body_is_json() {
    let (_server, arm) = arm_answering(Reply::http(200, "content-type: text/plain\r\n", "[1]")).await;
    assert_eq!(arm.execute(call(json!({}))).await.unwrap().output, json!([1]));
}

#[tokio::test]
async fn connections_that_break_are_temporary() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"a\": 1"
        .to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":".to_vec();
    let garbage = b"\x00\x01\x02 this is not HTTP\r\n\r\n".to_vec();
    for bytes in [half, chunked, garbage, Vec::new()] {
        let error = failure_of(Reply::Raw(bytes)).await;
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true), "{error}");
    }
    let (server, arm) = arm_answering(Reply::Silent).await;
    drop(server);
    let error = arm.execute(call(json!({}))).await.unwrap_err();
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true), "{error}");
}

#[tokio::test]
async fn a_body_without_end_is_stopped_by_the_limit() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec();
    let (server, arm) = arm_answering(Reply::Endless(head)).await;
    let error = arm.execute(call(json!({}))).await.unwrap_err();
    insta::assert_snapshot!(shown(&error).replace(&server.url(), "URL"), @"too_large Permanent: the answer is longer than 100000 bytes (url: URL/execute, arm: weather)");
    server.hang_up().await;
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n".to_vec();
    assert_eq!(failure_of(Reply::Endless(announced)).await.kind(), ErrorKind::TooLarge);
    // A refusal may be endless, too: its status is enough.
    let refusal = b"HTTP/1.1 503 Busy\r\n\r\n".to_vec();
    assert!(failure_of(Reply::Endless(refusal)).await.is_temporary());
}

#[tokio::test]
async fn who_never_answers_is_left_at_the_deadline_or_when_cancelled() {
    let slow = Reply::Slow(b"HTTP/1.1 200 OK\r\n".to_vec(), Duration::from_secs(5));
    for reply in [Reply::Silent, slow] {
        let (server, arm) = arm_answering(reply).await;
        let mut late = call(json!({}));
        late.deadline = Instant::now() + Duration::from_millis(50);
        let error = arm.execute(late).await.unwrap_err();
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Timeout, true));
        drop(server);
    }
    let (server, arm) = arm_answering(Reply::Silent).await;
    let cancelled = call(json!({}));
    cancelled.cancelled.cancel();
    assert_eq!(arm.execute(cancelled).await.unwrap_err().kind(), ErrorKind::Cancelled);
    drop(server);
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let (server, arm) = arm_answering(Reply::Silent).await;
    let arm = Arc::new(arm);
    let running = tokio::spawn({
        let arm = Arc::clone(&arm);
        async move { arm.execute(call(json!({}))).await }
    });
    while server.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    running.abort();
    tokio::time::timeout(Duration::from_secs(20), server.hang_up()).await.expect("the connection stays open");
}

#[tokio::test]
async fn connecting_says_what_is_wrong() {
    let mut bad = descriptor();
    bad["arm_id"] = json!("no good");
    bad["cost_tier"] = json!(9);
    bad["output_schema"] = json!({"type": "nonsense"});
    bad.as_object_mut().unwrap().remove("capabilities");
    let cases = [
        (
            Reply::http(200, "content-type: text/html\r\n", "  <!doctype html>"),
            "a web page",
            Status::Permanent,
        ),
        (Reply::http(200, "", "pong"), "did not answer JSON", Status::Permanent),
        (Reply::json(404, &json!({"detail": "Not Found"})), "404", Status::Permanent),
        (Reply::json(503, &json!({})), "503", Status::Temporary),
        (Reply::http(301, "location: /x\r\n", ""), "301", Status::Permanent),
        (Reply::json(200, &bad), "describes itself wrongly", Status::Permanent),
    ];
    for (reply, says, status) in cases {
        let server = FaultServer::start(move |_: &Request| reply.clone()).await.unwrap();
        let error = HttpArm::connect(&server.url(), HttpArmOptions::default()).await.err().unwrap();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains(&server.url()), "{error}");
        assert_eq!(error.status(), status, "{error}");
        assert!(error.hint().is_some() || status == Status::Temporary, "{error}");
    }
    let nobody = HttpArm::connect("http://127.0.0.1:1", HttpArmOptions::default()).await.err().unwrap();
    assert_eq!((nobody.kind(), nobody.is_temporary()), (ErrorKind::Unavailable, true));
}

#[tokio::test]
async fn health_is_what_the_arm_says_or_what_can_be_seen() {
    let degraded = json!({"status": "degraded", "version": "1", "dependencies": {"redis": "unhealthy"}});
    let cases = [
        (Reply::json(200, &degraded), HealthStatus::Degraded),
        (Reply::json(503, &degraded), HealthStatus::Degraded),
        (Reply::http(200, "", "OK"), HealthStatus::Healthy),
        (Reply::http(404, "", ""), HealthStatus::Healthy),
        (Reply::http(500, "", ""), HealthStatus::Unhealthy),
        (Reply::Raw(Vec::new()), HealthStatus::Unhealthy),
    ];
    for (reply, status) in cases {
        let (_server, arm) = arm_answering(reply.clone()).await;
        assert_eq!(arm.health().await.status, status, "{reply:?}");
    }
}

#[tokio::test]
async fn own_headers_are_sent_and_never_shown() {
    let server = FaultServer::start(|_: &Request| Reply::json(200, &descriptor())).await.unwrap();
    let options = HttpArmOptions {
        headers: vec![("authorization".into(), "Bearer secret".into())],
        ..HttpArmOptions::default()
    };
    assert!(!format!("{options:?}").contains("secret"));
    let arm = HttpArm::connect(&server.url(), options).await.unwrap();
    arm.execute(call(json!({}))).await.unwrap();
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
    }
}
