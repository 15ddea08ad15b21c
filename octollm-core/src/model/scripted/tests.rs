use futures_util::StreamExt;
use serde_json::json;

use super::*;
use crate::model::{FinishReason, Message, Reason};

fn request() -> ModelRequest {
    ModelRequest::new(vec![Message::user("hello")])
}

#[tokio::test]
async fn answers_come_in_order_and_in_pieces() {
    let model = ScriptedModel::in_order([
        ScriptedReply::text("grüße").chunked(2).thinking("hm").using(3, 4),
        ScriptedReply::tool_call("search", &json!({"query": "octopus"})).chunked(5),
    ]);
    let deltas: Vec<_> = model.stream(&request()).await.unwrap().map(Result::unwrap).collect().await;
    let said = deltas.iter().filter_map(|delta| match delta {
        Delta::Text(text) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), ["gr", "üß", "e"]);
    let reply = model.complete(&request()).await.unwrap();
    assert_eq!(reply.tool_calls[0].arguments, json!({"query": "octopus"}));
    assert_eq!(reply.finish, FinishReason::ToolCalls);
    assert_eq!(model.complete(&request()).await.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(model.calls(), 3);
}

#[tokio::test]
async fn a_stream_that_breaks_or_ends_early_is_an_error() {
    let broken = || Reason::Network.error("the connection broke");
    let model = ScriptedModel::in_order([
        ScriptedReply::refuse(Reason::Overloaded.error("busy")),
        ScriptedReply::text("abc").chunked(1).failing_after(2, broken()),
        ScriptedReply::text("abc").chunked(1).cut_off_after(1),
    ]);
    for reason in [Reason::Overloaded, Reason::Network, Reason::CutOff] {
        assert_eq!(Reason::of(&model.complete(&request()).await.unwrap_err()), Some(reason));
    }
    assert_eq!(model.open_streams(), 0);
}

#[tokio::test]
async fn a_stream_counts_as_open_until_it_ends_or_is_dropped() {
    let stalls = |_: &ModelRequest| ScriptedReply::text("abc").chunked(1).stalling_after(1);
    let model = ScriptedModel::matching(stalls);
    let mut stream = model.stream(&request()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(model.open_streams(), 1);
    drop(stream);
    assert_eq!(model.open_streams(), 0);
}
