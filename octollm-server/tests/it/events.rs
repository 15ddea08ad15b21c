//! A task's journal as pages and as server-sent events.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, answer, planned, problem, server};

async fn stream(server: &Server, id: &str, last: Option<&str>) -> String {
    let mut request = server.get(&format!("/api/v1/tasks/{id}/events")).header("accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.text().await.unwrap()
}

/// The stream with only the parts of each event that are the same every time.
fn outline(stream: &str) -> String {
    let mut lines = Vec::new();
    for line in stream.lines() {
        match line.strip_prefix("data: ") {
            Some(data) => {
                let data: Value = serde_json::from_str(data).unwrap();
                assert!(data["task_id"].is_string() && data["at"].is_string());
                lines.push(format!("data: seq={} type={}", data["seq"], data["type"]));
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

#[tokio::test]
async fn events_stream_until_the_task_has_ended() {
    let server = server().await;
    let result = server.run(&planned(&[("echo", json!({}))])).await;
    let id = result["task_id"].as_str().unwrap();
    insta::assert_snapshot!(outline(&stream(&server, id, None).await), @r#"
event: task.accepted
data: seq=1 type="task.accepted"
id: 1

event: plan.created
data: seq=2 type="plan.created"
id: 2

event: step.started
data: seq=3 type="step.started"
id: 3

event: step.completed
data: seq=4 type="step.completed"
id: 4

event: task.completed
data: seq=5 type="task.completed"
id: 5
"#);
}

#[tokio::test]
async fn live_only_events_have_no_number() {
    let server = server().await;
    let mut request = planned(&[("slow", json!({"ms": 1000})), ("slow", json!({"ms": 10}))]);
    request["plan"]["subtasks"][1]["depends_on"] = json!([1]);
    let id = server.submit(&request).await;
    let outline = outline(&stream(&server, &id, None).await);
    let progress = "event: step.progress\ndata: seq=null type=\"step.progress\"\n\n";
    assert!(outline.contains(progress), "{outline}");
    assert!(outline.contains("type=\"task.completed\""), "{outline}");
}

#[tokio::test]
async fn what_a_model_says_is_streamed_without_a_number() {
    let server = server().await;
    let words = "It has three hearts, and two of them stop when it swims. ".repeat(4);
    let id = server.submit(&planned(&[("talker", json!({"words": words}))])).await;
    let stream = stream(&server, &id, None).await;
    let mut said = String::new();
    for frame in stream.split("\n\n").filter(|frame| frame.starts_with("event: model.delta\n")) {
        let data: Value = serde_json::from_str(frame.split_once("data: ").unwrap().1).unwrap();
        assert_eq!(
            (&data["step"], &data["call"], &data["seq"]),
            (&json!(1), &json!(1), &Value::Null),
            "{frame}"
        );
        assert!(!frame.contains("\nid:"), "{frame}");
        said.push_str(data["text"].as_str().unwrap());
    }
    assert!(said.len() > words.len() / 2 && words.ends_with(&said), "{said}");
    let (_, journal) = answer(server.get(&format!("/api/v1/tasks/{id}/events"))).await;
    assert!(!journal.to_string().contains("model.delta"));
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_read() {
    let server = server().await;
    let result = server.run(&planned(&[("echo", json!({}))])).await;
    let id = result["task_id"].as_str().unwrap();
    let all = outline(&stream(&server, id, None).await);
    let rest = outline(&stream(&server, id, Some("2")).await);
    assert!(rest.starts_with("id: 3\n") || rest.contains("\nid: 3\n"), "{rest}");
    assert!(all.ends_with(&rest), "{all}\n---\n{rest}");

    let last = all.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
    let request = server.get(&format!("/api/v1/tasks/{id}/events")).header("accept", "text/event-stream");
    let response = request.header("last-event-id", last).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "nothing more comes");

    let request = server.get(&format!("/api/v1/tasks/{id}/events")).header("accept", "text/event-stream");
    assert_eq!(problem(request.header("last-event-id", "x")).await["errors"][0]["pointer"], "Last-Event-ID");
}

#[tokio::test]
async fn the_journal_comes_in_pages() {
    let server = server().await;
    let result = server.run(&planned(&[("echo", json!({})), ("echo", json!({}))])).await;
    let path = format!("/api/v1/tasks/{}/events", result["task_id"].as_str().unwrap());
    let (_, all) = answer(server.get(&path)).await;
    assert!(all.get("next").is_none());
    let all = all["events"].as_array().unwrap();
    let seqs: Vec<_> = all.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=all.len() as u64).collect::<Vec<_>>(), "without gaps");

    let mut paged = Vec::new();
    let mut after = 0;
    loop {
        let (_, page) = answer(server.get(&format!("{path}?after={after}&limit=2"))).await;
        paged.extend(page["events"].as_array().unwrap().clone());
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(&paged, all);
    assert_eq!(problem(server.get(&format!("{path}?limit=0"))).await["status"], 422);
}
