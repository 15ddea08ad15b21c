use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::*;
use crate::error::{ErrorKind, Status};
use crate::model::wire::testing::{KEY, OPENAI, PROMPT, never_a_part_of, question, serve};
use crate::model::{
    Delta, FinishReason, Image, Message, OutputFormat, Part, Reason, Role, Tool, ToolCall, ToolChoice,
    ToolResult, Vendors,
};
use crate::testing::fault_server::Reply;

/// A whole answer as OpenAI sends it.
const STREAM: &str = concat!(
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"content":"Grüße, "}}]}"#,
    "\n\n: keep-alive\n\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"content":"Welt 🌍"}}]}"#,
    "\r\n\r\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":2006,"completion_tokens":300,"prompt_tokens_details":{"cached_tokens":1920}}}"#,
    "\n\ndata: [DONE]\n\n",
);

/// A chunk with this delta, and this reason to finish.
fn chunk(delta: Value, finish: Value) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    format!("data: {}\n\n", json!({"id": "c", "model": "m", "choices": [choice]}))
}

fn text(text: &str) -> String {
    chunk(json!({"content": text}), Value::Null)
}

fn events(parts: &[&str]) -> Reply {
    Reply::Raw(Reply::events(parts.concat()))
}

#[tokio::test]
async fn thoughts_of_another_provider_are_left_out() {
    let mut request = question();
    let thoughts = Part::Thoughts(json!({"type": "thinking", "thinking": "hm", "signature": "xyz"}));
    request.messages.push(Message::new(Role::Assistant, vec![thoughts, Part::Text("Well".into())]));
    let server = serve(events(&[STREAM])).await;
    OPENAI.model(&server).complete(&request).await.unwrap();
    let body: Value = serde_json::from_slice(&server.requests().pop().unwrap().body).unwrap();
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": "Well"}));
}

#[tokio::test]
async fn an_answer_is_folded_with_what_it_cost() {
    let reply = OPENAI.ask(events(&[STREAM])).await.unwrap();
    assert_eq!(reply.text, "Grüße, Welt 🌍");
    assert_eq!((reply.model.as_str(), reply.id.as_deref()), ("gpt-4o-mini-2024-07-18", Some("chatcmpl-1")));
    assert_eq!(reply.finish, FinishReason::Stop);
    let tokens = reply.tokens.unwrap();
    assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.cached_input_tokens), (2006, 300, 1920));
    let expected = (86.0 * 0.15 + 1920.0 * 0.075 + 300.0 * 0.60) / 1e6;
    assert!((reply.usage.cost_usd - expected).abs() < 1e-12, "{:?}", reply.usage);
}

#[tokio::test]
async fn the_key_goes_into_its_header_and_the_question_into_the_body() {
    let server = serve(events(&[STREAM])).await;
    OPENAI.model(&server).complete(&question()).await.unwrap();
    let request = server.requests().pop().unwrap();
    assert!(request.is("POST /v1/chat/completions"), "{}", request.head);
    assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let expected = json!({
        "model": "gpt-4o-mini", "messages": [{"role": "user", "content": PROMPT}],
        "stream": true, "stream_options": {"include_usage": true},
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

/// Characters and line ends are split between two packets, and a byte order mark stands in front.
#[tokio::test]
async fn an_answer_is_the_same_byte_by_byte() {
    let bytes = Reply::events(format!("\u{feff}{STREAM}"));
    let reply = OPENAI.ask(Reply::Slow(bytes, Duration::from_micros(50))).await.unwrap();
    assert_eq!(reply.text, "Grüße, Welt 🌍");
}

#[test]
fn an_answer_that_is_cut_anywhere_is_whole_or_an_error() {
    never_a_part_of("Grüße, Welt 🌍", STREAM, decoder::ChatDecoder::default);
}

#[tokio::test]
async fn thoughts_are_kept_apart_from_words() {
    let deepseek = chunk(json!({"reasoning_content": "hm ", "content": null}), Value::Null);
    let router = chunk(json!({"reasoning": "ah ", "content": ""}), Value::Null);
    let mistral = json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}, {"type": "text", "text": "yes"}]});
    let parts = [deepseek, router, chunk(mistral, json!("stop")), "data: [DONE]\n\n".into()];
    let reply = OPENAI.ask(events(&parts.each_ref().map(String::as_str))).await.unwrap();
    assert_eq!((reply.reasoning.as_str(), reply.text.as_str()), ("hm ah so", "yes"));
}

#[tokio::test]
async fn tool_calls_are_put_together() {
    let first = json!({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "weather", "arguments": ""}}]});
    let more = |piece: &str| {
        chunk(json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), Value::Null)
    };
    let parts =
        [chunk(first, Value::Null), more("{\"city\":"), more("\"Ulm\"}"), chunk(json!({}), json!("stop"))];
    let reply = OPENAI.ask(events(&parts.each_ref().map(String::as_str))).await.unwrap();
    assert_eq!(reply.finish, FinishReason::ToolCalls, "a server that says stop means the tools");
    let expected =
        ToolCall { id: "call_1".into(), name: "weather".into(), arguments: json!({"city": "Ulm"}) };
    assert_eq!(reply.tool_calls, [expected]);
}

/// Streams that do not end as they should, but say enough to be whole.
#[tokio::test]
async fn an_answer_that_is_complete_is_not_lost_for_its_ending() {
    let stop = chunk(json!({}), json!("stop"));
    let cases = [
        ("no [DONE]", events(&[&text("hi"), &stop])),
        ("no finish reason", events(&[&text("hi"), "data: [DONE]\n\n"])),
        ("the connection stays open", Reply::Stall(Reply::events([text("hi"), stop.clone()].concat()))),
        ("length promised, not kept", Reply::Raw(short_of(&[text("hi"), stop].concat()))),
        (
            "as text",
            Reply::http(200, "content-type: text/plain\r\n", [&text("hi"), "data: [DONE]\n\n"].concat()),
        ),
        (
            "not a stream",
            Reply::json(
                200,
                &json!({"model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}),
            ),
        ),
        (
            "not a stream, no reason",
            Reply::json(200, &json!({"choices": [{"index": 0, "message": {"content": "hi"}}]})),
        ),
        (
            "a second answer",
            events(&[
                &text("hi"),
                "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}}]}\n\n",
                "data: [DONE]\n\n",
            ]),
        ),
    ];
    for (name, reply) in cases {
        let answer = OPENAI.ask(reply).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((answer.text.as_str(), answer.finish), ("hi", FinishReason::Stop), "{name}");
    }
}

/// A head that promises ten bytes more than come.
fn short_of(body: &str) -> Vec<u8> {
    let length = body.len() + 10;
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn broken_answers_are_errors_and_say_which() {
    let echo =
        json!({"error": {"message": format!("bad: {PROMPT} {KEY}"), "type": "server_error", "code": null}});
    let overloaded = json!({"error": {"message": "x", "type": "overloaded_error"}});
    let html = "<!DOCTYPE html><html><body>Welcome</body></html>";
    let cases = vec![
        ("nothing", events(&[""]), Reason::CutOff),
        ("cut in the middle", events(&[&text("hi")]), Reason::CutOff),
        ("cut in a frame", events(&[&text("hi"), "data: {\"choi"]), Reason::CutOff),
        ("length promised, not kept", Reply::Raw(short_of(&text("hi"))), Reason::CutOff),
        ("only the end", events(&["data: [DONE]\n\n"]), Reason::CutOff),
        ("not JSON", events(&[&text("hi"), &format!("data: {{{PROMPT}\n\n")]), Reason::Malformed),
        ("other JSON", events(&["data: [1]\n\n"]), Reason::Malformed),
        ("an error in the stream", events(&[&text("hi"), &format!("data: {echo}\n\n")]), Reason::ServerError),
        ("an error event", events(&[&format!("event: error\ndata: {overloaded}\n\n")]), Reason::Overloaded),
        ("an error as an answer", Reply::json(200, &echo), Reason::ServerError),
        ("an error as a stream", events(&[&overloaded.to_string()]), Reason::Overloaded),
        ("a page", Reply::http(200, "content-type: text/html\r\n", html), Reason::WrongEndpoint),
        ("a page as a stream", events(&[html]), Reason::WrongEndpoint),
        ("a page as refusal", Reply::http(502, "content-type: text/html\r\n", html), Reason::Overloaded),
        ("another service", Reply::json(200, &json!({"status": "ok"})), Reason::WrongEndpoint),
        ("half a document", Reply::http(200, "", "{\"choices\": [{"), Reason::Malformed),
        (
            "no place left",
            events(&[&chunk(json!({}), json!("insufficient_system_resource"))]),
            Reason::Overloaded,
        ),
        ("a redirect", Reply::http(302, "location: http://127.0.0.1:1/\r\n", ""), Reason::WrongEndpoint),
        ("not HTTP", Reply::Raw(b"220 mail.example ESMTP\r\n".to_vec()), Reason::Network),
        ("no answer", Reply::Raw(Vec::new()), Reason::Network),
        ("silence", Reply::Silent, Reason::FirstByteTimeout),
        ("silence after the head", Reply::Stall(Reply::events("")), Reason::Stalled),
        ("silence in the middle", Reply::Stall(Reply::events(text("hi"))), Reason::Stalled),
    ];
    OPENAI.all_fail(cases).await;
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back() {
    let body =
        json!({"error": {"message": PROMPT, "type": "requests", "code": "rate_limit_exceeded"}}).to_string();
    let error = OPENAI.fail(Reply::http(429, "retry-after: 3\r\nx-request-id: req-12345678\r\n", body)).await;
    assert_eq!(
        (Reason::of(&error), error.retry_after()),
        (Some(Reason::RateLimit), Some(Duration::from_secs(3)))
    );
    assert_eq!(error.context("request id"), Some("req-12345678"));
}

#[tokio::test]
async fn nobody_listening_is_a_network_fault() {
    let server = serve(Reply::Silent).await;
    let model = OPENAI.model(&server);
    drop(server);
    let error = model.complete(&question()).await.unwrap_err();
    assert_eq!((Reason::of(&error), error.is_temporary()), (Some(Reason::Network), true), "{error:?}");
}

#[tokio::test]
async fn signs_of_life_alone_do_not_keep_an_answer_alive_for_ever() {
    let bytes = Reply::events(": ping\n\n".repeat(10_000));
    let server = serve(Reply::Slow(bytes, Duration::from_millis(1))).await;
    let error = OPENAI.with(&server, &[("LLM_TOTAL_SECONDS", "1")]).complete(&question()).await.unwrap_err();
    assert_eq!(Reason::of(&error), Some(Reason::Stalled), "{error:?}");
}

#[tokio::test]
async fn a_deadline_ends_the_call_for_good() {
    for reply in [Reply::Silent, Reply::Stall(Reply::events(text("hi")))] {
        let server = serve(reply).await;
        let mut request = question();
        request.context.deadline = Some(Instant::now() + Duration::from_millis(100));
        let error = OPENAI.with(&server, &[]).complete(&request).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, Status::Permanent), "{error:?}");
    }
}

#[tokio::test]
async fn what_came_before_an_error_is_told_before_it() {
    let server = serve(events(&[&text("hi"), "data: {\"error\": {\"message\": \"x\"}}\n\n"])).await;
    let stream = OPENAI.model(&server).stream(&question()).await.unwrap();
    let told: Vec<_> = stream.map(|delta| delta.map_err(|error| Reason::of(&error))).collect().await;
    assert_eq!(
        told.get(1..),
        Some([Ok(Delta::Text("hi".into())), Err(Some(Reason::ServerError))].as_slice())
    );
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let server = serve(Reply::Stall(Reply::events(text("hi")))).await;
    let mut stream = OPENAI.with(&server, &[]).stream(&question()).await.unwrap();
    let mut next = async || stream.next().await.unwrap().unwrap();
    assert!(matches!(next().await, Delta::Started { .. }));
    assert_eq!(next().await, Delta::Text("hi".into()));
    drop(stream);
    timeout(Duration::from_secs(5), server.hang_up()).await.expect("the server still waits");
}

/// The body for this model of this vendor.
fn body_for(vendor: &str, model: &str, request: &ModelRequest) -> Value {
    let (descriptor, quirks) = Vendors::built_in().unwrap().describe(vendor, model).unwrap();
    serde_json::from_slice(&body::of(request, &descriptor, &quirks).unwrap()).unwrap()
}

fn demanding() -> ModelRequest {
    ModelRequest {
        max_output_tokens: Some(50),
        temperature: Some(0.7),
        stop: vec!["END".into()],
        seed: Some(7),
        tools: vec![Tool {
            name: "f".into(),
            description: "does".into(),
            parameters: json!({"type": "object"}),
        }],
        tool_choice: ToolChoice::Required,
        ..question()
    }
}

#[test]
fn what_a_vendor_wants_otherwise_is_data() {
    let openai = body_for("openai", "gpt-4o", &demanding());
    assert_eq!(openai["max_completion_tokens"], 50);
    assert_eq!(
        (&openai["temperature"], &openai["seed"], &openai["stop"]),
        (&json!(0.7), &json!(7), &json!(["END"]))
    );
    assert_eq!(openai["tool_choice"], "required");

    let reasoning = body_for("openai", "o3-mini", &demanding());
    assert!(reasoning.get("temperature").is_none() && reasoning.get("stop").is_none(), "{reasoning}");

    let mistral = body_for("mistral", "mistral-small", &demanding());
    assert_eq!((&mistral["random_seed"], &mistral["tool_choice"]), (&json!(7), &json!("any")));
    assert_eq!(mistral["max_tokens"], 50);
    assert!(mistral.get("stream_options").is_none() && mistral.get("seed").is_none(), "{mistral}");

    assert!(body_for("azure", "deployment", &demanding()).get("model").is_none());
    assert_eq!(body_for("openai", "gpt-6-sol", &demanding())["reasoning_effort"], "none");
    assert!(body_for("openai", "gpt-6-sol", &question()).get("reasoning_effort").is_none());
}

#[test]
fn a_schema_is_demanded_as_far_as_the_vendor_can() {
    let strict = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let shaped = |schema: &Value| {
        let output = OutputFormat::Schema { name: "answer".into(), schema: Arc::new(schema.clone()) };
        ModelRequest { output, ..question() }
    };
    let native = body_for("openai", "gpt-4o", &shaped(&strict));
    let expected =
        json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": strict, "strict": true}});
    assert_eq!(native["response_format"], expected);
    let loose = body_for("openai", "gpt-4o", &shaped(&json!({"type": "object"})));
    assert_eq!(loose["response_format"]["json_schema"]["strict"], false);
    assert_eq!(
        body_for("deepseek", "deepseek-chat", &shaped(&strict))["response_format"],
        json!({"type": "json_object"})
    );
}

#[test]
fn pictures_calls_and_results_have_their_own_form() {
    let picture = Image::Bytes { media_type: "image/png".into(), data: Arc::from(*b"png") };
    let call = ToolCall { id: "c1".into(), name: "f".into(), arguments: json!({"x": 1}) };
    let result = ToolResult { call_id: "c1".into(), content: "42".into(), is_error: false };
    let request = ModelRequest::new(vec![
        Message::system("be brief"),
        Message::new(
            Role::User,
            vec![
                Part::Text("see".into()),
                Part::Image(picture),
                Part::Image(Image::Url("http://x/y.png".into())),
            ],
        ),
        Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
        Message::new(Role::User, vec![Part::Text("and?".into()), Part::ToolResult(result)]),
    ]);
    let expected = json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "see"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
            {"type": "image_url", "image_url": {"url": "http://x/y.png"}},
        ]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
        ]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {"role": "user", "content": "and?"},
    ]);
    assert_eq!(body_for("openai", "gpt-4o", &request)["messages"], expected);
}
