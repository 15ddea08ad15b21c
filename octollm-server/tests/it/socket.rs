//! Tasks watched over a real WebSocket.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::support::*;

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(server: &Server) -> Self {
        Self(connect_async(format!("ws://{}/ws/test-1", server.address)).await.unwrap().0)
    }

    async fn say(&mut self, message: impl ToString) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message that is none of the protocol's own.
    async fn hear(&mut self) -> Message {
        loop {
            let message =
                tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.expect("a message");
            match message.unwrap().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                other => return other,
            }
        }
    }

    async fn update(&mut self) -> Value {
        serde_json::from_str(self.hear().await.to_text().unwrap()).unwrap()
    }

    /// Everything up to the end of these tasks.
    async fn until_they_end<const N: usize>(&mut self, tasks: [&str; N]) -> Vec<Value> {
        let mut open = BTreeSet::from(tasks.map(str::to_owned));
        let mut updates = Vec::new();
        while !open.is_empty() {
            let update = self.update().await;
            if ["completed", "failed", "cancelled"].contains(&update["status"].as_str().unwrap_or_default()) {
                open.remove(update["task_id"].as_str().unwrap());
            }
            updates.push(update);
        }
        updates
    }
}

fn of(updates: &[Value], task: &str, field: &str) -> Vec<Value> {
    updates.iter().filter(|update| update["task_id"] == task).map(|update| update[field].clone()).collect()
}

#[tokio::test]
async fn a_task_is_told_until_it_ends_and_the_socket_stays_open() {
    let server = server().await;
    let mut socket = Socket::open(&server).await;
    for words in ["It has three hearts. ".repeat(8), "Two of them stop when it swims. ".repeat(8)] {
        let steps = [("talker", json!({"words": words})), ("slow", json!({"ms": 30}))];
        let id = server.submit(&planned(&steps)).await;
        socket.say(json!({"task_id": id})).await;
        let updates = socket.until_they_end([&id]).await;
        let progress: Vec<f64> =
            of(&updates, &id, "progress").iter().map(|part| part.as_f64().unwrap()).collect();
        assert_eq!((progress[0], progress[progress.len() - 1]), (0.0, 1.0));
        assert!(progress.contains(&0.5), "{progress:?}");
        assert!(of(&updates, &id, "message").contains(&json!("step 1: talker works on it")), "{updates:?}");
        let kinds: BTreeSet<_> =
            updates.iter().filter_map(|update| update["event"]["type"].as_str()).collect();
        for kind in ["task.accepted", "model.delta", "step.completed", "task.completed"] {
            assert!(kinds.contains(kind), "{kinds:?}");
        }
    }
}

#[tokio::test]
async fn several_tasks_share_a_socket_and_one_that_is_over_is_told_from_its_journal() {
    let server = server().await;
    let over = server.run(&planned(&[("echo", json!({}))])).await["task_id"].as_str().unwrap().to_owned();
    let slow = server.submit(&planned(&[("slow", json!({"ms": 300}))])).await;
    let mut socket = Socket::open(&server).await;
    for id in [&slow, &over] {
        socket.say(json!({"task_id": id})).await;
    }
    let updates = socket.until_they_end([&slow, &over]).await;
    let position = |id: &str| updates.iter().rposition(|update| update["task_id"] == id).unwrap();
    assert!(position(&over) < position(&slow), "nobody waits for the slow one");
    let seqs = |updates: &[Value]| -> Vec<_> {
        of(updates, &over, "event").iter().map(|event| event["seq"].as_u64().unwrap()).collect()
    };
    let all = seqs(&updates);
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());

    // A client that comes back says what it knows.
    socket.say(json!({"task_id": over, "after": 2})).await;
    let rest = socket.until_they_end([&over]).await;
    assert_eq!(seqs(&rest), all[2..]);
    assert_eq!(of(&rest, &over, "status").last(), Some(&json!("completed")));
}

#[tokio::test]
async fn what_cannot_be_followed_is_answered_and_ends_nothing() {
    let server = server().await;
    let slow = server.submit(&planned(&[("slow", json!({"ms": 700}))])).await;
    let mut socket = Socket::open(&server).await;
    socket.say(json!({"task_id": slow})).await;
    let mut codes = Vec::new();
    for message in [
        "hello".to_owned(),
        json!({"task_id": "task-1"}).to_string(),
        json!({"task_id": "task-01890a5d-ac96-774b-bcce-b302099a8057"}).to_string(),
        json!({"task_id": slow, "afte": 1}).to_string(),
        json!({"task_id": slow}).to_string(),
    ] {
        socket.say(message).await;
        loop {
            let update = socket.update().await;
            if update["error"].is_object() {
                assert!(update["status"].is_null(), "{update}");
                codes.push(update["error"]["code"].as_str().unwrap().to_owned());
                break;
            }
        }
    }
    assert_eq!(codes, ["invalid_input", "not_found", "not_found", "invalid_input", "conflict"]);
    socket.until_they_end([&slow]).await;
}

#[tokio::test]
async fn only_who_may_opens_one() {
    let server = server().await;
    let body = problem(server.get("/ws/test-1")).await;
    assert_eq!((&body["status"], &body["code"]), (&json!(426), &json!("invalid_input")), "{body}");
    let refused = async |path: &str, origin: Option<&str>| {
        let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match connect_async(request).await {
            Ok(_) => None,
            Err(Error::Http(response)) => Some(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    };
    let own = format!("http://{}", server.address);
    assert_eq!(refused("/ws/test-1", Some(&own)).await, None);
    for foreign in ["https://example.org", "null", "http://127.0.0.1:1"] {
        assert_eq!(refused("/ws/test-1", Some(foreign)).await, Some(403), "{foreign}");
    }
    assert_eq!(refused("/ws/a%20b", None).await, Some(422));
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let server = server().await;
    let slow = server.submit(&planned(&[("slow", json!({"ms": 5000}))])).await;
    let mut socket = Socket::open(&server).await;
    socket.say(json!({"task_id": slow})).await;
    socket.update().await;
    server.stop().await;
    loop {
        if let Message::Close(frame) = socket.hear().await {
            assert_eq!(u16::from(frame.unwrap().code), 1001);
            return;
        }
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_socket() {
    let server = server().await;
    let mut socket = Socket::open(&server).await;
    socket.say("x".repeat(5000)).await;
    let end = tokio::time::timeout(Duration::from_secs(10), socket.0.next()).await.expect("an end");
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
}
