use serde_json::json;

use super::*;
use crate::error::ErrorKind;

fn refused(status: u16, body: Value) -> Error {
    sort(status, &HeaderMap::new(), body.to_string().as_bytes())
}

/// Status, reason and body, as the vendors' documentation and bug reports show them: OpenAI, Azure, Anthropic, Ollama,
/// llama.cpp, vLLM, Gemini, DeepSeek, Mistral, OpenRouter.
const BODIES: &str = r#"
401 auth {"error": {"message": "Incorrect API key provided: sk-ab***yz", "type": "invalid_request_error", "code": "invalid_api_key"}}
429 quota {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}
429 quota {"error": {"type": "insufficient_quota", "code": "project_spend_limit_exceeded"}}
429 rate_limit {"error": {"message": "Rate limit reached for gpt-4o", "type": "tokens", "code": "rate_limit_exceeded"}}
400 context_too_long {"error": {"message": "too much", "param": "messages", "code": "context_length_exceeded"}}
404 unknown_model {"error": {"message": "The model `gpt-9` does not exist", "type": "invalid_request_error", "code": "model_not_found"}}
503 overloaded {"error": {"message": "slow down", "type": "service_unavailable_error", "code": "slow_down"}}
400 bad_request {"error": {"message": "Unsupported parameter", "param": "max_tokens", "code": "unsupported_parameter"}}
400 content_refused {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}
404 unknown_model {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}
401 auth {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
400 quota {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}
402 quota {"type": "error", "error": {"type": "billing_error", "message": "x"}}
400 context_too_long {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens"}}
413 context_too_long {"type": "error", "error": {"type": "request_too_large", "message": "x"}}
404 unknown_model {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-9"}}
429 rate_limit {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}
529 overloaded {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
500 server_error {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}
404 unknown_model {"error": {"message": "model \"llama9\" not found, try pulling it first", "type": "api_error"}}
400 context_too_long {"error": {"code": 400, "message": "exceeds the size", "type": "exceed_context_size_error"}}
400 context_too_long {"object": "error", "message": "This model's maximum context length is 4096", "type": "BadRequestError"}
400 auth [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]
429 rate_limit [{"error": {"code": 429, "message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}}]
503 overloaded [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]
402 quota {"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}}
400 unknown_model {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}
401 auth {"detail": "Unauthorized"}
400 unknown_model {"object": "error", "message": "Invalid model: mistral-9", "type": "invalid_model", "code": "1500"}
422 bad_request {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]}
402 quota {"error": {"code": 402, "message": "Insufficient credits"}}
500 context_too_long {"error": {"message": "context length exceeded", "type": "server_error"}}
"#;

#[test]
fn every_vendors_words_are_sorted() {
    for case in BODIES.trim().lines() {
        let mut parts = case.splitn(3, ' ');
        let status = parts.next().unwrap().parse().unwrap();
        let expected = Reason::from_code(parts.next().unwrap()).unwrap();
        let error = sort(status, &HeaderMap::new(), parts.next().unwrap().as_bytes());
        assert_eq!(Reason::of(&error), Some(expected), "{case}");
        assert_eq!((error.kind(), error.status()), (expected.kind(), expected.status()), "{case}");
    }
}

#[test]
fn a_status_alone_is_sorted_too() {
    let cases = [
        (302, Reason::WrongEndpoint),
        (400, Reason::BadRequest),
        (401, Reason::Auth),
        (403, Reason::Auth),
        (404, Reason::WrongEndpoint),
        (408, Reason::FirstByteTimeout),
        (413, Reason::ContextTooLong),
        (429, Reason::RateLimit),
        (500, Reason::ServerError),
        (502, Reason::Overloaded),
        (503, Reason::Overloaded),
        (504, Reason::FirstByteTimeout),
        (529, Reason::Overloaded),
    ];
    for (status, expected) in cases {
        let error = sort(status, &HeaderMap::new(), b"<html><body>Bad Gateway</body></html>");
        assert_eq!(Reason::of(&error), Some(expected), "{status}");
    }
}

/// A provider's message may repeat the prompt and a part of the key, and some put either into other fields.
#[test]
fn neither_prompt_nor_key_is_passed_on() {
    let error = refused(
        400,
        json!({"error": {
            "message": "Incorrect API key provided: sk-proj-SECRET; your input was: my name is Jane Doe",
            "type": "my name is Jane Doe",
            "code": "sk-proj-SECRET",
            "param": "messages.[0].content",
        }}),
    );
    let shown = format!("{error:?}");
    assert!(!shown.contains("SECRET") && !shown.contains("Jane"), "{shown}");
    assert!(shown.contains("param: messages.[0].content"), "{shown}");
    let error = refused(400, json!({"error": {"code": "AIza0123456789abcdef"}}));
    assert!(!format!("{error:?}").contains("AIza"), "{error:?}");
}

#[test]
fn an_error_says_what_it_was_and_what_to_do() {
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", "req_018EeWyXxfu5pf".parse().unwrap());
    headers.insert("retry-after", "7".parse().unwrap());
    let body = json!({"error": {"type": "tokens", "code": "rate_limit_exceeded"}}).to_string();
    let error = sort(429, &headers, body.as_bytes());
    insta::assert_snapshot!(error, @"the model's provider wants fewer requests or tokens a minute (fault: rate_limit, type: tokens, code: rate_limit_exceeded, status: 429, request id: req_018EeWyXxfu5pf)");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.kind(), ErrorKind::RateLimited);
}

#[test]
fn a_time_to_come_back_does_not_make_an_empty_purse_temporary() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().unwrap());
    let error = sort(429, &headers, json!({"error": {"code": "insufficient_quota"}}).to_string().as_bytes());
    assert!(!error.is_temporary());
}

#[test]
fn googles_delay_is_in_the_body() {
    let error = refused(
        429,
        json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "32s"}]}}]),
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(32)));
}

#[test]
fn an_error_in_the_middle_of_an_answer_is_sorted_by_its_code() {
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    assert_eq!(Reason::of(&said_in_stream(&overloaded)), Some(Reason::Overloaded));
    let router = json!({"error": {"code": 502, "message": "Provider disconnected"}, "choices": []});
    assert_eq!(Reason::of(&said_in_stream(&router)), Some(Reason::Overloaded));
    assert_eq!(Reason::of(&said_in_stream(&json!({"error": "it broke"}))), Some(Reason::ServerError));
    assert!(sort_error_object(&json!({"error": null, "choices": []})).is_ok());
}
