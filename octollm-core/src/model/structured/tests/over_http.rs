//! The same faults over real HTTP, with everything that a connection may do to an answer before it comes: what the layers
//! and the repair make of both together.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::model::LanguageModel;
use crate::model::layers::{Around, Link, LinkOptions, RetryOptions, guarded, standard};
use crate::model::wire::testing::{ANTHROPIC, OPENAI, Wire};
use crate::resilience::Backoff;
use crate::testing::fault_server::{FaultServer, Reply};

/// What happens to each answer once, before it comes through.
const TROUBLES: [&str; 8] = [
    "none",
    "byte by byte",
    "rate limit",
    "overloaded",
    "a page of a proxy",
    "cut in the middle",
    "stalled",
    "silent",
];

fn openai(text: &str) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        format!(
            "data: {}\n\n",
            json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        )
    };
    let (begin, rest) = text.split_at(text.len() / 2);
    vec![
        chunk(json!({"content": begin}), Value::Null),
        chunk(json!({"content": rest}), Value::Null),
        chunk(json!({}), "stop".into()),
        "data: [DONE]\n\n".into(),
    ]
}

fn anthropic(text: &str) -> Vec<String> {
    let event = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    let delta = |text: &str| {
        event(
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        )
    };
    let (begin, rest) = text.split_at(text.len() / 2);
    vec![
        event(
            json!({"type": "message_start", "message": {"id": "m", "model": "m", "content": [], "usage": {}}}),
        ),
        event(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
        delta(begin),
        delta(rest),
        event(
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
        ),
        event(json!({"type": "message_stop"})),
    ]
}

/// What comes instead of the answer, or the answer if the trouble lets it through.
fn troubled(trouble: &str, answer: &[String]) -> Reply {
    let whole = answer.concat();
    let half = Reply::events(answer[..answer.len() / 2].concat());
    let refusal = |status: u16| {
        Reply::json(
            status,
            &json!({"type": "error", "error": {"type": "overloaded_error", "message": "later"}}),
        )
    };
    match trouble {
        "byte by byte" => Reply::Slow(Reply::events(whole), Duration::from_micros(10)),
        "rate limit" => Reply::http(429, "retry-after: 0\r\ncontent-type: application/json\r\n", "{}"),
        "overloaded" => refusal(529),
        "a page of a proxy" => Reply::http(502, "content-type: text/html\r\n", "<html>Bad gateway</html>"),
        "cut in the middle" => Reply::Raw(half),
        "stalled" => Reply::Stall(half),
        "silent" => Reply::Silent,
        _ => Reply::Raw(Reply::events(whole)),
    }
}

/// A server that gives these answers in order, each after its trouble; and a model that asks it as the library does.
async fn world(
    wire: Wire,
    write: fn(&str) -> Vec<String>,
    trouble: &'static str,
    answers: [&'static str; 2],
) -> (FaultServer, Arc<dyn LanguageModel>) {
    let passes = matches!(trouble, "none" | "byte by byte");
    let first = if passes { None } else { Some(trouble) };
    let mut replies = Vec::new();
    for answer in answers {
        let answer = write(answer);
        replies.extend(first.map(|trouble| troubled(trouble, &answer)));
        replies.push(troubled(if passes { trouble } else { "none" }, &answer));
    }
    replies.reverse();
    let replies = Mutex::new(replies);
    let server = FaultServer::start(move |_| replies.lock().unwrap().pop().unwrap_or(Reply::Silent));
    let server = server.await.unwrap();
    let at_once = Backoff { first: Duration::from_millis(1), ..Backoff::default() };
    let retry = RetryOptions { backoff: at_once, ..RetryOptions::default() };
    let link = Link::new(&LinkOptions { retry, ..LinkOptions::default() });
    let model = standard(guarded(wire.model(&server), &link), Vec::new(), &Around::default());
    (server, model)
}

/// Whether the value came; of a failure, it must be the typed one.
async fn comes(
    wire: Wire,
    write: fn(&str) -> Vec<String>,
    trouble: &'static str,
    answers: [&'static str; 2],
) -> bool {
    let (_server, model) = world(wire, write, trouble, answers).await;
    match typed::<Forecast>(&*model, &request(), &shape()).await {
        Ok(answer) => {
            assert_eq!((answer.value.place.as_str(), answer.value.degrees), ("Lyon", 21), "{trouble}");
            true
        }
        Err(error) => {
            assert_eq!(error.context("reason"), Some("structured_output"), "{trouble}, {answers:?}: {error}");
            false
        }
    }
}

/// How many of these answers, under each trouble, end in a value.
async fn values(wire: Wire, write: fn(&str) -> Vec<String>, answers: &[[&'static str; 2]]) -> String {
    let cases = TROUBLES.iter().flat_map(|trouble| answers.iter().map(move |answers| (*trouble, *answers)));
    let came = join_all(cases.map(|(trouble, answers)| comes(wire, write, trouble, answers))).await;
    format!("{} of {}", came.iter().filter(|came| **came).count(), came.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_under_every_trouble() {
    let mended: Vec<_> = FIRST.iter().map(|(_, first, _)| [*first, GOOD]).collect();
    let faulty = FIRST.iter().filter(|(_, _, usable)| !usable);
    let faulty: Vec<_> = faulty.map(|(_, first, _)| [*first, *first]).collect();
    for (wire, write) in [(OPENAI, openai as fn(&str) -> Vec<String>), (ANTHROPIC, anthropic)] {
        assert_eq!(values(wire, write, &mended).await, "96 of 96", "{wire:?}: a good second answer");
        assert_eq!(values(wire, write, &faulty).await, "0 of 56", "{wire:?}: typed errors");
    }
}
