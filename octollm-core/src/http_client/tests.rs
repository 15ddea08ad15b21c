use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::json;

use super::*;
use crate::error::Status;
use crate::task::Timestamp;

fn wait_of(value: &'static str) -> Option<u64> {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
    retry_after(&headers, now).map(|after| after.as_secs())
}

#[test]
fn retry_after_is_seconds_or_a_date_and_bounded() {
    assert_eq!(wait_of("7"), Some(7));
    assert_eq!(wait_of(" 0 "), Some(0));
    assert_eq!(wait_of("Sun, 01 Mar 2026 12:00:30 GMT"), Some(30));
    assert_eq!(wait_of("Sun, 01 Mar 2026 11:00:00 GMT"), Some(0), "a date that has passed means now");
    assert_eq!(wait_of("86400"), Some(3600));
    assert_eq!(wait_of("99999999999999999999999"), Some(3600));
    assert_eq!(wait_of("Sun, 01 Mar 2099 12:00:00 GMT"), Some(3600));
    for nonsense in ["", "soon", "-5", "1.5"] {
        assert_eq!(wait_of(nonsense), None, "{nonsense}");
    }
}

fn refusal(status: u16, body: serde_json::Value) -> Refusal {
    Refusal::parse(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.to_string().as_bytes())
}

#[test]
fn fastapi_places_are_listed_without_the_input() {
    let refusal = refusal(
        422,
        json!({"detail": [
            {"type": "less_than_equal", "loc": ["body", "days"], "msg": "Input should be <= 14", "input": 99173},
            {"type": "missing", "loc": ["body", "stops", 2, "a/b"], "msg": "Field required", "input": {"x": 99173}},
            "not a place",
        ]}),
    );
    let error = refusal.into_error();
    insta::assert_snapshot!(error, @"the service answered 422 Unprocessable Entity; /days: Input should be <= 14; /stops/2/a~1b: Field required");
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Status::Permanent));
}

#[test]
fn a_problem_of_our_own_server_comes_back_as_the_error_that_it_was() {
    let problem = json!({
        "type": "about:blank", "title": "Conflict", "status": 409, "code": "conflict",
        "detail": "the task has already ended", "request_id": "r-1",
    });
    let error = refusal(409, problem).into_error();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.message(), "the task has already ended");
}

#[test]
fn the_status_decides_where_there_is_no_code() {
    let cases = [
        (400, ErrorKind::InvalidInput, false),
        (401, ErrorKind::Unauthorized, false),
        (404, ErrorKind::NotFound, false),
        (408, ErrorKind::Timeout, true),
        (413, ErrorKind::TooLarge, false),
        (425, ErrorKind::InvalidInput, true),
        (429, ErrorKind::RateLimited, true),
        (500, ErrorKind::Internal, true),
        (503, ErrorKind::Unavailable, true),
    ];
    for (status, kind, temporary) in cases {
        let error = refusal(status, json!("not an object")).into_error();
        assert_eq!((error.kind(), error.is_temporary()), (kind, temporary), "{status}");
    }
}

#[test]
fn words_are_cut_to_one_bounded_line() {
    let refusal = refusal(500, json!({"detail": format!("first\n\u{1b}[31msecond {}", "x".repeat(1000))}));
    let detail = refusal.detail.unwrap();
    assert!(detail.starts_with("first [31msecond x"));
    assert_eq!(detail.chars().count(), 301);
}

#[test]
fn addresses_are_checked_and_shown_without_secrets() {
    for bad in ["", "weather:8103", "ftp://host/", "http://", "http://host/?key=1", "/relative"] {
        let error = parse_url(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
    }
    let url = parse_url("http://user:secret@host:81/api/").unwrap();
    assert_eq!(display_url(&url), "http://host:81/api/");
    assert_eq!(join(&url, "health").path(), "/api/health");
    assert_eq!(join(&parse_url("http://host").unwrap(), "health").as_str(), "http://host/health");
}

#[tokio::test]
async fn nobody_listening_is_temporary_and_says_where() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let client = client(&ClientOptions::default()).unwrap();
    let failure =
        client.get(format!("http://u:secret@127.0.0.1:{port}/?key=secret")).send().await.unwrap_err();
    let error = transport_error(failure);
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true));
    assert!(error.to_string().contains(&format!("http://127.0.0.1:{port}/")), "{error}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn tls_to_a_service_without_it_is_permanent_and_says_what_to_try() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let client = client(&ClientOptions::default()).unwrap();
    let error = transport_error(client.get(format!("https://127.0.0.1:{port}/")).send().await.unwrap_err());
    assert_eq!(error.status(), Status::Permanent, "{error:?}");
    assert!(error.hint().unwrap().contains("try http://"), "{error:?}");
}

#[tokio::test]
async fn an_unknown_name_says_so() {
    let client = client(&ClientOptions::default()).unwrap();
    let error = transport_error(client.get("http://nowhere.invalid/").send().await.unwrap_err());
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true));
    assert!(error.to_string().contains("the name cannot be resolved"), "{error}");
}
