use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::model::wire::testing::{ANTHROPIC, KEY, PROMPT, never_a_part_of, question, serve};
use crate::model::{
    Delta, FinishReason, Image, Message, OutputFormat, Part, Reason, Role, Tool, ToolCall, ToolChoice,
    ToolResult, Vendors,
};
use crate::testing::fault_server::Reply;

fn event(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default())
}

fn start() -> String {
    let usage = json!({"input_tokens": 25, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 200, "output_tokens": 1});
    event(
        &json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-5-5", "content": [], "stop_reason": null, "usage": usage}}),
    )
}

fn begin(index: usize, block: &Value) -> String {
    event(&json!({"type": "content_block_start", "index": index, "content_block": block}))
}

fn piece(index: usize, delta: &Value) -> String {
    event(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
}

fn text(text: &str) -> String {
    begin(0, &json!({"type": "text", "text": ""})) + &piece(0, &json!({"type": "text_delta", "text": text}))
}

fn stop(reason: &str) -> String {
    event(&json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 15}}))
}

fn end() -> String {
    event(&json!({"type": "message_stop"}))
}

fn events(parts: &[&str]) -> Reply {
    Reply::Raw(Reply::events(parts.concat()))
}

#[tokio::test]
async fn an_answer_is_folded_and_counted_from_both_ends() {
    let ping = event(&json!({"type": "ping"})) + &event(&json!({"type": "some_event_of_tomorrow"}));
    let reply = ANTHROPIC
        .ask(events(&[&start(), &ping, &text("Grüße 🌍"), &stop("end_turn"), &end()]))
        .await
        .unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("Grüße 🌍", FinishReason::Stop));
    assert_eq!((reply.model.as_str(), reply.id.as_deref()), ("claude-sonnet-5-5", Some("msg_1")));
    let tokens = reply.tokens.unwrap();
    assert_eq!((tokens.input_tokens, tokens.output_tokens), (1225, 15));
    assert_eq!((tokens.cached_input_tokens, tokens.cache_write_tokens), (1000, 200));
    let expected = (25.0 * 2.0 + 1000.0 * 0.10 + 200.0 * 2.50 + 15.0 * 10.0) / 1e6;
    assert!((reply.usage.cost_usd - expected).abs() < 1e-12, "{:?}", reply.usage);
}

#[tokio::test]
async fn the_key_goes_into_its_header_and_the_question_into_the_body() {
    let server = serve(events(&[&start(), &text("hi"), &stop("end_turn"), &end()])).await;
    ANTHROPIC.model(&server).complete(&question()).await.unwrap();
    let request = server.requests().pop().unwrap();
    assert!(request.is("POST /v1/messages"), "{}", request.head);
    assert_eq!(request.header("x-api-key"), Some(KEY));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    let expected = json!({
        "model": "claude-sonnet-5-5", "max_tokens": 16_384, "stream": true,
        "messages": [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}],
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

#[tokio::test]
async fn an_answer_is_the_same_byte_by_byte() {
    let bytes = Reply::events([start(), text("Grüße 🌍"), stop("end_turn"), end()].concat());
    let reply = ANTHROPIC.ask(Reply::Slow(bytes, Duration::from_micros(50))).await.unwrap();
    assert_eq!(reply.text, "Grüße 🌍");
}

#[test]
fn an_answer_that_is_cut_anywhere_is_whole_or_an_error() {
    let stream = [start(), text("Grüße 🌍"), stop("end_turn"), end()].concat();
    never_a_part_of("Grüße 🌍", &stream, || decoder::MessageDecoder::new(None));
}

#[tokio::test]
async fn thoughts_words_and_calls_are_kept_apart() {
    let thought = begin(0, &json!({"type": "thinking", "thinking": ""}))
        + &piece(0, &json!({"type": "thinking_delta", "thinking": "hm"}))
        + &piece(0, &json!({"type": "signature_delta", "signature": "xyz"}))
        + &event(&json!({"type": "content_block_stop", "index": 0}));
    let words = begin(1, &json!({"type": "text", "text": ""}))
        + &piece(1, &json!({"type": "text_delta", "text": "ok"}));
    let call = begin(2, &json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}))
        + &piece(2, &json!({"type": "input_json_delta", "partial_json": ""}))
        + &piece(2, &json!({"type": "input_json_delta", "partial_json": "{\"city\": \"U"}))
        + &piece(2, &json!({"type": "input_json_delta", "partial_json": "lm\"}"}));
    let reply =
        ANTHROPIC.ask(events(&[&start(), &thought, &words, &call, &stop("tool_use"), &end()])).await.unwrap();
    assert_eq!((reply.reasoning.as_str(), reply.text.as_str()), ("hm", "ok"));
    assert_eq!(reply.thoughts, [json!({"type": "thinking", "thinking": "hm", "signature": "xyz"})]);
    let expected =
        ToolCall { id: "toolu_1".into(), name: "weather".into(), arguments: json!({"city": "Ulm"}) };
    assert_eq!((reply.tool_calls, reply.finish), (vec![expected], FinishReason::ToolCalls));
}

#[tokio::test]
async fn an_answer_that_is_complete_is_not_lost_for_its_ending() {
    let head = [start(), text("hi")].concat();
    let whole = json!({"type": "message", "id": "m", "model": "x", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}});
    let cases = [
        ("no message_stop", events(&[&head, &stop("end_turn")])),
        ("the connection stays open", Reply::Stall(Reply::events([head, stop("end_turn")].concat()))),
        ("not a stream", Reply::json(200, &whole)),
    ];
    for (name, reply) in cases {
        let answer = ANTHROPIC.ask(reply).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((answer.text.as_str(), answer.finish), ("hi", FinishReason::Stop), "{name}");
    }
}

#[tokio::test]
async fn broken_answers_are_errors_and_say_which() {
    let error =
        |kind: &str| json!({"type": "error", "error": {"type": kind, "message": format!("{PROMPT} {KEY}")}});
    let html = "<html><body>Welcome</body></html>";
    let hi = [start(), text("hi")].concat();
    let cases = vec![
        ("nothing", events(&[""]), Reason::CutOff),
        ("cut in the middle", events(&[&hi]), Reason::CutOff),
        ("an end without a reason", events(&[&hi, &end()]), Reason::CutOff),
        ("not JSON", events(&[&hi, "event: content_block_delta\ndata: {oops\n\n"]), Reason::Malformed),
        ("a piece without a text", events(&[&piece(0, &json!({"type": "text_delta"}))]), Reason::Malformed),
        ("overloaded in the middle", events(&[&hi, &event(&error("overloaded_error"))]), Reason::Overloaded),
        ("an error in the middle", events(&[&hi, &event(&error("api_error"))]), Reason::ServerError),
        ("an error as an answer", Reply::json(200, &error("overloaded_error")), Reason::Overloaded),
        ("overloaded at once", Reply::json(529, &error("overloaded_error")), Reason::Overloaded),
        ("a bad key", Reply::json(401, &error("authentication_error")), Reason::Auth),
        ("a page", Reply::http(200, "content-type: text/html\r\n", html), Reason::WrongEndpoint),
        ("another service", Reply::json(200, &json!({"choices": []})), Reason::WrongEndpoint),
        ("silence", Reply::Silent, Reason::FirstByteTimeout),
        ("silence in the middle", Reply::Stall(Reply::events(hi.clone())), Reason::Stalled),
    ];
    ANTHROPIC.all_fail(cases).await;
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let server = serve(Reply::Stall(Reply::events([start(), text("hi")].concat()))).await;
    let mut stream = ANTHROPIC.with(&server, &[]).stream(&question()).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Delta::Started { .. }))));
    drop(stream);
    timeout(Duration::from_secs(5), server.hang_up()).await.expect("the server still waits");
}

/// The body for this model.
fn body_for(model: &str, request: &ModelRequest) -> Value {
    let (descriptor, quirks) = Vendors::built_in().unwrap().describe("anthropic", model).unwrap();
    let shape = body::Shape::of(request, &quirks);
    serde_json::from_slice(&body::of(request, &descriptor, &quirks, &shape).unwrap()).unwrap()
}

fn shaped(schema: Value) -> ModelRequest {
    let output = OutputFormat::Schema { name: "answer".into(), schema: Arc::new(schema) };
    ModelRequest { output, ..question() }
}

#[test]
fn a_schema_is_held_natively_where_the_model_can() {
    let schema =
        json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]});
    let native = body_for("claude-sonnet-5-5", &shaped(schema.clone()));
    let closed = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false});
    assert_eq!(native["output_config"], json!({"format": {"type": "json_schema", "schema": closed}}));
    let by_tool = body_for("claude-3-5-haiku-20241022", &shaped(schema.clone()));
    assert_eq!(by_tool["tool_choice"], json!({"type": "tool", "name": "answer"}));
    assert_eq!(by_tool["tools"][0]["input_schema"], schema);
    assert!(by_tool.get("output_config").is_none());
    // Free keys fit no native schema, and this model cannot be made to use a tool.
    let free = body_for(
        "claude-opus-5-5",
        &shaped(json!({"type": "object", "additionalProperties": {"type": "string"}})),
    );
    assert!(free.get("tools").is_none() && free.get("output_config").is_none(), "{free}");
}

#[tokio::test]
async fn the_input_of_the_answering_tool_is_the_answer() {
    let call = begin(0, &json!({"type": "tool_use", "id": "t", "name": "answer", "input": {}}))
        + &piece(0, &json!({"type": "input_json_delta", "partial_json": "{\"n\":"}))
        + &piece(0, &json!({"type": "input_json_delta", "partial_json": " 3}"}));
    let server = serve(events(&[&start(), &call, &stop("tool_use"), &end()])).await;
    let request = shaped(json!({"type": "object", "additionalProperties": {"type": "integer"}}));
    let reply = ANTHROPIC.model(&server).complete(&request).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("{\"n\": 3}", FinishReason::Stop));
    assert_eq!(reply.tool_calls, []);
}

#[test]
fn settings_that_a_model_refuses_are_left_out() {
    let request = ModelRequest {
        temperature: Some(1.5),
        top_p: Some(0.5),
        seed: Some(1),
        stop: vec!["END".into(), "\n".into()],
        max_output_tokens: Some(1_000_000),
        ..question()
    };
    let old = body_for("claude-sonnet-4-5", &request);
    assert_eq!((&old["temperature"], &old["max_tokens"]), (&json!(1.0), &json!(64_000)));
    assert_eq!(old["stop_sequences"], json!(["END"]));
    assert!(old.get("top_p").is_none() && old.get("seed").is_none(), "{old}");
    assert!(body_for("claude-opus-4-7", &request).get("temperature").is_none());
}

#[test]
fn messages_have_their_own_form_and_markers() {
    let call = ToolCall { id: "c1".into(), name: "f".into(), arguments: json!("not JSON") };
    let result = ToolResult { call_id: "c1".into(), content: "no".into(), is_error: true };
    let png = Image::Bytes { media_type: "image/png".into(), data: Arc::from(*b"png") };
    let images = vec![
        Part::Image(png),
        Part::Image(Image::Url("data:image/gif;base64,R0lG".into())),
        Part::Image(Image::Url("https://x/y".into())),
    ];
    let request = ModelRequest {
        tools: vec![Tool {
            name: "f".into(),
            description: "does".into(),
            parameters: json!({"type": "object"}),
        }],
        tool_choice: ToolChoice::Named("f".into()),
        ..ModelRequest::new(vec![
            Message::system("long").cached(),
            Message::new(Role::User, images),
            Message::new(Role::Assistant, vec![Part::Text(String::new()), Part::ToolCall(call)]),
            Message::new(Role::User, vec![Part::Text("and?".into()), Part::ToolResult(result)]),
        ])
    };
    let body = body_for("claude-sonnet-5-5", &request);
    assert_eq!(
        body["system"],
        json!([{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}])
    );
    let expected = json!([
        {"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lG"}},
            {"type": "image", "source": {"type": "url", "url": "https://x/y"}},
        ]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {"text": "not JSON"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "no", "is_error": true},
            {"type": "text", "text": "and?"},
        ]},
    ]);
    assert_eq!(body["messages"], expected);
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "f"}));
    assert_eq!(body_for("claude-opus-5-5", &request)["tool_choice"], json!({"type": "auto"}));
}

#[tokio::test]
async fn thoughts_go_back_as_they_came_before_the_call_that_they_led_to() {
    let content = json!([
        {"type": "thinking", "thinking": "hm", "signature": "xyz"},
        {"type": "redacted_thinking", "data": "abc"},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Ulm"}},
    ]);
    let whole = json!({"type": "message", "id": "m", "model": "x", "content": content, "stop_reason": "tool_use", "usage": {}});
    let reply = ANTHROPIC.ask(Reply::json(200, &whole)).await.unwrap();
    assert_eq!((reply.reasoning.as_str(), reply.thoughts.len(), reply.tool_calls.len()), ("hm", 2, 1));
    let result = ToolResult { call_id: "toolu_1".into(), content: "rain".into(), is_error: false };
    let mut request = question();
    request.messages.extend([reply.message(), Message::tool_results([result])]);
    let mut thoughts_alone = reply.clone();
    thoughts_alone.tool_calls.clear();
    request.messages.push(thoughts_alone.message().cached());
    let server = serve(events(&[&start(), &text("hi"), &stop("end_turn"), &end()])).await;
    ANTHROPIC.model(&server).complete(&request).await.unwrap();
    let body: Value = serde_json::from_slice(&server.requests().pop().unwrap().body).unwrap();
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": content}));
    assert_eq!(
        body["messages"][3]["content"].as_array(),
        content.as_array().map(|all| all[..2].to_vec()).as_ref()
    );
}
